//! The supervisor, which keeps the services as they are wanted.

use std::collections::BTreeMap;

use tokio::{sync::oneshot, task::JoinSet};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    health::{DaemonPart, Health},
    services::{Published, Services},
    unit::{self, Common},
    wanted::{Service, Wanted},
};

/// The services that run. What one does, or fails to do, is nothing to the others.
pub struct Supervisor {
    services: Services,
    published: Published,
    common: Common,
    running: BTreeMap<DaemonPart, Running>,
    /// They finish what is under way.
    leaving: JoinSet<()>,
}

struct Running {
    service: Service,
    cancel: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl Supervisor {
    pub fn new(services: Services, published: Published, health: Health) -> Self {
        let common = Common::new(health);
        Self { services, published, common, running: BTreeMap::new(), leaving: JoinSet::new() }
    }

    /// Starts, changes and ends what is not as wanted, and touches nothing else; returns when all of it has
    /// been tried. What fails is tried again until it is wanted no more.
    pub async fn reconcile(&mut self, wanted: &Wanted) {
        while self.leaving.try_join_next().is_some() {}
        self.services.set(wanted);
        let gone: Vec<_> = self
            .running
            .iter()
            .filter(|(part, running)| wanted.services.get(part) != Some(&running.service))
            .map(|(part, _)| part.clone())
            .collect();
        for part in gone {
            self.end(&part);
        }
        let mut tried = Vec::new();
        for (part, service) in &wanted.services {
            if !self.running.contains_key(part) {
                tried.push(self.start(part.clone(), service.clone()));
            }
        }
        for tried in tried {
            // It is dropped when the attempt is over.
            let _ = tried.await;
        }
    }

    /// Whoever cancels it has those cut off that do not end, and their clients told where that can be.
    pub fn cut(&self) -> CancellationToken {
        self.services.cut().clone()
    }

    /// Ends all services; when it is dropped, what is under way is cut off.
    pub async fn shutdown(mut self) {
        let (files, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.running)
            .into_values()
            .partition(|running| matches!(running.service, Service::SyslogFiles(_)));
        others.iter().for_each(|running| running.cancel.cancel());
        for running in others {
            let _ = running.task.await;
        }
        while self.leaving.join_next().await.is_some() {}
        // Syslog's last lines are written when nobody can send more.
        drop(self.services);
        for running in files {
            running.cancel.cancel();
            let _ = running.task.await;
        }
    }

    fn start(&mut self, part: DaemonPart, service: Service) -> oneshot::Receiver<()> {
        self.common.health.down(part.clone(), "it is being started");
        let unit = self.services.unit(part.clone(), service.clone(), &self.published);
        let (tried, first) = oneshot::channel();
        let cancel = CancellationToken::new();
        let keep = unit::keep(unit, self.common.clone(), tried, cancel.clone());
        let task = AbortOnDropHandle::new(tokio::spawn(keep));
        self.running.insert(part, Running { service, cancel, task });
        first
    }

    fn end(&mut self, part: &DaemonPart) {
        let Some(Running { service, cancel, task }) = self.running.remove(part) else { return };
        let leaving = service.port().map(|port| self.common.leave(port));
        cancel.cancel();
        self.common.health.off(part.clone());
        self.leaving.spawn(async move {
            let _ = task.await;
            drop(leaving);
        });
    }
}

#[cfg(test)]
mod tests;
