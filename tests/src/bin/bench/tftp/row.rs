//! A row of the comparison: how many clients ask at once, and for what.

use std::{iter, net::Ipv4Addr, time::Duration};

use anyhow::Result;

use super::{
    FULL_BLOCK,
    client::Wish,
    cores::Cores,
    crowd::{self, Outcome},
    packets,
};

/// A client asks again after this, a few times.
const PATIENCE: Duration = Duration::from_secs(1);
const RETRIES: u32 = 5;
/// The longest that a round may take.
const LIMIT: Duration = Duration::from_secs(30);
/// A few clients get more than a file each, to be at it for long enough to be measured.
const TRANSFERS: u32 = 96;
/// One alone waits for a packet on its way most of the time.
const TRANSFERS_OF_ONE: u32 = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) clients: u16,
    pub(super) window: u16,
    pub(super) block_size: u16,
}

impl Row {
    /// The file's name under the server's root.
    pub(super) fn file(&self) -> String {
        format!("{}-{}", super::FILE, self.block_size)
    }

    /// As many blocks, whatever their size: a round takes about as long then.
    pub(super) fn content<'a>(&self, file: &'a [u8]) -> &'a [u8] {
        let length = file.len() * usize::from(self.block_size) / usize::from(FULL_BLOCK);
        file.get(..length).unwrap_or(file)
    }

    /// Of each client, one after the other.
    pub(super) fn transfers(&self) -> u32 {
        match u32::from(self.clients) {
            1 => TRANSFERS_OF_ONE,
            clients => (TRANSFERS / clients).max(1),
        }
    }

    /// One client and its server wait for each other. Where the scheduler has them on two cores, each packet wakes the
    /// other core, which takes longer than all else; whether it does changes from round to round.
    pub(super) fn cores(&self) -> Cores {
        if self.clients == 1 { Cores::One } else { Cores::All }
    }

    pub(super) fn run(&self, file: &[u8]) -> Result<Outcome> {
        let (block_size, window) = (self.block_size.to_string(), self.window.to_string());
        let options = ["blksize", &block_size, "windowsize", &window];
        let options = if self.window > 1 { &options[..] } else { &options[..2] };
        let wish = Wish {
            request: packets::request(&self.file(), options),
            content: self.content(file),
            transfers: self.transfers(),
            looks_first: false,
            patience: PATIENCE,
            retries: RETRIES,
        };
        let addresses = iter::repeat_n(Ipv4Addr::LOCALHOST, usize::from(self.clients));
        self.cores().take()?;
        crowd::run(&wish, addresses, LIMIT)
    }
}
