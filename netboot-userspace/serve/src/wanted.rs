//! The services that are wanted, and what each is told.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZero,
    path::PathBuf,
    thread,
};

use netboot_base::files;
use netboot_ebpf::shared::Subnet;
use netboot_machines::running;
use netboot_site::model::{
    BootFile, DhcpMode, Inventory, MAX_TFTP_THREADS, Settings, SyslogListen,
};

use crate::{bind::TftpSockets, descriptors::Shares, health::DaemonPart};
use crate::{
    http::{self, Strangers},
    tftp::{self, BlockSizes},
};

/// All that the services are told.
pub struct Wanted {
    /// One that is told something else is started anew.
    pub(crate) services: BTreeMap<DaemonPart, Service>,
    /// There is TFTP or HTTP, and no address that machines are sent to for files.
    pub lacks_servers: bool,
    /// The addresses that machines are sent to for TFTP.
    pub(crate) tftp_servers: BTreeSet<Ipv4Addr>,
    /// These change while services run: `boot.root`, TFTP's blocks, and what scripts are made of.
    pub(crate) root: PathBuf,
    pub(crate) block_sizes: BlockSizes,
    pub(crate) site: http::HttpSettings,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Tftp {
        address: SocketAddr,
        sockets: TftpSockets,
    },
    Http {
        address: SocketAddr,
        max_connections: usize,
    },
    SyslogUdp(SocketAddr),
    SyslogTcp {
        address: SocketAddr,
        max_connections: usize,
    },
    /// The watch over these addresses: machines are sent to them, and the node is to have them.
    ServerAddresses(BTreeSet<Ipv4Addr>),
    /// The files of syslog lines, in this state directory.
    SyslogFiles(PathBuf),
    /// The status socket, in this state directory.
    Status(PathBuf),
    /// The watch over `boot.root`, and these files in it.
    BootRoot(BTreeSet<BootFile>),
}

impl Service {
    /// That it listens on.
    pub(crate) fn port(&self) -> Option<u16> {
        match self {
            Self::Tftp { address, .. }
            | Self::Http { address, .. }
            | Self::SyslogUdp(address)
            | Self::SyslogTcp { address, .. } => Some(address.port()),
            Self::ServerAddresses(_)
            | Self::SyslogFiles(_)
            | Self::Status(_)
            | Self::BootRoot(_) => None,
        }
    }
}

impl Wanted {
    /// `subnets` are those that DHCP is answered in; `mtu` is the least of the interfaces, in bytes.
    pub fn new(
        config: &Settings,
        hosts: &Inventory,
        shares: Shares,
        subnets: &[Subnet],
        mtu: Option<u16>,
    ) -> Self {
        let mut services = BTreeMap::new();
        let mut add = |name: &str, listen: String, service| {
            services.insert(DaemonPart { name: name.to_owned(), listen }, service);
        };
        let of_http = servers(config.http, subnets);
        let servers = servers(config.tftp.listen, subnets);
        if let Some(address) = config.tftp.listen {
            let sockets = shares.tftp_sockets(threads(config), config.tftp.single_port);
            add("tftp", format!("udp://{address}"), Service::Tftp { address, sockets });
        }
        let lacks =
            |servers: &Option<BTreeSet<_>>| servers.as_ref().is_some_and(BTreeSet::is_empty);
        let lacks_servers = lacks(&servers) || lacks(&of_http);
        let servers = servers.unwrap_or_default();
        let of_http = of_http.into_iter().flatten();
        let watched = servers.iter().copied().chain(of_http).chain(listened_at(config));
        let watched = BTreeSet::from_iter(watched);
        if !watched.is_empty() {
            add("server-address", String::new(), Service::ServerAddresses(watched));
        }
        if let Some(address) = config.http {
            let max_connections = shares.http_connections();
            add("http", format!("tcp://{address}"), Service::Http { address, max_connections });
        }
        let is_tcp = |listen: &&SyslogListen| matches!(listen, SyslogListen::Tcp(_));
        let max_connections =
            shares.syslog_connections(config.syslog.iter().filter(is_tcp).count());
        for listen in &config.syslog {
            match *listen {
                SyslogListen::Udp(address) => {
                    add("syslog", format!("udp://{address}"), Service::SyslogUdp(address));
                }
                SyslogListen::Tcp(address) => {
                    let service = Service::SyslogTcp { address, max_connections };
                    add("syslog", format!("tcp://{address}"), service);
                }
            }
        }
        if !config.syslog.is_empty() {
            let directory = config.state_dir.join("log");
            let files = Service::SyslogFiles(config.state_dir.clone());
            add("syslog", format!("file://{}", directory.display()), files);
        }
        let socket = running::socket_path(&config.state_dir);
        let status = Service::Status(config.state_dir.clone());
        add("status", format!("unix://{}", socket.display()), status);
        if config.tftp.listen.is_some() || config.http.is_some() {
            add("boot.root", String::new(), Service::BootRoot(boot_files(config)));
        }
        let strangers = match config.dhcp.mode {
            DhcpMode::AutoProxy => Strangers::Boot,
            DhcpMode::Reservation | DhcpMode::Proxy | DhcpMode::Off => Strangers::Refused,
        };
        let uefi_files = uefi_files(config, hosts);
        let site = http::HttpSettings { script: config.script.clone(), strangers, uefi_files };
        Self {
            services,
            lacks_servers,
            tftp_servers: servers,
            root: config.boot.root.clone(),
            block_sizes: block_sizes(config, mtu),
            site,
        }
    }

    /// Those that are watched.
    #[cfg(test)]
    fn server_addresses(&self) -> BTreeSet<Ipv4Addr> {
        let addresses = self.services.values().find_map(|service| match service {
            Service::ServerAddresses(addresses) => Some(addresses.clone()),
            _ => None,
        });
        addresses.unwrap_or_default()
    }
}

/// What else runs here needs processors too: the kernel to send what TFTP says, HTTP, syslog.
fn threads(config: &Settings) -> usize {
    let by_processors = || {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        processors.div_ceil(2).min(MAX_TFTP_THREADS.into())
    };
    config.tftp.threads.map_or_else(by_processors, usize::from)
}

/// By the MTUs of the node's interfaces and of the subnets, where nothing else is said.
fn block_sizes(config: &Settings, mtu: Option<u16>) -> BlockSizes {
    // IP with options, UDP and TFTP take 32 bytes.
    let of_mtu = |mtu: u16| mtu.saturating_sub(32).max(512);
    let by_mtu = mtu.map_or(tftp::DEFAULT_BLOCK_SIZE, of_mtu);
    let all = config.tftp.block_size.unwrap_or(by_mtu);
    let networks = config.subnets.iter().filter_map(|subnet| {
        let size = subnet.tftp_block_size.or(subnet.mtu.map(|mtu| of_mtu(mtu).min(all)))?;
        Some((subnet.cidr, size))
    });
    BlockSizes { all, networks: networks.collect() }
}

/// What machines are told to boot; a host's own is missed by that host alone.
fn boot_files(config: &Settings) -> BTreeSet<BootFile> {
    let of_subnets = config.subnets.iter().flat_map(|subnet| &subnet.files);
    let files = config.boot.files.iter().chain(of_subnets);
    files.map(|(architecture, name)| BootFile::new(name, *architecture)).collect()
}

/// Those of UEFI architectures, and of hosts, which may be of one.
fn uefi_files(config: &Settings, hosts: &Inventory) -> BTreeSet<PathBuf> {
    let of_subnets = config.subnets.iter().map(|subnet| &subnet.files);
    let by_architecture = of_subnets.chain([&config.boot.files]).flatten();
    let by_architecture = by_architecture.filter(|(architecture, _)| architecture.is_uefi());
    let by_architecture = by_architecture.map(|(_, name)| name.clone());
    let of_hosts = hosts.own_files().into_iter();
    let of_hosts = of_hosts.filter_map(|own| BootFile::of_host(&own.name)).map(|file| file.name);
    let names: BTreeSet<_> = by_architecture.chain(of_hosts).collect();
    names.iter().filter_map(|name| files::place(name.as_bytes())).collect()
}

/// The addresses that machines are sent to, where a service listens at all that the node has.
fn servers(listen: Option<SocketAddr>, subnets: &[Subnet]) -> Option<BTreeSet<Ipv4Addr>> {
    let is_everywhere = listen.is_some_and(|own| own.ip().is_unspecified());
    if subnets.is_empty() || !is_everywhere {
        return None;
    }
    let servers = subnets.iter().map(|subnet| Ipv4Addr::from(subnet.server));
    Some(servers.filter(|server| !server.is_unspecified()).collect())
}

/// The single addresses that services listen at: a socket stays where its address is gone, and hears nothing.
fn listened_at(config: &Settings) -> impl Iterator<Item = Ipv4Addr> {
    let syslog = config.syslog.iter().map(|listen| match listen {
        SyslogListen::Udp(address) | SyslogListen::Tcp(address) => *address,
    });
    let all = [config.tftp.listen, config.http].into_iter().flatten().chain(syslog);
    all.filter_map(|listen| match listen.ip().to_canonical() {
        IpAddr::V4(address) if !address.is_unspecified() && !address.is_loopback() => Some(address),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use netboot_ebpf::shared::Mac;
    use netboot_site::model::{Architecture, Config, Host};
    use zerocopy::FromZeros as _;

    use super::*;

    fn subnets(servers: &[[u8; 4]]) -> Vec<Subnet> {
        servers.iter().map(|&server| Subnet { server, ..Subnet::new_zeroed() }).collect()
    }

    /// Where TFTP serves, and the addresses that are watched for it.
    #[track_caller]
    fn check(listen: &str, servers: Option<&[[u8; 4]]>, lacks: bool, expect: &[[u8; 4]]) {
        let subnets = servers.map(subnets).unwrap_or_default();
        let mut config = Config::unconfigured();
        config.tftp.listen = Some(listen.parse().unwrap());
        config.http = None;
        let wanted = Wanted::new(&config, &Inventory::default(), Shares::of(1024), &subnets, None);
        let of_tftp = |(part, _): &(&DaemonPart, &Service)| part.name == "tftp";
        let tftp = wanted.services.iter().find(of_tftp).map(|(part, _)| part.listen.as_str());
        let at = format!("udp://{listen}");
        assert_eq!(tftp, Some(&*at), "{listen} {servers:?}");
        assert_eq!(wanted.lacks_servers, lacks, "{listen} {servers:?}");
        let expect: BTreeSet<_> = expect.iter().copied().map(Ipv4Addr::from).collect();
        assert_eq!(wanted.server_addresses(), expect, "{listen} {servers:?}");
    }

    #[test]
    fn tftp_serves_at_all_addresses() {
        const ONE: [u8; 4] = [127, 0, 0, 1];
        const TWO: [u8; 4] = [127, 0, 0, 2];
        check("0.0.0.0:69", Some(&[TWO, ONE, TWO]), false, &[ONE, TWO]);
        check("[::]:69", Some(&[ONE]), false, &[ONE]);
        check("0.0.0.0:69", Some(&[[0; 4]]), true, &[]);
        check("0.0.0.0:69", Some(&[[0; 4], ONE]), false, &[ONE]);
        check("127.0.0.1:69", Some(&[[0; 4]]), false, &[]);
        check("0.0.0.0:6969", Some(&[]), false, &[]);
        check("0.0.0.0:69", None, false, &[]);
        check("127.0.0.1:69", Some(&[TWO]), false, &[]);
        check("192.0.2.7:69", Some(&[TWO]), false, &[[192, 0, 2, 7]]);
    }

    #[test]
    fn addresses_of_all_services_are_watched() {
        let check = |tftp: Option<&str>, http: Option<&str>, syslog: &str, expect: &[[u8; 4]]| {
            let mut config = Config::unconfigured();
            config.tftp.listen = tftp.map(|listen| listen.parse().unwrap());
            config.http = http.map(|listen| listen.parse().unwrap());
            config.syslog = vec![SyslogListen::Tcp(syslog.parse().unwrap())];
            let subnets = subnets(&[[127, 0, 0, 1]]);
            let wanted =
                Wanted::new(&config, &Inventory::default(), Shares::of(1024), &subnets, None);
            let expect: BTreeSet<_> = expect.iter().copied().map(Ipv4Addr::from).collect();
            assert_eq!(wanted.server_addresses(), expect, "{tftp:?} {http:?} {syslog}");
        };
        let (here, all) = ("192.0.2.7:80", "0.0.0.0:80");
        let (one, own) = ([127, 0, 0, 1], [192, 0, 2, 7]);
        check(None, Some(all), all, &[one]);
        check(Some("192.0.2.8:69"), Some(all), all, &[one, [192, 0, 2, 8]]);
        check(None, Some(here), all, &[own]);
        check(None, Some("[::ffff:192.0.2.7]:80"), all, &[own]);
        check(None, None, here, &[own]);
        check(None, None, "127.0.0.1:514", &[]);
        check(None, None, all, &[]);
    }

    /// The node's MTU, `tftp.block-size`, and a subnet's MTU and `tftp-block-size`.
    #[track_caller]
    fn check_blocks(
        mtu: Option<u16>,
        all: Option<u16>,
        subnet: [Option<u16>; 2],
        expect: [u16; 2],
    ) {
        let mut config = Config::unconfigured();
        config.tftp.block_size = all;
        let [subnet_mtu, block_size] = subnet;
        let mut one = netboot_site::model::Subnet::new("10.0.0.0/24".parse().unwrap());
        (one.mtu, one.tftp_block_size) = (subnet_mtu, block_size);
        config.subnets = vec![one];
        let sizes = block_sizes(&config, mtu);
        let of_subnet = sizes.networks.first().map_or(sizes.all, |(_, size)| *size);
        assert_eq!([sizes.all, of_subnet], expect, "{mtu:?} {all:?} {subnet:?}");
    }

    #[test]
    fn block_sizes_by_what_is_said_and_by_mtus() {
        check_blocks(None, None, [None, None], [1468, 1468]);
        check_blocks(Some(9000), None, [None, None], [8968, 8968]);
        check_blocks(Some(500), None, [None, None], [512, 512]);
        check_blocks(Some(1500), None, [Some(1420), None], [1468, 1388]);
        check_blocks(Some(1500), None, [Some(9000), None], [1468, 1468]);
        check_blocks(Some(1500), Some(1400), [None, None], [1400, 1400]);
        check_blocks(Some(1500), Some(1400), [Some(1420), None], [1400, 1388]);
        check_blocks(Some(1500), Some(1400), [Some(1420), Some(1408)], [1400, 1408]);
        check_blocks(Some(1500), Some(60_000), [None, None], [60_000, 60_000]);
    }

    #[test]
    fn boot_files_of_uefi() {
        let files = |all: &[(Architecture, &str)]| {
            all.iter().map(|(architecture, name)| (*architecture, (*name).to_owned())).collect()
        };
        let mut config = Config::unconfigured();
        config.boot.files = files(&[
            (Architecture::X86Bios, "bios"),
            (Architecture::X8664Uefi, "/d//loader"),
            (Architecture::Code(16), "http"),
            (Architecture::Code(14), "opal"),
        ]);
        let mut one = netboot_site::model::Subnet::new("10.0.0.0/24".parse().unwrap());
        one.files = files(&[(Architecture::Arm64Uefi, "arm"), (Architecture::Rpi, "pi")]);
        config.subnets = vec![one];
        let host = |(last, name): (u8, &str)| {
            let mac = Mac { octets: [2, 0, 0, 0, 0, last] };
            let boot_file = (!name.is_empty()).then(|| name.to_owned());
            Arc::new(Host { mac, boot_file, ..Host::default() })
        };
        let hosts = [(1, "own"), (2, "own"), (3, "http://192.0.2.1/a"), (4, "")].map(host);
        let hosts = Inventory::new(hosts);
        let wanted = Wanted::new(&config, &hosts, Shares::of(1024), &[], None);
        let expect = ["arm", "d/loader", "http", "own"].map(PathBuf::from);
        assert_eq!(wanted.site.uefi_files, expect.into());
    }

    #[test]
    fn what_is_off_is_not_wanted() {
        let mut config = Config::unconfigured();
        (config.tftp.listen, config.http, config.syslog) = (None, None, Vec::new());
        let names: Vec<_> =
            Wanted::new(&config, &Inventory::default(), Shares::of(1024), &[], None)
                .services
                .into_keys()
                .collect();
        assert_eq!(names.iter().map(|part| part.name.as_str()).collect::<Vec<_>>(), ["status"]);
    }
}
