//! The reasons why a machine is taken for what it is, and why it loads what it loads.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
};

use netboot_answer::tables::Tables;
use netboot_base::printable::printable;
use netboot_dhcp::message::Packet;
use netboot_ebpf::{
    client::{MAX_CODES, Stage},
    reply::FILE_NAME,
    shared::{ClassFlags, NO_ARCHITECTURE, Reservation, UserClass},
    wire::code,
};
use netboot_site::model::{Architecture, Config, Host, Subnet, reach};

use super::{
    Site,
    explanation::{Because, BootFields},
};

const LIMIT: usize = 80;

/// The stage, and the option that made it so.
pub(super) fn stage(
    site: &Site,
    host: Option<&Host>,
    row: Option<&Reservation>,
    stage: Stage,
    packet: &Packet<'_>,
) -> Because<&'static str> {
    let tables = &site.tables;
    let script = ClassFlags::script(row.map_or(0, Reservation::script_list));
    let list = list_of(host, row.and_then(|row| site.subnet(row)));
    let vendor = packet.option(code::VENDOR_CLASS);
    let vendor = vendor.map(|vendor| format!("vendor class \"{}\"", printable(&vendor, LIMIT)));
    let class = |flag| {
        let found = classes(packet).into_iter().find(|class| has(tables, class, flag));
        found.map(|class| printable(&class, LIMIT)).unwrap_or_default()
    };
    let because = match stage {
        Stage::Script => {
            let class = class(script);
            format!("user class \"{class}\" is one of {list}")
        }
        Stage::Ipxe => {
            let class = class(ClassFlags::IPXE);
            format!("user class \"{class}\", which is none of {list}")
        }
        Stage::Pxe | Stage::Http | Stage::Loader => {
            vendor.unwrap_or_else(|| "no option 60, but its quirks".to_owned())
        }
        Stage::Plain => match vendor {
            Some(vendor) => format!("{vendor} does not ask to boot"),
            None => "no option 60: it does not ask to boot".to_owned(),
        },
    };
    Because { name: stage.as_str(), because }
}

/// The list of user classes that get the script, for a host.
fn list_of(host: Option<&Host>, subnet: Option<&Subnet>) -> &'static str {
    if host.is_some_and(|host| host.script_classes.is_some()) {
        "script-user-classes of its [[host]]"
    } else if subnet.is_some_and(|subnet| subnet.script_classes.is_some()) {
        "script-user-classes of its [[subnet]]"
    } else {
        "boot.script-user-classes"
    }
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

/// What an answer tells the machine to load, which setting says so, and what to do if that is nothing.
pub(super) fn boot(
    site: &Site,
    host: Option<&Host>,
    row: Option<&Reservation>,
    stage: Stage,
    request: &Packet<'_>,
    answer: Option<&Packet<'_>>,
) -> (BootFields, Option<&'static str>) {
    let file = answer.and_then(Packet::boot_file).map(|file| printable(&file, 256));
    let next_server = answer.and_then(Packet::siaddr).filter(|_| file.is_some());
    let cause = match row {
        None => Cause::of("it has no reservation"),
        Some(_) if host.is_some_and(|host| !host.netboot) => Cause::of("netboot = false"),
        Some(row) => match stage {
            Stage::Plain => plain(site, host, request, file.is_some()),
            Stage::Script => script(&site.config, host, site.subnet(row)),
            Stage::Pxe | Stage::Http | Stage::Ipxe | Stage::Loader => {
                let mut cause = binary(site, host, row, request);
                // What is named need not be told.
                let unserved = || unserved(site, row, stage).filter(|_| cause.remedy.is_none());
                if let Some((because, remedy)) = unserved().filter(|_| file.is_none()) {
                    cause.because = format!("{}, but {because}", cause.because);
                    cause.remedy = Some(remedy);
                }
                cause
            }
        },
    };
    (BootFields { file, next_server, because: cause.because }, cause.remedy)
}

/// Of a client that boots nothing from us, but may ask for its machine's own file.
fn plain(site: &Site, host: Option<&Host>, request: &Packet<'_>, is_told: bool) -> Cause {
    let list = request.option(code::PARAMETER_LIST).unwrap_or_default();
    let asks = list.contains(&code::BOOT_FILE) || list.contains(&code::TFTP_SERVER_NAME);
    let own = host.and_then(|host| host.boot_file.as_deref());
    let because = match own {
        Some(name) if is_told => {
            format!("it asks for option 66 or 67, and boot-file of its [[host]] is {name:?}")
        }
        _ if site.config.dhcp.mode.is_proxy() => "it does not ask to boot".to_owned(),
        Some(_) => "it does not ask to boot, nor for option 66 or 67, which tell boot-file of its [[host]]".to_owned(),
        None if asks => {
            "it does not ask to boot (it asks for option 66 or 67, which tell boot-file of a [[host]]: its own has none)".to_owned()
        }
        None => "it does not ask to boot".to_owned(),
    };
    Cause::of(because)
}

/// Why a machine loads what it loads, and what to do if that is nothing.
struct Cause {
    because: String,
    remedy: Option<&'static str>,
}

impl Cause {
    fn of(because: impl Into<String>) -> Self {
        Self { because: because.into(), remedy: None }
    }

    fn mended_by(because: impl Into<String>, remedy: &'static str) -> Self {
        Self { because: because.into(), remedy: Some(remedy) }
    }
}

fn script(config: &Config, host: Option<&Host>, subnet: Option<&Subnet>) -> Cause {
    if host.is_some_and(|host| host.script_url.is_some()) {
        Cause::of("script-url of the host")
    } else if subnet.is_some_and(|subnet| subnet.script_url.is_some()) {
        Cause::of("script-url of the subnet")
    } else if config.boot.script_url.is_some() {
        Cause::of("boot.script-url")
    } else if is_reached(config.http) {
        Cause::of("the script that netboot serves")
    } else {
        Cause::mended_by(
            "no boot.script-url, and HTTP is off",
            "set boot.script-url, or turn HTTP on ([http] listen)",
        )
    }
}

fn binary(site: &Site, host: Option<&Host>, row: &Reservation, request: &Packet<'_>) -> Cause {
    if host.is_some_and(|host| host.boot_file.is_some()) {
        return Cause::of("boot-file of the host");
    }
    let codes = codes(request);
    let said = row.architecture == NO_ARCHITECTURE;
    let slots = &site.tables.settings.architecture_slots;
    let is_known = |code: &u16| slots.get(usize::from(*code)).is_some_and(|slot| *slot != 0);
    let known = if said {
        codes.iter().copied().find(is_known)
    } else {
        Some(row.architecture).filter(is_known)
    };
    let name_a_file = "name a file for its architecture in [boot.files]";
    let Some(code) = known else {
        let names = codes.iter().copied().map(architecture_name).collect::<Vec<_>>().join(", ");
        return match names.as_str() {
            _ if !said => {
                let name = architecture_name(row.architecture);
                let because =
                    format!("boot.files has nothing for {name}, which its quirks say that it is");
                Cause::mended_by(because, name_a_file)
            }
            "" => Cause::of("it does not tell its architecture (option 93)"),
            names => Cause::mended_by(format!("boot.files has nothing for {names}"), name_a_file),
        };
    };
    let mut because = match key(&site.config.boot.files, site.subnet(row), code) {
        Some(because) => because,
        None => {
            // Another subnet has a file for it.
            let because = format!("boot.files has nothing for {}", architecture_name(code));
            return Cause::mended_by(because, name_a_file);
        }
    };
    if !said {
        because += &format!(" (its quirks say that it is {})", architecture_name(code));
    } else if codes.first() != Some(&code) {
        because += &format!(" (the first known code of option 93 is {})", architecture_name(code));
    }
    Cause::of(because)
}

/// The codes of option 93.
fn codes(request: &Packet<'_>) -> Vec<u16> {
    let option = request.option(code::ARCHITECTURE).unwrap_or_default();
    let (codes, _) = option.as_chunks::<2>();
    codes.iter().take(MAX_CODES).map(|code| u16::from_be_bytes(*code)).collect()
}

/// The setting that names the file for a code: by its number, else by its name, else by the name of what
/// it runs too; each in the subnet's files first.
fn key(
    files: &BTreeMap<Architecture, String>,
    subnet: Option<&Subnet>,
    code: u16,
) -> Option<String> {
    let named = Architecture::of(code);
    let own = [Some(Architecture::Code(code)), named];
    let fallback = [named.and_then(Architecture::fallback), None];
    for group in [own, fallback] {
        let find = |files: &BTreeMap<Architecture, String>| {
            group.into_iter().flatten().find(|key| files.contains_key(key))
        };
        if let Some(key) = subnet.and_then(|subnet| find(&subnet.files)) {
            return Some(format!("boot-files.{key} of the subnet"));
        }
        if let Some(key) = find(files) {
            return Some(format!("boot.files.{key}"));
        }
    }
    None
}

/// Why a file that is named is not told, and what to do.
fn unserved(site: &Site, row: &Reservation, stage: Stage) -> Option<(String, &'static str)> {
    let (tftp, http) = (site.config.tftp.listen, site.config.http);
    let (has_tftp, has_http) = (is_reached(tftp), is_reached(http));
    match stage {
        Stage::Http if !has_http => {
            Some(("HTTP is off".to_owned(), "turn HTTP on ([http] listen)"))
        }
        Stage::Ipxe if !has_tftp && !has_http => {
            Some(("TFTP and HTTP are off".to_owned(), "turn TFTP or HTTP on (listen)"))
        }
        Stage::Pxe | Stage::Loader if !has_tftp => {
            Some(("TFTP is off".to_owned(), "turn TFTP on ([tftp] listen)"))
        }
        Stage::Pxe | Stage::Loader if tftp.is_some_and(|listen| listen.port() != TFTP_PORT) => {
            let because = format!("TFTP is not at port {TFTP_PORT}, where firmware asks");
            Some((because, "let TFTP listen at port 69 ([tftp] listen)"))
        }
        _ if row.has(Reservation::NO_BOOT_FILE_OPTION) => {
            let because =
                format!("its name is over {FILE_NAME} bytes, and its quirks leave option 67 out");
            Some((because, "give the file a shorter name"))
        }
        _ => None,
    }
}

/// The port at which firmware asks for its boot file.
const TFTP_PORT: u16 = 69;

/// Whether machines reach a service; one on loopback is as good as off.
fn is_reached(listen: Option<SocketAddr>) -> bool {
    listen.is_some_and(|listen| reach(Ipv4Addr::BROADCAST, listen).is_some())
}

/// `x86_64-uefi (7)`, `code 99`
pub(super) fn architecture_name(code: u16) -> String {
    match Architecture::name(code) {
        "other" => format!("code {code}"),
        name => format!("{name} ({code})"),
    }
}
