//! Where connections come in.

use std::{io, net::SocketAddr};

use axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use tokio::net::{TcpListener, TcpStream};
use tracing::warn;

/// A listener whose connections know both of their ends.
pub(super) struct Door(pub(super) TcpListener);

/// Both ends of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) peer: SocketAddr,
    /// This node as the machine reached it; `None`: the connection is closed already.
    pub(super) local: Option<SocketAddr>,
}

impl Listener for Door {
    type Io = TcpStream;
    type Addr = Ends;

    async fn accept(&mut self) -> (TcpStream, Ends) {
        // Axum's own `accept` waits and tries again where files or memory run out.
        let (stream, peer) = Listener::accept(&mut self.0).await;
        if let Err(error) = stream.set_nodelay(true) {
            warn!(%error, "http: small answers may be late: TCP_NODELAY cannot be set");
        }
        let local = stream.local_addr().ok();
        (stream, Ends { peer, local })
    }

    fn local_addr(&self) -> io::Result<Ends> {
        let local = self.0.local_addr()?;
        Ok(Ends { peer: local, local: Some(local) })
    }
}

impl Connected<IncomingStream<'_, Door>> for Ends {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        *stream.remote_addr()
    }
}
