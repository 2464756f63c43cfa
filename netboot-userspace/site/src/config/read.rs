//! The configuration file's tables, read into a draft that [`super::check`] then judges as a whole.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use netboot_ebpf::shared::MAX_INTERFACES;
use toml::de::DeValue;

use super::{
    boot_files::read_boot_files,
    draft::Draft,
    duration::decline_time,
    host::read_hosts,
    lease::lease_time,
    limits::{rate, without_daemon},
    quirk::read_quirk_rows,
    script_classes::read_script_classes,
    section::Section,
    source::read_sources,
    subnet::read_subnets,
    value::{
        block_size, boolean, dhcp_url, file_in_url, http_url, interface, line, listen, number,
        one_of, socket_address, text, threads, unicast, word,
    },
};
use crate::model::{DhcpMode, Settings, SyslogListen, XdpMode};

/// Reads the main file. Relative paths in it begin at `base`.
pub(crate) fn read(mut file: Section<'_>, base: &Path) -> Draft {
    let config = Settings::unconfigured();
    let place = file.place.clone();
    let boot = place.clone();
    let mut draft = Draft {
        config,
        place,
        subnets: Vec::new(),
        subnets_after: Vec::new(),
        unread_subnet: false,
        hosts: Vec::new(),
        left_out: false,
        inventory: Vec::new(),
        sources: Vec::new(),
        boot,
        boot_root: None,
        boot_files: Vec::new(),
    };
    let path = |value: &DeValue<'_>| path(value, base);
    draft.config.interfaces = interfaces(&mut file);
    file.set("state-dir", &mut draft.config.state_dir, path);
    draft.config.user = file.value("user", word);
    draft.inventory = file.list("inventory", word).unwrap_or_default();
    (draft.config.sources, draft.sources) = read_sources(&mut file, base);
    if let Some(section) = file.section("xdp") {
        xdp(section, &mut draft.config, base);
    }
    if let Some(section) = file.section("dhcp") {
        dhcp(section, &mut draft.config);
    }
    read_subnets(&mut file, &mut draft);
    if let Some(section) = file.section("boot") {
        boot_section(section, &mut draft, base);
    }
    if let Some(section) = file.section("tftp") {
        tftp(section, &mut draft.config);
    }
    if let Some(section) = file.section("http") {
        service(section, &mut draft.config.http);
    }
    if let Some(mut section) = file.section("syslog") {
        section.set_list("listen", &mut draft.config.syslog, syslog);
        section.finish();
    }
    if let Some(section) = file.section("script") {
        script(section, &mut draft.config);
    }
    draft.config.quirks = read_quirk_rows(&mut file);
    draft.hosts = read_hosts(&mut file, 0);
    file.finish();
    draft
}

fn interfaces(file: &mut Section<'_>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in file.list("interfaces", interface).unwrap_or_default() {
        if names.contains(&name.value) {
            file.report().error(&name.place, format!("{:?} is listed twice", name.value));
        } else if names.len() == MAX_INTERFACES {
            file.report().error(&name.place, format!("more than {MAX_INTERFACES} interfaces"));
            break;
        } else {
            names.push(name.value);
        }
    }
    names
}

fn xdp(mut section: Section<'_>, config: &mut Settings, base: &Path) {
    section.set("mode", &mut config.xdp.mode, |value| one_of(value, &XdpMode::NAMED));
    section.set("pin-path", &mut config.xdp.pin_path, |value| Ok(path(value, base)?.into()));
    let xdp = &mut config.xdp;
    section.set("boot-files-without-daemon", &mut xdp.boot_files_without_daemon, without_daemon);
    section.set("answers-without-daemon", &mut xdp.answers_without_daemon, without_daemon);
    section.finish();
}

fn dhcp(mut section: Section<'_>, config: &mut Settings) {
    let dhcp = &mut config.dhcp;
    section.set("mode", &mut dhcp.mode, |value| one_of(value, &DhcpMode::NAMED));
    section.set("authoritative", &mut dhcp.authoritative, boolean);
    dhcp.server_address = section.value("server-address", unicast);
    dhcp.lease_time = lease_time(&mut section).unwrap_or(dhcp.lease_time);
    section.set("skip-proxydhcp", &mut dhcp.skip_proxydhcp, boolean);
    section.set("echo-pxeclient", &mut dhcp.echo_pxeclient, boolean);
    section.set("shared-networks", &mut dhcp.shared_networks, boolean);
    section.set("subnet-selection", &mut dhcp.subnet_selection, boolean);
    section.set("decline-time", &mut dhcp.decline_time, decline_time);
    section.set_list("known-servers", &mut dhcp.known_servers, unicast);
    section.set("machine-rate", &mut dhcp.machine_rate, rate);
    section.set("unknown-rate", &mut dhcp.unknown_rate, rate);
    section.set("total-rate", &mut dhcp.total_rate, rate);
    section.finish();
}

fn tftp(mut section: Section<'_>, config: &mut Settings) {
    let tftp = &mut config.tftp;
    tftp.block_size = section.value("block-size", block_size);
    section.set("single-port", &mut tftp.single_port, boolean);
    tftp.threads = section.value("threads", threads);
    service(section, &mut tftp.listen);
}

fn boot_section(mut section: Section<'_>, draft: &mut Draft, base: &Path) {
    draft.boot = section.place.clone();
    let boot = &mut draft.config.boot;
    draft.boot_root = section.set("root", &mut boot.root, |value| path(value, base));
    if let Some(classes) = read_script_classes(&mut section).0 {
        boot.script_user_classes = classes;
    }
    boot.script_url = section.value("script-url", dhcp_url);
    section.set("skip-ipv6-wait", &mut boot.skip_ipv6_wait, boolean);
    if let Some(files) = section.section("files") {
        boot.files = read_boot_files(files, &mut draft.boot_files);
    }
    section.finish();
}

fn service(mut section: Section<'_>, address: &mut Option<SocketAddr>) {
    if let Some(listen) = section.get("listen", listen) {
        *address = Some(listen.value);
    }
    if section.get("enabled", boolean).is_some_and(|enabled| !enabled.value) {
        *address = None;
    }
    section.finish();
}

fn syslog(value: &DeValue<'_>) -> Result<SyslogListen, String> {
    let text = text(value)?;
    if let Some(address) = text.strip_prefix("udp://") {
        return socket_address(address).map(SyslogListen::Udp);
    }
    if let Some(address) = text.strip_prefix("tcp://") {
        return socket_address(address).map(SyslogListen::Tcp);
    }
    Err(format!("{text:?} begins with neither udp:// nor tcp://; write \"udp://0.0.0.0:514\""))
}

fn script(mut section: Section<'_>, config: &mut Settings) {
    let script = &mut config.script;
    let mut optional = |key, target: &mut Option<String>, read: fn(&DeValue<'_>) -> _| {
        *target = section.get(key, read).map(|placed| placed.value);
    };
    optional("download-url", &mut script.download_url, http_url);
    optional("kernel", &mut script.kernel, file_in_url);
    optional("initrd", &mut script.initrd, file_in_url);
    optional("facility", &mut script.facility, line);
    optional("syslog-host", &mut script.syslog_host, word);
    optional("grpc-authority", &mut script.grpc_authority, authority);
    optional("tink-worker-image", &mut script.tink_worker_image, word);
    section.set("arch", &mut script.arch, word);
    section.set("tinkerbell-tls", &mut script.tinkerbell_tls, boolean);
    section.set("tinkerbell-insecure-tls", &mut script.tinkerbell_insecure_tls, boolean);
    section.set_list("consoles", &mut script.consoles, word);
    section.set_list("kernel-params", &mut script.kernel_params, line);
    section.set("retries", &mut script.retries, number);
    section.set("retry-delay", &mut script.retry_delay, number);
    section.finish();
}

/// `host:port`
fn authority(value: &DeValue<'_>) -> Result<String, String> {
    let text = word(value)?;
    let port = text.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    let port = port.and_then(|(_, port)| port.parse::<u16>().ok());
    match port {
        Some(1..) => Ok(text),
        _ => Err(format!("{text:?} is not a host and a port, such as \"192.168.2.112:42113\"")),
    }
}

fn path(value: &DeValue<'_>, base: &Path) -> Result<PathBuf, String> {
    Ok(base.join(line(value)?))
}
