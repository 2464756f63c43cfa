//! This node as it runs: what it was told, and what became of it. Every change goes through here, one at a
//! time; what cannot be done leaves what was before.

use std::{
    path::PathBuf,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use netboot_answer::quarantine::Held;
use netboot_machines::{memory::Machines, sightings::Sightings};
use netboot_site::{
    config::{self, Change, Problems},
    model::{Config, DhcpMode, Difference, Host, Inventory},
};
use tokio::{sync::mpsc, task::block_in_place};

use super::{
    alive::Alive,
    descriptors::Shares,
    dhcp::{Changes, Dhcp},
    dhcp_ports::Ports,
    health::{Health, State, Trouble},
    kernel,
    machine_events::MachineEvents,
    refusals::Refusals,
    report::Reporter,
    self_check::SelfCheckFailed,
    services::Services,
    shown::Shown,
    source::{self, Source},
    supervisor::Supervisor,
    wanted::Wanted,
};

/// Until what could not be done is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// How long transfers under way may go on at the end.
const GRACE: Duration = Duration::from_secs(5);
/// For clients to be told that what they have begun is cut off.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What runs.
pub(super) struct Node {
    source: Source,
    /// Without hosts: these are in the inventory.
    config: Config,
    inventory: Inventory,
    shares: Shares,
    machines: Machines,
    events: MachineEvents,
    dhcp: Option<Dhcp>,
    shown: Shown,
    supervisor: Supervisor,
    health: Health,
    /// Where addresses that are declined come to.
    declined: mpsc::UnboundedSender<Held>,
    /// What is told to the kernel while we live.
    alive: Alive,
    /// Of the last self-check.
    failed_check: Option<String>,
    /// What was read last is not in service.
    is_refused: bool,
    /// Nor is what the interfaces are since: since when it has been tried.
    links_refused: Option<Instant>,
    refusals: Refusals,
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
const DECLINES: &str = "dhcp declines";
const DHCP: &str = "dhcp";
const HOSTS: &str = "hosts";
const FILES: &str = "files";
const XDP: &str = "xdp";

impl Node {
    /// Answers. Addresses that are declined come to `declined`, for [`Node::hold`].
    ///
    /// # Errors
    /// A socket, an interface or the configuration is not as it must be.
    pub(super) async fn start(
        source: Source,
        mut config: Config,
        shares: Shares,
        declined: mpsc::UnboundedSender<Held>,
    ) -> anyhow::Result<Self> {
        let inventory = Inventory::new(std::mem::take(&mut config.hosts));
        let (machines, events) = MachineEvents::start(&inventory, config.path.as_deref());
        let mut dhcp = match config.dhcp.mode {
            DhcpMode::Off => None,
            mode => {
                let ports = Ports::take(mode).await?;
                let config = Config { hosts: inventory.all(), ..config.clone() };
                let sightings = Sightings::new(machines.clone(), events.teller());
                Some(Dhcp::new(&config, sightings, ports, declined.clone())?)
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
        let wanted = wanted(&config, shares, dhcp.as_ref());
        let services = Services::new(machines.clone(), events.teller(), &wanted);
        let counters = services.counters();
        let reporter =
            Reporter::new(&config, shown.clone(), health.clone(), machines.clone(), counters);
        let supervisor = Supervisor::new(services, Arc::new(reporter), health.clone());
        let mut this = Self {
            source,
            config,
            inventory,
            shares,
            machines,
            events,
            dhcp,
            shown,
            supervisor,
            health,
            declined,
            alive: Alive::start(),
            failed_check: None,
            is_refused: false,
            links_refused: None,
            refusals: Refusals::default(),
        };
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
        let was_behind = self.source.is_behind();
        let Some(change) = block_in_place(|| self.source.reload(why)) else {
            tracing::warn!(
                "SIGHUP: there is no configuration to read again: restart with --config"
            );
            return;
        };
        let applied = match change {
            Err(error) => Err(error),
            Ok(Change::Nothing) => self.nothing_changed(why),
            Ok(Change::Hosts { difference, warnings, .. })
                if difference == Difference::default() =>
            {
                source::warn(&warnings);
                self.nothing_changed(why)
            }
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
                let hosts = self.inventory.all().len();
                changed.map(|()| match was_behind {
                    // The difference is one to what was never in service.
                    true => tracing::info!(
                        "reloaded: all anew, {hosts} hosts ({:.1?})",
                        start.elapsed()
                    ),
                    false => tell(&summary, start),
                })
            }
        };
        self.is_refused = applied.is_err();
        self.say(applied);
        self.settle().await;
    }

    fn nothing_changed(&mut self, why: Why) -> anyhow::Result<()> {
        self.check()?;
        if why == Why::Asked || self.is_refused {
            tracing::info!("reloaded: nothing changed");
        }
        Ok(())
    }

    /// Starts again what has ended without being told to.
    pub(super) async fn look_after(&mut self) {
        self.events.look_after();
        let Some(dhcp) = &mut self.dhcp else { return };
        dhcp.look_after(&self.config).await;
        self.tell_of_kernel();
        self.tell_of_declines();
        if self.links_refused.is_some_and(|since| since.elapsed() > AGAIN) {
            self.look_at_links().await;
        }
    }

    /// The files that a reload reads.
    pub(super) fn watched(&self) -> Vec<PathBuf> {
        self.source.watched()
    }

    /// Looks at the node's interfaces again, after a change of one.
    pub(super) async fn look_at_links(&mut self) {
        let Some(dhcp) = &mut self.dhcp else { return };
        let changes = match block_in_place(|| dhcp.look_at_links(&self.config)) {
            Ok(Changes::None) => return,
            Ok(Changes::UpOrDown) => {
                self.settle().await;
                return;
            }
            Ok(Changes::Others(changes)) => changes.join("; "),
            Err(error) => {
                tracing::warn!("{error:#}");
                return;
            }
        };
        let start = Instant::now();
        let hosts = self.inventory.all();
        let applied = block_in_place(|| self.apply(hosts));
        if applied.is_ok() {
            tracing::info!("interfaces changed: {changes}: done in {:.1?}", start.elapsed());
        } else {
            tracing::warn!("interfaces changed: {changes}");
        }
        self.links_refused = applied.is_err().then(Instant::now);
        self.say(applied);
        self.settle().await;
    }

    /// Says how a change went.
    fn say(&mut self, applied: anyhow::Result<()>) {
        let Err(error) = applied else {
            // What was refused before still is, whatever else is in service now.
            if self.is_refused {
                return;
            }
            self.failed_check = None;
            self.refusals = Refusals::default();
            if self.links_refused.is_none() && self.config.path.is_some() {
                self.health.up(CONFIGURATION);
            }
            return;
        };
        let count = error.downcast_ref().map_or(1, Problems::total);
        let text = format!("{error:#}");
        self.health
            .degraded(CONFIGURATION, Trouble::of(count, format_args!("kept the old one: {text}")));
        self.refusals.say(&text);
        if error.is::<SelfCheckFailed>() {
            self.failed_check = Some(text);
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
        if let Err(error) = self.switch(&old, inventory.all()) {
            self.config = old;
            return Err(error);
        }
        for name in old.interfaces.iter().filter(|name| !self.config.interfaces.contains(name)) {
            self.health.off(interface(name));
        }
        let added = self.config.interfaces.iter().filter(|name| !old.interfaces.contains(name));
        for name in added {
            let state = self.dhcp.as_ref().map(|dhcp| dhcp.interface(name));
            if let Some(State::Down(why) | State::Degraded(why)) = state {
                tracing::error!(interface = name, "{}", why.text());
            }
        }
        self.inventory.replace(inventory);
        self.machines.refresh(self.machines.seen());
        Ok(())
    }

    /// Puts the configuration with these hosts in service, in the place of an old one.
    fn switch(&mut self, old: &Config, hosts: Vec<Arc<Host>>) -> anyhow::Result<()> {
        let mode = self.config.dhcp.mode;
        if self.dhcp.is_some()
            && mode != DhcpMode::Off
            && old.dhcp.mode.is_proxy() == mode.is_proxy()
        {
            return self.apply(hosts);
        }
        // Everything that may fail comes before the old side ends, but for the start itself.
        let prepared = match mode {
            DhcpMode::Off => None,
            _ => Some(self.prepare(&self.config, hosts)?),
        };
        if let Some(mut dhcp) = self.dhcp.take() {
            dhcp.stop(AtEnd::Detach);
        }
        self.shown.clear();
        let Some(mut dhcp) = prepared else { return Ok(()) };
        let Err(error) = dhcp.start(&self.config) else {
            self.dhcp = Some(dhcp);
            return Ok(());
        };
        dhcp.stop(AtEnd::Detach);
        let mut before = self.prepare(old, self.inventory.all())?;
        before.start(old)?;
        self.dhcp = Some(before);
        Err(error)
    }

    /// The side that answers DHCP, before it does.
    fn prepare(&self, config: &Config, hosts: Vec<Arc<Host>>) -> anyhow::Result<Dhcp> {
        let config = Config { hosts, ..config.clone() };
        let sightings = Sightings::new(self.machines.clone(), self.events.teller());
        let held = match &self.dhcp {
            Some(dhcp) => dhcp.ports(),
            None => Ports::hold(config.dhcp.mode, None)?,
        };
        Dhcp::new(&config, sightings, held, self.declined.clone())
    }

    /// Puts the configuration with these hosts in service.
    fn apply(&mut self, hosts: Vec<Arc<Host>>) -> anyhow::Result<()> {
        let Some(dhcp) = &mut self.dhcp else { return Ok(()) };
        dhcp.apply(&Config { hosts, ..self.config.clone() }).map(drop)
    }

    /// Whether the program in service answers as it must.
    fn check(&mut self) -> anyhow::Result<()> {
        let Some(dhcp) = &mut self.dhcp else { return Ok(()) };
        block_in_place(|| dhcp.check(&self.config))
    }

    /// The services as they are wanted now, and the status as things are.
    async fn settle(&mut self) {
        let wanted = wanted(&self.config, self.shares, self.dhcp.as_ref());
        self.supervisor.reconcile(&wanted).await;
        if wanted.lacks_servers {
            self.health
                .degraded(FILES, "this node has no address that machines are sent to for files");
        } else {
            self.health.off(FILES);
        }
        let Some(dhcp) = &mut self.dhcp else {
            self.alive.set(None);
            let interfaces = self.config.interfaces.iter().map(|name| interface(name));
            [SELF_CHECK, DHCP, XDP, HOSTS, DECLINES]
                .map(str::to_owned)
                .into_iter()
                .chain(interfaces)
                .for_each(|part| self.health.off(part));
            if self.config.dhcp.mode != DhcpMode::Off {
                self.health
                    .down(DHCP, "nobody is answered: the log says why; correct it, and reload");
            }
            return;
        };
        self.shown.set(dhcp);
        match dhcp.left_out() {
            Some(why) => self.health.degraded(HOSTS, why),
            None => self.health.off(HOSTS),
        }
        match dhcp.trouble() {
            Some(why) => self.health.down(DHCP, why),
            None => self.health.up(DHCP),
        }
        let kernel = dhcp.kernel();
        self.alive.set(kernel.is_there().then(|| self.config.xdp.clone()));
        match kernel.failed_check().or(self.failed_check.as_deref()) {
            Some(why) => self.health.down(SELF_CHECK, why),
            None if kernel.is_loaded() => self.health.up(SELF_CHECK),
            None => self.health.off(SELF_CHECK),
        }
        for name in &self.config.interfaces {
            let part = interface(name);
            match dhcp.interface(name) {
                State::Up => self.health.up(part),
                State::Degraded(why) => self.health.degraded(part, why),
                State::Down(why) => self.health.down(part, why),
            }
        }
        self.tell_of_kernel();
    }

    /// Says how the program in the kernel is, where it is not as it should be.
    fn tell_of_kernel(&mut self) {
        let Some(dhcp) = &mut self.dhcp else { return };
        let kernel = dhcp.kernel();
        let trouble = kernel.trouble().or_else(|| self.alive.failure());
        match (kernel.left(), trouble) {
            (Some(why), _) => self.health.down(XDP, why),
            (None, Some(why)) => self.health.degraded(XDP, why),
            (None, None) => self.health.off(XDP),
        }
    }

    /// Says which machines declined their addresses, where they are several.
    fn tell_of_declines(&mut self) {
        match self.dhcp.as_ref().and_then(Dhcp::declined) {
            Some(why) => self.health.degraded(DECLINES, why),
            None => self.health.off(DECLINES),
        }
    }

    /// Tells the kernel of an address that is held back.
    pub(super) fn hold(&mut self, held: Held) {
        let Some(dhcp) = &mut self.dhcp else { return };
        if let Err(error) = dhcp.hold(held) {
            let (machine, address) = (held.station.mac, held.address);
            tracing::error!(%machine, %address, "the kernel goes on to give a declined address: {error:#}");
        }
        self.tell_of_declines();
    }

    /// A program in the kernel answers, with the daemon or without it.
    pub(super) fn is_in_kernel(&self) -> bool {
        self.dhcp.as_ref().is_some_and(Dhcp::is_in_kernel)
    }

    /// Ends.
    pub(super) async fn stop(self, at_end: AtEnd) {
        if let Some(mut dhcp) = self.dhcp {
            dhcp.stop(at_end);
        }
        let cut = self.supervisor.cut();
        let mut shutdown = pin!(self.supervisor.shutdown());
        if tokio::time::timeout(GRACE, &mut shutdown).await.is_err() {
            tracing::warn!("not all services ended in time: what is under way is cut off");
            cut.cancel();
            let _ = tokio::time::timeout(LAST_WORDS, shutdown).await;
        }
    }
}

fn interface(name: &str) -> String {
    format!("interface {name}")
}

fn wanted(config: &Config, shares: Shares, dhcp: Option<&Dhcp>) -> Wanted {
    let mtu = dhcp.and_then(Dhcp::mtu);
    match dhcp {
        Some(dhcp) => Wanted::new(config, shares, Some(&dhcp.tables().read()), mtu),
        None => Wanted::new(config, shares, None, mtu),
    }
}

fn tell(summary: &config::Summary, start: Instant) {
    tracing::info!("reloaded: {summary} ({:.1?})", start.elapsed());
}
