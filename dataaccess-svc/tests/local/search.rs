//! Looking for something in all spaces: every reading against a naive answer that looks at everything, in pages of
//! any size, for callers who see all, some, or parts of some; how much a page looks at; and a search while things
//! change.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use cadastre_api_types::internal::*;
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_dataaccess::LocalDataAccess;
use cadastre_domain::roles::{Readable, ReadableSpaces};
use cadastre_domain::search::SearchTerms;
use cadastre_domain::tags::ExplicitTags;
use cadastre_domain::{Prefix, Scope};
use cadastre_storage::{MemoryStore, Store, escape};
use proptest::prelude::*;
use uuid::Uuid;

use crate::model::some_prefix;
use crate::support::*;

fn query(text: &str, limit: usize) -> SearchQuery {
    SearchQuery {
        terms: SearchTerms::read(text).unwrap(),
        kinds: SearchKinds::ALL,
        space: None,
        readable: ReadableSpaces::All,
        page: PageRequest { limit, after: None },
    }
}

/// All pages, and how many there were.
async fn all_pages(access: &dyn DataAccess, mut query: SearchQuery) -> Result<(Vec<Found>, usize), ApiError> {
    let (mut found, mut pages) = (Vec::new(), 0);
    loop {
        let page = access.search(&context(), query.clone()).await?;
        assert!(page.items.len() <= query.page.limit, "a page is too long");
        found.extend(page.items);
        pages += 1;
        assert!(pages < 10_000, "the pages do not end");
        match page.next {
            Some(next) => query.page.after = Some(next),
            None => return Ok((found, pages)),
        }
    }
}

/// What was found, in short: name of the space, thing, reason.
fn told(found: &Found) -> (String, String, String) {
    let thing = match &found.thing {
        FoundThing::Space(space) => {
            assert_eq!((space.id, &space.name), (found.space, &found.space_name));
            "space".to_owned()
        }
        FoundThing::Tag(tag) => format!("tag {}", tag.definition.name),
        FoundThing::Node(node) => node.prefix.to_string(),
    };
    let by = match &found.by {
        FoundBy::Value(tag, value) => format!("{tag}={value}"),
        other => format!("{other:?}"),
    };
    (found.space_name.clone(), thing, by)
}

async fn tell(access: &dyn DataAccess, query: SearchQuery) -> Vec<(String, String, String)> {
    let (found, _) = all_pages(access, query).await.unwrap();
    found.iter().map(told).collect()
}

// ---- against a naive answer ----

const NAMES: [&str; 4] = ["x1", "X2", "16.0 lab", "éa"];
const TAGS: [&str; 4] = ["A", "a", "Ab", "x"];
const VALUES: [&str; 9] = ["x", "X", "xy", "é", "Éa", "16.0.0.1", "16.0.0.0/4", "16.", "a=x"];

/// A space as the naive answer knows it.
#[derive(Debug, Default)]
struct Plain {
    id: Uuid,
    name: String,
    tags: Vec<&'static str>,
    nodes: BTreeMap<Prefix, (Uuid, ExplicitTags)>,
    /// What the caller sees; `None` = no role there.
    scope: Option<Scope>,
}

#[derive(Clone, Debug)]
enum Wanted {
    Text(&'static str),
    Address(u32),
    Interface(u32, u8),
    Prefix(Prefix),
    Within(&'static str, &'static str),
    Setting(&'static str, &'static str),
    Node(prop::sample::Index),
    Space(prop::sample::Index),
}

impl Wanted {
    fn text(&self, spaces: &[Plain]) -> String {
        match self {
            Self::Text(text) | Self::Within(text, _) => (*text).to_owned(),
            Self::Address(bits) => Ipv4Addr::from(*bits).to_string(),
            Self::Interface(bits, len) => format!("{}/{len}", Ipv4Addr::from(*bits)),
            Self::Prefix(prefix) => prefix.to_string(),
            Self::Setting(tag, value) => format!("{tag}={value}"),
            Self::Node(index) => {
                let ids: Vec<Uuid> = spaces
                    .iter()
                    .flat_map(|space| space.nodes.values().map(|(id, _)| *id))
                    .collect();
                match ids.is_empty() {
                    true => Uuid::nil().to_string(),
                    false => index.get(&ids).to_string(),
                }
            }
            Self::Space(index) => index.get(spaces).id.to_string(),
        }
    }

    fn around(&self) -> Option<Prefix> {
        match self {
            Self::Address(bits) | Self::Interface(bits, _) => {
                Some(Prefix::host(Ipv4Addr::from(*bits).into()))
            }
            Self::Prefix(prefix) => Some(*prefix),
            _ => None,
        }
    }
}

fn sees(scope: &Scope, node: &Prefix) -> bool {
    match scope {
        Scope::Whole => true,
        Scope::Within(roots) => roots
            .iter()
            .any(|root| root.contains(node) || node.contains(root)),
    }
}

fn begins(text: &str, beginning: &str) -> bool {
    text.to_lowercase().starts_with(&beginning.to_lowercase())
}

/// Goes through everything, once for each reading; what is there already does not come again.
fn naive(spaces: &[Plain], wanted: &Wanted) -> Vec<(String, String, String)> {
    let text = wanted.text(spaces);
    let seen: Vec<(&Plain, &Scope)> = spaces
        .iter()
        .filter_map(|space| Some((space, space.scope.as_ref()?)))
        .collect();
    let mut all: Vec<(String, String, String)> = Vec::new();
    let mut add = |space: &Plain, thing: String, by: String| {
        if !all
            .iter()
            .any(|(name, known, _)| *name == space.name && *known == thing)
        {
            all.push((space.name.clone(), thing, by));
        }
    };
    for (space, _) in &seen {
        if space.id.to_string() == text {
            add(space, "space".to_owned(), "Id".to_owned());
        }
    }
    for (space, scope) in &seen {
        for (prefix, (id, _)) in &space.nodes {
            if id.to_string() == text && sees(scope, prefix) {
                add(space, prefix.to_string(), "Id".to_owned());
            }
        }
    }
    for (space, scope) in &seen {
        let mut chain: Vec<&Prefix> = space.nodes.keys().filter(|prefix| sees(scope, prefix)).collect();
        chain.retain(|prefix| wanted.around().is_some_and(|target| prefix.contains(&target)));
        chain.sort_by_key(|prefix| std::cmp::Reverse(prefix.len()));
        let by = if matches!(wanted, Wanted::Prefix(_)) {
            "Prefix"
        } else {
            "Address"
        };
        for prefix in chain {
            add(space, prefix.to_string(), by.to_owned());
        }
    }
    if let Wanted::Within(_, within) = wanted {
        let within: Prefix = within.parse().unwrap();
        for (space, scope) in &seen {
            for inside in space
                .nodes
                .keys()
                .filter(|node| within.contains(node) && sees(scope, node))
            {
                add(space, inside.to_string(), "Prefix".to_owned());
            }
        }
    }
    for (space, _) in &seen {
        if begins(&space.name, &text) {
            add(space, "space".to_owned(), "Name".to_owned());
        }
    }
    for (space, scope) in &seen {
        let mut names: Vec<&&str> = space.tags.iter().filter(|name| begins(name, &text)).collect();
        names.sort();
        for name in names {
            add(space, format!("tag {name}"), "Name".to_owned());
        }
        let mut set = Vec::new();
        for (prefix, (_, tags)) in &space.nodes {
            for (tag, value) in tags {
                let fits = match text.split_once('=') {
                    Some((wanted, rest)) => {
                        tag.as_str().to_lowercase() == wanted.to_lowercase() && begins(value.as_str(), rest)
                    }
                    None => begins(value.as_str(), &text),
                };
                if fits && sees(scope, prefix) {
                    let key = format!("{}_{}_", escape(tag.as_str()), escape(value.as_str()));
                    set.push((key, *prefix, format!("{tag}={value}")));
                }
            }
        }
        set.sort();
        if **scope != Scope::Whole {
            set.sort_by_key(|(_, prefix, _)| *prefix);
        }
        for (_, prefix, by) in set {
            add(space, prefix.to_string(), by);
        }
    }
    all
}

fn some_wanted() -> impl Strategy<Value = Wanted> {
    let bits = || prop_oneof![0u32..9, (0u32..16).prop_map(|bits| bits << 28), Just(0x1000_0001)];
    let text = prop::sample::select(vec![
        "x", "X", "A", "é", "É", "éa", "16", "xY", "1", "a", "ab", "zz", "16.0 l",
    ]);
    let within = prop::sample::select(vec![
        ("16.", "16.0.0.0/8"),
        ("16.0", "16.0.0.0/16"),
        ("0.0.0.", "0.0.0.0/24"),
        ("0.0", "0.0.0.0/16"),
        ("2000:", "2000::/16"),
    ]);
    let setting = (
        prop::sample::select(vec!["A", "a", "AB", "x", "q"]),
        prop::sample::select(vec!["", "x", "X", "é", "16", "a="]),
    );
    prop_oneof![
        4 => text.prop_map(Wanted::Text),
        2 => bits().prop_map(Wanted::Address),
        1 => (bits().prop_map(|bits| bits | 1), 1u8..=31).prop_map(|(bits, len)| Wanted::Interface(bits, len)),
        2 => some_prefix().prop_map(Wanted::Prefix),
        2 => within.prop_map(|(text, prefix)| Wanted::Within(text, prefix)),
        3 => setting.prop_map(|(tag, value)| Wanted::Setting(tag, value)),
        1 => any::<prop::sample::Index>().prop_map(Wanted::Node),
        1 => any::<prop::sample::Index>().prop_map(Wanted::Space),
    ]
}

/// No role, the whole space, or up to two subtrees of it.
fn some_scope() -> impl Strategy<Value = Option<Scope>> {
    prop_oneof![
        1 => Just(None),
        3 => Just(Some(Scope::Whole)),
        3 => prop::collection::vec(some_prefix(), 1..3).prop_map(|roots| Some(Scope::within(roots))),
    ]
}

type SomeNode = (Prefix, Vec<(usize, usize)>);

fn some_space() -> impl Strategy<Value = (Vec<SomeNode>, Option<Scope>)> {
    let tags = prop::collection::vec((0..TAGS.len(), 0..VALUES.len()), 0..4);
    (prop::collection::vec((some_prefix(), tags), 0..8), some_scope())
}

async fn build(access: &dyn DataAccess, plans: Vec<(Vec<SomeNode>, Option<Scope>)>) -> Vec<Plain> {
    let mut spaces = Vec::new();
    for (index, (nodes, scope)) in plans.into_iter().enumerate() {
        let mut space = Plain {
            id: new_space(access, NAMES[index]).await,
            name: NAMES[index].to_owned(),
            tags: TAGS.to_vec(),
            scope,
            ..Plain::default()
        };
        for name in TAGS {
            define(access, space.id, definition(name)).await;
        }
        for (prefix, pairs) in nodes {
            let pairs: Vec<(&str, &str)> = pairs
                .into_iter()
                .map(|(tag, value)| (TAGS[tag], VALUES[value]))
                .collect();
            let made = run(access, space.id, create(&prefix.to_string(), &pairs)).await;
            if let Ok(made) = made {
                space.nodes.insert(prefix, (node_of(made).id, tags(&pairs)));
            }
        }
        spaces.push(space);
    }
    spaces
}

fn readable(spaces: &[Plain]) -> ReadableSpaces {
    let readable = spaces.iter().filter_map(|space| {
        let readable = Readable {
            tags: true,
            nodes: Some(space.scope.clone()?),
        };
        Some((space.id, readable))
    });
    ReadableSpaces::Only(readable.collect())
}

async fn compare(
    store: Arc<dyn Store>,
    plans: Vec<(Vec<SomeNode>, Option<Scope>)>,
    wanted: Vec<Wanted>,
    limit: usize,
) {
    let working = open(Arc::clone(&store)).await;
    let mut spaces = build(&*working, plans).await;
    // One that works with the spaces, and one that has never met them.
    let passing = open(store).await;
    for wanted in &wanted {
        let text = wanted.text(&spaces);
        for access in [&working, &passing] {
            let mut question = query(&text, limit);
            question.readable = readable(&spaces);
            let (found, _) = all_pages(&**access, question).await.unwrap();
            let short: Vec<_> = found.iter().map(told).collect();
            assert_eq!(short, naive(&spaces, wanted), "{text:?} in pages of {limit}");
            shown_as_read(&**access, &spaces, &found).await;
        }
    }
    // A system administrator sees everything.
    spaces
        .iter_mut()
        .for_each(|space| space.scope = Some(Scope::Whole));
    for wanted in &wanted {
        let text = wanted.text(&spaces);
        assert_eq!(
            tell(&*passing, query(&text, limit)).await,
            naive(&spaces, wanted),
            "{text:?}"
        );
    }
}

/// A node is found as it is read.
async fn shown_as_read(access: &dyn DataAccess, spaces: &[Plain], found: &[Found]) {
    for found in found {
        let FoundThing::Node(node) = &found.thing else {
            continue;
        };
        let scope = spaces
            .iter()
            .find(|space| space.id == found.space)
            .unwrap()
            .scope
            .clone();
        let read = NodeQuery {
            space: found.space,
            node: NodeRef::Id(node.id),
        };
        let read = access.get_node(&scoped(scope.unwrap()), read).await.unwrap();
        assert_eq!(**node, *read);
    }
}

fn block_on(task: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(task);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn all_pages_together_are_what_is_there_once_each(
        plans in prop::collection::vec(some_space(), 1..=NAMES.len()),
        wanted in prop::collection::vec(some_wanted(), 4..12),
        limit in prop_oneof![1usize..5, Just(1000)],
        shared in any::<bool>(),
    ) {
        let memory: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let store: Arc<dyn Store> = if shared { Arc::new(SharedStore(memory)) } else { memory };
        block_on(compare(store, plans, wanted, limit));
    }
}

// ---- how much, and while things change ----

#[tokio::test]
async fn kinds_and_a_space_narrow_what_is_looked_for() {
    let access = memory().await;
    let (first, second) = (
        new_space(&*access, "Region-1").await,
        new_space(&*access, "Other").await,
    );
    for space in [first, second] {
        define(&*access, space, definition("Region")).await;
        run(&*access, space, create("10.0.0.0/8", &[("Region", "Region-9")]))
            .await
            .unwrap();
    }
    let ask = async |kinds: [bool; 3], space: Option<Uuid>| {
        let mut question = query("region", 10);
        let [spaces, tags, nodes] = kinds;
        question.kinds = SearchKinds { spaces, tags, nodes };
        question.space = space;
        let found = tell(&*access, question).await;
        found
            .into_iter()
            .map(|(space, thing, _)| format!("{space} {thing}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(ask([true, false, false], None).await, ["Region-1 space"]);
    assert_eq!(
        ask([false, true, false], None).await,
        ["Region-1 tag Region", "Other tag Region"]
    );
    assert_eq!(
        ask([false, false, true], Some(second)).await,
        ["Other 10.0.0.0/8"]
    );
    assert_eq!(
        ask([true; 3], Some(first)).await,
        ["Region-1 space", "Region-1 tag Region", "Region-1 10.0.0.0/8"]
    );
}

#[tokio::test]
async fn a_space_that_the_caller_may_not_know_of_is_one_that_is_not_there() {
    let access = memory().await;
    let (mine, hidden) = (
        new_space(&*access, "mine").await,
        new_space(&*access, "hidden").await,
    );
    let ask = async |space| {
        let mut question = query("i", 10);
        question.space = Some(space);
        question.readable = ReadableSpaces::Only([(mine, Readable::everything())].into());
        access.search(&context(), question).await
    };
    assert!(ask(mine).await.is_ok());
    let refused = ask(hidden).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::NotFound);
    assert_eq!(refused, ask(Uuid::now_v7()).await.unwrap_err());
}

#[tokio::test]
async fn a_position_that_is_none_is_refused() {
    let access = memory().await;
    new_space(&*access, "x").await;
    for after in [
        "",
        "z",
        "i.",
        "n.1",
        "t.00000000000000000000000000000000.s10.0.0.0/8 a",
        "10.0.0.0/8",
    ] {
        let mut question = query("x", 10);
        question.page.after = Some(after.to_owned());
        let refused = access.search(&context(), question).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidCursor, "{after}");
    }
}

#[tokio::test]
async fn a_page_looks_into_so_many_spaces_and_goes_on_behind_them() {
    let access = memory().await;
    for index in 0..2_100 {
        new_space(&*access, &format!("space-{index}")).await;
    }
    let last = new_space(&*access, "last").await;
    run(&*access, last, create("10.0.0.0/8", &[])).await.unwrap();
    let mut question = query("10.1.2.3", 100);
    let mut pages = Vec::new();
    loop {
        let page = access.search(&context(), question.clone()).await.unwrap();
        pages.push(page.items.len());
        match page.next {
            Some(next) => question.page.after = Some(next),
            None => break,
        }
    }
    // Twice through the spaces, for what contains the address and for values that begin like it: 1,000 at a time,
    // and a page goes on with the next reading.
    assert_eq!(pages, [0, 0, 1, 0, 0]);
}

#[tokio::test]
async fn a_page_looks_at_so_many_rows_and_goes_on_behind_them() {
    let access = memory().await;
    let space = new_space(&*access, "wide").await;
    for name in ["Host", "Kind"] {
        define(&*access, space, definition(name)).await;
    }
    const NODES: u32 = 5_000;
    for index in 0..NODES {
        let address = Ipv4Addr::from(0x0a00_0000 + index);
        let host = format!("ab{index:04}");
        let kind = if index == NODES - 1 { "ab" } else { "other" };
        run(
            &*access,
            space,
            create(&format!("{address}/32"), &[("Host", &host), ("Kind", kind)]),
        )
        .await
        .unwrap();
    }
    // For a role narrowed to a subtree its nodes are looked at one after the other.
    let mut question = query("Kind=ab", 10);
    let scope = Scope::within([prefix("10.0.0.0/8")]);
    let readable = Readable {
        tags: true,
        nodes: Some(scope),
    };
    question.readable = ReadableSpaces::Only([(space, readable)].into());
    let (found, pages) = all_pages(&*access, question).await.unwrap();
    assert_eq!((found.len(), pages), (1, 2));
    // With everything in reach the index leads there,
    let (found, pages) = all_pages(&*access, query("kind=AB", 10)).await.unwrap();
    assert_eq!((found.len(), pages), (1, 1));
    // and what it has is looked at within the same limits.
    let (found, pages) = all_pages(&*access, query("AB", 1000)).await.unwrap();
    assert_eq!(found.len(), NODES as usize);
    assert!(pages >= 5, "{pages}");
    let unique: BTreeSet<String> = found.iter().map(|found| told(found).1).collect();
    assert_eq!(unique.len(), NODES as usize);
}

#[tokio::test]
async fn a_search_goes_on_where_it_was_while_spaces_and_nodes_come_and_go() {
    let access = memory().await;
    let mut ids = Vec::new();
    for name in ["one", "two", "three"] {
        let space = new_space(&*access, name).await;
        define(&*access, space, definition("Site")).await;
        for (prefix, site) in [
            ("10.0.0.0/24", "ams-1"),
            ("10.0.1.0/24", "ams-2"),
            ("10.0.2.0/24", "ams-3"),
        ] {
            run(&*access, space, create(prefix, &[("Site", site)]))
                .await
                .unwrap();
        }
        ids.push(space);
    }
    let mut question = query("ams", 2);
    let first = access.search(&context(), question.clone()).await.unwrap();
    let at = |page: &Listed<Found>| page.items.iter().map(|found| told(found).1).collect::<Vec<_>>();
    assert_eq!(at(&first), ["10.0.0.0/24", "10.0.1.0/24"]);
    // What the page ended with goes, something comes before it and something behind; the next space goes altogether.
    let ended = node(&*access, ids[0], "10.0.1.0/24").await.unwrap();
    run(&*access, ids[0], SpaceCommand::DeleteNode { id: ended.id })
        .await
        .unwrap();
    run(&*access, ids[0], create("10.0.3.0/24", &[("Site", "ams-0")]))
        .await
        .unwrap();
    run(&*access, ids[0], create("10.0.4.0/24", &[("Site", "AMS-9")]))
        .await
        .unwrap();
    run(&*access, ids[0], create("10.0.5.0/24", &[("Site", "ams-9")]))
        .await
        .unwrap();
    delete_space(&*access, ids[1]).await.unwrap();
    question.page = PageRequest {
        limit: 100,
        after: first.next,
    };
    let rest = access.search(&context(), question).await.unwrap();
    assert_eq!(
        at(&rest),
        [
            "10.0.2.0/24",
            "10.0.5.0/24",
            "10.0.0.0/24",
            "10.0.1.0/24",
            "10.0.2.0/24"
        ]
    );
    assert_eq!(rest.next, None);
    assert!(rest.items.iter().all(|found| found.space != ids[1]));
}

#[tokio::test]
async fn a_space_whose_deletion_is_being_finished_is_not_found() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let access = open(Arc::clone(&store)).await;
    let space = new_space(&*access, "gone").await;
    run(&*access, space, create("10.0.0.0/8", &[])).await.unwrap();
    delete_space(&*access, space).await.unwrap();
    let fresh: Arc<LocalDataAccess> = open(store).await;
    for text in ["10.1.2.3", "gone", &space.to_string()] {
        assert!(tell(&*access, query(text, 10)).await.is_empty(), "{text}");
        assert!(tell(&*fresh, query(text, 10)).await.is_empty(), "{text}");
    }
}
