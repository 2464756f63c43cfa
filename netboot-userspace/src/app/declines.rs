//! Holds declined addresses back in the kernel too, and says when that ends.

use std::{net::Ipv4Addr, sync::Arc};

use netboot_ebpf::shared::Station;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    fastpath::Reservations,
    quarantine::{self, Quarantine},
    slowpath::Declined,
    tables::Tables,
};

/// Works until it is cancelled; `rows` are the kernel's, where it answers.
pub(super) async fn watch(
    mut declines: mpsc::Receiver<Declined>,
    tables: Arc<Tables>,
    mut rows: Option<Reservations>,
    cancel: CancellationToken,
) {
    while let Some(Some(Declined { station, until })) =
        cancel.run_until_cancelled(declines.recv()).await
    {
        if let Some(rows) = &mut rows
            && let Err(error) = rows.hold(station, until)
        {
            tracing::error!(machine = %station.mac, "the kernel goes on to give a declined address: {error:#}");
        }
        let address = tables.reservations.get(&station).map(|row| Ipv4Addr::from(row.address));
        let ended = ended(Arc::clone(&tables.quarantine), station, address, cancel.clone());
        tokio::spawn(ended);
    }
    // Without interfaces nobody declines any more, and the rest goes on.
    cancel.cancelled().await;
}

async fn ended(
    quarantine: Arc<Quarantine>,
    station: Station,
    address: Option<Ipv4Addr>,
    cancel: CancellationToken,
) {
    let now = quarantine::now();
    let held = quarantine.held(now);
    let Some((_, left)) = held.into_iter().find(|(held, _)| *held == station) else { return };
    if cancel.run_until_cancelled(tokio::time::sleep(left)).await.is_none() {
        return;
    }
    // Declined again meanwhile, it is another task's.
    if quarantine.release(station, quarantine::now())
        && let Some(address) = address
    {
        tracing::info!(machine = %station.mac, %address, "the declined address is given again");
    }
}
