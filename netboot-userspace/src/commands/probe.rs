//! `netboot probe`

use std::{process::ExitCode, time::Duration};

use anyhow::{Context as _, ensure};
use netboot_base::{format::Format, links};
use netboot_site::{config, model::DhcpMode};
use netboot_tools::{
    explain::{Machine, Site},
    probe::{ProbePlan, ProbeReport, Progress, probe},
};

use super::print;
use crate::args::ProbeArgs;

/// A machine would not boot; as of `netboot explain`.
const DOES_NOT_BOOT: u8 = 4;

/// Plays machines against the DHCP service on the wire.
///
/// # Errors
/// The interface or the configuration cannot be used.
pub fn probe_machines(args: &ProbeArgs) -> anyhow::Result<ExitCode> {
    let all = links::all()?;
    let name = &args.interface;
    let link = all.get(name).with_context(|| {
        let names = all.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        format!("no such interface: {name}; this node has {names}")
    })?;
    let own: Vec<_> = all.values().flat_map(|link| &link.addresses).map(|own| own.addr()).collect();
    let macs = if args.macs.is_empty() { vec![link.mac] } else { args.macs.clone() };
    let (progress, format) = match args.format.choose() {
        Format::Text => (Progress::on_terminal(), Format::Text),
        Format::Json => (Progress::hidden(), Format::Json),
    };
    let mut plan = ProbePlan {
        link: link.clone(),
        own,
        firmware: Machine::new(link.mac),
        user_class: args.user_class.clone(),
        patience: Duration::from_secs(args.timeout),
        server: args.server,
        site: site(args)?,
    };
    let mut reports: Vec<ProbeReport> = Vec::new();
    for mac in macs {
        ensure!(
            mac.octets.first().is_some_and(|first| first & 1 == 0) && mac.octets != [0; 6],
            "{mac} is no machine's: it is a group's address, or zero"
        );
        let machine = Machine { architecture: args.arch, ..Machine::new(mac) };
        plan.firmware = if args.http {
            machine.over_http().context("no firmware of this architecture loads over HTTP")?
        } else {
            machine
        };
        let report = probe(&plan, &progress)?;
        if format == Format::Text {
            print(&report.text())?;
        }
        reports.push(report);
    }
    if format == Format::Json {
        let text = serde_json::to_string_pretty(&reports).context("write as JSON")?;
        print(&(text + "\n"))?;
    }
    let boots = reports.iter().all(|report| report.boots);
    Ok(if boots { ExitCode::SUCCESS } else { ExitCode::from(DOES_NOT_BOOT) })
}

/// What netboot itself would answer, by a configuration that may leave DHCP to the other server.
fn site(args: &ProbeArgs) -> anyhow::Result<Option<Site>> {
    let Some(path) = args.config.path() else { return Ok(None) };
    let mut loaded = config::load_to_run(&path)?;
    if loaded.config.subnets.is_empty() {
        return Ok(None);
    }
    loaded.config.dhcp.mode = DhcpMode::Reservation;
    Site::here(loaded).map(Some)
}
