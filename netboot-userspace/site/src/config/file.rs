//! The configuration file, as `netboot check` writes it.

mod fragment;
mod macs;
mod own;
mod quirk;
mod vlan;

use std::{collections::BTreeMap, net::Ipv4Addr, time::Duration};

use ipnet::Ipv4Net;
use netboot_dhcp::{option, shape::Shape, value::hex};
use serde::Serialize;
use serde_with::skip_serializing_none;

pub(super) use self::fragment::FragmentForm;
pub use self::{macs::MacsEntry, quirk::QuirksEntry};
use self::{
    own::{NetworkKeys, ScriptSettingsTable},
    quirk::QuirkEntry,
    vlan::{Vlan, vlan},
};
use super::limits::FOREVER;
use crate::model::{self, Architecture, Config, DhcpOption, HostScript, Settings, SyslogListen};

/// The whole file, every default filled in.
#[skip_serializing_none]
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct File {
    interfaces: Vec<String>,
    state_dir: String,
    user: Option<String>,
    xdp: XdpTable,
    dhcp: DhcpTable,
    boot: BootTable,
    tftp: TftpTable,
    http: Service,
    syslog: Syslog,
    script: ScriptTable,
    subnet: Vec<SubnetEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    quirk: Vec<QuirkEntry>,
    host: Vec<HostEntry>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct XdpTable {
    mode: &'static str,
    pin_path: String,
    boot_files_without_daemon: String,
    answers_without_daemon: String,
}

#[skip_serializing_none]
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct DhcpTable {
    mode: &'static str,
    authoritative: bool,
    server_address: Option<String>,
    lease_time: String,
    skip_proxydhcp: bool,
    echo_pxeclient: bool,
    shared_networks: bool,
    subnet_selection: bool,
    decline_time: String,
    known_servers: Vec<String>,
    machine_rate: u32,
    unknown_rate: u32,
    total_rate: u32,
}

#[skip_serializing_none]
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct BootTable {
    root: String,
    script_user_classes: Vec<String>,
    script_url: Option<String>,
    skip_ipv6_wait: bool,
    files: BTreeMap<String, String>,
}

#[skip_serializing_none]
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct TftpTable {
    #[serde(flatten)]
    service: Service,
    block_size: Option<u16>,
    single_port: bool,
    threads: Option<u8>,
}

#[skip_serializing_none]
#[derive(Debug, Serialize)]
struct Service {
    enabled: bool,
    listen: Option<String>,
}

#[derive(Debug, Serialize)]
struct Syslog {
    listen: Vec<String>,
}

#[skip_serializing_none]
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct ScriptTable {
    download_url: Option<String>,
    arch: String,
    kernel: Option<String>,
    initrd: Option<String>,
    facility: Option<String>,
    syslog_host: Option<String>,
    grpc_authority: Option<String>,
    tink_worker_image: Option<String>,
    tinkerbell_tls: bool,
    tinkerbell_insecure_tls: bool,
    consoles: Vec<String>,
    kernel_params: Vec<String>,
    retries: u32,
    retry_delay: u32,
}

#[skip_serializing_none]
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct SubnetEntry {
    cidr: String,
    vlan: Option<Vlan>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    relay: Vec<String>,
    server_address: Option<String>,
    script_url: Option<String>,
    script_user_classes: Option<Vec<String>>,
    boot_vlan: Option<u16>,
    tftp_block_size: Option<u16>,
    routers: Vec<String>,
    dns: Vec<String>,
    ntp: Vec<String>,
    domain: Option<String>,
    search: Vec<String>,
    mtu: Option<u16>,
    next_server: Option<String>,
    lease_time: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    routes: Vec<RouteEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    options: Vec<OptionEntry>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    boot_files: BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
struct RouteEntry {
    destination: String,
    router: String,
}

impl From<&(Ipv4Net, Ipv4Addr)> for RouteEntry {
    fn from((destination, router): &(Ipv4Net, Ipv4Addr)) -> Self {
        Self { destination: destination.to_string(), router: router.to_string() }
    }
}

/// `[[host]]`
#[skip_serializing_none]
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct HostEntry {
    pub mac: MacsEntry,
    /// Empty where none is known.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ip: String,
    pub hostname: Option<String>,
    pub netboot: Option<bool>,
    pub script: Option<String>,
    pub boot_file: Option<String>,
    pub vlan: Option<Vlan>,
    pub script_url: Option<String>,
    pub script_user_classes: Option<Vec<String>>,
    pub boot_vlan: Option<u16>,
    pub lease_time: Option<String>,
    #[serde(flatten)]
    pub network: NetworkKeys,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<OptionEntry>,
    #[serde(skip_serializing_if = "ScriptSettingsTable::is_empty")]
    pub script_settings: ScriptSettingsTable,
    #[serde(skip_serializing_if = "QuirksEntry::is_empty")]
    pub quirks: QuirksEntry,
}

#[derive(Debug, Serialize)]
pub struct OptionEntry {
    code: u8,
    #[serde(flatten)]
    value: OptionValue,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum OptionValue {
    Text(String),
    Hex(String),
}

impl From<&Config> for File {
    fn from(config: &Config) -> Self {
        let Settings { xdp, dhcp, boot, script, .. } = &config.settings;
        let machines = config.hosts.iter().filter(|host| host.is_first());
        let service = |address: Option<std::net::SocketAddr>| Service {
            enabled: address.is_some(),
            listen: address.map(|address| address.to_string()),
        };
        Self {
            interfaces: config.interfaces.clone(),
            state_dir: config.state_dir.display().to_string(),
            user: config.user.clone(),
            xdp: XdpTable {
                mode: xdp.mode.name(),
                pin_path: xdp.pin_path.display().to_string(),
                boot_files_without_daemon: without_daemon(xdp.boot_files_without_daemon),
                answers_without_daemon: without_daemon(xdp.answers_without_daemon),
            },
            dhcp: DhcpTable {
                mode: dhcp.mode.name(),
                authoritative: dhcp.authoritative,
                server_address: dhcp.server_address.map(|address| address.to_string()),
                lease_time: humantime::format_duration(dhcp.lease_time).to_string(),
                skip_proxydhcp: dhcp.skip_proxydhcp,
                echo_pxeclient: dhcp.echo_pxeclient,
                shared_networks: dhcp.shared_networks,
                subnet_selection: dhcp.subnet_selection,
                decline_time: humantime::format_duration(dhcp.decline_time).to_string(),
                known_servers: dhcp.known_servers.iter().map(ToString::to_string).collect(),
                machine_rate: dhcp.machine_rate,
                unknown_rate: dhcp.unknown_rate,
                total_rate: dhcp.total_rate,
            },
            boot: BootTable {
                root: boot.root.display().to_string(),
                script_user_classes: boot.script_user_classes.clone(),
                script_url: boot.script_url.clone(),
                skip_ipv6_wait: boot.skip_ipv6_wait,
                files: by_name(&boot.files),
            },
            tftp: TftpTable {
                service: service(config.tftp.listen),
                block_size: config.tftp.block_size,
                single_port: config.tftp.single_port,
                threads: config.tftp.threads,
            },
            http: service(config.http),
            syslog: Syslog { listen: config.syslog.iter().map(syslog).collect() },
            script: ScriptTable {
                download_url: script.download_url.clone(),
                arch: script.arch.clone(),
                kernel: script.kernel.clone(),
                initrd: script.initrd.clone(),
                facility: script.facility.clone(),
                syslog_host: script.syslog_host.clone(),
                grpc_authority: script.grpc_authority.clone(),
                tink_worker_image: script.tink_worker_image.clone(),
                tinkerbell_tls: script.tinkerbell_tls,
                tinkerbell_insecure_tls: script.tinkerbell_insecure_tls,
                consoles: script.consoles.clone(),
                kernel_params: script.kernel_params.clone(),
                retries: script.retries,
                retry_delay: script.retry_delay,
            },
            subnet: config.subnets.iter().map(|subnet| SubnetEntry::new(subnet, config)).collect(),
            quirk: config.quirks.iter().map(QuirkEntry::from).collect(),
            host: machines.map(|host| HostEntry::from(&**host)).collect(),
        }
    }
}

impl SubnetEntry {
    fn new(subnet: &crate::model::Subnet, config: &Settings) -> Self {
        let lease = subnet.lease_time.unwrap_or(config.dhcp.lease_time);
        Self {
            cidr: subnet.cidr.to_string(),
            vlan: vlan(subnet.vlan),
            relay: relays(&subnet.relays),
            server_address: subnet.server_address.map(|address| address.to_string()),
            script_url: subnet.script_url.clone(),
            script_user_classes: subnet.script_classes.0.clone(),
            boot_vlan: subnet.boot_vlan,
            tftp_block_size: subnet.tftp_block_size,
            routers: strings(&subnet.routers),
            dns: strings(&subnet.dns),
            ntp: strings(&subnet.ntp),
            domain: subnet.domain.clone(),
            search: subnet.search.clone(),
            mtu: subnet.mtu,
            next_server: subnet.next_server.map(|server| server.to_string()),
            lease_time: humantime::format_duration(lease).to_string(),
            routes: subnet.routes.iter().map(RouteEntry::from).collect(),
            options: subnet.options.iter().map(OptionEntry::from).collect(),
            boot_files: by_name(&subnet.files),
        }
    }
}

impl From<&model::Host> for HostEntry {
    fn from(host: &model::Host) -> Self {
        let lease = host.lease_time.map(|lease| humantime::format_duration(lease).to_string());
        let script = host.script.as_ref().map(|script| match script {
            HostScript::Url(text) | HostScript::Text(text) => text.clone(),
        });
        Self {
            mac: MacsEntry::new(host.macs()),
            ip: host.address().map(|ip| ip.to_string()).unwrap_or_default(),
            hostname: host.hostname.clone(),
            netboot: Some(host.netboot),
            script,
            boot_file: host.boot_file.clone(),
            vlan: vlan(host.vlan),
            script_url: host.script_url.clone(),
            script_user_classes: host.script_classes.0.clone(),
            boot_vlan: host.boot_vlan,
            lease_time: lease,
            network: NetworkKeys::from(&*host.network),
            options: host.options.iter().map(OptionEntry::from).collect(),
            script_settings: ScriptSettingsTable::from(&*host.script_settings),
            quirks: QuirksEntry::from(&*host.quirks),
        }
    }
}

impl From<&DhcpOption> for OptionEntry {
    fn from(DhcpOption { code, value }: &DhcpOption) -> Self {
        let is_text = match option::shape(*code) {
            // Four printable bytes are an address or a number more often than a text.
            Shape::Bytes => value.len() > 4,
            shape => shape == Shape::Text,
        };
        let printable = is_text && value.iter().all(|byte| matches!(byte, b' '..=b'~'));
        let value = if printable {
            OptionValue::Text(value.iter().map(|byte| char::from(*byte)).collect())
        } else {
            OptionValue::Hex(hex(value, ":"))
        };
        Self { code: *code, value }
    }
}

/// One address without its length.
fn relays(relays: &[Ipv4Net]) -> Vec<String> {
    let shown = |relays: &Ipv4Net| match relays.prefix_len() {
        32 => relays.addr().to_string(),
        _ => relays.to_string(),
    };
    relays.iter().map(shown).collect()
}

fn by_name(files: &BTreeMap<Architecture, String>) -> BTreeMap<String, String> {
    files.iter().map(|(architecture, name)| (architecture.to_string(), name.clone())).collect()
}

fn without_daemon(time: Option<Duration>) -> String {
    time.map_or_else(|| FOREVER.to_owned(), |time| humantime::format_duration(time).to_string())
}

fn syslog(listen: &SyslogListen) -> String {
    match listen {
        SyslogListen::Udp(address) => format!("udp://{address}"),
        SyslogListen::Tcp(address) => format!("tcp://{address}"),
    }
}

fn strings<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(T::to_string).collect()
}
