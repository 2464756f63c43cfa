//! The interface that each subnet is on, and the subnets that lost theirs.

use std::collections::BTreeMap;

use netboot_answer::render::{self, Seats};
use netboot_base::links::Link;
use netboot_site::model::Settings;

/// The seats of the subnets when the tables were made.
#[derive(Debug, Default)]
pub(super) struct SubnetInterfaces {
    now: Seats,
    /// By subnet: the interface that it was on last, where it is on none now.
    lost: BTreeMap<String, String>,
}

impl SubnetInterfaces {
    /// The tables are made of these seats now.
    pub(super) fn set(&mut self, config: &Settings, now: Seats) {
        let before = std::mem::take(&mut self.now);
        for ((subnet, _), interface) in before {
            if let Some(interface) = interface {
                self.lost.insert(subnet.to_string(), interface);
            }
        }
        let is_seated = |name: &String| now.values().flatten().any(|own| own == name);
        self.lost.retain(|subnet, interface| {
            let seat = now.iter().find(|((own, _), _)| own.to_string() == *subnet);
            let is_lost = seat.map(|(_, seat)| seat.is_none());
            config.interfaces.contains(interface)
                // Networks that are nowhere configured go with their interface's last address.
                && is_lost.unwrap_or_else(|| {
                    config.dhcp.mode.is_proxy() && !is_seated(interface)
                })
        });
        self.now = now;
    }

    /// The subnets that were on an interface, and are on none.
    pub(super) fn lost(&self, interface: &str) -> Vec<String> {
        let lost = self.lost.iter().filter(|(_, last)| *last == interface);
        lost.map(|(subnet, _)| subnet.clone()).collect()
    }

    /// What moves from one interface to another, now that these are as they are: in words.
    pub(super) fn moves<'l>(
        &self,
        config: &Settings,
        links: &[Link],
        all: impl IntoIterator<Item = &'l Link>,
    ) -> Vec<String> {
        // Where it cannot be told, what was before goes on.
        let Ok(wanted) = render::seats(config, links, all) else { return Vec::new() };
        let moved = wanted.iter().filter(|(key, seat)| self.now.get(key) != Some(seat));
        let moved = moved.filter_map(|((subnet, _), seat)| {
            seat.as_ref().map(|now| format!("subnet {subnet} is on {now}"))
        });
        moved.collect()
    }
}

#[cfg(test)]
mod tests {
    use netboot_ebpf::shared::Vlan;
    use netboot_site::model::DhcpMode;

    use super::*;

    /// Subnets by number, each with the interface that it is on; several times, and what is lost by
    /// `eth0` and `eth1` at the end.
    #[track_caller]
    fn check(mode: DhcpMode, steps: &[&[(u8, Option<&str>)]], expect: [&[u8]; 2]) {
        let mut config = Settings::unconfigured();
        config.dhcp.mode = mode;
        config.interfaces = ["eth0", "eth1"].map(str::to_owned).to_vec();
        let mut subnet_interfaces = SubnetInterfaces::default();
        let subnet = |number: &u8| format!("10.{number}.0.0/24");
        for step in steps {
            let seats = step.iter().map(|(number, seat)| {
                ((subnet(number).parse().unwrap(), Vlan::NONE), seat.map(str::to_owned))
            });
            subnet_interfaces.set(&config, seats.collect());
        }
        for (interface, expect) in ["eth0", "eth1"].into_iter().zip(expect) {
            let expect: Vec<_> = expect.iter().map(subnet).collect();
            assert_eq!(subnet_interfaces.lost(interface), expect, "{interface}: {steps:?}");
        }
    }

    #[test]
    fn what_is_lost() {
        const E0: Option<&str> = Some("eth0");
        const E1: Option<&str> = Some("eth1");
        let plain = |steps: &[&[_]], expect| check(DhcpMode::Reservation, steps, expect);
        plain(&[&[(1, E0), (2, E1), (3, None)]], [&[], &[]]);
        plain(&[&[(1, E0), (2, E1)], &[(1, E0), (2, None)]], [&[], &[2]]);
        plain(&[&[(1, E0), (2, E1)], &[(1, None), (2, None)]], [&[1], &[2]]);
        // It stays so until the interface has its address again, or the subnet is on another.
        plain(&[&[(2, E1)], &[(2, None)], &[(2, None)]], [&[], &[2]]);
        plain(&[&[(2, E1)], &[(2, None)], &[(2, E1)]], [&[], &[]]);
        plain(&[&[(2, E1)], &[(2, None)], &[(2, E0)]], [&[], &[]]);
        plain(&[&[(2, E1)], &[(2, E0)], &[(2, None)]], [&[2], &[]]);
        // Nobody wants it any more.
        plain(&[&[(1, E0), (2, E1)], &[(1, E0)]], [&[], &[]]);
        plain(&[&[(2, E1)], &[(2, None)], &[(1, E0)]], [&[], &[]]);
        plain(&[&[(2, Some("eth7"))], &[(2, None)]], [&[], &[]]);
        // Networks of interfaces are served without a [[subnet]]: the last one is missed.
        let proxy = |steps: &[&[_]], expect| check(DhcpMode::Proxy, steps, expect);
        proxy(&[&[(1, E0), (2, E1)], &[(1, E0)]], [&[], &[2]]);
        proxy(&[&[(1, E0), (2, E1), (3, E1)], &[(1, E0), (2, E1)]], [&[], &[]]);
        proxy(&[&[(1, E0), (2, E1)], &[(1, E0)], &[(1, E0), (4, E1)]], [&[], &[]]);
    }
}
