//! How a mutation is asked for (dry run, `If-Match`, `Idempotency-Key`), and how a `PUT` that sends read-only
//! fields is kept honest while others write.

use actix_web::HttpRequest;
use cadastre_api_types::internal::{IfMatch, MutationOptions};
use cadastre_api_types::{ApiError, ErrorCode};

use super::body::Body;
use super::preconditions::{idempotency_key, if_match, remembered_as};
use super::query::Query;

/// Query parameters of every mutation.
pub(crate) const MUTATION: &[&str] = &["dryRun"];

/// How often a `PUT` looks again after others changed the thing in between.
const ATTEMPTS: usize = 4;

/// Options of a `PUT` or `DELETE`.
///
/// # Errors
/// `400 InvalidParameter` or `InvalidHeader`.
pub(crate) fn of_change(request: &HttpRequest) -> Result<MutationOptions, ApiError> {
    let query = Query::of(request, MUTATION)?;
    Ok(MutationOptions {
        dry_run: query.flag("dryRun")?,
        if_match: if_match(request.headers())?,
        idempotency: None,
    })
}

/// Options of a `POST` by a user, once its body has been read.
///
/// # Errors
/// `400 InvalidParameter` or `InvalidHeader`.
pub(crate) fn of_creation<T>(
    request: &HttpRequest,
    user: &str,
    body: &Body<T>,
) -> Result<MutationOptions, ApiError> {
    let query = Query::of(request, MUTATION)?;
    let dry_run = query.flag("dryRun")?;
    let idempotency = idempotency_key(request.headers())?.map(|key| {
        remembered_as(
            &key,
            user,
            request.method().as_str(),
            request.path(),
            &query,
            &body.canonical(),
        )
    });
    Ok(MutationOptions {
        dry_run,
        if_match: None,
        idempotency: idempotency.filter(|_| !dry_run),
    })
}

/// Options of a `POST` whose body holds a secret. What is remembered of the body is salted with the idempotency key,
/// which is itself not stored: a bare hash of a body that holds a secret could be guessed at.
///
/// # Errors
/// `400 InvalidParameter` or `InvalidHeader`.
pub(crate) fn of_secret_creation<T>(
    request: &HttpRequest,
    user: &str,
    body: &Body<T>,
) -> Result<MutationOptions, ApiError> {
    let query = Query::of(request, MUTATION)?;
    let dry_run = query.flag("dryRun")?;
    let idempotency = idempotency_key(request.headers())?.map(|key| {
        let salted = [key.as_bytes(), b"\n", &body.canonical()].concat();
        remembered_as(
            &key,
            user,
            request.method().as_str(),
            request.path(),
            &query,
            &salted,
        )
    });
    Ok(MutationOptions {
        dry_run,
        if_match: None,
        idempotency: idempotency.filter(|_| !dry_run),
    })
}

/// Options of a `POST` that changes a thing which is there: `If-Match` counts, too.
///
/// # Errors
/// `400 InvalidParameter` or `InvalidHeader`.
pub(crate) fn of_action<T>(
    request: &HttpRequest,
    user: &str,
    body: &Body<T>,
) -> Result<MutationOptions, ApiError> {
    Ok(MutationOptions {
        if_match: if_match(request.headers())?,
        ..of_creation(request, user, body)?
    })
}

/// The read-only fields of a body beside the thing as it is stored.
pub(crate) struct Compared {
    /// Revision of the thing they were compared with.
    pub(crate) revision: u64,
    /// What the comparison says.
    pub(crate) outcome: Result<(), ApiError>,
}

/// A `PUT` whose body has read-only fields: they are compared with what is stored, and the change is bound to
/// the very revision they were compared with. If others change the thing in between, it starts over.
///
/// # Errors
/// `400 ReadOnlyField`, what `compare` and `attempt` answer, `409 Contention` if others never pause.
pub(crate) async fn compare_and_change<T>(
    options: MutationOptions,
    compare: impl AsyncFn() -> Result<Compared, ApiError>,
    attempt: impl AsyncFn(MutationOptions) -> Result<T, ApiError>,
) -> Result<T, ApiError> {
    for _ in 0..ATTEMPTS {
        let compared = compare().await?;
        let stale = options
            .if_match
            .as_ref()
            .is_some_and(|tags| !tags.matches(compared.revision));
        if stale {
            // `412` is the better answer than a complaint about the fields that others have changed.
            return attempt(options).await;
        }
        compared.outcome?;
        let bound = Some(IfMatch::Revisions(vec![compared.revision]));
        match attempt(MutationOptions {
            if_match: bound,
            ..options.clone()
        })
        .await
        {
            Err(error) if error.code == ErrorCode::PreconditionFailed => {}
            outcome => return outcome,
        }
    }
    Err(ApiError::new(
        ErrorCode::Contention,
        "Others changed this again and again while the read-only fields were compared. Nothing was changed by this \
         request; read it again and send it once more.",
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use actix_web::test::TestRequest;
    use cadastre_api_types::public::AddressSpaceCreate;
    use std::cell::RefCell;

    fn refused(code: ErrorCode) -> ApiError {
        ApiError::new(code, "")
    }

    /// Runs against a thing whose revision grows by one for each of the first `writers` attempts.
    async fn run(if_match: Option<IfMatch>, writers: u64, equal_at: u64) -> (Result<u64, ApiError>, usize) {
        let revision = RefCell::new(5);
        let attempts = RefCell::new(0);
        let options = MutationOptions {
            if_match,
            ..MutationOptions::default()
        };
        let outcome = compare_and_change(
            options,
            async || {
                let revision = *revision.borrow();
                let outcome = if revision <= equal_at {
                    Ok(())
                } else {
                    Err(refused(ErrorCode::ReadOnlyField))
                };
                Ok(Compared { revision, outcome })
            },
            async |options: MutationOptions| {
                *attempts.borrow_mut() += 1;
                let mut revision = revision.borrow_mut();
                if *revision < 5 + writers {
                    *revision += 1;
                }
                match options.if_match {
                    Some(tags) if !tags.matches(*revision) => Err(refused(ErrorCode::PreconditionFailed)),
                    Some(_) | None => Ok(*revision),
                }
            },
        )
        .await;
        let attempts = *attempts.borrow();
        (outcome, attempts)
    }

    #[actix_web::test]
    async fn an_undisturbed_change_is_bound_to_the_compared_revision() {
        assert_eq!(run(None, 0, 5).await, (Ok(5), 1));
        assert_eq!(run(Some(IfMatch::Any), 0, 5).await, (Ok(5), 1));
    }

    #[actix_web::test]
    async fn a_lost_race_is_compared_again() {
        assert_eq!(run(None, 2, 100).await, (Ok(7), 3));
        let (outcome, _) = run(None, 2, 5).await;
        assert_eq!(outcome.unwrap_err().code, ErrorCode::ReadOnlyField);
        let (outcome, attempts) = run(None, 100, 100).await;
        assert_eq!(
            (outcome.unwrap_err().code, attempts),
            (ErrorCode::Contention, ATTEMPTS)
        );
    }

    #[actix_web::test]
    async fn a_stale_if_match_is_a_412_before_it_is_a_wrong_field() {
        let stale = Some(IfMatch::Revisions(vec![4]));
        let (outcome, attempts) = run(stale, 0, 0).await;
        assert_eq!(
            (outcome.unwrap_err().code, attempts),
            (ErrorCode::PreconditionFailed, 1)
        );
        let (outcome, _) = run(Some(IfMatch::Revisions(vec![5])), 1, 100).await;
        assert_eq!(outcome.unwrap_err().code, ErrorCode::PreconditionFailed);
    }

    #[test]
    fn a_dry_run_has_no_idempotency_effect() {
        let body: Body<AddressSpaceCreate> = super::super::body::from_bytes(br#"{"name":"a"}"#).unwrap();
        let request = |uri: &str| {
            TestRequest::post()
                .uri(uri)
                .insert_header(("Idempotency-Key", "k"))
                .to_http_request()
        };
        let real = of_creation(&request("/x"), "ada", &body).unwrap();
        assert!(real.idempotency.is_some() && !real.dry_run);
        let planned = of_creation(&request("/x?dryRun=true"), "ada", &body).unwrap();
        assert!(planned.idempotency.is_none() && planned.dry_run);
    }
}
