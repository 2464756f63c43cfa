//! Bounds: messages a second, and what the kernel may answer without the daemon.

use std::time::Duration;

use toml::de::DeValue;

use super::{
    duration::{GivenDuration, duration},
    value::number,
};

/// The greatest rate.
const MOST: u32 = 1_000_000;

/// The daemon says every few seconds that it lives.
const LEAST: Duration = Duration::from_secs(10);

/// Nanoseconds since boot have 64 bits.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// The word for no bound.
pub(crate) const FOREVER: &str = "forever";

/// Messages a second; 0: no limit.
pub(crate) fn rate(value: &DeValue<'_>) -> Result<u32, String> {
    let rate = number(value)?;
    if rate > MOST {
        return Err(format!("{rate} is out of range: the greatest here is {MOST}"));
    }
    Ok(rate)
}

/// How long something goes on without the daemon; `None`: for ever.
pub(crate) fn without_daemon(value: &DeValue<'_>) -> Result<Option<Duration>, String> {
    if value.as_str() == Some(FOREVER) {
        return Ok(None);
    }
    let GivenDuration { text, duration } = duration(value)?;
    if duration < LEAST {
        let least = humantime::format_duration(LEAST);
        return Err(format!(
            "{text:?} is shorter than {least}: the daemon says every few seconds that it lives; or write \"{FOREVER}\""
        ));
    }
    if duration > LONGEST {
        return Err(format!("{text:?} is longer than a year: write \"{FOREVER}\""));
    }
    Ok(Some(duration))
}
