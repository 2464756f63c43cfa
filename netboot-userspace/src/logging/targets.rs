//! The names that parts of the program have in the log: `netboot::http`, in whatever crate a part lives.

use std::borrow::Cow;

/// The crates of the program.
const CRATES: [&str; 8] = [
    "netboot",
    "netboot_answer",
    "netboot_base",
    "netboot_dhcp",
    "netboot_machines",
    "netboot_serve",
    "netboot_site",
    "netboot_tools",
];

/// A filter whose directives name parts as the log does, as one that names crates.
pub(super) fn of_crates(filter: &str) -> String {
    let directives = filter.split(',').flat_map(|directive| {
        let rest = directive
            .trim()
            .strip_prefix("netboot")
            .filter(|rest| rest.is_empty() || rest.starts_with("::") || rest.starts_with('='));
        match rest {
            Some(rest) => CRATES.iter().map(|name| format!("{name}{rest}")).collect(),
            None => vec![directive.to_owned()],
        }
    });
    directives.collect::<Vec<_>>().join(",")
}

/// The name of a part, for the log.
pub(super) fn shown(target: &str) -> Cow<'_, str> {
    let rest = CRATES.iter().find_map(|name| {
        let rest = target.strip_prefix(name)?;
        (rest.is_empty() || rest.starts_with("::")).then_some(rest)
    });
    rest.map_or(Cow::Borrowed(target), |rest| format!("netboot{rest}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_parts() {
        let check = |target: &str, expect: &str| assert_eq!(shown(target), expect);
        check("netboot_serve::http", "netboot::http");
        check("netboot::app::node", "netboot::app::node");
        check("netboot_site", "netboot");
        check("netboot_servers::x", "netboot_servers::x");
        check("hyper::proto", "hyper::proto");
    }

    #[test]
    fn filters() {
        let every = |rest: &str| CRATES.map(|name| format!("{name}{rest}")).join(",");
        let check = |filter: &str, expect: &str| assert_eq!(of_crates(filter), expect);
        check("info", "info");
        check("info,netboot::http=debug", &format!("info,{}", every("::http=debug")));
        check("netboot=debug, warn", &format!("{}, warn", every("=debug")));
        check("netboot_serve=debug", "netboot_serve=debug");
    }
}
