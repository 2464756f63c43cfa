//! The program in the kernel: whether it answers at an interface, and why not.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use netboot_answer::{
    kernel::{self, PinnedCounters, Resident, Takeover},
    tables::{Tables, patch::Patch},
};
use netboot_base::links::{self, Link, VlanOffload};
use netboot_ebpf::shared::Station;
use netboot_machines::{sightings::Sightings, status::InterfaceStatus};
use netboot_site::model::{Settings, Xdp, XdpMode};
use tokio_util::sync::CancellationToken;

use super::{
    heartbeat::deadlines,
    hidden_tags::hidden_tags,
    kernel_events::KernelEvents,
    self_check::{self, SelfCheckFailed},
};

const LEFT: &str = "an earlier daemon's XDP program goes on answering";
const PROXY: &str = "the daemon answers ProxyDHCP";

/// The loaded program, and what became of each interface.
#[derive(Default)]
pub(super) struct Kernel {
    resident: Option<Resident>,
    /// Why there is none.
    without: Option<String>,
    /// It did not stand the self-check.
    failed_check: Option<String>,
    /// An earlier daemon's program could not be taken over: it goes on, and does not follow the configuration.
    is_left: bool,
    pin_path: PathBuf,
    /// No earlier daemon's program was taken over.
    is_ours: bool,
    interfaces: BTreeMap<u32, (XdpMode, InterfaceStatus)>,
    events: Option<KernelEvents>,
    /// Nobody reads what it tells.
    unheard: Option<String>,
    /// A pin is gone.
    lost: Option<String>,
}

/// How tables were put in service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// Row by row.
    InPlace,
    /// All at once.
    Whole,
}

/// What becomes of the kernel's answers when the daemon ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AtEnd {
    /// They end too: no machine is sent to services that are gone.
    Detach,
    /// They go on: another daemon is about to start.
    Keep,
}

impl Kernel {
    /// Loads the program, if it is wanted and not there yet. In mode `auto` it is no error that it cannot be
    /// loaded: the slow path answers. In no mode it is one that it does not stand the self-check: what an
    /// earlier daemon left goes on.
    pub(super) fn start(
        &mut self,
        config: &Settings,
        tables: &Tables,
        sightings: &Sightings,
        cancel: &CancellationToken,
    ) -> anyhow::Result<()> {
        self.pin_path = config.xdp.pin_path.to_path_buf();
        if !is_wanted(config) {
            self.stop();
            self.without = config.dhcp.mode.is_proxy().then(|| PROXY.to_owned());
            clean_up(config);
            return Ok(());
        }
        if self.resident.is_some() {
            return Ok(());
        }
        let Err(error) = self.load(config, tables, sightings, cancel) else { return Ok(()) };
        if config.xdp.mode != XdpMode::Auto && !error.is::<SelfCheckFailed>() {
            return Err(error);
        }
        let mut why = format!("{error:#}");
        if self.is_left {
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
        config: &Settings,
        tables: &Tables,
        sightings: &Sightings,
        cancel: &CancellationToken,
    ) -> anyhow::Result<()> {
        if !self.is_left || !is_wanted(config) {
            return Ok(());
        }
        self.load(config, tables, sightings, cancel)
    }

    fn load(
        &mut self,
        config: &Settings,
        tables: &Tables,
        sightings: &Sightings,
        cancel: &CancellationToken,
    ) -> anyhow::Result<()> {
        let check: kernel::CopyCheck<'_> = &|copy| self_check::of_some(tables, copy);
        let deadlines = deadlines(&config.xdp);
        let started = Resident::start(&self.pin_path, tables, &deadlines, check);
        self.is_left = started.is_err() && kernel::is_left(&self.pin_path);
        let failed = started.as_ref().err().filter(|error| error.is::<SelfCheckFailed>());
        self.failed_check = failed.map(|error| format!("{error:#}"));
        let (mut resident, start) = started?;
        announce(&start);
        self.is_ours = start == Takeover::Fresh;
        self.without = None;
        match resident.unknown() {
            Ok(unknown) => sightings.restore(unknown),
            Err(error) => tracing::warn!("machines that asked earlier are not listed: {error:#}"),
        }
        self.events = Some(KernelEvents::start(&mut resident, sightings, cancel)?);
        self.resident = Some(resident);
        Ok(())
    }

    /// Notices what ended, and what was removed by somebody else.
    pub(super) fn look_after(&mut self, xdp: &Xdp) {
        let (Some(resident), Some(events)) = (&mut self.resident, &mut self.events) else { return };
        let unheard = events.look_after(resident).err().map(|error| {
            format!("unknown machines and what the kernel answers are not told of: {error:#}")
        });
        let lost = resident.lost_pin().map(|pin| {
            let pin = pin.display();
            format!("{pin} is gone: the kernel goes on, but not without this daemon: restart it")
        });
        // The task that tells it that the daemon lives finds the map by its pin.
        if lost.is_some()
            && let Err(error) = resident.put_off(&deadlines(xdp))
        {
            tracing::error!("the kernel is not told that the daemon lives: {error:#}");
        }
        for (before, now) in [(&self.unheard, &unheard), (&self.lost, &lost)] {
            if let (None, Some(now)) = (before, now) {
                tracing::error!("{now}");
            }
        }
        (self.unheard, self.lost) = (unheard, lost);
    }

    /// Where the program is not attached any more, though nobody here took it off.
    pub(super) fn taken_off(&self) -> Vec<&str> {
        let answering = self.interfaces.iter().filter(|(_, (mode, _))| *mode != XdpMode::Off);
        // An interface that is gone is another notice.
        let is_off = |ifindex: u32| matches!(links::xdp_program(ifindex), Ok(None));
        let off = answering.filter(|(ifindex, _)| is_off(**ifindex));
        off.map(|(_, (_, status))| status.name.as_str()).collect()
    }

    /// What is not as it should be with the program that answers.
    pub(super) fn trouble(&self) -> Option<String> {
        let without = self.without.clone().filter(|why| why != PROXY && self.resident.is_none());
        let without = without.map(|why| format!("the daemon answers alone: {why}"));
        self.lost.clone().or_else(|| self.unheard.clone()).or(without)
    }

    /// Puts other tables in service: in place if `patch` is there and has room, else as a whole.
    ///
    /// # Errors
    /// They cannot be loaded, or the program does not stand the self-check: the old ones go on.
    pub(super) fn update(
        &mut self,
        xdp: &Xdp,
        old: &Tables,
        new: &Tables,
        patch: Option<&Patch>,
    ) -> anyhow::Result<How> {
        if self.resident.is_none() {
            return Ok(How::Whole);
        }
        if let Some(patch) = patch {
            match self.patch(old, new, patch) {
                Ok(true) => return Ok(How::InPlace),
                Ok(false) => {}
                Err(error) => tracing::warn!("not changed in place: {error:#}"),
            }
        }
        let Some(resident) = &mut self.resident else { return Ok(How::Whole) };
        resident.replace(new, &deadlines(xdp), &|copy| self_check::of_some(new, copy))?;
        Ok(How::Whole)
    }

    /// Changes some machines in place; `new` has at least these. `false`: there is no room.
    ///
    /// # Errors
    /// A map cannot be written, or the program does not stand the self-check: nothing was changed.
    pub(super) fn patch(
        &mut self,
        old: &Tables,
        new: &Tables,
        patch: &Patch,
    ) -> anyhow::Result<bool> {
        // What was left is tried to be taken over when all is put in service.
        let Some(resident) = &mut self.resident else { return Ok(!self.is_left) };
        let stations = || patch.set.iter().map(|row| row.station);
        resident.patch(old, patch, &|copy| self_check::of_stations(new, stations(), copy))
    }

    /// Tries whether the program answers as it must. Where it does not, its tables are replaced: somebody changed
    /// them.
    ///
    /// # Errors
    /// Nor does it with new ones.
    pub(super) fn check(&mut self, xdp: &Xdp, tables: &Tables) -> anyhow::Result<()> {
        let Some(resident) = &mut self.resident else { return Ok(()) };
        let check: kernel::CopyCheck<'_> = &|copy| self_check::of_some(tables, copy);
        let Err(error) = resident.check(tables, check) else { return Ok(()) };
        tracing::warn!("the kernel's tables are replaced: {error:#}");
        resident.replace(tables, &deadlines(xdp), check)
    }

    /// Why the program that was to be loaded was not: it did not stand the self-check.
    pub(super) fn failed_check(&self) -> Option<&str> {
        self.failed_check.as_deref()
    }

    /// Why an earlier daemon's program goes on.
    pub(super) fn left(&self) -> Option<&str> {
        self.without.as_deref().filter(|_| self.is_left)
    }

    /// Whether anything in the kernel is to be told that the daemon lives.
    pub(super) fn is_there(&self) -> bool {
        self.resident.is_some() || self.is_left
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
        config: &Settings,
        tables: &Tables,
        links: &[Link],
    ) -> anyhow::Result<()> {
        self.interfaces.retain(|ifindex, _| links.iter().any(|link| link.index == *ifindex));
        let mut failed = Ok(());
        // Below an interface with a program the kernel takes none.
        let (above, below): (Vec<_>, Vec<_>) = links.iter().partition(|link| link.vlan.is_some());
        for link in below.into_iter().chain(above) {
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
        config: &Settings,
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

    pub(super) fn interfaces(&self) -> Vec<InterfaceStatus> {
        self.interfaces.values().map(|(_, status)| status.clone()).collect()
    }

    pub(super) fn counts(&self) -> anyhow::Result<Option<PinnedCounters>> {
        self.resident.as_ref().map(Resident::counts).transpose()
    }

    pub(super) fn unreadable_events(&self) -> Arc<AtomicU64> {
        self.events.as_ref().map(KernelEvents::unreadable).unwrap_or_default()
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
        (self.events, self.unheard, self.lost) = (None, None, None);
        self.interfaces.clear();
        let removed = match self.resident.take() {
            Some(resident) => resident.remove(),
            None if self.is_left => kernel::remove(&self.pin_path).map(drop),
            None => Ok(()),
        };
        self.is_left = false;
        if let Err(error) = removed {
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

fn say(link: &Link, mode: XdpMode, note: Option<&str>) {
    let interface = &link.name;
    match (mode, note) {
        (XdpMode::Off, Some(PROXY)) => tracing::info!(interface, "{PROXY}"),
        (XdpMode::Off, Some(why)) => {
            tracing::warn!(interface, "the kernel does not answer here, the daemon does: {why}");
        }
        (XdpMode::Off, None) => tracing::info!(interface, "answering in userspace"),
        (_, Some(why)) => {
            tracing::info!(interface, "answering in {} mode: {why}", mode.name());
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

fn is_wanted(config: &Settings) -> bool {
    config.xdp.mode != XdpMode::Off && !config.dhcp.mode.is_proxy()
}

/// Takes off what a daemon left that was killed: nobody would keep its answers up to date.
pub(super) fn clean_up(config: &Settings) {
    match kernel::remove(&config.xdp.pin_path) {
        Ok(0) => {}
        Ok(interfaces) => {
            tracing::info!(interfaces, "an earlier daemon's XDP program was detached");
        }
        Err(error) => tracing::warn!("{error:#}"),
    }
}

fn announce(start: &Takeover) {
    match start {
        Takeover::Fresh => {}
        Takeover::Adopted { interfaces, patch } => tracing::info!(
            interfaces,
            "adopted the XDP program that an earlier daemon left: {patch} since then"
        ),
        Takeover::Replaced { interfaces } => tracing::info!(
            interfaces,
            "adopted the interfaces where an earlier daemon's XDP program answered: program and tables were \
             replaced, since they were others"
        ),
    }
}
