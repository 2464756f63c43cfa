//! The program in the kernel: whether it answers at an interface, and why not.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use netboot_ebpf::shared::{Deadlines, Station};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    hidden_tags::hidden_tags,
    self_check::{self, SelfCheckFailed},
};
use crate::{
    config::{Config, Xdp, XdpMode},
    fastpath::{self, Counts, LeftDeadlines, Resident, Start},
    links::{Link, VlanOffload},
    quarantine,
    sightings::Sightings,
    status::InterfaceStatus,
    tables::{Tables, patch::Patch},
};

const PROXY: &str = "the daemon answers ProxyDHCP";
const LEFT: &str = "an earlier daemon's XDP program goes on answering";

/// The loaded program, and what became of each interface.
#[derive(Default)]
pub(super) struct Kernel {
    resident: Option<Resident>,
    /// Why there is none.
    without: Option<String>,
    /// There is none, but an earlier daemon's answers.
    left: Option<Left>,
    /// The self-check found a difference, and nothing was put in service since.
    failed_check: Option<String>,
    /// No earlier daemon's program was taken over.
    is_ours: bool,
    interfaces: BTreeMap<u32, (XdpMode, InterfaceStatus)>,
    watches: JoinSet<()>,
    unreadable_events: Arc<AtomicU64>,
}

/// A program that could not be replaced.
struct Left {
    pins: PathBuf,
    deadlines: Option<LeftDeadlines>,
}

/// How tables were put in service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// Row by row.
    InPlace,
    /// All at once.
    Whole,
}

impl Kernel {
    /// Loads the program, if it is wanted and not there yet. In mode `auto` it is no error that it cannot be
    /// loaded: the slow path answers.
    pub(super) fn start(
        &mut self,
        config: &Config,
        tables: &Tables,
        sightings: &Sightings,
        cancel: &CancellationToken,
    ) -> anyhow::Result<()> {
        if !is_wanted(config) {
            self.stop();
            self.without = config.dhcp.mode.is_proxy().then(|| PROXY.to_owned());
            clean_up(config);
            return Ok(());
        }
        if self.resident.is_some() {
            return Ok(());
        }
        let loaded = self.load(config, tables, sightings, cancel);
        let Err(error) = &loaded else { return loaded };
        if config.xdp.mode != XdpMode::Auto {
            return loaded;
        }
        let mut why = format!("{error:#}");
        let pins = &config.xdp.pin_path;
        self.left = fastpath::is_left(pins).then(|| Left::open(pins));
        if self.left.is_some() {
            why = format!("{LEFT}, and this one's does not take its place: {why}");
        }
        self.without = Some(why);
        Ok(())
    }

    /// Puts the program in the place of one that an earlier daemon left, if there is one.
    ///
    /// # Errors
    /// It is not possible: that one goes on.
    pub(super) fn take_over(
        &mut self,
        config: &Config,
        tables: &Tables,
        sightings: &Sightings,
        cancel: &CancellationToken,
    ) -> anyhow::Result<()> {
        if self.left.is_none() || !is_wanted(config) {
            return Ok(());
        }
        self.load(config, tables, sightings, cancel)
    }

    fn load(
        &mut self,
        config: &Config,
        tables: &Tables,
        sightings: &Sightings,
        cancel: &CancellationToken,
    ) -> anyhow::Result<()> {
        let check: fastpath::Check<'_> = &|copy| self_check::of_some(tables, copy);
        let started = Resident::start(&config.xdp.pin_path, tables, check);
        let (mut resident, start) = started.inspect_err(|error| self.note_check(error))?;
        announce(&start);
        self.is_ours = start == Start::Fresh;
        self.without = None;
        self.left = None;
        self.failed_check = None;
        let program = resident.program();
        let events = program.take_events()?;
        self.unreadable_events = events.unreadable();
        self.watches.spawn(fastpath::watch(events, sightings.clone(), cancel.clone()));
        self.watches.spawn(fastpath::watch_log(program.take_log()?, cancel.clone()));
        self.resident = Some(resident);
        Ok(())
    }

    /// Puts other tables in service: in place if `patch` is there and has room, else as a whole.
    ///
    /// # Errors
    /// They cannot be loaded, or the program does not stand the self-check: the old ones go on.
    pub(super) fn update(
        &mut self,
        old: &Tables,
        new: &Tables,
        patch: Option<&Patch>,
    ) -> anyhow::Result<How> {
        if let Some(patch) = patch {
            match self.patch(old, new, patch) {
                Ok(true) => return Ok(How::InPlace),
                Ok(false) => {}
                Err(error) => tracing::warn!("not changed in place: {error:#}"),
            }
        }
        self.replace(new)?;
        Ok(How::Whole)
    }

    fn replace(&mut self, tables: &Tables) -> anyhow::Result<()> {
        let Some(resident) = &mut self.resident else { return Ok(()) };
        let replaced = resident.replace(tables, &|copy| self_check::of_some(tables, copy));
        match &replaced {
            Ok(()) => self.failed_check = None,
            Err(error) => self.note_check(error),
        }
        replaced
    }

    fn note_check(&mut self, error: &anyhow::Error) {
        if error.is::<SelfCheckFailed>() {
            self.failed_check = Some(format!("{error:#}"));
        }
    }

    /// Changes some machines in place; `new` has at least these. `false`: there is no room, or what is there
    /// cannot be relied on.
    ///
    /// # Errors
    /// A map cannot be written, or the program does not stand the self-check: nothing was changed.
    pub(super) fn patch(
        &mut self,
        old: &Tables,
        new: &Tables,
        patch: &Patch,
    ) -> anyhow::Result<bool> {
        if self.failed_check.is_some() || self.left.is_some() {
            return Ok(false);
        }
        let Some(resident) = &mut self.resident else { return Ok(true) };
        let stations = || patch.set.iter().map(|row| row.station);
        resident.patch(old, patch, &|copy| self_check::of_stations(new, stations(), copy))
    }

    /// Whether the program answers as it must; program and tables are replaced, if it does not.
    ///
    /// # Errors
    /// Then it does not either.
    pub(super) fn check(&mut self, tables: &Tables) -> anyhow::Result<()> {
        let Some(resident) = &mut self.resident else { return Ok(()) };
        let checked = resident.check(&|copy| self_check::of_some(tables, copy));
        let Err(error) = checked else { return Ok(()) };
        tracing::error!("program and tables in the kernel are replaced: {error:#}");
        self.note_check(&error);
        self.replace(tables)
    }

    /// What the self-check found, and nothing has put right since.
    pub(super) fn failed_check(&self) -> Option<&str> {
        self.failed_check.as_deref()
    }

    pub(super) fn is_loaded(&self) -> bool {
        self.resident.is_some()
    }

    /// Forgets interfaces that are gone.
    pub(super) fn leave(&mut self, links: &[Link]) -> anyhow::Result<()> {
        let Some(resident) = &mut self.resident else { return Ok(()) };
        for ifindex in resident.interfaces() {
            if !links.iter().any(|link| link.index == ifindex) {
                resident.detach(ifindex)?;
            }
        }
        Ok(())
    }

    /// Attaches the program to these interfaces, and takes it off all others.
    ///
    /// # Errors
    /// The wanted mode is not possible at one of them; in mode `auto` that is no error.
    pub(super) fn attach(
        &mut self,
        config: &Config,
        tables: &Tables,
        links: &[Link],
    ) -> anyhow::Result<()> {
        self.interfaces.retain(|ifindex, _| links.iter().any(|link| link.index == *ifindex));
        let mut failed = Ok(());
        for link in links {
            let attached = self.attach_one(config, tables, link);
            match attached {
                Ok((mode, note)) => self.note(link, mode, note),
                Err(error) => {
                    self.note(link, XdpMode::Off, Some(format!("{error:#}")));
                    if config.xdp.mode != XdpMode::Auto {
                        failed = Err(error);
                    }
                }
            }
        }
        let Some(resident) = &mut self.resident else { return failed };
        for ifindex in resident.interfaces() {
            if !self.interfaces.get(&ifindex).is_some_and(|(mode, _)| *mode != XdpMode::Off) {
                resident.detach(ifindex)?;
            }
        }
        failed
    }

    fn attach_one(
        &mut self,
        config: &Config,
        tables: &Tables,
        link: &Link,
    ) -> anyhow::Result<(XdpMode, Option<String>)> {
        let Some(resident) = &mut self.resident else {
            return Ok((XdpMode::Off, self.without.clone()));
        };
        if let Some(why) = hidden_tags(link, tables) {
            anyhow::bail!(why);
        }
        resident.attach(link, config.xdp.mode)
    }

    /// Whether the program answers on this interface.
    pub(super) fn answers(&self, ifindex: u32) -> bool {
        self.interfaces.get(&ifindex).is_some_and(|(mode, _)| *mode != XdpMode::Off)
    }

    /// Where the mode that `xdp.mode` demands is not possible, and why.
    pub(super) fn refused(&self, config: &Config) -> BTreeMap<String, String> {
        if !is_wanted(config) || config.xdp.mode == XdpMode::Auto {
            return BTreeMap::new();
        }
        let statuses = self.interfaces.values();
        let off = statuses.filter(|(mode, _)| *mode == XdpMode::Off);
        off.filter_map(|(_, status)| Some((status.name.clone(), status.note.clone()?))).collect()
    }

    pub(super) fn interfaces(&self) -> Vec<InterfaceStatus> {
        self.interfaces.values().map(|(_, status)| status.clone()).collect()
    }

    pub(super) fn counts(&self) -> anyhow::Result<Option<Counts>> {
        self.resident.as_ref().map(Resident::counts).transpose()
    }

    pub(super) fn unreadable_events(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.unreadable_events)
    }

    /// Puts off the end of what the kernel does without this daemon.
    pub(super) fn renew(&mut self, xdp: &Xdp) -> anyhow::Result<()> {
        let now = quarantine::now();
        let end = |length: Option<Duration>| {
            let end = length.map_or(0, |length| (now + length).as_nanos());
            u64::try_from(end).unwrap_or(0)
        };
        let deadlines = Deadlines {
            boot_files: end(xdp.boot_files_without_daemon),
            answers: end(xdp.answers_without_daemon),
        };
        match (&mut self.resident, &mut self.left) {
            (Some(resident), _) => resident.set_deadlines(&deadlines),
            (None, Some(Left { deadlines: Some(left), .. })) => left.set(&deadlines),
            (None, _) => Ok(()),
        }
    }

    /// Holds an address back until a time since boot.
    pub(super) fn hold(&mut self, station: Station, until: Duration) -> anyhow::Result<()> {
        self.resident.as_mut().map_or(Ok(()), |resident| resident.hold(station, until))
    }

    /// Takes off what was not there before this daemon.
    pub(super) fn abandon(&mut self) {
        if self.is_ours {
            self.stop();
        }
    }

    /// Takes the program off, everywhere.
    pub(super) fn stop(&mut self) {
        self.watches.abort_all();
        self.interfaces.clear();
        self.failed_check = None;
        if let Some(Left { pins, .. }) = self.left.take()
            && let Err(error) = fastpath::remove(&pins)
        {
            tracing::warn!("{error:#}");
        }
        if let Some(resident) = self.resident.take()
            && let Err(error) = resident.remove()
        {
            tracing::warn!("{error:#}");
        }
    }

    fn note(&mut self, link: &Link, mode: XdpMode, note: Option<String>) {
        let name = link.name.clone();
        let status = InterfaceStatus { name, mode: mode.name().to_owned(), note };
        if self.interfaces.get(&link.index).is_some_and(|(_, before)| *before == status) {
            return;
        }
        say(link, mode, status.note.as_deref());
        self.interfaces.insert(link.index, (mode, status));
    }
}

impl Left {
    fn open(pins: &Path) -> Self {
        let deadlines = LeftDeadlines::open(pins);
        let deadlines = deadlines.inspect_err(|error| {
            tracing::warn!(
                "what it does without a daemon is bounded as if there were none: {error:#}"
            );
        });
        Self { pins: pins.to_owned(), deadlines: deadlines.ok() }
    }
}

fn say(link: &Link, mode: XdpMode, note: Option<&str>) {
    let interface = &link.name;
    match (mode, note) {
        (XdpMode::Off, Some(PROXY)) => tracing::info!(interface, PROXY),
        (XdpMode::Off, Some(why)) if why.starts_with(LEFT) => tracing::warn!(interface, "{why}"),
        (XdpMode::Off, Some(why)) => {
            tracing::warn!(interface, "the kernel does not answer here, the daemon does: {why}");
        }
        (XdpMode::Off, None) => tracing::info!(interface, "answering in userspace"),
        (_, Some(why)) => {
            tracing::info!(interface, "answering in {} mode, since: {why}", mode.name());
        }
        (_, None) => tracing::info!(interface, "answering in {} mode", mode.name()),
    }
    if mode != XdpMode::Off
        && let VlanOffload::On(_) = link.vlan_offload
    {
        tracing::info!(
            interface,
            "it takes VLAN tags off before an XDP program sees a frame: where tagged networks share its port, \
             switch that off (`ethtool -K {interface} rxvlan off`)"
        );
    }
}

fn is_wanted(config: &Config) -> bool {
    config.xdp.mode != XdpMode::Off && !config.dhcp.mode.is_proxy()
}

/// Takes off what a daemon left that was killed: nobody would keep its answers up to date.
pub(super) fn clean_up(config: &Config) {
    match fastpath::remove(&config.xdp.pin_path) {
        Ok(0) => {}
        Ok(interfaces) => {
            tracing::info!(interfaces, "an earlier daemon's XDP program was detached");
        }
        Err(error) => tracing::warn!("{error:#}"),
    }
}

fn announce(start: &Start) {
    match start {
        Start::Fresh => {}
        Start::Adopted { interfaces, patch } => tracing::info!(
            interfaces,
            "adopted the XDP program that an earlier daemon left: {patch} since then"
        ),
        Start::Replaced { interfaces } => tracing::info!(
            interfaces,
            "adopted the interfaces where an earlier daemon's XDP program answered: program and tables were \
             replaced, since they were others"
        ),
    }
}
