//! The past against a naive log that keeps a copy of the whole model after every command.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::*;
use cadastre_dataaccess::{Clock, DataAccessConfig, LocalDataAccess};
use cadastre_domain::tags::{Inheritance, TagName, TagValue};
use cadastre_domain::{Prefix, Scope, Visibility};
use cadastre_storage::{MemoryStore, Store};
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;
use uuid::Uuid;

use crate::model::{Model, Step, TAGS, expected, seen, some_step, step};
use crate::support::*;

/// A clock that is set by hand, in microseconds.
#[derive(Debug, Default)]
pub(crate) struct HandClock(AtomicI64);

impl HandClock {
    const START: i64 = 1_800_000_000_000_000;

    pub(crate) fn advance(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(Self::START + self.0.load(Ordering::SeqCst)).unwrap()
    }
}

pub(crate) async fn open_at(store: Arc<dyn Store>, clock: &Arc<HandClock>) -> Arc<LocalDataAccess> {
    let config = DataAccessConfig {
        clock: clock.clone(),
        ..DataAccessConfig::default()
    };
    LocalDataAccess::open(store, config).await.unwrap()
}

/// What was true from a version on.
struct Moment {
    version: u64,
    time: Timestamp,
    model: Model,
}

pub(crate) async fn node_at(
    access: &dyn DataAccess,
    context: &CallContext,
    space: Uuid,
    node: NodeRef,
    at: Timestamp,
) -> Result<NodeView, cadastre_api_types::ApiError> {
    access
        .node_as_of(context, NodeAsOfQuery { space, node, at })
        .await
}

pub(crate) async fn all_at(
    access: &dyn DataAccess,
    context: &CallContext,
    space: Uuid,
    at: Timestamp,
    select: &NodeSelection,
    conditions: &[(TagName, TagValue)],
    limit: usize,
) -> Result<Vec<NodeView>, cadastre_api_types::ApiError> {
    let mut out = Vec::new();
    let mut after = None;
    loop {
        let list = NodeListQuery {
            space,
            select: select.clone(),
            tags: conditions.to_vec(),
            page: PageRequest { limit, after },
        };
        let page = access
            .list_nodes_as_of(context, NodeListAsOfQuery { at: Some(at), list })
            .await?;
        assert!(page.items.len() <= limit);
        out.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(out),
        }
    }
}

pub(crate) async fn whole_history(
    access: &dyn DataAccess,
    context: &CallContext,
    space: Uuid,
    of: &NodeRef,
    limit: usize,
) -> Result<Vec<HistoryEntry>, cadastre_api_types::ApiError> {
    let mut out = Vec::new();
    let mut after = None;
    loop {
        let query = HistoryQuery {
            space,
            of: of.clone(),
            page: PageRequest { limit, after },
        };
        let page = access.node_history(context, query).await?;
        assert!(page.items.len() <= limit);
        out.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(out),
        }
    }
}

/// Every read as of a moment agrees with what was logged for it.
async fn check_moment(
    access: &dyn DataAccess,
    space: Uuid,
    at: Timestamp,
    model: &Model,
    ids: &BTreeSet<Uuid>,
    limit: usize,
) {
    let whole = context();
    let want: Vec<_> = model.nodes.keys().map(|at| expected(model, at)).collect();
    let all = async |context: &CallContext, select: NodeSelection| {
        let found = all_at(access, context, space, at, &select, &[], limit)
            .await
            .unwrap();
        found.iter().map(seen).collect::<Vec<_>>()
    };
    assert_eq!(all(&whole, NodeSelection::All).await, want, "all at {at}");
    let top: Vec<_> = want.iter().filter(|node| node.2.is_none()).cloned().collect();
    assert_eq!(all(&whole, NodeSelection::Top).await, top, "top at {at}");
    for id in ids {
        let one = node_at(access, &whole, space, NodeRef::Id(*id), at).await;
        match want.iter().find(|node| node.0 == *id) {
            Some(node) => {
                assert_eq!(seen(&one.unwrap()), *node, "{id} at {at}");
                let children = all(&whole, NodeSelection::ChildrenOf(*id)).await;
                let wanted: Vec<_> = want.iter().filter(|node| node.2 == Some(*id)).cloned().collect();
                assert_eq!(children, wanted, "children of {id} at {at}");
                let subtree = all(&whole, NodeSelection::SubtreeOf(*id)).await;
                let inside = |prefix: &Prefix| node.1.contains(prefix);
                let wanted: Vec<_> = want.iter().filter(|node| inside(&node.1)).cloned().collect();
                assert_eq!(subtree, wanted, "subtree of {id} at {at}");
            }
            None => assert_eq!(one.unwrap_err().code, ErrorCode::NotFound, "{id} at {at}"),
        }
    }
    for (name, text) in [("A", "x"), ("B", "y"), ("C", "x")] {
        let wanted = [(tag(name), value(text))];
        let got = all_at(access, &whole, space, at, &NodeSelection::All, &wanted, limit).await;
        let Some(definition) = model.definitions.get(&wanted[0].0) else {
            assert_eq!(got.unwrap_err().code, ErrorCode::UndefinedTag);
            continue;
        };
        assert!(definition.known_values.is_empty() || definition.known_values.contains(&wanted[0].1));
        let got: Vec<_> = got.unwrap().iter().map(seen).collect();
        let carries = |resolved: &crate::model::Resolved| resolved.get(&wanted[0].0) == Some(&wanted[0].1);
        let want: Vec<_> = want.iter().filter(|node| carries(&node.4)).cloned().collect();
        assert_eq!(got, want, "{name}={text} at {at}");
    }
    for roots in [vec!["128.0.0.0/2"], vec!["0.0.0.0/3", "192.0.0.0/3", "8000::/1"]] {
        let scope = Scope::within(roots.iter().map(|text| prefix(text)));
        let narrowed = scoped(scope.clone());
        let visible: Vec<_> = want
            .iter()
            .filter(|node| scope.visibility(&node.1) != Visibility::Hidden)
            .cloned()
            .collect();
        assert_eq!(
            all(&narrowed, NodeSelection::All).await,
            visible,
            "clipped to {roots:?} at {at}"
        );
        let top: Vec<_> = visible.iter().filter(|node| node.2.is_none()).cloned().collect();
        assert_eq!(
            all(&narrowed, NodeSelection::Top).await,
            top,
            "top clipped to {roots:?} at {at}"
        );
        for node in &visible {
            let children = all(&narrowed, NodeSelection::ChildrenOf(node.0)).await;
            let wanted: Vec<_> = visible
                .iter()
                .filter(|child| child.2 == Some(node.0))
                .cloned()
                .collect();
            assert_eq!(
                children, wanted,
                "children of {} clipped to {roots:?} at {at}",
                node.1
            );
        }
    }
}

type Side = Option<(Uuid, Prefix, cadastre_domain::tags::ExplicitTags)>;

/// What the log says became of a node or a prefix, newest first.
fn logged(log: &[Moment], of: &NodeRef) -> Vec<(u64, Timestamp, Side, Side)> {
    let state = |model: &Model, prefix: &Prefix| -> Side {
        let (id, tags) = model.nodes.get(prefix)?;
        match of {
            NodeRef::Id(wanted) if wanted != id => None,
            NodeRef::Prefix(wanted) if wanted != prefix => None,
            NodeRef::Id(_) | NodeRef::Prefix(_) => Some((*id, *prefix, tags.clone())),
        }
    };
    let mut out = Vec::new();
    for pair in log.windows(2) {
        let prefixes: BTreeSet<&Prefix> = pair[0]
            .model
            .nodes
            .keys()
            .chain(pair[1].model.nodes.keys())
            .collect();
        for prefix in prefixes {
            let (before, after) = (state(&pair[0].model, prefix), state(&pair[1].model, prefix));
            if before != after {
                out.push((pair[1].version, pair[1].time, before, after));
            }
        }
    }
    out.reverse();
    out
}

fn told(entry: &HistoryEntry) -> (u64, Timestamp, Side, Side) {
    let side = |state: &Option<NodeState>| -> Side {
        let state = state.as_ref()?;
        Some((state.id, state.prefix, state.tags.clone()))
    };
    (entry.version, entry.time, side(&entry.before), side(&entry.after))
}

async fn play(store: Arc<dyn Store>, steps: Vec<(Step, i64)>, limit: usize) {
    let clock = Arc::new(HandClock::default());
    let access = open_at(Arc::clone(&store), &clock).await;
    let space = new_space(access.as_ref(), "past").await;
    let mut model = Model::default();
    let mut log = vec![Moment {
        version: 0,
        time: Timestamp::MIN,
        model: Model::default(),
    }];
    for name in TAGS {
        clock.advance(1);
        let mut made = definition(name);
        if name == "N" {
            made.inheritance = Inheritance::NonInheritable;
        }
        model.definitions.insert(made.name.clone(), made.clone());
        define(access.as_ref(), space, made).await;
        log.push(Moment {
            version: log.len() as u64,
            time: clock.now(),
            model: model.clone_state(),
        });
    }
    let mut ids = BTreeSet::new();
    let mut prefixes = BTreeSet::new();
    for (one, pause) in &steps {
        clock.advance(*pause);
        step(access.as_ref(), space, &mut model, one).await;
        let page = ChangesQuery {
            space,
            since: Since::Now,
            limit: 1,
        };
        let version = access.changes(&context(), page).await.unwrap().head;
        let last = log.last().unwrap();
        if version > last.version {
            assert_eq!(version, last.version + 1);
            log.push(Moment {
                version,
                // Time never goes backwards in a partition, whatever the clock does.
                time: clock.now().max(last.time),
                model: model.clone_state(),
            });
        }
        ids.extend(model.nodes.values().map(|(id, _)| *id));
        prefixes.extend(model.nodes.keys().copied());
    }
    // A clock that was set back is put right, so that every moment has been.
    clock.advance(1_000);
    access.shutdown().await;
    let access = open_at(store, &clock).await;
    let access: &dyn DataAccess = access.as_ref();
    let micro = 1.microsecond();
    let mut moments: BTreeSet<Timestamp> = log[1..].iter().map(|moment| moment.time).collect();
    for time in moments.clone() {
        moments.insert(time - micro);
        moments.insert(time + micro);
    }
    for at in moments {
        let then = log.iter().rfind(|moment| moment.time <= at).unwrap();
        check_moment(access, space, at, &then.model, &ids, limit).await;
    }
    for of in ids
        .iter()
        .map(|id| NodeRef::Id(*id))
        .chain(prefixes.iter().map(|prefix| NodeRef::Prefix(*prefix)))
    {
        let told: Vec<_> = whole_history(access, &context(), space, &of, limit)
            .await
            .unwrap()
            .iter()
            .map(told)
            .collect();
        assert_eq!(told, logged(&log, &of), "history of {of:?}");
    }
}

fn some_play() -> impl Strategy<Value = Vec<(Step, i64)>> {
    // Often at the same microsecond, sometimes with a clock that is set back.
    let pause = prop_oneof![3 => Just(0_i64), 5 => 1..4_i64, 1 => -3..0_i64];
    prop::collection::vec((some_step(), pause), 1..16)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, max_shrink_iters: 1000, ..ProptestConfig::default() })]

    #[test]
    fn any_moment_of_a_random_history_is_reconstructed_exactly(steps in some_play(), limit in 1usize..6) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(play(Arc::new(MemoryStore::new()), steps, limit));
    }

    #[test]
    fn the_same_holds_on_a_store_shared_with_others(steps in some_play(), limit in 1usize..6) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let store = Shaped::shared(Arc::new(MemoryStore::new()));
        runtime.block_on(play(Arc::new(store), steps, limit));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_future_is_refused_and_the_time_before_the_space_is_empty() {
    let clock = Arc::new(HandClock::default());
    let access = open_at(Arc::new(MemoryStore::new()), &clock).await;
    let space = new_space(access.as_ref(), "s").await;
    clock.advance(10);
    let made = node_of(
        run(access.as_ref(), space, create("10.0.0.0/8", &[]))
            .await
            .unwrap(),
    );
    let list = async |at: Timestamp| {
        all_at(
            access.as_ref(),
            &context(),
            space,
            at,
            &NodeSelection::All,
            &[],
            10,
        )
        .await
    };
    let now = clock.now();
    assert_eq!(list(now).await.unwrap().len(), 1);
    assert!(list(now - 1.microsecond()).await.unwrap().is_empty());
    assert!(list(Timestamp::UNIX_EPOCH).await.unwrap().is_empty());
    assert_eq!(
        list(now + 1.microsecond()).await.unwrap_err().code,
        ErrorCode::InvalidParameter
    );
    let one = node_at(access.as_ref(), &context(), space, NodeRef::Id(made.id), now).await;
    assert_eq!(one.unwrap(), made);
    let unknown = node_at(
        access.as_ref(),
        &context(),
        space,
        NodeRef::Id(Uuid::now_v7()),
        now,
    )
    .await;
    assert_eq!(unknown.unwrap_err().code, ErrorCode::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_pages_of_a_list_are_of_one_state() {
    let clock = Arc::new(HandClock::default());
    let access = open_at(Arc::new(MemoryStore::new()), &clock).await;
    let access = access.as_ref();
    let space = new_space(access, "s").await;
    for text in ["10.0.0.0/8", "10.1.0.0/16", "10.2.0.0/16"] {
        run(access, space, create(text, &[])).await.unwrap();
    }
    let query = |after: Option<String>| NodeListAsOfQuery {
        at: Some(clock.now()),
        list: NodeListQuery {
            space,
            select: NodeSelection::All,
            tags: Vec::new(),
            page: PageRequest { limit: 1, after },
        },
    };
    let first = access.list_nodes_as_of(&context(), query(None)).await.unwrap();
    // In the same microsecond as the moment that is asked for.
    run(access, space, create("10.1.1.0/24", &[])).await.unwrap();
    let second = access
        .list_nodes_as_of(&context(), query(first.next))
        .await
        .unwrap();
    let third = access
        .list_nodes_as_of(&context(), query(second.next.clone()))
        .await
        .unwrap();
    assert_eq!(second.items[0].prefix, prefix("10.1.0.0/16"));
    assert_eq!(third.items[0].prefix, prefix("10.2.0.0/16"));
    for foreign in ["", "10.0.0.0/8", "00000000000000000000000000000000 1 10.0.0.0/8"] {
        let error = access
            .list_nodes_as_of(&context(), query(Some(foreign.to_owned())))
            .await;
        assert_eq!(error.unwrap_err().code, ErrorCode::InvalidCursor, "{foreign}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prefix_that_changed_very_often_is_jumped_over() {
    let clock = Arc::new(HandClock::default());
    let access = open_at(Arc::new(MemoryStore::new()), &clock).await;
    let access = access.as_ref();
    let space = new_space(access, "s").await;
    define(access, space, definition("A")).await;
    let busy = node_of(run(access, space, create("10.0.0.0/8", &[])).await.unwrap());
    let quiet = node_of(run(access, space, create("10.1.0.0/16", &[])).await.unwrap());
    for round in 0..700 {
        clock.advance(1);
        let command = SpaceCommand::UpdateNode {
            id: busy.id,
            tags: tags(&[("A", &round.to_string())]),
            description: None,
        };
        run(access, space, command).await.unwrap();
    }
    let at = clock.now() - 350.microseconds();
    let found = all_at(access, &context(), space, at, &NodeSelection::All, &[], 10)
        .await
        .unwrap();
    assert_eq!(found[0].tags, tags(&[("A", "349")]));
    assert_eq!(
        (found[1].id, &found[1].resolved[&tag("A")]),
        (quiet.id, &value("349"))
    );
    assert_eq!(found.len(), 2);
}
