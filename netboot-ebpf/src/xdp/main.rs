//! The XDP program, which answers what the library can answer, drops DHCP messages over the limits, and passes
//! everything else untouched.
#![no_std]
#![no_main]

mod limits;
mod maps;
mod other_build;
mod packet;

use core::hint::black_box;

use aya_ebpf::{bindings::xdp_action, macros::xdp, programs::XdpContext};
use aya_log_ebpf::{debug, warn};
use netboot_ebpf::{
    frame::{self, TAG},
    message::forget,
    responder::{Scratch, is_for_us, respond},
    shared::{Seen, Vlan},
    side::Kernel,
    tables::Tables as _,
    verdict::Verdict,
};

use crate::{maps::Maps, packet::Packet};

#[xdp]
pub fn netboot(ctx: XdpContext) -> u32 {
    let packet = Packet::new(&ctx);
    let (tags, classified) = classified(&packet);
    if classified == Err(Verdict::NotDhcp) {
        return finish(Verdict::NotDhcp);
    }
    let (Some(scratch), Some(mut maps)) = (maps::scratch(), Maps::now()) else {
        return finish(Verdict::NoTables);
    };
    scratch.seen = Seen::NOTHING;
    let verdict = match answer(&packet, tags, classified, scratch, &maps) {
        Ok(verdict) | Err(verdict) => verdict,
    };
    match verdict {
        Verdict::NoRoom => debug!(&ctx, "no room to grow the frame: the daemon answers"),
        Verdict::NoTables => warn!(&ctx, "the tables are incomplete: the daemon answers"),
        _ => {}
    }
    // One state for all verdicts: what follows is verified once.
    scratch.verdict = verdict;
    let scratch = &*black_box(scratch);
    finish(maps.conclude(scratch.verdict, packet.ifindex(), &scratch.seen))
}

/// The bytes of VLAN tags before the headers, and whether those are a DHCP message's.
#[inline(always)]
fn classified(packet: &Packet<'_>) -> (usize, Result<(), Verdict>) {
    let classified = classify::<0>(packet);
    if classified != Err(Verdict::Tagged) {
        return (0, classified);
    }
    let classified = classify::<1>(packet);
    if classified != Err(Verdict::Tagged) {
        return (TAG, classified);
    }
    (2 * TAG, classify::<2>(packet))
}

#[inline(always)]
fn classify<const TAGS: usize>(packet: &Packet<'_>) -> Result<(), Verdict> {
    let Some(inner) = packet.inner::<TAGS>() else { return Err(Verdict::NotDhcp) };
    frame::classify(inner)
}

/// Answers in place. The frame is not touched before `resize`, the last step that can fail.
#[inline(always)]
fn answer(
    packet: &Packet<'_>,
    tags: usize,
    classified: Result<(), Verdict>,
    scratch: &mut Scratch,
    maps: &Maps,
) -> Result<Verdict, Verdict> {
    // They may be no DHCP messages: their port was not read.
    if let Err(verdict @ (Verdict::Tagged | Verdict::IpOptions)) = classified {
        return Err(verdict);
    }
    scratch.vlan = Vlan::NONE;
    packet.vlan(tags, &mut scratch.vlan);
    // One state for frames with and without tags: what follows is verified once.
    let tags = forget(tags, &mut scratch.cell) & (TAG | 2 * TAG);
    packet.load_headers(tags, &mut scratch.headers)?;
    let headers = &*black_box(&scratch.headers);
    is_for_us(headers, packet.ifindex(), maps)?;
    maps.admit()?;
    classified?;
    let frame = frame::parse(headers, packet.len() - tags)?;
    packet.load(tags, &mut scratch.message, frame.message_len)?;
    let answer = respond::<Kernel, _>(&frame, packet.ifindex(), scratch, maps)?;
    other_build::spoil(scratch);
    packet.resize(tags, answer.len)?;
    packet.store(tags, &scratch.headers, &scratch.reply, answer.len)?;
    Ok(answer.verdict)
}

/// Counts the verdict and says what becomes of the frame. A new verdict does not compile until someone
/// decides that here.
#[inline(always)]
fn finish(verdict: Verdict) -> u32 {
    maps::count(verdict);
    match verdict {
        Verdict::Offer
        | Verdict::Ack
        | Verdict::OfferNoBootFile
        | Verdict::AckNoBootFile
        | Verdict::OfferWithoutDaemon
        | Verdict::AckWithoutDaemon => xdp_action::XDP_TX,
        // A loop or a flood reaches neither the daemon nor its log.
        Verdict::RateLimited | Verdict::OverCeiling => xdp_action::XDP_DROP,
        Verdict::NotDhcp
        | Verdict::Nak
        | Verdict::UnknownMachine
        | Verdict::OtherServer
        | Verdict::OtherDestination
        | Verdict::WrongSubnet
        | Verdict::WrongAddress
        | Verdict::Truncated
        | Verdict::NotRequest
        | Verdict::NotEthernet
        | Verdict::NotDhcpMessage
        | Verdict::BadOption
        | Verdict::Fragment
        | Verdict::IpOptions
        | Verdict::TooLong
        | Verdict::TooManyOptions
        | Verdict::Overload
        | Verdict::SplitOption
        | Verdict::Inform
        | Verdict::Decline
        | Verdict::Release
        | Verdict::UnsupportedType
        | Verdict::EchoTooLong
        | Verdict::ReplyTooLong
        | Verdict::NoRoom
        | Verdict::NoTables
        | Verdict::Changed
        | Verdict::Tagged
        | Verdict::BadRelay
        | Verdict::Quarantined
        | Verdict::ProxyMode
        | Verdict::Quirk
        | Verdict::OfferShortened
        | Verdict::AckShortened
        | Verdict::NoRelayInfo
        | Verdict::InformAck
        | Verdict::NotNetboot
        | Verdict::ProxyPort
        | Verdict::DeclineFromElsewhere
        | Verdict::DeclineWithoutAck
        | Verdict::BadChecksum
        | Verdict::Stale => xdp_action::XDP_PASS,
    }
}

/// Passes everything: native veth delivers XDP_TX only to a peer that has a program, and the cost of
/// the program above is measured beside this one.
#[xdp]
pub fn pass(_ctx: XdpContext) -> u32 {
    xdp_action::XDP_PASS
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// The kernel lends its GPL-only helpers to a program that says this.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
