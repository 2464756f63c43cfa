//! Real files, changed as editors, packages and Kubernetes do.

use std::{
    fs::{self, File},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::timeout;

use super::Watcher;

struct TestTree {
    directory: tempfile::TempDir,
    watcher: Watcher,
}

impl TestTree {
    /// Watches `netboot.toml`, `racks/a.csv` and the directory `boot`, of which some may be there.
    fn new(prepare: impl FnOnce(&Path)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        prepare(directory.path());
        let paths = ["netboot.toml", "racks/a.csv", "boot"];
        let paths = paths.map(|name| directory.path().join(name)).into();
        let watcher = Watcher::new(paths).unwrap();
        Self { directory, watcher }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Changes something; whether that wakes, once.
    #[track_caller]
    fn check(&mut self, change: impl FnOnce(&Path), expect: bool) -> impl Future<Output = ()> {
        let place = std::panic::Location::caller();
        change(self.directory.path());
        async move {
            let longest = Duration::from_secs(if expect { 10 } else { 0 }) + 4 * super::QUIET;
            let woke = timeout(longest, self.watcher.changed()).await.is_ok();
            assert_eq!(woke, expect, "{place}");
            let again = timeout(4 * super::QUIET, self.watcher.changed()).await.is_ok();
            assert!(!again, "{place}: woke twice");
        }
    }
}

fn full(root: &Path) {
    fs::create_dir_all(root.join("boot/amd64")).unwrap();
    fs::create_dir_all(root.join("racks")).unwrap();
    fs::write(root.join("netboot.toml"), "a").unwrap();
    fs::write(root.join("racks/a.csv"), "a").unwrap();
}

#[tokio::test]
async fn files_that_are_written() {
    let mut site = TestTree::new(full);
    site.check(|root| fs::write(root.join("netboot.toml"), "b").unwrap(), true).await;
    site.check(
        |root| {
            fs::write(root.join("netboot.toml~"), "c").unwrap();
            fs::rename(root.join("netboot.toml~"), root.join("netboot.toml")).unwrap();
        },
        true,
    )
    .await;
    site.check(
        |root| {
            fs::rename(root.join("netboot.toml"), root.join("netboot.bak")).unwrap();
            fs::write(root.join("netboot.toml"), "d").unwrap();
        },
        true,
    )
    .await;
    site.check(|root| fs::remove_file(root.join("racks/a.csv")).unwrap(), true).await;
    site.check(|root| fs::write(root.join("racks/a.csv"), "b").unwrap(), true).await;
}

#[tokio::test]
async fn what_does_not_matter() {
    let mut site = TestTree::new(full);
    site.check(|root| fs::write(root.join("other.toml"), "b").unwrap(), false).await;
    site.check(|root| drop(fs::read(root.join("netboot.toml")).unwrap()), false).await;
    site.check(|root| assert_eq!(fs::read_dir(root.join("boot")).unwrap().count(), 1), false).await;
    // A file is complete when it is closed.
    let mut writing = None;
    site.check(|root| writing = Some(File::create(root.join("boot/new")).unwrap()), false).await;
    site.check(|_| drop(writing), true).await;
}

#[tokio::test]
async fn boot_files() {
    let mut site = TestTree::new(full);
    site.check(|root| fs::write(root.join("boot/any"), "").unwrap(), true).await;
    site.check(|root| fs::write(root.join("boot/amd64/any"), "").unwrap(), true).await;
    site.check(|root| fs::create_dir_all(root.join("boot/arm64/1")).unwrap(), true).await;
    site.check(|root| fs::write(root.join("boot/arm64/1/any"), "").unwrap(), true).await;
    site.check(|root| fs::hard_link(root.join("boot/any"), root.join("boot/link")).unwrap(), true)
        .await;
    site.check(|root| fs::remove_file(root.join("boot/any")).unwrap(), true).await;
}

#[tokio::test]
async fn directories_that_come_and_go() {
    let mut site = TestTree::new(|root| fs::write(root.join("netboot.toml"), "").unwrap());
    site.check(|root| fs::create_dir(root.join("racks")).unwrap(), true).await;
    site.check(|root| fs::write(root.join("racks/a.csv"), "").unwrap(), true).await;
    site.check(|root| fs::rename(root.join("racks"), root.join("old")).unwrap(), true).await;
    site.check(|root| fs::write(root.join("old/a.csv"), "").unwrap(), false).await;
    site.check(|root| fs::rename(root.join("old"), root.join("racks")).unwrap(), true).await;
    site.check(|root| fs::write(root.join("racks/a.csv"), "").unwrap(), true).await;
    site.check(|root| fs::create_dir(root.join("boot")).unwrap(), true).await;
    site.check(|root| fs::write(root.join("boot/any"), "").unwrap(), true).await;
    site.check(|root| fs::remove_dir_all(root.join("boot")).unwrap(), true).await;
}

/// As Kubernetes updates a ConfigMap.
#[tokio::test]
async fn symbolic_links_that_are_swapped() {
    let mut site = TestTree::new(|root| {
        for name in ["..1", "..2"] {
            fs::create_dir(root.join(name)).unwrap();
            fs::write(root.join(name).join("netboot.toml"), name).unwrap();
        }
        symlink("..1", root.join("..data")).unwrap();
        symlink("..data/netboot.toml", root.join("netboot.toml")).unwrap();
    });
    site.check(|root| fs::write(root.join("..2/netboot.toml"), "").unwrap(), false).await;
    site.check(
        |root| {
            symlink("..2", root.join("..tmp")).unwrap();
            fs::rename(root.join("..tmp"), root.join("..data")).unwrap();
            fs::remove_dir_all(root.join("..1")).unwrap();
        },
        true,
    )
    .await;
    site.check(|root| fs::write(root.join("..2/netboot.toml"), "").unwrap(), true).await;
}

#[tokio::test]
async fn paths_are_exchanged_and_no_event_is_lost() {
    let mut site = TestTree::new(full);
    let other = site.path("other.toml");
    site.watcher.set_paths(vec![other.clone()]);
    site.check(|root| fs::write(root.join("netboot.toml"), "b").unwrap(), false).await;
    fs::write(&other, "").unwrap();
    // Dropped within the quiet time.
    for _ in 0..3 {
        if timeout(Duration::ZERO, site.watcher.changed()).await.is_ok() {
            // The machine was so busy that the quiet time is over.
            return;
        }
    }
    site.check(|_| (), true).await;
}
