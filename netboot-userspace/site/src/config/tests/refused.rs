//! Configurations that are refused, line by line.

use super::{SUBNET, check, directory, errors, host};
use std::fs;

use crate::{config::load, model::Architecture};

#[test]
fn a_good_file_has_no_errors() {
    check("", &[]);
    check(&host(""), &[]);
    check(&host("boot-file = \"ipxe.efi\"\n[boot]\nroot = \"boot\""), &[]);
}

#[test]
fn all_errors_are_reported_in_the_order_of_lines() {
    check(
        r#"interfaces = ["eth0", 3, "a/b", "eth0"]
state-dir = ""
colour = "red"
[dhcp]
leese-time = "24h"
lease-time = "0s"
authoritative = "yes"
[[host]]
mac = "52:54"
ip = "10.0.0.5"
[[host]]
mac = "52:54:00:00:00:01"
"#,
        &[
            "netboot.toml:1: interfaces[1]: expected a string, found integer",
            r#"netboot.toml:1: interfaces[2]: "a/b" is not the name of a network interface"#,
            r#"netboot.toml:1: interfaces[3]: "eth0" is listed twice"#,
            "netboot.toml:2: state-dir: is empty",
            "netboot.toml:3: colour: unknown key; known here: interfaces, state-dir, user, inventory, \
             source, xdp, dhcp, subnet, boot, tftp, http, syslog, script, quirk, host",
            r#"netboot.toml:5: dhcp.leese-time: unknown key; did you mean "lease-time"?"#,
            "netboot.toml:6: dhcp.lease-time: a lease of no time cannot be used",
            "netboot.toml:7: dhcp.authoritative: expected true or false, found \"yes\"",
            r#"netboot.toml:9: host[0].mac: "52:54" is not a MAC address; write six octets, as in "52:54:00:ee:0d:0b""#,
            "netboot.toml:10: host[0].ip: 10.0.0.5 lies in no [[subnet]]; \
             add a subnet or correct the address",
            "netboot.toml:11: host[1].ip: is missing",
        ],
    );
}

#[test]
fn syntax() {
    check(
        "interfaces = [\"eth0\"\nx = = 1\n",
        &["netboot.toml:2: missing comma between array elements, expected `,`"],
    );
    check("[dhcp]\nmode = \"off\"\nmode = \"off\"\n", &["netboot.toml:3: duplicate key"]);
    let directory = directory();
    let path = directory.path().join("bytes.toml");
    fs::write(&path, b"# \xc3\xa4\n# \xff\n").unwrap();
    let problems = load(&path).unwrap_err();
    assert_eq!(problems.to_string(), format!("{}:2: is not UTF-8 text", path.display()));
    let path = directory.path().join("absent.toml");
    let problems = load(&path).unwrap_err();
    let expect = format!("{}: cannot be read: no such file or directory", path.display());
    assert_eq!(problems.to_string(), expect);
    let fifo = directory.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for (path, reason) in [
        (fifo.as_path(), "not a regular file"),
        (directory.path(), "is a directory, not a file"),
        (std::path::Path::new("/dev/zero"), "not a regular file"),
    ] {
        let problems = load(path).unwrap_err();
        let expect = format!("{}: cannot be read: {reason}", path.display());
        assert_eq!(problems.to_string(), expect);
    }
    check(
        "inventory = [\"/dev/null\"]",
        &["netboot.toml:1: inventory[0]: /dev/null: not a regular file"],
    );
}

#[test]
fn tables() {
    check("xdp = 3", &["netboot.toml:1: xdp: expected a table, found integer"]);
    check("host = [1]", &["netboot.toml:1: host[0]: expected a table, found integer"]);
    check(
        "\n[subnet]\ncidr = \"10.0.0.0/24\"",
        &["netboot.toml:2: subnet: expected a list, found table; write [[subnet]]"],
    );
    check(
        "[[subnet]]\n[[host]]\n[boot.files]\n",
        &[
            "netboot.toml:1: subnet[0].cidr: is missing",
            "netboot.toml:2: host[0].mac: is missing",
            "netboot.toml:2: host[0].ip: is missing",
        ],
    );
    check(
        "[http]\nlisten = true\nenabled = 1\n[syslog]\nlisten = \"udp://0.0.0.0:514\"",
        &[
            "netboot.toml:2: http.listen: expected a string, found boolean",
            "netboot.toml:3: http.enabled: expected true or false, found integer",
            "netboot.toml:5: syslog.listen: expected a list, found string",
        ],
    );
}

#[test]
fn modes() {
    check(
        "[xdp]\nmode = \"nativ\"\n[dhcp]\nmode = \"server\"",
        &[
            r#"netboot.toml:2: xdp.mode: "nativ" is not one of "auto", "native", "generic", "off""#,
            r#"netboot.toml:4: dhcp.mode: "server" is not one of "reservation", "proxy", "auto-proxy", "off""#,
        ],
    );
    for mode in ["reservation", "proxy", "auto-proxy", "off"] {
        check(&format!("dhcp.mode = \"{mode}\""), &[]);
    }
    // Where another server gives the addresses, they need not be known here.
    for mode in ["proxy", "auto-proxy"] {
        let text = host("").replace("10.0.0.5", "10.1.0.5");
        check(&format!("dhcp.mode = \"{mode}\"\n{text}"), &[]);
    }
}

#[test]
fn known_servers() {
    check("dhcp.known-servers = [\"192.168.2.1\", \"10.0.0.1\"]", &[]);
    let refused = |value: &str, message: &str| {
        check(
            &format!("dhcp.known-servers = {value}"),
            &[&format!("netboot.toml:1: dhcp.known-servers{message}")],
        );
    };
    refused("\"10.0.0.1\"", ": expected a list, found string");
    refused(
        "[\"10.0.0.1\", \"255.255.255.255\"]",
        "[1]: 255.255.255.255 is not a machine's address",
    );
    refused("[\"dhcp.example\"]", "[0]: \"dhcp.example\" is not an IPv4 address");
}

#[test]
fn durations() {
    let lease = |value: &str, message: &str| {
        check(
            &format!("dhcp.lease-time = {value}"),
            &[&format!("netboot.toml:1: dhcp.lease-time: {message}")],
        );
    };
    check("dhcp.lease-time = \"4294967295s\"", &[]);
    lease("\"0h\"", "a lease of no time cannot be used");
    lease("\"4294967296s\"", "\"4294967296s\" is longer than DHCP can say: 4294967295s at most");
    lease("\"1500ms\"", "\"1500ms\" is not a number of whole seconds");
    lease("3600", "expected a duration, found a number; write \"3600s\"");
    let decline = |value: &str, message: &str| {
        check(
            &format!("dhcp.decline-time = {value}"),
            &[&format!("netboot.toml:1: dhcp.decline-time: {message}")],
        );
    };
    check("dhcp.decline-time = \"24h\"", &[]);
    decline("\"0s\"", "an address that was declined cannot be offered again at once: 1s at least");
    decline("\"24h 1s\"", "\"24h 1s\" is longer than 24h");
    let delay = |value: &str, message: &str| {
        check(
            &host(&format!("quirks.delay = \"{value}\"")),
            &[&format!("netboot.toml:6: host[0].quirks.delay: {message}")],
        );
    };
    check(&host("quirks.delay = \"10s\""), &[]);
    delay("10001ms", "\"10001ms\" is longer than 10s");
    delay("1500us", "\"1500us\" is not a number of whole milliseconds");
    let lines = errors("dhcp.lease-time = \"a day\"");
    let begin = "netboot.toml:1: dhcp.lease-time: \"a day\" is not a duration such as \"24h\": ";
    assert!(lines.len() == 1 && lines[0].starts_with(begin), "{lines:?}");
}

#[test]
fn duplicate_hosts_name_both_lines() {
    check(
        &(host("") + "[[host]]\nmac = \"5254.0000.0001\"\nip = \"10.0.0.5\"\n"),
        &[
            "netboot.toml:8: host[1].mac: 52:54:00:00:00:01 is already the MAC at host[0].mac \
             (netboot.toml:4); each machine needs its own",
            "netboot.toml:9: host[1].ip: 10.0.0.5 is already the address at host[0].ip \
             (netboot.toml:5); each machine needs its own",
        ],
    );
}

#[test]
fn host_addresses() {
    let address = |ip: &str, message: &str| {
        let text = format!(
            "{SUBNET}routers = [\"10.0.0.1\"]\n[dhcp]\nserver-address = \"10.0.0.2\"\n\
             [[host]]\nmac = \"52:54:00:00:00:01\"\nip = \"{ip}\"\n"
        );
        if message.is_empty() {
            return check(&text, &[]);
        }
        check(&text, &[&format!("netboot.toml:8: host[0].ip: {message}")]);
    };
    address("10.0.0.3", "");
    address("10.0.1.3", "10.0.1.3 lies in no [[subnet]]; add a subnet or correct the address");
    address("10.0.0.0", "10.0.0.0 is the network address of 10.0.0.0/24; choose another");
    address("10.0.0.255", "10.0.0.255 is the broadcast address of 10.0.0.0/24; choose another");
    address("10.0.0.1", "10.0.0.1 is a router of 10.0.0.0/24; choose another");
    address("10.0.0.2", "10.0.0.2 is dhcp.server-address; choose another");
    address("224.0.0.1", "224.0.0.1 is not a machine's address");
    address("10.0.0", "\"10.0.0\" is not an IPv4 address");
    check(
        "[[subnet]]\ncidr = \"10.0.0.0/31\"\n[[host]]\nmac = \"525400000001\"\nip = \"10.0.0.0\"",
        &[],
    );
    let cidr = |cidr: &str, message: &str| {
        let message = format!("netboot.toml:2: subnet[0].cidr: {cidr} {message}");
        check(&format!("[[subnet]]\ncidr = \"{cidr}\""), &[&message]);
    };
    check("[[subnet]]\ncidr = \"10.0.0.0/8\"", &[]);
    cidr("10.0.0.0/7", "is larger than any network: /8 is the shortest prefix");
    for network in ["0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/24", "240.0.0.0/8"] {
        cidr(network, "is not a network of machines' addresses");
    }
    cidr("10.0.0.1/32", "has room for the machine alone: no server or relay is in it");
    check("dhcp.mode = \"off\"\n[[host]]\nmac = \"525400000001\"\nip = \"10.0.0.1\"", &[]);
}

#[test]
fn host_fields() {
    let field = |text: &str, message: &str| {
        check(&host(text), &[&format!("netboot.toml:6: host[0].{message}")])
    };
    field("netbot = false", r#"netbot: unknown key; did you mean "netboot"?"#);
    field("hostname = \"\"", "hostname: a host name has 1 to 253 bytes, this one has 0");
    field(
        "hostname = \"a_b\"",
        r#"hostname: "a_b" is not a host name: letters, digits and inner hyphens only"#,
    );
    field(
        "hostname = \"a-.b\"",
        r#"hostname: "a-.b" is not a host name: letters, digits and inner hyphens only"#,
    );
    let long = "a".repeat(64);
    field(
        &format!("hostname = \"{long}\""),
        &format!("hostname: {long:?}: between dots a host name has 1 to 63 bytes"),
    );
    check(&host(&format!("hostname = \"{}.b\"", "a".repeat(63))), &[]);
    field(
        "script = \"machine.ipxe\"",
        "script: is neither an http(s) URL nor an iPXE script, which begins with #!ipxe",
    );
    check(&host("script = \"\"\"\n#!ipxe\nshell\n\"\"\""), &[]);
    check(&host("script = \"https://a/b\""), &[]);
    let mac = |mac: &str, message: &str| {
        let text = format!("{SUBNET}[[host]]\nmac = \"{mac}\"\nip = \"10.0.0.5\"\n");
        check(&text, &[&format!("netboot.toml:4: host[0].mac: {message}")]);
    };
    mac("01:00:5e:00:00:01", "01:00:5e:00:00:01 is a group address, not a machine's");
    mac("00:00:00:00:00:00", "the zero address is no machine's");
}

#[test]
fn subnets() {
    check(
        "[[subnet]]\ncidr = \"10.0.0.0/16\"\n[[subnet]]\ncidr = \"10.0.3.0/24\"\n",
        &["netboot.toml:4: subnet[1].cidr: 10.0.3.0/24 overlaps 10.0.0.0/16 (netboot.toml:2)"],
    );
    check(
        "[[subnet]]\ncidr = \"10.0.0.1/24\"\n[[subnet]]\ncidr = \"10.0.0.0\"\n[[host]]\nmac = \"525400000001\"\nip = \"10.0.9.1\"",
        &[
            "netboot.toml:2: subnet[0].cidr: 10.0.0.1/24 is an address in a network; \
             the network is \"10.0.0.0/24\"",
            "netboot.toml:4: subnet[1].cidr: \"10.0.0.0\" is not a network; \
             write it as \"192.168.2.0/24\"",
        ],
    );
    check(
        &format!(
            "{SUBNET}routers = \"10.0.0.1\"\nmtu = 67\ndns = [\"8.8.8.8\", \"dns\"]\n\
             domain = \"a..b\"\nroutes = [{{ destination = \"10.0.0.0/8\" }}]"
        ),
        &[
            "netboot.toml:3: subnet[0].routers: expected a list, found string",
            "netboot.toml:4: subnet[0].mtu: an MTU of 67 is too small: 68 at least",
            "netboot.toml:5: subnet[0].dns[1]: \"dns\" is not an IPv4 address",
            "netboot.toml:6: subnet[0].domain: \"a..b\": between dots a host name has 1 to 63 bytes",
            "netboot.toml:7: subnet[0].routes[0].router: is missing",
        ],
    );
}

#[test]
fn relays_of_subnets() {
    fn relay(lines: &str, expect: &[&str]) {
        let expect: Vec<_> =
            expect.iter().map(|why| format!("netboot.toml:3: subnet[0].relay{why}")).collect();
        let expect: Vec<_> = expect.iter().map(String::as_str).collect();
        check(&format!("{SUBNET}{lines}\n"), &expect);
    }
    relay("relay = []", &[]);
    relay("relay = [\"10.255.0.7\", \"10.254.0.0/16\", \"10.0.0.1\"]", &[]);
    relay("relay = \"10.255.0.7\"", &[": expected a list, found string"]);
    relay(
        "relay = [\"relay\", \"224.0.0.1\", \"10.9.0.1/16\", \"224.0.0.0/8\", \"0.0.0.0/0\"]",
        &[
            "[0]: \"relay\" is not an IPv4 address",
            "[1]: 224.0.0.1 is not a machine's address",
            "[2]: 10.9.0.1/16 is an address in a network; the network is \"10.9.0.0/16\"",
            "[3]: 224.0.0.0/8 has no relays' addresses",
            "[4]: 0.0.0.0/0 is larger than any network: /8 is the shortest prefix",
        ],
    );
    relay("relay = [\"10.255.0.7\", \"10.255.0.7\"]", &["[1]: 10.255.0.7/32 is listed twice"]);
    relay(
        "relay = [\"10.1.0.1\", \"10.2.0.1\", \"10.3.0.1\", \"10.4.0.1\", \"10.5.0.1\", \"10.6.0.1\"]",
        &["[4]: more than 4 relays: a network (\"10.255.0.0/24\") stands for all in it"],
    );
}

#[test]
fn urls() {
    let url = |url: &str, message: &str| {
        let text = format!("boot.script-url = {}", toml::Value::from(url));
        if message.is_empty() {
            return check(&text, &[]);
        }
        check(&text, &[&format!("netboot.toml:1: boot.script-url: {message}")]);
    };
    url("http://192.168.2.112/auto.ipxe", "");
    url("https://boot.example.com:8443/a?b=c", "");
    url(&format!("http://a/{}", "x".repeat(246)), "");
    url(
        &format!("http://a/{}", "x".repeat(247)),
        "the URL has 256 bytes; 255 fit into a DHCP answer: serve it under a shorter one",
    );
    url("ftp://a/b", "the value is not a URL that begins with http:// or https://");
    url("http:a", "the value is not a URL that begins with http:// or https://");
    url("http://", "the value is not a URL: empty host");
    url("http://a/ b", "the value is not a URL: it contains a blank or a control character");
}

#[test]
fn boot_files() {
    let file = |name: &str, message: &str| {
        let text = format!("[boot]\nroot = \"boot\"\n[boot.files]\nx86-bios = \"{name}\"");
        if message.is_empty() {
            return check(&text, &[]);
        }
        check(&text, &[&format!("netboot.toml:4: boot.files.x86-bios: {message}")]);
    };
    file("ipxe.efi", "");
    file("", "is empty");
    file("/ipxe.efi", "\"/ipxe.efi\" is absolute; name it as it is under boot.root");
    file(
        "sub/../ipxe.efi",
        "\"sub/../ipxe.efi\" must not contain \"..\" or \".\": name it as it is under boot.root",
    );
    file(
        "sub/./ipxe.efi",
        "\"sub/./ipxe.efi\" must not contain \"..\" or \".\": name it as it is under boot.root",
    );
    file("sub/", "\"sub/\" is not the name of a file");
    file("sub", "boot/sub: not a file; put another there, or correct the name");
    file(
        "undionly.kpxe",
        "boot/undionly.kpxe: no such file or directory; put it there, or correct the name",
    );
    file("empty", "boot/empty: it is empty; put another there, or correct the name");
    file(
        "arm64.efi",
        "boot/arm64.efi: it is a UEFI program, which a BIOS does not run; put another there, or correct the name",
    );
    file("a b", "\"a b\" contains ' ', which firmware may not ask for; rename it");
    file(&"x".repeat(128), "the name has 128 bytes; 127 fit into a DHCP answer");
    check(
        "[boot]\nroot = \"boot\"\n[boot.files]\nx64-uefi = \"ipxe.efi\"\n64 = \"ipxe.efi\"\n\
         07 = \"ipxe.efi\"\n63 = \"ipxe.efi\"\narm64-uefi = \"arm64.efi\"",
        &["x64-uefi", "64", "07"]
            .iter()
            .enumerate()
            .map(|(at, name)| {
                format!(
                    "netboot.toml:{}: boot.files.{name}: {name:?} is not an architecture: use one of \
                     {}, {}, or a number of DHCP option 93 below 64",
                    at + 4,
                    Architecture::NAMED.map(|(_, name, _)| name).join(", "),
                    Architecture::HTTP.map(|(_, name)| name).join(", ")
                )
            })
            .collect::<Vec<_>>()
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
    );
    check(
        "boot.root = \"boot\"\n[boot.files]\nx86_64-uefi = \"ipxe.efi\"\n16 = \"arm64.efi\"\n19 = \"arm64.efi\"\n\
         [[subnet]]\ncidr = \"10.0.0.0/24\"\nboot-files.x86-uefi = \"riscv64.efi\"",
        &[
            "netboot.toml:3: boot.files.x86_64-uefi: boot/ipxe.efi: it is no UEFI program; \
             put another there, or correct the name",
            "netboot.toml:4: boot.files.16: boot/arm64.efi: it is a program for 64-bit ARM; \
             put another there, or correct the name",
            "netboot.toml:8: subnet[0].boot-files.x86-uefi: boot/riscv64.efi: it is a program for 64-bit RISC-V; \
             put another there, or correct the name",
        ],
    );
    check(
        "boot.root = \"boot\"\n[boot.files]\n20 = \"ipxe.efi\"\nx86-bios-http = \"ipxe.efi\"",
        &[
            "netboot.toml:4: boot.files.x86-bios-http: is x86-bios-http, which is given too: leave out one of them",
        ],
    );
    check(
        &host("boot-file = \"empty\"\n[boot]\nroot = \"boot\""),
        &["netboot.toml:6: host[0].boot-file: boot/empty: it is empty; \
           put another there, or correct the name"],
    );
    check(
        "boot.root = \"none\"\nboot.files.x86-bios = \"ipxe.efi\"",
        &["netboot.toml:1: boot.root: none: no such file or directory; \
           create the directory, or name another as boot.root"],
    );
    check(
        &host("boot-file = \"snp.efi\"\n[boot]\nroot = \"boot\""),
        &["netboot.toml:6: host[0].boot-file: boot/snp.efi: no such file or directory; \
           put it there, or correct the name"],
    );
}

#[test]
fn user_classes() {
    check("boot.script-user-classes = []", &[]);
    let long = "x".repeat(33);
    check(
        &format!(
            "boot.script-user-classes = [\"\", \"{long}\", \"a\", \"a\", \"{}\"]",
            "x".repeat(32)
        ),
        &[
            "netboot.toml:1: boot.script-user-classes[0]: a user class has 1 to 32 bytes, this one has 0",
            "netboot.toml:1: boot.script-user-classes[1]: a user class has 1 to 32 bytes, this one has 33",
            "netboot.toml:1: boot.script-user-classes[3]: \"a\" is listed twice",
        ],
    );
}

#[test]
fn block_sizes_and_threads() {
    check(
        "tftp.block-size = 511\ntftp.threads = 0\n[[subnet]]\ncidr = \"10.0.0.0/24\"\ntftp-block-size = 65465",
        &[
            "netboot.toml:1: tftp.block-size: 511 is no block size: 512 to 65464 are",
            "netboot.toml:2: tftp.threads: 0 is no number of threads: 1 to 16 are",
            "netboot.toml:5: subnet[0].tftp-block-size: 65465 is no block size: 512 to 65464 are",
        ],
    );
}

#[test]
fn listen_addresses() {
    check(
        "tftp.listen = \"0.0.0.0\"\nsyslog.listen = [\"0.0.0.0:514\", \"tcp://:514\"]",
        &[
            "netboot.toml:1: tftp.listen: \"0.0.0.0\" is not an address and a port, \
             such as \"0.0.0.0:80\" or \"[::]:80\"",
            "netboot.toml:2: syslog.listen[0]: \"0.0.0.0:514\" begins with neither udp:// nor tcp://; \
             write \"udp://0.0.0.0:514\"",
            "netboot.toml:2: syslog.listen[1]: \":514\" is not an address and a port, \
             such as \"0.0.0.0:80\" or \"[::]:80\"",
        ],
    );
}
