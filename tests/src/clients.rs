//! The DHCP clients of an operating system, told what firmware and iPXE would say; and a relay.

mod dhclient;
mod dhcpcd;
mod dhcrelay;
mod perfdhcp;
mod routed;
mod udhcpc;

pub use dhclient::{Bound, dhclient};
pub use dhcpcd::dhcpcd;
pub use dhcrelay::dhcrelay;
pub use perfdhcp::{Exchanged, perfdhcp};
pub use routed::{CONFIGURES, Configures, routes};
pub use udhcpc::{udhcpc, udhcpc_declines};

use std::{
    collections::BTreeMap, fs, io::Write as _, os::unix::fs::PermissionsExt as _, path::Path,
    time::Duration,
};

use anyhow::{Context as _, Result};

/// The longest that a client is waited for. Each one is also told to give up by itself.
const DEADLINE: Duration = Duration::from_secs(40);

/// What a client says beside its MAC, which is its interface's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Identity<'a> {
    /// Option 77.
    pub user_class: Option<&'a str>,
    /// Option 60.
    pub vendor_class: Option<&'a str>,
    /// Option 93.
    pub architecture: Option<u16>,
}

/// What a client was given, under the same names for all of them; empty: nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    pub address: String,
    pub mask: String,
    pub router: String,
    pub dns: String,
    pub hostname: String,
    /// Option 54.
    pub server: String,
    /// Option 51, in seconds.
    pub lease_time: String,
    /// `siaddr`
    pub next_server: String,
    /// `file`
    pub boot_file: String,
}

/// For the hooks that are called as ISC's client does it: when there is a lease, and the names of what it is.
const BOUND: &str = "$reason\" in BOUND|RENEW|REBIND|REBOOT";
const NAMES: [&str; 9] = [
    "new_ip_address",
    "new_subnet_mask",
    "new_routers",
    "new_domain_name_servers",
    "new_host_name",
    "new_dhcp_server_identifier",
    "new_dhcp_lease_time",
    "new_next_server",
    "new_filename",
];

/// A hook for a client: a script that only writes down its environment, when the variable `variable`
/// has one of these values. It changes nothing on the machine.
fn write_hook(dir: &Path, condition: &str) -> Result<(String, std::path::PathBuf)> {
    let hook = dir.join("hook");
    let lease = dir.join("lease");
    let mut file = fs::File::create(&hook)?;
    // The rename makes the lease appear as a whole.
    write!(
        file,
        "#!/bin/sh\ncase \"{condition}) env >'{lease}.new'; mv '{lease}.new' '{lease}' ;; esac\nexit 0\n",
        lease = lease.display(),
    )?;
    file.set_permissions(fs::Permissions::from_mode(0o755))?;
    Ok((hook.display().to_string(), lease))
}

/// The environment that the hook has seen, if it was called yet.
fn read_hook(lease: &Path) -> Result<Option<BTreeMap<String, String>>> {
    match fs::read_to_string(lease) {
        Ok(text) => Ok(Some(
            text.lines()
                .filter_map(|line| line.split_once('='))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        )),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| lease.display().to_string()),
    }
}

/// Takes the named values out of what a hook has seen, in the order of [`Lease`]'s fields.
fn lease(seen: &BTreeMap<String, String>, names: [&str; 9]) -> Lease {
    let [address, mask, router, dns, hostname, server, lease_time, next_server, boot_file] =
        names.map(|name| seen.get(name).cloned().unwrap_or_default());
    Lease { address, mask, router, dns, hostname, server, lease_time, next_server, boot_file }
}
