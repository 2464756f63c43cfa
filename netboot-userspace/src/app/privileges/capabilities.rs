//! The capabilities that serving needs.

use anyhow::Context as _;
use caps::{CapSet, Capability, CapsHashSet};
use nix::unistd::geteuid;

const NEEDED: [Capability; 5] = [
    // DHCP, TFTP, HTTP and syslog have ports below 1024.
    Capability::CAP_NET_BIND_SERVICE,
    // The packet sockets.
    Capability::CAP_NET_RAW,
    // Attaches the XDP program.
    Capability::CAP_NET_ADMIN,
    // Maps, and loads the program.
    Capability::CAP_BPF,
    // Without it the verifier holds the program to the rules for unprivileged ones, and refuses it.
    Capability::CAP_PERFMON,
];

/// What root that stays root keeps beside them: the configuration and the boot files may be somebody's own.
const OF_ROOT: Capability = Capability::CAP_DAC_READ_SEARCH;

/// No program that this one could start has more than it. Who is not root may lack the right to close it,
/// and needs none: no_new_privs does the same.
pub(super) fn close_bounding_set() -> anyhow::Result<()> {
    if !caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP)? {
        return Ok(());
    }
    caps::clear(None, CapSet::Bounding).context("cannot close the bounding set")
}

/// The next change of the user keeps the permitted capabilities.
pub(super) fn survive_switch() -> anyhow::Result<()> {
    caps::securebits::set_keepcaps(true).context("cannot keep capabilities")
}

/// Keeps what is needed of what is permitted, and says what that is.
pub(super) fn keep() -> anyhow::Result<String> {
    let permitted = caps::read(None, CapSet::Permitted).context("cannot read capabilities")?;
    let of_root = geteuid().is_root().then_some(OF_ROOT);
    let kept: CapsHashSet = NEEDED
        .into_iter()
        .chain(of_root)
        .filter(|capability| permitted.contains(capability))
        .collect();
    let set = |set, capabilities: &CapsHashSet| {
        caps::set(None, set, capabilities).context("cannot drop capabilities")
    };
    caps::clear(None, CapSet::Ambient).context("cannot drop ambient capabilities")?;
    set(CapSet::Effective, &kept)?;
    set(CapSet::Permitted, &kept)?;
    set(CapSet::Inheritable, &CapsHashSet::new())?;
    let mut names: Vec<_> = kept.iter().map(ToString::to_string).collect();
    names.sort();
    Ok(if names.is_empty() { "no capabilities".to_owned() } else { names.join(", ") })
}
