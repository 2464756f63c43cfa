//! Binds the sockets and runs the services.

mod bind;
mod declines;
mod dhcp;
mod dhcp_sockets;
mod hidden_tags;
mod kernel;
mod node;
mod packet_option;
mod pages;
mod report;
mod self_check;
mod services;
mod shown;
pub(crate) mod status_socket;

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    task::{JoinSet, block_in_place},
};
use tokio_util::sync::CancellationToken;

use self::{
    bind::Sockets,
    dhcp::Dhcp,
    node::{AtEnd, Node},
    report::Reporter,
    services::Services,
};
use crate::{
    args::{RunArgs, StatusArgs},
    config::{self, Config, DhcpMode},
    inventory::Inventory,
    links,
    machines::Machines,
    status, syslog,
    tables::Live,
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
    let at_end = if args.keep { AtEnd::Keep } else { AtEnd::Detach };
    if let Err(error) = raise_descriptors() {
        tracing::warn!("cannot raise the limit on open files: {error:#}");
    }
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let result = runtime.block_on(serve(config, at_end));
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

async fn serve(config: Config, at_end: AtEnd) -> anyhow::Result<()> {
    let cancel = CancellationToken::new();
    let mut tasks = Tasks::new();
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut hangup = signal(SignalKind::hangup()).context("cannot wait for SIGHUP")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let mut links = links::Watch::new()?;

    make_state_dir(&config.state_dir)?;
    let machines = Machines::new(Inventory::new(config.hosts.iter().cloned()));
    let (declined, mut held) = mpsc::unbounded_channel();
    let mut node = Node::new(config.clone(), machines.clone(), declined, &cancel)?;
    let tables = node.dhcp().map(|dhcp| dhcp.tables().clone());
    let sockets = Sockets::bind(&config, tables.as_ref().map(Live::read).as_deref())?;
    let listening = sockets.listening();
    let mtu = node.dhcp().and_then(Dhcp::mtu);
    let syslog = syslog::channel(machines.clone(), &config.state_dir);
    let status_socket = status_socket::bind(&config.state_dir)?;

    node.start()?;
    let counters = syslog.0.counters();
    let reporter = Reporter::new(&config, node.shown(), listening, machines.clone(), counters);
    let reporter = Arc::new(reporter);
    let services = Services { config: &config, machines, mtu, reporter: Arc::clone(&reporter) };
    services.start(sockets, syslog, &cancel, &mut tasks);
    let token = cancel.clone();
    tasks.spawn(async move {
        status::serve(status_socket, move || reporter.status(), token).await;
        Ok(())
    });
    tracing::info!("ready");

    let (ended, at_end) = loop {
        tokio::select! {
            _ = terminate.recv() => break (Ok(()), at_end),
            _ = interrupt.recv() => break (Ok(()), AtEnd::Detach),
            _ = hangup.recv() => tracing::warn!("SIGHUP: the configuration is not reread; restart"),
            () = links.changed() => block_in_place(|| node.look_at_links()),
            Some(declined) = held.recv() => node.hold(declined),
            Some(ended) = tasks.join_next() => {
                break (ended.context("a service panicked").flatten(), AtEnd::Detach);
            }
        }
    };
    match (&ended, at_end) {
        (Ok(()), AtEnd::Detach) => tracing::info!("stopping"),
        (Ok(()), AtEnd::Keep) => tracing::info!("stopping; the kernel goes on answering"),
        (Err(error), _) => tracing::error!("stopping: {error:#}"),
    }
    node.stop(at_end);
    cancel.cancel();
    if tokio::time::timeout(GRACE, async { while tasks.join_next().await.is_some() {} })
        .await
        .is_err()
    {
        tracing::warn!("not all services ended in time: what is under way is cut off");
    }
    ended
}

fn make_state_dir(path: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(path).with_context(|| {
        format!("cannot make the state directory {}: set state-dir", path.display())
    })
}
