//! DHCP messages that were seen, in the kernel or here: each becomes an event, and a line in the log.

use std::{collections::HashMap, net::Ipv4Addr, sync::Arc, time::Instant};

use netboot_base::clock;
use netboot_ebpf::{
    client::Stage,
    limit::Unknown,
    shared::{Mac, NO_ARCHITECTURE, Seen, Station, Vlan},
    verdict::Verdict,
};
use parking_lot::RwLock;

use crate::{
    acknowledged::Acknowledged,
    booting::Booting,
    channel::Teller,
    event::{DecidedBy, DhcpEvent, Event, Segment},
    memory::Machines,
};

/// Notes sightings; cheap to clone.
///
/// What decides how DHCP goes on is known when [`Sightings::note`] returns; all else is told to who remembers.
#[derive(Clone)]
pub struct Sightings {
    machines: Machines,
    teller: Teller,
    interfaces: Arc<RwLock<HashMap<u32, Arc<str>>>>,
    acknowledged: Acknowledged,
    booting: Booting,
}

impl Sightings {
    #[must_use]
    pub fn new(machines: Machines, teller: Teller) -> Self {
        Self {
            machines,
            teller,
            interfaces: Arc::default(),
            acknowledged: Acknowledged::default(),
            booting: Booting::default(),
        }
    }

    /// Whom an ACK was seen of.
    #[must_use]
    pub fn acknowledged(&self) -> &Acknowledged {
        &self.acknowledged
    }

    /// The machines that boot, as the messages show.
    #[must_use]
    pub fn booting(&self) -> &Booting {
        &self.booting
    }

    /// All that were seen.
    #[must_use]
    pub fn machines(&self) -> &Machines {
        &self.machines
    }

    /// The names of interfaces by index.
    pub fn set_interfaces(&self, names: HashMap<u32, String>) {
        let names = names.into_iter().map(|(index, name)| (index, name.into())).collect();
        *self.interfaces.write() = names;
    }

    /// Notes a message that came at a time, and what became of it.
    pub fn note(&self, by: DecidedBy, ifindex: u32, verdict: Verdict, seen: &Seen, at: Instant) {
        let relay = Some(Ipv4Addr::from(seen.giaddr)).filter(|relay| !relay.is_unspecified());
        let dhcp = DhcpEvent {
            by,
            segment: self.segment(ifindex, seen.station.vlan),
            relay,
            message: seen.message_type,
            stage: stage(seen.stage),
            architecture: architecture(seen.architecture),
            verdict,
        };
        let machine = seen.station.mac;
        tracing::debug!(
            path = ?by,
            interface = dhcp.segment.to_string(),
            relay = relay.map(display),
            %machine,
            message = dhcp.message_name(),
            stage = dhcp.stage.as_str(),
            verdict = verdict.as_str(),
            "dhcp"
        );
        // The message was not read as far as its machine: the counters have it.
        if machine == Mac::default() {
            return;
        }
        self.acknowledged.note(verdict, seen, at);
        self.booting.note(ifindex, verdict, seen, at);
        self.teller.tell(Event { at, mac: machine, what: dhcp.into() });
    }

    /// Lists machines without reservation that the kernel saw before this daemon was started.
    pub fn restore(&self, mut unknown: Vec<(Station, Unknown)>) {
        // Of too many, those that asked last stay.
        unknown.sort_by_key(|(_, row)| row.last_seen);
        for (Station { mac, vlan }, row) in unknown {
            if self.machines.inventory().by_mac(mac).is_some() {
                continue;
            }
            let dhcp = DhcpEvent {
                by: DecidedBy::Kernel,
                segment: self.segment(row.ifindex, vlan),
                relay: None,
                message: row.message_type,
                stage: stage(row.stage),
                architecture: architecture(row.architecture),
                verdict: Verdict::UnknownMachine,
            };
            let at = clock::instant(row.last_seen);
            // The events are more than the channel may have room for.
            self.machines.restore(Event { at, mac, what: dhcp.into() }, row.requests);
        }
    }

    /// Where a message came in.
    #[must_use]
    pub fn segment(&self, ifindex: u32, vlan: Vlan) -> Segment {
        let names = self.interfaces.read();
        let interface = names.get(&ifindex).map_or_else(|| "?".into(), Arc::clone);
        Segment { interface, vlan }
    }
}

fn stage(number: u8) -> Stage {
    Stage::from_number(number).unwrap_or(Stage::Plain)
}

fn architecture(code: u16) -> Option<u16> {
    (code != NO_ARCHITECTURE).then_some(code)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use netboot_ebpf::wire::{DISCOVER, REQUEST};
    use netboot_site::model::{Host, Inventory};

    use super::*;
    use crate::{channel, event::EventKind};

    fn sightings(machines: &Machines) -> (Sightings, crate::channel::Happened) {
        let (teller, happened) = channel::channel();
        let sightings = Sightings::new(machines.clone(), teller);
        sightings.set_interfaces(HashMap::from([(3, "eth0".to_owned())]));
        (sightings, happened)
    }

    /// And what decides about DHCP is known at once.
    #[test]
    fn a_message_is_told_of() {
        let (sightings, mut happened) = sightings(&Machines::new(Inventory::new([])));
        let station = Station { mac: Mac { octets: [2; 6] }, vlan: Vlan { ids: [100, 0] } };
        let seen = Seen {
            station,
            message_type: REQUEST,
            stage: Stage::Script as u8,
            giaddr: [10, 0, 0, 9],
            address: [10, 0, 0, 2],
            architecture: 7,
            ..Seen::NOTHING
        };
        let at = Instant::now();
        sightings.note(DecidedBy::Kernel, 3, Verdict::Ack, &seen, at);
        sightings.note(DecidedBy::Userspace, 3, Verdict::Truncated, &Seen::NOTHING, at);
        assert!(sightings.acknowledged().take(&seen, at));
        let expect = DhcpEvent {
            by: DecidedBy::Kernel,
            segment: Segment { interface: "eth0".into(), vlan: station.vlan },
            relay: Some([10, 0, 0, 9].into()),
            message: REQUEST,
            stage: Stage::Script,
            architecture: Some(7),
            verdict: Verdict::Ack,
        };
        let expect = Event { at, mac: station.mac, what: expect.into() };
        assert_eq!(happened.try_next(), Some(expect));
        assert_eq!(happened.try_next(), None);
    }

    #[test]
    fn machines_of_an_earlier_daemon_are_listed() {
        let mac = |number| Mac { octets: [2, 0, 0, 0, 0, number] };
        let known = Host { mac: mac(9), ..Host::default() };
        let machines = Machines::new(Inventory::new([Arc::new(known)]));
        let (sightings, mut happened) = sightings(&machines);
        let now = clock::since_boot();
        let asked = |number, ago, requests| {
            let last_seen = u64::try_from((now - Duration::from_secs(ago)).as_nanos()).unwrap();
            let row = Unknown {
                last_seen,
                requests,
                ifindex: 3,
                architecture: 7,
                message_type: DISCOVER,
                stage: 1,
                ..Unknown::default()
            };
            (Station::untagged(mac(number)), row)
        };
        let seen = Seen { station: Station::untagged(mac(2)), ..Seen::NOTHING };
        sightings.note(DecidedBy::Kernel, 3, Verdict::UnknownMachine, &seen, Instant::now());
        machines.note(happened.try_next().unwrap());
        sightings.restore(vec![asked(1, 1, 5), asked(2, 2, 7), asked(9, 0, 1)]);

        let [older, newer] = &machines.snapshot()[..] else { panic!("two machines") };
        assert_eq!((older.requests, older.known), (5, false));
        assert_eq!(newer.last_seen - older.last_seen, 1, "{older:?} {newer:?}");
        let last = DhcpEvent {
            by: DecidedBy::Kernel,
            segment: Segment { interface: "eth0".into(), vlan: Vlan::NONE },
            relay: None,
            message: DISCOVER,
            stage: Stage::Pxe,
            architecture: Some(7),
            verdict: Verdict::UnknownMachine,
        };
        assert_eq!(older.last, EventKind::Dhcp(last));
        // What this daemon saw is later.
        let EventKind::Dhcp(last) = &newer.last else { panic!("{newer:?}") };
        assert_eq!((newer.requests, last.message_name()), (8, "other"));
    }
}
