//! Tests of problems and their places.

use std::{fs, os::unix::fs::symlink};

use super::*;
use crate::config::{Sources, load};

/// What nobody may be told.
const SECRET: &str = "hunter2 s3cr3t";
/// Without a blank.
const WORD: &str = "hunter2";

const MAIN: &str = "interfaces = [\"eth0\"]\n[[subnet]]\ncidr = \"192.168.2.0/24\"\n";
const HOST: &str = "[[host]]\nmac = \"52:54:00:00:00:0a\"\nip = \"192.168.2.10\"\n";

/// What is wrong with a configuration that includes an inventory of this name and content: as `check` prints it, and
/// as the log has it.
fn texts(main: &str, name: &str, content: &str) -> [String; 2] {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("netboot.toml");
    let inventory =
        if name.is_empty() { String::new() } else { format!("inventory = [{name:?}]\n") };
    fs::write(&path, format!("{inventory}{main}")).unwrap();
    if !name.is_empty() {
        // As a link to a file that is none of ours.
        fs::write(dir.path().join("secrets"), content).unwrap();
        symlink("secrets", dir.path().join(name)).unwrap();
    }
    let own = dir.path().display().to_string();
    let checked = match load(&path) {
        Ok(loaded) => loaded.warnings,
        Err(problems) => problems,
    };
    let told = match Sources::open(&path) {
        Ok((_, loaded)) => loaded.warnings,
        Err(problems) => problems,
    };
    let lines: Vec<_> = checked.kept().iter().map(Problem::to_string).collect();
    [lines.join("\n"), told.to_string()].map(|text| text.replace(&own, ""))
}

#[test]
fn values_that_may_be_secret_are_told_nobody() {
    #[track_caller]
    fn check(main: &str, name: &str, content: &str) {
        for text in texts(main, name, content) {
            assert!(!text.is_empty(), "{content} is valid");
            for part in [WORD, "s3cr3t", "hunter"] {
                assert!(!text.contains(part), "{name} {content}:\n{text}");
            }
        }
    }
    let host = |line: &str| check(&format!("{MAIN}{HOST}{line}"), "", "");
    host(&format!("script = {SECRET:?}"));
    host(&format!("script = \"http://user:{SECRET}@host/\""));
    host(&format!("script = \"{}\"", "hunter2".repeat(20)));
    host(&format!("script-url = \"http://user:{SECRET}@host/\""));
    host(&format!("script-settings = {{ download-url = \"http://user:{SECRET}@host/\" }}"));
    host(&format!("script-settings = {{ kernel-params = [\"a\", \"password={SECRET}\\u0007\"] }}"));
    host(&format!("script-settings = {{ worker-id = {SECRET:?} }}"));
    host(&format!("script-settings = {{ consoles = [{SECRET:?}] }}"));
    host(&format!("options = [{{ code = 3, text = {SECRET:?} }}]"));
    host(&format!("options = [{{ code = 224, hex = {SECRET:?} }}]"));
    host(&format!("options = [{{ code = 224, hex = [{SECRET:?}] }}]"));
    host(&format!("options = [{{ code = 224, u8 = [1, {SECRET:?}] }}]"));
    host(&format!("options = [{{ code = 224, u16 = \"{}\" }}]", "hunter2".repeat(20)));
    let script = |line: &str| check(&format!("{MAIN}[script]\n{line}"), "", "");
    script(&format!("download-url = \"http://user:{SECRET}@host/\""));
    script(&format!("kernel-params = [\"password={SECRET}\\u0007\"]"));
    script(&format!("grpc-authority = {WORD:?}"));

    check(MAIN, "a.csv", &format!("mac,ip,script\n52:54:00:00:00:0a,192.168.2.10,{SECRET}\n"));
    check(MAIN, "a.csv", &format!("mac,ip\n52:54:00:00:00:0a,192.168.2.10,{SECRET}\n"));
    let hardware = |ipxe: &str| {
        let text = format!(
            "kind: Hardware\napiVersion: tinkerbell.org/v1alpha1\nspec:\n  interfaces:\n  - dhcp:\n      \
             mac: 52:54:00:00:00:0a\n      ip: {{ address: 192.168.2.10 }}\n    netboot: {{ {ipxe} }}\n"
        );
        check(MAIN, "a.yaml", &text);
    };
    hardware(&format!("ipxe: {{ url: '{SECRET}' }}"));
    hardware(&format!("osie: {{ baseURL: 'http://user:{SECRET}@host/' }}"));
    hardware(&format!("osie: {{ kernelParams: [\"{SECRET}\\a\"] }}"));
}

/// Such as an inventory that is a link to the file of passwords.
#[test]
fn files_of_another_kind_are_not_quoted() {
    #[track_caller]
    fn check(name: &str, content: &str) {
        let [checked, told] = texts(MAIN, name, content);
        assert!(told.contains(name), "{told}");
        for part in ["hunter", "s3cr3t", "root", "$y$"] {
            assert!(!told.contains(part), "{name} {content}:\n{told}");
        }
        // The user who runs it may read the file; its values are left out even so.
        assert!(!checked.contains("s3cr3t") && !checked.contains("$y$"), "{checked}");
    }
    const SHADOW: &str =
        "root:$y$j9T$s3cr3t$hunter2:19700:0:99999:7:::\ndaemon:*:19700:0:99999:7:::\n";
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\ns3cr3thunter2root\n-----END PRIVATE KEY-----\n";
    const WORDS: &str = "hunter2-s3cr3t\n";
    const PAIRS: &str = "root=s3cr3t hunter2\n";
    const TOML: &str = "root = \"s3cr3t hunter2\"\nroot = 1\n";
    const YAML: &str = "root: s3cr3t hunter2\nroot: 2\n";
    const SPLIT: &str = "root: 's3cr3t hunter2\n";
    for content in [SHADOW, KEY, WORDS, PAIRS, TOML, YAML, SPLIT] {
        for name in ["a.toml", "a.csv", "a.yaml", "a.json"] {
            check(name, content);
        }
    }
    check("a.yaml", "kind: hunter2\n");
    check("a.yaml", "kind: Hardware\napiVersion: hunter2\n");
}

#[test]
fn many_problems_take_little_room() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("netboot.toml");
    const HOSTS: usize = 20_000;
    let long = "x".repeat(5000);
    fs::write(&path, format!("{MAIN}{}", HOST.repeat(HOSTS))).unwrap();
    let problems = Sources::open(&path).unwrap_err();
    // A MAC and an address each, but for the first.
    assert_eq!(problems.total(), 2 * (HOSTS - 1));
    assert!(problems.kept().len() <= 500, "{}", problems.kept().len());
    let text = problems.to_string();
    assert_eq!(text.lines().count(), 21);
    assert!(text.ends_with("\nand 39978 more: `netboot check` shows all"), "{text}");
    assert_eq!(load(&path).unwrap_err().kept().len(), 2 * (HOSTS - 1), "a command shows all");

    fs::write(&path, format!("{MAIN}{HOST}hostname = {long:?}\n{long} = 1\n")).unwrap();
    let problems = Sources::open(&path).unwrap_err();
    assert_eq!(problems.total(), 2);
    let longest = problems.kept().iter().map(|problem| problem.to_string().len()).max();
    assert!(longest < Some(2500), "{longest:?}");

    // Inventories are read in parts, side by side.
    let row = "52:54:00:00:00:0a,10.0.0.1,x y\n";
    fs::write(dir.path().join("a.csv"), format!("mac,ip,hostname\n{}", row.repeat(HOSTS))).unwrap();
    fs::write(&path, format!("inventory = [\"a.csv\"]\n{MAIN}")).unwrap();
    let problems = Sources::open(&path).unwrap_err();
    assert!(problems.total() > 3 * HOSTS, "{}", problems.total());
    assert!(problems.kept().len() <= 500, "{}", problems.kept().len());
}
