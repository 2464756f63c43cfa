//! The state that is wanted: settings and hosts, as one owner holds them.

mod difference;
mod summary;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use self::{
    difference::{Changed, Difference, OtherSettings},
    summary::Summary,
};
use crate::model::{Config, Inventory, Settings};

/// Settings and hosts that are in force together. A [`Difference`] makes the next state of one, and its flip the
/// one before again.
#[derive(Clone, Debug)]
pub struct State {
    pub settings: Arc<Settings>,
    /// Shared with whoever looks a machine up.
    pub hosts: Inventory,
}

impl State {
    /// The state that a configuration asks for.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let Config { settings, hosts } = config;
        Self { settings: Arc::new(settings), hosts: Inventory::new(hosts) }
    }

    /// Becomes the state that the difference leads to.
    pub fn apply(&mut self, difference: &Difference) {
        if let Some(settings) = &difference.settings {
            self.settings = Arc::clone(&settings.after);
        }
        self.hosts.apply(difference);
    }
}
