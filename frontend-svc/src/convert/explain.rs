//! Why each tag of a node holds, for programs and in a sentence.

use cadastre_api_types::internal::{NodeExplained, TagExplained};
use cadastre_api_types::public::{ExplainedTag, Explanation, TagSetting, TagSource};
use cadastre_domain::Prefix;
use cadastre_domain::tags::{How, TagName, TagValue};

/// As clients see it.
pub(crate) fn to_wire(node: &NodeExplained) -> Explanation {
    let at = node.prefix;
    Explanation {
        id: node.id,
        prefix: at.to_string(),
        tags: node.tags.iter().map(|tag| explained(at, tag)).collect(),
    }
}

fn explained(at: Prefix, tag: &TagExplained) -> ExplainedTag {
    let here = tag.origin.node == at;
    let (source, implied_by) = match (&tag.origin.how, here) {
        (How::Set, true) => (TagSource::Explicit, None),
        (How::Set, false) => (TagSource::Inherited, None),
        (How::Implied { by, value }, true) => (TagSource::Implied, Some(setting(by, value))),
        (How::Implied { by, value }, false) => (TagSource::InheritedImplied, Some(setting(by, value))),
    };
    ExplainedTag {
        reason: reason(tag, here),
        source,
        node_id: tag.origin_id,
        node_prefix: tag.origin.node.to_string(),
        implied_by,
        implication_chain: tag
            .chain
            .iter()
            .map(|(name, value)| setting(name, value))
            .collect(),
        tag: tag.tag.to_string(),
        value: tag.value.to_string(),
    }
}

fn setting(tag: &TagName, value: &TagValue) -> TagSetting {
    TagSetting {
        tag: tag.to_string(),
        value: value.to_string(),
    }
}

fn reason(tag: &TagExplained, here: bool) -> String {
    let TagExplained {
        tag: name,
        value,
        origin,
        chain,
        ..
    } = tag;
    let place = if here {
        "this node".to_owned()
    } else {
        origin.node.to_string()
    };
    match &origin.how {
        How::Set if here => format!("{name}={value} is set on this node."),
        How::Set => format!("{name}={value} is inherited from {place}, where it is set."),
        How::Implied { by, value: by_value } => {
            let mut text = format!("{name}={value} is implied by {by}={by_value}");
            // From the direct implier back to what is set.
            for (step, step_value) in chain.iter().rev().skip(1) {
                text.push_str(&format!(", which is implied by {step}={step_value}"));
            }
            text.push_str(&format!(", which is set on {place}."));
            text
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use cadastre_domain::tags::Origin;
    use uuid::Uuid;

    fn pair(tag: &str, value: &str) -> (TagName, TagValue) {
        (TagName::new(tag).unwrap(), TagValue::new(value).unwrap())
    }

    fn explain(node: &str, how: How, chain: Vec<(TagName, TagValue)>) -> ExplainedTag {
        let (tag, value) = pair("Continent", "Europe");
        let origin = Origin {
            node: node.parse().unwrap(),
            how,
        };
        let tag = TagExplained {
            tag,
            value,
            origin,
            origin_id: Uuid::nil(),
            chain,
        };
        let prefix = "10.0.0.0/8".parse().unwrap();
        to_wire(&NodeExplained {
            id: Uuid::nil(),
            prefix,
            tags: vec![tag],
        })
        .tags
        .remove(0)
    }

    fn implied(by: (TagName, TagValue)) -> How {
        How::Implied {
            by: by.0,
            value: by.1,
        }
    }

    #[test]
    fn each_source_has_its_word_and_its_sentence() {
        let set = explain("10.0.0.0/8", How::Set, vec![]);
        assert_eq!(
            (set.source, set.reason.as_str()),
            (TagSource::Explicit, "Continent=Europe is set on this node.")
        );

        let inherited = explain("10.0.0.0/7", How::Set, vec![]);
        assert_eq!(inherited.source, TagSource::Inherited);
        assert_eq!(
            inherited.reason,
            "Continent=Europe is inherited from 10.0.0.0/7, where it is set."
        );

        let region = pair("Region", "West");
        let here = explain("10.0.0.0/8", implied(region.clone()), vec![region.clone()]);
        assert_eq!(here.source, TagSource::Implied);
        assert_eq!(
            here.reason,
            "Continent=Europe is implied by Region=West, which is set on this node."
        );

        let far = explain(
            "10.0.0.0/7",
            implied(region.clone()),
            vec![pair("Datacenter", "AMS05"), region],
        );
        assert_eq!(far.source, TagSource::InheritedImplied);
        assert_eq!(
            far.reason,
            "Continent=Europe is implied by Region=West, which is implied by Datacenter=AMS05, which is set on \
             10.0.0.0/7."
        );
        assert_eq!(far.implied_by.unwrap().tag, "Region");
        assert_eq!(far.implication_chain[0].tag, "Datacenter");
    }
}
