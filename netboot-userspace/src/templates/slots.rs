//! The architecture slots of a boot set.

use netboot_ebpf::shared::MAX_ARCHITECTURES;

use crate::config::{Architecture, Config};

/// The named architectures, those given by number, and one for all other codes: only a host's own
/// boot file is for them.
pub(super) struct Slots {
    architectures: Vec<Architecture>,
    /// Of all other codes; 0, where no host has a boot file: a list of codes is then searched on.
    other: u8,
}

impl Slots {
    pub(super) fn new(config: &Config) -> Self {
        let named = Architecture::NAMED.iter().map(|(architecture, ..)| *architecture);
        let numbered =
            config.boot.files.keys().copied().filter(|key| matches!(key, Architecture::Code(_)));
        let architectures: Vec<_> = named.chain(numbered).collect();
        let has_file = config.hosts.iter().any(|host| host.boot_file.is_some());
        let other = if has_file { architectures.len() as u8 + 1 } else { 0 };
        Self { architectures, other }
    }

    pub(super) fn count(&self) -> u32 {
        self.architectures.len() as u32 + 1
    }

    /// All slots, counted from 1, and what they are of; `None`: of all other codes.
    pub(super) fn all(&self) -> impl Iterator<Item = (u32, Option<Architecture>)> {
        (1..).zip(self.architectures.iter().copied().map(Some).chain([None]))
    }

    /// A code's slot, counted from 1. A number in the configuration goes before the name it is one of.
    pub(super) fn by_code(&self) -> [u8; MAX_ARCHITECTURES] {
        let mut slots = [self.other; MAX_ARCHITECTURES];
        for (slot, architecture) in (1..).zip(&self.architectures) {
            let named = Architecture::NAMED.iter().find(|(named, ..)| named == architecture);
            let own = match architecture {
                Architecture::Code(code) => vec![*code],
                _ => named.map_or(Vec::new(), |(_, _, codes)| codes.to_vec()),
            };
            for code in own {
                if let Some(place) = slots.get_mut(usize::from(code)) {
                    *place = slot;
                }
            }
        }
        slots
    }
}
