//! ProxyDHCP (PXE 2.1 section 2.2): another server gives the addresses.

use netboot_ebpf::verdict::Verdict;
use netboot_tests::conformance::{ADDRESS, Ask, Case, Expect, FOREIGN, SERVER, Site, Suite};

const ANYBODY: [u8; 6] = [2, 9, 9, 9, 9, 9];
const MENU_OFF: [u8; 4] = [6, 1, 8, 255];
const MACHINE_ID: [u8; 17] = [0, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 1, 2, 3, 4, 5, 6];

/// A REQUEST to port 4011, of firmware that has its address.
fn boot_service(ask: Ask, source_port: u16) -> Ask {
    Ask { source: ADDRESS, destination: SERVER, ciaddr: ADDRESS, source_port, port: 4011, ..ask }
}

fn not_ours(verdict: Verdict) -> Expect {
    Expect::silence(verdict).passed(Verdict::ProxyMode)
}

fn proxy() -> Suite {
    let case = |what: &str, ask: Ask, expect: Expect| {
        Case::new(format!("1.8 ProxyDHCP: {what}"), ask, expect)
    };
    let port =
        |what: &str, ask: Ask, expect: Expect| Case::new(format!("1.8 4011: {what}"), ask, expect);
    let request = || Ask::new(3).pxe(7).with(97, &MACHINE_ID);
    let told = |expect: Expect| expect.option(43, &MENU_OFF).file("ipxe.efi").siaddr(SERVER);
    let cases = vec![
        case(
            "an OFFER without address to firmware",
            Ask::discover().pxe(7).with(97, &MACHINE_ID),
            told(Expect::proxy_offer())
                .option(60, b"PXEClient")
                .option(54, &SERVER)
                .option(97, &MACHINE_ID)
                .broadcast(),
        ),
        case(
            "an OFFER without address over HTTP",
            Ask::discover().http(16),
            Expect::proxy_offer().option(60, b"HTTPClient").file("http://172.30.0.1/ipxe/ipxe.efi"),
        ),
        case(
            "an OFFER of the script",
            Ask::discover().pxe(7).with(77, b"Tinkerbell"),
            Expect::proxy_offer().file("http://172.30.0.1/${mac}/auto.ipxe"),
        ),
        case(
            "through a relay",
            Ask::discover().pxe(7).relayed([172, 30, 0, 3]),
            told(Expect::proxy_offer()).sent(Ask::RELAY_MAC, [172, 30, 0, 3], 67),
        ),
        case(
            "through a relay that says a server's name (82.11), ours all the same",
            Ask::discover().pxe(7).with(82, &[11, 4, 172, 30, 0, 254]).relayed([172, 30, 0, 3]),
            told(Expect::proxy_offer())
                .option(54, &SERVER)
                .option(82, &[11, 4, 172, 30, 0, 254])
                .last(82),
        ),
        case("who does not boot, silence", Ask::discover(), not_ours(Verdict::NotNetboot)),
        case(
            "the other server's REQUEST, silence",
            Ask::new(3).with(54, &FOREIGN).with(50, &ADDRESS).pxe(7),
            not_ours(Verdict::OtherServer),
        ),
        case(
            "an unknown machine, silence",
            Ask::discover().pxe(7).mac(ANYBODY),
            not_ours(Verdict::UnknownMachine),
        ),
        port(
            "an ACK to where it came from (EDK2)",
            boot_service(request(), 4011),
            told(Expect::proxy_ack()).source(SERVER, 4011).sent(request().station, ADDRESS, 4011),
        ),
        port(
            "an ACK to where it came from (iPXE)",
            boot_service(request(), 68),
            told(Expect::proxy_ack()).source(SERVER, 4011).sent(request().station, ADDRESS, 68),
        ),
        port(
            "an ACK to an INFORM",
            boot_service(Ask::new(8).pxe(7), 4011),
            told(Expect::proxy_ack()).counted(Verdict::InformAck).source(SERVER, 4011).sent(
                request().station,
                ADDRESS,
                4011,
            ),
        ),
        port(
            "the boot server that was chosen (43.71) is told, where it is ours",
            boot_service(request().with(43, &[71, 4, 0, 0, 0, 0, 255]), 4011),
            Expect::proxy_ack()
                .source(SERVER, 4011)
                .option(43, &[6, 1, 8, 71, 4, 0, 0, 0, 0, 255])
                .file("ipxe.efi"),
        ),
        port(
            "the boot server that was chosen (43.71) is told to an INFORM",
            boot_service(Ask::new(8).pxe(7).with(43, &[71, 4, 0, 0, 0, 0, 255]), 4011),
            Expect::proxy_ack()
                .counted(Verdict::InformAck)
                .source(SERVER, 4011)
                .option(43, &[6, 1, 8, 71, 4, 0, 0, 0, 0, 255]),
        ),
        port(
            "another boot server was chosen (43.71), silence",
            boot_service(request().with(43, &[71, 4, 0, 1, 0, 0, 255]), 4011),
            Expect::silence(Verdict::OtherServer).passed(Verdict::ProxyPort),
        ),
        port(
            "another boot server was chosen (43.71) by INFORM, silence",
            boot_service(Ask::new(8).pxe(7).with(43, &[71, 4, 128, 0, 0, 0, 255]), 4011),
            Expect::silence(Verdict::OtherServer).passed(Verdict::ProxyPort),
        ),
        port(
            "the machine identifier is echoed",
            boot_service(request(), 4011),
            Expect::proxy_ack().source(SERVER, 4011).option(97, &MACHINE_ID),
        ),
    ];
    Suite { site: Site::new().dhcp("mode = \"proxy\""), cases }
}

fn auto_proxy() -> Suite {
    let case = |what: &str, ask: Ask, expect: Expect| {
        Case::new(format!("1.8 ProxyDHCP: for everybody, {what}"), ask, expect)
    };
    let cases = vec![
        case(
            "an unknown machine",
            Ask::discover().pxe(7).mac(ANYBODY),
            Expect::proxy_offer().file("ipxe.efi").siaddr(SERVER),
        ),
        case(
            "an unknown machine's script",
            Ask::discover().pxe(7).mac(ANYBODY).with(77, b"Tinkerbell"),
            Expect::proxy_offer().file("http://172.30.0.1/${mac}/auto.ipxe"),
        ),
        case(
            "but who does not boot, silence",
            Ask::discover().mac(ANYBODY),
            not_ours(Verdict::NotNetboot),
        ),
    ];
    Suite { site: Site::new().dhcp("mode = \"auto-proxy\""), cases }
}

pub(crate) fn suites() -> Vec<Suite> {
    vec![proxy(), auto_proxy()]
}
