//! The reader of `lease-time`.

use std::time::Duration;

use toml::de::DeValue;

use super::{
    duration::{GivenDuration, duration},
    section::Section,
};

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
    let GivenDuration { text, duration } = duration(value)?;
    if duration.is_zero() {
        return Err("a lease of no time cannot be used".to_owned());
    }
    if duration.subsec_nanos() != 0 {
        return Err(format!("{text:?} is not a number of whole seconds"));
    }
    if u32::try_from(duration.as_secs()).is_err() {
        return Err(format!("{text:?} is longer than DHCP can say: {}s at most", u32::MAX));
    }
    Ok(duration)
}
