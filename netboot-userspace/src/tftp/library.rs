//! The files of `boot.root` under async-tftp's own server: for who compares what clients get from it with what they get
//! from ours.

use std::{net::UdpSocket, path::Path};

use anyhow::Context as _;
use async_tftp::server::TftpServerBuilder;

use super::{
    DEFAULT_BLOCK_SIZE, WINDOW, content::Contents, counters::Counters, handler::BootFiles,
    report::Reporter,
};
use crate::{
    files::Files, inventory::Inventory, log_budget::LogBudget, machines::Machines,
    throttle::Throttle,
};

/// Serves until the future goes, and knows no machine.
///
/// # Errors
/// The socket fails.
pub async fn serve_by_library(socket: UdpSocket, root: &Path) -> anyhow::Result<()> {
    let handler = BootFiles {
        files: Files::new(root),
        contents: Contents::default(),
        reporter: Reporter {
            machines: Machines::new(Inventory::new([])),
            lines: LogBudget::new("tftp"),
            counters: Counters::default(),
        },
        rootless: Throttle::default(),
    };
    let builder = TftpServerBuilder::with_handler(handler).std_socket(socket);
    let builder = builder.context("the TFTP socket")?;
    let builder = builder.block_size_limit(DEFAULT_BLOCK_SIZE).window_size_limit(WINDOW);
    let server = builder.build().await.context("async-tftp's server")?;
    server.serve().await.context("async-tftp's server")
}
