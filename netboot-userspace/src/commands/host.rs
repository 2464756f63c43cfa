//! `netboot host`

use std::{path::Path, process::ExitCode, sync::Arc};

use anyhow::{Context as _, bail, ensure};
use netboot_base::{
    columns,
    format::Format,
    links::{self, Link},
};
use netboot_site::{
    config::{self, HostEntry, MacsEntry, Problems},
    model::{Host, HostScript},
};
use netboot_tools::hosts::{self, HostKey};

use super::{config_file, print};
use crate::args::{AddArgs, HostCommand};

/// Lists, shows, adds or removes hosts.
///
/// # Errors
///
/// There is no such host, or a file cannot be read or written.
pub fn host(command: &HostCommand) -> anyhow::Result<ExitCode> {
    let config = match command {
        HostCommand::List { config, .. }
        | HostCommand::Show { config, .. }
        | HostCommand::Add(AddArgs { config, .. })
        | HostCommand::Remove { config, .. } => config,
    };
    let path = match config_file(config) {
        Ok(path) => path,
        Err(code) => return Ok(code),
    };
    let done = match command {
        HostCommand::List { format, .. } => list(&path, format.choose()),
        HostCommand::Show { host, format, .. } => show(&path, host, format.choose()),
        HostCommand::Add(args) => add(&path, args),
        HostCommand::Remove { host, .. } => remove(&path, host),
    };
    let Err(error) = done else { return Ok(ExitCode::SUCCESS) };
    let problems: Problems = error.downcast()?;
    eprintln!("{problems}");
    if matches!(command, HostCommand::Add(_) | HostCommand::Remove { .. }) {
        eprintln!("netboot: nothing was changed: the configuration would be invalid");
    }
    Ok(ExitCode::FAILURE)
}

fn list(path: &Path, format: Format) -> anyhow::Result<()> {
    let mut hosts = config::load_to_run(path)?.config.hosts;
    hosts.retain(|host| host.is_first());
    hosts.sort_by_key(|host| host.ip);
    let text = match format {
        Format::Json => {
            json_of(&hosts.iter().map(|host| HostEntry::from(&**host)).collect::<Vec<_>>())?
        }
        Format::Text => table(&hosts),
    };
    print(&text).context("cannot print")
}

fn show(path: &Path, key: &str, format: Format) -> anyhow::Result<()> {
    let wanted = HostKey::new(key);
    let hosts = config::load_to_run(path)?.config.hosts;
    let entries: Vec<_> = hosts
        .iter()
        .filter(|host| host.is_first() && wanted.matches(host))
        .map(|host| HostEntry::from(&**host))
        .collect();
    ensure!(!entries.is_empty(), "no host {key} in {}", path.display());
    let text = match format {
        Format::Json => json_of(&entries)?,
        Format::Text => {
            let written: Result<Vec<_>, _> = entries.iter().map(toml::to_string_pretty).collect();
            written.context("write the host as TOML")?.join("\n")
        }
    };
    print(&text).context("cannot print")
}

fn add(path: &Path, args: &AddArgs) -> anyhow::Result<()> {
    let entry = HostEntry {
        mac: MacsEntry::new(&args.macs),
        ip: args.ip.to_string(),
        hostname: args.hostname.clone(),
        netboot: args.no_netboot.then_some(false),
        script: args.script.clone(),
        ..HostEntry::default()
    };
    let own = links::all()?;
    let has_it = |link: &&Link| link.addresses.iter().any(|own| own.addr() == args.ip);
    if let Some(link) = own.values().find(has_it) {
        bail!(
            "this node has {} itself, on {}: give the machine another address",
            args.ip,
            link.name
        );
    }
    hosts::add(path, args.file.as_deref(), &entry)?;
    let file = args.file.as_deref().unwrap_or(path);
    print(&format!(
        "added {} {} to {}; a running daemon takes it over\n",
        entry.mac,
        entry.ip,
        file.display()
    ))
    .context("cannot print")
}

fn remove(path: &Path, key: &str) -> anyhow::Result<()> {
    let file = hosts::remove(path, key)?;
    print(&format!("removed {key} from {}; a running daemon forgets it\n", file.display()))
        .context("cannot print")
}

fn json_of(hosts: &[HostEntry]) -> anyhow::Result<String> {
    let text = serde_json::to_string_pretty(hosts).context("write the hosts as JSON")?;
    Ok(text + "\n")
}

fn table(hosts: &[Arc<Host>]) -> String {
    let rows = hosts.iter().map(|host| {
        let hostname = host.hostname.clone().unwrap_or_else(|| "-".to_owned());
        let ip = host.address().map_or_else(|| "-".to_owned(), |ip| ip.to_string());
        [MacsEntry::new(host.macs()).to_string(), ip, hostname, boots(host)]
    });
    columns::table(["MAC", "IP", "HOSTNAME", "BOOTS"], &rows.collect::<Vec<_>>())
}

fn boots(host: &Host) -> String {
    if !host.netboot {
        return "nothing".to_owned();
    }
    let script = match &host.script {
        None => "default script",
        Some(HostScript::Url(url)) => url,
        Some(HostScript::Text(_)) => "own script",
    };
    let file = host.boot_file.as_ref().map_or_else(String::new, |file| format!("{file}, "));
    format!("{file}{script}")
}
