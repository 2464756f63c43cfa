//! The node's modules, of which none reaches back to one that uses it.
//!
//! [`node`] owns the state in force and drives all others: `configuration` and `programs` propose changes, `dhcp` (with
//! `kernel` and the slow paths) answers machines, the supervisor runs the services. `dhcp_state` shows what `dhcp`
//! does, `report` and `pages` what all of them do; the node hands those to the services as values.

mod configuration;
mod declines;
mod dhcp;
mod dhcp_ports;
mod dhcp_sockets;
mod dhcp_state;
mod heartbeat;
mod hidden_tags;
mod interface;
mod kernel;
mod kernel_events;
mod machine_events;
mod node;
mod notify;
mod pages;
mod previous_daemon;
mod privileges;
mod programs;
mod refused_changes;
mod report;
mod restartable;
mod self_check;
mod solicitations;
mod subnet_interfaces;

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use netboot_base::{links, watch::Watcher};
use netboot_machines::status;
use netboot_serve::{bind, descriptors::Shares, health::Health};
use netboot_site::{
    config,
    model::{Config, State},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    task::block_in_place,
};

use self::{
    configuration::{Configuration, Why},
    kernel::AtEnd,
    node::Node,
    privileges::Privileges,
    programs::Programs,
};
use crate::args::{RunArgs, StatusArgs};

/// How often it is looked whether all still runs.
const CARE: Duration = Duration::from_secs(1);

/// Outputs of programs that wait for their turn.
const PRINTED: usize = 1;

/// Runs the daemon until SIGTERM or SIGINT.
///
/// # Errors
/// It cannot start, or a service failed.
pub fn run(args: &RunArgs) -> anyhow::Result<()> {
    crate::logging::start(&args.log)?;
    let (configuration, mut site) = Configuration::open(args)?;
    let at_end = if args.keep { AtEnd::Keep } else { AtEnd::Detach };
    let shares = Shares::take().context("the limit on open files cannot be read")?;
    shares.tell();
    let another = previous_daemon::wait(&site.settings)?;
    let privileges = Privileges::reduce(&site.settings)?;
    let xdp = &mut Arc::make_mut(&mut site.settings).xdp;
    xdp.pin_path = xdp.pin_path.clone().by(privileges.way());
    // Threads keep the privileges that there were when they were started.
    let _log = crate::logging::detach();
    if let Err(error) = crate::allocator::give_back() {
        tracing::warn!("memory that is not needed any more goes back late: {error}");
    }
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let result = runtime.block_on(serve(configuration, site, shares, at_end));
    runtime.shutdown_timeout(Duration::from_secs(1));
    match another {
        Some(another) if result.as_ref().is_err_and(bind::is_taken) => result.context(another),
        _ => result,
    }
}

/// Prints what the running daemon counted and saw.
///
/// # Errors
/// There is none, or it does not answer.
pub fn status(args: &StatusArgs) -> anyhow::Result<()> {
    let config = match args.config.path() {
        // A mistake in the file must not hide what the daemon goes on with.
        Some(path) => config::load_files(&path).map_or_else(
            |_mistakes| {
                let places = config::places_of_invalid(&path);
                eprintln!(
                    "netboot: {} is not valid (see `netboot check`): taking {} for state-dir",
                    path.display(),
                    places.state_dir.display()
                );
                places
            },
            |loaded| loaded.config,
        ),
        None => Config::unconfigured(),
    };
    status::print(&config, args.config.path().as_deref(), args.format.choose())
}

async fn serve(
    mut configuration: Configuration,
    mut site: State,
    shares: Shares,
    at_end: AtEnd,
) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut hangup = signal(SignalKind::hangup()).context("cannot wait for SIGHUP")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let mut links = links::Notices::new()?;
    let (declined, mut held) = mpsc::unbounded_channel();

    // Before the start, which takes a while: a change meanwhile is one, too.
    let mut files = Files::watch(configuration.watched());
    let (outputs, mut printed) = mpsc::channel(PRINTED);
    let health = Health::default();
    // With all hosts: what an earlier daemon left in the kernel goes on as it is.
    let programs =
        block_in_place(|| Programs::start(&mut configuration, &mut site, &health, outputs));
    let mut node = Node::start((configuration, programs), health, site, shares, declined).await?;
    notify::ready();
    let mut care = tokio::time::interval(CARE);
    let at_end = loop {
        tokio::select! {
            _ = terminate.recv() => break at_end,
            _ = interrupt.recv() => break AtEnd::Detach,
            _ = hangup.recv() => reload(&mut node, &mut files, Why::Asked).await,
            () = files.changed() => reload(&mut node, &mut files, Why::Changed).await,
            _ = care.tick() => node.look_after().await,
            () = links.changed() => node.look_at_links().await,
            Some(declined) = held.recv() => node.hold(declined),
            Some(output) = printed.recv() => node.hear(output).await,
        }
    };
    notify::stopping();
    match at_end {
        AtEnd::Detach => tracing::info!("stopping"),
        AtEnd::Keep if node.is_in_kernel() => {
            tracing::info!("stopping; the kernel goes on answering");
        }
        AtEnd::Keep => {
            tracing::warn!(
                "stopping; nobody answers now: no XDP program is attached that could be kept"
            );
        }
    }
    node.stop(at_end).await;
    Ok(())
}

async fn reload(node: &mut Node, files: &mut Files, why: Why) {
    notify::reloading();
    node.reload(why).await;
    files.set(node.watched());
    notify::ready();
}

/// The files that the configuration is made of, where the kernel tells of changes.
struct Files(Option<Watcher>);

impl Files {
    fn watch(paths: Vec<PathBuf>) -> Self {
        let watcher = Watcher::new(paths).inspect_err(|error| {
            tracing::warn!("changes of files are not noticed, send SIGHUP after one: {error:#}");
        });
        Self(watcher.ok())
    }

    fn set(&mut self, paths: Vec<PathBuf>) {
        if let Some(watcher) = &mut self.0 {
            watcher.set_paths(paths);
        }
    }

    async fn changed(&mut self) {
        match &mut self.0 {
            Some(watcher) => watcher.changed().await,
            None => std::future::pending().await,
        }
    }
}
