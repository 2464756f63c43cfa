//! Whether the options fit the tables and the answers.

use super::missed::Told;
use crate::{
    config::{
        DhcpMode, Located,
        host::DraftHost,
        problem::{Place, Report},
        read::Draft,
    },
    quirks,
    templates::{Fit, Missed, Row},
};

/// The longest message for a client that does not say what it takes (RFC 2131 section 2: a datagram
/// of 576 bytes).
const LONGEST: usize = 548;
/// The longest message at all: a datagram of 1,500 bytes.
const MOST: usize = 1472;
/// Of a message, beside the blocks: the header, options 53 and 255, and room for echoes (61, 82, 97).
const REST: usize = 240 + 3 + 1 + 40;

pub(super) fn check_room(draft: &Draft, located: &Located<'_>, report: &Report) {
    if draft.config.dhcp.mode == DhcpMode::Off {
        return;
    }
    let mut fit = Fit::new(&draft.config);
    let mut worst = vec![None; draft.config.subnets.len()];
    let mut bases = Vec::new();
    for (subnet, place) in draft.config.subnets.iter().zip(&draft.subnets) {
        bases.push(noted(fit.subnet(subnet), &place.section, report));
    }
    let mut told = Told::default();
    for (base, place) in bases.iter().zip(&draft.subnets) {
        told.subnet(base.iter().flat_map(|row| &row.missed), &place.section);
    }
    for host in &draft.hosts {
        let Some((at, blocks, missed)) = blocks(&mut fit, host, draft, located, &bases, report)
        else {
            continue;
        };
        let of_subnet = bases.get(at).and_then(Option::as_ref).map(|row| row.missed.as_slice());
        told.host(&missed, of_subnet.unwrap_or_default(), &host.place);
        let Some(worst) = worst.get_mut(at) else { continue };
        let bytes = REST + blocks;
        if bytes > MOST {
            let message = format!(
                "an answer can have {bytes} bytes, {MOST} is the limit: leave options out or shorten them"
            );
            report.error(&host.place, message);
            continue;
        }
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
}

/// The host's subnet, the bytes of both's options and of the longest boot choice, and what it misses.
fn blocks<'d>(
    fit: &mut Fit<'d>,
    host: &'d DraftHost,
    draft: &'d Draft,
    located: &Located<'_>,
    bases: &[Option<Row>],
    report: &Report,
) -> Option<(usize, usize, Vec<Missed>)> {
    let at = located.find(host.ip.as_ref()?.value)?;
    let (subnet, base) = (draft.config.subnets.get(at)?, bases.get(at)?);
    let own = host.rest();
    let row = match fit.overridden(subnet, own) {
        Some(row) => noted(row, &host.place, report)?,
        None => base.clone().unwrap_or_default(),
    };
    let (options, missed) = noted(fit.host(row, own), &host.place, report)?;
    let file = host.boot_file.as_ref().map(|file| file.value.as_str());
    let mut most = None;
    for mac in &host.macs {
        let (quirks, _) = quirks::of_machine(&draft.config, mac.value, &own.quirks);
        let boot = fit.boot(subnet, own, file, quirks);
        let boot = if own.netboot { noted(boot, &host.place, report)? } else { 0 };
        most = most.max(Some(boot));
    }
    Some((at, options + most?, missed))
}

fn noted<T>(bytes: anyhow::Result<T>, place: &Place, report: &Report) -> Option<T> {
    bytes.inspect_err(|error| report.error(place, format!("{error:#}"))).ok()
}
