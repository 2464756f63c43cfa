//! `[[host]]`

use std::net::Ipv4Addr;

use netboot_ebpf::shared::Mac;
use toml::de::DeValue;

use super::{
    lease::lease_time,
    network::read_network,
    option::{Owner, read_options},
    problem::{Place, Placed},
    script_settings::read_script_settings,
    section::Section,
    value::{boolean, boot_file, hostname, is_http_url, text, unicast},
};
use crate::{
    inventory::{Host, HostScript},
    mac,
};

/// A host as far as it could be read.
pub(crate) struct DraftHost {
    pub(crate) place: Place,
    pub(crate) mac: Option<Placed<Mac>>,
    pub(crate) ip: Option<Placed<Ipv4Addr>>,
    pub(crate) boot_file: Option<Placed<String>>,
    /// All but MAC, address and boot file.
    rest: Host,
}

impl DraftHost {
    pub(crate) fn new(
        place: Place,
        mac: Option<Placed<Mac>>,
        ip: Option<Placed<Ipv4Addr>>,
        boot_file: Option<Placed<String>>,
        rest: Host,
    ) -> Self {
        Self { place, mac, ip, boot_file, rest }
    }

    /// The host, if MAC and address are there.
    pub(crate) fn finish(self) -> Option<Host> {
        let boot_file = self.boot_file.map(|name| name.value);
        Some(Host { mac: self.mac?.value, ip: self.ip?.value, boot_file, ..self.rest })
    }

    /// All but MAC, address and boot file.
    pub(crate) fn rest(&self) -> &Host {
        &self.rest
    }

    /// Whether the machine gets the default script.
    pub(crate) fn gets_script(&self) -> bool {
        self.rest.netboot && self.rest.script.is_none()
    }
}

pub(crate) fn read_hosts(file: &mut Section<'_>) -> Vec<DraftHost> {
    file.sections("host").into_iter().map(read_host).collect()
}

pub(crate) fn read_host(mut section: Section<'_>) -> DraftHost {
    let mac = section.require("mac", mac);
    let ip = section.require("ip", unicast);
    let mut rest = Host {
        hostname: section.get("hostname", hostname).map(|name| name.value),
        script: section.get("script", script).map(|script| script.value),
        lease_time: lease_time(&mut section),
        network: read_network(&mut section, None),
        script_settings: read_script_settings(&mut section),
        ..Host::default()
    };
    section.set("netboot", &mut rest.netboot, boolean);
    let boot_file = section.get("boot-file", boot_file);
    rest.options = read_options(&mut section, Owner::Host);
    let place = section.place.clone();
    section.finish();
    DraftHost { place, mac, ip, boot_file, rest }
}

pub(crate) fn mac(value: &DeValue<'_>) -> Result<Mac, String> {
    let mac = mac::parse(&text(value)?).map_err(|error| error.to_string())?;
    let [first, ..] = mac.octets;
    if first & 1 == 1 {
        return Err(format!("{mac} is a group address, not a machine's"));
    }
    if mac == Mac::default() {
        return Err("the zero address is no machine's".to_owned());
    }
    Ok(mac)
}

fn script(value: &DeValue<'_>) -> Result<HostScript, String> {
    let text = text(value)?;
    if text.starts_with("#!ipxe") {
        return Ok(HostScript::Text(text));
    }
    if !text.contains('\n') && is_http_url(&text).is_ok() {
        return Ok(HostScript::Url(text));
    }
    let mut shown: String = text.chars().take(40).collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    Err(format!("{shown:?} is neither an http(s) URL nor an iPXE script, which begins with #!ipxe"))
}
