//! TFTP transfers that take and do not give, beside a room of machines.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};
use netboot_tests::{
    attacks::{pace::Pace, requests::Requests, windows::Slow},
    daemon::Build,
};

use super::connections::{ATTACKER, TFTP, content, forged as forged_address, node};
use crate::{
    tftp::{FILE, power_on::Room},
    usage,
};

const MACHINES: u16 = 50;
const TRANSFERS: usize = 2048;
/// Forged requests a second, and how long they come before the machines do.
const FORGED: u32 = 341;
const BEFORE: Duration = Duration::from_secs(7);
/// An attack ends by itself then.
const LONGEST: Duration = Duration::from_secs(60);

pub(super) fn slow(build: Build) -> Result<Vec<u64>> {
    beside_room(build, |ready, over| {
        let mut slow = Slow::open(TFTP, FILE, ATTACKER, TRANSFERS)?;
        ready.store(true, Relaxed);
        while !over() {
            slow.go_on();
            thread::park_timeout(Duration::from_millis(20));
        }
        Ok(())
    })
}

pub(super) fn forged(build: Build) -> Result<Vec<u64>> {
    beside_room(build, |ready, over| {
        let mut requests = Requests::new(TFTP, FILE, 10_000);
        let (mut pace, start) = (Pace::new(FORGED), Instant::now());
        for number in 0.. {
            if over() {
                break;
            }
            ready.store(start.elapsed() > BEFORE, Relaxed);
            pace.wait();
            requests.send_from(forged_address(number))?;
        }
        Ok(())
    })
}

/// Machines that want the boot file once the attack says that it is ready, until they are through.
fn beside_room(
    build: Build,
    attack: impl Fn(&AtomicBool, &dyn Fn() -> bool) -> Result<()> + Send + Sync,
) -> Result<Vec<u64>> {
    let node = node(build, &[])?;
    let [ready, over] = [AtomicBool::new(false), AtomicBool::new(false)];
    let start = Instant::now();
    let is_over = || over.load(Relaxed) || start.elapsed() > LONGEST;
    let room = thread::scope(|scope| {
        let attacker = scope.spawn(|| node.namespace.enter(|| attack(&ready, &is_over)));
        while !ready.load(Relaxed) && !attacker.is_finished() {
            thread::park_timeout(Duration::from_millis(20));
        }
        let room = Room::switch_on(&node.namespace, MACHINES, &content());
        over.store(true, Relaxed);
        attacker.join().map_err(|_| anyhow!("the attacker panicked"))??;
        room
    })?;
    Ok(vec![room.served.len() as u64, usage::peak_of_process(node.id())?])
}
