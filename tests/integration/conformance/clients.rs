//! The requests of real clients, as they were captured.

use anyhow::{Context as _, Result, ensure};
use netboot_answer::golden;
use netboot_ebpf::verdict::Verdict;
use netboot_tests::conformance::{ADDRESS, Case, Expect, SERVER, Site, Suite};

const TFTP: &str = "tftp://172.30.0.1/";
const SCRIPT: &str = "http://172.30.0.1/auto.ipxe";
const OTHER_SCRIPT: &str = "http://172.29.0.2/auto.ipxe";

/// Begin of a captured frame's name, and the boot file that it is answered with.
type Row = (&'static str, &'static str, &'static str);

/// By machine: its address in the requests, and what its stages get.
const MACHINES: [([u8; 6], [u8; 4], &[Row]); 4] = [
    (
        [0x52, 0x54, 0, 0x12, 0x34, 0x56],
        ADDRESS,
        &[
            (
                "iPXE ROM (BIOS)",
                "bios_ipxe N PXEClient:Arch:00000:UNDI:002001 b'iPXE'",
                "tftp BIOS",
            ),
            (
                "Tinkerbell iPXE (BIOS)",
                "bios_ipxe N PXEClient:Arch:00000:UNDI:002001 b'Tinkerbell'",
                SCRIPT,
            ),
            ("EDK2 PXE", "bios_ipxe N PXEClient:Arch:00007:UNDI:003000 b''", "ipxe.efi"),
            ("iPXE (UEFI)", "bios_ipxe N PXEClient:Arch:00007:UNDI:003010 b'iPXE'", "tftp UEFI"),
            (
                "EDK2 HTTP boot",
                "bios_ipxe N HTTPClient:Arch:00016:UNDI:003000 b''",
                "http://172.30.0.1/ipxe/ipxe.efi",
            ),
            (
                "iPXE ROM (BIOS), before Tinkerbell's",
                "tinkerbell_bios N PXEClient:Arch:00000:UNDI:002001 b'iPXE'",
                "tftp BIOS",
            ),
            (
                "Tinkerbell iPXE (BIOS), second capture",
                "tinkerbell_bios N PXEClient:Arch:00000:UNDI:002001 b'Tinkerbell'",
                SCRIPT,
            ),
            (
                "EDK2 PXE, before Tinkerbell's iPXE",
                "tinkerbell_uefi N PXEClient:Arch:00007:UNDI:003000 b''",
                "ipxe.efi",
            ),
            (
                "Tinkerbell iPXE (UEFI)",
                "tinkerbell_uefi N PXEClient:Arch:00007:UNDI:003010 b'Tinkerbell'",
                SCRIPT,
            ),
        ],
    ),
    (
        [0xae, 0x0c, 0x64, 0x79, 0x7d, 0x6d],
        ADDRESS,
        &[
            ("dhclient", "linux_clients N PXEClient:Arch:00007:UNDI:003016 b'Tinkerbell'", SCRIPT),
            ("dhcpcd", "linux_clients N  b'\\nTinkerbell'", SCRIPT),
        ],
    ),
    (
        [0x52; 6],
        ADDRESS,
        &[("U-Boot's EFI", "uboot N PXEClient:Arch:00011:UNDI:003000 b''", "snp-arm64.efi")],
    ),
    (
        [2, 0, 0, 0, 0, 1],
        [172, 29, 0, 112],
        &[("perfdhcp", "perfdhcp N PXEClient:Arch:00007:UNDI:003016 b'Tinkerbell'", OTHER_SCRIPT)],
    ),
];

/// A captured frame, by name and UDP destination port.
pub(crate) fn captured(name: &str, port: u16) -> Vec<u8> {
    let frames = golden::frames().expect("the golden frames are readable");
    let is_it =
        |golden: &golden::Golden| golden.name == name && golden.frame[36..38] == port.to_be_bytes();
    let found = frames.into_iter().find(is_it);
    found.unwrap_or_else(|| panic!("no golden frame {name:?} to port {port}")).frame
}

fn boot_file(name: &str) -> String {
    match name {
        "tftp BIOS" => format!("{TFTP}undionly.kpxe"),
        "tftp UEFI" => format!("{TFTP}ipxe.efi"),
        name => name.to_owned(),
    }
}

fn cases(address: [u8; 4], (client, name, file): Row) -> [Case; 2] {
    let file = boot_file(file);
    let case = |number: &str, kind: &str, expect: Expect| {
        let frame = captured(&name.replacen(" N ", &format!(" {number} "), 1), 67);
        Case::new(format!("2 {client}: {kind}"), frame, expect.yiaddr(address).file(&file))
    };
    [case("1", "OFFER", Expect::offer()), case("3", "ACK", Expect::ack())]
}

/// U-Boot's own loader: its architecture is in the configuration by number.
fn uboot() -> Suite {
    let site = Site::new().machine([0x52; 6]);
    let [discover, request] =
        ["1", "3"].map(|number| captured(&format!("uboot {number} U-Boot.armv8 b''"), 67));
    let boots = |expect: Expect| {
        let expect = expect.passed(Verdict::Quirk).file("snp-arm64.efi").siaddr(SERVER);
        expect.codes(&[53, 54, 51, 58, 59, 1, 3, 6, 12])
    };
    let configured = vec![
        Case::new("2 U-Boot: OFFER", discover, boots(Expect::offer())),
        Case::new("2 U-Boot: ACK", request, boots(Expect::ack())),
    ];
    Suite { site: site.files("22 = \"snp-arm64.efi\""), cases: configured }
}

/// Where there is no ProxyDHCP, a message to its port is a sign of misconfiguration.
fn proxy_port() -> Suite {
    let counted = |client: &str, name: &str| {
        let name = captured(name, 4011);
        Case::new(format!("2 {client}: counted"), name, Expect::silence(Verdict::ProxyPort))
    };
    let cases = vec![
        counted("iPXE, at port 4011", "bios_ipxe 3 PXEClient b'iPXE'"),
        counted("EDK2 PXE, at port 4011", "bios_ipxe 3 PXEClient:Arch:00007:UNDI:003000 b''"),
    ];
    Suite { site: Site::new(), cases }
}

pub(crate) fn suites() -> Vec<Suite> {
    let suite = |(mac, address, rows): ([u8; 6], [u8; 4], &[Row])| {
        let site = if address == ADDRESS {
            Site::new().machine(mac)
        } else {
            Site::new().known(mac, address, "")
        };
        Suite { site, cases: rows.iter().flat_map(|row| cases(address, *row)).collect() }
    };
    MACHINES.into_iter().map(suite).chain([uboot(), proxy_port()]).collect()
}

/// No captured frame is forgotten.
#[test]
fn every_captured_request_is_a_case() -> Result<()> {
    let all = super::all();
    for golden in golden::frames().context("the golden frames")? {
        let known =
            all.iter().flat_map(|suite| &suite.cases).any(|case| case.frame == golden.frame);
        ensure!(known, "{} is no case", golden.name);
    }
    Ok(())
}
