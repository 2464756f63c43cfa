//! Explanations where another server gives the addresses.

use super::*;

fn site(mode: &str, rest: &str) -> (tempfile::TempDir, Site) {
    let text = CONFIG.replace("[boot]\n", &format!("[dhcp]\nmode = \"{mode}\"\n[boot]\n"));
    let (directory, loaded) = load(&text.replace("x86_64-uefi = \"ipxe.efi\"", rest));
    (directory, Site::here(loaded).unwrap())
}

const FILE: &str = "x86_64-uefi = \"ipxe.efi\"";

/// The whole boot: its lines, and whether nobody answers one of the requests.
#[track_caller]
fn check_boot(mode: &str, files: &str, machine: &Machine, is_unanswered: bool, expect: &[&str]) {
    let (_directory, site) = site(mode, files);
    let steps = steps(&site, &WithoutXdp::new(), machine, None, None);
    let text = render_steps(&steps);
    has_lines(&text, expect);
    assert_eq!(steps.iter().any(|step| step.explanation.is_unanswered()), is_unanswered, "{text}");
    assert!(!text.contains("the kernel") && !text.contains("stop that server"), "{text}");
}

#[test]
fn a_healthy_boot_is_answered() {
    let expect = [
        "firmware           DISCOVER             pxe     daemon        OFFER, boots ipxe.efi from 10.0.0.1",
        "firmware           REQUEST              pxe     other server  other-server",
        "firmware           REQUEST (port 4011)  pxe     daemon        ACK, boots ipxe.efi from 10.0.0.1",
        "iPXE \"Tinkerbell\"  DISCOVER             script  daemon        OFFER, boots http://10.0.0.1/auto",
        "iPXE \"Tinkerbell\"  REQUEST              script  other server  other-server",
        "offer: the daemon answers ProxyDHCP, without XDP (dhcp.mode)",
        "other-server: it gives the addresses (dhcp.mode)",
    ];
    check_boot("proxy", FILE, &machine(ONE), false, &expect);
    check_boot("auto-proxy", FILE, &machine(UNKNOWN), false, &expect[..2]);
    let http = Machine { architecture: Some(Architecture::Code(16)), ..machine(ONE) };
    check_boot("proxy", FILE, &http, false, &["firmware           REQUEST   http    other server"]);
    let relay = Some(Ipv4Addr::new(10, 0, 0, 254));
    check_boot("proxy", FILE, &Machine { relay, ..machine(ONE) }, false, &expect[..5]);
}

#[test]
fn who_is_left_to_the_other_server() {
    let system = Machine { vendor_class: Some("udhcp 1.36".to_owned()), ..machine(ONE) };
    let expect = [
        "machine  DISCOVER  plain  other server  not-netboot",
        "not-netboot: it gives the addresses (dhcp.mode), and it does not ask to boot",
    ];
    check_boot("proxy", FILE, &system, false, &expect);
    let expect = ["not-netboot: it gives the addresses (dhcp.mode), and netboot = false"];
    check_boot("proxy", FILE, &machine(NETBOOT_FALSE), false, &expect);
}

#[test]
fn who_is_not_answered_though_it_should_be() {
    let expect = [
        "firmware           DISCOVER             pxe     nobody        not-netboot",
        "not-netboot: there is nothing for it to boot: boot.files has nothing for x86_64-uefi (7)",
        "do: name a file for its architecture in [boot.files]",
    ];
    check_boot("proxy", "arm64-uefi = \"ipxe.efi\"", &machine(ONE), true, &expect);
    let expect = ["unknown-machine: the machine has no reservation"];
    check_boot("proxy", FILE, &machine(UNKNOWN), true, &expect);
}

/// In a capture, too.
#[test]
fn each_request_says_where_it_goes() {
    let (_directory, site) = site("proxy", FILE);
    let text = |message| {
        let mut steps = steps(&site, &WithoutXdp::new(), &machine(ONE), Some(message), None);
        render(&steps.remove(0).explanation)
    };
    has_lines(
        &text(Message::Proxy),
        &[
            "REQUEST of 52:54:00:00:00:01 over nonesuch0, to port 4011, has 10.0.0.10 (assumed request)",
            "  answered by  the daemon: the daemon answers ProxyDHCP, without XDP (dhcp.mode) [ack]",
            "  answer       ACK, siaddr 10.0.0.1, file \"ipxe.efi\"",
        ],
    );
    has_lines(
        &text(Message::Request),
        &[
            "REQUEST of 52:54:00:00:00:01 over nonesuch0, for 10.0.0.10, to server 10.0.0.254",
            "  answered by  the other server: it gives the addresses (dhcp.mode) [other-server]",
        ],
    );
    check(
        &machine(ONE),
        Message::Proxy,
        &["  answered by  nobody: it was sent to the ProxyDHCP port 4011, where nobody answers"],
    );
}
