//! Tests of files that are written at once.

use std::os::unix::fs::{MetadataExt as _, chown, symlink};

use nix::{sys::stat::Mode, unistd::mkfifo};
use tempfile::TempDir;

use super::*;

const OTHER: u32 = 12345;

struct TestTree {
    directory: TempDir,
    secret: PathBuf,
}

impl TestTree {
    /// `mode` of the directory that all is written to; the secret is beside.
    fn new(mode: u32) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let secret = directory.path().join("secret");
        fs::write(&secret, "secret").unwrap();
        fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
        let out = directory.path().join("out");
        fs::create_dir(&out).unwrap();
        fs::set_permissions(&out, Permissions::from_mode(mode)).unwrap();
        Self { directory, secret }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join("out").join(name)
    }
}

#[track_caller]
fn check(mode: u32, put: impl FnOnce(&TestTree, &Path), expect: Result<(u32, u32), &str>) {
    let site = TestTree::new(mode);
    let file = site.at("a");
    put(&site, &file);
    let done = FilePlace::of_output(&file).and_then(|place| place.replace("new"));
    let seen = match done {
        Ok(_) => {
            assert_eq!(fs::read_to_string(&file).unwrap(), "new");
            let made = fs::symlink_metadata(&file).unwrap();
            assert!(made.is_file(), "{made:?}");
            Ok((made.uid(), made.mode() & 0o7777))
        }
        Err(error) => Err(format!("{error:#}").replace(&file.display().to_string(), "a")),
    };
    assert_eq!(seen, expect.map_err(str::to_owned));
    assert_eq!(fs::read_to_string(&site.secret).unwrap(), "secret");
    assert_eq!(fs::metadata(&site.secret).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn output_replaces_a_link_and_not_what_it_leads_to() {
    let own = geteuid().as_raw();
    for mode in [0o755, 0o1777] {
        check(mode, |_, _| {}, Ok((own, 0o644)));
        check(mode, |site, file| symlink(&site.secret, file).unwrap(), Ok((own, 0o644)));
        check(mode, |_, file| symlink("/nowhere", file).unwrap(), Ok((own, 0o644)));
        let kept = |_: &TestTree, file: &Path| {
            fs::write(file, "old").unwrap();
            fs::set_permissions(file, Permissions::from_mode(0o4640)).unwrap();
        };
        check(mode, kept, Ok((own, 0o640)));
        let refused = "a is no regular file, nor a link to one: name another";
        check(mode, |_, file| symlink("/dev/null", file).unwrap(), Err(refused));
        check(mode, |_, file| mkfifo(file, Mode::S_IRWXU).unwrap(), Err(refused));
        check(mode, |_, file| fs::create_dir(file).unwrap(), Err(refused));
    }
    if !geteuid().is_root() {
        return;
    }
    let others = |_: &TestTree, file: &Path| {
        fs::write(file, "old").unwrap();
        fs::set_permissions(file, Permissions::from_mode(0o666)).unwrap();
        chown(file, Some(OTHER), None).unwrap();
    };
    check(0o755, others, Ok((OTHER, 0o666)));
    // Else whoever was there first would have what root writes.
    check(0o1777, others, Ok((0, 0o644)));
}

#[test]
fn what_is_new_is_not_written_over_anything() {
    let site = TestTree::new(0o1777);
    let create = |name: &str| FilePlace::of_output(&site.at(name)).unwrap().create("new");
    create("a").unwrap();
    symlink("/nowhere", site.at("b")).unwrap();
    for name in ["a", "b"] {
        let error = create(name).unwrap_err().to_string();
        assert!(
            error.ends_with("exists: nothing was written; name another file, or use --force"),
            "{error}"
        );
    }
}

#[test]
fn an_edit_follows_links_of_ones_own() {
    #[track_caller]
    fn check(put: impl FnOnce(&TestTree), expect: Result<(), u32>) {
        let site = TestTree::new(0o755);
        fs::write(site.at("real.toml"), "old").unwrap();
        symlink("real.toml", site.at("a")).unwrap();
        put(&site);
        let place = FilePlace::of_edited(&site.at("a"));
        match expect {
            Ok(()) => {
                let place = place.unwrap();
                assert_eq!(place.read().unwrap().as_deref(), Some("old"));
                place.replace("new").unwrap();
                assert!(site.at("a").is_symlink());
                assert_eq!(fs::read_to_string(site.at("real.toml")).unwrap(), "new");
            }
            Err(uid) => {
                let error = place.map(drop).unwrap_err().to_string();
                let why = format!("which user {uid} can change: name the file that is meant");
                assert!(error.ends_with(&why), "{error}");
            }
        }
    }
    check(|_| {}, Ok(()));
    if !geteuid().is_root() {
        return;
    }
    let other = |path: PathBuf| std::os::unix::fs::lchown(path, Some(OTHER), None).unwrap();
    check(|site| other(site.at("a")), Err(OTHER));
    check(|site| other(site.at("")), Err(OTHER));
    // Not the file's owner, which stays.
    check(|site| other(site.at("real.toml")), Ok(()));
    // Where all write, the link is root's and nobody else replaces it.
    let sticky = Permissions::from_mode(0o1777);
    check(|site| fs::set_permissions(site.at(""), sticky).unwrap(), Ok(()));
}

#[test]
fn a_file_that_has_no_end_is_not_read() {
    let site = TestTree::new(0o755);
    mkfifo(&site.at("a"), Mode::S_IRWXU).unwrap();
    let error = FilePlace::of_edited(&site.at("a")).unwrap().read().unwrap_err();
    assert!(
        format!("{error:#}").ends_with("is a FIFO and no regular file: remove it"),
        "{error:#}"
    );
}
