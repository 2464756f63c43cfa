//! Clients that boot nothing from us: switches, installed systems with their root elsewhere.

use netboot_tests::conformance::{
    Ask, Case, Expect, LEASE_ONLY, LEASE_ONLY_ADDRESS, LONG_FILE, SERVER, Site, Suite,
};

const NFS: [u8; 4] = [172, 30, 0, 4];
const OF_HOST: [u8; 4] = [172, 30, 0, 5];
const ONIE: &[u8] = b"onie_vendor:x86_64-accton_as7712-r0";

fn own_file() -> Suite {
    let asks = |list: &[u8]| Ask::discover().with(60, ONIE).with(55, list);
    let told = || {
        Expect::offer()
            .boot_file("own.efi")
            .siaddr(SERVER)
            .option(66, b"172.30.0.1")
            .option(67, b"own.efi")
    };
    let cases = vec![
        Case::new("1.8 own file: who asks for 66 and 67", asks(&[1, 3, 66, 67]), told()),
        Case::new("1.8 own file: who asks for 67", asks(&[67]), told()),
        Case::new("1.8 own file: who asks for 66", asks(&[1, 66]), told()),
        Case::new("1.8 own file: without a vendor class", Ask::discover().with(55, &[67]), told()),
        Case::new(
            "1.8 own file: not to who does not ask",
            asks(&[1, 3, 6]),
            Expect::offer().no_boot(),
        ),
        Case::new(
            "1.8 own file: not to who does not ask for anything",
            Ask::discover().with(60, ONIE),
            Expect::offer().no_boot().without(66),
        ),
        Case::new(
            "1.8 own file: not of a machine that has none",
            asks(&[66, 67]).mac(LEASE_ONLY),
            Expect::offer().yiaddr(LEASE_ONLY_ADDRESS).no_boot(),
        ),
        Case::new(
            "1.8 own file: firmware's is in the field alone",
            Ask::discover().pxe(0).with(55, &[66, 67]),
            Expect::offer().file("own.efi").siaddr(SERVER).without(66),
        ),
    ];
    Suite { site: Site::new().host("boot-file = \"own.efi\""), cases }
}

fn own_url() -> Suite {
    const URL: &str = "http://192.0.2.9/onie/installer";
    let cases = vec![Case::new(
        "1.8 own file: a URL",
        Ask::discover().with(60, ONIE).with(55, &[66, 67]),
        Expect::offer().boot_file(URL).option(67, URL.as_bytes()).without(66),
    )];
    Suite { site: Site::new().host(&format!("boot-file = \"{URL}\"")), cases }
}

/// Which fits the field, but not beside option 66.
fn long_name() -> Suite {
    let name = LONG_FILE;
    let asks = || Ask::discover().with(60, ONIE).with(55, &[66, 67]);
    let told =
        Expect::offer().boot_file(name).option(66, b"172.30.0.1").option(67, name.as_bytes());
    let cases = vec![Case::new("1.8 own file: a long name", asks(), told)];
    Suite { site: Site::new().host(&format!("boot-file = \"{name}\"")), cases }
}

fn without_67() -> Suite {
    let cases = vec![Case::new(
        "1.8 own file: the quirk no-option-67",
        Ask::discover().with(60, ONIE).with(55, &[66, 67]),
        Expect::offer().file("own.efi").option(66, b"172.30.0.1"),
    )];
    let quirk = "boot-file = \"own.efi\"\nquirks = { no-option-67 = true }";
    Suite { site: Site::new().host(quirk), cases }
}

fn server_name() -> Suite {
    let cases = vec![Case::new(
        "1.8 own file: 66 is the configured one",
        Ask::discover().with(55, &[66, 67]),
        Expect::offer().boot_file("own.efi").option(66, b"elsewhere"),
    )];
    let options = "boot-file = \"own.efi\"\noptions = [{ code = 66, text = \"elsewhere\" }]";
    Suite { site: Site::new().host(options), cases }
}

fn next_server() -> Suite {
    const OTHER: [u8; 6] = [0x52, 0x54, 0, 0x30, 0, 0x71];
    let cases = vec![
        Case::new(
            "1.3 next-server: a plain client's",
            Ask::discover().with(55, &[1, 3, 17]),
            Expect::offer().siaddr(NFS).no_file(),
        ),
        Case::new(
            "1.3 next-server: also where nothing is booted",
            Ask::discover().mac(LEASE_ONLY),
            Expect::offer().yiaddr(LEASE_ONLY_ADDRESS).siaddr(NFS),
        ),
        Case::new(
            "1.3 next-server: a host's own",
            Ask::discover().mac(OTHER),
            Expect::offer().yiaddr([172, 30, 0, 71]).siaddr(OF_HOST),
        ),
        Case::new(
            "1.3 next-server: firmware's is where its file is",
            Ask::discover().pxe(7),
            Expect::offer().file("ipxe.efi").siaddr(SERVER),
        ),
        Case::new(
            "1.3 next-server: none to firmware that boots nothing",
            Ask::discover().mac(LEASE_ONLY).pxe(7),
            Expect::offer().yiaddr(LEASE_ONLY_ADDRESS).no_boot(),
        ),
    ];
    let site = Site::new().subnet("next-server = \"172.30.0.4\"");
    let site = site.known(OTHER, [172, 30, 0, 71], "next-server = \"172.30.0.5\"");
    Suite { site, cases }
}

pub(crate) fn suites() -> Vec<Suite> {
    vec![own_file(), own_url(), long_name(), without_67(), server_name(), next_server()]
}
