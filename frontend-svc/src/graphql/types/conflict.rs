//! Conflicts.

use std::sync::Arc;

use async_graphql::{ID, SimpleObject};
use cadastre_api_types::public::isp::IpConflict as WireConflict;
use jiff::Timestamp;

use super::IPReservation;
use crate::graphql::scalars::id;
use crate::graphql::session::InSpace;
use crate::graphql::words::{ConflictSeverity, ConflictType, SuggestedAction};

/// A way out.
#[derive(Debug, SimpleObject)]
struct ConflictSuggestion {
    /// What to do.
    action: SuggestedAction,
    /// The same in words.
    message: String,
    /// The next one that the pool would hand out instead.
    ip_address: Option<String>,
}

/// A node of the tree that is in the way.
#[derive(Debug, SimpleObject)]
struct ConflictNode {
    /// Id of the node.
    id: ID,
    /// Its prefix.
    prefix: String,
    /// What it is for.
    description: Option<String>,
}

/// What stands against an address being handed out, or is wrong with one that was.
#[derive(Debug, SimpleObject)]
#[graphql(name = "IPConflict")]
pub(in crate::graphql) struct IPConflict {
    /// The address, or the delegated prefix.
    ip_address: String,
    /// What it conflicts with.
    conflict_type: ConflictType,
    /// The reservation in the way.
    existing_reservation: Option<IPReservation>,
    /// How bad that is.
    severity: ConflictSeverity,
    /// The same in words.
    message: String,
    /// The node in the way.
    node: Option<ConflictNode>,
    /// Who has it, or should have it.
    subscriber_id: Option<String>,
    /// Since when, where that is known.
    since: Option<Timestamp>,
    /// Whether a reservation with `force` overrules it.
    can_force: bool,
    /// A way out.
    suggestion: ConflictSuggestion,
}

impl IPConflict {
    /// A conflict as the public API shows it.
    pub(in crate::graphql) fn of(at: &Arc<InSpace>, conflict: WireConflict) -> Self {
        Self {
            ip_address: conflict.ip_address,
            conflict_type: conflict.conflict_type.into(),
            existing_reservation: conflict
                .existing_reservation
                .map(|held| IPReservation::of(at, held)),
            severity: conflict.severity.into(),
            message: conflict.message,
            node: conflict.node.map(|node| ConflictNode {
                id: id(node.id),
                prefix: node.prefix,
                description: node.description,
            }),
            subscriber_id: conflict.subscriber_id,
            since: conflict.since,
            can_force: conflict.can_force,
            suggestion: ConflictSuggestion {
                action: conflict.suggestion.action.into(),
                message: conflict.suggestion.message,
                ip_address: conflict.suggestion.ip_address,
            },
        }
    }
}
