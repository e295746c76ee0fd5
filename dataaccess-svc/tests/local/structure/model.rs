//! Split, merge and resize, with all other commands between them, against the naive model: what is legal, what comes
//! out, and the law that no resolved tag changes of a node that was not named.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cadastre_api_types::internal::*;
use cadastre_domain::tags::{ExplicitTags, Inheritance};
use cadastre_domain::{Family, Prefix};
use cadastre_storage::{MemoryStore, Store};
use proptest::prelude::*;
use uuid::Uuid;

use crate::model::{self, Model, TAGS, check, explicit, some_prefix, some_step, some_tags};
use crate::support::*;

#[derive(Clone, Debug)]
enum Step {
    Plain(model::Step),
    /// A node, how much longer, tags.
    Split(usize, u8, Vec<(usize, usize)>),
    /// What lies topmost in a supernet of a node, so much shorter; and whether one is left out or one put in.
    Merge(usize, u8, Option<usize>),
    /// A node, a prefix.
    Resize(usize, Prefix),
    /// A node, longer or shorter by.
    Stretch(usize, i8),
}

fn some_structural_step() -> impl Strategy<Value = Step> {
    let index = || (0_usize..1 << 20).boxed();
    prop_oneof![
        6 => some_step().prop_map(Step::Plain),
        2 => (index(), 1_u8..4, prop_oneof![3 => Just(Vec::new()), 1 => some_tags()])
            .prop_map(|(at, more, set)| Step::Split(at, more, set)),
        3 => (index(), 0_u8..4, prop_oneof![6 => Just(None), 1 => index().prop_map(Some)])
            .prop_map(|(at, less, odd)| Step::Merge(at, less, odd)),
        1 => (index(), some_prefix()).prop_map(|(at, to)| Step::Resize(at, to)),
        3 => (index(), -3_i8..4).prop_map(|(at, by)| Step::Stretch(at, by)),
    ]
}

/// All prefixes of a length in another, by cutting in half.
fn cut(container: Prefix, len: u8) -> Vec<Prefix> {
    if container.len() == len {
        return vec![container];
    }
    let longer = container.len() + 1;
    let left = Prefix::new(container.addr(), longer).unwrap();
    let right = Prefix::new_masked(container.last_addr(), longer).unwrap();
    [cut(left, len), cut(right, len)].concat()
}

fn size(prefix: &Prefix) -> f64 {
    0.5_f64.powi(i32::from(prefix.len()))
}

/// What a step asks for, and what the model says comes out; `None` = it is refused.
struct Asked {
    command: SpaceCommand,
    after: Option<Model>,
    /// Nodes that the command makes or removes; all others keep their resolved tags.
    named: BTreeSet<Prefix>,
}

fn pick(model: &Model, index: usize) -> Option<Prefix> {
    (!model.nodes.is_empty()).then(|| *model.nodes.keys().nth(index % model.nodes.len()).unwrap())
}

/// Legal, and nobody else is retagged.
fn lawful(before: &Model, after: Model, named: &BTreeSet<Prefix>) -> Option<Model> {
    let others = |at: &&Prefix| !named.contains(at) && before.nodes.contains_key(at);
    let keeps = |at: &Prefix| after.resolved(at) == before.resolved(at);
    (after.legal() && after.nodes.keys().filter(others).all(keeps)).then_some(after)
}

fn splits(model: &Model, at: Prefix, more: u8, set: &ExplicitTags) -> Asked {
    let len = at.len().saturating_add(more);
    let first_id = Uuid::now_v7();
    let command = SpaceCommand::SplitNode {
        id: model.nodes[&at].0,
        prefix_length: len,
        first_id,
        tags: set.clone(),
        description: "block".to_owned(),
    };
    let fits = len <= at.family().max_len();
    let straddled = model
        .nodes
        .keys()
        .any(|node| at.strictly_contains(node) && node.len() < len);
    let known = set.iter().all(|(tag, value)| {
        let known = &model.definitions[tag].known_values;
        known.is_empty() || known.contains(value)
    });
    if !fits || straddled || !known {
        return Asked {
            command,
            after: None,
            named: BTreeSet::new(),
        };
    }
    let missing: BTreeSet<Prefix> = cut(at, len)
        .into_iter()
        .filter(|block| !model.nodes.contains_key(block))
        .collect();
    let mut after = model.clone_state();
    for (number, block) in missing.iter().enumerate() {
        let id = Uuid::from_u128(first_id.as_u128() & !0xffff | number as u128);
        after.nodes.insert(*block, (id, set.clone()));
    }
    Asked {
        command,
        after: if missing.is_empty() {
            Some(after)
        } else {
            lawful(model, after, &missing)
        },
        named: missing,
    }
}

fn merges(model: &Model, within: Prefix, odd: Option<usize>) -> Asked {
    let inside = |node: &&Prefix| within.strictly_contains(node);
    let top = |node: &&Prefix| model.parent(node).is_none_or(|parent| parent.contains(&within));
    let mut chosen: Vec<Prefix> = model.nodes.keys().filter(inside).filter(top).copied().collect();
    if let Some(odd) = odd {
        let other = pick(model, odd).unwrap();
        if odd % 2 == 0 || chosen.is_empty() {
            chosen.push(other);
        } else {
            chosen.remove(odd % chosen.len());
        }
    }
    let half = chosen.len() / 2;
    chosen.rotate_left(half);
    let merged_id = Uuid::now_v7();
    let command = SpaceCommand::MergeNodes {
        ids: chosen.iter().map(|at| model.nodes[at].0).collect(),
        merged_id,
    };
    // What is asked for may fill another prefix than was meant: look only at what was chosen.
    let around = chosen.iter().copied().reduce(|one, other| {
        one.common_supernet(&other)
            .unwrap_or(Prefix::everything(Family::V4))
    });
    let distinct: BTreeSet<Prefix> = chosen.iter().copied().collect();
    let mergeable = chosen.len() >= 2
        && distinct.len() == chosen.len()
        && around.is_some_and(|around| {
            let nested = chosen
                .iter()
                .any(|a| chosen.iter().any(|b| a.strictly_contains(b)));
            let fills =
                (chosen.iter().map(size).sum::<f64>() - size(&around)).abs() < f64::EPSILON * size(&around);
            let siblings = chosen
                .iter()
                .all(|at| model.parent(at).is_none_or(|parent| parent.contains(&around)));
            let tags = &model.nodes[&chosen[0]].1;
            let equal = chosen.iter().all(|at| model.nodes[at].1 == *tags);
            let family = chosen.iter().all(|at| at.family() == around.family());
            !nested && fills && siblings && equal && family
        });
    let Some(around) = around.filter(|_| mergeable) else {
        return Asked {
            command,
            after: None,
            named: BTreeSet::new(),
        };
    };
    let mut after = model.clone_state();
    let tags = model.nodes[&chosen[0]].1.clone();
    after.nodes.retain(|at, _| !distinct.contains(at));
    after.nodes.entry(around).or_insert((merged_id, tags));
    Asked {
        command,
        after: Some(after),
        named: distinct,
    }
}

fn resizes(model: &Model, from: Prefix, to: Prefix, size: NewSize) -> Asked {
    let id = model.nodes[&from].0;
    let command = SpaceCommand::ResizeNode { id, to: size };
    let mut after = model.clone_state();
    let entry = after.nodes.remove(&from).unwrap();
    let named: BTreeSet<Prefix> = [from, to].into();
    let beneath = |node: &&Prefix| from.strictly_contains(node);
    let legal = if from == to {
        true
    } else if from.contains(&to) {
        model
            .nodes
            .keys()
            .filter(beneath)
            .all(|node| to.strictly_contains(node))
    } else {
        to.contains(&from)
            && model
                .parent(&from)
                .is_none_or(|parent| parent.strictly_contains(&to))
    };
    if !legal {
        return Asked {
            command,
            after: None,
            named,
        };
    }
    after.nodes.insert(to, entry);
    let after = lawful(model, after, &named);
    // Not even its own tags change.
    if let Some(after) = &after {
        assert_eq!(after.resolved(&to), model.resolved(&from));
    }
    Asked {
        command,
        after,
        named,
    }
}

fn asked(model: &Model, step: &Step) -> Option<Asked> {
    Some(match step {
        Step::Plain(_) => return None,
        Step::Split(index, more, set) => splits(model, pick(model, *index)?, *more, &explicit(set)),
        Step::Merge(index, less, odd) => {
            let at = pick(model, *index)?;
            merges(model, at.truncate(at.len().saturating_sub(*less)), *odd)
        }
        Step::Resize(index, to) => resizes(model, pick(model, *index)?, *to, NewSize::Prefix(*to)),
        Step::Stretch(index, by) => {
            let from = pick(model, *index)?;
            let len = from.len().saturating_add_signed(*by).min(from.family().max_len());
            let to = if len <= from.len() {
                from.truncate(len)
            } else {
                Prefix::new(from.addr(), len).unwrap()
            };
            resizes(model, from, to, NewSize::Length(len))
        }
    })
}

/// Does a step in both; they must agree on whether it is legal and on what comes out.
async fn step(access: &dyn DataAccess, space: Uuid, model: &mut Model, step: &Step) {
    if let Step::Plain(step) = step {
        return model::step(access, space, model, step).await;
    }
    let Some(asked) = asked(model, step) else { return };
    let dry = SpaceCommandRequest {
        space,
        command: asked.command.clone(),
        options: MutationOptions {
            dry_run: true,
            ..Default::default()
        },
    };
    let planned = access.space_command(&context(), dry).await;
    let outcome = run(access, space, asked.command).await;
    let Some(mut after) = asked.after else {
        let error = outcome.expect_err(&format!("{step:?} is not legal"));
        match planned {
            Ok(CommandOutcome::Planned { conflict, .. }) => {
                assert_eq!(conflict.unwrap().code, error.code, "{step:?}");
            }
            other => panic!("{step:?} is refused with {error} and planned as {other:?}"),
        }
        return;
    };
    let outcome = outcome.unwrap_or_else(|error| panic!("{step:?} is legal: {error}"));
    let CommandOutcome::Planned {
        changes,
        conflict: None,
    } = planned.unwrap()
    else {
        panic!("{step:?} is legal");
    };
    let CommandOutcome::Committed { made, .. } = outcome else {
        panic!("not a plan")
    };
    if matches!(step, Step::Split(..)) {
        let new: Vec<(Uuid, Prefix)> = asked.named.iter().map(|at| (after.nodes[at].0, *at)).collect();
        let made: Vec<(Uuid, Prefix)> = made.iter().map(|node| (node.id, node.prefix)).collect();
        assert_eq!(made, new);
    }
    // What is set on children of what was merged is read back; the law says what it must come to.
    let before = model.clone_state();
    for (at, entry) in &mut after.nodes {
        let query = NodeQuery {
            space,
            node: NodeRef::Prefix(*at),
        };
        let node = access.get_node(&context(), query).await.unwrap();
        let pushed = matches!(step, Step::Merge(..))
            && before.nodes.get(at).is_some_and(|(_, tags)| *tags != node.tags);
        if pushed {
            entry.1 = node.tags.clone();
        }
    }
    for (at, _) in after.nodes.iter().filter(|(at, _)| !asked.named.contains(at)) {
        if before.nodes.contains_key(at) {
            assert_eq!(after.resolved(at), before.resolved(at), "{step:?} changed {at}");
        }
    }
    planned_everything(step, &before, &after, &changes);
    *model = after;
}

/// A plan lists exactly the nodes that are made, removed, moved to another prefix or parent, or tagged.
fn planned_everything(step: &Step, before: &Model, after: &Model, changes: &[ImageChange]) {
    type Seen = (Prefix, Option<Uuid>, ExplicitTags);
    let states = |model: &Model| -> BTreeMap<Uuid, Seen> {
        let seen = |(at, (id, tags)): (&Prefix, &(Uuid, ExplicitTags))| {
            let parent = model.parent(at).map(|parent| model.nodes[&parent].0);
            (*id, (*at, parent, tags.clone()))
        };
        model.nodes.iter().map(seen).collect()
    };
    let (old, new) = (states(before), states(after));
    let mut want: Vec<(Option<Prefix>, Option<Prefix>)> = old
        .keys()
        .chain(new.keys())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .filter(|id| old.get(id) != new.get(id))
        .map(|id| (old.get(id).map(|seen| seen.0), new.get(id).map(|seen| seen.0)))
        .collect();
    want.sort();
    let prefix = |image: &Option<Image>| match image {
        Some(Image::Node(node)) => Some(node.prefix),
        Some(Image::Tag(_) | Image::Entity(_)) | None => None,
    };
    let mut got: Vec<_> = changes
        .iter()
        .map(|change| (prefix(&change.before), prefix(&change.after)))
        .collect();
    got.sort();
    assert_eq!(got, want, "plan of {step:?}");
}

/// Head counts, id rows and index rows are those of the nodes that are there.
pub(crate) async fn check_rows(store: &dyn Store, space: Uuid, model: &Model) {
    let partition = space.to_string();
    let head = rows(store, &partition, "head").await.pop().unwrap();
    let head: serde_json::Value = serde_json::from_slice(&head.value).unwrap();
    for (field, family) in [("Counts4", Family::V4), ("Counts6", Family::V6)] {
        let mut counts = serde_json::Map::new();
        for len in 0..=family.max_len() {
            let of = |node: &&Prefix| node.family() == family && node.len() == len;
            match model.nodes.keys().filter(of).count() {
                0 => {}
                count => drop(counts.insert(len.to_string(), count.into())),
            }
        }
        assert_eq!(head[field], serde_json::Value::Object(counts), "{field}");
    }
    // The id of a deleted node stays for its history.
    let places: BTreeMap<String, serde_json::Value> = rows(store, &partition, "i_")
        .await
        .into_iter()
        .map(|row| (row.key.to_string(), serde_json::from_slice(&row.value).unwrap()))
        .collect();
    for (prefix, (id, _)) in &model.nodes {
        let place = &places[&format!("i_{}", id.simple())];
        assert_eq!(place["Prefix"], prefix.to_string(), "{id}");
    }
    let set: usize = model.nodes.values().map(|(_, tags)| tags.len()).sum();
    assert_eq!(rows(store, &partition, "t_").await.len(), set);
}

/// What no node strictly beneath covers, by cutting in half.
fn uncovered(nodes: &[Prefix], block: Prefix) -> Vec<Prefix> {
    if nodes.iter().any(|node| node.contains(&block)) {
        return Vec::new();
    }
    if !nodes.iter().any(|node| block.contains(node)) {
        return vec![block];
    }
    let halves = cut(block, block.len() + 1);
    halves
        .into_iter()
        .flat_map(|half| uncovered(nodes, half))
        .collect()
}

/// What is said to be free beneath each node is what the nodes that are there leave free.
pub(crate) async fn check_free(access: &dyn DataAccess, space: Uuid, model: &Model) {
    for (at, (id, _)) in &model.nodes {
        let query = AvailableQuery {
            space,
            node: *id,
            fitting: None,
            page: PageRequest {
                limit: 1000,
                after: None,
            },
        };
        let free = access.available(&context(), query).await.unwrap();
        let beneath: Vec<Prefix> = model
            .nodes
            .keys()
            .filter(|node| at.strictly_contains(node))
            .copied()
            .collect();
        assert_eq!(free.items, uncovered(&beneath, *at), "free beneath {at}");
    }
}

async fn play(store: Arc<dyn Store>, steps: Vec<Step>) {
    let access = open(Arc::clone(&store)).await;
    let space = new_space(access.as_ref(), "model").await;
    let mut model = Model::default();
    for name in TAGS {
        let mut made = definition(name);
        if name == "N" {
            made.inheritance = Inheritance::NonInheritable;
        }
        model.definitions.insert(made.name.clone(), made.clone());
        define(access.as_ref(), space, made).await;
    }
    for one in &steps {
        step(access.as_ref(), space, &mut model, one).await;
        check(access.as_ref(), space, &model, 3).await;
        check_rows(store.as_ref(), space, &model).await;
        check_free(access.as_ref(), space, &model).await;
    }
    access.shutdown().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn structural_verbs_agree_with_a_naive_model_and_retag_nobody(
        steps in prop::collection::vec(some_structural_step(), 1..24),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(play(Arc::new(MemoryStore::new()), steps));
    }

    #[test]
    fn the_same_holds_on_a_shared_store_that_cannot_look_backwards(
        steps in prop::collection::vec(some_structural_step(), 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let store = Shaped::shared(Arc::new(MemoryStore::new()));
        runtime.block_on(play(Arc::new(store), steps));
    }
    #[test]
    fn the_same_holds_where_nearly_every_command_is_larger_than_a_commit(
        steps in prop::collection::vec(some_structural_step(), 1..12), own in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(play(tiny(own), steps));
    }
}
