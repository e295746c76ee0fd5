//! A fill that comes too late, forced: whoever computes is held before the value reaches Redis, and what it belongs to
//! changes meanwhile. The late value is never served, to anybody.

use cadastre_domain::roles::Role;
use cadastre_storage::{Fault, Gate, Op, PartitionKey, Rule, Write};

use super::*;

/// What a replica leaves in Redis, held before it gets there.
struct Held {
    gate: Gate,
    done: Gate,
}

fn hold(replica: &Replica) -> Held {
    let (gate, done) = (Gate::new(), Gate::new());
    // This one holds nothing: it tells that what passed the other has arrived.
    done.release();
    for fault in [Fault::Hold(gate.clone()), Fault::HoldAnswer(done.clone())] {
        replica.cache.inject(Rule::always(Op::CachePut, fault));
    }
    Held { gate, done }
}

impl Held {
    async fn reached(&self) {
        self.gate.reached().await;
    }

    /// Lets it go, and waits until it is there.
    async fn let_go(&self) {
        self.gate.release();
        self.done.reached().await;
    }
}

#[tokio::test]
async fn resolved_tags_that_arrive_after_the_epoch_has_moved_are_never_served() {
    let site = Site::new().await;
    let [one, two] = [site.replica().await, site.replica().await];
    let (space, ids) = nested(two.access()).await;
    let held = hold(&one);
    assert_eq!(
        site_of(one.access(), space, "10.0.0.0/16").await.as_deref(),
        Some("A")
    );
    held.reached().await;
    set_site(two.access(), space, ids[0], "B").await;
    held.let_go().await;
    for replica in [&one, &two, &site.replica().await] {
        for text in ["10.0.0.0/9", "10.0.0.0/16"] {
            assert_eq!(site_of(replica.access(), space, text).await.as_deref(), Some("B"));
        }
    }
}

#[tokio::test]
async fn roles_that_arrive_after_they_were_taken_away_are_never_served() {
    let site = Site::new().await;
    let [one, two] = [site.replica().await, site.replica().await];
    let administrator = grant(Role::SystemAdmin);
    user_with(two.access(), "ada", vec![administrator.clone()]).await;
    user_with(two.access(), "tester", vec![grant(Role::SystemAdmin)]).await;
    // What two leaves would be found instead of read.
    site.until_kept(3).await;
    site.flush().await;
    let held = hold(&one);
    assert_eq!(grants_of(one.access(), "ada").await.len(), 1);
    held.reached().await;
    let revoke = UserChange::Revoke {
        grant: administrator.id,
    };
    change_user(two.access(), "ada", revoke).await;
    held.let_go().await;
    for replica in [&one, &two, &site.replica().await] {
        assert!(grants_of(replica.access(), "ada").await.is_empty());
    }
}

#[tokio::test]
async fn definitions_that_arrive_after_one_was_changed_are_never_served() {
    let site = Site::new().await;
    let [one, two] = [site.replica().await, site.replica().await];
    let (space, _) = nested(two.access()).await;
    let held = hold(&one);
    assert_eq!(
        descriptions(one.access(), space).await,
        [("Site".to_owned(), String::new())]
    );
    held.reached().await;
    describe(two.access(), space, "Site", "where it stands").await;
    held.let_go().await;
    for replica in [&one, &two, &site.replica().await] {
        assert_eq!(
            descriptions(replica.access(), space).await,
            [("Site".to_owned(), "where it stands".to_owned())]
        );
    }
}

#[tokio::test]
async fn a_catalogue_that_arrives_after_a_change_is_never_served() {
    let site = Site::new().await;
    let [one, two] = [site.replica().await, site.replica().await];
    let first = new_space(two.access(), "first").await;
    let held = hold(&one);
    new_space(one.access(), "second").await;
    held.reached().await;
    rename(two.access(), first, "renamed").await;
    held.let_go().await;
    for replica in [&one, &two, &site.replica().await] {
        assert_eq!(space_names(replica.access()).await, ["renamed", "second"]);
    }
}

/// Epochs and revisions are given again when a store was set back; what Redis has of the lost time stays lost.
#[tokio::test]
async fn what_was_left_in_a_time_that_the_store_has_lost_is_never_served() {
    let site = Site::new().await;
    let replica = site.replica().await;
    let (space, ids) = nested(replica.access()).await;
    let partition = PartitionKey::new(space.to_string()).unwrap();
    let before = rows(site.store.as_ref(), partition.as_str(), "").await;
    set_site(replica.access(), space, ids[0], "lost").await;
    run(
        replica.access(),
        space,
        create("10.128.0.0/9", &[("Site", "lost")]),
    )
    .await
    .unwrap();
    run(replica.access(), space, create("10.128.0.0/16", &[]))
        .await
        .unwrap();
    site.until_catalogue_kept().await;
    // Who writes knows already what flows down; another has to work it out, and leaves it.
    let reader = site.replica().await;
    let kept = site.kept().await;
    for text in ["10.0.0.0/16", "10.128.0.0/16"] {
        let seen = site_of(reader.access(), space, text).await;
        assert_eq!(seen.as_deref(), Some("lost"));
    }
    site.until_kept(kept + 5).await;

    let now = rows(site.store.as_ref(), partition.as_str(), "").await;
    let gone = now
        .into_iter()
        .map(|row| Write::Delete { key: row.key })
        .collect();
    site.store.commit(&partition, gone).await.unwrap();
    let back = before
        .into_iter()
        .map(|row| Write::Put {
            key: row.key,
            value: row.value,
        })
        .collect();
    site.store.commit(&partition, back).await.unwrap();

    // The same epoch and the same versions again, with other values.
    let other = site.replica().await;
    set_site(other.access(), space, ids[0], "found").await;
    run(
        other.access(),
        space,
        create("10.128.0.0/9", &[("Site", "found")]),
    )
    .await
    .unwrap();
    run(other.access(), space, create("10.128.0.0/16", &[]))
        .await
        .unwrap();
    for replica in [&replica, &reader, &other, &site.replica().await] {
        for text in ["10.0.0.0/16", "10.128.0.0/16"] {
            let seen = site_of(replica.access(), space, text).await;
            assert_eq!(seen.as_deref(), Some("found"));
        }
    }
}

/// The rows that a read saw belong to two epochs: it is done again, and what it made of them is left for nobody.
#[tokio::test]
async fn what_a_read_has_worked_out_across_a_change_is_not_left() {
    let site = Site::new().await;
    let [one, two] = [site.replica().await, site.replica().await];
    let (space, ids) = nested(two.access()).await;
    site.until_catalogue_kept().await;
    // It knows the space, and has left nothing.
    let query = ImportListQuery {
        space,
        page: PageRequest {
            limit: 1,
            after: None,
        },
    };
    one.access().list_imports(&context(), query).await.unwrap();
    let gate = Gate::new();
    // The parents, read after the change, with the node and the epoch from before it.
    one.store
        .inject(Rule::once(Op::GetMany, Fault::Hold(gate.clone())));
    let reading = tokio::spawn({
        let access = Arc::clone(&one.access);
        async move { site_of(access.as_ref(), space, "10.0.0.0/16").await }
    });
    gate.reached().await;
    set_site(two.access(), space, ids[0], "B").await;
    assert_eq!(one.cache.count(Op::CachePut), 0);
    gate.release();
    assert_eq!(reading.await.unwrap().as_deref(), Some("B"));
    // What the second try has made; the first would have left one more.
    server::eventually("something is left", async || one.cache.count(Op::CachePut) > 0).await;
    assert_eq!(one.cache.count(Op::CachePut), 1);
}
