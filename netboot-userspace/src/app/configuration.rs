//! The daemon's configuration: a file, which is read again when it changes, and the command line.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use netboot_base::{links, shortlist};
use netboot_site::{
    config::{self, Problems, Proposal, Sources},
    model::{self, CommandSource, Config, DhcpMode, OtherSettings, Settings, State, XdpMode},
};

use crate::args::RunArgs;

/// The sources that the file names, if there is one, and what the command line says instead of it.
pub(super) struct Configuration {
    file: Option<(PathBuf, Sources)>,
    interfaces: Vec<String>,
    xdp: Option<XdpMode>,
}

/// Why the configuration is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// SIGHUP.
    Asked,
    /// A file changed.
    Changed,
}

impl Configuration {
    /// Reads the configuration for the first time.
    ///
    /// # Errors
    /// It is wrong, or there is no interface to answer at.
    pub(super) fn open(args: &RunArgs) -> anyhow::Result<(Self, State)> {
        let (interfaces, xdp) = (args.interfaces.clone(), args.xdp);
        let mut this = Self { file: None, interfaces, xdp };
        let mut config = match args.config.path() {
            Some(path) => {
                let path = std::path::absolute(&path).unwrap_or(path);
                let (sources, loaded) = Sources::open(&path)?;
                warn(&loaded.warnings);
                this.file = Some((path, sources));
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
        Ok((this, State::new(config)))
    }

    /// What differs from the state in force; what changed is read, or all, with all warnings, if that is asked for.
    /// `None`: there is no file.
    ///
    /// # Errors
    /// It is wrong.
    pub(super) fn propose(
        &mut self,
        in_force: &State,
        why: Why,
    ) -> Option<anyhow::Result<Proposal>> {
        let (_, sources) = self.file.as_mut()?;
        let proposed = match why {
            Why::Asked => sources.reread(in_force),
            Why::Changed => sources.reload(in_force),
        };
        Some(proposed.map_err(Problems::into).and_then(|proposal| self.completed(proposal)))
    }

    /// What differs from the state in force by what the program of a source printed. `None`: no source has the
    /// program any more.
    ///
    /// # Errors
    /// It is wrong.
    pub(super) fn offer(
        &mut self,
        in_force: &State,
        source: &CommandSource,
        printed: &[u8],
    ) -> Option<anyhow::Result<Proposal>> {
        let (_, sources) = self.file.as_mut()?;
        let proposed = sources.offer(in_force, source, printed)?;
        Some(proposed.map_err(Problems::into).and_then(|proposal| self.completed(proposal)))
    }

    /// What was proposed last is in force.
    pub(super) fn take_over(&mut self) {
        if let Some((_, sources)) = &mut self.file {
            sources.take_over();
        }
    }

    /// What to watch.
    pub(super) fn watched(&self) -> Vec<PathBuf> {
        self.file.as_ref().map(|(_, sources)| sources.watched()).unwrap_or_default()
    }

    /// With what the command line says, and what the daemon started with where only a restart changes it.
    fn completed(&self, mut proposal: Proposal) -> anyhow::Result<Proposal> {
        if let Some(OtherSettings { before, after, .. }) = &mut proposal.difference.settings {
            let after = Arc::make_mut(after);
            self.complete(after)?;
            for setting in config::needs_restart(before, after) {
                tracing::warn!("{setting} changed: that takes effect when netboot is restarted");
            }
            after.state_dir.clone_from(&before.state_dir);
            after.xdp.pin_path.clone_from(&before.xdp.pin_path);
        }
        Ok(proposal)
    }

    fn complete(&self, settings: &mut Settings) -> anyhow::Result<()> {
        settings.path = self.path().map(Path::to_owned);
        settings.override_interfaces(self.interfaces.clone());
        settings.override_xdp(self.xdp);
        anyhow::ensure!(
            !settings.interfaces.is_empty() || settings.dhcp.mode == DhcpMode::Off,
            "no interface to answer at: name one with --iface, or in the configuration: interfaces = [\"eth0\"]"
        );
        Ok(())
    }

    fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(|(path, _)| path.as_path())
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
