//! Random spaces, nodes, tags, roles and texts: all pages of a search together against a naive answer that goes through
//! everything, once for each reading.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use cadastre_api_types::internal::*;
use cadastre_domain::roles::{Readable, ReadableSpaces};
use cadastre_domain::tags::ExplicitTags;
use cadastre_domain::{Prefix, Scope};
use cadastre_storage::{MemoryStore, Store, escape};
use proptest::prelude::*;
use uuid::Uuid;

use super::{all_pages, query, tell, told};
use crate::model::some_prefix;
use crate::support::*;

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
            ..Readable::everything()
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
        let store: Arc<dyn Store> = if shared { Arc::new(Shaped::shared(memory)) } else { memory };
        block_on(compare(store, plans, wanted, limit));
    }
}
