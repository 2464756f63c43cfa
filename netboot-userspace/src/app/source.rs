//! Where the configuration comes from: a file, which is read again when it changes, and the command line.

use std::path::PathBuf;

use super::node::Why;
use netboot_base::{links, shortlist};
use netboot_site::{
    config::{Change, Loaded, Problems, Reloader, Summary},
    model::{self, Config, DhcpMode, XdpMode},
};

use crate::args::RunArgs;

/// The file, if there is one, and what is said instead of it.
pub(super) struct Source {
    file: Option<(PathBuf, Reloader)>,
    interfaces: Vec<String>,
    xdp: Option<XdpMode>,
    /// What was read last is not in service.
    behind: bool,
}

impl Source {
    /// Reads the configuration for the first time.
    ///
    /// # Errors
    /// It is wrong, or there is no interface to answer at.
    pub(super) fn open(args: &RunArgs) -> anyhow::Result<(Self, Config)> {
        let (interfaces, xdp) = (args.interfaces.clone(), args.xdp);
        let mut this = Self { file: None, interfaces, xdp, behind: false };
        let mut config = match args.config.path() {
            Some(path) => {
                let path = std::path::absolute(&path).unwrap_or(path);
                let (reloader, loaded) = Reloader::open(&path)?;
                warn(&loaded.warnings);
                this.file = Some((path, reloader));
                loaded.config
            }
            None => {
                tracing::warn!(
                    "there is no configuration ({} does not exist, and --config names none): nobody is answered, \
                     but who asks is shown. Write one with the subnet, then `netboot host add` adds machines to it",
                    model::DEFAULT_PATH
                );
                Config::unconfigured()
            }
        };
        this.complete(&mut config)?;
        // Those of the configuration may come later: what is typed is there, or wrong.
        links::demand(&this.interfaces)?;
        Ok((this, config))
    }

    /// Reads again what changed; all, with all warnings, if that is asked for. `None`: there is no file.
    ///
    /// # Errors
    /// It is wrong.
    pub(super) fn reload(&mut self, why: Why) -> Option<anyhow::Result<Change>> {
        let (_, reloader) = self.file.as_mut()?;
        let read = if self.behind {
            // The difference is one to what was never in service.
            reloader.reopen().map(|(fresh, loaded)| {
                *reloader = fresh;
                whole(loaded)
            })
        } else {
            match why {
                Why::Asked => reloader.reread(),
                Why::Changed => reloader.reload(),
            }
        };
        Some(read.map_err(Problems::into).and_then(|mut change| {
            if let Change::Whole { loaded, .. } = &mut change {
                self.complete(&mut loaded.config).inspect_err(|_| self.behind = true)?;
            }
            Ok(change)
        }))
    }

    /// Whether what was read last is not in service.
    pub(super) const fn is_behind(&self) -> bool {
        self.behind
    }

    /// Whether what was read is in service.
    pub(super) fn applied(&mut self, applied: bool) {
        self.behind = !applied;
    }

    /// What to watch.
    pub(super) fn watched(&self) -> Vec<PathBuf> {
        self.file.as_ref().map(|(_, reloader)| reloader.watched()).unwrap_or_default()
    }

    fn complete(&self, config: &mut Config) -> anyhow::Result<()> {
        config.path = self.file.as_ref().map(|(path, _)| path.clone());
        config.override_interfaces(self.interfaces.clone());
        config.override_xdp(self.xdp);
        anyhow::ensure!(
            !config.interfaces.is_empty() || config.dhcp.mode == DhcpMode::Off,
            "no interface to answer at: name one with --iface, or in the configuration: interfaces = [\"eth0\"]"
        );
        Ok(())
    }
}

/// Says them.
pub(super) fn warn(warnings: &Problems) {
    for warning in warnings.kept().iter().take(shortlist::MOST) {
        tracing::warn!("{}", warning.told());
    }
    let more = warnings.total().saturating_sub(shortlist::MOST);
    if more > 0 {
        tracing::warn!("{more} more warnings of the configuration: `netboot check` shows all");
    }
}

fn whole(loaded: Loaded) -> Change {
    let (loaded, difference) = (Box::new(loaded), Default::default());
    Change::Whole { loaded, difference, summary: Summary::default() }
}
