//! The sockets of the services, and what to do where one is taken.

use std::{
    collections::BTreeSet,
    io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
};

use anyhow::Context as _;
use tokio::net::TcpListener;

use crate::{
    config::{Config, SyslogListen},
    tables::Tables,
};

/// Bound sockets.
pub(super) struct Sockets {
    pub(super) tftp: Vec<UdpSocket>,
    pub(super) http: Option<TcpListener>,
    pub(super) syslog_udp: Vec<tokio::net::UdpSocket>,
    pub(super) syslog_tcp: Vec<TcpListener>,
    listening: Vec<(&'static str, String)>,
}

impl Sockets {
    /// Binds what the configuration names. Needs a tokio runtime. `tables` are there if DHCP is answered.
    pub(super) fn bind(config: &Config, tables: Option<&Tables>) -> anyhow::Result<Self> {
        let mut sockets = Self {
            tftp: Vec::new(),
            http: None,
            syslog_udp: Vec::new(),
            syslog_tcp: Vec::new(),
            listening: Vec::new(),
        };
        if let Some(address) = config.tftp {
            for socket in tftp(address, tables)? {
                let address = socket.local_addr().context("the TFTP socket's address")?;
                sockets.say("tftp", format!("udp://{address}"));
                sockets.tftp.push(socket);
            }
        }
        if let Some(address) = config.http {
            sockets.http = Some(tcp("http", address)?);
            sockets.say("http", format!("tcp://{address}"));
        }
        for listen in &config.syslog {
            match listen {
                SyslogListen::Udp(address) => {
                    let socket = udp("syslog", *address)?;
                    socket.set_nonblocking(true).context("the syslog socket")?;
                    sockets.syslog_udp.push(tokio::net::UdpSocket::from_std(socket)?);
                    sockets.say("syslog", format!("udp://{address}"));
                }
                SyslogListen::Tcp(address) => {
                    sockets.syslog_tcp.push(tcp("syslog", *address)?);
                    sockets.say("syslog", format!("tcp://{address}"));
                }
            }
        }
        Ok(sockets)
    }

    /// Services and where they listen.
    pub(super) fn listening(&self) -> Vec<(&'static str, String)> {
        self.listening.clone()
    }

    fn say(&mut self, service: &'static str, address: String) {
        self.listening.push((service, address));
    }
}

/// Firmware takes a file only from the address that it was sent to, and answers leave from the address
/// that the socket is bound to: one socket for each.
fn tftp(listen: SocketAddr, tables: Option<&Tables>) -> anyhow::Result<Vec<UdpSocket>> {
    let servers: BTreeSet<Ipv4Addr> = tables
        .filter(|_| listen.ip().is_unspecified())
        .into_iter()
        .flat_map(|tables| &tables.subnets)
        .map(|subnet| Ipv4Addr::from(subnet.server))
        .filter(|server| !server.is_unspecified())
        .collect();
    let mut sockets = Vec::new();
    for server in servers {
        let address = SocketAddr::new(server.into(), listen.port());
        match UdpSocket::bind(address) {
            Ok(socket) => sockets.push(socket),
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
                tracing::warn!(
                    "{server}, where machines are sent to for files, is no address of this node: TFTP is served at \
                     {listen}, and answers may leave from another address, which firmware does not take. Add the \
                     address before the start, or set tftp.listen"
                );
                // Beside the wildcard, nothing else can be bound.
                sockets.clear();
                break;
            }
            Err(error) => return Err(error).with_context(|| advice("tftp", "UDP", address)),
        }
    }
    if sockets.is_empty() {
        sockets.push(udp("tftp", listen)?);
    }
    Ok(sockets)
}

fn udp(service: &str, address: SocketAddr) -> anyhow::Result<UdpSocket> {
    UdpSocket::bind(address).with_context(|| advice(service, "UDP", address))
}

fn tcp(service: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listen = || {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    };
    listen().with_context(|| advice(service, "TCP", address))
}

fn advice(service: &str, protocol: &str, address: SocketAddr) -> String {
    let flag = if protocol == "UDP" { "u" } else { "t" };
    format!(
        "cannot listen on {protocol} {address} for {service}: `ss -ln{flag}p 'sport = :{}'` shows who does; stop it, \
         or set [{service}] listen",
        address.port()
    )
}

#[cfg(test)]
mod tests {
    use std::{
        collections::{HashMap, HashSet},
        sync::Arc,
        time::Duration,
    };

    use netboot_ebpf::shared::{Settings, Subnet};
    use zerocopy::FromZeros as _;

    use super::*;
    use crate::quarantine::Quarantine;

    fn tables(servers: &[[u8; 4]]) -> Tables {
        Tables {
            settings: Settings::new_zeroed(),
            interfaces: HashMap::new(),
            user_classes: HashMap::new(),
            subnets: servers
                .iter()
                .map(|&server| Subnet { server, ..Subnet::new_zeroed() })
                .collect(),
            boot_files: Vec::new(),
            reservations: HashMap::new(),
            anybody: HashMap::new(),
            known: HashSet::new(),
            quarantine: Arc::new(Quarantine::new(Duration::ZERO)),
        }
    }

    #[track_caller]
    fn check(listen: &str, servers: Option<&[[u8; 4]]>, expect: &[&str]) {
        let tables = servers.map(tables);
        let sockets = tftp(SocketAddr::new(listen.parse().unwrap(), 0), tables.as_ref()).unwrap();
        let got: Vec<_> =
            sockets.iter().map(|socket| socket.local_addr().unwrap().ip().to_string()).collect();
        assert_eq!(got, expect, "{listen} {servers:?}");
    }

    #[test]
    fn tftp_has_a_socket_for_each_server_address() {
        const ONE: [u8; 4] = [127, 0, 0, 1];
        const TWO: [u8; 4] = [127, 0, 0, 2];
        // TEST-NET-1 (RFC 5737).
        const ELSEWHERE: [u8; 4] = [192, 0, 2, 1];
        check("0.0.0.0", Some(&[TWO, ONE, TWO]), &["127.0.0.1", "127.0.0.2"]);
        check("0.0.0.0", Some(&[ONE, ELSEWHERE]), &["0.0.0.0"]);
        check("0.0.0.0", Some(&[[0; 4]]), &["0.0.0.0"]);
        check("0.0.0.0", Some(&[]), &["0.0.0.0"]);
        check("0.0.0.0", None, &["0.0.0.0"]);
        check("127.0.0.1", Some(&[TWO]), &["127.0.0.1"]);
    }
}
