//! Body limits. A declared length is judged at once; a body without one is counted as it comes.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::http::header;
use bytes::Bytes;
use futures::Stream;

/// What the head of a request says about its body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Declared {
    /// There is none, or it is within the limit; the HTTP layer holds it to its word.
    Fits,
    /// It is too large.
    TooLarge,
    /// It does not say.
    Unknown,
}

/// Judges the declared length.
pub(crate) fn declared(request: &ServiceRequest, limit: usize) -> Declared {
    match request.headers().get(header::CONTENT_LENGTH) {
        // The HTTP layer has refused what is not a number already; a number that does not fit is too large.
        Some(value) => match value.to_str().ok().and_then(|text| text.parse::<usize>().ok()) {
            Some(length) if length <= limit => Declared::Fits,
            Some(_) | None => Declared::TooLarge,
        },
        None if matches!(request.parts().1, Payload::None) => Declared::Fits,
        None => Declared::Unknown,
    }
}

/// Wraps the body so that it fails once it exceeds the limit. The flag tells the door that it did.
pub(crate) fn count(request: &mut ServiceRequest, limit: usize) -> Rc<Cell<bool>> {
    let exceeded = Rc::new(Cell::new(false));
    let payload = request.parts_mut().1.take();
    let counted = CountedBody {
        payload,
        left: limit,
        exceeded: Rc::clone(&exceeded),
    };
    request.set_payload(Payload::Stream {
        payload: Box::pin(counted),
    });
    exceeded
}

struct CountedBody {
    payload: Payload,
    left: usize,
    exceeded: Rc<Cell<bool>>,
}

impl Stream for CountedBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.exceeded.get() {
            return Poll::Ready(None);
        }
        let next = std::task::ready!(Pin::new(&mut self.payload).poll_next(cx));
        Poll::Ready(match next {
            Some(Ok(chunk)) => match self.left.checked_sub(chunk.len()) {
                Some(left) => {
                    self.left = left;
                    Some(Ok(chunk))
                }
                None => {
                    self.exceeded.set(true);
                    Some(Err(PayloadError::Overflow))
                }
            },
            other => other,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use actix_web::test::TestRequest;
    use futures::StreamExt;

    use super::*;

    #[test]
    fn a_declared_length_is_judged_without_reading() {
        let with = |length: &str| {
            TestRequest::post()
                .insert_header((header::CONTENT_LENGTH, length))
                .to_srv_request()
        };
        assert_eq!(declared(&with("10"), 10), Declared::Fits);
        assert_eq!(declared(&with("11"), 10), Declared::TooLarge);
        assert_eq!(
            declared(&with("99999999999999999999999999"), 10),
            Declared::TooLarge
        );
    }

    #[actix_web::test]
    async fn a_body_without_a_length_is_cut_at_the_limit() {
        let mut request = TestRequest::post()
            .set_payload(Bytes::from_static(b"0123456789"))
            .to_srv_request();
        request.headers_mut().remove(header::CONTENT_LENGTH);
        assert_eq!(declared(&request, 4), Declared::Unknown);
        let exceeded = count(&mut request, 4);
        let mut payload = request.parts_mut().1.take();
        assert!(matches!(payload.next().await, Some(Err(PayloadError::Overflow))));
        assert!(payload.next().await.is_none());
        assert!(exceeded.get());
    }
}
