use std::net::Ipv4Addr;

use anyhow::{Context as _, Result, ensure};

/// Ethernet, IPv4 without options, UDP.
const HEADERS: usize = 14 + 20 + 8;
const OPTIONS: usize = 240;
const COOKIE: [u8; 4] = [99, 130, 83, 99];
/// What a BOOTP message has at least (RFC 1542 section 2.1).
const SHORTEST: usize = 300;

const MESSAGE_TYPE: u8 = 53;
const RELAY_AGENT: u8 = 82;
const END: u8 = 255;

/// The frame of an answer by its bytes, each option at its place.
pub struct Reply<'f> {
    frame: &'f [u8],
    message: &'f [u8],
    options: Vec<(u8, &'f [u8])>,
}

impl<'f> Reply<'f> {
    /// Reads a frame. Each option occurs once, the type is the first, 82 the last, only zeros are behind
    /// the end.
    pub fn read(frame: &'f [u8]) -> Result<Self> {
        let message = frame.get(HEADERS..).context("shorter than its headers")?;
        let length = |at: usize| match frame.get(at..at + 2) {
            Some(&[high, low]) => usize::from(u16::from_be_bytes([high, low])),
            _ => 0,
        };
        ensure!(frame.get(12..15) == Some(&[0x08, 0x00, 0x45]), "no IPv4 without options");
        ensure!(frame.get(23) == Some(&17), "no UDP");
        ensure!(length(16) == frame.len() - 14, "IP says {} bytes", length(16));
        ensure!(length(38) == frame.len() - 34, "UDP says {} bytes", length(38));
        ensure!(length(34) == 67, "it comes from port {}", length(34));
        ensure!(message.len() >= SHORTEST, "the message has {} bytes", message.len());
        ensure!(message.get(..3) == Some(&[2, 1, 6]), "no BOOTREPLY for Ethernet");
        ensure!(message.get(236..OPTIONS) == Some(&COOKIE), "no magic cookie");
        let options = options(message.get(OPTIONS..).unwrap_or_default())?;
        let codes: Vec<u8> = options.iter().map(|(code, _)| *code).collect();
        let mut once = codes.clone();
        once.sort_unstable();
        once.dedup();
        ensure!(once.len() == codes.len(), "an option occurs twice: {codes:?}");
        ensure!(codes.first() == Some(&MESSAGE_TYPE), "the type is not first: {codes:?}");
        ensure!(
            !codes.contains(&RELAY_AGENT) || codes.last() == Some(&RELAY_AGENT),
            "82 is not last: {codes:?}"
        );
        let reply = Self { frame, message, options };
        ensure!(reply.option(MESSAGE_TYPE).map(<[u8]>::len) == Some(1), "a type of its own length");
        Ok(reply)
    }

    #[must_use]
    pub fn frame(&self) -> &'f [u8] {
        self.frame
    }

    /// The DHCP message.
    #[must_use]
    pub fn message(&self) -> &'f [u8] {
        self.message
    }

    /// Option 53.
    #[must_use]
    pub fn message_type(&self) -> u8 {
        self.option(MESSAGE_TYPE).and_then(<[u8]>::first).copied().unwrap_or(0)
    }

    #[must_use]
    pub fn hops(&self) -> u8 {
        let [hops] = self.field(3);
        hops
    }

    #[must_use]
    pub fn xid(&self) -> u32 {
        u32::from_be_bytes(self.field(4))
    }

    #[must_use]
    pub fn secs(&self) -> u16 {
        u16::from_be_bytes(self.field(8))
    }

    #[must_use]
    pub fn flags(&self) -> u16 {
        u16::from_be_bytes(self.field(10))
    }

    #[must_use]
    pub fn ciaddr(&self) -> Ipv4Addr {
        Ipv4Addr::from(self.field(12))
    }

    #[must_use]
    pub fn yiaddr(&self) -> Ipv4Addr {
        Ipv4Addr::from(self.field(16))
    }

    #[must_use]
    pub fn siaddr(&self) -> Ipv4Addr {
        Ipv4Addr::from(self.field(20))
    }

    #[must_use]
    pub fn giaddr(&self) -> Ipv4Addr {
        Ipv4Addr::from(self.field(24))
    }

    /// The client's Ethernet address.
    #[must_use]
    pub fn chaddr(&self) -> [u8; 6] {
        self.field(28)
    }

    /// The server's name, without its padding.
    #[must_use]
    pub fn sname(&self) -> &'f [u8] {
        text(self.message.get(44..108).unwrap_or_default())
    }

    /// The boot file's name, without its padding.
    #[must_use]
    pub fn file(&self) -> &'f [u8] {
        text(self.message.get(108..236).unwrap_or_default())
    }

    /// The options in their order, without the end.
    #[must_use]
    pub fn options(&self) -> &[(u8, &'f [u8])] {
        &self.options
    }

    /// Their codes.
    #[must_use]
    pub fn codes(&self) -> Vec<u8> {
        self.options.iter().map(|(code, _)| *code).collect()
    }

    /// The value of an option.
    #[must_use]
    pub fn option(&self, code: u8) -> Option<&'f [u8]> {
        self.options.iter().find(|(other, _)| *other == code).map(|(_, value)| *value)
    }

    /// Bytes of the fixed part, which is there.
    fn field<const N: usize>(&self, at: usize) -> [u8; N] {
        self.message.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
    }
}

fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn options(mut rest: &[u8]) -> Result<Vec<(u8, &[u8])>> {
    let mut options = Vec::new();
    loop {
        let (code, after) = rest.split_first().context("the options have no end")?;
        if *code == END {
            ensure!(after.iter().all(|byte| *byte == 0), "something is behind the end");
            return Ok(options);
        }
        // Some firmware cannot read on behind a pad.
        ensure!(*code != 0, "a pad between options");
        let (len, after) = after.split_first().with_context(|| format!("{code} has no length"))?;
        let split = after.split_at_checked(usize::from(*len));
        let (value, after) = split.with_context(|| format!("{code} is longer than the message"))?;
        options.push((*code, value));
        rest = after;
    }
}
