//! The client of a request: its stage in the boot, as its classes tell, and its architecture.

use core::hint::black_box;

use crate::{
    message::{CAP, Message, byte, bytes, forget, prefixes},
    options::{Index, length},
    parameters::{asks_for, is_searched},
    shared::{
        ClassFlags, NO_ARCHITECTURE, Reservation, Settings, USER_CLASS, UserClass, VENDOR_CLASS,
    },
    side::Side,
    tables::Tables,
    verdict::Verdict,
    wire::code,
};

/// How far a machine is in its boot, as its vendor class and user classes tell.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// An operating system or anything else that does not boot from the network.
    Plain = 0,
    /// Firmware that loads over TFTP: vendor class `PXEClient`.
    Pxe,
    /// Firmware that loads over HTTP: vendor class `HTTPClient`.
    Http,
    /// An iPXE that is not ours: user class `iPXE`.
    Ipxe,
    /// Our iPXE: a user class that gets the script.
    Script,
    /// A boot loader: it loads as [`Stage::Pxe`] does, and is told no option that it does not ask for. The daemon
    /// answers such a client.
    Loader,
}

impl Stage {
    /// The stage with this number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Plain),
            1 => Some(Self::Pxe),
            2 => Some(Self::Http),
            3 => Some(Self::Ipxe),
            4 => Some(Self::Script),
            5 => Some(Self::Loader),
            _ => None,
        }
    }

    /// The row of a boot set, counted from its begin: the script's URL, then for each way of loading a
    /// binary one row for each architecture slot. `slot` counts from 1, as in
    /// [`Settings::architecture_slots`]. The last row is a plain client's that asks for its machine's own file.
    #[inline(always)]
    #[must_use]
    pub const fn row(self, slots: u32, slot: u32) -> u32 {
        match self {
            Self::Script => 0,
            Self::Plain => 1 + 3 * slots,
            Self::Loader => slot,
            _ => (self as u32 - 1) * slots + slot,
        }
    }

    /// The number of rows of a boot set.
    #[must_use]
    pub const fn rows(slots: u32) -> u32 {
        2 + 3 * slots
    }

    /// The name in status, metrics and logs. How a loader loads is what counts there.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Pxe | Self::Loader => "pxe",
            Self::Http => "http",
            Self::Ipxe => "ipxe",
            Self::Script => "script",
        }
    }
}

/// What tells the stage, once it is known which machine asks: the classes that get the script are those of the
/// machine's host, or of its subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker {
    /// A [`Stage`]'s number, as all but its user classes tell.
    vendor: usize,
    /// [`ClassFlags`] of all its user classes.
    classes: u32,
}

impl Asker {
    /// The stage of a machine that gets the script by the classes of this list. These are tested before all others: an
    /// iPXE that has the class also says `PXEClient`, and giving it the binary again would be an endless loop.
    ///
    /// Of a plain client it may be unsure: see [`is_sure`].
    #[inline(always)]
    pub fn stage(&self, list: u32, cell: &mut usize) -> Stage {
        let Self { vendor, classes } = *self;
        let stage = if classes & ClassFlags::script(list) != 0 {
            Stage::Script as usize
        } else if vendor != Stage::Http as usize && classes & ClassFlags::IPXE != 0 {
            Stage::Ipxe as usize
        } else {
            vendor
        };
        Stage::from_number(forget(stage, cell) as u8).unwrap_or(Stage::Plain)
    }
}

/// What a request's classes tell of the client that asks.
#[inline(always)]
pub fn asker<S: Side>(
    message: &Message,
    index: &Index,
    tables: &impl Tables,
    cell: &mut usize,
) -> Asker {
    let classes = user_classes(message, index, tables, cell) as u32;
    let vendor = match said_stage(message, index, tables, cell) {
        Some(said) => said,
        None if asks_to_boot::<S>(message, index) => Stage::Pxe,
        None => Stage::Plain,
    };
    Asker { vendor: forget(vendor as usize, cell), classes }
}

/// What machines of its vendor class boot as; `None`: the class is not known, or there is none.
#[inline(always)]
fn said_stage(
    message: &Message,
    index: &Index,
    tables: &impl Tables,
    cell: &mut usize,
) -> Option<Stage> {
    let at = index.find(code::VENDOR_CLASS)?;
    let len = length(message, at);
    let begin = bytes::<VENDOR_CLASS>(message, at + 2)?;
    let mut stage = UNKNOWN;
    for row in &tables.settings()?.vendor_classes {
        if row.is_of(begin, len) {
            stage = usize::from(row.stage);
            break;
        }
    }
    Stage::from_number(forget(stage, cell) as u8)
}

/// No stage's number.
const UNKNOWN: usize = 255;

/// A client whose class is not known says by two other things that it boots from the network: its architecture, which
/// "MUST be present in all DHCP and PXE packets sent by PXE-compliant clients and servers" (RFC 4578 section 2.1) and
/// which nobody else needs to tell, and its wish for a boot file (options 66 and 67).
#[inline(always)]
fn asks_to_boot<S: Side>(message: &Message, index: &Index) -> bool {
    let asks = |option| asks_for::<S>(message, index, option).unwrap_or(false);
    index.has(code::ARCHITECTURE) && (asks(code::BOOT_FILE) || asks(code::TFTP_SERVER_NAME))
}

/// Whether a stage stands, whatever the list of options says that the kernel did not search.
///
/// # Errors
/// [`Verdict::EchoTooLong`]: it may be another.
#[inline(always)]
pub fn is_sure<S: Side>(message: &Message, index: &Index, stage: Stage) -> Result<(), Verdict> {
    if stage == Stage::Plain && index.has(code::ARCHITECTURE) && !is_searched::<S>(message, index) {
        return Err(Verdict::EchoTooLong);
    }
    Ok(())
}

/// The bound on instances in option 77.
const MAX_INSTANCES: usize = 4;

/// The flags of all user classes. Option 77 comes as one plain string (iPXE, dhclient, udhcpc), or as
/// instances each with a length octet (dhcpcd, systemd-networkd): "This option MAY carry multiple User Classes" (RFC
/// 3004 section 4). Each may match.
#[inline(always)]
fn user_classes(message: &Message, index: &Index, tables: &impl Tables, cell: &mut usize) -> usize {
    let Some(at) = index.find(code::USER_CLASS) else { return 0 };
    let len = length(message, at);
    let end = at + 2 + len;
    let mut flags = forget(class_flags(message, at + 2, len, tables), cell);
    let mut instance = at + 2;
    for _ in 0..MAX_INSTANCES {
        if instance >= end {
            break;
        }
        let Some(len) = byte(message, instance) else { break };
        let len = usize::from(len);
        if instance + 1 + len > end {
            break;
        }
        flags = forget(flags | class_flags(message, instance + 1, len, tables), cell);
        instance = forget(instance + 1 + len, cell);
    }
    flags
}

/// The flags of the class that stands at an offset; 0 where no such class is known.
#[inline(always)]
fn class_flags(message: &Message, at: usize, len: usize, tables: &impl Tables) -> usize {
    if len == 0 || len > USER_CLASS || at > CAP - USER_CLASS {
        return 0;
    }
    let Some(raw) = bytes::<USER_CLASS>(message, at) else { return 0 };
    // Some senders end the string with a NUL, which is padding here: "the receiver of such options MUST be prepared to
    // delete trailing nulls if they exist" (RFC 2132 section 2).
    let Some(prefix) = PREFIX.get(black_box(len)) else { return 0 };
    let key = UserClass { name: masked(raw, prefix) };
    match tables.user_class(&key) {
        Some(flags) => flags.bits as usize,
        None => 0,
    }
}

/// By length: the bytes that count. A comparison of each position with the length would be a branch
/// each, and double the verifier's states each.
static PREFIX: [[u8; USER_CLASS]; USER_CLASS + 1] = prefixes();

/// The bytes under a mask, eight at a time.
#[inline(always)]
fn masked(bytes: &[u8; USER_CLASS], mask: &[u8; USER_CLASS]) -> [u8; USER_CLASS] {
    let mut masked = [0; USER_CLASS];
    let chunks = masked.as_chunks_mut::<8>().0.iter_mut();
    for ((to, from), mask) in chunks.zip(bytes.as_chunks::<8>().0).zip(mask.as_chunks::<8>().0) {
        *to = (u64::from_ne_bytes(*from) & u64::from_ne_bytes(*mask)).to_ne_bytes();
    }
    masked
}

/// The bound on codes in option 93: "Clients that support more than one architecture type MAY include a list of these
/// types in their initial DHCP and PXE boot server packets" (RFC 4578 section 2.1).
pub const MAX_CODES: usize = 8;

/// The first architecture code of option 93.
#[inline(always)]
#[must_use]
pub fn architecture(message: &Message, index: &Index) -> u16 {
    match index.find(code::ARCHITECTURE) {
        Some(at) if length(message, at) >= 2 => {
            bytes(message, at + 2).map_or(NO_ARCHITECTURE, |code| u16::from_be_bytes(*code))
        }
        _ => NO_ARCHITECTURE,
    }
}

/// The slot of the first code of option 93 that is known, else the one of all others; where the reservation says what
/// the machine is, that of this.
#[inline(always)]
#[must_use]
pub fn architecture_slot(
    message: &Message,
    index: &Index,
    settings: &Settings,
    reservation: &Reservation,
    cell: &mut usize,
) -> u32 {
    let mut slot = said_slot(message, index, settings, cell);
    let taken_for = reservation.architecture;
    if taken_for != NO_ARCHITECTURE
        && (!reservation.has(Reservation::ARCHITECTURE_OF_ROM) || may_be_rom(message, index))
    {
        slot = slot_of(settings, taken_for);
    }
    if slot == 0 {
        slot = settings.other_slot;
    }
    forget(slot as usize, cell) as u32
}

/// Whether the client may be a boot ROM that does not say its architecture: it says x86 BIOS, or no architecture, or no
/// vendor class.
#[inline(always)]
fn may_be_rom(message: &Message, index: &Index) -> bool {
    let architecture = architecture(message, index);
    architecture == 0 || architecture == NO_ARCHITECTURE || !index.has(code::VENDOR_CLASS)
}

#[inline(always)]
fn slot_of(settings: &Settings, architecture: u16) -> u32 {
    match settings.architecture_slots.get(usize::from(architecture)) {
        Some(slot) => u32::from(*slot),
        None => 0,
    }
}

/// The slot of the first code of option 93 that has one; 0 where none has.
#[inline(always)]
fn said_slot(message: &Message, index: &Index, settings: &Settings, cell: &mut usize) -> u32 {
    let Some(at) = index.find(code::ARCHITECTURE) else { return 0 };
    let len = length(message, at);
    let mut slot = 0;
    for position in 0..MAX_CODES {
        if position * 2 + 2 > len {
            break;
        }
        let Some(code) = bytes(message, at + 2 + position * 2) else { break };
        slot = slot_of(settings, u16::from_be_bytes(*code));
        if slot != 0 {
            break;
        }
    }
    forget(slot as usize, cell) as u32
}
