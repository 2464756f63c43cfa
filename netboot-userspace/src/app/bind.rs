//! The sockets of the services, and what to do where one is taken.

use std::net::{SocketAddr, UdpSocket};

use anyhow::Context as _;
use tokio::net::TcpListener;

use crate::config::{Config, SyslogListen};

/// Bound sockets.
pub(super) struct Sockets {
    pub(super) tftp: Option<UdpSocket>,
    pub(super) http: Option<TcpListener>,
    pub(super) syslog_udp: Vec<tokio::net::UdpSocket>,
    pub(super) syslog_tcp: Vec<TcpListener>,
    listening: Vec<(&'static str, String)>,
}

impl Sockets {
    /// Binds what the configuration names. Needs a tokio runtime.
    pub(super) fn bind(config: &Config) -> anyhow::Result<Self> {
        let mut sockets = Self {
            tftp: None,
            http: None,
            syslog_udp: Vec::new(),
            syslog_tcp: Vec::new(),
            listening: Vec::new(),
        };
        if let Some(address) = config.tftp {
            sockets.tftp = Some(udp("tftp", address)?);
            sockets.say("tftp", format!("udp://{address}"));
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
