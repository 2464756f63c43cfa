//! One line of the log: time, level, part, text.

use std::fmt;

use tracing::{Event, Level, Subscriber};
use tracing_log::NormalizeEvent as _;
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::Writer,
        time::{FormatTime as _, SystemTime},
    },
    registry::LookupSpan,
};

use super::targets;

/// The form of a line.
pub(super) struct Line;

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        // Lines of the crate `log`, as the XDP program's are, have their own metadata.
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        let (level, target) = (*metadata.level(), targets::shown(metadata.target()));
        let [dim, colour, end] =
            if line.has_ansi_escapes() { ["\x1b[2m", colour(level), "\x1b[0m"] } else { [""; 3] };
        line.write_str(dim)?;
        SystemTime.format_time(&mut line)?;
        write!(line, "{end} {colour}{level:>5}{end} {dim}{target}{end}{dim}:{end} ")?;
        context.format_fields(line.by_ref(), event)?;
        writeln!(line)
    }
}

/// As terminals are told it (ECMA-48, SGR).
fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        Level::DEBUG => "\x1b[34m",
        Level::TRACE => "\x1b[35m",
    }
}
