//! The name of a sender in a line: shown where it is not the sender's own, never believed.

use std::net::IpAddr;

use netboot_site::model::Host;

use super::source::LineSource;

/// What machines call themselves before they have a name.
const NOBODY: [&str; 3] = ["localhost", "localhost.localdomain", "(none)"];

/// Whether a HOSTNAME tells no more than the source does, which is this host if it is one.
pub(super) fn is_source(name: &str, source: LineSource, host: Option<&Host>) -> bool {
    NOBODY.iter().any(|nobody| name.eq_ignore_ascii_case(nobody))
        || name.parse().is_ok_and(|address: IpAddr| source.address() == address)
        || host.is_some_and(|host| is_named(host, name))
}

/// With or without its domain, which the subnet may give: then any is its own.
fn is_named(host: &Host, name: &str) -> bool {
    let Some(own) = host.hostname.as_deref() else { return false };
    let (own, own_domain) = split(own);
    let (name, domain) = split(name);
    let own_domain = own_domain.or(host.network.domain.as_deref());
    own.eq_ignore_ascii_case(name)
        && own_domain.zip(domain).is_none_or(|(own, domain)| own.eq_ignore_ascii_case(domain))
}

fn split(name: &str) -> (&str, Option<&str>) {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.split_once('.').map_or((name, None), |(name, domain)| (name, Some(domain)))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use netboot_base::sparse::Sparse;
    use netboot_ebpf::shared::Mac;
    use netboot_site::model::NetworkOverrides;

    use super::*;

    const IP: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 10);

    #[test]
    fn names_of_the_source() {
        let host = |hostname: Option<&str>, domain: Option<&str>| {
            let network = NetworkOverrides {
                domain: domain.map(str::to_owned),
                ..NetworkOverrides::default()
            };
            let hostname = hostname.map(str::to_owned);
            Host { ip: IP, hostname, network: Sparse::from(network), ..Host::default() }
        };
        let machine = LineSource::Machine { mac: Mac::default(), address: IP.into() };
        let check = |host: &Host, name: &str, expect: bool| {
            assert_eq!(is_source(name, machine, Some(host)), expect, "{name} of {host:?}");
        };
        let plain = host(Some("node-a"), None);
        for (name, expect) in [
            ("node-a", true),
            ("NODE-A", true),
            ("node-a.", true),
            ("node-a.lab.test", true),
            ("192.168.77.10", true),
            ("localhost", true),
            ("(none)", true),
            ("node-b", false),
            ("node-ab", false),
            ("node", false),
            ("lab.node-a", false),
            ("192.168.77.11", false),
            ("localhost.example", false),
        ] {
            check(&plain, name, expect);
        }
        for own in [host(Some("node-a"), Some("lab.test")), host(Some("node-a.lab.test"), None)] {
            check(&own, "node-a", true);
            check(&own, "node-a.Lab.test", true);
            check(&own, "node-a.other.test", false);
            check(&own, "node-a.lab.test.other", false);
        }
        check(&host(None, Some("lab.test")), "node-a", false);
        check(&host(None, None), "192.168.77.10", true);

        let stranger = LineSource::Stranger(IpAddr::V4(IP));
        assert!(!is_source("node-a", stranger, None));
        assert!(is_source("192.168.77.10", stranger, None));
        assert!(is_source("fe80::1", LineSource::Stranger("fe80::1".parse().unwrap()), None));
    }
}
