//! The daemon's end of the status socket.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use netboot_base::shared_text::SharedText;
use tokio::{
    io::AsyncWriteExt,
    net::{UnixListener, UnixStream},
    task::{AbortHandle, JoinSet},
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
    // By age: one that reads slowly keeps no other out.
    let mut readers: VecDeque<AbortHandle> = VecDeque::new();
    let shared = SharedText::default();
    loop {
        let accepted = tokio::select! {
            () = cancel.cancelled() => return,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
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
        let document = shared.get(|| {
            serde_json::to_vec(&snapshot()).unwrap_or_else(|error| {
                tracing::error!(%error, "cannot write the status as JSON");
                Vec::new()
            })
        });
        if connections.len() >= MAX_CONNECTIONS
            && let Some(oldest) = readers.pop_front()
        {
            oldest.abort();
        }
        readers.retain(|reader| !reader.is_finished());
        readers.push_back(connections.spawn(write(stream, document)));
    }
}

async fn write(mut stream: UnixStream, document: Bytes) {
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
