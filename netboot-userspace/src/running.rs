//! Whether a netboot runs on this node.

use std::{
    fs::{File, TryLockError},
    os::unix::net::UnixStream,
    path::Path,
};

use crate::status::socket_path;

/// Whether a daemon with this state directory does.
#[must_use]
pub fn has_state_dir(state_dir: &Path) -> bool {
    UnixStream::connect(socket_path(state_dir)).is_ok()
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
    use super::*;

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
