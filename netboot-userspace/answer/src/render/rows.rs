//! The rows of `SUBNETS`.

use std::collections::{BTreeMap, HashMap};

use anyhow::Context as _;
use netboot_ebpf::shared::{self, MAX_RELAYS, Relays};
use netboot_site::{
    blocks::{Block, Overrides, RowBlocks},
    model::{Settings, Subnet},
};

use super::subnet_places::LocatedSubnet;

/// What makes a row another one: its block and that of its row for classless routes, the network, the next server, the
/// interface and the relays.
type RowKey = (Vec<u8>, Option<Vec<u8>>, [[u8; 4]; 2], u32, [Relays; MAX_RELAYS]);

/// The rows of `SUBNETS`, each once.
#[derive(Default)]
pub(super) struct SubnetRows<'c> {
    pub(super) rows: Vec<shared::Subnet>,
    /// By row: what has no room there.
    pub(super) more: BTreeMap<u32, Vec<u8>>,
    index: HashMap<RowKey, u32>,
    /// By the number of the place and what hosts have instead: rendering is slow, hosts are many.
    known: HashMap<(usize, Option<Overrides<'c>>), SubnetRow>,
}

/// As many as there is room for: more are refused with the configuration.
fn relays(subnet: &Subnet) -> [Relays; MAX_RELAYS] {
    let mut places = [Relays::default(); MAX_RELAYS];
    for (place, relays) in places.iter_mut().zip(&subnet.relays) {
        *place = Relays { network: relays.network().octets(), mask: relays.netmask().octets() };
    }
    places
}

/// A row of `SUBNETS`.
#[derive(Clone, Copy)]
pub(super) struct SubnetRow {
    pub(super) index: u32,
    /// Of it, or of that for clients that ask for classless routes, something has no room.
    pub(super) has_more: bool,
    /// As in [`RowBlocks`].
    pub(super) in_row: &'static [u8],
}

impl<'c> SubnetRows<'c> {
    /// The row of a numbered place; hosts with overrides get others, since no option may come twice.
    pub(super) fn row(
        &mut self,
        config: &Settings,
        (number, place): (usize, &LocatedSubnet<'_>),
        overrides: Option<Overrides<'c>>,
    ) -> anyhow::Result<SubnetRow> {
        let key = (number, overrides);
        if let Some(&row) = self.known.get(&key) {
            return Ok(row);
        }
        let row = self
            .render(config, place, key.1.as_ref())
            .with_context(|| format!("subnet {}", place.subnet.cidr))?;
        self.known.insert(key, row);
        Ok(row)
    }

    fn render(
        &mut self,
        config: &Settings,
        place: &LocatedSubnet<'_>,
        overrides: Option<&Overrides<'_>>,
    ) -> anyhow::Result<SubnetRow> {
        let blocks = RowBlocks::new(config, &place.subnet, place.server, overrides)?;
        let next_server = overrides.and_then(Overrides::next_server).or(place.subnet.next_server);
        let next_server = next_server.map_or([0; 4], |server| server.octets());
        let index = self.one(place, next_server, &blocks.row, blocks.classless.as_ref())?;
        let classless = self.rows.get(index as usize).and_then(|row| row.classless.checked_sub(1));
        let rows = [Some(index), classless];
        let has_more = rows.iter().flatten().any(|row| self.more.contains_key(row));
        Ok(SubnetRow { index, has_more, in_row: blocks.in_row })
    }

    fn one(
        &mut self,
        place: &LocatedSubnet<'_>,
        next_server: [u8; 4],
        block: &Block,
        classless: Option<&Block>,
    ) -> anyhow::Result<u32> {
        let LocatedSubnet { subnet, link, server } = place;
        let ifindex = link.map_or(0, |link| link.index);
        let own = classless.map(|block| block.bytes.clone());
        let network = subnet.cidr.network().octets();
        let relays = relays(subnet);
        let key = (block.bytes.clone(), own, [network, next_server], ifindex, relays);
        if let Some(&index) = self.index.get(&key) {
            return Ok(index);
        }
        let (options, len, more) = block.divided()?;
        let index = u32::try_from(self.rows.len())?;
        if !more.is_empty() {
            self.more.insert(index, more);
        }
        self.rows.push(shared::Subnet {
            network,
            mask: subnet.cidr.netmask().octets(),
            server: server.octets(),
            ifindex,
            options_len: u32::from(len),
            next_server,
            classless: 0,
            relays,
            options,
        });
        self.index.insert(key, index);
        if let Some(block) = classless {
            let classless = self.one(place, next_server, block, None)?;
            if let Some(row) = self.rows.get_mut(index as usize) {
                row.classless = classless + 1;
            }
        }
        Ok(index)
    }
}
