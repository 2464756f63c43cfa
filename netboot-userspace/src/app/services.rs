//! Starts TFTP, HTTP and syslog on their sockets.

use std::sync::Arc;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use super::{Tasks, bind::Sockets, pages, report::Reporter};
use crate::{
    config::{Config, DhcpMode},
    files::Files,
    http::{self, Strangers},
    machines::Machines,
    syslog::{self, Sink, Writer},
    tftp,
};

/// What the services are made of.
pub(super) struct Services<'c> {
    pub(super) config: &'c Config,
    pub(super) machines: Machines,
    /// The least of the interfaces, in bytes.
    pub(super) mtu: Option<u16>,
    pub(super) reporter: Arc<Reporter>,
}

impl Services<'_> {
    pub(super) fn start(
        self,
        sockets: Sockets,
        (sink, writer): (Sink, Writer),
        cancel: &CancellationToken,
        tasks: &mut Tasks,
    ) {
        let files = Files::new(&self.config.boot.root);
        let block_size =
            self.mtu.map_or(tftp::DEFAULT_BLOCK_SIZE, |mtu| mtu.saturating_sub(32).max(512));
        for socket in sockets.tftp {
            tasks.spawn(tftp::serve(
                socket,
                files.clone(),
                self.machines.clone(),
                block_size,
                cancel.clone(),
            ));
        }
        if let Some(listener) = sockets.http {
            let site = http::Site {
                files,
                machines: self.machines,
                script: Arc::new(self.config.script.clone()),
                strangers: match self.config.dhcp.mode {
                    DhcpMode::AutoProxy => Strangers::Boot,
                    DhcpMode::Reservation | DhcpMode::Proxy | DhcpMode::Off => Strangers::Refused,
                },
                more: pages::router(self.reporter),
            };
            tasks.spawn(http::serve(listener, site, cancel.clone()));
        }
        for socket in sockets.syslog_udp {
            let (sink, cancel) = (sink.clone(), cancel.clone());
            tasks.spawn(async move {
                syslog::serve_udp(socket, sink, cancel).await;
                Ok(())
            });
        }
        for listener in sockets.syslog_tcp {
            let (sink, cancel) = (sink.clone(), cancel.clone());
            tasks.spawn(async move {
                syslog::serve_tcp(listener, sink, cancel).await;
                Ok(())
            });
        }
        let cancelled = cancel.clone();
        tasks.spawn(async move {
            let written = tokio::task::spawn_blocking(move || writer.run());
            // Where there is no receiver, the writer has nothing to wait for.
            cancelled.cancelled().await;
            written.await.context("the syslog writer panicked")
        });
    }
}
