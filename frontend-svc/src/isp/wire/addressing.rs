//! Addressing plans.

use cadastre_api_types::ApiError;
use cadastre_api_types::public::isp::{
    AddressingBlock, AddressingConflict, AddressingLevel, AddressingPlan, AddressingPlanRequest,
    AddressingSubscribers,
};
use cadastre_domain::Prefix;
use cadastre_domain::isp::IspError;
use cadastre_domain::isp::addressing::{
    AddressPlan, LevelPlan, LevelRequest, PlanRequest, PlannedBlock, SubscriberPlan, design,
};
use cadastre_domain::tags::ExplicitTags;

use super::{prefix, refused};
use crate::convert::tag;

/// A plan that was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The plan.
    pub(crate) plan: AddressPlan,
    /// The tags of the nodes of each level.
    pub(crate) tags: Vec<ExplicitTags>,
    /// Pools are asked for, too.
    pub(crate) make_pools: bool,
}

/// The plan that a body asks for.
///
/// # Errors
/// A `400` naming the field, and for a plan that does not fit, what would.
pub(crate) fn from_wire(body: AddressingPlanRequest) -> Result<Asked, ApiError> {
    let mut tags = Vec::new();
    let mut levels = Vec::new();
    for level in body.levels {
        tags.push(level.tags.unwrap_or_default());
        levels.push(LevelRequest {
            name: level.name,
            count: level.count,
            growth_percent: level.growth_percent.unwrap_or_default(),
        });
    }
    let request = PlanRequest {
        network: prefix("networkCidr", &body.network_cidr)?,
        levels,
        subscriber_length: body.subscriber_prefix_length,
        subscribers_per_leaf: body.subscribers_per_leaf,
        subscriber_growth_percent: body.subscriber_growth_percent.unwrap_or_default(),
        infrastructure: body.infrastructure.unwrap_or_default(),
        spread: body.spread.map(Into::into).unwrap_or_default(),
    };
    Ok(Asked {
        plan: design(&request).map_err(|error| refused(&as_sent(error)))?,
        tags: tags.into_iter().map(tag::explicit).collect::<Result<_, _>>()?,
        make_pools: body.make_pools.unwrap_or_default(),
    })
}

/// A refusal with its field as the body has it.
fn as_sent(error: IspError) -> IspError {
    let field = match error.field {
        "network" => "networkCidr",
        "subscriberLength" => "subscriberPrefixLength",
        same => same,
    };
    IspError { field, ..error }
}

/// As clients see it, with the blocks that are there already.
pub(crate) fn to_wire(
    plan: &AddressPlan,
    exists: impl Fn(&Prefix) -> bool,
    conflicts: Vec<AddressingConflict>,
) -> AddressingPlan {
    let block = |block: &PlannedBlock| {
        let parent = block.parent.and_then(|parent| plan.blocks.get(parent));
        AddressingBlock {
            prefix: block.prefix.to_string(),
            name: block.name.clone(),
            level: block.level,
            role: block.role.into(),
            parent: parent.map(|parent| parent.prefix.to_string()),
            exists: exists(&block.prefix),
        }
    };
    AddressingPlan {
        network_cidr: plan.network.to_string(),
        spread: plan.spread.into(),
        levels: plan.levels.iter().map(level).collect(),
        subscribers: subscribers(&plan.subscriber),
        blocks: plan.blocks.iter().map(block).collect(),
        notes: plan.notes.clone(),
        conflicts,
    }
}

fn level(level: &LevelPlan) -> AddressingLevel {
    AddressingLevel {
        name: level.name.clone(),
        prefix_length: level.prefix_length,
        bits: level.bits,
        capacity: level.capacity.to_string(),
        used_now: level.used_now.to_string(),
        spare_percent: level.spare_percent,
        nibble_aligned: level.nibble_aligned,
    }
}

fn subscribers(subscriber: &SubscriberPlan) -> AddressingSubscribers {
    AddressingSubscribers {
        prefix_length: subscriber.prefix_length,
        bits: subscriber.bits,
        capacity: subscriber.capacity.to_string(),
        used_now: subscriber.used_now.to_string(),
        spare_percent: subscriber.spare_percent,
        nibble_aligned: subscriber.nibble_aligned,
        pools: subscriber.pools.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cadastre_api_types::ErrorCode;
    use serde_json::{Value, json};

    use super::*;
    use crate::openapi::addressing_examples;

    fn asked(changes: &Value) -> Result<Asked, ApiError> {
        let mut sent = addressing_examples::request();
        for (key, value) in changes.as_object().unwrap() {
            sent[key] = value.clone();
        }
        from_wire(serde_json::from_value(sent).unwrap())
    }

    #[test]
    fn what_is_left_out_is_no_growth_no_infrastructure_and_sparse() {
        let bare = json!({
            "networkCidr": "2001:db8::/32",
            "levels": [{ "name": "site", "count": 2 }],
            "subscriberPrefixLength": 56,
            "subscribersPerLeaf": 256,
        });
        let asked = from_wire(serde_json::from_value(bare).unwrap()).unwrap();
        let shown = to_wire(&asked.plan, |_| false, Vec::new());
        assert_eq!(shown.blocks.len(), 2);
        assert_eq!(shown.subscribers.used_now, "256");
        assert_eq!(
            (shown.subscribers.capacity.as_str(), shown.levels[0].prefix_length),
            ("256", 48)
        );
        assert_eq!(serde_json::to_value(shown.spread).unwrap(), "sparse");
        assert!(!asked.make_pools && asked.tags[0].is_empty());
    }

    #[test]
    fn every_rule_names_the_field_as_it_was_sent() {
        for (changes, code, field) in [
            (
                json!({ "networkCidr": "10.0.0.0/8" }),
                ErrorCode::InvalidValue,
                "networkCidr",
            ),
            (
                json!({ "networkCidr": "2001:db8::1/32" }),
                ErrorCode::InvalidPrefix,
                "networkCidr",
            ),
            (
                json!({ "subscriberPrefixLength": 65 }),
                ErrorCode::InvalidValue,
                "subscriberPrefixLength",
            ),
            (
                json!({ "subscribersPerLeaf": 0 }),
                ErrorCode::InvalidValue,
                "subscribersPerLeaf",
            ),
            (
                json!({ "subscriberGrowthPercent": 100_000 }),
                ErrorCode::InvalidValue,
                "subscriberGrowthPercent",
            ),
            (json!({ "levels": [] }), ErrorCode::InvalidValue, "levels"),
            (
                json!({ "levels": [{ "name": "a", "count": 1, "tags": { " ": "x" } }] }),
                ErrorCode::InvalidName,
                "tags. ",
            ),
        ] {
            let error = asked(&changes).unwrap_err();
            assert_eq!(
                (error.code, &error.details.unwrap()["field"]),
                (code, &json!(field)),
                "{changes}"
            );
            assert!(error.message.ends_with(['.', '?']), "{}", error.message);
        }
    }
}
