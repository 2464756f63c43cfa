//! What holds the program at the interfaces: links, pinned, so that they stay without a daemon.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use aya::programs::{
    Xdp, XdpMode as AyaMode,
    links::{FdLink, PinnedLink},
    xdp::XdpLink,
};

use super::{bpffs, explain, pins::Pins};
use crate::{
    config::XdpMode,
    links::{self, Link},
};

const NATIVE_VETH: &str = "native mode on veth answers only a peer that has an XDP program itself";

/// The kernel takes a program off some milliseconds after its link has gone.
const LAG: Duration = Duration::from_secs(1);

/// By the interface's index.
#[derive(Default)]
pub(super) struct Attachments {
    links: BTreeMap<u32, FdLink>,
}

impl Attachments {
    /// Those that an earlier daemon left; of interfaces that are gone, nothing is left.
    pub(super) fn adopt(pins: &Pins) -> anyhow::Result<Self> {
        let mut this = Self::default();
        for ifindex in pins.links()? {
            let pin = pins.link(ifindex);
            let link = PinnedLink::from_pin(&pin)
                .with_context(|| format!("cannot open {}", pin.display()))?;
            let link = FdLink::from(link);
            let program = link.info().context("the kernel does not describe a link")?.program_id();
            // The index may be another interface's by now.
            if links::xdp_program(ifindex)? == Some(program) {
                this.links.insert(ifindex, link);
            } else {
                bpffs::remove(&pin)?;
            }
        }
        Ok(this)
    }

    pub(super) fn len(&self) -> usize {
        self.links.len()
    }

    pub(super) fn interfaces(&self) -> Vec<u32> {
        self.links.keys().copied().collect()
    }

    /// Puts a program in the place of the one before, at each interface. An interface where that is not
    /// possible has no program then.
    pub(super) fn update(&mut self, program: &mut Xdp, pins: &Pins) -> anyhow::Result<()> {
        for (ifindex, link) in std::mem::take(&mut self.links) {
            match replace(program, link) {
                Ok(link) => _ = self.links.insert(ifindex, link),
                Err(error) => {
                    tracing::warn!(
                        ifindex,
                        "the program is detached from an interface, since it cannot be replaced there: {error:#}"
                    );
                    bpffs::remove(&pins.link(ifindex))?;
                }
            }
        }
        Ok(())
    }

    /// Attaches the program where it is not yet, and says in which mode, and why not in a better one.
    ///
    /// # Errors
    /// The wanted mode is not possible.
    pub(super) fn attach(
        &mut self,
        program: &mut Xdp,
        link: &Link,
        mode: XdpMode,
        pins: &Pins,
    ) -> anyhow::Result<(XdpMode, Option<String>)> {
        let note = link.is_veth.then(|| NATIVE_VETH.to_owned());
        if let Some(now) = self.mode(link) {
            match (mode, now) {
                (XdpMode::Auto, XdpMode::Generic) => return Ok((now, note)),
                (XdpMode::Auto, _) if !link.is_veth => return Ok((now, None)),
                (wanted, now) if wanted == now => return Ok((now, None)),
                // The kernel changes no link's mode.
                _ => self.detach(link.index, pins)?,
            }
        }
        match mode {
            XdpMode::Off => Ok((XdpMode::Off, None)),
            XdpMode::Native => {
                self.attach_as(program, link, AyaMode::Driver, pins).map(|()| (mode, note))
            }
            XdpMode::Generic => {
                self.attach_as(program, link, AyaMode::Skb, pins).map(|()| (mode, None))
            }
            // Native XDP_TX on veth reaches only a peer that has a program itself.
            XdpMode::Auto if link.is_veth => {
                self.attach_as(program, link, AyaMode::Skb, pins).map(|()| (XdpMode::Generic, note))
            }
            XdpMode::Auto => match self.attach_as(program, link, AyaMode::Driver, pins) {
                Ok(()) => Ok((XdpMode::Native, None)),
                Err(native) => {
                    self.attach_as(program, link, AyaMode::Skb, pins)?;
                    Ok((XdpMode::Generic, Some(format!("{native:#}"))))
                }
            },
        }
    }

    /// The mode that our program is attached in.
    fn mode(&self, link: &Link) -> Option<XdpMode> {
        self.links.contains_key(&link.index).then(|| link.xdp.map(|xdp| xdp.mode))?
    }

    fn attach_as(
        &mut self,
        program: &mut Xdp,
        link: &Link,
        mode: AyaMode,
        pins: &Pins,
    ) -> anyhow::Result<()> {
        let name = &link.name;
        // The one that was there when the interfaces were listed may have been ours.
        if let Some(id) = links::xdp_program(link.index)? {
            anyhow::bail!(
                "another XDP program (number {id}) is attached to {name}: `bpftool prog show id {id}` names it, \
                 `ip link set dev {name} xdp off` removes it"
            );
        }
        let id = program
            .attach_to_if_index(link.index, mode)
            .map_err(|error| explain::attach(&error, link, mode))?;
        let attached = FdLink::try_from(program.take_link(id)?)
            .with_context(|| format!("the kernel has no XDP links for {name}"))?;
        let pin = pins.link(link.index);
        bpffs::remove(&pin)?;
        let pinned = attached.pin(&pin);
        let pinned = pinned.with_context(|| format!("cannot pin {}", pin.display()))?;
        self.links.insert(link.index, FdLink::from(pinned));
        Ok(())
    }

    /// Takes the program off an interface, and returns when it is.
    pub(super) fn detach(&mut self, ifindex: u32, pins: &Pins) -> anyhow::Result<()> {
        let link = self.links.remove(&ifindex);
        let program = link.and_then(|link| Some(link.info().ok()?.program_id()));
        bpffs::remove(&pins.link(ifindex))?;
        let start = Instant::now();
        while program.is_some() && links::xdp_program(ifindex)? == program && start.elapsed() < LAG
        {
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

fn replace(program: &mut Xdp, link: FdLink) -> anyhow::Result<FdLink> {
    let link = XdpLink::try_from(link).context("it is no XDP link")?;
    let id = program.attach_to_link(link)?;
    Ok(FdLink::try_from(program.take_link(id)?)?)
}
