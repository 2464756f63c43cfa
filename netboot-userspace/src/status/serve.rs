//! The daemon's end of the status socket.

use std::time::Duration;

use tokio::{
    io::AsyncWriteExt,
    net::{UnixListener, UnixStream},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::Status;

const MAX_CONNECTIONS: usize = 16;
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// Writes the state to everyone who connects, until cancelled.
pub async fn serve(
    listener: UnixListener,
    snapshot: impl Fn() -> Status + Send,
    cancel: CancellationToken,
) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = cancel.cancelled() => return,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a status connection");
                // Out of file descriptors: trying at once would only spin.
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
        };
        match serde_json::to_vec(&snapshot()) {
            Ok(document) => _ = connections.spawn(write(stream, document)),
            Err(error) => tracing::error!(%error, "cannot write the status as JSON"),
        }
    }
}

async fn write(mut stream: UnixStream, document: Vec<u8>) {
    let written = timeout(WRITE_TIMEOUT, async {
        stream.write_all(&document).await?;
        stream.write_all(b"\n").await?;
        stream.shutdown().await
    });
    match written.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a status client went away"),
        Err(_) => tracing::debug!("a status client does not read"),
    }
}
