//! The machines that are sent to the default script.

use std::net::Ipv4Addr;

use url::Url;

use crate::model::{Host, Located, Settings};

/// A machine that may be sent to the default script.
#[derive(Clone, Copy)]
pub struct Candidate<'h> {
    pub(crate) host: &'h Host,
    pub(crate) ip: Option<Ipv4Addr>,
    pub(crate) boot_file: Option<&'h str>,
}

impl<'h> Candidate<'h> {
    pub fn of(host: &'h Host) -> Self {
        Self { host, ip: host.address(), boot_file: host.boot_file.as_deref() }
    }

    /// Whether nothing else is its script: it gets the default one if it asks for it.
    pub(crate) fn may_get_it(&self) -> bool {
        self.host.netboot && self.host.script.is_none()
    }

    /// Whether the machine is sent to the default script once an iPXE asks.
    pub fn is_sent(&self, config: &Settings, subnets: &Located<'_>) -> bool {
        let boot = &config.boot;
        let subnet = self.ip.and_then(|ip| subnets.subnet(ip));
        let classes = config.script_classes(subnet, Some(self.host));
        if !self.may_get_it() || config.http.is_none() || classes.is_empty() {
            return false;
        }
        let of_subnet = subnet.and_then(|subnet| subnet.script_url.as_ref());
        let url = self.host.script_url.as_ref().or(of_subnet).or(boot.script_url.as_ref());
        let own = [config.dhcp.server_address, subnet.and_then(|subnet| subnet.server_address)];
        url.is_none_or(|url| is_own(url, own))
    }

    /// Whether the machine is sent to the default script for sure: iPXE is all that the machine can load before.
    pub(crate) fn is_surely_sent(&self, config: &Settings, subnets: &Located<'_>) -> bool {
        if !self.is_sent(config, subnets) {
            return false;
        }
        if let Some(own) = self.boot_file {
            return is_ipxe(own);
        }
        let subnet = self.ip.and_then(|ip| subnets.subnet(ip));
        let of_subnet = subnet.into_iter().flat_map(|subnet| subnet.files.values());
        let mut files = config.boot.files.values().chain(of_subnet).peekable();
        files.peek().is_some() && files.all(|name| is_ipxe(name))
    }
}

/// Whether a URL is that of this node's script. Where its address is not configured, the path tells.
fn is_own(url: &str, own: [Option<Ipv4Addr>; 2]) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let mut own = own.into_iter().flatten().peekable();
    let is_here = own.peek().is_none()
        || own.any(|own| url.host_str().is_some_and(|host| host.parse() == Ok(own)));
    is_here && url.path().ends_with("/auto.ipxe")
}

/// By the names of iPXE's own build and of distributions.
fn is_ipxe(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    ["undionly", "snp"].iter().any(|known| file.starts_with(known))
        || file.contains("ipxe")
        || [".kpxe", ".kkpxe", ".kkkpxe"].iter().any(|suffix| file.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Architecture, HostScript, Subnet};

    #[test]
    fn ipxe_by_its_names() {
        let check = |name: &str, expect: bool| assert_eq!(is_ipxe(name), expect, "{name}");
        for name in ["ipxe.efi", "undionly.kpxe", "x86_64/snponly.efi", "snp-arm64.efi", "my.kpxe"]
        {
            check(name, true);
        }
        check("x86_64-sb/IPXE-shimx64.efi", true);
        check("http://192.0.2.1/ipxe.efi", true);
        for name in ["pxelinux.0", "grubx64.efi", "ipxe/grubx64.efi", "uki.efi", "lpxelinux.0"] {
            check(name, false);
        }
    }

    const NOT: [bool; 2] = [false, false];
    const SENT: [bool; 2] = [true, false];
    const SURELY: [bool; 2] = [true, true];

    /// The boot files, what is configured beside them, and whether the machine is sent, surely.
    #[track_caller]
    fn check(files: &[&str], change: impl Fn(&mut Settings, &mut Host), expect: [bool; 2]) {
        let mut config = Settings::unconfigured();
        config.subnets = vec![Subnet::new("10.0.0.0/24".parse().unwrap())];
        config.boot.script_user_classes = vec!["Tinkerbell".to_owned()];
        let codes = (0..).map(Architecture::Code);
        config.boot.files = codes.zip(files.iter().map(|&name| name.to_owned())).collect();
        let mut host = Host { ip: [10, 0, 0, 5].into(), ..Host::default() };
        change(&mut config, &mut host);
        let (host, subnets) = (Candidate::of(&host), Located::new(&config.subnets));
        let found = [host.is_sent(&config, &subnets), host.is_surely_sent(&config, &subnets)];
        assert_eq!(found, expect, "{files:?}");
    }

    #[test]
    fn by_boot_files() {
        check(&["undionly.kpxe", "ipxe.efi"], |_, _| {}, SURELY);
        check(&["pxelinux.0", "grubx64.efi"], |_, _| {}, SENT);
        check(&["undionly.kpxe", "grubx64.efi"], |_, _| {}, SENT);
        check(&[], |_, _| {}, SENT);
        check(&["ipxe.efi"], |_, host| host.boot_file = Some("uki.efi".to_owned()), SENT);
        check(&["uki.efi"], |_, host| host.boot_file = Some("ipxe.efi".to_owned()), SURELY);
        let grub = |config: &mut Settings, _: &mut Host| {
            let files = &mut config.subnets[0].files;
            files.insert(Architecture::X86Bios, "grub.0".to_owned());
        };
        check(&["ipxe.efi"], grub, SENT);
    }

    #[test]
    fn by_what_is_its_script() {
        let url = || Some("http://a/b".to_owned());
        let own = || Some("http://10.0.0.1/auto.ipxe".to_owned());
        check(&["ipxe.efi"], |_, host| host.script_url = url(), NOT);
        check(&["ipxe.efi"], |_, host| host.script_url = own(), SURELY);
        check(&["ipxe.efi"], |config, _| config.boot.script_url = url(), NOT);
        check(&["ipxe.efi"], |config, _| config.boot.script_url = own(), SURELY);
        check(&["ipxe.efi"], |config, _| config.subnets[0].script_url = url(), NOT);
        check(&["ipxe.efi"], |config, _| config.subnets[0].script_url = own(), SURELY);
        for (server, expect) in [([10, 0, 0, 1], SURELY), ([10, 0, 0, 2], NOT)] {
            let set = |config: &mut Settings, _: &mut Host| {
                config.boot.script_url = own();
                config.dhcp.server_address = Some(server.into());
            };
            check(&["ipxe.efi"], set, expect);
            let of_subnet = |config: &mut Settings, _: &mut Host| {
                config.boot.script_url = own();
                config.subnets[0].server_address = Some(server.into());
            };
            check(&["ipxe.efi"], of_subnet, expect);
        }
        let script = || Some(HostScript::Text("#!ipxe".to_owned()));
        check(&["ipxe.efi"], |_, host| host.script = script(), NOT);
        check(&["ipxe.efi"], |_, host| host.netboot = false, NOT);
        check(&["ipxe.efi"], |config, _| config.http = None, NOT);
        check(&["ipxe.efi"], |config, _| config.boot.script_user_classes.clear(), NOT);
    }
}
