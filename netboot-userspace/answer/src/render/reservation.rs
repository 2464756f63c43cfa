//! The rows of `RESERVATIONS`, and what they refer to.

use std::collections::BTreeMap;

use anyhow::Context as _;
use netboot_ebpf::{
    shared::{NO_ARCHITECTURE, Reservation, Station},
    tables::AtLink,
};
use netboot_site::{
    blocks::{BootSets, Choice, Overrides, host_block},
    model::{Host, Quirks, Settings, quirks},
};

use super::{
    rows::SubnetRows,
    script_lists::ScriptLists,
    subnet_places::{LocatedSubnet, LocatedSubnets},
};
use crate::tables::{Anybody, Arrival, AtLinks};

/// Renders reservations, and with them the rows of subnets and boot files.
pub(super) struct Renderer<'c> {
    pub(super) config: &'c Settings,
    pub(super) places: &'c LocatedSubnets<'c>,
    /// See [`LocatedSubnets::asked_on`].
    pub(super) asked_on: BTreeMap<Arrival, (usize, &'c LocatedSubnet<'c>)>,
    pub(super) rows: SubnetRows<'c>,
    pub(super) sets: BootSets<'c>,
    /// What has no room in the hosts' rows.
    pub(super) more: BTreeMap<Station, Vec<u8>>,
    pub(super) at_links: AtLinks,
    pub(super) lists: ScriptLists<'c>,
}

impl<'c> Renderer<'c> {
    /// The rows of the subnets themselves.
    pub(super) fn subnets(&mut self) -> anyhow::Result<()> {
        for place in (0..).zip(&self.places.list) {
            self.rows.row(self.config, place, None)?;
        }
        Ok(())
    }

    /// The reservation of a host.
    pub(super) fn host(&mut self, host: &'c Host) -> anyhow::Result<Reservation> {
        let (number, place) =
            self.places.of(host.ip).context("its address lies in no [[subnet]]")?;
        let (quirks, applied) = quirks::of(self.config, host);
        let is_of_rom = quirks::is_of_rom(&applied);
        let row = self.rows.row(self.config, (number, place), Overrides::of(host))?;
        let (options, options_len, more) = host_block(self.config, host, row.in_row)?.divided()?;
        let has_more = row.has_more || !more.is_empty();
        if !more.is_empty() {
            self.more.insert(host.station(), more);
        }
        let choice = Choice::new(self.config, &place.subnet, place.server).with_host(host);
        let boot_set = match host.netboot {
            true => self.sets.set(choice.with_quirks(self.config, &quirks, is_of_rom))?,
            false => 0,
        };
        let of_quirks = of_quirks(&quirks, is_of_rom);
        let mut flags = of_quirks.flags;
        if has_more {
            flags |= Reservation::HAS_MORE;
        }
        if host.boot_file.is_some() {
            flags |= Reservation::OWN_FILE;
        }
        if host.script_classes.is_some() {
            flags |= Reservation::OWN_LIST;
        }
        flags |= self.lists.flags(self.config.script_classes(Some(&place.subnet), Some(host)))?;
        if self.config.dhcp.mode.is_proxy() && host.netboot {
            self.host_at_links(host, &quirks, is_of_rom, boot_set)?;
        }
        Ok(Reservation {
            station: host.station(),
            options_len,
            address: host.ip.octets(),
            subnet: row.index,
            boot_set,
            flags,
            options,
            ..of_quirks
        })
    }

    /// What a host gets wherever it asks; `own` is its boot set in its own subnet, which others like it share.
    fn host_at_links(
        &mut self,
        host: &'c Host,
        quirks: &Quirks,
        is_of_rom: bool,
        own: u32,
    ) -> anyhow::Result<()> {
        for (&way, &place) in &self.asked_on {
            if self.at_links.contains_key(&(way, own)) {
                continue;
            }
            let subnet = self.rows.row(self.config, place, None)?.index;
            let (_, LocatedSubnet { subnet: of_link, server, .. }) = place;
            let choice = Choice::new(self.config, of_link, *server).with_host(host);
            let boot_set = self.sets.set(choice.with_quirks(self.config, quirks, is_of_rom))?;
            let script_list = self.lists.number(self.config.script_classes(Some(of_link), None))?;
            let there = AtLink { subnet, boot_set, script_list };
            self.at_links.insert((way, own), there);
        }
        Ok(())
    }

    /// What machines without reservation get, by interface, VLAN and OUI.
    pub(super) fn anybody(&mut self) -> anyhow::Result<Anybody> {
        let ouis = quirks::manufacturers(self.config).into_iter().map(Some);
        let ouis: Vec<_> = [None].into_iter().chain(ouis).collect();
        let mut rows = Anybody::new();
        for (&way, &(number, place)) in &self.asked_on {
            let subnet = self.rows.row(self.config, (number, place), None)?.index;
            for oui in &ouis {
                let quirks = oui.map(|oui| quirks::of_manufacturer(self.config, oui));
                let (quirks, applied) = quirks.unwrap_or_default();
                let is_of_rom = quirks::is_of_rom(&applied);
                let choice = Choice::new(self.config, &place.subnet, place.server);
                let choice = choice.with_quirks(self.config, &quirks, is_of_rom);
                let boot_set = self.sets.set(choice)?;
                let of_quirks = of_quirks(&quirks, is_of_rom);
                let classes = self.config.script_classes(Some(&place.subnet), None);
                let flags = of_quirks.flags | self.lists.flags(classes)?;
                let row = Reservation { subnet, boot_set, flags, ..of_quirks };
                rows.insert((way, *oui), row);
            }
        }
        Ok(rows)
    }
}

/// A reservation of nobody's that boots nothing, with quirks.
fn of_quirks(quirks: &Quirks, is_of_rom: bool) -> Reservation {
    let flags = [
        (quirks.never_nak, Reservation::NEVER_NAK),
        (quirks.always_broadcast, Reservation::ALWAYS_BROADCAST),
        (quirks.no_option_67, Reservation::NO_BOOT_FILE_OPTION),
        (quirks.assume_pxe, Reservation::ASSUME_PXE),
        (Some(is_of_rom), Reservation::ARCHITECTURE_OF_ROM),
    ];
    let flags = flags.into_iter().filter(|(set, _)| *set == Some(true));
    let delay = quirks.delay.unwrap_or_default().as_millis();
    Reservation {
        flags: flags.fold(0, |flags, (_, flag)| flags | flag),
        architecture: quirks.architecture.unwrap_or(NO_ARCHITECTURE),
        min_message: quirks.min_size.unwrap_or(0),
        delay: u16::try_from(delay).unwrap_or(u16::MAX),
        ..Reservation::NOBODYS
    }
}
