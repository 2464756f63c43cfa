//! A bad way: what becomes of datagrams on it, always the same for a seed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
};

/// Of a hundred datagrams.
#[derive(Clone, Copy, Debug)]
pub struct Fates {
    pub lost: u64,
    pub doubled: u64,
    /// Behind the next one.
    pub late: u64,
}

/// What becomes of one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Lost,
    Late,
    Doubled,
    Arrives,
}

struct Dice {
    fates: Fates,
    state: u64,
}

impl Dice {
    fn new(fates: Fates, seed: u64) -> Self {
        Self { fates, state: seed | 1 }
    }

    fn throw(&mut self) -> Fate {
        let Fates { lost, doubled, late } = self.fates;
        match self.next() % 100 {
            number if number < lost => Fate::Lost,
            number if number < lost + late => Fate::Late,
            number if number < lost + late + doubled => Fate::Doubled,
            _ => Fate::Arrives,
        }
    }

    /// xorshift64.
    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state >> 8
    }
}

/// A way, and what is late on it.
pub(crate) struct Way<T> {
    dice: Dice,
    lost: Arc<AtomicU64>,
    late: Option<T>,
}

impl<T> Way<T> {
    pub(crate) fn send(&mut self, datagram: T, deliver: impl Fn(&T)) {
        let copies = match self.dice.throw() {
            Fate::Lost => {
                self.lost.fetch_add(1, Relaxed);
                return;
            }
            Fate::Late if self.late.is_none() => {
                self.late = Some(datagram);
                return;
            }
            Fate::Doubled => 2,
            Fate::Late | Fate::Arrives => 1,
        };
        for _ in 0..copies {
            deliver(&datagram);
        }
        self.release(deliver);
    }

    /// What is late comes now.
    pub(crate) fn release(&mut self, deliver: impl Fn(&T)) {
        if let Some(datagram) = self.late.take() {
            deliver(&datagram);
        }
    }
}

/// Who stands between two sides; works until it is dropped.
pub(crate) struct Between {
    end: Arc<AtomicBool>,
    lost: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Between {
    /// Makes the way, and lets `turn` work on it again and again.
    pub(crate) fn start<T: Send + 'static>(
        fates: Fates,
        seed: u64,
        mut turn: impl FnMut(&mut Way<T>) + Send + 'static,
    ) -> Self {
        let (end, lost) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let mut way = Way { dice: Dice::new(fates, seed), lost: Arc::clone(&lost), late: None };
        let is_over = Arc::clone(&end);
        let thread = thread::spawn(move || {
            while !is_over.load(Relaxed) {
                turn(&mut way);
            }
        });
        Self { end, lost, thread: Some(thread) }
    }

    /// Datagrams that did not arrive.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }
}

impl Drop for Between {
    fn drop(&mut self) {
        self.end.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
