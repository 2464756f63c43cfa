//! The XDP program's loader: it creates, fills and pins the maps, attaches the program, and reads what
//! it counted and saw. The only place that names aya.

mod bpffs;
mod explain;
pub mod live;
mod pins;
mod rows;
pub mod run;

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use aya::{
    Ebpf, EbpfLoader, VerifierLogLevel, include_bytes_aligned,
    maps::{HashMap, MapData, PerCpuArray, RingBuf},
    programs::{Xdp, XdpMode as AyaMode, xdp::XdpLink},
};
use netboot_ebpf::{
    shared::{EVENTS_LOST, Event, Reservation, Station, map},
    verdict::Verdict,
};
use nix::time::ClockId;
use tokio_util::sync::CancellationToken;
use zerocopy::FromBytes as _;

pub use self::bpffs::{mount_missing as mount_bpffs, open as open_pin_directory};
use self::{
    pins::Pins,
    rows::{Row, fill},
};
use crate::{
    config::XdpMode,
    links::Link,
    sightings::{self, Sightings},
    tables::Tables,
};

/// The object: the programs `netboot` and `pass`, and the maps.
pub static OBJECT: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/netboot-xdp"));

const NATIVE_VETH: &str = "native mode on veth answers only a peer that has an XDP program itself";

/// The program's name in the object.
const PROGRAM: &str = "netboot";

/// How often events are read: the program never wakes us.
const POLL: Duration = Duration::from_millis(50);
/// Events that are read before other tasks have their turn, and turns before the next poll: more than
/// the ring holds.
const TURN: u32 = 256;
const MAX_TURNS: u32 = 64;

/// The loaded program.
pub struct FastPath {
    ebpf: Ebpf,
    links: Mutex<Vec<XdpLink>>,
    unreadable_events: Arc<AtomicU64>,
    pins: Option<Pins>,
}

/// What loading told of the program.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    pub verified_instructions: u32,
    pub translated_bytes: u32,
    pub jited_bytes: u32,
}

impl FastPath {
    /// Creates the maps, fills them and loads the program.
    ///
    /// # Errors
    /// No privilege, or a kernel that does not take the program.
    pub fn load(tables: &Tables) -> anyhow::Result<Self> {
        let mut loader = EbpfLoader::new();
        loader.verifier_log_level(VerifierLogLevel::STATS);
        let reservations = u32::try_from(tables.reservations.len())?.max(1);
        let subnets = u32::try_from(tables.subnets.len())?.max(1);
        let boot_files = u32::try_from(tables.boot_files.len())?.max(1);
        loader
            .map_max_entries(map::RESERVATIONS, reservations)
            .map_max_entries(map::SUBNETS, subnets)
            .map_max_entries(map::BOOT_FILES, boot_files);
        let mut ebpf = loader.load(OBJECT).map_err(|error| explain::create(&error))?;
        fill(&mut ebpf, tables)?;
        let program: &mut Xdp = program(&mut ebpf, PROGRAM)?;
        program.load().map_err(|error| explain::load(&error))?;
        Ok(Self { ebpf, links: Mutex::default(), unreadable_events: Arc::default(), pins: None })
    }

    /// Pins the maps in a directory, as long as the program is loaded. No map may be taken before.
    ///
    /// # Errors
    /// The directory is not on a bpffs, or another daemon's.
    pub fn pin(&mut self, directory: &Path) -> anyhow::Result<()> {
        self.pins = Some(Pins::new(&self.ebpf, directory)?);
        Ok(())
    }

    /// Attaches the program, and says in which mode, and why not in a better one.
    ///
    /// # Errors
    /// The wanted mode is not possible.
    pub fn attach(
        &mut self,
        link: &Link,
        mode: XdpMode,
    ) -> anyhow::Result<(XdpMode, Option<String>)> {
        match mode {
            XdpMode::Off => Ok((XdpMode::Off, None)),
            XdpMode::Native => {
                let note = link.is_veth.then(|| NATIVE_VETH.to_owned());
                self.attach_as(link, AyaMode::Driver).map(|()| (mode, note))
            }
            XdpMode::Generic => self.attach_as(link, AyaMode::Skb).map(|()| (mode, None)),
            // Native XDP_TX on veth reaches only a peer that has a program itself.
            XdpMode::Auto if link.is_veth => self
                .attach_as(link, AyaMode::Skb)
                .map(|()| (XdpMode::Generic, Some(NATIVE_VETH.to_owned()))),
            XdpMode::Auto => match self.attach_as(link, AyaMode::Driver) {
                Ok(()) => Ok((XdpMode::Native, None)),
                Err(native) => {
                    self.attach_as(link, AyaMode::Skb)?;
                    Ok((XdpMode::Generic, Some(format!("{native:#}"))))
                }
            },
        }
    }

    fn attach_as(&mut self, link: &Link, mode: AyaMode) -> anyhow::Result<()> {
        if let Some(id) = link.xdp_program {
            anyhow::bail!(
                "another XDP program (number {id}) is attached to {name}: `bpftool prog show id {id}` names it, \
                 `ip link set dev {name} xdp off` removes it",
                name = link.name
            );
        }
        let program = program(&mut self.ebpf, PROGRAM)?;
        let id = program
            .attach_to_if_index(link.index, mode)
            .map_err(|error| explain::attach(&error, link, mode))?;
        let attached = program.take_link(id)?;
        self.links.lock().unwrap_or_else(PoisonError::into_inner).push(attached);
        Ok(())
    }

    /// Detaches the program everywhere: the kernel answers no more.
    pub fn detach(&self) {
        self.links.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The verdicts' counters, by number, summed over the CPUs; and the events that were lost.
    ///
    /// # Errors
    /// The map cannot be read.
    pub fn counters(&self) -> anyhow::Result<(Vec<u64>, u64)> {
        let sums = (0..Verdict::COUNT).map(|index| self.sum(index)).collect::<Result<_, _>>()?;
        Ok((sums, self.sum(EVENTS_LOST)?))
    }

    /// One verdict's counter, summed over the CPUs.
    ///
    /// # Errors
    /// The map cannot be read.
    pub fn counter(&self, verdict: Verdict) -> anyhow::Result<u64> {
        self.sum(verdict as u32)
    }

    fn sum(&self, index: u32) -> anyhow::Result<u64> {
        let map = self.ebpf.map(map::COUNTERS).context("the object has no COUNTERS")?;
        let counters = PerCpuArray::<_, u64>::try_from(map)?;
        Ok(counters.get(&index, 0)?.iter().sum())
    }

    /// Takes the reservations out, to change them.
    ///
    /// # Errors
    /// They were taken before.
    pub fn take_reservations(&mut self) -> anyhow::Result<Reservations> {
        let map = self.ebpf.take_map(map::RESERVATIONS).context("the reservations are taken")?;
        Ok(Reservations { rows: HashMap::try_from(map)? })
    }

    /// Takes the event ring out: [`watch`] reads it.
    ///
    /// # Errors
    /// It was taken before.
    pub fn take_events(&mut self) -> anyhow::Result<Events> {
        let map = self.ebpf.take_map(map::EVENTS).context("the event ring is taken")?;
        let unreadable = Arc::clone(&self.unreadable_events);
        Ok(Events { ring: RingBuf::try_from(map)?, unreadable })
    }

    /// Events that were not understood.
    #[must_use]
    pub fn unreadable_events(&self) -> u64 {
        self.unreadable_events.load(Relaxed)
    }

    /// Takes the program's own log lines out; they go to the daemon's log.
    ///
    /// # Errors
    /// They were taken before.
    pub fn take_log(&mut self) -> anyhow::Result<aya_log::EbpfLogger<&'static dyn log::Log>> {
        aya_log::EbpfLogger::init(&mut self.ebpf).context("cannot read the XDP program's log")
    }

    /// What the kernel says of the loaded program.
    ///
    /// # Errors
    /// It does not say.
    pub fn program(&mut self) -> anyhow::Result<Program> {
        let info = program(&mut self.ebpf, PROGRAM)?.info()?;
        Ok(Program {
            verified_instructions: info.verified_instruction_count().unwrap_or(0),
            translated_bytes: info.size_translated().unwrap_or(0),
            jited_bytes: info.size_jitted(),
        })
    }
}

/// The reservations in the kernel.
pub struct Reservations {
    rows: HashMap<MapData, Row<Station>, Row<Reservation>>,
}

impl Reservations {
    /// Holds an address back until a time since boot.
    ///
    /// # Errors
    /// The machine has no reservation, or the map cannot be written.
    pub fn hold(&mut self, station: Station, until: Duration) -> anyhow::Result<()> {
        let Row(mut row) = self.rows.get(&Row(station), 0).context("cannot read RESERVATIONS")?;
        row.quarantined_until = u64::try_from(until.as_nanos())?;
        self.rows.insert(Row(station), Row(row), 0).context("cannot write RESERVATIONS")
    }
}

/// The event ring.
pub struct Events {
    ring: RingBuf<MapData>,
    unreadable: Arc<AtomicU64>,
}

/// Reads events until it is cancelled.
pub async fn watch(mut events: Events, sightings: Sightings, cancel: CancellationToken) {
    let mut ticks = tokio::time::interval(POLL);
    while !cancel.is_cancelled() {
        tokio::select! {
            () = cancel.cancelled() => {}
            _ = ticks.tick() => {}
        }
        let mut turn = 0;
        while let Some(bytes) = events.ring.next() {
            turn += 1;
            match event(&bytes) {
                Some((event, verdict)) if verdict.is_final() => {
                    let path = sightings::Path::Kernel;
                    sightings.note(path, event.ifindex, verdict, &event.seen, time_of(&event));
                }
                // The daemon judges again, and tells of that.
                Some(_) => {}
                None => _ = events.unreadable.fetch_add(1, Relaxed),
            }
            // A flood may fill the ring as fast as it is read.
            if turn % TURN == 0 {
                tokio::task::yield_now().await;
                if turn >= MAX_TURNS * TURN {
                    break;
                }
            }
        }
    }
}

fn event(bytes: &[u8]) -> Option<(Event, Verdict)> {
    let event = Event::read_from_bytes(bytes).ok()?;
    Some((event, Verdict::from_number(event.verdict)?))
}

fn time_of(event: &Event) -> Instant {
    let now = Instant::now();
    let Ok(since_boot) = ClockId::CLOCK_MONOTONIC.now().map(Duration::from) else { return now };
    let age = since_boot.saturating_sub(Duration::from_nanos(event.at));
    now.checked_sub(age).unwrap_or(now)
}

/// Moves the program's log lines to the daemon's log until it is cancelled.
pub async fn watch_log(
    mut log: aya_log::EbpfLogger<&'static dyn log::Log>,
    cancel: CancellationToken,
) {
    let mut ticks = tokio::time::interval(POLL);
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = ticks.tick() => log.flush(),
        }
    }
}

fn program<'e>(ebpf: &'e mut Ebpf, name: &str) -> anyhow::Result<&'e mut Xdp> {
    let program =
        ebpf.program_mut(name).with_context(|| format!("the object has no program {name}"))?;
    Ok(program.try_into()?)
}

#[cfg(test)]
mod tests {
    use netboot_ebpf::shared::Seen;
    use zerocopy::IntoBytes as _;

    use super::*;

    fn sent(verdict: u32) -> Event {
        Event { at: 0, ifindex: 3, verdict, seen: Seen::NOTHING }
    }

    #[test]
    fn events_are_read_or_not() {
        let check = |bytes: &[u8], expect: Option<Verdict>| {
            assert_eq!(event(bytes).map(|(_, verdict)| verdict), expect, "{bytes:?}");
        };
        let offer = sent(Verdict::Offer as u32);
        check(offer.as_bytes(), Some(Verdict::Offer));
        check(&offer.as_bytes()[1..], None);
        check(&[], None);
        check(sent(Verdict::COUNT).as_bytes(), None);
    }

    #[test]
    fn an_event_has_the_time_it_was_sent() {
        let now = Duration::from(ClockId::CLOCK_MONOTONIC.now().unwrap());
        let at = |time: Duration| {
            time_of(&Event { at: u64::try_from(time.as_nanos()).unwrap(), ..sent(0) })
        };
        let age = at(now).duration_since(at(now - Duration::from_secs(1)));
        assert!(age.abs_diff(Duration::from_secs(1)) < Duration::from_millis(500), "{age:?}");
    }
}
