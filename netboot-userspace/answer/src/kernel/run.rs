//! Runs of the loaded programs over frames that nobody sent (BPF_PROG_TEST_RUN), and what runs cost.

use std::{os::fd::OwnedFd, time::Duration};

use anyhow::Context as _;
use aya::{
    programs::{TestRun as _, TestRunOptions, Xdp},
    sys::{Stats, enable_stats},
};

use super::FastPath;

/// The interface that such frames come over: the loopback device of the first namespace.
pub const IFINDEX: u32 = 1;

/// More than any frame that the program makes.
const MAX_FRAME: usize = 4096;

/// A program of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The responder.
    Netboot,
    /// The empty program.
    Pass,
}

/// What a program made of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ran {
    /// XDP_PASS, with the frame as it then is.
    Passed(Vec<u8>),
    /// XDP_TX, with the answer.
    Answered(Vec<u8>),
    /// XDP_DROP: the frame is over a limit.
    Dropped,
}

const XDP_DROP: u32 = 1;
const XDP_PASS: u32 = 2;
pub(super) const XDP_TX: u32 = 3;

impl FastPath {
    /// Runs a program over a frame.
    ///
    /// # Errors
    /// The kernel does not run the program: frames are 14 bytes and up.
    pub fn run(&mut self, which: Which, frame: &[u8]) -> anyhow::Result<Ran> {
        let (action, out) = test_run(self.loaded(which)?, frame, None)?;
        match action {
            XDP_DROP => Ok(Ran::Dropped),
            XDP_PASS => Ok(Ran::Passed(out)),
            XDP_TX => Ok(Ran::Answered(out)),
            other => anyhow::bail!("the program returned {other}"),
        }
    }

    /// The mean of what a run over this frame costs, by the kernel's own clock around each run.
    ///
    /// Each run is a system call of its own: with `repeat` the kernel would run the program over its own
    /// answer.
    ///
    /// # Errors
    /// As [`FastPath::run`].
    pub fn cost(
        &mut self,
        which: Which,
        frame: &[u8],
        runs: u32,
        _stats: &RunTimes,
    ) -> anyhow::Result<Duration> {
        let before = self.loaded(which)?.info()?;
        for _ in 0..runs {
            self.run(which, frame)?;
        }
        let after = self.loaded(which)?.info()?;
        let runs = after.run_count() - before.run_count();
        anyhow::ensure!(runs > 0, "the kernel counted no runs");
        Ok((after.run_time() - before.run_time()) / u32::try_from(runs)?)
    }

    fn loaded(&mut self, which: Which) -> anyhow::Result<&mut Xdp> {
        let program = super::program(&mut self.ebpf, which.name())?;
        if program.fd().is_err() {
            program.load().map_err(|error| super::load_errors::load(&error))?;
        }
        Ok(program)
    }
}

/// The action that a program returns for a frame, in this context (`struct xdp_md`), and the frame as it then is.
pub(super) fn test_run(
    program: &Xdp,
    frame: &[u8],
    context: Option<&[u8]>,
) -> anyhow::Result<(u32, Vec<u8>)> {
    let mut out = vec![0; MAX_FRAME];
    let options = TestRunOptions {
        data_in: Some(frame),
        data_out: Some(&mut out),
        ctx_in: context,
        ..TestRunOptions::new()
    };
    let result = program
        .test_run(options)
        .context("the kernel does not run the program over the frame (BPF_PROG_TEST_RUN)")?;
    out.truncate(result.data_size_out as usize);
    Ok((result.return_value, out))
}

impl Which {
    const fn name(self) -> &'static str {
        match self {
            Self::Netboot => super::PROGRAM,
            Self::Pass => "pass",
        }
    }
}

/// As long as this value lives, the kernel takes the time of each run.
pub struct RunTimes {
    _fd: OwnedFd,
}

impl RunTimes {
    /// Switches the kernel's clock for runs on.
    ///
    /// # Errors
    /// No privilege.
    pub fn start() -> anyhow::Result<Self> {
        let fd =
            enable_stats(Stats::RunTime).context("cannot switch on the kernel's BPF statistics")?;
        Ok(Self { _fd: fd })
    }
}
