//! The names that servers have for DHCP options, and what their values are.

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

use Kind::{Bytes, Ips, Names, Numbers, Routes, Text};

/// By code. dnsmasq, Kea and dhcpd have names of their own, which never mean different options.
const TABLE: &[(u8, Kind, &[&str])] = &[
    (1, Ips, &["netmask", "subnet-mask"]),
    (2, Numbers(4), &["time-offset"]),
    (3, Ips, &["router", "routers"]),
    (4, Ips, &["time-servers"]),
    (5, Ips, &["name-servers", "ien116-name-servers"]),
    (6, Ips, &["dns-server", "domain-name-servers"]),
    (7, Ips, &["log-server", "log-servers"]),
    (8, Ips, &["cookie-servers"]),
    (9, Ips, &["lpr-server", "lpr-servers"]),
    (10, Ips, &["impress-servers"]),
    (11, Ips, &["resource-location-servers"]),
    (12, Text, &["host-name", "hostname"]),
    (13, Numbers(2), &["boot-file-size", "boot-size"]),
    (14, Text, &["merit-dump"]),
    (15, Text, &["domain-name"]),
    (16, Ips, &["swap-server"]),
    (17, Text, &["root-path"]),
    (18, Text, &["extension-path", "extensions-path"]),
    (19, Numbers(1), &["ip-forward-enable", "ip-forwarding"]),
    (20, Numbers(1), &["non-local-source-routing"]),
    (21, Ips, &["policy-filter"]),
    (22, Numbers(2), &["max-datagram-reassembly", "max-dgram-reassembly"]),
    (23, Numbers(1), &["default-ttl", "default-ip-ttl"]),
    (24, Numbers(4), &["path-mtu-aging-timeout"]),
    (25, Numbers(2), &["path-mtu-plateau-table"]),
    (26, Numbers(2), &["mtu", "interface-mtu"]),
    (27, Numbers(1), &["all-subnets-local"]),
    (28, Ips, &["broadcast", "broadcast-address"]),
    (29, Numbers(1), &["perform-mask-discovery"]),
    (30, Numbers(1), &["mask-supplier"]),
    (31, Numbers(1), &["router-discovery"]),
    (32, Ips, &["router-solicitation", "router-solicitation-address"]),
    (33, Ips, &["static-route", "static-routes"]),
    (34, Numbers(1), &["trailer-encapsulation"]),
    (35, Numbers(4), &["arp-timeout", "arp-cache-timeout"]),
    (36, Numbers(1), &["ethernet-encap", "ieee802-3-encapsulation"]),
    (37, Numbers(1), &["tcp-ttl", "default-tcp-ttl"]),
    (38, Numbers(4), &["tcp-keepalive", "tcp-keepalive-interval"]),
    (39, Numbers(1), &["tcp-keepalive-garbage"]),
    (40, Text, &["nis-domain"]),
    (41, Ips, &["nis-server", "nis-servers"]),
    (42, Ips, &["ntp-server", "ntp-servers"]),
    (43, Bytes, &["vendor-encapsulated-options"]),
    (44, Ips, &["netbios-ns", "netbios-name-servers"]),
    (45, Ips, &["netbios-dd", "netbios-dd-server"]),
    (46, Numbers(1), &["netbios-nodetype", "netbios-node-type"]),
    (47, Text, &["netbios-scope"]),
    (48, Ips, &["x-windows-fs", "font-servers"]),
    (49, Ips, &["x-windows-dm", "x-display-manager"]),
    (51, Numbers(4), &["dhcp-lease-time"]),
    (54, Ips, &["dhcp-server-identifier"]),
    (58, Numbers(4), &["T1", "dhcp-renewal-time"]),
    (59, Numbers(4), &["T2", "dhcp-rebinding-time"]),
    (60, Text, &["vendor-class", "vendor-class-identifier"]),
    (61, Bytes, &["dhcp-client-identifier"]),
    (62, Text, &["nwip-domain-name", "nwip-domain"]),
    (64, Text, &["nis+-domain", "nisplus-domain", "nisplus-domain-name"]),
    (65, Ips, &["nis+-server", "nisplus-servers"]),
    (66, Text, &["tftp-server", "tftp-server-name"]),
    (67, Text, &["bootfile-name", "boot-file-name"]),
    (68, Ips, &["mobile-ip-home", "mobile-ip-home-agent"]),
    (69, Ips, &["smtp-server"]),
    (70, Ips, &["pop3-server", "pop-server"]),
    (71, Ips, &["nntp-server"]),
    (72, Ips, &["www-server"]),
    (73, Ips, &["finger-server"]),
    (74, Ips, &["irc-server"]),
    (75, Ips, &["streettalk-server"]),
    (76, Ips, &["streettalk-directory-assistance-server"]),
    (77, Text, &["user-class"]),
    (93, Numbers(2), &["client-arch", "client-system", "pxe-system-type"]),
    (97, Bytes, &["client-machine-id", "pxe-client-id", "uuid-guid"]),
    (100, Text, &["posix-timezone", "pcode"]),
    (101, Text, &["tzdb-timezone", "tcode"]),
    (108, Numbers(4), &["ipv6-only", "v6-only-preferred"]),
    (114, Text, &["v4-captive-portal", "default-url"]),
    (116, Numbers(1), &["auto-config"]),
    (119, Names, &["domain-search"]),
    (121, Routes, &["classless-static-route"]),
    (125, Bytes, &["vendor-id-encap", "vivso-suboptions"]),
    (150, Ips, &["tftp-server-address"]),
    (175, Bytes, &["etherboot"]),
    (208, Bytes, &["loader-pxe-magic", "pxelinux.magic", "pxelinux-magic"]),
    (209, Text, &["loader-configfile", "pxelinux.configfile", "configfile"]),
    (210, Text, &["loader-pathprefix", "pxelinux.pathprefix", "pathprefix"]),
    (211, Numbers(4), &["loader-reboottime", "pxelinux.reboottime", "reboottime"]),
    (249, Routes, &["ms-classless-static-routes"]),
    (252, Text, &["wpad", "wpad-url"]),
];

/// The code and form of an option's name.
pub(in crate::import) fn by_name(name: &str) -> Option<(u8, Kind)> {
    let found = TABLE
        .iter()
        .find(|(_, _, names)| names.iter().any(|known| known.eq_ignore_ascii_case(name)));
    found.map(|(code, kind, _)| (*code, *kind))
}

/// The form of an option; `None`: what sites use for their own.
pub(in crate::import) fn kind(code: u8) -> Option<Kind> {
    TABLE.iter().find(|(known, ..)| *known == code).map(|(_, kind, _)| *kind)
}
