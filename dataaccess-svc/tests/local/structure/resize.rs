//! Resize: what moves with a node, and what holds it.

use cadastre_api_types::ErrorCode::*;
use cadastre_api_types::internal::*;
use cadastre_storage::Row;
use serde_json::json;

use super::{NONE, Plot};
use crate::support::*;

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
