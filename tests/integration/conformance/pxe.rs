//! What machines boot (RFC 4578, UEFI, iPXE).

use netboot_ebpf::verdict::Verdict;
use netboot_tests::conformance::{
    ADDRESS, Ask, Case, Expect, LEASE_ONLY, LEASE_ONLY_ADDRESS, SERVER, Site, Suite,
};

const MENU_OFF: [u8; 4] = [6, 1, 8, 255];
const NO_PROXYDHCP: [u8; 3] = [0xb0, 1, 1];
const SCRIPT: &str = "http://172.30.0.1/auto.ipxe";
const MACHINE_ID: [u8; 17] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

/// A case for the OFFER and one for the ACK.
fn both(name: &str, ask: impl Fn(Ask) -> Ask, expect: impl Fn(Expect) -> Expect) -> Vec<Case> {
    vec![
        Case::new(format!("{name} (OFFER)"), ask(Ask::discover()), expect(Expect::offer())),
        Case::new(format!("{name} (ACK)"), ask(Ask::selecting(ADDRESS)), expect(Expect::ack())),
    ]
}

fn without_file(name: &str, ask: impl Fn(Ask) -> Ask) -> Vec<Case> {
    vec![
        Case::new(
            format!("{name} (OFFER)"),
            ask(Ask::discover()),
            Expect::offer().no_boot().counted(Verdict::OfferNoBootFile),
        ),
        Case::new(
            format!("{name} (ACK)"),
            ask(Ask::selecting(ADDRESS)),
            Expect::ack().no_boot().counted(Verdict::AckNoBootFile),
        ),
    ]
}

fn netboot_test() -> Vec<Case> {
    let boots = |expect: Expect| expect.file("ipxe.efi").siaddr(SERVER);
    [
        both("1.8 netboot: PXEClient", |ask| ask.pxe(7).with(97, &MACHINE_ID), boots),
        both("1.8 netboot: without 97 (Intel X552)", |ask| ask.pxe(7), boots),
        both("1.8 netboot: without 94", |ask| ask.with(60, b"PXEClient").with(93, &[0, 7]), boots),
        both("1.8 netboot: no 60, a lease only", |ask| ask.with(93, &[0, 7]), Expect::no_boot),
        both(
            "1.8 netboot: another vendor class, a lease only",
            |ask| ask.with(60, b"MSFT 5.0").with(93, &[0, 7]),
            Expect::no_boot,
        ),
        both(
            "1.8 netboot: half a vendor class, a lease only",
            |ask| ask.with(60, b"PXEClien").with(93, &[0, 7]),
            Expect::no_boot,
        ),
        vec![
            Case::new(
                "1.8 netboot: switched off, a lease only",
                Ask::discover().mac(LEASE_ONLY).pxe(7),
                Expect::offer().yiaddr(LEASE_ONLY_ADDRESS).no_boot(),
            ),
            Case::new(
                "1.8 netboot: switched off, no script",
                Ask::discover().mac(LEASE_ONLY).pxe(7).with(77, b"Tinkerbell"),
                Expect::offer().yiaddr(LEASE_ONLY_ADDRESS).no_boot(),
            ),
        ],
        both(
            "1.8 U-Boot: its own loader",
            |ask| ask.with(60, b"U-Boot.armv8").with(93, &[0, 11]),
            |expect| {
                let expect = expect.passed(Verdict::Quirk).file("snp-arm64.efi");
                expect.siaddr(SERVER).option(43, &MENU_OFF)
            },
        ),
        without_file("1.8 U-Boot: an architecture that is not configured", |ask| {
            ask.with(60, b"U-Boot.riscv").with(93, &[0, 27])
        })
        .into_iter()
        .map(|case| Case { expect: case.expect.passed(Verdict::Quirk), ..case })
        .collect(),
        without_file("1.8 netboot: no 93", |ask| ask.with(60, b"PXEClient")),
        classes(),
    ]
    .concat()
}

/// Who says by its class, or without one that is known, that it boots.
fn classes() -> Vec<Case> {
    let arm64 = |expect: Expect| expect.file("snp-arm64.efi").siaddr(SERVER);
    let dpu = |ask: Ask| ask.with(93, &[0, 11]).with(94, &[1, 3, 0]);
    [
        both(
            "1.8 classes: NVIDIA's DPU boots",
            |ask| dpu(ask).with(55, &[1, 3, 6, 43, 60, 66, 67]).with(60, b"NVIDIA/BF/PXE"),
            arm64,
        ),
        both(
            "1.8 classes: NVIDIA's DPU boots, whatever it asks for",
            |ask| dpu(ask).with(60, b"NVIDIA/BF/PXE:more"),
            arm64,
        ),
        both(
            "1.8 classes: what runs on NVIDIA's DPU has its lease only",
            |ask| dpu(ask).with(55, &[66, 67]).with(60, b"NVIDIA/BF/OOB"),
            Expect::no_boot,
        ),
        both(
            "1.8 classes: the same of its BMC",
            |ask| dpu(ask).with(55, &[66, 67]).with(60, b"NVIDIA/BF/BMC"),
            Expect::no_boot,
        ),
        both(
            "1.8 classes: half of NVIDIA's, without 66 and 67",
            |ask| dpu(ask).with(60, b"NVIDIA/BF"),
            Expect::no_boot,
        ),
        both(
            "1.8 signs: 93 and 67 in 55",
            |ask| ask.with(55, &[1, 3, 67]).with(93, &[0, 11]),
            arm64,
        ),
        both(
            "1.8 signs: 93 and 66 in 55, and a class that is not known",
            |ask| ask.with(55, &[1, 66, 3]).with(93, &[0, 11]).with(60, b"Acme"),
            arm64,
        ),
        both(
            "1.8 signs: 55 without both",
            |ask| ask.with(55, &[1, 3, 6, 43, 60, 65, 68]).with(93, &[0, 11]),
            Expect::no_boot,
        ),
        both(
            "1.8 signs: 66 and 67 in 55 without 93",
            |ask| ask.with(55, &[66, 67]),
            Expect::no_boot,
        ),
        both(
            "1.8 signs: a long list, of which the kernel does not know all",
            |ask| ask.with(55, &[&[1; 70][..], &[67]].concat()).with(93, &[0, 11]),
            |expect| arm64(expect).passed(Verdict::EchoTooLong),
        ),
    ]
    .concat()
}

fn vendor_options() -> Vec<Case> {
    [
        both(
            "1.8 60: HTTPClient, exactly",
            |ask| ask.with(60, b"HTTPClient:Arch:00016:UNDI:003001").with(93, &[0, 16]),
            |expect| expect.option(60, b"HTTPClient").without(43),
        ),
        both("1.8 60: none for PXEClient", |ask| ask.pxe(7), |expect| expect.without(60)),
        both(
            "1.8 60: none for PXEClient in iPXE",
            |ask| ask.pxe(0).with(77, b"iPXE"),
            |expect| expect.without(60),
        ),
        both(
            "1.8 43: no menu, no prompt, no discovery",
            |ask| ask.pxe(7),
            |expect| expect.option(43, &MENU_OFF),
        ),
        both(
            "1.8 43: not to a client that does not boot",
            |ask| ask,
            |expect| expect.without(43).without(60).without(175),
        ),
        both(
            "1.8 97: echoed",
            |ask| ask.pxe(7).with(97, &MACHINE_ID),
            |expect| expect.option(97, &MACHINE_ID),
        ),
        both("1.8 97: not sent otherwise", |ask| ask.pxe(7), |expect| expect.without(97)),
        both(
            "1.8 93, 94: not in answers",
            |ask| ask.pxe(7),
            |expect| expect.without(93).without(94),
        ),
        both(
            "1.8 175: iPXE does not wait for a ProxyDHCP",
            |ask| ask.pxe(0).with(77, b"iPXE").with(175, &[0xb1, 1, 1]),
            |expect| expect.option(175, &NO_PROXYDHCP),
        ),
        both(
            "1.8 175: ours neither",
            |ask| ask.pxe(0).with(77, b"Tinkerbell"),
            |expect| expect.option(175, &NO_PROXYDHCP),
        ),
        both("1.8 175: not to firmware", |ask| ask.pxe(7), |expect| expect.without(175)),
        both(
            "1.8 log server: 7, 12 and 15",
            |ask| ask.pxe(0).with(77, b"Tinkerbell"),
            |expect| expect.option(7, &SERVER).option(12, b"machine1").option(15, b"lab.test"),
        ),
    ]
    .concat()
}

fn architectures() -> Vec<Case> {
    let mut cases = Vec::new();
    for (code, file) in [
        (0, "undionly.kpxe"),
        (6, "ipxe-i386.efi"),
        (7, "ipxe.efi"),
        (9, "ipxe.efi"),
        (10, "snp-arm32.efi"),
        (11, "snp-arm64.efi"),
    ] {
        cases.extend(both(
            &format!("1.8 93: {code}, {file}"),
            |ask| ask.pxe(code),
            |expect| expect.file(file),
        ));
    }
    for (code, file) in [
        (15, "ipxe-i386.efi"),
        (16, "ipxe.efi"),
        (18, "snp-arm32.efi"),
        (19, "snp-arm64.efi"),
        (20, "undionly.kpxe"),
    ] {
        cases.extend(both(
            &format!("1.8 93: {code}, {file} over HTTP"),
            |ask| ask.http(code),
            |expect| expect.file(&format!("http://172.30.0.1/ipxe/{file}")),
        ));
    }
    let list = |ask: Ask, codes: &[u8]| ask.with(60, b"PXEClient").with(93, codes);
    cases.extend(both(
        "1.8 93: the first known one of a list",
        |ask| list(ask, &[0, 99, 0, 27, 0, 7, 0, 0]),
        |expect| expect.file("ipxe.efi"),
    ));
    cases.extend(without_file("1.8 93: 27, not configured", |ask| ask.pxe(27)));
    cases.extend(without_file("1.8 93: 0x0107 is not 7", |ask| list(ask, &[1, 7])));
    cases
}

fn choices() -> Vec<Case> {
    let script = |expect: Expect| expect.file(SCRIPT).siaddr(SERVER);
    let classes = b"\x04iPXE\x0aTinkerbell";
    [
        both("1.8 choice: our class, the script", |ask| ask.pxe(0).with(77, b"Tinkerbell"), script),
        both(
            "1.8 choice: HTTPClient, the binary's URL",
            |ask| ask.http(16),
            |expect| expect.file("http://172.30.0.1/ipxe/ipxe.efi").siaddr(SERVER),
        ),
        both(
            "1.8 choice: iPXE, the binary's TFTP URL",
            |ask| ask.pxe(0).with(77, b"iPXE"),
            |expect| expect.file("tftp://172.30.0.1/undionly.kpxe").siaddr(SERVER),
        ),
        both(
            "1.8 choice: firmware, the binary's name",
            |ask| ask.pxe(0),
            |expect| expect.file("undionly.kpxe").siaddr(SERVER),
        ),
        both(
            "1.8 loop guard: our class before HTTPClient",
            |ask| ask.http(16).with(77, b"Tinkerbell"),
            script,
        ),
        both(
            "1.8 loop guard: our class as RFC 3004 has it",
            |ask| ask.pxe(7).with(77, b"\x0aTinkerbell"),
            script,
        ),
        both("1.8 loop guard: our class after iPXE's", |ask| ask.pxe(7).with(77, classes), script),
        both(
            "1.8 loop guard: our class without 60 and 93",
            |ask| ask.with(77, b"Tinkerbell"),
            script,
        ),
        both(
            "1.8 loop guard: of an architecture that is not configured",
            |ask| ask.pxe(27).with(77, b"Tinkerbell"),
            script,
        ),
        both(
            "1.8 loop guard: only the whole class",
            |ask| ask.pxe(0).with(77, b"Tinkerbell2"),
            |expect| expect.file("undionly.kpxe"),
        ),
        both(
            "1.8 FlexBoot: iPXE without a class, the binary's name",
            |ask| ask.pxe(7).with(175, &[0xb1, 1, 1]),
            |expect| expect.file("ipxe.efi"),
        ),
        both(
            "1.8 sname: zero",
            |ask| Ask { sname: b"a server".to_vec(), ..ask }.pxe(7),
            |expect| expect.file("ipxe.efi"),
        ),
        both(
            "1.8 HTTP URL: an address, so that it needs no name server",
            |ask| ask.http(16),
            |expect| expect.file("http://172.30.0.1/ipxe/ipxe.efi"),
        ),
        both("1.8 EDK2 and 67: none for PXEClient", |ask| ask.pxe(7), |expect| expect.without(67)),
    ]
    .concat()
}

/// Other settings of the same.
fn configured() -> Vec<Suite> {
    let of = |site: Site, cases: Vec<Case>| Suite { site, cases };
    let url = |len: usize| {
        let begin = "http://172.30.0.1/";
        format!("{begin}{}", "u".repeat(len - begin.len()))
    };
    let script_url = |url: &str| Site::new().boot(&format!("script-url = \"{url}\""));
    let ours = |ask: Ask| ask.pxe(7).with(57, &[5, 0xc0]).with(77, b"Tinkerbell");
    let (short, long, longest) = (url(127), url(128), url(255));
    vec![
        of(
            Site::new().files("27 = \"riscv64.efi\""),
            both("1.8 93: 27, by number", |ask| ask.pxe(27), |expect| expect.file("riscv64.efi")),
        ),
        of(
            Site::new().files("x86_64-uefi-http = \"own.efi\"\nriscv64-uefi = \"hook.iso\""),
            [
                both(
                    "1.8 93: 16, a file for HTTP boot alone",
                    |ask| ask.http(16),
                    |expect| expect.file("http://172.30.0.1/ipxe/own.efi"),
                ),
                both(
                    "1.8 93: 7, the file beside that for HTTP boot",
                    |ask| ask.pxe(7),
                    |expect| expect.file("ipxe.efi"),
                ),
                without_file("1.8 93: 27, no disk image over TFTP", |ask| ask.pxe(27)),
                both(
                    "1.8 93: 28, a disk image over HTTP",
                    |ask| ask.http(28),
                    |expect| expect.file("http://172.30.0.1/ipxe/hook.iso"),
                ),
            ]
            .concat(),
        ),
        of(
            Site::new().dhcp("echo-pxeclient = true\nskip-proxydhcp = false"),
            [
                both(
                    "1.8 60: PXEClient where it is switched on, with 43, siaddr and file",
                    |ask| ask.pxe(7),
                    |expect| {
                        let boots = expect.file("ipxe.efi").siaddr(SERVER);
                        boots.option(60, b"PXEClient").option(43, &MENU_OFF)
                    },
                ),
                both(
                    "1.8 60: HTTPClient all the same",
                    |ask| ask.http(16),
                    |expect| expect.option(60, b"HTTPClient"),
                ),
                both(
                    "1.8 175: not where it is switched off",
                    |ask| ask.pxe(0).with(77, b"iPXE"),
                    |expect| expect.without(175),
                ),
            ]
            .concat(),
        ),
        of(script_url(&short), both("1.8 file: 127 bytes", ours, |expect| expect.file(&short))),
        of(
            script_url(&long),
            both("1.8 long URL: 128 bytes, in option 67", ours, |expect| {
                expect.no_file().option(67, long.as_bytes()).siaddr(SERVER)
            }),
        ),
        of(
            script_url(&longest),
            [
                both("1.8 long URL: 255 bytes, in option 67", ours, |expect| {
                    expect.no_file().option(67, longest.as_bytes())
                }),
                both(
                    "1.8 EDK2 and 67: last but for 82",
                    |ask| ours(ask).with(97, &MACHINE_ID).with(82, b"\x01\x01a"),
                    |expect| expect.order(&[43, 175, 67, 82]),
                ),
                both(
                    "1.8 EDK2 and 67: last",
                    |ask| ours(ask).with(61, &[1, 2, 3]),
                    |expect| expect.last(67),
                ),
            ]
            .concat(),
        ),
    ]
}

pub(crate) fn suites() -> Vec<Suite> {
    let cases = [netboot_test(), vendor_options(), architectures(), choices()].concat();
    let mut suites = vec![Suite { site: Site::new(), cases }];
    suites.extend(configured());
    suites
}
