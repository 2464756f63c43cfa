//! The option blocks of subnets and hosts.

use std::{net::Ipv4Addr, time::Duration};

use anyhow::Context as _;
use netboot_dhcp::{
    option,
    route::with_default,
    value::{Value, addresses},
};
use netboot_ebpf::wire::code;

use crate::model::{Host, NetworkOverrides, Settings, Subnet, SyslogListen, reach};

/// Bytes of options that fit a datagram of 1,500 bytes beside the header, options 53 and 255, and echoes.
const MOST: usize = 1472 - 284;

/// Encoded options, one after the other; those over 255 bytes in pieces.
#[derive(Default)]
pub struct Block {
    pub bytes: Vec<u8>,
}

impl Block {
    /// Appends an option.
    pub(crate) fn push(&mut self, code: u8, value: &Value) -> anyhow::Result<()> {
        let bytes = option::shape(code).encode(value).with_context(|| format!("option {code}"))?;
        self.push_raw(code, &bytes)
    }

    /// Appends an option given by number, in pieces where it is long (RFC 3396 section 6).
    pub(crate) fn push_raw(&mut self, code: u8, value: &[u8]) -> anyhow::Result<()> {
        anyhow::ensure!(!value.is_empty(), "option {code} is empty");
        for piece in value.chunks(255) {
            self.bytes.extend([code, piece.len() as u8]);
            self.bytes.extend(piece);
        }
        Ok(())
    }

    /// What has room in a row, at its fixed size, the bytes used, and the options that have no room.
    pub fn divided<const N: usize>(&self) -> anyhow::Result<([u8; N], u16, Vec<u8>)> {
        self.len()?;
        let (mut row, mut more) = (Self::default(), Vec::new());
        let mut rest = self.bytes.as_slice();
        while let Some(code) = rest.first() {
            let len = Self::pieces(rest, *code);
            let (option, after) = rest.split_at_checked(len).unwrap_or((rest, &[]));
            if row.bytes.len() + option.len() <= N {
                row.bytes.extend(option);
            } else {
                more.extend(option);
            }
            rest = after;
        }
        let (padded, used) = row.padded()?;
        Ok((padded, used, more))
    }

    /// Bytes of the pieces of one option that a block begins with.
    pub(crate) fn pieces(block: &[u8], code: u8) -> usize {
        let mut at = 0;
        while let Some([found, len, ..]) = block.get(at..)
            && *found == code
        {
            at += 2 + usize::from(*len);
        }
        at.clamp(1, block.len())
    }

    /// The block's bytes, if they fit an answer.
    pub(crate) fn len(&self) -> anyhow::Result<usize> {
        let len = self.bytes.len();
        anyhow::ensure!(
            len <= MOST,
            "its DHCP options take {len} bytes, {MOST} is the limit: leave some out or shorten them"
        );
        Ok(len)
    }

    /// The block at its fixed size, and the bytes used.
    pub(crate) fn padded<const N: usize>(&self) -> anyhow::Result<([u8; N], u16)> {
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

/// The port that option 7 cannot say (RFC 2132 section 3.9).
const SYSLOG_PORT: u16 = 514;

/// What a host has instead of its subnet's: hosts with the same share a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Overrides<'h> {
    lease: Option<Duration>,
    network: &'h NetworkOverrides,
    /// The options by number, which stand in the host's own block.
    codes: Vec<u8>,
    /// The options of routing, which may stand in the row instead.
    pub(crate) routing: Vec<(u8, &'h [u8])>,
}

/// Router, static routes and classless ones: a client gets the one or the other (RFC 3442, "DHCP Client
/// Behavior"), while a host's block is the same for all its requests. With classless routes they stand
/// in the row.
pub(crate) const ROUTING: [u8; 3] = [code::ROUTER, code::STATIC_ROUTES, code::CLASSLESS_ROUTES];

impl<'h> Overrides<'h> {
    /// Of a host; `None`: all is as in its subnet.
    pub fn of(host: &'h Host) -> Option<Self> {
        let Host { lease_time: lease, network, options, .. } = host;
        let none =
            lease.is_none() && options.is_empty() && **network == NetworkOverrides::default();
        if none {
            return None;
        }
        let codes = options.iter().map(|option| option.code).collect();
        let value = |code: u8| {
            let own = options.iter().find(|option| option.code == code)?;
            Some((code, own.value.as_slice()))
        };
        let routing = ROUTING.into_iter().filter_map(value).collect();
        Some(Self { lease: *lease, network, codes, routing })
    }

    pub fn next_server(&self) -> Option<Ipv4Addr> {
        self.network.next_server
    }

    /// The routers that the host has by number.
    fn routers(&self) -> Option<Vec<Ipv4Addr>> {
        let (_, value) = self.routing.iter().find(|(code, _)| *code == code::ROUTER)?;
        addresses(value)
    }
}

/// The options of a subnet, with what a host has instead.
pub(crate) fn subnet_block(
    config: &Settings,
    subnet: &Subnet,
    server: Ipv4Addr,
    overrides: Option<&Overrides<'_>>,
) -> anyhow::Result<Block> {
    let lease =
        overrides.and_then(|own| own.lease).or(subnet.lease_time).unwrap_or(config.dhcp.lease_time);
    let without = overrides.map_or(&[][..], |own| &own.codes);
    let log_server = config.syslog.iter().find_map(|listen| match listen {
        SyslogListen::Udp(address) if address.port() == SYSLOG_PORT => reach(server, *address),
        _ => None,
    });
    match overrides {
        Some(own) => {
            let subnet = overridden(subnet, own);
            options(&subnet, server, lease, log_server, without)
        }
        None => options(subnet, server, lease, log_server, without),
    }
}

/// The subnet as a host with settings of its own sees it.
fn overridden(subnet: &Subnet, overrides: &Overrides<'_>) -> Subnet {
    let own = overrides.network.clone();
    let subnet = subnet.clone();
    Subnet {
        routers: overrides.routers().or(own.routers).unwrap_or(subnet.routers),
        dns: own.dns.unwrap_or(subnet.dns),
        ntp: own.ntp.unwrap_or(subnet.ntp),
        domain: own.domain.or(subnet.domain),
        search: own.search.unwrap_or(subnet.search),
        routes: own.routes.unwrap_or(subnet.routes),
        mtu: own.mtu.or(subnet.mtu),
        next_server: own.next_server.or(subnet.next_server),
        ..subnet
    }
}

/// The options in the order of PROTOCOL: server and times first, 1 before 3 (RFC 2132 section 3.3).
fn options(
    subnet: &Subnet,
    server: Ipv4Addr,
    lease: Duration,
    log_server: Option<Ipv4Addr>,
    without: &[u8],
) -> anyhow::Result<Block> {
    let lease = seconds(lease);
    let custom = |code: u8| {
        without.contains(&code) || subnet.options.iter().any(|option| option.code == code)
    };
    // RFC 2131 section 4.4.5: half, and seven eighths of the lease.
    let (renewal, rebinding) = (lease / 2, lease - lease / 8);
    let list = |code, list: &Vec<_>| (!list.is_empty()).then(|| (code, list.as_slice().into()));
    // A link of two addresses has no broadcast address (RFC 3021).
    let broadcast = (subnet.cidr.prefix_len() < 31).then(|| subnet.cidr.broadcast().into());
    let routes = (!subnet.routes.is_empty()).then(|| with_default(&subnet.routes, &subnet.routers));
    let search = Some(&subnet.search).filter(|search| !search.is_empty());
    let options = [
        Some((code::SERVER_ID, server.into())),
        Some((code::LEASE_TIME, Value::Number(lease))),
        Some((code::RENEWAL_TIME, Value::Number(renewal))),
        Some((code::REBINDING_TIME, Value::Number(rebinding))),
        Some((code::SUBNET_MASK, subnet.cidr.netmask().into())),
        list(code::ROUTER, &subnet.routers),
        list(code::DNS, &subnet.dns),
        subnet.domain.clone().map(|domain| (code::DOMAIN_NAME, Value::Text(domain))),
        broadcast.map(|address| (code::BROADCAST_ADDRESS, address)),
        list(code::NTP, &subnet.ntp),
        log_server.map(|server| (code::LOG_SERVER, server.into())),
        routes.map(|routes| (code::CLASSLESS_ROUTES, Value::Routes(routes))),
        search.map(|search| (code::DOMAIN_SEARCH, Value::Names(search.clone()))),
        subnet.mtu.map(|mtu| (code::INTERFACE_MTU, Value::Number(mtu.into()))),
    ];

    let mut block = Block::default();
    for (code, value) in options.into_iter().flatten() {
        if !custom(code) {
            block.push(code, &value)?;
        }
    }
    for option in subnet.options.iter().filter(|option| !without.contains(&option.code)) {
        block.push_raw(option.code, &option.value)?;
    }
    Ok(block)
}

/// The options of a host alone, but for those that stand in its row.
pub(crate) fn host(host: &Host, in_row: &[u8]) -> anyhow::Result<Block> {
    let mut block = Block::default();
    if let Some(name) = &host.hostname {
        block.push_raw(code::HOSTNAME, name.as_bytes())?;
    }
    for option in host.options.iter().filter(|option| !in_row.contains(&option.code)) {
        block.push_raw(option.code, &option.value)?;
    }
    Ok(block)
}

/// Seconds, as DHCP counts them.
fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DhcpOption as Custom;

    /// What the option says to a host with these overrides.
    #[track_caller]
    fn check(host: &Host, code: u8, expect: Option<&[u8]>) {
        let address = |last| vec![Ipv4Addr::new(10, 0, 0, last)];
        let subnet = Subnet {
            routers: address(1),
            dns: address(2),
            ntp: address(3),
            domain: Some("sub.net".into()),
            search: vec!["net".into()],
            routes: vec![("10.1.0.0/16".parse().unwrap(), Ipv4Addr::new(10, 0, 0, 4))],
            mtu: Some(1500),
            ..Subnet::new("10.0.0.0/24".parse().unwrap())
        };
        let config = Settings::unconfigured();
        let overrides = Overrides::of(host);
        let block = subnet_block(&config, &subnet, Ipv4Addr::new(10, 0, 0, 9), overrides.as_ref());
        let block = block.unwrap().bytes;
        let mut rest = block.as_slice();
        let mut found = Vec::new();
        while let [option, len, after @ ..] = rest {
            let (value, after) = after.split_at(usize::from(*len));
            if *option == code {
                found.push(value);
            }
            rest = after;
        }
        assert_eq!(found, expect.into_iter().collect::<Vec<_>>(), "option {code} of {host:?}");
    }

    fn with(network: NetworkOverrides) -> Host {
        Host { network: network.into(), ..Host::default() }
    }

    #[test]
    fn a_host_goes_before_its_subnet() {
        let plain = Host::default();
        let none = with(NetworkOverrides {
            routers: Some(Vec::new()),
            dns: Some(Vec::new()),
            ntp: Some(Vec::new()),
            search: Some(Vec::new()),
            routes: Some(Vec::new()),
            ..NetworkOverrides::default()
        });
        let list = Some(vec![Ipv4Addr::new(10, 0, 0, 7)]);
        let own = with(NetworkOverrides {
            routers: list.clone(),
            dns: list.clone(),
            ntp: list,
            domain: Some("own".into()),
            search: Some(vec!["own".into()]),
            routes: Some(vec![("10.2.0.0/16".parse().unwrap(), Ipv4Addr::new(10, 0, 0, 7))]),
            mtu: Some(9000),
            next_server: None,
        });
        assert_eq!(Overrides::of(&plain), None);
        for (code, subnet, own_value) in [
            (3, &[10, 0, 0, 1][..], &[10, 0, 0, 7][..]),
            (6, &[10, 0, 0, 2], &[10, 0, 0, 7]),
            (42, &[10, 0, 0, 3], &[10, 0, 0, 7]),
            (119, b"\x03net\0", b"\x03own\0"),
            (
                121,
                &[16, 10, 1, 10, 0, 0, 4, 0, 10, 0, 0, 1],
                &[16, 10, 2, 10, 0, 0, 7, 0, 10, 0, 0, 7],
            ),
        ] {
            check(&plain, code, Some(subnet));
            check(&own, code, Some(own_value));
            check(&none, code, None);
        }
        for (code, subnet, own_value) in
            [(15, &b"sub.net"[..], &b"own"[..]), (26, &[5, 220], &[35, 40])]
        {
            check(&plain, code, Some(subnet));
            check(&own, code, Some(own_value));
            check(&none, code, Some(subnet));
        }
        // Mask and broadcast address are the subnet's.
        check(&own, 1, Some(&[255, 255, 255, 0]));
        check(&own, 28, Some(&[10, 0, 0, 255]));
        let by_number = Host { options: vec![Custom { code: 3, value: vec![10, 0, 0, 8] }], ..own };
        check(&by_number, 3, None);
    }
}
