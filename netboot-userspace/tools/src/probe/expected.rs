//! The answer that netboot itself would give to the machine, where there is a configuration.

use std::collections::BTreeMap;

use super::Probe;
use crate::explain::{AnswerFields, KnownServer, Machine, Message, explain};

impl Probe<'_> {
    /// The OFFER of netboot; `None`: netboot knows nothing of the machine.
    pub(super) fn expected(&self, machine: &Machine) -> Option<AnswerFields> {
        let site = self.plan.site.as_ref()?;
        let frame = machine.frame(Message::Discover, KnownServer::NOBODY);
        explain(site, &BTreeMap::new(), &frame, None, "probe")?.answer
    }
}
