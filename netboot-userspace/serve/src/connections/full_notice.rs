//! The notice that all connections of a service are taken, and of its end.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use super::Connections;

/// A service is full no more when it was not for so long.
const QUIET: Duration = Duration::from_secs(60);

/// Tells that all places are taken, and when they are not any more.
pub struct FullNotice<T> {
    tell: T,
    until: Option<Instant>,
}

impl<T: Fn(Option<&str>)> FullNotice<T> {
    /// `tell` hears why the service is not as it should be; `None`: it is again.
    pub const fn new(tell: T) -> Self {
        Self { tell, until: None }
    }

    /// Somebody gave way, or was refused, since all places were taken.
    pub fn is_full(&mut self, connections: &Connections, now: Instant) {
        if self.until.is_none() {
            let all = connections.limits().all;
            let who = connections
                .greediest()
                .map_or_else(String::new, |(source, count)| most(source, count));
            (self.tell)(Some(&format!(
                "all {all} connections are taken{who}: those that wait longest are closed for new ones, \
                 which the counters tell"
            )));
        }
        self.until = Some(now + QUIET);
    }

    /// Ends when the notice has told that there is room again; never, if that was not in question.
    pub async fn is_over(&mut self) {
        match self.until {
            Some(until) => tokio::time::sleep_until(until.into()).await,
            None => std::future::pending().await,
        }
        self.until = None;
        (self.tell)(None);
    }
}

fn most(source: IpAddr, count: usize) -> String {
    format!(", {count} of them by {source}")
}
