//! TFTP, HTTP, syslog and the status socket: what they are made of, and how each is started.

use std::{
    collections::BTreeSet,
    io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

use netboot_base::files::Files;
use netboot_machines::{
    channel::Teller,
    memory::Machines,
    metrics::Durations,
    status::{self, Status},
};

use crate::{
    http,
    syslog::{self, Sink, Writer},
    tftp,
};
use anyhow::Context as _;
use arc_swap::ArcSwap;
use axum::Router;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    bind::{self, TftpSockets},
    boot_root,
    health::{DaemonPart, PartState, ServiceHealth},
    server_addresses, status_socket,
    unit::{Attempt, Need, Serving, Unit},
    wanted::{Service, Wanted},
};

/// What the services share; cheap to clone.
#[derive(Clone)]
pub struct Services {
    machines: Machines,
    teller: Teller,
    files: Files,
    tftp: tftp::TftpCommon,
    /// Where machines are sent to.
    servers: watch::Sender<BTreeSet<Ipv4Addr>>,
    site: Arc<ArcSwap<http::HttpSettings>>,
    http: Arc<http::Counters>,
    sink: Sink,
    writer: Writer,
}

/// What the services hand out of the state of the node; cheap to clone.
#[derive(Clone)]
pub struct Published {
    /// Pages beside what machines fetch by HTTP.
    pub pages: Router,
    /// The state now, for the status socket.
    pub status: TellStatus,
}

pub type TellStatus = Arc<dyn Fn() -> Status + Send + Sync>;

/// What went wrong in the services.
pub struct Counters {
    tftp: tftp::Counters,
    syslog: Arc<syslog::Counters>,
    http: Arc<http::Counters>,
    events: Teller,
}

impl Services {
    pub fn new(machines: Machines, teller: Teller, wanted: &Wanted) -> Self {
        let (sink, writer) = syslog::channel(machines.clone(), teller.clone());
        let files = Files::new(&wanted.root);
        let sizes = wanted.block_sizes.clone();
        Self {
            tftp: tftp::TftpCommon::new(files.clone(), machines.clone(), teller.clone(), sizes),
            servers: watch::Sender::new(wanted.tftp_servers.clone()),
            machines,
            teller,
            files,
            site: Arc::new(ArcSwap::from_pointee(wanted.site.clone())),
            http: Arc::default(),
            sink,
            writer,
        }
    }

    pub fn counters(&self) -> Counters {
        Counters {
            tftp: self.tftp.counters().clone(),
            syslog: self.sink.counters(),
            http: Arc::clone(&self.http),
            events: self.teller.clone(),
        }
    }

    /// Of TFTP: nobody else's clients can be told.
    pub(crate) fn cut(&self) -> &CancellationToken {
        self.tftp.cut()
    }

    /// Changes what needs no restart: requests under way keep what was, later ones see what is.
    pub(crate) fn set(&self, wanted: &Wanted) {
        self.files.set_root(&wanted.root);
        self.tftp.set_block_sizes(&wanted.block_sizes);
        let servers = wanted.tftp_servers.clone();
        self.servers.send_if_modified(|old| std::mem::replace(old, servers) != *old);
        if **self.site.load() != wanted.site {
            self.site.store(Arc::new(wanted.site.clone()));
        }
    }

    pub(crate) fn unit(&self, part: DaemonPart, service: Service, published: &Published) -> Unit {
        let this = self.clone();
        let port = service.port();
        let unit = match service {
            Service::Tftp { address, sockets } => {
                boot(part, move |start| this.tftp(address, sockets, start))
            }
            Service::ServerAddresses(addresses) => {
                let addresses = Arc::new(addresses);
                boot(part, move |Attempt { cancel, .. }| {
                    let watch = server_addresses::watch(Arc::clone(&addresses))?;
                    Ok(serving(async move {
                        tokio::select! {
                            lacking = watch => lacking,
                            () = cancel.cancelled() => Ok(()),
                        }
                    }))
                })
            }
            Service::Http { address, max_connections } => {
                let pages = published.pages.clone();
                boot(part, move |start| this.http(address, max_connections, &pages, start))
            }
            Service::SyslogUdp(address) => boot(part, move |start| this.syslog_udp(address, start)),
            Service::SyslogTcp { address, max_connections } => {
                boot(part, move |start| this.syslog_tcp(address, max_connections, start))
            }
            // Not the sink: the writer ends when all sinks are gone.
            Service::SyslogFiles(state_dir) => {
                let writer = this.writer;
                comfort(part, move |start| Ok(syslog_files(&writer, &state_dir, start)))
            }
            Service::Status(state_dir) => {
                let tell = Arc::clone(&published.status);
                comfort(part, move |start| status(&state_dir, &tell, start))
            }
            Service::BootRoot(names) => {
                let (files, names) = (this.files, Arc::new(names));
                let inventory = this.machines.inventory().clone();
                comfort(part, move |Attempt { cancel, service_health, .. }| {
                    let expected = boot_root::BootFiles {
                        files: files.clone(),
                        names: Arc::clone(&names),
                        inventory: inventory.clone(),
                    };
                    let watch = boot_root::watch(expected, service_health, cancel);
                    Ok(serving(async move {
                        watch.await;
                        Ok(())
                    }))
                })
            }
        };
        Unit { port, ..unit }
    }

    fn tftp(
        &self,
        address: SocketAddr,
        sockets: TftpSockets,
        start: Attempt,
    ) -> anyhow::Result<Serving> {
        let mut changed = self.servers.subscribe();
        let at = changed.borrow_and_update().clone();
        let (servers, is_beside) = bind::tftp_beside(address, &at, sockets, start.others)?;
        // In single-port mode transfers need it to their end.
        let free_early = servers.iter().filter(|server| !server.transfers.is_empty());
        let ports = free_early.map(|server| server.requests.try_clone());
        let ports = ports.collect::<io::Result<_>>().context("the TFTP sockets")?;
        let (service_health, port) = (start.service_health, address.port());
        let beside = is_beside.then(|| {
            format!(
                "another program has UDP port {port} at an address of this node: TFTP serves only where machines \
                 are sent to; `ss -lnup 'sport = :{port}'` shows which, and a restart when it is gone ends this"
            )
        });
        let tell = {
            let (service_health, beside) = (service_health.clone(), beside.clone());
            move |trouble: Option<String>| {
                match &trouble {
                    Some(why) => tracing::warn!("tftp: {why}"),
                    None => tracing::info!("tftp: nobody is refused any more, for a minute now"),
                }
                let trouble = trouble.or_else(|| beside.clone());
                service_health
                    .tell(trouble.map_or(PartState::Up, |why| PartState::Degraded(why.into())));
            }
        };
        let serve = tftp::serve(servers, self.tftp.clone(), tell, start.cancel);
        let Some(beside) = beside else { return Ok(Serving { ports, ..serving(serve) }) };
        tracing::warn!("tftp: {beside}");
        let serve = async move {
            service_health.tell(PartState::Degraded(beside.into()));
            tokio::select! {
                served = serve => served,
                Ok(()) = changed.changed() => anyhow::bail!("it serves at other addresses now"),
            }
        };
        Ok(Serving { ports, ..serving(serve) })
    }

    fn http(
        &self,
        address: SocketAddr,
        max_connections: usize,
        pages: &Router,
        start: Attempt,
    ) -> anyhow::Result<Serving> {
        let listener = bind::tcp("http", address)?;
        let site = http::HttpSite {
            files: self.files.clone(),
            machines: self.machines.clone(),
            teller: self.teller.clone(),
            settings: Arc::clone(&self.site),
            counters: Arc::clone(&self.http),
            more: pages.clone(),
        };
        let Attempt { cancel, service_health, .. } = start;
        Ok(serving(http::serve(listener, site, max_connections, degrading(service_health), cancel)))
    }

    fn syslog_udp(&self, address: SocketAddr, start: Attempt) -> anyhow::Result<Serving> {
        let serve =
            syslog::serve_udp(bind::udp("syslog", address)?, self.sink.clone(), start.cancel);
        Ok(serving(async move {
            serve.await;
            Ok(())
        }))
    }

    fn syslog_tcp(
        &self,
        address: SocketAddr,
        max_connections: usize,
        start: Attempt,
    ) -> anyhow::Result<Serving> {
        let (listener, sink) = (bind::tcp("syslog", address)?, self.sink.clone());
        let Attempt { cancel, service_health, .. } = start;
        let tell = degrading(service_health);
        let serve = syslog::serve_tcp(listener, sink, max_connections, tell, cancel);
        Ok(serving(async move {
            serve.await;
            Ok(())
        }))
    }
}

impl Counters {
    /// How long those of TFTP took.
    pub fn transfers(&self) -> &Durations {
        self.tftp.durations()
    }

    /// Names, as in status and metrics, and values.
    pub fn all(&self) -> Vec<(String, u64)> {
        let syslog = self.syslog.all().into_iter();
        let syslog = syslog.map(|(name, value)| (format!("syslog-{name}"), value));
        let http = self.http.all().map(|(name, value)| (format!("http-{name}"), value));
        let tftp = self.tftp.all().map(|(name, value)| (format!("tftp-{name}"), value));
        let lost = ("events-overflowed".to_owned(), self.events.lost());
        syslog.chain(http).chain(tftp).chain([lost]).collect()
    }
}

/// How a service tells that it does not serve as it should, or does again.
fn degrading(service_health: ServiceHealth) -> impl Fn(Option<&str>) + Send + 'static {
    move |trouble| {
        service_health.tell(trouble.map_or(PartState::Up, |why| PartState::Degraded(why.into())))
    }
}

fn syslog_files(writer: &Writer, state_dir: &Path, start: Attempt) -> Serving {
    let Attempt { cancel, service_health, .. } = start;
    let tell = degrading(service_health);
    let (writer, state_dir): (Writer, PathBuf) = (writer.clone(), state_dir.to_owned());
    serving(async move {
        let run = move || writer.run(&state_dir, &cancel, &tell);
        tokio::task::spawn_blocking(run).await.map_err(|error| match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_cancelled) => anyhow::anyhow!("the runtime ends"),
        })
    })
}

fn status(state_dir: &Path, tell: &TellStatus, start: Attempt) -> anyhow::Result<Serving> {
    let (listener, socket) = status_socket::open(state_dir)?;
    let tell = Arc::clone(tell);
    let serve = status::serve(listener, move || tell(), start.cancel);
    Ok(serving(async move {
        tokio::select! {
            () = serve => Ok(()),
            gone = socket.gone() => Err(gone),
        }
    }))
}

fn serving(serve: impl Future<Output = anyhow::Result<()>> + Send + 'static) -> Serving {
    Serving { serve: Box::pin(serve), ports: Vec::new() }
}

fn boot(
    part: DaemonPart,
    start: impl FnMut(Attempt) -> anyhow::Result<Serving> + Send + 'static,
) -> Unit {
    Unit { part, port: None, need: Need::Boot, start: Box::new(start) }
}

fn comfort(
    part: DaemonPart,
    start: impl FnMut(Attempt) -> anyhow::Result<Serving> + Send + 'static,
) -> Unit {
    Unit { part, port: None, need: Need::Comfort, start: Box::new(start) }
}
