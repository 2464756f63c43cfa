//! What netboot itself would answer to the machine, where there is a configuration.

use std::{collections::BTreeMap, net::Ipv4Addr};

use netboot_ebpf::shared::Mac;

use crate::explain::{Answer, Known, Machine, Message, Site, explain};

#[derive(Clone, Copy)]
pub(super) struct Expected<'s> {
    site: Option<&'s Site>,
}

impl<'s> Expected<'s> {
    pub(super) const fn new(site: Option<&'s Site>) -> Self {
        Self { site }
    }

    /// Its OFFER; `None`: it knows nothing of the machine.
    pub(super) fn answer(self, machine: &Machine) -> Option<Answer> {
        let site = self.site?;
        let nobody = Known {
            address: Ipv4Addr::UNSPECIFIED,
            server: Ipv4Addr::UNSPECIFIED,
            node: Ipv4Addr::BROADCAST,
            server_mac: Mac { octets: [0xff; 6] },
        };
        let frame = machine.frame(Message::Discover, nobody);
        explain(site, &BTreeMap::new(), &frame, None, "probe")?.answer
    }
}
