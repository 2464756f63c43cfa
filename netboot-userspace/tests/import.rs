//! The command `netboot import`: what it prints, writes and refuses.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path, process::Command};

struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn run(directory: &Path, arguments: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_netboot"))
        .arg("import")
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn broken_files_write_nothing() {
    let check = |kind: &str, text: &str, expect: &str| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        fs::write(path.join("a"), text).unwrap();
        fs::write(path.join("circle"), "include \"circle\";\n<?include \"circle\"?>").unwrap();
        let ran = run(path, &[kind, "a", "--out", "hosts.toml"]);
        assert_eq!(
            (ran.code, ran.err.as_str(), ran.out.as_str()),
            (1, format!("{expect}\n").as_str(), "")
        );
        assert!(!path.join("hosts.toml").exists(), "{text}");
        let ran = run(path, &[kind, "a", "--json"]);
        let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(
            (ran.code, &json["valid"], &json["errors"][0]["file"]),
            (1, &false.into(), &"a".into())
        );
    };
    check("dnsmasq", "port=0\ndhcp-host=\"x\n", "a:2: a quote (\") is not closed");
    check(
        "dnsmasq",
        "what is this",
        "a:1: \"what is this\" is not a setting of dnsmasq; write it as \"name=value\"",
    );
    let absent = "cannot be read: no such file or directory; put it there, or correct the name";
    check("dnsmasq", "\nconf-file=absent", &format!("a:2: absent {absent}"));
    check("dnsmasq", "conf-dir", "a:1: conf-dir: the name of a file is missing");
    check("dnsmasq", "dhcp-hostsfile=absent", &format!("a:1: absent {absent}"));
    check(
        "dnsmasq",
        "conf-dir=absent,*.conf",
        "a:1: absent cannot be read: No such file or directory (os error 2)",
    );
    check(
        "dhcpd",
        "host a {\n  hardware ethernet 0:1:2:3:4:5;\n",
        "a:1: the block that begins here is not closed: a } is missing",
    );
    check(
        "dhcpd",
        "subnet 10.0.0.0 netmask 255.0.0.0 { }\n}\n",
        "a:2: there is no block that this } closes",
    );
    check(
        "dhcpd",
        "option routers 10.0.0.1\noption root-path \"x\";\n",
        "a:1: a ; is missing after \"10.0.0.1\"",
    );
    check(
        "dhcpd",
        "host a {\n  fixed-address 10.0.0.1\n}\n",
        "a:2: a ; is missing after \"10.0.0.1\"",
    );
    check(
        "dhcpd",
        "authoritative",
        "a:1: \"authoritative\" is the end of the file: a ; is missing",
    );
    check(
        "dhcpd",
        "filename \"x;\n",
        "a:1: the string that begins here is not closed: a quote (\") is missing",
    );
    check("dhcpd", "\ninclude \"absent\";", &format!("a:2: absent {absent}"));
    check("dhcpd", &"group {".repeat(100), "a:1: more than 64 blocks in blocks");
    check(
        "kea",
        "{ \"Dhcp4\": {\n \"subnet4\": [ { \"subnet\": \"10.0.0.0/24\" ] } }",
        "a:2: is not JSON: Unexpected token in object",
    );
    check("kea", "{ \"Dhcp4\": { } // x\n", "a:1: is not JSON: Unterminated object");
    check("kea", "{}", "a:1: there is no \"Dhcp4\" in it: is it Kea's configuration for DHCPv4?");
    check("kea", "", "a:1: is empty");
    check(
        "kea",
        "{ \"Dhcp4\": {\n\"subnet4\": [\n{ \"subnet\": \"10.0.0/24\" }] } }",
        "a:3: subnet: \"10.0.0/24\" is not a network",
    );
    check("kea", "{ \"Dhcp4\": {\n\"subnet4\": {} } }", "a:2: subnet4: expected a list");
    check("kea", "{ /*\n", "a:1: the comment that begins here is not closed: */ is missing");
    check("kea", "{\n<?include \"absent\"?> }", &format!("a:2: absent {absent}"));
    check("kea", &"[".repeat(100_000), "a:1: is not JSON: Maximum nesting depth exceeded");
    check(
        "csv",
        "mac,ip\n52:54:00:00:00:01,10.0.0\n",
        "a:2: ip: \"10.0.0\" is not an IPv4 address",
    );
    check(
        "csv",
        "mac,ip\n52:54:00:00:00:01,10.0.0.1\n52:54:00:00:00:01,10.0.0.2\n",
        "a:3: mac: 52:54:00:00:00:01 is already the MAC at mac (a:2); each machine needs its own",
    );
    check("kea", "{ \"Dhcp4\": {\n\"a\": 1 \"b\": 2} }", "a:2: is not JSON: Expected comma");
    check("hardware", "kind: [", "a:1: while parsing a node, did not find expected node content");
}

#[test]
fn a_circle_of_files_ends() {
    let directory = tempfile::tempdir().unwrap();
    for (kind, text) in [
        ("dnsmasq", "conf-file=circle"),
        ("dhcpd", "include \"circle\";"),
        ("kea", "<?include \"circle\"?>"),
    ] {
        fs::write(directory.path().join("circle"), text).unwrap();
        let ran = run(directory.path(), &[kind, "circle"]);
        let expect = "circle:1: circle: too many files include others: is it a circle?\n";
        assert_eq!((ran.code, ran.err.as_str()), (1, expect), "{kind}");
    }
}

#[test]
fn what_is_written_where() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let text = "dhcp-range=10.0.0.0,static,255.255.255.0\ndhcp-option=3\ndhcp-option=6\n\
                dhcp-host=52:54:00:00:00:01,10.0.0.2\nread-ethers\n";
    fs::write(path.join("dnsmasq.conf"), text).unwrap();
    let toml = "[[subnet]]\ncidr = \"10.0.0.0/24\"\n\n[[host]]\nmac = \"52:54:00:00:00:01\"\nip = \"10.0.0.2\"\n";
    let note =
        "dnsmasq.conf:5: read-ethers: /etc/ethers is not read: write its machines as dhcp-host\n";
    let said = format!("{note}dnsmasq.conf: 1 subnets and 1 hosts are taken over, 1 notes\n");

    let ran = run(path, &["dnsmasq", "dnsmasq.conf"]);
    assert_eq!((ran.code, ran.out.as_str(), &ran.err), (0, toml, &said));

    let ran = run(path, &["dnsmasq", "dnsmasq.conf", "--out", "hosts.toml"]);
    assert_eq!((ran.code, ran.out.as_str(), &ran.err), (0, "", &said));
    assert_eq!(fs::read_to_string(path.join("hosts.toml")).unwrap(), toml);

    fs::write(path.join("hosts.toml"), "mine").unwrap();
    let ran = run(path, &["dnsmasq", "dnsmasq.conf", "--out", "hosts.toml"]);
    let expect =
        "netboot: hosts.toml exists: nothing was written; name another file, or use --force\n";
    assert_eq!((ran.code, ran.err.as_str()), (1, expect));
    assert_eq!(fs::read_to_string(path.join("hosts.toml")).unwrap(), "mine");
    let ran = run(path, &["dnsmasq", "dnsmasq.conf", "--out", "hosts.toml", "--force"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(fs::read_to_string(path.join("hosts.toml")).unwrap(), toml);

    let ran = run(path, &["dnsmasq", "dnsmasq.conf", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, &json["valid"], &json["hosts"]), (0, &true.into(), &1.into()));
    assert_eq!((&json["notes"][0]["line"], &json["toml"]), (&5.into(), &toml.into()));
    let names: Vec<_> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}
