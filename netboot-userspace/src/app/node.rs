//! This node as it runs: the state in force, and what became of it. Every change goes through here, one at a
//! time: the node puts it in force, or goes back by the reverse of it.

mod health_report;

use std::{
    path::PathBuf,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::anyhow;
use netboot_answer::quarantine::Held;
use netboot_machines::{memory::Machines, sightings::Sightings};
use netboot_serve::{
    descriptors::Shares,
    health::{Health, PartState},
    services::{Published, Services},
    supervisor::Supervisor,
};
use netboot_site::{
    config::Proposal,
    model::{DhcpMode, Difference, OtherSettings, Settings, State as Site, Summary},
};
use tokio::{sync::mpsc, task::block_in_place};

use super::{
    configuration::{self, Configuration, Why},
    dhcp::{Changes, Dhcp},
    dhcp_ports::Ports,
    dhcp_state::DhcpState,
    heartbeat::HeartbeatTask,
    kernel::{self, AtEnd},
    machine_events::MachineEvents,
    pages,
    programs::{ProgramOutput, Programs},
    refused_changes::{RefusalLog, RefusedChange},
    report::Reporter,
};

/// Until what could not be done is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// How long transfers under way may go on at the end.
const GRACE: Duration = Duration::from_secs(5);
/// For clients to be told that what they have begun is cut off.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What runs.
pub(super) struct Node {
    configuration: Configuration,
    programs: Programs,
    /// What is in force: nobody else has an opinion of it.
    site: Site,
    shares: Shares,
    machines: Machines,
    events: MachineEvents,
    dhcp: Option<Dhcp>,
    dhcp_state: DhcpState,
    supervisor: Supervisor,
    health: Health,
    /// Where addresses that are declined come to.
    declined: mpsc::UnboundedSender<Held>,
    /// What is told to the kernel while we live.
    heartbeat: HeartbeatTask,
    /// What was proposed last, and is not in force.
    refused: Option<RefusedChange>,
    /// What the interfaces are since, and is not in force: since when it has been tried.
    links_refused: Option<(Instant, RefusedChange)>,
    refusal_log: RefusalLog,
}

impl Node {
    /// Answers. Addresses that are declined come to `declined`, for [`Node::hold`].
    ///
    /// # Errors
    /// A socket, an interface or the configuration is not as it must be.
    pub(super) async fn start(
        (configuration, programs): (Configuration, Programs),
        health: Health,
        site: Site,
        shares: Shares,
        declined: mpsc::UnboundedSender<Held>,
    ) -> anyhow::Result<Self> {
        let Site { settings, hosts } = &site;
        let (machines, events) = MachineEvents::start(hosts, settings.path.as_deref());
        let mut dhcp = match settings.dhcp.mode {
            DhcpMode::Off => None,
            mode => {
                let ports = Ports::take(mode).await?;
                let sightings = Sightings::new(machines.clone(), events.teller());
                Some(Dhcp::new(settings, &hosts.all(), sightings, ports, declined.clone())?)
            }
        };
        match &mut dhcp {
            Some(dhcp) => {
                block_in_place(|| dhcp.start(settings)).inspect_err(|_| dhcp.abandon())?
            }
            None => kernel::clean_up(settings),
        }
        if settings.path.is_none() {
            health.degraded(health_report::CONFIGURATION, "there is none: nobody is answered");
        }
        let dhcp_state = DhcpState::default();
        let wanted = health_report::wanted(&site, shares, dhcp.as_ref());
        let services = Services::new(machines.clone(), events.teller(), &wanted);
        let counters = services.counters();
        let reporter =
            Reporter::new(settings, dhcp_state.clone(), health.clone(), machines.clone(), counters);
        let supervisor = Supervisor::new(services, publish(Arc::new(reporter)), health.clone());
        let mut this = Self {
            configuration,
            programs,
            site,
            shares,
            machines,
            events,
            dhcp,
            dhcp_state,
            supervisor,
            health,
            declined,
            heartbeat: HeartbeatTask::start(),
            refused: None,
            links_refused: None,
            refusal_log: RefusalLog::default(),
        };
        this.settle().await;
        if this.health.is_ready() {
            tracing::info!("ready");
        } else {
            tracing::warn!("ready but for what is down: /readyz and `netboot status` name it");
        }
        Ok(this)
    }

    /// Reads the configuration again, and puts in force what changed.
    pub(super) async fn reload(&mut self, why: Why) {
        let start = Instant::now();
        let Some(proposed) = block_in_place(|| self.configuration.propose(&self.site, why)) else {
            tracing::warn!(
                "SIGHUP: there is no configuration to read again: restart with --config"
            );
            return;
        };
        let done = proposed.and_then(|proposal| {
            let summary = self.take_on(&proposal)?;
            if summary.is_none() {
                self.check()?;
            }
            Ok(summary)
        });
        if let Ok(summary) = &done {
            match summary {
                Some(summary) => tracing::info!("reloaded: {summary} ({:.1?})", start.elapsed()),
                None if why == Why::Asked || self.refused.is_some() => {
                    tracing::info!("reloaded: nothing changed");
                }
                None => {}
            }
        }
        self.programs.set(&self.site.settings, &self.health);
        match why {
            Why::Asked => self.programs.run(),
            Why::Changed if matches!(done, Ok(Some(_))) => self.programs.run_refused(),
            Why::Changed => {}
        }
        self.refused = self.refuse(done.map(drop));
        self.settle().await;
    }

    /// Puts in force what the program of a source printed.
    pub(super) async fn hear(&mut self, ProgramOutput { source, ran }: ProgramOutput) {
        let start = Instant::now();
        if !self.programs.has(&source) {
            return;
        }
        self.programs.hear(&source, &ran.said);
        let offer = |printed: Vec<u8>| {
            block_in_place(|| self.configuration.offer(&self.site, &source, &printed)).transpose()
        };
        let proposed = ran.printed.map_err(|why| anyhow!("{why}")).and_then(offer);
        let done = proposed.and_then(|proposal| self.take_on(&proposal.unwrap_or_default()));
        let was_refused = self.programs.is_refused(&source);
        match &done {
            Ok(Some(summary)) => {
                let (name, took) = (&source.name, start.elapsed());
                tracing::info!(source = name, "hosts changed: {summary} ({took:.1?})");
            }
            Ok(None) if was_refused => {
                tracing::info!(source = source.name, "it prints its hosts again: nothing changed");
            }
            Ok(None) => return,
            Err(_) => {}
        }
        self.programs.note(&source, done.map(drop), &self.health);
        self.settle().await;
    }

    /// Puts a proposal in force. What it changed; `None`: nothing.
    fn take_on(&mut self, proposal: &Proposal) -> anyhow::Result<Option<Summary>> {
        let Proposal { difference, warnings } = proposal;
        configuration::warn(warnings);
        if difference.is_empty() {
            self.configuration.take_over();
            return Ok(None);
        }
        block_in_place(|| self.change(difference))?;
        self.configuration.take_over();
        Ok(Some(difference.summary()))
    }

    /// Starts again what has ended without being told to.
    pub(super) async fn look_after(&mut self) {
        self.events.look_after();
        let Some(dhcp) = &mut self.dhcp else { return };
        dhcp.look_after(&self.site.settings).await;
        self.tell_of_kernel();
        self.tell_of_declines();
        if self.links_refused.as_ref().is_some_and(|(since, _)| since.elapsed() > AGAIN) {
            self.look_at_links().await;
        }
    }

    /// The files that a reload reads.
    pub(super) fn watched(&self) -> Vec<PathBuf> {
        self.configuration.watched()
    }

    /// Looks at the node's interfaces again, after a change of one.
    pub(super) async fn look_at_links(&mut self) {
        let Some(dhcp) = &mut self.dhcp else { return };
        let changes = match block_in_place(|| dhcp.look_at_links(&self.site.settings)) {
            Ok(Changes::None) => {
                // Meanwhile it was put in force with something else.
                if self.links_refused.take().is_some() {
                    self.settle().await;
                }
                return;
            }
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
        let done = block_in_place(|| self.apply());
        if done.is_ok() {
            tracing::info!("interfaces changed: {changes}: done in {:.1?}", start.elapsed());
        } else {
            tracing::warn!("interfaces changed: {changes}");
        }
        self.links_refused = self.refuse(done).map(|refused| (Instant::now(), refused));
        self.settle().await;
    }

    /// Says why something is not in force, if it is not.
    fn refuse(&mut self, done: anyhow::Result<()>) -> Option<RefusedChange> {
        let error = done.err()?;
        self.refusal_log.say("the old configuration", &format!("{error:#}"));
        Some(RefusedChange::of(&error, "the old one"))
    }

    /// Makes the next state of the one in force, and that one again where it cannot be.
    fn change(&mut self, difference: &Difference) -> anyhow::Result<()> {
        self.site.apply(difference);
        let done = match &difference.settings {
            None => self.serve_hosts(difference),
            Some(OtherSettings { before, .. }) => self.serve_settings(before),
        };
        if done.is_err() {
            self.site.apply(&difference.flip());
            if let Err(error) = self.serve_again() {
                tracing::error!("nor is it as before: {error:#}");
            }
            return done;
        }
        match &difference.settings {
            None => {
                let both = difference.set().chain(difference.unset());
                self.machines.refresh(both.map(|host| host.mac));
            }
            Some(OtherSettings { before, .. }) => {
                self.tell_of_interfaces(before);
                self.machines.refresh(self.machines.seen());
            }
        }
        Ok(())
    }

    /// Serves the hosts that changed: in place, where that is possible.
    fn serve_hosts(&mut self, difference: &Difference) -> anyhow::Result<()> {
        let Some(dhcp) = &mut self.dhcp else { return Ok(()) };
        let set: Vec<_> = difference.set().cloned().collect();
        let removed: Vec<_> = difference.removed.iter().map(|host| host.station()).collect();
        if dhcp.change(&self.site.settings, &set, &removed)?.is_some() {
            return Ok(());
        }
        self.apply()
    }

    /// Serves the state in the place of one with other settings.
    fn serve_settings(&mut self, before: &Settings) -> anyhow::Result<()> {
        let mode = self.site.settings.dhcp.mode;
        let is_one_side = mode != DhcpMode::Off && before.dhcp.mode.is_proxy() == mode.is_proxy();
        if self.dhcp.is_some() && is_one_side {
            return self.apply();
        }
        // Everything that may fail comes before the old side ends, but for the start itself.
        let prepared = match mode {
            DhcpMode::Off => None,
            _ => Some(self.prepare()?),
        };
        if let Some(mut dhcp) = self.dhcp.take() {
            dhcp.stop(AtEnd::Detach);
        }
        self.dhcp_state.clear();
        let Some(mut dhcp) = prepared else { return Ok(()) };
        dhcp.start(&self.site.settings).inspect_err(|_| dhcp.stop(AtEnd::Detach))?;
        self.dhcp = Some(dhcp);
        Ok(())
    }

    /// Answers by the state, where a change that failed left nobody who does.
    fn serve_again(&mut self) -> anyhow::Result<()> {
        if self.dhcp.is_some() || self.site.settings.dhcp.mode == DhcpMode::Off {
            return Ok(());
        }
        let mut dhcp = self.prepare()?;
        dhcp.start(&self.site.settings)?;
        self.dhcp = Some(dhcp);
        Ok(())
    }

    /// The side that answers DHCP, before it does.
    fn prepare(&self) -> anyhow::Result<Dhcp> {
        let Site { settings, hosts } = &self.site;
        let sightings = Sightings::new(self.machines.clone(), self.events.teller());
        let held = match &self.dhcp {
            Some(dhcp) => dhcp.ports(),
            None => Ports::hold(settings.dhcp.mode, None)?,
        };
        Dhcp::new(settings, &hosts.all(), sightings, held, self.declined.clone())
    }

    /// Puts the whole state in service.
    fn apply(&mut self) -> anyhow::Result<()> {
        let Some(dhcp) = &mut self.dhcp else { return Ok(()) };
        dhcp.apply(&self.site.settings, &self.site.hosts.all()).map(drop)
    }

    /// Says what became of interfaces that are served now, or no more.
    fn tell_of_interfaces(&self, before: &Settings) {
        let (old, new) = (&before.interfaces, &self.site.settings.interfaces);
        for name in old.iter().filter(|name| !new.contains(name)) {
            self.health.off(health_report::interface(name));
        }
        for name in new.iter().filter(|name| !old.contains(name)) {
            let state = self.dhcp.as_ref().map(|dhcp| dhcp.interface(name));
            if let Some(PartState::Down(why) | PartState::Degraded(why)) = state {
                tracing::error!(interface = name, "{}", why.text());
            }
        }
    }

    /// Whether the program in service answers as it must.
    fn check(&mut self) -> anyhow::Result<()> {
        let Some(dhcp) = &mut self.dhcp else { return Ok(()) };
        block_in_place(|| dhcp.check(&self.site.settings))
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
        drop(self.programs);
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

/// What the services hand out of the state of the node.
fn publish(reporter: Arc<Reporter>) -> Published {
    Published {
        pages: pages::router(Arc::clone(&reporter)),
        status: Arc::new(move || reporter.status()),
    }
}
