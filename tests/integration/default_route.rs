//! Real clients where there are classless routes: each has them, and one default route.

use anyhow::{Result, ensure};
use netboot_tests::{
    clients::{CONFIGURES, Configures, routes},
    daemon::Xdp,
    lab::{INTERFACE, Lab},
};

use crate::site::Site;

const ROUTES: &str = "routes = [{ destination = \"10.0.0.0/8\", router = \"192.168.2.10\" }]";
const FAR: &str = "10.0.0.0/8 via 192.168.2.10";

/// The routes of each client.
fn check(xdp: Xdp, site: impl Fn() -> Result<Site>, expect: &[&str]) -> Result<()> {
    for client in CONFIGURES {
        let lab = Lab::new()?;
        let daemon = site()?.setup(xdp)?.start(&lab.server, INTERFACE)?;
        let found = routes(client, &lab.client, INTERFACE)?;
        ensure!(found == expect, "{client:?} has {found:?}, not {expect:?}");
        daemon.stop()?;
    }
    Ok(())
}

fn every_client(xdp: Xdp) -> Result<()> {
    check(xdp, || Ok(Site::new()?.subnet(ROUTES)), &[FAR, "default via 192.168.2.1"])?;
    // The host's own router beside the subnet's routes.
    let own = || Ok(Site::new()?.subnet(ROUTES).host_setting("routers = [\"192.168.2.2\"]"));
    check(xdp, own, &[FAR, "default via 192.168.2.2"])
}

#[test]
fn with_classless_routes_in_generic_mode() -> Result<()> {
    every_client(Xdp::Generic)
}

#[test]
fn with_classless_routes_without_xdp() -> Result<()> {
    every_client(Xdp::Off)
}

/// Given, it is not added; and without routers there is none.
#[test]
fn given_or_turned_off() -> Result<()> {
    let given = "routes = [{ destination = \"10.0.0.0/8\", router = \"192.168.2.10\" }, \
                 { destination = \"0.0.0.0/0\", router = \"192.168.2.7\" }]";
    let site = || Ok(Site::new()?.subnet(ROUTES).host_setting(given));
    check(Xdp::Generic, site, &[FAR, "default via 192.168.2.7"])?;
    let site = || Ok(Site::new()?.subnet(ROUTES).host_setting("routers = []"));
    check(Xdp::Generic, site, &[FAR])
}

/// Without routes it is the router, as ever.
#[test]
fn without_routes() -> Result<()> {
    let site = || Site::new();
    for client in [Configures::Udhcpc, Configures::Dhclient, Configures::Dhcpcd] {
        let lab = Lab::new()?;
        let daemon = site()?.setup(Xdp::Generic)?.start(&lab.server, INTERFACE)?;
        let found = routes(client, &lab.client, INTERFACE)?;
        ensure!(found == ["default via 192.168.2.1"], "{client:?} has {found:?}");
        daemon.stop()?;
    }
    Ok(())
}
