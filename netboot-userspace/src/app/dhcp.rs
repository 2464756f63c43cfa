//! The side of this node that answers DHCP: tables, interfaces, the kernel and the slow paths.

use std::{collections::BTreeMap, sync::Arc};

use netboot_answer::{
    quarantine::Held,
    render, router_solicitations,
    slow::{Attached, Counters, SlowCommon, SlowPath},
    tables::{Served, Tables, patch},
};
use netboot_base::{
    links::{self, Link, LinkState},
    shortlist::Shortlist,
};
use netboot_ebpf::shared::Station;
use netboot_machines::{
    other_servers::{Detector, OtherServers},
    sightings::Sightings,
};
use netboot_serve::health::{PartState, Trouble};
use netboot_site::model::{Host, Settings};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{
    declines,
    dhcp_ports::Ports,
    dhcp_sockets, interface,
    kernel::{AtEnd, How, Kernel},
    restartable::Restartable,
    solicitations::Solicitations,
    subnet_interfaces::SubnetInterfaces,
};

/// What answers DHCP, and how it is changed.
pub(super) struct Dhcp {
    ports: Ports,
    /// The node's interfaces when the tables were made.
    all: BTreeMap<String, Link>,
    /// Those of them that are served.
    links: Vec<Link>,
    subnet_interfaces: SubnetInterfaces,
    /// The rows of subnets and boot files when all was rendered.
    rendered: [usize; 2],
    common: SlowCommon,
    kernel: Kernel,
    paths: BTreeMap<u32, RunningPath>,
    others: OtherServers,
    solicitations: Solicitations,
    declined: mpsc::UnboundedSender<Held>,
    declines: Restartable,
    /// Cancelled with this value.
    cancel: CancellationToken,
    /// What is not as configured.
    trouble: Option<String>,
}

/// What became of the node's interfaces.
pub(super) enum Changes {
    None,
    /// Some went up or down: the tables stay the same.
    UpOrDown,
    /// What the tables are made of, in words.
    Others(Vec<String>),
}

/// One interface's slow path.
struct RunningPath {
    link: Link,
    attached: Attached,
    cancel: CancellationToken,
    task: JoinHandle<()>,
}

impl Dhcp {
    /// Prepares everything, and answers nobody yet. Some ports are `held` by us already. Addresses that are declined come to `declined`.
    pub(super) fn new(
        config: &Settings,
        hosts: &[Arc<Host>],
        sightings: Sightings,
        held: Ports,
        declined: mpsc::UnboundedSender<Held>,
    ) -> anyhow::Result<Self> {
        let ports = Ports::hold(config.dhcp.mode, Some(held))?;
        let all = links::all()?;
        let links = links::present(&all, &config.interfaces);
        for name in &config.interfaces {
            interface::tell_first(name, all.get(name));
        }
        let tables = render::render_hosts(config, hosts, &links, all.values())?;
        tell_left_out(&tables);
        render::announce(config, &links, all.values())?;
        let mut subnet_interfaces = SubnetInterfaces::default();
        subnet_interfaces.set(config, render::seats(config, &links, all.values())?);
        let others = OtherServers::default();
        others.configure(&config.dhcp);
        let solicitations = router_solicitations::SolicitationCommon::new(sightings.clone());
        Ok(Self {
            ports,
            all,
            links,
            subnet_interfaces,
            rendered: rows(&tables),
            common: SlowCommon {
                tables: Served::new(tables),
                counters: Arc::default(),
                sightings,
                limits: Arc::default(),
            },
            kernel: Kernel::default(),
            paths: BTreeMap::new(),
            others,
            solicitations: Solicitations::new(solicitations),
            cancel: CancellationToken::new(),
            trouble: None,
            declined,
            declines: Restartable::new("holding declined addresses back"),
        })
    }

    /// Starts both paths.
    ///
    /// # Errors
    /// A socket cannot be opened, or the kernel does not do what `xdp.mode` demands.
    pub(super) fn start(&mut self, config: &Settings) -> anyhow::Result<()> {
        self.watch_declines();
        let links = std::mem::take(&mut self.links);
        self.name_interfaces(&links);
        // Sockets first: what the program passes on has somebody to go to.
        self.open_paths(&links)?;
        self.start_kernel(config)?;
        self.settle(config, links)
    }

    fn watch_declines(&mut self) {
        let (tables, cancel) = (self.common.tables.clone(), self.cancel.clone());
        self.declines.start(declines::watch(tables, self.declined.clone(), cancel));
    }

    fn name_interfaces(&self, links: &[Link]) {
        let names = links.iter().map(|link| (link.index, link.name.clone()));
        self.common.sightings.set_interfaces(names.collect());
    }

    fn start_kernel(&mut self, config: &Settings) -> anyhow::Result<()> {
        let Self { kernel, common, cancel, .. } = self;
        kernel.start(config, &common.tables.read(), &common.sightings, cancel)
    }

    /// Puts settings and all hosts in service, on the interfaces as they are now.
    ///
    /// # Errors
    /// It cannot be: what was before goes on.
    pub(super) fn apply(&mut self, config: &Settings, hosts: &[Arc<Host>]) -> anyhow::Result<How> {
        let all = links::all()?;
        let links = links::present(&all, &config.interfaces);
        let mut tables = render::render_hosts(config, hosts, &links, all.values())?;
        self.kernel.leave(&links)?;
        tables.quarantine = Arc::clone(&self.common.tables.read().quarantine);
        let Self { kernel, common, cancel, .. } = &mut *self;
        kernel.take_over(config, &tables, &common.sightings, cancel)?;
        let how = {
            let old = self.common.tables.read();
            let patch = old.patch_to(&tables);
            self.kernel.update(&config.xdp, &old, &tables, patch.as_ref())?
        };
        tell_left_out(&tables);
        tables.quarantine.set_length(config.dhcp.decline_time);
        self.others.configure(&config.dhcp);
        self.rendered = rows(&tables);
        self.common.tables.replace(tables);
        self.bound_quarantine();
        render::announce(config, &links, all.values())?;
        self.subnet_interfaces.set(config, render::seats(config, &links, all.values())?);
        self.all = all;
        // The tables are there: where the kernel does not answer, the slow path does.
        let settled = self.start_kernel(config).and_then(|()| self.settle(config, links));
        self.trouble = settled.err().map(|error| format!("{error:#}"));
        if let Some(trouble) = &self.trouble {
            tracing::error!("not everywhere as configured: {trouble}");
        }
        Ok(how)
    }

    /// Changes some machines.
    ///
    /// # Errors
    /// It is not possible: what was before goes on. `None`: all must be put in service again.
    pub(super) fn change(
        &mut self,
        config: &Settings,
        set: &[Arc<Host>],
        removed: &[Station],
    ) -> anyhow::Result<Option<How>> {
        if set.len() + removed.len() > patch::MOST {
            return Ok(None);
        }
        let rendered = render::render_hosts(config, set, &self.links, self.all.values())?;
        // Rows of machines that are not answered any more must go.
        if !rendered.left_out.is_empty() || !self.common.tables.read().left_out.is_empty() {
            return Ok(None);
        }
        let patch = self.common.tables.read().graft(&rendered, removed);
        let Some(patch) = patch.filter(|patch| !patch.outgrows(self.rendered)) else {
            return Ok(None);
        };
        {
            let old = self.common.tables.read();
            // The tables as they will be, as far as the self-check asks.
            let mut new = old.clone_without_reservations();
            new.apply(&patch);
            match self.kernel.patch(&old, &new, &patch) {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(error) => {
                    tracing::warn!("not changed in place: {error:#}");
                    return Ok(None);
                }
            }
        }
        self.common.tables.write().apply(&patch);
        self.bound_quarantine();
        Ok(Some(How::InPlace))
    }

    fn bound_quarantine(&self) {
        let tables = self.common.tables.read();
        let reservations = &tables.reservations;
        let addresses = || reservations.values().map(|row| row.address.into()).collect();
        tables.quarantine.bound(reservations.len(), addresses);
    }

    /// The machines that declined their addresses, where they are several.
    pub(super) fn declined(&self) -> Option<String> {
        declines::several(&self.common.tables)
    }

    /// The machines of the configuration that are not answered.
    pub(super) fn left_out(&self) -> Option<Trouble> {
        let tables = self.common.tables.read();
        let left_out = &tables.left_out;
        let few = || few(left_out);
        (!left_out.is_empty()).then(|| Trouble::of(left_out.len(), few()))
    }

    /// What is not as configured.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// The ports, for another side in the place of this one.
    pub(super) fn ports(&self) -> Ports {
        self.ports.clone()
    }

    /// Whether the program in service answers as it must.
    ///
    /// # Errors
    /// It does not.
    pub(super) fn check(&mut self, config: &Settings) -> anyhow::Result<()> {
        self.kernel.check(&config.xdp, &self.common.tables.read())
    }

    /// What became of the node's interfaces since the tables were made; `self` knows then who is up.
    pub(super) fn look_at_links(&mut self, config: &Settings) -> anyhow::Result<Changes> {
        let all = links::all()?;
        let mut others = links::others(&self.all, &all);
        let mut is_up_or_down = false;
        for link in &mut self.links {
            let Some(now) = all.get(&link.name).filter(|now| now.state != link.state) else {
                continue;
            };
            is_up_or_down = true;
            link.state = now.state;
            interface::tell(link);
            if link.state == LinkState::Up {
                self.solicitations.common().forget(link.index);
            }
        }
        if others.is_empty() && is_up_or_down {
            others = self.subnet_interfaces.moves(config, &self.links, all.values());
        }
        Ok(match (others.is_empty(), is_up_or_down) {
            (false, _) => Changes::Others(others),
            (true, true) => Changes::UpOrDown,
            (true, false) => Changes::None,
        })
    }

    /// How an interface is that is to be served.
    pub(super) fn interface(&self, name: &str) -> PartState {
        let is_port = |link: &&Link| link.port_of.is_some();
        let served = self.links.iter().find(|link| link.name == name);
        let link = served.or_else(|| self.all.get(name).filter(is_port));
        let has_address = link.is_some_and(|link| links::has_address(link, &self.all));
        interface::state(
            link,
            has_address,
            &self.subnet_interfaces.lost(name),
            &self.common.tables.read(),
        )
    }

    /// Program and slow paths at these interfaces, and at no others.
    fn settle(&mut self, config: &Settings, links: Vec<Link>) -> anyhow::Result<()> {
        self.name_interfaces(&links);
        let is_gone = |own: &&Link| {
            config.interfaces.contains(&own.name) && !self.all.contains_key(&own.name)
        };
        for gone in self.links.iter().filter(is_gone) {
            let interface = &gone.name;
            tracing::error!(
                interface,
                "the interface was removed: machines there are answered again when it is back"
            );
        }
        self.close_paths(|path| links.iter().any(|link| link.is_same(&path.link)));
        let opened = self.open_paths(&links);
        let attached = self.kernel.attach(config, &self.common.tables.read(), &links);
        self.links = links;
        // The slow path tells of what the program did not see.
        let kernel = &self.kernel;
        let stale = |path: &RunningPath| {
            (path.attached == Attached::Yes) != kernel.answers(path.link.index)
        };
        let stale: Vec<u32> =
            self.paths.values().filter(|path| stale(path)).map(|path| path.link.index).collect();
        self.close_paths(|path| !stale.contains(&path.link.index));
        let links = self.links.clone();
        self.settle_solicitations(config);
        opened.and(attached).and(self.open_paths(&links))
    }

    fn settle_solicitations(&mut self, config: &Settings) {
        let links = if config.boot.skip_ipv6_wait { &self.links[..] } else { &[] };
        self.solicitations.settle(links, &self.common.tables, &self.cancel);
    }

    fn open_paths(&mut self, links: &[Link]) -> anyhow::Result<()> {
        let mut failed = Ok(());
        for link in links {
            if !self.paths.contains_key(&link.index)
                && let Err(error) = self.open_path(link)
            {
                failed = Err(error);
            }
        }
        failed
    }

    fn open_path(&mut self, link: &Link) -> anyhow::Result<()> {
        let answers = self.kernel.answers(link.index);
        let attached = if answers { Attached::Yes } else { Attached::No };
        let slow = SlowPath::new(
            dhcp_sockets::packet_socket(link)?,
            link.clone(),
            self.common.clone(),
            Detector::new(self.others.clone(), &link.name),
            attached,
        )?;
        let cancel = self.cancel.child_token();
        let task = tokio::spawn(slow.serve(cancel.clone()));
        self.paths.insert(link.index, RunningPath { link: link.clone(), attached, cancel, task });
        Ok(())
    }

    /// Starts again what has ended without being told to: one slow path's failure is nothing to the others.
    pub(super) async fn look_after(&mut self, config: &Settings) {
        self.kernel.look_after(&config.xdp);
        self.attach_again(config);
        self.settle_solicitations(config);
        if self.declines.is_over() {
            self.watch_declines();
        }
        let ended: Vec<u32> = self
            .paths
            .iter()
            .filter(|(_, path)| path.task.is_finished())
            .map(|(ifindex, _)| *ifindex)
            .collect();
        for ifindex in ended {
            let Some(RunningPath { link, task, .. }) = self.paths.remove(&ifindex) else {
                continue;
            };
            // The interface went: that is another notice.
            let Err(error) = task.await else { continue };
            let interface = &link.name;
            tracing::error!(
                interface,
                "answering in userspace failed, and is started again: {error}"
            );
            if let Err(error) = self.open_path(&link) {
                tracing::error!(interface, "{error:#}");
                self.trouble = Some(format!("{interface}: {error:#}"));
            }
        }
    }

    /// Puts the program back where somebody took it off.
    fn attach_again(&mut self, config: &Settings) {
        let taken_off = self.kernel.taken_off().join(", ");
        if taken_off.is_empty() {
            return;
        }
        let Ok(all) = links::all() else { return };
        let present = links::present(&all, &config.interfaces);
        // One that is gone by now is another notice.
        if present.len() != self.links.len() {
            return;
        }
        tracing::warn!("somebody took the XDP program off {taken_off}: it is attached again");
        if let Err(error) = self.settle(config, present) {
            tracing::error!("not everywhere as configured: {error:#}");
            self.trouble = Some(format!("{error:#}"));
        }
    }

    fn close_paths(&mut self, keep: impl Fn(&RunningPath) -> bool) {
        self.paths.retain(|_, path| {
            let keep = keep(path) && !path.task.is_finished();
            if !keep {
                path.cancel.cancel();
            }
            keep
        });
    }

    /// What was not there before goes again.
    pub(super) fn abandon(&mut self) {
        self.kernel.abandon();
    }

    pub(super) fn tables(&self) -> &Served {
        &self.common.tables
    }

    pub(super) fn kernel(&mut self) -> &mut Kernel {
        &mut self.kernel
    }

    pub(super) fn userspace(&self) -> Arc<Counters> {
        Arc::clone(&self.common.counters)
    }

    pub(super) fn others(&self) -> OtherServers {
        self.others.clone()
    }

    pub(super) fn solicitations(&self) -> router_solicitations::SolicitationCommon {
        self.solicitations.common().clone()
    }

    /// The least of the interfaces, in bytes.
    pub(super) fn mtu(&self) -> Option<u16> {
        self.links.iter().map(|link| link.mtu).min()
    }

    /// Holds an address back in the kernel, too.
    pub(super) fn hold(&mut self, held: Held) -> anyhow::Result<()> {
        let tables = self.common.tables.read();
        let rows = tables.reservations.values();
        rows.filter(|row| row.address == held.address.octets())
            .try_for_each(|row| self.kernel.hold(row.station, held.until))
    }

    /// A program in the kernel answers.
    pub(super) fn is_in_kernel(&self) -> bool {
        self.kernel.is_loaded()
    }

    /// The daemon answers nobody any more.
    pub(super) fn stop(&mut self, at_end: AtEnd) {
        if at_end == AtEnd::Detach {
            self.kernel.stop();
        }
        self.close_paths(|_| false);
    }
}

fn rows(tables: &Tables) -> [usize; 2] {
    [tables.subnets.len(), tables.boot_files.len()]
}

fn tell_left_out(tables: &Tables) {
    if !tables.left_out.is_empty() {
        tracing::error!("{}", few(&tables.left_out));
    }
}

fn few(sentences: &[String]) -> Shortlist<'_, String> {
    Shortlist::of(sentences, sentences.len(), ": `netboot explain MAC` says it of each machine")
}

impl Drop for Dhcp {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}
