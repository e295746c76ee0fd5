//! What holds for all three: scopes, repeated requests, small batches, many at once.

use std::sync::Arc;

use cadastre_api_types::ErrorCode::*;
use cadastre_api_types::internal::*;
use cadastre_storage::{
    Etag, KeyRange, Limits, MemoryStore, Page, PartitionKey, Place, Row, RowKey, Snapshot, Store, StoreError,
    TablePage, Write,
};
use uuid::Uuid;

use super::model::check_rows;
use super::{NONE, Plot};
use crate::model::Model;
use crate::support::*;

#[tokio::test]
async fn the_decision_keeps_structural_verbs_inside_the_callers_scope() {
    let plot = Plot::with(&[
        ("10.0.0.0/14", NONE),
        ("10.0.0.0/16", NONE),
        ("10.1.0.0/16", NONE),
        ("10.1.0.0/24", NONE),
        ("10.1.1.0/24", NONE),
        ("10.3.0.0/16", NONE),
    ])
    .await;
    let (root, sibling) = (plot.id("10.1.0.0/16").await, plot.id("10.0.0.0/16").await);
    let plot = plot.narrowed(&["10.1.0.0/16"]);
    let resize = |id, to: &str| SpaceCommand::ResizeNode {
        id,
        to: NewSize::Prefix(prefix(to)),
    };
    for command in [
        resize(root, "10.1.0.0/17"),
        resize(root, "10.0.0.0/15"),
        plot.resize("10.1.0.0/24", "10.0.0.0/15").await,
        plot.resize("10.0.0.0/14", "10.0.0.0/13").await,
        plot.split("10.0.0.0/14", 16, NONE).await,
    ] {
        let error = plot.refused(command).await;
        assert_eq!(error.code, OutsideScope);
        for hidden in ["10.0.0.0/16", "10.3.0.0/16", &sibling.to_string()] {
            assert!(!error.message.contains(hidden), "{}", error.message);
        }
    }
    let merge = |ids: &[Uuid]| SpaceCommand::MergeNodes {
        ids: ids.to_vec(),
        merged_id: Uuid::now_v7(),
    };
    assert_eq!(plot.refused(merge(&[root, sibling])).await.code, OutsideScope);
    assert_eq!(plot.refused(merge(&[sibling, root])).await.code, NotFound);
    assert_eq!(plot.refused(resize(sibling, "10.0.0.0/17")).await.code, NotFound);
    // What lies in it is theirs, and the root may be split.
    plot.done(plot.resize("10.1.0.0/24", "10.1.0.0/25").await).await;
    plot.done(plot.split("10.1.0.0/16", 17, NONE).await).await;
    plot.done(plot.merge(&["10.1.0.0/17", "10.1.128.0/17"]).await)
        .await;
    // Two roots side by side are not one that holds both.
    let plot = plot.narrowed(&["10.1.0.0/24", "10.1.1.0/24"]);
    let beneath = plot.split("10.1.1.0/24", 25, NONE).await;
    plot.done(beneath).await;
    assert_eq!(
        plot.refused(resize(plot.id("10.1.1.0/25").await, "10.1.0.0/23"))
            .await
            .code,
        OutsideScope
    );
}

#[tokio::test]
async fn a_repeated_split_merge_or_resize_is_done_once_and_answered_again() {
    let plot = Plot::with(&[("10.0.0.0/22", NONE)]).await;
    let key = |name: &str| MutationOptions {
        idempotency: Some(IdempotencyKey {
            key_hash: name.to_owned(),
            body_hash: "b".to_owned(),
        }),
        ..Default::default()
    };
    let again = async |name: &str, command: SpaceCommand| {
        let first = plot.send(command.clone(), key(name)).await.unwrap();
        let dump = plot.dump().await;
        let second = plot.send(command, key(name)).await.unwrap();
        assert_eq!(plot.dump().await, dump);
        match (first, second) {
            (
                CommandOutcome::Committed {
                    version,
                    replayed: false,
                    subject,
                    made,
                    ..
                },
                CommandOutcome::Committed {
                    version: same,
                    replayed: true,
                    subject: same_subject,
                    made: same_made,
                    ..
                },
            ) => assert_eq!((version, subject, made), (same, same_subject, same_made)),
            other => panic!("{other:?}"),
        }
    };
    again("split", plot.split("10.0.0.0/22", 24, NONE).await).await;
    again("merge", plot.merge(&["10.0.0.0/24", "10.0.1.0/24"]).await).await;
    again("resize", plot.resize("10.0.0.0/23", "10.0.0.0/25").await).await;
}

#[tokio::test]
async fn what_does_not_fit_into_one_commit_is_refused_whole_and_planned_so() {
    let nodes: &[(&str, &[(&str, &str)])] = &[("10.0.0.0/24", &[("Region", "eu")])];
    let store = Arc::new(Narrow(MemoryStore::new()));
    let plot = Plot::on(store, nodes).await;
    let command = plot.split("10.0.0.0/24", 30, NONE).await;
    let error = plot.refused(command.clone()).await;
    assert_eq!(error.code, CommandTooLarge);
    assert!(error.message.contains("holds 100"), "{}", error.message);
    let (_, conflict) = plot.plan(command).await;
    assert_eq!(conflict.unwrap().code, CommandTooLarge);
    assert_eq!(
        plot.done(plot.split("10.0.0.0/24", 28, NONE).await)
            .await
            .made
            .len(),
        16
    );
    // Whatever is planned without a conflict can be done, at any size.
    for len in 29..=32 {
        for at in ["10.0.0.0/28", "10.0.0.16/28"] {
            let command = plot.split(at, len, NONE).await;
            let (_, conflict) = plot.plan(command.clone()).await;
            let done = plot.send(command, MutationOptions::default()).await;
            assert_eq!(conflict.is_none(), done.is_ok(), "{at} into /{len}: {done:?}");
            let Ok(CommandOutcome::Committed { made, .. }) = done else {
                continue;
            };
            for NodeView { id, .. } in made {
                run(plot.access.as_ref(), plot.space, SpaceCommand::DeleteNode { id })
                    .await
                    .unwrap();
            }
        }
    }
    let all: Vec<String> = plot
        .nodes()
        .await
        .into_iter()
        .filter(|at| at.ends_with("/28"))
        .collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    assert_eq!(
        plot.done(plot.merge(&all).await).await.subject.prefix,
        prefix("10.0.0.0/24")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_decide_on_each_others_effects_and_leave_every_row_exact() {
    let plot = Arc::new(Plot::with(&[("10.0.0.0/8", &[("Region", "eu")])]).await);
    let mut tasks = Vec::new();
    for n in 0..24 {
        let plot = Arc::clone(&plot);
        tasks.push(tokio::spawn(async move {
            let top = format!("10.{n}.0.0/16");
            let (space, access) = (plot.space, plot.access.as_ref());
            run(access, space, create(&top, &[("Owner", "net")]))
                .await
                .unwrap();
            run(access, space, create(&format!("10.{n}.70.0/24"), NONE))
                .await
                .unwrap();
            let made = plot.done(plot.split(&top, 18, NONE).await).await.made;
            assert_eq!(made.len(), 4);
            let half = plot.done(plot.merge(&[&made[0], &made[1]]).await).await.subject;
            let to = NewSize::Prefix(prefix(&made[1]));
            plot.done(SpaceCommand::ResizeNode { id: half.id, to }).await;
            run(access, space, SpaceCommand::DeleteNode { id: half.id })
                .await
                .unwrap();
            // Over its neighbour, unless that has grown over it before.
            let id = plot.id(&top).await;
            let to = NewSize::Length(15);
            let _ = plot
                .send(SpaceCommand::ResizeNode { id, to }, MutationOptions::default())
                .await;
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let nodes = all(
        plot.access.as_ref(),
        &context(),
        plot.space,
        NodeSelection::All,
        &[],
        100,
    )
    .await
    .unwrap();
    assert_eq!(nodes.len(), 1 + 24 * 4);
    assert_eq!(
        nodes.iter().filter(|node| node.prefix.len() == 15).count(),
        12,
        "one of each two has grown"
    );
    let model = Model {
        nodes: nodes
            .into_iter()
            .map(|node| (node.prefix, (node.id, node.tags)))
            .collect(),
        ..Model::default()
    };
    check_rows(plot.store.as_ref(), plot.space, &model).await;
}

async fn is_never_missed(store: Arc<dyn Store>) {
    let plot = Arc::new(Plot::on(store, &[("10.0.0.0/8", NONE), ("10.0.0.0/24", NONE)]).await);
    let id = plot.id("10.0.0.0/24").await;
    let writer = {
        let plot = Arc::clone(&plot);
        tokio::spawn(async move {
            for round in 0..240 {
                let to = NewSize::Length(24 + round % 4);
                plot.done(SpaceCommand::ResizeNode { id, to }).await;
            }
        })
    };
    let (access, space, whole) = (plot.access.as_ref(), plot.space, context());
    let contention = |error: &cadastre_api_types::ApiError| error.code == Contention;
    let mut reads = 0;
    while !writer.is_finished() {
        let node = NodeRef::Id(id);
        match access.get_node(&whole, NodeQuery { space, node }).await {
            Ok(node) => assert_eq!(node.id, id),
            Err(error) => assert!(contention(&error), "{error}"),
        }
        let target = prefix("10.0.0.0/32");
        match access.lookup(&whole, LookupQuery { space, target }).await {
            Ok(chain) => assert_eq!((chain.len(), chain[0].id), (2, id)),
            Err(error) => assert!(contention(&error), "{error}"),
        }
        match all(access, &whole, space, NodeSelection::All, &[], 100).await {
            Ok(nodes) => assert_eq!(nodes.len(), 2),
            Err(error) => assert!(contention(&error), "{error}"),
        }
        reads += 1;
    }
    writer.await.unwrap();
    assert!(reads > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_read_misses_a_node_while_it_is_resized_again_and_again() {
    is_never_missed(Arc::new(MemoryStore::new())).await;
    is_never_missed(Arc::new(SharedStore(Arc::new(MemoryStore::new())))).await;
}

/// A store whose batches are as small as those of the weakest backend.
#[derive(Debug)]
pub(crate) struct Narrow(pub(crate) MemoryStore);

#[async_trait::async_trait]
impl Store for Narrow {
    fn limits(&self) -> Limits {
        Limits {
            batch_rows: 100,
            batch_bytes: 4 << 20,
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
        self.0.scan(partition, range, limit).await
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
        self.0.scan_table(after, limit).await
    }
    async fn snapshot(&self) -> Result<Option<Box<dyn Snapshot>>, StoreError> {
        Ok(None)
    }
    async fn commit(&self, partition: &PartitionKey, writes: Vec<Write>) -> Result<Vec<Etag>, StoreError> {
        assert!(writes.len() <= 100, "{} rows in one batch", writes.len());
        self.0.commit(partition, writes).await
    }
    async fn ping(&self) -> Result<(), StoreError> {
        self.0.ping().await
    }
    async fn close(&self) {
        self.0.close().await;
    }
}
