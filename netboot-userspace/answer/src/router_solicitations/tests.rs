//! Tests of answers to Router Solicitations.

use std::{collections::BTreeMap, net::Ipv4Addr, sync::Arc};

use netboot_ebpf::{
    client::Stage,
    shared::{Mac, Reservation, Seen, Vlan},
    verdict::Verdict,
    wire::REQUEST,
};
use netboot_machines::{
    channel::channel,
    event::{DecidedBy, Event, EventKind, HttpEvent, MachineText},
    memory::Machines,
};
use netboot_site::model::{Host, Inventory};
use zerocopy::FromZeros as _;

use super::*;

const MAC: Mac = Mac { octets: [0x52, 0x54, 0, 0xee, 0x0d, 0x0b] };
const ROUTER: Mac = Mac { octets: [2, 0, 0, 0, 0, 9] };
/// No interface of this node has it.
const INDEX: u32 = 0x7fff_fff0;

/// A node whose only machine got its lease, in iPXE, and asks for a router, which nobody is.
struct Case {
    proxy: u32,
    verdict: Verdict,
    stage: Stage,
    then: Option<EventKind>,
    is_reserved: bool,
    heard: bool,
    asked_seconds_ago: u64,
    message: RouterMessage<'static>,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            proxy: 0,
            verdict: Verdict::Ack,
            stage: Stage::Ipxe,
            then: None,
            is_reserved: true,
            heard: false,
            asked_seconds_ago: 5,
            message: RouterMessage {
                mac: MAC,
                vlan: Vlan::NONE,
                tags: &[],
                source: message::link_local_of(MAC),
                kind: RouterMessageKind::Solicitation { link_address: Some(MAC) },
            },
        }
    }
}

fn tables(case: &Case) -> Tables {
    let mut settings = Settings::default();
    settings.flags |= case.proxy;
    let mut reservations = BTreeMap::new();
    if case.is_reserved {
        reservations.insert(Station::untagged(MAC), Reservation::new_zeroed());
    }
    Tables { settings, reservations, ..Tables::default() }
}

#[track_caller]
fn check(case: Case, expect: SolicitationOutcome) {
    let host = Host { mac: MAC, ip: Ipv4Addr::new(10, 0, 0, 2), ..Host::default() };
    let machines = Machines::new(Inventory::new([Arc::new(host)]));
    let (teller, mut happened) = channel();
    let sightings = Sightings::new(machines.clone(), teller);
    let now = Instant::now();
    let asked = now.checked_sub(Duration::from_secs(case.asked_seconds_ago)).unwrap();
    let common = SolicitationCommon::new(sightings.clone());
    common.routers.questions(INDEX, asked);
    if case.heard {
        let kind =
            RouterMessageKind::Advertisement { lifetime: Duration::from_secs(1800), tells: false };
        common.hear(INDEX, &RouterMessage { mac: ROUTER, kind, ..case.message }, now);
    }
    let stage = case.stage as u8;
    let station = Station::untagged(MAC);
    let seen = Seen { station, message_type: REQUEST, stage, ..Seen::NOTHING };
    sightings.note(DecidedBy::Kernel, INDEX, case.verdict, &seen, now);
    machines.note(happened.try_next().unwrap());
    if let Some(what) = case.then.clone() {
        machines.note(Event::now(MAC, what));
    }
    let outcome = common.judge(INDEX, &tables(&case), &case.message, now);
    assert_eq!(outcome, expect);
}

#[test]
fn who_is_answered() {
    let base = Case::default;
    let message = |change: fn(&mut RouterMessage<'_>)| {
        let mut case = base();
        change(&mut case.message);
        case
    };
    check(base(), SolicitationOutcome::Answered);
    check(Case { stage: Stage::Script, ..base() }, SolicitationOutcome::Answered);
    check(Case { is_reserved: false, ..base() }, SolicitationOutcome::Unknown);
    check(message(|message| message.mac = ROUTER), SolicitationOutcome::Unknown);
    check(message(|message| message.vlan = Vlan { ids: [7, 0] }), SolicitationOutcome::Unknown);
    // An installed system.
    check(Case { stage: Stage::Plain, ..base() }, SolicitationOutcome::NotBooting);
    check(Case { verdict: Verdict::Offer, ..base() }, SolicitationOutcome::NotBooting);
    let step = HttpEvent { path: MachineText::of("/auto.ipxe"), status: 200 }.into();
    check(Case { then: Some(step), ..base() }, SolicitationOutcome::GoneOn);
    // Another server's lease.
    let other = || Case { verdict: Verdict::OtherServer, ..base() };
    check(other(), SolicitationOutcome::NotBooting);
    check(Case { proxy: Settings::PROXY, ..other() }, SolicitationOutcome::Answered);
    // Addresses that an operating system made, or another machine's.
    let privacy =
        |message: &mut RouterMessage<'_>| message.source = "fe80::1:2:3:4".parse().unwrap();
    check(message(privacy), SolicitationOutcome::OtherSender);
    let none = |message: &mut RouterMessage<'_>| message.source = Ipv6Addr::UNSPECIFIED;
    check(message(none), SolicitationOutcome::OtherSender);
    let foreign = |message: &mut RouterMessage<'_>| {
        message.kind = RouterMessageKind::Solicitation { link_address: Some(ROUTER) };
    };
    check(message(foreign), SolicitationOutcome::OtherSender);
    let no_option = |message: &mut RouterMessage<'_>| {
        message.kind = RouterMessageKind::Solicitation { link_address: None };
    };
    check(message(no_option), SolicitationOutcome::Answered);
    // Routers.
    check(Case { heard: true, ..base() }, SolicitationOutcome::Router);
    check(Case { asked_seconds_ago: 3, ..base() }, SolicitationOutcome::Asking);
}

/// The lease is known before the memory of what the machine does has it; what it did before is no sign.
#[test]
fn what_was_done_before_the_lease_is_no_sign() {
    let case = Case::default();
    let host = Host { mac: MAC, ip: Ipv4Addr::new(10, 0, 0, 2), ..Host::default() };
    let machines = Machines::new(Inventory::new([Arc::new(host)]));
    let sightings = Sightings::new(machines.clone(), channel().0);
    let common = SolicitationCommon::new(sightings.clone());
    let lease = Instant::now();
    let at = |seconds| lease + Duration::from_secs(10) + Duration::from_secs(seconds);
    common.routers.questions(INDEX, lease);
    let fetches = |seconds| {
        let http = HttpEvent { path: MachineText::of("/ipxe.efi"), status: 200 };
        machines.note(Event { at: at(seconds), mac: MAC, what: http.into() });
    };
    fetches(0);
    let station = Station::untagged(MAC);
    let stage = Stage::Ipxe as u8;
    let seen = Seen { station, message_type: REQUEST, stage, ..Seen::NOTHING };
    sightings.note(DecidedBy::Kernel, INDEX, Verdict::Ack, &seen, at(1));
    let judge = || common.judge(INDEX, &tables(&case), &case.message, at(2));
    assert_eq!(judge(), SolicitationOutcome::Answered);
    fetches(2);
    assert_eq!(judge(), SolicitationOutcome::GoneOn);
}

#[test]
fn an_advertisement_that_says_nothing_is_no_router() {
    let machines = Machines::new(Inventory::new([]));
    let common = SolicitationCommon::new(Sightings::new(machines, channel().0));
    let now = Instant::now();
    let check = |lifetime, tells, expect| {
        let kind =
            RouterMessageKind::Advertisement { lifetime: Duration::from_secs(lifetime), tells };
        common.hear(INDEX, &RouterMessage { mac: ROUTER, kind, ..Case::default().message }, now);
        assert_eq!(common.routers().len(), expect, "{lifetime} {tells}");
        common.forget(INDEX);
    };
    check(0, false, 0);
    check(0, true, 1);
    check(1, false, 1);
}
