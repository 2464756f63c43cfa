//! Machines that boot from the network: QEMU, without KVM.

pub mod hook;
pub mod installer;
pub mod way;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::{namespace::Namespace, process::Process, wait::wait_for};

/// From power-on to the first line of the booted system's log, on a busy machine without KVM.
pub const BOOT_DEADLINE: Duration = Duration::from_secs(240);

/// The BIOS then shows on the serial port what it and iPXE would show on a screen.
const BIOS_ON_SERIAL: [&str; 2] = ["-machine", "pc,graphics=off"];

/// What runs first.
#[derive(Clone, Copy, Debug)]
pub enum Firmware<'a> {
    /// A BIOS with the PXE ROM of the network card, which is an iPXE (user class `iPXE`).
    Bios,
    /// EDK2's own PXE client.
    Uefi,
    /// EDK2 with the PXE ROM of the network card, which is an iPXE (user class `iPXE`).
    UefiRom,
    /// EDK2's own HTTP boot.
    UefiHttp,
    /// EDK2's PXE client of an arm64 machine.
    Arm64Uefi,
    /// EDK2's HTTP boot of an arm64 machine.
    Arm64UefiHttp,
    /// An iPXE that runs this script instead of its own: a BIOS machine with an iPXE built for a site.
    IpxeScript(&'a str),
}

impl Firmware<'_> {
    /// For people.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Bios => "BIOS",
            Self::Uefi => "UEFI, PXE",
            Self::UefiRom => "UEFI, ROM",
            Self::UefiHttp => "UEFI, HTTP boot",
            Self::Arm64Uefi => "arm64 UEFI, PXE",
            Self::Arm64UefiHttp => "arm64 UEFI, HTTP boot",
            Self::IpxeScript(_) => "BIOS, iPXE of the site",
        }
    }

    /// How often an iPXE configures itself before it has the script, and so waits for an IPv6 router: by itself, or for
    /// each `dhcp` of its own script.
    #[must_use]
    pub fn ipxe_waits(&self) -> u64 {
        match self {
            Self::Bios | Self::Uefi | Self::UefiRom | Self::UefiHttp => 1,
            Self::Arm64Uefi | Self::Arm64UefiHttp => 0,
            Self::IpxeScript(script) => {
                script.lines().filter(|line| line.trim_start().starts_with("dhcp")).count() as u64
            }
        }
    }
}

/// A network card, which QEMU has an iPXE for.
#[derive(Clone, Copy, Debug)]
pub enum Card {
    Virtio,
    E1000,
    Rtl8139,
}

impl Card {
    /// As QEMU calls it.
    const fn device(self) -> &'static str {
        match self {
            Self::Virtio => "virtio-net-pci",
            Self::E1000 => "e1000",
            Self::Rtl8139 => "rtl8139",
        }
    }
}

/// A machine that was switched on. It is switched off when the value goes.
pub struct Machine {
    process: Process,
    dir: TempDir,
}

impl Machine {
    /// Switches a machine on, at a TAP interface of the namespace.
    pub fn power_on(
        namespace: &Namespace,
        tap: &str,
        mac: &str,
        firmware: Firmware<'_>,
    ) -> Result<Self> {
        Self::power_on_with(Card::Virtio, namespace, tap, mac, firmware)
    }

    /// The same, with this card.
    pub fn power_on_with(
        card: Card,
        namespace: &Namespace,
        tap: &str,
        mac: &str,
        firmware: Firmware<'_>,
    ) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let mut command = namespace.command(match firmware {
            Firmware::Arm64Uefi | Firmware::Arm64UefiHttp => "qemu-system-aarch64",
            Firmware::Bios
            | Firmware::Uefi
            | Firmware::UefiRom
            | Firmware::UefiHttp
            | Firmware::IpxeScript(_) => "qemu-system-x86_64",
        });
        command.args(["-m", "768", "-display", "none", "-no-reboot", "-monitor", "none"]);
        command.arg("-serial").arg(format!("file:{}", serial(&dir).display()));
        command.arg("-netdev").arg(format!("tap,id=n0,ifname={tap},script=no,downscript=no"));
        // Linux would wait for randomness.
        command.args(["-device", "virtio-rng-pci"]);
        let rom = match firmware {
            Firmware::Bios | Firmware::UefiRom | Firmware::IpxeScript(_) => "",
            Firmware::Uefi | Firmware::UefiHttp | Firmware::Arm64Uefi | Firmware::Arm64UefiHttp => {
                ",romfile="
            }
        };
        command.arg("-device").arg(format!("{},netdev=n0,mac={mac}{rom}", card.device()));
        match firmware {
            Firmware::Bios => {
                command.args(BIOS_ON_SERIAL).args(["-boot", "n"]);
            }
            Firmware::Uefi | Firmware::UefiRom => uefi(&mut command, dir.path(), &X86_64)?,
            Firmware::UefiHttp => {
                uefi(&mut command, dir.path(), &X86_64)?;
                http_boot_only(&mut command);
            }
            Firmware::Arm64Uefi => uefi(&mut command, dir.path(), &ARM64)?,
            Firmware::Arm64UefiHttp => {
                uefi(&mut command, dir.path(), &ARM64)?;
                http_boot_only(&mut command);
            }
            Firmware::IpxeScript(script) => {
                let file = dir.path().join("script.ipxe");
                fs::write(&file, format!("#!ipxe\n{script}\n"))?;
                command
                    .args(BIOS_ON_SERIAL)
                    .arg("-kernel")
                    .arg(ipxe("ipxe.lkrn")?)
                    .arg("-initrd")
                    .arg(file);
            }
        }
        Ok(Self { process: Process::spawn(command)?, dir })
    }

    /// It does nothing until that is done.
    pub fn stand_still<T>(&self, until: impl FnOnce() -> Result<T>) -> Result<T> {
        self.process.signal(Signal::SIGSTOP)?;
        let done = until();
        self.process.signal(Signal::SIGCONT)?;
        done
    }

    /// What it has written to its serial port.
    #[must_use]
    pub fn console(&self) -> String {
        fs::read(serial(&self.dir))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Waits for something that the machine is to cause; if it does not, the error has its console.
    pub fn wait_for<T>(
        &mut self,
        what: &str,
        mut poll: impl FnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        let process = &mut self.process;
        let waited = wait_for(what, BOOT_DEADLINE, || {
            if let Some(value) = poll()? {
                return Ok(Some(value));
            }
            if let Some(status) = process.ended()? {
                bail!("the machine switched itself off ({status}): {}", process.stderr());
            }
            Ok(None)
        });
        waited.with_context(|| format!("console of the machine:\n{}", self.console()))
    }
}

fn serial(dir: &TempDir) -> PathBuf {
    dir.path().join("serial")
}

/// A build of EDK2, and the machine that it is for.
struct Edk2 {
    machine: &'static [&'static str],
    code: &'static str,
    variables: &'static str,
    package: &'static str,
}

const X86_64: Edk2 = Edk2 {
    machine: &["-machine", "q35"],
    code: "/usr/share/OVMF/OVMF_CODE_4M.fd",
    variables: "/usr/share/OVMF/OVMF_VARS_4M.fd",
    package: "ovmf",
};

/// Debian pads both files to the 64 MiB that this machine's flash has.
const ARM64: Edk2 = Edk2 {
    machine: &["-machine", "virt", "-cpu", "cortex-a57"],
    code: "/usr/share/AAVMF/AAVMF_CODE.fd",
    variables: "/usr/share/AAVMF/AAVMF_VARS.fd",
    package: "qemu-efi-aarch64",
};

/// EDK2 with a variable store of this machine's own.
fn uefi(command: &mut Command, dir: &Path, build: &Edk2) -> Result<()> {
    let Edk2 { machine, code, variables, package } = build;
    let own = dir.join("variables.fd");
    fs::copy(variables, &own).with_context(|| {
        format!("{variables} (Debian package {package}; run `cargo xtask setup`)")
    })?;
    command.args(*machine).arg("-drive");
    command.arg(format!("if=pflash,format=raw,readonly=on,file={code}"));
    command.arg("-drive").arg(format!("if=pflash,format=raw,file={}", own.display()));
    Ok(())
}

/// EDK2 would try PXE first.
fn http_boot_only(command: &mut Command) {
    for family in ["IPv4PXESupport", "IPv6PXESupport"] {
        let switch = format!("name=opt/org.tianocore/{family},string=no");
        command.arg("-fw_cfg").arg(switch);
    }
}

/// A binary of the distribution's iPXE.
pub fn ipxe(name: &str) -> Result<PathBuf> {
    let path = Path::new("/usr/lib/ipxe").join(name);
    if !path.exists() {
        bail!("{} is missing (Debian package ipxe; run `cargo xtask setup`)", path.display());
    }
    Ok(path)
}

/// Puts the binaries into a directory that x86 machines load by TFTP: for UEFI, and for BIOS.
pub fn install_ipxe(dir: &Path) -> Result<()> {
    for name in ["ipxe.efi", "undionly.kpxe"] {
        fs::copy(ipxe(name)?, dir.join(name))?;
    }
    Ok(())
}
