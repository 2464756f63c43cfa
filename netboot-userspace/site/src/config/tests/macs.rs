//! Machines of several MACs.

use super::{SUBNET, check, directory, load_text};
use crate::model::Inventory;

/// Line 3 is the header of the first host.
fn hosts(macs: &[&str]) -> String {
    let host = |(number, mac): (usize, &&str)| {
        format!("[[host]]\nmac = {mac}\nip = \"10.0.0.{number}\"\n")
    };
    SUBNET.to_owned() + &(5..).zip(macs).map(host).collect::<String>()
}

#[test]
fn what_is_refused() {
    let good = r#"["52:54:00:00:00:01", "5254.0000.0002"]"#;
    check(&hosts(&[good]), &[]);
    check(&hosts(&[r#"["52:54:00:00:00:01"]"#]), &[]);
    check(
        &hosts(&["[]"]),
        &["netboot.toml:4: host[0].mac: is empty: a machine has at least one MAC"],
    );
    check(
        &hosts(&[r#"["52:54:00:00:00:01", "525400000001"]"#]),
        &["netboot.toml:4: host[0].mac[1]: 52:54:00:00:00:01 is listed twice"],
    );
    check(
        &hosts(&[r#"["52:54:00:00:00:01", 3, "01:00:00:00:00:01"]"#]),
        &[
            "netboot.toml:4: host[0].mac[1]: expected a string, found integer",
            "netboot.toml:4: host[0].mac[2]: 01:00:00:00:00:01 is a group address, not a machine's",
        ],
    );
    let many = |count: u8| {
        let macs: Vec<_> = (0..count).map(|last| format!("02:00:00:00:00:{last:02x}")).collect();
        hosts(&[&format!("{macs:?}")])
    };
    check(&many(32), &[]);
    check(&many(40), &["netboot.toml:4: host[0].mac[32]: more than 32 MACs of one machine"]);
    check(&hosts(&["3"]), &["netboot.toml:4: host[0].mac: expected a string, found integer"]);
    let taken = |field: &str| {
        format!(
            "netboot.toml:7: host[1].{field}: 52:54:00:00:00:02 is already the MAC at host[0].mac[1] \
             (netboot.toml:4); each machine needs its own"
        )
    };
    check(&hosts(&[good, r#""52:54:00:00:00:02""#]), &[&taken("mac")]);
    check(&hosts(&[good, r#"["52:54:00:00:00:03", "52:54:00:00:00:02"]"#]), &[&taken("mac[1]")]);
    // One address is one machine's still.
    let two = hosts(&[good, r#""52:54:00:00:00:03""#]).replace("10.0.0.6", "10.0.0.5");
    check(
        &two,
        &[
            "netboot.toml:8: host[1].ip: 10.0.0.5 is already the address at host[0].ip (netboot.toml:5); \
           each machine needs its own",
        ],
    );
}

#[test]
fn a_reservation_for_each_that_is_one_machine() {
    let directory = directory();
    let text = hosts(&[r#"["52:54:00:00:00:09", "52:54:00:00:00:01"]"#, r#""52:54:00:00:00:03""#]);
    let loaded = load_text(directory.path(), &text.replace("0.5\"", "0.5\"\nvlan = 7")).unwrap();
    let hosts = &loaded.config.hosts;
    let rows: Vec<_> = hosts
        .iter()
        .zip(&loaded.origins)
        .map(|(host, origin)| {
            let [.., own] = host.mac.octets;
            let [.., machine] = host.machine().octets;
            let [vlan, _] = host.vlan.ids;
            (own, machine, host.ip.octets()[3], vlan, origin.line)
        })
        .collect();
    assert_eq!(rows, [(9, 9, 5, 7, 3), (1, 9, 5, 7, 3), (3, 3, 6, 0, 7)]);
    let owner = Inventory::new(hosts.iter().cloned()).by_ip([10, 0, 0, 5].into()).unwrap();
    assert_eq!(owner.mac.octets[5], 9);
}
