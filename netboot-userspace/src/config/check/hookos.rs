//! HookOS's kernel and initrd, which the default script loads.

use std::net::Ipv4Addr;

use url::Url;

use crate::{
    config::{Config, Located, Script},
    inventory::Host,
};

/// That they are not there.
pub(crate) struct Absent {
    pub(crate) message: String,
    /// A machine is sent to the default script, whatever it is.
    pub(crate) is_sure: bool,
}

/// A machine that may be sent to the default script.
#[derive(Clone, Copy)]
pub(crate) struct Candidate<'h> {
    pub(crate) host: &'h Host,
    pub(crate) ip: Option<Ipv4Addr>,
    pub(crate) boot_file: Option<&'h str>,
}

impl<'h> Candidate<'h> {
    pub(crate) fn of(host: &'h Host) -> Self {
        Self { host, ip: Some(host.ip), boot_file: host.boot_file.as_deref() }
    }

    /// Whether it is sent to the default script if it comes as far.
    fn may_get_script(&self) -> bool {
        self.host.netboot && self.host.script.is_none()
    }

    /// Whether it comes as far: iPXE is all that it can load, and is told no other script.
    pub(crate) fn gets_script(&self, config: &Config, subnets: &Located<'_>) -> bool {
        let boot = &config.boot;
        let subnet = self.ip.and_then(|ip| subnets.subnet(ip));
        let of_subnet = subnet.and_then(|subnet| subnet.script_url.as_ref());
        let url = self.host.script_url.as_ref().or(of_subnet).or(boot.script_url.as_ref());
        let own = [config.dhcp.server_address, subnet.and_then(|subnet| subnet.server_address)];
        let is_foreign = url.is_some_and(|url| !is_own_script(url, own));
        if !self.may_get_script() || is_foreign || boot.script_user_classes.is_empty() {
            return false;
        }
        if let Some(own) = self.boot_file {
            return is_ipxe(own);
        }
        let of_subnet = subnet.into_iter().flat_map(|subnet| subnet.files.values());
        let mut files = boot.files.values().chain(of_subnet).peekable();
        files.peek().is_some() && files.all(|name| is_ipxe(name))
    }
}

/// Whether a URL is that of this node's script. Where its address is not configured, the path tells.
fn is_own_script(url: &str, own: [Option<Ipv4Addr>; 2]) -> bool {
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

/// Says once what is absent, where the node serves it.
pub(crate) fn absent<'h>(
    config: &Config,
    hosts: impl Iterator<Item = Candidate<'h>> + Clone,
) -> Option<Absent> {
    let serves = config.http.is_some() && config.script.download_url.is_none();
    if !serves || !hosts.clone().any(|host| host.may_get_script()) {
        return None;
    }
    let paths = kernel_and_initrd(&config.script).map(|name| config.boot.root.join(name));
    let absent: Vec<_> = paths.iter().filter(|path| !path.is_file()).collect();
    let names = absent.iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
    let are = match *names {
        [] => return None,
        [_] => "is",
        _ => "are",
    };
    let message = format!(
        "{} {are} not there: the default script loads {}; put HookOS under boot.root, \
         or set script.download-url",
        names.join(" and "),
        if are == "is" { "it" } else { "them" }
    );
    let subnets = Located::new(&config.subnets);
    let is_sure = hosts.clone().any(|host| host.gets_script(config, &subnets));
    Some(Absent { message, is_sure })
}

fn kernel_and_initrd(script: &Script) -> [String; 2] {
    let Script { arch, kernel, initrd, .. } = script;
    [
        kernel.clone().unwrap_or_else(|| format!("vmlinuz-{arch}")),
        initrd.clone().unwrap_or_else(|| format!("initramfs-{arch}")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Architecture, Subnet};

    #[test]
    fn ipxe_by_its_names() {
        let check = |name: &str, expect: bool| assert_eq!(is_ipxe(name), expect, "{name}");
        for name in ["ipxe.efi", "undionly.kpxe", "x86_64/snponly.efi", "snp-arm64.efi", "my.kpxe"]
        {
            check(name, true);
        }
        check("x86_64-sb/IPXE-shimx64.efi", true);
        for name in ["pxelinux.0", "grubx64.efi", "ipxe/grubx64.efi", "uki.efi", "lpxelinux.0"] {
            check(name, false);
        }
    }

    /// What is configured beside a host, and whether a machine is sure to get the default script.
    #[test]
    fn who_is_sure_to_get_the_script() {
        #[track_caller]
        fn check(files: &[&str], change: impl Fn(&mut Config, &mut Host), expect: Option<bool>) {
            let root = tempfile::tempdir().unwrap();
            let mut config = Config::unconfigured();
            config.boot.root = root.path().to_owned();
            config.subnets = vec![Subnet::new("10.0.0.0/24".parse().unwrap())];
            config.boot.script_user_classes = vec!["Tinkerbell".to_owned()];
            let codes = (0..).map(Architecture::Code);
            config.boot.files = codes.zip(files.iter().map(|&name| name.to_owned())).collect();
            let mut host = Host { ip: [10, 0, 0, 5].into(), ..Host::default() };
            change(&mut config, &mut host);
            let absent = absent(&config, [Candidate::of(&host)].into_iter());
            assert_eq!(absent.map(|absent| absent.is_sure), expect, "{files:?} {host:?}");
        }
        let url = || Some("http://a/b".to_owned());
        check(&["undionly.kpxe", "ipxe.efi"], |_, _| {}, Some(true));
        check(&["pxelinux.0", "grubx64.efi"], |_, _| {}, Some(false));
        check(&["undionly.kpxe", "grubx64.efi"], |_, _| {}, Some(false));
        check(&[], |_, _| {}, Some(false));
        check(&["ipxe.efi"], |_, host| host.boot_file = Some("uki.efi".to_owned()), Some(false));
        check(&["uki.efi"], |_, host| host.boot_file = Some("ipxe.efi".to_owned()), Some(true));
        check(&["ipxe.efi"], |_, host| host.script_url = url(), Some(false));
        check(&["ipxe.efi"], |config, _| config.boot.script_url = url(), Some(false));
        let own = || Some("http://10.0.0.1/auto.ipxe".to_owned());
        check(&["ipxe.efi"], |config, _| config.boot.script_url = own(), Some(true));
        for (server, expect) in [([10, 0, 0, 1], true), ([10, 0, 0, 2], false)] {
            let set = |config: &mut Config, _: &mut Host| {
                config.boot.script_url = own();
                config.dhcp.server_address = Some(server.into());
            };
            check(&["ipxe.efi"], set, Some(expect));
        }
        check(&["ipxe.efi"], |config, _| config.subnets[0].script_url = url(), Some(false));
        let grub = |config: &mut Config, _: &mut Host| {
            let files = &mut config.subnets[0].files;
            files.insert(Architecture::X86Bios, "grub.0".to_owned());
        };
        check(&["ipxe.efi"], grub, Some(false));
        check(&["ipxe.efi"], |config, _| config.boot.script_user_classes.clear(), Some(false));
        check(&["ipxe.efi"], |_, host| host.netboot = false, None);
        check(&["ipxe.efi"], |config, _| config.http = None, None);
        check(&["ipxe.efi"], |config, _| config.script.download_url = url(), None);
    }
}
