//! `lease-time`

use std::time::Duration;

use toml::de::DeValue;

use super::{section::Section, value::text};

/// A shorter lease keeps machines asking, and can end while one boots.
const SHORT: Duration = Duration::from_secs(60);

/// The section's lease time, if it is there and right.
pub(crate) fn lease_time(section: &mut Section<'_>) -> Option<Duration> {
    let lease = section.get("lease-time", lease)?;
    if lease.value < SHORT {
        let message = format!(
            "a lease of {} can end while a machine boots; give 60s at least",
            humantime::format_duration(lease.value)
        );
        section.report().warn(&lease.place, message);
    }
    Some(lease.value)
}

/// A lease time: whole seconds, as DHCP counts them.
fn lease(value: &DeValue<'_>) -> Result<Duration, String> {
    if let DeValue::Integer(seconds) = value {
        return Err(format!("expected a duration, found a number; write \"{seconds}s\""));
    }
    let text = text(value)?;
    let lease = humantime::parse_duration(&text)
        .map_err(|error| format!("{text:?} is not a duration such as \"24h\": {error}"))?;
    if lease.is_zero() {
        return Err("a lease of no time cannot be used".to_owned());
    }
    if lease.subsec_nanos() != 0 {
        return Err(format!("{text:?} is not a number of whole seconds"));
    }
    if u32::try_from(lease.as_secs()).is_err() {
        return Err(format!("{text:?} is longer than DHCP can say: {}s at most", u32::MAX));
    }
    Ok(lease)
}
