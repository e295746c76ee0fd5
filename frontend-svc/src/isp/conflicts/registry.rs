//! What the registry itself knows: reservations, nodes of the tree, pools, network profiles.

use async_trait::async_trait;
use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{Finding, IspAnswer, IspQuestion, KeptFor, Standing};
use cadastre_api_types::public::isp::{
    ConflictNode, ConflictSeverity, ConflictSuggestion, ConflictType, IpConflict, SuggestedAction,
};
use cadastre_domain::Prefix;
use cadastre_domain::isp::{Kept, Reservation, ReservationStatus};
use cadastre_domain::roles::Permission::IspIpamRead;
use uuid::Uuid;

use super::{ConflictSource, Known, Look};
use crate::http::reply::unexpected;
use crate::isp::IspCaller;
use crate::isp::wire::{filled, reservation, shown};

/// The registry.
pub(super) struct Registry;

#[async_trait]
impl ConflictSource for Registry {
    fn name(&self) -> &'static str {
        "registry"
    }

    async fn look(&self, caller: &IspCaller, at: &Look) -> Result<Known, ApiError> {
        let question = IspQuestion::Conflicts {
            prefix: at.prefix,
            pool_id: at.pool_id,
            subscriber_id: at.subscriber_id.clone(),
        };
        let IspAnswer::Conflicts { pool_id, findings } = caller.ask(IspIpamRead, question).await? else {
            return Err(unexpected("something else than conflicts"));
        };
        let mut conflicts: Vec<IpConflict> = findings
            .into_iter()
            .map(|finding| conflict(&at.prefix, finding))
            .collect();
        if let (Some(pool), false) = (pool_id.or(at.pool_id), conflicts.is_empty()) {
            let another = next_free(caller, pool, &at.prefix).await?;
            for conflict in &mut conflicts {
                conflict.suggestion.ip_address.clone_from(&another);
            }
        }
        Ok(Known { pool_id, conflicts })
    }
}

/// The next one that a pool would hand out instead. A pool that hands out nothing now has none.
async fn next_free(
    caller: &IspCaller,
    pool_id: Uuid,
    instead_of: &Prefix,
) -> Result<Option<String>, ApiError> {
    let question = IspQuestion::Available {
        pool_id,
        prefix_length: None,
        count: 2,
    };
    match caller.ask(IspIpamRead, question).await {
        Ok(IspAnswer::Available(found)) => Ok(found.iter().find(|found| *found != instead_of).map(shown)),
        Ok(_) => Err(unexpected("something else than free addresses")),
        Err(error) if error.code.status() < 500 => Ok(None),
        Err(error) => Err(error),
    }
}

/// What is wrong between what is kept.
pub(super) fn standing(found: Standing) -> IpConflict {
    let mut conflict = conflict(&found.prefix, found.finding);
    conflict.since = found.since;
    if let Some(subscriber) = found.subscriber_id {
        conflict.subscriber_id = Some(subscriber.to_string());
    }
    // Nothing is to be reserved: it is there already, and is to be looked at.
    conflict.can_force = false;
    conflict.suggestion = suggestion(
        SuggestedAction::Correct,
        "Find out which of the two is right, and change or release the other.",
    );
    conflict
}

/// A conflict before its details.
fn plain(
    at: &Prefix,
    conflict_type: ConflictType,
    severity: ConflictSeverity,
    message: String,
    can_force: bool,
    suggestion: ConflictSuggestion,
) -> IpConflict {
    IpConflict {
        ip_address: shown(at),
        conflict_type,
        severity,
        message,
        existing_reservation: None,
        node: None,
        subscriber_id: None,
        since: None,
        can_force,
        suggestion,
    }
}

fn suggestion(action: SuggestedAction, message: &str) -> ConflictSuggestion {
    ConflictSuggestion {
        action,
        message: message.to_owned(),
        ip_address: None,
    }
}

fn conflict(at: &Prefix, finding: Finding) -> IpConflict {
    match finding {
        Finding::Reservation {
            reservation,
            pool_name,
        } => of_reservation(at, *reservation, &pool_name),
        Finding::Node {
            id,
            prefix,
            description,
            kept_for,
        } => {
            let mut found = of_node(at, &prefix, kept_for);
            found.node = Some(ConflictNode {
                id,
                prefix: prefix.to_string(),
                description: filled(Some(description)),
            });
            found
        }
        Finding::OutsidePool { pool } => plain(
            at,
            ConflictType::PoolBoundary,
            ConflictSeverity::High,
            match pool {
                Some((_, network)) => format!("{} is not in the network {network} of the pool.", shown(at)),
                None => format!("{} is in no pool.", shown(at)),
            },
            false,
            suggestion(
                SuggestedAction::ChoosePool,
                "Name the pool that it lies in, take another address, or make a pool of its network.",
            ),
        ),
        Finding::NotAUnit { message, .. } => plain(
            at,
            ConflictType::PoolBoundary,
            ConflictSeverity::High,
            crate::http::wording::ended(message),
            false,
            suggestion(SuggestedAction::UseAnother, "Take one that the pool hands out."),
        ),
        Finding::Profile {
            subscriber_id,
            prefix,
        } => {
            let mut found = plain(
                at,
                ConflictType::NetworkProfile,
                ConflictSeverity::High,
                format!("The network profile of {subscriber_id} names {}.", shown(&prefix)),
                true,
                suggestion(
                    SuggestedAction::Correct,
                    "Take it out of that profile first if it is not right, or take another address.",
                ),
            );
            found.subscriber_id = Some(subscriber_id.to_string());
            found
        }
    }
}

/// A reservation: an active one is never overruled, since an address has one holder; one that rests may be.
fn of_reservation(at: &Prefix, found: Kept<Reservation>, pool_name: &str) -> IpConflict {
    let holder = found.value.subscriber_id.to_string();
    // A pool that is not for the caller to see has no name.
    let place = match pool_name {
        "" => String::new(),
        name => format!(" in the pool {name}"),
    };
    let mut conflict = match found.value.status {
        ReservationStatus::Assigned => plain(
            at,
            ConflictType::Reservation,
            ConflictSeverity::Critical,
            format!("{} is in use by {holder}{place}.", shown(at)),
            false,
            suggestion(
                SuggestedAction::UseAnother,
                "Take another address, or release it from its holder first.",
            ),
        ),
        ReservationStatus::Reserved => plain(
            at,
            ConflictType::Reservation,
            ConflictSeverity::High,
            format!("{} is reserved for {holder}{place}.", shown(at)),
            false,
            suggestion(
                SuggestedAction::Release,
                "Release that reservation first if it is not needed, or take another.",
            ),
        ),
        ReservationStatus::Released | ReservationStatus::Expired => plain(
            at,
            ConflictType::Reservation,
            ConflictSeverity::Medium,
            match found.value.rests_until {
                Some(until) => format!(
                    "{} was given back by {holder} and rests until {until}.",
                    shown(at)
                ),
                None => format!("{} was given back by {holder} and rests.", shown(at)),
            },
            true,
            suggestion(
                SuggestedAction::Wait,
                "Wait until it has rested, take another, or reserve it with force.",
            ),
        ),
    };
    // Only the very address that rests can be taken before its time; a part of a larger prefix stands in its way.
    conflict.can_force &= found.value.prefix == *at;
    conflict.subscriber_id = Some(holder);
    conflict.existing_reservation = Some(reservation::to_wire(found));
    conflict
}

fn of_node(at: &Prefix, prefix: &Prefix, kept_for: Option<KeptFor>) -> IpConflict {
    let (severity, message, can_force, advice) = match kept_for {
        Some(KeptFor::Gateway) => (
            ConflictSeverity::Critical,
            format!("{} is the gateway of the pool.", shown(at)),
            false,
            suggestion(SuggestedAction::UseAnother, "Take another address."),
        ),
        Some(KeptFor::Exclusion) => (
            ConflictSeverity::High,
            format!("{} is excluded from the pool by {}.", shown(at), shown(prefix)),
            false,
            suggestion(
                SuggestedAction::UseAnother,
                "Take another address, or take the exclusion out of the pool first.",
            ),
        ),
        None if at.strictly_contains(prefix) => (
            ConflictSeverity::High,
            format!("{} lies in {} and is used otherwise.", shown(prefix), shown(at)),
            false,
            suggestion(
                SuggestedAction::UseAnother,
                "Take another prefix, or delete what lies in this one first.",
            ),
        ),
        None => (
            ConflictSeverity::Medium,
            format!(
                "{} is a node of the tree, which says that it is used otherwise.",
                shown(prefix)
            ),
            true,
            suggestion(
                SuggestedAction::Correct,
                "Look at what the node is for; delete it, take another address, or reserve it with force.",
            ),
        ),
    };
    plain(at, ConflictType::TreeNode, severity, message, can_force, advice)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::isp::wire::reservation::tests::kept;

    fn at() -> Prefix {
        "203.0.113.9/32".parse().unwrap()
    }

    #[test]
    fn an_active_reservation_is_never_overruled_and_a_resting_one_may_be() {
        for (status, severity, can_force) in [
            (ReservationStatus::Assigned, ConflictSeverity::Critical, false),
            (ReservationStatus::Reserved, ConflictSeverity::High, false),
            (ReservationStatus::Released, ConflictSeverity::Medium, true),
        ] {
            let finding = Finding::Reservation {
                reservation: Box::new(kept("203.0.113.9/32", status)),
                pool_name: "Static".to_owned(),
            };
            let found = conflict(&at(), finding);
            assert_eq!(
                (found.severity, found.can_force),
                (severity, can_force),
                "{status}"
            );
            assert_eq!(found.subscriber_id.as_deref(), Some("sub/1"));
            assert!(found.existing_reservation.is_some());
        }
    }

    #[test]
    fn what_lies_in_a_delegated_prefix_is_not_overruled() {
        let within: Prefix = "2001:db8:0:101::/64".parse().unwrap();
        let delegated: Prefix = "2001:db8:0:100::/56".parse().unwrap();
        let node = Finding::Node {
            id: Uuid::nil(),
            prefix: within,
            description: String::new(),
            kept_for: None,
        };
        let resting = Finding::Reservation {
            reservation: Box::new(kept("2001:db8:0:101::/64", ReservationStatus::Released)),
            pool_name: "Delegated".to_owned(),
        };
        assert!(!conflict(&delegated, node.clone()).can_force && conflict(&within, node).can_force);
        assert!(!conflict(&delegated, resting.clone()).can_force && conflict(&within, resting).can_force);
    }

    #[test]
    fn what_a_pool_keeps_back_is_not_overruled_and_another_node_may_be() {
        for (kept_for, can_force) in [
            (Some(KeptFor::Gateway), false),
            (Some(KeptFor::Exclusion), false),
            (None, true),
        ] {
            let finding = Finding::Node {
                id: Uuid::nil(),
                prefix: at(),
                description: "printer".to_owned(),
                kept_for,
            };
            let found = conflict(&at(), finding);
            assert_eq!(found.can_force, can_force, "{kept_for:?}");
            assert_eq!(found.node.unwrap().description.as_deref(), Some("printer"));
        }
    }
}
