//! This node as it runs: what it was told, and what became of it. Every change goes through here, one at a
//! time; what cannot be done leaves what was before.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::mpsc, task::block_in_place};
use tokio_util::sync::CancellationToken;

use super::{
    declines,
    dhcp::Dhcp,
    health::Health,
    kernel,
    report::Reporter,
    self_check::SelfCheckFailed,
    services::Services,
    shown::Shown,
    source::{self, Source},
    supervisor::Supervisor,
    wanted::Wanted,
};
use crate::{
    config::{self, Change, Config, DhcpMode},
    inventory::{Difference, Host, Inventory},
    machines::Machines,
    quarantine::Held,
    sightings::Sightings,
};

/// How long transfers under way may go on at the end.
const GRACE: Duration = Duration::from_secs(5);

/// What runs.
pub(super) struct Node {
    source: Source,
    /// Without hosts: these are in the inventory.
    config: Config,
    inventory: Inventory,
    machines: Machines,
    dhcp: Option<Dhcp>,
    shown: Shown,
    supervisor: Supervisor,
    health: Health,
    /// Where addresses that are declined come to.
    declined: mpsc::UnboundedSender<Held>,
    cancel: CancellationToken,
}

/// What becomes of the kernel's answers when the daemon ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AtEnd {
    /// They end too: no machine is sent to services that are gone.
    Detach,
    /// They go on: another daemon is about to start.
    Keep,
}

/// Why the configuration is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// SIGHUP.
    Asked,
    /// A file changed.
    Changed,
}

/// The parts that this module says something of.
const CONFIGURATION: &str = "configuration";
const SELF_CHECK: &str = "self-check";

impl Node {
    /// Answers. Addresses that are declined come to `declined`, for [`Node::hold`].
    ///
    /// # Errors
    /// A socket, an interface or the configuration is not as it must be.
    pub(super) async fn start(
        source: Source,
        mut config: Config,
        declined: mpsc::UnboundedSender<Held>,
    ) -> anyhow::Result<Self> {
        let cancel = CancellationToken::new();
        let inventory = Inventory::new(std::mem::take(&mut config.hosts));
        let machines = Machines::new(inventory.clone());
        let mut dhcp = match config.dhcp.mode {
            DhcpMode::Off => None,
            _ => {
                let config = Config { hosts: inventory.all(), ..config.clone() };
                let sightings = Sightings::new(machines.clone(), config.path.as_deref());
                Some(Dhcp::new(&config, sightings, &cancel)?)
            }
        };
        match &mut dhcp {
            Some(dhcp) => block_in_place(|| dhcp.start(&config)).inspect_err(|_| dhcp.abandon())?,
            None => kernel::clean_up(&config),
        }
        let health = Health::default();
        match &config.path {
            Some(_) => health.up(CONFIGURATION),
            None => health.degraded(CONFIGURATION, "there is none: nobody is answered"),
        }
        let shown = Shown::default();
        let wanted = wanted(&config, dhcp.as_ref());
        let services = Services::new(machines.clone(), &wanted);
        let counters = services.counters();
        let reporter =
            Reporter::new(&config, shown.clone(), health.clone(), machines.clone(), counters);
        let supervisor = Supervisor::new(services, Arc::new(reporter), health.clone());
        let mut this = Self {
            source,
            config,
            inventory,
            machines,
            dhcp,
            shown,
            supervisor,
            health,
            declined,
            cancel,
        };
        this.watch_declines();
        this.settle().await;
        if this.health.is_ready() {
            tracing::info!("ready");
        } else {
            tracing::warn!("ready but for what is down: /readyz and `netboot status` name it");
        }
        Ok(this)
    }

    /// Reads the configuration again, and puts in service what changed.
    pub(super) async fn reload(&mut self, why: Why) {
        let start = Instant::now();
        let Some(change) = block_in_place(|| self.source.reload()) else {
            tracing::warn!(
                "SIGHUP: there is no configuration to read again: restart with --config"
            );
            return;
        };
        let applied = match change {
            Err(error) => Err(error),
            Ok(Change::Nothing) => self.check().map(|()| {
                if why == Why::Asked {
                    tracing::info!("reloaded: nothing changed");
                }
            }),
            Ok(Change::Hosts { difference, warnings, summary }) => {
                source::warn(&warnings);
                let changed = block_in_place(|| self.change_hosts(&difference));
                self.source.applied(changed.is_ok());
                changed.map(|()| tell(&summary, start))
            }
            Ok(Change::Whole { loaded, summary, .. }) => {
                source::warn(&loaded.warnings);
                let changed = block_in_place(|| self.change_all(loaded.config));
                self.source.applied(changed.is_ok());
                changed.map(|()| tell(&summary, start))
            }
        };
        self.settle().await;
        self.say(applied);
    }

    /// The files that a reload reads.
    pub(super) fn watched(&self) -> Vec<PathBuf> {
        self.source.watched()
    }

    /// Looks at the node's interfaces again, after a change of one.
    pub(super) async fn look_at_links(&mut self) {
        let Some(dhcp) = &self.dhcp else { return };
        match dhcp.has_other_links() {
            Ok(false) => return,
            Ok(true) => {}
            Err(error) => {
                tracing::warn!("{error:#}");
                return;
            }
        }
        let start = Instant::now();
        let hosts = self.inventory.all();
        let applied = block_in_place(|| self.apply(hosts));
        if applied.is_ok() {
            tracing::info!("an interface changed: done in {:.1?}", start.elapsed());
        }
        self.settle().await;
        self.say(applied);
    }

    /// Says how a change went.
    fn say(&self, applied: anyhow::Result<()>) {
        let Err(error) = applied else {
            self.health.up(CONFIGURATION);
            return;
        };
        tracing::error!("kept the old configuration: {error:#}");
        self.health.degraded(CONFIGURATION, format!("kept the old one: {error:#}"));
        if error.chain().any(|cause| cause.is::<SelfCheckFailed>()) {
            self.health.down(SELF_CHECK, format!("{error:#}"));
        }
    }

    fn change_hosts(&mut self, difference: &Difference) -> anyhow::Result<()> {
        let changed = Config { hosts: difference.set.clone(), ..self.config.clone() };
        let in_place = match &mut self.dhcp {
            None => true,
            Some(dhcp) => dhcp.change(&changed, &difference.removed)?.is_some(),
        };
        if in_place {
            self.inventory.apply(difference);
        } else {
            let after = self.inventory.after(difference);
            self.apply(after.all())?;
            self.inventory.replace(after);
        }
        let set = difference.set.iter().map(|host| host.mac);
        self.machines.refresh(set.chain(difference.removed.iter().map(|station| station.mac)));
        Ok(())
    }

    fn change_all(&mut self, mut config: Config) -> anyhow::Result<()> {
        for setting in config::needs_restart(&self.config, &config) {
            tracing::warn!("{setting} changed: that takes effect when netboot is restarted");
        }
        config.state_dir.clone_from(&self.config.state_dir);
        config.xdp.pin_path.clone_from(&self.config.xdp.pin_path);
        let inventory = Inventory::new(std::mem::take(&mut config.hosts));
        let old = std::mem::replace(&mut self.config, config);
        if let Err(error) = self.switch(old.dhcp.mode, inventory.all()) {
            self.config = old;
            return Err(error);
        }
        self.inventory.replace(inventory);
        self.machines.refresh(self.machines.seen());
        Ok(())
    }

    /// Puts the configuration with these hosts in service, after another mode.
    fn switch(&mut self, old: DhcpMode, hosts: Vec<Arc<Host>>) -> anyhow::Result<()> {
        let mode = self.config.dhcp.mode;
        if self.dhcp.is_some() && mode != DhcpMode::Off && old.is_proxy() == mode.is_proxy() {
            return self.apply(hosts);
        }
        // Other ports: these are held by us until the old side ends.
        if let Some(mut dhcp) = self.dhcp.take() {
            dhcp.stop(AtEnd::Detach);
        }
        self.shown.clear();
        if mode == DhcpMode::Off {
            return Ok(());
        }
        let config = Config { hosts, ..self.config.clone() };
        let sightings = Sightings::new(self.machines.clone(), config.path.as_deref());
        let mut dhcp = Dhcp::new(&config, sightings, &self.cancel)?;
        dhcp.start(&config)?;
        self.dhcp = Some(dhcp);
        self.watch_declines();
        Ok(())
    }

    /// Puts the configuration with these hosts in service.
    fn apply(&mut self, hosts: Vec<Arc<Host>>) -> anyhow::Result<()> {
        let Some(dhcp) = &mut self.dhcp else { return Ok(()) };
        dhcp.apply(&Config { hosts, ..self.config.clone() }).map(drop)
    }

    /// Whether the program in service answers as it must.
    fn check(&mut self) -> anyhow::Result<()> {
        let Some(dhcp) = &mut self.dhcp else { return Ok(()) };
        block_in_place(|| dhcp.check())
    }

    /// The services as they are wanted now, and the status as things are.
    async fn settle(&mut self) {
        let wanted = wanted(&self.config, self.dhcp.as_ref());
        self.supervisor.reconcile(&wanted).await;
        // New tables do not know it yet.
        self.renew();
        let Some(dhcp) = &mut self.dhcp else {
            self.health.off(SELF_CHECK);
            return;
        };
        self.shown.set(dhcp);
        let kernel = dhcp.kernel();
        match kernel.failed_check() {
            Some(why) => self.health.down(SELF_CHECK, why),
            None if kernel.is_loaded() => self.health.up(SELF_CHECK),
            None => self.health.off(SELF_CHECK),
        }
        let missing = dhcp.missing(&self.config);
        for name in &self.config.interfaces {
            let part = format!("interface {name}");
            if missing.contains(&name.as_str()) {
                self.health.down(part, "it is not there: machines at it are answered when it is");
            } else {
                self.health.up(part);
            }
        }
    }

    /// Tells the kernel that the daemon lives: it bounds what it does without.
    pub(super) fn renew(&mut self) {
        let Some(dhcp) = &mut self.dhcp else { return };
        if let Err(error) = dhcp.kernel().renew(&self.config.xdp) {
            tracing::error!("the kernel is not told that the daemon lives: {error:#}");
        }
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

    fn watch_declines(&self) {
        let Some(dhcp) = &self.dhcp else { return };
        let (tables, cancel) = (dhcp.tables().clone(), self.cancel.clone());
        tokio::spawn(declines::watch(tables, self.declined.clone(), cancel));
    }

    /// Ends.
    pub(super) async fn stop(self, at_end: AtEnd) {
        if let Some(mut dhcp) = self.dhcp {
            dhcp.stop(at_end);
        }
        self.cancel.cancel();
        if tokio::time::timeout(GRACE, self.supervisor.shutdown()).await.is_err() {
            tracing::warn!("not all services ended in time: what is under way is cut off");
        }
    }
}

fn wanted(config: &Config, dhcp: Option<&Dhcp>) -> Wanted {
    let mtu = dhcp.and_then(Dhcp::mtu);
    match dhcp {
        Some(dhcp) => Wanted::new(config, Some(&dhcp.tables().read()), mtu),
        None => Wanted::new(config, None, mtu),
    }
}

fn tell(summary: &config::Summary, start: Instant) {
    tracing::info!("reloaded: {summary} ({:.1?})", start.elapsed());
}
