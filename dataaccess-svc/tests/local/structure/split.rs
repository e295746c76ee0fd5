//! Split: what is made, what is in the way, how many.

use cadastre_api_types::ErrorCode::*;
use cadastre_api_types::internal::Image;
use serde_json::json;

use super::{NONE, Plot};
use crate::support::*;

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
