//! The watch over the addresses that machines are sent to for files: the node is to have them, since firmware takes a
//! file only from the address that it was sent to.

use std::{collections::BTreeSet, net::Ipv4Addr, sync::Arc};

use anyhow::ensure;
use netboot_base::{links::Notices, shortlist};

use crate::bind::is_own;

/// As a service: it fails while the node lacks one of them.
///
/// # Errors
/// An address is lacking, or the kernel does not tell of changes.
pub(crate) fn watch(
    addresses: Arc<BTreeSet<Ipv4Addr>>,
) -> anyhow::Result<impl Future<Output = anyhow::Result<()>> + Send> {
    // Before the first look: what changes after it is noticed.
    let mut notices = Notices::new()?;
    look(&addresses)?;
    Ok(async move {
        loop {
            notices.changed().await;
            look(&addresses)?;
        }
    })
}

fn look(addresses: &BTreeSet<Ipv4Addr>) -> anyhow::Result<()> {
    let lacking: Vec<_> = addresses.iter().filter(|address| !is_own(**address)).collect();
    let named: Vec<_> = lacking.iter().take(shortlist::MOST).map(ToString::to_string).collect();
    let named = named.join(", ");
    let more = match lacking.len().saturating_sub(shortlist::MOST) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let is = if lacking.len() == 1 { "is no address" } else { "are no addresses" };
    ensure!(
        lacking.is_empty(),
        "{named}{more}, where machines find services, {is} of this node: add what is lacking, or correct \
         server-address or listen"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(addresses: &[&str], expect: &str) {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        let got = look(&addresses).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(got.starts_with(expect) && got.is_empty() == expect.is_empty(), "{got}");
    }

    #[test]
    fn what_the_node_lacks_is_named() {
        check(&[], "");
        check(&["127.0.0.1", "127.7.7.7"], "");
        // TEST-NET-1 and 2 (RFC 5737).
        check(
            &["127.0.0.1", "192.0.2.1"],
            "192.0.2.1, where machines find services, is no address of this node",
        );
        check(
            &["192.0.2.1", "198.51.100.1"],
            "192.0.2.1, 198.51.100.1, where machines find services, are no addresses of",
        );
    }
}
