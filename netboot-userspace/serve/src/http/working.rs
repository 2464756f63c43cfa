//! The mark on a connection that an answer is under way.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes},
    response::Response,
};
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::connections::Seat;

/// From the head of a request to the end of its answer; then the connection waits again.
pub(super) struct Working(Arc<Seat>);

impl Working {
    pub(super) fn new(seat: &Arc<Seat>) -> Self {
        seat.works();
        Self(Arc::clone(seat))
    }

    /// The answer, which ends it.
    pub(super) fn with(self, answer: Response) -> Response {
        answer.map(|body| Body::new(Watched { body, working: self }))
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.waits();
    }
}

struct Watched {
    body: Body,
    working: Working,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        // A frame is asked for when the frames before have gone.
        self.working.0.moves();
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
