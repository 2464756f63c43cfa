//! Lines in the log about machines that ask and have no reservation.

use std::path::Path;

use netboot_base::throttle::Throttle;
use netboot_ebpf::shared::{Mac, NO_ARCHITECTURE, Vlan};
use netboot_site::model::{Architecture, Inventory};

use crate::event::{DhcpEvent, Event};

/// Unknown machines that the log names, a minute: a MAC is easily forged.
const ANNOUNCEMENTS: u32 = 30;

/// Names machines without reservation, and says how to add them.
pub struct Announcer {
    inventory: Inventory,
    /// The option that names the configuration to `netboot host add`.
    config: String,
    announcements: Throttle,
}

impl Announcer {
    /// `config` is the file that machines are added to.
    #[must_use]
    pub fn new(inventory: Inventory, config: Option<&Path>) -> Self {
        let config = config.map(|path| format!(" --config {}", path.display())).unwrap_or_default();
        Self { inventory, config, announcements: Throttle::new(ANNOUNCEMENTS) }
    }

    /// Says, and not of too many at a time, that a machine without reservation asks, and how to add it.
    pub(super) fn announce(&mut self, event: &Event, dhcp: &DhcpEvent) {
        let Some(left_out) = self.announcements.admit(event.at) else { return };
        if left_out > 0 {
            tracing::info!("{left_out} more unknown machines asked: `netboot status` lists them");
        }
        let interface = dhcp.segment.to_string();
        let interface = interface.as_str();
        if self.is_of_another_vlan(interface, event.mac) {
            return;
        }
        let (machine, config) = (event.mac, &self.config);
        let architecture = Architecture::name(dhcp.architecture.unwrap_or(NO_ARCHITECTURE));
        let first =
            if config.is_empty() { "write a configuration with its subnet; then " } else { "" };
        tracing::info!(
            interface,
            %machine,
            architecture,
            "an unknown machine asks: {first}`netboot host add --mac {machine} --ip ADDRESS{config}` adds it"
        );
    }

    /// Whether the machine has a reservation elsewhere; says so.
    fn is_of_another_vlan(&self, interface: &str, machine: Mac) -> bool {
        let Some(host) = self.inventory.by_mac(machine) else { return false };
        let own = if host.vlan == Vlan::NONE { "none".to_owned() } else { host.vlan.to_string() };
        tracing::info!(
            interface,
            %machine,
            "a machine asks in another VLAN than its host entry is for (vlan: {own}): correct `vlan` of the host or \
             its subnet, or the switch's port"
        );
        true
    }
}
