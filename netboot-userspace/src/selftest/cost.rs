//! What frames cost in the kernel.

use serde::Serialize;

use super::{find, golden, site};
use crate::fastpath::{
    FastPath,
    run::{RunTimes, Which},
};

/// What `selftest cost` prints: nanoseconds a run. The kernel's two clock readings around each run are in
/// every figure, also the empty program's.
#[derive(Serialize)]
struct Cost {
    pxe_discover_ns: u64,
    script_request_ns: u64,
    unknown_machine_ns: u64,
    tcp_ns: u64,
    empty_program_tcp_ns: u64,
    runs: u32,
}

/// Rounds, of which the fastest counts: the machine may be shared.
const ROUNDS: u32 = 10;

pub(super) fn print(runs: u32) -> anyhow::Result<()> {
    let mut fast = FastPath::load(&site::tables()?)?;
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
    let mut best = |which, frame: &[u8]| -> anyhow::Result<u64> {
        let rounds: anyhow::Result<Vec<u64>> =
            (0..ROUNDS).map(|_| mean(&mut fast, which, frame, each)).collect();
        Ok(rounds?.into_iter().min().unwrap_or(0))
    };
    let cost = Cost {
        pxe_discover_ns: best(Which::Netboot, discover)?,
        script_request_ns: best(Which::Netboot, request)?,
        unknown_machine_ns: best(Which::Netboot, &unknown)?,
        tcp_ns: best(Which::Netboot, &tcp)?,
        empty_program_tcp_ns: best(Which::Pass, &tcp)?,
        runs: each * ROUNDS,
    };
    println!("{}", serde_json::to_string(&cost)?);
    Ok(())
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
