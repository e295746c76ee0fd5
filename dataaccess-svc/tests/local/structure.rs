//! Split, merge and resize, one claim at a time: one command and one version, what they refuse and how they say it,
//! scopes, repeated requests, small batches.

use std::sync::Arc;

use cadastre_api_types::ApiError;
use cadastre_api_types::ErrorCode::*;
use cadastre_api_types::internal::*;
use cadastre_dataaccess::LocalDataAccess;
use cadastre_domain::Scope;
use cadastre_storage::{
    Etag, KeyRange, Limits, MemoryStore, Page, PartitionKey, Row, RowKey, Store, StoreError, Write,
};
use serde_json::{Value, json};
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
                made: made.into_iter().map(|(_, at)| at.to_string()).collect(),
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

#[tokio::test]
async fn a_split_makes_the_missing_blocks_in_one_command_and_keeps_what_is_there() {
    let plot = Plot::with(&[
        ("10.0.0.0/22", &[("Region", "eu")]),
        ("10.0.1.0/24", NONE),
        ("10.0.2.128/25", NONE),
    ])
    .await;
    let kept = plot.at("10.0.1.0/24").await;
    let version = kept.revision + 1;
    let done = plot.done(plot.split("10.0.0.0/22", 24, NONE).await).await;
    assert_eq!(done.version, version + 1, "one command, one version");
    assert_eq!(done.made, ["10.0.0.0/24", "10.0.2.0/24", "10.0.3.0/24"]);
    assert_eq!(done.subject, *plot.at("10.0.0.0/24").await);
    assert_eq!(plot.at("10.0.1.0/24").await, kept);
    assert_eq!(
        plot.at("10.0.2.128/25").await.parent_id,
        Some(plot.id("10.0.2.0/24").await)
    );
    let entry = plot.last_command(done.version).await;
    assert_eq!(
        (&entry["Command"], entry["Changes"].as_array().unwrap().len()),
        (&json!("SplitNode"), 3)
    );
    // All are there now: nothing is done, and nothing is written.
    let again = plot.done(plot.split("10.0.0.0/22", 24, NONE).await).await;
    assert_eq!((again.version, again.made.len()), (done.version, 0));
    assert_eq!(again.subject.prefix, prefix("10.0.0.0/22"));
}

#[tokio::test]
async fn a_node_between_container_and_length_is_in_the_way_of_a_split_and_named() {
    let plot = Plot::with(&[
        ("10.0.0.0/22", NONE),
        ("10.0.0.0/23", NONE),
        ("10.0.0.0/24", NONE),
        ("10.0.2.0/24", NONE),
    ])
    .await;
    let error = plot.refused(plot.split("10.0.0.0/22", 26, NONE).await).await;
    assert_eq!(error.code, Straddled);
    assert!(
        error.message.contains("10.0.0.0/23, 10.0.2.0/24 between"),
        "{}",
        error.message
    );
    assert_eq!(error.details.unwrap()["count"], 2);
    let (changes, conflict) = plot.plan(plot.split("10.0.0.0/22", 26, NONE).await).await;
    assert_eq!((changes.len(), conflict.unwrap().code), (0, Straddled));
}

#[tokio::test]
async fn a_split_into_too_many_says_how_many_it_would_be() {
    let plot = Plot::with(&[
        ("10.0.0.0/8", NONE),
        ("::/0", NONE),
        ("10.1.0.0/22", NONE),
        ("10.1.0.7/32", NONE),
    ])
    .await;
    for (at, len, count) in [
        ("10.0.0.0/8", 24, "65536"),
        ("::/0", 128, "340282366920938463463374607431768211456"),
        ("10.1.0.0/22", 32, "1023"),
    ] {
        let error = plot.refused(plot.split(at, len, NONE).await).await;
        assert_eq!(error.code, CommandTooLarge);
        assert!(
            error.message.contains(&format!("would make {count} nodes")),
            "{}",
            error.message
        );
        assert_eq!(error.details.unwrap()["wouldMake"], count);
    }
    let done = plot.done(plot.split("10.0.0.0/8", 17, NONE).await).await;
    assert_eq!(done.made.len(), 512);
    for len in [0, 8, 33, 200] {
        let error = plot.refused(plot.split("10.0.0.0/8", len, NONE).await).await;
        assert_eq!(error.code, InvalidPrefixLength, "/{len}");
    }
    let error = plot.refused(plot.split("10.1.0.7/32", 32, NONE).await).await;
    assert_eq!(error.code, InvalidPrefixLength);
}

#[tokio::test]
async fn tags_of_new_blocks_may_not_retag_what_lies_in_them() {
    let plot = Plot::with(&[("10.0.0.0/22", &[("Region", "eu")]), ("10.0.2.128/25", NONE)]).await;
    let command = plot.split("10.0.0.0/22", 24, &[("Region", "us")]).await;
    let error = plot.refused(command.clone()).await;
    assert_eq!(error.code, WouldRetag);
    assert!(
        error.message.contains("Region of 10.0.2.128/25 from eu to us"),
        "{}",
        error.message
    );
    let (changes, conflict) = plot.plan(command).await;
    assert_eq!(conflict.unwrap(), error);
    assert_eq!(
        changes.len(),
        5,
        "the plan shows four blocks and who would be retagged"
    );
    let Some(Image::Node(moved)) = &changes[4].after else {
        panic!()
    };
    assert_eq!(moved.resolved, tags(&[("Region", "us")]));
    // The same value that holds already, or a node that sets its own, is no change.
    plot.done(plot.split("10.0.0.0/22", 24, &[("Region", "eu")]).await)
        .await;
    assert_eq!(plot.at("10.0.2.0/24").await.tags, tags(&[("Region", "eu")]));
    let undefined = plot
        .refused(plot.split("10.0.0.0/24", 25, &[("Colour", "red")]).await)
        .await;
    assert_eq!(undefined.code, UndefinedTag);
}

#[tokio::test]
async fn merged_siblings_become_one_node_with_their_tags_and_children() {
    let both: &[(&str, &str)] = &[("Region", "eu")];
    let plot = Plot::with(&[
        ("10.0.0.0/8", NONE),
        ("10.0.1.0/24", both),
        ("10.0.0.0/25", both),
        ("10.0.0.128/25", both),
        ("10.0.1.7/32", NONE),
    ])
    .await;
    for at in ["10.0.1.0/24", "10.0.0.0/25", "10.0.0.128/25"] {
        plot.describe(at, "offices").await;
    }
    let command = plot.merge(&["10.0.1.0/24", "10.0.0.128/25", "10.0.0.0/25"]).await;
    let (changes, conflict) = plot.plan(command.clone()).await;
    assert_eq!(conflict, None);
    let expected = [
        (None, some("10.0.0.0/23")),
        (some("10.0.0.0/25"), None),
        (some("10.0.0.128/25"), None),
        (some("10.0.1.0/24"), None),
        (some("10.0.1.7/32"), some("10.0.1.7/32")),
    ];
    assert_eq!(prefixes(&changes), expected);
    let done = plot.done(command).await;
    assert_eq!(
        (done.subject.prefix, done.subject.description.as_str()),
        (prefix("10.0.0.0/23"), "offices")
    );
    assert_eq!(done.subject.tags, tags(both));
    assert_eq!(plot.nodes().await, ["10.0.0.0/8", "10.0.0.0/23", "10.0.1.7/32"]);
    let child = plot.at("10.0.1.7/32").await;
    assert_eq!(
        (child.parent_id, &child.resolved),
        (Some(done.subject.id), &tags(both))
    );
    assert_eq!(plot.last_command(done.version).await["Command"], "MergeNodes");
}

#[tokio::test]
async fn siblings_that_fill_their_parent_become_it_and_a_merge_takes_a_split_back() {
    let plot = Plot::with(&[("10.0.0.0/23", &[("Region", "eu")]), ("10.0.1.7/32", NONE)]).await;
    plot.describe("10.0.0.0/23", "all of it").await;
    let before = plot.at("10.0.0.0/23").await;
    plot.done(plot.split("10.0.0.0/23", 24, NONE).await).await;
    let done = plot.done(plot.merge(&["10.0.0.0/24", "10.0.1.0/24"]).await).await;
    assert_eq!(done.subject, *before);
    assert_eq!(plot.nodes().await, ["10.0.0.0/23", "10.0.1.7/32"]);
    // With tags of their own, what lies in them keeps them.
    for at in ["10.0.0.0/24", "10.0.1.0/24"] {
        run(plot.access.as_ref(), plot.space, create(at, &[("Owner", "net")]))
            .await
            .unwrap();
    }
    let resolved = plot.at("10.0.1.7/32").await.resolved.clone();
    let command = plot.merge(&["10.0.0.0/24", "10.0.1.0/24"]).await;
    let (changes, _) = plot.plan(command.clone()).await;
    assert_eq!(
        changes.len(),
        3,
        "two go, one is tagged, and the parent stays as it is"
    );
    assert_eq!(plot.done(command).await.subject, *before);
    let kept = plot.at("10.0.1.7/32").await;
    assert_eq!(
        (&kept.tags, &kept.resolved),
        (&tags(&[("Owner", "net")]), &resolved)
    );
}

#[tokio::test]
async fn what_is_not_siblings_with_equal_tags_that_fill_a_prefix_is_not_merged() {
    let plot = Plot::with(&[
        ("10.0.0.0/24", &[("Region", "eu")]),
        ("10.0.1.0/24", &[("Region", "us")]),
        ("10.0.2.0/24", NONE),
        ("10.0.2.0/25", NONE),
        ("10.0.2.128/25", NONE),
        ("10.0.3.0/24", NONE),
    ])
    .await;
    for (nodes, says) in [
        (&["10.0.0.0/24", "10.0.1.0/24"][..], "Region=eu and Region=us"),
        (
            &["10.0.1.0/24", "10.0.2.0/24"],
            "10.0.0.0/24 of it is not covered",
        ),
        (
            &["10.0.2.0/25", "10.0.2.128/25", "10.0.3.0/24"],
            "10.0.2.0/25 lies in 10.0.2.0/24",
        ),
        (
            &["10.0.2.0/24", "10.0.2.0/25", "10.0.3.0/24"],
            "10.0.2.0/25 lies in 10.0.2.0/24",
        ),
        (&["10.0.2.0/24", "10.0.2.0/24"], "named twice"),
        (&["10.0.2.0/24"], "at least two"),
        (&[], "at least two"),
    ] {
        let error = plot.refused(plot.merge(nodes).await).await;
        assert_eq!(error.code, NotMergeable, "{nodes:?}");
        assert!(error.message.contains(says), "{}", error.message);
    }
    let differing = plot
        .refused(plot.merge(&["10.0.0.0/24", "10.0.1.0/24"]).await)
        .await;
    assert_eq!(differing.details.unwrap()["differing"][0]["tag"], "Region");
    let strangers = SpaceCommand::MergeNodes {
        ids: vec![plot.id("10.0.2.0/24").await, Uuid::now_v7()],
        merged_id: Uuid::now_v7(),
    };
    assert_eq!(plot.refused(strangers).await.code, NotFound);
}

#[tokio::test]
async fn a_resized_node_keeps_all_but_its_prefix_and_its_index_follows() {
    let plot = Plot::with(&[
        ("10.0.0.0/8", NONE),
        ("10.1.0.0/24", &[("Region", "eu")]),
        ("10.1.0.7/32", NONE),
    ])
    .await;
    plot.describe("10.1.0.0/24", "offices").await;
    let before = plot.at("10.1.0.0/24").await;
    let command = SpaceCommand::ResizeNode {
        id: before.id,
        to: NewSize::Length(23),
    };
    let done = plot.done(command).await;
    let expected = NodeView {
        prefix: prefix("10.1.0.0/23"),
        modified: done.subject.modified,
        revision: done.version,
        ..before.as_ref().clone()
    };
    assert_eq!(done.subject, expected);
    assert_eq!(*plot.at("10.1.0.0/23").await, expected);
    let (whole, wanted) = (context(), [(tag("Region"), value("eu"))]);
    let by_tag = all(
        plot.access.as_ref(),
        &whole,
        plot.space,
        NodeSelection::All,
        &wanted,
        10,
    );
    assert_eq!(by_tag.await.unwrap().len(), 2);
    let entry = plot.last_command(done.version).await;
    let change = &entry["Changes"][0]["Node"];
    assert_eq!(
        (&change["before"]["Prefix"], &change["after"]["Prefix"]),
        (&json!("10.1.0.0/24"), &json!("10.1.0.0/23"))
    );
    let history = rows(plot.store.as_ref(), &plot.space.to_string(), "h_").await;
    let of_version = |row: &&Row| row.key.as_str().ends_with(&format!("{:016x}", !done.version));
    assert_eq!(
        history.iter().filter(of_version).count(),
        2,
        "the end of one prefix, the beginning of the other"
    );
    // And back, into its other half.
    plot.done(plot.resize("10.1.0.0/23", "10.1.0.0/25").await).await;
    assert_eq!(plot.nodes().await, ["10.0.0.0/8", "10.1.0.0/25", "10.1.0.7/32"]);
    let same = plot.done(plot.resize("10.1.0.0/25", "10.1.0.0/25").await).await;
    assert_eq!(same.version, done.version + 1, "nothing to do is nothing done");
}

#[tokio::test]
async fn a_resize_that_would_cut_children_off_names_them() {
    let plot = Plot::with(&[
        ("10.0.0.0/16", NONE),
        ("10.0.0.0/17", NONE),
        ("10.0.1.0/24", NONE),
        ("10.0.128.0/24", NONE),
        ("10.0.200.0/24", NONE),
    ])
    .await;
    let error = plot
        .refused(plot.resize("10.0.0.0/16", "10.0.0.0/18").await)
        .await;
    assert_eq!(error.code, WouldCutOff);
    assert!(
        error
            .message
            .contains("10.0.0.0/17, 10.0.128.0/24, 10.0.200.0/24"),
        "{}",
        error.message
    );
    let error = plot
        .refused(plot.resize("10.0.0.0/16", "10.0.0.0/17").await)
        .await;
    assert_eq!(error.code, Duplicate);
    let error = plot
        .refused(plot.resize("10.0.0.0/16", "10.0.128.0/17").await)
        .await;
    assert_eq!(error.details.unwrap()["nodes"][0]["prefix"], "10.0.0.0/17");
}

#[tokio::test]
async fn a_node_neither_leaves_its_parent_nor_goes_elsewhere() {
    let plot = Plot::with(&[("10.0.0.0/16", NONE), ("10.0.1.0/24", NONE)]).await;
    for to in [
        "10.0.0.0/16",
        "10.0.0.0/15",
        "0.0.0.0/0",
        "10.0.2.0/24",
        "10.0.2.0/23",
        "::/0",
    ] {
        let error = plot.refused(plot.resize("10.0.1.0/24", to).await).await;
        assert_eq!(error.code, NotResizable, "{to}");
    }
    let command = SpaceCommand::ResizeNode {
        id: plot.id("10.0.1.0/24").await,
        to: NewSize::Length(33),
    };
    assert_eq!(plot.refused(command).await.code, InvalidPrefixLength);
}

#[tokio::test]
async fn growing_over_siblings_takes_them_in_only_if_they_keep_their_tags() {
    let plot = Plot::with(&[
        ("10.0.0.0/16", &[("Region", "eu")]),
        ("10.0.0.0/24", &[("Region", "us"), ("Owner", "net")]),
        ("10.0.1.0/24", &[("Region", "us")]),
        ("10.0.1.7/32", NONE),
        ("10.0.2.0/24", NONE),
    ])
    .await;
    let command = plot.resize("10.0.0.0/24", "10.0.0.0/22").await;
    let error = plot.refused(command.clone()).await;
    assert_eq!(error.code, WouldRetag);
    let details = error.details.clone().unwrap();
    assert_eq!(details["count"], 2);
    let first = json!({
        "id": plot.id("10.0.1.0/24").await,
        "prefix": "10.0.1.0/24",
        "tag": "Owner",
        "before": null,
        "after": "net",
    });
    assert_eq!(details["retagged"][0], first);
    assert_eq!(details["retagged"].as_array().unwrap().len(), 3);
    let (changes, conflict) = plot.plan(command).await;
    assert_eq!((changes.len(), conflict), (3, Some(error)));
    let without = SpaceCommand::UpdateNode {
        id: plot.id("10.0.0.0/24").await,
        tags: tags(&[("Region", "eu")]),
        description: None,
    };
    run(plot.access.as_ref(), plot.space, without).await.unwrap();
    let done = plot.done(plot.resize("10.0.0.0/24", "10.0.0.0/22").await).await;
    assert_eq!(plot.at("10.0.2.0/24").await.parent_id, Some(done.subject.id));
    assert_eq!(plot.at("10.0.1.7/32").await.resolved, tags(&[("Region", "us")]));
}

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
                },
                CommandOutcome::Committed {
                    version: same,
                    replayed: true,
                    subject: same_subject,
                    made: same_made,
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
async fn a_resize_honours_if_match() {
    let plot = Plot::with(&[("10.0.0.0/22", NONE)]).await;
    let revision = plot.at("10.0.0.0/22").await.revision;
    let matching = |revision| MutationOptions {
        if_match: Some(IfMatch::Revisions(vec![revision])),
        ..Default::default()
    };
    let command = plot.resize("10.0.0.0/22", "10.0.0.0/21").await;
    let stale = plot
        .send(command.clone(), matching(revision - 1))
        .await
        .unwrap_err();
    assert_eq!(stale.code, PreconditionFailed);
    plot.send(command, matching(revision)).await.unwrap();
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
            for (id, _) in made {
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

/// A store whose batches are as small as those of the weakest backend.
#[derive(Debug)]
struct Narrow(MemoryStore);

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
