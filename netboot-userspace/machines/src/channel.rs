//! The channel of events: bounded, from all who see something to the one who remembers.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use tokio::sync::mpsc;

use crate::event::Event;

/// Events that wait to be read.
pub const ROOM: usize = 4096;

/// The end that events are told to; cheap to clone.
#[derive(Clone)]
pub struct Teller {
    queue: mpsc::Sender<Event>,
    lost: Arc<AtomicU64>,
}

/// The end that events are read from.
pub struct Happened(mpsc::Receiver<Event>);

/// A channel of events.
#[must_use]
pub fn channel() -> (Teller, Happened) {
    let (queue, happened) = mpsc::channel(ROOM);
    (Teller { queue, lost: Arc::default() }, Happened(happened))
}

impl Teller {
    /// Tells of an event. Nobody waits: where the reader is behind, the event is lost and counted.
    pub fn tell(&self, event: Event) {
        if self.queue.try_send(event).is_err() {
            self.lost.fetch_add(1, Relaxed);
        }
    }

    /// How many events were lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }
}

impl Happened {
    /// The next event; `None`: nobody is left to tell of one.
    pub async fn next(&mut self) -> Option<Event> {
        self.0.recv().await
    }

    /// The next event, if there is one by now.
    pub fn try_next(&mut self) -> Option<Event> {
        self.0.try_recv().ok()
    }
}

#[cfg(test)]
mod tests {
    use netboot_ebpf::shared::Mac;

    use super::*;
    use crate::event::{HttpEvent, MachineText};

    #[test]
    fn what_has_no_room_is_lost_and_counted() {
        let (teller, mut happened) = channel();
        let tell = |status| {
            let http = HttpEvent { path: MachineText::of("/"), status };
            teller.tell(Event::now(Mac::default(), http));
        };
        (0..4100).for_each(tell);
        assert_eq!(teller.lost(), 4100 - ROOM as u64);
        let first = happened.try_next().unwrap();
        assert_eq!(first.what, HttpEvent { path: MachineText::of("/"), status: 0 }.into());
        tell(200);
        assert_eq!(std::iter::from_fn(|| happened.try_next()).count(), ROOM);
        assert_eq!(teller.lost(), 4);
        drop(happened);
        tell(200);
        assert_eq!(teller.lost(), 5);
    }
}
