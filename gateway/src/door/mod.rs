//! The middleware: one transform that does everything, so that a request pays for one layer.
//!
//! [`admission`] decides whether a request goes on, [`passage`] holds what is known about it on the way,
//! [`future`] drives it, and [`departure`] dresses the answer.

mod admission;
mod departure;
mod future;
mod passage;

use std::future::{Ready, ready};
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::Error;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};

pub use future::DoorFuture;

use crate::gate::Gateway;
use admission::Decision;
use passage::Passage;

/// The middleware of a [`Gateway`]; made by [`Gateway::door`].
///
/// Behind it a request has these extensions: `RequestIds`, `ClientAddress` (where the peer is known) and, for a
/// good access token, `VerifiedToken`. Headers that claim an identity, the service token and everything about
/// forwarding are gone.
#[derive(Clone)]
pub struct Door {
    gateway: Gateway,
}

impl Door {
    pub(crate) fn new(gateway: Gateway) -> Self {
        Self { gateway }
    }
}

impl<S, B> Transform<S, ServiceRequest> for Door
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = DoorService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, Self::InitError>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(DoorService {
            gateway: Rc::new(self.gateway.clone()),
            service: Rc::new(service),
        }))
    }
}

/// The door of one worker.
pub struct DoorService<S> {
    gateway: Rc<Gateway>,
    service: Rc<S>,
}

impl<S, B> Service<ServiceRequest> for DoorService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = DoorFuture<S>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let mut passage = Passage::begin(&self.gateway, &request);
        let span = passage.span.clone();
        let _entered = span.enter();
        match admission::at_the_door(&self.gateway.parts, &mut request, &mut passage) {
            Decision::Admit => DoorFuture::inside(self.service.call(request), passage),
            Decision::Refuse(error) => DoorFuture::refused(request, error, passage),
            Decision::FetchKeys(keys) => {
                DoorFuture::fetching_keys(keys, Rc::clone(&self.service), request, passage)
            }
        }
    }
}
