//! Gives up what the daemon does not need, before it listens to anybody.

mod capabilities;
mod hand_over;

use std::{
    ffi::CString,
    fs::File,
    os::fd::{AsRawFd as _, OwnedFd},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use nix::{
    sys::{
        prctl::set_no_new_privs,
        stat::{Mode, umask},
    },
    unistd::{User, geteuid, initgroups, setgid, setuid},
};

use crate::{
    config::{Config, DhcpMode, XdpMode},
    fastpath,
};

/// Files are 0640 and directories 0750.
const UMASK: Mode = Mode::S_IWGRP.union(Mode::S_IRWXO);

/// What is left to the daemon.
pub(super) struct Privileges {
    pin_path: PathBuf,
    /// systemd mounts the bpffs with mode 0700: another user than root has no way to the directory but this.
    _pins: Option<OwnedFd>,
}

impl Privileges {
    /// Makes the daemon's directories, becomes the user that the configuration names, and keeps the
    /// capabilities that serving needs. No thread may have been started: it keeps what it has.
    pub(super) fn reduce(config: &Config) -> anyhow::Result<Self> {
        let user = config.user.as_deref().map(find).transpose()?;
        let user = user.filter(|user| user.uid != geteuid());
        hand_over::state_dir(&config.state_dir, user.as_ref())?;
        umask(UMASK);
        let this = Self::with_pins(config, user.as_ref())?;
        capabilities::close_bounding_set()?;
        if let Some(user) = &user {
            capabilities::survive_switch()?;
            switch(user).with_context(|| format!("cannot become the user {}", user.name))?;
        }
        let kept = capabilities::keep()?;
        set_no_new_privs().context("cannot set no_new_privs")?;
        if let Some(user) = &user {
            tracing::info!("now the user {}, with {kept}", user.name);
            warn_of_unreadable(config.path.as_deref(), user);
        } else {
            tracing::debug!("still user {}, with {kept}", geteuid());
        }
        Ok(this)
    }

    /// Where the daemon itself reaches the directory `xdp.pin-path`, for as long as this value lives.
    pub(super) fn pin_path(&self) -> &Path {
        &self.pin_path
    }

    fn with_pins(config: &Config, user: Option<&User>) -> anyhow::Result<Self> {
        let place = &config.xdp.pin_path;
        let plain = Self { pin_path: place.clone(), _pins: None };
        if config.dhcp.mode != DhcpMode::Reservation || config.xdp.mode == XdpMode::Off {
            return Ok(plain);
        }
        match Self::open_pins(place, user) {
            Ok(None) => Ok(plain),
            Ok(Some(pins)) => {
                let pin_path = PathBuf::from(format!("/proc/self/fd/{}", pins.as_raw_fd()));
                Ok(Self { pin_path, _pins: Some(pins) })
            }
            // The daemon answers without it.
            Err(error) if config.xdp.mode == XdpMode::Auto => {
                tracing::warn!("xdp.pin-path {} is not ready: {error:#}", place.display());
                Ok(plain)
            }
            Err(error) => Err(error),
        }
    }

    fn open_pins(place: &Path, user: Option<&User>) -> anyhow::Result<Option<OwnedFd>> {
        if user.is_none() && geteuid().is_root() {
            // Later there is no capability to mount with.
            fastpath::mount_bpffs(place)?;
            return Ok(None);
        }
        let pins = fastpath::open_pin_directory(place)?;
        if let (Some(_), Some(user)) = (&pins, user) {
            hand_over::pins(place, user)?;
        }
        Ok(pins)
    }
}

fn find(name: &str) -> anyhow::Result<User> {
    let found = User::from_name(name).with_context(|| format!("cannot look up the user {name}"))?;
    found.with_context(|| {
        format!(
            "there is no user {name}, whom `user` names: `adduser --system --group {name}` adds it"
        )
    })
}

fn switch(user: &User) -> anyhow::Result<()> {
    anyhow::ensure!(
        geteuid().is_root(),
        "only root can: start netboot as root or as {}",
        user.name
    );
    initgroups(&CString::new(user.name.as_bytes())?, user.gid)?;
    setgid(user.gid)?;
    setuid(user.uid)?;
    Ok(())
}

/// It is read again later, by the user.
fn warn_of_unreadable(config: Option<&Path>, user: &User) {
    let Some(path) = config else { return };
    if let Err(error) = File::open(path) {
        let (path, name) = (path.display(), &user.name);
        tracing::warn!(
            "the user {name} cannot read {path}, and will not see what changes in it: {error}; \
             `chgrp {name} {path} && chmod 640 {path}` lets it, where it may enter the directory"
        );
    }
}
