//! Conflicts: everybody who may know something of an address is asked, and who cannot be asked is named: silence is
//! never taken for a free address.

mod registry;

use async_trait::async_trait;
use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{IspAnswer, IspQuestion, Listed, PageRequest};
use cadastre_api_types::public::isp::{ConflictCheck, ConflictReport, IpConflict};
use cadastre_domain::Prefix;
use cadastre_domain::isp::SubscriberId;
use cadastre_domain::roles::Permission::IspIpamRead;
use uuid::Uuid;

use super::IspCaller;
use super::wire::{address_or_prefix, filled, shown, subscriber_id};
use crate::http::reply::unexpected;

/// What is looked for.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    /// The address or the prefix.
    pub(crate) prefix: Prefix,
    /// As one of this pool.
    pub(crate) pool_id: Option<Uuid>,
    /// For this subscriber, whose own is no conflict.
    pub(crate) subscriber_id: Option<SubscriberId>,
}

/// What one source knows.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The pool that the address lies in, if the source knows pools.
    pub(crate) pool_id: Option<Uuid>,
    /// What stands against the address.
    pub(crate) conflicts: Vec<IpConflict>,
}

/// Somebody who may know something of an address.
#[async_trait]
pub(crate) trait ConflictSource: Send + Sync {
    /// Its name, for clients.
    fn name(&self) -> &'static str;

    /// What it knows.
    ///
    /// # Errors
    /// When it cannot say: that is not the same as knowing of no conflict.
    async fn look(&self, caller: &IspCaller, at: &Look) -> Result<Known, ApiError>;
}

/// Everybody who is asked.
const SOURCES: &[&dyn ConflictSource] = &[&registry::Registry];

/// What stands against an address being handed out.
pub(crate) async fn check(caller: &IspCaller, body: ConflictCheck) -> Result<ConflictReport, ApiError> {
    let look = Look {
        prefix: address_or_prefix("ipAddress", &body.ip_address)?,
        pool_id: body.pool_id,
        subscriber_id: filled(body.subscriber_id)
            .map(|text| subscriber_id("subscriberId", &text))
            .transpose()?,
    };
    asked(caller, SOURCES, &look).await
}

async fn asked(
    caller: &IspCaller,
    sources: &[&dyn ConflictSource],
    look: &Look,
) -> Result<ConflictReport, ApiError> {
    // Without the permission there is no source to be asked at all.
    caller.may(IspIpamRead)?;
    let answers = sources
        .iter()
        .map(|source| async move { (source.name(), source.look(caller, look).await) });
    let mut report = ConflictReport {
        ip_address: shown(&look.prefix),
        pool_id: None,
        conflicts: Vec::new(),
        available: false,
        unavailable_sources: Vec::new(),
    };
    for (name, answer) in futures::future::join_all(answers).await {
        match answer {
            Ok(known) => {
                report.pool_id = report.pool_id.or(known.pool_id);
                report.conflicts.extend(known.conflicts);
            }
            // What the request itself is at fault for is said, not hidden.
            Err(error) if error.code.status() < 500 => return Err(error),
            Err(error) => {
                tracing::warn!(source = name, %error, "a source of conflicts cannot be asked");
                report.unavailable_sources.push(name.to_owned());
            }
        }
    }
    report
        .conflicts
        .sort_by_key(|conflict| std::cmp::Reverse(conflict.severity));
    report.available = report.conflicts.is_empty() && report.unavailable_sources.is_empty();
    Ok(report)
}

/// A page of what is wrong between what is kept.
pub(crate) async fn standing(caller: &IspCaller, page: PageRequest) -> Result<Listed<IpConflict>, ApiError> {
    let IspAnswer::Standing(found) = caller.ask(IspIpamRead, IspQuestion::Standing(page)).await? else {
        return Err(unexpected("something else than standing conflicts"));
    };
    Ok(Listed {
        items: found.items.into_iter().map(registry::standing).collect(),
        next: found.next,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::isp::tests::{caller, caller_of};
    use crate::testing::Server;
    use cadastre_api_types::ErrorCode;
    use cadastre_api_types::internal::Finding;
    use cadastre_api_types::public::isp::ConflictType;

    /// A source that answers like that.
    struct Answers(&'static str, Option<ErrorCode>);

    #[async_trait]
    impl ConflictSource for Answers {
        fn name(&self) -> &'static str {
            self.0
        }

        async fn look(&self, _: &IspCaller, _: &Look) -> Result<Known, ApiError> {
            match self.1 {
                Some(code) => Err(ApiError::new(code, "no")),
                None => Ok(Known::default()),
            }
        }
    }

    fn look() -> Look {
        Look {
            prefix: "203.0.113.9/32".parse().unwrap(),
            pool_id: None,
            subscriber_id: None,
        }
    }

    #[actix_web::test]
    async fn a_source_that_cannot_be_asked_is_named_and_its_silence_is_not_a_free_address() {
        let caller = caller().await;
        let sources: [&dyn ConflictSource; 2] = [
            &Answers("a", None),
            &Answers("b", Some(ErrorCode::StoreUnavailable)),
        ];
        let report = asked(&caller, &sources, &look()).await.unwrap();
        assert_eq!(report.unavailable_sources, ["b"]);
        assert!(!report.available && report.conflicts.is_empty());
        let report = asked(&caller, &sources[..1], &look()).await.unwrap();
        assert!(report.available);
    }

    #[actix_web::test]
    async fn what_the_registry_finds_stands_against_an_address() {
        let server = Server::new().await;
        let caller = caller_of(&server);
        let body = || ConflictCheck {
            ip_address: "203.0.113.9".to_owned(),
            pool_id: None,
            subscriber_id: None,
        };
        assert!(check(&caller, body()).await.unwrap().available);
        server.access.isp.find(vec![Finding::OutsidePool { pool: None }]);
        let report = check(&caller, body()).await.unwrap();
        assert!(!report.available);
        assert_eq!(report.conflicts[0].conflict_type, ConflictType::PoolBoundary);
    }

    #[actix_web::test]
    async fn what_the_request_is_at_fault_for_is_answered_as_an_error() {
        let caller = caller().await;
        let sources: [&dyn ConflictSource; 1] = [&Answers("a", Some(ErrorCode::NotFound))];
        assert_eq!(
            asked(&caller, &sources, &look()).await.unwrap_err().code,
            ErrorCode::NotFound
        );
    }
}
