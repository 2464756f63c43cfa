//! The machine that a request is assumed to come from, and the request.

use std::net::Ipv4Addr;

use clap::ValueEnum;
use netboot_ebpf::{
    frame::seal,
    shared::{Mac, Vlan},
    wire::{
        BOOTREQUEST, BROADCAST_FLAG, CLIENT_PORT, DECLINE, DISCOVER, ETHERNET, INFORM,
        MAGIC_COOKIE, MIN_MESSAGE, PROXY_PORT, RELEASE, REQUEST, SERVER_PORT, code,
    },
};
use netboot_site::model::Architecture;

/// What is asked, in the state of a client that asks so (RFC 2131 section 4.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Message {
    /// Who has an address for me?
    Discover,
    /// I take your offer
    Request,
    /// I had this address before I was switched off
    Reboot,
    /// May I keep my address? (to this server)
    Renew,
    /// May I keep my address? (to anybody)
    Rebind,
    /// I have another server's address; what do I boot? (to this server's port 4011, ProxyDHCP)
    Proxy,
    /// I have an address, and want the options
    Inform,
    /// My address is in use by another machine
    Decline,
    /// I need my address no more
    Release,
}

/// A machine's network port, and what its firmware or iPXE says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    pub mac: Mac,
    /// Default: an x86-64 with UEFI; none, if `vendor_class` is not that of a boot from the network.
    pub architecture: Option<Architecture>,
    pub user_classes: Vec<String>,
    /// Default: what firmware of this architecture says.
    pub vendor_class: Option<String>,
    /// The relay that passes its requests on.
    pub relay: Option<Ipv4Addr>,
    /// The tags of its frames; default: those of its reservation, if it has one only.
    pub vlan: Option<Vlan>,
    /// How a single user class is written.
    pub form: UserClassForm,
    /// The transaction's id.
    pub xid: [u8; 4],
}

/// The forms of option 77.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserClassForm {
    /// The text alone, as iPXE sends it.
    #[default]
    Plain,
    /// The text with its length before it (RFC 3004).
    Instances,
}

/// What the machine knows of the server from its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownServer {
    /// The machine's address.
    pub address: Ipv4Addr,
    /// The server that the machine talks to.
    pub server: Ipv4Addr,
    /// This node, which relays send to.
    pub node: Ipv4Addr,
    pub server_mac: Mac,
}

impl KnownServer {
    /// Nothing yet: whoever hears it may answer.
    pub const NOBODY: Self = Self {
        address: Ipv4Addr::UNSPECIFIED,
        server: Ipv4Addr::UNSPECIFIED,
        node: Ipv4Addr::BROADCAST,
        server_mac: Mac { octets: [0xff; 6] },
    };
}

/// Option 93 of firmware that loads over HTTP (IANA "Processor Architecture Types").
const HTTP: [u16; 5] = [15, 16, 18, 19, 20];
/// The relay's own address is not asked for.
const RELAY_MAC: Mac = Mac { octets: [0x02, 0, 0, 0, 0, 0xfe] };
const XID: [u8; 4] = [0x6e, 0x65, 0x74, 0x62];

impl Machine {
    /// One of which only its MAC is known.
    #[must_use]
    pub const fn new(mac: Mac) -> Self {
        Self {
            mac,
            architecture: None,
            user_classes: Vec::new(),
            vendor_class: None,
            relay: None,
            vlan: None,
            form: UserClassForm::Plain,
            xid: XID,
        }
    }

    /// The machine when it runs an iPXE with this user class.
    #[must_use]
    pub fn with_user_class(&self, class: &str) -> Self {
        let mut ipxe = Self { user_classes: vec![class.to_owned()], ..self.clone() };
        // iPXE has no HTTP boot: it says what it was built for.
        ipxe.vendor_class = self.vendor_class.clone().filter(|class| !class.starts_with("HTTP"));
        ipxe.architecture = self.architecture.map(without_http);
        ipxe
    }

    /// The machine when its firmware loads over HTTP; `None`: none of its architecture does.
    #[must_use]
    pub fn over_http(&self) -> Option<Self> {
        let own = self.code().and_then(Architecture::of)?;
        let (_, _, codes) = Architecture::NAMED.iter().find(|(named, ..)| *named == own)?;
        let code = codes.iter().find(|code| HTTP.contains(code))?;
        Some(Self { architecture: Some(Architecture::Code(*code)), ..self.clone() })
    }

    /// The code of option 93; `None`: the option is not sent.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        let boots = self
            .vendor_class
            .as_ref()
            .is_none_or(|class| class.starts_with("PXEClient") || class.starts_with("HTTPClient"));
        let default = boots.then_some(Architecture::X8664Uefi);
        self.architecture.or(default).map(|own| own.code().unwrap_or_default())
    }

    /// Whether the machine loads over TFTP, and is not an iPXE.
    #[must_use]
    pub fn is_pxe_firmware(&self) -> bool {
        self.user_classes.is_empty() && self.vendor().starts_with("PXEClient")
    }

    /// Option 60.
    fn vendor(&self) -> String {
        let code = self.code().unwrap_or_default();
        let kind = if HTTP.contains(&code) { "HTTPClient" } else { "PXEClient" };
        let default = || format!("{kind}:Arch:{code:05}:UNDI:003016");
        self.vendor_class.clone().unwrap_or_else(default)
    }

    /// The frame of a request.
    #[must_use]
    pub fn frame(&self, message: Message, known: KnownServer) -> Vec<u8> {
        let payload = self.message(message, known);
        let direct = matches!(message, Message::Renew | Message::Release);
        let to_port = if message == Message::Proxy { PROXY_PORT } else { SERVER_PORT };
        let broadcast = Ipv4Addr::BROADCAST;
        let (from_mac, from, port, to) = match (self.relay, direct) {
            // A router's frame: relays leave port 4011 alone.
            (Some(_), _) if message == Message::Proxy => {
                (RELAY_MAC, known.address, CLIENT_PORT, known.server)
            }
            (Some(relay), _) => (RELAY_MAC, relay, SERVER_PORT, known.node),
            (None, _) if message == Message::Proxy => {
                (self.mac, known.address, CLIENT_PORT, known.server)
            }
            (None, true) => (self.mac, known.address, CLIENT_PORT, known.server),
            (None, false) => (self.mac, Ipv4Addr::UNSPECIFIED, CLIENT_PORT, broadcast),
        };
        let to_mac = if to == broadcast { [0xff; 6] } else { known.server_mac.octets };
        let mut frame = [to_mac, from_mac.octets].concat();
        for id in self.vlan.unwrap_or_default().ids.into_iter().filter(|id| *id != 0) {
            frame.extend([0x81, 0x00]);
            frame.extend(id.to_be_bytes());
        }
        frame.extend([0x08, 0x00]);
        let udp_length = payload.len() as u16 + 8;
        frame.extend(ip_header(udp_length + 20, from, to));
        for number in [port, to_port, udp_length, 0] {
            frame.extend(number.to_be_bytes());
        }
        frame.extend(payload);
        seal(&mut frame);
        frame
    }

    fn message(&self, message: Message, known: KnownServer) -> Vec<u8> {
        let has_address = matches!(
            message,
            Message::Renew | Message::Rebind | Message::Proxy | Message::Inform | Message::Release
        );
        let ciaddr = if has_address { known.address } else { Ipv4Addr::UNSPECIFIED };
        let flags = if has_address { 0 } else { BROADCAST_FLAG };
        let relay = self.relay.filter(|_| message != Message::Proxy);
        let mut bytes = vec![BOOTREQUEST, ETHERNET, 6, u8::from(relay.is_some())];
        bytes.extend(self.xid);
        bytes.extend([0, 4, flags, 0]);
        bytes.extend(ciaddr.octets());
        bytes.extend([0; 8]);
        bytes.extend(relay.unwrap_or(Ipv4Addr::UNSPECIFIED).octets());
        bytes.extend(self.mac.octets);
        // The rest of chaddr, sname and file.
        bytes.extend([0; 10 + 64 + 128]);
        bytes.extend(MAGIC_COOKIE);
        for (code, value) in self.options(message, known) {
            bytes.extend([code, value.len() as u8]);
            bytes.extend(value);
        }
        bytes.push(code::END);
        bytes.resize(bytes.len().max(MIN_MESSAGE), 0);
        bytes
    }

    /// In the order of EDK2; those of iPXE behind.
    fn options(&self, message: Message, known: KnownServer) -> Vec<(u8, Vec<u8>)> {
        let mut options = vec![(code::MESSAGE_TYPE, vec![message.number()])];
        if matches!(message, Message::Request | Message::Decline | Message::Release) {
            options.push((code::SERVER_ID, known.server.octets().to_vec()));
        }
        if matches!(message, Message::Request | Message::Reboot | Message::Decline) {
            options.push((code::REQUESTED_ADDRESS, known.address.octets().to_vec()));
        }
        options.push((code::MAX_MESSAGE, 1472_u16.to_be_bytes().to_vec()));
        let asked = if self.user_classes.is_empty() { &ASKED[..] } else { &ASKED_BY_IPXE };
        options.push((code::PARAMETER_LIST, asked.to_vec()));
        if let Some(code) = self.code() {
            let mut id = vec![0; 11];
            id.extend(self.mac.octets);
            options.push((code::MACHINE_ID, id));
            options.push((INTERFACE_ID, vec![1, 3, 16]));
            options.push((code::ARCHITECTURE, code.to_be_bytes().to_vec()));
        }
        let vendor = self.vendor();
        if !vendor.is_empty() {
            options.push((code::VENDOR_CLASS, short(vendor.as_bytes())));
        }
        match self.user_classes.as_slice() {
            [] => {}
            [one] if self.form == UserClassForm::Plain => {
                options.push((code::USER_CLASS, short(one.as_bytes())))
            }
            several => {
                let instances = several.iter().flat_map(|class| {
                    let class = short(class.as_bytes());
                    [vec![class.len() as u8], class].concat()
                });
                options.push((code::USER_CLASS, short(&instances.collect::<Vec<_>>())));
            }
        }
        if !self.user_classes.is_empty() {
            options.push((code::CLIENT_ID, [&[ETHERNET][..], &self.mac.octets].concat()));
        }
        options
    }
}

impl Message {
    /// Option 53.
    const fn number(self) -> u8 {
        match self {
            Self::Discover => DISCOVER,
            Self::Request | Self::Reboot | Self::Renew | Self::Rebind | Self::Proxy => REQUEST,
            Self::Inform => INFORM,
            Self::Decline => DECLINE,
            Self::Release => RELEASE,
        }
    }
}

/// The UNDI's version.
const INTERFACE_ID: u8 = 94;
/// What firmware asks for.
const ASKED: [u8; 14] = [1, 2, 3, 4, 6, 12, 13, 15, 43, 54, 60, 66, 67, 97];
/// What iPXE asks for.
const ASKED_BY_IPXE: [u8; 18] =
    [1, 3, 6, 7, 12, 15, 17, 26, 42, 43, 60, 66, 67, 119, 121, 128, 175, 203];

/// As much as an option holds.
fn short(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().take(255).collect()
}

/// The same kind of machine, booting over TFTP.
fn without_http(architecture: Architecture) -> Architecture {
    let http = architecture.code().filter(|code| HTTP.contains(code));
    http.and_then(Architecture::of).unwrap_or(architecture)
}

fn ip_header(length: u16, from: Ipv4Addr, to: Ipv4Addr) -> [u8; 20] {
    let mut header = [0; 20];
    let [high, low] = length.to_be_bytes();
    let start = [0x45, 0, high, low, 0, 0, 0, 0, 64, 17, 0, 0];
    let bytes = start.into_iter().chain(from.octets()).chain(to.octets());
    header.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
    header
}
