//! The knowledge of firmware that needs other answers than the rest, by the manufacturer's part of the
//! MAC (OUI).

use std::sync::LazyLock;

use netboot_ebpf::shared::Mac;

use crate::model::{Host, QuirkRow, Quirks, Settings};

/// Where a quirk is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuirkOrigin {
    /// `[host.quirks]`
    Host,
    /// `[[quirk]]`
    Configured,
    /// Known to netboot.
    BuiltIn,
}

/// Quirks that apply to a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied<'c> {
    pub origin: QuirkOrigin,
    pub quirks: &'c Quirks,
    /// Why; empty: nobody says.
    pub reason: &'c str,
}

/// The quirks of a host, and where they come from, the strongest first: what the host has of its own,
/// then its OUI's configured row, then the built-in one.
#[must_use]
pub fn of<'c>(config: &'c Settings, host: &'c Host) -> (Quirks, Vec<Applied<'c>>) {
    of_machine(config, host.mac, &host.quirks)
}

/// As [`of`], where the host is not complete yet.
pub(crate) fn of_machine<'c>(
    config: &'c Settings,
    mac: Mac,
    own: &'c Quirks,
) -> (Quirks, Vec<Applied<'c>>) {
    let host = Applied { origin: QuirkOrigin::Host, quirks: own, reason: "" };
    let host = (*own != Quirks::default()).then_some(host);
    merged(host.into_iter().chain(of_oui(config, oui(mac))))
}

/// Whether the architecture is what a manufacturer's boot ROM is: what is loaded by it says its own. One that the host
/// has of its own holds for all that the machine loads.
#[must_use]
pub fn is_of_rom(applied: &[Applied<'_>]) -> bool {
    let says = applied.iter().find(|row| row.quirks.architecture.is_some());
    says.is_some_and(|row| row.origin != QuirkOrigin::Host)
}

/// The quirks of a manufacturer's machines, as of those without reservation.
#[must_use]
pub fn of_manufacturer(config: &Settings, oui: [u8; 3]) -> (Quirks, Vec<Applied<'_>>) {
    merged(of_oui(config, oui))
}

/// All manufacturers whose machines have quirks.
#[must_use]
pub fn manufacturers(config: &Settings) -> Vec<[u8; 3]> {
    let rows = config.quirks.iter().chain(BUILT_IN.iter());
    let mut ouis: Vec<_> = rows.map(|row| row.oui).collect();
    ouis.sort_unstable();
    ouis.dedup();
    ouis
}

/// The first three bytes.
#[must_use]
pub const fn oui(Mac { octets: [a, b, c, ..] }: Mac) -> [u8; 3] {
    [a, b, c]
}

fn of_oui(config: &Settings, oui: [u8; 3]) -> impl Iterator<Item = Applied<'_>> {
    let configured = config.quirks.iter().map(|row| (QuirkOrigin::Configured, row));
    let built_in = BUILT_IN.iter().map(|row| (QuirkOrigin::BuiltIn, row));
    let rows = configured.chain(built_in).filter(move |(_, row)| row.oui == oui);
    rows.map(|(origin, row)| Applied { origin, quirks: &row.quirks, reason: &row.reason })
}

fn merged<'c>(rows: impl Iterator<Item = Applied<'c>>) -> (Quirks, Vec<Applied<'c>>) {
    let rows: Vec<_> = rows.collect();
    let quirks = rows.iter().fold(Quirks::default(), |quirks, row| quirks.or(row.quirks));
    (quirks, rows)
}

impl Quirks {
    /// What is said here, and not already nearer to the machine.
    pub fn beyond(&self, nearer: &Self) -> Self {
        fn unless<T: Clone>(own: &Option<T>, nearer: &Option<T>) -> Option<T> {
            own.clone().filter(|_| nearer.is_none())
        }
        Self {
            never_nak: unless(&self.never_nak, &nearer.never_nak),
            always_broadcast: unless(&self.always_broadcast, &nearer.always_broadcast),
            min_size: unless(&self.min_size, &nearer.min_size),
            delay: unless(&self.delay, &nearer.delay),
            no_option_67: unless(&self.no_option_67, &nearer.no_option_67),
            echo_pxeclient: unless(&self.echo_pxeclient, &nearer.echo_pxeclient),
            assume_pxe: unless(&self.assume_pxe, &nearer.assume_pxe),
            architecture: unless(&self.architecture, &nearer.architecture),
            menu: unless(&self.menu, &nearer.menu),
        }
    }

    /// What is not said here is as there.
    pub fn or(self, other: &Self) -> Self {
        Self {
            never_nak: self.never_nak.or(other.never_nak),
            always_broadcast: self.always_broadcast.or(other.always_broadcast),
            min_size: self.min_size.or(other.min_size),
            delay: self.delay.or(other.delay),
            no_option_67: self.no_option_67.or(other.no_option_67),
            echo_pxeclient: self.echo_pxeclient.or(other.echo_pxeclient),
            assume_pxe: self.assume_pxe.or(other.assume_pxe),
            architecture: self.architecture.or(other.architecture),
            menu: self.menu.or_else(|| other.menu.clone()),
        }
    }
}

/// Registered to Raspberry Pi (Trading) Ltd and the Raspberry Pi Foundation.
const RASPBERRY_PI: [[u8; 3]; 7] = [
    [0xb8, 0x27, 0xeb],
    [0xdc, 0xa6, 0x32],
    [0xe4, 0x5f, 0x01],
    [0x28, 0xcd, 0xc1],
    [0xd8, 0x3a, 0xdd],
    [0x2c, 0xcf, 0x67],
    [0x88, 0xa2, 0x9e],
];

static BUILT_IN: LazyLock<Vec<QuirkRow>> = LazyLock::new(|| {
    let raspberry_pi = Quirks {
        architecture: Some(41),
        menu: Some("Raspberry Pi Boot".to_owned()),
        assume_pxe: Some(true),
        ..Quirks::default()
    };
    let reason = "a Raspberry Pi's boot ROM says architecture 0 (x86 BIOS), looks for this menu in option 43, \
                  and has no option 60 in its REQUEST; https://github.com/raspberrypi/rpi-eeprom/issues/82";
    let row = |oui| QuirkRow { oui, quirks: raspberry_pi.clone(), reason: reason.to_owned() };
    RASPBERRY_PI.map(row).to_vec()
});

#[cfg(test)]
mod tests {
    use super::*;

    /// The quirks of a host with this MAC and its own, in a configuration with one row.
    #[track_caller]
    fn check(mac: [u8; 6], own: Quirks, expect: &Quirks, origins: &[QuirkOrigin]) {
        let row = Quirks {
            architecture: Some(11),
            min_size: Some(400),
            never_nak: Some(true),
            ..Quirks::default()
        };
        let mut config = Settings::unconfigured();
        config.quirks = [[0xb8, 0x27, 0xeb], [0x52, 0x54, 0x00]]
            .map(|oui| QuirkRow { oui, quirks: row.clone(), reason: "row".to_owned() })
            .to_vec();
        let host = Host { mac: Mac { octets: mac }, quirks: own.into(), ..Host::default() };
        let (quirks, rows) = of(&config, &host);
        assert_eq!(&quirks, expect);
        assert_eq!(rows.iter().map(|row| row.origin).collect::<Vec<_>>(), origins);
    }

    #[test]
    fn the_nearer_row_goes_first() {
        use QuirkOrigin::{BuiltIn, Configured, Host};
        let none = Quirks::default();
        let own = Quirks { min_size: Some(500), never_nak: Some(false), ..Quirks::default() };
        let pi = Quirks {
            architecture: Some(41),
            menu: Some("Raspberry Pi Boot".to_owned()),
            assume_pxe: Some(true),
            ..Quirks::default()
        };
        check([2, 0, 0, 0, 0, 1], none.clone(), &none, &[]);
        check([2, 0, 0, 0, 0, 1], own.clone(), &own, &[Host]);
        check([0xdc, 0xa6, 0x32, 0, 0, 1], none.clone(), &pi, &[BuiltIn]);
        let row = Quirks {
            architecture: Some(11),
            min_size: Some(400),
            never_nak: Some(true),
            ..Quirks::default()
        };
        check([0x52, 0x54, 0, 0, 0, 1], none.clone(), &row, &[Configured]);
        let on_pi = Quirks {
            architecture: Some(11),
            min_size: Some(400),
            never_nak: Some(true),
            ..pi.clone()
        };
        check([0xb8, 0x27, 0xeb, 0, 0, 1], none, &on_pi, &[Configured, BuiltIn]);
        let all = Quirks { architecture: Some(11), ..pi.or(&own) };
        check([0xb8, 0x27, 0xeb, 0, 0, 1], own, &all, &[Host, Configured, BuiltIn]);
    }

    #[test]
    fn every_built_in_row_says_why_and_is_the_only_one_of_its_manufacturer() {
        let config = Settings::unconfigured();
        assert_eq!(manufacturers(&config).len(), BUILT_IN.len());
        for row in BUILT_IN.iter() {
            assert!(row.reason.contains("https://"), "{row:?}");
        }
    }
}
