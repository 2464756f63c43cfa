//! `netboot probe` as a machine of real servers.

mod remedies;

use std::{fs, time::Duration};

use anyhow::{Context as _, Result, ensure};
use netboot_tests::{
    daemon::{Daemon, Xdp, binary},
    lab::{CLIENT, CLIENT_MAC, INTERFACE, Lab},
    machine::ipxe,
    namespace::{Namespace, connect},
    process::Process,
};
use serde_json::{Value, json};

use crate::{
    peers::{dnsmasq, dnsmasq_on},
    site::Site,
};

const DEADLINE: Duration = Duration::from_secs(120);
const RIGHT: &str = "right";
const WARNING: &str = "warning";
const WRONG: &str = "wrong";
const NO_BOOT: i32 = 4;
const BRIDGE: &str = "br0";

/// What a probe must find: a step, how it is, and words that are said of it.
type Expected<'e> = (&'e str, &'e str, &'e str);

/// A site whose files a machine can run.
fn site() -> Result<Site> {
    Site::new()?
        .with_distribution_ipxe()
        .file("undionly.kpxe", &fs::read(ipxe("undionly.kpxe")?)?)?
        .file("ipxe.efi", &fs::read(ipxe("ipxe.efi")?)?)?
        .file("vmlinuz-x86_64", b"a kernel")?
        .file("initramfs-x86_64", b"an initrd")
}

/// Plays a machine: the exit code, and what was found.
fn report(namespace: &Namespace, args: &[&str]) -> Result<(i32, Vec<Value>)> {
    let mut command = namespace.command(&binary()?.display().to_string());
    command.args(["probe", "--json"]).args(args);
    let output = Process::spawn(command)?.finish(DEADLINE)?;
    let text = format!("{}{}", output.stdout, output.stderr);
    let code = output.status.code().with_context(|| output.status.to_string())?;
    let reports: Vec<Value> = serde_json::from_str(&output.stdout).context(text)?;
    let [report] = reports.as_slice() else { anyhow::bail!("{reports:?}") };
    ensure!(report["boots"] == (code == 0), "{report:#}");
    Ok((code, report["findings"].as_array().context("no findings")?.clone()))
}

/// Plays a machine; each of these must be found.
fn check(
    namespace: &Namespace,
    args: &[&str],
    code: i32,
    expect: &[Expected<'_>],
) -> Result<Vec<Value>> {
    let (ended, found) = report(namespace, args)?;
    ensure!(ended == code, "it ends with {ended}: {found:#?}");
    for (step, state, words) in expect {
        let is_it = |finding: &Value| {
            let what = finding["what"].as_str().unwrap_or_default();
            finding["step"] == *step && finding["state"] == *state && what.contains(words)
        };
        ensure!(found.iter().any(is_it), "no {step} that is {state}, {words:?}: {found:#?}");
    }
    Ok(found)
}

/// The lines that are to be added, of the first finding of a step that has some.
fn lines<'f>(found: &'f [Value], step: &str) -> Result<&'f Value> {
    let is_it = |finding: &&Value| finding["step"] == step && finding["add"][0].is_object();
    let finding = found.iter().find(is_it).with_context(|| format!("{found:#?}"))?;
    Ok(&finding["add"][0]["lines"])
}

fn start(site: Site, lab: &Lab) -> Result<Daemon> {
    site.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)
}

/// The wire is a bridge on the client's side; this is one more node on it.
fn another_node(lab: &Lab) -> Result<Namespace> {
    let node = Namespace::new()?;
    connect((&node, INTERFACE), (&lab.client, "other0"))?;
    lab.client.ip(&["link", "set", "other0", "master", BRIDGE, "up"])?;
    Ok(node)
}

#[test]
fn netboots_own_machines_boot() -> Result<()> {
    let lab = Lab::new()?;
    let daemon = start(site()?, &lab)?;
    let all = [
        ("firmware", RIGHT, "192.168.2.144 by 192.168.2.112"),
        ("servers", RIGHT, "alone"),
        ("user class", RIGHT, "\"Tinkerbell\" gets http://192.168.2.112/auto.ipxe"),
        ("user class", RIGHT, "\"Tinkerbell\" (RFC 3004) gets http://192.168.2.112/auto.ipxe"),
        ("stock iPXE", RIGHT, "http://192.168.2.112/auto.ipxe"),
        ("script", RIGHT, "http://192.168.2.112/auto.ipxe"),
        ("kernel", RIGHT, "http://192.168.2.112/vmlinuz-x86_64 is there, 8 bytes"),
        ("initrd", RIGHT, "http://192.168.2.112/initramfs-x86_64 is there, 9 bytes"),
        ("log", RIGHT, "192.168.2.112, which listens at port 514"),
    ];
    for (args, binary) in [
        (&["--arch", "x86-bios"][..], "tftp://192.168.2.112/undionly.kpxe"),
        (&["--arch", "x86_64-uefi"], "tftp://192.168.2.112/ipxe.efi"),
        (&["--http"], "http://192.168.2.112/ipxe/ipxe.efi"),
    ] {
        let args = [&["--iface", INTERFACE][..], args].concat();
        let expect = [&all[..], &[("binary", RIGHT, binary)]].concat();
        let found = check(&lab.client, &args, 0, &expect)?;
        ensure!(found.iter().all(|finding| finding["state"] == RIGHT), "{found:#?}");
    }
    // It was the machine for everybody: the log is the machine's own.
    let log = daemon.setup().state_dir().join("log/52-54-00-ee-0d-0b.log");
    let text = fs::read_to_string(&log).with_context(|| log.display().to_string())?;
    ensure!(text.contains("netboot-probe"), "{text}");
    let addresses = lab.client.ip(&["-4", "address", "show", INTERFACE])?;
    ensure!(addresses.is_empty(), "the probe left {addresses}");
    Ok(())
}

#[test]
fn a_machine_with_another_mac_is_played() -> Result<()> {
    let lab = Lab::new()?;
    let daemon = start(site()?.host("02:00:00:00:00:05", "192.168.2.150", "machine2"), &lab)?;
    let args = ["--iface", INTERFACE, "--mac", "02:00:00:00:00:05"];
    check(&lab.client, &args, 0, &[("firmware", RIGHT, "192.168.2.150"), ("log", RIGHT, "")])?;
    ensure!(daemon.setup().state_dir().join("log/02-00-00-00-00-05.log").exists(), "no log");
    let stranger = ["--mac", "02:00:00:00:00:06", "--timeout", "2", "--server", "dnsmasq"];
    let args = [&["--iface", INTERFACE][..], &stranger].concat();
    let found = check(&lab.client, &args, NO_BOOT, &[("firmware", WRONG, "nobody answers")])?;
    let line = json!(["dhcp-host=02:00:00:00:00:06,ADDRESS"]);
    ensure!(*lines(&found, "firmware")? == line, "{found:#?}");
    Ok(())
}

#[test]
fn what_is_missing_is_named() -> Result<()> {
    let lab = Lab::new()?;
    let daemon = start(site()?.file("ipxe.efi", b"text")?, &lab)?;
    let root = daemon.setup().boot_root();
    let args = ["--iface", INTERFACE];
    check(&lab.client, &args, NO_BOOT, &[("binary", WRONG, "it is no UEFI program")])?;
    fs::remove_file(root.join("ipxe.efi"))?;
    fs::remove_file(root.join("initramfs-x86_64"))?;
    let missing = [
        ("binary", WRONG, "tftp://192.168.2.112/ipxe.efi cannot be loaded: the server says:"),
        ("kernel", RIGHT, ""),
        ("initrd", WRONG, "initramfs-x86_64 cannot be loaded: the server says: 404"),
    ];
    check(&lab.client, &args, NO_BOOT, &missing)?;
    Ok(())
}

#[test]
fn a_machine_that_runs_is_left_alone() -> Result<()> {
    let lab = Lab::with_tap()?;
    let _daemon = start(site()?, &lab)?;
    // The machine itself, behind the switch that the probe runs on.
    let machine = another_node(&lab)?;
    machine.set_mac(INTERFACE, CLIENT_MAC)?;
    machine.add_address(INTERFACE, &format!("{CLIENT}/24"))?;
    lab.client.add_address(BRIDGE, "192.168.2.9/24")?;
    let args = ["--iface", BRIDGE, "--mac", CLIENT_MAC];
    let expect = [
        ("address", WARNING, "192.168.2.144 answers: the machine runs"),
        ("script", RIGHT, "asked for as /52:54:00:ee:0d:0b/auto.ipxe"),
        ("kernel", RIGHT, ""),
    ];
    check(&lab.client, &args, 0, &expect)?;
    machine.set_mac(INTERFACE, "02:00:00:00:00:66")?;
    let stolen = [("address", WRONG, "192.168.2.144 is used by 02:00:00:00:00:66")];
    check(&lab.client, &args, NO_BOOT, &stolen)?;
    Ok(())
}

#[test]
fn another_servers_mistakes_are_named() -> Result<()> {
    let lab = Lab::new()?;
    let files = site()?.dhcp("mode = \"off\"").setup(Xdp::Off)?;
    let daemon = files.start(&lab.server, INTERFACE)?;
    let config = daemon.setup().path().display().to_string();
    let args = ["--iface", INTERFACE, "--server", "dnsmasq", "--config", &config];
    let other = dnsmasq(&lab, &[])?;
    check(&lab.client, &args, 0, &[("user class", RIGHT, "RFC 3004"), ("log", RIGHT, "")])?;
    let class = [&args[..], &["--user-class", "Rack"]].concat();
    let again = [
        ("user class", WRONG, "\"Rack\" gets the binary tftp://192.168.2.112/ipxe.efi (again)"),
        ("user class", WRONG, "\"Rack\" (RFC 3004) gets the binary"),
    ];
    let found = check(&lab.client, &class, NO_BOOT, &again)?;
    let line = &lines(&found, "user class")?[0];
    ensure!(*line == "dhcp-userclass=set:script,Rack", "{found:#?}");
    let http = [&args[..], &["--http"]].concat();
    let found = check(&lab.client, &http, NO_BOOT, &[("boot file", WRONG, "needs a URL of http")])?;
    let expect = json!([
        "dhcp-match=set:arch16,option:client-arch,16",
        "dhcp-boot=tag:!script,tag:arch16,http://192.168.2.112/ipxe/ipxe.efi",
        "dhcp-option-force=tag:arch16,60,HTTPClient",
    ]);
    ensure!(*lines(&found, "boot file")? == expect, "{found:#?}");
    drop(other);
    let _other = dnsmasq(&lab, &["--dhcp-host=52:54:00:ee:0d:0b,192.168.2.199"])?;
    let other_address = [("firmware", WRONG, "netboot knows this machine as 192.168.2.144")];
    check(&lab.client, &args, NO_BOOT, &other_address)?;
    Ok(())
}

#[test]
fn a_second_server_is_found() -> Result<()> {
    let lab = Lab::with_tap()?;
    let _daemon = start(site()?, &lab)?;
    let rival = another_node(&lab)?;
    rival.add_address(INTERFACE, "192.168.2.66/24")?;
    let _other = dnsmasq_on(&rival, &["--dhcp-host=52:54:00:ee:0d:0b,192.168.2.199"])?;
    let both = [
        ("servers", WRONG, "2 DHCP servers offer addresses"),
        ("servers", WRONG, "192.168.2.66 ("),
    ];
    check(&lab.client, &["--iface", BRIDGE, "--mac", CLIENT_MAC], NO_BOOT, &both)?;
    Ok(())
}

/// Routes of dnsmasq, Kea and dhcpd beside a router; with what is told to add, none is missing.
#[test]
fn a_default_route_that_is_missing_is_named() -> Result<()> {
    let lab = Lab::new()?;
    let files = site()?.dhcp("mode = \"off\"").setup(Xdp::Off)?;
    let daemon = files.start(&lab.server, INTERFACE)?;
    let config = daemon.setup().path().display().to_string();
    let router = "--dhcp-option=option:router,192.168.2.1";
    let args = |server| ["--iface", INTERFACE, "--server", server, "--config", &config];
    let lost = [(
        "routes",
        WARNING,
        "option 121 (10.0.0.0/8 by 192.168.2.10) has no default route: a machine that asks for it ignores the router \
         192.168.2.1 (option 3, RFC 3442), and has none",
    )];
    let other = dnsmasq(&lab, &[router, "--dhcp-option=121,10.0.0.0/8,192.168.2.10"])?;
    for (server, expect) in [
        (
            "dnsmasq",
            json!([
                "# in place of the option 121 that is there",
                "dhcp-option=option:classless-static-route,10.0.0.0/8,192.168.2.10,0.0.0.0/0,192.168.2.1",
            ]),
        ),
        (
            "kea",
            json!([
                "// in \"option-data\": [ ... ], in place of the option 121 that is there",
                "{ \"code\": 121, \"csv-format\": false, \"data\": \"080ac0a8020a00c0a80201\", \"always-send\": true }",
            ]),
        ),
        (
            "dhcpd",
            json!([
                "# in place of the option 121 that is there",
                "option classless-static-routes code 121 = string;",
                "option classless-static-routes 08:0a:c0:a8:02:0a:00:c0:a8:02:01;",
            ]),
        ),
    ] {
        let found = check(&lab.client, &args(server), 0, &lost)?;
        ensure!(*lines(&found, "routes")? == expect, "{found:#?}");
    }
    drop(other);
    let told =
        "--dhcp-option=option:classless-static-route,10.0.0.0/8,192.168.2.10,0.0.0.0/0,192.168.2.1";
    let other = dnsmasq(&lab, &[router, told])?;
    let there = [("routes", RIGHT, "option 121 has the default route, by 192.168.2.1")];
    check(&lab.client, &args("dnsmasq"), 0, &there)?;
    drop(other);
    // No router, no routes: nothing is said.
    for options in [
        &["--dhcp-option=option:router", "--dhcp-option=121,10.0.0.0/8,192.168.2.10"][..],
        &[router],
    ] {
        let _other = dnsmasq(&lab, options)?;
        let found = check(&lab.client, &args("dnsmasq"), 0, &[])?;
        ensure!(found.iter().all(|finding| finding["step"] != "routes"), "{found:#?}");
    }
    Ok(())
}

#[test]
fn netboots_own_routes_have_a_default_route() -> Result<()> {
    let lab = Lab::new()?;
    let routes = "routes = [{ destination = \"10.0.0.0/8\", router = \"192.168.2.10\" }]";
    let _daemon = start(site()?.subnet(routes), &lab)?;
    let there = [("routes", RIGHT, "option 121 has the default route, by 192.168.2.1")];
    let found = check(&lab.client, &["--iface", INTERFACE], 0, &there)?;
    ensure!(found.iter().all(|finding| finding["state"] == RIGHT), "{found:#?}");
    Ok(())
}
