//! The files of `boot.root` under async-tftp's own server, for tests that compare what clients get from that server and
//! from ours.

use std::{net::UdpSocket, path::Path};

use anyhow::Context as _;
use async_tftp::server::TftpServerBuilder;
use netboot_base::files::Files;
use netboot_machines::{channel::channel, memory::Machines};
use netboot_site::model::Inventory;

use super::{BlockSizes, DEFAULT_BLOCK_SIZE, TftpCommon, WINDOW};

/// Serves until the future goes, and knows no machine.
///
/// # Errors
/// The socket fails.
pub async fn serve_by_library(socket: UdpSocket, root: &Path) -> anyhow::Result<()> {
    let sizes = BlockSizes { all: DEFAULT_BLOCK_SIZE, networks: Vec::new() };
    let machines = Machines::new(Inventory::new([]));
    let (teller, _happened) = channel();
    let handler = TftpCommon::new(Files::new(root), machines, teller, sizes).handler();
    let builder = TftpServerBuilder::with_handler(handler).std_socket(socket);
    let builder = builder.context("the TFTP socket")?;
    let builder = builder.block_size_limit(DEFAULT_BLOCK_SIZE).window_size_limit(WINDOW);
    let server = builder.build().await.context("async-tftp's server")?;
    server.serve().await.context("async-tftp's server")
}
