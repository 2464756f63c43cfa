//! Tests of inventories in each format.

mod csv;
mod hardware;
mod left_out;
mod mac_keyed;

use std::{fs, sync::Arc};

use crate::config::{Loaded, load};

/// Line 1 names the files, the subnet is at line 3.
const SUBNET: &str =
    "[[subnet]]\ncidr = \"10.0.0.0/24\"\nrouters = [\"10.0.0.1\"]\ndns = [\"10.0.0.2\"]\n";

/// Reads inventory files of these texts; what is wrong, and what is odd with the inventories.
fn read(files: &[(&str, &str)], config: &str) -> Result<(Loaded, Vec<String>), Vec<String>> {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("boot")).unwrap();
    fs::write(directory.path().join("boot/own.efi"), "a program").unwrap();
    for (name, text) in files {
        fs::write(directory.path().join(name), text).unwrap();
    }
    let names: Vec<_> = files.iter().map(|(name, _)| *name).collect();
    let text = format!("inventory = {names:?}\nboot.root = \"boot\"\n{config}");
    let path = directory.path().join("netboot.toml");
    fs::write(&path, text).unwrap();
    let prefix = format!("{}/", directory.path().display());
    let lines = |problems: &[crate::config::Problem]| -> Vec<_> {
        problems.iter().map(|problem| problem.to_string().replace(&prefix, "")).collect()
    };
    let loaded = load(&path).map_err(|problems| lines(problems.kept()))?;
    let warnings =
        lines(loaded.warnings.kept()).into_iter().filter(|line| !line.starts_with("netboot.toml"));
    let warnings = warnings.collect();
    Ok((loaded, warnings))
}

/// The inventory file is refused for this.
#[track_caller]
fn check(name: &str, text: &str, expect: &[&str]) {
    let errors = read(&[(name, text)], SUBNET).map_or_else(|errors| errors, |_| Vec::new());
    assert_eq!(errors, expect, "{text}");
}

/// The inventory file's hosts, as `netboot host show` writes them, and the warnings.
#[track_caller]
fn hosts(name: &str, text: &str) -> (Vec<String>, Vec<String>) {
    let (loaded, warnings) = read(&[(name, text)], SUBNET).unwrap_or_else(|errors| {
        panic!("{errors:#?}\n{text}");
    });
    let written =
        |host: &Arc<_>| toml::to_string(&crate::config::HostEntry::from(&**host)).unwrap();
    (loaded.config.hosts.iter().map(written).collect(), warnings)
}

#[track_caller]
fn check_hosts(name: &str, text: &str, expect: &[&str], warnings: &[&str]) {
    assert_eq!(
        hosts(name, text),
        (
            expect.iter().map(ToString::to_string).collect(),
            warnings.iter().map(ToString::to_string).collect()
        ),
        "{text}"
    );
}

#[test]
fn duplicates_across_files() {
    let toml = "[[host]]\nmac = \"52:54:00:00:00:01\"\nip = \"10.0.0.11\"\n";
    let csv = "mac,ip\n5254.0000.0001,10.0.0.12\n52:54:00:00:00:02,10.0.0.12\n";
    let yaml = "52:54:00:00:00:02:\n  ipAddress: 10.0.0.13\n";
    let errors = read(&[("a.toml", toml), ("b.csv", csv), ("c.yaml", yaml)], SUBNET).unwrap_err();
    assert_eq!(
        errors,
        [
            "b.csv:2: mac: 52:54:00:00:00:01 is already the MAC at host[0].mac (a.toml:2); \
             each machine needs its own",
            "b.csv:3: ip: 10.0.0.12 is already the address at ip (b.csv:2); \
             each machine needs its own",
        ]
    );
}

/// A machine has a reservation in each of its VLANs; those of its subnet stand for its own.
#[test]
fn vlans_across_files() {
    let config = "[[subnet]]\ncidr = \"10.0.0.0/24\"\nvlan = 7\nboot-vlan = 9\n\
                  [[subnet]]\ncidr = \"10.1.0.0/24\"\n";
    let toml = "[[host]]\nmac = \"52:54:00:00:00:01\"\nip = \"10.0.0.11\"\n";
    let yaml = "52:54:00:00:00:01:\n  ipAddress: 10.1.0.12\n  subnetMask: 255.255.255.0\n\
                52:54:00:00:00:02:\n  ipAddress: 10.2.0.12\n  subnetMask: 255.255.0.0\n\
                52:54:00:00:00:03:\n  ipAddress: 10.0.0.13\n\
                52:54:00:00:00:04:\n  ipAddress: 10.0.0.14\n  vlanID: 5\n";
    let csv = "mac,ip,vlan,boot-vlan\n52:54:00:00:00:01,10.0.0.15,200 100,8\n";
    let files = [("a.toml", toml), ("b.yaml", yaml), ("c.csv", csv)];
    let (loaded, _) = read(&files, config).unwrap();
    let hosts = loaded.config.hosts.iter();
    let found: Vec<_> =
        hosts.map(|host| (host.ip.octets(), host.vlan.ids, host.boot_vlan)).collect();
    assert_eq!(
        found,
        [
            ([10, 0, 0, 11], [7, 0], Some(9)),
            ([10, 1, 0, 12], [0, 0], None),
            ([10, 2, 0, 12], [0, 0], None),
            ([10, 0, 0, 13], [7, 0], Some(9)),
            ([10, 0, 0, 14], [7, 0], Some(5)),
            ([10, 0, 0, 15], [200, 100], Some(8)),
        ]
    );
    let csv = csv.replace("200 100", "7");
    let errors = read(&[("a.toml", toml), ("c.csv", &csv)], config).unwrap_err();
    assert_eq!(
        errors,
        [
            "c.csv:2: mac: 52:54:00:00:00:01 in VLAN 7 is already the MAC at host[0].mac (a.toml:2); \
          each machine needs its own"
        ]
    );
}

#[test]
fn files_as_such() {
    let warned = |name: &str, text: &str| read(&[(name, text)], SUBNET).unwrap().1;
    for name in ["a.toml", "a.csv", "a.yaml"] {
        for text in ["", "# nothing\n", "\n\n"] {
            assert_eq!(warned(name, text), [format!("{name}: has no hosts")], "{text:?}");
        }
    }
    assert_eq!(warned("a.csv", "mac,ip\n"), ["a.csv: has no hosts"]);
    assert_eq!(warned("a.yaml", "---\n...\n"), ["a.yaml: has no hosts"]);
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a.csv"), b"mac,ip\n\n\xff\n").unwrap();
    fs::create_dir(directory.path().join("b.yaml")).unwrap();
    std::os::unix::fs::symlink("a.csv", directory.path().join("c.csv")).unwrap();
    let large = fs::File::create(directory.path().join("d.toml")).unwrap();
    large.set_len((512 << 20) + 1).unwrap();
    let path = directory.path().join("netboot.toml");
    fs::write(
        &path,
        "inventory = [\"a.csv\", \"b.yaml\", \"c.csv\", \"netboot.toml\", \"d.toml\"]",
    )
    .unwrap();
    let errors = load(&path).unwrap_err().to_string();
    let errors = errors.replace(&format!("{}/", directory.path().display()), "");
    let expect = [
        "netboot.toml:1: inventory[1]: b.yaml: is a directory, not a file",
        "netboot.toml:1: inventory[2]: c.csv is read twice; list it once",
        "netboot.toml:1: inventory[3]: netboot.toml is read twice; list it once",
        "netboot.toml:1: inventory[4]: d.toml: larger than 512 MiB, which is the limit; split it",
        "a.csv:3: is not UTF-8 text",
    ];
    assert_eq!(errors.lines().collect::<Vec<_>>(), expect);
}

#[test]
fn a_host_s_own_settings_read_as_written() {
    let own = "mac = \"52:54:00:00:00:01\"\nip = \"10.0.0.11\"\nnetboot = true\n\
               routers = []\ndns = [\"10.0.0.9\"]\nntp = [\"10.0.0.8\"]\ndomain = \"lab.test\"\n\
               search = [\"lab.test\"]\nmtu = 9000\n\n\
               [[routes]]\ndestination = \"10.1.0.0/16\"\nrouter = \"10.0.0.7\"\n\n\
               [script-settings]\ndownload-url = \"http://m/hook\"\narch = \"aarch64\"\n\
               kernel = \"k\"\ninitrd = \"i\"\nfacility = \"f\"\nworker-id = \"w\"\n\
               tink-worker-image = \"t\"\n\
               consoles = [\"tty0\"]\nkernel-params = [\"a b\"]\n";
    let text = own.replace("[[", "[[host.").replace("[script", "[host.script");
    check_hosts("a.toml", &format!("[[host]]\n{text}"), &[own], &[]);
}

#[test]
fn a_host_s_own_settings_are_checked() {
    let text = "[[host]]\nmac = \"52:54:00:00:00:01\"\nip = \"10.0.0.11\"\ndns = [\"x\"]\nmtu = 5\n\
                routes = [{ destination = \"10.1.0.0\" }]\n\
                script-settings.arch = \"a b\"\nscript-settings.x = 1\n";
    check(
        "a.toml",
        text,
        &[
            "a.toml:4: host[0].dns[0]: \"x\" is not an IPv4 address",
            "a.toml:5: host[0].mtu: an MTU of 5 is too small: 68 at least",
            "a.toml:6: host[0].routes[0].destination: \"10.1.0.0\" is not a network; \
             write it as \"192.168.2.0/24\"",
            "a.toml:6: host[0].routes[0].router: is missing",
            "a.toml:7: host[0].script-settings.arch: \"a b\" contains a blank",
            "a.toml:8: host[0].script-settings.x: unknown key; known here: download-url, arch, \
             kernel, initrd, facility, worker-id, tink-worker-image, consoles, kernel-params",
        ],
    );
}
