//! Answers to the Router Solicitations of booting machines where there is no IPv6 router.
//!
//! Every iPXE with IPv6 built in asks for a router beside its DHCP, and goes on when both have ended: where no router
//! answers, 16 s after its first question (seen: at 0, 0.25, 0.8, 1.8, 3.9 and 7.9 s, in each stage). Its `src/net/ndp.c`
//! ends the wait at the first Router Advertisement, whatever it says (`ipv6conf_rx_router_advertisement`): without
//! the flags M and O there is no DHCPv6, without a prefix no address, and a lifetime of zero is no gateway. It looks at
//! the checksum, and takes what has come to its own address, or by Ethernet multicast (`ipv6_rx`); it asks from the
//! link-local address of its MAC, never from none.
//!
//! So it gets an advertisement that says nothing, alone: "A Lifetime of 0 indicates that the router is not a default
//! router and SHOULD NOT appear on the default router list" (RFC 4861 section 4.2), all else is unspecified or left
//! out, sent by unicast (section 6.2.6 allows that). What others would make of it:
//!
//! * Linux (`ndisc_router_discovery`), systemd-networkd and dhcpcd remove this sender's default route, which there is
//!   none of, and change nothing else. They stop asking; a router that comes later tells everybody (section 6.2.4).
//! * EDK2 (`Ip6ProcessRouterAdvertise`) likewise. Its PXE client does not wait for a router, and is not helped.
//!
//! Still it is for waiting machines alone. They have a reservation; their last DHCP message, seconds ago, was answered
//! and is a boot stage's ([`netboot_machines::booting::Booting`]); they fetched nothing since; and their address is the one that firmware
//! makes. Nobody is answered where a router was heard or has not been asked for (`routers.rs`), nor by a node that forwards
//! IPv6: then its kernel, or its radvd, is the router.

mod counters;
pub mod message;
mod pending;
mod routers;

use std::{
    io,
    net::Ipv6Addr,
    os::fd::{AsRawFd as _, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use netboot_base::{
    clock,
    links::{self, Link},
    overflows::Overflows,
    throttle::Throttle,
};
use netboot_ebpf::{
    limit::Limit,
    shared::{Settings, Station, Vlan},
};
use netboot_machines::{
    booting::{LeaseGiver, NotWaiting},
    sightings::Sightings,
    status::Ipv6Router,
};
use nix::sys::socket::{MsgFlags, send};
use parking_lot::Mutex;
use tokio::{io::unix::AsyncFd, sync::broadcast::error::RecvError};
use tokio_util::sync::CancellationToken;

use self::{
    counters::{Counters, SolicitationOutcome},
    message::{NoRouterMessage, RouterMessage, RouterMessageKind},
    pending::PendingSolicitations,
    routers::{Knowledge, Routers},
};
use crate::{
    tables::{Served, Tables},
    tagged_frames::{FrameReceiver, READABLE_OR_FAILED, ReceivedFrame, watched},
};

/// How often it is looked what is to be asked, and whether the interface is still there.
const LOOK: Duration = Duration::from_secs(1);
/// After an error, which may come again at once, or where more comes than is read.
const PAUSE: Duration = Duration::from_millis(100);
/// Messages that are read a second; the socket keeps a few more, and the rest is lost there, and counted.
const READ: Limit = Limit::per_second(5000, 1);
/// Answers a second, of all machines at an interface.
const ANSWERS: Limit = Limit::per_second(1000, 1);
/// Routers that the log names, a minute: they are easily forged.
const ANNOUNCEMENTS: u32 = 10;
/// For so long our own address is taken to be the same.
const SAME_ADDRESS: Duration = Duration::from_secs(10);

/// What all interfaces have in common; cheap to clone.
#[derive(Clone)]
pub struct SolicitationCommon {
    sightings: Sightings,
    routers: Routers,
    counters: Arc<Counters>,
    announcements: Arc<Mutex<Throttle>>,
    is_forwarding_said: Arc<AtomicBool>,
}

/// One interface's ear and voice.
pub struct RouterSolicitations {
    socket: AsyncFd<OwnedFd>,
    link: Link,
    tables: Served,
    common: SolicitationCommon,
    pending: PendingSolicitations,
    failures: Throttle,
    read: u64,
    answered: u64,
    source: Option<(Instant, Option<Ipv6Addr>)>,
}

impl SolicitationCommon {
    #[must_use]
    pub fn new(sightings: Sightings) -> Self {
        Self {
            sightings,
            routers: Routers::default(),
            counters: Arc::default(),
            announcements: Arc::new(Mutex::new(Throttle::new(ANNOUNCEMENTS))),
            is_forwarding_said: Arc::default(),
        }
    }

    /// Forgets what is known of routers at an interface, which went up, or that nobody listens at any more.
    pub fn forget(&self, ifindex: u32) {
        self.routers.forget(ifindex);
    }

    /// What is known of routers, by interface and VLAN.
    #[must_use]
    pub fn routers(&self) -> Vec<Ipv6Router> {
        let all = self.routers.all(Instant::now()).into_iter();
        all.map(|((ifindex, vlan), known)| Ipv6Router {
            interface: self.sightings.segment(ifindex, vlan).to_string(),
            router: known.to_string(),
        })
        .collect()
    }

    /// What was counted, by name.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.counters.all()
    }

    /// Whether a message is answered, and why not.
    fn judge(
        &self,
        ifindex: u32,
        tables: &Tables,
        message: &RouterMessage<'_>,
        now: Instant,
    ) -> SolicitationOutcome {
        let RouterMessageKind::Solicitation { link_address } = message.kind else {
            return SolicitationOutcome::Advertisement;
        };
        let station = Station { mac: message.mac, vlan: message.vlan };
        if !tables.reservations.contains_key(&station) {
            return SolicitationOutcome::Unknown;
        }
        let is_own = link_address.is_none_or(|address| address == station.mac);
        if !is_own || message.source != message::link_local_of(station.mac) {
            return SolicitationOutcome::OtherSender;
        }
        let is_proxy = tables.settings.has(Settings::PROXY);
        let since = match self.sightings.booting().lease(ifindex, station, now) {
            Err(NotWaiting::NotBooting) => return SolicitationOutcome::NotBooting,
            Err(NotWaiting::Answered) => return SolicitationOutcome::GoneOn,
            Ok((LeaseGiver::AnotherServers, _)) if !is_proxy => {
                return SolicitationOutcome::NotBooting;
            }
            Ok((LeaseGiver::AnotherServers | LeaseGiver::Ours, since)) => since,
        };
        // Since the lease: the memory of what machines do may not have that yet.
        if self.sightings.machines().has_gone_on(station.mac, since) {
            return SolicitationOutcome::GoneOn;
        }
        if links::forwards_ipv6(ifindex) {
            self.say_forwarding(&self.sightings.segment(ifindex, Vlan::NONE).interface);
            return SolicitationOutcome::Forwarding;
        }
        match self.routers.knowledge((ifindex, station.vlan), message.tags, now) {
            Knowledge::Heard(_) => SolicitationOutcome::Router,
            Knowledge::Asking => SolicitationOutcome::Asking,
            Knowledge::None => SolicitationOutcome::Answered,
        }
    }

    /// Notes an advertisement that somebody may do something with: those of this kind of server say nothing.
    fn hear(&self, ifindex: u32, message: &RouterMessage<'_>, now: Instant) {
        let RouterMessageKind::Advertisement { lifetime, tells } = message.kind else { return };
        let RouterMessage { mac, vlan, source, .. } = *message;
        if lifetime.is_zero() && !tells {
            self.routers.withdrawn((ifindex, vlan), source, mac, now);
            return;
        }
        if !self.routers.heard((ifindex, vlan), source, mac, lifetime, now) {
            return;
        }
        let mut announcements = self.announcements.lock();
        if announcements.ready(now) {
            let interface = self.sightings.segment(ifindex, vlan).to_string();
            tracing::info!(
                interface,
                router = %source,
                %mac,
                "there is an IPv6 router: it answers the router solicitations of machines that boot"
            );
        }
    }

    fn say_forwarding(&self, interface: &str) {
        if !self.is_forwarding_said.swap(true, Relaxed) {
            tracing::info!(
                interface,
                "this node forwards IPv6 (net.ipv6.conf.{interface}.forwarding or all.forwarding): it is taken for a \
                 router, and iPXE waits 16 s in each stage, unless one answers it"
            );
        }
    }
}

impl RouterSolicitations {
    /// Of a bound packet socket. Needs a tokio runtime.
    ///
    /// # Errors
    /// The runtime does not take the socket.
    pub fn new(
        socket: OwnedFd,
        link: Link,
        tables: Served,
        common: SolicitationCommon,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            socket: watched(socket)?,
            link,
            tables,
            common,
            pending: PendingSolicitations::default(),
            failures: Throttle::default(),
            read: 0,
            answered: 0,
            source: None,
        })
    }

    /// Answers until the task is cancelled, or the interface is removed.
    pub async fn serve(mut self, cancel: CancellationToken) {
        let _ = cancel.run_until_cancelled(self.answer_all()).await;
    }

    /// Ends when the interface is removed.
    async fn answer_all(&mut self) {
        let mut receiver = FrameReceiver::default();
        let mut overflows = Overflows::default();
        let mut look = tokio::time::interval(LOOK);
        let mut leases = self.common.sightings.booting().leases();
        loop {
            let received = tokio::select! {
                _ = look.tick() => {
                    if links::is_gone(self.link.index) {
                        return;
                    }
                    self.ask();
                    self.decide_again();
                    continue;
                }
                leased = leases.recv() => {
                    match leased {
                        Ok((index, station)) if index == self.link.index => {
                            if let Some((since, frame)) = self.pending.take(station) {
                                self.decide(&frame, since);
                            }
                        }
                        Ok(_) => {}
                        Err(RecvError::Lagged(_)) => self.decide_again(),
                        // The Advertisement is ours, too.
                        Err(RecvError::Closed) => return,
                    }
                    continue;
                }
                received = self.socket.async_io(READABLE_OR_FAILED, |socket| {
                    Ok(receiver.receive(socket)?)
                }) => received,
            };
            match received {
                Ok(Some(received)) => {
                    let lost = overflows.since_last(received.overflows);
                    self.common.counters.add(SolicitationOutcome::Overflowed, lost.into());
                    self.handle(receiver.frame(&received), &received);
                    if !READ.admit(&mut self.read, clock::nanoseconds()) {
                        tokio::time::sleep(PAUSE).await;
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    self.note_failure(&error);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn note_failure(&mut self, error: &io::Error) {
        if let Some(left_out) = self.failures.admit(Instant::now()) {
            let interface = &self.link.name;
            tracing::debug!(interface, %error, left_out, "cannot receive router solicitations");
        }
    }

    fn handle(&mut self, frame: &[u8], received: &ReceivedFrame) {
        // Between making the socket and binding it, frames of other interfaces come in.
        if usize::try_from(self.link.index) != Ok(received.from.ifindex()) {
            return;
        }
        self.decide(frame, Instant::now());
    }

    /// Looks again at what is kept.
    fn decide_again(&mut self) {
        for (since, frame) in self.pending.take_all() {
            self.decide(&frame, since);
        }
    }

    /// Answers a frame that came at a time, keeps it for later, or counts why not.
    fn decide(&mut self, frame: &[u8], since: Instant) {
        let now = Instant::now();
        let message = match message::parse(frame) {
            Ok(message) if message.mac != self.link.mac => message,
            Err(NoRouterMessage::Invalid) => {
                return self.common.counters.count(SolicitationOutcome::Invalid);
            }
            Ok(_) | Err(NoRouterMessage::Other) => return,
        };
        let index = self.link.index;
        let mut outcome = {
            let tables = self.tables.read();
            self.common.judge(index, &tables, &message, now)
        };
        let station = Station { mac: message.mac, vlan: message.vlan };
        match outcome {
            SolicitationOutcome::Advertisement => self.common.hear(index, &message, now),
            SolicitationOutcome::Answered => outcome = self.answer(&message, now),
            SolicitationOutcome::Asking => self.ask(),
            _ => {}
        }
        // A lease that is not told of yet may be the next stage's.
        let may_change = matches!(
            outcome,
            SolicitationOutcome::NotBooting
                | SolicitationOutcome::GoneOn
                | SolicitationOutcome::Asking
        );
        if may_change && self.pending.keep(station, frame, since, now) {
            return;
        }
        self.common.counters.count(outcome);
        let (interface, machine) = (&self.link.name, message.mac);
        tracing::debug!(interface, %machine, source = %message.source, outcome = outcome.as_str(), "router discovery");
    }

    fn answer(&mut self, message: &RouterMessage<'_>, now: Instant) -> SolicitationOutcome {
        if !ANSWERS.admit(&mut self.answered, clock::nanoseconds()) {
            return SolicitationOutcome::Limited;
        }
        let mac = self.link.mac;
        // Where IPv6 is switched off, the address that our MAC would have: nobody else has it, and nobody is told to
        // send anything there.
        let source = self.source(now).unwrap_or_else(|| message::link_local_of(mac));
        if !self.send(&message::no_router(mac, source, message)) {
            return SolicitationOutcome::Unsent;
        }
        let station = Station { mac: message.mac, vlan: message.vlan };
        self.common.sightings.booting().answered(self.link.index, station, now);
        SolicitationOutcome::Answered
    }

    /// Asks whether there is a router, where that is due.
    fn ask(&mut self) {
        let now = Instant::now();
        for tags in self.common.routers.questions(self.link.index, now) {
            let source = self.source(now);
            self.send(&message::question(self.link.mac, source, &tags));
        }
    }

    fn send(&self, frame: &[u8]) -> bool {
        send(self.socket.as_raw_fd(), frame, MsgFlags::MSG_DONTWAIT).is_ok()
    }

    fn source(&mut self, now: Instant) -> Option<Ipv6Addr> {
        if let Some((since, source)) = self.source
            && now.saturating_duration_since(since) < SAME_ADDRESS
        {
            return source;
        }
        let source = links::link_local(self.link.index);
        self.source = Some((now, source));
        source
    }
}

#[cfg(test)]
mod tests;
