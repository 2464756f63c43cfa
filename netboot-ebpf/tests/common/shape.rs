//! Sites of any kind.

use netboot_ebpf::shared::{Reservation, Settings};
use proptest::{prelude::*, sample::select};

use super::{SERVER, Site, block};
use crate::golden;

/// How a site is set up.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Length of the boot files' names; 0: as they are.
    pub name: usize,
    pub flags: u32,
    pub quirks: u16,
    pub min_message: u16,
    pub delay: u16,
    pub quarantined_until: u64,
    pub classless: u32,
    pub mtu: u16,
}

impl Shape {
    pub fn named(name: usize) -> Self {
        Self {
            name,
            flags: Settings::AUTHORITATIVE,
            quirks: 0,
            min_message: 0,
            delay: 0,
            quarantined_until: 0,
            classless: 0,
            mtu: 1500,
        }
    }

    pub fn any() -> impl Strategy<Value = Self> {
        let usual = |value| prop_oneof![7 => Just(0u16), 1 => Just(value)];
        let name = prop_oneof![Just(0), 1..=255usize];
        let modes = (prop_oneof![3 => 0..4u32, 1 => 0..32u32], prop_oneof![Just(0), 0..16u16]);
        let rest = (
            prop_oneof![9 => Just(0u64), 1 => Just(9)],
            0..2u32,
            select(vec![1500, 1500, 9000, 576, 400]),
        );
        (name, modes, usual(700), usual(5), rest).prop_map(
            |(name, (flags, quirks), min_message, delay, (quarantined_until, routes, mtu))| Self {
                name,
                flags,
                quirks,
                min_message,
                delay,
                quarantined_until,
                classless: routes * 3,
                mtu,
            },
        )
    }

    pub fn site(&self) -> Site {
        let mut site = golden::site().flags(self.flags);
        if self.name > 0 {
            site = site.boot_name(&"u".repeat(self.name));
        }
        let mut routes = site.subnets[0];
        let (options, len) = block(&[(54, &SERVER), (51, &[0, 1, 2, 3]), (121, &[0, 1, 2, 3, 4])]);
        (routes.options, routes.options_len) = (options, u32::from(len));
        site.subnets[0].classless = self.classless;
        site.subnets.push(routes);
        site.interfaces.get_mut(&2).unwrap().mtu = self.mtu;
        for reservation in site.reservations.values_mut() {
            reservation.flags = self.quirks;
            reservation.min_message = self.min_message;
            reservation.delay = self.delay;
            reservation.quarantined_until = self.quarantined_until;
        }
        site.anybody = Some(Reservation { address: [0; 4], ..*site.machine() });
        site
    }

    pub fn is_proxy(&self) -> bool {
        self.flags & Settings::PROXY != 0
    }
}
