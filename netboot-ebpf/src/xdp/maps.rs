//! The maps and their safe accessors.

use aya_ebpf::{
    bindings::{BPF_F_NO_PREALLOC, BPF_NOEXIST, BPF_RB_NO_WAKEUP},
    btf_maps::{Array, HashMap, LruHashMap, PerCpuArray, RingBuf},
    helpers::bpf_ktime_get_ns,
    macros::btf_map,
};
use netboot_ebpf::{
    responder::Scratch,
    shared::{
        BootFile, COUNTERS_LEN, ClassFlags, EVENTS_BYTES, EVENTS_LOST, Event, Interface,
        MAX_INTERFACES, MAX_UNKNOWN, MAX_USER_CLASSES, Mac, Reservation, Seen, Settings, Station,
        Subnet, Unknown, UserClass,
    },
    tables::Tables,
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
static EVENTS: RingBuf<Event, EVENTS_BYTES> = RingBuf::new();
#[btf_map]
static UNKNOWN: LruHashMap<Station, Unknown, MAX_UNKNOWN> = LruHashMap::new();
#[btf_map]
static SCRATCH: PerCpuArray<Scratch, 1> = PerCpuArray::new();

/// The kernel's side of the tables.
pub struct Maps;

impl Tables for Maps {
    #[inline(always)]
    fn settings(&self) -> Option<&Settings> {
        SETTINGS.get(0)
    }

    #[inline(always)]
    fn interface(&self, ifindex: u32) -> Option<&Interface> {
        // SAFETY: the daemon writes this map before it attaches the program, and never while it runs.
        unsafe { INTERFACES.get(ifindex) }
    }

    #[inline(always)]
    fn reservation(&self, station: &Station) -> Option<&Reservation> {
        // SAFETY: the slot may be recycled while it is read, but it stays map memory; the responder
        // compares the station in it with the request's after the last read.
        unsafe { RESERVATIONS.get(station) }
    }

    #[inline(always)]
    fn is_quarantined(&self, reservation: &Reservation) -> bool {
        // SAFETY: the helper has no preconditions.
        reservation.quarantined_until != 0
            && unsafe { bpf_ktime_get_ns() } < reservation.quarantined_until
    }

    #[inline(always)]
    fn anybody(&self, _ifindex: u32, _mac: Mac) -> Option<&Reservation> {
        None
    }

    #[inline(always)]
    fn is_served(&self, _address: [u8; 4]) -> bool {
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

#[inline(always)]
fn increment(index: u32) {
    if let Some(counter) = COUNTERS.get_ptr_mut(index) {
        // SAFETY: the counter is this CPU's alone.
        unsafe { *counter += 1 };
    }
}

/// Tells the daemon of a message and what became of it. A full ring loses the telling, not the answer,
/// and that is counted. The daemon polls, so that no message pays for a wakeup.
#[inline(always)]
pub fn report(verdict: Verdict, ifindex: u32, seen: &Seen) {
    // SAFETY: the helper has no preconditions.
    let at = unsafe { bpf_ktime_get_ns() };
    if verdict == Verdict::UnknownMachine {
        remember(at, ifindex, seen);
    }
    match EVENTS.reserve(0) {
        Some(mut entry) => {
            entry.write(Event { at, ifindex, verdict: verdict as u32, seen: *seen });
            entry.submit(u64::from(BPF_RB_NO_WAKEUP));
        }
        None => increment(EVENTS_LOST),
    }
}

/// Remembers a machine without reservation, so that an operator can add it.
#[inline(always)]
fn remember(now: u64, ifindex: u32, seen: &Seen) {
    if let Some(known) = UNKNOWN.get_ptr_mut(&seen.station) {
        // SAFETY: a recycled slot stays map memory; at worst the newer of two machines has a count too
        // many.
        unsafe {
            (*known).last_seen = now;
            (*known).requests += 1;
        }
        return;
    }
    let unknown = Unknown {
        last_seen: now,
        requests: 1,
        ifindex,
        architecture: seen.architecture,
        message_type: seen.message_type,
        stage: seen.stage,
    };
    // Another CPU may have been faster: then it is there.
    let _ = UNKNOWN.insert(&seen.station, unknown, u64::from(BPF_NOEXIST));
}
