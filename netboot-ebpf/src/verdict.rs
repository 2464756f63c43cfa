//! The verdicts: every outcome that a frame can have. A verdict indexes the `COUNTERS` map, so that nothing is
//! answered, passed or refused without being counted.

/// What became of a frame. The numbers are the indexes of the `COUNTERS` map: append, never reorder.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Not a DHCP message to a server: not UDP over IPv4 to port 67.
    NotDhcp = 0,
    /// A DISCOVER was answered.
    Offer,
    /// A REQUEST was answered.
    Ack,
    /// A DISCOVER was answered, but no boot file is known for the machine's architecture.
    OfferNoBootFile,
    /// A REQUEST was answered, but no boot file is known for the machine's architecture.
    AckNoBootFile,
    /// A REQUEST for an address or a network that is not the machine's: refused with a NAK.
    Nak,
    /// The machine has no reservation.
    UnknownMachine,
    /// The REQUEST names another server, or another boot server (PXE_BOOT_ITEM).
    OtherServer,
    /// The frame's IP destination is neither broadcast nor an address of this node.
    OtherDestination,
    /// The machine is reserved in another subnet than the one it asks from; or another interface of ours is the
    /// one that answers there.
    WrongSubnet,
    /// A REQUEST for a wrong address that may not be refused (not authoritative, or not our network).
    WrongAddress,
    /// The message is shorter than a DHCP message, or than its headers say.
    Truncated,
    /// `op` is not BOOTREQUEST: another server's or a relay's answer.
    NotRequest,
    /// `htype`/`hlen` are not Ethernet's.
    NotEthernet,
    /// No magic cookie or no option 53: BOOTP, which is not spoken.
    NotDhcpMessage,
    /// An option's length is wrong, or a REQUEST names no address.
    BadOption,
    /// An IP fragment.
    Fragment,
    /// The IP header has options.
    IpOptions,
    /// Longer than the working memory.
    TooLong,
    /// More options and pads than the walk's bound.
    TooManyOptions,
    /// Options continue in `file` or `sname` (option 52).
    Overload,
    /// An option code occurs twice (RFC 3396).
    SplitOption,
    /// DHCPINFORM.
    Inform,
    /// DHCPDECLINE; in the kernel: one that the daemon judges.
    Decline,
    /// DHCPRELEASE.
    Release,
    /// A message type that is not served.
    UnsupportedType,
    /// Option 61, 82 or 97 is longer than the kernel copies.
    EchoTooLong,
    /// The answer is longer than the client or the link accepts (option 57).
    ReplyTooLong,
    /// The driver has no room to grow the frame.
    NoRoom,
    /// The tables are not filled, or name something that is not there.
    NoTables,
    /// The reservation changed while it was read.
    Changed,
    /// A frame with more than two VLAN tags.
    Tagged,
    /// The relay's address (giaddr) is none that an answer can be sent to.
    BadRelay,
    /// The machine's address is held back, since it was declined.
    Quarantined,
    /// Another server gives the addresses: ProxyDHCP is the daemon's.
    ProxyMode,
    /// The machine's answers are late or long on purpose, have options that no row has room for, or have only those
    /// that it asks for; or it says which link it is on (option 118): the daemon answers.
    Quirk,
    /// A DISCOVER was answered, with fewer options than are configured: more did not fit (option 57).
    OfferShortened,
    /// A REQUEST was answered, with fewer options than are configured: more did not fit (option 57).
    AckShortened,
    /// An answer was sent without the relay's option 82, which did not fit (RFC 3046 section 2.2).
    NoRelayInfo,
    /// An INFORM was answered.
    InformAck,
    /// A ProxyDHCP request of a client that does not boot from the network.
    NotNetboot,
    /// A message to the ProxyDHCP port, 4011, where there is no ProxyDHCP.
    ProxyPort,
    /// A DISCOVER was answered without a boot file, since the daemon is gone: its services may be down.
    OfferWithoutDaemon,
    /// A REQUEST was answered without a boot file, since the daemon is gone: its services may be down.
    AckWithoutDaemon,
    /// The daemon has been gone for so long that the tables may be wrong.
    Stale,
    /// The machine asks too often: dropped.
    RateLimited,
    /// Too many messages of machines without reservation or of nobody, or too many at all: dropped.
    OverCeiling,
    /// A DECLINE that came otherwise than clients send it: not believed.
    DeclineFromElsewhere,
    /// A DECLINE of a machine that was not given its address a moment ago, or not that way: not believed.
    DeclineWithoutAck,
    /// The IPv4 header's checksum is wrong.
    BadChecksum,
}

/// What bounds how many messages with a verdict are passed on and told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Nothing more: the machine was looked up, and that counted; or the frame may be no DHCP message.
    Nothing,
    /// The machine's own rate, since it was not looked up yet; of a machine without reservation, as `Nobody`.
    Machine,
    /// The machine has no reservation: a rate of its own, then that of all such machines.
    Unknown,
    /// The message is nobody's: the rate of all such.
    Nobody,
    /// The frame is for another, or may be no DHCP message: it is always passed on, but a sample is told of.
    Others,
    /// It is not told of.
    Silence,
}

impl Verdict {
    /// The number of verdicts: the size of the `COUNTERS` map.
    pub const COUNT: u32 = Self::ALL.len() as u32;

    /// All verdicts, in the order of their numbers.
    pub const ALL: [Self; 50] = [
        Self::NotDhcp,
        Self::Offer,
        Self::Ack,
        Self::OfferNoBootFile,
        Self::AckNoBootFile,
        Self::Nak,
        Self::UnknownMachine,
        Self::OtherServer,
        Self::OtherDestination,
        Self::WrongSubnet,
        Self::WrongAddress,
        Self::Truncated,
        Self::NotRequest,
        Self::NotEthernet,
        Self::NotDhcpMessage,
        Self::BadOption,
        Self::Fragment,
        Self::IpOptions,
        Self::TooLong,
        Self::TooManyOptions,
        Self::Overload,
        Self::SplitOption,
        Self::Inform,
        Self::Decline,
        Self::Release,
        Self::UnsupportedType,
        Self::EchoTooLong,
        Self::ReplyTooLong,
        Self::NoRoom,
        Self::NoTables,
        Self::Changed,
        Self::Tagged,
        Self::BadRelay,
        Self::Quarantined,
        Self::ProxyMode,
        Self::Quirk,
        Self::OfferShortened,
        Self::AckShortened,
        Self::NoRelayInfo,
        Self::InformAck,
        Self::NotNetboot,
        Self::ProxyPort,
        Self::OfferWithoutDaemon,
        Self::AckWithoutDaemon,
        Self::Stale,
        Self::RateLimited,
        Self::OverCeiling,
        Self::DeclineFromElsewhere,
        Self::DeclineWithoutAck,
        Self::BadChecksum,
    ];

    /// The verdict with this number.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "`get` is not const")]
    pub const fn from_number(number: u32) -> Option<Self> {
        if number < Self::COUNT { Some(Self::ALL[number as usize]) } else { None }
    }

    /// The name in status, metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotDhcp => "not-dhcp",
            Self::Offer => "offer",
            Self::Ack => "ack",
            Self::OfferNoBootFile => "offer-no-boot-file",
            Self::AckNoBootFile => "ack-no-boot-file",
            Self::Nak => "nak",
            Self::UnknownMachine => "unknown-machine",
            Self::OtherServer => "other-server",
            Self::OtherDestination => "other-destination",
            Self::WrongSubnet => "wrong-subnet",
            Self::WrongAddress => "wrong-address",
            Self::Truncated => "truncated",
            Self::NotRequest => "not-request",
            Self::NotEthernet => "not-ethernet",
            Self::NotDhcpMessage => "not-dhcp-message",
            Self::BadOption => "bad-option",
            Self::Fragment => "fragment",
            Self::IpOptions => "ip-options",
            Self::TooLong => "too-long",
            Self::TooManyOptions => "too-many-options",
            Self::Overload => "overload",
            Self::SplitOption => "split-option",
            Self::Inform => "inform",
            Self::Decline => "decline",
            Self::Release => "release",
            Self::UnsupportedType => "unsupported-type",
            Self::EchoTooLong => "echo-too-long",
            Self::ReplyTooLong => "reply-too-long",
            Self::NoRoom => "no-room",
            Self::NoTables => "no-tables",
            Self::Changed => "changed",
            Self::Tagged => "tagged",
            Self::BadRelay => "bad-relay",
            Self::Quarantined => "quarantined",
            Self::ProxyMode => "proxy-mode",
            Self::Quirk => "quirk",
            Self::OfferShortened => "offer-shortened",
            Self::AckShortened => "ack-shortened",
            Self::NoRelayInfo => "no-relay-info",
            Self::InformAck => "inform-ack",
            Self::NotNetboot => "not-netboot",
            Self::ProxyPort => "proxy-port",
            Self::OfferWithoutDaemon => "offer-without-daemon",
            Self::AckWithoutDaemon => "ack-without-daemon",
            Self::Stale => "stale",
            Self::RateLimited => "rate-limited",
            Self::OverCeiling => "over-ceiling",
            Self::DeclineFromElsewhere => "decline-from-elsewhere",
            Self::DeclineWithoutAck => "decline-without-ack",
            Self::BadChecksum => "bad-checksum",
        }
    }

    /// Whether a machine got an answer.
    #[must_use]
    pub const fn is_answer(self) -> bool {
        matches!(
            self,
            Self::Offer
                | Self::Ack
                | Self::OfferNoBootFile
                | Self::AckNoBootFile
                | Self::Nak
                | Self::OfferShortened
                | Self::AckShortened
                | Self::NoRelayInfo
                | Self::InformAck
                | Self::OfferWithoutDaemon
                | Self::AckWithoutDaemon
        )
    }

    /// Whether the daemon, which judges again what the XDP program passed on, comes to the same verdict.
    /// It answers where the program could not: other frames are told of once, by the program.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(
            self,
            Self::Nak
                | Self::Inform
                | Self::Decline
                | Self::Overload
                | Self::SplitOption
                | Self::ProxyMode
                | Self::ProxyPort
                | Self::Quirk
                | Self::TooLong
                | Self::TooManyOptions
                | Self::EchoTooLong
                | Self::ReplyTooLong
                | Self::NoRoom
                | Self::NoTables
                | Self::Changed
                | Self::Stale
        )
    }

    /// Whether the headers alone led to it: then both sides come to it, but in the proxy modes, in which the XDP
    /// program does not run.
    #[must_use]
    pub const fn is_of_headers(self) -> bool {
        matches!(
            self,
            Self::NotDhcp
                | Self::Tagged
                | Self::IpOptions
                | Self::Fragment
                | Self::ProxyPort
                | Self::OtherDestination
        )
    }

    /// What bounds it.
    #[inline(always)]
    #[must_use]
    pub const fn bound(self) -> Bound {
        match self {
            Self::Stale | Self::RateLimited | Self::OverCeiling => Bound::Silence,
            Self::UnknownMachine => Bound::Unknown,
            Self::OtherDestination | Self::IpOptions | Self::Tagged => Bound::Others,
            Self::Fragment
            | Self::ProxyPort
            | Self::Truncated
            | Self::BadChecksum
            | Self::NotRequest
            | Self::NotEthernet
            | Self::NotDhcpMessage
            | Self::BadOption
            | Self::BadRelay => Bound::Nobody,
            Self::OtherServer
            | Self::TooLong
            | Self::TooManyOptions
            | Self::Overload
            | Self::SplitOption
            | Self::NotNetboot => Bound::Machine,
            Self::NotDhcp
            | Self::Offer
            | Self::Ack
            | Self::OfferNoBootFile
            | Self::AckNoBootFile
            | Self::Nak
            | Self::WrongSubnet
            | Self::WrongAddress
            | Self::Inform
            | Self::Decline
            | Self::DeclineFromElsewhere
            | Self::DeclineWithoutAck
            | Self::Release
            | Self::UnsupportedType
            | Self::EchoTooLong
            | Self::ReplyTooLong
            | Self::NoRoom
            | Self::NoTables
            | Self::Changed
            | Self::Quarantined
            | Self::ProxyMode
            | Self::Quirk
            | Self::OfferShortened
            | Self::AckShortened
            | Self::NoRelayInfo
            | Self::InformAck
            | Self::OfferWithoutDaemon
            | Self::AckWithoutDaemon => Bound::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_indexes_and_names_are_unique() {
        for (number, verdict) in Verdict::ALL.into_iter().enumerate() {
            assert_eq!(verdict as usize, number, "{}", verdict.as_str());
            assert_eq!(Verdict::from_number(number as u32), Some(verdict));
            let same =
                Verdict::ALL.iter().filter(|other| other.as_str() == verdict.as_str()).count();
            assert_eq!(same, 1, "{}", verdict.as_str());
        }
        assert_eq!(Verdict::from_number(Verdict::COUNT), None);
    }
}
