//! Programs beside the files.

use super::{Running, Site, said};

const SOURCE: &str = "[[source]]\nkind = \"command\"\ncommand = [\"echo\", '{\"hosts\": []}']\n";

fn host(number: u8, ip: u8) -> String {
    format!("{{\"mac\": \"52:54:00:00:01:{number:02x}\", \"ip\": \"10.0.0.{ip}\"}}")
}

fn hosts(hosts: &[String]) -> String {
    format!("{{\"hosts\": [{}]}}", hosts.join(", "))
}

/// Takes on what the first program printed.
fn offer(site: &Site, running: &mut Running, printed: &str) -> String {
    let source = running.state.settings.sources[0].clone();
    let proposal = running.sources.offer(&running.state, &source, printed.as_bytes()).unwrap();
    if let Ok(proposal) = &proposal {
        running.take_on(proposal);
    }
    said(site, proposal)
}

fn site() -> (Site, Running) {
    let site = Site::new();
    site.edit("netboot.toml", "[[subnet]]", &format!("{SOURCE}[[subnet]]"));
    let running = site.open();
    (site, running)
}

#[test]
fn what_a_program_prints_is_put_beside_the_files() {
    let (site, mut running) = site();
    let mut check = |printed: &str, parts: usize, expect: &str| {
        let before = running.sources.parts;
        assert_eq!(offer(&site, &mut running, printed), expect, "{printed}");
        assert_eq!(running.sources.parts - before, parts, "{printed}");
    };
    let two = hosts(&[host(1, 101), host(2, 102)]);
    check(&two, 0, "hosts: 2 hosts added, 0 changed, 0 removed");
    check(&two, 0, "nothing");
    check(&format!(" {two}"), 1, "nothing");
    check(&hosts(&[host(1, 101), host(2, 103)]), 1, "hosts: 0 hosts added, 1 changed, 0 removed");
    check(
        &hosts(&[host(1, 103), host(2, 101), host(3, 102)]),
        1,
        "hosts: 1 host added, 2 changed, 0 removed",
    );
    check(&hosts(&[host(3, 102)]), 1, "hosts: 0 hosts added, 0 changed, 2 removed");
    // What stands there is told to who may read it alone.
    check("x", 0, "refused: output of echo: is not JSON");
    check(
        "{\"hosts\": 1}",
        0,
        "refused: output of echo: has no list \"hosts\": write {\"hosts\": [...]}",
    );
    check(
        &hosts(&[host(3, 1)]),
        0,
        "refused: output of echo: hosts[0].ip: 10.0.0.1 is already the address at host[0].ip (a.toml:3); \
         each machine needs its own",
    );
    check(
        &hosts(&[host(3, 102), host(3, 104)]),
        0,
        "refused: output of echo: hosts[1].mac: 52:54:00:00:01:03 is already the MAC at hosts[0].mac \
         (output of echo); each machine needs its own",
    );
    check(&hosts(&[host(3, 102)]), 0, "nothing");
    check(
        &hosts(&[]),
        0,
        "hosts: 0 hosts added, 0 changed, 1 removed | output of echo: has no hosts",
    );
    check(&hosts(&[host(3, 102)]), 0, "hosts: 1 host added, 0 changed, 0 removed");
}

/// What is wrong with one stops no other.
#[test]
fn files_and_programs_do_not_wait_for_each_other() {
    let (site, mut running) = site();
    let added = "hosts: 1 host added, 0 changed, 0 removed";
    let changed = "hosts: 0 hosts added, 1 changed, 0 removed";
    let empty = "hosts: 0 hosts added, 0 changed, 1 removed | output of echo: has no hosts";
    assert_eq!(offer(&site, &mut running, &hosts(&[host(1, 101)])), added);
    // A file takes the program's address.
    site.edit("a.toml", "10.0.0.2\"", "10.0.0.101\"");
    let refused = "refused: output of echo: hosts[0].ip: 10.0.0.101 is already the address at host[1].ip \
                   (a.toml:6); each machine needs its own";
    assert_eq!(said(&site, running.reload()), refused);
    assert_eq!(offer(&site, &mut running, &hosts(&[host(1, 102)])), changed);
    assert_eq!(said(&site, running.reload()), changed);
    // A broken file is not in a program's way, not even where all has to be judged.
    site.edit("a.toml", "[[host]]", "[[host]");
    assert_eq!(offer(&site, &mut running, &hosts(&[])), empty);
    assert_eq!(offer(&site, &mut running, &hosts(&[host(1, 102)])), added);
    site.edit("a.toml", "[[host]", "[[host]]");
    assert_eq!(said(&site, running.reload()), "nothing");
    // Other settings are judged with the hosts that are there.
    site.edit("netboot.toml", "10.0.0.0/24", "10.0.0.0/26");
    let change = said(&site, running.reload());
    let outside = "output of echo: hosts[0].ip: 10.0.0.102 lies in no [[subnet]]";
    assert!(change.contains(outside), "{change}");
    site.edit("netboot.toml", "10.0.0.0/26\"\n", "10.0.0.0/24\"\nmtu = 1500\n");
    assert_eq!(
        said(&site, running.reload()),
        "whole: 0 hosts added, 0 changed, 0 removed; settings changed: subnet 10.0.0.0/24"
    );
    let proposal = running.reread();
    assert_eq!(said(&site, proposal), "nothing");
}

#[test]
fn sources_come_and_go() {
    let (site, mut running) = site();
    offer(&site, &mut running, &hosts(&[host(1, 101)]));
    let summary = |added: usize, removed: usize| {
        let hosts = if added == 1 { "host" } else { "hosts" };
        format!(
            "whole: {added} {hosts} added, 0 changed, {removed} removed; settings changed: source"
        )
    };
    // The same program with another interval, or other arguments, keeps its hosts until it prints others.
    site.edit("netboot.toml", "[[subnet]]", "interval = \"5m\"\n[[subnet]]");
    assert_eq!(said(&site, running.reload()), summary(0, 0));
    site.edit("netboot.toml", "[]}", "[] }");
    assert_eq!(said(&site, running.reload()), summary(0, 0));
    // A new one is run at once.
    let printed = hosts(&[host(2, 102)]);
    let second =
        format!("[[source]]\nkind = \"command\"\ncommand = [\"printf\", '{printed}']\n[[subnet]]");
    site.edit("netboot.toml", "[[subnet]]", &second);
    assert_eq!(said(&site, running.reload()), summary(1, 0));
    let gone = running.state.settings.sources[1].clone();
    site.edit("netboot.toml", &second, "[[subnet]]");
    assert_eq!(said(&site, running.reload()), summary(0, 1));
    assert!(running.sources.offer(&running.state, &gone, printed.as_bytes()).is_none());
    // One that cannot be run stops nothing else.
    site.edit("netboot.toml", "[[subnet]]", &second.replace("printf", "/nowhere"));
    assert_eq!(said(&site, running.reload()), summary(0, 0));
    assert_eq!(running.state.hosts.all().len(), 7);
}
