//! Claims about what use cases are made of: steps that see what the same command did before them.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::{CallContext, Thing};
use cadastre_domain::Scope;
use cadastre_domain::isp::*;
use cadastre_storage::{MemoryStore, Store, Write};
use uuid::Uuid;

use super::draft::{Draft, First};
use super::{profiles, subscribers, things, vlans};
use crate::config::DataAccessConfig;
use crate::errors::{Failure, Outcome};
use crate::keys;
use crate::records::{HeadRecord, encode};
use crate::space::decide::Decision;
use crate::space::{AnswerCache, ContextCache, SpaceHandle, load};

/// A space whose commands are decided here and written without a writer.
struct Bench {
    store: Arc<dyn Store>,
    id: Uuid,
    handle: Arc<SpaceHandle>,
}

impl Bench {
    async fn new() -> Self {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let id = Uuid::now_v7();
        let value = encode(&HeadRecord::first(jiff::Timestamp::UNIX_EPOCH));
        let key = keys::head();
        let partition = keys::space_partition(id);
        store
            .commit(&partition, vec![Write::Create { key, value }])
            .await
            .unwrap();
        let published = load(&store, &partition).await.unwrap().unwrap();
        let handle = Arc::new(SpaceHandle::new(
            id,
            Arc::clone(&store),
            DataAccessConfig::default(),
            Arc::new(ContextCache::new(10)),
            Arc::new(AnswerCache::new(10)),
            published,
        ));
        Self { store, id, handle }
    }

    /// Decides a command; what it would write is written.
    async fn command(&self, steps: impl AsyncFnOnce(&mut Draft<'_, '_>) -> Outcome<()>) -> Outcome<usize> {
        let context = CallContext {
            actor: "tester".to_owned(),
            correlation_id: String::new(),
            scope: Scope::Whole,
        };
        let published = self.handle.published();
        let decider = self.handle.durable_decider(&published, &context, None);
        let mut draft = Draft::new(&decider, None);
        steps(&mut draft).await?;
        let Decision::Change(effects) = draft.finish(First::Things).await? else {
            return Ok(0);
        };
        let writes = effects.writes.into_iter().map(|(key, value)| match value {
            Some(value) => Write::Put { key, value },
            None => Write::Delete { key },
        });
        let writes: Vec<Write> = writes.collect();
        let count = writes.len();
        self.store.commit(&keys::space_partition(self.id), writes).await?;
        Ok(count)
    }

    async fn rows(&self, stem: &str) -> usize {
        let all = cadastre_storage::KeyRange {
            start: None,
            end: None,
        };
        let page = self
            .store
            .scan(&keys::space_partition(self.id), &all, 1_000)
            .await
            .unwrap();
        page.rows
            .iter()
            .filter(|row| row.key.as_str().starts_with(stem))
            .count()
    }
}

fn sub(id: &str) -> SubscriberId {
    SubscriberId::new(id).unwrap()
}

fn subscriber(id: &str) -> Subscriber {
    let json = serde_json::json!({ "id": id, "status": "PENDING", "serviceType": "RESIDENTIAL" });
    serde_json::from_value(json).unwrap()
}

fn pool(name: &str, domain: &str) -> VlanPool {
    VlanPool {
        id: Uuid::now_v7(),
        name: name.to_owned(),
        description: String::new(),
        domain: domain.to_owned(),
        outer: VlanRange {
            first: VlanId::new(100).unwrap(),
            last: VlanId::new(101).unwrap(),
        },
        inner: None,
    }
}

#[allow(clippy::needless_pass_by_value, reason = "a refusal is looked at once")]
fn code(failure: Failure) -> ErrorCode {
    match &failure {
        Failure::Refused(error) => error.code,
        Failure::Store(_) | Failure::Record(_) => panic!("{failure:?}"),
    }
}

#[tokio::test]
async fn a_command_sees_and_gives_back_the_vlans_that_it_took_itself() {
    let bench = Bench::new().await;
    let (north, south) = (pool("north", "olt-1"), pool("south", "olt-2"));
    let holder = VlanHolder::Subscriber(sub("a"));
    let made = bench.command(async |draft| {
        subscribers::create(draft, &subscriber("a"), None).await?;
        for pool in [&north, &south] {
            things::create(draft, &Thing::VlanPool(pool.clone()), None).await?;
        }
        let first = vlans::allocate(draft, Uuid::now_v7(), north.id, &holder, None).await?;
        let again = vlans::allocate(draft, Uuid::now_v7(), north.id, &holder, None).await?;
        assert_eq!(first, again);
        let other = VlanHolder::Port("1/1".to_owned());
        let second = vlans::allocate(draft, Uuid::now_v7(), north.id, &other, None).await?;
        assert_ne!(first.tag, second.tag);
        let third = vlans::allocate(
            draft,
            Uuid::now_v7(),
            north.id,
            &VlanHolder::Port("1/2".to_owned()),
            None,
        )
        .await;
        assert_eq!(code(third.unwrap_err()), ErrorCode::VlanUnavailable);
        Ok(())
    });
    made.await.unwrap();
    assert_eq!((bench.rows("ay_").await, bench.rows("ah_").await), (2, 2));
    let released = bench.command(async |draft| {
        vlans::allocate(draft, Uuid::now_v7(), south.id, &holder, None).await?;
        let domains: Vec<String> = vlans::held_by(draft, &holder)
            .await?
            .into_iter()
            .map(|held| held.value.domain)
            .collect();
        assert_eq!(domains, ["olt-1", "olt-2"]);
        assert_eq!(vlans::release_all_of(draft, &holder).await?, 2);
        assert!(vlans::held_by(draft, &holder).await?.is_empty());
        assert_eq!(vlans::release_all_of(draft, &holder).await?, 0);
        subscribers::delete(draft, &sub("a")).await
    });
    released.await.unwrap();
    assert_eq!(
        (
            bench.rows("ay_").await,
            bench.rows("az_").await,
            bench.rows("aj_").await
        ),
        (1, 1, 1)
    );
}

#[tokio::test]
async fn a_use_case_sets_parts_of_a_profile() {
    let bench = Bench::new().await;
    let made = bench.command(async |draft| {
        for id in ["a", "b"] {
            subscribers::create(draft, &subscriber(id), None).await?;
        }
        profiles::set(draft, &sub("a"), |profile| {
            profile.static_ipv4 = Some("203.0.113.9".parse().unwrap())
        })
        .await?;
        profiles::set(draft, &sub("a"), |profile| {
            profile.ipv6_prefix = Some("2001:db8::/56".parse().unwrap())
        })
        .await?;
        // What says nothing is not made.
        profiles::set(draft, &sub("b"), |_| {}).await
    });
    made.await.unwrap();
    assert_eq!(
        (
            bench.rows("af_").await,
            bench.rows("aa_").await,
            bench.rows("a6_").await
        ),
        (1, 2, 1)
    );
    let same = |profile: &mut NetworkProfile| profile.static_ipv4 = Some("203.0.113.9".parse().unwrap());
    let written = bench
        .command(async |draft| profiles::set(draft, &sub("a"), same).await)
        .await;
    assert_eq!(written.unwrap(), 0);
    let taken = bench
        .command(async |draft| profiles::set(draft, &sub("b"), same).await)
        .await;
    assert_eq!(code(taken.unwrap_err()), ErrorCode::AddressConflict);
    let moved = bench.command(async |draft| {
        profiles::set(draft, &sub("a"), |profile| {
            profile.static_ipv4 = None;
            profile.ipv6_prefix = None;
        })
        .await?;
        profiles::set(draft, &sub("b"), same).await
    });
    moved.await.unwrap();
    assert_eq!(
        (
            bench.rows("af_").await,
            bench.rows("aa_").await,
            bench.rows("a6_").await
        ),
        (2, 1, 0)
    );
}

#[tokio::test]
async fn it_is_known_who_has_a_plan_and_what_the_plan_includes() {
    let bench = Bench::new().await;
    let plan = |name: &str, base: Option<Uuid>, kbps| Plan {
        id: Uuid::now_v7(),
        name: name.to_owned(),
        description: String::new(),
        base_plan_id: base,
        service_type: None,
        features: Features {
            download_kbps: kbps,
            ..Features::default()
        },
        bandwidth_profile_id: None,
        active: true,
    };
    let base = plan("base", None, Some(1_000));
    let gold = plan("gold", Some(base.id), None);
    let made = bench.command(async |draft| {
        for plan in [&base, &gold] {
            things::create(draft, &Thing::Plan(plan.clone()), None).await?;
        }
        assert_eq!(
            things::features_of(draft.book(), &gold).download_kbps,
            Some(1_000)
        );
        things::plan_changed(draft, &sub("a"), None, Some(base.id));
        things::plan_changed(draft, &sub("a"), Some(base.id), Some(gold.id));
        things::plan_changed(draft, &sub("a"), Some(gold.id), Some(gold.id));
        let used = things::delete(draft, &EntityKey::Plan(gold.id)).await;
        assert_eq!(code(used.unwrap_err()), ErrorCode::InUse);
        Ok(())
    });
    made.await.unwrap();
    assert_eq!(bench.rows("ae_").await, 1);
    let gone = bench.command(async |draft| {
        things::plan_changed(draft, &sub("a"), Some(gold.id), None);
        Ok(())
    });
    gone.await.unwrap();
    assert_eq!(bench.rows("ae_").await, 0);
}
