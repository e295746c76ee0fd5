//! Looking for something in all spaces: kinds and spaces, positions, how much a page looks at, and a search while things
//! change. Every reading for every caller: [`model`].

mod customers;
mod meanwhile;
mod model;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use cadastre_api_types::internal::*;
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_dataaccess::LocalDataAccess;
use cadastre_domain::Scope;
use cadastre_domain::roles::{Readable, ReadableSpaces};
use cadastre_domain::search::SearchTerms;
use cadastre_storage::{MemoryStore, Store};
use uuid::Uuid;

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
        FoundThing::Pool(pool) => format!("pool {}", pool.value.name),
        FoundThing::Subscriber(subscriber) => format!("subscriber {}", subscriber.value.id),
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
        question.kinds = SearchKinds {
            spaces,
            tags,
            nodes,
            ..SearchKinds::NONE
        };
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
    // Three times through the spaces, for what contains the address, for pools and subscribers, and for values that
    // begin like it: 1,000 at a time, and a page goes on with the next reading.
    assert_eq!(pages, [0, 0, 1, 0, 0, 0, 0]);
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
        ..Readable::everything()
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
