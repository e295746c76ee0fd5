//! Decides commands about nodes: loads what the rules of `domain` need, asks them, and turns the answer into
//! rows. Nothing here writes; the writer (or a dry run) does what it likes with the [`Effects`].

use std::sync::Arc;

use bytes::Bytes;
use cadastre_api_types::internal::{
    CallContext, IfMatch, Image, ImageChange, NodeRef, NodeView, SpaceCommand, SpaceCommandRequest,
};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::hierarchy::ChildScan;
use cadastre_domain::isp::{Entity, Kept};
use cadastre_domain::tags::{
    ExplicitTags, RemovalError, Resolved, TagError, check_reject, explicit_after_parent_removal,
};
use cadastre_domain::{Prefix, Visibility};
use jiff::Timestamp;
use parking_lot::Mutex;
use uuid::Uuid;

use super::context::{Context, Resolver, tag_conflict};
use super::free_index::{FreeIndex, Placed};
use super::isp::{self, Book, Due};
use super::read::{find, no_node};
use super::read_ahead::ReadAhead;
use super::reject::check_beneath;
use super::view::node_view;
use super::{allocate, definition, restructure, revert, staged};
use crate::errors::{Failure, Outcome};
use crate::idempotency::RowWrites;
use crate::keys;
use crate::records::{JournalImage, NodeRecord, RecordError, encode, encode_history};
use cadastre_domain::tags::Vocabulary;

/// What a command does.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// Rows to write (`None` = delete), head, journal and idempotency apart.
    pub writes: RowWrites,
    /// Nodes made.
    pub created: Vec<Placed>,
    /// Nodes removed.
    pub removed: Vec<Placed>,
    /// Resolved tags or parents of other nodes may change.
    pub moves_epoch: bool,
    /// The vocabulary after it, if it changes.
    pub vocabulary: Option<Vocabulary>,
    /// For the journal, the command's subject first.
    pub journal: Vec<JournalImage>,
    /// Nodes for the journal whose states it need not repeat: they are in their history.
    pub journal_nodes: Vec<Prefix>,
    /// For a dry run, the command's subject first.
    pub changes: Vec<ImageChange>,
    /// State of the command's subject after it.
    pub subject: Option<Image>,
    /// Nodes that an allocation or a split made, as they are answered.
    pub made: Vec<NodeView>,
    /// The version that is taken back.
    pub reverts: Option<u64>,
    /// Things of the provider's side as they are answered, the subject first.
    pub things: Vec<Kept<Entity>>,
    /// What the space knows of the provider's side by heart, if it changes.
    pub book: Option<Arc<Book>>,
    /// Moments at which something of the space will be due.
    pub due: Vec<Due>,
}

/// A node beneath the node that flows down to it.
pub(super) fn placed(prefix: &Prefix, above: &Context) -> Placed {
    Placed {
        prefix: *prefix,
        parent: above.parent().map(|link| link.prefix),
    }
}

/// What comes of a command that is not refused.
#[derive(Debug)]
pub(crate) enum Decision {
    /// Something changes.
    Change(Box<Effects>),
    /// All is as it should be already: nothing is written.
    Unchanged(Box<Image>),
    /// The same, about things of the provider's side.
    Same(Vec<Kept<Entity>>),
    /// A definition must be verified against many nodes first, outside the writer.
    VerifyFirst,
    /// It is refused; a dry run shows what it would have done all the same.
    Blocked(Box<Blocked>),
}

/// What a rule forbids, and which.
#[derive(Debug)]
pub(crate) struct Blocked {
    /// What would change.
    pub changes: Vec<ImageChange>,
    /// Why it must not.
    pub error: ApiError,
}

/// What a decision goes by.
pub(crate) struct Decider<'a> {
    pub resolver: Resolver<'a>,
    pub context: &'a CallContext,
    /// Time of the command.
    pub time: Timestamp,
    /// Version the space will have.
    pub version: u64,
    /// Rows one commit may hold. A command may have more: `staged::MOST_ROWS`.
    pub commit_rows: usize,
    /// Bytes one value may have.
    pub value_bytes: usize,
    /// Index rows that may be looked at here.
    pub verify_rows: usize,
    /// All nodes were verified against the new definition as of this version.
    pub verified_at: Option<u64>,
    /// What is known to be free; `None` outside the writer.
    pub free: Option<&'a Mutex<FreeIndex>>,
    /// What is known of the provider's side by heart.
    pub book: &'a Arc<Book>,
}

/// Row changes of one node.
pub(super) fn node_rows(
    writes: &mut RowWrites,
    before: Option<&NodeRecord>,
    after: Option<&NodeRecord>,
    time: Timestamp,
    version: u64,
) {
    let entry = || Some(Bytes::from_static(b"{\"V\":1}"));
    let Some(prefix) = before.or(after).map(|node| node.prefix) else {
        return;
    };
    // The row of a deleted node's id stays: its history is found by it.
    if let (None, Some(node)) = (before, after) {
        let id_row = format!("{{\"V\":1,\"Prefix\":\"{prefix}\"}}");
        writes.push((keys::id(node.ip_id), Some(Bytes::from(id_row))));
    }
    let value = after.map(encode);
    let none = ExplicitTags::new();
    let old = before.map_or(&none, |node| &node.tags);
    let new = after.map_or(&none, |node| &node.tags);
    for (tag, value) in old {
        if new.get(tag) != Some(value) {
            writes.push((keys::value(tag, value, &prefix), None));
        }
    }
    for (tag, value) in new {
        if old.get(tag) != Some(value) {
            writes.push((keys::value(tag, value, &prefix), entry()));
        }
    }
    let history = encode_history(time, value.as_ref());
    writes.push((keys::history(&prefix, version), Some(history)));
    writes.push((keys::node(&prefix), value));
}

/// The refusal for tags, on a node or in a question, that break a rule.
pub(crate) fn tag_error(error: &TagError) -> Failure {
    let code = match error {
        TagError::Undefined { .. } => ErrorCode::UndefinedTag,
        TagError::UnknownValue { .. } => ErrorCode::UnknownTagValue,
        TagError::TooMany { .. } => ErrorCode::TooManyTags,
    };
    Failure::refused(code, error.to_string())
}

/// The refusal for an older `If-Match`.
pub(crate) fn stale(revision: u64) -> Failure {
    Failure::refused(
        ErrorCode::PreconditionFailed,
        format!("It has changed since: its ETag is \"{revision}\" now. Read it again and repeat the change."),
    )
}

/// The refusal for a node outside the caller's scope.
pub(crate) fn outside_scope(prefix: &Prefix, what: &str) -> Failure {
    Failure::refused(
        ErrorCode::OutsideScope,
        format!("Your role is narrowed to a subtree that does not hold {prefix}, so you cannot {what} it."),
    )
}

/// Checks `If-Match`.
pub(crate) fn check_if_match(if_match: Option<&IfMatch>, revision: u64) -> Outcome<()> {
    match if_match {
        Some(condition) if !condition.matches(revision) => Err(stale(revision)),
        Some(_) | None => Ok(()),
    }
}

impl Decider<'_> {
    /// Decides a command.
    pub(crate) async fn decide(&self, request: &SpaceCommandRequest) -> Outcome<Decision> {
        let decision = self.decide_alone(request).await?;
        let is_isp = matches!(request.command, SpaceCommand::Isp(_));
        if is_isp || self.book.has_no_pools() {
            return Ok(decision);
        }
        match decision {
            Decision::Change(effects) => Ok(Decision::Change(Box::new(isp::account(self, *effects).await?))),
            other @ (Decision::Unchanged(_)
            | Decision::Same(_)
            | Decision::VerifyFirst
            | Decision::Blocked(_)) => Ok(other),
        }
    }

    async fn decide_alone(&self, request: &SpaceCommandRequest) -> Outcome<Decision> {
        let if_match = request.options.if_match.as_ref();
        match &request.command {
            SpaceCommand::CreateNode {
                id,
                prefix,
                parent_id,
                tags,
                description,
            } => {
                let node = NodeRecord {
                    v: 1,
                    ip_id: *id,
                    prefix: *prefix,
                    tags: tags.clone(),
                    description: description.clone(),
                    created_on: self.time,
                    modified_on: self.time,
                    revision: self.version,
                    pool: None,
                    hold: None,
                };
                self.create(node, *parent_id).await
            }
            SpaceCommand::UpdateNode {
                id,
                tags,
                description,
            } => self.update(*id, tags, description.as_deref(), if_match).await,
            SpaceCommand::DeleteNode { id } => self.delete(*id, if_match).await,
            SpaceCommand::Allocate { from, wanted } => allocate::decide(self, from, wanted).await,
            SpaceCommand::CreateTag { definition } => definition::create(self, definition, self.time).await,
            SpaceCommand::UpdateTag { definition } => definition::update(self, definition, if_match).await,
            SpaceCommand::DeleteTag { name } => definition::delete(self, name, if_match).await,
            SpaceCommand::SplitNode { .. }
            | SpaceCommand::MergeNodes { .. }
            | SpaceCommand::ResizeNode { .. } => Box::pin(restructure::decide(self, request)).await,
            SpaceCommand::Revert { version, may_define } => {
                Box::pin(revert::decide(self, *version, *may_define)).await
            }
            SpaceCommand::Isp(command) => Box::pin(isp::decide(self, command, if_match)).await,
        }
    }

    /// The decision's own refusal of rows outside the caller's scope.
    pub(super) fn check_scope(&self, prefix: &Prefix, what: &str) -> Outcome<()> {
        if self.context.scope.covers(prefix) {
            return Ok(());
        }
        Err(outside_scope(prefix, what))
    }

    pub(super) async fn changeable(
        &self,
        id: Uuid,
        what: &str,
        if_match: Option<&IfMatch>,
    ) -> Outcome<NodeRecord> {
        let node = find(self.resolver.rows(), &NodeRef::Id(id))
            .await?
            .ok_or_else(no_node)?;
        if self.context.scope.visibility(&node.prefix) == Visibility::Hidden {
            return Err(no_node());
        }
        self.check_scope(&node.prefix, what)?;
        check_if_match(if_match, node.revision)?;
        Ok(node)
    }

    /// The first node strictly beneath a prefix.
    pub(super) async fn has_descendants(&self, prefix: &Prefix) -> Outcome<bool> {
        self.resolver.rows().has_descendants(prefix).await
    }

    /// Checks tags that are to be set on a node.
    pub(super) fn resolve_new(&self, node: &NodeRecord, above: &Context) -> Outcome<Resolved> {
        let vocabulary = self.resolver.vocabulary();
        vocabulary
            .check_explicit(&node.tags)
            .map_err(|error| tag_error(&error))?;
        let resolved = vocabulary
            .resolve(&above.inherited, node.prefix, &node.tags)
            .map_err(tag_conflict)?;
        check_reject(vocabulary, &above.inherited, node.prefix, &resolved).map_err(tag_conflict)?;
        Ok(resolved)
    }

    /// A node as it is answered.
    pub(super) fn view(&self, node: &NodeRecord, above: &Context, resolved: &Resolved) -> Image {
        Image::Node(node_view(
            node.clone(),
            above,
            resolved,
            self.context.scope.visibility(&node.prefix),
        ))
    }

    async fn create(&self, node: NodeRecord, parent_id: Option<Uuid>) -> Outcome<Decision> {
        self.check_scope(&node.prefix, "create")?;
        let rows = self.resolver.rows();
        if let Some(existing) = rows.node(&node.prefix).await? {
            return Err(Failure::Refused(Box::new(
                ApiError::new(
                    ErrorCode::Duplicate,
                    format!(
                        "{} exists already in this address space (id {}). Change it with PUT, or choose another prefix.",
                        node.prefix, existing.ip_id
                    ),
                )
                .with_details(serde_json::json!({"id": existing.ip_id, "prefix": node.prefix})),
            )));
        }
        if find(rows, &NodeRef::Id(node.ip_id)).await?.is_some() {
            return Err(Failure::refused(
                ErrorCode::Contention,
                "The id of the new node is taken; send the request again.",
            ));
        }
        let above = self.resolver.context_above(&node.prefix).await?;
        if let Some(wanted) = parent_id
            && above.parent().map(|link| link.id) != Some(wanted)
        {
            return Err(wrong_parent(&node.prefix, &above));
        }
        let resolved = self.resolve_new(&node, &above)?;
        let has_descendants = self.has_descendants(&node.prefix).await?;
        if has_descendants {
            let before = |tag: &cadastre_domain::tags::TagName| {
                above.inherited.get(tag).map(|(value, _)| value.clone())
            };
            check_beneath(rows, self.resolver.vocabulary(), &node.prefix, before, &resolved).await?;
        }
        let mut effects = Effects {
            moves_epoch: has_descendants,
            created: vec![placed(&node.prefix, &above)],
            ..Effects::default()
        };
        node_rows(&mut effects.writes, None, Some(&node), self.time, self.version);
        let image = self.view(&node, &above, &resolved);
        effects.changes.push(ImageChange {
            before: None,
            after: Some(image.clone()),
        });
        effects.subject = Some(image);
        effects.journal.push(JournalImage::Node {
            before: None,
            after: Some(node),
        });
        Ok(Decision::Change(Box::new(effects)))
    }

    async fn update(
        &self,
        id: Uuid,
        tags: &ExplicitTags,
        description: Option<&str>,
        if_match: Option<&IfMatch>,
    ) -> Outcome<Decision> {
        let before = self.changeable(id, "change", if_match).await?;
        let above = self.resolver.context_over(&before).await?;
        let old_resolved = self.resolver.resolve(&before, &above)?;
        let unchanged = before.tags == *tags && description.is_none_or(|text| text == before.description);
        if unchanged {
            return Ok(Decision::Unchanged(Box::new(self.view(
                &before,
                &above,
                &old_resolved,
            ))));
        }
        let mut after = before.clone();
        after.tags = tags.clone();
        if let Some(text) = description {
            text.clone_into(&mut after.description);
        }
        after.modified_on = self.time;
        after.revision = self.version;
        let resolved = self.resolve_new(&after, &above)?;
        let retagged = before.tags != after.tags;
        let has_descendants = retagged && self.has_descendants(&after.prefix).await?;
        if has_descendants {
            let known = |tag: &cadastre_domain::tags::TagName| old_resolved.get(tag).cloned();
            check_beneath(
                self.resolver.rows(),
                self.resolver.vocabulary(),
                &after.prefix,
                known,
                &resolved,
            )
            .await?;
        }
        let mut effects = Effects {
            moves_epoch: has_descendants,
            ..Effects::default()
        };
        node_rows(
            &mut effects.writes,
            Some(&before),
            Some(&after),
            self.time,
            self.version,
        );
        let image = self.view(&after, &above, &resolved);
        effects.changes.push(ImageChange {
            before: Some(self.view(&before, &above, &old_resolved)),
            after: Some(image.clone()),
        });
        effects.subject = Some(image);
        effects.journal.push(JournalImage::Node {
            before: Some(before),
            after: Some(after),
        });
        Ok(Decision::Change(Box::new(effects)))
    }

    async fn delete(&self, id: Uuid, if_match: Option<&IfMatch>) -> Outcome<Decision> {
        let node = self.changeable(id, "delete", if_match).await?;
        if self.context.scope.is_root(&node.prefix) {
            return Err(Failure::refused(
                ErrorCode::OutsideScope,
                format!(
                    "Your role is narrowed to {}: you may tag it and change what lies beneath it, not delete it.",
                    node.prefix
                ),
            ));
        }
        let above = self.resolver.context_above(&node.prefix).await?;
        let resolved = self.resolver.resolve(&node, &above)?;
        let has_descendants = self.has_descendants(&node.prefix).await?;
        let mut effects = Effects {
            moves_epoch: has_descendants,
            removed: vec![placed(&node.prefix, &above)],
            ..Effects::default()
        };
        node_rows(&mut effects.writes, Some(&node), None, self.time, self.version);
        effects.changes.push(ImageChange {
            before: Some(self.view(&node, &above, &resolved)),
            after: None,
        });
        effects.journal.push(JournalImage::Node {
            before: Some(node.clone()),
            after: None,
        });
        if has_descendants && !node.tags.is_empty() {
            let below = Arc::new(above.below(&node, &resolved));
            self.push_down(&node, &above, &below, &mut effects).await?;
        }
        Ok(Decision::Change(Box::new(effects)))
    }

    /// Sets on the direct children what keeps their resolved tags as they are (DESIGN §5).
    pub(super) async fn push_down(
        &self,
        removed: &NodeRecord,
        above: &Context,
        below: &Context,
        effects: &mut Effects,
    ) -> Outcome<()> {
        let rows = self.resolver.rows();
        let vocabulary = self.resolver.vocabulary();
        let mut scan = ChildScan::of(removed.prefix);
        let mut nodes = ReadAhead::new(rows);
        let mut visited = 0;
        while let Some(probe) = scan.probe() {
            visited += 1;
            if visited > MAX_CHILDREN_OF_REMOVED {
                return Err(too_many_children(&removed.prefix));
            }
            let found = nodes.first_node(&probe).await?;
            let child = scan.feed(found.as_ref().map(|node| node.prefix));
            let (Some(_), Some(before)) = (child, found) else {
                continue;
            };
            let explicit = explicit_after_parent_removal(
                vocabulary,
                &above.inherited,
                (removed.prefix, &removed.tags),
                (before.prefix, &before.tags),
            )
            .map_err(|error| match error {
                RemovalError::TooMany { .. } => Failure::refused(ErrorCode::TooManyTags, error.to_string()),
                RemovalError::Clash { .. } | RemovalError::Unsettled { .. } => RecordError::Inconsistent {
                    key: keys::node(&before.prefix),
                    reason: error.to_string(),
                }
                .into(),
            })?;
            if explicit == before.tags {
                continue;
            }
            let mut after = before.clone();
            after.tags = explicit;
            after.modified_on = self.time;
            after.revision = self.version;
            let old = self.resolver.resolve(&before, below)?;
            let new = vocabulary
                .resolve(&above.inherited, after.prefix, &after.tags)
                .map_err(tag_conflict)?;
            node_rows(
                &mut effects.writes,
                Some(&before),
                Some(&after),
                self.time,
                self.version,
            );
            effects.changes.push(ImageChange {
                before: Some(self.view(&before, below, &old)),
                after: Some(self.view(&after, above, &new)),
            });
            effects.journal.push(JournalImage::Node {
                before: Some(before),
                after: Some(after),
            });
            // Journal chunks, head and idempotency rows need room too.
            if effects.writes.len() + effects.journal.len() / 16 + 64 > staged::MOST_ROWS {
                return Err(too_many_children(&removed.prefix));
            }
        }
        Ok(())
    }
}

/// Children that are looked at when a node with tags is removed: the writer must not stand still for long.
const MAX_CHILDREN_OF_REMOVED: usize = 100_000;

fn too_many_children(removed: &Prefix) -> Failure {
    Failure::refused(
        ErrorCode::CommandTooLarge,
        format!(
            "{removed} has so many direct children that its tags cannot be handed down to them in one step. Remove its \
             tags first (PUT with \"tags\": {{}}), or insert a node between it and some of the children."
        ),
    )
}

fn wrong_parent(prefix: &Prefix, above: &Context) -> Failure {
    let (message, details) = match above.parent() {
        Some(parent) => (
            format!(
                "parentId must be the tightest node that contains {prefix}: that is {} (id {}). Send that id, or leave \
                 parentId out and the server finds it.",
                parent.prefix, parent.id
            ),
            serde_json::json!({"parentId": parent.id, "parentPrefix": parent.prefix}),
        ),
        None => (
            format!("No node contains {prefix}, so it has no parent. Leave parentId out."),
            serde_json::json!({"parentId": null}),
        ),
    };
    Failure::Refused(Box::new(
        ApiError::new(ErrorCode::InvalidParent, message).with_details(details),
    ))
}
