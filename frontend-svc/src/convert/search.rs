//! What a search found, as clients see it: [`cadastre_api_types::public::SearchResult`], with nodes borrowed as in
//! every list (a test holds the two together).

use cadastre_api_types::internal::{Found, FoundBy, FoundThing};
use cadastre_api_types::public::isp::Subscriber;
use cadastre_api_types::public::{AddressSpace, FoundPool, SearchKind, SearchMatch, Tag, TagSetting};
use serde::Serialize;
use uuid::Uuid;

use super::node::WireNode;
use super::{space, tag};

/// Something that was found.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireFound<'a> {
    kind: SearchKind,
    #[serde(rename = "match")]
    reason: SearchMatch,
    address_space_id: Uuid,
    address_space_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    setting: Option<TagSetting>,
    #[serde(skip_serializing_if = "Option::is_none")]
    space: Option<AddressSpace>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<Tag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<WireNode<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pool: Option<FoundPool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscriber: Option<Subscriber>,
}

impl<'a> From<&'a Found> for WireFound<'a> {
    fn from(found: &'a Found) -> Self {
        let (reason, setting) = match &found.by {
            FoundBy::Id => (SearchMatch::Id, None),
            FoundBy::Address => (SearchMatch::Address, None),
            FoundBy::Prefix => (SearchMatch::Prefix, None),
            FoundBy::Name => (SearchMatch::Name, None),
            FoundBy::Username => (SearchMatch::Username, None),
            FoundBy::Number => (SearchMatch::SubscriberNumber, None),
            FoundBy::Value(tag, value) => {
                let (tag, value) = (tag.to_string(), value.to_string());
                (SearchMatch::Value, Some(TagSetting { tag, value }))
            }
        };
        let kind = match &found.thing {
            FoundThing::Space(_) => SearchKind::Space,
            FoundThing::Tag(_) => SearchKind::Tag,
            FoundThing::Node(_) => SearchKind::Ip,
            FoundThing::Pool(_) => SearchKind::Pool,
            FoundThing::Subscriber(_) => SearchKind::Subscriber,
        };
        let mut wire = Self {
            kind,
            reason,
            address_space_id: found.space,
            address_space_name: &found.space_name,
            setting,
            space: None,
            tag: None,
            ip: None,
            pool: None,
            subscriber: None,
        };
        match &found.thing {
            FoundThing::Space(view) => wire.space = Some(space::to_wire(view.clone())),
            FoundThing::Tag(view) => wire.tag = Some(tag::to_wire(view.as_ref().clone())),
            FoundThing::Node(view) => wire.ip = Some(WireNode::from(view.as_ref())),
            FoundThing::Pool(kept) => {
                wire.pool = Some(FoundPool {
                    id: kept.value.id,
                    pool_name: kept.value.name.clone(),
                    pool_type: kept.value.pool_type.into(),
                    network_cidr: kept.value.network.to_string(),
                });
            }
            FoundThing::Subscriber(kept) => {
                wire.subscriber = Some(crate::isp::wire::subscriber::to_wire(kept.as_ref().clone()));
            }
        }
        wire
    }
}

/// A page of what was found.
pub(crate) fn to_wire(found: &[Found]) -> Vec<WireFound<'_>> {
    found.iter().map(WireFound::from).collect()
}
