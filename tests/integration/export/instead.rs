//! What the servers say otherwise than netboot, and why.

use std::net::Ipv4Addr;

use netboot_ebpf::wire::{
    NAK,
    code::{
        BOOT_FILE, CLASSLESS_ROUTES, HOSTNAME, IPXE, ROUTER as ROUTERS, TFTP_SERVER_NAME,
        VENDOR_OPTIONS,
    },
};
use netboot_tests::{dhcp_server::Server, lab::SERVER};

use super::machine::{Answer, shown};

const SEARCH: u8 = 119;

/// What this server answers where netboot answers `ours`.
pub(super) fn instead(server: Server, case: &str, mut ours: Answer) -> Option<Answer> {
    let boots = !ours.file.is_empty() || ours.options.contains_key(&BOOT_FILE);
    match (server, case) {
        // A subnet is joined to an interface or a relay, not to all others.
        (Server::Dnsmasq, "from another subnet") => return None,
        // It waits for the end of the first one's lease.
        (Server::Kea, "the second NIC of two") => return None,
        // Machines that know option 121 ignore the routers beside it (RFC 3442).
        (_, "classless routes") => {
            ours.options.insert(ROUTERS, "c0:a8:02:01".to_owned());
        }
        // They tell all that is configured, where netboot tells what is asked for.
        (_, "U-Boot") => {
            let routes = "08:0a:c0:a8:02:0a:00:c0:a8:02:01".to_owned();
            ours.options.insert(CLASSLESS_ROUTES, routes);
        }
        // It looks for the text of a class anywhere in the option.
        (Server::Dnsmasq, "a longer class") => {
            ours.file = "http://192.168.2.200/auto.ipxe".to_owned();
            ours.options.insert(IPXE, "b0:01:01".to_owned());
        }
        // It tells the name to machines that ask for it.
        (Server::Dnsmasq, "asks for a router") => {
            ours.options.remove(&HOSTNAME);
        }
        // It names itself, and no file.
        (Server::Dnsmasq, _) if !boots => ours.siaddr = SERVER,
        // They see the first class of a list only, here iPXE,
        (Server::Kea | Server::Dhcpd, "Tinkerbell, second of two") => {
            ours.file = "tftp://192.168.2.200/ipxe.efi".to_owned();
        }
        // and the first architecture, for which there is no file.
        (Server::Kea | Server::Dhcpd, "two architectures") => {
            ours.file.clear();
            ours.siaddr = Ipv4Addr::UNSPECIFIED;
            ours.options.remove(&VENDOR_OPTIONS);
        }
        _ => {}
    }
    if server == Server::Dnsmasq {
        // It ends these with a NUL, where iPXE's settings end too.
        for code in [TFTP_SERVER_NAME, BOOT_FILE] {
            if let Some(text) = ours.options.get_mut(&code) {
                *text = shown(format!("{text}\0").as_bytes());
            }
        }
    }
    if server == Server::Kea
        && let Some(search) = ours.options.get_mut(&SEARCH).filter(|text| text.ends_with("c0:00"))
    {
        // It writes each name out (RFC 3397 lets names end in another's).
        *search = shown(b"\x07example\x03com\0\x03lab\x07example\x03com\0");
    }
    Some(ours)
}

/// The type of this server's answer to a machine that had an address before.
pub(super) fn reboot_instead(server: Server, case: &str, ours: Option<u8>) -> Option<u8> {
    match (server, case) {
        // It keeps one lease of a machine, which it had in the VLAN last.
        (Server::Dnsmasq, "one of its addresses") => Some(NAK),
        // Known or not: it is in a network where it cannot have that address.
        (Server::Dhcpd, "unknown, an address of another network") => Some(NAK),
        _ => ours,
    }
}
