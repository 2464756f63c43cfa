//! The engine's turns: each waits for sockets and for time, and sees to what is there.

use std::{
    cmp::Reverse,
    io,
    os::fd::AsRawFd as _,
    time::{Duration, Instant},
};

use async_tftp::server::Handler;
use mio::{Events, Interest, Poll, Token, unix::SourceFd};
use netboot_machines::event::TransferOutcome;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{Engine, MINUTE, REQUESTS, disk::Brought};
use crate::tftp::{batch::BatchReceiver, content::ContentReader, packet::error};

/// Of the waker; sockets have their numbers.
pub(in crate::tftp) const WAKER: Token = Token(usize::MAX);
/// A turn that comes so late was not the clients' doing.
const STOPPED: Duration = Duration::from_secs(1);
/// A socket that fails so often in a row has failed for good.
const TRIES: usize = 4;
/// Sockets that are told of at once.
const EVENTS: usize = 128;

/// What it ends by. Whoever cancels one of them wakes it, too.
#[derive(Clone, Debug)]
pub(in crate::tftp) struct Endings {
    /// When the last transfer has ended.
    pub(in crate::tftp) cancel: CancellationToken,
    /// At once.
    pub(in crate::tftp) cut: CancellationToken,
}

impl<H: Handler<Reader = ContentReader>> Engine<H> {
    /// Serves until it is cancelled and the last transfer has ended, or it is cut.
    ///
    /// # Errors
    /// A socket fails, or the kernel does not tell of sockets.
    pub(in crate::tftp) fn run(mut self, mut poll: Poll, endings: &Endings) -> io::Result<()> {
        let served = self.serve(&mut poll, endings);
        let now = Instant::now();
        for transfer in std::mem::take(&mut self.transfers).into_all() {
            self.tell_end(&transfer, &TransferOutcome::Cut, now);
            // Nobody will hear it: its client would wait in vain for as long as it can.
            self.say_error(
                transfer.socket,
                transfer.ends,
                error::UNDEFINED,
                "the server ends: ask again",
            );
        }
        self.flush();
        served
    }

    fn serve(&mut self, poll: &mut Poll, endings: &Endings) -> io::Result<()> {
        for (number, socket) in self.sockets.iter().enumerate() {
            let mut source = SourceFd(&socket.as_raw_fd());
            poll.registry().register(&mut source, Token(number), Interest::READABLE)?;
        }
        // What the socket of requests has dropped is told by its own messages.
        let is_ipv4 =
            self.sockets.iter().all(|socket| socket.local_addr().is_ok_and(|own| own.is_ipv4()));
        let (mut receiver, mut requests) = (BatchReceiver::new(is_ipv4), BatchReceiver::new(false));
        // Each has something until it was read to its end: the kernel tells of what is new only.
        let mut is_ready = vec![true; self.sockets.len()];
        let mut events = Events::with_capacity(EVENTS);
        let is_heard_out = |is_ready: &[bool]| is_ready.get(REQUESTS) != Some(&true);
        let mut turn = Instant::now();
        while !(self.is_ending && self.transfers.is_empty() && is_heard_out(&is_ready)) {
            let pause = if is_ready.contains(&true) { Some(Duration::ZERO) } else { self.pause() };
            match poll.poll(&mut events, pause) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                Ok(()) | Err(_) => {}
            }
            for event in &events {
                if event.token() == WAKER {
                    if endings.cut.is_cancelled() {
                        return Ok(());
                    }
                    if endings.cancel.is_cancelled() && !self.is_ending {
                        self.is_ending = true;
                        // The socket may have heard something that was not told of yet.
                        if let Some(is_ready) = is_ready.get_mut(REQUESTS) {
                            *is_ready = true;
                        }
                    }
                    while let Some(Brought { id, position, bytes, .. }) = self.reads.next() {
                        self.brought(id, position, bytes);
                    }
                } else if let Some(is_ready) = is_ready.get_mut(event.token().0) {
                    *is_ready = true;
                }
            }
            let now = Instant::now();
            let late = now.duration_since(turn).saturating_sub(pause.unwrap_or_default());
            turn = now;
            if pause.is_some() && late >= STOPPED {
                self.was_stopped(late, now);
            }
            // Transfers go before requests, of which there may be a flood.
            for (number, is_ready) in is_ready.iter_mut().enumerate().rev() {
                if *is_ready {
                    let receiver = if number == REQUESTS { &mut requests } else { &mut receiver };
                    *is_ready = self.hear(number, receiver, now)?;
                }
            }
            self.wake(now);
            self.flush();
        }
        Ok(())
    }

    /// The program, or the machine, has not run for so long: no client is to blame for it.
    pub(super) fn was_stopped(&mut self, late: Duration, now: Instant) {
        debug!(ms = late.as_millis(), "tftp: did not run");
        for transfer in self.transfers.all_mut() {
            transfer.sending.delayed(now);
            transfer.until += late;
        }
    }

    /// Until the first timer; `None`: there is none.
    fn pause(&mut self) -> Option<Duration> {
        // For a pause of less than a tick the kernel sets the processor's timer, which is dear in a virtual machine:
        // not for those that are over.
        while let Some(Reverse((at, id))) = self.timers.peek()
            && self.transfers.get(*id).is_none_or(|transfer| transfer.wakes != *at)
        {
            let _ = self.timers.pop();
        }
        let wakes = self.timers.peek().map(|Reverse((at, _))| *at);
        let wakes = wakes.into_iter().chain(self.refused.map(|at| at + MINUTE)).min();
        wakes.map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// Receives from the socket of requests, number 0, or one of the others, and answers. Returns whether there may be
    /// more.
    fn hear(
        &mut self,
        number: usize,
        receiver: &mut BatchReceiver,
        now: Instant,
    ) -> io::Result<bool> {
        let Some(socket) = self.sockets.get(number) else { return Ok(false) };
        // An error can be of what was sent before; it is told once.
        let mut tries = 0;
        while let Err(error) = receiver.receive(socket) {
            if error.kind() == io::ErrorKind::WouldBlock {
                return Ok(false);
            }
            debug!(%error, "tftp: a socket failed");
            tries += 1;
            if tries == TRIES {
                return Err(error);
            }
        }
        self.unheard(number, receiver, now);
        for datagram in receiver.received() {
            match number {
                REQUESTS => self.request(datagram, now),
                number => self.answer(number, datagram, now),
            }
        }
        Ok(receiver.may_have_left_some())
    }
}
