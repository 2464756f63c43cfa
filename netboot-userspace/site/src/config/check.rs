//! Rules that concern more than one value.

mod boot_files;
mod default_script;
mod hookos;
mod missed_routes;
mod option_space;
mod records;

use std::{
    collections::HashMap,
    fmt::Display,
    hash::Hash,
    net::{Ipv4Addr, SocketAddr},
};

use self::boot_files::check_boot_files;
pub use self::{
    boot_files::Missing,
    default_script::Candidate,
    hookos::{Absent, absent},
    records::leave_out,
};
use super::{
    host::DraftHost,
    problem::{Place, Report},
    read::Draft,
    vlan::{ShownStation, ShownVlan, WrittenVlan},
};
use crate::model::{BootFile, DhcpMode, Located, ScriptClasses, Settings, SyslogListen, reach};

/// Judges the configuration with all its hosts, and takes out those that may be left out and cannot be served. What misses
/// of boot files that may be `missing` is no error.
pub(crate) fn check(draft: &mut Draft, missing: Missing, report: &Report) {
    overlaps(draft, report);
    let located = Located::new(&draft.config.subnets);
    let stations = draft.hosts.iter().flat_map(|host| host.stations(&located));
    unique(stations.map(|(station, place)| (ShownStation(station), place)), "MAC", report);
    let addresses = draft.hosts.iter().filter_map(|host| host.ip.as_ref());
    unique(addresses.map(|ip| (ip.value, &ip.place)), "address", report);
    check_each(draft, &located, report);
    let left_out = option_space::check_room(draft, &located, report);
    take_out(draft, &left_out);
    let files = draft.boot_files.iter().map(|file| (file.value.clone(), &file.place));
    check_boot_files(files.chain(of_hosts(draft)), draft, missing, report);
    advice(draft, report);
}

/// Judges some of the hosts of a configuration that is right, as [`check`], but for what concerns several of them.
pub(crate) fn check_hosts(draft: &mut Draft, missing: Missing, report: &Report) {
    let located = Located::new(&draft.config.subnets);
    check_each(draft, &located, report);
    let left_out = option_space::check_room(draft, &located, report);
    take_out(draft, &left_out);
    let mut files = of_hosts(draft).peekable();
    if files.peek().is_some() {
        check_boot_files(files, draft, missing, report);
    }
}

/// Takes out the hosts at these places, which are in order.
fn take_out(draft: &mut Draft, left_out: &[usize]) {
    let (mut numbers, mut left_out) = (0.., left_out.iter().peekable());
    draft.hosts.retain(|_| {
        let number = numbers.next();
        left_out.next_if(|out| number == Some(**out)).is_none()
    });
}

/// The hosts' own boot files.
fn of_hosts(draft: &Draft) -> impl Iterator<Item = (BootFile, &Place)> {
    let files = draft.hosts.iter().filter_map(|host| host.boot_file.as_ref());
    files.filter_map(|file| Some((BootFile::of_host(&file.value)?, &file.place)))
}

fn check_each(draft: &Draft, located: &Located<'_>, report: &Report) {
    for host in &draft.hosts {
        // Where another server gives the addresses, those of machines need not be known here.
        if !host.has_ip && !draft.config.dhcp.mode.is_proxy() {
            let field = match host.place.field.as_str() {
                "" => "ip".to_owned(),
                host => format!("{host}.ip"),
            };
            report.error(&Place { field, ..host.place.clone() }, "is missing");
        }
        if let Some(message) = host.boot_file.as_ref().and_then(boot_files::by_tftp_elsewhere) {
            report.warn(&host.place, message);
        }
        let Some(ip) = &host.ip else { continue };
        if let Err(message) = address(ip.value, draft, located) {
            report.error(&ip.place, message);
        }
        vlan(host, ip.value, draft, located, report);
    }
}

fn overlaps(draft: &Draft, report: &Report) {
    let subnets: Vec<_> = draft.config.subnets.iter().zip(&draft.subnets).collect();
    for (at, (subnet, place)) in subnets.iter().enumerate() {
        let overlap = subnets.iter().take(at).find(|(earlier, _)| {
            earlier.cidr.contains(&subnet.cidr) || subnet.cidr.contains(&earlier.cidr)
        });
        if let Some((earlier, first)) = overlap {
            let message =
                format!("{} overlaps {} ({})", subnet.cidr, earlier.cidr, first.cidr.line());
            report.error(&place.cidr, message);
        }
    }
}

fn unique<'a, T: Copy + Eq + Hash + Display>(
    keys: impl Iterator<Item = (T, &'a Place)>,
    what: &str,
    report: &Report,
) {
    let mut seen: HashMap<T, &Place> = HashMap::new();
    for (key, place) in keys {
        let Some(first) = seen.get(&key) else {
            seen.insert(key, place);
            continue;
        };
        let message = format!(
            "{key} is already the {what} at {} ({}); each machine needs its own",
            first.field,
            first.line()
        );
        report.error(place, message);
    }
}

/// A machine in another VLAN than its subnet's is seldom meant.
fn vlan(host: &DraftHost, ip: Ipv4Addr, draft: &Draft, located: &Located<'_>, report: &Report) {
    let Some(own) = &host.vlan else { return };
    let Some(at) = located.find(ip) else { return };
    let (Some(subnet), Some(place)) = (draft.config.subnets.get(at), draft.subnets.get(at)) else {
        return;
    };
    if subnet.vlan == own.value {
        return;
    }
    let message = format!(
        "{}, but its subnet {} ({}) has {}: leave `vlan` out here, or write `vlan = {}` in the [[subnet]]",
        ShownVlan(own.value),
        subnet.cidr,
        place.cidr.line(),
        ShownVlan(subnet.vlan),
        WrittenVlan(own.value)
    );
    report.warn(&own.place, message);
}

fn address(ip: Ipv4Addr, draft: &Draft, located: &Located<'_>) -> Result<(), String> {
    let config = &draft.config;
    if config.dhcp.server_address == Some(ip) {
        return Err(format!("{ip} is dhcp.server-address; choose another"));
    }
    if config.subnets.iter().any(|subnet| subnet.server_address == Some(ip)) {
        return Err(format!("{ip} is the server-address of a [[subnet]]; choose another"));
    }
    let Some(subnet) = located.subnet(ip) else {
        // Where another server gives the addresses, subnets need not be known here.
        let unknown = match config.dhcp.mode {
            DhcpMode::Reservation => false,
            DhcpMode::Proxy | DhcpMode::AutoProxy => true,
            DhcpMode::Off => config.subnets.is_empty(),
        };
        if unknown || draft.unread_subnet {
            return Ok(());
        }
        return Err(format!("{ip} lies in no [[subnet]]; add a subnet or correct the address"));
    };
    let cidr = subnet.cidr;
    if cidr.prefix_len() <= 30 && ip == cidr.network() {
        return Err(format!("{ip} is the network address of {cidr}; choose another"));
    }
    if cidr.prefix_len() <= 30 && ip == cidr.broadcast() {
        return Err(format!("{ip} is the broadcast address of {cidr}; choose another"));
    }
    if subnet.routers.contains(&ip) {
        return Err(format!("{ip} is a router of {cidr}; choose another"));
    }
    Ok(())
}

/// What is allowed, but seldom meant.
fn advice(draft: &Draft, report: &Report) {
    let config = &draft.config;
    if config.interfaces.is_empty() && config.dhcp.mode != DhcpMode::Off {
        let message = "no interfaces: DHCP is answered only where `netboot run --iface` says";
        report.warn(&draft.place, message);
    }
    if draft.boot_files.is_empty() {
        let message = "no boot.files: machines get their address, but no iPXE to boot";
        report.warn(&draft.boot, message);
    }
    if !has_script_classes(draft) {
        let message = "no boot.script-user-classes: no machine gets the script";
        report.warn(&draft.boot, message);
    }
    services(draft, report);
    // That it is not there is said of boot.root itself.
    if !config.boot.root.is_dir() && (draft.boot_root.is_some() || names_boot_file(draft)) {
        return;
    }
    let candidates = draft.hosts.iter().map(DraftHost::candidate);
    if let Some(Absent { message, is_sure: true }) = absent(config, candidates) {
        report.warn(&draft.boot, message);
    }
}

/// Of all, of a subnet or of a host.
fn has_script_classes(draft: &Draft) -> bool {
    let some = |classes: &ScriptClasses| classes.as_ref().is_some_and(|list| !list.is_empty());
    !draft.config.boot.script_user_classes.is_empty()
        || draft.config.subnets.iter().any(|subnet| some(&subnet.script_classes))
        || draft.hosts.iter().any(|host| some(&host.rest().script_classes))
}

fn names_boot_file(draft: &Draft) -> bool {
    !draft.boot_files.is_empty() || of_hosts(draft).next().is_some()
}

/// Services that machines are sent to, but cannot reach.
fn services(draft: &Draft, report: &Report) {
    let config = &draft.config;
    for (key, listen) in listens(config) {
        if !is_reached(listen) {
            let message = format!("{key}: no machine reaches {}", listen.ip());
            report.warn(&draft.place, message);
        }
    }
    let boots = draft.boot_files.first().map(|file| &file.place);
    let boots = boots.or_else(|| of_hosts(draft).next().map(|(_, place)| place));
    match (config.tftp.listen, boots) {
        (Some(listen), _) if listen.port() != 69 => {
            let message = "tftp.listen: firmware asks at port 69 only, and gets no boot file";
            report.warn(&draft.place, message);
        }
        (tftp, Some(place)) if !tftp.is_some_and(is_reached) => {
            let message = "without TFTP firmware gets no boot file, but for HTTP boot";
            report.warn(place, message);
        }
        _ => {}
    }
    let boot = &config.boot;
    let has_script = boot.script_url.is_some() || config.http.is_some_and(is_reached);
    if !has_script && has_script_classes(draft) {
        let message = "without HTTP and boot.script-url no machine gets the script";
        report.warn(&draft.boot, message);
    }
}

fn listens(config: &Settings) -> impl Iterator<Item = (&'static str, SocketAddr)> {
    let tftp = config.tftp.listen.map(|listen| ("tftp.listen", listen));
    let http = config.http.map(|listen| ("http.listen", listen));
    let syslog = config.syslog.iter().map(|listen| match *listen {
        SyslogListen::Udp(listen) | SyslogListen::Tcp(listen) => ("syslog.listen", listen),
    });
    tftp.into_iter().chain(http).chain(syslog)
}

fn is_reached(listen: SocketAddr) -> bool {
    reach(Ipv4Addr::BROADCAST, listen).is_some()
}

/// The system's words, without its number.
pub(crate) fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::NotADirectory => "not a directory".to_owned(),
        std::io::ErrorKind::IsADirectory => "is a directory, not a file".to_owned(),
        _ => error.to_string(),
    }
}
