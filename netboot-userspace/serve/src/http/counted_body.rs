//! An answer's body that counts the bytes that leave.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::body::{Body, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};

/// A body that says how many bytes left when the body has been sent or is given up.
pub(super) struct CountedBody<F: FnMut(u64)> {
    body: Body,
    bytes: u64,
    end: F,
}

impl<F: FnMut(u64)> CountedBody<F> {
    pub(super) fn new(body: Body, end: F) -> Self {
        Self { body, bytes: 0, end }
    }
}

impl<F: FnMut(u64) + Unpin> HttpBody for CountedBody<F> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame {
            self.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<F: FnMut(u64)> Drop for CountedBody<F> {
    fn drop(&mut self) {
        (self.end)(self.bytes);
    }
}
