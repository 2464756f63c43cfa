//! Requests, as frames.

use netboot_ebpf::{
    frame::seal,
    wire::{DECLINE, DISCOVER, INFORM, RELEASE, REQUEST, code},
};

use crate::{
    site::{ADDRESS, MAC, SERVER},
    tags::Tags,
};

/// A request to be built; by default from the known machine, broadcast, with the broadcast flag unset.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Ethernet destination and source.
    pub to: [u8; 6],
    pub station: [u8; 6],
    pub tags: Tags,
    pub source: [u8; 4],
    pub destination: [u8; 4],
    pub source_port: u16,
    pub port: u16,
    /// `op`, `htype`, `hlen`, `hops`.
    pub begin: [u8; 4],
    pub xid: [u8; 4],
    pub secs: [u8; 2],
    pub flags: [u8; 2],
    pub ciaddr: [u8; 4],
    pub giaddr: [u8; 4],
    pub chaddr: [u8; 16],
    /// Their first bytes; zeros follow.
    pub sname: Vec<u8>,
    pub file: Vec<u8>,
    pub cookie: [u8; 4],
    /// Encoded, without End.
    pub options: Vec<u8>,
    /// What stands after the options.
    pub end: Vec<u8>,
}

impl Ask {
    #[must_use]
    pub fn new(message_type: u8) -> Self {
        let mut chaddr = [0; 16];
        chaddr[..6].copy_from_slice(&MAC);
        Self {
            to: [255; 6],
            station: MAC,
            tags: Tags::new(),
            source: [0; 4],
            destination: [255; 4],
            source_port: 68,
            port: 67,
            begin: [1, 1, 6, 0],
            xid: [0xde, 0xad, 0xbe, 0xef],
            secs: [0, 4],
            flags: [0; 2],
            ciaddr: [0; 4],
            giaddr: [0; 4],
            chaddr,
            sname: Vec::new(),
            file: Vec::new(),
            cookie: [0x63, 0x82, 0x53, 0x63],
            options: vec![code::MESSAGE_TYPE, 1, message_type],
            end: vec![code::END],
        }
    }

    #[must_use]
    pub fn discover() -> Self {
        Self::new(DISCOVER)
    }

    /// A REQUEST in SELECTING, of an offer of ours.
    #[must_use]
    pub fn selecting(address: [u8; 4]) -> Self {
        Self::new(REQUEST).with(code::SERVER_ID, &SERVER).with(code::REQUESTED_ADDRESS, &address)
    }

    #[must_use]
    pub fn init_reboot(address: [u8; 4]) -> Self {
        Self::new(REQUEST).with(code::REQUESTED_ADDRESS, &address)
    }

    #[must_use]
    pub fn renewing(address: [u8; 4]) -> Self {
        Self { source: address, destination: SERVER, ..Self::rebinding(address) }
    }

    #[must_use]
    pub fn rebinding(address: [u8; 4]) -> Self {
        Self { source: address, ciaddr: address, ..Self::new(REQUEST) }
    }

    /// The known machine, or another one, found its address in use.
    #[must_use]
    pub fn decline(mac: [u8; 6]) -> Self {
        let decline = Self::new(DECLINE).mac(mac).with(code::SERVER_ID, &SERVER);
        decline.with(code::REQUESTED_ADDRESS, &ADDRESS)
    }

    #[must_use]
    pub fn release(address: [u8; 4]) -> Self {
        let release = Self::new(RELEASE).with(code::SERVER_ID, &SERVER);
        Self { source: address, destination: SERVER, ciaddr: address, ..release }
    }

    #[must_use]
    pub fn inform(address: [u8; 4]) -> Self {
        Self { source: address, ciaddr: address, ..Self::new(INFORM) }
    }

    /// A REQUEST to the ProxyDHCP port, from a client that has an address of another server.
    #[must_use]
    pub fn boot_server(address: [u8; 4]) -> Self {
        Self { port: 4011, source_port: 4011, ..Self::renewing(address) }
    }

    /// A message of another type.
    ///
    /// # Panics
    /// The type is not the first option.
    #[must_use]
    pub fn with_type(mut self, message_type: u8) -> Self {
        assert_eq!(self.options[..2], [code::MESSAGE_TYPE, 1]);
        self.options[2] = message_type;
        self
    }

    /// One more option; a value of more than 255 bytes does not fit.
    #[must_use]
    pub fn with(mut self, code: u8, value: &[u8]) -> Self {
        assert!(value.len() <= 255, "option {code} has {} bytes", value.len());
        self.options.extend([code, value.len() as u8]);
        self.options.extend(value);
        self
    }

    /// Asks for these options.
    #[must_use]
    pub fn wanting(self, codes: &[u8]) -> Self {
        self.with(55, codes)
    }

    /// Firmware that boots from the network, of an architecture.
    #[must_use]
    pub fn pxe(self, architecture: u8) -> Self {
        self.with(60, b"PXEClient").with(93, &[0, architecture]).with(94, &[1, 3, 0])
    }

    /// Firmware that boots over HTTP, of an architecture.
    #[must_use]
    pub fn http(self, architecture: u8) -> Self {
        self.with(60, b"HTTPClient").with(93, &[0, architecture]).with(94, &[1, 3, 0])
    }

    /// Passed on by a relay with this address.
    #[must_use]
    pub fn relayed(self, giaddr: [u8; 4]) -> Self {
        Self {
            giaddr,
            source: giaddr,
            source_port: 67,
            destination: SERVER,
            begin: [1, 1, 6, 1],
            station: Self::RELAY_MAC,
            ..self
        }
    }

    /// The station that delivers what is [`Ask::relayed`].
    pub const RELAY_MAC: [u8; 6] = [2, 0, 0, 0, 0, 0x67];

    #[must_use]
    pub fn broadcast_flag(self) -> Self {
        Self { flags: [0x80, 0], ..self }
    }

    #[must_use]
    pub fn mac(mut self, mac: [u8; 6]) -> Self {
        self.chaddr[..6].copy_from_slice(&mac);
        self
    }

    /// In a VLAN (802.1Q).
    #[must_use]
    pub fn tagged(self, id: u8) -> Self {
        self.tag([0x81, 0x00], id.into())
    }

    /// With one more VLAN tag, inside of those that the frame has: the tag's type, and its priority and id.
    #[must_use]
    pub fn tag(mut self, [a, b]: [u8; 2], control: u16) -> Self {
        let [c, d] = control.to_be_bytes();
        self.tags.push([a, b, c, d]);
        self
    }

    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        let field = |value: &[u8], len: usize| {
            let mut field = value.to_vec();
            assert!(field.len() <= len, "a field of {len} bytes");
            field.resize(len, 0);
            field
        };
        [
            &self.begin[..],
            &self.xid,
            &self.secs,
            &self.flags,
            &self.ciaddr,
            &[0; 8],
            &self.giaddr,
            &self.chaddr,
            &field(&self.sname, 64),
            &field(&self.file, 128),
            &self.cookie,
            &self.options,
            &self.end,
        ]
        .concat()
    }

    #[must_use]
    pub fn frame(&self) -> Vec<u8> {
        let ports = [self.source_port, self.port];
        let plain = frame(self.station, self.source, self.destination, ports, &self.message());
        [&self.to[..], &plain[6..12], &self.tags.concat(), &plain[12..]].concat()
    }
}

impl From<Ask> for Vec<u8> {
    fn from(ask: Ask) -> Self {
        ask.frame()
    }
}

/// A frame with this UDP payload. Its UDP checksum is wrong: nothing may depend on it.
#[must_use]
pub fn frame(
    station: [u8; 6],
    source: [u8; 4],
    destination: [u8; 4],
    [from, to]: [u16; 2],
    payload: &[u8],
) -> Vec<u8> {
    let length = |more: usize| ((payload.len() + more) as u16).to_be_bytes();
    let mut frame = [
        &[255; 6][..],
        &station,
        &[0x08, 0x00],
        &[0x45, 0],
        &length(28),
        &[0, 0, 0, 0, 64, 17, 0, 0],
        &source,
        &destination,
        &from.to_be_bytes(),
        &to.to_be_bytes(),
        &length(8),
        &[0xba, 0xad],
        payload,
    ]
    .concat();
    seal(&mut frame);
    frame
}
