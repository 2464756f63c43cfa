//! The Debian packages that are needed, and how to see without asking Debian that one is there.

use std::{env, path::Path};

use super::{Group, Missing, linker::Linker};
use crate::shell;

pub(super) struct Package {
    pub(super) name: &'static str,
    provides: Provides,
    need: Need,
    /// A daemon that the package would start.
    pub(super) service: Option<&'static str>,
}

/// What is used of a package. Another distribution may have it under another package name.
#[derive(Clone, Copy)]
enum Provides {
    Program(&'static str),
    StaticProgram(&'static str),
    File(&'static str),
    LlvmConfig,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Daemon,
    /// Only for building bpf-linker.
    Linker,
    Tests(&'static str),
}

pub(super) const LLVM_PREFIX: &str = "/usr/lib/llvm-22";

const ARM64_BOOT_FILE: &str =
    "/usr/lib/debian-installer/images/12/arm64/text/debian-installer/arm64/bootnetaa64.efi";

const CLIENT: Need = Need::Tests("a client in the tests");
const PEER: Need = Need::Tests("a peer in the tests and benchmarks");
const MACHINE: Need = Need::Tests("virtual machines");
const TOOL: Need = Need::Tests("a tool of the tests");

const PACKAGES: &[Package] = &[
    package("make", Provides::Program("make"), Need::Daemon),
    package("g++", Provides::Program("c++"), Need::Linker),
    package("llvm-22-dev", Provides::LlvmConfig, Need::Linker),
    package("ipxe", Provides::File("/usr/lib/ipxe/undionly.kpxe"), Need::Tests("boot files")),
    package("udhcpc", Provides::Program("udhcpc"), CLIENT),
    package("isc-dhcp-client", Provides::Program("dhclient"), CLIENT),
    // The package dhcpcd5 would bring the service that configures all interfaces.
    package("dhcpcd-base", Provides::Program("dhcpcd"), CLIENT),
    package("kea-admin", Provides::Program("perfdhcp"), CLIENT),
    package("tftp-hpa", Provides::Program("tftp"), CLIENT),
    package("atftp", Provides::Program("atftp"), CLIENT),
    package("curl", Provides::Program("curl"), CLIENT),
    // tftpy is fetched with it.
    package("python3", Provides::Program("python3"), CLIENT),
    package("python3-pip", Provides::Program("pip3"), CLIENT),
    package("bsdutils", Provides::Program("logger"), CLIENT),
    package("dnsmasq-base", Provides::Program("dnsmasq"), PEER),
    daemon("kea-dhcp4-server", Provides::Program("kea-dhcp4"), PEER),
    daemon("isc-dhcp-server", Provides::Program("dhcpd"), PEER),
    daemon("isc-dhcp-relay", Provides::Program("dhcrelay"), PEER),
    daemon("radvd", Provides::Program("radvd"), PEER),
    daemon("tftpd-hpa", Provides::Program("in.tftpd"), PEER),
    package("qemu-system-x86", Provides::Program("qemu-system-x86_64"), MACHINE),
    package("ipxe-qemu", Provides::File("/usr/lib/ipxe/qemu/pxe-virtio.rom"), MACHINE),
    package("ovmf", Provides::File("/usr/share/OVMF/OVMF_CODE_4M.fd"), MACHINE),
    package("qemu-system-arm", Provides::Program("qemu-system-aarch64"), MACHINE),
    package("qemu-efi-aarch64", Provides::File("/usr/share/AAVMF/AAVMF_CODE.fd"), MACHINE),
    // Debian 12 has no iPXE for arm64: this has shim, GRUB and a kernel, for any architecture to install.
    package("debian-installer-12-netboot-arm64", Provides::File(ARM64_BOOT_FILE), MACHINE),
    package("systemd", Provides::File("/lib/systemd/systemd-networkd"), CLIENT),
    package("bpftool", Provides::Program("bpftool"), TOOL),
    package("ethtool", Provides::Program("ethtool"), TOOL),
    package("iproute2", Provides::Program("ip"), TOOL),
    package("tcpdump", Provides::Program("tcpdump"), TOOL),
    package("tshark", Provides::Program("tshark"), TOOL),
    package("faketime", Provides::Program("faketime"), TOOL),
    package("cpio", Provides::Program("cpio"), TOOL),
    package("busybox-static", Provides::StaticProgram("busybox"), TOOL),
];

const fn package(name: &'static str, provides: Provides, need: Need) -> Package {
    Package { name, provides, need, service: None }
}

const fn daemon(name: &'static str, provides: Provides, need: Need) -> Package {
    Package { name, provides, need, service: Some(name) }
}

/// The packages that `group` needs and that are not there.
pub(super) fn missing(group: Group, linker: &Linker) -> Vec<&'static Package> {
    needed(group, linker).filter(|package| !is_there(package.provides)).collect()
}

fn needed(group: Group, linker: &Linker) -> impl Iterator<Item = &'static Package> {
    let builds_linker = matches!(linker, Linker::Absent);
    PACKAGES.iter().filter(move |package| match package.need {
        Need::Daemon => true,
        Need::Linker => builds_linker,
        Need::Tests(_) => group == Group::Everything,
    })
}

/// The prefix of LLVM 22, which bpf-linker is built against.
pub(super) fn llvm_prefix() -> String {
    env::var("LLVM_PREFIX").unwrap_or_else(|_| LLVM_PREFIX.to_owned())
}

impl Package {
    pub(super) fn as_missing(&self) -> Missing {
        let what = match self.provides {
            Provides::Program(name) => format!("the program `{name}`"),
            Provides::StaticProgram(name) => format!("the program `{name}`, statically linked"),
            Provides::File(path) => format!("the file {path}"),
            Provides::LlvmConfig => {
                format!("LLVM 22 with its headers under {} (or set LLVM_PREFIX)", llvm_prefix())
            }
        };
        let purpose = match self.need {
            Need::Daemon => "to build the daemon's allocator",
            Need::Linker => "to build bpf-linker",
            Need::Tests(purpose) => purpose,
        };
        Missing { what, remedy: format!("{purpose}; Debian's package is `{}`", self.name) }
    }
}

fn is_there(provides: Provides) -> bool {
    match provides {
        Provides::Program(name) => shell::find(name).is_some(),
        Provides::StaticProgram(name) => shell::find(name)
            .is_some_and(|path| shell::head(&path, 4096).is_ok_and(|elf| is_static(&elf))),
        Provides::File(path) => Path::new(path).exists(),
        Provides::LlvmConfig => Path::new(&llvm_prefix()).join("bin/llvm-config").exists(),
    }
}

/// Whether a 64-bit ELF program asks for no dynamic linker: no program header is PT_INTERP.
fn is_static(elf: &[u8]) -> bool {
    const PT_INTERP: u64 = 3;
    let number = |at: usize, length: usize| {
        let bytes = elf.get(at..at + length)?;
        Some(bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    };
    let headers = || {
        let (start, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
        (0..count)
            .map(|index| number(usize::try_from(start + index * size).ok()?, 4))
            .collect::<Option<Vec<_>>>()
    };
    elf.starts_with(b"\x7fELF\x02\x01")
        && headers().is_some_and(|kinds| !kinds.contains(&PT_INTERP))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_group_needs_its_packages() {
        fn check(group: Group, linker: &Linker, includes: &[&str], excludes: &[&str]) {
            let names: HashSet<_> = needed(group, linker).map(|package| package.name).collect();
            for name in includes {
                assert!(names.contains(name), "{group:?} lacks {name}");
            }
            for name in excludes {
                assert!(!names.contains(name), "{group:?} has {name}");
            }
        }
        check(
            Group::Build,
            &Linker::Absent,
            &["llvm-22-dev", "g++"],
            &["qemu-system-x86", "ipxe", "udhcpc"],
        );
        check(Group::Build, &Linker::InPlace, &[], &["llvm-22-dev", "g++", "ipxe"]);
        check(
            Group::Everything,
            &Linker::InPlace,
            &["udhcpc", "ovmf", "ipxe", "cpio"],
            &["llvm-22-dev"],
        );
        check(Group::Everything, &Linker::Absent, &["udhcpc", "llvm-22-dev"], &[]);
    }

    #[test]
    fn names_are_unique() {
        let names: HashSet<_> = PACKAGES.iter().map(|package| package.name).collect();
        assert_eq!(names.len(), PACKAGES.len());
    }

    #[test]
    fn tells_static_programs() {
        fn check(kinds: &[u8], expect: bool) {
            let mut elf = vec![0; 64 + kinds.len() * 56];
            elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
            elf[32] = 64;
            elf[54] = 56;
            elf[56] = kinds.len() as u8;
            for (index, kind) in kinds.iter().enumerate() {
                elf[64 + index * 56] = *kind;
            }
            assert_eq!(is_static(&elf), expect, "{kinds:?}");
        }
        check(&[1, 1, 4], true);
        check(&[6, 3, 1], false);
        check(&[1, 1, 3], false);
        assert!(!is_static(b"#!/bin/sh\n"));
        assert!(!is_static(b"\x7fELF\x02\x01"));
    }

    #[test]
    fn says_what_is_missing_and_how_it_is_called() {
        let missing = PACKAGES
            .iter()
            .find(|package| package.name == "kea-admin")
            .map(Package::as_missing)
            .unwrap();
        assert_eq!(missing.what, "the program `perfdhcp`");
        assert_eq!(missing.remedy, "a client in the tests; Debian's package is `kea-admin`");
    }
}
