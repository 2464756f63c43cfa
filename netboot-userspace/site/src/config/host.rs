//! The reader of `[[host]]`.

use netboot_base::mac;
use netboot_ebpf::shared::Mac;
use toml::de::DeValue;

use super::{
    draft::{DraftHost, MAX_MACS},
    lease::lease_time,
    network::read_network,
    option::{OptionOwner, read_options},
    problem::Placed,
    quirk::read_quirks,
    script_classes::read_script_classes,
    script_settings::read_script_settings,
    section::Section,
    value::{boolean, dhcp_url, hostname, is_http_url, own_boot_file, text, unicast},
    vlan::{vlan, vlan_id},
};
use crate::model::{Host, HostScript};

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
