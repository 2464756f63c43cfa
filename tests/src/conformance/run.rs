//! Runs suites the three ways.

use anyhow::{Context as _, Result, bail, ensure};
use netboot::{config, fastpath::run::Ran};
use netboot_ebpf::verdict::Verdict;

use super::{
    Ask, Case, Expect, Reply, Suite,
    case::Ways,
    library::Library,
    node::{Exchange, Node},
    tags::Tags,
};

/// Runs every case of the suites; what is not met is told at the end, together.
pub fn check(suites: &[Suite]) -> Result<()> {
    let failed = failures(suites)?;
    ensure!(failed.is_empty(), "{} cases failed:\n{}", failed.len(), failed.join("\n"));
    Ok(())
}

/// As [`check`], of what is not done yet: it must fail. Once it does not, [`check`] takes its place.
pub fn check_planned(suites: &[Suite]) -> Result<()> {
    for suite in suites {
        match failures(std::slice::from_ref(suite)) {
            Err(error) => eprintln!("a suite is not possible yet: {error:#}"),
            Ok(failed) if failed.is_empty() => {
                let names: Vec<_> = suite.cases.iter().map(|case| case.name.as_str()).collect();
                bail!("this is done now, `check` it:\n{}", names.join("\n"));
            }
            Ok(failed) => eprintln!("{} cases fail yet:\n{}", failed.len(), failed.join("\n")),
        }
    }
    Ok(())
}

fn failures(suites: &[Suite]) -> Result<Vec<String>> {
    let mut failed = Vec::new();
    for suite in suites {
        failed.extend(run(suite)?);
    }
    Ok(failed)
}

fn run(suite: &Suite) -> Result<Vec<String>> {
    let setup = suite.site.setup()?;
    let loaded = config::load(&setup.path()).context("the site's configuration")?;
    let mut library = Library::new(&loaded.config, &suite.site)?;
    let mut node = Node::start(setup, &vlans(&suite.cases))?;
    if suite.site.declined {
        let decline = Ask::decline(suite.site.station());
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

fn three_ways(case: &Case, library: &mut Library, node: &mut Node) -> Result<()> {
    let Case { frame, expect, .. } = case;
    let mut sent = None;
    if case.ways == Ways::All {
        let (verdict, reply) = library.host(frame);
        judge(expect, frame, verdict.as_str(), reply.as_deref()).context("the library")?;
        kernel(expect, frame, library.kernel(frame)?, reply.as_deref()).context("the kernel")?;
        sent = reply;
    }
    let answers = usize::from(expect.verdict.is_answer());
    let Exchange { counted, answers } = node.exchange(frame, answers).context("the daemon")?;
    let verdict = match &counted[..] {
        // Its socket takes nothing else.
        [] => Verdict::NotDhcp.as_str(),
        [one] => one,
        more => bail!("the daemon counted {more:?}"),
    };
    ensure!(answers.len() < 2, "the daemon sent {} answers", answers.len());
    let answer = answers.first().map(Vec::as_slice);
    judge(expect, frame, verdict, answer).context("the daemon")?;
    if case.ways == Ways::All {
        ensure!(
            answer == sent.as_deref(),
            "the daemon sends {answer:02x?}, the library {sent:02x?}"
        );
    }
    Ok(())
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
        (Ran::Answered(_), Some(_)) => bail!("it answers, and should not"),
        (Ran::Answered(sent), None) => {
            ensure!(Some(&sent[..]) == host, "it sends {sent:02x?}, the library {host:02x?}")
        }
    }
    Ok(())
}

/// The tags that frames have.
fn vlans(cases: &[Case]) -> Vec<Tags> {
    let mut all: Vec<Tags> = Vec::new();
    for case in cases {
        let tags = case.tags();
        if !tags.is_empty() && !all.contains(&tags) {
            all.push(tags);
        }
    }
    all
}
