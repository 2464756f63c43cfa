//! What the kernel's refusals mean, and what to do.

use std::error::Error;

use aya::{
    EbpfError,
    programs::{ProgramError, XdpMode as AyaMode},
};

use crate::links::Link;

const PRIVILEGES: &str = "run as root, or with CAP_BPF and CAP_NET_ADMIN";

pub(super) fn create(error: &EbpfError) -> anyhow::Error {
    let advice = if errno(error) == Some(nix::libc::EPERM) { PRIVILEGES } else { "" };
    anyhow::anyhow!("cannot create the BPF maps: {error}: {advice}")
}

pub(super) fn load(error: &ProgramError) -> anyhow::Error {
    let advice = match error {
        ProgramError::LoadError { io_error, .. }
            if io_error.raw_os_error() == Some(nix::libc::EPERM) =>
        {
            PRIVILEGES
        }
        ProgramError::LoadError { .. } => {
            "this kernel does not take the program: 6.1 or newer is needed"
        }
        _ => "",
    };
    anyhow::anyhow!("cannot load the XDP program: {}: {advice}", first_line(&error.to_string()))
}

pub(super) fn attach(error: &ProgramError, link: &Link, mode: AyaMode) -> anyhow::Error {
    let name = &link.name;
    let why = match errno(error) {
        Some(nix::libc::EOPNOTSUPP) if matches!(mode, AyaMode::Driver) => {
            "its driver has no native XDP: use --xdp generic".to_owned()
        }
        Some(nix::libc::EBUSY) => format!(
            "another XDP program is attached: `ip -details link show dev {name}` shows it, \
             `ip link set dev {name} xdp off` removes it"
        ),
        Some(nix::libc::EPERM) => PRIVILEGES.to_owned(),
        Some(nix::libc::ENODEV) => "no such interface".to_owned(),
        _ => first_line(&format!("{:#}", anyhow::anyhow!("{error}"))),
    };
    anyhow::anyhow!("cannot attach the XDP program to {name}: {why}")
}

/// The number of the system call's error, wherever aya keeps it.
fn errno(error: &(dyn Error + 'static)) -> Option<i32> {
    let mut source: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = source {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return io.raw_os_error();
        }
        source = error.source();
    }
    None
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
