//! The symbolic links on the way to a path.

use std::{
    ffi::OsString,
    fs,
    path::{Component, Path, PathBuf},
};

/// As many as the kernel follows.
const MOST_LINKS: usize = 40;

/// Each directory and the name in it that decides where the path leads, and where it leads, if that
/// exists.
pub fn symlinks(path: &Path) -> (Vec<(PathBuf, OsString)>, Option<PathBuf>) {
    let mut steps = Vec::new();
    let mut path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for _ in 0..MOST_LINKS {
        match follow(&path, &mut steps) {
            PathEnd::Link(to) => path = to,
            PathEnd::Missing => return (steps, None),
            PathEnd::End => {
                if let (Some(directory), Some(name)) = (path.parent(), path.file_name()) {
                    steps.push((directory.to_owned(), name.to_owned()));
                }
                return (steps, Some(path));
            }
        }
    }
    (steps, None)
}

enum PathEnd {
    /// By a symbolic link, to be followed from the start.
    Link(PathBuf),
    Missing,
    End,
}

fn follow(path: &Path, steps: &mut Vec<(PathBuf, OsString)>) -> PathEnd {
    let mut here = PathBuf::new();
    let mut components = path.components();
    while let Some(component) = components.next() {
        let Component::Normal(name) = component else {
            here.push(component);
            continue;
        };
        let next = here.join(name);
        let Ok(metadata) = fs::symlink_metadata(&next) else {
            steps.push((here, name.to_owned()));
            return PathEnd::Missing;
        };
        if metadata.is_symlink() {
            let target = fs::read_link(&next).unwrap_or_default();
            let to = here.join(target).join(components.as_path());
            steps.push((here, name.to_owned()));
            return PathEnd::Link(to);
        }
        here = next;
    }
    PathEnd::End
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn follows_links() {
        let root = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(root.path()).unwrap();
        fs::create_dir(root.join("..2026")).unwrap();
        fs::write(root.join("..2026/a.toml"), "").unwrap();
        symlink("..2026", root.join("..data")).unwrap();
        symlink("..data/a.toml", root.join("a.toml")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        let check = |path: &str, expect: &[(&str, &str)], end: Option<&str>| {
            let (steps, found) = symlinks(&root.join(path));
            let expect: Vec<_> =
                expect.iter().map(|(dir, name)| (root.join(dir), OsString::from(name))).collect();
            let steps: Vec<_> = steps.into_iter().take(5).collect();
            assert_eq!((steps, found), (expect, end.map(|end| root.join(end))), "{path}");
        };
        check(
            "a.toml",
            &[("", "a.toml"), ("", "..data"), ("..2026", "a.toml")],
            Some("..2026/a.toml"),
        );
        check("b.toml", &[("", "b.toml")], None);
        check("d/e/f.toml", &[("", "d")], None);
        check("..data/x", &[("", "..data"), ("..2026", "x")], None);
        check("loop", &[("", "loop"); 5], None);
        check("..data", &[("", "..data"), ("", "..2026")], Some("..2026"));
    }
}
