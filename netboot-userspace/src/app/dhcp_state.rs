//! The state of DHCP that the status shows.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use netboot_answer::{
    kernel::{KernelCounters, PinnedCounters},
    router_solicitations, slow,
    tables::Served,
};
use netboot_machines::{other_servers::OtherServers, status::InterfaceStatus};
use parking_lot::{RwLock, RwLockReadGuard};

use super::dhcp::Dhcp;

/// Cheap to clone: what is put into one is shown by all.
#[derive(Clone, Default)]
pub(crate) struct DhcpState(Arc<RwLock<Parts>>);

#[derive(Default)]
pub(crate) struct Parts {
    /// `None`: DHCP is not answered.
    pub(super) tables: Option<Served>,
    pub(super) interfaces: Vec<InterfaceStatus>,
    pub(super) userspace: Arc<slow::Counters>,
    pub(super) others: OtherServers,
    pub(super) solicitations: Option<router_solicitations::SolicitationCommon>,
    kernel: Option<PinnedCounters>,
    unreadable_events: Arc<AtomicU64>,
}

impl DhcpState {
    /// Shows this.
    pub(super) fn set(&self, dhcp: &mut Dhcp) {
        let kernel = dhcp.kernel().counts().unwrap_or_else(|error| {
            tracing::warn!("{error:#}");
            None
        });
        let parts = Parts {
            tables: Some(dhcp.tables().clone()),
            interfaces: dhcp.kernel().interfaces(),
            userspace: dhcp.userspace(),
            others: dhcp.others(),
            solicitations: Some(dhcp.solicitations()),
            kernel,
            unreadable_events: dhcp.kernel().unreadable_events(),
        };
        *self.0.write() = parts;
    }

    /// Shows that DHCP is not answered.
    pub(super) fn clear(&self) {
        *self.0.write() = Parts::default();
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Parts> {
        self.0.read()
    }
}

impl Parts {
    pub(super) fn kernel_counters(&self) -> KernelCounters {
        let Some(counts) = &self.kernel else { return KernelCounters::default() };
        counts.read().unwrap_or_else(|error| {
            tracing::warn!("cannot read the kernel's counters: {error:#}");
            KernelCounters::default()
        })
    }

    pub(super) fn unreadable_events(&self) -> u64 {
        self.unreadable_events.load(Relaxed)
    }
}
