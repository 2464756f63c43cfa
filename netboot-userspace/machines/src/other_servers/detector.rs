//! The detector of other servers on one interface.

use std::time::Instant;

use netboot_base::throttle::Throttle;
use netboot_ebpf::{
    frame::{INNER, split},
    responder::Scratch,
    shared::{Settings, Vlan},
    verdict::Verdict,
    wire::BOOTREPLY,
};

use super::{OtherServers, Sighting, sighting::is_to_client};

/// Replies that are read, a minute: as many as a thousand machines cause at once.
pub(super) const REPLIES: u32 = 6000;

/// What reads the frames that came in.
pub struct Detector {
    others: OtherServers,
    interface: String,
    replies: Throttle,
    scratch: Box<Scratch>,
}

impl Detector {
    #[must_use]
    pub fn new(others: OtherServers, interface: &str) -> Self {
        Self {
            others,
            interface: interface.to_owned(),
            replies: Throttle::new(REPLIES),
            scratch: Box::new(Scratch::new()),
        }
    }

    /// Looks at a frame that the responder came to a verdict on, with `scratch`. Returns whether it is to a
    /// client: no request of whatever kind.
    pub fn takes(
        &mut self,
        verdict: Verdict,
        frame: &[u8],
        scratch: &Scratch,
        settings: &Settings,
    ) -> bool {
        match verdict {
            Verdict::NotDhcp if is_reply(frame) => {
                self.reply(frame, settings);
                true
            }
            Verdict::OtherDestination if !is_from_server(frame) => false,
            Verdict::NotRequest | Verdict::OtherDestination => {
                self.reply(frame, settings);
                false
            }
            Verdict::OtherServer => {
                if let Some(sighting) = Sighting::in_request(scratch) {
                    self.note(&sighting, settings);
                }
                false
            }
            _ => false,
        }
    }

    fn reply(&mut self, frame: &[u8], settings: &Settings) {
        if !self.replies.ready(Instant::now()) {
            self.others.count_skipped();
            return;
        }
        match Sighting::in_reply(frame, &mut self.scratch) {
            Ok(sighting) => self.note(&sighting, settings),
            Err(verdict) => {
                tracing::debug!(
                    interface = self.interface,
                    why = verdict.as_str(),
                    "a reply that cannot be read"
                );
                self.others.count_unreadable();
            }
        }
    }

    fn note(&self, sighting: &Sighting, settings: &Settings) {
        // Ours come in again where two interfaces are on one wire.
        if settings.is_ours(sighting.server.octets()) || sighting.names_relay() {
            return;
        }
        let mut interface = self.interface.clone();
        if sighting.vlan != Vlan::NONE {
            interface += &format!(" vlan {}", sighting.vlan);
        }
        self.others.note(interface, sighting, Instant::now());
    }
}

/// Whether it is a message of a server, to a relay.
fn is_from_server(frame: &[u8]) -> bool {
    split(frame).is_ok_and(|(parts, _)| parts.rest.first() == Some(&BOOTREPLY))
}

fn is_reply(frame: &[u8]) -> bool {
    let Ok((parts, _)) = split(frame) else { return false };
    parts.headers.last_chunk::<INNER>().is_some_and(is_to_client)
}
