//! Empties the queue: each line to its machine's file, to the daemon's log and to the machine's record.

use std::{sync::Arc, time::Instant};

use tokio::sync::mpsc;

use super::{
    Line,
    counters::{Counters, count},
    parse::{Message, parse},
    source::Source,
    store::Store,
};
use crate::{
    machines::{Machines, Step},
    throttle::Throttle,
};

/// Runs on a thread where it may block.
pub struct Writer {
    queue: mpsc::Receiver<Line>,
    store: Store,
    machines: Machines,
    counters: Arc<Counters>,
    unwritten: Throttle,
}

impl Writer {
    pub(super) fn new(
        queue: mpsc::Receiver<Line>,
        store: Store,
        machines: Machines,
        counters: Arc<Counters>,
    ) -> Self {
        Self { queue, store, machines, counters, unwritten: Throttle::default() }
    }

    /// Until every [`super::Sink`] is dropped and what they took is written.
    pub fn run(mut self) {
        while let Some(line) = self.queue.blocking_recv() {
            let message = parse(&line.bytes, line.received);
            self.write(line.source, &message);
        }
    }

    fn write(&mut self, source: Source, message: &Message) {
        tracing::info!(
            target: "syslog",
            machine = source.mac().map(tracing::field::display),
            address = %source.address(),
            facility = message.facility.as_str(),
            severity = message.severity.as_str(),
            app = message.app.as_deref(),
            pid = message.pid.as_deref(),
            message_id = message.message_id.as_deref(),
            structured_data = message.structured_data.as_deref(),
            "{}",
            message.text
        );
        if let Err(error) = self.store.append(source, message) {
            count(&self.counters.unwritten);
            if self.unwritten.ready(Instant::now()) {
                tracing::warn!(
                    directory = %self.store.directory().display(),
                    address = %source.address(),
                    %error,
                    "cannot write syslog files: lines are in this log only; make room or fix the directory"
                );
            }
        }
        if let Some(mac) = source.mac() {
            let line = match &message.app {
                Some(app) => format!("{app}: {}", message.text),
                None => message.text.clone(),
            };
            self.machines.record(mac, Step::Syslog { line });
        }
    }
}
