//! Reads an answer, and panics where it is no valid one.

use netboot_ebpf::{verdict::Verdict, wire::MAGIC_COOKIE};

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub verdict: Verdict,
    pub to: [u8; 6],
    pub from: [u8; 6],
    /// VLAN tags, encoded.
    pub tags: Vec<u8>,
    pub source: [u8; 4],
    pub destination: [u8; 4],
    /// UDP destination port.
    pub port: u16,
    /// UDP source port.
    pub from_port: u16,
    pub message: Vec<u8>,
    pub options: Vec<(u8, Vec<u8>)>,
}

impl Reply {
    pub fn read(verdict: Verdict, frame: &[u8]) -> Self {
        let (addresses, mut rest) = frame.split_at(12);
        let mut tags = vec![];
        while matches!(rest[..2], [0x81, 0x00] | [0x88, 0xa8] | [0x91, 0x00]) {
            tags.extend(&rest[..4]);
            rest = &rest[4..];
        }
        let (ethertype, ip) = rest.split_at(2);
        let (ip, udp) = ip.split_at(20);
        assert_eq!(ethertype, [0x08, 0x00], "ethertype");
        assert_eq!((ip[0], ip[8], ip[9]), (0x45, 64, 17), "IPv4, TTL 64, UDP");
        assert_eq!(ip[6..8], [0x40, 0], "not a fragment, do not fragment");
        assert_eq!(usize::from(word(&ip[2..])), 20 + udp.len(), "IP length");
        assert_eq!(internet_sum(&[ip]), 0xffff, "IP checksum");
        assert_eq!(usize::from(word(&udp[4..])), udp.len(), "UDP length");
        assert_ne!(udp[6..8], [0, 0], "no UDP checksum");
        let pseudo = [&ip[12..20], &[0, 17], &udp[4..6]].concat();
        assert_eq!(internet_sum(&[&pseudo, udp]), 0xffff, "UDP checksum");
        let message = udp[8..].to_vec();
        assert!(message.len() >= 300, "a BOOTP message has 300 bytes");
        assert_eq!(message[236..240], MAGIC_COOKIE);
        Self {
            verdict,
            to: addresses[..6].try_into().unwrap(),
            from: addresses[6..].try_into().unwrap(),
            tags,
            source: ip[12..16].try_into().unwrap(),
            destination: ip[16..20].try_into().unwrap(),
            port: word(&udp[2..]),
            from_port: word(udp),
            options: options(&message[240..]),
            message,
        }
    }

    pub fn codes(&self) -> Vec<u8> {
        self.options.iter().map(|(code, _)| *code).collect()
    }

    pub fn option(&self, code: u8) -> Option<&[u8]> {
        self.options.iter().find(|(other, _)| *other == code).map(|(_, value)| &value[..])
    }

    /// `yiaddr`.
    pub fn address(&self) -> [u8; 4] {
        self.message[16..20].try_into().unwrap()
    }

    pub fn message_type(&self) -> u8 {
        self.option(53).unwrap()[0]
    }

    /// The bytes up to End.
    pub fn used(&self) -> usize {
        241 + self.options.iter().map(|(_, value)| 2 + value.len()).sum::<usize>()
    }

    /// The boot file: of the `file` field, else of option 67.
    pub fn boot_file(&self) -> &str {
        let file = &self.message[108..236];
        let len = file.iter().position(|byte| *byte == 0).expect("`file` ends with a NUL");
        assert!(file[len..].iter().all(|byte| *byte == 0), "junk after the file name");
        let name = if len == 0 { self.option(67).unwrap_or_default() } else { &file[..len] };
        std::str::from_utf8(name).unwrap()
    }
}

/// The options up to End, each code once, without pads; after End stands nothing but zeros.
pub fn options(area: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut options: Vec<(u8, Vec<u8>)> = Vec::new();
    let mut rest = area;
    while rest[0] != 255 {
        let (code, len) = (rest[0], usize::from(rest[1]));
        assert_ne!(code, 0, "a pad between options: {options:?}");
        assert!(options.iter().all(|(other, _)| *other != code), "option {code} comes twice");
        options.push((code, rest[2..2 + len].to_vec()));
        rest = &rest[2 + len..];
    }
    assert!(rest[1..].iter().all(|byte| *byte == 0), "junk after End: {rest:02x?}");
    options
}

/// The ones' complement sum of 16-bit words (RFC 1071); each part but the last has an even length.
pub fn internet_sum(parts: &[&[u8]]) -> u16 {
    let data = parts.concat();
    let mut sum = 0u16;
    for pair in data.chunks(2) {
        let (next, carry) = sum.overflowing_add(u16::from_be_bytes([
            pair[0],
            pair.get(1).copied().unwrap_or_default(),
        ]));
        sum = next + u16::from(carry);
    }
    sum
}

fn word(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0], bytes[1]])
}
