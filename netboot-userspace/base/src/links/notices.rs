//! Notices that an interface or an address comes, goes or changes.

use std::{io, time::Duration};

use anyhow::Context as _;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use tokio::io::{Interest, unix::AsyncFd};

/// RTMGRP_LINK and RTMGRP_IPV4_IFADDR of rtnetlink(7).
const GROUPS: u32 = 0x1 | 0x10;
/// Notices of so long are taken together.
const QUIET: Duration = Duration::from_millis(50);

/// The kernel's, of changes.
pub struct Notices {
    socket: AsyncFd<Socket>,
    /// There was a notice, which nobody was told of yet.
    noticed: bool,
}

impl Notices {
    /// Needs a tokio runtime.
    ///
    /// # Errors
    /// The kernel gives no notices.
    pub fn new() -> anyhow::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE).context("cannot open a netlink socket")?;
        socket.set_non_blocking(true).context("the netlink socket")?;
        socket
            .bind(&SocketAddr::new(0, GROUPS))
            .context("the kernel does not tell of interfaces that change")?;
        #[expect(
            deprecated,
            reason = "its replacement is unsafe; the socket is not closed behind its back"
        )]
        let socket = AsyncFd::with_interest(socket, Interest::READABLE)?;
        Ok(Self { socket, noticed: false })
    }

    /// Waits for a change, perhaps of something else than the caller asks for. Dropped before, it loses none.
    pub async fn changed(&mut self) {
        if !self.noticed {
            self.notice().await;
            self.noticed = true;
        }
        // One change is several notices.
        tokio::time::sleep(QUIET).await;
        self.noticed = false;
    }

    async fn notice(&mut self) {
        let read = self.socket.async_io(Interest::READABLE, |socket| {
            socket.recv_from_full().map(drop)?;
            // What came with it is the same change to us.
            while socket.recv_from_full().is_ok() {}
            Ok(())
        });
        // Notices that were lost (ENOBUFS) are a change too.
        if let Err(error) = read.await
            && error.kind() != io::ErrorKind::WouldBlock
        {
            tracing::debug!(%error, "notices of interfaces were lost");
        }
    }
}
