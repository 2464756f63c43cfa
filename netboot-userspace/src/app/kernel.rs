//! Starts the fast path, and says where the slow path answers instead, and why.

use std::collections::HashMap;

use netboot_ebpf::shared::Vlan;
use tokio_util::sync::CancellationToken;

use super::Tasks;
use crate::{
    config::{Config, XdpMode},
    fastpath::{self, FastPath},
    links::{Link, VlanOffload},
    sightings::Sightings,
    status::InterfaceStatus,
    tables::Tables,
};

/// The loaded program, and what became of each interface.
pub(crate) struct Kernel {
    pub(crate) fast: Option<FastPath>,
    modes: HashMap<u32, XdpMode>,
    pub(crate) interfaces: Vec<InterfaceStatus>,
}

impl Kernel {
    /// Loads and attaches. In mode `auto` nothing of this is an error: the slow path answers.
    pub(super) fn start(
        config: &Config,
        tables: &Tables,
        links: &[Link],
        sightings: &Sightings,
        cancel: &CancellationToken,
        tasks: &mut Tasks,
    ) -> anyhow::Result<Self> {
        let mut this = Self { fast: None, modes: HashMap::new(), interfaces: Vec::new() };
        let mode = config.xdp.mode;
        if mode == XdpMode::Off {
            links.iter().for_each(|link| this.note(link, XdpMode::Off, None));
            return Ok(this);
        }
        if config.dhcp.mode.is_proxy() {
            for link in links {
                let interface = &link.name;
                tracing::info!(interface, "the daemon answers ProxyDHCP");
                this.keep(link, XdpMode::Off, Some("the daemon answers ProxyDHCP".to_owned()));
            }
            return Ok(this);
        }
        let mut fast = match FastPath::load(tables) {
            Ok(fast) => fast,
            Err(error) if mode == XdpMode::Auto => {
                let why = format!("{error:#}");
                links.iter().for_each(|link| this.note(link, XdpMode::Off, Some(why.clone())));
                return Ok(this);
            }
            Err(error) => return Err(error),
        };
        match fast.pin(&config.xdp.pin_path) {
            // They are only for looking into.
            Err(error) if mode == XdpMode::Auto => {
                tracing::warn!("the maps are not pinned: {error:#}");
            }
            pinned => pinned?,
        }
        tasks.spawn({
            let watch = fastpath::watch(fast.take_events()?, sightings.clone(), cancel.clone());
            async move {
                watch.await;
                Ok(())
            }
        });
        tasks.spawn({
            let watch = fastpath::watch_log(fast.take_log()?, cancel.clone());
            async move {
                watch.await;
                Ok(())
            }
        });
        for link in links {
            if let VlanOffload::On(_) = link.vlan_offload {
                tracing::info!(
                    interface = link.name,
                    "it takes VLAN tags off before an XDP program sees a frame: where tagged networks share its \
                     port, switch that off (`ethtool -K {} rxvlan off`)",
                    link.name
                );
            }
            let attached = match hidden_tags(link, tables) {
                Some(why) => Err(anyhow::Error::msg(why)),
                None => fast.attach(link, mode),
            };
            match attached {
                Ok((mode, note)) => this.note(link, mode, note),
                Err(error) if mode == XdpMode::Auto => {
                    this.note(link, XdpMode::Off, Some(format!("{error:#}")))
                }
                Err(error) => return Err(error),
            }
        }
        this.fast = Some(fast);
        Ok(this)
    }

    /// Whether the program answers on this interface.
    pub(super) fn answers(&self, ifindex: u32) -> bool {
        self.modes.get(&ifindex).is_some_and(|mode| *mode != XdpMode::Off)
    }

    fn note(&mut self, link: &Link, mode: XdpMode, note: Option<String>) {
        let interface = &link.name;
        match (mode, &note) {
            (XdpMode::Off, Some(why)) => {
                tracing::warn!(
                    interface,
                    "the kernel does not answer here, the daemon does: {why}"
                );
            }
            (XdpMode::Off, None) => tracing::info!(interface, "answering in userspace"),
            (_, Some(why)) => {
                tracing::info!(interface, "answering in {} mode, since: {why}", mode.name());
            }
            (_, None) => tracing::info!(interface, "answering in {} mode", mode.name()),
        }
        self.keep(link, mode, note);
    }

    fn keep(&mut self, link: &Link, mode: XdpMode, note: Option<String>) {
        self.modes.insert(link.index, mode);
        self.interfaces.push(InterfaceStatus {
            name: link.name.clone(),
            mode: mode.name().to_owned(),
            note,
        });
    }
}

/// Why the program must not answer on an interface: it would take a VLAN's frames for untagged ones, or
/// for another VLAN's.
fn hidden_tags(link: &Link, tables: &Tables) -> Option<String> {
    if tables.reservations.keys().all(|station| station.vlan == Vlan::NONE) {
        return None;
    }
    let name = &link.name;
    match &link.vlan_offload {
        VlanOffload::Off => None,
        VlanOffload::On(features) => {
            let commands: Vec<_> = features
                .iter()
                .map(|feature| format!("`ethtool -K {name} {feature} off`"))
                .collect();
            Some(format!(
                "there are machines in VLANs, and {name} takes the tags off before an XDP program sees a frame: \
                 {} and a restart let the kernel answer",
                commands.join(", ")
            ))
        }
        VlanOffload::Unknown(why) => Some(format!(
            "there are machines in VLANs, and whether {name} takes the tags off before an XDP program sees a frame \
             cannot be told ({why}): answer in userspace there (xdp.mode = \"auto\" or \"off\")"
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, sync::Arc, time::Duration};

    use netboot_ebpf::shared::{Reservation, Settings, Station};
    use zerocopy::FromZeros as _;

    use super::*;
    use crate::quarantine::Quarantine;

    #[track_caller]
    fn check(vlan: Vlan, vlan_offload: VlanOffload, expect: Option<&str>) {
        let station = Station { vlan, ..Station::default() };
        let tables = Tables {
            settings: Settings::new_zeroed(),
            interfaces: HashMap::new(),
            user_classes: HashMap::new(),
            subnets: Vec::new(),
            boot_files: Vec::new(),
            reservations: HashMap::from([(station, Reservation::new_zeroed())]),
            anybody: HashMap::new(),
            known: HashSet::new(),
            quarantine: Arc::new(Quarantine::new(Duration::ZERO)),
        };
        let loopback = crate::links::all().unwrap().remove("lo").unwrap();
        let found = hidden_tags(&Link { vlan_offload, ..loopback }, &tables);
        match (&found, expect) {
            (Some(found), Some(expect)) => assert!(found.contains(expect), "{found}"),
            _ => assert_eq!(found.as_deref(), expect),
        }
    }

    #[test]
    fn the_program_must_see_tags() {
        let both = || VlanOffload::On(vec!["rxvlan", "rx-vlan-stag-hw-parse"]);
        let tagged = Vlan { ids: [7, 0] };
        let commands = "`ethtool -K lo rxvlan off`, `ethtool -K lo rx-vlan-stag-hw-parse off`";
        check(Vlan::NONE, both(), None);
        check(tagged, both(), Some(commands));
        check(tagged, VlanOffload::Unknown("why".to_owned()), Some("cannot be told (why)"));
        check(tagged, VlanOffload::Off, None);
    }
}
