//! Tinkerbell's Hardware that is read or refused.

use std::path::Path;

use super::{SUBNET, check, check_hosts, read};
use crate::config::{inventory::yaml::split, problem::Report, source_text::SourceText};

const FULL: &str = r#"apiVersion: tinkerbell.org/v1alpha1
kind: Hardware
metadata: {name: node1, namespace: default, labels: {a: b}}
spec:
  agentID: agent-1
  metadata: {facility: {facility_code: "onprem console=ttyS1,115200"}, state: provisioning}
  disks: [{device: /dev/sda}]
  interfaces:
  - disableDhcp: false
    dhcp:
      mac: "52:54:00:AA:88:2A"
      hostname: sandbox
      domain_name: example.com
      lease_time: 3600
      name_servers: [8.8.8.8, "2001:4860:4860::8888"]
      time_servers: [10.0.0.8, pool.ntp.org]
      arch: aarch64
      uefi: true
      iface_name: eth0
      ip: {address: 10.0.0.15, netmask: 255.255.255.0, gateway: 10.0.0.254, family: 4}
      vlan_id: "400"
      classless_static_routes: [{destination_descriptor: 10.8.0.0/16, router: 10.0.0.10}]
      tftp_server_name: 10.0.0.77
      boot_file_name: ""
    netboot:
      allowPXE: true
      allowWorkflow: true
      ipxe:
        url: ""
        contents: |
          echo hi
        binary: own.efi
      osie: {baseURL: "http://m/hook", kernel: k, initrd: i, kernelParams: ["a=1 b", c]}
      pxelinux: {config: ""}
      rpi: {serialNum: "", firmwarePath: "", configTxt: ""}
    isoboot: {sourceISO: ""}
  - dhcp: {mac: 52-54-00-aa-88-2b, ip: {address: 10.0.0.16, gateway: 10.0.0.1}, lease_time: 0, vlan_id: "0", name_servers: [10.0.0.2]}
"#;

const FIRST: &str = "mac = \"52:54:00:aa:88:2a\"\nip = \"10.0.0.15\"\nhostname = \"sandbox\"\n\
    netboot = true\nscript = \"\"\"\n#!ipxe\necho hi\n\"\"\"\nboot-file = \"own.efi\"\nboot-vlan = 400\n\
    lease-time = \"1h\"\nrouters = [\"10.0.0.254\"]\ndns = [\"8.8.8.8\"]\nntp = [\"10.0.0.8\"]\ndomain = \"example.com\"\n\
    search = [\"example.com\"]\n\n[[routes]]\ndestination = \"10.8.0.0/16\"\nrouter = \"10.0.0.10\"\n\n\
    [[options]]\ncode = 66\ntext = \"10.0.0.77\"\n\n[script-settings]\ndownload-url = \"http://m/hook\"\n\
    arch = \"aarch64\"\nkernel = \"k\"\ninitrd = \"i\"\nfacility = \"onprem\"\nworker-id = \"agent-1\"\n\
    kernel-params = [\"console=ttyS1,115200\", \"a=1 b\", \"c\"]\n";

/// A second interface says little; what its subnet says too is not repeated.
const SECOND: &str = "mac = \"52:54:00:aa:88:2b\"\nip = \"10.0.0.16\"\nnetboot = false\n\n\
    [script-settings]\nfacility = \"onprem\"\nworker-id = \"agent-1\"\n\
    kernel-params = [\"console=ttyS1,115200\"]\n";

/// A record of one interface, which is lines 2 to 4.
pub(super) fn record(name: &str, dhcp: &str) -> String {
    format!(
        "---\nkind: Hardware\nmetadata: {{name: {name}}}\nspec: {{interfaces: [{{dhcp: {{{dhcp}}}}}]}}\n"
    )
}

#[test]
fn every_field() {
    let warnings = [
        "a.yaml:15: node1.spec.interfaces[0].dhcp.name_servers[1]: \"2001:4860:4860::8888\" is left out: no IPv4 address",
        "a.yaml:16: node1.spec.interfaces[0].dhcp.time_servers[1]: \"pool.ntp.org\" is left out: no IPv4 address",
    ];
    check_hosts("a.yaml", FULL, &[FIRST, SECOND], &warnings);
    let (loaded, _) = read(&[("a.yaml", FULL)], SUBNET).unwrap();
    let vlans: Vec<_> = loaded.config.hosts.iter().map(|host| host.boot_vlan).collect();
    assert_eq!(vlans, [Some(400), None]);
    assert_eq!(loaded.origins[1].line, 37);
}

#[test]
fn the_forms_of_a_file() {
    let [a, b] = ["52:54:00:00:00:01", "52:54:00:00:00:02"];
    let record = |mac: &str, last: u8| {
        format!(
            "{{kind: Hardware, metadata: {{name: n}}, spec: {{interfaces: [{{dhcp: {{mac: '{mac}', ip: {{address: 10.0.0.{last}}}}}}}]}}}}"
        )
    };
    let (one, two) = (record(a, 1 + 10), record(b, 2 + 10));
    let expect = [(a, 11), (b, 12)]
        .map(|(mac, last)| format!("mac = \"{mac}\"\nip = \"10.0.0.{last}\"\nnetboot = false\n"));
    let expect: Vec<_> = expect.iter().map(String::as_str).collect();
    for text in [
        format!("{one}\n---\n{two}\n"),
        format!("\u{feff}# two\n---\n---\n{one}\n...\n---\r\n{two}\n---\n"),
        format!("%YAML 1.2\n---\n{one}\n...\n%YAML 1.2\n---\n{two}\n"),
        format!("- {one}\n- {two}\n-\n"),
        format!("kind: List\napiVersion: v1\nitems:\n- {one}\n- {two}\n"),
        format!("apiVersion: v1\nitems: [{one}, {two}]\nkind: HardwareList\nmetadata: {{}}\n"),
        format!("- &a {one}\n- {two}\n"),
    ] {
        check_hosts("a.yaml", &text, &expect, &[]);
    }
    check_hosts(
        "a.json",
        "{\"kind\": \"Hardware\", \"spec\": {\"interfaces\": [{\"dhcp\": {\"mac\": \"52:54:00:00:00:01\", \"ip\": {\"address\": \"10.0.0.11\"}}}]}}",
        &expect[..1],
        &[],
    );
}

const KUBECTL: &str = "kind: List\nmetadata:\n  resourceVersion: \"\"\n";

/// The first lines of the parts that files are read in.
#[test]
fn parts() {
    let check = |text: String, expect: &[usize]| {
        let report = Report::default();
        let source = SourceText::new(Path::new("a.yaml"), text.into_bytes(), &report).unwrap();
        let parts = split(&source, 2);
        assert_eq!(parts.iter().map(|(line, _)| *line).collect::<Vec<_>>(), expect);
        assert_eq!(parts.into_iter().map(|(_, part)| part).collect::<String>(), source.text());
    };
    check(many("---\n", "", ""), &[1, 405]);
    check(many("- ", "  ", ""), &[1, 304]);
    check(many("- ", "  ", "- &x\n"), &[1]);
    let items = "apiVersion: v1\nitems:\n";
    check(many("- ", "  ", items) + KUBECTL, &[1, 306, 603]);
    check(many("- ", "  ", &format!("kind: List\n{items}")), &[1, 307]);
    check(many("- ", "  ", items) + "metadata: {}\n", &[1]);
    check(many("- ", "  ", items) + "kind: List\n---\n" + KUBECTL, &[1, 604]);
    check(many("- ", "  ", &format!("spec: {{}}\n{items}")), &[1]);
}

#[test]
fn many_machines_keep_order_and_lines() {
    // As documents, as a list, as lists in documents and with an element that another refers to.
    check_many("---\n", "", "", "");
    check_many("- ", "  ", "", "");
    check_many("- ", "  ", "# all\n---\n", "");
    check_many("---\n- ", "  ", "", "");
    check_many("- ", "  ", "- &x\n", "");
    // As kubectl writes it, and otherwise.
    check_many("- ", "  ", "apiVersion: v1\nitems:\n", KUBECTL);
    check_many("- ", "  ", "apiVersion: v1\nitems:\n", "kind: HardwareList\n");
    check_many("- ", "  ", "kind: List\nitems:\n", "");
    check_many("- ", "  ", "kind: List\nitems:\n", "metadata: {}\n");
    check_many("  - ", "    ", "apiVersion: v1\nitems:\n", KUBECTL);
    let broken = format!("{}---\nkind: [\n", many("---\n", "", ""));
    check(
        "a.yaml",
        &broken,
        &["a.yaml:803: while parsing a node, did not find expected node content"],
    );
}

/// 200 machines of three or four lines, whose last tells the MAC.
fn many(mark: &str, indent: &str, head: &str) -> String {
    let machine = |n: u8| {
        let dhcp = format!("{{mac: '52:54:00:00:00:{n:02x}', ip: {{address: 10.0.0.{}}}}}", n + 10);
        format!(
            "{mark}kind: Hardware\n{indent}metadata: {{name: n{n}}}\n\
             {indent}spec: {{interfaces: [{{dhcp: {dhcp}}}]}}\n"
        )
    };
    head.to_owned() + &(1..=200).map(machine).collect::<String>()
}

#[track_caller]
fn check_many(mark: &str, indent: &str, head: &str, tail: &str) {
    let text = many(mark, indent, head) + tail;
    let (loaded, warnings) = read(&[("a.yaml", &text)], SUBNET).unwrap();
    assert_eq!(warnings, Vec::<String>::new(), "{mark:?} {head:?}");
    let found = loaded.config.hosts.iter().zip(&loaded.origins);
    let found: Vec<_> = found.map(|(host, origin)| (host.mac.octets[5], origin.line)).collect();
    let lines = 3 + mark.matches('\n').count();
    let first = head.matches('\n').count();
    let expect: Vec<_> = (1..=200).map(|n: u8| (n, first + lines * usize::from(n))).collect();
    assert_eq!(found, expect, "{mark:?} {head:?}");
}

#[test]
fn left_out_with_a_warning() {
    let check = |text: &str, expect: &str| {
        check_hosts("a.yaml", text, &[], &["a.yaml: has no hosts", expect])
    };
    check(
        "kind: Template\nmetadata: {name: t}\n",
        "a.yaml:1: t.kind: Template is no Hardware: left out",
    );
    check(
        "kind: Hardware\nspec: {interfaces: [{disableDhcp: true, dhcp: {}}]}\n",
        "a.yaml:2: spec.interfaces[0].disableDhcp: DHCP is disabled for this interface: it is left out",
    );
    for spec in ["{}", "{interfaces: []}", "{interfaces: ~}"] {
        check(
            &format!("metadata: {{name: n}}\nspec: {spec}\n"),
            "a.yaml:2: n.spec.interfaces: has no interfaces: there is no machine in it",
        );
    }
    check(
        "kind: Hardware\nspec: {interfaces: ['']}\n",
        "a.yaml:2: spec.interfaces[0]: expected a table, found string; left out",
    );
    check(
        "kind: Hardware\nspec: {interfaces: [{netboot: {allowPXE: true}}]}\n",
        "a.yaml:2: spec.interfaces[0]: the interface has no dhcp: it is left out",
    );
    check(
        &record("n", "mac: '52:54:00:00:00:01', ip: {address: 'fd00::1', family: 6}"),
        "a.yaml:4: n.spec.interfaces[0].dhcp.ip: DHCP is for IPv4 here: the interface is left out",
    );
}

#[test]
fn unknown_fields_are_told_once() {
    let record = |n: u8| {
        record(
            &format!("n{n}"),
            &format!("mac: '52:54:00:00:00:0{n}', ip: {{address: 10.0.0.1{n}, mask: 1}}"),
        )
    };
    let text = [1, 2, 3].map(record).concat();
    let (hosts, warnings) = super::hosts("a.yaml", &text);
    assert_eq!(hosts.len(), 3);
    let of_one = "a.yaml:4: n1.spec.interfaces[0].dhcp.ip.mask: unknown field \"mask\": left out, wherever it stands";
    assert_eq!(warnings.first().map(String::as_str), Some(of_one));
}

#[test]
fn refused_documents() {
    let check = |text: &str, expect: &str| check("a.yaml", text, &[expect]);
    check("a: 1\n", "a.yaml:1: is neither Tinkerbell's Hardware nor a map from MAC addresses");
    check("just text\n", "a.yaml:1: expected an object or a list of them");
    check("- 5\n", "a.yaml:1: expected an object");
    check("\nkind: Hardware\n", "a.yaml:2: has no spec");
    check(
        "kind: Hardware\napiVersion: tinkerbell.org/v1alpha2\nspec: {}\n",
        "a.yaml:2: apiVersion: \"tinkerbell.org/v1alpha2\" is not supported: tinkerbell.org/v1alpha1 is",
    );
    check(
        "kind: Hardware\nspec: {interfaces: []}\nspec: {}\n",
        "a.yaml:3: the record has \"spec\" twice",
    );
    check("kind: Hardware\n? [a]\n: b\n", "a.yaml:2: a key must be a plain word");
    check("kind: *x\n", "a.yaml:1: while parsing node, found unknown anchor");
    let deep = format!("a: {}{}\n", "[".repeat(40), "]".repeat(40));
    check(&deep, "a.yaml:1: is nested too deeply");
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..10 {
        let alias = format!("*a{}", n - 1);
        laughs.push_str(&format!("a{n}: &a{n} [{}]\n", [alias.as_str(); 10].join(", ")));
    }
    check(&laughs, "a.yaml:5: an object has more than 100000 values");
}

#[test]
fn subnets_are_made_of_netmasks() {
    let dhcp = |n: u8, ip: &str, mask: &str, gateway: &str| {
        record(
            &format!("n{n}"),
            &format!(
                "mac: '52:54:00:00:00:0{n}', ip: {{address: {ip}, netmask: {mask}, gateway: {gateway}}}"
            ),
        )
    };
    let made = |records: &[String]| read(&[("a.yaml", &records.concat())], "");
    let (loaded, _) = made(&[
        dhcp(1, "10.1.0.11", "255.255.255.0", "10.1.0.1"),
        dhcp(2, "10.2.0.11", "255.255.0.0", "10.2.0.1"),
        dhcp(3, "10.1.0.12", "255.255.255.0", "10.1.0.1"),
    ])
    .unwrap();
    let cidrs: Vec<_> =
        loaded.config.subnets.iter().map(|subnet| subnet.cidr.to_string()).collect();
    assert_eq!(cidrs, ["10.1.0.0/24", "10.2.0.0/16"]);
    let routers = loaded.config.hosts[2].network.routers.clone().unwrap();
    assert_eq!(routers, ["10.1.0.1".parse::<std::net::Ipv4Addr>().unwrap()]);

    let (loaded, warnings) = made(&[
        dhcp(1, "10.1.0.11", "255.255.255.0", "10.1.0.1"),
        dhcp(2, "10.1.0.12", "255.255.0.0", "10.1.0.1"),
        dhcp(3, "10.3.0.12", "255.255.255.255", "10.1.0.1"),
    ])
    .unwrap();
    assert_eq!(loaded.config.subnets.len(), 1);
    assert_eq!(
        warnings,
        [
            "a.yaml:8: n2.spec.interfaces[0].dhcp.ip.netmask: 10.1.0.0/16 overlaps 10.1.0.0/24; left out",
            "a.yaml:12: n3.spec.interfaces[0].dhcp.ip.netmask: 10.3.0.12/32 has room for the machine alone: no server or relay is in it; left out",
            "a.yaml:12: n3.spec.interfaces[0].dhcp.ip.address: 10.3.0.12 lies in no [[subnet]]; add a subnet or correct the address; the machine is left out",
        ]
    );
}

/// Interfaces of one record with one address are one machine's, where they have all else in common.
#[test]
fn several_interfaces_with_one_address() {
    let interface = |mac: u8, ip: u8, more: &str| {
        format!("{{dhcp: {{mac: '52:54:00:00:00:{mac:02x}', ip: {{address: 10.0.0.{ip}}}{more}}}}}")
    };
    let record = |interfaces: &[String]| {
        format!(
            "kind: Hardware\nmetadata: {{name: n}}\nspec: {{interfaces: [{}]}}\n",
            interfaces.join(", ")
        )
    };
    let check = |text: &str, expect: &[(u8, u8, u8)], said: usize| {
        let (loaded, warnings) = read(&[("a.yaml", text)], SUBNET).unwrap();
        let hosts = loaded.config.hosts.iter();
        let found = hosts.map(|host| {
            let [.., own] = host.mac.octets;
            let [.., machine] = host.machine().octets;
            (own, machine, host.ip.octets()[3])
        });
        assert_eq!(found.collect::<Vec<_>>(), expect, "{text}");
        assert_eq!(warnings.len(), said, "{warnings:#?}");
    };
    let both = [interface(1, 11, ""), interface(2, 11, "")];
    check(&record(&both), &[(1, 1, 11), (2, 1, 11)], 0);
    let between = [interface(1, 11, ""), interface(3, 13, ""), interface(2, 11, "")];
    check(&record(&between), &[(1, 1, 11), (2, 1, 11), (3, 3, 13)], 0);
    check(&record(&[interface(1, 11, ""), interface(1, 11, "")]), &[(1, 1, 11)], 1);
    check(&record(&[interface(1, 11, ""), interface(2, 11, ", hostname: a")]), &[(1, 1, 11)], 1);
    // Of another record it is another machine.
    let two = format!("{}---\n{}", record(&both), record(&[interface(3, 11, "")]));
    check(&two, &[(1, 1, 11), (2, 1, 11)], 1);
}
