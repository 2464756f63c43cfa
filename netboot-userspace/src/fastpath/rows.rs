//! Tables into maps.

use anyhow::Context as _;
use aya::{
    Ebpf, Pod,
    maps::{Array, HashMap, Map},
};
use netboot_ebpf::shared::map;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::tables::Tables;

/// A key or value as aya wants it.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Row<T>(pub(super) T);

// SAFETY: zerocopy proves that the type has no padding and is valid for any bytes.
unsafe impl<T: FromBytes + IntoBytes + Immutable + Copy + 'static> Pod for Row<T> {}

/// Writes every row.
pub(super) fn fill(ebpf: &mut Ebpf, tables: &Tables) -> anyhow::Result<()> {
    fill_array(ebpf, map::SUBNETS, &tables.subnets)?;
    fill_array(ebpf, map::BOOT_FILES, &tables.boot_files)?;
    fill_hash(ebpf, map::USER_CLASSES, &tables.user_classes)?;
    fill_hash(ebpf, map::INTERFACES, &tables.interfaces)?;
    fill_hash(ebpf, map::RESERVATIONS, &tables.reservations)?;
    fill_array(ebpf, map::SETTINGS, &[tables.settings])
}

fn take<'e>(ebpf: &'e mut Ebpf, name: &str) -> anyhow::Result<&'e mut Map> {
    ebpf.map_mut(name).with_context(|| format!("the object has no map {name}"))
}

pub(super) fn fill_array<T>(ebpf: &mut Ebpf, name: &str, rows: &[T]) -> anyhow::Result<()>
where
    T: FromBytes + IntoBytes + Immutable + Copy + 'static,
{
    let mut array: Array<_, Row<T>> = take(ebpf, name)?.try_into()?;
    for (index, row) in (0..).zip(rows) {
        array.set(index, Row(*row), 0).with_context(|| format!("cannot write {name}"))?;
    }
    Ok(())
}

fn fill_hash<K, V>(
    ebpf: &mut Ebpf,
    name: &str,
    rows: &std::collections::HashMap<K, V>,
) -> anyhow::Result<()>
where
    K: FromBytes + IntoBytes + Immutable + Copy + 'static,
    V: FromBytes + IntoBytes + Immutable + Copy + 'static,
{
    let mut hash: HashMap<_, Row<K>, Row<V>> = take(ebpf, name)?.try_into()?;
    for (key, value) in rows {
        hash.insert(Row(*key), Row(*value), 0).with_context(|| format!("cannot write {name}"))?;
    }
    Ok(())
}
