//! Examples that several routes show: one small plan that fits together.

use serde_json::{Value, json};

const SPACE: &str = "0198a2b4-5c6d-7e8f-9012-3456789abcde";
const TOP: &str = "0198a2b4-6666-7abc-8def-0123456789ab";
const NODE: &str = "0198a2b4-7777-7abc-8def-0123456789ab";
const CREATED: &str = "2026-01-31T09:30:00.123456Z";
const MODIFIED: &str = "2026-02-01T08:00:00.5Z";

/// An address space.
pub(crate) fn space() -> Value {
    json!({
        "id": SPACE,
        "name": "Corporate-Network",
        "description": "Main corporate network.",
        "createdOn": CREATED,
        "modifiedOn": MODIFIED,
    })
}

/// A tag that flows down.
pub(crate) fn region() -> Value {
    json!({
        "name": "Region",
        "description": "Geographical region.",
        "type": "Inheritable",
        "knownValues": ["EuropeWest", "USEast", "USWest"],
        "attributes": {},
        "implies": {},
        "conflict": "Nearest",
        "createdOn": CREATED,
        "modifiedOn": CREATED,
    })
}

/// Body that defines a tag which implies another.
pub(crate) fn datacenter_write() -> Value {
    json!({
        "name": "Datacenter",
        "description": "The specific datacenter.",
        "type": "Inheritable",
        "knownValues": ["AMS05", "DBL01"],
        "attributes": { "DisplayName": { "AMS05": "Amsterdam-05", "DBL01": "Dublin-01" } },
        "implies": { "Region": { "AMS05": "EuropeWest", "DBL01": "EuropeWest" } },
    })
}

/// The same as it is answered.
pub(crate) fn datacenter() -> Value {
    let mut tag = datacenter_write();
    tag["conflict"] = json!("Nearest");
    tag["createdOn"] = json!(CREATED);
    tag["modifiedOn"] = json!(MODIFIED);
    tag
}

/// A node at the top.
pub(crate) fn top() -> Value {
    json!({
        "id": TOP,
        "prefix": "10.0.0.0/8",
        "parentId": null,
        "tags": { "Datacenter": "AMS05" },
        "resolvedTags": { "Datacenter": "AMS05", "Region": "EuropeWest" },
        "createdOn": CREATED,
        "modifiedOn": CREATED,
    })
}

/// A node beneath it.
pub(crate) fn node() -> Value {
    json!({
        "id": NODE,
        "prefix": "10.1.0.0/16",
        "parentId": TOP,
        "description": "Offices",
        "tags": { "Owner": "team-networking" },
        "resolvedTags": { "Datacenter": "AMS05", "Owner": "team-networking", "Region": "EuropeWest" },
        "createdOn": CREATED,
        "modifiedOn": MODIFIED,
    })
}

/// Why that node's tags hold.
pub(crate) fn explanation() -> Value {
    json!({
        "id": NODE,
        "prefix": "10.1.0.0/16",
        "tags": [
            {
                "tag": "Datacenter",
                "value": "AMS05",
                "source": "inherited",
                "nodeId": TOP,
                "nodePrefix": "10.0.0.0/8",
                "reason": "Datacenter=AMS05 is inherited from 10.0.0.0/8, where it is set.",
            },
            {
                "tag": "Owner",
                "value": "team-networking",
                "source": "explicit",
                "nodeId": NODE,
                "nodePrefix": "10.1.0.0/16",
                "reason": "Owner=team-networking is set on this node.",
            },
            {
                "tag": "Region",
                "value": "EuropeWest",
                "source": "inheritedImplied",
                "nodeId": TOP,
                "nodePrefix": "10.0.0.0/8",
                "impliedBy": { "tag": "Datacenter", "value": "AMS05" },
                "implicationChain": [{ "tag": "Datacenter", "value": "AMS05" }],
                "reason": "Region=EuropeWest is implied by Datacenter=AMS05, which is set on 10.0.0.0/8.",
            },
        ],
    })
}

/// That node, found by an address in it.
pub(crate) fn found() -> Value {
    json!({
        "kind": "ip",
        "match": "address",
        "addressSpaceId": SPACE,
        "addressSpaceName": "Corporate-Network",
        "ip": node(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cadastre_api_types::public::{AddressSpace, Explanation, Ip, SearchResult, Tag, TagWrite};

    #[test]
    fn the_examples_are_of_their_types() -> Result<(), serde_json::Error> {
        serde_json::from_value::<AddressSpace>(space())?;
        serde_json::from_value::<Tag>(region())?;
        serde_json::from_value::<Tag>(datacenter())?;
        serde_json::from_value::<TagWrite>(datacenter_write())?;
        serde_json::from_value::<Ip>(top())?;
        serde_json::from_value::<Ip>(node())?;
        serde_json::from_value::<Explanation>(explanation())?;
        serde_json::from_value::<SearchResult>(found())?;
        Ok(())
    }
}
