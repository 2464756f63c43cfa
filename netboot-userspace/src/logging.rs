//! The daemon's log: lines on stderr, coloured on a terminal only.
//!
//! A thread of its own writes them, from [`detach`] on. Whoever logs never waits then: where nobody reads the
//! log, or its disk is full, lines are lost, and counted.

mod line;
mod targets;

use std::{
    io::{self, IsTerminal as _, Stderr, Write},
    panic,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use anyhow::Context as _;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use self::line::Line;

/// Lines that wait to be written.
const QUEUE: usize = 8192;

static QUEUED: OnceLock<NonBlocking> = OnceLock::new();
static UNWRITTEN: AtomicU64 = AtomicU64::new(0);

/// What was logged is written when it is dropped.
#[must_use]
pub struct Logging {
    _worker: WorkerGuard,
}

/// Starts logging, without a thread, what the filter lets through, as `info` or `info,netboot::sightings=debug`.
///
/// # Errors
/// The filter is not understood.
pub fn start(filter: &str) -> anyhow::Result<()> {
    // It warns of every attribute that is younger than the crate.
    let filter = format!("netlink_packet_route=error,{}", targets::of_crates(filter));
    let filter = EnvFilter::try_new(&filter)
        .with_context(|| format!("--log {filter:?} is not understood"))?;
    // Lines of the XDP program come through the `log` crate.
    tracing_log::LogTracer::init().context("cannot take over the log")?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Writer)
        // Where the log cannot be written, saying so on the same stderr would panic.
        .log_internal_errors(false)
        .with_ansi(io::stderr().is_terminal())
        .event_format(Line)
        .finish();
    tracing::subscriber::set_global_default(subscriber).context("cannot start the log")?;
    // The default one writes to stderr itself, and waits for its reader.
    panic::set_hook(Box::new(|panic| {
        tracing::error!("{}", panic.to_string().replace('\n', " "));
    }));
    Ok(())
}

/// From now on a thread writes what is logged. It keeps the privileges that the process has now.
pub fn detach() -> Logging {
    let (writer, worker) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(QUEUE)
        .thread_name("log")
        .finish(Lines(io::stderr()));
    let _first = QUEUED.set(writer);
    Logging { _worker: worker }
}

/// How many lines were lost.
#[must_use]
pub fn lost() -> u64 {
    let unqueued = QUEUED.get().map(NonBlocking::error_counter);
    unqueued.as_ref().map_or(0, ErrorCounter::dropped_lines) as u64 + UNWRITTEN.load(Relaxed)
}

/// The thread's queue, or stderr as long as there is none.
struct Writer;

impl<'w> MakeWriter<'w> for Writer {
    type Writer = Box<dyn Write>;

    fn make_writer(&'w self) -> Self::Writer {
        match QUEUED.get() {
            Some(queue) => Box::new(queue.clone()),
            None => Box::new(Lines(io::stderr())),
        }
    }
}

/// Counts the lines that cannot be written.
struct Lines(Stderr);

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.0.lock().write_all(line).is_err() {
            UNWRITTEN.fetch_add(1, Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        // Lines are written at once.
        Ok(())
    }
}
