//! The privileges of the daemon, which gives up those that it does not need before it listens to anybody.

mod capabilities;
mod hand_over;

use std::{
    ffi::CString,
    fs::File,
    io,
    os::fd::{AsRawFd as _, OwnedFd},
    path::Path,
};

use anyhow::Context as _;
use netboot_answer::kernel;
use netboot_site::model::{Settings, Way, XdpMode};
use nix::{
    sys::{
        prctl::set_no_new_privs,
        stat::{Mode, fstat, umask},
    },
    unistd::{User, geteuid, initgroups, setgid, setuid},
};

use self::hand_over::{Owner, StateDir};

/// Files are 0640 and directories 0750.
const UMASK: Mode = Mode::S_IWGRP.union(Mode::S_IRWXO);

/// What is left to the daemon.
pub(super) struct Privileges {
    /// systemd mounts the bpffs with mode 0700: another user than root has no way to the directory but this.
    pins: Option<OwnedFd>,
    way: Way,
}

impl Privileges {
    /// Makes the daemon's directories, becomes the user that the configuration names, and keeps the
    /// capabilities that serving needs. No thread may have been started: it keeps what it has.
    pub(super) fn reduce(config: &Settings) -> anyhow::Result<Self> {
        let user = config.user.as_deref().map(find).transpose()?;
        let user = user.filter(|user| user.uid != geteuid());
        let state = StateDir::make(&config.state_dir);
        umask(UMASK);
        let this = Self::with_pins(config, user.as_ref(), state.as_ref())?;
        if let Some(state) = state {
            give_state_dir(&state, config, user.as_ref())?;
        }
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

    /// How the daemon itself reaches the directory `xdp.pin-path`, for as long as this value lives.
    pub(super) fn way(&self) -> Way {
        match &self.pins {
            Some(pins) => Way::Through(format!("/proc/self/fd/{}", pins.as_raw_fd()).into()),
            None => self.way.clone(),
        }
    }

    fn with_pins(
        config: &Settings,
        user: Option<&User>,
        state: Option<&StateDir>,
    ) -> anyhow::Result<Self> {
        let place = &config.xdp.pin_path;
        let stays_root = user.is_none() && geteuid().is_root();
        if !config.wants_program() {
            // Later there may be no right to.
            super::kernel::clean_up(config);
            let way = if stays_root { Way::Path } else { Way::None };
            return Ok(Self { pins: None, way });
        }
        let opened = if stays_root {
            // Later there is no capability to mount with.
            kernel::mount_bpffs(place).and_then(|()| open_existing(place))
        } else {
            kernel::open_pin_directory(place)
        };
        let is_open = opened.is_ok();
        let pins = match opened {
            Ok(pins) => pins,
            // The daemon answers without it.
            Err(error) if config.xdp.mode == XdpMode::Auto => {
                tracing::warn!("xdp.pin-path {} is not ready: {error:#}", place.display());
                None
            }
            Err(error) => return Err(error),
        };
        if let Some(pins) = &pins {
            hand_over_pins(place, pins, user, state)?;
        }
        let way = if stays_root || is_open { Way::Path } else { Way::None };
        Ok(Self { pins: pins.filter(|_| !stays_root), way })
    }
}

/// Whom directories are to belong to, where that can be changed.
fn owner(user: Option<&User>) -> Option<Owner<'_>> {
    match user {
        Some(user) => Some(Owner::user(user)),
        // Root that stays root loses the right to write what is others'.
        None => geteuid().is_root().then_some(Owner::ROOT),
    }
}

fn give_state_dir(state: &StateDir, config: &Settings, user: Option<&User>) -> anyhow::Result<()> {
    let Some(owner) = owner(user) else { return Ok(()) };
    match state.give(&config.state_dir, &owner) {
        // It serves without: the services that need it say so.
        Err(error) if user.is_none() => tracing::warn!("{error:#}"),
        given => given?,
    }
    Ok(())
}

fn hand_over_pins(
    place: &Path,
    pins: &OwnedFd,
    user: Option<&User>,
    state: Option<&StateDir>,
) -> anyhow::Result<()> {
    if let Some(owner) = owner(user) {
        return hand_over::pins(place, pins, &owner, state.map(StateDir::uid));
    }
    let uid = fstat(pins)?.st_uid;
    anyhow::ensure!(
        uid == 0 || uid == geteuid().as_raw(),
        "{} is user {uid}'s, who could change what the kernel answers: set xdp.pin-path to another directory",
        place.display()
    );
    Ok(())
}

/// Root makes it when there is something to pin.
fn open_existing(place: &Path) -> anyhow::Result<Option<OwnedFd>> {
    match File::open(place) {
        Ok(file) => Ok(Some(file.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot open {}", place.display())),
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
