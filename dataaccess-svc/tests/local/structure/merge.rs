//! Merge: what siblings become, and what are none.

use cadastre_api_types::ErrorCode::*;
use cadastre_api_types::internal::SpaceCommand;
use uuid::Uuid;

use super::{NONE, Plot, prefixes, some};
use crate::support::*;

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
