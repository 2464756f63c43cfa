//! A machine's way from power-on to its script, through one iPXE or two.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::Result;

use super::{Card, Firmware, Machine, install_ipxe};
use crate::{
    daemon::{Count, Daemon, Setup, Xdp},
    lab::{CLIENT, CLIENT_MAC, INTERFACE, Lab, SERVER, TAP},
    replace::replace,
    wait::wait_for,
};

const DEADLINE: Duration = Duration::from_secs(30);

/// What boots, and through what.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    pub name: &'static str,
    firmware: Firmware<'static>,
    card: Card,
    /// The card's own iPXE is to load another one.
    chains: bool,
    /// How many iPXEs that are.
    pub ipxes: u64,
}

/// How it went.
pub struct Boot {
    /// From power-on to the script's request, without the time that it was made to stand still.
    pub script: Duration,
    /// Questions for an IPv6 router that the daemon answered.
    pub answered: u64,
    pub answers: Count,
}

const fn rom(name: &'static str, firmware: Firmware<'static>, card: Card) -> Way {
    Way { name, firmware, card, chains: false, ipxes: 1 }
}

const fn chain(name: &'static str, firmware: Firmware<'static>, card: Card) -> Way {
    Way { name, firmware, card, chains: true, ipxes: 2 }
}

pub const WAYS: [Way; 9] = [
    rom("BIOS: ROM", Firmware::Bios, Card::Virtio),
    rom("BIOS: ROM, e1000", Firmware::Bios, Card::E1000),
    rom("BIOS: ROM, rtl8139", Firmware::Bios, Card::Rtl8139),
    chain("BIOS: ROM, undionly.kpxe", Firmware::Bios, Card::Virtio),
    chain("BIOS: ROM, undionly.kpxe, e1000", Firmware::Bios, Card::E1000),
    chain("BIOS: ROM, undionly.kpxe, rtl8139", Firmware::Bios, Card::Rtl8139),
    rom("UEFI: its PXE, ipxe.efi", Firmware::Uefi, Card::Virtio),
    chain("UEFI: ROM, ipxe.efi", Firmware::UefiRom, Card::Virtio),
    chain("UEFI: ROM, ipxe.efi, e1000", Firmware::UefiRom, Card::E1000),
];

impl Way {
    /// Boots a machine so, to its script.
    pub fn boot(&self, skip_ipv6_wait: bool) -> Result<Boot> {
        let lab = Lab::with_tap()?;
        let daemon = setup(skip_ipv6_wait, self.chains)?.start(&lab.server, INTERFACE)?;
        if skip_ipv6_wait {
            // It asks for a router first.
            wait_for("silence of routers", DEADLINE, || {
                let status = daemon.status(&lab.server)?;
                Ok((status["ipv6_routers"][0]["router"] == "none answers").then_some(()))
            })?;
        }
        let start = Instant::now();
        let mut machine =
            Machine::power_on_with(self.card, &lab.client, TAP, CLIENT_MAC, self.firmware)?;
        let mut stood = Duration::ZERO;
        if self.chains {
            machine.wait_for("the first iPXE's binary", || {
                Ok(daemon.log().contains("tftp: complete").then_some(()))
            })?;
            let stands = Instant::now();
            machine.stand_still(|| give_script(&daemon))?;
            stood = stands.elapsed();
        }
        machine.wait_for("the script's request", || {
            Ok(daemon.log().contains("path=\"/auto.ipxe\"").then_some(()))
        })?;
        let script = start.elapsed() - stood;
        let counters = daemon.status(&lab.server)?["counters"].clone();
        let answered = counters["router-solicitations-answered"].as_u64().unwrap_or(0);
        let answers = daemon.answers(&lab.server)?;
        daemon.stop()?;
        Ok(Boot { script, answered, answers })
    }
}

/// The distribution's iPXEs all say the same class: the binary was given to the first, the script is for the second.
fn give_script(daemon: &Daemon) -> Result<()> {
    let path = daemon.setup().path();
    let text = fs::read_to_string(&path)?;
    replace(&path, &text.replacen(FIRST, BOTH, 1))?;
    wait_for("the other rule", DEADLINE, || {
        Ok(daemon.log().contains("settings changed: boot").then_some(()))
    })
}

const FIRST: &str = "script-user-classes = [\"Tinkerbell\"]";
const BOTH: &str = "script-user-classes = [\"Tinkerbell\", \"iPXE\"]";

/// A site of one machine.
fn setup(skip_ipv6_wait: bool, chains: bool) -> Result<Setup> {
    let root = tempfile::tempdir()?;
    install_ipxe(root.path())?;
    let classes = if chains { FIRST } else { BOTH };
    let tables = format!(
        r#"[dhcp]
server-address = "{SERVER}"

[[subnet]]
cidr = "192.168.2.0/24"

[boot]
root = "{root}"
{classes}
script-url = "http://{SERVER}/auto.ipxe"
skip-ipv6-wait = {skip_ipv6_wait}

[boot.files]
x86-bios = "undionly.kpxe"
x86_64-uefi = "ipxe.efi"

[[host]]
mac = "{CLIENT_MAC}"
ip = "{CLIENT}"
"#,
        root = root.path().display(),
    );
    Setup::new(Xdp::Generic, root, &tables)
}
