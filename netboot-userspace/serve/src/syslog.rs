//! The syslog receiver: what booting machines say goes to the daemon's log and to a file per machine.
//!
//! Receivers put lines into a bounded queue and never wait for a disk; one [`Writer`] empties it.

pub mod parse;
pub mod priority;
pub mod store;

mod counters;
mod framing;
mod limit;
mod originator;
mod source;
mod tcp;
mod udp;
mod writer;

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use netboot_machines::{channel::Teller, memory::Machines};
use parking_lot::Mutex;

use tokio::sync::mpsc;

pub use self::{
    counters::Counters,
    source::LineSource,
    tcp::{MAX_CONNECTIONS, serve_tcp},
    udp::serve_udp,
    writer::Writer,
};
use self::{counters::count, limit::LineLimit, parse::MAX_MESSAGE};

/// Lines of at most [`MAX_MESSAGE`] bytes that wait to be written: 16 MiB.
const QUEUE: usize = 2048;

/// Where the receivers put lines; cheap to clone.
#[derive(Clone)]
pub struct Sink {
    queue: mpsc::Sender<ReceivedLine>,
    limit: Arc<Mutex<LineLimit>>,
    machines: Machines,
    counters: Arc<Counters>,
}

/// A line as it was received.
struct ReceivedLine {
    received: SystemTime,
    source: LineSource,
    bytes: Vec<u8>,
}

/// A sink and the writer of what is put into it.
#[must_use]
pub fn channel(machines: Machines, teller: Teller) -> (Sink, Writer) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let counters = Arc::new(Counters::default());
    let writer = Writer::new(receiver, machines.clone(), teller, Arc::clone(&counters));
    (Sink { queue: sender, limit: Arc::default(), machines, counters }, writer)
}

/// The line was dropped and counted.
#[derive(Debug)]
struct Dropped;

impl Sink {
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Takes a line now or drops it; nothing is no line.
    fn offer(&self, from: IpAddr, bytes: &[u8]) -> Result<(), Dropped> {
        let Some(source) = self.received(from, bytes) else { return Ok(()) };
        if self.admit(source).is_err() {
            count(&self.counters.rate_limited);
            return Err(Dropped);
        }
        self.queue.try_send(line(source, bytes)).map_err(|_| {
            count(&self.counters.queue_full);
            Dropped
        })
    }

    /// Takes a line when its turn has come: TCP makes the sender wait.
    async fn send(&self, from: IpAddr, bytes: &[u8]) {
        let Some(source) = self.received(from, bytes) else { return };
        while let Err(wait) = self.admit(source) {
            tokio::time::sleep(wait).await;
        }
        if self.queue.send(line(source, bytes)).await.is_err() {
            count(&self.counters.queue_full);
        }
    }

    /// Whose line it is; `None`: there is nothing in it.
    fn received(&self, from: IpAddr, bytes: &[u8]) -> Option<LineSource> {
        if bytes.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0) {
            count(&self.counters.empty);
            return None;
        }
        count(&self.counters.received);
        if bytes.len() > MAX_MESSAGE {
            count(&self.counters.truncated);
        }
        Some(LineSource::of(from, &self.machines))
    }

    fn admit(&self, source: LineSource) -> Result<(), Duration> {
        let mut limit = self.limit.lock();
        limit.admit(source, Instant::now())
    }
}

fn line(source: LineSource, bytes: &[u8]) -> ReceivedLine {
    // One byte more than is kept tells the parser that there was more.
    let bytes = bytes.get(..=MAX_MESSAGE).unwrap_or(bytes).to_vec();
    ReceivedLine { received: SystemTime::now(), source, bytes }
}

#[cfg(test)]
mod tests;
