//! The kernel's refusals: what they mean, and what to do.

use std::{error::Error, fs, io};

use anyhow::Chain;
use aya::{
    EbpfError,
    programs::{ProgramError, XdpMode as AyaMode},
};
use netboot_base::links::Link;
use netboot_site::model::XdpMode;
use nix::libc;

pub(super) const PRIVILEGES: &str = "run as root, or with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON";

/// The oldest kernel whose verifier is known to take the program.
const OLDEST: (u32, u32) = (6, 1);

/// Lines of the verifier's log that say why the verifier refuses.
const VERIFIER_LINES: usize = 20;

pub(super) fn create(error: &EbpfError) -> anyhow::Error {
    let advice = advice(errno(error), &release());
    anyhow::anyhow!("cannot create the BPF maps: {}{advice}", chain(error))
}

pub(super) fn load(error: &ProgramError) -> anyhow::Error {
    let release = release();
    let advice = advice(errno(error), &release);
    let ProgramError::LoadError { io_error, verifier_log } = error else {
        return anyhow::anyhow!("cannot load the XDP program: {}{advice}", chain(error));
    };
    let verifier_log = verifier_log.to_string();
    let lines: Vec<_> = verifier_log.lines().collect();
    for line in lines.iter().skip(lines.len().saturating_sub(VERIFIER_LINES)) {
        tracing::debug!("verifier: {line}");
    }
    if !advice.is_empty() {
        return anyhow::anyhow!("cannot load the XDP program: {io_error}{advice}");
    }
    anyhow::anyhow!(
        "cannot load the XDP program: the verifier of this kernel ({release}) refused it: {io_error}; \
         with --log debug its last lines are shown"
    )
}

/// Of an attempt in a mode; `wanted` is what was configured.
pub(super) fn attach(
    error: &ProgramError,
    link: &Link,
    mode: AyaMode,
    wanted: XdpMode,
) -> anyhow::Error {
    let name = &link.name;
    let why = match errno(error) {
        Some(libc::EOPNOTSUPP) if matches!(mode, AyaMode::Driver) => match wanted {
            // The other mode follows by itself.
            XdpMode::Auto => return anyhow::anyhow!("the driver of {name} has no native XDP"),
            _ => "its driver has no native XDP: use --xdp generic".to_owned(),
        },
        Some(libc::EBUSY) => format!(
            "another XDP program is attached: `ip -details link show dev {name}` shows it, {}",
            removal(name)
        ),
        // The kernel's own words are "Cannot attach when an upper device already has a program".
        Some(libc::EEXIST) => match &link.port_of {
            Some(bridge) => format!(
                "{bridge}, which it is a port of, has a program, and below that the kernel takes none: list {bridge} \
                 instead (interfaces)"
            ),
            None => "a VLAN interface or the like on it has a program, and below that the kernel takes none: after \
                     `netboot detach` a start attaches it first"
                .to_owned(),
        },
        Some(libc::EPERM) => PRIVILEGES.to_owned(),
        Some(libc::ENODEV) => "no such interface".to_owned(),
        _ => chain(error),
    };
    anyhow::anyhow!("cannot attach the XDP program to {name}: {why}")
}

/// What takes off a program: one that was attached by a link (bpf_link), as netboot's, goes only with the link.
pub(super) fn removal(interface: &str) -> String {
    format!(
        "`ip link set dev {interface} xdp off` removes it, or, where it stays, whoever attached it: one of netboot's \
         goes by `netboot detach` with the configuration, and in the network namespace, that it ran with"
    )
}

/// What to do, behind what happened; empty where there is nothing to say.
fn advice(errno: Option<i32>, release: &str) -> String {
    if errno == Some(libc::EPERM) {
        return format!(": {PRIVILEGES}");
    }
    if version(release).is_some_and(|version| version < OLDEST) {
        let (major, minor) = OLDEST;
        return format!(": this kernel is {release}, {major}.{minor} or newer is needed");
    }
    String::new()
}

fn release() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    release.trim().to_owned()
}

/// `6.1.0-40-cloud-amd64` as numbers.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|character: char| !character.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// The error and its sources, without those that it names itself.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = first_line(error);
    for source in Chain::new(error).skip(1) {
        let source = first_line(source);
        if !text.contains(&source) {
            text += ": ";
            text += &source;
        }
    }
    text
}

/// The number of the system call's error, wherever aya keeps it.
pub(super) fn errno(error: &(dyn Error + 'static)) -> Option<i32> {
    Chain::new(error).find_map(|error| error.downcast_ref::<io::Error>())?.raw_os_error()
}

fn first_line(error: &dyn Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use aya::{maps::MapError, sys::SyscallError};

    use super::*;

    fn failed(number: i32) -> io::Error {
        io::Error::from_raw_os_error(number)
    }

    #[test]
    fn errors_are_told_to_their_source() {
        let check = |error: &EbpfError, expect: &str| {
            assert_eq!(create(error).to_string(), expect);
        };
        let map = |number| {
            let name = "EVENTS".to_owned();
            EbpfError::MapError(MapError::CreateError { name, io_error: failed(number) })
        };
        check(
            &map(libc::E2BIG),
            "cannot create the BPF maps: map error: failed to create map `EVENTS`: \
             Argument list too long (os error 7)",
        );
        check(
            &map(libc::EPERM),
            "cannot create the BPF maps: map error: failed to create map `EVENTS`: \
             Operation not permitted (os error 1): run as root, or with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON",
        );
        let error = SyscallError { call: "bpf_prog_load", io_error: failed(libc::ENOMEM) };
        let error = load(&ProgramError::SyscallError(error)).to_string();
        assert!(
            error.ends_with("`bpf_prog_load` failed: Cannot allocate memory (os error 12)"),
            "{error}"
        );
    }

    /// Advice is for who chose the mode: in mode `auto` the other one is in use.
    #[test]
    fn a_driver_without_native_xdp() {
        let loopback = netboot_base::links::all().unwrap().remove("lo").unwrap();
        let check = |mode: AyaMode, wanted: XdpMode, expect: &str| {
            let io_error = failed(libc::EOPNOTSUPP);
            let error = SyscallError { call: "bpf_link_create", io_error };
            let error = ProgramError::SyscallError(error);
            let text = attach(&error, &loopback, mode, wanted).to_string();
            assert!(text.starts_with(expect), "{text}");
            assert_eq!(text.contains("use --xdp"), wanted == XdpMode::Native, "{text}");
        };
        let cannot = "cannot attach the XDP program to lo: ";
        let native = format!("{cannot}its driver has no native XDP: use --xdp generic");
        check(AyaMode::Driver, XdpMode::Auto, "the driver of lo has no native XDP");
        check(AyaMode::Driver, XdpMode::Native, &native);
        check(AyaMode::Skb, XdpMode::Auto, cannot);
        check(AyaMode::Skb, XdpMode::Generic, cannot);
    }

    #[test]
    fn a_program_above() {
        let loopback = netboot_base::links::all().unwrap().remove("lo").unwrap();
        let check = |port_of: Option<&str>, expect: &str| {
            let io_error = failed(libc::EEXIST);
            let error = SyscallError { call: "bpf_link_create", io_error };
            let error = ProgramError::SyscallError(error);
            let link = Link { port_of: port_of.map(str::to_owned), ..loopback.clone() };
            let text = attach(&error, &link, AyaMode::Skb, XdpMode::Auto).to_string();
            assert!(text.starts_with(expect), "{text}");
        };
        check(Some("br0"), "cannot attach the XDP program to lo: br0, which it is a port of, has");
        check(None, "cannot attach the XDP program to lo: a VLAN interface or the like on it has");
    }

    #[test]
    fn only_old_kernels_are_too_old() {
        let check = |errno, release: &str, expect: &str| {
            assert_eq!(advice(errno, release), expect, "{release}");
        };
        let too_old = ": this kernel is 5.15.0-91-generic, 6.1 or newer is needed";
        check(Some(libc::EINVAL), "5.15.0-91-generic", too_old);
        check(None, "6.0.19", ": this kernel is 6.0.19, 6.1 or newer is needed");
        check(Some(libc::EACCES), "6.1.0-40-cloud-amd64", "");
        check(Some(libc::EINVAL), "6.18", "");
        check(None, "10.0-rc1", "");
        check(None, "", "");
    }
}
