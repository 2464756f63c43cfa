//! The HTTP server: the script, and the files that it and firmware with HTTP boot load.
//!
//! * No answer is a redirect: UEFI does not follow them.
//! * A machine that gets nothing to boot gets a script with status 200: of an error iPXE shows its number
//!   only, and runs nothing.
//! * A machine is known by the MAC in the path, else by its address; headers such as X-Forwarded-For
//!   are not looked at.

mod acceptor;
mod conditions;
mod counted_body;
mod file;
mod host_field;
mod log;
mod media_type;
mod path;
mod range;
mod text;
mod working;

use std::{
    any::Any,
    collections::BTreeSet,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::Context as _;
use arc_swap::ArcSwap;
use axum::{
    Extension, Router,
    extract::{ConnectInfo, Request, State},
    http::{Method, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use netboot_base::files::Files;
use netboot_ebpf::shared::Mac;
use netboot_machines::{channel::Teller, memory::Machines};
use netboot_site::model::{self, Host};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::info;

pub use self::acceptor::MAX_CONNECTIONS;
use self::{
    acceptor::{Acceptor, ConnectionEnds},
    log::AnswerTrouble,
    path::RequestTarget,
    text::text,
};
use crate::{connections, log_budget::LogBudget, script};

/// For the head of a request; for the next request on a connection too.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is served.
#[derive(Clone)]
pub struct HttpSite {
    pub files: Files,
    pub machines: Machines,
    pub teller: Teller,
    /// Of the moment: each request takes what it finds.
    pub settings: Arc<ArcSwap<HttpSettings>>,
    pub counters: Arc<Counters>,
    /// Routes of other parts of the daemon; they go before files.
    pub more: Router,
}

/// What went wrong, for status and metrics.
#[derive(Debug, Default)]
pub struct Counters {
    connections: Arc<connections::Counters>,
    /// Requests whose head was too large.
    heads_too_large: AtomicU64,
    /// Answers that failed by a mistake of ours.
    panics: AtomicU64,
}

impl Counters {
    /// Names, as in status and metrics, and values.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let own = [("heads-too-large", &self.heads_too_large), ("panics", &self.panics)];
        let own = own.map(|(name, counter)| (name, counter.load(Relaxed)));
        self.connections.all().into_iter().chain(own)
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

/// What scripts and answers are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSettings {
    pub script: model::Script,
    pub strangers: Strangers,
    /// The boot files that UEFI firmware may be sent to, as places under the root.
    pub uefi_files: BTreeSet<PathBuf>,
}

/// What machines without a host entry get for a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strangers {
    /// One that says why there is nothing to boot.
    Refused,
    /// The default one: `dhcp.mode = "auto-proxy"`.
    Boot,
}

/// Serves so many connections until it is cancelled; downloads under way are finished first. `tell` hears why it does
/// not serve as it should; `None`: it does again.
///
/// # Errors
/// The socket has no address.
pub async fn serve(
    listener: TcpListener,
    site: HttpSite,
    most_connections: usize,
    tell: impl Fn(Option<&str>) + Send,
    cancel: CancellationToken,
) -> anyhow::Result<()> {
    let address = listener.local_addr().context("the HTTP socket's address")?;
    info!(%address, "http: serving");
    let lines = LogBudget::new("http");
    let counters = Arc::clone(&site.counters);
    let router = router(site, &lines);
    let acceptor = Acceptor { router, lines, counters, patience: PATIENCE, cancel };
    acceptor.open(listener, acceptor::limits(most_connections), tell).await;
    Ok(())
}

fn router(site: HttpSite, lines: &LogBudget) -> Router {
    let counters = Arc::clone(&site.counters);
    let boot: MethodRouter<HttpSite> = get(boot).fallback(wrong_method);
    let boot = boot
        .layer(middleware::from_fn(host_field::check))
        .layer(middleware::from_fn_with_state((site.clone(), lines.clone()), log::note))
        .with_state(site.clone());
    let health = || get("ok\n").fallback(wrong_method);
    Router::new()
        .route("/healthz", health())
        // Smee's.
        .route("/healthcheck", health())
        .merge(site.more)
        .layer(middleware::from_fn(host_field::check))
        .fallback_service(boot)
        .layer(CatchPanicLayer::custom(move |_panic: Box<dyn Any + Send>| {
            count(&counters.panics);
            text(StatusCode::INTERNAL_SERVER_ERROR, "a mistake of the server: see its log")
        }))
}

async fn wrong_method(method: Method) -> Response {
    const KNOWN: [Method; 5] =
        [Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS];
    let method = if KNOWN.contains(&method) { method.as_str() } else { "this method" };
    let why = format!("{method} is not possible here: GET and HEAD are");
    ([(header::ALLOW, "GET,HEAD")], text(StatusCode::METHOD_NOT_ALLOWED, &why)).into_response()
}

async fn boot(
    State(site): State<HttpSite>,
    ConnectInfo(ends): ConnectInfo<ConnectionEnds>,
    request: Request,
) -> Response {
    match RequestTarget::of(request.uri().path()) {
        RequestTarget::Script(mac) => script_for(&site, mac, ends),
        RequestTarget::File(names) => {
            let settings = site.settings.load_full();
            let (request, _body) = request.into_parts();
            file::answer(site.files, names, &request, &settings.uefi_files).await
        }
    }
}

fn script_for(site: &HttpSite, mac: Option<Mac>, ends: ConnectionEnds) -> Response {
    const PLAIN: [(header::HeaderName, &str); 1] =
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    let settings = site.settings.load();
    let script = find(site, settings.strangers, mac, ends)
        .map_err(AnswerTrouble::NothingToBoot)
        .and_then(|host| {
            let server = ends
                .local
                .ok_or_else(|| AnswerTrouble::Failed("the connection was closed".into()))?;
            script::of_host(&host, &settings.script, server)
                .map_err(|error| AnswerTrouble::Failed(format!("no script can be made: {error}")))
        });
    match script {
        Ok(script) => (PLAIN, script).into_response(),
        Err(trouble) => {
            let refusal = script::refusal(trouble.text());
            (PLAIN, Extension(trouble), refusal).into_response()
        }
    }
}

fn find(
    site: &HttpSite,
    strangers: Strangers,
    mac: Option<Mac>,
    ends: ConnectionEnds,
) -> Result<Arc<Host>, String> {
    let address = ends.peer.ip().to_canonical();
    let by_address = || site.machines.by_address(address).map(|machine| site.machines.nic(machine));
    let Some(mac) = mac.or_else(by_address) else {
        let advice = match strangers {
            Strangers::Refused => "add the machine to the inventory",
            // Its address, of another server, says nothing of it.
            Strangers::Boot => {
                "ask for /MAC/auto.ipxe with the machine's MAC, as the script's URL in the DHCP answer has it"
            }
        };
        return Err(format!("no host has the address {address}: {advice}"));
    };
    let Some(host) = site.machines.inventory().by_mac(mac) else {
        if strangers == Strangers::Boot {
            return Ok(Arc::new(Host { mac, ..Host::default() }));
        }
        return Err(format!("no host has the MAC {mac}: add the machine to the inventory"));
    };
    if !host.netboot {
        let name = host.hostname.as_deref().unwrap_or("the host");
        return Err(format!("{name} ({mac}) has `netboot = false` in the inventory"));
    }
    Ok(host)
}

#[cfg(test)]
mod tests;
