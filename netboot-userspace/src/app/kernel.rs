//! Starts the fast path, and says where the slow path answers instead, and why.

use std::collections::HashMap;

use tokio_util::sync::CancellationToken;

use super::Tasks;
use crate::{
    config::{Config, XdpMode},
    fastpath::{self, FastPath},
    links::Link,
    sightings::Sightings,
    status::InterfaceStatus,
    tables::Tables,
};

/// The loaded program, and what became of each interface.
pub(crate) struct Kernel {
    pub(crate) fast: Option<FastPath>,
    modes: HashMap<u32, XdpMode>,
    pub(crate) interfaces: Vec<InterfaceStatus>,
}

impl Kernel {
    /// Loads and attaches. In mode `auto` nothing of this is an error: the slow path answers.
    pub(super) fn start(
        config: &Config,
        tables: &Tables,
        links: &[Link],
        sightings: &Sightings,
        cancel: &CancellationToken,
        tasks: &mut Tasks,
    ) -> anyhow::Result<Self> {
        let mut this = Self { fast: None, modes: HashMap::new(), interfaces: Vec::new() };
        let mode = config.xdp.mode;
        if mode == XdpMode::Off {
            links.iter().for_each(|link| this.note(link, XdpMode::Off, None));
            return Ok(this);
        }
        let mut fast = match FastPath::load(tables) {
            Ok(fast) => fast,
            Err(error) if mode == XdpMode::Auto => {
                let why = format!("{error:#}");
                links.iter().for_each(|link| this.note(link, XdpMode::Off, Some(why.clone())));
                return Ok(this);
            }
            Err(error) => return Err(error),
        };
        match fast.pin(&config.xdp.pin_path) {
            // They are only for looking into.
            Err(error) if mode == XdpMode::Auto => {
                tracing::warn!("the maps are not pinned: {error:#}");
            }
            pinned => pinned?,
        }
        tasks.spawn({
            let watch = fastpath::watch(fast.take_events()?, sightings.clone(), cancel.clone());
            async move {
                watch.await;
                Ok(())
            }
        });
        tasks.spawn({
            let watch = fastpath::watch_log(fast.take_log()?, cancel.clone());
            async move {
                watch.await;
                Ok(())
            }
        });
        for link in links {
            match fast.attach(link, mode) {
                Ok((mode, note)) => this.note(link, mode, note),
                Err(error) if mode == XdpMode::Auto => {
                    this.note(link, XdpMode::Off, Some(format!("{error:#}")))
                }
                Err(error) => return Err(error),
            }
        }
        this.fast = Some(fast);
        Ok(this)
    }

    /// Whether the program answers on this interface.
    pub(super) fn answers(&self, ifindex: u32) -> bool {
        self.modes.get(&ifindex).is_some_and(|mode| *mode != XdpMode::Off)
    }

    fn note(&mut self, link: &Link, mode: XdpMode, note: Option<String>) {
        let interface = &link.name;
        match (mode, &note) {
            (XdpMode::Off, Some(why)) => {
                tracing::warn!(
                    interface,
                    "the kernel does not answer here, the daemon does: {why}"
                );
            }
            (XdpMode::Off, None) => tracing::info!(interface, "answering in userspace"),
            (_, Some(why)) => {
                tracing::info!(interface, "answering in {} mode, since: {why}", mode.name());
            }
            (_, None) => tracing::info!(interface, "answering in {} mode", mode.name()),
        }
        self.modes.insert(link.index, mode);
        self.interfaces.push(InterfaceStatus {
            name: link.name.clone(),
            mode: mode.name().to_owned(),
            note,
        });
    }
}
