//! The links that hold the program at the interfaces: pinned, so that they stay without a daemon.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use aya::programs::{Xdp, XdpMode as AyaMode, links::FdLink, xdp::XdpLink};
use netboot_base::links::{self, Link};
use netboot_site::model::XdpMode;

use super::{bpffs, inherited_link::InheritedLink, load_errors, pins::Pins};

const NATIVE_VETH: &str = "native mode on veth answers only a peer that has an XDP program itself";

const KEPT: &str =
    "an earlier daemon attached it so; `netboot detach` and a restart try native mode again";

/// The kernel lets go of a link only some milliseconds after its pin is gone.
const LET_GO: Duration = Duration::from_secs(2);

/// By the interface's index.
#[derive(Default)]
pub(super) struct Attachments {
    links: BTreeMap<u32, FdLink>,
    /// Why those that this daemon attached itself are not in native mode, which mode `auto` tries first.
    not_native: BTreeMap<u32, String>,
}

/// What an earlier daemon left.
#[derive(Default)]
pub(super) struct Inherited {
    pub(super) own: Attachments,
    /// Why one of them is not ours to take.
    pub(super) foreign: Option<anyhow::Error>,
    /// Why it cannot be told whose one is.
    pub(super) unread: Option<anyhow::Error>,
}

impl Inherited {
    pub(super) fn is_nothing(&self) -> bool {
        self.own.links.is_empty() && self.unread.is_none()
    }
}

impl Attachments {
    /// Attachments that an earlier daemon left; of interfaces that are gone, nothing is left.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub(super) fn find(pins: &Pins) -> anyhow::Result<Inherited> {
        let mut left = Inherited::default();
        for ifindex in pins.links()? {
            match InheritedLink::open(ifindex, pins) {
                Ok(InheritedLink::Own(ifindex, link)) => _ = left.own.links.insert(ifindex, link),
                Ok(InheritedLink::Void) => bpffs::remove(&pins.link(ifindex))?,
                Ok(InheritedLink::Foreign) => left.foreign = Some(foreign(ifindex, pins)),
                Err(error) => left.unread = Some(error),
            }
        }
        Ok(left)
    }

    /// Takes over what an earlier daemon left.
    ///
    /// # Errors
    /// A program in another network namespace answers from the same maps.
    pub(super) fn adopt(pins: &Pins) -> anyhow::Result<Self> {
        let Inherited { own, foreign, unread } = Self::find(pins)?;
        if let Some(error) = unread {
            tracing::warn!("what holds an earlier program is left: {error:#}");
        }
        foreign.map_or(Ok(own), Err)
    }

    pub(super) fn len(&self) -> usize {
        self.links.len()
    }

    pub(super) fn interfaces(&self) -> Vec<u32> {
        self.links.keys().copied().collect()
    }

    /// Puts a program in the place of the one before, at each interface. An interface where that is not
    /// possible has no program then.
    pub(super) fn update(&mut self, program: &mut Xdp, pins: &Pins) {
        for (ifindex, link) in std::mem::take(&mut self.links) {
            match replace(program, link) {
                Ok(link) => _ = self.links.insert(ifindex, link),
                Err(error) => {
                    tracing::warn!(
                        ifindex,
                        "the program is detached from an interface, since it cannot be replaced there: {error:#}"
                    );
                    if let Err(error) = bpffs::remove(&pins.link(ifindex)) {
                        tracing::error!("{error:#}");
                    }
                }
            }
        }
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
                (XdpMode::Auto, XdpMode::Generic) => {
                    let why = note.or_else(|| self.not_native.get(&link.index).cloned());
                    return Ok((now, Some(why.unwrap_or_else(|| KEPT.to_owned()))));
                }
                (XdpMode::Auto, _) if !link.is_veth => return Ok((now, None)),
                (wanted, now) if wanted == now => return Ok((now, None)),
                // The kernel changes no link's mode.
                _ => self.detach(link.index, pins)?,
            }
        }
        match mode {
            XdpMode::Off => Ok((XdpMode::Off, None)),
            XdpMode::Native => {
                self.attach_as(program, link, (mode, AyaMode::Driver), pins).map(|()| (mode, note))
            }
            XdpMode::Generic => {
                self.attach_as(program, link, (mode, AyaMode::Skb), pins).map(|()| (mode, None))
            }
            // Native XDP_TX on veth reaches only a peer that has a program itself.
            XdpMode::Auto if link.is_veth => self
                .attach_as(program, link, (mode, AyaMode::Skb), pins)
                .map(|()| (XdpMode::Generic, note)),
            XdpMode::Auto => match self.attach_as(program, link, (mode, AyaMode::Driver), pins) {
                Ok(()) => Ok((XdpMode::Native, None)),
                Err(native) => {
                    self.attach_as(program, link, (mode, AyaMode::Skb), pins)?;
                    let why = format!("{native:#}");
                    self.not_native.insert(link.index, why.clone());
                    Ok((XdpMode::Generic, Some(why)))
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
        (wanted, mode): (XdpMode, AyaMode),
        pins: &Pins,
    ) -> anyhow::Result<()> {
        let name = &link.name;
        // The one that was there when the interfaces were listed may have been ours.
        if let Some(id) = links::xdp_program(link.index)? {
            anyhow::bail!(
                "another XDP program (number {id}) is attached to {name}: `bpftool prog show id {id}` names it, {}",
                load_errors::removal(name)
            );
        }
        let id = program
            .attach_to_if_index(link.index, mode)
            .map_err(|error| load_errors::attach(&error, link, mode, wanted))?;
        let attached = FdLink::try_from(program.take_link(id)?)
            .with_context(|| format!("the kernel has no XDP links for {name}"))?;
        let pin = pins.link(link.index);
        bpffs::remove(&pin)?;
        let pinned = attached.pin(&pin);
        let pinned =
            pinned.with_context(|| format!("cannot pin {}", pins.shown(&pin).display()))?;
        self.links.insert(link.index, FdLink::from(pinned));
        Ok(())
    }

    /// Takes the program off an interface, which another can be attached to then.
    pub(super) fn detach(&mut self, ifindex: u32, pins: &Pins) -> anyhow::Result<()> {
        self.not_native.remove(&ifindex);
        let Some(link) = self.links.remove(&ifindex) else {
            return bpffs::remove(&pins.link(ifindex));
        };
        let program = link.info().context("the kernel does not describe a link")?.program_id();
        drop(link);
        bpffs::remove(&pins.link(ifindex))?;
        let started = Instant::now();
        while links::xdp_program(ifindex)? == Some(program) {
            anyhow::ensure!(
                started.elapsed() < LET_GO,
                "the kernel does not take the program off interface number {ifindex}"
            );
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Takes the program off all interfaces.
    pub(super) fn detach_all(mut self, pins: &Pins) -> anyhow::Result<()> {
        self.interfaces().into_iter().try_for_each(|ifindex| self.detach(ifindex, pins))
    }
}

fn foreign(ifindex: u32, pins: &Pins) -> anyhow::Error {
    anyhow::anyhow!(
        "a program in another network namespace answers from this xdp.pin-path ({} holds it): give each namespace a \
         directory of its own, or run `netboot detach` in that one",
        pins.shown(&pins.link(ifindex)).display()
    )
}

fn replace(program: &mut Xdp, link: FdLink) -> anyhow::Result<FdLink> {
    let link = XdpLink::try_from(link).context("it is no XDP link")?;
    let id = program.attach_to_link(link)?;
    Ok(FdLink::try_from(program.take_link(id)?)?)
}
