//! TFTP, HTTP, syslog and the status socket: what they are made of, and how each is started.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use anyhow::Context as _;
use arc_swap::ArcSwap;

use super::{
    bind, boot_root,
    health::{Part, State},
    pages,
    report::Reporter,
    status_socket,
    unit::{Attempt, Need, Serving, Unit},
    wanted::{Service, Wanted},
};
use crate::{
    files::Files,
    http,
    machines::Machines,
    status,
    syslog::{self, Sink, Writer},
    tftp,
};

/// What the services share; cheap to clone.
#[derive(Clone)]
pub(crate) struct Services {
    machines: Machines,
    files: Files,
    site: Arc<ArcSwap<http::Settings>>,
    panics: Arc<AtomicU64>,
    sink: Sink,
    writer: Writer,
}

/// What went wrong in them.
pub(crate) struct Counters {
    syslog: Arc<syslog::Counters>,
    panics: Arc<AtomicU64>,
}

impl Services {
    pub(crate) fn new(machines: Machines, wanted: &Wanted) -> Self {
        let (sink, writer) = syslog::channel(machines.clone());
        Self {
            machines,
            files: Files::new(&wanted.root),
            site: Arc::new(ArcSwap::from_pointee(wanted.site.clone())),
            panics: Arc::default(),
            sink,
            writer,
        }
    }

    pub(crate) fn counters(&self) -> Counters {
        Counters { syslog: self.sink.counters(), panics: Arc::clone(&self.panics) }
    }

    /// Changes what needs no restart: requests under way keep what was, later ones see what is.
    pub(super) fn set(&self, wanted: &Wanted) {
        self.files.set_root(&wanted.root);
        if **self.site.load() != wanted.site {
            self.site.store(Arc::new(wanted.site.clone()));
        }
    }

    pub(super) fn unit(&self, part: Part, service: Service, reporter: &Arc<Reporter>) -> Unit {
        let this = self.clone();
        match service {
            Service::Tftp { address, block_size } => {
                boot(part, move |start| this.tftp(address, block_size, start))
            }
            Service::Http(address) => {
                let reporter = Arc::clone(reporter);
                boot(part, move |start| this.http(address, &reporter, start))
            }
            Service::SyslogUdp(address) => boot(part, move |start| this.syslog_udp(address, start)),
            Service::SyslogTcp(address) => boot(part, move |start| this.syslog_tcp(address, start)),
            // Not the sink: the writer ends when all sinks are gone.
            Service::SyslogFiles(state_dir) => {
                let writer = this.writer;
                comfort(part, move |start| Ok(syslog_files(&writer, &state_dir, start)))
            }
            Service::Status(state_dir) => {
                let reporter = Arc::clone(reporter);
                comfort(part, move |start| status(&state_dir, &reporter, start))
            }
            Service::BootRoot(names) => {
                let (files, names) = (this.files, Arc::new(names));
                comfort(part, move |Attempt { cancel, standing, .. }| {
                    let watch =
                        boot_root::watch(files.clone(), Arc::clone(&names), standing, cancel);
                    Ok(serving(async move {
                        watch.await;
                        Ok(())
                    }))
                })
            }
        }
    }

    fn tftp(
        &self,
        address: SocketAddr,
        block_size: u16,
        start: Attempt,
    ) -> anyhow::Result<Serving> {
        let socket = bind::tftp(address, start.others)?;
        let port = socket.try_clone().context("the TFTP socket")?;
        let (files, machines) = (self.files.clone(), self.machines.clone());
        let serve = tftp::serve(socket, files, machines, block_size, start.cancel);
        Ok(Serving { port: Some(port), ..serving(serve) })
    }

    fn http(
        &self,
        address: SocketAddr,
        reporter: &Arc<Reporter>,
        start: Attempt,
    ) -> anyhow::Result<Serving> {
        let listener = bind::tcp("http", address)?;
        let site = http::Site {
            files: self.files.clone(),
            machines: self.machines.clone(),
            settings: Arc::clone(&self.site),
            panics: Arc::clone(&self.panics),
            more: pages::router(Arc::clone(reporter)),
        };
        Ok(serving(http::serve(listener, site, start.cancel)))
    }

    fn syslog_udp(&self, address: SocketAddr, start: Attempt) -> anyhow::Result<Serving> {
        let serve =
            syslog::serve_udp(bind::udp("syslog", address)?, self.sink.clone(), start.cancel);
        Ok(serving(async move {
            serve.await;
            Ok(())
        }))
    }

    fn syslog_tcp(&self, address: SocketAddr, start: Attempt) -> anyhow::Result<Serving> {
        let serve =
            syslog::serve_tcp(bind::tcp("syslog", address)?, self.sink.clone(), start.cancel);
        Ok(serving(async move {
            serve.await;
            Ok(())
        }))
    }
}

impl Counters {
    /// Names, as in status and metrics, and values.
    pub(crate) fn all(&self) -> Vec<(String, u64)> {
        let syslog = self.syslog.all().into_iter();
        let mut all: Vec<_> =
            syslog.map(|(name, value)| (format!("syslog-{name}"), value)).collect();
        all.push(("http-panics".to_owned(), self.panics.load(Relaxed)));
        all
    }
}

fn syslog_files(writer: &Writer, state_dir: &Path, start: Attempt) -> Serving {
    let Attempt { cancel, standing, .. } = start;
    let tell = move |trouble: Option<&str>| {
        standing.tell(trouble.map_or(State::Up, |why| State::Degraded(why.into())));
    };
    let (writer, state_dir): (Writer, PathBuf) = (writer.clone(), state_dir.to_owned());
    serving(async move {
        let run = move || writer.run(&state_dir, &cancel, &tell);
        tokio::task::spawn_blocking(run).await.map_err(|error| match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_cancelled) => anyhow::anyhow!("the runtime ends"),
        })
    })
}

fn status(state_dir: &Path, reporter: &Arc<Reporter>, start: Attempt) -> anyhow::Result<Serving> {
    let (listener, socket) = status_socket::bind(state_dir)?;
    let reporter = Arc::clone(reporter);
    let serve = status::serve(listener, move || reporter.status(), start.cancel);
    Ok(serving(async move {
        tokio::select! {
            () = serve => Ok(()),
            gone = socket.gone() => Err(gone),
        }
    }))
}

fn serving(serve: impl Future<Output = anyhow::Result<()>> + Send + 'static) -> Serving {
    Serving { serve: Box::pin(serve), port: None }
}

fn boot(
    part: Part,
    start: impl FnMut(Attempt) -> anyhow::Result<Serving> + Send + 'static,
) -> Unit {
    Unit { part, need: Need::Boot, start: Box::new(start) }
}

fn comfort(
    part: Part,
    start: impl FnMut(Attempt) -> anyhow::Result<Serving> + Send + 'static,
) -> Unit {
    Unit { part, need: Need::Comfort, start: Box::new(start) }
}
