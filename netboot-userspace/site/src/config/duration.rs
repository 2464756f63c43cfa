//! Durations of the file: `"24h"`, `"500ms"`.

use std::time::Duration;

use toml::de::DeValue;

use super::value::text;

/// A duration and the words for it.
pub(crate) struct GivenDuration {
    pub(crate) text: String,
    pub(crate) duration: Duration,
}

pub(crate) fn duration(value: &DeValue<'_>) -> Result<GivenDuration, String> {
    if let DeValue::Integer(seconds) = value {
        return Err(format!("expected a duration, found a number; write \"{seconds}s\""));
    }
    let text = text(value)?;
    match humantime::parse_duration(&text) {
        Ok(duration) => Ok(GivenDuration { text, duration }),
        Err(error) => Err(format!("{text:?} is not a duration such as \"24h\": {error}")),
    }
}

/// How long a declined address is held back. Without end, a forged DECLINE would silence a machine.
pub(crate) fn decline_time(value: &DeValue<'_>) -> Result<Duration, String> {
    const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
    let GivenDuration { text, duration } = duration(value)?;
    if duration < Duration::from_secs(1) {
        return Err(
            "an address that was declined cannot be offered again at once: 1s at least".to_owned()
        );
    }
    if duration > LONGEST {
        return Err(format!("{text:?} is longer than 24h"));
    }
    Ok(duration)
}

/// The wait before an answer: whole milliseconds. Firmware gives up after some seconds.
pub(crate) fn delay(value: &DeValue<'_>) -> Result<Duration, String> {
    const LONGEST: Duration = Duration::from_secs(10);
    let GivenDuration { text, duration } = duration(value)?;
    if duration > LONGEST {
        return Err(format!("{text:?} is longer than 10s"));
    }
    if !duration.subsec_nanos().is_multiple_of(1_000_000) {
        return Err(format!("{text:?} is not a number of whole milliseconds"));
    }
    Ok(duration)
}
