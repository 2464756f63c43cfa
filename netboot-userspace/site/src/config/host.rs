//! The reader of `[[host]]`.

use std::net::Ipv4Addr;

use netboot_base::{mac, sparse::Sparse};
use netboot_ebpf::shared::{Mac, Station, Vlan};
use toml::de::DeValue;

use super::{
    check::Candidate,
    lease::lease_time,
    network::read_network,
    option::{OptionOwner, read_options},
    problem::{Place, Placed},
    quirk::read_quirks,
    script_classes::read_script_classes,
    script_settings::read_script_settings,
    section::Section,
    value::{boolean, dhcp_url, hostname, is_http_url, own_boot_file, text, unicast},
    vlan::{vlan, vlan_id},
};
use crate::model::{Host, HostScript, Located, Subnet};

/// The most MACs of a machine: each is a row that knows all of them.
pub const MAX_MACS: usize = 32;

/// A host as far as it could be read.
#[derive(Debug)]
pub(crate) struct DraftHost {
    pub(crate) place: Place,
    /// The machine's: none, where they are wrong.
    pub(crate) macs: Vec<Placed<Mac>>,
    pub(crate) ip: Option<Placed<Ipv4Addr>>,
    /// Right or wrong.
    pub(crate) has_ip: bool,
    pub(crate) vlan: Option<Placed<Vlan>>,
    pub(crate) boot_file: Option<Placed<String>>,
    /// The host is of a record of others, which stops no other machine.
    pub(crate) may_be_left_out: bool,
    /// All but the fields above.
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
        let macs = mac.into_iter().collect();
        Self { place, macs, ip, has_ip: true, vlan: None, boot_file, may_be_left_out: false, rest }
    }

    /// The host of each of its MACs, with the VLANs of its subnet where it has none.
    pub(crate) fn finish(self, subnets: &Located<'_>) -> impl Iterator<Item = Host> + use<> {
        let vlan = self.vlan(subnets);
        let macs: Vec<_> = self.macs.iter().map(|mac| mac.value).collect();
        let boot_vlan =
            self.rest.boot_vlan.or_else(|| self.subnet(subnets).and_then(|own| own.boot_vlan));
        let boot_file = self.boot_file.map(|name| name.value);
        // What is wrong or missing is reported.
        let ip = self.ip.map_or(Ipv4Addr::UNSPECIFIED, |ip| ip.value);
        let first = macs.first().copied();
        let nics = if macs.len() > 1 { macs.into() } else { Sparse::default() };
        let host = move |mac| Host { mac, nics, vlan, ip, boot_file, boot_vlan, ..self.rest };
        first.map(host).into_iter().flat_map(Host::for_each_mac)
    }

    /// What its frames show, by MAC, and where that stands.
    pub(crate) fn stations(
        &self,
        subnets: &Located<'_>,
    ) -> impl Iterator<Item = (Station, &Place)> + use<'_> {
        let vlan = self.vlan(subnets);
        self.macs.iter().map(move |mac| (Station { mac: mac.value, vlan }, &mac.place))
    }

    fn vlan(&self, subnets: &Located<'_>) -> Vlan {
        let own = self.vlan.as_ref().map(|vlan| vlan.value);
        let vlan = own.or_else(|| self.subnet(subnets).map(|subnet| subnet.vlan));
        vlan.unwrap_or(Vlan::NONE)
    }

    /// Whether another of the same record is this machine by another NIC.
    pub(crate) fn is_same_machine(&self, other: &Self) -> bool {
        let parts = |host: &Self| {
            let ip = host.ip.as_ref().map(|ip| ip.value);
            (ip, host.boot_file.as_ref().map(|file| file.value.clone()))
        };
        let has = |mac: &Placed<Mac>| self.macs.iter().any(|own| own.value == mac.value);
        self.ip.is_some()
            && self.macs.len() + other.macs.len() <= MAX_MACS
            && parts(self) == parts(other)
            && self.rest == other.rest
            && !other.macs.iter().any(has)
    }

    fn subnet<'s>(&self, subnets: &Located<'s>) -> Option<&'s Subnet> {
        subnets.subnet(self.ip.as_ref()?.value)
    }

    /// All but what stands beside it.
    pub(crate) fn rest(&self) -> &Host {
        &self.rest
    }

    /// As who may be sent to the default script.
    pub(crate) fn candidate(&self) -> Candidate<'_> {
        let ip = self.ip.as_ref().map(|ip| ip.value);
        let boot_file = self.boot_file.as_ref().map(|name| name.value.as_str());
        Candidate { host: &self.rest, ip, boot_file }
    }
}

/// The hosts of a file, of which the first has this number.
pub(crate) fn read_hosts(file: &mut Section<'_>, first: usize) -> Vec<DraftHost> {
    file.sections_from("host", first).into_iter().map(read_host).collect()
}

pub(crate) fn read_host(mut section: Section<'_>) -> DraftHost {
    let macs = macs(&mut section);
    // Whether it must be there, the mode says: `check` asks for it.
    let has_ip = section.has("ip");
    let ip = section.get("ip", unicast);
    let vlan = section.get("vlan", vlan);
    let mut rest = Host {
        hostname: section.value("hostname", hostname),
        script: section.value("script", script),
        script_url: section.value("script-url", dhcp_url),
        script_classes: read_script_classes(&mut section).into(),
        boot_vlan: section.value("boot-vlan", vlan_id),
        lease_time: lease_time(&mut section),
        network: read_network(&mut section, None).into(),
        script_settings: read_script_settings(&mut section).into(),
        ..Host::default()
    };
    section.set("netboot", &mut rest.netboot, boolean);
    let boot_file = section.get("boot-file", own_boot_file);
    if let Some(mut quirks) = section.section("quirks") {
        rest.quirks = read_quirks(&mut quirks).into();
        quirks.finish();
    }
    rest.options = read_options(&mut section, OptionOwner::Host);
    let place = section.place.clone();
    section.finish();
    DraftHost { place, macs, ip, has_ip, vlan, boot_file, may_be_left_out: false, rest }
}

/// One, or a list of those of one machine.
fn macs(section: &mut Section<'_>) -> Vec<Placed<Mac>> {
    const KEY: &str = "mac";
    let is_list = section.peek(KEY).is_some_and(|value| value.get_ref().is_array());
    if !is_list {
        return section.require(KEY, mac).into_iter().collect();
    }
    let before = section.report().errors();
    let mut macs: Vec<Placed<Mac>> = Vec::new();
    for own in section.list(KEY, mac).unwrap_or_default() {
        if macs.iter().any(|known| known.value == own.value) {
            section.report().error(&own.place, format!("{} is listed twice", own.value));
        } else if macs.len() == MAX_MACS {
            section.report().error(&own.place, format!("more than {MAX_MACS} MACs of one machine"));
            break;
        } else {
            macs.push(own);
        }
    }
    if macs.is_empty() && section.report().errors() == before {
        let place = section.place_of(KEY);
        section.report().error(&place, "is empty: a machine has at least one MAC");
    }
    macs
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
    Err("is neither an http(s) URL nor an iPXE script, which begins with #!ipxe".to_owned())
}
