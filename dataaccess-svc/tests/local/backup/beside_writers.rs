//! Backups of a store that servers write: what is kept of each partition is exactly what was durable at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use cadastre_api_types::internal::*;
use cadastre_dataaccess::{CutOptions, LocalDataAccess, TransferError};
use cadastre_domain::Prefix;
use cadastre_domain::free_space::Strategy;
use cadastre_storage::{MemoryStore, Store};
use rand::Rng as _;
use rand::seq::IndexedRandom as _;
use serde_json::Value;
use uuid::Uuid;

use super::witness::{Witness, lasting};
use super::{back_up, content, restore};
use crate::support::*;

/// Small partitions are read as large ones are: by their journal.
const BY_JOURNAL: CutOptions = CutOptions {
    small_rows: 0,
    rounds: 30,
    hold_after: 6,
};

/// Some command on a space, of every kind; most of them succeed.
async fn some_command(access: &LocalDataAccess, space: Uuid) {
    let draw = |limit: u32| rand::rng().random_range(0..limit);
    let nodes = || async {
        let nodes = all(access, &context(), space, NodeSelection::All, &[], 1000).await;
        nodes.unwrap_or_default()
    };
    let at = |len: u8| {
        let bits = (10 << 24) | (rand::rng().random::<u32>() & 0x00ff_ffff);
        Prefix::new_masked(std::net::Ipv4Addr::from(bits).into(), len).unwrap()
    };
    let set = || -> Vec<(&str, &str)> {
        let all = [("Site", "a"), ("Site", "b"), ("Owner", "x"), ("Owner", "y")];
        let count = rand::rng().random_range(0..3);
        all.choose_multiple(&mut rand::rng(), count).copied().collect()
    };
    let command = match draw(20) {
        0..=6 => create(&at(8 + draw(20) as u8).to_string(), &set()),
        7..=10 => SpaceCommand::Allocate {
            from: match nodes().await.choose(&mut rand::rng()) {
                Some(node) => AllocateFrom::Node(node.id),
                None => return,
            },
            wanted: Wanted {
                prefix_length: 30,
                count: 1 + draw(3) as usize,
                strategy: Strategy::LowestFree,
                seed: 0,
                include_edges: true,
                tags: tags(&set()),
                description: String::new(),
            },
        },
        11 => SpaceCommand::UpdateTag {
            definition: if draw(2) == 0 {
                implying("Site", &[("Region", &[("a", "r1"), ("b", "r2")])])
            } else {
                definition("Site")
            },
        },
        12 => SpaceCommand::Revert {
            version: u64::from(1 + draw(50)),
            may_define: true,
        },
        kind => {
            let nodes = nodes().await;
            let Some(node) = nodes.choose(&mut rand::rng()) else {
                return;
            };
            match kind {
                13 | 14 => SpaceCommand::DeleteNode { id: node.id },
                15 => SpaceCommand::SplitNode {
                    id: node.id,
                    prefix_length: (node.prefix.len() + 2).min(32),
                    first_id: Uuid::now_v7(),
                    tags: tags(&set()),
                    description: String::new(),
                },
                16 => SpaceCommand::ResizeNode {
                    id: node.id,
                    to: NewSize::Length(node.prefix.len().saturating_sub(1)),
                },
                17 => SpaceCommand::MergeNodes {
                    ids: nodes
                        .iter()
                        .filter(|other| other.parent_id == Some(node.id))
                        .map(|other| other.id)
                        .collect(),
                    merged_id: Uuid::now_v7(),
                },
                _ => SpaceCommand::UpdateNode {
                    id: node.id,
                    tags: tags(&set()),
                    description: None,
                },
            }
        }
    };
    let idempotency = (draw(2) == 0).then(|| IdempotencyKey {
        key_hash: format!("{:032x}", rand::random::<u128>()),
        body_hash: "body".to_owned(),
    });
    let request = SpaceCommandRequest {
        space,
        command,
        options: MutationOptions {
            idempotency,
            ..MutationOptions::default()
        },
    };
    // Refusals and lost races are part of it.
    let _ = access.space_command(&context(), request).await;
}

/// A part of an import: nodes that its journal entries do not hold.
async fn some_import(access: &LocalDataAccess, space: Uuid, number: u8) {
    let records = (0..40)
        .map(|line| {
            ImportRecord::Line(ImportLine {
                line: line + 1,
                prefix: prefix(&format!("11.{number}.{line}.0/24")),
                tags: tags(&[("Site", if line % 2 == 0 { "a" } else { "b" })]),
                description: None,
            })
        })
        .collect();
    let part = ImportPart {
        space,
        import: Uuid::now_v7(),
        run: Uuid::now_v7(),
        first: true,
        last: true,
        terms: ImportTerms {
            mode: ImportMode::Lines,
            update: true,
            format: "csv".to_owned(),
            total_bytes: None,
        },
        after: 0,
        upto: ImportMark {
            records: 40,
            line: 41,
            bytes: 800,
            digest: "d".to_owned(),
        },
        records,
        dry_run: false,
    };
    let _ = access.import_part(&context(), part).await;
}

async fn some_user(access: &LocalDataAccess, number: usize) {
    let request = UserChangeRequest {
        name: format!("user{number}"),
        change: UserChange::Create {
            password_hash: "hash".to_owned(),
            grants: Vec::new(),
        },
        options: MutationOptions::default(),
    };
    let _ = access.change_user(&context(), request).await;
}

/// Every partition of a backup is what was committed with its head; answers how many have one.
async fn assert_moments(witness: &Witness, restored: &dyn Store) -> usize {
    let mut partitions: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
    for ((partition, key), value) in content(restored).await {
        partitions.entry(partition).or_default().insert(key, value);
    }
    let mut heads = 0;
    for (partition, rows) in partitions {
        let Some(head) = rows.get("head").cloned() else {
            continue;
        };
        heads += 1;
        let mut then = witness.at(&partition, &head).await;
        then.insert("head".to_owned(), lasting(&then["head"]));
        then.remove("format");
        // Rows of plans that are not true (yet) are written before the head knows of them, and nobody reads them.
        let plan = head["Pending"]["Plan"]
            .as_str()
            .unwrap_or("none")
            .replace('-', "");
        let counts = |key: &String| !key.starts_with("p_") || key.contains(&plan);
        then.retain(|key, _| counts(key));
        let mut rows = rows;
        rows.retain(|key, _| counts(key));
        if partition == "SYSTEM" {
            // Hints and leases go without the head, and the list of users may have been mended.
            let asserted = |key: &String| !["u_", "x_", "y_", "z_"].iter().any(|kind| key.starts_with(kind));
            rows.retain(|key, _| asserted(key));
            then.retain(|key, _| asserted(key));
        }
        for key in then.keys().chain(rows.keys()) {
            assert_eq!(
                rows.get(key),
                then.get(key),
                "row {key} of {partition}, version {}",
                head["Version"]
            );
        }
    }
    heads
}

/// What the rows of a space say of each other, recounted.
async fn assert_sound(store: Arc<dyn Store>) {
    for ((partition, key), head) in content(&*store).await {
        // In the middle of a fold the rows are true only with the plan above them.
        if key != "head" || Uuid::try_parse(&partition).is_err() || head.get("Pending").is_some() {
            continue;
        }
        let rows = |kind: &'static str| rows(&*store, &partition, kind);
        let nodes = rows("n_").await;
        let counted = ["Counts4", "Counts6"]
            .iter()
            .filter_map(|family| head[family].as_object())
            .flat_map(|lengths| lengths.values())
            .filter_map(Value::as_u64)
            .sum::<u64>();
        assert_eq!(counted, nodes.len() as u64, "counts of {partition}");
        let whole = rows("j_")
            .await
            .iter()
            .filter(|row| row.key.as_str().len() == 18)
            .count();
        assert_eq!(
            Some(whole as u64),
            head["Version"].as_u64(),
            "journal of {partition}"
        );
        let set: usize = nodes
            .iter()
            .map(|row| serde_json::from_slice::<Value>(&row.value).unwrap())
            .map(|node| node["Tags"].as_object().map_or(0, serde_json::Map::len))
            .sum();
        assert_eq!(rows("t_").await.len(), set, "index of {partition}");
    }
}

/// Several backups of a store while sixteen writers are at it.
async fn back_up_beside_writers(witness: Witness, options: CutOptions) {
    let witness = Arc::new(witness);
    let replicas = [
        open(witness.clone() as Arc<dyn Store>).await,
        open(witness.clone() as Arc<dyn Store>).await,
    ];
    let mut spaces = Vec::new();
    for name in ["one", "two", "three"] {
        let space = new_space(replicas[0].as_ref(), name).await;
        for tag in ["Region", "Site", "Owner"] {
            define(replicas[0].as_ref(), space, definition(tag)).await;
        }
        run(replicas[0].as_ref(), space, create("10.0.0.0/8", &[]))
            .await
            .unwrap();
        spaces.push(space);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let made = Arc::new(AtomicUsize::new(0));
    let writers: Vec<_> = (0..16)
        .map(|number| {
            let access = Arc::clone(&replicas[number % 2]);
            let (stop, made) = (Arc::clone(&stop), Arc::clone(&made));
            let space = spaces[number % 3];
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    if made.fetch_add(1, Ordering::Relaxed) % 40 == 0 {
                        some_user(&access, number * 1000 + made.load(Ordering::Relaxed)).await;
                        some_import(&access, space, number as u8).await;
                    }
                    some_command(&access, space).await;
                }
            })
        })
        .collect();
    while made.load(Ordering::Relaxed) < 200 {
        tokio::task::yield_now().await;
    }
    for _ in 0..5 {
        let backup = back_up(witness.clone(), options).await.unwrap();
        let target: Arc<dyn Store> = Arc::new(MemoryStore::new());
        restore(&backup, Arc::clone(&target)).await.unwrap();
        assert!(assert_moments(&witness, &*target).await >= 4);
        assert_sound(target).await;
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    for replica in replicas {
        replica.shutdown().await;
    }
    // At rest, it is all there.
    let backup = back_up(witness.clone(), options).await.unwrap();
    let target: Arc<dyn Store> = Arc::new(MemoryStore::new());
    restore(&backup, Arc::clone(&target)).await.unwrap();
    assert_eq!(content(&*target).await, content(&*witness).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_partition_is_of_one_moment_while_sixteen_write() {
    back_up_beside_writers(Witness::new(Arc::new(MemoryStore::new()), 50), BY_JOURNAL).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_with_commands_that_need_several_commits() {
    back_up_beside_writers(Witness::narrow(Arc::new(MemoryStore::new()), 50), BY_JOURNAL).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_with_partitions_that_are_read_again_as_a_whole() {
    let options = CutOptions {
        hold_after: 3,
        ..CutOptions::default()
    };
    back_up_beside_writers(Witness::new(Arc::new(MemoryStore::new()), 50), options).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_without_rest_are_held_for_a_moment() {
    let witness = Arc::new(Witness::new(Arc::new(MemoryStore::new()), 50));
    let access = open(witness.clone() as Arc<dyn Store>).await;
    let space = new_space(access.as_ref(), "restless").await;
    let stop = Arc::new(AtomicBool::new(false));
    let made = Arc::new(AtomicUsize::new(0));
    let writers: Vec<_> = (0..16)
        .map(|_| {
            let (access, stop, made) = (Arc::clone(&access), Arc::clone(&stop), Arc::clone(&made));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let number = made.fetch_add(1, Ordering::Relaxed);
                    let text = format!(
                        "10.{}.{}.{}/32",
                        number >> 16 & 255,
                        number >> 8 & 255,
                        number & 255
                    );
                    run(access.as_ref(), space, create(&text, &[])).await.unwrap();
                }
            })
        })
        .collect();
    while made.load(Ordering::Relaxed) < 1000 {
        tokio::task::yield_now().await;
    }
    let options = CutOptions {
        hold_after: 0,
        ..BY_JOURNAL
    };
    let mut backups = Vec::new();
    // On a busy machine the writers may rest just when one is made.
    while backups.len() < 2 || (witness.holds().await == 0 && backups.len() < 100) {
        backups.push(back_up(witness.clone(), options).await.unwrap());
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(witness.holds().await > 0, "nobody was ever held");
    for backup in backups.iter().rev().take(2) {
        let target: Arc<dyn Store> = Arc::new(MemoryStore::new());
        restore(backup, Arc::clone(&target)).await.unwrap();
        assert_moments(&witness, &*target).await;
        assert_sound(target).await;
    }
}

#[tokio::test]
async fn a_hold_that_nobody_lifts_ends_by_itself() {
    let store: Arc<dyn Store> = Arc::new(Shaped::shared(Arc::new(MemoryStore::new())));
    let access = open(Arc::clone(&store)).await;
    let space = new_space(access.as_ref(), "held").await;
    run(access.as_ref(), space, create("10.0.0.0/8", &[]))
        .await
        .unwrap();
    // A backup that died.
    let partition = cadastre_storage::PartitionKey::new(space.to_string()).unwrap();
    let key = cadastre_storage::RowKey::new("head").unwrap();
    let head = store.get(&partition, &key).await.unwrap().unwrap();
    let mut value: Value = serde_json::from_slice(&head.value).unwrap();
    value["Hold"] = Uuid::new_v4().to_string().into();
    let write = cadastre_storage::Write::Replace {
        key: key.clone(),
        value: value.to_string().into(),
        etag: head.etag,
    };
    store.commit(&partition, vec![write]).await.unwrap();
    run(access.as_ref(), space, create("10.0.0.0/16", &[]))
        .await
        .unwrap();
    let head = store.get(&partition, &key).await.unwrap().unwrap();
    let value: Value = serde_json::from_slice(&head.value).unwrap();
    assert_eq!((value["Version"].as_u64(), value.get("Hold")), (Some(2), None));
}

#[tokio::test]
async fn a_partition_that_never_rests_is_named() {
    let inner: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let access = open(Arc::clone(&inner)).await;
    let space = new_space(access.as_ref(), "busy").await;
    let store = Arc::new(Witness::new(Arc::clone(&inner), 3));
    // Every scan is followed by a change.
    let plan = cadastre_storage::FaultPlan::new();
    let number = Arc::new(AtomicUsize::new(0));
    plan.inject(cadastre_storage::Rule::always(
        cadastre_storage::Op::Scan,
        cadastre_storage::Fault::run(move || {
            let (access, number) = (Arc::clone(&access), Arc::clone(&number));
            async move {
                let number = number.fetch_add(1, Ordering::Relaxed);
                let text = format!("10.{}.{}.0/24", number / 256, number % 256);
                run(access.as_ref(), space, create(&text, &[])).await.unwrap();
            }
        }),
    ));
    let store: Arc<dyn Store> = Arc::new(cadastre_storage::FaultStore::with_plan(store, plan));
    let options = CutOptions {
        rounds: 5,
        hold_after: 100,
        ..CutOptions::default()
    };
    let failure = back_up(store, options).await.unwrap_err();
    let TransferError::Restless(what) = &failure else {
        panic!("{failure}")
    };
    assert_eq!(*what, format!("the address space {space}"));
}
