//! The reader of events: each goes to the memory of machines, and the first one of an unknown machine to the log.

use std::sync::Arc;

use netboot_ebpf::verdict::Verdict;
use tokio::sync::Mutex;

use crate::{
    announcer::Announcer,
    channel::Happened,
    event::{Event, EventKind},
    memory::Machines,
};

/// Reads events; cheap to clone, one reads at a time.
#[derive(Clone)]
pub struct EventReader {
    machines: Machines,
    parts: Arc<Mutex<Inner>>,
}

struct Inner {
    happened: Happened,
    announcer: Announcer,
}

impl EventReader {
    #[must_use]
    pub fn new(machines: Machines, happened: Happened, announcer: Announcer) -> Self {
        Self { machines, parts: Arc::new(Mutex::new(Inner { happened, announcer })) }
    }

    /// Reads until nobody is left to tell of anything.
    pub async fn read(self) {
        let mut parts = self.parts.lock().await;
        let Inner { happened, announcer } = &mut *parts;
        while let Some(event) = happened.next().await {
            take(&self.machines, announcer, event);
        }
    }
}

fn take(machines: &Machines, announcer: &mut Announcer, event: Event) {
    if let EventKind::Dhcp(dhcp) = &event.what
        && dhcp.verdict == Verdict::UnknownMachine
        && !machines.is_seen(event.mac)
    {
        announcer.announce(&event, dhcp);
    }
    machines.note(event);
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use netboot_ebpf::{
        client::Stage,
        shared::{Mac, Vlan},
        wire::DISCOVER,
    };
    use netboot_site::model::Inventory;

    use super::*;
    use crate::{
        channel,
        event::{DecidedBy, DhcpEvent, HttpEvent, MachineText, Segment},
        logged::logged,
    };

    fn asks(number: u8) -> Event {
        let dhcp = DhcpEvent {
            by: DecidedBy::Userspace,
            segment: Segment { interface: "eth0".into(), vlan: Vlan::NONE },
            relay: None,
            message: DISCOVER,
            stage: Stage::Pxe,
            architecture: None,
            verdict: Verdict::UnknownMachine,
        };
        Event::now(Mac { octets: [2, 0, 0, 0, 0, number] }, dhcp)
    }

    #[test]
    fn forged_machines_do_not_fill_the_log() {
        let machines = Machines::new(Inventory::new([]));
        let mut announcer = Announcer::new(Inventory::new([]), None);
        let now = Instant::now();
        let log = logged(|| {
            for number in (0..200).flat_map(|number| [number; 2]) {
                take(&machines, &mut announcer, Event { at: now, ..asks(number) });
            }
        });
        assert_eq!(log.len(), 30, "{log:?}");
        assert!(log[0].contains("an unknown machine asks"), "{log:?}");
        assert_eq!(machines.snapshot().len(), 200);
        assert!(machines.snapshot().iter().all(|machine| machine.requests == 2));
    }

    #[tokio::test]
    async fn all_that_was_told_is_noted_in_turn() {
        let machines = Machines::new(Inventory::new([]));
        let (teller, happened) = channel::channel();
        let announcer = Announcer::new(Inventory::new([]), None);
        let reader = EventReader::new(machines.clone(), happened, announcer);
        let http = || HttpEvent { path: MachineText::of("/auto.ipxe"), status: 200 };
        for number in 0..9 {
            teller.tell(asks(number));
            teller.tell(Event::now(asks(number).mac, http()));
        }
        // This teller is the only one.
        drop(teller);
        reader.read().await;
        assert_eq!(machines.snapshot().len(), 9);
        let is_right = |last: &EventKind| *last == EventKind::Http(http());
        assert!(machines.snapshot().iter().all(|machine| is_right(&machine.last)));
    }
}
