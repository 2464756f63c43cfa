//! Requests, as frames.

use netboot_ebpf::{
    frame::seal,
    wire::{DISCOVER, REQUEST, code},
};

use super::site::{MAC, SERVER};

/// A request to be built; by default from the known machine, broadcast, with the broadcast flag unset.
#[derive(Clone, Debug)]
pub struct Ask {
    pub station: [u8; 6],
    /// The frame's Ethernet destination.
    pub to: [u8; 6],
    /// VLAN tags, encoded.
    pub tags: Vec<u8>,
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
    /// Zero-padded.
    pub sname: Vec<u8>,
    /// Zero-padded.
    pub file: Vec<u8>,
    pub cookie: [u8; 4],
    /// Encoded, without End.
    pub options: Vec<u8>,
    /// What stands after the options.
    pub end: Vec<u8>,
}

impl Ask {
    pub fn new(message_type: u8) -> Self {
        let mut chaddr = [0; 16];
        chaddr[..6].copy_from_slice(&MAC);
        Self {
            station: MAC,
            to: [255; 6],
            tags: vec![],
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
            sname: vec![],
            file: vec![],
            cookie: [0x63, 0x82, 0x53, 0x63],
            options: vec![code::MESSAGE_TYPE, 1, message_type],
            end: vec![code::END],
        }
    }

    pub fn discover() -> Self {
        Self::new(DISCOVER)
    }

    /// A REQUEST in SELECTING, of an offer of ours.
    pub fn selecting(address: [u8; 4]) -> Self {
        Self::new(REQUEST).with(code::SERVER_ID, &SERVER).with(code::REQUESTED_ADDRESS, &address)
    }

    pub fn init_reboot(address: [u8; 4]) -> Self {
        Self::new(REQUEST).with(code::REQUESTED_ADDRESS, &address)
    }

    pub fn renewing(address: [u8; 4]) -> Self {
        Self { source: address, destination: SERVER, ..Self::rebinding(address) }
    }

    pub fn rebinding(address: [u8; 4]) -> Self {
        Self { source: address, ciaddr: address, ..Self::new(REQUEST) }
    }

    pub fn with(mut self, code: u8, value: &[u8]) -> Self {
        self.options.extend([code, u8::try_from(value.len()).unwrap()]);
        self.options.extend(value);
        self
    }

    /// Of another type.
    pub fn with_type(mut self, message_type: u8) -> Self {
        assert_eq!(self.options[..2], [code::MESSAGE_TYPE, 1]);
        self.options[2] = message_type;
        self
    }

    /// Passed on by a relay with this address.
    pub fn relayed(self, giaddr: [u8; 4]) -> Self {
        Self {
            giaddr,
            source: giaddr,
            source_port: 67,
            destination: SERVER,
            begin: [1, 1, 6, 1],
            station: [2, 0, 0, 0, 0, 0x67],
            ..self
        }
    }

    /// A REQUEST to the ProxyDHCP port, from a client that has an address of another server.
    pub fn boot_server(address: [u8; 4]) -> Self {
        Self { port: 4011, source_port: 4011, ..Self::renewing(address) }
    }

    /// With one more VLAN tag, inside of those that it has: its type, and priority and id.
    pub fn tag(mut self, ethertype: [u8; 2], control: u16) -> Self {
        self.tags.extend(ethertype);
        self.tags.extend(control.to_be_bytes());
        self
    }

    pub fn broadcast_flag(self) -> Self {
        Self { flags: [0x80, 0], ..self }
    }

    pub fn mac(mut self, mac: [u8; 6]) -> Self {
        self.chaddr[..6].copy_from_slice(&mac);
        self
    }

    pub fn message(&self) -> Vec<u8> {
        [
            &self.begin[..],
            &self.xid,
            &self.secs,
            &self.flags,
            &self.ciaddr,
            &[0; 8],
            &self.giaddr,
            &self.chaddr,
            &padded::<64>(&self.sname),
            &padded::<128>(&self.file),
            &self.cookie,
            &self.options,
            &self.end,
        ]
        .concat()
    }

    pub fn frame(&self) -> Vec<u8> {
        let ports = [self.source_port, self.port];
        let message = self.message();
        let mut frame = frame(self.station, self.source, self.destination, ports, &message);
        frame[..6].copy_from_slice(&self.to);
        frame.splice(12..12, self.tags.iter().copied());
        frame
    }
}

fn padded<const N: usize>(value: &[u8]) -> [u8; N] {
    let mut field = [0; N];
    field[..value.len()].copy_from_slice(value);
    field
}

/// A frame with this UDP payload. Its UDP checksum is wrong: nothing may depend on it.
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
