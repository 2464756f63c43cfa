//! Configurations that are read, and how they are written.

use std::fs;

use netboot_test_kit::efi;

use super::{SUBNET, boot::check_warnings, directory, host, load_text};
use crate::{
    config::load,
    model::{Architecture, Config, DhcpOption, Settings, SyslogListen, XdpMode},
};

#[test]
fn option_values() {
    let check = |text: &str, expect: &[u8]| {
        let text = format!("{SUBNET}options = [{{ code = 224, {text} }}]");
        let loaded = load_text(directory().path(), &text).unwrap();
        let expect = DhcpOption { code: 224, value: expect.to_vec() };
        assert_eq!(loaded.config.subnets[0].options, [expect], "{text}");
    };
    check("text = \"ab\"", b"ab");
    check("ip = \"10.0.0.1\"", &[10, 0, 0, 1]);
    check("ip = [\"10.0.0.1\", \"10.0.0.2\"]", &[10, 0, 0, 1, 10, 0, 0, 2]);
    check("hex = \"0a:0B\"", &[10, 11]);
    check("hex = \"0a0B\"", &[10, 11]);
    check("u8 = 0xff", &[255]);
    check("u8 = [1, 2]", &[1, 2]);
    check("u16 = 258", &[1, 2]);
    check("u32 = 16909060", &[1, 2, 3, 4]);
    check("u32 = [1, 0o10]", &[0, 0, 0, 1, 0, 0, 0, 8]);
}

#[test]
fn inventories() {
    let directory = directory();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    write("hosts.toml", "[[host]]\nmac = \"52:54:00:00:00:02\"\nip = \"10.0.0.5\"\n[boot]\n");
    let inventory = r#"inventory = ["rack.csv", "boot", "none.toml", "hosts.toml", "hosts.toml"]"#;
    let text = format!("{inventory}\n{}", host(""));
    assert_eq!(
        load_text(directory.path(), &text).unwrap_err(),
        [
            "netboot.toml:1: inventory[0]: rack.csv: no such file or directory; \
             create it, or correct the name",
            "netboot.toml:1: inventory[1]: boot: is a directory, not a file",
            "netboot.toml:1: inventory[2]: none.toml: no such file or directory; \
             create it, or correct the name",
            "netboot.toml:1: inventory[4]: hosts.toml is read twice; list it once",
            "hosts.toml:3: host[0].ip: 10.0.0.5 is already the address at host[0].ip \
             (netboot.toml:6); each machine needs its own",
            "hosts.toml:4: boot: unknown key; known here: host",
        ]
    );
    write("hosts.toml", "[[host]]\nmac = \"52:54:00:00:00:02\"\nip = \"10.0.0.6\"\n");
    let text = format!("inventory = [\"hosts.toml\"]\n{}", host(""));
    let loaded = load_text(directory.path(), &text).unwrap();
    assert_eq!(loaded.config.hosts.len(), 2);
    assert_eq!(
        loaded.files,
        ["netboot.toml", "hosts.toml"].map(|name| directory.path().join(name))
    );
}

/// Where another server gives the addresses, a machine's need not be known.
#[test]
fn hosts_without_an_address() {
    let bare = "[[host]]\nmac = \"52:54:00:00:00:01\"\n[[host]]\nmac = \"52:54:00:00:00:02\"\n";
    let directory = directory();
    fs::write(directory.path().join("rack.csv"), "mac,hostname\n52:54:00:00:00:03,three\n")
        .unwrap();
    fs::write(directory.path().join("hosts.csv"), "mac,ip\n52:54:00:00:00:04,\n").unwrap();
    let of = |mode: &str| {
        let head = "inventory = [\"rack.csv\", \"hosts.csv\"]";
        load_text(directory.path(), &format!("{head}\ndhcp.mode = \"{mode}\"\n{SUBNET}{bare}"))
    };
    for mode in ["proxy", "auto-proxy"] {
        let hosts = of(mode).unwrap().config.hosts;
        assert_eq!(hosts.len(), 4, "{mode}");
        assert!(hosts.iter().all(|host| host.address().is_none()), "{mode}: {hosts:?}");
    }
    for mode in ["reservation", "off"] {
        let expect = [
            "netboot.toml:5: host[0].ip: is missing",
            "netboot.toml:7: host[1].ip: is missing",
            "rack.csv:1: there is no column \"ip\"; the first line names the columns",
            "hosts.csv:2: ip: is missing",
        ];
        assert_eq!(of(mode).unwrap_err(), expect, "{mode}");
    }
    // One that is there is looked at all the same.
    let wrong = format!("dhcp.mode = \"proxy\"\n{bare}ip = \"10.0.0\"\n");
    let expect = "netboot.toml:6: host[1].ip: \"10.0.0\" is not an IPv4 address";
    assert_eq!(load_text(directory.path(), &wrong).unwrap_err(), [expect]);
}

#[test]
fn switched_off() {
    let text = "tftp.enabled = false\nhttp.enabled = false\nhttp.listen = \"127.0.0.1:8080\"\nsyslog.listen = []";
    let config = load_text(directory().path(), text).unwrap().config.settings;
    assert_eq!(
        (config.tftp.listen, config.http, config.syslog),
        (None, None, Vec::<SyslogListen>::new())
    );
}

#[test]
fn warnings() {
    let text = format!(
        "boot.root = \"boot\"\nboot.script-user-classes = []\ntftp.listen = \"[::]:6969\"\n{}\
         [[subnet]]\ncidr = \"10.1.0.0/24\"\nrouters = [\"10.2.0.1\"]\n",
        host("")
    );
    let directory = directory();
    let loaded = load_text(directory.path(), &text).unwrap();
    let prefix = format!("{}/", directory.path().display());
    let lines: Vec<_> =
        loaded.warnings.kept().iter().map(|line| line.to_string().replace(&prefix, "")).collect();
    assert_eq!(
        lines,
        [
            "netboot.toml:1: no interfaces: DHCP is answered only where `netboot run --iface` says",
            "netboot.toml:1: boot: no boot.files: machines get their address, but no iPXE to boot",
            "netboot.toml:1: boot: no boot.script-user-classes: no machine gets the script",
            "netboot.toml:1: tftp.listen: firmware asks at port 69 only, and gets no boot file",
            "netboot.toml:12: subnet[1].routers[0]: 10.2.0.1 lies outside 10.1.0.0/24",
        ]
    );
}

#[test]
fn warnings_about_services() {
    const NO_TFTP: &str = "netboot.toml:2: boot.files.x86-bios: \
                           without TFTP firmware gets no boot file, but for HTTP boot";
    const NO_HTTP: &str =
        "netboot.toml:1: boot: without HTTP and boot.script-url no machine gets the script";
    check_warnings("", &[]);
    check_warnings("tftp.enabled = false", &[NO_TFTP]);
    check_warnings("http.enabled = false", &[NO_HTTP]);
    check_warnings("boot.script-url = \"http://a/b\"\nhttp.enabled = false", &[]);
    check_warnings(
        "tftp.listen = \"127.0.0.1:69\"\nhttp.listen = \"[::1]:80\"\nsyslog.listen = [\"udp://127.0.0.1:514\"]",
        &[
            "netboot.toml:1: tftp.listen: no machine reaches 127.0.0.1",
            "netboot.toml:1: http.listen: no machine reaches ::1",
            "netboot.toml:1: syslog.listen: no machine reaches 127.0.0.1",
            NO_TFTP,
            NO_HTTP,
        ],
    );
}

#[test]
fn warnings_about_lengths() {
    check_warnings(
        "dhcp.lease-time = \"59s\"",
        &["netboot.toml:3: dhcp.lease-time: a lease of 59s can end while a machine boots; \
           give 60s at least"],
    );
    check_warnings("dhcp.lease-time = \"60s\"", &[]);
    let long = |code: u8, bytes: usize| {
        format!("options = [{{ code = {code}, text = \"{}\" }}]", "x".repeat(bytes))
    };
    let text = |bytes: usize| {
        format!(
            "[[subnet]]\ncidr = \"10.0.0.0/24\"\n{}\n\
             [[host]]\nmac = \"525400000001\"\nip = \"10.0.0.5\"\n{}",
            long(224, 200),
            long(225, bytes)
        )
    };
    // 284 beside the blocks, 42 and 202 of the subnet, 12 of the boot choice.
    check_warnings(&text(6), &[]);
    check_warnings(
        &text(7),
        &["netboot.toml:6: host[0]: an answer can have 549 bytes: a machine that takes no more \
           than 548 (it sends no DHCP option 57) gets it without some of its options, those that it \
           does not ask for first; leave options out or shorten them"],
    );
}

#[test]
fn warnings_about_vlans() {
    let text = |vlan: &str| {
        format!(
            "[[subnet]]\ncidr = \"10.0.0.0/24\"\nvlan = 7\n\
             [[host]]\nmac = \"525400000001\"\nip = \"10.0.0.5\"\n{vlan}"
        )
    };
    check_warnings(&text(""), &[]);
    check_warnings(&text("vlan = 7"), &[]);
    check_warnings(
        &text("vlan = [7, 8]"),
        &["netboot.toml:9: host[0].vlan: VLAN 7, 8, but its subnet 10.0.0.0/24 (netboot.toml:4) \
           has VLAN 7: leave `vlan` out here, or write `vlan = [7, 8]` in the [[subnet]]"],
    );
    check_warnings(
        &text("").replacen("vlan = 7", "vlan = 7\nrelay = [\"10.255.0.7\"]", 1),
        &[
            "netboot.toml:6: subnet[0].relay[0]: relays' requests count as untagged, and no machine of a subnet with a vlan \
           is known so: leave out one of both",
        ],
    );
    check_warnings(
        &text("vlan = 8").replacen("vlan = 7\n", "", 1),
        &["netboot.toml:8: host[0].vlan: VLAN 8, but its subnet 10.0.0.0/24 (netboot.toml:4) \
           has no VLAN: leave `vlan` out here, or write `vlan = 8` in the [[subnet]]"],
    );
}

/// Everything that can be said, none of it the default.
const ALL: &str = r##"
interfaces = ["eth0", "eth1"]
state-dir = "/tmp/netboot"
user = "netboot"
inventory = ["hosts.toml"]
[xdp]
mode = "generic"
pin-path = "/sys/fs/bpf/other"
boot-files-without-daemon = "5m"
answers-without-daemon = "12h"
[dhcp]
mode = "off"
authoritative = false
server-address = "192.168.2.112"
lease-time = "90m"
skip-proxydhcp = false
echo-pxeclient = true
shared-networks = true
subnet-selection = true
decline-time = "90s"
known-servers = ["192.168.2.1"]
machine-rate = 0
unknown-rate = 2000
total-rate = 1000000
[[subnet]]
cidr = "192.168.2.0/24"
vlan = [200, 100]
server-address = "192.168.2.113"
script-url = "http://192.168.2.113/auto.ipxe"
boot-vlan = 7
boot-files = { rpi = "ipxe.efi", 41 = "ipxe.efi", loongarch64-uefi = "loongarch64.efi" }
routers = ["192.168.2.1"]
dns = ["8.8.8.8"]
ntp = ["192.168.2.3"]
domain = "example.com"
search = ["a.example", "b.example"]
routes = [{ destination = "10.0.0.0/8", router = "192.168.2.10" }]
mtu = 9000
lease-time = "1h"
options = [{ code = 66, text = "tftp.example" }, { code = 224, u32 = 7 }, { code = 225, hex = "00" }]
[[subnet]]
cidr = "192.168.3.0/24"
vlan = 4094
[[subnet]]
cidr = "192.168.4.0/24"
relay = ["10.255.0.7", "10.254.0.0/16"]
[[quirk]]
oui = "B8-27-eb"
reason = "why"
never-nak = true
always-broadcast = false
min-size = 1500
delay = "500ms"
no-option-67 = true
echo-pxeclient = false
assume-pxe = true
architecture = "x86-bios"
menu = "Raspberry Pi Boot"
[[quirk]]
oui = "52:54:00"
architecture = 20
delay = "0s"
[boot]
root = "boot"
script-user-classes = ["Tinkerbell", "iPXE \"2\""]
script-url = "http://192.168.2.112/auto.ipxe"
skip-ipv6-wait = false
[boot.files]
x86-bios = "ipxe.efi"
27 = "riscv64.efi"
[tftp]
enabled = false
block-size = 1400
single-port = true
threads = 3
[http]
listen = "[::1]:8080"
[syslog]
listen = ["udp://[::]:514"]
[script]
download-url = "https://192.168.2.112/hook"
arch = "aarch64"
kernel = "vmlinuz"
initrd = "initrd"
facility = "onprem"
syslog-host = "log.example"
grpc-authority = "tink.example:42113"
tink-worker-image = "registry.example:5000/tink-agent:1"
tinkerbell-tls = true
tinkerbell-insecure-tls = true
consoles = ["ttyAMA0"]
kernel-params = ["a=b", "c"]
retries = 0
retry-delay = 5
[[host]]
mac = "52:54:00:ee:0d:0b"
ip = "192.168.2.144"
hostname = "machine1"
netboot = false
script = """
#!ipxe
echo "quoted" \\ ${net0/mac}
"""
boot-file = "ipxe.efi"
vlan = 100
script-url = "http://192.168.2.114/auto.ipxe"
boot-vlan = 4094
lease-time = "10m"
options = [{ code = 6, ip = ["192.168.2.1", "192.168.2.2"] }]
[host.script-settings]
tink-worker-image = "registry.example:5000/tink-agent:2"
[host.quirks]
min-size = 300
architecture = "rpi"
delay = "10s"
[[host]]
mac = "52:54:00:ee:0d:0b"
ip = "192.168.3.3"
[[host]]
mac = ["52:54:00:ee:0d:0c", "52:54:00:ee:0d:1c"]
ip = "192.168.2.145"
script = "http://192.168.2.112/one.ipxe"
"##;

#[test]
fn the_effective_configuration_reads_as_itself() {
    let directory = directory();
    let hosts = "[[host]]\nmac = \"52:54:00:ee:0d:0d\"\nip = \"192.168.3.1\"\n";
    fs::write(directory.path().join("hosts.toml"), hosts).unwrap();
    for text in [ALL, "", &host("")] {
        let first = load_text(directory.path(), text).unwrap().config;
        let printed = first.to_toml().unwrap();
        let second = load_text(directory.path(), &printed).unwrap().config;
        assert_eq!(second.to_toml().unwrap(), printed, "{text}");
        assert_eq!(second.hosts, first.hosts);
        let without_lease = |config: &Config| {
            let mut subnets = config.subnets.clone();
            subnets.iter_mut().for_each(|subnet| subnet.lease_time = None);
            subnets
        };
        assert_eq!(without_lease(&second), without_lease(&first));
        assert_eq!(second.to_json().unwrap(), first.to_json().unwrap());
        // What the file writes differently than the types hold it.
        assert_eq!(format!("{:?}", second.boot), format!("{:?}", first.boot));
        assert_eq!(format!("{:?}", second.dhcp), format!("{:?}", first.dhcp));
        assert_eq!(format!("{:?}", second.xdp), format!("{:?}", first.xdp));
        assert_eq!(second.script, first.script);
        assert_eq!(second.syslog, first.syslog);
        assert_eq!(second.quirks, first.quirks);
    }
}

#[test]
fn everything_arrives() {
    let directory = directory();
    let text = ALL.replace("inventory = [\"hosts.toml\"]", "");
    let config = load_text(directory.path(), &text).unwrap().config;
    let default = format!("{:#?}", Settings::unconfigured());
    let given = format!("{:#?}", config.settings);
    for line in default.lines().filter(|line| {
        line.starts_with("        ") && line.contains(": ") && !line.ends_with(['[', '('])
    }) {
        let field = line.trim_start();
        assert!(!given.lines().any(|given| given == line), "{field} is the default still");
    }
    assert_eq!(config.boot.files[&Architecture::Code(27)], "riscv64.efi");
    assert_eq!(config.xdp.mode, XdpMode::Generic);
    assert_eq!(config.subnets[0].vlan.ids, [200, 100]);
    assert_eq!(config.subnets[0].files.len(), 3);
    let own = [config.quirks[0].quirks.architecture, config.hosts[0].quirks.architecture];
    assert_eq!(own, [Some(0), Some(41)]);
    // What a host does not say of its VLAN is its subnet's.
    let vlans: Vec<_> = config.hosts.iter().map(|host| (host.vlan.ids, host.boot_vlan)).collect();
    let last = ([200, 100], Some(7));
    assert_eq!(vlans, [([100, 0], Some(4094)), ([4094, 0], None), last, last]);
}

#[test]
fn the_example_is_valid() {
    let example = include_str!("../../../../netboot.example.toml");
    let directory = directory();
    let (x86_64, arm64) = (efi(0x8664), efi(0xaa64));
    let files: [(_, &[u8]); 4] = [
        ("undionly.kpxe", b"a program"),
        ("ipxe.efi", &x86_64),
        ("snp-arm64.efi", &arm64),
        ("snp.efi", &x86_64),
    ];
    for (name, content) in files {
        fs::write(directory.path().join("boot").join(name), content).unwrap();
    }
    for name in ["hosts.toml", "rack7.csv", "hardware.yaml"] {
        fs::write(directory.path().join(name), "").unwrap();
    }
    let text = example.replace("\"/srv/netboot\"", "\"boot\"");
    let config = load_text(directory.path(), &text).unwrap().config;
    assert_eq!((config.hosts.len(), config.subnets.len(), config.boot.files.len()), (3, 1, 3));

    // So are the settings that are commented out, and those that are defaults are said truly.
    let setting = |line: &str| {
        let key = line.trim_start().strip_prefix("# ").and_then(|line| line.split_once(" = "));
        key.is_some_and(|(key, _)| {
            key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        })
    };
    let uncommented: Vec<_> = text
        .lines()
        .map(|line| {
            if setting(line) || line.contains("# {") {
                line.replacen("# ", "", 1)
            } else {
                line.to_owned()
            }
        })
        .collect();
    let all = load_text(directory.path(), &uncommented.join("\n")).unwrap().config;
    assert_eq!(format!("{:?}", all.dhcp), format!("{:?}", config.dhcp));
    assert_eq!(format!("{:?}", all.xdp), format!("{:?}", config.xdp));
    assert_eq!(all.subnets[0].options.len(), 4);
    assert_eq!(all.quirks[0].quirks.no_option_67, Some(false));
    assert_eq!(all.subnets[0].vlan.ids, [100, 0]);
    assert_eq!(all.hosts[2].boot_vlan, Some(100));
    assert_eq!(all.hosts[2].network.dns, Some(Vec::new()));
    assert_eq!(all.hosts[2].script_settings.arch.as_deref(), Some("aarch64"));
    let http = Architecture::HTTP.map(|(_, name)| name);
    for name in Architecture::NAMED.map(|(_, name, _)| name).into_iter().chain(http) {
        let is_there = |word: &str| word.trim_matches([',', '.', ':', ' ']) == name;
        assert!(example.split_whitespace().any(is_there), "{name} is not in the example");
    }
    assert_eq!(all.script.retries, config.script.retries);
    assert_eq!(all.script.consoles, config.script.consoles);
}

#[test]
fn bad_input_never_panics() {
    let directory = directory();
    for end in (0..ALL.len()).step_by(3).filter(|end| ALL.is_char_boundary(*end)) {
        let _ = load_text(directory.path(), &ALL[..end]);
    }
    let mut state = 0x9e37_79b9_u32;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as usize % below
    };
    let noise = b"[]{}\"'=.,#\n\r \\0xe-:\xff\x00";
    for _ in 0..500 {
        let mut bytes = ALL.as_bytes().to_vec();
        for _ in 0..1 + random(4) {
            let at = random(bytes.len());
            match random(3) {
                0 => bytes[at] = noise[random(noise.len())],
                1 => bytes.insert(at, noise[random(noise.len())]),
                _ => drop(bytes.drain(at..(at + random(40)).min(bytes.len()))),
            }
        }
        let path = directory.path().join("noise.toml");
        fs::write(&path, &bytes).unwrap();
        let _ = load(&path);
    }
}
