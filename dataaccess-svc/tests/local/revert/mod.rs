//! Taking changes back: the short ways to say it, and the tests of each kind of change and refusal.

mod definitions;
mod law;
mod nodes;
mod refusals;

use std::collections::BTreeMap;
use std::sync::Arc;

use cadastre_api_types::ApiError;
use cadastre_api_types::internal::*;
use cadastre_dataaccess::LocalDataAccess;
use cadastre_domain::Prefix;
use cadastre_domain::tags::{ExplicitTags, TagDefinition, TagName, TagValue};
use cadastre_storage::{MemoryStore, Store};
use jiff::Timestamp;
use uuid::Uuid;

use crate::support::*;

/// A space to change.
pub(super) struct Ground {
    pub(super) access: Arc<LocalDataAccess>,
    pub(super) store: Arc<dyn Store>,
    pub(super) space: Uuid,
}

/// What is stored of a node but for the last change, and what follows for it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) id: Uuid,
    pub(super) tags: ExplicitTags,
    pub(super) description: String,
    pub(super) created: Timestamp,
    pub(super) parent: Option<Uuid>,
    pub(super) resolved: BTreeMap<TagName, TagValue>,
}

/// Everything in a space.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct State {
    pub(super) nodes: BTreeMap<Prefix, Node>,
    pub(super) tags: BTreeMap<TagName, (TagDefinition, Timestamp)>,
}

impl Ground {
    pub(super) async fn new() -> Self {
        Self::on(Arc::new(MemoryStore::new())).await
    }

    pub(super) async fn on(store: Arc<dyn Store>) -> Self {
        let access = open(Arc::clone(&store)).await;
        let space = new_space(access.as_ref(), "ground").await;
        Self { access, store, space }
    }

    /// A command that is done; the version of the space after it.
    #[track_caller]
    pub(super) fn done(&self, command: SpaceCommand) -> impl Future<Output = u64> {
        let place = std::panic::Location::caller();
        async move {
            match run(self.access.as_ref(), self.space, command.clone()).await {
                Ok(CommandOutcome::Committed { version, .. }) => version,
                other => panic!("{command:?} at {place}: {other:?}"),
            }
        }
    }

    pub(super) async fn make(&self, text: &str, pairs: &[(&str, &str)]) -> u64 {
        self.done(create(text, pairs)).await
    }

    pub(super) async fn id(&self, text: &str) -> Uuid {
        node(self.access.as_ref(), self.space, text).await.unwrap().id
    }

    pub(super) async fn retag(&self, text: &str, pairs: &[(&str, &str)]) -> u64 {
        let command = SpaceCommand::UpdateNode {
            id: self.id(text).await,
            tags: tags(pairs),
            description: None,
        };
        self.done(command).await
    }

    pub(super) async fn delete(&self, text: &str) -> u64 {
        let id = self.id(text).await;
        self.done(SpaceCommand::DeleteNode { id }).await
    }

    pub(super) async fn resize(&self, text: &str, to: &str) -> u64 {
        let command = SpaceCommand::ResizeNode {
            id: self.id(text).await,
            to: NewSize::Prefix(prefix(to)),
        };
        self.done(command).await
    }

    /// Asks for a revert as somebody, somehow.
    pub(super) async fn ask(
        &self,
        context: &CallContext,
        version: u64,
        may_define: bool,
        options: MutationOptions,
    ) -> Result<CommandOutcome, ApiError> {
        let request = SpaceCommandRequest {
            space: self.space,
            command: SpaceCommand::Revert { version, may_define },
            options,
        };
        self.access.space_command(context, request).await
    }

    pub(super) async fn revert(&self, version: u64) -> Result<JournalView, ApiError> {
        let options = MutationOptions::default();
        match self.ask(&context(), version, true, options).await? {
            CommandOutcome::Committed {
                entry: Some(entry),
                version: now,
                replayed: false,
                subject: None,
                ..
            } => {
                assert_eq!((entry.version, entry.reverts), (now, Some(version)));
                assert_eq!(
                    (entry.command.as_str(), entry.actor.as_str()),
                    ("Revert", "tester")
                );
                Ok(*entry)
            }
            other => panic!("not a revert: {other:?}"),
        }
    }

    pub(super) async fn plan(&self, version: u64) -> Result<(Vec<ImageChange>, Option<ApiError>), ApiError> {
        let options = MutationOptions {
            dry_run: true,
            ..MutationOptions::default()
        };
        match self.ask(&context(), version, true, options).await? {
            CommandOutcome::Planned { changes, conflict } => Ok((changes, conflict)),
            other => panic!("not a plan: {other:?}"),
        }
    }

    pub(super) async fn views(&self) -> Vec<NodeView> {
        all(
            self.access.as_ref(),
            &context(),
            self.space,
            NodeSelection::All,
            &[],
            1000,
        )
        .await
        .unwrap()
    }

    pub(super) async fn state(&self) -> State {
        let nodes = self.views().await.into_iter().map(|view| {
            let node = Node {
                id: view.id,
                tags: view.tags,
                description: view.description,
                created: view.created,
                parent: view.parent_id,
                resolved: view.resolved,
            };
            (view.prefix, node)
        });
        let query = TagListQuery {
            space: self.space,
            name_contains: None,
            page: PageRequest {
                limit: 1000,
                after: None,
            },
        };
        let listed = self.access.list_tags(&context(), query).await.unwrap();
        let tags = listed
            .items
            .into_iter()
            .map(|tag| (tag.definition.name.clone(), (tag.definition, tag.created)));
        State {
            nodes: nodes.collect(),
            tags: tags.collect(),
        }
    }

    /// The journal entry of a version.
    pub(super) async fn entry(&self, version: u64) -> JournalView {
        let query = ChangesQuery {
            space: self.space,
            since: Since::Version(version - 1),
            limit: 1,
        };
        self.access
            .changes(&context(), query)
            .await
            .unwrap()
            .items
            .remove(0)
    }

    pub(super) async fn head(&self) -> u64 {
        let query = ChangesQuery {
            space: self.space,
            since: Since::Now,
            limit: 1,
        };
        self.access.changes(&context(), query).await.unwrap().head
    }
}
