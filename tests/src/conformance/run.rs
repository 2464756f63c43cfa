//! Runs suites the three ways.

use std::{
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use netboot_answer::kernel::run::Ran;
use netboot_ebpf::verdict::Verdict;
use netboot_site::config;
use netboot_test_kit::{Ask, Reply};

use super::{
    Case, Expect, Suite,
    case::Ways,
    library::Library,
    node::{Exchange, Ground, Node},
    site::ADDRESS,
};
use crate::wait::wait_for;

/// What ends by itself does so within this.
const PATIENCE: Duration = Duration::from_secs(10);

/// Daemons that run at once.
const WORKERS: usize = 3;

/// Runs every case of the suites, those of one site together; what is not met is told at the end.
pub fn check(suites: Vec<Suite>) -> Result<()> {
    let failed = run_all(&by_site(suites))?;
    ensure!(failed.is_empty(), "{} cases failed:\n{}", failed.len(), failed.join("\n"));
    Ok(())
}

/// Suites of one site become one.
fn by_site(suites: Vec<Suite>) -> Vec<Suite> {
    let mut all: Vec<Suite> = Vec::new();
    for suite in suites {
        match all.iter_mut().find(|other| other.site == suite.site) {
            Some(other) => other.cases.extend(suite.cases),
            None => all.push(suite),
        }
    }
    all
}

/// The cases that failed.
fn run_all(suites: &[Suite]) -> Result<Vec<String>> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<String>> {
        let ground = Ground::new(&outer_tags(suites))?;
        let mut failed = Vec::new();
        while let Some(suite) = suites.get(next.fetch_add(1, Relaxed)) {
            failed.extend(run(suite, &ground)?);
        }
        Ok(failed)
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS.min(suites.len())).map(|_| scope.spawn(work)).collect();
        let mut all = Vec::new();
        for worker in workers {
            all.extend(worker.join().map_err(|_| anyhow!("a worker panicked"))??);
        }
        Ok(all)
    })
}

fn run(suite: &Suite, ground: &Ground) -> Result<Vec<String>> {
    let setup = suite.site.setup()?;
    let loaded = config::load(&setup.path()).context("the site's configuration")?;
    let mut library = Library::new(&loaded.config, &suite.site)?;
    let mut node = ground.start(setup)?;
    if suite.site.declined {
        let station = suite.site.station();
        let given = node.exchange(&Ask::selecting(ADDRESS).mac(station).frame(), 1)?;
        ensure!(given.answers.len() == 1, "{} ACKs", given.answers.len());
        let decline = Ask::decline(station);
        ensure!(node.exchange(&decline.frame(), 0)?.answers.is_empty(), "a DECLINE was answered");
    }
    let mut failed = Vec::new();
    for case in &suite.cases {
        if let Err(error) = three_ways(case, &mut library, &mut node) {
            failed.push(format!("  {}: {error:#}", case.name));
        }
    }
    node.stop()?;
    Ok(failed)
}

fn three_ways(case: &Case, library: &mut Library, node: &mut Node<'_>) -> Result<()> {
    let Case { frame, expect, .. } = case;
    let mut sent = None;
    match case.ways {
        Ways::Eventually => return eventually(case, node),
        Ways::Daemon => {}
        Ways::All => {
            let (verdict, reply) = library.host(frame);
            judge(expect, frame, verdict.as_str(), reply.as_deref()).context("the library")?;
            kernel(expect, frame, library.kernel(frame)?, reply.as_deref())
                .context("the kernel")?;
            sent = reply;
        }
    }
    let answers = usize::from(expect.verdict.is_answer());
    let answer = daemon(case, node, answers).context("the daemon")?;
    if case.ways == Ways::All {
        ensure!(answer == sent, "the daemon sends {answer:02x?}, the library {sent:02x?}");
    }
    Ok(())
}

/// Asks the daemon; its answer, which is as expected.
fn daemon(case: &Case, node: &mut Node<'_>, answers: usize) -> Result<Option<Vec<u8>>> {
    let Exchange { counted, mut answers } = node.exchange(&case.frame, answers)?;
    let verdict = match &counted[..] {
        // Its socket takes nothing else.
        [] => Verdict::NotDhcp.as_str(),
        [one] => one,
        more => bail!("it counted {more:?}"),
    };
    ensure!(answers.len() < 2, "it sent {} answers", answers.len());
    let answer = answers.pop();
    judge(&case.expect, &case.frame, verdict, answer.as_deref())?;
    Ok(answer)
}

fn eventually(case: &Case, node: &mut Node<'_>) -> Result<()> {
    let mut last = None;
    let asked = wait_for("the daemon", PATIENCE, || match daemon(case, node, 0) {
        Ok(_) => Ok(Some(())),
        Err(error) => {
            last = Some(error);
            Ok(None)
        }
    });
    asked.map_err(|error| last.unwrap_or(error))
}

/// Compares what was made of a request with what is expected.
fn judge(expect: &Expect, frame: &[u8], verdict: &str, answer: Option<&[u8]>) -> Result<()> {
    let due = expect.verdict.is_answer();
    let reply = match answer {
        Some(_) if !due => bail!("it is answered, as {verdict}, not {}", expect.verdict.as_str()),
        None if due => bail!("it is not answered ({verdict})"),
        None => None,
        Some(answer) => Some(Reply::read(answer).context("no valid answer")?),
    };
    if let Some(reply) = &reply {
        reply.has_valid_lengths().context("no valid answer")?;
        expect.check(frame, reply).with_context(|| format!("the answer {:?}", reply.options))?;
    }
    ensure!(verdict == expect.verdict.as_str(), "{verdict}, not {}", expect.verdict.as_str());
    Ok(())
}

/// The XDP program sends the library's bytes, or leaves the frame as it is.
fn kernel(
    expect: &Expect,
    frame: &[u8],
    (verdict, ran): (Verdict, Ran),
    host: Option<&[u8]>,
) -> Result<()> {
    let due = expect.passed.unwrap_or(expect.verdict);
    ensure!(verdict == due, "it counts {}, not {}", verdict.as_str(), due.as_str());
    match (ran, expect.passed) {
        (Ran::Passed(after), Some(_)) => ensure!(after == frame, "it passes a changed frame on"),
        (Ran::Passed(_), None) => bail!("it passes the frame on"),
        (Ran::Dropped, _) => bail!("it drops the frame"),
        (Ran::Answered(_), Some(_)) => bail!("it answers, and should not"),
        (Ran::Answered(sent), None) => {
            ensure!(Some(&sent[..]) == host, "it sends {sent:02x?}, the library {host:02x?}")
        }
    }
    Ok(())
}

/// The outer tags that frames have.
fn outer_tags(suites: &[Suite]) -> Vec<[u8; 4]> {
    let cases = suites.iter().flat_map(|suite| &suite.cases);
    let mut all: Vec<_> = cases.filter_map(|case| case.tags().first().copied()).collect();
    all.sort_unstable();
    all.dedup();
    all
}
