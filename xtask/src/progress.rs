//! Says what is being done: one living line on a terminal, plain lines elsewhere.

use std::{
    cell::Cell,
    io::{self, IsTerminal as _},
    time::{Duration, Instant},
};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

/// How often a plain log hears of a step that is still busy.
const PLAIN_INTERVAL: Duration = Duration::from_secs(5);

/// One step of work, said when it starts, while it runs and when it ends.
pub(crate) struct Step {
    title: String,
    bar: Option<ProgressBar>,
    started: Instant,
    said: Cell<Instant>,
    last: Cell<String>,
}

impl Step {
    pub(crate) fn start(title: impl Into<String>) -> Self {
        let title = title.into();
        let now = Instant::now();
        let bar = io::stderr().is_terminal().then(|| spinner(&title));
        if bar.is_none() {
            eprintln!("     {title} ...");
        }
        Self { title, bar, started: now, said: Cell::new(now), last: Cell::default() }
    }

    /// The newest line that the step's command printed.
    pub(crate) fn note(&self, line: &str) {
        let line = line.trim();
        if line.is_empty() {
            return;
        }
        match &self.bar {
            Some(bar) => bar.set_message(line.to_owned()),
            None => self.last.set(line.to_owned()),
        }
        self.wait();
    }

    /// Still busy: a plain log is told now and then.
    pub(crate) fn wait(&self) {
        if self.bar.is_some() || self.said.get().elapsed() < PLAIN_INTERVAL {
            return;
        }
        self.said.set(Instant::now());
        let last = self.last.take();
        eprintln!("     {} ... {} {last}", self.title, HumanDuration(self.started.elapsed()));
        self.last.set(last);
    }

    pub(crate) fn done(self, outcome: &str) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        said(&self.title, &format!("{outcome} ({:.1} s)", self.started.elapsed().as_secs_f64()));
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A step that took no time.
pub(crate) fn said(title: &str, outcome: &str) {
    eprintln!("  ok {title}: {outcome}");
}

fn spinner(title: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_prefix(title.to_owned());
    if let Ok(style) =
        ProgressStyle::with_template("  {spinner} {prefix} [{elapsed}] {wide_msg:.dim}")
    {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
