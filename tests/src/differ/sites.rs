//! The sites that frames are tried on.

use std::sync::Arc;

use anyhow::Result;
use netboot_answer::golden::site;
use netboot_site::model::{Config, DhcpOption};

/// The golden site, one with everything else than that, and one whose machines do not boot from the
/// network. Append, never reorder: inputs of the corpus name them by number.
pub fn sites() -> Result<[Config; 3]> {
    Ok([site::config()?, other()?, without_netboot()?])
}

/// Long names, full blocks, everything switched the other way.
fn other() -> Result<Config> {
    let mut config = site::config()?;
    config.dhcp.authoritative = false;
    config.dhcp.shared_networks = true;
    config.dhcp.echo_pxeclient = true;
    config.dhcp.skip_proxydhcp = false;
    config.boot.script_url = Some(format!("http://172.30.0.1/{}", "u".repeat(220)));
    config.boot.script_user_classes.push("first".to_owned());
    for subnet in &mut config.subnets {
        subnet.options.push(DhcpOption { code: 224, value: vec![0xee; 170] });
    }
    for host in &mut config.hosts {
        Arc::make_mut(host).options.push(DhcpOption { code: 225, value: vec![0xdd; 110] });
    }
    Ok(config)
}

fn without_netboot() -> Result<Config> {
    let mut config = site::config()?;
    config.hosts.iter_mut().for_each(|host| Arc::make_mut(host).netboot = false);
    Ok(config)
}
