//! A small site in memory: two subnets, one behind a relay, a machine and its boot files.

use std::collections::HashMap;

use netboot_ebpf::{
    client::Stage,
    shared::{
        BootFile, ClassFlags, Interface, MAX_ADDRESSES, MAX_RELAYS, Mac, NO_ARCHITECTURE, Relays,
        Reservation, Settings, Station, Subnet, UserClass, VendorClass,
    },
    tables::{Asked, AtLink, Tables},
    verdict::Verdict,
};
use zerocopy::FromZeros as _;

pub const IFINDEX: u32 = 2;
pub const INTERFACE_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
/// Our address in subnet 0, 172.30.0.0/24.
pub const SERVER: [u8; 4] = [172, 30, 0, 1];
/// Our address in subnet 1, 172.29.0.0/24, which is behind a relay.
pub const OTHER_SERVER: [u8; 4] = [172, 29, 0, 2];
/// A relay in that subnet.
pub const OTHER_RELAY: [u8; 4] = [172, 29, 0, 3];
/// A relay on the link of subnet 0.
pub const RELAY: [u8; 4] = [172, 30, 0, 3];
/// The known machine, and its address in subnet 0.
pub const MAC: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
pub const ADDRESS: [u8; 4] = [172, 30, 0, 50];
/// A machine without reservation.
pub const STRANGER: [u8; 6] = [0xff, 1, 2, 3, 0xff, 4];
/// A machine that gets nothing, in no mode.
pub const OUTCAST: [u8; 6] = [0x0e, 0, 0, 0, 0, 0xee];

/// x86 BIOS, x86-64 UEFI, arm64 UEFI.
const BINARIES: [&str; 3] = ["undionly.kpxe", "ipxe.efi", "arm64.efi"];

pub struct Site {
    pub settings: Option<Settings>,
    pub interfaces: HashMap<u32, Interface>,
    pub reservations: HashMap<Station, Reservation>,
    /// What machines without reservation boot.
    pub anybody: Option<Reservation>,
    /// Subnet and boot set, by interface and the reservation's own boot set.
    pub at_links: HashMap<(u32, u32), AtLink>,
    pub classes: HashMap<UserClass, ClassFlags>,
    pub subnets: Vec<Subnet>,
    pub boot_files: Vec<BootFile>,
    /// What is said of each message.
    pub admits: Result<(), Verdict>,
    /// What is said of each message of a machine with a reservation.
    pub admits_machine: Result<(), Verdict>,
    pub has_boot_files: bool,
    pub has_daemon: bool,
}

impl Site {
    pub fn new() -> Self {
        let mut settings =
            Settings { flags: Settings::AUTHORITATIVE, slots: 3, ..Settings::default() };
        settings.addresses[0] = SERVER;
        settings.addresses[MAX_ADDRESSES - 1] = OTHER_SERVER;
        settings.broadcasts[0] = [172, 30, 0, 255];
        settings.broadcasts[MAX_ADDRESSES - 1] = [172, 29, 0, 255];
        for (code, slot) in [(0, 1), (7, 2), (9, 2), (16, 2), (11, 3), (22, 3), (63, 3)] {
            settings.architecture_slots[code] = slot;
        }
        let classes: [(&str, Stage, u8); 5] = [
            ("PXEClient", Stage::Pxe, VendorClass::KNOWS_PROXY),
            ("HTTPClient", Stage::Http, VendorClass::KNOWS_PROXY),
            ("U-Boot", Stage::Loader, 0),
            ("NVIDIA/BF/PXE", Stage::Pxe, VendorClass::KNOWS_PROXY),
            ("NVIDIA/BF/", Stage::Plain, 0),
        ];
        for (place, (prefix, stage, flags)) in settings.vendor_classes.iter_mut().zip(classes) {
            *place = VendorClass::new(prefix.as_bytes(), stage as u8, flags).unwrap();
        }
        let class =
            |name: &str, bits| (UserClass::new(name.as_bytes()).unwrap(), ClassFlags { bits });
        let mut site = Self {
            settings: Some(settings),
            interfaces: HashMap::from([(
                IFINDEX,
                Interface { mac: Mac { octets: INTERFACE_MAC }, mtu: 1500 },
            )]),
            reservations: HashMap::new(),
            anybody: None,
            at_links: HashMap::new(),
            classes: HashMap::from([
                class("Tinkerbell", ClassFlags::script(0)),
                class("iPXE", ClassFlags::IPXE),
                class("a-user-class-of-just-32-bytes-ok", ClassFlags::script(0)),
                class("of-a-list", ClassFlags::script(1)),
                class("of-both", ClassFlags::script(0) | ClassFlags::script(30)),
            ]),
            subnets: vec![
                subnet([172, 30, 0, 0], SERVER, IFINDEX),
                subnet([172, 29, 0, 0], OTHER_SERVER, 0),
            ],
            boot_files: boot_files(),
            admits: Ok(()),
            admits_machine: Ok(()),
            has_boot_files: true,
            has_daemon: true,
        };
        site.reserve(MAC, ADDRESS, 0);
        site
    }

    pub fn reserve(&mut self, mac: [u8; 6], address: [u8; 4], subnet: u32) -> &mut Reservation {
        self.reserve_station(Station::untagged(Mac { octets: mac }), address, subnet)
    }

    pub fn reserve_station(
        &mut self,
        station: Station,
        address: [u8; 4],
        subnet: u32,
    ) -> &mut Reservation {
        let (options, options_len) = block(&[(12, b"machine1")]);
        let reservation = Reservation {
            station,
            options_len,
            address,
            subnet,
            boot_set: 1,
            architecture: NO_ARCHITECTURE,
            options,
            ..Reservation::new_zeroed()
        };
        self.reservations.entry(station).insert_entry(reservation).into_mut()
    }

    pub fn machine(&mut self) -> &mut Reservation {
        self.reservations.get_mut(&Station::untagged(Mac { octets: MAC })).unwrap()
    }

    pub fn flags(mut self, flags: u32) -> Self {
        self.settings.as_mut().unwrap().flags = flags;
        self
    }

    /// With something changed.
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Gives every boot choice this name.
    pub fn boot_name(mut self, name: &str) -> Self {
        for row in self.boot_files.iter_mut().skip(1) {
            row.name.fill(0);
            row.name[..name.len()].copy_from_slice(name.as_bytes());
            row.name_len = name.len() as u16;
        }
        self
    }
}

impl Default for Site {
    fn default() -> Self {
        Self::new()
    }
}

impl Tables for Site {
    fn admit(&self) -> Result<(), Verdict> {
        self.admits
    }

    fn has_boot_files(&self) -> bool {
        self.has_boot_files
    }

    fn has_daemon(&self) -> bool {
        self.has_daemon
    }

    fn settings(&self) -> Option<&Settings> {
        self.settings.as_ref()
    }

    fn interface(&self, ifindex: u32) -> Option<&Interface> {
        self.interfaces.get(&ifindex)
    }

    fn reservation(&self, station: &Station) -> Result<&Reservation, Verdict> {
        let reservation = self.reservations.get(station).ok_or(Verdict::UnknownMachine)?;
        self.admits_machine.map(|()| reservation)
    }

    fn is_quarantined(&self, reservation: &Reservation) -> bool {
        reservation.quarantined_until != 0
    }

    fn anybody(&self, asked: Asked, station: &Station) -> Option<&Reservation> {
        let outcast = Mac { octets: OUTCAST };
        self.anybody.as_ref().filter(|_| asked.ifindex == IFINDEX && station.mac != outcast)
    }

    fn more(&self, _row: u32, _station: &Station) -> [&[u8]; 2] {
        [&[], &[]]
    }

    fn at_link(&self, asked: Asked, reservation: &Reservation) -> Option<AtLink> {
        self.at_links.get(&(asked.ifindex, reservation.boot_set)).copied()
    }

    fn is_served(&self, address: [u8; 4]) -> bool {
        self.subnets.iter().any(|subnet| subnet.contains(address))
    }

    fn is_asked_from(&self, address: [u8; 4]) -> bool {
        self.subnets.iter().any(|subnet| subnet.is_asked_from(address))
    }

    fn has_subnet(&self, ifindex: u32) -> bool {
        self.subnets.iter().any(|subnet| subnet.ifindex == ifindex)
    }

    fn is_on_link(&self, ifindex: u32, address: [u8; 4]) -> bool {
        self.subnets.iter().any(|subnet| subnet.ifindex == ifindex && subnet.contains(address))
    }

    fn user_class(&self, class: &UserClass) -> Option<&ClassFlags> {
        self.classes.get(class)
    }

    fn subnet(&self, index: u32) -> Option<&Subnet> {
        self.subnets.get(index as usize)
    }

    fn boot_file(&self, index: u32) -> Option<&BootFile> {
        self.boot_files.get(index as usize)
    }
}

/// Options, encoded and zero-padded, and the bytes used.
pub fn block<const N: usize>(options: &[(u8, &[u8])]) -> ([u8; N], u16) {
    let mut block = [0; N];
    let mut at = 0;
    for (code, value) in options {
        block[at..at + 2].copy_from_slice(&[*code, value.len() as u8]);
        block[at + 2..at + 2 + value.len()].copy_from_slice(value);
        at += 2 + value.len();
    }
    (block, at as u16)
}

fn subnet(network: [u8; 4], server: [u8; 4], ifindex: u32) -> Subnet {
    let (options, len) = block(&[
        (54, &server),
        (51, &[0, 1, 0x51, 0x80]),
        (58, &[0, 0, 0xa8, 0xc0]),
        (59, &[0, 1, 0x27, 0x50]),
        (1, &[255, 255, 255, 0]),
        (3, &server),
        (6, &[8, 8, 8, 8]),
    ]);
    Subnet {
        network,
        mask: [255, 255, 255, 0],
        server,
        ifindex,
        options_len: u32::from(len),
        next_server: [0; 4],
        classless: 0,
        relays: [Relays::default(); MAX_RELAYS],
        options,
    }
}

fn boot_files() -> Vec<BootFile> {
    let script = ("http://172.30.0.1/auto.ipxe".to_owned(), Stage::Script);
    let of = |stage, prefix: &str| BINARIES.map(|binary| (format!("{prefix}{binary}"), stage));
    let rows = [script]
        .into_iter()
        .chain(of(Stage::Pxe, ""))
        .chain(of(Stage::Http, "http://172.30.0.1/ipxe/"))
        .chain(of(Stage::Ipxe, "tftp://172.30.0.1/"))
        .chain([("own-file".to_owned(), Stage::Plain)])
        .map(|(name, stage)| boot_file(&name, stage));
    [BootFile::NONE].into_iter().chain(rows).collect()
}

fn boot_file(name: &str, stage: Stage) -> BootFile {
    let (options, options_len) = match stage {
        Stage::Http => block(&[(60, b"HTTPClient")]),
        Stage::Ipxe | Stage::Script => block(&[(43, &[6, 1, 8, 255]), (175, &[0xb0, 1, 1])]),
        Stage::Plain => block(&[(66, b"172.30.0.1")]),
        Stage::Pxe | Stage::Loader => block(&[(43, &[6, 1, 8, 255])]),
    };
    let mut row = BootFile {
        siaddr: SERVER,
        name_len: name.len() as u16,
        options_len,
        options,
        flags: if stage == Stage::Plain { BootFile::IN_OPTION } else { 0 },
        ..BootFile::NONE
    };
    row.name[..name.len()].copy_from_slice(name.as_bytes());
    row
}
