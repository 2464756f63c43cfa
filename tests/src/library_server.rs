//! async-tftp's own server with the daemon's handler, at the place of the daemon's.

use std::{
    net::{Ipv4Addr, UdpSocket},
    path::Path,
    thread::{self, JoinHandle},
};

use anyhow::{Context as _, Result};
use netboot_serve::tftp::serve_by_library;
use tokio::{runtime, sync::oneshot};

use crate::namespace::Namespace;

/// Serves until it is dropped.
pub struct LibraryServer {
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl LibraryServer {
    /// At port 69 of an address.
    ///
    /// # Errors
    /// The port is taken.
    pub fn start(namespace: &Namespace, address: Ipv4Addr, root: &Path) -> Result<Self> {
        let (end, ended) = oneshot::channel();
        let root = root.to_owned();
        // It makes its sockets in the namespace of its thread.
        let thread = namespace.enter(|| {
            let socket = UdpSocket::bind((address, 69)).context("a socket for the library")?;
            let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
            Ok(thread::spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        served = serve_by_library(socket, &root) => {
                            eprintln!("async-tftp's server ended: {served:?}");
                        }
                        _ = ended => {}
                    }
                });
            }))
        })?;
        Ok(Self { end: Some(end), thread: Some(thread) })
    }
}

impl Drop for LibraryServer {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
