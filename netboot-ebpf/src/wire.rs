//! The constants of BOOTP and DHCP: offsets in the message (RFC 2131 section 2), ports, message
//! types and option codes (RFC 2132 unless said otherwise). Every number on the wire is big-endian.

/// UDP port of servers and relays.
pub const SERVER_PORT: u16 = 67;
/// UDP port of ProxyDHCP servers (PXE 2.1 section 2.2.3).
pub const PROXY_PORT: u16 = 4011;
/// UDP port of clients.
pub const CLIENT_PORT: u16 = 68;

/// `op` of a client's message.
pub const BOOTREQUEST: u8 = 1;
/// `op` of a server's message.
pub const BOOTREPLY: u8 = 2;
/// `htype` of Ethernet.
pub const ETHERNET: u8 = 1;

/// Offsets of the fixed header's fields.
pub const OP: usize = 0;
pub const HTYPE: usize = 1;
pub const HLEN: usize = 2;
pub const XID: usize = 4;
pub const FLAGS: usize = 10;
pub const CIADDR: usize = 12;
pub const YIADDR: usize = 16;
pub const SIADDR: usize = 20;
pub const GIADDR: usize = 24;
pub const CHADDR: usize = 28;
pub const SNAME: usize = 44;
pub const FILE: usize = 108;
pub const COOKIE: usize = 236;
/// Where the options begin.
pub const OPTIONS: usize = 240;

pub const MAGIC_COOKIE: [u8; 4] = [0x63, 0x82, 0x53, 0x63];
/// The broadcast flag, in the first byte of `flags`.
pub const BROADCAST_FLAG: u8 = 0x80;
/// The least length of a BOOTP message (RFC 951): old clients and relays drop shorter ones.
pub const MIN_MESSAGE: usize = 300;
/// The longest IP datagram that is sent: EDK2 ignores messages over 1472 bytes
/// (MdeModulePkg's PXE and HTTP boot), and nobody's answer is fragmented.
pub const MAX_DATAGRAM: usize = 1500;
/// The IP datagram that every client accepts (RFC 2131 section 2).
pub const MIN_DATAGRAM: usize = 576;

/// Message types (option 53).
pub const DISCOVER: u8 = 1;
pub const OFFER: u8 = 2;
pub const REQUEST: u8 = 3;
pub const DECLINE: u8 = 4;
pub const ACK: u8 = 5;
pub const NAK: u8 = 6;
pub const RELEASE: u8 = 7;
pub const INFORM: u8 = 8;

/// Sub-options of option 82.
pub mod relay {
    /// RFC 3527: an address of the client's link, where giaddr is of another one.
    pub const LINK_SELECTION: u8 = 5;
    /// RFC 5107: the address that the client shall know the server by, so that it renews through the relay.
    pub const SERVER_OVERRIDE: u8 = 11;
}

/// Items of option 43 between PXE clients and servers (PXE 2.1).
pub mod pxe {
    /// PXE_BOOT_ITEM: which boot server is asked, or answers. Its type and the layer, two bytes each.
    pub const BOOT_ITEM: u8 = 71;
}

/// Option codes.
pub mod code {
    pub const PAD: u8 = 0;
    pub const SUBNET_MASK: u8 = 1;
    pub const ROUTER: u8 = 3;
    pub const DNS: u8 = 6;
    pub const LOG_SERVER: u8 = 7;
    pub const HOSTNAME: u8 = 12;
    pub const DOMAIN_NAME: u8 = 15;
    pub const INTERFACE_MTU: u8 = 26;
    pub const BROADCAST_ADDRESS: u8 = 28;
    pub const STATIC_ROUTES: u8 = 33;
    pub const NTP: u8 = 42;
    pub const VENDOR_OPTIONS: u8 = 43;
    pub const REQUESTED_ADDRESS: u8 = 50;
    pub const LEASE_TIME: u8 = 51;
    pub const OVERLOAD: u8 = 52;
    pub const MESSAGE_TYPE: u8 = 53;
    pub const SERVER_ID: u8 = 54;
    pub const PARAMETER_LIST: u8 = 55;
    pub const MESSAGE: u8 = 56;
    pub const MAX_MESSAGE: u8 = 57;
    pub const RENEWAL_TIME: u8 = 58;
    pub const REBINDING_TIME: u8 = 59;
    pub const VENDOR_CLASS: u8 = 60;
    pub const CLIENT_ID: u8 = 61;
    pub const TFTP_SERVER_NAME: u8 = 66;
    pub const BOOT_FILE: u8 = 67;
    /// RFC 3004, and the plain string that iPXE and dhclient send.
    pub const USER_CLASS: u8 = 77;
    /// RFC 3046.
    pub const RELAY_AGENT: u8 = 82;
    /// RFC 4578.
    pub const ARCHITECTURE: u8 = 93;
    /// RFC 4578.
    pub const MACHINE_ID: u8 = 97;
    /// RFC 3011.
    pub const SUBNET_SELECTION: u8 = 118;
    /// RFC 3397.
    pub const DOMAIN_SEARCH: u8 = 119;
    /// RFC 3442.
    pub const CLASSLESS_ROUTES: u8 = 121;
    /// iPXE's encapsulated options.
    pub const IPXE: u8 = 175;
    pub const END: u8 = 255;
}
