//! Several processes on one store with one Redis: quicker when it has something, right whatever it has.

mod costs;
mod model;
#[path = "../../../../storage/tests/redis/server.rs"]
#[allow(dead_code, reason = "shared with the tests of the cache itself")]
mod server;
mod stale;

use std::sync::Arc;

use cadastre_api_types::internal::*;
use cadastre_dataaccess::{DataAccessConfig, LocalDataAccess};
use cadastre_domain::roles::{Grant, GrantTarget, Role};
use cadastre_storage::{
    FaultCache, FaultPlan, FaultStore, Kind, MemoryStore, RedisCache, SharedCache, Store,
};
use uuid::Uuid;

use crate::support::*;
use server::Server;

/// A store, a Redis, and the secret that the processes on them share.
struct Site {
    store: Arc<dyn Store>,
    redis: Server,
    secret: [u8; 32],
}

/// One process, with what it asks of the store and of the cache under control.
struct Replica {
    access: Arc<LocalDataAccess>,
    store: FaultPlan,
    cache: FaultPlan,
}

impl Site {
    async fn new() -> Self {
        Self {
            store: Arc::new(MemoryStore::new()),
            redis: Server::start().await,
            secret: rand::random(),
        }
    }

    /// A process that knows nothing yet.
    async fn replica(&self) -> Replica {
        let redis = RedisCache::connect(&self.redis.url(), server::patient()).unwrap();
        server::until(&redis, true).await;
        let cache = FaultCache::new(Arc::new(redis));
        let store = FaultStore::new(Shaped::shared(Arc::clone(&self.store)));
        let (store_plan, cache_plan) = (store.plan(), cache.plan());
        let config = DataAccessConfig {
            cache: Some(SharedCache::new(Arc::new(cache), &self.secret)),
            ..DataAccessConfig::default()
        };
        Replica {
            access: LocalDataAccess::open(Arc::new(store), config).await.unwrap(),
            store: store_plan,
            cache: cache_plan,
        }
    }

    async fn kept(&self) -> usize {
        let mut redis = server::stranger(&self.redis.url()).await;
        redis::cmd("DBSIZE").query_async(&mut redis).await.unwrap()
    }

    fn cache_over(&self, redis: RedisCache) -> SharedCache {
        SharedCache::new(Arc::new(redis), &self.secret)
    }

    /// Waits until the catalogue as it is now is in Redis.
    async fn until_catalogue_kept(&self) {
        let head = rows(self.store.as_ref(), "SYSTEM", "head").await;
        let head: serde_json::Value = serde_json::from_slice(&head[0].value).unwrap();
        let commit: Uuid = head["CommitId"].as_str().unwrap().parse().unwrap();
        let redis = RedisCache::connect(&self.redis.url(), server::patient()).unwrap();
        server::until(&redis, true).await;
        let cache = self.cache_over(redis);
        let list = cache.key(Kind::Spaces, &[b"list", commit.as_bytes()]);
        server::eventually("the catalogue is kept", async || {
            cache.read_one(Kind::Spaces, &list).await.is_some()
        })
        .await;
    }

    async fn flush(&self) {
        let mut redis = server::stranger(&self.redis.url()).await;
        redis::cmd("FLUSHALL").exec_async(&mut redis).await.unwrap();
    }

    /// Waits until so many values are in Redis.
    async fn until_kept(&self, least: usize) {
        server::eventually("so many values are kept", async || self.kept().await >= least).await;
    }
}

impl Replica {
    fn access(&self) -> &LocalDataAccess {
        self.access.as_ref()
    }

    /// Reads of the store that something costs.
    async fn reads_of<T>(&self, doing: impl Future<Output = T>) -> u64 {
        self.store.reset_counts();
        doing.await;
        self.store.reads()
    }
}

async fn set_site(access: &LocalDataAccess, space: Uuid, id: Uuid, site: &str) {
    let command = SpaceCommand::UpdateNode {
        id,
        tags: tags(&[("Site", site)]),
        description: None,
    };
    run(access, space, command).await.unwrap();
}

async fn site_of(access: &LocalDataAccess, space: Uuid, text: &str) -> Option<String> {
    let view = node(access, space, text).await.unwrap();
    view.resolved.get("Site").map(ToString::to_string)
}

async fn change_user(access: &LocalDataAccess, name: &str, change: UserChange) {
    let request = UserChangeRequest {
        name: name.to_owned(),
        change,
        options: MutationOptions::default(),
    };
    access.change_user(&context(), request).await.unwrap();
}

async fn user_with(access: &LocalDataAccess, name: &str, grants: Vec<Grant>) {
    let change = UserChange::Create {
        password_hash: "the hash of a password".to_owned(),
        grants,
    };
    change_user(access, name, change).await;
}

fn grant(role: Role) -> Grant {
    Grant {
        id: Uuid::now_v7(),
        role,
        target: GrantTarget::System,
        prefix: None,
    }
}

/// What an authenticated request asks.
async fn grants_of(access: &LocalDataAccess, name: &str) -> Vec<Grant> {
    let query = UserQuery::without_secrets(name);
    let account = access.get_user(&context(), query).await.unwrap();
    account.grants.clone()
}

async fn descriptions(access: &LocalDataAccess, space: Uuid) -> Vec<(String, String)> {
    let query = TagListQuery {
        space,
        name_contains: None,
        page: PageRequest {
            limit: 100,
            after: None,
        },
    };
    let tags = access.list_tags(&context(), query).await.unwrap().items;
    tags.into_iter()
        .map(|tag| (tag.definition.name.to_string(), tag.definition.description))
        .collect()
}

async fn space_names(access: &LocalDataAccess) -> Vec<String> {
    let query = SpaceListQuery {
        only: None,
        name_contains: None,
        created_before: None,
        created_after: None,
        page: PageRequest {
            limit: 1000,
            after: None,
        },
    };
    let spaces = access.list_spaces(&context(), query).await.unwrap().items;
    spaces.into_iter().map(|space| space.name).collect()
}

async fn describe(access: &LocalDataAccess, space: Uuid, name: &str, description: &str) {
    let mut definition = definition(name);
    definition.description = description.to_owned();
    run(access, space, SpaceCommand::UpdateTag { definition })
        .await
        .unwrap();
}

async fn rename(access: &LocalDataAccess, id: Uuid, name: &str) {
    let request = SpaceChangeRequest {
        change: SpaceChange::Update {
            id,
            name: name.to_owned(),
            description: None,
        },
        options: MutationOptions::default(),
    };
    access.change_space(&context(), request).await.unwrap();
}

/// A space with `10.0.0.0/8` (Site A), `/9` and `/16` beneath each other; the ids of its nodes.
async fn nested(access: &LocalDataAccess) -> (Uuid, [Uuid; 3]) {
    let space = new_space(access, "shared").await;
    define(access, space, definition("Site")).await;
    let mut ids = [Uuid::nil(); 3];
    for (at, (text, pairs)) in [
        ("10.0.0.0/8", [("Site", "A")].as_slice()),
        ("10.0.0.0/9", &[]),
        ("10.0.0.0/16", &[]),
    ]
    .into_iter()
    .enumerate()
    {
        ids[at] = node_of(run(access, space, create(text, pairs)).await.unwrap()).id;
    }
    (space, ids)
}
