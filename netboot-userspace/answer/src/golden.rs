//! Requests of real clients, captured on a wire (`tests/golden/clients.txt`), and the site that they were captured on.

pub mod site;

use anyhow::Context as _;
use netboot_ebpf::frame::seal;

const CLIENTS: &str = include_str!("../../../tests/golden/clients.txt");

/// A UEFI machine's DISCOVER, from its firmware.
pub const PXE_DISCOVER: &str = "tinkerbell_uefi 1 PXEClient:Arch:00007:UNDI:003000 b''";
/// The same machine's REQUEST, from our iPXE.
pub const SCRIPT_REQUEST: &str = "tinkerbell_uefi 3 PXEClient:Arch:00007:UNDI:003010 b'Tinkerbell'";

/// A captured request.
#[derive(Clone, Debug)]
pub struct Golden {
    /// Client, message type, vendor class and user class.
    pub name: String,
    /// Ethernet, IPv4, UDP and the message.
    pub frame: Vec<u8>,
}

/// All of them, as frames. The file has the messages; the headers are as the columns say, with the
/// client's address as Ethernet source.
///
/// # Errors
/// A line of the file is not understood.
pub fn frames() -> anyhow::Result<Vec<Golden>> {
    let lines = CLIENTS.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines.map(|line| parse(line).with_context(|| format!("golden frame {line:.60}"))).collect()
}

fn parse(line: &str) -> anyhow::Result<Golden> {
    let columns: Vec<&str> = line.split(" | ").map(str::trim).collect();
    let [client, message_type, vendor, user, addresses, ports, ttl, _, payload] = columns[..]
    else {
        anyhow::bail!("{} columns, not 9", columns.len());
    };
    let (from, to) = addresses.split_once('>').context("no addresses")?;
    let (source_port, port) = ports.split_once('>').context("no ports")?;
    let message = unhex(payload)?;
    let headers = Headers {
        source: from.parse::<std::net::Ipv4Addr>()?.octets(),
        destination: to.parse::<std::net::Ipv4Addr>()?.octets(),
        source_port: source_port.parse()?,
        port: port.parse()?,
        ttl: ttl.parse()?,
    };
    let name = format!("{client} {message_type} {vendor} {user}");
    Ok(Golden { name, frame: headers.frame(&message)? })
}

/// What stands around a message.
#[derive(Clone, Copy, Debug)]
pub struct Headers {
    pub source: [u8; 4],
    pub destination: [u8; 4],
    pub source_port: u16,
    pub port: u16,
    pub ttl: u8,
}

impl Headers {
    /// Of a client without address, to everybody.
    pub const BROADCAST: Self =
        Self { source: [0; 4], destination: [255; 4], source_port: 68, port: 67, ttl: 64 };

    /// The frame of a message; its UDP checksum is zero, which says that there is none.
    ///
    /// # Errors
    /// The message is no DHCP message, or too long.
    pub fn frame(&self, message: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mac = message.get(28..34).context("the message is too short")?;
        let udp_len = u16::try_from(message.len() + 8)?;
        let mut frame = vec![0xff; 6];
        frame.extend(mac);
        frame.extend([0x08, 0x00, 0x45, 0]);
        frame.extend((udp_len + 20).to_be_bytes());
        frame.extend([0, 0, 0, 0, self.ttl, 17, 0, 0]);
        frame.extend(self.source);
        frame.extend(self.destination);
        frame.extend(self.source_port.to_be_bytes());
        frame.extend(self.port.to_be_bytes());
        frame.extend(udp_len.to_be_bytes());
        frame.extend([0, 0]);
        frame.extend(message);
        seal(&mut frame);
        Ok(frame)
    }
}

fn unhex(text: &str) -> anyhow::Result<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let digits = digits.context("the payload is not hexadecimal")?;
    Ok(digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect())
}
