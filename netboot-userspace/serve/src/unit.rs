//! One service that is kept up: started, and started again when it cannot start, fails or panics.

use std::{
    any::Any,
    net::UdpSocket,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, anyhow};
use netboot_base::throttle::Throttle;
use tokio::{sync::oneshot, task::JoinError, time::sleep};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    bind,
    health::{DaemonPart, Health, PartState, ServiceHealth},
};

/// Between two attempts.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// How long one that leaves may hold a port that its successor wants.
const HANDOVER: Duration = Duration::from_secs(2);

/// A service and how to start it.
pub(crate) struct Unit {
    pub(crate) part: DaemonPart,
    /// That it listens on.
    pub(crate) port: Option<u16>,
    pub(crate) need: Need,
    pub(crate) start: Box<dyn FnMut(Attempt) -> anyhow::Result<Serving> + Send>,
}

/// What its failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Machines cannot boot.
    Boot,
    /// They can.
    Comfort,
}

/// What a service is started with.
pub(crate) struct Attempt {
    pub(crate) cancel: CancellationToken,
    pub(crate) service_health: ServiceHealth,
    pub(crate) others: bind::Others,
}

/// A service that has its sockets.
pub(crate) struct Serving {
    /// Ends when it is cancelled, and what is under way is done.
    pub(crate) serve: Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>,
    /// The sockets whose port it holds until then, where a successor may need it before.
    pub(crate) ports: Vec<UdpSocket>,
}

/// What all units share; cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Common {
    pub(crate) health: Health,
    /// The ports of services that were cancelled and have not ended.
    leaving: Arc<Mutex<Vec<u16>>>,
}

/// The port of one of these.
pub(crate) struct Leaving {
    ports: Arc<Mutex<Vec<u16>>>,
    port: u16,
}

impl Common {
    pub(crate) fn new(health: Health) -> Self {
        Self { health, leaving: Arc::default() }
    }

    pub(crate) fn leave(&self, port: u16) -> Leaving {
        lock(&self.leaving).push(port);
        Leaving { ports: Arc::clone(&self.leaving), port }
    }

    fn others(&self, port: Option<u16>) -> bind::Others {
        let is_left = port.is_some_and(|port| lock(&self.leaving).contains(&port));
        if is_left { bind::Others::Leave } else { bind::Others::Stay }
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        let mut ports = lock(&self.ports);
        if let Some(at) = ports.iter().position(|port| *port == self.port) {
            ports.swap_remove(at);
        }
    }
}

fn lock(ports: &Mutex<Vec<u16>>) -> MutexGuard<'_, Vec<u16>> {
    ports.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Works until it is cancelled. `tried` hears when the first attempt is over.
pub(crate) async fn keep(
    mut unit: Unit,
    common: Common,
    tried: oneshot::Sender<()>,
    cancel: CancellationToken,
) {
    let service_health = common.health.of_service(unit.part.clone(), cancel.clone());
    let (mut tried, mut said) = (Some(tried), Throttle::default());
    let (mut wait, mut is_first) = (FIRST_WAIT, true);
    loop {
        let started = start(&mut unit, &common, &service_health, &cancel).await;
        let trouble = match started {
            Ok(serving) => {
                service_health.tell(PartState::Up);
                if !is_first {
                    tracing::info!("{}: serving", unit.part);
                }
                drop(tried.take());
                let since = Instant::now();
                let ended = serve(serving, &cancel).await;
                if cancel.is_cancelled() {
                    if let Err(error) = ended {
                        tracing::warn!("{}: it did not end well: {error:#}", unit.part);
                    }
                    return;
                }
                if since.elapsed() > LONGEST_WAIT {
                    wait = FIRST_WAIT;
                }
                common.health.count_failure();
                ended.err().unwrap_or_else(|| anyhow!("it ended by itself"))
            }
            Err(error) => error,
        };
        if cancel.is_cancelled() {
            return;
        }
        say(&unit, &trouble, &mut said);
        service_health.tell(match unit.need {
            Need::Boot => PartState::Down(format!("{trouble:#}").into()),
            Need::Comfort => PartState::Degraded(format!("{trouble:#}").into()),
        });
        drop(tried.take());
        is_first = false;
        tokio::select! {
            () = cancel.cancelled() => return,
            () = sleep(wait) => {}
        }
        wait = LONGEST_WAIT.min(wait * 2);
    }
}

fn say(unit: &Unit, trouble: &anyhow::Error, said: &mut Throttle) {
    let Some(left_out) = said.admit(Instant::now()) else { return };
    let left_out = (left_out > 0).then_some(left_out);
    let part = &unit.part;
    match unit.need {
        Need::Boot => {
            tracing::error!(left_out, "{part} is down, and tried again and again: {trouble:#}");
        }
        Need::Comfort => {
            tracing::warn!(left_out, "{part} is missing, and tried again and again: {trouble:#}");
        }
    }
}

/// A port that one of ours still holds is waited for.
async fn start(
    unit: &mut Unit,
    common: &Common,
    service_health: &ServiceHealth,
    cancel: &CancellationToken,
) -> anyhow::Result<Serving> {
    let since = Instant::now();
    loop {
        let others = common.others(unit.port);
        let start = Attempt {
            cancel: cancel.child_token(),
            service_health: service_health.clone(),
            others,
        };
        let started = catch_unwind(AssertUnwindSafe(|| (unit.start)(start)));
        let started = started.unwrap_or_else(|panic| Err(panicked(&*panic)));
        match started {
            Err(error)
                if others == bind::Others::Leave
                    && bind::is_taken(&error)
                    && since.elapsed() < HANDOVER =>
            {
                sleep(Duration::from_millis(10)).await;
            }
            started => return started,
        }
    }
}

async fn serve(serving: Serving, cancel: &CancellationToken) -> anyhow::Result<()> {
    let Serving { serve, ports } = serving;
    let mut task = AbortOnDropHandle::new(tokio::spawn(serve));
    tokio::select! {
        ended = &mut task => return flatten(ended),
        () = cancel.cancelled() => {}
    }
    for port in ports {
        bind::release(&port)
            .context("the port cannot be given up before the last transfer ends")?;
    }
    flatten(task.await)
}

fn flatten(ended: Result<anyhow::Result<()>, JoinError>) -> anyhow::Result<()> {
    match ended.map_err(JoinError::try_into_panic) {
        Ok(ended) => ended,
        Err(Ok(panic)) => Err(panicked(&*panic)),
        Err(Err(_cancelled)) => Ok(()),
    }
}

fn panicked(panic: &(dyn Any + Send)) -> anyhow::Error {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    anyhow!("it panicked: {}", text.unwrap_or("without a word"))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Step = fn(CancellationToken) -> anyhow::Result<Serving>;

    fn serving(
        serve: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) -> anyhow::Result<Serving> {
        Ok(Serving { serve: Box::pin(serve), ports: Vec::new() })
    }

    /// Starts a service whose attempts go as these say, the last one again and again; waits for each state.
    async fn check(need: Need, steps: &'static [Step], expect: &[&str], failures: u64) {
        let common = Common::default();
        let cancel = CancellationToken::new();
        let mut attempt = 0;
        let start = move |start: Attempt| {
            let step = steps[attempt.min(steps.len() - 1)];
            attempt += 1;
            step(start.cancel)
        };
        let unit = Unit { part: "x".into(), port: None, need, start: Box::new(start) };
        let (tried, first) = oneshot::channel();
        let task = tokio::spawn(keep(unit, common.clone(), tried, cancel.clone()));
        assert!(first.await.is_err(), "it is dropped after the first attempt");
        for expect in expect {
            let state = || {
                let (_, state) = common.health.list().pop().unwrap();
                format!("{} {}", state.name(), state.why().unwrap_or_default())
            };
            let deadline = Instant::now() + Duration::from_secs(10);
            while state().trim() != *expect {
                assert!(Instant::now() < deadline, "{} is not {expect}", state());
                sleep(Duration::from_millis(1)).await;
            }
        }
        assert_eq!(common.health.failures(), failures);
        cancel.cancel();
        task.await.unwrap();
    }

    fn up(cancel: CancellationToken) -> anyhow::Result<Serving> {
        serving(async move {
            cancel.cancelled().await;
            Ok(())
        })
    }

    #[tokio::test]
    async fn what_fails_is_started_again() {
        fn taken(_: CancellationToken) -> anyhow::Result<Serving> {
            Err(anyhow!("taken").context("cannot listen"))
        }
        fn panics(_: CancellationToken) -> anyhow::Result<Serving> {
            serving(async { panic!("at {}", 7) })
        }
        fn fails(_: CancellationToken) -> anyhow::Result<Serving> {
            serving(async { Err(anyhow!("broken")) })
        }
        fn ends(_: CancellationToken) -> anyhow::Result<Serving> {
            serving(async { Ok(()) })
        }
        fn panics_at_once(_: CancellationToken) -> anyhow::Result<Serving> {
            panic!("early")
        }
        check(Need::Boot, &[up], &["serving"], 0).await;
        check(Need::Boot, &[taken, up], &["down cannot listen: taken", "serving"], 0).await;
        check(Need::Comfort, &[taken, up], &["degraded cannot listen: taken", "serving"], 0).await;
        check(Need::Boot, &[panics, up], &["down it panicked: at 7", "serving"], 1).await;
        check(Need::Boot, &[panics_at_once, up], &["down it panicked: early", "serving"], 0).await;
        let both = ["down broken", "down it ended by itself", "serving"];
        check(Need::Boot, &[fails, ends, up], &both, 2).await;
    }
}
