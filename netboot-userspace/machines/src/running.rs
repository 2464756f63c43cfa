//! Signs that a netboot runs on this node.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use socket2::{Domain, SockAddr, Socket, Type};

/// The name of the status socket in the state directory.
pub const SOCKET: &str = "status.sock";

/// The place of the status socket.
#[must_use]
pub fn socket_path(state_dir: &Path) -> PathBuf {
    state_dir.join(SOCKET)
}

/// Whether a daemon with this state directory does.
#[must_use]
pub fn has_state_dir(state_dir: &Path) -> bool {
    matches!(listener(&socket_path(state_dir)), Ok(Listener::There))
}

/// Who listens at a unix socket.
pub enum Listener {
    /// A process that lives, whether it has time for us or not.
    There,
    /// Nobody any more.
    Gone,
}

/// Looks without waiting: a process that hangs lets its callers queue up, and then wait for ever.
pub fn listener(path: &Path) -> io::Result<Listener> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    match socket.connect(&SockAddr::unix(path)?) {
        Ok(()) => Ok(Listener::There),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Listener::There),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(Listener::Gone),
        Err(error) => Err(error),
    }
}

/// Whether one has its pins in this directory, which it holds as long as it lives. `false` too where that cannot
/// be seen.
#[must_use]
pub fn holds_pins(pin_path: &Path) -> bool {
    // Shared: two that look are nothing to each other.
    File::open(pin_path)
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_listener_that_hangs_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = socket_path(directory.path());
        assert!(!has_state_dir(directory.path()));
        let held = UnixListener::bind(&path).unwrap();
        // Nobody accepts: its queue is full after some.
        let waiting: Vec<_> = (0..500)
            .map_while(|_| {
                let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
                socket.set_nonblocking(true).unwrap();
                socket.connect(&SockAddr::unix(&path).unwrap()).ok().map(|()| socket)
            })
            .collect();
        assert!(has_state_dir(directory.path()), "{} wait", waiting.len());
        drop(held);
        assert!(!has_state_dir(directory.path()));
    }

    #[test]
    fn pins_are_held_or_not() {
        let directory = tempfile::tempdir().unwrap();
        assert!(!holds_pins(&directory.path().join("missing")));
        assert!(!holds_pins(directory.path()));
        let held = File::open(directory.path()).unwrap();
        held.try_lock().unwrap();
        assert!(holds_pins(directory.path()));
        drop(held);
        assert!(!holds_pins(directory.path()));
    }
}
