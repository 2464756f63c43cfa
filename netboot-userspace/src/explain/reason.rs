//! Why a machine is taken for what it is, and why it loads what it loads.

use netboot_ebpf::{
    client::Stage,
    shared::{ClassFlags, UserClass},
    wire::code,
};

use super::{
    explanation::{Because, Boot},
    packet::Packet,
};
use crate::{
    config::{Architecture, Config, DhcpMode},
    inventory::Host,
    printable::printable,
    tables::Tables,
};

const LIMIT: usize = 80;

/// The stage, and the option that made it so.
pub(super) fn stage(stage: Stage, packet: &Packet<'_>, tables: &Tables) -> Because<&'static str> {
    let vendor = packet.option(code::VENDOR_CLASS);
    let vendor = vendor.map(|vendor| format!("vendor class \"{}\"", printable(&vendor, LIMIT)));
    let class = |flag| {
        let found = classes(packet).into_iter().find(|class| has(tables, class, flag));
        found.map(|class| printable(&class, LIMIT)).unwrap_or_default()
    };
    let because = match stage {
        Stage::Script => {
            let class = class(ClassFlags::SCRIPT);
            format!("user class \"{class}\" is one of boot.script-user-classes")
        }
        Stage::Ipxe => {
            let class = class(ClassFlags::IPXE);
            format!("user class \"{class}\", which is none of boot.script-user-classes")
        }
        Stage::Pxe | Stage::Http => {
            vendor.unwrap_or_else(|| "no option 60, but its quirks".to_owned())
        }
        Stage::Plain => match vendor {
            Some(vendor) => format!("{vendor} does not ask to boot"),
            None => "no option 60: it does not ask to boot".to_owned(),
        },
    };
    Because { name: stage.as_str(), because }
}

/// The user classes in both encodings: the option as a whole, then its instances (RFC 3004).
fn classes(packet: &Packet<'_>) -> Vec<Vec<u8>> {
    let Some(option) = packet.option(code::USER_CLASS) else { return Vec::new() };
    let mut classes = vec![option.clone()];
    let mut rest = option.as_slice();
    while let [length, tail @ ..] = rest {
        let Some((class, tail)) = tail.split_at_checked(usize::from(*length)) else { break };
        classes.push(class.to_vec());
        rest = tail;
    }
    classes
}

fn has(tables: &Tables, class: &[u8], flag: u32) -> bool {
    let end = class.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let key = class.get(..end).and_then(UserClass::new);
    key.and_then(|key| tables.user_classes.get(&key)).is_some_and(|flags| flags.bits & flag != 0)
}

/// What an answer tells the machine to load, and which setting says so.
pub(super) fn boot(
    config: &Config,
    host: Option<&Host>,
    stage: Stage,
    architecture: Option<u16>,
    answer: Option<&Packet<'_>>,
) -> Boot {
    let file = answer.and_then(Packet::boot_file).map(|file| printable(&file, 256));
    let next_server = answer.and_then(Packet::siaddr).filter(|_| file.is_some());
    let because = match (host, stage) {
        (None, _) if config.dhcp.mode != DhcpMode::AutoProxy => "it has no reservation".to_owned(),
        (Some(host), _) if !host.netboot => "netboot = false".to_owned(),
        (_, Stage::Plain) => "it does not ask to boot".to_owned(),
        (_, Stage::Script) => script(config, host).to_owned(),
        (_, Stage::Pxe | Stage::Http | Stage::Ipxe) => binary(config, host, architecture),
    };
    Boot { file, next_server, because }
}

fn script(config: &Config, host: Option<&Host>) -> &'static str {
    if host.is_some_and(|host| host.script_url.is_some()) {
        "script-url of the host"
    } else if subnet(config, host).is_some_and(|subnet| subnet.script_url.is_some()) {
        "script-url of the subnet"
    } else if config.boot.script_url.is_some() {
        "boot.script-url"
    } else if config.http.is_some() {
        "the script that netboot serves"
    } else {
        "no boot.script-url, and HTTP is off"
    }
}

fn binary(config: &Config, host: Option<&Host>, architecture: Option<u16>) -> String {
    if host.is_some_and(|host| host.boot_file.is_some()) {
        return "boot-file of the host".to_owned();
    }
    let Some(code) = architecture else {
        return "it does not tell its architecture (option 93)".to_owned();
    };
    if let Some(key) = subnet(config, host).and_then(|subnet| key(&subnet.files, code)) {
        return format!("files.{key} of the subnet");
    }
    match key(&config.boot.files, code) {
        Some(key) => format!("boot.files.{key}"),
        None => format!("boot.files has nothing for {}", architecture_name(code)),
    }
}

fn subnet<'c>(config: &'c Config, host: Option<&Host>) -> Option<&'c crate::config::Subnet> {
    config.subnets.iter().find(|subnet| host.is_some_and(|host| subnet.cidr.contains(&host.ip)))
}

/// The key of a code in `[boot.files]`: its number, else its name.
fn key(
    files: &std::collections::BTreeMap<Architecture, String>,
    code: u16,
) -> Option<Architecture> {
    let named = Architecture::NAMED.iter().filter(|(_, _, codes)| codes.contains(&code));
    let named = named.map(|(architecture, ..)| *architecture);
    std::iter::once(Architecture::Code(code)).chain(named).find(|key| files.contains_key(key))
}

/// `x86_64-uefi (7)`, `code 99`
pub(super) fn architecture_name(code: u16) -> String {
    match Architecture::name(code) {
        "other" => format!("code {code}"),
        name => format!("{name} ({code})"),
    }
}
