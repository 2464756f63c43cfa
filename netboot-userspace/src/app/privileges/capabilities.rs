//! The capabilities that serving needs.

use anyhow::Context as _;
use nix::unistd::geteuid;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set,
    clear_ambient_capability_set, remove_capability_from_bounding_set, set_capabilities,
    set_keep_capabilities,
};

const NEEDED: CapabilitySet = CapabilitySet::empty()
    // DHCP, TFTP, HTTP and syslog have ports below 1024.
    .union(CapabilitySet::NET_BIND_SERVICE)
    // The packet sockets.
    .union(CapabilitySet::NET_RAW)
    // Attaches the XDP program.
    .union(CapabilitySet::NET_ADMIN)
    // Maps, and loads the program.
    .union(CapabilitySet::BPF)
    // Without it the verifier holds the program to the rules for unprivileged ones, and refuses it.
    .union(CapabilitySet::PERFMON);

/// What root that stays root keeps beside them: the configuration and the boot files may be somebody's own.
const OF_ROOT: CapabilitySet = CapabilitySet::DAC_READ_SEARCH;

/// No program that this one could start has more than it. Who is not root may lack the right to close it,
/// and needs none: no_new_privs does the same.
pub(super) fn close_bounding_set() -> anyhow::Result<()> {
    if !own()?.effective.contains(CapabilitySet::SETPCAP) {
        return Ok(());
    }
    for (_, capability) in CapabilitySet::all().iter_names() {
        close(capability).context("cannot close the bounding set")?;
    }
    Ok(())
}

fn close(capability: CapabilitySet) -> rustix::io::Result<()> {
    match capability_is_in_bounding_set(capability)? {
        true => remove_capability_from_bounding_set(capability),
        false => Ok(()),
    }
}

/// The next change of the user keeps the permitted capabilities.
pub(super) fn survive_switch() -> anyhow::Result<()> {
    set_keep_capabilities(true).context("cannot keep capabilities")
}

/// Keeps what is needed of what is permitted, and says what that is.
pub(super) fn keep() -> anyhow::Result<String> {
    let wanted = if geteuid().is_root() { NEEDED | OF_ROOT } else { NEEDED };
    let kept = own()?.permitted & wanted;
    clear_ambient_capability_set().context("cannot drop ambient capabilities")?;
    let sets =
        CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets).context("cannot drop capabilities")?;
    let mut names: Vec<_> = kept.iter_names().map(|(name, _)| format!("CAP_{name}")).collect();
    names.sort();
    Ok(if names.is_empty() { "no capabilities".to_owned() } else { names.join(", ") })
}

/// The calling thread's.
fn own() -> anyhow::Result<CapabilitySets> {
    capabilities(None).context("cannot read capabilities")
}
