//! What must hold for whatever is read as another server's answer.

use anyhow::{Result, ensure};
use netboot_ebpf::{request::is_unicast, responder::Scratch};
use netboot_machines::other_servers::Sighting;

/// A server that is seen in a frame has an address.
pub(super) fn check(frame: &[u8], scratch: &mut Scratch) -> Result<()> {
    let Ok(sighting) = Sighting::in_reply(frame, scratch) else { return Ok(()) };
    ensure!(is_unicast(sighting.server.octets()), "{sighting:?}");
    ensure!(sighting.offered.is_none_or(|offered| !offered.is_unspecified()), "{sighting:?}");
    Ok(())
}
