//! Decides commands about tag definitions. A change that would make stored nodes invalid is refused; nodes are
//! found through the index of explicit values, never by reading the space.

use cadastre_api_types::internal::{IfMatch, Image, ImageChange};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::Prefix;
use cadastre_domain::tags::{TagDefinition, TagName, TagValue, Vocabulary, VocabularyError, check_reject};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::context::{Resolver, tag_conflict};
use super::decide::{Decider, Decision, Effects, check_if_match};
use super::journal::bare_entry;
use super::reject::{check_beneath, rejecting, values_in_use};
use super::view::tag_view;
use crate::errors::{Failure, Outcome};
use crate::keys;
use crate::records::{JournalImage, NodeRecord, RecordError, TagRecord, encode};
use crate::rows::Rows;

/// Nodes named in a refusal.
const NAMED: usize = 5;
/// Nodes counted for a refusal ("at least N").
const COUNTED: usize = 1000;

/// The refusal for definitions that do not fit together.
fn vocabulary_error(error: &VocabularyError) -> Failure {
    let code = match error {
        VocabularyError::Cycle { .. } => ErrorCode::TagCycle,
        VocabularyError::StillImplied { .. } => ErrorCode::TagInUse,
        VocabularyError::UndefinedImplied { .. }
        | VocabularyError::ImpliedNotInheritable { .. }
        | VocabularyError::ImpliedValueNotKnown { .. }
        | VocabularyError::Definition { .. }
        | VocabularyError::Duplicate { .. } => ErrorCode::InvalidTagDefinition,
    };
    Failure::refused(code, error.to_string())
}

fn no_tag() -> Failure {
    Failure::not_found("tag definition in this address space")
}

fn check_size(record: &TagRecord, decider: &Decider<'_>) -> Outcome<()> {
    let size = encode(record).len();
    // Half of a row: journal and history hold the state before and after.
    let most = decider.value_bytes / 2;
    if size <= most {
        return Ok(());
    }
    Err(Failure::refused(
        ErrorCode::InvalidTagDefinition,
        format!(
            "The definition of {} takes {size} bytes; at most {most} are possible. Use fewer known values, attributes or \
             implications.",
            record.name
        ),
    ))
}

/// A new definition; one that is made again keeps its time of creation.
pub(crate) async fn create(
    decider: &Decider<'_>,
    definition: &TagDefinition,
    created: Timestamp,
) -> Outcome<Decision> {
    let vocabulary = decider.resolver.vocabulary();
    if vocabulary.get(&definition.name).is_some() {
        return Err(Failure::refused(
            ErrorCode::NameTaken,
            format!(
                "A tag {} is defined already in this address space. Change it with PUT.",
                definition.name
            ),
        ));
    }
    let after = vocabulary
        .with(definition.clone())
        .map_err(|error| vocabulary_error(&error))?;
    let record = TagRecord::new(definition, created, decider.time, decider.version);
    check_size(&record, decider)?;
    Ok(change(decider, None, Some(record), after))
}

/// A changed definition.
pub(crate) async fn update(
    decider: &Decider<'_>,
    definition: &TagDefinition,
    if_match: Option<&IfMatch>,
) -> Outcome<Decision> {
    let rows = decider.resolver.rows();
    let before: TagRecord = rows
        .record(&keys::tag(&definition.name))
        .await?
        .ok_or_else(no_tag)?;
    check_if_match(if_match, before.revision)?;
    if before.definition() == *definition {
        return Ok(Decision::Unchanged(Box::new(Image::Tag(tag_view(&before)))));
    }
    let old = decider.resolver.vocabulary();
    let new = old
        .with(definition.clone())
        .map_err(|error| vocabulary_error(&error))?;
    let record = TagRecord::new(definition, before.created_on, decider.time, decider.version);
    check_size(&record, decider)?;
    check_values_in_use(rows, definition).await?;
    if !verify(decider, old, &new, &definition.name).await? {
        return Ok(Decision::VerifyFirst);
    }
    Ok(change(decider, Some(before), Some(record), new))
}

/// A definition less.
pub(crate) async fn delete(
    decider: &Decider<'_>,
    name: &TagName,
    if_match: Option<&IfMatch>,
) -> Outcome<Decision> {
    let rows = decider.resolver.rows();
    let before: TagRecord = rows.record(&keys::tag(name)).await?.ok_or_else(no_tag)?;
    check_if_match(if_match, before.revision)?;
    let after = decider
        .resolver
        .vocabulary()
        .without(name)
        .map_err(|error| vocabulary_error(&error))?;
    let in_use = users_of(rows, name, |_| true).await?;
    if in_use.count > 0 {
        return Err(in_use.refusal(&format!("Tag {name} is set on"), "Remove it from them first."));
    }
    Ok(change(decider, Some(before), None, after))
}

fn change(
    decider: &Decider<'_>,
    before: Option<TagRecord>,
    after: Option<TagRecord>,
    vocabulary: Vocabulary,
) -> Decision {
    let Some(name) = before
        .as_ref()
        .or(after.as_ref())
        .map(|record| record.name.clone())
    else {
        unreachable!("a change has a state before or after")
    };
    let image = |record: &Option<TagRecord>| record.as_ref().map(|record| Image::Tag(tag_view(record)));
    let mut effects = Effects {
        moves_epoch: true,
        vocabulary: Some(vocabulary),
        ..Effects::default()
    };
    effects
        .writes
        .push((keys::tag(&name), after.as_ref().map(encode)));
    effects.changes.push(ImageChange {
        before: image(&before),
        after: image(&after),
    });
    effects.subject = image(&after);
    effects.journal.push(JournalImage::Tag {
        before,
        after,
        previous: Some(decider.resolver.head().tags_version),
    });
    Decision::Change(Box::new(effects))
}

/// Nodes that set a tag.
struct Users {
    count: usize,
    more: bool,
    first: Vec<(Prefix, TagValue)>,
}

impl Users {
    fn refusal(&self, what: &str, then: &str) -> Failure {
        let named: Vec<String> = self
            .first
            .iter()
            .map(|(prefix, value)| format!("{prefix} ({value})"))
            .collect();
        let at_least = if self.more { "at least " } else { "" };
        let nodes = if self.count == 1 { "node" } else { "nodes" };
        let dots = if self.count > self.first.len() {
            ", …"
        } else {
            ""
        };
        let details = serde_json::json!({
            "atLeast": self.count,
            "prefixes": self.first.iter().map(|(prefix, _)| prefix).collect::<Vec<_>>(),
        });
        Failure::Refused(Box::new(
            ApiError::new(
                ErrorCode::TagInUse,
                format!(
                    "{what} {at_least}{} {nodes}: {}{dots}. {then}",
                    self.count,
                    named.join(", ")
                ),
            )
            .with_details(details),
        ))
    }
}

/// Nodes that set a tag to values of a kind, counted up to a bound.
async fn users_of(rows: Rows<'_>, tag: &TagName, of: impl Fn(&TagValue) -> bool) -> Outcome<Users> {
    let mut users = Users {
        count: 0,
        more: false,
        first: Vec::new(),
    };
    for value in values_in_use(rows, tag).await?.into_iter().filter(of) {
        let room = COUNTED + 1 - users.count;
        let (entries, _) = rows
            .scan(&keys::value_range(tag, &value, None, None), room)
            .await?;
        for (key, _) in entries {
            let Some((value, prefix)) = keys::parse_value(&key) else {
                return Err(RecordError::Inconsistent {
                    key,
                    reason: "not an index entry".to_owned(),
                }
                .into());
            };
            if users.first.len() < NAMED {
                users.first.push((prefix, value));
            }
            users.count += 1;
        }
        if users.count > COUNTED {
            users.count = COUNTED;
            users.more = true;
            break;
        }
    }
    Ok(users)
}

/// Refuses known values that leave out a value in use.
async fn check_values_in_use(rows: Rows<'_>, definition: &TagDefinition) -> Outcome<()> {
    if definition.known_values.is_empty() {
        return Ok(());
    }
    let known: BTreeSet<&TagValue> = definition.known_values.iter().collect();
    let users = users_of(rows, &definition.name, |value| !known.contains(value)).await?;
    if users.count == 0 {
        return Ok(());
    }
    Err(users.refusal(
        &format!(
            "The new known values of {} leave out values that are set on",
            definition.name
        ),
        "Keep those values, or change these nodes first.",
    ))
}

/// The tags whose explicit setting must be looked at because the new definition can make nodes invalid: those
/// that take part in a possible clash of implications, or in a `Reject` policy, that involves the changed tag.
pub(crate) fn setters_to_verify(old: &Vocabulary, new: &Vocabulary, changed: &TagName) -> BTreeSet<TagName> {
    let mut targets = BTreeSet::new();
    let rejecting = rejecting(new);
    for tag in new.iter().map(|tag| &tag.name) {
        let concerned =
            new.tags_that_can_set(tag).contains(changed) || old.tags_that_can_set(tag).contains(changed);
        if concerned && (new.direct_impliers(tag).len() > 1 || rejecting.contains(tag)) {
            targets.insert(tag.clone());
        }
    }
    targets
        .iter()
        .flat_map(|tag| new.tags_that_can_set(tag))
        .collect()
}

/// Checks the nodes that the new definition concerns. `false` = there are too many to look at here.
async fn verify(
    decider: &Decider<'_>,
    old: &Vocabulary,
    new: &Vocabulary,
    changed: &TagName,
) -> Outcome<bool> {
    let setters = setters_to_verify(old, new, changed);
    if setters.is_empty() {
        return Ok(true);
    }
    let resolver = Resolver::uncached(decider.resolver.rows(), decider.resolver.head(), new);
    match decider.verified_at {
        Some(version) => verify_changed_since(decider, &resolver, version).await,
        None => verify_setters(&resolver, &setters, Some(decider.verify_rows)).await,
    }
}

/// Checks every node that sets one of these tags. `false` = stopped after `most` nodes.
pub(crate) async fn verify_setters(
    resolver: &Resolver<'_>,
    setters: &BTreeSet<TagName>,
    most: Option<usize>,
) -> Outcome<bool> {
    let rows = resolver.rows();
    let mut looked_at = 0;
    for setter in setters {
        for value in values_in_use(rows, setter).await? {
            let mut range = keys::value_range(setter, &value, None, None);
            loop {
                let (entries, next) = rows.scan(&range, 256).await?;
                for (key, _) in entries {
                    looked_at += 1;
                    if most.is_some_and(|most| looked_at > most) {
                        return Ok(false);
                    }
                    if let Some((_, prefix)) = keys::parse_value(&key)
                        && let Some(node) = rows.node(&prefix).await?
                    {
                        verify_node(resolver, &node, false).await?;
                    }
                }
                tokio::task::yield_now().await;
                match next {
                    Some(next) => range.start = Some(next),
                    None => break,
                }
            }
        }
    }
    Ok(true)
}

/// Checks the nodes that have changed since all were checked.
async fn verify_changed_since(decider: &Decider<'_>, resolver: &Resolver<'_>, version: u64) -> Outcome<bool> {
    let now = decider.version.saturating_sub(1);
    if resolver.head().tags_version > version || now.saturating_sub(version) > decider.verify_rows as u64 {
        return Ok(false);
    }
    let rows = resolver.rows();
    let mut looked_at = 0;
    for changed in version + 1..=now {
        let (entry, _) = bare_entry(rows, changed).await?;
        let images = entry.changes.into_iter().filter_map(|image| match image {
            JournalImage::Node { after, .. } => after.map(|node| node.prefix),
            JournalImage::Tag { .. }
            | JournalImage::Space { .. }
            | JournalImage::User { .. }
            | JournalImage::Entity { .. } => None,
        });
        for prefix in images.chain(entry.nodes) {
            // One version of an import may have thousands of nodes.
            looked_at += 1;
            if looked_at > decider.verify_rows {
                return Ok(false);
            }
            if let Some(node) = rows.node(&prefix).await? {
                verify_node(resolver, &node, true).await?;
            }
        }
    }
    Ok(true)
}

/// A node under the new definitions: its own tags, against its ancestors, and (where others were checked before
/// it changed) against what lies beneath.
async fn verify_node(resolver: &Resolver<'_>, node: &NodeRecord, beneath: bool) -> Outcome<()> {
    let vocabulary = resolver.vocabulary();
    vocabulary
        .local(&node.tags)
        .map_err(|clash| tag_conflict(format!("On {}: {clash}", node.prefix)))?;
    if rejecting(vocabulary).is_empty() {
        return Ok(());
    }
    // What flows down from above may clash with itself under the new definitions; then that is what is wrong.
    let mut above = Arc::new(super::context::Context::default());
    for ancestor in resolver.rows().ancestors(&node.prefix, resolver.head()).await? {
        let resolved = vocabulary
            .resolve(&above.inherited, ancestor.prefix, &ancestor.tags)
            .map_err(tag_conflict)?;
        above = Arc::new(above.below(&ancestor, &resolved));
    }
    let resolved = vocabulary
        .resolve(&above.inherited, node.prefix, &node.tags)
        .map_err(tag_conflict)?;
    check_reject(vocabulary, &above.inherited, node.prefix, &resolved).map_err(tag_conflict)?;
    if beneath {
        check_beneath(resolver.rows(), vocabulary, &node.prefix, |_| None, &resolved).await?;
    }
    Ok(())
}
