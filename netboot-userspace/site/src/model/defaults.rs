//! The values that hold where the file says nothing, and those that the command line overrides.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use ipnet::Ipv4Net;
use netboot_ebpf::shared::{PIN_PATH, Vlan};

use crate::model::{
    Boot, Config, Dhcp, DhcpMode, Script, ScriptClasses, Settings, Subnet, SyslogListen, Tftp, Xdp,
    XdpMode,
};

/// The configuration file, where none is named.
pub const DEFAULT_PATH: &str = "/etc/netboot/netboot.toml";

impl Config {
    /// Without a file: nobody is known, and nobody answered.
    #[must_use]
    pub fn unconfigured() -> Self {
        Self { settings: Settings::unconfigured(), hosts: Vec::new() }
    }
}

impl Settings {
    /// Whether the kernel is to answer.
    #[must_use]
    pub fn wants_program(&self) -> bool {
        self.xdp.mode != XdpMode::Off && self.dhcp.mode == DhcpMode::Reservation
    }

    /// Without a file: nobody is answered, but machines that ask are shown.
    #[must_use]
    pub fn unconfigured() -> Self {
        let any = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        Self {
            path: None,
            interfaces: Vec::new(),
            state_dir: "/var/lib/netboot".into(),
            user: None,
            xdp: Xdp {
                mode: XdpMode::Auto,
                pin_path: PIN_PATH.into(),
                boot_files_without_daemon: Some(Duration::from_secs(60)),
                answers_without_daemon: None,
            },
            dhcp: Dhcp {
                mode: DhcpMode::Reservation,
                authoritative: true,
                server_address: None,
                lease_time: Duration::from_secs(24 * 60 * 60),
                skip_proxydhcp: true,
                echo_pxeclient: false,
                shared_networks: false,
                subnet_selection: false,
                decline_time: Duration::from_secs(60),
                known_servers: Vec::new(),
                machine_rate: 20,
                unknown_rate: 1000,
                total_rate: 0,
            },
            subnets: Vec::new(),
            boot: Boot {
                root: "/srv/netboot".into(),
                script_user_classes: vec!["Tinkerbell".to_owned()],
                script_url: None,
                skip_ipv6_wait: true,
                files: BTreeMap::new(),
            },
            tftp: Tftp {
                listen: Some(any(69)),
                block_size: None,
                single_port: false,
                threads: None,
            },
            http: Some(any(80)),
            syslog: vec![SyslogListen::Udp(any(514)), SyslogListen::Tcp(any(514))],
            script: Script {
                download_url: None,
                arch: "x86_64".to_owned(),
                kernel: None,
                initrd: None,
                facility: None,
                syslog_host: None,
                grpc_authority: None,
                tink_worker_image: None,
                tinkerbell_tls: false,
                tinkerbell_insecure_tls: false,
                consoles: vec!["tty0".to_owned(), "ttyS1,115200".to_owned()],
                kernel_params: Vec::new(),
                retries: 1,
                retry_delay: 1,
            },
            quirks: Vec::new(),
            sources: Vec::new(),
        }
    }

    /// `netboot run --iface`: these instead of the file's, unless there are none.
    pub fn override_interfaces(&mut self, interfaces: Vec<String>) {
        if !interfaces.is_empty() {
            self.interfaces = interfaces;
        }
    }

    /// `netboot run --xdp`
    pub fn override_xdp(&mut self, mode: Option<XdpMode>) {
        self.xdp.mode = mode.unwrap_or(self.xdp.mode);
    }
}

impl Subnet {
    /// A subnet of which nothing but its addresses is said.
    #[must_use]
    pub fn new(cidr: Ipv4Net) -> Self {
        Self {
            cidr,
            vlan: Vlan::NONE,
            relays: Vec::new(),
            server_address: None,
            script_url: None,
            script_classes: ScriptClasses::default(),
            files: BTreeMap::new(),
            boot_vlan: None,
            tftp_block_size: None,
            routers: Vec::new(),
            dns: Vec::new(),
            ntp: Vec::new(),
            next_server: None,
            domain: None,
            search: Vec::new(),
            routes: Vec::new(),
            mtu: None,
            lease_time: None,
            options: Vec::new(),
        }
    }
}
