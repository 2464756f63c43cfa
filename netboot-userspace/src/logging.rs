//! The daemon's log: lines on stderr, coloured on a terminal only.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

/// Starts logging what the filter lets through, as `info` or `info,netboot::sightings=debug`.
///
/// # Errors
/// The filter is not understood.
pub fn start(filter: &str) -> anyhow::Result<()> {
    // It warns of every attribute that is younger than the crate.
    let filter = format!("netlink_packet_route=error,{filter}");
    let filter = EnvFilter::try_new(&filter)
        .with_context(|| format!("--log {filter:?} is not understood"))?;
    // Lines of the XDP program come through the `log` crate.
    tracing_log::LogTracer::init().context("cannot take over the log")?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // Where the log cannot be written, saying so on the same stderr would panic.
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal())
        .finish();
    tracing::subscriber::set_global_default(subscriber).context("cannot start the log")
}
