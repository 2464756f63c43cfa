//! The space for options in the tables and in the answers.

use ipnet::Ipv4Net;

use super::missed_routes::MissedRoutes;
use crate::{
    blocks::{Fit, FittedRow, Missed},
    config::{
        host::DraftHost,
        problem::{Place, Report},
        read::Draft,
    },
    model::{DhcpMode, Located, Subnet, quirks},
};

/// The longest message for a client that does not say what it takes (RFC 2131 section 2: a datagram
/// of 576 bytes).
const LONGEST: usize = 548;
/// The longest message at all: a datagram of 1,500 bytes.
const MOST: usize = 1472;
/// Of a message, beside the blocks: the header, options 53 and 255, and room for echoes (61, 82, 97).
const REST: usize = 240 + 3 + 1 + 40;

/// The machines, by their places in the draft, that may be left out and whose options do not fit: others' records stop
/// no other machine.
#[must_use]
pub(super) fn check_room(draft: &Draft, located: &Located<'_>, report: &Report) -> Vec<usize> {
    let mut left_out = Vec::new();
    if draft.config.dhcp.mode == DhcpMode::Off {
        return left_out;
    }
    let anywhere = Subnet::new(Ipv4Net::default());
    let mut fit = Fit::new(&draft.config);
    let mut worst = vec![None; draft.config.subnets.len()];
    let mut bases = Vec::new();
    for (subnet, place) in draft.config.subnets.iter().zip(&draft.subnets) {
        bases.push(noted(fit.subnet(subnet), &place.section, report));
    }
    let mut told = MissedRoutes::default();
    for (base, place) in bases.iter().zip(&draft.subnets) {
        told.subnet(base.iter().flat_map(|row| &row.missed), &place.section);
    }
    for (number, host) in draft.hosts.iter().enumerate() {
        let at = host.ip.as_ref().and_then(|ip| located.find(ip.value));
        let subnet = at.and_then(|at| draft.config.subnets.get(at)).unwrap_or(&anywhere);
        let base = at.and_then(|at| bases.get(at)).and_then(Option::as_ref);
        // Where another server gives the addresses, their subnets need not be known.
        if at.is_none() && !draft.config.dhcp.mode.is_proxy() {
            continue;
        }
        let (bytes, missed) = match message(&mut fit, host, draft, subnet, base) {
            Ok(found) => found,
            Err(why) if host.may_be_left_out => {
                report.warn(&host.place, format!("{why:#}; the machine is left out"));
                left_out.push(number);
                continue;
            }
            Err(why) => {
                report.error(&host.place, format!("{why:#}"));
                continue;
            }
        };
        let of_subnet = base.map(|row| row.missed.as_slice());
        told.host(&missed, of_subnet.unwrap_or_default(), &host.place);
        let Some(worst) = at.and_then(|at| worst.get_mut(at)) else { continue };
        if worst.is_none_or(|(most, _)| bytes > most) {
            *worst = Some((bytes, &host.place));
        }
    }
    for (bytes, place) in worst.into_iter().flatten().filter(|(bytes, _)| *bytes > LONGEST) {
        let message = format!(
            "an answer can have {bytes} bytes: a machine that takes no more than {LONGEST} \
             (it sends no DHCP option 57) gets it without some of its options, those that it does not ask \
             for first; leave options out or shorten them"
        );
        report.warn(place, message);
    }
    told.report(report);
    left_out
}

/// The bytes of the longest answer that the host gets, and what it misses.
fn message<'d>(
    fit: &mut Fit<'d>,
    host: &'d DraftHost,
    draft: &Draft,
    subnet: &'d Subnet,
    base: Option<&FittedRow>,
) -> anyhow::Result<(usize, Vec<Missed>)> {
    let own = host.rest();
    let row = match fit.overridden(subnet, own) {
        Some(row) => row?,
        None => base.cloned().unwrap_or_default(),
    };
    let (options, missed) = fit.host(row, own)?;
    let file = host.boot_file.as_ref().map(|file| file.value.as_str());
    let mut boot = 0;
    for mac in host.macs.iter().filter(|_| own.netboot) {
        let (quirks, _) = quirks::of_machine(&draft.config, mac.value, &own.quirks);
        boot = boot.max(fit.boot(subnet, own, file, quirks)?);
    }
    let bytes = REST + options + boot;
    anyhow::ensure!(
        bytes <= MOST,
        "an answer can have {bytes} bytes, {MOST} is the limit: leave options out or shorten them"
    );
    Ok((bytes, missed))
}

fn noted<T>(bytes: anyhow::Result<T>, place: &Place, report: &Report) -> Option<T> {
    bytes.inspect_err(|error| report.error(place, format!("{error:#}"))).ok()
}
