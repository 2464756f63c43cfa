//! The cost of frames in the kernel.

use netboot_answer::{
    golden::{self, site},
    kernel::{
        FastPath,
        run::{RunTimes, Which},
    },
};
use netboot_site::model::{Config, Dhcp};
use serde::Serialize;

use super::find;

/// What `selftest cost` prints: nanoseconds a run, the median of the rounds and the fastest one. The
/// kernel's two clock readings around each run are in every figure, also the empty program's.
#[derive(Serialize)]
struct Cost {
    pxe_discover_ns: u64,
    pxe_discover_min_ns: u64,
    script_request_ns: u64,
    script_request_min_ns: u64,
    unknown_machine_ns: u64,
    unknown_machine_min_ns: u64,
    tcp_ns: u64,
    tcp_min_ns: u64,
    empty_program_tcp_ns: u64,
    empty_program_tcp_min_ns: u64,
    rounds: u32,
    runs: u32,
}

/// Of each frame in turn, so that a noisy moment on a shared machine is in all of them.
const ROUNDS: u32 = 11;

pub(super) fn print(runs: u32) -> anyhow::Result<()> {
    let mut fast = FastPath::load(&site::tables_of(&config()?)?)?;
    let frames = golden::frames()?;
    let discover = &find(&frames, golden::PXE_DISCOVER)?.frame;
    let request = &find(&frames, golden::SCRIPT_REQUEST)?.frame;
    let mut unknown = discover.clone();
    // The last octet of `chaddr`.
    if let Some(octet) = unknown.get_mut(42 + 33) {
        *octet ^= 0xff;
    }
    let mut tcp = discover.clone();
    if let Some(protocol) = tcp.get_mut(23) {
        *protocol = 6;
    }
    let each = (runs / ROUNDS).max(1);
    let cases = [
        (Which::Netboot, discover),
        (Which::Netboot, request),
        (Which::Netboot, &unknown),
        (Which::Netboot, &tcp),
        (Which::Pass, &tcp),
    ];
    let mut rounds = cases.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for ((which, frame), means) in cases.iter().zip(&mut rounds) {
            means.push(mean(&mut fast, *which, frame, each)?);
        }
    }
    let [discover, request, unknown, tcp, empty] = rounds.map(Spread::of);
    let cost = Cost {
        pxe_discover_ns: discover.median,
        pxe_discover_min_ns: discover.min,
        script_request_ns: request.median,
        script_request_min_ns: request.min,
        unknown_machine_ns: unknown.median,
        unknown_machine_min_ns: unknown.min,
        tcp_ns: tcp.median,
        tcp_min_ns: tcp.min,
        empty_program_tcp_ns: empty.median,
        empty_program_tcp_min_ns: empty.min,
        rounds: ROUNDS,
        runs: each * ROUNDS,
    };
    println!("{}", serde_json::to_string(&cost)?);
    Ok(())
}

/// The limits are never reached, but cost what they cost.
fn config() -> anyhow::Result<Config> {
    let mut config = site::config()?;
    let Dhcp { machine_rate, unknown_rate, total_rate, .. } = &mut config.dhcp;
    [*machine_rate, *unknown_rate, *total_rate] = [1_000_000; 3];
    Ok(config)
}

struct Spread {
    median: u64,
    min: u64,
}

impl Spread {
    fn of(mut means: Vec<u64>) -> Self {
        means.sort_unstable();
        let at = |index: usize| means.get(index).copied().unwrap_or(0);
        Self { median: at(means.len() / 2), min: at(0) }
    }
}

/// Nanoseconds a run.
pub(super) fn mean(
    fast: &mut FastPath,
    which: Which,
    frame: &[u8],
    runs: u32,
) -> anyhow::Result<u64> {
    let stats = RunTimes::start()?;
    let cost = fast.cost(which, frame, runs, &stats)?;
    Ok(u64::try_from(cost.as_nanos())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_fastest_round() {
        fn check(means: &[u64], median: u64, min: u64) {
            let spread = Spread::of(means.to_vec());
            assert_eq!((spread.median, spread.min), (median, min), "{means:?}");
        }
        check(&[9, 1, 5], 5, 1);
        check(&[700, 250, 251, 252, 9000], 252, 250);
        check(&[], 0, 0);
    }
}
