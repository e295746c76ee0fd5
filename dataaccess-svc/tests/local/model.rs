//! Random commands against a naive model that keeps a list of nodes and resolves from the root every time.

use std::collections::BTreeMap;
use std::sync::Arc;

use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::*;
use cadastre_domain::tags::{ConflictPolicy, ExplicitTags, Inheritance, TagDefinition, TagName, TagValue};
use cadastre_domain::{Prefix, Scope, Visibility};
use cadastre_storage::{MemoryStore, Store};
use proptest::prelude::*;
use uuid::Uuid;

use crate::support::*;

pub(crate) type Resolved = BTreeMap<TagName, TagValue>;

/// What should be, kept as simply as possible.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) nodes: BTreeMap<Prefix, (Uuid, ExplicitTags)>,
    pub(crate) definitions: BTreeMap<TagName, TagDefinition>,
}

impl Model {
    pub(crate) fn parent(&self, of: &Prefix) -> Option<Prefix> {
        self.nodes
            .keys()
            .filter(|p| p.strictly_contains(of))
            .max_by_key(|p| p.len())
            .copied()
    }

    /// Own values by fixpoint: explicit ones stay, implied ones are added until nothing changes.
    fn local(&self, explicit: &ExplicitTags) -> Result<Resolved, ()> {
        // Wait for every implier of a tag to be settled: go by repeated full recomputation.
        let mut values: Resolved = explicit.clone();
        loop {
            let mut next: Resolved = explicit.clone();
            for (tag, value) in &values {
                let Some(definition) = self.definitions.get(tag) else {
                    continue;
                };
                for (target, map) in &definition.implies {
                    if explicit.contains_key(target) {
                        continue;
                    }
                    if let Some(given) = map.get(value)
                        && let Some(other) = next.insert(target.clone(), given.clone())
                        && other != *given
                    {
                        return Err(());
                    }
                }
            }
            if next == values {
                return Ok(values);
            }
            values = next;
        }
    }

    fn inheritable(&self, tag: &TagName) -> bool {
        self.definitions[tag].inheritance == Inheritance::Inheritable
    }

    fn flowing_to(&self, at: &Prefix) -> Resolved {
        match self.parent(at) {
            None => Resolved::new(),
            Some(parent) => {
                let mut all = self.resolved(&parent);
                all.retain(|tag, _| self.inheritable(tag));
                all
            }
        }
    }

    pub(crate) fn resolved(&self, at: &Prefix) -> Resolved {
        let mut all = self.flowing_to(at);
        all.extend(self.local(&self.nodes[at].1).expect("stored nodes do not clash"));
        all
    }

    /// Whether everything stored obeys the rules.
    pub(crate) fn legal(&self) -> bool {
        self.nodes.iter().all(|(at, (_, explicit))| {
            let known = explicit.iter().all(|(tag, value)| {
                self.definitions.get(tag).is_some_and(|definition| {
                    definition.known_values.is_empty() || definition.known_values.contains(value)
                })
            });
            let Ok(local) = self.local(explicit) else {
                return false;
            };
            if !known {
                return false;
            }
            local.iter().all(|(tag, value)| {
                let definition = &self.definitions[tag];
                definition.conflict == ConflictPolicy::Nearest
                    || definition.inheritance == Inheritance::NonInheritable
                    || self.flowing_to(at).get(tag).is_none_or(|above| above == value)
            })
        })
    }

    pub(crate) fn clone_state(&self) -> Self {
        Self {
            nodes: self.nodes.clone(),
            definitions: self.definitions.clone(),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Create(Prefix, Vec<(usize, usize)>),
    Retag(usize, Vec<(usize, usize)>),
    Delete(usize),
    Redefine(TagDefinition),
}

pub(crate) const TAGS: [&str; 4] = ["A", "B", "C", "N"];
const VALUES: [&str; 3] = ["x", "y", "z"];

pub(crate) fn some_prefix() -> impl Strategy<Value = Prefix> {
    prop_oneof![
        4 => (0u32..16, 0u8..=4).prop_map(|(bits, len)| {
            Prefix::new_masked(std::net::Ipv4Addr::from(bits << 28).into(), len).unwrap()
        }),
        1 => (0u32..8, 29u8..=32).prop_map(|(bits, len)| {
            Prefix::new_masked(std::net::Ipv4Addr::from(bits).into(), len).unwrap()
        }),
        1 => (0u128..8, 0u8..=3).prop_map(|(bits, len)| {
            Prefix::new_masked(std::net::Ipv6Addr::from(bits << 125).into(), len).unwrap()
        }),
    ]
}

pub(crate) fn some_tags() -> impl Strategy<Value = Vec<(usize, usize)>> {
    prop::collection::vec((0..TAGS.len(), 0..VALUES.len()), 0..3)
}

/// A implies B and C, B implies C (so that implications can clash), N stays on its node.
pub(crate) fn some_definition() -> impl Strategy<Value = TagDefinition> {
    (
        0..TAGS.len(),
        any::<bool>(),
        prop::collection::vec((0..3usize, 0..3usize, 0..3usize), 0..4),
        0..4usize,
    )
        .prop_map(|(which, reject, implications, known)| {
            let mut made = definition(TAGS[which]);
            if reject {
                made.conflict = ConflictPolicy::Reject;
            }
            if which == 3 {
                made.inheritance = Inheritance::NonInheritable;
            }
            for (target, from, to) in implications {
                if target > which || which == 3 {
                    let map = made.implies.entry(tag(TAGS[target])).or_default();
                    map.insert(value(VALUES[from]), value(VALUES[to]));
                }
            }
            if known == 0 {
                made.known_values = vec![value("x"), value("y")];
                for map in made.implies.values_mut() {
                    map.retain(|from, _| from.as_ref() != "z");
                }
                made.implies.retain(|_, map| !map.is_empty());
            }
            made
        })
}

pub(crate) fn some_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (some_prefix(), some_tags()).prop_map(|(at, set)| Step::Create(at, set)),
        2 => (any::<prop::sample::Index>(), some_tags()).prop_map(|(i, set)| Step::Retag(i.index(1 << 20), set)),
        2 => any::<prop::sample::Index>().prop_map(|i| Step::Delete(i.index(1 << 20))),
        1 => some_definition().prop_map(Step::Redefine),
    ]
}

pub(crate) fn explicit(set: &[(usize, usize)]) -> ExplicitTags {
    set.iter()
        .map(|(t, v)| (tag(TAGS[*t]), value(VALUES[*v])))
        .collect()
}

/// Does a step in both; they must agree on whether it is legal.
pub(crate) async fn step(access: &dyn DataAccess, space: Uuid, model: &mut Model, step: &Step) {
    let mut after = model.clone_state();
    let pick = |model: &Model, index: usize| {
        (!model.nodes.is_empty()).then(|| *model.nodes.keys().nth(index % model.nodes.len()).unwrap())
    };
    let (command, legal) = match step {
        Step::Create(at, set) => {
            let id = Uuid::now_v7();
            let duplicate = model.nodes.contains_key(at);
            after.nodes.insert(*at, (id, explicit(set)));
            let command = SpaceCommand::CreateNode {
                id,
                prefix: *at,
                parent_id: None,
                tags: explicit(set),
                description: String::new(),
            };
            (command, !duplicate && after.legal())
        }
        Step::Retag(index, set) => {
            let Some(at) = pick(model, *index) else { return };
            after.nodes.get_mut(&at).unwrap().1 = explicit(set);
            let id = model.nodes[&at].0;
            let command = SpaceCommand::UpdateNode {
                id,
                tags: explicit(set),
                description: None,
            };
            (command, after.legal())
        }
        Step::Delete(index) => {
            let Some(at) = pick(model, *index) else { return };
            let (id, _) = after.nodes.remove(&at).unwrap();
            (SpaceCommand::DeleteNode { id }, true)
        }
        Step::Redefine(definition) => {
            after
                .definitions
                .insert(definition.name.clone(), definition.clone());
            let implied_known = after.definitions.values().all(|d| {
                d.implies.iter().all(|(target, map)| {
                    let target = &after.definitions[target];
                    target.known_values.is_empty() || map.values().all(|v| target.known_values.contains(v))
                })
            });
            (
                SpaceCommand::UpdateTag {
                    definition: definition.clone(),
                },
                implied_known && after.legal(),
            )
        }
    };
    let dry = SpaceCommandRequest {
        space,
        command: command.clone(),
        options: MutationOptions {
            dry_run: true,
            ..Default::default()
        },
    };
    let planned = access.space_command(&context(), dry).await.unwrap();
    let CommandOutcome::Planned { conflict, .. } = planned else {
        panic!("a plan")
    };
    assert_eq!(conflict.is_none(), legal, "dry run of {step:?}: {conflict:?}");
    let before = model.clone_state();
    let outcome = run(access, space, command).await;
    assert_eq!(outcome.is_ok(), legal, "{step:?}: {outcome:?}");
    if !legal {
        return;
    }
    if let Step::Delete(_) = step {
        // The law: nobody else's resolved tags change. What was set on children is read back.
        for (at, entry) in &mut after.nodes {
            let query = NodeQuery {
                space,
                node: NodeRef::Prefix(*at),
            };
            entry.1 = access.get_node(&context(), query).await.unwrap().tags.clone();
        }
        for at in after.nodes.keys() {
            assert_eq!(after.resolved(at), before.resolved(at), "deleting changed {at}");
        }
    }
    *model = after;
}

pub(crate) fn expected(model: &Model, at: &Prefix) -> (Uuid, Prefix, Option<Uuid>, ExplicitTags, Resolved) {
    let (id, explicit) = &model.nodes[at];
    let parent = model.parent(at).map(|p| model.nodes[&p].0);
    (*id, *at, parent, explicit.clone(), model.resolved(at))
}

pub(crate) fn seen(view: &NodeView) -> (Uuid, Prefix, Option<Uuid>, ExplicitTags, Resolved) {
    (
        view.id,
        view.prefix,
        view.parent_id,
        view.tags.clone(),
        view.resolved.clone(),
    )
}

/// Every read agrees with the model.
pub(crate) async fn check(access: &dyn DataAccess, space: Uuid, model: &Model, limit: usize) {
    let whole = context();
    let want: Vec<_> = model.nodes.keys().map(|at| expected(model, at)).collect();
    let got = all(access, &whole, space, NodeSelection::All, &[], limit)
        .await
        .unwrap();
    assert_eq!(got.iter().map(seen).collect::<Vec<_>>(), want, "list");
    let top = all(access, &whole, space, NodeSelection::Top, &[], limit)
        .await
        .unwrap();
    let want_top: Vec<_> = want.iter().filter(|node| node.2.is_none()).cloned().collect();
    assert_eq!(top.iter().map(seen).collect::<Vec<_>>(), want_top, "top");
    for (at, (id, _)) in &model.nodes {
        let one = access
            .get_node(
                &whole,
                NodeQuery {
                    space,
                    node: NodeRef::Id(*id),
                },
            )
            .await
            .unwrap();
        assert_eq!(seen(&one), expected(model, at), "one");
        let explained = access
            .explain_node(
                &whole,
                NodeQuery {
                    space,
                    node: NodeRef::Id(*id),
                },
            )
            .await
            .unwrap();
        let values: Resolved = explained
            .tags
            .iter()
            .map(|t| (t.tag.clone(), t.value.clone()))
            .collect();
        assert_eq!(values, model.resolved(at), "explain");
        for tag in explained.tags {
            assert_eq!(model.nodes[&tag.origin.node].0, tag.origin_id);
            let local = model.local(&model.nodes[&tag.origin.node].1).unwrap();
            assert_eq!(
                local.get(&tag.tag),
                Some(&tag.value),
                "the origin sets or implies it"
            );
            assert!(tag.origin.node.contains(at));
        }
        let children = all(access, &whole, space, NodeSelection::ChildrenOf(*id), &[], limit)
            .await
            .unwrap();
        let want_children: Vec<_> = want.iter().filter(|node| node.2 == Some(*id)).cloned().collect();
        assert_eq!(
            children.iter().map(seen).collect::<Vec<_>>(),
            want_children,
            "children of {at}"
        );
        let subtree = all(access, &whole, space, NodeSelection::SubtreeOf(*id), &[], limit)
            .await
            .unwrap();
        let want_subtree: Vec<_> = want.iter().filter(|node| at.contains(&node.1)).cloned().collect();
        assert_eq!(
            subtree.iter().map(seen).collect::<Vec<_>>(),
            want_subtree,
            "subtree of {at}"
        );
        let found = access
            .lookup(&whole, LookupQuery { space, target: *at })
            .await
            .unwrap();
        let mut want_found: Vec<_> = want.iter().filter(|node| node.1.contains(at)).cloned().collect();
        want_found.reverse();
        assert_eq!(
            found.iter().map(seen).collect::<Vec<_>>(),
            want_found,
            "lookup of {at}"
        );
    }
    for conditions in [
        vec![(0, 0)],
        vec![(1, 1)],
        vec![(2, 0)],
        vec![(2, 1), (1, 0)],
        vec![(3, 2)],
        vec![(0, 1), (3, 0)],
    ] {
        let wanted: Vec<_> = conditions
            .iter()
            .map(|(t, v)| (tag(TAGS[*t]), value(VALUES[*v])))
            .collect();
        let unknown = wanted.iter().any(|(t, v)| {
            let known = &model.definitions[t].known_values;
            !known.is_empty() && !known.contains(v)
        });
        let got = all(access, &whole, space, NodeSelection::All, &wanted, limit).await;
        if unknown {
            assert_eq!(got.unwrap_err().code, ErrorCode::UnknownTagValue);
            continue;
        }
        let got = got.unwrap();
        let matching = |at: &Prefix| {
            let resolved = model.resolved(at);
            wanted.iter().all(|(t, v)| resolved.get(t) == Some(v))
        };
        let want: Vec<_> = model
            .nodes
            .keys()
            .filter(|at| matching(at))
            .map(|at| expected(model, at))
            .collect();
        assert_eq!(got.iter().map(seen).collect::<Vec<_>>(), want, "tags {wanted:?}");
    }
    for roots in [
        vec!["128.0.0.0/2"],
        vec!["0.0.0.0/3", "192.0.0.0/3", "8000::/1"],
        vec!["0.0.0.0/30"],
    ] {
        let scope = Scope::Within(roots.iter().map(|text| prefix(text)).collect());
        let narrowed = scoped(scope.clone());
        let got = all(access, &narrowed, space, NodeSelection::All, &[], limit)
            .await
            .unwrap();
        let want: Vec<_> = want
            .iter()
            .filter(|node| scope.visibility(&node.1) != Visibility::Hidden)
            .cloned()
            .collect();
        assert_eq!(
            got.iter().map(seen).collect::<Vec<_>>(),
            want,
            "clipped to {roots:?}"
        );
        for node in &got {
            assert_eq!(node.visibility, scope.visibility(&node.prefix));
        }
        let top = all(access, &narrowed, space, NodeSelection::Top, &[], limit)
            .await
            .unwrap();
        let want_top: Vec<_> = want.iter().filter(|node| node.2.is_none()).cloned().collect();
        assert_eq!(
            top.iter().map(seen).collect::<Vec<_>>(),
            want_top,
            "top clipped to {roots:?}"
        );
        for node in &got {
            let children = NodeSelection::ChildrenOf(node.id);
            let children = all(access, &narrowed, space, children, &[], limit).await.unwrap();
            let want: Vec<_> = want
                .iter()
                .filter(|child| child.2 == Some(node.id))
                .cloned()
                .collect();
            assert_eq!(
                children.iter().map(seen).collect::<Vec<_>>(),
                want,
                "children clipped to {roots:?}"
            );
        }
    }
}

async fn play(store: Arc<dyn Store>, steps: Vec<Step>, limit: usize) {
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
        check(access.as_ref(), space, &model, limit).await;
    }
    access.shutdown().await;
    // Nothing lives in memory only.
    let again = open(store).await;
    check(again.as_ref(), space, &model, limit).await;
    again.shutdown().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn every_read_after_any_commands_agrees_with_a_naive_model(
        steps in prop::collection::vec(some_step(), 1..24), limit in 1usize..5,
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(play(Arc::new(MemoryStore::new()), steps, limit));
    }

    #[test]
    fn the_same_holds_on_a_store_shared_with_others_that_cannot_look_backwards(
        steps in prop::collection::vec(some_step(), 1..12), limit in 1usize..5,
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let store = Shaped::shared(Arc::new(MemoryStore::new()));
        runtime.block_on(play(Arc::new(store), steps, limit));
    }
    #[test]
    fn the_same_holds_where_nearly_every_command_is_larger_than_a_commit(
        steps in prop::collection::vec(some_step(), 1..12), limit in 1usize..5, own in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(play(tiny(own), steps, limit));
    }
}
