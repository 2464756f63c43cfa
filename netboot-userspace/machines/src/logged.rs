//! The lines that a test logs.
//!
//! One subscriber of the whole process writes what a thread logs to where that thread keeps it. Subscribers of single
//! threads would not do: where a line is logged first by a thread that has none, it is switched off for all.

use std::{cell::RefCell, io, sync::Once};

thread_local! {
    static KEPT: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

struct OfThisThread;

impl io::Write for OfThisThread {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        KEPT.with_borrow_mut(|kept| kept.as_mut().map(|kept| kept.extend(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What this thread logs while it works.
pub(crate) fn logged(work: impl FnOnce()) -> Vec<String> {
    static SUBSCRIBER: Once = Once::new();
    SUBSCRIBER.call_once(|| {
        tracing_subscriber::fmt().with_ansi(false).with_writer(|| OfThisThread).init();
    });
    KEPT.set(Some(Vec::new()));
    work();
    let text = KEPT.take().unwrap_or_default();
    String::from_utf8(text).unwrap().lines().map(str::to_owned).collect()
}
