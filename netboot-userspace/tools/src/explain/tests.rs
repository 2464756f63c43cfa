//! Tests of explanations.

mod boot;
mod proxy;
mod routes;
mod site;
mod vlan;

use std::{fs, net::Ipv4Addr};

use netboot_base::mac;
use netboot_site::{
    config::{self, Loaded},
    model::Architecture,
};

use super::*;

const CONFIG: &str = r#"interfaces = ["nonesuch0"]

[boot]
root = "."
script-url = "http://10.0.0.1/auto.ipxe"

[boot.files]
x86_64-uefi = "ipxe.efi"

[[subnet]]
cidr = "10.0.0.0/24"
routers = ["10.0.0.254"]

[[subnet]]
cidr = "10.1.0.0/24"

[[host]]
mac = "52:54:00:00:00:01"
ip = "10.0.0.10"
hostname = "one"

[[host]]
mac = ["52-54-00-00-00-02", "52:54:00:00:00:12"]
ip = "10.0.0.11"
netboot = false
"#;

const ONE: &str = "52:54:00:00:00:01";
const NETBOOT_FALSE: &str = "52:54:00:00:00:02";
const UNKNOWN: &str = "52:54:00:00:00:99";

/// Another server, which gives another address.
const OTHER: KnownServer = KnownServer {
    address: Ipv4Addr::new(10, 0, 0, 77),
    server: Ipv4Addr::new(10, 0, 0, 66),
    node: Ipv4Addr::new(10, 0, 0, 1),
    server_mac: netboot_ebpf::shared::Mac { octets: [0; 6] },
};

/// The directory is there as long as the value.
fn site() -> (tempfile::TempDir, Site) {
    let (directory, loaded) = load(CONFIG);
    (directory, Site::here(loaded).unwrap())
}

fn load(text: &str) -> (tempfile::TempDir, Loaded) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("netboot.toml");
    fs::write(&path, text).unwrap();
    for file in ["ipxe.efi", "other.efi"] {
        fs::write(directory.path().join(file), "").unwrap();
    }
    let loaded = config::load_to_run(&path).unwrap();
    (directory, loaded)
}

fn machine(mac: &str) -> Machine {
    Machine::new(mac::parse(mac).unwrap())
}

fn one(machine: &Machine, message: Message, without_xdp: &WithoutXdp) -> Explanation {
    let (_directory, site) = site();
    let mut steps = steps(&site, without_xdp, machine, Some(message), None);
    assert_eq!(steps.len(), 1);
    steps.remove(0).explanation
}

/// The lines of the text, each in full or by its begin.
fn check(machine: &Machine, message: Message, expect: &[&str]) {
    let explanation = one(machine, message, &WithoutXdp::new());
    let text = render(&explanation);
    has_lines(&text, expect);
    assert!(text.lines().count() <= 16, "{} lines:\n{text}", text.lines().count());
}

fn has_lines(text: &str, expect: &[&str]) {
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    for line in expect {
        assert!(lines.iter().any(|own| own.starts_with(line)), "no {line:?} in:\n{text}");
    }
}

#[test]
fn firmware_of_a_known_machine() {
    check(
        &machine(ONE),
        Message::Discover,
        &[
            "DISCOVER of 52:54:00:00:00:01 over nonesuch0 (assumed request)",
            "  machine      10.0.0.10 (one), in ",
            "  subnet       10.0.0.0/24 on nonesuch0, server 10.0.0.1",
            "  stage        pxe: vendor class \"PXEClient:Arch:00007:UNDI:003016\"",
            "  architecture x86_64-uefi (7)",
            "  boots        ipxe.efi from 10.0.0.1: boot.files.x86_64-uefi",
            "  answered by  the kernel (XDP): the machine is offered its address [offer]",
            "  answer       OFFER, yiaddr 10.0.0.10, siaddr 10.0.0.1, file \"ipxe.efi\", 322 bytes to ff:ff",
            "  options      53 message-type OFFER; 54 server-id 10.0.0.1; ",
        ],
    );
}

#[test]
fn other_kinds_of_machines() {
    let script = machine(ONE).with_user_class("Tinkerbell");
    check(
        &script,
        Message::Discover,
        &[
            "  stage        script: user class \"Tinkerbell\" is one of boot.script-user-classes",
            "  boots        http://10.0.0.1/auto.ipxe from 10.0.0.1: boot.script-url",
        ],
    );
    let instances =
        Machine { user_classes: vec!["other".to_owned(), "Tinkerbell".to_owned()], ..machine(ONE) };
    check(
        &instances,
        Message::Discover,
        &["  stage        script: user class \"Tinkerbell\" is one of boot.script-user-classes"],
    );
    let ipxe = machine(ONE).with_user_class("iPXE");
    check(
        &ipxe,
        Message::Discover,
        &[
            "  stage        ipxe: user class \"iPXE\", which is none of boot.script-user-classes",
            "  boots        tftp://10.0.0.1/ipxe.efi from 10.0.0.1: boot.files.x86_64-uefi",
            "  note         if the binary that it loads announces the same user class, it asks again",
        ],
    );
    let http = Machine { architecture: Some(Architecture::Code(16)), ..machine(ONE) };
    check(
        &http,
        Message::Discover,
        &[
            "  stage        http: vendor class \"HTTPClient:Arch:00016:UNDI:003016\"",
            "  boots        http://10.0.0.1/ipxe/ipxe.efi from 10.0.0.1: boot.files.x86_64-uefi",
        ],
    );
    let arm = Machine { architecture: Some(Architecture::Arm64Uefi), ..machine(ONE) };
    check(
        &arm,
        Message::Discover,
        &[
            "  boots        nothing: boot.files has nothing for arm64-uefi (11)",
            "  answered by  the kernel (XDP): the machine is offered its address, but nothing to boot",
            "  do           name a file for its architecture in [boot.files]",
        ],
    );
    let system = Machine { vendor_class: Some("udhcp 1.36".to_owned()), ..machine(ONE) };
    check(
        &system,
        Message::Discover,
        &[
            "  stage        plain: vendor class \"udhcp 1.36\" does not ask to boot",
            "  boots        nothing: it does not ask to boot",
            "  answered by  the kernel (XDP): the machine is offered its address [offer]",
        ],
    );
    check(
        &machine(NETBOOT_FALSE),
        Message::Discover,
        &[
            "  boots        nothing: netboot = false",
            "  answered by  the kernel (XDP): the machine is offered its address [offer]",
        ],
    );
}

#[test]
fn who_is_not_answered() {
    check(
        &machine(UNKNOWN),
        Message::Discover,
        &[
            "  machine      no reservation",
            "  boots        nothing: it is not answered",
            "  answered by  nobody: the machine has no reservation [unknown-machine]",
            "  do           add it with `netboot host add`",
        ],
    );
    let relay = Some(Ipv4Addr::new(10, 1, 0, 254));
    check(
        &Machine { relay, ..machine(ONE) },
        Message::Discover,
        &[
            "DISCOVER of 52:54:00:00:00:01 over nonesuch0, relay 10.1.0.254 (assumed request)",
            "  answered by  nobody: the machine's address is of another subnet than the one it asks from [wrong-subnet]",
            "  do           give the interface an address in the host's [[subnet]]",
        ],
    );
    let relay = Some(Ipv4Addr::new(10, 0, 0, 254));
    check(
        &Machine { relay, ..machine(ONE) },
        Message::Discover,
        &[
            "  answered by  the kernel (XDP): the machine is offered its address [offer]",
            "  answer       OFFER, yiaddr 10.0.0.10, siaddr 10.0.0.1, file \"ipxe.efi\", 322 bytes to \
         02:00:00:00:00:fe, 10.0.0.254:67",
        ],
    );
    check(
        &machine(ONE),
        Message::Release,
        &["  answered by  nobody: the machine gives up its address"],
    );
}

/// It takes the offer of a server that is not us.
#[test]
fn another_servers_offer() {
    let (_directory, site) = site();
    let frame = machine(ONE).frame(Message::Request, OTHER);
    let explanation = explain(&site, &WithoutXdp::new(), &frame, None, "frame 3").unwrap();
    assert_eq!(explanation.verdict, Verdict::OtherServer);
    let text = render(&explanation);
    for line in [
        "REQUEST of 52:54:00:00:00:01 over nonesuch0, for 10.0.0.77, to server 10.0.0.66 (frame 3)\n",
        "nobody: the machine took another DHCP server's offer [other-server]\n",
        "  do           stop that server",
    ] {
        assert!(text.contains(line), "no {line:?} in:\n{text}");
    }
}

#[test]
fn who_answers_and_why_not_the_kernel() {
    let off = WithoutXdp::from([("nonesuch0".to_owned(), "XDP is off (xdp.mode)".to_owned())]);
    let explanation = one(&machine(ONE), Message::Request, &off);
    assert_eq!(explanation.answered_by, AnsweredBy::Daemon);
    assert_eq!(
        (explanation.verdict, explanation.why.as_str()),
        (Verdict::Ack, "XDP is off (xdp.mode)")
    );

    // It asks for an address that is not its own.
    let (_directory, site) = site();
    let known = KnownServer { server: Ipv4Addr::new(10, 0, 0, 1), ..OTHER };
    let frame = machine(ONE).frame(Message::Request, known);
    let explanation = explain(&site, &WithoutXdp::new(), &frame, None, "frame 1").unwrap();
    assert_eq!(explanation.answered_by, AnsweredBy::Daemon);
    assert!(explanation.why.starts_with("the kernel leaves it to the daemon: "), "{explanation:?}");
    assert_eq!(explanation.answer.as_ref().map(|answer| answer.message), Some("NAK"));
    has_lines(&render(&explanation), &["  boots        nothing: it is refused"]);
}

#[test]
fn json_has_the_same_facts() {
    let explanation = one(&machine(ONE), Message::Discover, &WithoutXdp::new());
    let json = serde_json::to_value(&explanation).unwrap();
    for (pointer, expect) in [
        ("/source", "assumed request"),
        ("/request/message", "DISCOVER"),
        ("/request/mac", ONE),
        ("/request/architecture_name", "x86_64-uefi"),
        ("/reservation/ip", "10.0.0.10"),
        ("/reservation/subnet", "10.0.0.0/24"),
        ("/stage/name", "pxe"),
        ("/boot/file", "ipxe.efi"),
        ("/verdict", "offer"),
        ("/kernel_verdict", "offer"),
        ("/answered_by", "kernel"),
        ("/answer/yiaddr", "10.0.0.10"),
        ("/answer/options/1/name", "server-id"),
    ] {
        assert_eq!(json.pointer(pointer), Some(&expect.into()), "{pointer} of {json:#}");
    }
    assert_eq!(json["running"], serde_json::Value::Null);
}

#[test]
fn the_whole_boot_is_a_table() {
    let (_directory, site) = site();
    let boot = |mac| steps(&site, &WithoutXdp::new(), &machine(mac), None, None);
    let text = render_steps(&boot(ONE));
    for line in [
        "firmware           DISCOVER  pxe     kernel       OFFER 10.0.0.10, boots ipxe.efi from 10.0.0.1",
        "firmware           REQUEST   pxe     kernel       ACK 10.0.0.10, boots ipxe.efi from",
        "iPXE \"Tinkerbell\"  REQUEST   script  kernel       ACK 10.0.0.10, boots http://10.0.0.1/auto.ipxe",
    ] {
        assert!(text.contains(line), "no {line:?} in:\n{text}");
    }
    let text = render_steps(&boot(UNKNOWN));
    let advice = text.matches("do: add it with `netboot host add`").count();
    assert_eq!(advice, 1, "{text}");
}

#[test]
fn the_running_program_may_differ() {
    let (_directory, site) = site();
    let frame = steps(&site, &WithoutXdp::new(), &machine(ONE), Some(Message::Discover), None)
        .remove(0)
        .frame;
    let link = site.interface(None, None).unwrap().index;
    let own = judge(&frame, link, &site.tables).kernel;
    let check = |found: &Outcome, expect: Option<&str>| {
        let mut explanation = explain(&site, &WithoutXdp::new(), &frame, None, "assumed").unwrap();
        compare(&mut explanation, &site, &frame, found, "restart it");
        assert_eq!(explanation.differs(), expect.is_some());
        assert_eq!(explanation.running.unwrap().note, expect.unwrap_or_default());
    };
    check(&own, None);
    let mut other = own.clone();
    // yiaddr
    other.answer.as_mut().unwrap()[42 + 19] = 20;
    check(&other, Some("it sends yiaddr 10.0.0.20, not 10.0.0.10; restart it"));
    let refused = |verdict| Outcome { verdict, answer: None };
    let unknown = refused(Verdict::UnknownMachine);
    check(&unknown, Some("the machine has no reservation; restart it"));
    let declined =
        "the machine declined its address, which is held back for a while (dhcp.decline-time)";
    check(&refused(Verdict::Quarantined), Some(declined));
}

#[test]
fn a_reservation_has_its_place_in_the_file() {
    let explanation = one(&machine(NETBOOT_FALSE), Message::Discover, &WithoutXdp::new());
    let origin = explanation.reservation.and_then(|reserved| reserved.origin).unwrap();
    assert!(origin.ends_with("/netboot.toml:22"), "{origin}");
}

/// What a nearer place says otherwise is not shown.
#[test]
fn quirks_have_their_reasons() {
    let (directory, site) = site();
    let path = directory.path().join("netboot.toml");
    let rest = "[[quirk]]\noui = \"b8:27:eb\"\nmin-size = 400\ndelay = \"1s\"\nreason = \"slow\"\n\
                [[host]]\nmac = \"b8:27:eb:00:00:01\"\nip = \"10.0.0.12\"\n\
                [host.quirks]\nnever-nak = false\ndelay = \"200ms\"\narchitecture = 11\n";
    fs::write(&path, format!("{}{rest}", fs::read_to_string(&path).unwrap())).unwrap();
    let check = |site: &Site, mac: &str, expect: &[&str]| {
        let step =
            steps(site, &WithoutXdp::new(), &machine(mac), Some(Message::Discover), None).remove(0);
        let text = render(&step.explanation);
        let found: Vec<_> =
            text.lines().filter_map(|line| line.strip_prefix("  quirks       ")).collect();
        assert_eq!(found.len(), expect.len(), "{text}");
        for (found, expect) in found.iter().zip(expect) {
            assert!(found.starts_with(expect), "no {expect:?} in:\n{text}");
        }
        serde_json::to_value(&step.explanation.quirks).unwrap()
    };
    check(&site, ONE, &[]);
    check(&site, "dc:a6:32:00:00:01", &[]);
    let mut site = Site::here(config::load_to_run(&path).unwrap()).unwrap();
    let json = check(
        &site,
        "b8:27:eb:00:00:01",
        &[
            "never-nak = false, delay = \"200ms\", architecture = \"arm64-uefi\" (host.quirks)",
            "min-size = 400 ([[quirk]]: slow)",
            "assume-pxe = true, menu = \"Raspberry Pi Boot\" (built-in: a Raspberry Pi's boot ROM says",
        ],
    );
    for (pointer, expect) in [
        ("/0/settings/never-nak", false.into()),
        ("/0/reason", serde_json::Value::Null),
        ("/1/origin", "[[quirk]]".into()),
        ("/1/reason", "slow".into()),
        ("/2/settings/menu", "Raspberry Pi Boot".into()),
    ] {
        assert_eq!(json.pointer(pointer), Some(&expect), "{pointer} of {json:#}");
    }
    // Machines without reservation have those of their manufacturer.
    site.config.dhcp.mode = DhcpMode::AutoProxy;
    check(
        &site,
        "dc:a6:32:00:00:01",
        &["assume-pxe = true, architecture = \"rpi\", menu = \"Raspberry Pi Boot\" (built-in: "],
    );
}

#[test]
fn what_is_missing_on_this_node_is_assumed() {
    let [assumption] = &site().1.assumptions[..] else { panic!("one interface is not there") };
    assert!(assumption.starts_with("nonesuch0 is not an interface of this node, which has "));
    assert!(assumption.ends_with(": assumed with the addresses 10.0.0.1/24, 10.1.0.1/24"));
}

#[test]
fn a_machine_of_several_macs() {
    for mac in [NETBOOT_FALSE, "52:54:00:00:00:12"] {
        check(
            &machine(mac),
            Message::Discover,
            &[
                &format!("DISCOVER of {mac} over"),
                "  machine      10.0.0.11 (no hostname), in ",
                "  MACs         52:54:00:00:00:02 52:54:00:00:00:12: one machine's",
            ],
        );
    }
}
