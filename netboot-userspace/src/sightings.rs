//! What is made of each DHCP message that was seen, in the kernel or here: the machine's last step, and
//! a line in the log.

use std::{collections::HashMap, sync::Arc};

use netboot_ebpf::{
    client::{NO_ARCHITECTURE, Stage},
    shared::{Mac, Seen},
    verdict::Verdict,
    wire::{DECLINE, DISCOVER, INFORM, RELEASE, REQUEST},
};

use crate::{
    config::Architecture,
    machines::{Machines, Step},
};

/// Notes sightings; cheap to clone.
#[derive(Clone)]
pub struct Sightings {
    machines: Machines,
    interfaces: Arc<HashMap<u32, String>>,
}

/// Who decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    Kernel,
    Userspace,
}

impl Sightings {
    /// `interfaces` are names by index.
    #[must_use]
    pub fn new(machines: Machines, interfaces: HashMap<u32, String>) -> Self {
        Self { machines, interfaces: Arc::new(interfaces) }
    }

    /// Notes a message and what became of it.
    pub fn note(&self, path: Path, ifindex: u32, verdict: Verdict, seen: &Seen) {
        let interface = self.interfaces.get(&ifindex).map_or("?", String::as_str);
        let stage = Stage::from_number(seen.stage).unwrap_or(Stage::Plain).as_str();
        let message = message_name(seen.message_type);
        let machine = seen.mac;
        tracing::debug!(?path, interface, %machine, message, stage, verdict = verdict.as_str(), "dhcp");
        // The message was not read as far as its machine: the counters have it.
        if seen.mac == Mac::default() {
            return;
        }
        if verdict == Verdict::UnknownMachine {
            self.announce(interface, seen);
        }
        let step = Step::Dhcp {
            interface: interface.to_owned(),
            message: message.to_owned(),
            stage: stage.to_owned(),
            architecture: (seen.architecture != NO_ARCHITECTURE).then_some(seen.architecture),
            verdict: verdict.as_str().to_owned(),
        };
        self.machines.record(machine, step);
    }

    /// Says once that a machine without reservation asks, and how to add it.
    fn announce(&self, interface: &str, seen: &Seen) {
        if self.machines.is_seen(seen.mac) {
            return;
        }
        let machine = seen.mac;
        let architecture = Architecture::name(seen.architecture);
        tracing::info!(
            interface,
            %machine,
            architecture,
            "an unknown machine asks: `netboot host add --mac {machine} --ip ADDRESS` adds it"
        );
    }
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
