//! The maps and their safe accessors.

use aya_ebpf::{
    bindings::BPF_F_NO_PREALLOC,
    btf_maps::{Array, HashMap, LruHashMap, PerCpuArray, RingBuf},
    helpers::bpf_ktime_get_ns,
    macros::btf_map,
};
use netboot_ebpf::{
    limit::{Ceilings, Unknown},
    responder::Scratch,
    shared::{
        BootFile, COUNTERS_LEN, ClassFlags, Deadlines, EVENTS_BYTES, Event, Interface,
        MAX_INTERFACES, MAX_UNKNOWN, MAX_USER_CLASSES, Reservation, Settings, Station, Subnet,
        UserClass,
    },
    tables::{Asked, AtLink, Tables},
    verdict::Verdict,
};

// The daemon sizes RESERVATIONS, SUBNETS and BOOT_FILES before it creates them.
#[btf_map]
static RESERVATIONS: HashMap<Station, Reservation, 1024, { BPF_F_NO_PREALLOC as usize }> =
    HashMap::new();
#[btf_map]
static USER_CLASSES: HashMap<UserClass, ClassFlags, MAX_USER_CLASSES> = HashMap::new();
#[btf_map]
static SUBNETS: Array<Subnet, 16> = Array::new();
#[btf_map]
static BOOT_FILES: Array<BootFile, 64> = Array::new();
#[btf_map]
static INTERFACES: HashMap<u32, Interface, MAX_INTERFACES> = HashMap::new();
#[btf_map]
static SETTINGS: Array<Settings, 1> = Array::new();
#[btf_map]
static COUNTERS: PerCpuArray<u64, COUNTERS_LEN> = PerCpuArray::new();
#[btf_map]
pub static EVENTS: RingBuf<Event, EVENTS_BYTES> = RingBuf::new();
#[btf_map]
pub static UNKNOWN: LruHashMap<Station, Unknown, MAX_UNKNOWN> = LruHashMap::new();
#[btf_map]
static LIMITS: Array<Ceilings, 1> = Array::new();
#[btf_map]
static DEADLINES: Array<Deadlines, 1> = Array::new();
#[btf_map]
static SCRATCH: PerCpuArray<Scratch, 1> = PerCpuArray::new();

/// The kernel's side of the tables, for one message.
pub struct Maps {
    /// Nanoseconds since boot (CLOCK_MONOTONIC).
    pub now: u64,
    pub settings: &'static Settings,
    deadlines: &'static Deadlines,
    ceilings: *mut Ceilings,
}

impl Maps {
    /// For a message that came now.
    #[inline(always)]
    pub fn now() -> Option<Self> {
        Some(Self {
            // SAFETY: the helper has no preconditions.
            now: unsafe { bpf_ktime_get_ns() },
            settings: SETTINGS.get(0)?,
            deadlines: DEADLINES.get(0)?,
            ceilings: LIMITS.get_ptr_mut(0)?,
        })
    }

    /// What is counted of all machines together. Other CPUs count there too, and may undo a step: then a
    /// few messages more are admitted.
    #[inline(always)]
    #[expect(clippy::mut_from_ref, reason = "each use ends before the next")]
    pub fn ceilings(&self) -> &mut Ceilings {
        // SAFETY: it stays map memory, and any numbers are valid.
        unsafe { &mut *self.ceilings }
    }
}

impl Tables for Maps {
    #[inline(always)]
    fn admit(&self) -> Result<(), Verdict> {
        if !self.deadlines.has_answers(self.now) {
            return Err(Verdict::Stale);
        }
        if !self.ceilings().admit(self.settings, self.now) {
            return Err(Verdict::OverCeiling);
        }
        Ok(())
    }

    #[inline(always)]
    fn settings(&self) -> Option<&Settings> {
        Some(self.settings)
    }

    #[inline(always)]
    fn interface(&self, ifindex: u32) -> Option<&Interface> {
        // SAFETY: the daemon writes this map before it attaches the program, and never while it runs.
        unsafe { INTERFACES.get(ifindex) }
    }

    #[inline(always)]
    fn reservation(&self, station: &Station) -> Result<&Reservation, Verdict> {
        let Some(row) = RESERVATIONS.get_ptr_mut(station) else {
            return Err(Verdict::UnknownMachine);
        };
        // SAFETY: the slot may be recycled while it is read, but it stays map memory; the responder
        // compares the station in it with the request's after the last read. What is counted here for
        // another machine then is one message.
        let admitted = unsafe { self.settings.machine.admit(&mut (*row).full_at, self.now) };
        if !admitted {
            return Err(Verdict::RateLimited);
        }
        // SAFETY: as above.
        Ok(unsafe { &*row })
    }

    #[inline(always)]
    fn has_boot_files(&self) -> bool {
        self.deadlines.has_boot_files(self.now)
    }

    #[inline(always)]
    fn has_daemon(&self) -> bool {
        self.deadlines.has_daemon(self.now)
    }

    #[inline(always)]
    fn is_quarantined(&self, reservation: &Reservation) -> bool {
        self.now < reservation.quarantined_until
    }

    #[inline(always)]
    fn anybody(&self, _asked: Asked, _station: &Station) -> Option<&Reservation> {
        None
    }

    #[inline(always)]
    fn more(&self, _row: u32, _station: &Station) -> [&[u8]; 2] {
        [&[], &[]]
    }

    #[inline(always)]
    fn at_link(&self, _asked: Asked, _reservation: &Reservation) -> Option<AtLink> {
        None
    }

    #[inline(always)]
    fn is_served(&self, _address: [u8; 4]) -> bool {
        false
    }

    #[inline(always)]
    fn is_asked_from(&self, _address: [u8; 4]) -> bool {
        false
    }

    #[inline(always)]
    fn has_subnet(&self, _ifindex: u32) -> bool {
        false
    }

    #[inline(always)]
    fn is_on_link(&self, _ifindex: u32, _address: [u8; 4]) -> bool {
        false
    }

    #[inline(always)]
    fn user_class(&self, class: &UserClass) -> Option<&ClassFlags> {
        // SAFETY: as `interface`.
        unsafe { USER_CLASSES.get(class) }
    }

    #[inline(always)]
    fn subnet(&self, index: u32) -> Option<&Subnet> {
        SUBNETS.get(index)
    }

    #[inline(always)]
    fn boot_file(&self, index: u32) -> Option<&BootFile> {
        BOOT_FILES.get(index)
    }
}

/// This CPU's working memory.
#[inline(always)]
pub fn scratch() -> Option<&'static mut Scratch> {
    // SAFETY: the memory is this CPU's alone, and an XDP program is not interrupted by another one on
    // the same CPU: it runs in softirq with bottom halves off.
    SCRATCH.get_ptr_mut(0).map(|scratch| unsafe { &mut *scratch })
}

/// Adds one to the verdict's counter.
#[inline(always)]
pub fn count(verdict: Verdict) {
    increment(verdict as u32);
}

/// Adds one to a counter.
#[inline(always)]
pub fn increment(index: u32) {
    if let Some(counter) = COUNTERS.get_ptr_mut(index) {
        // SAFETY: the counter is this CPU's alone.
        unsafe { *counter += 1 };
    }
}
