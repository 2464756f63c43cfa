//! The self-check of the loaded program: its answers to requests of some machines, byte for byte as the library's.

use std::{collections::HashSet, net::Ipv4Addr};

use anyhow::Context as _;
use netboot_answer::{kernel::shadow::Shadow, slow, tables::Tables};
use netboot_ebpf::{
    responder::Scratch,
    shared::{Mac, Reservation, Station},
    side::Kernel,
    verdict::Verdict,
};
use netboot_site::model::Architecture;
use netboot_tools::explain::{KnownServer, Machine, Message};

/// The program cannot be relied on.
#[derive(Debug, thiserror::Error)]
#[error(
    "the XDP program does not answer {0} as it must (self-check): report this, with what `netboot selftest load` \
     prints; with xdp.mode = \"off\" the daemon answers"
)]
pub(super) struct SelfCheckFailed(Mac);

/// Machines whose requests are tried.
const MACHINES: usize = 64;

/// Tries requests of some machines on a copy of the program that has these tables.
///
/// # Errors
/// The kernel does not run it, or it does something else than the library.
pub(super) fn of_some(tables: &Tables, copy: &mut Shadow) -> anyhow::Result<()> {
    // First one of each kind, then any.
    let mut kinds = HashSet::new();
    let (mut first, mut rest) = (Vec::new(), Vec::new());
    for row in tables.reservations.values() {
        let kind = (row.subnet, row.boot_set, row.flags, row.options_len == 0);
        if first.len() < MACHINES && kinds.insert(kind) {
            first.push(row);
        } else if rest.len() < MACHINES {
            rest.push(row);
        }
    }
    of(tables, first.into_iter().chain(rest).take(MACHINES), copy)
}

/// As [`of_some`], of these machines.
pub(super) fn of_stations(
    tables: &Tables,
    stations: impl Iterator<Item = Station>,
    copy: &mut Shadow,
) -> anyhow::Result<()> {
    let rows = stations.filter_map(|station| tables.reservations.get(&station));
    of(tables, rows.take(MACHINES), copy)
}

fn of<'t>(
    tables: &Tables,
    rows: impl Iterator<Item = &'t Reservation>,
    copy: &mut Shadow,
) -> anyhow::Result<()> {
    let mut scratch = Box::new(Scratch::new());
    for row in rows.chain([&NOBODY]) {
        for (frame, ifindex) in requests(tables, row) {
            let different = compare(&frame, ifindex, tables, copy, &mut scratch)
                .context("the self-check cannot be done")?;
            if let Some(different) = different {
                return Err(anyhow::Error::msg(different))
                    .context(SelfCheckFailed(row.station.mac));
            }
        }
    }
    Ok(())
}

/// A locally administered address that no machine has.
const NOBODY: Reservation = Reservation {
    station: Station::untagged(Mac { octets: [0x02, 0x6e, 0x62, 0, 0, 0] }),
    ..Reservation::NOBODYS
};

/// What a machine's firmware, its iPXE and its system ask, and the interface that it asks over.
fn requests(tables: &Tables, row: &Reservation) -> Vec<(Vec<u8>, u32)> {
    let Some(subnet) = tables.subnets.get(row.subnet as usize) else { return Vec::new() };
    let relayed = subnet.ifindex == 0;
    let any = || tables.interfaces.keys().min().copied();
    let Some(ifindex) = Some(subnet.ifindex).filter(|_| !relayed).or_else(any) else {
        return Vec::new();
    };
    let Some(interface) = tables.interfaces.get(&ifindex) else { return Vec::new() };
    let known = KnownServer {
        address: row.address.into(),
        server: subnet.server.into(),
        node: subnet.server.into(),
        server_mac: interface.mac,
    };
    let relay = Ipv4Addr::from(u32::from_be_bytes(subnet.network) | 1);
    let machine = Machine {
        relay: relayed.then_some(relay),
        vlan: Some(row.station.vlan),
        ..Machine::new(row.station.mac)
    };
    let with = |architecture| Machine { architecture: Some(architecture), ..machine.clone() };
    let classes = tables.user_classes.keys().filter_map(|class| {
        let name = class.name.split(|byte| *byte == 0).next()?;
        Some(machine.with_user_class(std::str::from_utf8(name).ok()?))
    });
    let firmware = [with(Architecture::X86Bios), with(Architecture::Code(16)), machine.clone()];
    let asks = firmware.into_iter().chain(classes).flat_map(|machine| {
        [Message::Discover, Message::Request].map(|message| machine.frame(message, known))
    });
    let renewal = machine.frame(Message::Renew, known);
    asks.chain([renewal]).map(|frame| (frame, ifindex)).collect()
}

/// What is different, if something is.
fn compare(
    frame: &[u8],
    ifindex: u32,
    tables: &Tables,
    copy: &mut Shadow,
    scratch: &mut Scratch,
) -> anyhow::Result<Option<String>> {
    let wanted = slow::answer::<Kernel>(frame, ifindex, scratch, tables);
    let (verdict, answer) = match wanted {
        Ok(answer) => (answer.verdict, Some(slow::bytes(frame, scratch, answer))),
        Err(verdict) => (verdict, None),
    };
    let (found, bytes) = copy.run(frame, ifindex)?;
    if found == verdict && bytes == answer {
        return Ok(None);
    }
    // The address was held back, or given again, between both.
    if [found, verdict].contains(&Verdict::Quarantined) {
        return Ok(None);
    }
    tracing::debug!(?frame, ?bytes, ?answer, "self-check");
    let difference = difference(bytes, answer);
    Ok(Some(format!("{} instead of {}: {difference}", found.as_str(), verdict.as_str())))
}

fn difference(found: Option<Vec<u8>>, wanted: Option<Vec<u8>>) -> String {
    let (Some(found), Some(wanted)) = (&found, &wanted) else {
        let is = |answer: Option<_>| if answer.is_some() { "an answer" } else { "none" };
        return format!("{}, not {}", is(found), is(wanted));
    };
    let same = found.iter().zip(wanted).take_while(|(found, wanted)| found == wanted).count();
    format!("{} bytes, not {}; the frames differ from byte {same} on", found.len(), wanted.len())
}
