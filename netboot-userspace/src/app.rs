//! Binds the sockets and runs the services.

mod bind;
mod declines;
mod dhcp_sockets;
mod kernel;
mod packet_option;
mod pages;
mod report;
mod services;
pub(crate) mod status_socket;

use std::{
    collections::HashMap,
    net::UdpSocket,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::Context as _;
use netboot_ebpf::wire::{PROXY_PORT, SERVER_PORT};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use self::{bind::Sockets, kernel::Kernel, report::Reporter, services::Services};
use crate::{
    args::{RunArgs, StatusArgs},
    config::{self, Config, DhcpMode},
    fastpath::FastPath,
    inventory::Inventory,
    links::{self, Link},
    machines::Machines,
    sightings::Sightings,
    slowpath::{Attached, Counters, Limits, SlowPath},
    status, syslog,
    tables::Tables,
    templates,
};

/// How long transfers under way may go on after the signal to stop.
const GRACE: Duration = Duration::from_secs(5);
/// TFTP takes two descriptors for a transfer: room for a rack's.
const DESCRIPTORS: u64 = 65_536;

/// Runs the daemon until SIGTERM or SIGINT.
///
/// # Errors
/// It cannot start, or a service failed.
pub fn run(args: &RunArgs) -> anyhow::Result<()> {
    crate::logging::start(&args.log)?;
    let config = configuration(args)?;
    if let Err(error) = raise_descriptors() {
        tracing::warn!("cannot raise the limit on open files: {error:#}");
    }
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let result = runtime.block_on(serve(config));
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

/// Prints what the running daemon counted and saw.
///
/// # Errors
/// There is none, or it does not answer.
pub fn status(args: &StatusArgs) -> anyhow::Result<()> {
    let state_dir = match args.config.path() {
        Some(path) => config::load(&path)?.config.state_dir,
        None => Config::unconfigured().state_dir,
    };
    let format = match args.format.choose() {
        crate::args::Format::Json => status::Format::Json,
        crate::args::Format::Text => status::Format::Table,
    };
    status::print(&state_dir, format)
}

fn configuration(args: &RunArgs) -> anyhow::Result<Config> {
    let mut config = match args.config.path() {
        Some(path) => {
            let loaded = config::load(&path)?;
            for warning in &loaded.warnings {
                tracing::warn!("{warning}");
            }
            let path = std::path::absolute(&path).unwrap_or(path);
            Config { path: Some(path), ..loaded.config }
        }
        None => {
            tracing::warn!(
                "there is no configuration ({} does not exist, and --config names none): nobody is answered, \
                 but who asks is shown. Write one with the subnet, then `netboot host add` adds machines to it",
                config::DEFAULT_PATH
            );
            Config::unconfigured()
        }
    };
    config.override_interfaces(args.interfaces.clone());
    config.override_xdp(args.xdp);
    anyhow::ensure!(
        !config.interfaces.is_empty() || config.dhcp.mode == DhcpMode::Off,
        "no interface to answer at: name one with --iface, or in the configuration: interfaces = [\"eth0\"]"
    );
    Ok(config)
}

fn raise_descriptors() -> anyhow::Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let wanted = DESCRIPTORS.min(hard);
    if soft < wanted {
        setrlimit(Resource::RLIMIT_NOFILE, wanted, hard)?;
    }
    Ok(())
}

/// The tasks that serve; the first to end ends the rest with its reason.
type Tasks = JoinSet<anyhow::Result<()>>;

async fn serve(config: Config) -> anyhow::Result<()> {
    let cancel = CancellationToken::new();
    let mut tasks = Tasks::new();
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut hangup = signal(SignalKind::hangup()).context("cannot wait for SIGHUP")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;

    make_state_dir(&config.state_dir)?;
    let machines = Machines::new(Arc::new(Inventory::new(config.hosts.iter().cloned())));
    let prepared = match config.dhcp.mode {
        DhcpMode::Off => None,
        DhcpMode::Reservation | DhcpMode::Proxy | DhcpMode::AutoProxy => {
            Some(Prepared::new(&config)?)
        }
    };
    let sockets = Sockets::bind(&config, prepared.as_ref().map(|dhcp| &*dhcp.tables))?;
    let listening = sockets.listening();
    let mtu = prepared.as_ref().and_then(Prepared::mtu);
    let syslog = syslog::channel(machines.clone(), &config.state_dir);
    let status_socket = status_socket::bind(&config.state_dir)?;

    let (dhcp, ports) = match prepared {
        Some(prepared) => prepared.serve(&config, &machines, &cancel, &mut tasks)?,
        None => (Dhcp { tables: None, kernel: None, userspace: Arc::default() }, Vec::new()),
    };
    let reporter = Reporter::new(&config, dhcp, listening, machines.clone(), syslog.0.counters());
    let reporter = Arc::new(reporter);
    let services = Services { config: &config, machines, mtu, reporter: Arc::clone(&reporter) };
    services.start(sockets, syslog, &cancel, &mut tasks);
    let token = cancel.clone();
    let state = Arc::clone(&reporter);
    tasks.spawn(async move {
        status::serve(status_socket, move || state.status(), token).await;
        Ok(())
    });
    tracing::info!("ready");

    let ended = loop {
        tokio::select! {
            _ = terminate.recv() => break Ok(()),
            _ = interrupt.recv() => break Ok(()),
            _ = hangup.recv() => tracing::warn!("SIGHUP: the configuration is not reread; restart"),
            Some(ended) = tasks.join_next() => break ended.context("a service panicked").flatten(),
        }
    };
    match &ended {
        Ok(()) => tracing::info!("stopping"),
        Err(error) => tracing::error!("stopping: {error:#}"),
    }
    reporter.stop_answering();
    cancel.cancel();
    drop(ports);
    if tokio::time::timeout(GRACE, async { while tasks.join_next().await.is_some() {} })
        .await
        .is_err()
    {
        tracing::warn!("not all services ended in time: what is under way is cut off");
    }
    ended
}

/// What answers DHCP.
pub(crate) struct Dhcp {
    /// `None`: DHCP is not answered.
    pub(crate) tables: Option<Arc<Tables>>,
    pub(crate) kernel: Option<Kernel>,
    pub(crate) userspace: Arc<Counters>,
}

/// DHCP before anybody is answered.
struct Prepared {
    ports: Vec<UdpSocket>,
    links: Vec<Link>,
    tables: Arc<Tables>,
}

impl Prepared {
    /// A port that another server holds is said before anything else.
    fn new(config: &Config) -> anyhow::Result<Self> {
        let proxy_port = config.dhcp.mode.is_proxy().then_some(PROXY_PORT);
        let ports = [SERVER_PORT].into_iter().chain(proxy_port);
        let ports = ports.map(dhcp_sockets::hold_port).collect::<Result<_, _>>()?;
        let all = links::all()?;
        let of_subnet = || config.subnets.iter().find_map(|subnet| subnet.server_address);
        let server_address = config.dhcp.server_address.or_else(of_subnet);
        let links = links::named(&all, &config.interfaces, server_address)?;
        let tables = Arc::new(templates::render(config, &links, all.values())?);
        Ok(Self { ports, links, tables })
    }

    /// The least of the interfaces, in bytes.
    fn mtu(&self) -> Option<u16> {
        self.links.iter().map(|link| link.mtu).min()
    }

    /// Starts both paths; the ports are held for as long as the sockets are kept.
    fn serve(
        self,
        config: &Config,
        machines: &Machines,
        cancel: &CancellationToken,
        tasks: &mut Tasks,
    ) -> anyhow::Result<(Dhcp, Vec<UdpSocket>)> {
        let Self { ports, links, tables } = self;
        let userspace = Arc::<Counters>::default();
        let names: HashMap<u32, String> =
            links.iter().map(|link| (link.index, link.name.clone())).collect();
        let sightings = Sightings::new(machines.clone(), names, config.path.as_deref());

        // Sockets first: what the program passes on has somebody to go to.
        let mut paths = Vec::new();
        let limits = Arc::<Mutex<Limits>>::default();
        let sockets: Vec<_> =
            links.iter().map(dhcp_sockets::packet_socket).collect::<Result<_, _>>()?;
        let mut kernel = Kernel::start(config, &tables, &links, &sightings, cancel, tasks)?;
        for (link, socket) in links.into_iter().zip(sockets) {
            let attached = if kernel.answers(link.index) { Attached::Yes } else { Attached::No };
            paths.push(SlowPath::new(
                socket,
                link,
                Arc::clone(&tables),
                Arc::clone(&userspace),
                sightings.clone(),
                attached,
                Arc::clone(&limits),
            )?);
        }
        let rows = kernel.fast.as_mut().map(FastPath::take_reservations).transpose()?;
        let watch = declines::watch(Arc::clone(&tables), rows, cancel.clone());
        tasks.spawn(async move {
            watch.await;
            Ok(())
        });
        for path in paths {
            let cancel = cancel.clone();
            tasks.spawn(async move {
                path.serve(cancel.clone()).await;
                // An interface that was removed does not end the rest.
                cancel.cancelled().await;
                Ok(())
            });
        }
        Ok((Dhcp { tables: Some(tables), kernel: Some(kernel), userspace }, ports))
    }
}

fn make_state_dir(path: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(path).with_context(|| {
        format!("cannot make the state directory {}: set state-dir", path.display())
    })
}
