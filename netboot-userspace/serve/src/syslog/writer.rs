//! The writer of queued lines: to the machine's file, to the daemon's log and as events.

use std::{
    io,
    net::IpAddr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use netboot_base::{own_dir::is_refused, throttle::Throttle};
use netboot_machines::{
    channel::Teller,
    event::{self, Event, MachineText},
    memory::Machines,
};
use parking_lot::Mutex;
use tokio::{runtime::Handle, sync::mpsc, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    ReceivedLine,
    counters::{Counters, count},
    originator,
    parse::{SyslogMessage, parse},
    source::LineSource,
    store::Store,
};

/// Where files could not be written, this is how often it is tried without a line.
const PROBE: Duration = Duration::from_secs(2);

/// What writes the lines; cheap to clone, one runs at a time.
#[derive(Clone)]
pub struct Writer {
    queue: Arc<Mutex<mpsc::Receiver<ReceivedLine>>>,
    machines: Machines,
    teller: Teller,
    counters: Arc<Counters>,
}

/// Hears why files cannot be written, and `None` when they can again.
pub type StoreListener<'t> = &'t (dyn Fn(Option<&str>) + Send + Sync);

/// The files of one state directory.
struct MachineFiles<'t> {
    store: Store,
    /// Why the last attempt failed, or which files are in the way.
    trouble: Option<String>,
    warned: Throttle,
    tell: StoreListener<'t>,
}

enum NextLine {
    Line(ReceivedLine),
    Probe,
    End,
}

impl Writer {
    pub(super) fn new(
        queue: mpsc::Receiver<ReceivedLine>,
        machines: Machines,
        teller: Teller,
        counters: Arc<Counters>,
    ) -> Self {
        Self { queue: Arc::new(Mutex::new(queue)), machines, teller, counters }
    }

    /// Writes to `<state-dir>/log` until it is cancelled and what waits is written. Needs a thread of a
    /// runtime where it may block.
    pub fn run(&self, state_dir: &Path, cancel: &CancellationToken, tell: StoreListener<'_>) {
        let runtime = Handle::current();
        let mut queue = self.queue.lock();
        let warned = Throttle::default();
        let mut files = MachineFiles { store: Store::new(state_dir), trouble: None, warned, tell };
        // Before the first line is lost.
        files.probe();
        loop {
            let next = runtime.block_on(async {
                tokio::select! {
                    biased;
                    line = queue.recv() => line.map_or(NextLine::End, NextLine::Line),
                    () = cancel.cancelled() => NextLine::End,
                    () = sleep(PROBE), if files.trouble.is_some() => NextLine::Probe,
                }
            });
            match next {
                NextLine::Line(line) => {
                    let mut message = parse(&line.bytes, line.received);
                    // The machine's file and its record say so already.
                    message.hostname.take_if(|name| self.is_source(name, line.source));
                    self.write(&mut files, line.source, &message);
                }
                NextLine::Probe => files.probe(),
                NextLine::End => return,
            }
        }
    }

    fn is_source(&self, name: &str, source: LineSource) -> bool {
        let host = match source {
            LineSource::Machine { address: IpAddr::V4(address), .. } => {
                self.machines.inventory().by_ip(address)
            }
            LineSource::Machine { .. } | LineSource::Stranger(_) => None,
        };
        originator::is_source(name, source, host.as_deref())
    }

    fn write(&self, files: &mut MachineFiles<'_>, source: LineSource, message: &SyslogMessage) {
        tracing::info!(
            target: "syslog",
            machine = source.mac().map(tracing::field::display),
            address = %source.address(),
            facility = message.facility.as_str(),
            severity = message.severity.as_str(),
            host = message.hostname.as_deref(),
            app = message.app.as_deref(),
            pid = message.pid.as_deref(),
            message_id = message.message_id.as_deref(),
            structured_data = message.structured_data.as_deref(),
            "{}",
            message.text
        );
        let written = files.store.append(source, message);
        if written.is_err() {
            count(&self.counters.unwritten);
        }
        files.note(written);
        if let Some(mac) = source.mac() {
            let line = event::SyslogEvent {
                host: message.hostname.as_ref().map(MachineText::of),
                app: message.app.as_ref().map(MachineText::of),
                line: MachineText::of(&*message.content()),
            };
            self.teller.tell(Event::now(mac, line));
        }
    }
}

impl MachineFiles<'_> {
    fn probe(&mut self) {
        let written = self.store.probe();
        self.note(written);
    }

    fn note(&mut self, written: io::Result<()>) {
        let directory = self.store.directory().display().to_string();
        let trouble = match (written, self.store.refused()) {
            (Err(error), refused) if refused.is_none() || !is_refused(&error) => {
                Some(format!("cannot write to {directory}: {error}"))
            }
            (_, Some((why, 1))) => Some(why.to_owned()),
            (_, Some((why, count))) => Some(format!("{why}; {} more files likewise", count - 1)),
            (_, None) => None,
        };
        if trouble.is_none() && self.trouble.is_some() {
            tracing::info!(%directory, "syslog files are written again");
        }
        if let Some(why) = &trouble
            && self.warned.ready(Instant::now())
        {
            tracing::warn!(
                %directory,
                "cannot write syslog files: lines are in this log only; make room, or mend what is in the way: {why}"
            );
        }
        if trouble != self.trouble {
            (self.tell)(trouble.as_deref());
        }
        self.trouble = trouble;
    }
}
