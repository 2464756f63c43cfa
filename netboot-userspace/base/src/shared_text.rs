//! A text that is made once for all who read it at the same time.

use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use bytes::Bytes;
use parking_lot::Mutex;

/// Who asks later gets a newer one.
const FRESH: Duration = Duration::from_secs(1);

/// The text that was made last, while somebody reads it; cheap to clone.
#[derive(Clone, Default)]
pub struct SharedText(Arc<Mutex<Option<LastText>>>);

struct LastText {
    made: Instant,
    text: Weak<[u8]>,
}

impl SharedText {
    /// The text that others read, if it is new enough; else another one.
    pub fn get(&self, make: impl FnOnce() -> Vec<u8>) -> Bytes {
        let mut last = self.0.lock();
        let fresh = last.as_ref().filter(|last| last.made.elapsed() < FRESH);
        if let Some(text) = fresh.and_then(|last| last.text.upgrade()) {
            return Bytes::from_owner(text);
        }
        let text: Arc<[u8]> = make().into();
        *last = Some(LastText { made: Instant::now(), text: Arc::downgrade(&text) });
        Bytes::from_owner(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_share_one() {
        let shared = SharedText::default();
        let mut made = 0;
        let mut get = || {
            shared.get(|| {
                made += 1;
                vec![made; 3]
            })
        };
        let readers: Vec<_> = (0..60).map(|_| get()).collect();
        assert!(readers.iter().all(|reader| reader.as_ptr() == readers[0].as_ptr()));
        assert_eq!(readers[0], [1, 1, 1][..]);
        drop(readers);
        assert_eq!(get(), [2, 2, 2][..], "nobody reads the first any more");
    }
}
