//! Machines of others' records that cannot be served.

use std::collections::HashMap;

use super::{ShownStation, address};
use crate::{
    config::{
        draft::{Draft, DraftHost},
        problem::{Place, Report},
    },
    model::Located,
};

/// Takes out the machines that may be left out and are in the way of others, or whose address is none of theirs. Each is
/// warned of; the first of two stays, and one that may not be left out.
pub fn leave_out(draft: &mut Draft, report: &Report) {
    if !draft.hosts.iter().any(|host| host.may_be_left_out) {
        return;
    }
    let mut hosts = std::mem::take(&mut draft.hosts);
    let before = hosts.len();
    let located = Located::new(&draft.config.subnets);
    let mut taken: HashMap<String, Place> = HashMap::new();
    for host in hosts.iter().filter(|host| !host.may_be_left_out) {
        for (key, _, place) in keys(host, &located) {
            taken.entry(key).or_insert_with(|| place.clone());
        }
    }
    hosts.retain(|host| {
        if !host.may_be_left_out {
            return true;
        }
        let keys = keys(host, &located);
        let found =
            keys.iter().find_map(|(key, what, place)| Some((key, what, *place, taken.get(key)?)));
        let out = |place: &Place, why: String| {
            report.warn(place, format!("{why}; the machine is left out"));
            false
        };
        if let Some((key, what, place, first)) = found {
            let (field, line) = (&first.field, first.line());
            return out(place, format!("{key} is already the {what} at {field} ({line})"));
        }
        if let Some(ip) = &host.ip
            && let Err(why) = address(ip.value, draft, &located)
        {
            return out(&ip.place, why);
        }
        for (key, _, place) in keys {
            taken.insert(key, place.clone());
        }
        true
    });
    draft.left_out = hosts.len() < before;
    draft.hosts = hosts;
}

/// What no two machines have.
fn keys<'h>(host: &'h DraftHost, located: &Located<'_>) -> Vec<(String, &'static str, &'h Place)> {
    let stations = host.stations(located);
    let stations = stations.map(|(own, place)| (ShownStation(own).to_string(), "MAC", place));
    let ip = host.ip.as_ref().map(|ip| (ip.value.to_string(), "address", &ip.place));
    stations.chain(ip).collect()
}
