//! Tags whose `conflict` policy is `Reject`: no node may resolve to another value than its nearest ancestor.
//! A change of a node can break that for the node itself (checked against what flows down) and for what lies
//! beneath it (checked here, through the index of explicit values).

use cadastre_domain::Prefix;
use cadastre_domain::tags::{
    ConflictPolicy, Inheritance, LocalTags, Resolved, TagName, TagValue, Vocabulary,
};

use super::context::tag_conflict;
use crate::errors::{Failure, Outcome};
use crate::keys;
use crate::records::{NodeRecord, RecordError, decode};
use crate::rows::Rows;

/// Nodes beneath another that are looked at one by one; for more the index of values is asked, whose cost depends on how
/// many different values there are in the space.
const FEW_BENEATH: usize = 512;

/// What a stored node sets itself.
pub(crate) fn local(vocabulary: &Vocabulary, node: &NodeRecord) -> Outcome<LocalTags> {
    vocabulary.local(&node.tags).map_err(|clash| {
        RecordError::Inconsistent {
            key: keys::node(&node.prefix),
            reason: clash.to_string(),
        }
        .into()
    })
}

/// The tags with that policy.
pub(crate) fn rejecting(vocabulary: &Vocabulary) -> Vec<TagName> {
    vocabulary
        .iter()
        .filter(|tag| tag.conflict == ConflictPolicy::Reject && tag.inheritance == Inheritance::Inheritable)
        .map(|tag| tag.name.clone())
        .collect()
}

/// Distinct values that a tag is explicitly set to anywhere in the space.
pub(crate) async fn values_in_use(rows: Rows<'_>, tag: &TagName) -> Outcome<Vec<TagValue>> {
    let mut values: Vec<TagValue> = Vec::new();
    loop {
        let range = keys::values_range(tag, values.last());
        let Some((key, _)) = rows.first(&range).await? else {
            return Ok(values);
        };
        match keys::parse_value(&key) {
            Some((value, _)) => {
                values.push(value);
                if values.len().is_multiple_of(256) {
                    tokio::task::yield_now().await;
                }
            }
            None => {
                return Err(RecordError::Inconsistent {
                    key,
                    reason: "not an index entry".to_owned(),
                }
                .into());
            }
        }
    }
}

/// Refuses values of rejecting tags at `at` that contradict what a node beneath sets or implies. `before` is
/// what `at` (or, for a new node, its parent) resolved to until now: unchanged values cannot break anything.
pub(crate) async fn check_beneath(
    rows: Rows<'_>,
    vocabulary: &Vocabulary,
    at: &Prefix,
    before: impl Fn(&TagName) -> Option<TagValue>,
    after: &Resolved,
) -> Outcome<()> {
    let mut changed = Vec::new();
    for tag in rejecting(vocabulary) {
        if let Some(value) = after.get(&tag)
            && before(&tag).as_ref() != Some(value)
        {
            changed.push((tag, value));
        }
    }
    if changed.is_empty() || few_beneath(rows, vocabulary, at, &changed).await? {
        return Ok(());
    }
    for (tag, value) in changed {
        for setter in vocabulary.tags_that_can_set(&tag) {
            for set_to in values_in_use(rows, &setter).await? {
                check_setting(rows, vocabulary, at, (&tag, value), (&setter, &set_to)).await?;
            }
        }
    }
    Ok(())
}

/// Looks at each node beneath, if they are few: `false` = there are more than that, so the index is asked.
async fn few_beneath(
    rows: Rows<'_>,
    vocabulary: &Vocabulary,
    at: &Prefix,
    changed: &[(TagName, &TagValue)],
) -> Outcome<bool> {
    let range = keys::node_range(Some(at), Some(&at.last_descendant()));
    let (found, more) = rows.scan(&range, FEW_BENEATH).await?;
    if more.is_some() {
        return Ok(false);
    }
    for (key, bytes) in &found {
        let node: NodeRecord = decode(key, bytes)?;
        let given = local(vocabulary, &node)?;
        for (tag, value) in changed {
            if let Some(given) = given.get(tag)
                && given.value != **value
            {
                return Err(contradiction((tag, value), at, &given.value, &node.prefix));
            }
        }
    }
    Ok(true)
}

fn contradiction(
    (tag, value): (&TagName, &TagValue),
    at: &Prefix,
    given: &TagValue,
    beneath: &Prefix,
) -> Failure {
    tag_conflict(format!(
        "{tag}={value} on {at} contradicts {tag}={given} on {beneath} beneath it, and {tag} has the conflict policy Reject. \
         Change {beneath} first, or set the same value."
    ))
}

async fn check_setting(
    rows: Rows<'_>,
    vocabulary: &Vocabulary,
    at: &Prefix,
    (tag, value): (&TagName, &TagValue),
    (setter, set_to): (&TagName, &TagValue),
) -> Outcome<()> {
    if setter == tag && set_to == value {
        return Ok(());
    }
    // An implication that gives the same value, or none, cannot contradict.
    let alone = vocabulary.local(&[(setter.clone(), set_to.clone())].into_iter().collect());
    if alone.is_ok_and(|alone| alone.get(tag).is_none_or(|given| given.value == *value)) {
        return Ok(());
    }
    let last = at.last_descendant();
    let mut after = *at;
    loop {
        let range = keys::value_range(setter, set_to, Some(&after), Some(&last));
        let Some((key, _)) = rows.first(&range).await? else {
            return Ok(());
        };
        let Some((_, beneath)) = keys::parse_value(&key) else {
            return Err(RecordError::Inconsistent {
                key,
                reason: "not an index entry".to_owned(),
            }
            .into());
        };
        if let Some(node) = rows.node(&beneath).await?
            && let Some(given) = local(vocabulary, &node)?.get(tag)
            && given.value != *value
        {
            return Err(contradiction((tag, value), at, &given.value, &beneath));
        }
        after = beneath;
    }
}
