//! A task that goes on until it is cancelled: the log has it when the task ends before, and its owner starts it again.

use tokio::task::JoinSet;

/// The task, aborted when the value goes.
pub(super) struct Restartable {
    /// What it does, for the log.
    what: &'static str,
    /// One, or none.
    task: JoinSet<()>,
}

impl Restartable {
    /// Not started yet.
    pub(super) fn new(what: &'static str) -> Self {
        Self { what, task: JoinSet::new() }
    }

    /// Starts a task in the place of the one that runs.
    pub(super) fn start(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.task = JoinSet::new();
        self.task.spawn(task);
    }

    /// Whether it was not started, or has ended.
    pub(super) fn is_over(&mut self) -> bool {
        if let Some(ended) = self.task.try_join_next() {
            let why = ended.map_or_else(|error| error.to_string(), |()| "it ended".to_owned());
            tracing::error!("{} failed, and is tried again: {why}", self.what);
        }
        self.task.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::future;

    use super::*;

    async fn ended(task: &mut Restartable) {
        while !task.is_over() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn is_started_again() {
        let mut task = Restartable::new("the work");
        assert!(task.is_over());
        task.start(async { panic!("on purpose") });
        ended(&mut task).await;
        task.start(future::ready(()));
        ended(&mut task).await;
        task.start(future::pending());
        tokio::task::yield_now().await;
        assert!(!task.is_over());
    }
}
