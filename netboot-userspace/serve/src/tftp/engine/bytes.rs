//! The bytes of blocks: in memory, as the disk has brought them, or read for this turn.

use std::{ops::Range, sync::Arc};

use super::{
    Disk, Out,
    transfers::{ActiveTransfer, Id, Transfers},
};
use crate::tftp::{
    content::{Content, OnDisk, UnreadBytes},
    report::AskedTransfer,
};

/// Bytes that are read before they are sent.
const READ_AT_ONCE: usize = 512 << 10;

/// Blocks that are not to be had now.
pub(super) struct MissingBlocks {
    pub(super) id: Id,
    pub(super) on_disk: Arc<OnDisk>,
    pub(super) position: u64,
    pub(super) length: usize,
    pub(super) why: UnreadBytes,
}

/// What is read for one turn from files that are not in memory.
#[derive(Debug, Default)]
pub(super) struct Read {
    buffer: Vec<u8>,
    filled: usize,
    /// Of each in the outbox.
    places: Vec<BytesAt>,
}

/// Where the bytes of some blocks are. It is looked once: a file may be read whole between two looks, and what waits for
/// the disk would be sent twice.
#[derive(Clone, Copy, Debug)]
enum BytesAt {
    AtHand,
    /// Here in what was read.
    Read(usize),
    /// The disk brings them.
    NotNow,
}

impl Read {
    /// Reads for the first ones in the outbox; returns for how many. All that are sent together are read before, since
    /// what they are sent from does not move.
    pub(super) fn ahead(
        &mut self,
        outbox: &[Out],
        transfers: &Transfers,
        troubles: &mut Vec<MissingBlocks>,
    ) -> usize {
        self.filled = 0;
        self.places.clear();
        for out in outbox {
            let place = match out {
                Out::Blocks(id, blocks) => transfers.get(*id).map_or(BytesAt::NotNow, |transfer| {
                    self.blocks(*id, transfer, blocks).unwrap_or_else(|trouble| {
                        troubles.push(trouble);
                        BytesAt::NotNow
                    })
                }),
                Out::Oack(_) | Out::Packet(..) => BytesAt::AtHand,
            };
            self.places.push(place);
            if self.filled >= READ_AT_ONCE {
                break;
            }
        }
        self.places.len()
    }

    /// Of the blocks that have this number in the outbox.
    pub(super) fn bytes<'b>(
        &'b self,
        number: usize,
        transfer: &'b ActiveTransfer,
        blocks: &Range<u64>,
    ) -> Option<&'b [u8]> {
        match self.places.get(number)? {
            BytesAt::AtHand => at_hand(transfer, blocks),
            BytesAt::Read(at) => self.buffer.get(*at..at + place(transfer, blocks).1),
            BytesAt::NotNow => None,
        }
    }

    fn blocks(
        &mut self,
        id: Id,
        transfer: &ActiveTransfer,
        blocks: &Range<u64>,
    ) -> Result<BytesAt, MissingBlocks> {
        if matches!(transfer.disk, Disk::Awaited) {
            return Ok(BytesAt::NotNow);
        }
        let Content::Disk(on_disk) = &transfer.content else { return Ok(BytesAt::AtHand) };
        if at_hand(transfer, blocks).is_some() {
            return Ok(BytesAt::AtHand);
        }
        let (position, length) = place(transfer, blocks);
        let (start, end) = (self.filled, self.filled + length);
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        let room = self.buffer.get_mut(start..end).unwrap_or_default();
        on_disk.read_cached(room, position).map_err(|why| MissingBlocks {
            id,
            on_disk: Arc::clone(on_disk),
            position,
            length,
            why,
        })?;
        self.filled = end;
        Ok(BytesAt::Read(start))
    }
}

/// Where these blocks are in the file, and how many bytes they have.
fn place(transfer: &ActiveTransfer, blocks: &Range<u64>) -> (u64, usize) {
    let AskedTransfer { block_size, size, .. } = transfer.asked;
    let place = |block: u64| (block - 1) * u64::from(block_size);
    let (start, end) = (place(blocks.start), place(blocks.end).min(size));
    (start, usize::try_from(end.saturating_sub(start)).unwrap_or(0))
}

/// In memory, or as the disk has brought them.
fn at_hand<'b>(transfer: &'b ActiveTransfer, blocks: &Range<u64>) -> Option<&'b [u8]> {
    let (start, length) = place(transfer, blocks);
    if let Some(bytes) = transfer.content.bytes() {
        return Some(part(bytes, start, length));
    }
    match &transfer.disk {
        Disk::Brought(at, bytes)
            if *at <= start && start - at + length as u64 <= bytes.len() as u64 =>
        {
            Some(part(bytes, start - at, length))
        }
        Disk::Brought(..) | Disk::Awaited | Disk::None => None,
    }
}

fn part(bytes: &[u8], start: u64, length: usize) -> &[u8] {
    let rest = bytes.get(usize::try_from(start).unwrap_or(usize::MAX)..).unwrap_or_default();
    rest.get(..length).unwrap_or(rest)
}
