//! Notices that files change, by inotify.

mod interest;
mod symlinks;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    mem::MaybeUninit,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use rustix::{
    fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags},
    io::Errno,
};
use tokio::{
    io::unix::AsyncFd,
    time::{Instant, sleep_until},
};

use self::interest::{Interest, WatchedDirectory, interests};
pub use self::symlinks::symlinks;

/// A change is over when nothing has happened for so long, ...
const QUIET: Duration = Duration::from_millis(20);
/// ... or has gone on for so long.
const LONGEST: Duration = Duration::from_millis(500);
/// Neither reading nor the first bytes of what is being written: who writes closes.
const EVENTS: WatchFlags = WatchFlags::CLOSE_WRITE
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR)
    .union(WatchFlags::EXCL_UNLINK);

/// Watches files by the directories that they and the symbolic links to them are in, and directories
/// with all that is under them.
#[derive(Debug)]
pub struct Watcher {
    inotify: AsyncFd<OwnedFd>,
    paths: Vec<PathBuf>,
    places: HashMap<i32, WatchedDirectory>,
    pending: Option<PendingNotice>,
    /// What cannot be watched, and was said.
    said: HashSet<String>,
}

/// A change that goes on.
#[derive(Clone, Copy, Debug)]
struct PendingNotice {
    first: Instant,
    last: Instant,
}

impl PendingNotice {
    fn end(self) -> Instant {
        (self.last + QUIET).min(self.first + LONGEST)
    }
}

impl Watcher {
    /// Watches files and directories, which need not exist yet.
    ///
    /// # Errors
    ///
    /// The kernel has no inotify left for this user.
    pub fn new(paths: Vec<PathBuf>) -> anyhow::Result<Self> {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)
            .context("inotify (its limit is fs.inotify.max_user_instances)")?;
        #[expect(
            deprecated,
            reason = "its replacement is unsafe; an OwnedFd cannot be closed behind its back"
        )]
        let inotify = AsyncFd::new(inotify).context("wait for inotify")?;
        let mut watcher = Self {
            inotify,
            paths: Vec::new(),
            places: HashMap::new(),
            pending: None,
            said: HashSet::new(),
        };
        watcher.set_paths(paths);
        Ok(watcher)
    }

    /// Watches others.
    pub fn set_paths(&mut self, paths: Vec<PathBuf>) {
        self.paths = paths;
        self.watch();
    }

    /// Waits until something changed and has been quiet since. Dropped before, it loses nothing.
    pub async fn changed(&mut self) {
        loop {
            let end = self.pending.map(PendingNotice::end);
            tokio::select! {
                biased;
                () = sleep_until(end.unwrap_or_else(Instant::now)), if end.is_some() => {
                    self.pending = None;
                    // Links may lead elsewhere now, and directories be new.
                    self.watch();
                    return;
                }
                ready = self.inotify.readable_mut() => match ready {
                    Ok(mut ready) => ready.clear_ready(),
                    Err(error) => {
                        tracing::error!("files are no longer watched: {error}; send SIGHUP after a change");
                        std::future::pending().await
                    }
                }
            }
            if self.drain() {
                let now = Instant::now();
                let first = self.pending.map_or(now, |pending| pending.first);
                self.pending = Some(PendingNotice { first, last: now });
            }
        }
    }

    /// Reads all events; whether one matters.
    fn drain(&self) -> bool {
        let mut buffer = [MaybeUninit::uninit(); 8192];
        let mut reader = inotify::Reader::new(self.inotify.get_ref(), &mut buffer);
        let mut matters = false;
        loop {
            match reader.next() {
                Ok(event) => matters |= self.matters(&event),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return matters,
                Err(error) => {
                    tracing::warn!(
                        "events of files cannot be read: {error}; send SIGHUP after a change"
                    );
                    return matters;
                }
            }
        }
    }

    fn matters(&self, event: &inotify::Event<'_>) -> bool {
        let what = event.events();
        if what.contains(ReadFlags::QUEUE_OVERFLOW) {
            return true;
        }
        let Some(place) = self.places.get(&event.wd()) else { return false };
        if what.intersects(ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF) {
            return true;
        }
        let Some(name) = event.file_name() else { return false };
        place.has(name) && !(what.contains(ReadFlags::CREATE) && place.is_being_written(name))
    }

    fn watch(&mut self) {
        let (wanted, left_out) = interests(&self.paths);
        for message in left_out {
            self.say(message);
        }
        let mut places: HashMap<i32, WatchedDirectory> = HashMap::new();
        for (directory, interest) in wanted {
            match inotify::add_watch(self.inotify.get_ref(), &directory, EVENTS) {
                Ok(watch) => {
                    let place = WatchedDirectory { directory, interest: Interest::default() };
                    places.entry(watch).or_insert(place).interest.add(interest);
                }
                // The directory went since.
                Err(Errno::NOENT | Errno::NOTDIR) => {}
                Err(error) => self.say(refused(&directory, error)),
            }
        }
        for watch in self.places.keys().filter(|watch| !places.contains_key(watch)) {
            // The kernel has removed it already, if its directory is gone.
            let _ = inotify::remove_watch(self.inotify.get_ref(), *watch);
        }
        self.places = places;
    }

    fn say(&mut self, message: String) {
        if !self.said.contains(&message) {
            tracing::warn!("{message}");
            self.said.insert(message);
        }
    }
}

fn refused(directory: &Path, error: Errno) -> String {
    let directory = directory.display();
    match error {
        Errno::NOSPC => {
            "the kernel's limit of watched directories (fs.inotify.max_user_watches) is \
                         reached: not all changes of files are noticed; raise it, or send SIGHUP \
                         after a change"
                .to_owned()
        }
        _ => format!("{directory} cannot be watched: {error}; send SIGHUP after a change in it"),
    }
}
