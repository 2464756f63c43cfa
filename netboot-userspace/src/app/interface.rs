//! The state of an interface that is to be served.

use netboot_answer::tables::Tables;
use netboot_base::links::{Link, LinkState};
use netboot_serve::health::PartState;

const NO_CARRIER: &str = "no carrier: machines at it get no answers until the link is up";
const MISSING: &str = "it is not there: machines at it are answered when it is";
const DOWN: &str = "it is switched off: machines at it get no answers until it is up";

/// `None`: it is not there. `lost` are the subnets that were on it, and are on none now.
pub(super) fn state(
    link: Option<&Link>,
    has_address: bool,
    lost: &[String],
    tables: &Tables,
) -> PartState {
    let Some(link) = link else {
        return PartState::Down(MISSING.into());
    };
    let name = &link.name;
    match link.state {
        LinkState::NoCarrier => return PartState::Degraded(NO_CARRIER.into()),
        LinkState::Down => {
            return PartState::Degraded(format!("{DOWN} (`ip link set {name} up`)").into());
        }
        LinkState::Up => {}
    }
    let mut subnets = tables.subnets.iter();
    let is_served = subnets.any(|subnet| subnet.ifindex == link.index);
    if let Some(bridge) = link.port_of.as_ref().filter(|_| !is_served) {
        return PartState::Degraded(port(bridge).into());
    }
    if !lost.is_empty() {
        let subnets = if lost.len() == 1 { "subnet" } else { "subnets" };
        let lost = lost.join(", ");
        let what = format!(
            "{subnets} {lost}, which it had: machines there are answered only through relays until it has one \
             (`ip address add ADDRESS/LENGTH dev {name}`)"
        );
        return PartState::Degraded(if has_address {
            format!("no address of it lies in {what}").into()
        } else {
            format!("it has no IPv4 address, so none in {what}").into()
        });
    }
    if is_served || tables.subnets.is_empty() {
        return PartState::Up;
    }
    if !has_address {
        return PartState::Degraded(
            "it has no IPv4 address: nobody is answered at it until it has one in a [[subnet]]"
                .into(),
        );
    }
    // An interface of several may be for relayed machines alone.
    if tables.subnets.iter().all(|subnet| subnet.ifindex == 0) {
        return PartState::Degraded(
            "no address of it lies in a [[subnet]]: only relayed machines are answered".into(),
        );
    }
    PartState::Up
}

fn port(bridge: &str) -> String {
    format!(
        "it is a port of {bridge}, and machines at it are answered there: list {bridge} instead of it"
    )
}

/// Says of an interface at the start what keeps machines from being answered at it.
pub(super) fn tell_first(interface: &str, link: Option<&Link>) {
    match link {
        None => tracing::error!(interface, "{MISSING}"),
        Some(link) if link.state != LinkState::Up => tell(link),
        Some(_) => {}
    }
}

/// Says that it went up or down.
pub(super) fn tell(link: &Link) {
    let interface = &link.name;
    match link.state {
        LinkState::Up => tracing::info!(interface, "the link is up"),
        LinkState::NoCarrier => tracing::warn!(interface, "{NO_CARRIER}"),
        LinkState::Down => tracing::warn!(interface, "{DOWN}"),
    }
}

#[cfg(test)]
mod tests {
    use netboot_answer::golden::site;
    use netboot_base::links;
    use netboot_ebpf::shared::Subnet;
    use zerocopy::FromZeros as _;

    use super::*;

    /// An interface with number 2; subnets are on these, 0 is none.
    #[track_caller]
    fn check(state: LinkState, has_address: bool, lost: &[&str], subnets: &[u32], expect: &str) {
        let link = Link { state, ..link() };
        check_link(&link, has_address, lost, subnets, expect);
    }

    fn link() -> Link {
        let loopback = links::all().unwrap().remove("lo").unwrap();
        Link { name: "eth1".to_owned(), index: 2, ..loopback }
    }

    #[track_caller]
    fn check_link(link: &Link, has_address: bool, lost: &[&str], subnets: &[u32], expect: &str) {
        let subnets =
            subnets.iter().map(|ifindex| Subnet { ifindex: *ifindex, ..Subnet::new_zeroed() });
        let tables = Tables {
            subnets: subnets.collect(),
            ..site::tables_of(&site::config().unwrap()).unwrap()
        };
        let lost: Vec<_> = lost.iter().map(|lost| (*lost).to_owned()).collect();
        let found = super::state(Some(link), has_address, &lost, &tables);
        let why = found.why().unwrap_or_default();
        assert!(why.starts_with(expect) && why.is_empty() == expect.is_empty(), "{why:?}");
    }

    #[test]
    fn each_interface_has_a_state_of_its_own() {
        use LinkState::{Down, NoCarrier, Up};
        const ONE: &str = "10.5.0.0/24";
        check(Up, true, &[], &[1, 2], "");
        check(Up, true, &[], &[], "");
        check(Up, false, &[], &[], "");
        // It is for relays, or another one answers.
        check(Up, true, &[], &[1, 1], "");
        check(Up, true, &[], &[0, 0], "no address of it lies in a [[subnet]]: only relayed");
        // Whatever others have.
        check(Up, false, &[], &[1, 0], "it has no IPv4 address: nobody is answered at it");
        check(Up, false, &[], &[0], "it has no IPv4 address: nobody is answered at it");
        check(Up, false, &[ONE], &[1, 0], "it has no IPv4 address, so none in subnet 10.5.0.0/24");
        check(
            Up,
            true,
            &[ONE],
            &[1, 0],
            "no address of it lies in subnet 10.5.0.0/24, which it had",
        );
        check(Up, true, &[ONE], &[2, 0], "no address of it lies in subnet 10.5.0.0/24, which");
        let two = "no address of it lies in subnets 10.5.0.0/24, 10.6.0.0/24, which it had";
        check(Up, true, &[ONE, "10.6.0.0/24"], &[0, 0], two);
        // Its subnet has a server-address.
        check(Up, false, &[], &[2], "");
        check(NoCarrier, false, &[ONE], &[1], NO_CARRIER);
        check(Down, true, &[], &[2], DOWN);
    }

    #[test]
    fn a_port_is_named_with_its_bridge() {
        const PORT: &str = "it is a port of br0, and machines at it are answered there: list br0";
        let port = Link { port_of: Some("br0".to_owned()), ..link() };
        for (has_address, lost) in [(false, &[][..]), (true, &[]), (false, &["10.5.0.0/24"])] {
            check_link(&port, has_address, lost, &[1], PORT);
        }
        // It is served all the same.
        check_link(&port, true, &[], &[1, 2], "");
        let down = Link { state: LinkState::Down, ..port };
        check_link(&down, false, &[], &[1], DOWN);
    }
}
