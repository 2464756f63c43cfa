//! The iPXE script that a machine gets: HookOS, what its host entry says, or why there is nothing.
//!
//! Values of the configuration and the inventory go in as words that iPXE cannot take for commands.

mod quote;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use minijinja::{Environment, UndefinedBehavior, context};
use netboot_site::model::{self, Host, HostScript};

use self::quote::{shown, word, words};

/// Seconds for reading a message on the machine's screen.
const PAUSE: u32 = 10;
const TINK_SERVER_PORT: u16 = 42113;

/// A value that cannot stand in a script.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {why}: correct it in the configuration")]
pub struct ScriptError {
    pub field: &'static str,
    pub why: &'static str,
}

/// The script of a host. `server` is this node as the machine reached it over HTTP.
///
/// # Errors
/// A value could be taken for commands.
pub fn of_host(
    host: &Host,
    script: &model::Script,
    server: SocketAddr,
) -> Result<String, ScriptError> {
    match &host.script {
        None => hook(host, script, server),
        Some(HostScript::Url(url)) => chain(host, url),
        Some(HostScript::Text(text)) => Ok(with_magic(text)),
    }
}

/// A script that says why there is nothing to boot, and goes on to the next boot device.
#[must_use]
pub fn refusal(reason: &str) -> String {
    render(
        include_str!("script/refusal.ipxe.j2"),
        context! { reason => shown(reason), pause => PAUSE },
    )
}

fn hook(host: &Host, script: &model::Script, server: SocketAddr) -> Result<String, ScriptError> {
    let address = server.ip().to_canonical();
    let own = &host.script_settings;
    let arch = word("script.arch", own.arch.as_ref().unwrap_or(&script.arch))?;
    let download_url = match own.download_url.as_ref().or(script.download_url.as_ref()) {
        Some(url) => word("script.download-url", url)?.trim_end_matches('/').to_owned(),
        None => format!("http://{}", authority(address, server.port(), 80)),
    };
    let kernel = choose(&own.kernel, &script.kernel, || format!("vmlinuz-{arch}"));
    let initrd = choose(&own.initrd, &script.initrd, || format!("initramfs-{arch}"));
    let syslog_host = or_else(&script.syslog_host, || address.to_string());
    let arguments = arguments(host, script, address, &syslog_host)?;
    Ok(render(
        include_str!("script/hook.ipxe.j2"),
        context! {
            mac => host.mac.to_string(),
            hostname => host.hostname.as_deref().map(shown),
            download_url,
            arch,
            kernel => word("script.kernel", &kernel)?,
            initrd => word("script.initrd", &initrd)?,
            syslog_host,
            syslog_command => syslog_command(&syslog_host),
            arguments => arguments.join(" "),
            retries => script.retries,
            retry_delay => script.retry_delay,
            pause => PAUSE,
        },
    ))
}

/// The kernel's, in the order of Tinkerbell's own script.
fn arguments(
    host: &Host,
    script: &model::Script,
    address: IpAddr,
    syslog_host: &str,
) -> Result<Vec<String>, ScriptError> {
    let own = &host.script_settings;
    let grpc_authority =
        or_else(&script.grpc_authority, || authority(address, TINK_SERVER_PORT, 0));
    let worker_id = or_else(&own.worker_id, || host.machine().to_string());
    let mut arguments = Vec::new();
    arguments.extend(host.boot_vlan.map(|vlan| format!("vlan_id={vlan}")));
    if let Some(facility) = own.facility.as_ref().or(script.facility.as_ref()) {
        arguments.push(format!("facility={}", word("script.facility", facility)?));
    }
    arguments.extend([
        format!("syslog_host={}", word("script.syslog-host", syslog_host)?),
        format!("grpc_authority={}", word("script.grpc-authority", &grpc_authority)?),
        format!("tinkerbell_tls={}", script.tinkerbell_tls),
        format!("tinkerbell_insecure_tls={}", script.tinkerbell_insecure_tls),
        format!("worker_id={}", word("host.script-settings.worker-id", &worker_id)?),
        format!("hw_addr={}", host.mac),
    ]);
    if let Some(image) = own.tink_worker_image.as_ref().or(script.tink_worker_image.as_ref()) {
        arguments.push(format!("tink_worker_image={}", word("script.tink-worker-image", image)?));
    }
    arguments.extend([
        "modules=loop,squashfs,sd-mod,usb-storage".to_owned(),
        "intel_iommu=on".to_owned(),
        "iommu=pt".to_owned(),
        "initrd=${initrd}".to_owned(),
    ]);
    for console in own.consoles.as_ref().unwrap_or(&script.consoles) {
        arguments.push(format!("console={}", word("script.consoles", console)?));
    }
    for parameters in script.kernel_params.iter().chain(&own.kernel_params) {
        arguments.extend(words("script.kernel-params", parameters)?.into_iter().map(str::to_owned));
    }
    Ok(arguments)
}

fn chain(host: &Host, url: &str) -> Result<String, ScriptError> {
    let url = word("host.script", url)?;
    if !url.starts_with("http://") && !url.starts_with("https://") {
        let why = "is no URL of http or https";
        return Err(ScriptError { field: "host.script", why });
    }
    Ok(render(
        include_str!("script/chain.ipxe.j2"),
        context! { mac => host.mac.to_string(), url, pause => PAUSE },
    ))
}

/// iPXE takes a text for a script by its first line.
fn with_magic(text: &str) -> String {
    if text.starts_with("#!ipxe") { text.into() } else { format!("#!ipxe\n{text}") }
}

/// iPXE's setting `syslog` is an IPv4 address.
fn syslog_command(host: &str) -> String {
    if host.parse::<Ipv4Addr>().is_ok() || host.contains("${") {
        format!("set syslog {host}")
    } else {
        format!("nslookup syslog {host}")
    }
}

/// The host's value, else that of all, else the default.
fn choose(own: &Option<String>, all: &Option<String>, default: impl FnOnce() -> String) -> String {
    own.clone().unwrap_or_else(|| or_else(all, default))
}

fn or_else(value: &Option<String>, default: impl FnOnce() -> String) -> String {
    value.clone().unwrap_or_else(default)
}

fn authority(address: IpAddr, port: u16, default_port: u16) -> String {
    match (address, port == default_port) {
        (IpAddr::V6(_), true) => format!("[{address}]"),
        (_, true) => address.to_string(),
        (_, false) => SocketAddr::new(address, port).to_string(),
    }
}

fn render(template: &str, values: minijinja::Value) -> String {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_keep_trailing_newline(true);
    // The templates are part of the program and each is rendered by a test.
    environment.render_str(template, values).unwrap_or_else(|error| {
        format!("#!ipxe\necho netboot: {}\nexit 1\n", shown(&error.to_string()))
    })
}

#[cfg(test)]
mod tests;
