//! Examples of addressing plans.

use serde_json::{Value, json};

/// Body that asks for a plan.
pub(crate) fn request() -> Value {
    json!({
        "networkCidr": "2001:db8::/32",
        "levels": [{ "name": "site", "count": 2, "growthPercent": 50, "tags": { "Region": "EuropeWest" } }],
        "subscriberPrefixLength": 56,
        "subscribersPerLeaf": 4000,
        "subscriberGrowthPercent": 100,
        "spread": "sequential",
        "makePools": true,
    })
}

/// The plan, with something in its way.
pub(crate) fn plan() -> Value {
    let mut plan = clear();
    plan["conflicts"] = json!([{
        "type": "NODE",
        "id": "0198a2b4-5e00-7c11-8a3e-2f6d1b9c0a77",
        "prefix": "2001:db8::/36",
        "name": "legacy",
        "block": "2001:db8::/40",
        "message": "The node 2001:db8::/36 lies between site 1 (2001:db8::/40) and the network 2001:db8::/32. Remove or \
                    resize it, or plan another network.",
    }]);
    plan
}

fn clear() -> Value {
    json!({
        "networkCidr": "2001:db8::/32",
        "spread": "sequential",
        "levels": [{
            "name": "site",
            "prefixLength": 40,
            "bits": 8,
            "capacity": "256",
            "usedNow": "2",
            "sparePercent": 99,
            "nibbleAligned": true,
        }],
        "subscribers": {
            "prefixLength": 56,
            "bits": 16,
            "capacity": "65536",
            "usedNow": "4000",
            "sparePercent": 93,
            "nibbleAligned": true,
            "pools": "2",
        },
        "blocks": [
            { "prefix": "2001:db8::/40", "name": "site 1", "level": 0, "role": "SUBSCRIBER_POOL", "exists": false },
            { "prefix": "2001:db8:100::/40", "name": "site 2", "level": 0, "role": "SUBSCRIBER_POOL", "exists": false },
        ],
        "notes": ["All prefixes end on a whole hexadecimal digit: each block is one reverse zone (RFC 3596 §2.5), and it \
                   can be read from an address."],
        "conflicts": [],
    })
}

/// What became of it.
pub(crate) fn applied() -> Value {
    json!({
        "plan": clear(),
        "created": ["2001:db8::/40", "2001:db8:100::/40"],
        "unchanged": [],
        "pools": [
            {
                "networkCidr": "2001:db8::/40",
                "poolName": "site 1",
                "outcome": "CREATED",
                "poolId": "0198a2b4-6a00-7d22-9b4f-3a7e2c0d1b88",
            },
            {
                "networkCidr": "2001:db8:100::/40",
                "poolName": "site 2",
                "outcome": "FAILED",
                "error": {
                    "code": "StoreUnavailable",
                    "message": "The store is unavailable; nothing was changed. Send the request again.",
                },
            },
        ],
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cadastre_api_types::public::isp::{AddressingPlan, AddressingPlanApplied};

    use super::*;
    use crate::isp::wire::addressing::{from_wire, to_wire};

    #[test]
    fn the_examples_are_what_would_be_answered() {
        let asked = from_wire(serde_json::from_value(request()).unwrap()).unwrap();
        let mut shown = to_wire(&asked.plan, |_| false, Vec::new());
        let example: AddressingPlan = serde_json::from_value(clear()).unwrap();
        assert!(shown.notes.contains(&example.notes[0]));
        shown.notes.clone_from(&example.notes);
        assert_eq!(shown, example);
        serde_json::from_value::<AddressingPlan>(plan()).unwrap();
        serde_json::from_value::<AddressingPlanApplied>(applied()).unwrap();
    }
}
