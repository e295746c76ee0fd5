//! Pools and subscribers, found by what they are called.

use std::sync::Arc;

use cadastre_api_types::internal::*;
use cadastre_domain::Scope;
use cadastre_domain::isp::*;
use cadastre_domain::roles::{Readable, ReadableSpaces};
use cadastre_storage::{MemoryStore, Store};
use uuid::Uuid;

use super::{all_pages, query};
use crate::isp::kit::{create_subscriber, named, subscriber};
use crate::pools::{isp_in, pool};
use crate::support::*;

/// Two pools and four subscribers in one space, and another space without any.
struct Ground {
    access: Arc<cadastre_dataaccess::LocalDataAccess>,
    store: Arc<dyn Store>,
    space: Uuid,
    pools: Vec<Pool>,
}

async fn ground() -> Ground {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let access = open(Arc::clone(&store)).await;
    new_space(access.as_ref(), "without").await;
    let space = new_space(access.as_ref(), "isp").await;
    let mut pools = Vec::new();
    for (name, network) in [("North-1", "10.1.0.0/16"), ("north-2", "10.2.0.0/16")] {
        let made = Pool {
            name: name.into(),
            ..pool(PoolType::Ipv4Private, network)
        };
        let command = IspCommand::CreatePool {
            pool: Box::new(made.clone()),
            tags: None,
        };
        isp_in(access.as_ref(), space, command).await.unwrap();
        pools.push(made);
    }
    for made in [
        subscriber("NORTH house"),
        named("b", "north@isp.example", "1"),
        named("c", "x@isp.example", "North 7"),
        named("north/4", "north4@isp.example", "north four"),
    ] {
        isp_in(access.as_ref(), space, create_subscriber(made))
            .await
            .unwrap();
    }
    Ground {
        access,
        store,
        space,
        pools,
    }
}

fn told(found: &Found) -> String {
    let name = match &found.thing {
        FoundThing::Pool(pool) => format!("pool {}", pool.value.name),
        FoundThing::Subscriber(subscriber) => format!("subscriber {}", subscriber.value.id),
        other => panic!("{other:?}"),
    };
    format!("{name} by {:?}", found.by)
}

impl Ground {
    async fn find(&self, question: SearchQuery) -> (Vec<String>, usize) {
        let (found, pages) = all_pages(self.access.as_ref(), question).await.unwrap();
        assert!(found.iter().all(|found| found.space == self.space));
        (found.iter().map(told).collect(), pages)
    }
}

const ALL: [&str; 6] = [
    "pool North-1 by Name",
    "pool north-2 by Name",
    "subscriber NORTH house by Id",
    "subscriber north/4 by Id",
    "subscriber b by Username",
    "subscriber c by Number",
];

#[tokio::test]
async fn pools_and_subscribers_are_found_once_by_the_beginning_of_their_names_in_any_case() {
    let ground = ground().await;
    for text in ["north", "NORTH", "nOr"] {
        assert_eq!(ground.find(query(text, 100)).await.0, ALL, "{text}");
    }
    // Page by page the same, also by somebody who has nothing in memory.
    let (found, pages) = ground.find(query("north", 1)).await;
    assert_eq!((found, pages), (ALL.map(str::to_owned).to_vec(), 7));
    let other = Ground {
        access: open(Arc::clone(&ground.store)).await,
        ..ground
    };
    assert_eq!(other.find(query("north", 2)).await.0, ALL);
    assert_eq!(
        other.find(query("north@isp.example", 9)).await.0,
        ["subscriber b by Username"]
    );
    assert!(other.find(query("orth", 9)).await.0.is_empty());
}

#[tokio::test]
async fn kinds_say_whether_pools_or_subscribers_are_wanted_and_a_pool_is_found_by_its_id() {
    let ground = ground().await;
    let only = |pools, subscribers| SearchQuery {
        kinds: SearchKinds {
            pools,
            subscribers,
            ..SearchKinds::NONE
        },
        ..query("north", 100)
    };
    assert_eq!(ground.find(only(true, false)).await.0, ALL[..2]);
    assert_eq!(ground.find(only(false, true)).await.0, ALL[2..]);
    let id = ground.pools[1].id.to_string();
    assert_eq!(ground.find(query(&id, 100)).await.0, ["pool north-2 by Id"]);
}

#[tokio::test]
async fn who_is_narrowed_to_a_subtree_finds_its_pools_and_no_subscribers() {
    let ground = ground().await;
    let within = |network: &str| {
        let scope = Scope::within([prefix(network)]);
        let readable = Readable {
            tags: true,
            nodes: Some(scope.clone()),
            pools: Some(scope),
            subscribers: false,
        };
        SearchQuery {
            readable: ReadableSpaces::Only([(ground.space, readable)].into()),
            ..query("north", 1)
        }
    };
    assert_eq!(
        ground.find(within("10.2.0.0/15")).await.0,
        ["pool north-2 by Name"]
    );
    let both: Vec<String> = ground.find(within("10.0.0.0/8")).await.0;
    assert_eq!(both.len(), 2, "{both:?}");
    let by_id = SearchQuery {
        readable: within("10.2.0.0/15").readable,
        ..query(&ground.pools[0].id.to_string(), 10)
    };
    assert!(ground.find(by_id).await.0.is_empty());
}

#[tokio::test]
async fn a_long_name_is_found_by_a_long_beginning() {
    let ground = ground().await;
    let name = format!("{}{}", "ä".repeat(30), "x".repeat(90));
    isp_in(
        ground.access.as_ref(),
        ground.space,
        create_subscriber(subscriber(&name)),
    )
    .await
    .unwrap();
    for length in [1, 20, 31, 60, 120] {
        let beginning: String = name.to_uppercase().chars().take(length).collect();
        assert_eq!(ground.find(query(&beginning, 9)).await.0.len(), 1, "{length}");
    }
    let wrong = format!("{}y", "ä".repeat(30));
    assert!(ground.find(query(&wrong, 9)).await.0.is_empty());
}
