//! Is all that a booting machine needs served?

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use dhcproto::{
    Decodable as _, Decoder, Encodable as _,
    v4::{DhcpOption, Message, MessageType, Opcode, OptionCode},
};

use super::site::{FILE, PROBE, PROBE_MAC};
use crate::{
    daemon::Setup,
    interrupt,
    process::Process,
    wait::wait_closely,
    wire::{SERVER, Wire},
};

/// For one look. Where nobody listens there is no answer at all.
const LOOK: Duration = Duration::from_millis(60);
const DEADLINE: Duration = Duration::from_secs(40);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Dhcp,
    Tftp,
    Http,
    Syslog,
}

impl Service {
    pub(super) const ALL: [Self; 4] = [Self::Dhcp, Self::Tftp, Self::Http, Self::Syslog];
}

/// A machine that asks for everything, over and over.
pub(super) struct Probe {
    dhcp: UdpSocket,
    datagrams: UdpSocket,
    lines: u32,
}

impl Probe {
    pub(super) fn new(wire: &Wire) -> Result<Self> {
        wire.client.add_address(wire.client_interface, &format!("{PROBE}/16"))?;
        wire.client.enter(|| {
            let dhcp = UdpSocket::bind((PROBE, 67))?;
            let datagrams = UdpSocket::bind((PROBE, 0))?;
            for socket in [&dhcp, &datagrams] {
                socket.set_read_timeout(Some(LOOK))?;
            }
            Ok(Self { dhcp, datagrams, lines: 0 })
        })
    }

    /// Waits until each of these is served.
    pub(super) fn wait_for(
        &mut self,
        wire: &Wire,
        setup: &Setup,
        daemon: &mut Process,
        services: &[Service],
    ) -> Result<()> {
        self.lines += 1;
        wire.client.enter(|| {
            for service in services {
                wait_closely(&format!("{service:?} to be served"), DEADLINE, || {
                    interrupt::check()?;
                    if let Some(status) = daemon.ended()? {
                        bail!("the daemon ended with {status}");
                    }
                    let served = match service {
                        Service::Dhcp => self.hostname()?.is_some(),
                        Service::Tftp => self.tftp()?,
                        Service::Http => get(&script_path())
                            .is_some_and(|text| text.contains(" 200 ") && text.contains("#!ipxe")),
                        Service::Syslog => self.syslog(setup)?,
                    };
                    Ok(served.then_some(()))
                })?;
            }
            Ok(())
        })
    }

    /// Waits until the answers have this name for the probe.
    pub(super) fn wait_for_hostname(&self, wire: &Wire, name: &str) -> Result<()> {
        wait_closely(&format!("the name {name}"), DEADLINE, || {
            interrupt::check()?;
            let answered = wire.client.enter(|| self.hostname())?;
            Ok((answered.as_deref() == Some(name)).then_some(()))
        })
    }

    /// Asks by DHCP; the name in the OFFER, if there is one in time.
    fn hostname(&self) -> Result<Option<String>> {
        let none = Ipv4Addr::UNSPECIFIED;
        let mut request = Message::new(none, none, none, PROBE, &PROBE_MAC);
        let options = request.opts_mut();
        options.insert(DhcpOption::MessageType(MessageType::Discover));
        options.insert(DhcpOption::ParameterRequestList(vec![OptionCode::Hostname]));
        self.dhcp.send_to(&request.to_vec()?, (SERVER, 67)).ok();
        let mut bytes = [0; 1500];
        let end = Instant::now() + LOOK;
        while Instant::now() < end {
            let Ok((len, _)) = self.dhcp.recv_from(&mut bytes) else { break };
            let answer = Message::decode(&mut Decoder::new(&bytes[..len]))?;
            if answer.opcode() == Opcode::BootReply && answer.xid() == request.xid() {
                let Some(DhcpOption::Hostname(name)) = answer.opts().get(OptionCode::Hostname)
                else {
                    return Ok(Some(String::new()));
                };
                return Ok(Some(name.clone()));
            }
        }
        Ok(None)
    }

    /// Fetches a file of one block.
    fn tftp(&self) -> Result<bool> {
        const DATA_1: [u8; 4] = [0, 3, 0, 1];
        const ACK_1: [u8; 4] = [0, 4, 0, 1];
        let request = format!("\0\x01{FILE}\0octet\0");
        if self.datagrams.send_to(request.as_bytes(), (SERVER, 69)).is_err() {
            return Ok(false);
        }
        let mut bytes = [0; 1500];
        let Ok((len, from)) = self.datagrams.recv_from(&mut bytes) else { return Ok(false) };
        let is_data = bytes[..len].starts_with(&DATA_1);
        if is_data {
            self.datagrams.send_to(&ACK_1, from)?;
        }
        Ok(is_data)
    }

    /// Whether a line, sent now or in an earlier look, is in the machine's file.
    fn syslog(&self, setup: &Setup) -> Result<bool> {
        let line = format!("line {}.", self.lines);
        self.say(&line);
        let name = PROBE_MAC.map(|byte| format!("{byte:02x}")).join("-");
        let file = setup.state_dir().join("log").join(format!("{name}.log"));
        let written =
            || Ok(fs::read_to_string(&file).is_ok_and(|text| text.contains(&line)).then_some(()));
        Ok(wait_closely("the line", LOOK, written).is_ok())
    }

    /// Sends a line of syslog.
    pub(super) fn say(&self, line: &str) {
        let _ = self.datagrams.send_to(format!("<13>probe: {line}").as_bytes(), (SERVER, 514));
    }
}

fn script_path() -> String {
    let mac = PROBE_MAC.map(|byte| format!("{byte:02x}")).join(":");
    format!("/{mac}/auto.ipxe")
}

/// The whole HTTP answer, if there is one in time. To be called in the client's namespace.
fn get(path: &str) -> Option<String> {
    const LONGER: Duration = Duration::from_millis(500);
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((SERVER, 80)), LOOK).ok()?;
    stream.set_read_timeout(Some(LONGER)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {SERVER}\r\nConnection: close\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}

/// An HTTP answer of the daemon.
pub(super) fn page(wire: &Wire, path: &str) -> Result<String> {
    wire.client.enter(|| get(path).with_context(|| format!("no answer to GET {path}")))
}
