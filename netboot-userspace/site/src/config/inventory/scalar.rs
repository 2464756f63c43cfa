//! Scalars of YAML, all read as texts.

use std::{net::Ipv4Addr, time::Duration};

use toml::de::DeValue;

use crate::config::value::text;

pub(super) fn boolean(value: &DeValue<'_>) -> Result<bool, String> {
    match text(value)?.as_str() {
        "true" | "True" | "TRUE" => Ok(true),
        "false" | "False" | "FALSE" => Ok(false),
        other => Err(format!("expected true or false, found {other:?}")),
    }
}

/// A lease of whole seconds; `None`: 0, which stands for the default.
pub(super) fn lease(value: &DeValue<'_>) -> Result<Option<Duration>, String> {
    let text = text(value)?;
    let wrong = || {
        let most = u32::MAX;
        format!("{text:?} is not a lease time: a number of seconds, {most} at most")
    };
    let seconds: u32 = text.parse().map_err(|_| wrong())?;
    Ok((seconds != 0).then(|| Duration::from_secs(seconds.into())))
}

/// A VLAN's number; `None`: 0, which stands for none.
pub(super) fn vlan(value: &DeValue<'_>) -> Result<Option<u16>, String> {
    let text = text(value)?;
    match text.parse() {
        Ok(0) => Ok(None),
        Ok(vlan @ 1..=4094) => Ok(Some(vlan)),
        _ => Err(format!("{text:?} is not the number of a VLAN, 1 to 4094")),
    }
}

/// The length of the prefix.
pub(super) fn netmask(value: &DeValue<'_>) -> Result<u8, String> {
    let text = text(value)?;
    let mask = text.parse::<Ipv4Addr>().ok();
    mask.and_then(|mask| ipnet::ipv4_mask_to_prefix(mask).ok())
        .ok_or_else(|| format!("{text:?} is not a netmask such as \"255.255.255.0\""))
}
