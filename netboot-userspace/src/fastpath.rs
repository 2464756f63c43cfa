//! The XDP program's loader: it creates, fills and pins the maps, attaches the program, and reads what
//! it counted and saw. The only place that names aya.

mod bpffs;
mod explain;
mod pins;
mod rows;
pub mod run;

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use aya::{
    Ebpf, EbpfLoader, VerifierLogLevel, include_bytes_aligned,
    maps::{MapData, PerCpuArray, RingBuf},
    programs::{Xdp, XdpMode as AyaMode, xdp::XdpLink},
};
use netboot_ebpf::{
    shared::{COUNTERS_LEN, EVENTS_LOST, Event, map},
    verdict::Verdict,
};
use tokio_util::sync::CancellationToken;
use zerocopy::FromBytes as _;

use self::{pins::Pins, rows::fill};
use crate::{
    config::XdpMode,
    links::Link,
    sightings::{self, Sightings},
    tables::Tables,
};

/// The object: the programs `netboot` and `pass`, and the maps.
pub static OBJECT: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/netboot-xdp"));

/// The program's name in the object.
const PROGRAM: &str = "netboot";

/// How often events are read: the program never wakes us.
const POLL: Duration = Duration::from_millis(50);

/// The loaded program.
pub struct FastPath {
    ebpf: Ebpf,
    counters: Mutex<PerCpuArray<MapData, u64>>,
    links: Mutex<Vec<XdpLink>>,
    _pins: Pins,
}

/// What loading told of the program.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    pub verified_instructions: u32,
    pub translated_bytes: u32,
    pub jited_bytes: u32,
}

impl FastPath {
    /// Creates the maps, fills them, loads the program, and pins the maps under `pin_path`.
    ///
    /// # Errors
    /// No privilege, no bpffs, or a kernel that does not take the program.
    pub fn load(tables: &Tables, pin_path: Option<&Path>) -> anyhow::Result<Self> {
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
        let pins = match pin_path {
            Some(path) => Pins::new(&ebpf, path)?,
            None => Pins::default(),
        };
        let counters = ebpf.take_map(map::COUNTERS).context("the object has no COUNTERS")?;
        let counters = Mutex::new(PerCpuArray::try_from(counters)?);
        Ok(Self { ebpf, counters, links: Mutex::default(), _pins: pins })
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
            XdpMode::Native => self.attach_as(link, AyaMode::Driver).map(|()| (mode, None)),
            XdpMode::Generic => self.attach_as(link, AyaMode::Skb).map(|()| (mode, None)),
            // Native XDP_TX on veth reaches only a peer that has a program itself.
            XdpMode::Auto if link.is_veth => {
                let note = "native mode on veth answers only a peer that has an XDP program itself";
                self.attach_as(link, AyaMode::Skb)
                    .map(|()| (XdpMode::Generic, Some(note.to_owned())))
            }
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
        let counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sums = Vec::with_capacity(COUNTERS_LEN);
        for index in 0..Verdict::COUNT {
            sums.push(counters.get(&index, 0)?.iter().sum());
        }
        Ok((sums, counters.get(&EVENTS_LOST, 0)?.iter().sum()))
    }

    /// One verdict's counter, summed over the CPUs.
    ///
    /// # Errors
    /// The map cannot be read.
    pub fn counter(&self, verdict: Verdict) -> anyhow::Result<u64> {
        let counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(counters.get(&(verdict as u32), 0)?.iter().sum())
    }

    /// Takes the event ring out: [`watch`] reads it.
    ///
    /// # Errors
    /// It was taken before.
    pub fn take_events(&mut self) -> anyhow::Result<RingBuf<MapData>> {
        let map = self.ebpf.take_map(map::EVENTS).context("the event ring is taken")?;
        Ok(RingBuf::try_from(map)?)
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

/// Reads events until it is cancelled.
pub async fn watch(mut events: RingBuf<MapData>, sightings: Sightings, cancel: CancellationToken) {
    let mut ticks = tokio::time::interval(POLL);
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = ticks.tick() => {}
        }
        while let Some(event) = events.next() {
            let Ok(event) = Event::read_from_bytes(&event) else { continue };
            let Some(verdict) = Verdict::from_number(event.verdict) else { continue };
            // Refused in userspace, which tells of it.
            if verdict != Verdict::Nak {
                sightings.note(sightings::Path::Kernel, event.ifindex, verdict, &event.seen);
            }
        }
    }
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
