//! Configurations with `[[source]]`.

use super::{SUBNET, check, directory, load_text};
use crate::{
    config::{load, load_edited, load_files, load_to_run},
    model::CommandSource,
};

const WRITE: &str = "write it and its arguments, as [\"/usr/local/bin/hosts\", \"--all\"]";

#[test]
fn wrong_sources() {
    #[track_caller]
    fn row(lines: &str, expect: &[&str]) {
        check(&format!("{SUBNET}[[source]]\n{lines}"), expect);
    }
    let kind = |lines: &str| format!("kind = \"command\"\n{lines}");
    row("command = [\"a\"]", &["netboot.toml:3: source[0].kind: is missing"]);
    row(
        "kind = \"etcd\"\ncommand = [\"a\"]",
        &["netboot.toml:4: source[0].kind: \"etcd\" is not one of \"command\""],
    );
    row(&kind(""), &["netboot.toml:3: source[0].command: is missing"]);
    let none = format!("netboot.toml:5: source[0].command: names no program; {WRITE}");
    for command in ["[]", "[\"\"]", "[\" \", \"a\"]"] {
        row(&kind(&format!("command = {command}")), &[&none]);
    }
    row(
        &kind("command = \"a b\""),
        &["netboot.toml:5: source[0].command: expected a list, found string"],
    );
    row(
        &kind("command = [\"a\", 1]"),
        &["netboot.toml:5: source[0].command[1]: expected a string, found integer"],
    );
    row(
        &kind("command = []\nintervall = \"1m\""),
        &[&none, "netboot.toml:6: source[0].intervall: unknown key; did you mean \"interval\"?"],
    );
    let durations = [
        ("interval = \"0s\"", "interval: \"0s\" is not between 1s and 7days"),
        ("interval = \"999ms\"", "interval: \"999ms\" is not between 1s and 7days"),
        ("interval = \"8days\"", "interval: \"8days\" is not between 1s and 7days"),
        ("interval = 60", "interval: expected a duration, found a number; write \"60s\""),
        ("timeout = \"0s\"", "timeout: \"0s\" is not between 1s and 1m"),
        ("timeout = \"61s\"", "timeout: \"61s\" is not between 1s and 1m"),
    ];
    for (line, why) in durations {
        let expect = format!("netboot.toml:6: source[0].{why}");
        row(&kind(&format!("command = []\n{line}")), &[&none, &expect]);
    }
    let same = "[[source]]\nkind = \"command\"\ncommand = [\"false\"]\n".repeat(2);
    check(
        &same,
        &[
            "netboot.toml:1: source[0]: false ended with exit status: 1",
            "netboot.toml:4: source[1]: the same command is a source already (netboot.toml:1)",
        ],
    );
    check("[source]", &["netboot.toml:1: source: expected a list, found table; write [[source]]"]);
}

/// A source that prints these words.
fn printing(words: &str) -> String {
    format!("[[source]]\nkind = \"command\"\ncommand = [\"echo\", '''{words}''']\n")
}

#[test]
fn what_is_printed_is_read_as_hosts() {
    #[track_caller]
    fn row(words: &str, expect: &[&str]) {
        check(&format!("{SUBNET}{}", printing(words)), expect);
    }
    row(r#"{"hosts": []}"#, &[]);
    row(r#"{"hosts": [{"mac": "52:54:00:00:00:01", "ip": "10.0.0.5"}]}"#, &[]);
    row(
        r#"{"hosts": [{"mac": ["52:54:00:00:00:01"], "ip": "10.0.0.5", "hostname": null, "mtu": 1400,
            "netboot": false, "quirks": {"never-nak": true}, "options": [{"code": 66, "text": "x"}]}]}"#,
        &[],
    );
    let object = "output of echo: is not an object: write {\"hosts\": [...]}";
    row("[]", &[object]);
    row("null", &[object]);
    let list = "output of echo: has no list \"hosts\": write {\"hosts\": [...]}";
    row("{}", &[list]);
    row(r#"{"hosts": {}}"#, &[list]);
    row(r#"{"hosts": [], "host": 1}"#, &["output of echo: host: unknown key; known here: hosts"]);
    row(r#"{"hosts": [1]}"#, &["output of echo: hosts[0]: expected an object, found number"]);
    row(
        r#"{"hosts": [{"mac": "52:54:00:00:00:01", "ip": "10.1.0.5", "mtu": "x", "hostnam": "a"}, {"ip": null}]}"#,
        &[
            "output of echo: hosts[0].mtu: expected a whole number, found \"x\"",
            "output of echo: hosts[0].hostnam: unknown key; did you mean \"hostname\"?",
            "output of echo: hosts[1].mac: is missing",
            "output of echo: hosts[0].ip: 10.1.0.5 lies in no [[subnet]]; add a subnet or correct the address",
            "output of echo: hosts[1].ip: is missing",
        ],
    );
    row(
        r#"{"hosts": [{"mac": "52:54:00:00:00:01", "mac": "52:54:00:00:00:02"}]}"#,
        &["output of echo: is not JSON: an object has a key twice at line 1 column 67"],
    );
    row(
        r#"{"hosts": [{"mac": [null]}]}"#,
        &["output of echo: is not JSON: null is no element of a list at line 1 column 25"],
    );
    row("{", &["output of echo: is not JSON: EOF while parsing an object at line 2 column 0"]);
    let deep = format!("{{\"hosts\": {}", "[".repeat(1000));
    row(&deep, &["output of echo: is not JSON: recursion limit exceeded at line 1 column 137"]);
}

#[test]
fn hosts_of_sources_and_of_files_are_checked_as_one() {
    let host = "[[host]]\nmac = \"52:54:00:00:00:01\"\nip = \"10.0.0.5\"\n";
    let text = printing(
        r#"{"hosts": [{"mac": "52:54:00:00:00:01", "ip": "10.0.0.6"}, {"mac": "52:54:00:00:00:02", "ip": "10.0.0.5"}]}"#,
    );
    check(
        &format!("{SUBNET}{text}{host}"),
        &[
            "output of echo: hosts[0].mac: 52:54:00:00:00:01 is already the MAC at host[0].mac (netboot.toml:7); \
             each machine needs its own",
            "output of echo: hosts[1].ip: 10.0.0.5 is already the address at host[0].ip (netboot.toml:8); \
             each machine needs its own",
        ],
    );
}

#[test]
fn good_sources() {
    let directory = directory();
    std::fs::write(directory.path().join("hosts.sh"), "echo '{\"hosts\": []}'").unwrap();
    let source = |command: &str, more: &str| {
        format!("[[source]]\nkind = \"command\"\ncommand = [{command}]\n{more}\n")
    };
    let script = directory.path().join("hosts.sh");
    let one = "'{\"hosts\": [{\"mac\": \"52:54:00:00:00:01\", \"ip\": \"10.0.0.5\"}]}'";
    let text = [
        source(&format!("\"echo\", {one}"), ""),
        source("\"echo\", '{\"hosts\": []}'", "interval = \"5m\"\ntimeout = \"2s\""),
        source(&format!("\"/bin/sh\", {:?}", script.display().to_string()), ""),
    ];
    let loaded = load_text(directory.path(), &format!("{}{SUBNET}", text.concat())).unwrap();
    assert_eq!(loaded.config.hosts.len(), 1);
    assert_eq!(loaded.origins[0].to_string(), "output of echo");
    let said = |source: &CommandSource| {
        let CommandSource { name, interval, timeout, .. } = source;
        format!("{name} {interval:?} {timeout:?}")
    };
    let said: Vec<_> = loaded.config.sources.iter().map(said).collect();
    assert_eq!(said, ["echo 60s 10s", "echo (2) 300s 2s", "/bin/sh 60s 10s"]);
    let printed = loaded.config.to_toml().unwrap();
    assert!(printed.contains("10.0.0.5") && !printed.contains("source"), "{printed}");
}

/// What is exported or explained would lack hosts; an edit would not.
#[test]
fn who_goes_on_without_a_program() {
    let directory = directory();
    let path = directory.path().join("netboot.toml");
    let text = "[[source]]\nkind = \"command\"\ncommand = [\"false\"]\n";
    std::fs::write(&path, text).unwrap();
    let failed = format!("{}:1: source[0]: false ended with exit status: 1", path.display());
    for loaded in [load(&path), load_to_run(&path)] {
        assert_eq!(loaded.unwrap_err().to_string(), failed);
    }
    let edited = load_edited(&path, &path, text).unwrap().warnings;
    let lacking = format!("{failed}: the hosts that it prints are not known");
    assert!(edited.to_string().contains(&lacking), "{edited}");
    assert!(!load_files(&path).unwrap().warnings.to_string().contains("false"));
}
