//! A configuration that goes to another server's words and back answers its machines as before.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, fs, net::Ipv4Addr, path::Path};

use netboot_base::links;
use netboot_site::{
    config::{self, Loaded},
    model::{Architecture, DhcpMode},
};
use netboot_tools::{
    explain::{AnswerFields, KnownServer, Machine, Message, Site, explain},
    export::{ServerKind, export},
    import::{self, Kind},
};

const SITE: &str = r#"
interfaces = ["lo"]

[dhcp]
mode = "off"
server-address = "192.168.2.200"
lease-time = "12h"

[[subnet]]
cidr = "192.168.2.0/24"
routers = ["192.168.2.1"]
dns = ["8.8.8.8", "1.1.1.1"]
ntp = ["192.168.2.1"]
domain = "example.com"
search = ["example.com", "lab.example.com"]
routes = [{ destination = "10.0.0.0/8", router = "192.168.2.10" }]
mtu = 1400
options = [
    { code = 7, ip = ["192.168.2.112"] },
    { code = 2, u32 = 3600 },
    { code = 100, text = "CET-1" },
    { code = 224, hex = "0a:0b" },
]

[[subnet]]
cidr = "10.20.0.0/16"
routers = ["10.20.0.1"]
server-address = "10.20.0.112"
script-url = "http://10.20.0.112/rack/auto.ipxe"
lease-time = "1h"
boot-files = { x86_64-uefi = "snp.efi" }

[boot]
root = "ROOT"
script-user-classes = ["Tinkerbell", "iPXE"]

[boot.files]
x86-bios = "undionly.kpxe"
x86_64-uefi = "ipxe.efi"
arm64-uefi = "snp-arm64.efi"

[[host]]
mac = "52:54:00:ee:0d:0b"
ip = "192.168.2.144"
hostname = "machine1"

[[host]]
mac = "52:54:00:ee:0d:0c"
ip = "192.168.2.145"
hostname = "machine2"
netboot = false

[[host]]
mac = "52:54:00:ee:0d:0d"
ip = "192.168.2.146"
hostname = "machine3"
boot-file = "snp.efi"
lease-time = "2h"
routers = ["192.168.2.2"]
routes = [{ destination = "10.1.0.0/16", router = "192.168.2.10" }]
mtu = 9000
options = [{ code = 226, text = "own" }]

[[host]]
mac = "52:54:00:ee:0d:0e"
ip = "192.168.2.147"
script-url = "http://192.168.2.200/machines/four.ipxe"

[[host]]
mac = "52:54:00:ee:0d:0f"
ip = "192.168.2.148"
routers = ["192.168.2.3"]

[[host]]
mac = ["52:54:00:00:21:01", "52:54:00:00:21:02"]
ip = "192.168.2.149"
hostname = "two"
mtu = 1300

[[host]]
mac = "52:54:00:00:20:01"
ip = "10.20.0.5"
hostname = "relayed"
"#;

const FILES: [&str; 4] = ["undionly.kpxe", "ipxe.efi", "snp.efi", "snp-arm64.efi"];

fn site(directory: &Path, text: &str) -> Site {
    for file in FILES {
        fs::write(directory.join(file), file).unwrap();
    }
    let path = directory.join("netboot.toml");
    fs::write(&path, text.replace("ROOT", &directory.display().to_string())).unwrap();
    let mut loaded: Loaded =
        config::load_to_run(&path).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    loaded.config.dhcp.mode = DhcpMode::Reservation;
    loaded.config.interfaces = vec!["lo".to_owned()];
    Site::here(loaded).unwrap()
}

/// Each step of each machine's boot.
fn answers(site: &Site) -> BTreeMap<String, Option<AnswerFields>> {
    let stages = [
        ("BIOS", Some(Architecture::X86Bios), "", None),
        ("UEFI", Some(Architecture::X8664Uefi), "", None),
        ("arm64", Some(Architecture::Arm64Uefi), "", None),
        ("HTTP", Some(Architecture::Code(16)), "", None),
        ("iPXE", Some(Architecture::X8664Uefi), "iPXE", None),
        ("Tinkerbell", Some(Architecture::X8664Uefi), "Tinkerbell", None),
        ("Linux", None, "", Some("udhcp 1.35.0")),
    ];
    let mut found = BTreeMap::new();
    for host in &site.config.hosts {
        for (name, architecture, class, vendor) in stages {
            let relay = (host.ip.octets()[0] == 10).then_some(Ipv4Addr::new(10, 20, 0, 1));
            let machine = Machine {
                architecture,
                vendor_class: vendor.map(str::to_owned),
                relay,
                ..Machine::new(host.mac)
            };
            let machine = if class.is_empty() { machine } else { machine.with_user_class(class) };
            let known = KnownServer { node: site.server(None), ..KnownServer::NOBODY };
            let frame = machine.frame(Message::Discover, known);
            let explained = explain(site, &BTreeMap::new(), &frame, None, "").unwrap();
            let mut answer = explained.answer;
            if let Some(answer) = &mut answer {
                // The order of options says nothing.
                answer.options.sort_by_key(|option| option.code);
                answer.length = 0;
            }
            found.insert(format!("{} {name}", host.mac), answer);
        }
    }
    found
}

#[track_caller]
fn check(server: ServerKind, kind: Kind) {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let before = site(here.path(), SITE);
    let exported = export(server, before.config.clone(), &links::all().unwrap()).unwrap();
    let file = there.path().join("exported");
    fs::write(&file, &exported.text).unwrap();
    let imported = import::read(kind, &file).unwrap_or_else(|problems| panic!("{problems}"));
    let toml = imported.fragment.to_toml().unwrap();
    // What the node itself is: not in the other server's configuration.
    let text = toml.replacen("[boot]\n", "[boot]\nroot = \"ROOT\"\n", 1);
    assert!(text.contains("ROOT"), "{text}");
    let after = site(there.path(), &text);
    let (expect, found) = (answers(&before), answers(&after));
    assert!(expect.values().all(Option::is_some), "{expect:#?}");
    for (what, expect) in &expect {
        let found = &found[what];
        assert_eq!(found, expect, "{what}, by way of {server}:\n{text}\n{}", exported.text);
    }
}

#[test]
fn by_dnsmasq() {
    check(ServerKind::Dnsmasq, Kind::Dnsmasq);
}

#[test]
fn by_kea() {
    check(ServerKind::Kea, Kind::Kea);
}

#[test]
fn by_dhcpd() {
    check(ServerKind::Dhcpd, Kind::Dhcpd);
}
