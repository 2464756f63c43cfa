//! What must become of a request.

use anyhow::{Context as _, Result, ensure};
use netboot_ebpf::{
    verdict::Verdict,
    wire::{ACK, CHADDR, FLAGS, GIADDR, HTYPE, NAK, OFFER, XID},
};
use netboot_test_kit::{Reply, site::ADDRESS, tags};

/// The verdict, and the fields of the answer.
#[derive(Clone, Debug)]
pub struct Expect {
    /// The daemon's, with or without XDP.
    pub verdict: Verdict,
    /// Where the XDP program leaves the frame to the daemon: its own verdict.
    pub passed: Option<Verdict>,
    fields: Vec<Field>,
}

/// One thing that is to be seen in an answer.
#[derive(Clone, Debug)]
enum Field {
    Type(u8),
    Yiaddr([u8; 4]),
    Ciaddr([u8; 4]),
    Siaddr([u8; 4]),
    Flags([u8; 2]),
    /// Ethernet destination, IP destination and port.
    Sent([u8; 6], [u8; 4], u16),
    /// IP source and port.
    Source([u8; 4], u16),
    Option(u8, Vec<u8>),
    /// An option has these bytes somewhere.
    Contains(u8, Vec<u8>),
    Without(u8),
    Codes(Vec<u8>),
    /// These come, in this order.
    Order(Vec<u8>),
    Last(u8),
    BootFile(String),
    /// The whole field is zero.
    NoFile,
    Len(usize),
    AtMost(usize),
}

impl Expect {
    fn answer(verdict: Verdict, message_type: u8, yiaddr: [u8; 4]) -> Self {
        let fields = vec![
            Field::Type(message_type),
            Field::Yiaddr(yiaddr),
            // Only a client sends these (RFC 2131 table 3).
            Field::Without(50),
            Field::Without(52),
            Field::Without(55),
            Field::Without(57),
        ];
        Self { verdict, passed: None, fields }
    }

    /// An OFFER of the known machine's address.
    #[must_use]
    pub fn offer() -> Self {
        Self::answer(Verdict::Offer, OFFER, ADDRESS)
    }

    /// An ACK with the known machine's address.
    #[must_use]
    pub fn ack() -> Self {
        Self::answer(Verdict::Ack, ACK, ADDRESS)
    }

    /// A NAK, which the daemon sends.
    #[must_use]
    pub fn nak() -> Self {
        let nak = Self::answer(Verdict::Nak, NAK, [0; 4]).ciaddr([0; 4]).siaddr([0; 4]).no_file();
        nak.passed(Verdict::Nak)
    }

    /// The ACK of an INFORM, which the daemon sends.
    #[must_use]
    pub fn inform_ack() -> Self {
        let ack = Self::answer(Verdict::InformAck, ACK, [0; 4]).passed(Verdict::Inform);
        ack.without(51).without(58).without(59)
    }

    /// What a ProxyDHCP tells a machine that boots, beside another server's address.
    #[must_use]
    pub fn proxy_offer() -> Self {
        let offer = Self::answer(Verdict::Offer, OFFER, [0; 4]).passed(Verdict::ProxyMode);
        offer.without(51).without(1).without(3)
    }

    /// The same, at port 4011.
    #[must_use]
    pub fn proxy_ack() -> Self {
        let ack = Self::answer(Verdict::Ack, ACK, [0; 4]).passed(Verdict::ProxyPort);
        ack.without(51).without(1).without(3)
    }

    /// No answer.
    #[must_use]
    pub fn silence(verdict: Verdict) -> Self {
        Self { verdict, passed: Some(verdict), fields: Vec::new() }
    }

    /// The XDP program leaves it to the daemon, with this verdict.
    #[must_use]
    pub fn passed(self, verdict: Verdict) -> Self {
        Self { passed: Some(verdict), ..self }
    }

    /// It is counted as this.
    #[must_use]
    pub fn counted(self, verdict: Verdict) -> Self {
        Self { verdict, ..self }
    }

    fn and(mut self, field: Field) -> Self {
        self.fields.push(field);
        self
    }

    /// `yiaddr`, of another machine than the known one.
    #[must_use]
    pub fn yiaddr(mut self, address: [u8; 4]) -> Self {
        self.fields.retain(|field| !matches!(field, Field::Yiaddr(_)));
        self.and(Field::Yiaddr(address))
    }

    #[must_use]
    pub fn ciaddr(self, address: [u8; 4]) -> Self {
        self.and(Field::Ciaddr(address))
    }

    #[must_use]
    pub fn siaddr(self, address: [u8; 4]) -> Self {
        self.and(Field::Siaddr(address))
    }

    /// Not the request's.
    #[must_use]
    pub fn flags(self, flags: [u8; 2]) -> Self {
        self.and(Field::Flags(flags))
    }

    /// To this station, address and port.
    #[must_use]
    pub fn sent(self, to: [u8; 6], destination: [u8; 4], port: u16) -> Self {
        self.and(Field::Sent(to, destination, port))
    }

    /// To everybody on the link.
    #[must_use]
    pub fn broadcast(self) -> Self {
        self.sent([255; 6], [255; 4], 68)
    }

    /// From this address and port; without it, from port 67.
    #[must_use]
    pub fn source(self, source: [u8; 4], port: u16) -> Self {
        self.and(Field::Source(source, port))
    }

    #[must_use]
    pub fn option(self, code: u8, value: &[u8]) -> Self {
        self.and(Field::Option(code, value.to_vec()))
    }

    /// The option has these bytes somewhere.
    #[must_use]
    pub fn contains(self, code: u8, bytes: &[u8]) -> Self {
        self.and(Field::Contains(code, bytes.to_vec()))
    }

    #[must_use]
    pub fn without(self, code: u8) -> Self {
        self.and(Field::Without(code))
    }

    /// These options, in this order, and no others.
    #[must_use]
    pub fn codes(self, codes: &[u8]) -> Self {
        self.and(Field::Codes(codes.to_vec()))
    }

    /// These options are there, in this order.
    #[must_use]
    pub fn order(self, codes: &[u8]) -> Self {
        self.and(Field::Order(codes.to_vec()))
    }

    /// The last option, before End.
    #[must_use]
    pub fn last(self, code: u8) -> Self {
        self.and(Field::Last(code))
    }

    /// The boot file's name, or URL, in `file` or in option 67.
    #[must_use]
    pub fn boot_file(self, name: &str) -> Self {
        self.and(Field::BootFile(name.to_owned()))
    }

    /// The boot file's name in `file`, and no option 67.
    #[must_use]
    pub fn file(self, name: &str) -> Self {
        self.boot_file(name).without(67)
    }

    /// `file` is all zeros.
    #[must_use]
    pub fn no_file(self) -> Self {
        self.and(Field::NoFile)
    }

    /// No boot file at all.
    #[must_use]
    pub fn no_boot(self) -> Self {
        self.no_file().without(67).siaddr([0; 4])
    }

    /// Bytes of the message.
    #[must_use]
    pub fn len(self, len: usize) -> Self {
        self.and(Field::Len(len))
    }

    /// The IP datagram has so many bytes or fewer.
    #[must_use]
    pub fn at_most(self, len: usize) -> Self {
        self.and(Field::AtMost(len))
    }

    /// Compares an answer to a request.
    pub fn check(&self, request: &[u8], reply: &Reply) -> Result<()> {
        mirrors(request, reply)?;
        if !self.fields.iter().any(|field| matches!(field, Field::Flags(_))) {
            mirrors_flags(request, reply)?;
        }
        if !self.fields.iter().any(|field| matches!(field, Field::Source(..))) {
            ensure!(reply.source_port == 67, "from port {}, not 67", reply.source_port);
        }
        self.fields.iter().try_for_each(|field| field.check(reply))
    }
}

impl Field {
    fn check(&self, reply: &Reply) -> Result<()> {
        let same = |name: &str, seen: &[u8], expect: &[u8]| {
            ensure!(seen == expect, "{name} is {seen:?}, not {expect:?}");
            Ok(())
        };
        let codes = reply.codes();
        match self {
            Self::Type(expect) => {
                let seen = reply.message_type;
                ensure!(seen == *expect, "message type {seen}, not {expect}");
            }
            Self::Yiaddr(expect) => same("yiaddr", &reply.yiaddr(), expect)?,
            Self::Ciaddr(expect) => same("ciaddr", &reply.ciaddr(), expect)?,
            Self::Siaddr(expect) => same("siaddr", &reply.siaddr(), expect)?,
            Self::Flags(expect) => same("flags", &reply.flags(), expect)?,
            Self::Sent(to, destination, port) => {
                same("the Ethernet destination", &reply.to, to)?;
                same("the IP destination", &reply.destination, destination)?;
                ensure!(reply.port == *port, "to port {}, not {port}", reply.port);
            }
            Self::Source(source, port) => {
                same("the IP source", &reply.source, source)?;
                ensure!(reply.source_port == *port, "from port {}", reply.source_port);
            }
            Self::Option(code, expect) => {
                let seen = reply.option(*code).with_context(|| format!("no option {code}"))?;
                same(&format!("option {code}"), seen, expect)?;
            }
            Self::Contains(code, expect) => {
                let seen = reply.option(*code).with_context(|| format!("no option {code}"))?;
                let found = seen.windows(expect.len()).any(|part| part == expect);
                ensure!(found, "option {code} is {seen:?}: {expect:?} is missing");
            }
            Self::Without(code) => {
                let seen = reply.option(*code);
                ensure!(seen.is_none(), "option {code} is {seen:?}: it must not be there");
            }
            Self::Codes(expect) => same("the list of options", &codes, expect)?,
            Self::Order(expect) => {
                let found: Vec<_> =
                    codes.into_iter().filter(|code| expect.contains(code)).collect();
                same("the order of options", &found, expect)?;
            }
            Self::Last(expect) => {
                ensure!(codes.last() == Some(expect), "option {expect} is not the last: {codes:?}");
            }
            Self::BootFile(expect) => {
                let seen = reply.boot_file();
                ensure!(seen == expect, "the boot file is {seen:?}, not {expect:?}");
            }
            Self::NoFile => same("`file`", &reply.file(), &[0; 128])?,
            Self::Len(expect) => {
                let seen = reply.message.len();
                ensure!(seen == *expect, "{seen} bytes, not {expect}");
            }
            Self::AtMost(expect) => {
                let seen = reply.message.len() + 28;
                ensure!(seen <= *expect, "a datagram of {seen} bytes, more than {expect}");
            }
        }
        Ok(())
    }
}

/// What every answer has of its request (RFC 2131 table 3).
fn mirrors(request: &[u8], reply: &Reply) -> Result<()> {
    let asked = message(request).context("the request has no message")?;
    let answered = &reply.message;
    let nak = reply.message_type == NAK;
    ensure!(answered[0] == 2, "op {}", answered[0]);
    ensure!(answered[3] == 0, "hops {}", answered[3]);
    ensure!(answered[8..10] == [0, 0], "secs {:?}", &answered[8..10]);
    ensure!(reply.sname() == [0; 64], "sname {:?}", reply.sname());
    let tags = tags::split(request).map(|(_, tags, _)| tags);
    ensure!(tags.as_ref() == Some(&reply.tags), "tags {:02x?}, not {tags:02x?}", reply.tags);
    for (name, at, len) in
        [("htype, hlen", HTYPE, 2), ("xid", XID, 4), ("giaddr", GIADDR, 4), ("chaddr", CHADDR, 16)]
    {
        let (asked, answered) = (&asked[at..at + len], &answered[at..at + len]);
        ensure!(asked == answered, "{name} is {answered:02x?}, not {asked:02x?}");
    }
    ensure!(reply.option(54).is_some(), "no option 54");
    if let Some(place) = reply.codes().iter().position(|code| *code == 82) {
        ensure!(place + 1 == reply.options.len(), "option 82 is not the last");
    }
    if nak {
        let more: Vec<_> =
            reply.codes().into_iter().filter(|code| ![53, 54, 56, 61, 82].contains(code)).collect();
        ensure!(more.is_empty(), "a NAK has no options {more:?}");
    }
    Ok(())
}

/// The request's; the relay must broadcast a NAK (RFC 2131 section 4.3.2).
fn mirrors_flags(request: &[u8], reply: &Reply) -> Result<()> {
    let asked = message(request).context("the request has no message")?;
    let mut flags = [asked[FLAGS], asked[FLAGS + 1]];
    if reply.message_type == NAK && asked[GIADDR..GIADDR + 4] != [0; 4] {
        flags[0] |= 0x80;
    }
    ensure!(reply.flags() == flags, "flags {:02x?}, not {flags:02x?}", reply.flags());
    Ok(())
}

/// The DHCP message of a request's frame.
fn message(frame: &[u8]) -> Option<&[u8]> {
    let (_, _, rest) = tags::split(frame)?;
    let header = usize::from(rest.get(2)? & 0xf) * 4;
    rest.get(2 + header + 8..).filter(|message| message.len() >= 240)
}
