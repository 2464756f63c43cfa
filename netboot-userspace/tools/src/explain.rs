//! Explanations of what would be answered to a request, and why: for the operator of a machine that does not boot.

mod answered_by;
mod capture;
mod explanation;
mod judge;
mod machine;
mod quirk;
mod reason;
mod site;
mod steps;
#[cfg(test)]
mod tests;
mod text;
mod verdict_text;

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use netboot_base::{links::Link, printable::printable};
use netboot_dhcp::{message::Packet, message_type, route};
use netboot_ebpf::{
    client::Stage,
    shared::{Mac, NO_ARCHITECTURE, Reservation},
    verdict::Verdict,
    wire::code,
};
use netboot_site::model::{DhcpMode, Host};

pub use self::{
    capture::{Capture, Captured},
    explanation::{AnswerFields, AnsweredBy, Because, BootFields, Explanation, Reserved, Running},
    judge::Outcome,
    machine::{KnownServer, Machine, Message, UserClassForm},
    quirk::Quirk,
    site::Site,
    steps::{Step, steps},
    text::{render, render_steps},
    verdict_text::VerdictText,
};
use self::{explanation::RequestFields, judge::judge};
pub use netboot_dhcp::show::ShownOption;

/// What text of a request is shown.
const LIMIT: usize = 80;

/// Why the XDP program does not answer at an interface, by its name; at all others it does.
pub type WithoutXdp = BTreeMap<String, String>;

/// Explains the answer to a frame that comes over an interface.
pub fn explain(
    site: &Site,
    without_xdp: &WithoutXdp,
    frame: &[u8],
    wanted: Option<&str>,
    source: &str,
) -> Option<Explanation> {
    let packet = Packet::read(frame)?;
    let station = judge::station(frame, packet.mac(), &site.tables);
    let host = site.host(station);
    let link = site.interface(host, wanted)?;
    let row = site.row(station, link.index, packet.giaddr());
    let judgement = judge(frame, link.index, &site.tables);
    let mode = site.config.dhcp.mode;
    let stage = stage(&judgement, row.filter(|_| !mode.is_proxy()));
    let architecture = Some(judgement.seen.architecture).filter(|code| *code != NO_ARCHITECTURE);
    let at_link = without_xdp.get(&link.name).map(String::as_str);
    let mut who = answered_by::who(answered_by::mode_without_xdp(mode).or(at_link), &judgement);
    let mut answer = who.outcome.answer.as_deref();
    if mode == DhcpMode::Off {
        answer = None;
        who.by = AnsweredBy::Nobody;
        who.why = "dhcp.mode is \"off\": another server answers DHCP".to_owned();
    }
    let answered = answer.and_then(Packet::read);
    let (boot, remedy) = reason::boot(site, host, row, stage, &packet, answered.as_ref());
    if mode.is_proxy() {
        who = who.beside_another(stage, host, &boot);
    }
    let advice = who.advice(site, station, remedy);
    Some(Explanation {
        source: source.to_owned(),
        request: asked(&packet, link, architecture),
        reservation: host.and_then(|host| reserved(site, host)),
        stage: if judgement.seen.message_type == 0 {
            Because { name: "unknown", because: "the message was not read".to_owned() }
        } else {
            reason::stage(site, host, row, stage, &packet)
        },
        notes: notes(host, stage, &packet, answered.as_ref()),
        boot,
        quirks: quirk::applied(&site.config, host, packet.mac()),
        verdict: who.outcome.verdict,
        kernel_verdict: judgement.kernel.verdict,
        answered_by: who.by,
        why: who.why,
        advice: Some(advice).filter(|advice| !advice.is_empty()),
        answer: answered.as_ref().filter(|packet| packet.is_answer()).map(fields),
        running: None,
    })
}

/// The stage that is decided on: some machines boot from the network also where they do not say so.
fn stage(judgement: &judge::Judgement, row: Option<&Reservation>) -> Stage {
    let stage = Stage::from_number(judgement.seen.stage).unwrap_or(Stage::Plain);
    let is_assumed = row.is_some_and(|row| row.has(Reservation::ASSUME_PXE));
    if stage == Stage::Plain && is_assumed { Stage::Pxe } else { stage }
}

/// Compares with what the program of the running daemon made of the same frame; `why` says why it may be
/// another answer.
pub fn compare(
    explanation: &mut Explanation,
    site: &Site,
    frame: &[u8],
    found: &Outcome,
    why: &str,
) {
    let name = &explanation.request.interface;
    let Some(link) = site.links.iter().find(|link| link.name == *name) else { return };
    let expected = judge(frame, link.index, &site.tables).kernel;
    let same = *found == expected;
    let note = if same { String::new() } else { difference(&expected, found, why) };
    explanation.running = Some(Running { same, verdict: found.verdict, note });
}

fn difference(expected: &Outcome, found: &Outcome, why: &str) -> String {
    let answers = [expected, found].map(|outcome| {
        let packet = outcome.answer.as_deref().and_then(Packet::read);
        packet.as_ref().map(fields)
    });
    let what = match answers {
        [Some(expected), Some(found)] => text::difference(&expected, &found),
        _ => VerdictText::of(found.verdict).what.to_owned(),
    };
    // Held back by the daemon itself, whatever the configuration says.
    if found.verdict == Verdict::Quarantined { what } else { format!("{what}; {why}") }
}

fn asked(packet: &Packet<'_>, link: &Link, architecture: Option<u16>) -> RequestFields {
    let text = |code| packet.option(code).map(|value| printable(&value, LIMIT));
    let address = |code| Some(<[u8; 4]>::try_from(packet.option(code)?).ok()?.into());
    RequestFields {
        message: packet.message_type().map_or("BOOTP", message_type::name),
        mac: packet.mac().to_string(),
        interface: link.name.clone(),
        port: packet.port,
        vlans: packet.vlans.clone(),
        relay: packet.giaddr(),
        requested: address(code::REQUESTED_ADDRESS),
        ciaddr: packet.ciaddr(),
        server: address(code::SERVER_ID),
        vendor_class: text(code::VENDOR_CLASS),
        user_class: text(code::USER_CLASS),
        architecture,
        architecture_name: architecture.map(netboot_site::model::Architecture::name),
    }
}

fn reserved(site: &Site, host: &Host) -> Option<Reserved> {
    let row = site.tables.reservations.get(&host.station())?;
    let subnet = site.tables.subnets.get(row.subnet as usize)?;
    let cidr = Ipv4Net::with_netmask(subnet.network.into(), subnet.mask.into()).ok()?;
    Some(Reserved {
        ip: host.ip,
        macs: host.nics.iter().map(Mac::to_string).collect(),
        hostname: host.hostname.clone(),
        netboot: host.netboot,
        origin: site.origin(host).map(ToString::to_string),
        subnet: cidr.to_string(),
        interface: site
            .links
            .iter()
            .find(|link| link.index == subnet.ifindex)
            .map(|link| link.name.clone()),
        server: subnet.server.into(),
    })
}

fn fields(packet: &Packet<'_>) -> AnswerFields {
    let options = packet.options();
    AnswerFields {
        message: packet.message_type().map_or("unknown", message_type::name),
        yiaddr: packet.yiaddr(),
        siaddr: packet.siaddr(),
        file: packet.boot_file().map(|file| printable(&file, 256)),
        to_mac: packet.to_mac.to_string(),
        to: packet.to,
        port: packet.port,
        length: packet.length(),
        options: options.iter().map(|(code, value)| ShownOption::new(*code, value)).collect(),
    }
}

/// What keeps a machine from booting though it is answered.
fn notes(
    host: Option<&Host>,
    stage: Stage,
    request: &Packet<'_>,
    answer: Option<&Packet<'_>>,
) -> Vec<String> {
    let Some(answer) = answer else { return Vec::new() };
    let mut notes = Vec::new();
    if stage == Stage::Ipxe && host.is_none_or(|host| host.netboot) {
        notes.push(
            "if the binary that it loads announces the same user class, it asks again, endlessly: \
             list the class in script-user-classes"
                .to_owned(),
        );
    }
    notes.extend(default_route(request, answer));
    notes
}

/// Where the default route is, of a machine that asks for classless routes and gets some.
fn default_route(request: &Packet<'_>, answer: &Packet<'_>) -> Option<String> {
    let asks = request.option(code::PARAMETER_LIST)?.contains(&code::CLASSLESS_ROUTES);
    let routes = route::read(&answer.option(code::CLASSLESS_ROUTES)?).filter(|_| asks)?;
    Some(match route::default_router(&routes) {
        Some(router) => format!(
            "option 121 has the default route, by {router}, in place of option 3, which machines that ask for 121 \
             ignore (RFC 3442)"
        ),
        None => "option 121 has no default route, and machines that ask for it ignore option 3 (RFC 3442)".to_owned(),
    })
}
