//! A link that an earlier daemon pinned: to an interface of this network namespace, of another one, or of none any more.

use std::fs;

use anyhow::Context as _;
use aya::programs::links::{FdLink, PinnedLink};
use netboot_base::links;

use super::{bpffs, pins::Pins};

/// A link that an earlier daemon pinned.
pub(super) enum InheritedLink {
    /// The program is at this interface.
    Own(u32, FdLink),
    /// The program is at an interface that is not in this network namespace.
    Foreign,
    /// The program was at an interface that is gone.
    Void,
}

impl InheritedLink {
    /// Opens the link that is pinned for an interface.
    pub(super) fn open(ifindex: u32, pins: &Pins) -> anyhow::Result<Self> {
        let pin = pins.link(ifindex);
        let shown = || pins.shown(&pin);
        let link = PinnedLink::from_pin(&pin)
            .with_context(|| format!("cannot open {}", shown().display()))?;
        let link = FdLink::from(link);
        let info = link.info().context("the kernel does not describe a link")?;
        let interface = || {
            interface(info.id())
                .with_context(|| format!("cannot find the interface of {}", shown().display()))
        };
        let now = interface()?;
        // An index is another interface's in each namespace, a program's number is not.
        if now != 0 && links::xdp_program(now)? == Some(info.program_id()) {
            // The interface was in another namespace meanwhile.
            if now != ifindex {
                bpffs::rename(&pin, &pins.link(now))?;
            }
            return Ok(Self::Own(now, link));
        }
        // The interface may have gone between both questions.
        Ok(if interface()? == 0 { Self::Void } else { Self::Foreign })
    }
}

/// The index, in its own namespace, of the interface that an open link holds a program at; 0: it is gone.
fn interface(id: u32) -> anyhow::Result<u32> {
    // Which descriptor it is, aya does not tell.
    for entry in fs::read_dir("/proc/self/fdinfo")? {
        // Others are closed meanwhile.
        let Ok(text) = fs::read_to_string(entry?.path()) else { continue };
        if field(&text, "link_id") == Some(id) {
            return field(&text, "ifindex").context("the kernel does not say");
        }
    }
    anyhow::bail!("it is not among the open files")
}

fn field(text: &str, name: &str) -> Option<u32> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_descriptor() {
        let link = "pos:\t0\nlink_type:\txdp\nlink_id:\t7\nprog_id:\t42\nifindex:\t0\n";
        let check =
            |name: &str, expect: Option<u32>| assert_eq!(field(link, name), expect, "{name}");
        check("link_id", Some(7));
        check("ifindex", Some(0));
        check("link", None);
        check("link_type", None);
        check("mnt_id", None);
    }
}
