//! Drives a request through the door without boxing anything on the usual way.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::Error;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use cadastre_api_types::error::ApiError;
use pin_project_lite::pin_project;

use super::admission;
use super::departure::{self, Origin};
use super::passage::Passage;
use crate::paths;
use crate::refusal;
use crate::token::JwksOverHttp;

/// A client is not kept waiting longer than this for keys that its token may or may not be good for.
const WAIT_FOR_KEYS: Duration = Duration::from_secs(2);

/// A request that was let in, with what the door knows about it.
type Pending = Option<Box<(ServiceRequest, Passage)>>;

pin_project! {
    /// The future of a [`DoorService`](super::DoorService).
    pub struct DoorFuture<S: Service<ServiceRequest>> {
        #[pin]
        state: State<S, S::Future>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, F> {
        Inside { #[pin] inner: F, passage: Passage },
        Refused { request: Option<ServiceRequest>, error: Option<ApiError>, passage: Passage },
        FetchingKeys { wait: Pin<Box<dyn Future<Output = ()>>>, service: Rc<S>, pending: Pending },
    }
}

impl<S: Service<ServiceRequest>> DoorFuture<S> {
    pub(super) fn inside(inner: S::Future, passage: Passage) -> Self {
        Self {
            state: State::Inside { inner, passage },
        }
    }

    pub(super) fn refused(request: ServiceRequest, error: ApiError, passage: Passage) -> Self {
        Self {
            state: State::Refused {
                request: Some(request),
                error: Some(error),
                passage,
            },
        }
    }

    pub(super) fn fetching_keys(
        keys: Arc<JwksOverHttp>,
        service: Rc<S>,
        request: ServiceRequest,
        passage: Passage,
    ) -> Self {
        let wait = Box::pin(async move {
            // Late keys are no keys; the token is judged by what there is.
            let _ = tokio::time::timeout(WAIT_FOR_KEYS, keys.refresh()).await;
        });
        Self {
            state: State::FetchingKeys {
                wait,
                service,
                pending: Some(Box::new((request, passage))),
            },
        }
    }
}

impl<S, B> Future for DoorFuture<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    type Output = Result<ServiceResponse<EitherBody<B>>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Inside { inner, passage } => {
                    let _entered = passage.span.enter();
                    let answered = ready!(inner.poll(cx));
                    return Poll::Ready(depart(answered, passage));
                }
                StateProjection::Refused {
                    request,
                    error,
                    passage,
                } => {
                    let _entered = passage.span.enter();
                    let (Some(request), Some(error)) = (request.take(), error.take()) else {
                        return Poll::Pending;
                    };
                    return Poll::Ready(Ok(refuse(request, error, passage)));
                }
                StateProjection::FetchingKeys {
                    wait,
                    service,
                    pending,
                } => {
                    ready!(wait.as_mut().poll(cx));
                    let Some(waiting) = pending.take() else {
                        return Poll::Pending;
                    };
                    let (mut request, mut passage) = *waiting;
                    let span = passage.span.clone();
                    let _entered = span.enter();
                    let gateway = Rc::clone(&passage.gateway);
                    match admission::after_fetching_keys(&gateway.parts, &mut request, &mut passage) {
                        Ok(()) => State::Inside {
                            inner: service.call(request),
                            passage,
                        },
                        Err(error) => State::Refused {
                            request: Some(request),
                            error: Some(error),
                            passage,
                        },
                    }
                }
            };
            state.set(next);
        }
    }
}

fn refuse<B>(request: ServiceRequest, error: ApiError, passage: &Passage) -> ServiceResponse<EitherBody<B>> {
    let answer = refusal::answer(error, &passage.ids.correlation_id);
    let mut response = request.into_response(answer).map_into_right_body();
    departure::dress(passage, response.response_mut().head_mut(), Origin::Door);
    response
}

fn depart<B: MessageBody>(
    answered: Result<ServiceResponse<B>, Error>,
    passage: &Passage,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let response = match answered {
        Ok(response) => response,
        Err(error) => {
            departure::note_unanswered(passage, &error);
            return Err(error);
        }
    };
    let went_over = passage
        .body_exceeded
        .as_ref()
        .is_some_and(|exceeded| exceeded.get());
    if went_over && !response.status().is_success() {
        // Whatever the handler made of a body that broke off, this is why it did.
        return Ok(answer_too_large(response, passage));
    }
    let mut response = response.map_into_left_body();
    departure::dress(passage, response.response_mut().head_mut(), Origin::Inside);
    Ok(response)
}

fn answer_too_large<B>(response: ServiceResponse<B>, passage: &Passage) -> ServiceResponse<EitherBody<B>> {
    let gate = &passage.gateway.parts;
    gate.measurements.bodies_too_large.increment(1);
    let import = paths::is_import(response.request().path());
    let limit = if import {
        gate.config.import_body_limit_bytes
    } else {
        gate.config.body_limit_bytes
    };
    let answer = refusal::answer(admission::too_large(limit), &passage.ids.correlation_id);
    let mut response = response.into_response(answer).map_into_right_body();
    departure::dress(passage, response.response_mut().head_mut(), Origin::Door);
    response
}
