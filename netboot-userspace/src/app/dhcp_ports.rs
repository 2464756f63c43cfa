//! The ports of DHCP on this node.

use std::{net::UdpSocket, sync::Arc, time::Instant};

use netboot_ebpf::wire::{PROXY_PORT, SERVER_PORT};
use netboot_serve::bind;
use netboot_site::model::DhcpMode;

use super::{
    dhcp_sockets,
    previous_daemon::{ASK_EVERY, PATIENCE},
};

/// The ports, held so that no other server is started on this node; cheap to clone.
#[derive(Clone)]
pub(super) struct Ports {
    server: Arc<UdpSocket>,
    /// In the proxy modes.
    proxy: Option<Arc<UdpSocket>>,
}

impl Ports {
    /// Those that a mode needs. One that was killed may still hold them: it is waited for.
    ///
    /// # Errors
    /// Another server has one.
    pub(super) async fn take(mode: DhcpMode) -> anyhow::Result<Self> {
        let since = Instant::now();
        let mut is_said = false;
        loop {
            match Self::hold(mode, None) {
                Err(error) if bind::is_taken(&error) && since.elapsed() < PATIENCE => {
                    if !is_said {
                        tracing::warn!("{error:#}; tried again for {PATIENCE:?}");
                        is_said = true;
                    }
                    tokio::time::sleep(ASK_EVERY).await;
                }
                taken => return taken,
            }
        }
    }

    /// Those that a mode needs, beside those that are held.
    pub(super) fn hold(mode: DhcpMode, held: Option<Self>) -> anyhow::Result<Self> {
        let hold = |port| dhcp_sockets::hold_port(port).map(Arc::new);
        let (server, proxy) = match held {
            Some(Self { server, proxy }) => (server, proxy),
            None => (hold(SERVER_PORT)?, None),
        };
        let proxy = match proxy {
            _ if !mode.is_proxy() => None,
            None => Some(hold(PROXY_PORT)?),
            held => held,
        };
        Ok(Self { server, proxy })
    }
}
