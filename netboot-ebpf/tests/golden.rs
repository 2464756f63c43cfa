//! Requests that real clients sent, and their answers.

use netboot_ebpf::verdict::Verdict;

use crate::common::{ADDRESS, Answered, OTHER_RELAY, OTHER_SERVER, SERVER, Site, ask, frame};

/// A captured request.
#[derive(Debug)]
pub struct Golden {
    pub client: String,
    pub message_type: u8,
    pub source: [u8; 4],
    pub destination: [u8; 4],
    pub ports: [u16; 2],
    pub message: Vec<u8>,
}

impl Golden {
    pub fn all() -> Vec<Self> {
        let text = include_str!("../../tests/golden/clients.txt");
        text.lines().filter(|line| !line.starts_with('#')).map(Self::parse).collect()
    }

    fn parse(line: &str) -> Self {
        let fields: Vec<&str> = line.split(" | ").map(str::trim).collect();
        let [client, message_type, .., addresses, ports, _ttl, _len, payload] = fields[..] else {
            panic!("not a line of 9 fields: {line}");
        };
        let (source, destination) = addresses.split_once('>').unwrap();
        let (from, to) = ports.split_once('>').unwrap();
        let address = |text: &str| text.parse::<std::net::Ipv4Addr>().unwrap().octets();
        let hex = |at| u8::from_str_radix(&payload[at..at + 2], 16).unwrap();
        Self {
            client: client.to_owned(),
            message_type: message_type.parse().unwrap(),
            source: address(source),
            destination: address(destination),
            ports: [from.parse().unwrap(), to.parse().unwrap()],
            message: (0..payload.len()).step_by(2).map(hex).collect(),
        }
    }

    pub fn mac(&self) -> [u8; 6] {
        self.message[28..34].try_into().unwrap()
    }

    pub fn frame(&self) -> Vec<u8> {
        frame(self.mac(), self.source, self.destination, self.ports, &self.message)
    }
}

/// A site that knows all of these machines.
pub fn site() -> Site {
    let mut site = Site::new();
    for golden in Golden::all() {
        if golden.source == OTHER_RELAY {
            site.reserve(golden.mac(), [172, 29, 0, 112], 1);
        } else {
            site.reserve(golden.mac(), ADDRESS, 0);
        }
    }
    site
}

const UEFI: &str = "ipxe.efi";
const ARM64: &str = "arm64.efi";
const SCRIPT: &str = "http://172.30.0.1/auto.ipxe";
const BIOS_URL: &str = "tftp://172.30.0.1/undionly.kpxe";
const UEFI_URL: &str = "tftp://172.30.0.1/ipxe.efi";
const HTTP: &str = "http://172.30.0.1/ipxe/ipxe.efi";

/// Client and message type, in the file's order: the boot file, or that the message is not ours.
const EXPECT: [(&str, u8, Option<&str>); 30] = [
    ("bios_ipxe", 1, Some(BIOS_URL)),
    ("bios_ipxe", 3, Some(BIOS_URL)),
    ("bios_ipxe", 1, Some(SCRIPT)),
    ("bios_ipxe", 3, Some(SCRIPT)),
    ("bios_ipxe", 3, None),
    ("bios_ipxe", 1, Some(UEFI)),
    ("bios_ipxe", 3, Some(UEFI)),
    ("bios_ipxe", 1, Some(UEFI_URL)),
    ("bios_ipxe", 3, Some(UEFI_URL)),
    ("bios_ipxe", 3, None),
    ("bios_ipxe", 1, Some(HTTP)),
    ("bios_ipxe", 3, Some(HTTP)),
    ("tinkerbell_bios", 1, Some(BIOS_URL)),
    ("tinkerbell_bios", 3, Some(BIOS_URL)),
    ("tinkerbell_bios", 1, Some(SCRIPT)),
    ("tinkerbell_bios", 3, Some(SCRIPT)),
    ("tinkerbell_uefi", 1, Some(UEFI)),
    ("tinkerbell_uefi", 3, Some(UEFI)),
    ("tinkerbell_uefi", 1, Some(SCRIPT)),
    ("tinkerbell_uefi", 3, Some(SCRIPT)),
    ("linux_clients", 1, Some(SCRIPT)),
    ("linux_clients", 3, Some(SCRIPT)),
    ("linux_clients", 1, Some(SCRIPT)),
    ("linux_clients", 3, Some(SCRIPT)),
    ("uboot", 1, Some(ARM64)),
    ("uboot", 3, Some(ARM64)),
    ("uboot", 1, Some(ARM64)),
    ("uboot", 3, Some(ARM64)),
    ("perfdhcp", 1, Some(SCRIPT)),
    ("perfdhcp", 3, Some(SCRIPT)),
];

#[test]
fn each_client_gets_its_boot_file() {
    let site = site();
    let all = Golden::all();
    assert_eq!(all.len(), EXPECT.len());
    for (golden, (client, message_type, boot_file)) in all.iter().zip(EXPECT) {
        assert_eq!((&*golden.client, golden.message_type), (client, message_type));
        let outcome = ask(&site, &golden.frame());
        let Some(boot_file) = boot_file else {
            assert_eq!(golden.ports[1], 4011);
            assert_eq!(outcome, Err(Verdict::ProxyPort), "{golden:?}");
            continue;
        };
        let reply = outcome.unwrap_or_else(|verdict| panic!("{verdict:?}: {golden:?}"));
        let (verdict, answer) =
            if message_type == 1 { (Verdict::Offer, 2) } else { (Verdict::Ack, 5) };
        assert_eq!((reply.verdict, reply.message_type), (verdict, answer), "{golden:?}");
        assert_eq!(reply.boot_file(), boot_file, "{golden:?}");
        goes_to(golden, &reply);
    }
}

fn goes_to(golden: &Golden, reply: &Answered) {
    let relayed = golden.client == "perfdhcp";
    let broadcast = golden.message[10] & 0x80 != 0;
    let expect = match (relayed, broadcast) {
        (true, _) => (golden.mac(), OTHER_RELAY, 67, OTHER_SERVER),
        (false, true) => ([255; 6], [255; 4], 68, SERVER),
        (false, false) => (golden.mac(), ADDRESS, 68, SERVER),
    };
    assert_eq!((reply.to, reply.destination, reply.port, reply.source), expect, "{golden:?}");
    assert_eq!(reply.message[4..8], golden.message[4..8], "xid: {golden:?}");
    assert_eq!(reply.message[28..44], golden.message[28..44], "chaddr: {golden:?}");
    assert_eq!(reply.option(54), Some(&expect.3[..]), "{golden:?}");
}

/// What firmware insists on.
#[test]
fn quirks() {
    let site = site();
    for golden in Golden::all().iter().filter(|golden| golden.ports[1] == 67) {
        let reply = ask(&site, &golden.frame()).unwrap();
        let http = golden.message.windows(10).any(|part| part == b"HTTPClient");
        let class = reply.option(60);
        assert_eq!(class, http.then_some(&b"HTTPClient"[..]), "60 for HTTP only: {golden:?}");
        assert_eq!(reply.option(67), None, "67 beside `file`: {golden:?}");
        assert_eq!(reply.option(52), None);
        let uuid = golden.message.windows(2).any(|part| part == [97, 17]);
        assert_eq!(reply.option(97).is_some(), uuid, "97: {golden:?}");
        if golden.client == "uboot" {
            assert!(reply.message.len() + 28 <= 576);
        }
    }
}

/// Nobody knows these machines: nobody is answered.
#[test]
fn unknown_machines() {
    let mut site = site();
    site.reservations.clear();
    for golden in Golden::all().iter().filter(|golden| golden.ports[1] == 67) {
        assert_eq!(ask(&site, &golden.frame()), Err(Verdict::UnknownMachine), "{golden:?}");
    }
}
