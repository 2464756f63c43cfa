//! The readers of what the XDP program tells: of messages, for the list of machines, and its own log lines.

use std::sync::{Arc, atomic::AtomicU64};

use netboot_answer::kernel::{self, Resident};
use netboot_machines::sightings::Sightings;
use tokio_util::sync::CancellationToken;

use super::restartable::Restartable;

/// The tasks that read what the program tells.
pub(super) struct KernelEvents {
    sightings: Sightings,
    cancel: CancellationToken,
    unreadable: Arc<AtomicU64>,
    /// The number of the ring that is read.
    ring: u32,
    events: Restartable,
    log: Restartable,
}

impl KernelEvents {
    pub(super) fn start(
        resident: &mut Resident,
        sightings: &Sightings,
        cancel: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let mut this = Self {
            sightings: sightings.clone(),
            cancel: cancel.clone(),
            unreadable: Arc::default(),
            ring: 0,
            events: Restartable::new("reading what the kernel tells of machines"),
            log: Restartable::new("reading the XDP program's log"),
        };
        this.read_events(resident)?;
        this.read_log(resident)?;
        Ok(this)
    }

    /// Starts again what has ended, and follows the program to other maps.
    ///
    /// # Errors
    /// Nobody reads what the program tells of messages.
    pub(super) fn look_after(&mut self, resident: &mut Resident) -> anyhow::Result<()> {
        // It can be read again when the program is another one; that it failed was said.
        if self.log.is_over()
            && let Err(error) = self.read_log(resident)
        {
            tracing::trace!("{error:#}");
        }
        let other = resident.event_ring().is_some_and(|ring| ring != self.ring);
        if other || self.events.is_over() {
            self.read_events(resident)?;
        }
        Ok(())
    }

    /// How many events were not understood.
    pub(super) fn unreadable(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.unreadable)
    }

    fn read_events(&mut self, resident: &mut Resident) -> anyhow::Result<()> {
        let events = resident.events()?;
        self.ring = events.ring();
        let (unreadable, sightings) = (Arc::clone(&self.unreadable), self.sightings.clone());
        self.events.start(kernel::watch(events, unreadable, sightings, self.cancel.clone()));
        Ok(())
    }

    fn read_log(&mut self, resident: &mut Resident) -> anyhow::Result<()> {
        let log = resident.program().take_log()?;
        self.log.start(kernel::watch_log(log, self.cancel.clone()));
        Ok(())
    }
}
