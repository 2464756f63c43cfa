//! Many TFTP clients on one thread and one epoll: a load that costs little beside the server.

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use netboot_tests::interrupt;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::{
    client::{Client, End, PACKET, Step, Wish},
    packets::Terms,
};
use crate::usage;

/// How often it is looked who waits for too long.
const CLOCK: Duration = Duration::from_millis(50);
const EVENTS: usize = 256;

/// What came of all clients.
#[derive(Default)]
pub(super) struct Outcome {
    /// When each of those came to its end, in order.
    pub(super) ends: Vec<(Duration, End)>,
    /// Clients that were not at their end when the time was over.
    pub(super) unfinished: usize,
    /// Of whole transfers.
    pub(super) bytes: usize,
    /// Of any of the transfers.
    pub(super) terms: Option<Terms>,
    /// How often a client had to ask again.
    pub(super) again: u32,
    pub(super) took: Duration,
    /// Of this thread.
    pub(super) cpu: Duration,
}

struct Crowd<'a> {
    epoll: Epoll,
    /// Nobody where one is at its end.
    clients: Vec<Option<Client<'a>>>,
    outcome: Outcome,
    start: Instant,
    bytes: usize,
}

/// Lets clients at these addresses ask at once, and waits for them no longer than `limit`.
pub(super) fn run(
    wish: &Wish<'_>,
    addresses: impl Iterator<Item = Ipv4Addr>,
    limit: Duration,
) -> Result<Outcome> {
    usage::open_many_files()?;
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).context("cannot make an epoll")?;
    let mut clients = Vec::new();
    for (number, address) in addresses.enumerate() {
        let client = Client::new(wish, address)?;
        watch(&epoll, &client, number)?;
        clients.push(Some(client));
    }
    let (start, cpu) = (Instant::now(), usage::of_this_thread()?);
    let bytes = wish.content.len();
    let mut crowd = Crowd { epoll, clients, outcome: Outcome::default(), start, bytes };
    crowd.fetch(limit)?;
    let mut outcome = crowd.outcome;
    outcome.took = start.elapsed();
    outcome.cpu = usage::of_this_thread()?.saturating_sub(cpu);
    Ok(outcome)
}

impl Crowd<'_> {
    fn fetch(&mut self, limit: Duration) -> Result<()> {
        for client in self.clients.iter_mut().flatten() {
            client.ask(self.start)?;
        }
        let mut left = self.clients.len();
        let mut events = [EpollEvent::empty(); EVENTS];
        let mut packet = [0; PACKET];
        let pause = EpollTimeout::try_from(CLOCK)?;
        let mut looked = self.start;
        while left > 0 {
            let ready = self.epoll.wait(&mut events, pause).context("cannot wait for packets")?;
            let now = Instant::now();
            for event in events.iter().take(ready) {
                let number = usize::try_from(event.data())?;
                if self.receive(number, now, &mut packet)? {
                    left -= 1;
                }
            }
            if now.duration_since(looked) >= CLOCK {
                interrupt::check()?;
                looked = now;
                if now.duration_since(self.start) > limit {
                    self.outcome.unfinished = left;
                    return Ok(());
                }
                left -= self.look_at_clock(now)?;
            }
        }
        Ok(())
    }

    /// Whether this client is at its end.
    fn receive(&mut self, number: usize, now: Instant, packet: &mut [u8; PACKET]) -> Result<bool> {
        let Some(Some(client)) = self.clients.get_mut(number) else { return Ok(false) };
        match client.receive(now, packet)? {
            Step::Acknowledged | Step::Waiting => Ok(false),
            Step::Next(terms) => {
                // With the socket it leaves the epoll.
                client.open_next()?;
                watch(&self.epoll, client, number)?;
                client.ask(now)?;
                if terms.is_some() {
                    self.outcome.bytes += self.bytes;
                    self.outcome.terms = terms;
                }
                Ok(false)
            }
            Step::Ended(end) => {
                if let End::Served(terms) = end {
                    self.outcome.bytes += self.bytes;
                    self.outcome.terms = Some(terms);
                }
                self.end(number, end);
                Ok(true)
            }
        }
    }

    /// How many clients gave up.
    fn look_at_clock(&mut self, now: Instant) -> Result<usize> {
        let mut ended = Vec::new();
        for (number, client) in self.clients.iter_mut().enumerate() {
            match client.as_mut().map(|client| client.look_at_clock(now)).transpose()? {
                Some(Ok(true)) => self.outcome.again += 1,
                Some(Err(end)) => ended.push((number, end)),
                Some(Ok(false)) | None => {}
            }
        }
        let count = ended.len();
        for (number, end) in ended {
            self.end(number, end);
        }
        Ok(count)
    }

    fn end(&mut self, number: usize, end: End) {
        if let Some(client) = self.clients.get_mut(number) {
            *client = None;
        }
        self.outcome.ends.push((self.start.elapsed(), end));
    }
}

fn watch(epoll: &Epoll, client: &Client<'_>, number: usize) -> Result<()> {
    let event = EpollEvent::new(EpollFlags::EPOLLIN, u64::try_from(number)?);
    epoll.add(client.socket(), event).context("cannot wait for a client's socket")
}
