//! The choice of a machine's boot set, and all that it depends on.

use std::{collections::BTreeMap, net::Ipv4Addr};

use netboot_ebpf::wire::code;

use crate::model::{Architecture, DhcpOption, Host, Quirks, Settings, Subnet};

/// Machines with the same choice share a boot set.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Choice<'c> {
    /// Our address towards the machines.
    pub(crate) server: Ipv4Addr,
    /// Before `boot.files`.
    pub(crate) files: &'c BTreeMap<Architecture, String>,
    /// Before all files.
    pub(crate) boot_file: Option<&'c str>,
    /// Beside it option 66 is given otherwise.
    pub(crate) has_server_name: bool,
    /// `None`: ours.
    pub(crate) script_url: Option<&'c str>,
    pub(crate) boot_vlan: Option<u16>,
    /// Option 60 `PXEClient` is echoed.
    pub(crate) echo_pxeclient: bool,
    pub(crate) menu: Option<String>,
    /// The menu is for this architecture (option 93) alone.
    pub(crate) menu_of: Option<u16>,
    /// Whatever the link, where it is chosen on the link that a machine asks on.
    pub(crate) own: Option<OwnBoot<'c>>,
    pub(crate) is_proxy: bool,
}

/// File, script and VLAN of a host alone.
pub(crate) type OwnBoot<'c> = (Option<&'c str>, Option<&'c str>, Option<u16>);

impl<'c> Choice<'c> {
    /// Of a subnet's machines that have no quirks and nothing of their own.
    pub fn new(config: &'c Settings, subnet: &'c Subnet, server: Ipv4Addr) -> Self {
        Self {
            server,
            files: &subnet.files,
            boot_file: None,
            has_server_name: subnet.options.iter().any(is_server_name),
            script_url: subnet.script_url.as_deref().or(config.boot.script_url.as_deref()),
            boot_vlan: subnet.boot_vlan,
            // A ProxyDHCP offer is known by it (PXE 2.1 section 2.2.3).
            echo_pxeclient: config.dhcp.echo_pxeclient || config.dhcp.mode.is_proxy(),
            menu: None,
            menu_of: None,
            own: None,
            is_proxy: config.dhcp.mode.is_proxy(),
        }
    }

    pub fn with_host(self, host: &'c Host) -> Self {
        let own = (host.boot_file.as_deref(), host.script_url.as_deref(), host.boot_vlan);
        Self {
            own: (self.is_proxy && own != (None, None, None)).then_some(own),
            boot_file: host.boot_file.as_deref(),
            has_server_name: self.has_server_name
                || host.boot_file.is_some() && host.options.iter().any(is_server_name),
            script_url: host.script_url.as_deref().or(self.script_url),
            boot_vlan: host.boot_vlan.or(self.boot_vlan),
            ..self
        }
    }

    /// `is_of_rom`: see [`crate::model::quirks::is_of_rom`].
    pub fn with_quirks(self, config: &Settings, quirks: &Quirks, is_of_rom: bool) -> Self {
        let echo = quirks.echo_pxeclient.unwrap_or(config.dhcp.echo_pxeclient);
        let menu = quirks.menu.clone();
        let menu_of = quirks.architecture.filter(|_| is_of_rom && menu.is_some());
        Self { echo_pxeclient: echo || config.dhcp.mode.is_proxy(), menu, menu_of, ..self }
    }
}

fn is_server_name(option: &DhcpOption) -> bool {
    option.code == code::TFTP_SERVER_NAME
}
