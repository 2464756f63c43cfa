//! Tests of the daemon's own directories.

use std::{
    fs,
    io::Write as _,
    os::unix::{
        fs::{PermissionsExt as _, chown, symlink},
        net::UnixListener,
    },
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use nix::{sys::stat::Mode as FifoMode, unistd::mkfifo};
use tempfile::TempDir;

use super::*;

/// A directory beside a file that is somebody else's.
struct TestDirectory {
    above: TempDir,
    own: OwnDir,
}

impl TestDirectory {
    fn new() -> Self {
        let above = tempfile::tempdir().unwrap();
        fs::write(above.path().join("secret"), "secret").unwrap();
        let own = OwnDir::make(&above.path().join("own")).unwrap().checked().unwrap();
        Self { above, own }
    }

    fn secret(&self) -> PathBuf {
        self.above.path().join("secret")
    }

    fn at(&self, name: &str) -> PathBuf {
        self.own.path().join(name)
    }
}

#[track_caller]
fn check(put: impl FnOnce(&TestDirectory, &Path), expect: &str) {
    let place = TestDirectory::new();
    put(&place, &place.at("a"));
    let appended = place.own.append("a", 0o640).and_then(|mut file| file.write_all(b"line"));
    let said = appended.map_or_else(
        |error| {
            assert!(is_refused(&error), "{error:?}");
            error.to_string().replace(&place.at("a").display().to_string(), "a")
        },
        |()| "written".to_owned(),
    );
    assert_eq!(said, expect);
    assert_eq!(fs::read_to_string(place.secret()).unwrap(), "secret", "{expect}");
}

#[test]
fn only_a_file_of_its_own_is_written_to() {
    check(|_, _| {}, "written");
    check(|_, a| fs::write(a, "before").unwrap(), "written");
    let link = "a is a symbolic link and no regular file: remove it";
    check(|place, a| symlink(place.secret(), a).unwrap(), link);
    check(|place, a| symlink(place.at("nowhere"), a).unwrap(), link);
    check(|_, a| symlink("/dev/full", a).unwrap(), link);
    let names = "a has 2 names (hard links): remove it";
    check(|place, a| fs::hard_link(place.secret(), a).unwrap(), names);
    let fifo = "a is a FIFO and no regular file: remove it";
    check(|_, a| mkfifo(a, FifoMode::S_IRWXU).unwrap(), fifo);
    let directory = "a is a directory and no regular file: remove it";
    check(|_, a| fs::create_dir(a).unwrap(), directory);
    let socket = "a is a socket and no regular file: remove it";
    check(|_, a| drop(UnixListener::bind(a).unwrap()), socket);
}

#[test]
fn a_fifo_that_somebody_reads_is_none_either() {
    let place = TestDirectory::new();
    mkfifo(&place.at("a"), FifoMode::S_IRWXU).unwrap();
    // Read and write: opening it waits for nobody.
    let reader = fs::OpenOptions::new().read(true).write(true).open(place.at("a")).unwrap();
    assert!(is_refused(&place.own.append("a", 0o640).unwrap_err()));
    drop(reader);
}

#[test]
fn another_users_is_refused() {
    if !geteuid().is_root() {
        return;
    }
    let other = "is user 12345's, neither root's nor the daemon's: give it to the daemon's user, \
                 or name another state-dir";
    check(
        |_, a| {
            fs::write(a, "").unwrap();
            chown(a, Some(12345), None).unwrap();
        },
        &format!("a {other}"),
    );
    let place = TestDirectory::new();
    chown(place.own.path(), Some(12345), None).unwrap();
    let error = OwnDir::of_anybody(place.own.path()).unwrap().checked().unwrap_err();
    assert_eq!(error.to_string(), format!("{} {other}", place.own.path().display()));
}

#[test]
fn directories() {
    #[track_caller]
    fn check(put: impl FnOnce(&TestDirectory, &Path), expect: &str) {
        let place = TestDirectory::new();
        put(&place, &place.at("log"));
        let made = place.own.make_sub("log");
        let said = made.map_or_else(|error| error.to_string(), |_| "made".to_owned());
        assert_eq!(said.replace(&place.at("log").display().to_string(), "log"), expect);
    }
    check(|_, _| {}, "made");
    check(|_, log| fs::create_dir(log).unwrap(), "made");
    let link = "log is a symbolic link and no directory: remove it";
    check(|place, log| symlink(place.above.path(), log).unwrap(), link);
    check(
        |_, log| fs::write(log, "").unwrap(),
        "log is a regular file and no directory: remove it",
    );
    let with = |mode| {
        move |_: &TestDirectory, log: &Path| {
            fs::create_dir(log).unwrap();
            fs::set_permissions(log, fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    let open = "log can be written to by others: `chmod go-w` it";
    check(with(0o777), open);
    check(with(0o770), open);
    check(with(0o1777), "made");
}

#[test]
fn what_is_made_is_closed() {
    let above = tempfile::tempdir().unwrap();
    let path = above.path().join("a/b");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    OwnDir::make(&path).unwrap().make_sub("log").unwrap();
    assert_eq!((mode(&path), mode(&path.join("log"))), (0o750, 0o750));
    assert_eq!(mode(path.parent().unwrap()) & 0o111, 0o111, "others may pass");
    // One that is there stays as it is.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    OwnDir::make(&path).unwrap();
    assert_eq!(mode(&path), 0o700);
    fs::write(above.path().join("file"), "").unwrap();
    OwnDir::make(&above.path().join("file/b")).unwrap_err();
}

#[test]
fn what_is_moved_or_removed_is_the_name() {
    let place = TestDirectory::new();
    let own = &place.own;
    symlink(place.secret(), place.at("a")).unwrap();
    symlink(place.above.path(), place.at("b")).unwrap();
    own.append("c", 0o640).unwrap();
    own.rename("c", "a").unwrap();
    own.remove("b").unwrap();
    own.remove("b").unwrap();
    assert_eq!(own.names().unwrap(), ["a"]);
    assert_eq!(fs::read_to_string(place.secret()).unwrap(), "secret");
}

/// Whoever else writes there swaps a file and a link as fast as it can.
#[test]
fn a_swapped_link_is_never_written_through() {
    const TURNS: u32 = 3000;
    let place = TestDirectory::new();
    let is_over = AtomicBool::new(false);
    let mut written = 0;
    thread::scope(|scope| {
        scope.spawn(|| {
            fs::write(place.at("file"), "").unwrap();
            symlink(place.secret(), place.at("link")).unwrap();
            while !is_over.load(Relaxed) {
                let _ = fs::hard_link(place.at("file"), place.at("x"));
                let _ = fs::rename(place.at("x"), place.at("a"));
                let _ = symlink(place.secret(), place.at("y"));
                let _ = fs::rename(place.at("y"), place.at("a"));
                let _ = fs::remove_file(place.at("a"));
            }
        });
        // The other one may begin late, on a busy machine.
        let (mut turns, begun) = (0, Instant::now());
        while turns < TURNS || written == 0 && begun.elapsed() < Duration::from_secs(10) {
            turns += 1;
            if let Ok(mut file) = place.own.append("a", 0o640) {
                file.write_all(b"line").unwrap();
                written += 1;
            }
        }
        is_over.store(true, Relaxed);
    });
    assert!(written > 0, "the place was never free");
    assert_eq!(fs::read_to_string(place.secret()).unwrap(), "secret");
}

/// Parts of the daemon that make one directory at the same time all get it.
#[test]
fn several_make_one() {
    for _ in 0..50 {
        let parent = TempDir::new().unwrap();
        let path = parent.path().join("state");
        let all_begin = std::sync::Barrier::new(4);
        let make = || {
            all_begin.wait();
            OwnDir::make(&path)?.checked()?.make_sub("log").map(drop)
        };
        std::thread::scope(|scope| {
            let made: Vec<_> = (0..4).map(|_| scope.spawn(make)).collect();
            made.into_iter().for_each(|made| made.join().unwrap().unwrap());
        });
    }
}
