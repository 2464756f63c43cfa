//! What is made of each DHCP message that was seen, in the kernel or here: the machine's last step, and
//! a line in the log.

use std::{
    collections::HashMap,
    net::Ipv4Addr,
    path::Path,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use netboot_base::{clock, throttle::Throttle};
use netboot_ebpf::{
    client::Stage,
    limit::Unknown,
    shared::{Mac, NO_ARCHITECTURE, Seen, Station, Vlan},
    verdict::Verdict,
    wire::{DECLINE, DISCOVER, INFORM, RELEASE, REQUEST},
};
use netboot_site::model::Architecture;
use tracing::field::display;

use crate::{
    acknowledged::Acknowledged,
    booting::Booting,
    memory::{Machines, Step},
};

/// Unknown machines that the log names, a minute: a MAC is easily forged.
const ANNOUNCEMENTS: u32 = 30;

/// Notes sightings; cheap to clone.
#[derive(Clone)]
pub struct Sightings {
    machines: Machines,
    interfaces: Arc<RwLock<HashMap<u32, String>>>,
    /// The option that names the configuration to `netboot host add`.
    config: Arc<str>,
    announcements: Arc<Mutex<Throttle>>,
    acknowledged: Acknowledged,
    booting: Booting,
}

/// Who decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecidedBy {
    Kernel,
    Userspace,
}

impl Sightings {
    /// `config` is the file that machines are added to.
    #[must_use]
    pub fn new(machines: Machines, config: Option<&Path>) -> Self {
        let config = config.map(|path| format!(" --config {}", path.display())).unwrap_or_default();
        let announcements = Arc::new(Mutex::new(Throttle::new(ANNOUNCEMENTS)));
        Self {
            machines,
            interfaces: Arc::default(),
            config: config.into(),
            announcements,
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
        *self.interfaces.write().unwrap_or_else(PoisonError::into_inner) = names;
    }

    /// Notes a message that came at a time, and what became of it.
    pub fn note(&self, by: DecidedBy, ifindex: u32, verdict: Verdict, seen: &Seen, at: Instant) {
        let interface = self.interface(ifindex, seen.station.vlan);
        let interface = interface.as_str();
        let stage = stage_name(seen.stage);
        let message = message_name(seen.message_type);
        let machine = seen.station.mac;
        let relay = Some(Ipv4Addr::from(seen.giaddr)).filter(|relay| !relay.is_unspecified());
        let (relay, verdict_name) = (relay.map(display), verdict.as_str());
        tracing::debug!(path = ?by, interface, relay, %machine, message, stage, verdict = verdict_name, "dhcp");
        // The message was not read as far as its machine: the counters have it.
        if seen.station.mac == Mac::default() {
            return;
        }
        self.acknowledged.note(verdict, seen, at);
        if verdict == Verdict::UnknownMachine {
            self.announce(interface, seen, at);
        }
        let step = Step::Dhcp {
            interface: interface.to_owned(),
            message: message.to_owned(),
            stage: stage.to_owned(),
            architecture: architecture(seen.architecture),
            verdict: verdict.as_str().to_owned(),
        };
        self.machines.record_at(machine, step, at);
        self.booting.note(ifindex, verdict, seen, at);
    }

    /// Lists machines without reservation that the kernel saw before this daemon was started.
    pub fn restore(&self, mut unknown: Vec<(Station, Unknown)>) {
        // Of too many, those that asked last stay.
        unknown.sort_by_key(|(_, row)| row.last_seen);
        let (now, since_boot) = (Instant::now(), clock::now());
        for (Station { mac, vlan }, row) in unknown {
            if self.machines.inventory().by_mac(mac).is_some() {
                continue;
            }
            let age = since_boot.saturating_sub(Duration::from_nanos(row.last_seen));
            let step = Step::Dhcp {
                interface: self.interface(row.ifindex, vlan),
                message: message_name(row.message_type).to_owned(),
                stage: stage_name(row.stage).to_owned(),
                architecture: architecture(row.architecture),
                verdict: Verdict::UnknownMachine.as_str().to_owned(),
            };
            let at = now.checked_sub(age).unwrap_or(now);
            self.machines.restore(mac, step, at, row.requests);
        }
    }

    /// The interface and the VLAN, as people read them.
    #[must_use]
    pub fn interface(&self, ifindex: u32, vlan: Vlan) -> String {
        let names = self.interfaces.read().unwrap_or_else(PoisonError::into_inner);
        let name = names.get(&ifindex).map_or("?", String::as_str);
        if vlan == Vlan::NONE { name.to_owned() } else { format!("{name} vlan {vlan}") }
    }

    /// Says once, and not of too many at a time, that a machine without reservation asks, and how to add it.
    fn announce(&self, interface: &str, seen: &Seen, at: Instant) {
        if self.machines.is_seen(seen.station.mac) {
            return;
        }
        let admitted = self.announcements.lock().unwrap_or_else(PoisonError::into_inner).admit(at);
        let Some(left_out) = admitted else { return };
        if left_out > 0 {
            tracing::info!("{left_out} more unknown machines asked: `netboot status` lists them");
        }
        let (machine, config) = (seen.station.mac, &self.config);
        if let Some(host) = self.machines.inventory().by_mac(machine) {
            let own =
                if host.vlan == Vlan::NONE { "none".to_owned() } else { host.vlan.to_string() };
            tracing::info!(
                interface,
                %machine,
                "a machine asks in another VLAN than its host entry is for (vlan: {own}): correct `vlan` of the host or \
                 its subnet, or the switch's port"
            );
            return;
        }
        let architecture = Architecture::name(seen.architecture);
        let first =
            if config.is_empty() { "write a configuration with its subnet; then " } else { "" };
        tracing::info!(
            interface,
            %machine,
            architecture,
            "an unknown machine asks: {first}`netboot host add --mac {machine} --ip ADDRESS{config}` adds it"
        );
    }
}

fn stage_name(stage: u8) -> &'static str {
    Stage::from_number(stage).unwrap_or(Stage::Plain).as_str()
}

fn architecture(code: u16) -> Option<u16> {
    (code != NO_ARCHITECTURE).then_some(code)
}

fn message_name(message_type: u8) -> &'static str {
    match message_type {
        DISCOVER => "discover",
        REQUEST => "request",
        DECLINE => "decline",
        RELEASE => "release",
        INFORM => "inform",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use netboot_site::model::{Host, Inventory};

    use crate::logged::logged;

    #[test]
    fn forged_machines_do_not_fill_the_log() {
        let machines = Machines::new(Inventory::new([]));
        let now = Instant::now();
        let sightings = Sightings::new(machines.clone(), None);
        let log = logged(|| {
            for number in 0..200 {
                let mac = Mac { octets: [2, 0, 0, 0, 0, number] };
                let station = Station::untagged(mac);
                let seen = Seen { station, message_type: DISCOVER, ..Seen::NOTHING };
                for _ in 0..2 {
                    let unknown = Verdict::UnknownMachine;
                    sightings.note(DecidedBy::Userspace, 1, unknown, &seen, now);
                }
            }
        });
        assert_eq!(log.len(), ANNOUNCEMENTS as usize, "{log:?}");
        assert_eq!(machines.snapshot().len(), 200);
        assert!(machines.snapshot().iter().all(|machine| machine.requests == 2));
    }

    #[test]
    fn machines_of_an_earlier_daemon_are_listed() {
        let mac = |number| Mac { octets: [2, 0, 0, 0, 0, number] };
        let known = Host { mac: mac(9), ..Host::default() };
        let machines = Machines::new(Inventory::new([Arc::new(known)]));
        let sightings = Sightings::new(machines.clone(), None);
        sightings.set_interfaces(HashMap::from([(3, "eth0".to_owned())]));
        let now = clock::now();
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
        sightings.restore(vec![asked(1, 1, 5), asked(2, 2, 7), asked(9, 0, 1)]);

        let [older, newer] = &machines.snapshot()[..] else { panic!("two machines") };
        assert_eq!((older.requests, older.known), (5, false));
        assert_eq!(newer.last_seen - older.last_seen, 1, "{older:?} {newer:?}");
        let last = Step::Dhcp {
            interface: "eth0".to_owned(),
            message: "discover".to_owned(),
            stage: "pxe".to_owned(),
            architecture: Some(7),
            verdict: "unknown-machine".to_owned(),
        };
        assert_eq!(older.last, last);
        // What this daemon saw is later.
        let Step::Dhcp { message, .. } = &newer.last else { panic!("{newer:?}") };
        assert_eq!((newer.requests, message.as_str()), (8, "other"));
    }
}
