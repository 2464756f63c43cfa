//! Declined addresses: the kernel is told to hold each of them back, and the log of its beginning and its end.

use std::{
    future::poll_fn,
    net::Ipv4Addr,
    sync::Arc,
    time::{Duration, Instant},
};

use netboot_answer::{quarantine::Held, tables::Served};
use netboot_base::{clock, throttle::Throttle};
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, time::DelayQueue};

/// Declines that the log tells of, a minute: they are easily forged.
const TOLD: u32 = 30;
/// Machines that decline their addresses within a minute: one or two are other machines' mistakes.
const SEVERAL: usize = 3;
/// Machines that are named.
const NAMED: usize = 20;

/// Works until it is cancelled; whoever has the kernel's tables is told.
pub(super) async fn watch(
    tables: Served,
    kernel: mpsc::UnboundedSender<Held>,
    cancel: CancellationToken,
) {
    let quarantine = Arc::clone(&tables.read().quarantine);
    let mut declined = Throttle::new(TOLD);
    let mut given = Throttle::new(TOLD);
    let mut ends = DelayQueue::<Ipv4Addr>::new();
    // It may have been told of some before, and failed since.
    let now = clock::since_boot();
    for held in quarantine.held(now) {
        ends.insert(held.address, held.left(now));
    }
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            fresh = quarantine.fresh() => for held in fresh {
                // As many as there are reservations, at most.
                let _ = kernel.send(held);
                tell(held, &mut declined);
                ends.insert(held.address, held.left(clock::since_boot()));
            },
            Some(ended) = poll_fn(|context| ends.poll_expired(context)), if !ends.is_empty() => {
                end(ended.into_inner(), &tables, &mut given);
            }
        }
    }
}

fn tell(held: Held, told: &mut Throttle) {
    let Held { address, station, .. } = held;
    let machine = station.mac;
    let Some(left_out) = told.admit(Instant::now()) else { return };
    let left_out = (left_out > 0).then_some(left_out);
    let seconds = held.left(clock::since_boot()).as_secs();
    tracing::warn!(
        %machine,
        %address,
        seconds,
        left_out,
        "the machine declined its address, since another one has it: it is held back for a while; find the other one"
    );
}

fn end(address: Ipv4Addr, tables: &Served, told: &mut Throttle) {
    // The kernel's clock and the runtime's may differ by a tick.
    let now = clock::since_boot() + Duration::from_millis(10);
    let Some(Held { station, .. }) = tables.read().quarantine.release(address, now) else { return };
    let Some(left_out) = told.admit(Instant::now()) else { return };
    let left_out = (left_out > 0).then_some(left_out);
    tracing::info!(machine = %station.mac, %address, left_out, "the declined address is given again");
}

/// The machines that declined their addresses within a minute, where they are several, and what to do.
pub(super) fn several(tables: &Served) -> Option<String> {
    let declined = tables.read().quarantine.declined_lately(clock::since_boot());
    if declined.len() < SEVERAL {
        return None;
    }
    let named = declined.iter().take(NAMED);
    let named = named.map(|(station, address)| format!("{} ({address})", station.mac));
    let named = named.collect::<Vec<_>>().join(", ");
    let more = match declined.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!(
        "{} machines declined their addresses within a minute, which are held back: {named}{more}: look for another \
         DHCP server or a copied static configuration in their subnet, or for who forges DHCP there",
        declined.len()
    ))
}

#[cfg(test)]
mod tests {

    use netboot_answer::{quarantine::Quarantine, tables::Tables};
    use netboot_ebpf::shared::{Mac, Station};

    use super::*;

    fn tables(quarantine: &Arc<Quarantine>) -> Served {
        Served::new(Tables { quarantine: Arc::clone(quarantine), ..Tables::default() })
    }

    #[test]
    fn several_are_told_and_twenty_named() {
        let check = |machines: u8, expect: Option<&[&str]>| {
            let quarantine = Arc::new(Quarantine::new(Duration::from_secs(60)));
            let tables = tables(&quarantine);
            for number in 0..machines {
                let station = Station::untagged(Mac { octets: [2, 0, 0, 0, 0, number] });
                let address = Ipv4Addr::new(10, 0, 0, number);
                assert!(quarantine.hold(station, address, clock::since_boot()));
            }
            let told = several(&tables);
            assert_eq!(told.is_some(), expect.is_some(), "{told:?}");
            for words in expect.unwrap_or_default() {
                assert!(told.as_ref().unwrap().contains(words), "no {words:?} in {told:?}");
            }
        };
        check(0, None);
        check(2, None);
        check(3, Some(&["3 machines", "02:00:00:00:00:02 (10.0.0.2): look for"]));
        check(20, Some(&["02:00:00:00:00:13 (10.0.0.19): look for"]));
        check(200, Some(&["200 machines", "02:00:00:00:00:13 (10.0.0.19) and 180 more: look for"]));
    }

    /// The one before it failed when it had been told of the address.
    #[tokio::test]
    async fn goes_on_where_another_failed() {
        const STATION: Station = Station::untagged(Mac { octets: [2, 0, 0, 0, 0, 1] });
        let quarantine = Arc::new(Quarantine::new(Duration::from_millis(50)));
        assert!(quarantine.hold(STATION, Ipv4Addr::new(10, 0, 0, 1), clock::since_boot()));
        assert_eq!(quarantine.fresh().await.len(), 1);
        let tables = tables(&quarantine);
        let (kernel, _told) = mpsc::unbounded_channel();
        let cancel = CancellationToken::new();
        let watch = tokio::spawn(watch(tables, kernel, cancel.clone()));
        // At the beginning of time, all that is not forgotten is held.
        let forgotten = async {
            while !quarantine.held(Duration::ZERO).is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), forgotten).await.unwrap();
        cancel.cancel();
        watch.await.unwrap();
    }
}
