//! How an interface is that is to be served.

use super::health::State;
use crate::{
    links::{Link, LinkState},
    tables::Tables,
};

const NO_CARRIER: &str = "no carrier: machines at it get no answers until the link is up";
const MISSING: &str = "it is not there: machines at it are answered when it is";
const DOWN: &str = "it is switched off: machines at it get no answers until it is up";

/// `None`: it is not there.
pub(super) fn state(link: Option<&Link>, tables: &Tables) -> State {
    let Some(link) = link else {
        return State::Down(MISSING.into());
    };
    // An interface of several may be for relayed machines alone.
    let only_relays =
        !tables.subnets.is_empty() && tables.subnets.iter().all(|subnet| subnet.ifindex == 0);
    match link.state {
        LinkState::NoCarrier => State::Degraded(NO_CARRIER.into()),
        LinkState::Down => {
            State::Degraded(format!("{DOWN} (`ip link set {} up`)", link.name).into())
        }
        LinkState::Up if only_relays && link.addresses.is_empty() => State::Degraded(
            "it has no IPv4 address: nobody is answered until it has one in a [[subnet]]".into(),
        ),
        LinkState::Up if only_relays => State::Degraded(
            "no address of it lies in a [[subnet]]: only relayed machines are answered".into(),
        ),
        LinkState::Up => State::Up,
    }
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
