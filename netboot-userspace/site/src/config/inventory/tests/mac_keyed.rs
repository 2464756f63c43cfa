//! Smee's old files that are read or refused.

use super::check_hosts;

#[test]
fn read() {
    let text = "\
52:54:00:00:00:01:
  ipAddress: 10.0.0.11
  subnetMask: 255.255.255.0
  defaultGateway: 10.0.0.1
  nameServers: [10.0.0.9]
  hostname: one
  domainName: lab.test
  broadcastAddress: 10.0.0.255
  ntpServers: [10.0.0.8]
  vlanID: 400
  leaseTime: 3600
  arch: x86_64
  domainSearch: [a.test]
  netboot:
    allowPxe: true
    ipxeScriptUrl: http://m/one.ipxe
    ipxeScript: ''
    console: ttyS1,115200
    facility: onprem quiet
\"52-54-00-00-00-0A\": {ipAddress: 10.0.0.12, extra: 1}
52:54:00:00:00:03: {ipAddress: 10.0.0.13, disabled: true}
";
    let one = "mac = \"52:54:00:00:00:01\"\nip = \"10.0.0.11\"\nhostname = \"one\"\nnetboot = true\n\
               script = \"http://m/one.ipxe\"\nboot-vlan = 400\nlease-time = \"1h\"\ndns = [\"10.0.0.9\"]\n\
               ntp = [\"10.0.0.8\"]\ndomain = \"lab.test\"\nsearch = [\"a.test\"]\n\n\
               [script-settings]\narch = \"x86_64\"\nfacility = \"onprem\"\n\
               consoles = [\"ttyS1,115200\"]\nkernel-params = [\"quiet\"]\n";
    let two = "mac = \"52:54:00:00:00:0a\"\nip = \"10.0.0.12\"\nnetboot = false\n";
    let warnings = [
        "a.yaml:20: 52-54-00-00-00-0A.extra: unknown field \"extra\": left out, wherever it stands",
        "a.yaml:21: 52:54:00:00:00:03.disabled: the machine is disabled: it is left out",
    ];
    check_hosts("a.yaml", text, &[one, two], &warnings);
}

#[test]
fn what_is_wrong_is_left_out() {
    let warnings = [
        "a.yml:1: 52:54:00:00:00:01.ipAddress: is missing; left out",
        "a.yml:1: is neither Tinkerbell's Hardware nor a map from MAC addresses; left out",
        "a.yml:1: 52:54:00:00:00:01: the machine is left out: it has no MAC or address that can be served",
        "a.yml:2: 01:54:00:00:00:02: 01:54:00:00:00:02 is a group address, not a machine's; left out",
        "a.yml:2: 01:54:00:00:00:02: the machine is left out: it has no MAC or address that can be served",
        "a.yml:4: 52:54:00:00:00:03.domainSearch[0]: \"a_b\" is not a host name: letters, digits and inner hyphens only; left out",
        "a.yml:4: 52:54:00:00:00:03.nameServers[0]: \"8.8.8\" is not an IPv4 address; left out",
        "a.yml:5: 52:54:00:00:00:04.netboot.ipxeScriptUrl: the value is not a URL that begins with http:// or https://; left out",
        "a.yml:5: 52:54:00:00:00:04.netboot: the machine is not booted: what it boots is wrong",
    ];
    let text = "52:54:00:00:00:01: {}\n01:54:00:00:00:02: {ipAddress: 10.0.0.12}\nnode: 1\n\
                52:54:00:00:00:03: {ipAddress: 10.0.0.13, nameServers: [8.8.8, 9.9.9.9], domainSearch: [a_b]}\n\
                52:54:00:00:00:04: {ipAddress: 10.0.0.14, netboot: {allowPxe: true, ipxeScriptUrl: x}}\n";
    let host = |n: u8, rest: &str| {
        format!("mac = \"52:54:00:00:00:0{n}\"\nip = \"10.0.0.1{n}\"\nnetboot = false\n{rest}")
    };
    let hosts = [host(3, "dns = [\"9.9.9.9\"]\n"), host(4, "")];
    check_hosts("a.yml", text, &hosts.each_ref().map(String::as_str), &warnings);
}
