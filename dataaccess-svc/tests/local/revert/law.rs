//! The law of reverts on random histories of all commands. The last change, taken back, leaves no trace but in the
//! journal; taken back again, it is there again; and so is the same command after its revert. An older one is taken
//! back exactly when a naive reading of the rules allows it, and touches nothing but what it names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cadastre_api_types::internal::*;
use cadastre_domain::Prefix;
use cadastre_domain::free_space::Strategy as Way;
use cadastre_domain::tags::{ExplicitTags, Inheritance, TagDefinition, Vocabulary};
use cadastre_storage::{MemoryStore, Store};
use proptest::prelude::*;
use uuid::Uuid;

use super::{Ground, State};
use crate::model::{Model, TAGS, check, explicit, some_definition, some_prefix, some_tags};
use crate::structure::model::{check_free, check_rows};
use crate::support::*;

/// A tag that comes and goes.
const GUEST: &str = "Guest";

/// What is asked for; numbers choose among what is there.
#[derive(Clone, Debug)]
enum Step {
    Create(Prefix, Vec<(usize, usize)>, bool),
    Retag(usize, Vec<(usize, usize)>, bool),
    Describe(usize),
    Delete(usize),
    Allocate(usize, u8, usize),
    Split(usize, u8, Vec<(usize, usize)>),
    Merge(usize, u8),
    Stretch(usize, i8),
    Redefine(TagDefinition),
    /// Defines the guest, with an implication or without, or defines it anew, or deletes it.
    Guest(u8),
    Revert(usize),
}

fn some_change() -> impl Strategy<Value = Step> {
    let index = || (0_usize..1 << 20).boxed();
    prop_oneof![
        6 => (some_prefix(), some_tags(), any::<bool>()).prop_map(|(at, set, guest)| Step::Create(at, set, guest)),
        3 => (index(), some_tags(), any::<bool>()).prop_map(|(at, set, guest)| Step::Retag(at, set, guest)),
        1 => index().prop_map(Step::Describe),
        3 => index().prop_map(Step::Delete),
        1 => (index(), 1_u8..4, 1_usize..4).prop_map(|(at, more, count)| Step::Allocate(at, more, count)),
        1 => (index(), 1_u8..3, some_tags()).prop_map(|(at, more, set)| Step::Split(at, more, set)),
        2 => (index(), 0_u8..3).prop_map(|(at, less)| Step::Merge(at, less)),
        3 => (index(), -3_i8..4).prop_map(|(at, by)| Step::Stretch(at, by)),
        2 => some_definition().prop_map(Step::Redefine),
        2 => (0_u8..4).prop_map(Step::Guest),
    ]
}

fn some_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => some_change(),
        2 => (0_usize..1 << 20).prop_map(Step::Revert),
    ]
}

/// The same, read naively.
fn model(state: &State) -> Model {
    Model {
        nodes: state
            .nodes
            .iter()
            .map(|(at, node)| (*at, (node.id, node.tags.clone())))
            .collect(),
        definitions: state
            .tags
            .iter()
            .map(|(name, (definition, _))| (name.clone(), definition.clone()))
            .collect(),
    }
}

fn set_of(set: &[(usize, usize)], guest: bool) -> ExplicitTags {
    let mut all = explicit(set);
    if guest {
        all.insert(tag(GUEST), value("x"));
    }
    all
}

/// The command of a step that is no revert; `None` if there is nothing to do it to.
fn command(state: &State, step: &Step) -> Option<SpaceCommand> {
    let pick = |index: usize| state.nodes.iter().nth(index % state.nodes.len().max(1));
    let has_guest = state.tags.contains_key(&tag(GUEST));
    Some(match step {
        Step::Create(at, set, guest) => SpaceCommand::CreateNode {
            id: Uuid::now_v7(),
            prefix: *at,
            parent_id: None,
            tags: set_of(set, *guest && has_guest),
            description: "made".to_owned(),
        },
        Step::Retag(index, set, guest) => SpaceCommand::UpdateNode {
            id: pick(*index)?.1.id,
            tags: set_of(set, *guest && has_guest),
            description: None,
        },
        Step::Describe(index) => {
            let node = pick(*index)?.1;
            SpaceCommand::UpdateNode {
                id: node.id,
                tags: node.tags.clone(),
                description: Some(format!("{}!", node.description)),
            }
        }
        Step::Delete(index) => SpaceCommand::DeleteNode {
            id: pick(*index)?.1.id,
        },
        Step::Allocate(index, more, count) => {
            let (at, node) = pick(*index)?;
            SpaceCommand::Allocate {
                from: AllocateFrom::Node(node.id),
                wanted: Wanted {
                    prefix_length: at.len().saturating_add(*more),
                    count: *count,
                    strategy: Way::LowestFree,
                    seed: 0,
                    include_edges: true,
                    tags: ExplicitTags::new(),
                    description: String::new(),
                },
            }
        }
        Step::Split(index, more, set) => {
            let (at, node) = pick(*index)?;
            SpaceCommand::SplitNode {
                id: node.id,
                prefix_length: at.len().saturating_add(*more),
                first_id: Uuid::now_v7(),
                tags: explicit(set),
                description: String::new(),
            }
        }
        Step::Merge(index, less) => {
            let at = pick(*index)?.0;
            let within = at.truncate(at.len().saturating_sub(*less));
            let naive = model(state);
            let top = |at: &&Prefix| {
                within.strictly_contains(at) && naive.parent(at).is_none_or(|parent| parent.contains(&within))
            };
            let ids = state
                .nodes
                .keys()
                .filter(top)
                .map(|at| state.nodes[at].id)
                .collect();
            SpaceCommand::MergeNodes {
                ids,
                merged_id: Uuid::now_v7(),
            }
        }
        Step::Stretch(index, by) => {
            let (at, node) = pick(*index)?;
            let len = at.len().saturating_add_signed(*by).min(at.family().max_len());
            SpaceCommand::ResizeNode {
                id: node.id,
                to: NewSize::Length(len),
            }
        }
        Step::Redefine(definition) => SpaceCommand::UpdateTag {
            definition: definition.clone(),
        },
        Step::Guest(3) => SpaceCommand::DeleteTag { name: tag(GUEST) },
        Step::Guest(kind) => {
            let definition = match kind {
                0 => definition(GUEST),
                1 => implying(GUEST, &[("C", &[("x", "y")])]),
                _ => implying(GUEST, &[("B", &[("x", "x")])]),
            };
            if has_guest {
                SpaceCommand::UpdateTag { definition }
            } else {
                SpaceCommand::CreateTag { definition }
            }
        }
        Step::Revert(_) => return None,
    })
}

/// Every read, and every row that is derived from the nodes, agrees with the nodes that are there.
async fn check_all(ground: &Ground, state: &State) {
    let naive = model(state);
    assert!(naive.legal(), "{state:?}");
    check(ground.access.as_ref(), ground.space, &naive, 3).await;
    check_rows(ground.store.as_ref(), ground.space, &naive).await;
    check_free(ground.access.as_ref(), ground.space, &naive).await;
}

async fn ground(store: Arc<dyn Store>) -> Ground {
    let ground = Ground::on(store).await;
    for name in TAGS {
        let mut made = definition(name);
        if name == "N" {
            made.inheritance = Inheritance::NonInheritable;
        }
        define(ground.access.as_ref(), ground.space, made).await;
    }
    ground
}

/// Takes the last change back and does it again, in both ways.
async fn the_last(store: Arc<dyn Store>, steps: Vec<Step>) {
    let ground = ground(store).await;
    for step in &steps {
        let (before, head) = (ground.state().await, ground.head().await);
        let Some(command) = command(&before, step) else {
            continue;
        };
        let outcome = run(ground.access.as_ref(), ground.space, command.clone()).await;
        if outcome.is_err() || ground.head().await == head {
            assert_eq!(ground.state().await, before);
            continue;
        }
        let after = ground.state().await;
        let taken = async |version: u64, want: &State| {
            let (changes, conflict) = ground.plan(version).await.unwrap();
            assert_eq!(conflict, None, "{step:?}");
            let entry = ground
                .revert(version)
                .await
                .unwrap_or_else(|error| panic!("{step:?}: {error}"));
            assert_eq!(entry.version, version + 1);
            assert_eq!(&ground.state().await, want, "{step:?}");
            as_planned(&changes, &entry);
        };
        taken(head + 1, &before).await;
        check_all(&ground, &before).await;
        taken(head + 2, &after).await;
        check_all(&ground, &after).await;
        taken(head + 3, &before).await;
        // The same command gives the same state; only the times, and ids that nobody chose, are new.
        let command = match command {
            // Ids of blocks are never given twice.
            SpaceCommand::SplitNode {
                id,
                prefix_length,
                tags,
                description,
                ..
            } => SpaceCommand::SplitNode {
                first_id: Uuid::now_v7(),
                id,
                prefix_length,
                tags,
                description,
            },
            other => other,
        };
        run(ground.access.as_ref(), ground.space, command).await.unwrap();
        let again = ground.state().await;
        assert_eq!(timeless(&again, step), timeless(&after, step), "{step:?}");
        check_all(&ground, &again).await;
    }
    ground.access.shutdown().await;
}

/// A state without times of creation, and without ids if the step's command leaves them to the server.
fn timeless(state: &State, step: &Step) -> impl PartialEq + std::fmt::Debug {
    let unnamed = matches!(step, Step::Allocate(..) | Step::Split(..));
    let prefix_of: BTreeMap<Uuid, Prefix> = state.nodes.iter().map(|(at, node)| (node.id, *at)).collect();
    let nodes: Vec<_> = state
        .nodes
        .iter()
        .map(|(at, node)| {
            let id = (!unnamed).then_some(node.id);
            let parent = node.parent.map(|parent| prefix_of[&parent]);
            (
                *at,
                id,
                node.tags.clone(),
                node.description.clone(),
                parent,
                node.resolved.clone(),
            )
        })
        .collect();
    let tags: Vec<_> = state
        .tags
        .values()
        .map(|(definition, _)| definition.clone())
        .collect();
    (nodes, tags)
}

/// A plan shows what is then done.
fn as_planned(changes: &[ImageChange], entry: &JournalView) {
    let planned = |image: &Option<Image>| match image {
        Some(Image::Node(node)) => Some((node.prefix.to_string(), Some((node.id, node.tags.clone())))),
        Some(Image::Tag(tag)) => Some((tag.definition.name.to_string(), None)),
        Some(Image::Entity(_)) | None => None,
    };
    let done = |thing: &Option<ThingState>| match thing {
        Some(ThingState::Node(node)) => Some((node.prefix.to_string(), Some((node.id, node.tags.clone())))),
        Some(ThingState::Tag(tag)) => Some((tag.definition.name.to_string(), None)),
        Some(ThingState::Entity(_)) | None => None,
    };
    let planned: Vec<_> = changes
        .iter()
        .map(|c| (planned(&c.before), planned(&c.after)))
        .collect();
    let done: Vec<_> = entry
        .changes
        .iter()
        .map(|c| (done(&c.before), done(&c.after)))
        .collect();
    assert_eq!(planned, done);
}

/// What has been, version by version.
struct Past {
    states: BTreeMap<u64, State>,
    /// Where each node was last.
    places: BTreeMap<Uuid, Prefix>,
}

impl Past {
    async fn note(&mut self, ground: &Ground) {
        let state = ground.state().await;
        self.places
            .extend(state.nodes.iter().map(|(at, node)| (node.id, *at)));
        self.states.insert(ground.head().await, state);
    }
}

/// The state without a change, if the rules allow it.
fn without(
    past: &Past,
    now: &State,
    revisions: &BTreeMap<Prefix, u64>,
    entry: &JournalView,
) -> Option<State> {
    let version = entry.version;
    let then = &past.states[&(version - 1)];
    let mut after = now.clone();
    let (mut named, mut left, mut living) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for change in &entry.changes {
        for thing in change.before.iter().chain(&change.after) {
            if let ThingState::Node(node) = thing {
                named.insert(node.prefix);
            }
        }
        if let Some(ThingState::Node(node)) = &change.after {
            left.insert(node.prefix);
            living.insert(node.id);
        }
    }
    let mut regions = Vec::new();
    for change in &entry.changes {
        match (&change.before, &change.after) {
            (Some(ThingState::Tag(tag)), _) | (None, Some(ThingState::Tag(tag))) => {
                let name = &tag.definition.name;
                // What is there must be what was left, be it nothing.
                if now.tags.get(name) != past.states[&version].tags.get(name) {
                    return None;
                }
                match then.tags.get(name) {
                    Some(tag) => after.tags.insert(name.clone(), tag.clone()),
                    None => after.tags.remove(name),
                };
            }
            (before, left_as) => {
                let node = |thing: &Option<ThingState>| match thing {
                    Some(ThingState::Node(node)) => Some(node.clone()),
                    Some(ThingState::Tag(_) | ThingState::Entity(_)) | None => None,
                };
                let (before, left_as) = (node(before), node(left_as));
                if let Some(left_as) = &left_as {
                    let same = now.nodes.get(&left_as.prefix).is_some_and(|now| {
                        (now.id, &now.tags, &now.description)
                            == (left_as.id, &left_as.tags, &left_as.description)
                    });
                    if !same {
                        return None;
                    }
                    after.nodes.remove(&left_as.prefix);
                }
                if let Some(before) = &before {
                    if !left.contains(&before.prefix) && now.nodes.contains_key(&before.prefix) {
                        return None;
                    }
                    if !living.contains(&before.id) && past.places[&before.id] != before.prefix {
                        return None;
                    }
                }
                match (&before, &left_as) {
                    (Some(before), Some(left_as)) if before.prefix != left_as.prefix => {
                        let (from, to) = (left_as.prefix, before.prefix);
                        regions.extend([from, to]);
                        let since = |at: &Prefix| revisions[at] > version && !named.contains(at);
                        let top = |at: &&Prefix| {
                            from.strictly_contains(at)
                                && !to.contains(at)
                                && !now
                                    .nodes
                                    .keys()
                                    .any(|other| from.strictly_contains(other) && other.strictly_contains(at))
                        };
                        let was_there = |at: &Prefix| {
                            past.states[&version].nodes.get(at).map(|node| node.id) == Some(now.nodes[at].id)
                        };
                        let outside = now.nodes.keys().filter(top).any(|at| since(at) && !was_there(at));
                        let between = now.nodes.keys().any(|at| {
                            to.strictly_contains(at) && at.strictly_contains(&from) && !named.contains(at)
                        });
                        if outside || between {
                            return None;
                        }
                    }
                    (None, Some(left_as)) => regions.push(left_as.prefix),
                    _ => {}
                }
            }
        }
    }
    for change in &entry.changes {
        if let Some(ThingState::Node(node)) = &change.before {
            after.nodes.insert(node.prefix, then.nodes[&node.prefix].clone());
        }
    }
    let (old, new) = (model(now), model(&after));
    if Vocabulary::new(new.definitions.values().cloned()).is_err() || !new.legal() {
        return None;
    }
    let keeps = |at: &Prefix| {
        let beneath = regions.iter().any(|region| region.strictly_contains(at));
        !beneath || named.contains(at) || revisions[at] <= version || old.resolved(at) == new.resolved(at)
    };
    if !now.nodes.keys().all(keeps) {
        return None;
    }
    let derived: Vec<_> = after
        .nodes
        .keys()
        .map(|at| {
            (
                *at,
                new.parent(at).map(|parent| new.nodes[&parent].0),
                new.resolved(at),
            )
        })
        .collect();
    for (at, parent, resolved) in derived {
        if let Some(node) = after.nodes.get_mut(&at) {
            (node.parent, node.resolved) = (parent, resolved);
        }
    }
    Some(after)
}

/// Takes any change back, at any time.
async fn any_of_them(store: Arc<dyn Store>, steps: Vec<Step>) {
    let ground = ground(store).await;
    let mut past = Past {
        states: BTreeMap::new(),
        places: BTreeMap::new(),
    };
    past.states.insert(
        0,
        State {
            nodes: BTreeMap::new(),
            tags: BTreeMap::new(),
        },
    );
    // The definitions that the space begins with stay.
    let first = ground.head().await;
    past.note(&ground).await;
    for step in &steps {
        let (before, head) = (ground.state().await, ground.head().await);
        let Step::Revert(which) = step else {
            let Some(command) = command(&before, step) else {
                continue;
            };
            let _ = run(ground.access.as_ref(), ground.space, command).await;
            past.note(&ground).await;
            continue;
        };
        if head == first {
            continue;
        }
        let version = first + 1 + (*which as u64) % (head - first);
        let entry = ground.entry(version).await;
        let views = ground.views().await;
        let revisions: BTreeMap<Prefix, u64> =
            views.iter().map(|node| (node.prefix, node.revision)).collect();
        let want = without(&past, &before, &revisions, &entry);
        let (changes, conflict) = ground.plan(version).await.unwrap();
        assert_eq!(
            (ground.state().await, ground.head().await),
            (before.clone(), head)
        );
        match (ground.revert(version).await, want) {
            (Ok(done), Some(want)) => {
                assert_eq!(conflict, None);
                as_planned(&changes, &done);
                assert_eq!(ground.state().await, want, "{entry:?}");
                check_all(&ground, &want).await;
                // Nothing else was written.
                let named: BTreeSet<Prefix> = done
                    .changes
                    .iter()
                    .flat_map(|change| change.before.iter().chain(&change.after))
                    .filter_map(|thing| match thing {
                        ThingState::Node(node) => Some(node.prefix),
                        ThingState::Tag(_) | ThingState::Entity(_) => None,
                    })
                    .collect();
                for node in ground.views().await {
                    let want = if named.contains(&node.prefix) {
                        head + 1
                    } else {
                        revisions[&node.prefix]
                    };
                    assert_eq!(node.revision, want, "{}", node.prefix);
                }
            }
            (Err(error), None) => {
                assert!(matches!(error.code.status(), 409), "{error:?}");
                assert_eq!(conflict, Some(error));
                assert_eq!((ground.state().await, ground.head().await), (before, head));
            }
            (done, want) => panic!("of {entry:?}: {done:?}\nbut naively: {want:?}"),
        }
        past.note(&ground).await;
    }
    ground.access.shutdown().await;
}

fn block_on(future: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(future);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn the_last_change_is_taken_back_and_done_again(steps in prop::collection::vec(some_change(), 1..20)) {
        block_on(the_last(Arc::new(MemoryStore::new()), steps));
    }

    #[test]
    fn the_same_holds_on_a_shared_store_that_cannot_look_backwards(
        steps in prop::collection::vec(some_change(), 1..10),
    ) {
        block_on(the_last(Arc::new(Shaped::shared(Arc::new(MemoryStore::new()))), steps));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_change_is_taken_back_exactly_when_the_rules_allow_it(
        steps in prop::collection::vec(some_step(), 2..40),
    ) {
        block_on(any_of_them(Arc::new(MemoryStore::new()), steps));
    }

    #[test]
    fn that_holds_on_a_shared_store_that_cannot_look_backwards_too(
        steps in prop::collection::vec(some_step(), 2..20),
    ) {
        block_on(any_of_them(Arc::new(Shaped::shared(Arc::new(MemoryStore::new()))), steps));
    }
    #[test]
    fn and_where_nearly_every_change_is_larger_than_a_commit(
        steps in prop::collection::vec(some_step(), 2..20), own in any::<bool>(),
    ) {
        block_on(any_of_them(tiny(own), steps));
    }
}
