//! Classless routes (RFC 3442), and the default route that must be among them.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// Destination and router.
pub type Route = (Ipv4Net, Ipv4Addr);

/// Microsoft's code for the same value, from before RFC 3442: clients that know it read it as option 121.
pub const MICROSOFT: u8 = 249;

/// Routes as option 121 has them: the prefix's length, the octets of the network that it covers, the router.
#[must_use]
pub fn read(mut value: &[u8]) -> Option<Vec<Route>> {
    let mut routes = Vec::new();
    while let [len, rest @ ..] = value {
        let (given, rest) = rest.split_at_checked(usize::from(len.div_ceil(8)))?;
        let (router, rest) = rest.split_first_chunk::<4>()?;
        let mut octets = [0; 4];
        octets.get_mut(..given.len())?.copy_from_slice(given);
        routes.push((Ipv4Net::new(octets.into(), *len).ok()?, (*router).into()));
        value = rest;
    }
    Some(routes)
}

/// The value of option 121.
#[must_use]
pub fn write(routes: &[Route]) -> Vec<u8> {
    let mut value = Vec::new();
    for (destination, router) in routes {
        let len = destination.prefix_len();
        value.push(len);
        value.extend(destination.network().octets().iter().take(usize::from(len.div_ceil(8))));
        value.extend(router.octets());
    }
    value
}

/// Whether machines that are told these routes have no default route, whatever the routers are: "If the DHCP server returns
/// both a Classless Static Routes option and a Router option, the DHCP client MUST ignore the Router option"
/// (RFC 3442, "DHCP Client Behavior").
#[must_use]
pub fn lacks_default(routes: &[Route]) -> bool {
    !routes.is_empty() && default_router(routes).is_none()
}

/// The router of the default route.
#[must_use]
pub fn default_router(routes: &[Route]) -> Option<Ipv4Addr> {
    let default = routes.iter().find(|(destination, _)| destination.prefix_len() == 0);
    default.map(|(_, router)| *router)
}

/// The routes with a default route at their end where they lack one: administrators "should specify the default
/// router(s) both in the Router option and in the Classless Static Routes option" (RFC 3442, "DHCP Server
/// Administrator Responsibilities").
#[must_use]
pub fn with_default(routes: &[Route], routers: &[Ipv4Addr]) -> Vec<Route> {
    let missing = routers.first().filter(|_| lacks_default(routes));
    let default = missing.map(|router| (Ipv4Net::default(), *router));
    routes.iter().copied().chain(default).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(destination: &str, router: [u8; 4]) -> Route {
        (destination.parse().unwrap(), router.into())
    }

    #[test]
    fn values_are_read_and_written() {
        let check = |value: &[u8], routes: &[Route]| {
            assert_eq!(read(value).as_deref(), Some(routes));
            assert_eq!(write(routes), value);
        };
        check(&[], &[]);
        check(&[0, 10, 0, 0, 1], &[route("0.0.0.0/0", [10, 0, 0, 1])]);
        check(
            &[9, 10, 128, 10, 0, 0, 1, 32, 1, 2, 3, 4, 0, 0, 0, 0],
            &[route("10.128.0.0/9", [10, 0, 0, 1]), route("1.2.3.4/32", [0; 4])],
        );
        for broken in [&[8, 10, 1, 2, 3][..], &[33, 1, 2, 3, 4, 5, 6, 7, 8, 9], &[0, 1, 2, 3]] {
            assert_eq!(read(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn the_default_route_is_there_once() {
        let (own, first, second) = ([10, 0, 0, 9], [10, 0, 0, 1], [10, 0, 0, 2]);
        let far = route("10.1.0.0/16", own);
        let default = |router| route("0.0.0.0/0", router);
        let check = |routes: &[Route], routers: &[[u8; 4]], expect: &[Route]| {
            let routers: Vec<_> = routers.iter().map(|router| Ipv4Addr::from(*router)).collect();
            assert_eq!(with_default(routes, &routers), expect, "{routes:?} and {routers:?}");
        };
        check(&[far], &[first, second], &[far, default(first)]);
        check(&[far, far], &[second], &[far, far, default(second)]);
        // Given, also in another place or by another router.
        check(&[far, default(own)], &[first], &[far, default(own)]);
        check(&[default(own), far], &[first], &[default(own), far]);
        // None is known; no classless routes at all: option 3 says it.
        check(&[far], &[], &[far]);
        check(&[], &[first], &[]);
        // A network that begins so is no default route.
        let half = route("0.0.0.0/1", own);
        check(&[half], &[first], &[half, default(first)]);
    }
}
