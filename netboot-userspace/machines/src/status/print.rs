//! The command `netboot status`: it asks the daemon and prints the answer.

use std::{
    io::{self, Write},
    path::Path,
    time::SystemTime,
};

use anyhow::Context;
use netboot_base::format::Format;
use netboot_site::model::Config;
use serde_json::json;

use super::{
    Status,
    connection::{NotRunning, read},
    running_daemons::RunningDaemons,
    table,
    without_daemon::WithoutDaemon,
};
use crate::running::socket_path;

/// Prints the state of the daemon with this configuration; the error is a [`NotRunning`] if there is none. `file` is
/// where the configuration stands: a daemon that was started with it is found although it cannot be read any more.
pub fn print(config: &Config, file: Option<&Path>, format: Format) -> anyhow::Result<()> {
    let document = match read(&config.state_dir) {
        Err(error) if error.is::<NotRunning>() => {
            let others = RunningDaemons::look(&socket_path(&config.state_dir), file);
            match others.started_with {
                Some((socket, document)) => {
                    eprintln!(
                        "netboot: the daemon that was started with this configuration is asked on {}",
                        socket.display()
                    );
                    document
                }
                None => return Err(not_running(config, format, others.words)?.into()),
            }
        }
        read => read?,
    };
    let text = match format {
        Format::Json => document,
        Format::Text => {
            let status: Status = serde_json::from_slice(&document)
                .context("the daemon's answer is not understood: it is of another version")?;
            table::render(&status, SystemTime::now()).into_bytes()
        }
    };
    write(&text)
}

fn not_running(config: &Config, format: Format, others: String) -> anyhow::Result<NotRunning> {
    let left = WithoutDaemon::look(&config.xdp);
    if format == Format::Json {
        let document = json!({ "running": false, "kernel_answers_at": left.interfaces() });
        write(format!("{document}\n").as_bytes())?;
    }
    Ok(NotRunning { socket: socket_path(&config.state_dir), others, left })
}

fn write(text: &[u8]) -> anyhow::Result<()> {
    match io::stdout().lock().write_all(text) {
        // `netboot status | head`
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot print the status"),
    }
}
