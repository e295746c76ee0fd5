//! From a stored node to what is answered.

use cadastre_api_types::internal::{NodeView, TagView};
use cadastre_domain::Visibility;
use cadastre_domain::tags::Resolved;

use super::context::Context;
use crate::records::{NodeRecord, TagRecord};

/// A node with what is derived for it. Of a node above the caller's scope only prefix and tags are shown.
pub(crate) fn node_view(
    node: NodeRecord,
    above: &Context,
    resolved: &Resolved,
    visibility: Visibility,
) -> NodeView {
    let description = match visibility {
        Visibility::Full => node.description,
        Visibility::ChainOnly | Visibility::Hidden => String::new(),
    };
    NodeView {
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
