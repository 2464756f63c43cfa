//! Records of Tinkerbell's YAML that are left out in part, so that others are served.

use std::net::Ipv4Addr;

use super::{SUBNET, check_hosts, hardware::record, read};

/// What is wrong with one record, of which the rest and all others serve.
#[test]
fn what_is_wrong_is_left_out() {
    const OTHER: &str = "mac = \"52:54:00:00:00:02\"\nip = \"10.0.0.12\"\nnetboot = false\n";
    const GOOD: &str = "mac: '52:54:00:00:00:01', ip: {address: 10.0.0.11}";
    const OUT: &str = "a.yaml:4: n.spec.interfaces[0]: the machine is left out: it has no MAC or address that can be served";
    /// The fields of the record, what is left of the machine, and what is said of its `dhcp`.
    #[track_caller]
    fn check(dhcp: &str, left: Option<&str>, said: &[&str]) {
        let other = "mac: '52:54:00:00:00:02', ip: {address: 10.0.0.12}";
        let text = record("n", dhcp) + &record("other", other);
        let left = left.map(|rest| {
            format!("mac = \"52:54:00:00:00:01\"\nip = \"10.0.0.11\"\nnetboot = false\n{rest}")
        });
        let hosts: Vec<_> = left.as_deref().into_iter().chain([OTHER]).collect();
        let said = said.iter().map(|line| match line.starts_with(['.', ':']) {
            true => format!("a.yaml:4: n.spec.interfaces[0].dhcp{line}"),
            false => (*line).to_owned(),
        });
        let said: Vec<_> = said.collect();
        check_hosts("a.yaml", &text, &hosts, &said.iter().map(String::as_str).collect::<Vec<_>>());
    }
    check("ip: {address: 10.0.0.11}", None, &[".mac: is missing; left out", OUT]);
    check(
        "mac: '52:54', ip: {address: 10.0.0.11}",
        None,
        &[
            ".mac: \"52:54\" is not a MAC address; write six octets, as in \"52:54:00:ee:0d:0b\"; left out",
            OUT,
        ],
    );
    check(
        "mac: '52:54:00:00:00:01'",
        None,
        &[": has no ip: give ip.address and ip.netmask; left out"],
    );
    check(
        "mac: '52:54:00:00:00:01', ip: {family: 4}",
        None,
        &[".ip.address: is missing; left out", OUT],
    );
    check(
        "mac: '52:54:00:00:00:01', ip: {address: 10.1.0.11}",
        None,
        &[".ip.address: 10.1.0.11 lies in no [[subnet]]; add a subnet or correct the address; \
           the machine is left out"],
    );
    check(
        "mac: '52:54:00:00:00:01', ip: {address: 10.0.0.255}",
        None,
        &[".ip.address: 10.0.0.255 is the broadcast address of 10.0.0.0/24; choose another; \
           the machine is left out"],
    );
    check(
        "mac: '52:54:00:00:00:01', ip: {address: 10.0.0.11, netmask: 255.0.255.0}",
        Some(""),
        &[".ip.netmask: \"255.0.255.0\" is not a netmask such as \"255.255.255.0\"; left out"],
    );
    check(
        "mac: '52:54:00:00:00:01', ip: {address: 10.0.0.11, netmask: 255.255.0.0}",
        Some(""),
        &[
            ".ip.netmask: 255.255.0.0 is not the netmask of 10.0.0.0/24, the subnet that 10.0.0.11 lies in, \
           which has 255.255.255.0; left out",
        ],
    );
    check(
        &format!("{GOOD}, vlan_id: '4095'"),
        Some(""),
        &[".vlan_id: \"4095\" is not the number of a VLAN, 1 to 4094; left out"],
    );
    check(
        &format!("{GOOD}, lease_time: -1"),
        Some(""),
        &[
            ".lease_time: \"-1\" is not a lease time: a number of seconds, 4294967295 at most; left out",
        ],
    );
    check(
        &format!("{GOOD}, name_servers: [8.8.8.8, 8.8.8, 9.9.9.9]"),
        Some("dns = [\"8.8.8.8\", \"9.9.9.9\"]\n"),
        &[".name_servers[1]: \"8.8.8\" is not an IPv4 address; left out"],
    );
    check(
        &format!("{GOOD}, classless_static_routes: [{{router: 10.0.0.1}}]"),
        Some(""),
        &[".classless_static_routes[0].destination_descriptor: is missing; left out"],
    );
    check(
        &format!("{GOOD}, hostname: my_host"),
        Some(""),
        &[
            ".hostname: \"my_host\" is not a host name: letters, digits and inner hyphens only; left out",
        ],
    );
    // As the record says, also where it is no file of this node.
    check(
        &format!(
            "{GOOD}, tftp_server_name: tftp.example, boot_file_name: 'http://192.0.2.1/a.efi'"
        ),
        Some(
            "boot-file = \"http://192.0.2.1/a.efi\"\n\n[[options]]\ncode = 66\ntext = \"tftp.example\"\n",
        ),
        &[".boot_file_name: is not booted: netboot.allowPXE is not true"],
    );
    check(
        &format!("{GOOD}, boot_file_name: 'http://u:hunter2@192.0.2.1/a b'"),
        Some(""),
        &[
            ".boot_file_name: the value is not a URL: it contains a blank or a control character; left out",
        ],
    );
}

/// Where none of a list is right, that of the subnet is in force; where it is empty, none is.
#[test]
fn lists_of_wrong_values() {
    #[track_caller]
    fn check(dhcp: &str, dns: Option<&[[u8; 4]]>, routes: Option<usize>) {
        let subnet = format!(
            "{SUBNET}routes = [{{ destination = \"10.9.0.0/16\", router = \"10.0.0.3\" }}]\n"
        );
        let dhcp = format!("mac: '52:54:00:00:00:01', ip: {{address: 10.0.0.11}}, {dhcp}");
        let (loaded, _) = read(&[("a.yaml", &record("n", &dhcp))], &subnet).unwrap();
        let own = &loaded.config.hosts[0].network;
        let dns = dns.map(|dns| dns.iter().map(|ip| Ipv4Addr::from(*ip)).collect::<Vec<_>>());
        assert_eq!((&own.dns, own.routes.as_ref().map(Vec::len)), (&dns, routes), "{dhcp}");
    }
    check("name_servers: [8.8.8]", None, None);
    check("name_servers: [8.8.8, 9.9.9.9]", Some(&[[9, 9, 9, 9]]), None);
    check("name_servers: []", Some(&[]), None);
    check("name_servers: ['']", None, None);
    check("name_servers: [~, 9.9.9.9]", Some(&[[9, 9, 9, 9]]), None);
    check("classless_static_routes: ['']", None, None);
    check("classless_static_routes: [{router: 10.0.0.1}]", None, None);
    check("classless_static_routes: []", None, Some(0));
}

/// Another thing than the record says is never booted.
#[test]
fn what_is_wrong_is_not_booted() {
    #[track_caller]
    fn check(dhcp: &str, netboot: &str, boots: bool, said: &[&str]) {
        let dhcp = format!("mac: '52:54:00:00:00:01', ip: {{address: 10.0.0.11}}{dhcp}");
        let netboot = format!("}}, netboot: {{allowPXE: true{netboot}}}}}]}}");
        let text = record("n", &dhcp).replace("}}]}", &netboot);
        let (loaded, warnings) = read(&[("a.yaml", &text)], SUBNET).unwrap();
        let told = warnings.iter().map(|line| line.replace("a.yaml:4: n.spec.interfaces[0]", ""));
        assert_eq!(told.collect::<Vec<_>>(), said, "{text}");
        assert_eq!(loaded.config.hosts[0].netboot, boots, "{text}");
    }
    const OUT: &str = ": the machine is not booted: what it boots is wrong";
    check("", "", true, &[]);
    check(
        ", boot_file_name: own.efi, hostname: a_b",
        "",
        true,
        &[
            ".dhcp.hostname: \"a_b\" is not a host name: letters, digits and inner hyphens only; left out",
        ],
    );
    check(
        ", boot_file_name: []",
        "",
        false,
        &[".dhcp.boot_file_name: expected a string, found array; left out", OUT],
    );
    check(
        "",
        ", ipxe: {url: x}",
        false,
        &[
            ".netboot.ipxe.url: the value is not a URL that begins with http:// or https://; left out",
            OUT,
        ],
    );
    check(
        "",
        ", osie: {baseURL: x}",
        false,
        &[
            ".netboot.osie.baseURL: the value is not a URL that begins with http:// or https://; left out",
            OUT,
        ],
    );
    check(
        ", boot_file_name: own.efi",
        ", ipxe: {url: x}",
        false,
        &[
            ".netboot.ipxe.url: the value is not a URL that begins with http:// or https://; left out",
            OUT,
        ],
    );
    check(
        "",
        ", osie: {kernelParams: ['', a]}",
        true,
        &[".netboot.osie.kernelParams[0]: is empty: left out"],
    );
    check(
        "",
        ", ipxe: 1",
        false,
        &[".netboot.ipxe: expected a table, found string; left out", OUT],
    );
}

/// A document that is no record, or cannot be told what it is, and records of which the options do not fit.
#[test]
fn a_record_stops_no_other() {
    let good = |n: u8| {
        let dhcp = format!("mac: '52:54:00:00:00:{n}', ip: {{address: 10.0.0.{n}}}");
        record(&format!("n{n}"), &dhcp)
    };
    let check = |between: &str, said: &str| {
        let text = good(11) + between + &good(13);
        let (loaded, warnings) = read(&[("a.yaml", &text)], SUBNET).unwrap();
        let left: Vec<_> = loaded.config.hosts.iter().map(|host| host.ip.octets()[3]).collect();
        assert_eq!((left.as_slice(), warnings.join("|").as_str()), (&[11, 13][..], said));
    };
    check("---\nfoo\n", "a.yaml:6: expected an object or a list of them; left out");
    check("---\n- 5\n", "a.yaml:6: expected an object; left out");
    check(
        "---\nkind: Hardware\nspec: {auto: 1, auto: 2}\n",
        "a.yaml:7: the record has \"auto\" twice; left out",
    );
    let deep = format!("---\nspec: {}{}\n", "[".repeat(40), "]".repeat(40));
    check(&deep, "a.yaml:6: is nested too deeply; left out");
    check(
        "---\nspec: {? [a, {b: c}] : d, e: [f]}\n",
        "a.yaml:6: a key must be a plain word; left out",
    );
    check("---\n? [a] : b\nspec: {}\n", "a.yaml:6: a key must be a plain word; left out");
    check(
        "---\nspec: &a {b: *a}\n",
        "a.yaml:6: this alias stands for itself, or for what is left out; left out",
    );
    let many = format!("---\nspec: {{a: [{}], b: {{c: d}}}}\n", "x, ".repeat(100_000));
    check(&many, "a.yaml:6: an object has more than 100000 values; left out");
    check("---\n52:54:00:00:00:02:\n", "a.yaml:6: the machine has no fields: it is left out");
    let bad = |dhcp: &str| {
        record("bad", &format!("mac: '52:54:00:00:00:02', ip: {{address: 10.0.0.12}}, {dhcp}"))
    };
    let limit = |bytes: u16| {
        format!(
            "a.yaml:8: bad.spec.interfaces[0]: its DHCP options take {bytes} bytes, 1188 is the limit: \
             leave some out or shorten them; the machine is left out"
        )
    };
    let list = |count: usize, item: &str| vec![item; count].join(", ");
    let name = format!("tftp_server_name: {}", "x".repeat(1300));
    check(&bad(&name), &limit(1312));
    let route = "{destination_descriptor: 10.9.0.0/16, router: 10.0.0.3}";
    let routes = |count: usize| format!("classless_static_routes: [{}]", list(count, route));
    check(&bad(&routes(200)), &limit(1465));
    let servers = list(100, "10.0.0.4");
    let all = format!("name_servers: [{servers}], time_servers: [{servers}], {}", routes(70));
    check(&bad(&all), &limit(1349));
}

/// The first of two machines with one MAC or address stays, but for one of our own files.
#[test]
fn who_is_in_the_way_is_left_out() {
    let one = record("one", "mac: '52:54:00:00:00:01', ip: {address: 10.0.0.11}");
    let check = |toml: &str, second: &str, expect: &[u8], said: &str| {
        let yaml = one.clone() + &record("two", second);
        let (loaded, warnings) = read(&[("a.yaml", &yaml), ("b.toml", toml)], SUBNET).unwrap();
        let left: Vec<_> = loaded.config.hosts.iter().map(|host| host.ip.octets()[3]).collect();
        assert_eq!((left.as_slice(), warnings.join("|").as_str()), (expect, said));
    };
    let none = "|b.toml: has no hosts";
    let two = "mac: '52:54:00:00:00:02', ip: {address: 10.0.0.12}";
    check("", two, &[11, 12], "b.toml: has no hosts");
    check(
        "",
        "mac: '52:54:00:00:00:02', ip: {address: 10.0.0.11}",
        &[11],
        &format!(
            "a.yaml:8: two.spec.interfaces[0].dhcp.ip.address: 10.0.0.11 is already the address at \
             one.spec.interfaces[0].dhcp.ip.address (a.yaml:4); the machine is left out{none}"
        ),
    );
    check(
        "[[host]]\nmac = \"52:54:00:00:00:01\"\nip = \"10.0.0.13\"\n",
        two,
        &[12, 13],
        "a.yaml:4: one.spec.interfaces[0].dhcp.mac: 52:54:00:00:00:01 is already the MAC at host[0].mac \
         (b.toml:2); the machine is left out",
    );
}

/// Not everything is told, and no value of a key that may hold a secret.
#[test]
fn few_are_told() {
    let bad = |n: u8| {
        let netboot = "netboot: {allowPXE: true, ipxe: {url: 'http://u:hunter2@h/a b'}}";
        record(
            &format!("n{n}"),
            &format!("mac: '52:54:00:00:00:{n:02x}', ip: {{address: 10.0.0.{n}}}"),
        )
        .replace("}}]}", &format!("}}, {netboot}}}]}}"))
    };
    let text = (2..=40).map(bad).collect::<String>();
    let (loaded, warnings) = read(&[("a.yaml", &text)], SUBNET).unwrap();
    assert!(loaded.config.hosts.iter().all(|host| !host.netboot), "{warnings:#?}");
    assert_eq!((loaded.config.hosts.len(), warnings.len()), (39, 2 * 39));
    assert!(!warnings.join(" ").contains("hunter2"), "{warnings:#?}");
    assert!(loaded.warnings.to_string().lines().count() <= netboot_base::shortlist::MOST + 1);
}
