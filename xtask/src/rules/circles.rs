//! Circles between the modules of a folder: of two modules, at most one knows the other.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Place, Source};

/// The folders whose modules form no circle, and what their paths begin with in code.
const FOLDERS: &[(&str, &str)] = &[
    ("netboot-userspace/base/src", "crate::"),
    ("netboot-userspace/dhcp/src", "crate::"),
    ("netboot-userspace/site/src", "crate::"),
    ("netboot-userspace/site/src/config", "crate::config::"),
    ("netboot-userspace/machines/src", "crate::"),
    ("netboot-userspace/answer/src", "crate::"),
    ("netboot-userspace/serve/src", "crate::"),
    ("netboot-userspace/tools/src", "crate::"),
    ("netboot-userspace/src/app", "crate::app::"),
];

/// By who names whom: the first place of it.
type Arrows<'s> = BTreeMap<(&'s str, &'s str), (&'s str, usize)>;

pub(super) fn findings(sources: &[Source]) -> Vec<String> {
    let of_folder = |(folder, root): &(&str, &str)| of_circles(arrows(sources, folder, root));
    let says = |((from, to), (path, line))| {
        format!("{path}:{line}: {from} names {to}: modules form no circle")
    };
    FOLDERS.iter().flat_map(of_folder).map(says).collect()
}

fn arrows<'s>(sources: &'s [Source], folder: &str, root: &str) -> Arrows<'s> {
    let modules: Vec<_> = sources.iter().filter_map(|it| Some((module(it, folder)?, it))).collect();
    let names: BTreeSet<_> = modules.iter().map(|(module, _)| *module).collect();
    let mut arrows = Arrows::new();
    for (from, source) in modules {
        for name in source.names.iter().filter(|name| name.place == Place::Code) {
            let to = name.path.strip_prefix(root).and_then(|rest| rest.split("::").next());
            let to = to.and_then(|to| names.get(to)).filter(|to| **to != from);
            if let Some(to) = to {
                arrows.entry((from, to)).or_insert((&source.path, name.line));
            }
        }
    }
    arrows
}

/// The module of the folder that the file is, or belongs to.
fn module<'s>(source: &'s Source, folder: &str) -> Option<&'s str> {
    let inside = source.path.strip_prefix(folder)?.strip_prefix('/')?;
    let module = inside.split('/').next()?;
    Some(module.strip_suffix(".rs").unwrap_or(module)).filter(|module| *module != "lib")
}

/// The arrows that are left when those go that lead to an end, or come from a beginning.
fn of_circles(mut arrows: Arrows<'_>) -> Arrows<'_> {
    loop {
        let before = arrows.len();
        let from: BTreeSet<_> = arrows.keys().map(|(from, _)| *from).collect();
        let to: BTreeSet<_> = arrows.keys().map(|(_, to)| *to).collect();
        arrows.retain(|(a, b), _| to.contains(a) && from.contains(b));
        if arrows.len() == before {
            return arrows;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files of the node, each with what it names; how many arrows are in circles.
    #[track_caller]
    fn check(files: &[(&str, &str)], expect: usize) {
        let parse = |(name, text): &(&str, &str)| {
            Source::parse(&format!("netboot-userspace/src/app/{name}.rs"), text).unwrap()
        };
        let found = findings(&files.iter().map(parse).collect::<Vec<_>>());
        assert_eq!(found.len(), expect, "{files:?}: {found:?}");
    }

    #[test]
    fn no_module_leads_back() {
        let (a, b) = (("a", "use super::b::B;"), ("b", "use super::{c, d::D};"));
        let end = ("c", "use crate::args::A;");
        check(&[a, b, end], 0);
        check(&[a, b, ("c", "use crate::app::a;")], 3);
        check(&[a, b, ("c", "fn f() { super::a::f() }")], 3);
        check(&[a, b, ("c", "#[cfg(test)] mod tests { use crate::app::a; }")], 0);
        // A file in the folder of a module is the module's.
        check(&[a, b, end, ("b/inner", "use crate::app::a;")], 2);
        check(&[a, b, end, ("b/inner", "use super::B; use crate::app::b;")], 0);
        // What only leads to a circle, or away from one, is not in it.
        check(&[a, ("b", "use super::{a, c};"), ("c", ""), ("d", "use super::a;")], 2);
    }
}
