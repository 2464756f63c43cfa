//! The reading of machines' events, for as long as the daemon runs.

use std::path::Path;

use netboot_machines::{
    announcer::Announcer,
    channel::{Teller, channel},
    memory::Machines,
    reader::EventReader,
};
use netboot_site::model::Inventory;

use super::restartable::Restartable;

/// The task that reads, which is started again where it has ended.
pub(super) struct MachineEvents {
    teller: Teller,
    reader: EventReader,
    task: Restartable,
}

impl MachineEvents {
    /// Begins to read what is told. `config` is the file that unknown machines are added to.
    pub(super) fn start(inventory: &Inventory, config: Option<&Path>) -> (Machines, Self) {
        let machines = Machines::new(inventory.clone());
        let (teller, happened) = channel();
        let announcer = Announcer::new(inventory.clone(), config);
        let reader = EventReader::new(machines.clone(), happened, announcer);
        let task = Restartable::new("reading the events of machines");
        let mut this = Self { teller, reader, task };
        this.look_after();
        (machines, this)
    }

    /// Where events are told.
    pub(super) fn teller(&self) -> Teller {
        self.teller.clone()
    }

    /// Starts the task again where it has ended.
    pub(super) fn look_after(&mut self) {
        if self.task.is_over() {
            self.task.start(self.reader.clone().read());
        }
    }
}
