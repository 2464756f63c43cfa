//! Conflicts: another machine that has an address already (RFC 5227).

use std::{
    io,
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use netboot_ebpf::shared::Mac;

use super::wire::Wire;

const PATIENCE: Duration = Duration::from_millis(400);
const ATTEMPTS: u32 = 2;

/// The station that has the address, unless it is the machine itself.
pub(super) fn owner(wire: &mut Wire, mac: Mac, address: Ipv4Addr) -> io::Result<Option<Mac>> {
    let question = question(mac, address);
    for _ in 0..ATTEMPTS {
        wire.send(&question)?;
        let until = Instant::now() + PATIENCE;
        while let Some(frame) = wire.receive(until)? {
            if let Some(owner) = claims(frame, address) {
                return Ok(Some(owner));
            }
            if Instant::now() >= until {
                break;
            }
        }
    }
    Ok(None)
}

/// Who has the address? Asked without one of our own.
fn question(mac: Mac, address: Ipv4Addr) -> Vec<u8> {
    let mut frame = vec![0xff; 6];
    frame.extend(mac.octets);
    // ARP; Ethernet and IPv4, addresses of 6 and 4 bytes; a request.
    frame.extend([0x08, 0x06, 0, 1, 0x08, 0x00, 6, 4, 0, 1]);
    frame.extend(mac.octets);
    frame.extend([0; 4]);
    frame.extend([0; 6]);
    frame.extend(address.octets());
    // The shortest Ethernet frame.
    frame.resize(60, 0);
    frame
}

/// Who says in an ARP frame that the address is its own.
pub(super) fn claims(frame: &[u8], address: Ipv4Addr) -> Option<Mac> {
    let is_arp = frame.get(12..20)? == [0x08, 0x06, 0, 1, 0x08, 0x00, 6, 4];
    let octets: [u8; 6] = frame.get(22..28)?.try_into().ok()?;
    let is_of_it = frame.get(28..32)? == address.octets();
    (is_arp && is_of_it).then_some(Mac { octets })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_owner_claims() {
        let (mac, address) = (Mac { octets: [2, 0, 0, 0, 0, 1] }, Ipv4Addr::new(10, 0, 0, 5));
        let asked = question(mac, address);
        assert_eq!((asked.len(), claims(&asked, address)), (60, None));
        let mut answer = asked;
        answer[28..32].copy_from_slice(&address.octets());
        assert_eq!(claims(&answer, address), Some(mac));
        assert_eq!(claims(&answer, Ipv4Addr::new(10, 0, 0, 6)), None);
        assert_eq!(claims(&answer[..30], address), None);
    }
}
