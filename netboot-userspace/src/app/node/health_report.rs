//! The health of the node's parts, as `/readyz`, `netboot status` and the metrics have it.

use netboot_serve::{descriptors::Shares, health::PartState, wanted::Wanted};
use netboot_site::model::DhcpMode;

use super::{Node, RefusedChange, Site};

use crate::app::{dhcp::Dhcp, refused_changes::RefusalLog};

/// The parts that this file says something of.
pub(super) const CONFIGURATION: &str = "configuration";
const SELF_CHECK: &str = "self-check";
const DECLINES: &str = "dhcp declines";
const DHCP: &str = "dhcp";
const HOSTS: &str = "hosts";
const FILES: &str = "files";
const XDP: &str = "xdp";

impl Node {
    /// The services as they are wanted now, and the status as things are.
    pub(super) async fn settle(&mut self) {
        let wanted = wanted(&self.site, self.shares, self.dhcp.as_ref());
        self.supervisor.reconcile(&wanted).await;
        if wanted.lacks_servers {
            self.health
                .degraded(FILES, "this node has no address that machines are sent to for files");
        } else {
            self.health.off(FILES);
        }
        self.tell_of_configuration();
        let settings = &self.site.settings;
        let Some(dhcp) = &mut self.dhcp else {
            self.heartbeat.set(None);
            let interfaces = settings.interfaces.iter().map(|name| interface(name));
            [SELF_CHECK, DHCP, XDP, HOSTS, DECLINES]
                .map(str::to_owned)
                .into_iter()
                .chain(interfaces)
                .for_each(|part| self.health.off(part));
            if settings.dhcp.mode != DhcpMode::Off {
                self.health
                    .down(DHCP, "nobody is answered: the log says why; correct it, and reload");
            }
            return;
        };
        self.dhcp_state.set(dhcp);
        match dhcp.left_out() {
            Some(why) => self.health.degraded(HOSTS, why),
            None => self.health.off(HOSTS),
        }
        match dhcp.trouble() {
            Some(why) => self.health.down(DHCP, why),
            None => self.health.up(DHCP),
        }
        let kernel = dhcp.kernel();
        self.heartbeat.set(kernel.is_there().then(|| settings.xdp.clone()));
        let refused =
            self.refused.iter().chain(self.links_refused.iter().map(|(_, refused)| refused));
        let refused = refused.chain(self.programs.refused());
        match kernel.failed_check().or(refused.filter_map(RefusedChange::failed_check).next()) {
            Some(why) => self.health.down(SELF_CHECK, why),
            None if kernel.is_loaded() => self.health.up(SELF_CHECK),
            None => self.health.off(SELF_CHECK),
        }
        for name in &settings.interfaces {
            let part = interface(name);
            match dhcp.interface(name) {
                PartState::Up => self.health.up(part),
                PartState::Degraded(why) => self.health.degraded(part, why),
                PartState::Down(why) => self.health.down(part, why),
            }
        }
        self.tell_of_kernel();
    }

    /// Says whether all that was proposed is in force.
    fn tell_of_configuration(&mut self) {
        let of_links = self.links_refused.as_ref().map(|(_, refused)| refused);
        if let Some(refused) = self.refused.as_ref().or(of_links) {
            self.health.degraded(CONFIGURATION, refused.trouble());
            return;
        }
        self.refusal_log = RefusalLog::default();
        if self.site.settings.path.is_some() {
            self.health.up(CONFIGURATION);
        }
    }

    /// Says how the program in the kernel is, where it is not as it should be.
    pub(super) fn tell_of_kernel(&mut self) {
        let Some(dhcp) = &mut self.dhcp else { return };
        let kernel = dhcp.kernel();
        let trouble = kernel.trouble().or_else(|| self.heartbeat.failure());
        match (kernel.left(), trouble) {
            (Some(why), _) => self.health.down(XDP, why),
            (None, Some(why)) => self.health.degraded(XDP, why),
            (None, None) => self.health.off(XDP),
        }
    }

    /// Says which machines declined their addresses, where they are several.
    pub(super) fn tell_of_declines(&mut self) {
        match self.dhcp.as_ref().and_then(Dhcp::declined) {
            Some(why) => self.health.degraded(DECLINES, why),
            None => self.health.off(DECLINES),
        }
    }
}

pub(super) fn interface(name: &str) -> String {
    format!("interface {name}")
}

pub(super) fn wanted(site: &Site, shares: Shares, dhcp: Option<&Dhcp>) -> Wanted {
    let Site { settings, hosts } = site;
    let mtu = dhcp.and_then(Dhcp::mtu);
    match dhcp {
        Some(dhcp) => Wanted::new(settings, hosts, shares, &dhcp.tables().read().subnets, mtu),
        None => Wanted::new(settings, hosts, shares, &[], mtu),
    }
}
