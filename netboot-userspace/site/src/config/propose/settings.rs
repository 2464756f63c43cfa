//! The settings that differ between two configurations, beside their hosts.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;

use crate::model::{Settings, Subnet};

/// More subnets than this are counted, not named.
const MOST_NAMED: usize = 3;

/// The sections that differ.
pub(super) fn changed_settings(old: &Settings, new: &Settings) -> Vec<String> {
    // Without `..`: what is added here later must be compared too.
    let Settings {
        path: _,
        interfaces,
        state_dir,
        user,
        xdp,
        dhcp,
        subnets,
        boot,
        tftp,
        http,
        syslog,
        script,
        quirks,
        sources,
    } = old;
    let compared = [
        ("interfaces", *interfaces == new.interfaces),
        ("state-dir", *state_dir == new.state_dir),
        ("user", *user == new.user),
        ("xdp", *xdp == new.xdp),
        ("dhcp", *dhcp == new.dhcp),
        ("boot", *boot == new.boot),
        ("tftp", *tftp == new.tftp),
        ("http", *http == new.http),
        ("syslog", *syslog == new.syslog),
        ("script", *script == new.script),
        ("quirk", *quirks == new.quirks),
        ("source", *sources == new.sources),
    ];
    let differ = compared.into_iter().filter(|(_, is_same)| !is_same);
    let mut named: Vec<_> = differ.map(|(name, _)| name.to_owned()).collect();
    if *subnets != new.subnets {
        named.extend(changed_subnets(subnets, &new.subnets));
    }
    named
}

fn changed_subnets(old: &[Subnet], new: &[Subnet]) -> Vec<String> {
    let by_cidr = |subnets| -> BTreeMap<Ipv4Net, &Subnet> {
        let subnets: &[Subnet] = subnets;
        subnets.iter().map(|subnet| (subnet.cidr, subnet)).collect()
    };
    let (old, new) = (by_cidr(old), by_cidr(new));
    let gone = old.keys().filter(|cidr| !new.contains_key(cidr));
    let differ = new.iter().filter(|(cidr, subnet)| old.get(cidr) != Some(subnet));
    let cidrs: Vec<_> = differ.map(|(cidr, _)| cidr).chain(gone).collect();
    match cidrs.len() {
        0 => vec!["order of subnets".to_owned()],
        1..=MOST_NAMED => cidrs.iter().map(|cidr| format!("subnet {cidr}")).collect(),
        count => vec![format!("{count} subnets")],
    }
}

/// The sections that differ in what a running daemon takes over.
pub(super) fn applied_settings(old: &Settings, new: &Settings) -> Vec<String> {
    let mut applied = new.clone();
    applied.state_dir.clone_from(&old.state_dir);
    applied.user.clone_from(&old.user);
    applied.xdp.pin_path.clone_from(&old.xdp.pin_path);
    changed_settings(old, &applied)
}

/// The settings that differ, but hold from the daemon's start to its end.
#[must_use]
pub fn needs_restart(old: &Settings, new: &Settings) -> Vec<&'static str> {
    // Who has no way to the directory of the pins got none at the start, since nothing was to be pinned.
    let is_pinnable = old.xdp.pin_path.is_in_reach() || !new.wants_program();
    let compared = [
        ("state-dir", old.state_dir == new.state_dir),
        ("user", old.user == new.user),
        ("xdp.pin-path", old.xdp.pin_path == new.xdp.pin_path),
        ("xdp.mode", is_pinnable || old.xdp.mode == new.xdp.mode),
        ("dhcp.mode", is_pinnable || old.dhcp.mode == new.dhcp.mode),
    ];
    compared.into_iter().filter(|(_, is_same)| !is_same).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{CommandSource, DhcpMode, Way, XdpMode};

    fn subnet(cidr: &str, mtu: u16) -> Subnet {
        Subnet { mtu: Some(mtu), ..Subnet::new(cidr.parse().unwrap()) }
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Settings), expect: &[&str], restart: &[&str]) {
        let mut old = Settings::unconfigured();
        old.subnets = vec![subnet("10.0.0.0/24", 1500), subnet("10.0.1.0/24", 1500)];
        let mut new = old.clone();
        change(&mut new);
        assert_eq!(changed_settings(&old, &new), expect);
        assert_eq!(needs_restart(&old, &new), restart);
        let applied = if restart.is_empty() { expect } else { &[] };
        assert_eq!(applied_settings(&old, &new), applied);
    }

    #[test]
    fn names_what_differs() {
        check(|_| (), &[], &[]);
        check(|new| new.dhcp.authoritative = false, &["dhcp"], &[]);
        let source = CommandSource {
            name: "a".to_owned(),
            command: vec!["a".to_owned()],
            interval: Duration::from_secs(60),
            timeout: Duration::from_secs(10),
        };
        check(|new| new.sources = vec![source], &["source"], &[]);
        check(|new| new.state_dir = "/s".into(), &["state-dir"], &["state-dir"]);
        check(|new| new.user = Some("u".to_owned()), &["user"], &["user"]);
        check(|new| new.xdp.pin_path = "/p".into(), &["xdp"], &["xdp.pin-path"]);
        check(|new| new.subnets[1].mtu = None, &["subnet 10.0.1.0/24"], &[]);
        check(|new| drop(new.subnets.remove(0)), &["subnet 10.0.0.0/24"], &[]);
        check(|new| new.subnets.swap(0, 1), &["order of subnets"], &[]);
        let more = |new: &mut Settings| {
            new.subnets.extend((2..6).map(|net| subnet(&format!("10.0.{net}.0/24"), 1)));
            new.http = None;
        };
        check(more, &["http", "4 subnets"], &[]);
    }

    #[test]
    fn a_program_needs_a_way_to_its_pins() {
        #[track_caller]
        fn check(way: Way, old: (XdpMode, DhcpMode), new: (XdpMode, DhcpMode), expect: &[&str]) {
            let config = |(xdp, dhcp)| {
                let mut config = Settings::unconfigured();
                (config.xdp.mode, config.dhcp.mode) = (xdp, dhcp);
                config
            };
            let (mut old, new) = (config(old), config(new));
            old.xdp.pin_path = old.xdp.pin_path.by(way);
            assert_eq!(needs_restart(&old, &new), expect);
        }
        let (ours, proxy) = (DhcpMode::Reservation, DhcpMode::Proxy);
        let through = || Way::Through("/proc/self/fd/9".into());
        for way in [Way::Path, through()] {
            check(way.clone(), (XdpMode::Auto, ours), (XdpMode::Auto, ours), &[]);
            check(way.clone(), (XdpMode::Auto, ours), (XdpMode::Off, ours), &[]);
            check(way, (XdpMode::Off, ours), (XdpMode::Auto, ours), &[]);
        }
        check(Way::None, (XdpMode::Off, ours), (XdpMode::Off, proxy), &[]);
        check(Way::None, (XdpMode::Off, ours), (XdpMode::Auto, ours), &["xdp.mode"]);
        check(Way::None, (XdpMode::Auto, proxy), (XdpMode::Auto, ours), &["dhcp.mode"]);
        check(Way::None, (XdpMode::Auto, proxy), (XdpMode::Off, ours), &[]);
    }
}
