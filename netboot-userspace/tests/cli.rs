//! The program as an operator calls it: what it prints and how it exits.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, process::Command};

struct Ran {
    code: i32,
    out: String,
    err: String,
}

struct Site {
    directory: tempfile::TempDir,
}

impl Site {
    fn new(config: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("netboot.toml"), config).unwrap();
        Self { directory }
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let output = Command::new(env!("CARGO_BIN_EXE_netboot"))
            .args(arguments)
            .current_dir(self.directory.path())
            .output()
            .unwrap();
        Ran {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

const CONFIG: &str = r#"interfaces = ["eth0"]
script.download-url = "http://10.0.0.9/hook"

[[subnet]]
cidr = "10.0.0.0/24"

[[host]]
mac = "52:54:00:00:00:02"
ip = "10.0.0.20"
hostname = "machine-two"

[[host]]
mac = "52:54:00:00:00:01"
ip = "10.0.0.3"
netboot = false
"#;

#[test]
fn check_prints_what_it_reads() {
    let site = Site::new(CONFIG);
    let first = site.run(&["check", "--config", "netboot.toml"]);
    assert_eq!(first.code, 0, "{}", first.err);
    let warning = "warning: netboot.toml:1: no boot.files: \
                   machines get their address, but no iPXE to boot\n";
    let notes = first.err.strip_prefix(warning).unwrap();
    assert!(notes.contains("note: subnet 10.0.0.0/24: no interface of this node"), "{notes}");
    fs::write(site.directory.path().join("printed.toml"), &first.out).unwrap();
    let second = site.run(&["check", "--config", "printed.toml"]);
    assert_eq!((second.code, second.out), (0, first.out));

    let json = site.run(&["check", "--config", "netboot.toml", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["valid"], true);
    assert_eq!(json["config"]["host"][1]["netboot"], false);
    assert_eq!(json["warnings"][0]["line"], 1);
}

/// Wherever it is checked: what the node must have for it is the daemon's to say.
#[test]
fn a_vlan_is_no_error() {
    for vlan in ["100", "[200, 100]"] {
        let site = Site::new(&format!(
            "[[subnet]]\ncidr = \"192.168.3.0/24\"\nvlan = {vlan}\nserver-address = \"192.168.3.1\"\n"
        ));
        let ran = site.run(&["check", "--quiet", "--config", "netboot.toml"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
    }
}

#[test]
fn a_quiet_check_counts() {
    let site = Site::new(&format!("inventory = [\"rack.csv\"]\n{CONFIG}"));
    let csv = "mac,ip\n52:54:00:00:00:03,10.0.0.4\n";
    fs::write(site.directory.path().join("rack.csv"), csv).unwrap();
    let ran = site.run(&["check", "--quiet", "--config", "netboot.toml"]);
    let expect = "netboot.toml: valid: 2 files, 1 subnets, 3 hosts, 1 warnings\n";
    assert_eq!((ran.code, ran.out.as_str()), (0, expect), "{}", ran.err);
    let ran = site.run(&["host", "show", "10.0.0.4", "--config", "netboot.toml"]);
    let expect = "mac = \"52:54:00:00:00:03\"\nip = \"10.0.0.4\"\nnetboot = true\n";
    assert_eq!((ran.code, ran.out.as_str()), (0, expect), "{}", ran.err);
    let ran = site.run(&["host", "remove", "10.0.0.4", "--config", "netboot.toml"]);
    let expect = "netboot: 52:54:00:00:00:03 is at rack.csv:2: remove it there by hand\n";
    assert_eq!((ran.code, ran.err.as_str()), (1, expect));
}

#[test]
fn check_tells_errors_by_line_and_exit_code() {
    let site = Site::new("interfaces = 1\n\n[dhcp]\nlease-time = \"0s\"\n");
    let ran = site.run(&["check", "--config", "netboot.toml"]);
    let expect = "netboot.toml:1: interfaces: expected a list, found integer\n\
                  netboot.toml:4: dhcp.lease-time: a lease of no time cannot be used\n";
    assert_eq!((ran.code, ran.err.as_str(), ran.out.as_str()), (1, expect, ""));

    let json = site.run(&["check", "--config", "netboot.toml", "--json"]);
    assert_eq!(json.code, 1);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["valid"], false);
    assert_eq!(json["errors"][1]["field"], "dhcp.lease-time");

    for arguments in [&["check", "--config", "absent.toml"][..], &["check", "--colour"], &["chek"]]
    {
        assert_eq!(site.run(arguments).code, 2, "{arguments:?}");
    }
}

#[test]
fn host_list_and_show() {
    let site = Site::new(CONFIG);
    let ran = site.run(&["host", "list", "--config", "netboot.toml"]);
    let expect = "\
MAC                IP         HOSTNAME     BOOTS
52:54:00:00:00:01  10.0.0.3   -            nothing
52:54:00:00:00:02  10.0.0.20  machine-two  default script
";
    assert_eq!((ran.code, ran.out.as_str()), (0, expect), "{}", ran.err);

    let json = site.run(&["host", "list", "--json", "--config", "netboot.toml"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json[1]["hostname"], "machine-two");

    let ran = site.run(&["host", "show", "MACHINE-two", "--config", "netboot.toml"]);
    let expect = "mac = \"52:54:00:00:00:02\"\nip = \"10.0.0.20\"\n\
                  hostname = \"machine-two\"\nnetboot = true\n";
    assert_eq!((ran.code, ran.out.as_str()), (0, expect), "{}", ran.err);

    let ran = site.run(&["host", "show", "10.0.0.4", "--config", "netboot.toml"]);
    assert_eq!((ran.code, ran.err.as_str()), (1, "netboot: no host 10.0.0.4 in netboot.toml\n"));
}

#[test]
fn host_add_and_remove() {
    let site = Site::new(CONFIG);
    let add = |ip| {
        let host = ["--mac", "5254.0000.0003", "--ip", ip, "--no-netboot"];
        site.run(&[&["host", "add", "--config", "netboot.toml"], &host[..]].concat())
    };
    let ran = add("10.0.0.255");
    let expect = "netboot.toml:19: host[2].ip: 10.0.0.255 is the broadcast address of 10.0.0.0/24; \
                  choose another\n\
                  netboot: nothing was changed: the configuration would be invalid\n";
    assert_eq!((ran.code, ran.err.as_str()), (1, expect));

    let ran = add("10.0.0.4");
    let expect =
        "added 52:54:00:00:00:03 10.0.0.4 to netboot.toml; a running daemon takes it over\n";
    assert_eq!((ran.code, ran.out.as_str()), (0, expect), "{}", ran.err);
    let ran = site.run(&["host", "remove", "10.0.0.4", "--config", "netboot.toml"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (0, "removed 10.0.0.4 from netboot.toml; a running daemon forgets it\n")
    );
    let text = fs::read_to_string(site.directory.path().join("netboot.toml")).unwrap();
    assert_eq!(text, CONFIG);
}
