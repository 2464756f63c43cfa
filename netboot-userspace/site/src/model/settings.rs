//! The configured settings: `[xdp]`, `[dhcp]`, `[[subnet]]`, `[boot]` and the rest of the file, as values.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use ipnet::Ipv4Net;
use netboot_base::{links::XdpMode, sparse::Usual};
use netboot_ebpf::shared::Vlan;

use crate::model::{Architecture, CommandSource, DhcpOption, Host, PinPath};

/// Everything the daemon is told, checked as a whole: settings and hosts.
#[derive(Clone, Debug)]
pub struct Config {
    pub settings: Settings,
    /// The reservations, of all files and sources: one for each MAC.
    pub hosts: Vec<Arc<Host>>,
}

/// Everything the daemon is told beside the hosts.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The file it was read from; `None`: started without one.
    pub path: Option<PathBuf>,
    pub interfaces: Vec<String>,
    pub state_dir: PathBuf,
    /// Whom the daemon becomes; `None`: it stays who started it.
    pub user: Option<String>,
    pub xdp: Xdp,
    pub dhcp: Dhcp,
    pub subnets: Vec<Subnet>,
    pub boot: Boot,
    pub tftp: Tftp,
    /// `None`: HTTP is off.
    pub http: Option<SocketAddr>,
    pub syslog: Vec<SyslogListen>,
    pub script: Script,
    /// Quirks by manufacturer, before the built-in ones.
    pub quirks: Vec<QuirkRow>,
    /// Programs that print more hosts.
    pub sources: Vec<CommandSource>,
}

impl std::ops::Deref for Config {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.settings
    }
}

impl std::ops::DerefMut for Config {
    fn deref_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }
}

/// Threads that serve TFTP.
pub const MAX_TFTP_THREADS: u8 = 16;

/// `[tftp]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tftp {
    /// `None`: TFTP is off.
    pub listen: Option<SocketAddr>,
    /// The most bytes in a block; `None`: by the MTU.
    pub block_size: Option<u16>,
    /// Transfers have the port of requests.
    pub single_port: bool,
    /// `None`: one for each two processors.
    pub threads: Option<u8>,
}

/// `[xdp]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Xdp {
    pub mode: XdpMode,
    /// Where the maps are pinned: a directory of a bpffs.
    pub pin_path: PinPath,
    /// How long boot files are offered without the daemon; `None`: for ever.
    pub boot_files_without_daemon: Option<Duration>,
    /// How long machines are answered without the daemon; `None`: for ever.
    pub answers_without_daemon: Option<Duration>,
}

/// `[dhcp]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dhcp {
    pub mode: DhcpMode,
    /// Refuse wrong addresses with a NAK.
    pub authoritative: bool,
    /// Option 54, the answers' source and the URLs' host; default: each interface's first address.
    pub server_address: Option<Ipv4Addr>,
    pub lease_time: Duration,
    /// Tell iPXE not to wait for a ProxyDHCP (option 175, `b0 01 01`).
    pub skip_proxydhcp: bool,
    /// Echo option 60 `PXEClient` (some UEFI firmware then fails).
    pub echo_pxeclient: bool,
    /// Offer a machine its address also where it asks from another subnet.
    pub shared_networks: bool,
    /// A machine may say which subnet it is on (option 118, RFC 3011).
    pub subnet_selection: bool,
    /// How long a declined address is held back.
    pub decline_time: Duration,
    /// Other servers that nobody is warned of.
    pub known_servers: Vec<Ipv4Addr>,
    /// Messages a second of one machine; 0: no limit.
    pub machine_rate: u32,
    /// Messages a second of all machines without reservation and of nobody; 0: no limit.
    pub unknown_rate: u32,
    /// All messages a second; 0: no limit.
    pub total_rate: u32,
}

/// Who gives addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DhcpMode {
    /// We do, to machines with a reservation.
    Reservation,
    /// Another server does; we tell machines with a reservation what to boot (ProxyDHCP).
    Proxy,
    /// As [`DhcpMode::Proxy`], and machines without a reservation too.
    AutoProxy,
    /// Another server does; DHCP is not touched.
    Off,
}

/// `[[subnet]]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    pub cidr: Ipv4Net,
    /// The VLAN that its machines' frames arrive in.
    pub vlan: Vlan,
    /// Relays whose address stands for the subnet, though it does not lie there: addresses, or networks of them.
    pub relays: Vec<Ipv4Net>,
    /// Instead of `dhcp.server-address`.
    pub server_address: Option<Ipv4Addr>,
    /// Instead of `boot.script-url`.
    pub script_url: Option<String>,
    /// Instead of `boot.script-user-classes`.
    pub script_classes: ScriptClasses,
    /// Instead of `tftp.block-size`.
    pub tftp_block_size: Option<u16>,
    /// Before `boot.files`.
    pub files: BTreeMap<Architecture, String>,
    /// The VLAN that iPXE is told to boot over (option 43.116), and the kernel's `vlan_id`.
    pub boot_vlan: Option<u16>,
    pub routers: Vec<Ipv4Addr>,
    pub dns: Vec<Ipv4Addr>,
    pub ntp: Vec<Ipv4Addr>,
    pub domain: Option<String>,
    pub search: Vec<String>,
    /// Destination and router (RFC 3442).
    pub routes: Vec<(Ipv4Net, Ipv4Addr)>,
    pub mtu: Option<u16>,
    /// `siaddr` for clients that boot nothing from us.
    pub next_server: Option<Ipv4Addr>,
    /// Default: `dhcp.lease-time`.
    pub lease_time: Option<Duration>,
    pub options: Vec<DhcpOption>,
}

/// Which user classes get the script, instead of `boot.script-user-classes`; `None`: nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScriptClasses(pub Option<Vec<String>>);

impl Usual for ScriptClasses {
    const USUAL: &'static Self = &Self(None);
}

impl std::ops::Deref for ScriptClasses {
    type Target = Option<Vec<String>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// What a host has instead of its subnet's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NetworkOverrides {
    pub routers: Option<Vec<Ipv4Addr>>,
    pub dns: Option<Vec<Ipv4Addr>>,
    pub ntp: Option<Vec<Ipv4Addr>>,
    pub domain: Option<String>,
    pub search: Option<Vec<String>>,
    pub routes: Option<Vec<(Ipv4Net, Ipv4Addr)>>,
    pub mtu: Option<u16>,
    pub next_server: Option<Ipv4Addr>,
}

impl Usual for NetworkOverrides {
    const USUAL: &'static Self = &Self {
        routers: None,
        dns: None,
        ntp: None,
        domain: None,
        search: None,
        routes: None,
        mtu: None,
        next_server: None,
    };
}

/// What a machine's firmware needs otherwise than all others; `None`: nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Quirks {
    /// A wrong address is not refused.
    pub never_nak: Option<bool>,
    /// Answers are broadcast.
    pub always_broadcast: Option<bool>,
    /// The least length of a message, in bytes.
    pub min_size: Option<u16>,
    /// The wait before an answer.
    pub delay: Option<Duration>,
    /// No option 67, not even for a long name.
    pub no_option_67: Option<bool>,
    /// Echo option 60 `PXEClient`.
    pub echo_pxeclient: Option<bool>,
    /// The machine boots from the network also where it does not say so (no option 60).
    pub assume_pxe: Option<bool>,
    /// The machine's architecture, whatever option 93 says.
    pub architecture: Option<u16>,
    /// The text of a boot menu (option 43) that it looks for.
    pub menu: Option<String>,
}

impl Usual for Quirks {
    const USUAL: &'static Self = &Self {
        never_nak: None,
        always_broadcast: None,
        min_size: None,
        delay: None,
        no_option_67: None,
        echo_pxeclient: None,
        assume_pxe: None,
        architecture: None,
        menu: None,
    };
}

/// `[[quirk]]`: the quirks of a manufacturer's machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuirkRow {
    /// The first three bytes of the MAC.
    pub oui: [u8; 3],
    pub quirks: Quirks,
    /// Why, and where it is documented.
    pub reason: String,
}

/// `[boot]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boot {
    /// What TFTP and HTTP serve.
    pub root: PathBuf,
    /// User classes that get the script.
    pub script_user_classes: Vec<String>,
    /// Default: `http://<server>[:port]/auto.ipxe`.
    pub script_url: Option<String>,
    /// Tell machines that boot that there is no IPv6 router, where there is none.
    pub skip_ipv6_wait: bool,
    pub files: BTreeMap<Architecture, String>,
}

/// `[syslog] listen`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyslogListen {
    Udp(SocketAddr),
    Tcp(SocketAddr),
}

/// `[script]`: what the script served by default is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Where kernel and initrd are: `http://...`; default: this server's `boot.root`.
    pub download_url: Option<String>,
    /// The kernel's architecture name; `${arch}` of the default file names.
    pub arch: String,
    /// Default: `vmlinuz-<arch>`.
    pub kernel: Option<String>,
    /// Default: `initramfs-<arch>`.
    pub initrd: Option<String>,
    /// Kernel argument `facility`.
    pub facility: Option<String>,
    /// Kernel argument `syslog_host`; default: the server's address.
    pub syslog_host: Option<String>,
    /// Kernel argument `grpc_authority`: the Tink server, `host:port`; default: the server's address and 42113.
    pub grpc_authority: Option<String>,
    /// Kernel argument `tink_worker_image`: the container that HookOS starts as Tinkerbell's agent.
    pub tink_worker_image: Option<String>,
    pub tinkerbell_tls: bool,
    pub tinkerbell_insecure_tls: bool,
    /// Kernel arguments `console`, in this order.
    pub consoles: Vec<String>,
    /// More kernel arguments, after all others.
    pub kernel_params: Vec<String>,
    /// How often iPXE tries each download again, and seconds between.
    pub retries: u32,
    pub retry_delay: u32,
}
