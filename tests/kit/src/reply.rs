//! Answers, read from frames; what is no valid answer is refused.

use anyhow::{Context as _, Result, bail, ensure};
use netboot_ebpf::wire::{CIADDR, FILE, FLAGS, MAGIC_COOKIE, SIADDR, SNAME, YIADDR, code};

use crate::{
    sums::internet_sum,
    tags::{self, Tags},
};

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub to: [u8; 6],
    pub from: [u8; 6],
    pub tags: Tags,
    pub source: [u8; 4],
    pub destination: [u8; 4],
    pub source_port: u16,
    /// UDP destination port.
    pub port: u16,
    /// Option 53.
    pub message_type: u8,
    pub message: Vec<u8>,
    pub options: Vec<(u8, Vec<u8>)>,
    boot_file: String,
}

impl Reply {
    /// Reads a frame, and checks every rule that holds for all answers.
    ///
    /// # Errors
    /// What the frame breaks.
    pub fn read(frame: &[u8]) -> Result<Self> {
        let (ether, tags, rest) = tags::split(frame).context("no Ethernet header")?;
        let (ethertype, rest) = rest.split_first_chunk::<2>().context("no ethertype")?;
        ensure!(*ethertype == [0x08, 0x00], "ethertype {ethertype:02x?}");
        let (ip, udp) = rest.split_first_chunk::<20>().context("no IPv4 header")?;
        ensure!((ip[0], ip[8], ip[9]) == (0x45, 64, 17), "not IPv4, TTL 64, UDP: {ip:02x?}");
        ensure!(ip[6..8] == [0x40, 0], "a fragment, or may be fragmented");
        ensure!(usize::from(word(&ip[2..])) == 20 + udp.len(), "IP length");
        ensure!(internet_sum(&[ip]) == 0xffff, "IP checksum");
        ensure!(udp.len() > 8 + 240, "UDP length {}", udp.len());
        ensure!(usize::from(word(&udp[4..])) == udp.len(), "UDP length");
        ensure!(udp[6..8] != [0, 0], "no UDP checksum");
        let pseudo = [&ip[12..20], &[0, 17], &udp[4..6]].concat();
        ensure!(internet_sum(&[&pseudo, udp]) == 0xffff, "UDP checksum");
        let message = udp[8..].to_vec();
        ensure!(message.len() >= 300, "a BOOTP message has 300 bytes, this one {}", message.len());
        ensure!(message[236..240] == MAGIC_COOKIE, "no magic cookie");
        let options = options(&message[240..])?;
        let [kind] = value(&options, code::MESSAGE_TYPE).context("no message type")? else {
            bail!("a message type of another length");
        };
        Ok(Self {
            to: ether[..6].try_into()?,
            from: ether[6..].try_into()?,
            tags,
            source: ip[12..16].try_into()?,
            destination: ip[16..].try_into()?,
            source_port: word(udp),
            port: word(&udp[2..]),
            message_type: *kind,
            boot_file: boot_file(&message, &options)?,
            options,
            message,
        })
    }

    /// EDK2 drops an answer in which the length of an option that it knows is wrong; nobody takes an empty one.
    ///
    /// # Errors
    /// The option.
    pub fn has_valid_lengths(&self) -> Result<()> {
        self.options.iter().try_for_each(|(code, value)| has_valid_length(*code, value.len()))
    }

    #[must_use]
    pub fn codes(&self) -> Vec<u8> {
        self.options.iter().map(|(code, _)| *code).collect()
    }

    #[must_use]
    pub fn option(&self, code: u8) -> Option<&[u8]> {
        value(&self.options, code)
    }

    /// The bytes up to End.
    #[must_use]
    pub fn used(&self) -> usize {
        241 + self.options.iter().map(|(_, value)| 2 + value.len()).sum::<usize>()
    }

    /// The boot file: of the `file` field, else of option 67.
    #[must_use]
    pub fn boot_file(&self) -> &str {
        &self.boot_file
    }

    #[must_use]
    pub fn flags(&self) -> [u8; 2] {
        self.field(FLAGS)
    }

    #[must_use]
    pub fn ciaddr(&self) -> [u8; 4] {
        self.field(CIADDR)
    }

    #[must_use]
    pub fn yiaddr(&self) -> [u8; 4] {
        self.field(YIADDR)
    }

    #[must_use]
    pub fn siaddr(&self) -> [u8; 4] {
        self.field(SIADDR)
    }

    #[must_use]
    pub fn sname(&self) -> [u8; 64] {
        self.field(SNAME)
    }

    #[must_use]
    pub fn file(&self) -> [u8; 128] {
        self.field(FILE)
    }

    fn field<const N: usize>(&self, at: usize) -> [u8; N] {
        self.message.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
    }
}

fn value(options: &[(u8, Vec<u8>)], code: u8) -> Option<&[u8]> {
    options.iter().find(|(other, _)| *other == code).map(|(_, value)| &value[..])
}

fn boot_file(message: &[u8], options: &[(u8, Vec<u8>)]) -> Result<String> {
    let file = &message[FILE..FILE + 128];
    let len = file.iter().position(|byte| *byte == 0).context("`file` does not end with a NUL")?;
    ensure!(file[len..].iter().all(|byte| *byte == 0), "junk after the file name");
    let name =
        if len == 0 { value(options, code::BOOT_FILE).unwrap_or_default() } else { &file[..len] };
    Ok(std::str::from_utf8(name)?.to_owned())
}

/// The options up to End, each code once or in pieces side by side, without pads; after End stands nothing but zeros.
///
/// # Errors
/// What breaks that.
pub fn options(area: &[u8]) -> Result<Vec<(u8, Vec<u8>)>> {
    let mut options: Vec<(u8, Vec<u8>)> = Vec::new();
    let mut rest = area;
    loop {
        let (code, len, after) = match rest {
            [code::END, after @ ..] => {
                ensure!(after.iter().all(|byte| *byte == 0), "junk after End: {after:02x?}");
                return Ok(options);
            }
            [code::PAD, ..] => bail!("a pad between options: {options:?}"),
            [code, len, after @ ..] => (*code, usize::from(*len), after),
            _ => bail!("the options have no End: {options:?}"),
        };
        let (value, after) = after.split_at_checked(len).context("a cut option")?;
        match options.last_mut() {
            // A piece of it (RFC 3396).
            Some((last, whole))
                if *last == code && !whole.is_empty() && whole.len().is_multiple_of(255) =>
            {
                whole.extend(value);
            }
            _ => {
                ensure!(
                    options.iter().all(|(other, _)| *other != code),
                    "option {code} comes twice"
                );
                options.push((code, value.to_vec()));
            }
        }
        rest = after;
    }
}

fn has_valid_length(code: u8, len: usize) -> Result<()> {
    let valid = match code {
        1 | 28 | 51 | 54 | 58 | 59 => len == 4,
        3..=11 | 41 | 42 | 44 | 45 | 48 | 49 => len > 0 && len.is_multiple_of(4),
        13 | 22 | 26 | 57 => len == 2,
        33 => len > 0 && len.is_multiple_of(8),
        46 | 52 | 53 => len == 1,
        61 => len >= 2,
        121 => len >= 5,
        _ => len > 0,
    };
    ensure!(valid, "option {code} has {len} bytes");
    Ok(())
}

fn word(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0], bytes[1]])
}
