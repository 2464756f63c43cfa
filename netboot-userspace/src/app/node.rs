//! This node as it runs: what it was told, and what became of it. Every change goes through here, one at a
//! time; what cannot be done leaves what was before.

use std::time::Instant;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{declines, dhcp::Dhcp, shown::Shown};
use crate::{
    config::{Config, DhcpMode},
    inventory::Inventory,
    machines::Machines,
    quarantine::Held,
    sightings::Sightings,
};

/// What runs.
pub(super) struct Node {
    /// Without hosts: these are in the inventory.
    config: Config,
    inventory: Inventory,
    machines: Machines,
    dhcp: Option<Dhcp>,
    shown: Shown,
    cancel: CancellationToken,
    declined: mpsc::UnboundedSender<Held>,
}

/// What becomes of the kernel's answers when the daemon ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AtEnd {
    /// They end too: no machine is sent to services that are gone.
    Detach,
    /// They go on: another daemon is about to start.
    Keep,
}

impl Node {
    /// Prepares what the configuration wants; nobody is answered yet. Addresses that are declined come to
    /// `declined`, for [`Node::hold`].
    ///
    /// # Errors
    /// A socket, an interface or the configuration is not as it must be.
    pub(super) fn new(
        mut config: Config,
        machines: Machines,
        declined: mpsc::UnboundedSender<Held>,
        cancel: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let inventory = machines.inventory().clone();
        let dhcp = match config.dhcp.mode {
            DhcpMode::Off => None,
            _ => {
                config.hosts = inventory.all();
                let sightings = Sightings::new(machines.clone(), config.path.as_deref());
                Some(Dhcp::new(&config, sightings, cancel)?)
            }
        };
        config.hosts = Vec::new();
        let (shown, cancel) = (Shown::default(), cancel.clone());
        Ok(Self { config, inventory, machines, dhcp, shown, cancel, declined })
    }

    /// Answers.
    ///
    /// # Errors
    /// A socket cannot be opened, or the kernel does not do what `xdp.mode` demands.
    pub(super) fn start(&mut self) -> anyhow::Result<()> {
        let Some(dhcp) = &mut self.dhcp else {
            super::kernel::clean_up(&self.config);
            return Ok(());
        };
        dhcp.start(&self.config)?;
        self.shown.set(dhcp);
        let (tables, cancel) = (dhcp.tables().clone(), self.cancel.clone());
        tokio::spawn(declines::watch(tables, self.declined.clone(), cancel));
        Ok(())
    }

    pub(super) fn shown(&self) -> Shown {
        self.shown.clone()
    }

    pub(super) fn dhcp(&self) -> Option<&Dhcp> {
        self.dhcp.as_ref()
    }

    /// Looks at the node's interfaces again, after a change of one.
    pub(super) fn look_at_links(&mut self) {
        let Some(dhcp) = &mut self.dhcp else { return };
        match dhcp.has_other_links() {
            Ok(false) => return,
            Ok(true) => {}
            Err(error) => {
                tracing::warn!("{error:#}");
                return;
            }
        }
        let start = Instant::now();
        match self.apply() {
            Ok(()) => tracing::info!("interfaces changed: done in {:.0?}", start.elapsed()),
            Err(error) => {
                tracing::error!("interfaces changed, but what was before goes on: {error:#}");
            }
        }
    }

    /// Puts configuration and inventory in service.
    fn apply(&mut self) -> anyhow::Result<()> {
        let Some(dhcp) = &mut self.dhcp else { return Ok(()) };
        self.config.hosts = self.inventory.all();
        let applied = dhcp.apply(&self.config);
        self.config.hosts = Vec::new();
        let missing = dhcp.missing(&self.config);
        if !missing.is_empty() {
            tracing::warn!(
                "not there: {}; machines at it are answered when it is",
                missing.join(", ")
            );
        }
        self.shown.set(dhcp);
        applied.map(drop)
    }

    /// Tells the kernel of an address that is held back.
    pub(super) fn hold(&mut self, held: Held) {
        let Held { station, until } = held;
        let Some(dhcp) = &mut self.dhcp else { return };
        if let Err(error) = dhcp.hold(station, until) {
            let machine = station.mac;
            tracing::error!(%machine, "the kernel goes on to give a declined address: {error:#}");
        }
    }

    /// Ends.
    pub(super) fn stop(mut self, at_end: AtEnd) {
        if let Some(dhcp) = &mut self.dhcp {
            dhcp.stop(at_end);
        }
    }
}
