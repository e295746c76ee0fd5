//! Split, merge and resize: one claim at a time, and all of them against the model.

pub(crate) mod common;
mod merge;
pub(crate) mod model;
mod resize;
mod split;

use std::sync::Arc;

use cadastre_api_types::ApiError;
use cadastre_api_types::internal::*;
use cadastre_dataaccess::LocalDataAccess;
use cadastre_domain::Scope;
use cadastre_storage::{MemoryStore, Row, Store};
use serde_json::Value;
use uuid::Uuid;

use crate::support::*;

/// A space with nodes in it.
struct Plot {
    store: Arc<dyn Store>,
    access: Arc<LocalDataAccess>,
    space: Uuid,
    scope: Scope,
}

impl Plot {
    async fn with(nodes: &[(&str, &[(&str, &str)])]) -> Self {
        Self::on(Arc::new(MemoryStore::new()), nodes).await
    }

    async fn on(store: Arc<dyn Store>, nodes: &[(&str, &[(&str, &str)])]) -> Self {
        let access = open(Arc::clone(&store)).await;
        let space = new_space(access.as_ref(), "plot").await;
        for name in ["Region", "Owner"] {
            define(access.as_ref(), space, definition(name)).await;
        }
        for (at, tags) in nodes {
            run(access.as_ref(), space, create(at, tags)).await.unwrap();
        }
        Self {
            store,
            access,
            space,
            scope: Scope::Whole,
        }
    }

    fn narrowed(mut self, roots: &[&str]) -> Self {
        self.scope = Scope::within(roots.iter().map(|root| prefix(root)));
        self
    }

    async fn send(
        &self,
        command: SpaceCommand,
        options: MutationOptions,
    ) -> Result<CommandOutcome, ApiError> {
        let request = SpaceCommandRequest {
            space: self.space,
            command,
            options,
        };
        self.access
            .space_command(&scoped(self.scope.clone()), request)
            .await
    }

    async fn done(&self, command: SpaceCommand) -> Done {
        match self.send(command, MutationOptions::default()).await.unwrap() {
            CommandOutcome::Committed {
                version,
                subject: Some(Image::Node(subject)),
                made,
                ..
            } => Done {
                version,
                subject,
                made: made.into_iter().map(|node| node.prefix.to_string()).collect(),
            },
            other => panic!("{other:?}"),
        }
    }

    async fn refused(&self, command: SpaceCommand) -> ApiError {
        let before = self.dump().await;
        let error = self.send(command, MutationOptions::default()).await.unwrap_err();
        assert_eq!(self.dump().await, before, "a refusal changed something");
        error
    }

    async fn plan(&self, command: SpaceCommand) -> (Vec<ImageChange>, Option<ApiError>) {
        let before = self.dump().await;
        let options = MutationOptions {
            dry_run: true,
            ..Default::default()
        };
        let outcome = self.send(command, options).await.unwrap();
        assert_eq!(self.dump().await, before, "a plan changed something");
        match outcome {
            CommandOutcome::Planned { changes, conflict } => (changes, conflict),
            other => panic!("{other:?}"),
        }
    }

    async fn dump(&self) -> Vec<Row> {
        rows(self.store.as_ref(), &self.space.to_string(), "").await
    }

    async fn at(&self, at: &str) -> Arc<NodeView> {
        node(self.access.as_ref(), self.space, at).await.unwrap()
    }

    async fn id(&self, at: &str) -> Uuid {
        self.at(at).await.id
    }

    async fn nodes(&self) -> Vec<String> {
        let all = all(
            self.access.as_ref(),
            &context(),
            self.space,
            NodeSelection::All,
            &[],
            100,
        )
        .await;
        all.unwrap()
            .into_iter()
            .map(|node| node.prefix.to_string())
            .collect()
    }

    async fn split(&self, at: &str, len: u8, pairs: &[(&str, &str)]) -> SpaceCommand {
        SpaceCommand::SplitNode {
            id: self.id(at).await,
            prefix_length: len,
            first_id: Uuid::now_v7(),
            tags: tags(pairs),
            description: String::new(),
        }
    }

    async fn merge(&self, nodes: &[&str]) -> SpaceCommand {
        let mut ids = Vec::new();
        for at in nodes {
            ids.push(self.id(at).await);
        }
        SpaceCommand::MergeNodes {
            ids,
            merged_id: Uuid::now_v7(),
        }
    }

    async fn resize(&self, from: &str, to: &str) -> SpaceCommand {
        SpaceCommand::ResizeNode {
            id: self.id(from).await,
            to: NewSize::Prefix(prefix(to)),
        }
    }

    async fn describe(&self, at: &str, text: &str) {
        let stored = self.at(at).await;
        let command = SpaceCommand::UpdateNode {
            id: stored.id,
            tags: stored.tags.clone(),
            description: Some(text.to_owned()),
        };
        run(self.access.as_ref(), self.space, command).await.unwrap();
    }

    /// Of the last command: its name and how many rows of each kind carry its version.
    async fn last_command(&self, version: u64) -> Value {
        let partition = self.space.to_string();
        let journal = rows(self.store.as_ref(), &partition, &format!("j_{version:016x}")).await;
        let record: Value = serde_json::from_slice(&journal[0].value).unwrap();
        record["Entry"].clone()
    }
}

struct Done {
    version: u64,
    subject: NodeView,
    made: Vec<String>,
}

fn prefixes(changes: &[ImageChange]) -> Vec<(Option<String>, Option<String>)> {
    let of = |image: &Option<Image>| match image {
        Some(Image::Node(node)) => Some(node.prefix.to_string()),
        _ => None,
    };
    changes
        .iter()
        .map(|change| (of(&change.before), of(&change.after)))
        .collect()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

const NONE: &[(&str, &str)] = &[];
