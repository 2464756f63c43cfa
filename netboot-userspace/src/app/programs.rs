//! The programs of sources, which run again and again, and how the node stands with each.

use std::{sync::Arc, thread, time::Duration};

use anyhow::anyhow;
use netboot_serve::health::{DaemonPart, Health};
use netboot_site::{
    config::{Ran, run_source},
    model::{CommandSource, Settings, State},
};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    configuration::Configuration,
    refused_changes::{RefusalLog, RefusedChange},
};

/// What became of a run.
pub(super) struct ProgramOutput {
    pub(super) source: CommandSource,
    pub(super) ran: Ran,
}

/// All programs that are run.
pub(super) struct Programs {
    running: Vec<Running>,
    outputs: mpsc::Sender<ProgramOutput>,
}

struct Running {
    source: CommandSource,
    /// Runs it at once.
    again: Arc<Notify>,
    /// Why what it printed last, if it did, is not in force.
    refused: Option<RefusedChange>,
    refusal_log: RefusalLog,
    /// What it wrote to its standard error.
    said: Vec<String>,
    _cancel: DropGuard,
}

impl Programs {
    /// Runs each program once, side by side, and adds what they print to a state that nobody serves yet. What
    /// later runs print goes to `outputs`.
    pub(super) fn start(
        configuration: &mut Configuration,
        site: &mut State,
        health: &Health,
        outputs: mpsc::Sender<ProgramOutput>,
    ) -> Self {
        let mut this = Self { running: Vec::new(), outputs };
        let settings = Arc::clone(&site.settings);
        let runs: Vec<_> = thread::scope(|scope| {
            let run = |source| {
                let user = settings.user.as_deref();
                scope.spawn(move || run_source(source, user, &|| false))
            };
            let threads: Vec<_> = settings.sources.iter().map(run).collect();
            threads.into_iter().map(thread::ScopedJoinHandle::join).collect()
        });
        for (source, ran) in settings.sources.iter().zip(runs) {
            this.add(source, &settings, source.interval);
            let done = match ran {
                Err(_) => Err(anyhow!("running it failed")),
                Ok(ran) => {
                    this.hear(source, &ran.said);
                    ran.printed.map_err(|why| anyhow!("{why}")).and_then(|printed| {
                        configuration.offer(site, source, &printed).map_or(Ok(()), |proposed| {
                            let proposal = proposed?;
                            super::configuration::warn(&proposal.warnings);
                            site.apply(&proposal.difference);
                            configuration.take_over();
                            Ok(())
                        })
                    })
                }
            };
            this.note(source, done, health);
        }
        this
    }

    /// Runs the programs of these settings, and no others.
    pub(super) fn set(&mut self, settings: &Settings, health: &Health) {
        self.running.retain(|running| {
            let stays = settings.sources.contains(&running.source);
            if !stays {
                health.off(part(&running.source));
            }
            stays
        });
        for source in &settings.sources {
            if !self.has(source) {
                self.add(source, settings, Duration::ZERO);
            }
        }
    }

    /// Runs all of them at once.
    pub(super) fn run(&self) {
        self.running.iter().for_each(|running| running.again.notify_one());
    }

    /// Runs those at once of which something is not in force: what was in its way may be gone.
    pub(super) fn run_refused(&self) {
        let refused = self.running.iter().filter(|running| running.refused.is_some());
        refused.for_each(|running| running.again.notify_one());
    }

    pub(super) fn has(&self, source: &CommandSource) -> bool {
        self.running.iter().any(|running| running.source == *source)
    }

    pub(super) fn is_refused(&self, source: &CommandSource) -> bool {
        let mut all = self.running.iter();
        all.any(|running| running.source == *source && running.refused.is_some())
    }

    /// What is not in force.
    pub(super) fn refused(&self) -> impl Iterator<Item = &RefusedChange> {
        self.running.iter().filter_map(|running| running.refused.as_ref())
    }

    /// Logs what a program wrote to its standard error, where that is not what it wrote before.
    pub(super) fn hear(&mut self, source: &CommandSource, said: &[String]) {
        let Some(running) = self.find(source) else { return };
        if running.said != said {
            said.iter().for_each(|line| tracing::warn!(source = source.name, "it says: {line}"));
            said.clone_into(&mut running.said);
        }
    }

    /// Notes whether what a program printed is in force.
    pub(super) fn note(
        &mut self,
        source: &CommandSource,
        done: anyhow::Result<()>,
        health: &Health,
    ) {
        let Some(running) = self.find(source) else { return };
        match done {
            Ok(()) => {
                running.refused = None;
                running.refusal_log = RefusalLog::default();
                health.up(part(source));
            }
            Err(error) => {
                let kept = format!("the last hosts of {}", source.name);
                running.refusal_log.say(&kept, &format!("{error:#}"));
                let refused = RefusedChange::of(&error, "its last hosts");
                health.degraded(part(source), refused.trouble());
                health.count_source_failure();
                running.refused = Some(refused);
            }
        }
    }

    fn find(&mut self, source: &CommandSource) -> Option<&mut Running> {
        self.running.iter_mut().find(|running| running.source == *source)
    }

    fn add(&mut self, source: &CommandSource, settings: &Settings, first: Duration) {
        let (cancel, again) = (CancellationToken::new(), Arc::new(Notify::new()));
        let program = Program {
            source: source.clone(),
            user: settings.user.clone(),
            again: Arc::clone(&again),
            outputs: self.outputs.clone(),
            cancel: cancel.clone(),
        };
        tokio::spawn(program.keep(first));
        self.running.push(Running {
            source: source.clone(),
            again,
            refused: None,
            refusal_log: RefusalLog::default(),
            said: Vec::new(),
            _cancel: cancel.drop_guard(),
        });
    }
}

fn part(source: &CommandSource) -> DaemonPart {
    DaemonPart { name: "source".to_owned(), listen: source.name.clone() }
}

/// One program.
#[derive(Clone)]
struct Program {
    source: CommandSource,
    user: Option<String>,
    again: Arc<Notify>,
    outputs: mpsc::Sender<ProgramOutput>,
    cancel: CancellationToken,
}

impl Program {
    /// Runs it until it is cancelled; one that is cancelled does not run on.
    async fn keep(self, first: Duration) {
        let mut wait = first;
        loop {
            tokio::select! {
                () = self.cancel.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
                () = self.again.notified() => {}
            }
            wait = self.source.interval;
            let Self { source, user, cancel, .. } = self.clone();
            let run = move || run_source(&source, user.as_deref(), &|| cancel.is_cancelled());
            let ran = tokio::task::spawn_blocking(run).await;
            let ran = ran.unwrap_or_else(|error| Ran {
                printed: Err(format!("running it failed: {error}")),
                said: Vec::new(),
            });
            let output = ProgramOutput { source: self.source.clone(), ran };
            if self.cancel.is_cancelled() || self.outputs.send(output).await.is_err() {
                return;
            }
        }
    }
}
