//! TFTP packets as they are on the wire (RFC 1350, 2347, 2348, 2349, 7440): what a server hears, and the little that it
//! says.
//!
//! Requests are read as far as they are understood: old ROMs leave out the last NUL, pad, or add bytes behind it, and
//! names need not be UTF-8. What is understood wrongly is answered at once, since firmware waits for silence to end
//! (shim hangs on it: rhboot/shim#666).

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TftpPacket<'p> {
    Read(TftpRequest<'p>),
    Write(TftpRequest<'p>),
    Acknowledgement(u16),
    Error {
        code: u16,
        text: &'p [u8],
    },
    /// DATA, OACK, or no operation at all: a server that only sends has no use for them.
    Unexpected(u16),
    /// A request without a name and a mode, or a packet that is too short.
    Malformed,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct TftpRequest<'p> {
    pub(super) name: &'p [u8],
    pub(super) mode: Mode,
    pub(super) options: TftpOptions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Octet,
    Netascii,
    /// `mail`, which RFC 1350 calls obsolete, or a word that is none.
    Other,
}

/// The options that we know, of those with a value that they can have; of two with one name the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TftpOptions {
    /// Bytes, 8 to 65464 (RFC 2348); more is asked for as the most.
    pub(super) block_size: Option<u16>,
    /// Seconds, 1 to 255 (RFC 2349).
    pub(super) timeout: Option<u8>,
    /// The client wants to know the size. (It is to say 0; U-Boot may say something else.)
    pub(super) size: bool,
    /// Blocks, 1 to 65535 (RFC 7440).
    pub(super) window: Option<u16>,
}

/// Codes of RFC 1350 and 2347.
pub(super) mod error {
    pub(in crate::tftp) const UNDEFINED: u16 = 0;
    pub(in crate::tftp) const NOT_FOUND: u16 = 1;
    pub(in crate::tftp) const ACCESS: u16 = 2;
    pub(in crate::tftp) const DISK_FULL: u16 = 3;
    pub(in crate::tftp) const ILLEGAL: u16 = 4;
    pub(in crate::tftp) const UNKNOWN_TRANSFER: u16 = 5;
    pub(in crate::tftp) const EXISTS: u16 = 6;
    pub(in crate::tftp) const NO_USER: u16 = 7;
}

const DATA: u16 = 3;
const ERROR: u16 = 5;
const OACK: u16 = 6;

const BLOCK_SIZES: std::ops::RangeInclusive<u64> = 8..=65464;

impl<'p> TftpPacket<'p> {
    pub(super) fn parse(bytes: &'p [u8]) -> Self {
        let Some((operation, rest)) = bytes.split_first_chunk::<2>() else {
            return Self::Malformed;
        };
        let number = rest.first_chunk::<2>().map(|number| u16::from_be_bytes(*number));
        match (u16::from_be_bytes(*operation), number) {
            (1, _) => TftpRequest::parse(rest).map_or(Self::Malformed, Self::Read),
            (2, _) => TftpRequest::parse(rest).map_or(Self::Malformed, Self::Write),
            (4, Some(block)) => Self::Acknowledgement(block),
            // One without a code ends a transfer all the same.
            (5, code) => {
                let text = rest.get(2..).unwrap_or_default();
                let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
                Self::Error { code: code.unwrap_or(0), text: text.get(..end).unwrap_or_default() }
            }
            (4, None) => Self::Malformed,
            (operation, _) => Self::Unexpected(operation),
        }
    }
}

impl<'p> TftpRequest<'p> {
    fn parse(bytes: &'p [u8]) -> Option<Self> {
        // Without a NUL there is a name and no mode.
        let (name, rest) = split(bytes)?;
        if rest.is_empty() {
            return None;
        }
        let (mode, mut rest) = split(rest).unwrap_or((rest, &[]));
        let mut options = TftpOptions::default();
        while let Some((option, more)) = split(rest) {
            let (value, more) = split(more).unwrap_or((more, &[]));
            options.take(option, value);
            rest = more;
        }
        Some(Self { name, mode: Mode::of(mode), options })
    }
}

impl Mode {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Octet => "octet",
            Self::Netascii => "netascii",
            Self::Other => "other",
        }
    }

    fn of(word: &[u8]) -> Self {
        match () {
            () if word.eq_ignore_ascii_case(b"octet") => Self::Octet,
            () if word.eq_ignore_ascii_case(b"netascii") => Self::Netascii,
            () => Self::Other,
        }
    }
}

impl TftpOptions {
    fn take(&mut self, name: &[u8], value: &[u8]) {
        let Some(value) = number(value) else { return };
        let is = |option: &str| name.eq_ignore_ascii_case(option.as_bytes());
        if is("blksize") && value >= *BLOCK_SIZES.start() {
            let value = value.min(*BLOCK_SIZES.end());
            self.block_size = self.block_size.or(u16::try_from(value).ok());
        } else if is("timeout") && value > 0 {
            self.timeout = self.timeout.or(u8::try_from(value).ok());
        } else if is("tsize") {
            self.size = true;
        } else if is("windowsize") && value > 0 {
            self.window = self.window.or(u16::try_from(value).ok());
        }
    }

    /// What is granted of these, of a file in this mode.
    pub(super) fn granted(self, mode: Mode, block_size: u16, window: u16) -> Self {
        Self {
            block_size: self.block_size.map(|asked| asked.min(block_size)),
            window: self.window.map(|asked| asked.min(window)),
            // The size of what it would be on the client's disk is not known.
            size: self.size && mode == Mode::Octet,
            timeout: self.timeout,
        }
    }

    /// Bytes; without the option as RFC 1350 has it.
    pub(super) fn block_size(&self) -> u16 {
        self.block_size.unwrap_or(512)
    }

    /// Blocks.
    pub(super) fn window(&self) -> u16 {
        self.window.unwrap_or(1)
    }

    /// What is confirmed of these: no option that the client did not ask for, or it gives up (EDK2).
    ///
    /// `None`: nothing is, and data comes at once.
    pub(super) fn oack(&self) -> Option<impl Fn(u64) -> Vec<u8> + use<>> {
        let confirmed = *self;
        (confirmed != Self::default()).then_some(move |size: u64| {
            let mut packet = OACK.to_be_bytes().to_vec();
            let mut add = |name: &str, value: Option<u64>| {
                let Some(value) = value else { return };
                packet.extend_from_slice(format!("{name}\0{value}\0").as_bytes());
            };
            add("blksize", confirmed.block_size.map(u64::from));
            add("timeout", confirmed.timeout.map(u64::from));
            add("tsize", confirmed.size.then_some(size));
            add("windowsize", confirmed.window.map(u64::from));
            packet
        })
    }
}

/// The four bytes before a block's data. Numbers go on at 0 after 65535, as all clients expect that can.
pub(super) fn data_head(block: u64) -> [u8; 4] {
    let [operation_high, operation_low] = DATA.to_be_bytes();
    let [.., high, low] = block.to_be_bytes();
    [operation_high, operation_low, high, low]
}

pub(super) fn error_packet(code: u16, text: &str) -> Vec<u8> {
    let mut packet = [ERROR.to_be_bytes(), code.to_be_bytes()].concat();
    packet.extend_from_slice(text.as_bytes());
    packet.push(0);
    packet
}

fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|&byte| byte == 0)?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

fn number(text: &[u8]) -> Option<u64> {
    // `parse` takes a sign.
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(text).ok().filter(|_| is_number)?;
    // More than can be counted is as much as can be.
    Some(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(packet: &TftpPacket<'_>) -> String {
        let request = |kind: &str, TftpRequest { name, mode, options }: &TftpRequest<'_>| {
            let TftpOptions { block_size, timeout, size, window } = options;
            let number = |name: &str, value: Option<u16>| {
                value.map_or_else(String::new, |value| format!(" {name} {value}"))
            };
            format!(
                "{kind} {} {mode:?}{}{}{}{}",
                name.escape_ascii(),
                number("blksize", *block_size),
                number("timeout", timeout.map(u16::from)),
                if *size { " tsize" } else { "" },
                number("windowsize", *window)
            )
        };
        match packet {
            TftpPacket::Read(read) => request("read", read),
            TftpPacket::Write(write) => request("write", write),
            TftpPacket::Acknowledgement(block) => format!("ack {block}"),
            TftpPacket::Error { code, text } => format!("error {code} {}", text.escape_ascii()),
            TftpPacket::Unexpected(operation) => format!("unexpected {operation}"),
            TftpPacket::Malformed => "malformed".to_owned(),
        }
    }

    #[track_caller]
    fn check(bytes: &[u8], expect: &str) {
        assert_eq!(shown(&TftpPacket::parse(bytes)), expect, "{}", bytes.escape_ascii());
    }

    #[test]
    fn packets() {
        check(b"\0\x01ipxe.efi\0octet\0", "read ipxe.efi Octet");
        check(b"\0\x02a\0NetASCII\0", "write a Netascii");
        check(b"\0\x01a\0mail\0", "read a Other");
        check(b"\0\x01a\0\0", "read a Other");
        check(b"\0\x04\xff\xfe", "ack 65534");
        check(b"\0\x04\0\x01\0\0\0", "ack 1");
        check(b"\0\x05\0\x08User aborted\0junk", "error 8 User aborted");
        check(b"\0\x05\0\x08", "error 8 ");
        check(b"\0\x05", "error 0 ");
        check(b"\0\x03\0\x01x", "unexpected 3");
        check(b"\0\x06blksize\08\0", "unexpected 6");
        check(b"\0\0", "unexpected 0");
        check(b"\x01\x01a\0octet\0", "unexpected 257");
        for bytes in [&b""[..], b"\0", b"\0\x04", b"\0\x04\0", b"\0\x01", b"\0\x01a", b"\0\x01a\0"]
        {
            check(bytes, "malformed");
        }
        check(b"\0\x01\0octet\0", "read  Octet");
    }

    /// As ROMs and loaders send them.
    #[test]
    fn requests_are_read_as_far_as_they_are_understood() {
        check(b"\0\x01grub/\x82Onboard\0octet\0", r"read grub/\x82Onboard Octet");
        check(b"\0\x01a\xff\0octet\0", r"read a\xff Octet");
        check(b"\0\x01a\0octet", "read a Octet");
        check(b"\0\x01a\0octet\0\0\0\0", "read a Octet");
        check(b"\0\x01a\0octet\0tsize\0", "read a Octet");
        check(b"\0\x01a\0octet\0tsize\x000", "read a Octet tsize");
        check(b"\0\x01a\0octet\0tsize\x000\0\xff\xfe", "read a Octet tsize");
        check(b"\0\x01a\0octet\0unknown\x001\0blksize\x00600\0", "read a Octet blksize 600");
    }

    #[test]
    fn options() {
        let check = |options: &str, expect: &str| {
            let request = format!("\0\x01a\0octet\0{}", options.replace(' ', "\0"));
            check(request.as_bytes(), format!("read a Octet {expect}").trim_end());
        };
        check("blksize 8 ", "blksize 8");
        check("BlkSize 65464 ", "blksize 65464");
        check("blksize 65465 ", "blksize 65464");
        check("blksize 99999999999999999999 ", "blksize 65464");
        check("blksize 7 ", "");
        check("blksize -8 ", "");
        check("blksize 0x10 ", "");
        check("blksize  ", "");
        check("blksize 512 blksize 1024 ", "blksize 512");
        check("timeout 1 ", "timeout 1");
        check("timeout 255 ", "timeout 255");
        check("timeout 256 ", "");
        check("timeout 0 ", "");
        check("tsize 0 ", "tsize");
        check("tsize 7 ", "tsize");
        check("tsize x ", "");
        check("windowsize 4 ", "windowsize 4");
        check("windowsize 65535 ", "windowsize 65535");
        check("windowsize 65536 ", "");
        check("windowsize 0 ", "");
        check("tsize 0 blksize 1468 windowsize 4 ", "blksize 1468 tsize windowsize 4");
    }

    #[test]
    fn what_is_said() {
        let options =
            TftpOptions { block_size: Some(1468), timeout: Some(9), size: true, window: Some(4) };
        let oack = options.oack().unwrap()(70);
        assert_eq!(oack, b"\0\x06blksize\x001468\0timeout\x009\0tsize\x0070\0windowsize\x004\0");
        assert!(TftpOptions::default().oack().is_none());
        assert_eq!(data_head(1), [0, 3, 0, 1]);
        assert_eq!(data_head(65536), [0, 3, 0, 0]);
        assert_eq!(data_head(65537), [0, 3, 0, 1]);
        assert_eq!(error_packet(1, "x"), b"\0\x05\0\x01x\0");
    }
}
