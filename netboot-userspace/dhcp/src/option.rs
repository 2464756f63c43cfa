//! The table of DHCP options: what each is called, by whom, and what its value is made of. There is no other.

use super::shape::Shape::{
    self, Address, AddressPairs, Addresses, Bool, Bytes, MessageType, Names, Number, Numbers,
    Routes, SearchList, Seconds, Text,
};

/// A server's way to write configurations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Dnsmasq,
    Kea,
    Dhcpd,
}

/// An option that netboot knows.
#[derive(Debug)]
pub struct Row {
    pub code: u8,
    pub shape: Shape,
    /// In explanations.
    pub shown: &'static str,
    /// Whether a configuration of netboot may set it by number.
    pub set: Set,
    /// Whether all servers know it as text (RFC 2132, RFC 4833), and dnsmasq takes nothing else.
    pub is_text_everywhere: bool,
    dnsmasq: &'static str,
    kea: &'static str,
    dhcpd: &'static str,
    /// Names that configurations define themselves.
    also: &'static [&'static str],
    /// Who is told it by its name; to the others it is written by number, which all their releases know.
    named: &'static [Dialect],
}

/// What sets an option in a configuration of netboot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// `options = [...]`
    ByNumber,
    /// This key, of a subnet and of a host.
    Key(&'static str),
    /// Another setting says it.
    Follows(&'static str),
    /// netboot sends it itself, where a request needs it.
    Own(&'static str),
}

/// The name of an option that a server has no name for.
const NO: &str = "";
const ALL: &[Dialect] = &[Dialect::Dnsmasq, Dialect::Kea, Dialect::Dhcpd];
const NOT_DNSMASQ: &[Dialect] = &[Dialect::Kea, Dialect::Dhcpd];
const REQUEST: &str = "it depends on the request it answers";
const CIDR: &str = "it follows from the subnet's cidr";
const LEASE: &str = "use lease-time";

/// By code: its name in explanations, with dnsmasq, and with Kea and dhcpd, where these have the same.
const TABLE: &[Row] = &[
    known(1, Address, "subnet-mask", "netmask", "subnet-mask").follows(CIDR),
    known(2, Number(4), "time-offset", "time-offset", "time-offset").named(&[Dialect::Dhcpd]),
    known(3, Addresses, "router", "router", "routers").key("routers").named(ALL),
    known(4, Addresses, "time-servers", NO, "time-servers"),
    known(5, Addresses, "name-servers", NO, "name-servers").dhcpd("ien116-name-servers"),
    known(6, Addresses, "dns", "dns-server", "domain-name-servers").key("dns").named(ALL),
    known(7, Addresses, "log-server", "log-server", "log-servers").named(ALL),
    known(8, Addresses, "cookie-servers", NO, "cookie-servers"),
    known(9, Addresses, "lpr-servers", "lpr-server", "lpr-servers"),
    known(10, Addresses, "impress-servers", NO, "impress-servers"),
    known(11, Addresses, "resource-servers", NO, "resource-location-servers"),
    known(12, Text, "hostname", "hostname", "host-name")
        .text_everywhere()
        .follows("use hostname of the [[host]]")
        .named(&[Dialect::Kea]),
    known(13, Number(2), "boot-size", "boot-file-size", "boot-size"),
    known(14, Text, "merit-dump", NO, "merit-dump"),
    known(15, Text, "domain", "domain-name", "domain-name")
        .text_everywhere()
        .key("domain")
        .named(ALL),
    known(16, Address, "swap-server", "swap-server", "swap-server"),
    known(17, Text, "root-path", "root-path", "root-path").text_everywhere(),
    known(18, Text, "extensions-path", "extension-path", "extensions-path").text_everywhere(),
    known(19, Bool, "ip-forwarding", "ip-forward-enable", "ip-forwarding"),
    known(20, Bool, "source-routing", "non-local-source-routing", "non-local-source-routing"),
    known(21, AddressPairs, "policy-filter", "policy-filter", "policy-filter"),
    known(22, Number(2), "max-reassembly", "max-datagram-reassembly", "max-dgram-reassembly"),
    known(23, Number(1), "default-ttl", "default-ttl", "default-ip-ttl"),
    known(24, Number(4), "path-mtu-aging", NO, "path-mtu-aging-timeout"),
    known(25, Numbers(2), "path-mtu-plateaus", NO, "path-mtu-plateau-table"),
    known(26, Number(2), "mtu", "mtu", "interface-mtu").key("mtu").named(ALL),
    known(27, Bool, "all-subnets-local", "all-subnets-local", "all-subnets-local"),
    known(28, Address, "broadcast", "broadcast", "broadcast-address")
        .follows(CIDR)
        .named(NOT_DNSMASQ),
    known(29, Bool, "mask-discovery", NO, "perform-mask-discovery"),
    known(30, Bool, "mask-supplier", NO, "mask-supplier"),
    known(31, Bool, "router-discovery", "router-discovery", "router-discovery"),
    known(32, Address, "solicitation", "router-solicitation", "router-solicitation-address"),
    known(33, AddressPairs, "static-routes", "static-route", "static-routes"),
    known(34, Bool, "trailers", "trailer-encapsulation", "trailer-encapsulation"),
    known(35, Number(4), "arp-timeout", "arp-timeout", "arp-cache-timeout"),
    known(36, Bool, "ethernet-encap", "ethernet-encap", "ieee802-3-encapsulation"),
    known(37, Number(1), "tcp-ttl", "tcp-ttl", "default-tcp-ttl"),
    known(38, Number(4), "tcp-keepalive", "tcp-keepalive", "tcp-keepalive-interval"),
    known(39, Bool, "tcp-keepalive-garbage", NO, "tcp-keepalive-garbage"),
    known(40, Text, "nis-domain", "nis-domain", "nis-domain").text_everywhere(),
    known(41, Addresses, "nis-servers", "nis-server", "nis-servers"),
    known(42, Addresses, "ntp", "ntp-server", "ntp-servers").key("ntp").named(ALL),
    known(43, Bytes, "vendor-options", "vendor-encap", "vendor-encapsulated-options")
        .own("it belongs to the boot file")
        .named(&[Dialect::Dhcpd]),
    known(44, Addresses, "netbios-names", "netbios-ns", "netbios-name-servers"),
    known(45, Addresses, "netbios-datagrams", "netbios-dd", "netbios-dd-server"),
    known(46, Number(1), "netbios-node-type", "netbios-nodetype", "netbios-node-type"),
    known(47, Text, "netbios-scope", "netbios-scope", "netbios-scope"),
    known(48, Addresses, "x-font-servers", "x-windows-fs", "font-servers"),
    known(49, Addresses, "x-display-managers", "x-windows-dm", "x-display-manager"),
    known(50, Address, "requested-address", "requested-address", "dhcp-requested-address")
        .own(REQUEST),
    known(51, Seconds, "lease-time", "lease-time", "dhcp-lease-time").follows(LEASE),
    known(52, Number(1), "overload", "option-overload", "dhcp-option-overload").own(REQUEST),
    known(53, MessageType, "message-type", "message-type", "dhcp-message-type").own(REQUEST),
    known(54, Address, "server-id", "server-identifier", "dhcp-server-identifier")
        .own("use dhcp.server-address"),
    known(55, Bytes, "parameters", "parameter-request", "dhcp-parameter-request-list").own(REQUEST),
    known(56, Text, "message", "message", "dhcp-message"),
    known(57, Number(2), "max-message", "max-message-size", "dhcp-max-message-size").own(REQUEST),
    known(58, Seconds, "renewal-time", "T1", "dhcp-renewal-time").follows(LEASE),
    known(59, Seconds, "rebinding-time", "T2", "dhcp-rebinding-time").follows(LEASE),
    known(60, Text, "vendor-class", "vendor-class", "vendor-class-identifier")
        .own("use dhcp.echo-pxeclient")
        .named(ALL),
    known(61, Bytes, "client-id", "client-id", "dhcp-client-identifier").own(REQUEST),
    known(62, Text, "nwip-domain", NO, "nwip-domain-name").dhcpd("nwip-domain"),
    known(64, Text, "nis+-domain", "nis+-domain", "nisplus-domain-name")
        .dhcpd("nisplus-domain")
        .text_everywhere(),
    known(65, Addresses, "nis+-servers", "nis+-server", "nisplus-servers"),
    known(66, Text, "tftp-server", "tftp-server", "tftp-server-name").text_everywhere().named(ALL),
    known(67, Text, "boot-file", "bootfile-name", "boot-file-name")
        .dhcpd("bootfile-name")
        .text_everywhere()
        .follows("use boot.files, or boot-file of the [[host]]")
        .named(ALL),
    known(68, Addresses, "mobile-ip-agents", "mobile-ip-home", "mobile-ip-home-agent"),
    known(69, Addresses, "smtp-servers", "smtp-server", "smtp-server"),
    known(70, Addresses, "pop3-servers", "pop3-server", "pop-server"),
    known(71, Addresses, "nntp-servers", "nntp-server", "nntp-server"),
    known(72, Addresses, "www-servers", NO, "www-server"),
    known(73, Addresses, "finger-servers", NO, "finger-server"),
    known(74, Addresses, "irc-servers", "irc-server", "irc-server"),
    known(75, Addresses, "streettalk-servers", NO, "streettalk-server"),
    known(76, Addresses, "streettalk-stda", NO, "streettalk-directory-assistance-server"),
    known(77, Text, "user-class", "user-class", "user-class"),
    known(82, Bytes, "relay-agent", "agent-info", "dhcp-agent-options").own(REQUEST),
    known(85, Addresses, "nds-servers", NO, "nds-servers"),
    known(86, Text, "nds-tree", NO, "nds-tree-name"),
    known(87, Text, "nds-context", NO, "nds-context"),
    known(88, Names, "bcms-names", NO, "bcms-controller-names"),
    known(89, Addresses, "bcms-addresses", NO, "bcms-controller-address"),
    known(93, Numbers(2), "architecture", "client-arch", "client-system").dhcpd("pxe-system-type"),
    known(94, Bytes, "undi", "client-interface-id", "client-ndi").dhcpd("pxe-interface-id"),
    known(97, Bytes, "machine-id", "client-machine-id", "uuid-guid")
        .dhcpd("pxe-client-id")
        .own(REQUEST),
    known(98, Text, "uap-servers", NO, "uap-servers"),
    known(100, Text, "posix-timezone", "posix-timezone", "pcode").text_everywhere(),
    known(101, Text, "tzdb-timezone", "tzdb-timezone", "tcode").text_everywhere(),
    known(108, Number(4), "ipv6-only", "ipv6-only", "v6-only-preferred"),
    known(112, Addresses, "netinfo-servers", NO, "netinfo-server-address"),
    known(113, Text, "netinfo-tag", NO, "netinfo-server-tag"),
    known(114, Text, "captive-portal", NO, "v4-captive-portal").dhcpd("default-url"),
    known(116, Bool, "auto-config", NO, "auto-config"),
    known(117, Numbers(2), "name-service-search", NO, "name-service-search"),
    known(118, Address, "subnet-selection", "subnet-select", "subnet-selection")
        .own("it is the request's, where dhcp.subnet-selection heeds it"),
    known(119, SearchList, "domain-search", "domain-search", "domain-search")
        .key("search")
        .named(ALL),
    known(121, Routes, "classless-routes", "classless-static-route", "classless-static-route")
        .dhcpd(NO)
        .key("routes")
        .named(&[Dialect::Dnsmasq]),
    known(125, Bytes, "vendor-specific", "vendor-id-encap", "vivso-suboptions"),
    known(136, Addresses, "pana-agents", NO, "pana-agent"),
    known(137, Names, "lost-server", NO, "v4-lost"),
    known(138, Addresses, "capwap-controllers", NO, "capwap-ac-v4"),
    known(141, Names, "sip-domains", NO, "sip-ua-cs-domains"),
    known(150, Addresses, "tftp-servers", "tftp-server-address", "tftp-server-address"),
    known(175, Bytes, "ipxe", NO, NO).own("use dhcp.skip-proxydhcp").also(&["etherboot"]),
    known(208, Bytes, "pxelinux-magic", NO, NO)
        .dhcpd("loader-pxe-magic")
        .also(&["pxelinux.magic", "pxelinux-magic"]),
    known(209, Text, "config-file", NO, NO)
        .dhcpd("loader-configfile")
        .also(&["pxelinux.configfile", "configfile"]),
    known(210, Text, "path-prefix", NO, NO)
        .dhcpd("loader-pathprefix")
        .also(&["pxelinux.pathprefix", "pathprefix"]),
    known(211, Number(4), "reboot-time", NO, NO)
        .dhcpd("loader-reboottime")
        .also(&["pxelinux.reboottime", "reboottime"]),
    known(249, Routes, "ms-classless-routes", NO, NO).also(&["ms-classless-static-routes"]),
    known(252, Text, "wpad", NO, NO).also(&["wpad", "wpad-url"]),
];

const fn known(
    code: u8,
    shape: Shape,
    shown: &'static str,
    dnsmasq: &'static str,
    other: &'static str,
) -> Row {
    let (set, is_text_everywhere) = (Set::ByNumber, false);
    let (kea, dhcpd, also, named): (_, _, &[_], &[_]) = (other, other, &[], &[]);
    Row { code, shape, shown, set, is_text_everywhere, dnsmasq, kea, dhcpd, also, named }
}

impl Row {
    const fn key(self, key: &'static str) -> Self {
        Self { set: Set::Key(key), ..self }
    }

    const fn follows(self, why: &'static str) -> Self {
        Self { set: Set::Follows(why), ..self }
    }

    const fn own(self, why: &'static str) -> Self {
        Self { set: Set::Own(why), ..self }
    }

    const fn text_everywhere(self) -> Self {
        Self { is_text_everywhere: true, ..self }
    }

    const fn dhcpd(self, dhcpd: &'static str) -> Self {
        Self { dhcpd, ..self }
    }

    const fn also(self, also: &'static [&'static str]) -> Self {
        Self { also, ..self }
    }

    const fn named(self, named: &'static [Dialect]) -> Self {
        Self { named, ..self }
    }

    /// What a server calls it.
    #[must_use]
    pub fn name(&self, dialect: Dialect) -> Option<&'static str> {
        let name = match dialect {
            Dialect::Dnsmasq => self.dnsmasq,
            Dialect::Kea => self.kea,
            Dialect::Dhcpd => self.dhcpd,
        };
        (!name.is_empty()).then_some(name)
    }

    /// The name that a server is told it by.
    #[must_use]
    pub fn told(&self, dialect: Dialect) -> Option<&'static str> {
        self.name(dialect).filter(|_| self.named.contains(&dialect))
    }

    fn is_called(&self, name: &str) -> bool {
        let own = [self.dnsmasq, self.kea, self.dhcpd];
        let mut all = own.iter().chain(self.also).filter(|known| !known.is_empty());
        all.any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// An option by its code.
#[must_use]
pub fn row(code: u8) -> Option<&'static Row> {
    let at = TABLE.binary_search_by_key(&code, |row| row.code).ok()?;
    TABLE.get(at)
}

/// An option by a name that any server has for it: they never mean different ones.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.is_called(name))
}

/// What the value of an option is made of: bytes, where nothing is known of it.
#[must_use]
pub fn shape(code: u8) -> Shape {
    row(code).map_or(Bytes, |row| row.shape)
}

/// What sets an option in a configuration of netboot.
#[must_use]
pub fn set(code: u8) -> Set {
    row(code).map_or(Set::ByNumber, |row| row.set)
}

#[cfg(test)]
mod lists;
#[cfg(test)]
mod tests;
