//! Short ways to say what a test wants.

use std::sync::Arc;

use cadastre_api_types::ApiError;
use cadastre_api_types::internal::*;
use cadastre_dataaccess::{DataAccessConfig, LocalDataAccess};
use cadastre_domain::tags::{ConflictPolicy, ExplicitTags, Inheritance, TagDefinition, TagName, TagValue};
use cadastre_domain::{Prefix, Scope};
use cadastre_storage::{
    Etag, KeyRange, Limits, MemoryStore, Page, PartitionKey, Place, Row, RowKey, Snapshot, Store, StoreError,
    TablePage, Write,
};
use uuid::Uuid;

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

/// A store as replicas see one: others may write it, and it cannot look backwards.
#[derive(Debug)]
pub(crate) struct SharedStore(pub(crate) Arc<dyn Store>);

#[async_trait::async_trait]
impl Store for SharedStore {
    fn limits(&self) -> Limits {
        Limits {
            exclusive: false,
            backwards: false,
            ..self.0.limits()
        }
    }
    async fn get(&self, partition: &PartitionKey, key: &RowKey) -> Result<Option<Row>, StoreError> {
        self.0.get(partition, key).await
    }
    async fn get_many(
        &self,
        partition: &PartitionKey,
        keys: &[RowKey],
    ) -> Result<Vec<Option<Row>>, StoreError> {
        self.0.get_many(partition, keys).await
    }
    async fn scan(
        &self,
        partition: &PartitionKey,
        range: &KeyRange,
        limit: usize,
    ) -> Result<Page, StoreError> {
        // Short pages, as a distant service gives them.
        self.0.scan(partition, range, limit.min(3)).await
    }
    async fn last_at_or_before(
        &self,
        _partition: &PartitionKey,
        _key: &RowKey,
        _floor: &RowKey,
    ) -> Result<Option<Row>, StoreError> {
        Err(StoreError::Unsupported {
            what: "look backwards",
        })
    }
    async fn scan_table(&self, after: Option<&Place>, limit: usize) -> Result<TablePage, StoreError> {
        self.0.scan_table(after, limit.min(3)).await
    }
    async fn snapshot(&self) -> Result<Option<Box<dyn Snapshot>>, StoreError> {
        Ok(None)
    }
    async fn commit(&self, partition: &PartitionKey, writes: Vec<Write>) -> Result<Vec<Etag>, StoreError> {
        self.0.commit(partition, writes).await
    }
    async fn ping(&self) -> Result<(), StoreError> {
        self.0.ping().await
    }
    async fn close(&self) {
        self.0.close().await;
    }
}

/// All rows of a partition whose keys begin like this.
pub(crate) async fn rows(store: &dyn Store, partition: &str, kind: &str) -> Vec<Row> {
    let partition = PartitionKey::new(partition).unwrap();
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
