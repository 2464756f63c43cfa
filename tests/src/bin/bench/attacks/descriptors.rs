//! Forged requests where descriptors are few, beside machines that use HTTP.

use std::{
    net::Ipv4Addr,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};
use netboot_tests::{
    attacks::{
        heads,
        pace::{Pace, paced},
        requests::Requests,
    },
    daemon::Build,
};

use super::connections::{HTTP, TFTP, forged, node};
use crate::{tftp::FILE, usage};

const REQUESTS: u32 = 1000;
const BEFORE: Duration = Duration::from_secs(3);
const LONGEST: Duration = Duration::from_secs(60);
const HTTP_REQUESTS: u8 = 25;

pub(super) fn run(build: Build) -> Result<Vec<u64>> {
    let node = node(build, &["prlimit", "--nofile=1024"])?;
    let over = AtomicBool::new(false);
    let attack = || {
        let mut requests = Requests::new(TFTP, FILE, 10_000);
        let (mut pace, start) = (Pace::new(REQUESTS), Instant::now());
        for number in 0.. {
            if over.load(Relaxed) || start.elapsed() > LONGEST {
                break;
            }
            pace.wait();
            requests.send_from(forged(number))?;
        }
        Ok(())
    };
    let (mut descriptors, mut served) = (0, 0);
    thread::scope(|scope| {
        let attacker = scope.spawn(|| node.namespace.enter(attack));
        let seen = node.namespace.enter(|| {
            let start = Instant::now();
            while start.elapsed() < BEFORE {
                descriptors = descriptors.max(usage::descriptors_of_process(node.id())?);
                thread::park_timeout(Duration::from_millis(20));
            }
            for number in paced(5, 1..=HTTP_REQUESTS) {
                let machine = Ipv4Addr::new(127, 5, 0, number);
                served += u64::from(heads::is_served(HTTP, machine, "/file"));
                descriptors = descriptors.max(usage::descriptors_of_process(node.id())?);
            }
            Ok(())
        });
        over.store(true, Relaxed);
        attacker.join().map_err(|_| anyhow!("the attacker panicked"))??;
        seen
    })?;
    Ok(vec![descriptors as u64, served])
}
