//! The names that servers have for DHCP options, and how they write the values.

use netboot_site::config::Shape;

/// What a value is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::import) enum Kind {
    Ips,
    Text,
    /// Numbers of this many bytes.
    Numbers(usize),
    /// Domain names, as RFC 1035 writes them.
    Names,
    /// RFC 3442
    Routes,
    Bytes,
}

impl Kind {
    fn of(code: u8) -> Self {
        match Shape::of(code) {
            Some(Shape::Address | Shape::Addresses | Shape::AddressPairs) => Self::Ips,
            Some(Shape::Number(bytes) | Shape::Numbers(bytes)) => Self::Numbers(bytes),
            Some(Shape::Text) => Self::Text,
            Some(Shape::Names) => Self::Names,
            Some(Shape::Routes) => Self::Routes,
            None => Self::Bytes,
        }
    }
}

/// By code. dnsmasq, Kea and dhcpd have names of their own, which never mean different options.
const TABLE: &[(u8, &[&str])] = &[
    (1, &["netmask", "subnet-mask"]),
    (2, &["time-offset"]),
    (3, &["router", "routers"]),
    (4, &["time-servers"]),
    (5, &["name-servers", "ien116-name-servers"]),
    (6, &["dns-server", "domain-name-servers"]),
    (7, &["log-server", "log-servers"]),
    (8, &["cookie-servers"]),
    (9, &["lpr-server", "lpr-servers"]),
    (10, &["impress-servers"]),
    (11, &["resource-location-servers"]),
    (12, &["host-name", "hostname"]),
    (13, &["boot-file-size", "boot-size"]),
    (14, &["merit-dump"]),
    (15, &["domain-name"]),
    (16, &["swap-server"]),
    (17, &["root-path"]),
    (18, &["extension-path", "extensions-path"]),
    (19, &["ip-forward-enable", "ip-forwarding"]),
    (20, &["non-local-source-routing"]),
    (21, &["policy-filter"]),
    (22, &["max-datagram-reassembly", "max-dgram-reassembly"]),
    (23, &["default-ttl", "default-ip-ttl"]),
    (24, &["path-mtu-aging-timeout"]),
    (25, &["path-mtu-plateau-table"]),
    (26, &["mtu", "interface-mtu"]),
    (27, &["all-subnets-local"]),
    (28, &["broadcast", "broadcast-address"]),
    (29, &["perform-mask-discovery"]),
    (30, &["mask-supplier"]),
    (31, &["router-discovery"]),
    (32, &["router-solicitation", "router-solicitation-address"]),
    (33, &["static-route", "static-routes"]),
    (34, &["trailer-encapsulation"]),
    (35, &["arp-timeout", "arp-cache-timeout"]),
    (36, &["ethernet-encap", "ieee802-3-encapsulation"]),
    (37, &["tcp-ttl", "default-tcp-ttl"]),
    (38, &["tcp-keepalive", "tcp-keepalive-interval"]),
    (39, &["tcp-keepalive-garbage"]),
    (40, &["nis-domain"]),
    (41, &["nis-server", "nis-servers"]),
    (42, &["ntp-server", "ntp-servers"]),
    (43, &["vendor-encapsulated-options"]),
    (44, &["netbios-ns", "netbios-name-servers"]),
    (45, &["netbios-dd", "netbios-dd-server"]),
    (46, &["netbios-nodetype", "netbios-node-type"]),
    (47, &["netbios-scope"]),
    (48, &["x-windows-fs", "font-servers"]),
    (49, &["x-windows-dm", "x-display-manager"]),
    (51, &["dhcp-lease-time"]),
    (54, &["dhcp-server-identifier"]),
    (58, &["T1", "dhcp-renewal-time"]),
    (59, &["T2", "dhcp-rebinding-time"]),
    (60, &["vendor-class", "vendor-class-identifier"]),
    (61, &["dhcp-client-identifier"]),
    (62, &["nwip-domain-name", "nwip-domain"]),
    (64, &["nis+-domain", "nisplus-domain", "nisplus-domain-name"]),
    (65, &["nis+-server", "nisplus-servers"]),
    (66, &["tftp-server", "tftp-server-name"]),
    (67, &["bootfile-name", "boot-file-name"]),
    (68, &["mobile-ip-home", "mobile-ip-home-agent"]),
    (69, &["smtp-server"]),
    (70, &["pop3-server", "pop-server"]),
    (71, &["nntp-server"]),
    (72, &["www-server"]),
    (73, &["finger-server"]),
    (74, &["irc-server"]),
    (75, &["streettalk-server"]),
    (76, &["streettalk-directory-assistance-server"]),
    (77, &["user-class"]),
    (93, &["client-arch", "client-system", "pxe-system-type"]),
    (97, &["client-machine-id", "pxe-client-id", "uuid-guid"]),
    (100, &["posix-timezone", "pcode"]),
    (101, &["tzdb-timezone", "tcode"]),
    (108, &["ipv6-only", "v6-only-preferred"]),
    (114, &["v4-captive-portal", "default-url"]),
    (116, &["auto-config"]),
    (119, &["domain-search"]),
    (121, &["classless-static-route"]),
    (125, &["vendor-id-encap", "vivso-suboptions"]),
    (150, &["tftp-server-address"]),
    (175, &["etherboot"]),
    (208, &["loader-pxe-magic", "pxelinux.magic", "pxelinux-magic"]),
    (209, &["loader-configfile", "pxelinux.configfile", "configfile"]),
    (210, &["loader-pathprefix", "pxelinux.pathprefix", "pathprefix"]),
    (211, &["loader-reboottime", "pxelinux.reboottime", "reboottime"]),
    (249, &["ms-classless-static-routes"]),
    (252, &["wpad", "wpad-url"]),
];

/// The code and form of an option's name.
pub(in crate::import) fn by_name(name: &str) -> Option<(u8, Kind)> {
    let found =
        TABLE.iter().find(|(_, names)| names.iter().any(|known| known.eq_ignore_ascii_case(name)));
    found.map(|(code, _)| (*code, Kind::of(*code)))
}

/// The form of an option; `None`: what sites use for their own.
pub(in crate::import) fn kind(code: u8) -> Option<Kind> {
    let is_known = TABLE.iter().any(|(known, _)| *known == code);
    is_known.then(|| Kind::of(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_forms() {
        let check = |name: &str, expect: Option<(u8, Kind)>| {
            assert_eq!(by_name(name), expect, "{name}");
            assert_eq!(expect.and_then(|(code, _)| kind(code)), expect.map(|(_, kind)| kind));
        };
        check("Root-Path", Some((17, Kind::Text)));
        check("path-mtu-plateau-table", Some((25, Kind::Numbers(2))));
        check("mobile-ip-home-agent", Some((68, Kind::Ips)));
        check("v6-only-preferred", Some((108, Kind::Numbers(4))));
        check("auto-config", Some((116, Kind::Numbers(1))));
        check("domain-search", Some((119, Kind::Names)));
        check("vivso-suboptions", Some((125, Kind::Bytes)));
        check("tftp-server-address", Some((150, Kind::Ips)));
        check("reboottime", Some((211, Kind::Numbers(4))));
        check("ms-classless-static-routes", Some((249, Kind::Routes)));
        check("of-nobody", None);
        assert_eq!(kind(224), None);
    }
}
