//! Short ways to say what a test wants.

use std::sync::Arc;

use cadastre_api_types::ApiError;
use cadastre_api_types::internal::*;
use cadastre_dataaccess::{DataAccessConfig, LocalDataAccess};
use cadastre_domain::tags::{ConflictPolicy, ExplicitTags, Inheritance, TagDefinition, TagName, TagValue};
use cadastre_domain::{Prefix, Scope};
use cadastre_storage::{KeyRange, MemoryStore, PartitionKey, Row, RowKey, Store};
use uuid::Uuid;

pub(crate) use crate::shaped::{Shaped, tiny};

pub(crate) fn context() -> CallContext {
    scoped(Scope::Whole)
}

pub(crate) fn scoped(scope: Scope) -> CallContext {
    CallContext {
        actor: "tester".to_owned(),
        correlation_id: "test".to_owned(),
        scope,
    }
}

pub(crate) async fn memory() -> Arc<LocalDataAccess> {
    open(Arc::new(MemoryStore::new())).await
}

pub(crate) async fn open(store: Arc<dyn Store>) -> Arc<LocalDataAccess> {
    LocalDataAccess::open(store, DataAccessConfig::default())
        .await
        .unwrap()
}

pub(crate) fn prefix(text: &str) -> Prefix {
    text.parse().unwrap()
}

pub(crate) fn tag(name: &str) -> TagName {
    TagName::new(name).unwrap()
}

pub(crate) fn value(text: &str) -> TagValue {
    TagValue::new(text).unwrap()
}

pub(crate) fn tags(pairs: &[(&str, &str)]) -> ExplicitTags {
    pairs
        .iter()
        .map(|(name, text)| (tag(name), value(text)))
        .collect()
}

pub(crate) fn definition(name: &str) -> TagDefinition {
    TagDefinition {
        name: tag(name),
        description: String::new(),
        inheritance: Inheritance::Inheritable,
        known_values: Vec::new(),
        attributes: Default::default(),
        implies: Default::default(),
        conflict: ConflictPolicy::Nearest,
    }
}

pub(crate) fn implying(name: &str, implied: &[(&str, &[(&str, &str)])]) -> TagDefinition {
    let mut definition = definition(name);
    for (target, map) in implied {
        let map = map.iter().map(|(from, to)| (value(from), value(to))).collect();
        definition.implies.insert(tag(target), map);
    }
    definition
}

pub(crate) async fn new_space(access: &dyn DataAccess, name: &str) -> Uuid {
    let id = Uuid::now_v7();
    let change = SpaceChange::Create {
        id,
        name: name.to_owned(),
        description: String::new(),
    };
    let request = SpaceChangeRequest {
        change,
        options: MutationOptions::default(),
    };
    access.change_space(&context(), request).await.unwrap();
    id
}

pub(crate) async fn delete_space(access: &dyn DataAccess, id: Uuid) -> Result<SpaceChangeOutcome, ApiError> {
    let request = SpaceChangeRequest {
        change: SpaceChange::Delete { id },
        options: MutationOptions::default(),
    };
    access.change_space(&context(), request).await
}

pub(crate) async fn run(
    access: &dyn DataAccess,
    space: Uuid,
    command: SpaceCommand,
) -> Result<CommandOutcome, ApiError> {
    let request = SpaceCommandRequest {
        space,
        command,
        options: MutationOptions::default(),
    };
    access.space_command(&context(), request).await
}

pub(crate) fn create(text: &str, pairs: &[(&str, &str)]) -> SpaceCommand {
    SpaceCommand::CreateNode {
        id: Uuid::now_v7(),
        prefix: prefix(text),
        parent_id: None,
        tags: tags(pairs),
        description: String::new(),
    }
}

/// Prefixes of a length beneath a node, the lowest that are free.
pub(crate) fn allocate(pool: Uuid, prefix_length: u8, count: usize) -> SpaceCommand {
    SpaceCommand::Allocate {
        from: AllocateFrom::Node(pool),
        wanted: Wanted {
            prefix_length,
            count,
            strategy: cadastre_domain::free_space::Strategy::LowestFree,
            seed: 0,
            include_edges: true,
            tags: ExplicitTags::new(),
            description: String::new(),
        },
    }
}

pub(crate) async fn define(access: &dyn DataAccess, space: Uuid, definition: TagDefinition) {
    run(access, space, SpaceCommand::CreateTag { definition })
        .await
        .unwrap();
}

pub(crate) fn node_of(outcome: CommandOutcome) -> NodeView {
    match outcome {
        CommandOutcome::Committed {
            subject: Some(Image::Node(node)),
            ..
        } => node,
        other => panic!("not a node: {other:?}"),
    }
}

pub(crate) async fn node(
    access: &dyn DataAccess,
    space: Uuid,
    text: &str,
) -> Result<Arc<NodeView>, ApiError> {
    let request = NodeQuery {
        space,
        node: NodeRef::Prefix(prefix(text)),
    };
    access.get_node(&context(), request).await
}

/// All pages of a list.
pub(crate) async fn all(
    access: &dyn DataAccess,
    context: &CallContext,
    space: Uuid,
    select: NodeSelection,
    conditions: &[(TagName, TagValue)],
    limit: usize,
) -> Result<Vec<NodeView>, ApiError> {
    let mut out = Vec::new();
    let mut after = None;
    loop {
        let query = NodeListQuery {
            space,
            select: select.clone(),
            tags: conditions.to_vec(),
            page: PageRequest { limit, after },
        };
        let page = access.list_nodes(context, query).await?;
        out.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(out),
        }
    }
}

/// All rows of a partition whose keys begin like this, once large changes are in their places.
pub(crate) async fn rows(store: &dyn Store, partition: &str, kind: &str) -> Vec<Row> {
    let partition = PartitionKey::new(partition).unwrap();
    let head = RowKey::new("head").unwrap();
    let pending = |row: Row| String::from_utf8_lossy(&row.value).contains("\"Pending\":");
    while store.get(&partition, &head).await.unwrap().is_some_and(pending) {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let mut out = Vec::new();
    let mut range = KeyRange {
        start: None,
        end: None,
    };
    loop {
        let page = store.scan(&partition, &range, 1000).await.unwrap();
        out.extend(
            page.rows
                .into_iter()
                .filter(|row| row.key.as_str().starts_with(kind)),
        );
        match page.next {
            Some(next) => range.start = Some(next),
            None => return out,
        }
    }
}
