//! What netboot itself would answer to the machine, where there is a configuration.

use std::collections::BTreeMap;

use super::Probe;
use crate::explain::{Answer, Known, Machine, Message, explain};

impl Probe<'_> {
    /// Its OFFER; `None`: it knows nothing of the machine.
    pub(super) fn expected(&self, machine: &Machine) -> Option<Answer> {
        let site = self.plan.site.as_ref()?;
        let frame = machine.frame(Message::Discover, Known::NOBODY);
        explain(site, &BTreeMap::new(), &frame, None, "probe")?.answer
    }
}
