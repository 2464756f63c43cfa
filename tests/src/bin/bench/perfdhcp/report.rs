//! What a run says, and what all of them say together.

use std::time::Duration;

use netboot_tests::{daemon::Xdp, load::Load};
use serde_json::{Value, json};

use super::Run;
use crate::{
    dhcp_servers::Kind,
    table::{row, table},
    usage,
};

/// Where less than this part of the rate was sent, the rate was not tried.
const OFFERED: f64 = 0.98;

pub(super) fn header(load: &Load) -> String {
    format!(
        "perfdhcp: {} exchanges/s offered for {} s by {} processes, {} machines, through a relay; {}",
        load.rate,
        load.seconds,
        load.generators,
        load.machines,
        usage::machine()
    )
}

/// A run in a few lines.
pub(super) fn details(run: &Run, load: &Load) -> String {
    let seen = &run.exchanges;
    let mut lines = vec![
        format!(
            "   offered {:.0} exchanges/s, completed {:.0}/s; DISCOVER {} OFFER {} REQUEST {} ACK {}; delay {:.2} ms, at most {:.1} ms",
            run.offered(load),
            run.completed(load),
            seen.discovers,
            seen.offers,
            seen.requests,
            seen.acks,
            seen.average_ms,
            seen.longest_ms,
        ),
        format!(
            "   CPU: server {}, generators {}",
            cpu(run.server_cpu, load),
            cpu(run.generator_cpu, load)
        ),
        format!("   lost {} of {} requests: {}", seen.lost(), seen.sent(), run.who_dropped()),
    ];
    if let Some(answers) = run.answers {
        let (kernel, userspace) = (answers.kernel, answers.userspace);
        lines.push(format!("   answered in the kernel {kernel}, in userspace {userspace}"));
    }
    if run.offered(load) < OFFERED * f64::from(load.rate) {
        lines.push(format!(
            "   limit: the generators could not send more than {:.0}/s beside this server",
            run.offered(load)
        ));
    }
    lines.join("\n")
}

pub(super) fn summary(runs: &[Run], load: &Load) -> String {
    let mut rows = vec![row([
        "server",
        "offered/s",
        "completed/s",
        "DISCOVER",
        "OFFER",
        "REQUEST",
        "ACK",
        "lost",
        "avg ms",
        "max ms",
        "server CPU",
        "us/exchange",
        "ratio",
    ])];
    let ours = runs.first().filter(|run| run.kind == Kind::Netboot(Xdp::Generic));
    for run in runs {
        let seen = &run.exchanges;
        let ratio = ours.map(|ours| run.completed(load) / ours.completed(load));
        rows.push(vec![
            run.kind.name().to_owned(),
            format!("{:.0}", run.offered(load)),
            format!("{:.0}", run.completed(load)),
            seen.discovers.to_string(),
            seen.offers.to_string(),
            seen.requests.to_string(),
            seen.acks.to_string(),
            format!("{:.2}%", 100.0 * run.lost_part()),
            format!("{:.2}", seen.average_ms),
            format!("{:.1}", seen.longest_ms),
            format!("{:.2} s", run.server_cpu.as_secs_f64()),
            format!("{:.1}", run.server_micros_each()),
            ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}")),
        ]);
    }
    let verdict = ours.map_or_else(String::new, |ours| format!("{}\n", verdict(ours, load)));
    format!("{}{verdict}", table(&rows))
}

pub(super) fn json(run: &Run, load: &Load) -> Value {
    let seen = &run.exchanges;
    let lost_in: Value =
        run.losses.named().iter().map(|(name, lost)| json!({ *name: lost })).collect();
    json!({
        "server": run.kind.name(),
        "rate": load.rate,
        "offered_per_second": run.offered(load),
        "completed_per_second": run.completed(load),
        "discovers": seen.discovers,
        "offers": seen.offers,
        "requests": seen.requests,
        "acks": seen.acks,
        "lost": seen.lost(),
        "lost_in": lost_in,
        "average_ms": seen.average_ms,
        "longest_ms": seen.longest_ms,
        "server_cpu_seconds": run.server_cpu.as_secs_f64(),
        "generator_cpu_seconds": run.generator_cpu.as_secs_f64(),
        "answered_in_kernel": run.answers.map(|answers| answers.kernel),
        "answered_in_userspace": run.answers.map(|answers| answers.userspace),
    })
}

/// The target: the whole rate, and nothing lost.
fn verdict(ours: &Run, load: &Load) -> String {
    let (offered, rate) = (ours.offered(load), load.rate);
    let lost = ours.exchanges.lost();
    match () {
        () if lost > 0 => {
            format!("netboot: {lost} requests without an answer: {}", ours.who_dropped())
        }
        () if offered < OFFERED * f64::from(rate) => format!(
            "netboot: nothing lost, but only {offered:.0} of {rate} exchanges/s were offered: the generators are the limit"
        ),
        () => format!(
            "netboot: {offered:.0} exchanges/s offered for {} s, nothing lost",
            load.seconds
        ),
    }
}

impl Run {
    fn offered(&self, load: &Load) -> f64 {
        self.exchanges.discovers as f64 / f64::from(load.seconds)
    }

    fn completed(&self, load: &Load) -> f64 {
        self.exchanges.acks as f64 / f64::from(load.seconds)
    }

    fn lost_part(&self) -> f64 {
        self.exchanges.lost() as f64 / (self.exchanges.sent() as f64).max(1.0)
    }

    fn server_micros_each(&self) -> f64 {
        self.server_cpu.as_secs_f64() * 1e6 / (self.exchanges.acks as f64).max(1.0)
    }

    /// Where the kernel has counted drops; the rest was lost inside the server or came after the wait.
    fn who_dropped(&self) -> String {
        let lost = self.exchanges.lost();
        let mut places: Vec<String> = Vec::new();
        let mut known = 0;
        for (name, count) in self.losses.named() {
            if count > 0 {
                places.push(format!("{count} in {name}"));
                known += count;
            }
        }
        if lost > known {
            places.push(format!("{} not answered in time by the server itself", lost - known));
        }
        match places.as_slice() {
            [] => "no drop anywhere".to_owned(),
            places => places.join(", "),
        }
    }
}

fn cpu(used: Duration, load: &Load) -> String {
    let percent = 100.0 * used.as_secs_f64() / f64::from(load.seconds);
    format!("{:.2} s ({percent:.0}% of a core)", used.as_secs_f64())
}
