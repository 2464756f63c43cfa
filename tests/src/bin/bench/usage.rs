//! CPU time and memory.

use std::{fs, thread, time::Duration};

use anyhow::{Context as _, Result};
use nix::sys::{
    resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit},
    time::TimeValLike as _,
};

/// The CPU time that a running process and its ended children have used.
pub(crate) fn of_process(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).with_context(|| path.clone())?;
    ticks(&stat).map(|ticks| Duration::from_millis(ticks * 10)).with_context(|| path)
}

/// The most memory that a process had at once, in KiB.
pub(crate) fn peak_of_process(pid: u32) -> Result<u64> {
    memory(pid, "VmHWM:")
}

/// The memory that a process has now, in KiB.
pub(crate) fn resident_of_process(pid: u32) -> Result<u64> {
    memory(pid, "VmRSS:")
}

/// How many descriptors a process has open.
pub(crate) fn descriptors_of_process(pid: u32) -> Result<usize> {
    Ok(fs::read_dir(format!("/proc/{pid}/fd"))?.count())
}

/// As many descriptors for this process as it may have.
pub(crate) fn open_many_files() -> Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, most, most)?)
}

fn memory(pid: u32, name: &str) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| path.clone())?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
    number.with_context(|| format!("{path} has no {name}"))
}

/// The CPU time of the children that were waited for.
pub(crate) fn of_ended_children() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(u64::try_from(micros)?))
}

/// The CPU time of the calling thread.
pub(crate) fn of_this_thread() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_THREAD)?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(u64::try_from(micros)?))
}

/// The machine's load, cores and kernel in a line: what a reader must know to believe the figures.
pub(crate) fn machine() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let load = read("/proc/loadavg");
    let load = load.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
    let cores = thread::available_parallelism().map_or(0, usize::from);
    format!(
        "load average {load}; {cores} cores; Linux {}",
        read("/proc/sys/kernel/osrelease").trim()
    )
}

/// utime, stime, cutime and cstime: fields 14 to 17. The name, field 2, may hold anything but ends
/// with the last parenthesis. A tick is 10 ms for every program.
fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut sum = 0;
    let mut fields = fields.split_whitespace().skip(11);
    for _ in 0..4 {
        sum += fields.next()?.parse::<u64>().ok()?;
    }
    Some(sum)
}
