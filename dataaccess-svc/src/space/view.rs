//! From a stored node to what is answered.

use cadastre_api_types::internal::{NodeState, NodeView, TagView};
use cadastre_domain::tags::Resolved;
use cadastre_domain::{Scope, Visibility};

use super::context::Context;
use crate::records::{NodeRecord, TagRecord};

/// A node with what is derived for it. Of a node above the caller's scope only prefix and tags are shown.
pub(crate) fn node_view(
    node: NodeRecord,
    above: &Context,
    resolved: &Resolved,
    visibility: Visibility,
) -> NodeView {
    let (pool_id, reservation_id) = match visibility {
        Visibility::Full => (node.pool, node.reservation()),
        Visibility::ChainOnly | Visibility::Hidden => (None, None),
    };
    let description = match visibility {
        Visibility::Full => node.description,
        Visibility::ChainOnly | Visibility::Hidden => String::new(),
    };
    NodeView {
        pool_id,
        reservation_id,
        id: node.ip_id,
        prefix: node.prefix,
        parent_id: above.parent().map(|link| link.id),
        description,
        resolved: resolved.to_map(),
        tags: node.tags,
        created: node.created_on,
        modified: node.modified_on,
        revision: node.revision,
        visibility,
    }
}

/// A tag definition as it is answered.
pub(crate) fn tag_view(record: &TagRecord) -> TagView {
    TagView {
        definition: record.definition(),
        created: record.created_on,
        modified: record.modified_on,
        revision: record.revision,
    }
}

/// A node as a change left it; of one above the caller's scope prefix and tags, of one beside it nothing.
pub(crate) fn node_state(node: NodeRecord, scope: &Scope) -> Option<NodeState> {
    let description = match scope.visibility(&node.prefix) {
        Visibility::Full => node.description,
        Visibility::ChainOnly => String::new(),
        Visibility::Hidden => return None,
    };
    Some(NodeState {
        id: node.ip_id,
        prefix: node.prefix,
        tags: node.tags,
        description,
    })
}
