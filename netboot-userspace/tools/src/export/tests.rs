//! Tests of exports for each server.

mod accepted;

use std::{net::Ipv4Addr, sync::Arc};

use ipnet::Ipv4Net;
use netboot_ebpf::shared::{Mac, Vlan};
use netboot_site::model::{Architecture, DhcpOption, Host, Subnet};

use super::*;

const MAC: Mac = Mac { octets: [0x52, 0x54, 0, 0, 0, 1] };

fn site() -> Config {
    let mut config = Config::unconfigured();
    config.dhcp.mode = DhcpMode::Off;
    config.dhcp.server_address = Some(Ipv4Addr::new(10, 0, 0, 9));
    config.subnets = vec![Subnet::new("10.0.0.0/24".parse().unwrap())];
    config.boot.files.insert(Architecture::X86Bios, "undionly.kpxe".to_owned());
    config.hosts = vec![host(|_| {})];
    config
}

fn host(change: impl FnOnce(&mut Host)) -> Arc<Host> {
    let mut host = Host { mac: MAC, ip: Ipv4Addr::new(10, 0, 0, 5), ..Host::default() };
    change(&mut host);
    Arc::new(host)
}

fn exported(server: ServerKind, change: impl FnOnce(&mut Config)) -> anyhow::Result<Exported> {
    let mut config = site();
    change(&mut config);
    export(server, config, &BTreeMap::new())
}

/// The lines of the configurations: dnsmasq's, Kea's, dhcpd's.
#[track_caller]
fn check(change: impl Fn(&mut Config), expect: [&str; 3]) {
    let servers = [ServerKind::Dnsmasq, ServerKind::Kea, ServerKind::Dhcpd];
    for (server, expect) in servers.into_iter().zip(expect) {
        let text = exported(server, &change).unwrap().text;
        let has = text.lines().any(|line| line.trim().trim_end_matches(',') == expect);
        assert!(has, "{server:?}: {expect}\n{text}");
    }
}

/// A note, which is also a comment.
#[track_caller]
fn check_note(server: ServerKind, change: impl FnOnce(&mut Config), expect: &str) {
    let Exported { text, notes } = exported(server, change).unwrap();
    assert!(notes.iter().any(|note| note.contains(expect)), "{notes:?}");
    let unfolded = text.replace(['#', '/'], " ");
    let unfolded = unfolded.split_whitespace().collect::<Vec<_>>().join(" ");
    let expect = expect.replace(['#', '/'], " ");
    assert!(unfolded.contains(expect.trim()), "{text}");
}

#[track_caller]
fn check_error(server: ServerKind, change: impl FnOnce(&mut Config), expect: &str) {
    let error = format!("{:#}", exported(server, change).unwrap_err());
    assert!(error.contains(expect), "{error}");
}

#[test]
fn reservations() {
    check(
        |_| {},
        [
            "dhcp-host=52:54:00:00:00:01,10.0.0.5",
            r#"{ "hw-address": "52:54:00:00:00:01", "ip-address": "10.0.0.5" }"#,
            "hardware ethernet 52:54:00:00:00:01;",
        ],
    );
    check(
        |config| config.hosts = vec![host(|own| own.hostname = Some("a.b".to_owned()))],
        [
            "dhcp-option-force=tag:net1-host1,12,\"a.b\"",
            r#"{ "hw-address": "52:54:00:00:00:01", "ip-address": "10.0.0.5", "hostname": "a.b" }"#,
            "option host-name \"a.b\";",
        ],
    );
    check(
        |config| config.hosts = vec![host(|own| own.netboot = false)],
        [
            "dhcp-host=52:54:00:00:00:01,set:own-script,set:own-boot,10.0.0.5",
            r#"{ "hw-address": "52:54:00:00:00:01", "ip-address": "10.0.0.5", "client-classes": [ "own-script", "own-boot" ] }"#,
            "# Machines of 10.0.0.0/24 that get nothing to boot",
        ],
    );
}

#[test]
fn names_that_dnsmasq_takes_for_something_else() {
    for name in ["10h", "52", "ignore", "Infinite"] {
        let named = |config: &mut Config| {
            config.hosts = vec![host(|own| own.hostname = Some(name.to_owned()))];
        };
        let text = exported(ServerKind::Dnsmasq, named).unwrap().text;
        let line = format!("dhcp-option-force=tag:net1-host1,12,\"{name}\"\n");
        assert!(text.contains(&line), "{text}");
    }
}

#[test]
fn texts_are_escaped() {
    let class = |class: &'static str| {
        move |config: &mut Config| config.boot.script_user_classes = vec![class.to_owned()]
    };
    let text = |server: ServerKind| exported(server, class("a\"b\\c'\n")).unwrap().text;
    assert!(text(ServerKind::Kea).contains("option[77].hex == 0x6122625c63270a or "));
    assert!(text(ServerKind::Dhcpd).contains(r#"if option user-class = "a\"b\\c'\012" or "#));
    check_error(
        ServerKind::Dnsmasq,
        class("a\"b\\c'\n"),
        r#"boot: script-user-classes: "a\"b\\c'\n" has a control character"#,
    );
    let text = exported(ServerKind::Dnsmasq, class("a\"b\\c'")).unwrap().text;
    assert!(text.contains("dhcp-userclass=set:script,\"a\\\"b\\\\c'\"\n"), "{text}");
}

#[test]
fn what_dnsmasq_cannot_take_names_host_and_field() {
    let option = |value: &'static [u8]| {
        move |config: &mut Config| {
            let own = DhcpOption { code: 66, value: value.to_vec() };
            config.hosts = vec![host(|host| host.options = vec![own])];
        }
    };
    let who = "host 52:54:00:00:00:01 (10.0.0.5): option 66: 61:0a:62 is not what dnsmasq takes";
    check_error(ServerKind::Dnsmasq, option(b"a\nb"), who);
    for server in [ServerKind::Kea, ServerKind::Dhcpd] {
        let text = exported(server, option(b"a\ndhcp-host=x")).unwrap().text;
        assert!(!text.contains("\ndhcp-host"), "{text}");
    }
    let many = |config: &mut Config| {
        let value = [192, 168, 100, 100].repeat(63);
        let own = DhcpOption { code: 224, value };
        config.hosts = vec![host(|host| host.options = vec![own])];
    };
    // In hexadecimal it fits a line; as addresses it would not.
    assert!(exported(ServerKind::Dnsmasq, many).is_ok());
    let many = |config: &mut Config| config.subnets[0].dns = vec![[192, 168, 100, 100].into(); 63];
    check_error(ServerKind::Dnsmasq, many, "dnsmasq reads 1024");
}

#[test]
fn subnets() {
    check(
        subnet_in(|own| own.routers = vec![Ipv4Addr::new(10, 0, 0, 1)]),
        [
            "dhcp-option-force=tag:net1,option:router,10.0.0.1",
            r#"{ "name": "routers", "data": "10.0.0.1", "always-send": true }"#,
            "option routers 10.0.0.1;",
        ],
    );
    let routes = vec![("10.1.0.0/16".parse::<Ipv4Net>().unwrap(), Ipv4Addr::new(10, 0, 0, 2))];
    check(
        subnet_in(move |own| own.routes.clone_from(&routes)),
        [
            "dhcp-option-force=tag:net1,option:classless-static-route,10.1.0.0/16,10.0.0.2",
            r#"{ "code": 121, "csv-format": false, "data": "100a010a000002", "always-send": true }"#,
            "option classless-static-routes 10:0a:01:0a:00:00:02;",
        ],
    );
    let routes = vec![("10.1.0.0/16".parse::<Ipv4Net>().unwrap(), Ipv4Addr::new(10, 0, 0, 2))];
    check(
        subnet_in(move |own| {
            own.routes.clone_from(&routes);
            own.routers = vec![Ipv4Addr::new(10, 0, 0, 1)];
        }),
        [
            "dhcp-option-force=tag:net1,option:classless-static-route,10.1.0.0/16,10.0.0.2,0.0.0.0/0,10.0.0.1",
            r#"{ "code": 121, "csv-format": false, "data": "100a010a000002000a000001", "always-send": true }"#,
            "option classless-static-routes 10:0a:01:0a:00:00:02:00:0a:00:00:01;",
        ],
    );
    check(
        subnet_in(|own| own.lease_time = Some(std::time::Duration::from_secs(600))),
        [
            "dhcp-range=set:net1,10.0.0.0,static,255.255.255.0,600",
            "\"valid-lifetime\": 600",
            "max-lease-time 600;",
        ],
    );
}

fn subnet_in(change: impl Fn(&mut Subnet)) -> impl Fn(&mut Config) {
    move |config: &mut Config| config.subnets.iter_mut().for_each(&change)
}

/// What one host must not get, the others get one by one.
#[test]
fn what_a_host_leaves_out() {
    let change = |config: &mut Config| {
        config.subnets[0].dns = vec![Ipv4Addr::new(10, 0, 0, 1)];
        let other = |own: &mut Host| {
            own.mac.octets[5] = 2;
            own.ip = Ipv4Addr::new(10, 0, 0, 6);
            let network = netboot_site::model::NetworkOverrides {
                dns: Some(Vec::new()),
                ..Default::default()
            };
            own.network = network.into();
        };
        config.hosts.push(host(other));
    };
    let text = exported(ServerKind::Dhcpd, change).unwrap().text;
    let (subnets, hosts) = text.split_once("group {").unwrap();
    assert!(!subnets.contains("domain-name-servers"), "{subnets}");
    assert_eq!(hosts.matches("option domain-name-servers 10.0.0.1;").count(), 1, "{hosts}");
}

#[test]
fn notes() {
    let quirk = |config: &mut Config| {
        config.hosts = vec![host(|own| {
            own.quirks =
                netboot_site::model::Quirks { never_nak: Some(true), ..Default::default() }.into();
        })];
    };
    for server in [ServerKind::Dnsmasq, ServerKind::Kea, ServerKind::Dhcpd] {
        check_note(server, quirk, "quirk never-nak: no setting does this");
        check_note(
            server,
            subnet_in(|own| own.vlan = Vlan { ids: [7, 0] }),
            "10.0.0.0/24 is VLAN 7",
        );
        let vlan = |config: &mut Config| {
            config.hosts = vec![host(|own| own.vlan = Vlan { ids: [7, 0] })];
        };
        check_note(server, vlan, "its frames are in VLAN 7, which only netboot looks at");
        let twice = |config: &mut Config| {
            config.hosts.push(host(|own| {
                own.vlan = Vlan { ids: [7, 0] };
                own.ip = Ipv4Addr::new(10, 0, 0, 6);
            }));
        };
        check_note(server, twice, "host 52:54:00:00:00:01 (10.0.0.6) is left out");
        let mode = |config: &mut Config| config.dhcp.mode = DhcpMode::Proxy;
        let notes = exported(server, mode).unwrap().notes;
        assert!(notes[0].starts_with("set dhcp.mode = \"off\""), "{notes:?}");
    }
}

#[test]
fn relays_outside_their_subnet() {
    let relays = |relays: &'static [&'static str]| {
        subnet_in(move |own| own.relays = relays.iter().map(|net| net.parse().unwrap()).collect())
    };
    let kea = exported(ServerKind::Kea, relays(&["10.255.0.7/32", "10.254.0.0/24"])).unwrap().text;
    assert!(kea.contains(r#""relay": { "ip-addresses": [ "10.255.0.7" ] },"#), "{kea}");
    let network = "10.0.0.0/24: Kea knows single relays only: name those of 10.254.0.0/24";
    check_note(ServerKind::Kea, relays(&["10.254.0.0/24"]), network);
    for server in [ServerKind::Dnsmasq, ServerKind::Dhcpd] {
        let outside = "its relays outside (10.255.0.7/32) must have one in it, or tell the link";
        check_note(server, relays(&["10.255.0.7/32"]), outside);
    }
}

#[test]
fn hosts_with_the_same_note_share_it() {
    let change = |config: &mut Config| {
        config.hosts = (1..=5)
            .map(|at| {
                host(|own| {
                    own.mac.octets[5] = at;
                    own.ip = Ipv4Addr::new(10, 0, 0, at);
                    let quirks =
                        netboot_site::model::Quirks { min_size: Some(400), ..Default::default() };
                    own.quirks = quirks.into();
                })
            })
            .collect();
    };
    let notes = exported(ServerKind::Kea, change).unwrap().notes;
    let expect = "host 52:54:00:00:00:01 (10.0.0.1), host 52:54:00:00:00:02 (10.0.0.2), \
                  host 52:54:00:00:00:03 (10.0.0.3) and 2 more: quirk min-size: no setting does this";
    assert!(notes.iter().any(|note| note == expect), "{notes:#?}");
}

#[test]
fn where_files_are_loaded_from() {
    let unknown = |config: &mut Config| config.dhcp.server_address = None;
    check_error(
        ServerKind::Kea,
        unknown,
        "subnet 10.0.0.0/24: no interface of this node has an address in it, so where its machines load \
         their files is not known: set its server-address, or dhcp.server-address",
    );
    check_error(ServerKind::Kea, |config| config.subnets.clear(), "there is no [[subnet]]");
    let own = |config: &mut Config| {
        config.dhcp.server_address = None;
        config.subnets[0].server_address = Some(Ipv4Addr::new(10, 0, 0, 8));
    };
    let text = exported(ServerKind::Dhcpd, own).unwrap().text;
    assert!(text.contains("filename \"http://10.0.0.8/auto.ipxe\";"), "{text}");
}

/// Either of its MACs gets the address.
#[test]
fn machines_of_several_macs() {
    let other = Mac { octets: [0x52, 0x54, 0, 0, 0, 2] };
    let several = |config: &mut Config| {
        let one = Host { nics: vec![MAC, other].into(), ..Host::clone(&host(|_| {})) };
        config.hosts = one.for_each_mac().map(Arc::new).collect();
    };
    let text = |server, change: &dyn Fn(&mut Config)| exported(server, change).unwrap().text;
    let lines = |server, with: &str| {
        let found: Vec<_> = text(server, &several)
            .lines()
            .filter(|line| line.contains(with))
            .map(str::trim)
            .map(str::to_owned)
            .collect();
        found
    };
    assert_eq!(
        lines(ServerKind::Dnsmasq, "dhcp-host="),
        ["dhcp-host=52:54:00:00:00:01,52:54:00:00:00:02,10.0.0.5"]
    );
    assert_eq!(
        lines(ServerKind::Kea, "ip-reservations-unique"),
        ["\"ip-reservations-unique\": false,"]
    );
    assert_eq!(lines(ServerKind::Kea, "10.0.0.5\"").len(), 2);
    assert_eq!(lines(ServerKind::Dhcpd, "fixed-address"), ["fixed-address 10.0.0.5;"; 2]);
    assert!(!text(ServerKind::Kea, &|_| {}).contains("ip-reservations-unique"));
    check_note(ServerKind::Kea, several, "one address for several MACs");
    let unlike = |config: &mut Config| {
        several(config);
        let quirks =
            netboot_site::model::Quirks { always_broadcast: Some(true), ..Default::default() };
        config.quirks =
            vec![netboot_site::model::QuirkRow { oui: [2, 0, 0], quirks, reason: String::new() }];
        for host in &mut config.hosts {
            let host = Arc::make_mut(host);
            let own = if host.mac == MAC { MAC } else { Mac { octets: [2, 0, 0, 0, 0, 2] } };
            (host.mac, host.nics) = (own, vec![MAC, Mac { octets: [2, 0, 0, 0, 0, 2] }].into());
        }
    };
    check_note(ServerKind::Dnsmasq, unlike, "dnsmasq tells it the same whichever MAC asks");
}
