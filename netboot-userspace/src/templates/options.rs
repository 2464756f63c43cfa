//! The option blocks of subnets and hosts.

use std::{net::Ipv4Addr, time::Duration};

use dhcproto::{
    Encodable as _,
    v4::{DhcpOption, OptionCode, UnknownOption},
};

use super::seconds;
use crate::{config, inventory::Host};

/// Encoded options, one after the other.
#[derive(Default)]
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
}

impl Block {
    /// Appends an option.
    pub(super) fn push(&mut self, option: &DhcpOption) -> anyhow::Result<()> {
        self.bytes.extend(option.to_vec()?);
        Ok(())
    }

    /// Appends an option given by number.
    pub(super) fn push_raw(&mut self, code: u8, value: &[u8]) -> anyhow::Result<()> {
        anyhow::ensure!(
            (1..=255).contains(&value.len()),
            "option {code} has {} bytes; 1 to 255 are allowed",
            value.len()
        );
        self.bytes.extend([code, value.len() as u8]);
        self.bytes.extend(value);
        Ok(())
    }

    /// The block at its fixed size, and the bytes used.
    pub(super) fn padded<const N: usize>(&self) -> anyhow::Result<([u8; N], u16)> {
        let mut padded = [0; N];
        let used = self.bytes.len();
        let Some(place) = padded.get_mut(..used) else {
            anyhow::bail!(
                "its DHCP options take {used} bytes, {N} is the limit: leave some out or shorten them"
            );
        };
        place.copy_from_slice(&self.bytes);
        Ok((padded, used as u16))
    }
}

/// The options of a subnet, but for those in `without`, in the order of PROTOCOL: server and times
/// first, 1 before 3 (RFC 2132 section 3.3).
pub(super) fn subnet(
    subnet: &config::Subnet,
    server: Ipv4Addr,
    lease: Duration,
    log_server: Option<Ipv4Addr>,
    without: &[u8],
) -> anyhow::Result<Block> {
    let lease = seconds(lease);
    let custom = |code: u8| {
        without.contains(&code) || subnet.options.iter().any(|option| option.code == code)
    };
    let mut options = vec![
        DhcpOption::ServerIdentifier(server),
        DhcpOption::AddressLeaseTime(lease),
        // RFC 2131 section 4.4.5: half, and seven eighths of the lease.
        DhcpOption::Renewal(lease / 2),
        DhcpOption::Rebinding(lease - lease / 8),
        DhcpOption::SubnetMask(subnet.cidr.netmask()),
    ];
    let lists = [
        (&subnet.routers, DhcpOption::Router as fn(Vec<Ipv4Addr>) -> DhcpOption),
        (&subnet.dns, DhcpOption::DomainNameServer),
    ];
    options.extend(
        lists
            .into_iter()
            .filter(|(list, _)| !list.is_empty())
            .map(|(list, option)| option(list.clone())),
    );
    options.extend(subnet.domain.clone().map(DhcpOption::DomainName));
    options.push(DhcpOption::BroadcastAddr(subnet.cidr.broadcast()));
    if !subnet.ntp.is_empty() {
        options.push(DhcpOption::NtpServers(subnet.ntp.clone()));
    }
    options.extend(log_server.map(|server| DhcpOption::LogServer(vec![server])));
    if !subnet.routes.is_empty() {
        options.push(DhcpOption::ClasslessStaticRoute(subnet.routes.clone()));
    }
    if !subnet.search.is_empty() {
        let names: Result<Vec<_>, _> = subnet.search.iter().map(|name| name.parse()).collect();
        options.push(DhcpOption::DomainSearch(names?));
    }
    options.extend(subnet.mtu.map(DhcpOption::InterfaceMtu));

    let mut block = Block::default();
    for option in options {
        if !custom(OptionCode::from(&option).into()) {
            block.push(&option)?;
        }
    }
    for option in subnet.options.iter().filter(|option| !without.contains(&option.code)) {
        block.push_raw(option.code, &option.value)?;
    }
    Ok(block)
}

/// The options of a host alone.
pub(super) fn host(host: &Host) -> anyhow::Result<Block> {
    let mut block = Block::default();
    let own = host.options.iter().any(|option| option.code == u8::from(OptionCode::Hostname));
    if let (Some(name), false) = (&host.hostname, own) {
        block.push(&DhcpOption::Hostname(name.clone()))?;
    }
    for option in &host.options {
        block.push(&DhcpOption::Unknown(UnknownOption::new(
            OptionCode::from(option.code),
            option.value.clone(),
        )))?;
    }
    Ok(block)
}
