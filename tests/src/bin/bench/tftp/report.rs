//! The comparison as a table and as JSON.

use serde_json::{Value, json};

use super::{measured::Measured, servers::Kind};
use crate::table::{row, table};

/// Ours beside the best of the peers in a row, which may be others for speed and for CPU time. Above 1 we are ahead.
struct Comparison {
    speed: f64,
    cpu: Option<f64>,
}

/// Each result is of the servers in one row.
pub(super) fn summary(results: &[Vec<Measured>]) -> String {
    let mut rows = vec![row([
        "server",
        "clients",
        "window",
        "granted",
        "blksize",
        "granted",
        "MB/s",
        "CPU ms/MB",
        "client CPU",
        "retries",
        "failed",
        "x speed",
        "x CPU",
        "",
    ])];
    for result in results {
        let comparison = compare(result);
        rows.extend(result.iter().map(|measured| line(measured, comparison.as_ref())));
    }
    let comparisons: Vec<Comparison> = results.iter().filter_map(|row| compare(row)).collect();
    let mut text = table(&rows);
    if !comparisons.is_empty() {
        let ahead = |is: fn(&Comparison) -> bool| comparisons.iter().filter(|row| is(row)).count();
        text += &format!(
            "ahead in {} of {} rows: by speed in {}, by CPU per MB in {}\n",
            ahead(|row| row.is_faster() && row.is_cheaper()),
            comparisons.len(),
            ahead(Comparison::is_faster),
            ahead(Comparison::is_cheaper),
        );
    }
    text + "x: so many times as fast as the fastest peer, and as cheap as the cheapest; below 1 we are behind. \
            CPU is of all the server's threads and children. The clients are one thread: near 100% of a core they \
            are the limit, not the server. One client and its server share a core.\n"
}

pub(super) fn json(result: &[Measured]) -> Value {
    let comparison = compare(result);
    let servers: Vec<Value> = result.iter().map(server).collect();
    json!({
        "clients": result.first().map(|measured| measured.row.clients),
        "window": result.first().map(|measured| measured.row.window),
        "block_size": result.first().map(|measured| measured.row.block_size),
        "transfers_per_client": result.first().map(|measured| measured.row.transfers()),
        "times_the_fastest_peer": comparison.as_ref().map(|row| row.speed),
        "times_as_cheap_as_the_cheapest_peer": comparison.and_then(|row| row.cpu),
        "servers": servers,
    })
}

fn line(measured: &Measured, comparison: Option<&Comparison>) -> Vec<String> {
    let granted = |number: Option<u16>| number.map_or_else(|| "-".to_owned(), |n| n.to_string());
    let ratio = |ratio: Option<f64>| ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
    let comparison = comparison.filter(|_| measured.kind == Kind::Netboot);
    vec![
        measured.kind.name().to_owned(),
        measured.row.clients.to_string(),
        measured.row.window.to_string(),
        granted(measured.terms().map(|terms| terms.window)),
        measured.row.block_size.to_string(),
        granted(measured.terms().map(|terms| terms.block_size)),
        format!("{:.1}", measured.rate()),
        measured.cost().map_or_else(|| "-".to_owned(), |cost| format!("{cost:.2}")),
        format!("{:.0}%", 100.0 * measured.client_share()),
        measured.retries().to_string(),
        measured.failed().to_string(),
        ratio(comparison.map(|row| row.speed)),
        ratio(comparison.and_then(|row| row.cpu)),
        comparison.map_or_else(String::new, Comparison::mark),
    ]
}

fn server(measured: &Measured) -> Value {
    json!({
        "server": measured.kind.name(),
        "granted_window": measured.terms().map(|terms| terms.window),
        "granted_block_size": measured.terms().map(|terms| terms.block_size),
        "megabytes_per_second": measured.rate(),
        "rounds": measured.rates(),
        "server_cpu_ms_per_megabyte": measured.cost(),
        "client_cpu_share": measured.client_share(),
        "failed": measured.failed(),
        "retries": measured.retries(),
    })
}

/// Nothing where netboot or all peers were left out.
fn compare(result: &[Measured]) -> Option<Comparison> {
    let ours = result.iter().find(|measured| measured.kind == Kind::Netboot)?;
    let peers = || result.iter().filter(|measured| measured.kind != Kind::Netboot);
    let fastest = peers().max_by(|a, b| a.rate().total_cmp(&b.rate()))?;
    let costs = peers().filter_map(|peer| Some((peer, peer.cost()?)));
    let cheapest = costs.min_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(peer, _)| peer);
    Some(Comparison {
        speed: ours.times_the_rate(fastest)?,
        cpu: cheapest.and_then(|cheapest| ours.times_cheaper(cheapest)),
    })
}

impl Comparison {
    fn is_faster(&self) -> bool {
        self.speed > 1.0
    }

    fn is_cheaper(&self) -> bool {
        self.cpu.is_some_and(|ratio| ratio > 1.0)
    }

    fn mark(&self) -> String {
        match (self.is_faster(), self.is_cheaper()) {
            (true, true) => "",
            (false, true) => "<- slower",
            (true, false) => "<- more CPU",
            (false, false) => "<- slower, more CPU",
        }
        .to_owned()
    }
}
