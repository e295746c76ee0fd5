//! What reads cost with the cache, and what it is never asked for.

use cadastre_domain::free_space::Strategy;
use cadastre_domain::roles::Role;
use cadastre_domain::sessions::TokenFamily;
use cadastre_storage::Op;
use redis::AsyncCommands as _;

use super::*;

async fn by_id(access: &LocalDataAccess, space: Uuid, id: Uuid) {
    let request = NodeQuery {
        space,
        node: NodeRef::Id(id),
    };
    access.get_node(&context(), request).await.unwrap();
}

async fn tag_of(access: &LocalDataAccess, space: Uuid) {
    let request = TagQuery {
        space,
        name: tag("Site"),
    };
    access.get_tag(&context(), request).await.unwrap();
}

#[tokio::test]
async fn a_warm_read_costs_one_read_of_the_head() {
    let site = Site::new().await;
    let replica = site.replica().await;
    let access = replica.access();
    let (space, ids) = nested(access).await;
    user_with(access, "ada", vec![grant(Role::SystemAdmin)]).await;
    let everything = async || {
        by_id(access, space, ids[2]).await;
        descriptions(access, space).await;
        grants_of(access, "ada").await;
        space_names(access).await;
    };
    everything().await;
    assert_eq!(replica.reads_of(by_id(access, space, ids[2])).await, 1);
    assert_eq!(replica.reads_of(tag_of(access, space)).await, 1);
    assert_eq!(replica.reads_of(descriptions(access, space)).await, 1);
    assert_eq!(replica.reads_of(grants_of(access, "ada")).await, 1);
    assert_eq!(replica.reads_of(space_names(access)).await, 1);
}

#[tokio::test]
async fn what_one_process_has_worked_out_spares_another_the_rows_behind_the_head() {
    let site = Site::new().await;
    let [writer, one] = [site.replica().await, site.replica().await];
    let (space, ids) = nested(writer.access()).await;
    site.until_catalogue_kept().await;
    site.flush().await;
    by_id(one.access(), space, ids[2]).await;
    descriptions(one.access(), space).await;
    // What is above the node and what comes from the two above it; the definitions.
    site.until_kept(4).await;
    let two = site.replica().await;
    let query = NodeQuery {
        space,
        node: NodeRef::Prefix(prefix("192.0.2.0/24")),
    };
    two.access().get_node(&context(), query).await.unwrap_err();
    two.store.reset_counts();
    by_id(two.access(), space, ids[2]).await;
    assert_eq!(two.store.count(Op::GetMany), 0, "no parent was looked for");
    assert_eq!(
        two.store.reads(),
        4,
        "the head before and after, where the id is, the node"
    );
    assert_eq!(two.reads_of(descriptions(two.access(), space)).await, 1);
}

#[tokio::test]
async fn roles_that_one_process_has_changed_cost_another_the_head() {
    let site = Site::new().await;
    let [one, two] = [site.replica().await, site.replica().await];
    user_with(one.access(), "ada", vec![grant(Role::SystemAdmin)]).await;
    // The account, and the list of an empty catalogue.
    site.until_kept(2).await;
    for roles in 2..5 {
        assert_eq!(two.reads_of(grants_of(two.access(), "ada")).await, 1);
        let space = GrantTarget::Space(Uuid::now_v7());
        let grant = Grant {
            target: space,
            ..grant(Role::AddressSpaceViewer)
        };
        change_user(one.access(), "ada", UserChange::Grant { grant }).await;
        site.until_kept(roles + 1).await;
        assert_eq!(grants_of(two.access(), "ada").await.len(), roles);
    }
}

#[tokio::test]
async fn a_change_of_the_catalogue_by_another_costs_the_head_and_not_the_catalogue() {
    let site = Site::new().await;
    let [one, two] = [site.replica().await, site.replica().await];
    for at in 0..40 {
        new_space(one.access(), &format!("space {at}")).await;
    }
    let mut names = space_names(two.access()).await;
    for at in 0..5 {
        let name = format!("another {at}");
        new_space(one.access(), &name).await;
        names.push(name);
        site.until_catalogue_kept().await;
        let reading = async { assert_eq!(space_names(two.access()).await, names) };
        assert_eq!(two.reads_of(reading).await, 1);
    }
}

#[tokio::test]
async fn decisions_never_ask_the_cache() {
    let site = Site::new().await;
    let replica = site.replica().await;
    let (space, ids) = nested(replica.access()).await;
    user_with(replica.access(), "tester", vec![grant(Role::SystemAdmin)]).await;
    user_with(replica.access(), "ada", vec![grant(Role::SystemAdmin)]).await;
    // Others have left everything that could be found.
    let other = site.replica().await;
    let everything = NodeSelection::All;
    all(other.access(), &context(), space, everything, &[], 100)
        .await
        .unwrap();
    let id = grants_of(other.access(), "ada").await[0].id;
    replica.cache.reset_counts();
    let wanted = Wanted {
        prefix_length: 24,
        count: 3,
        strategy: Strategy::LowestFree,
        seed: 0,
        include_edges: true,
        tags: tags(&[("Site", "C")]),
        description: String::new(),
    };
    for dry_run in [true, false] {
        for from in [
            AllocateFrom::Node(ids[2]),
            AllocateFrom::Tagged(vec![(tag("Site"), value("A"))]),
        ] {
            let request = SpaceCommandRequest {
                space,
                command: SpaceCommand::Allocate {
                    from,
                    wanted: wanted.clone(),
                },
                options: MutationOptions {
                    dry_run,
                    ..MutationOptions::default()
                },
            };
            replica.access().space_command(&context(), request).await.unwrap();
        }
    }
    set_site(replica.access(), space, ids[0], "B").await;
    run(replica.access(), space, SpaceCommand::DeleteNode { id: ids[1] })
        .await
        .unwrap();
    change_user(replica.access(), "ada", UserChange::Revoke { grant: id }).await;
    rename(replica.access(), space, "renamed").await;
    assert_eq!(replica.cache.count(Op::CacheGet), 0);
}

#[tokio::test]
async fn no_secret_is_in_redis() {
    let site = Site::new().await;
    let replica = site.replica().await;
    user_with(replica.access(), "ada", vec![grant(Role::SystemAdmin)]).await;
    let now = jiff::Timestamp::now();
    let family = TokenFamily {
        id: Uuid::now_v7(),
        current_hash: "the hash of a refresh token".to_owned(),
        created: now.as_second(),
        rotated: now.as_second(),
        expires: now.as_second() + 600,
    };
    let session = family.id;
    change_user(
        replica.access(),
        "ada",
        UserChange::StartSession { family, max: 10 },
    )
    .await;
    let token = StoredApiToken {
        id: Uuid::now_v7(),
        name: "robot".to_owned(),
        hash: "the hash of an API token".to_owned(),
        created: now,
        expires: now + jiff::SignedDuration::from_hours(1),
    };
    change_user(replica.access(), "ada", UserChange::AddToken { token }).await;
    let other = site.replica().await;
    let query = UserQuery::without_secrets("ada");
    let shown = other.access().get_user(&context(), query).await.unwrap();
    assert_eq!(shown.sessions[0].id, session);
    // With the three states of the account.
    site.until_kept(4).await;
    let mut redis = server::stranger(&site.redis.url()).await;
    let names: Vec<String> = redis.keys("*").await.unwrap();
    for name in names {
        let value: Vec<u8> = redis.get(&name).await.unwrap();
        let text = format!("{name} {}", String::from_utf8_lossy(&value));
        assert!(!text.contains("the hash of"), "{text}");
    }
    // Who needs them gets them, also right after somebody who did not.
    for replica in [&replica, &other] {
        let query = UserQuery::complete("ada");
        let account = replica.access().get_user(&context(), query).await.unwrap();
        assert_eq!(account.password_hash, "the hash of a password");
        assert_eq!(account.sessions[0].current_hash, "the hash of a refresh token");
        assert_eq!(account.tokens[0].hash, "the hash of an API token");
    }
}

#[tokio::test]
async fn where_nobody_else_writes_the_store_redis_is_not_asked() {
    let redis = RedisCache::connect(&server::shared_url(), server::patient()).unwrap();
    server::until(&redis, true).await;
    let cache = FaultCache::new(Arc::new(redis));
    let plan = cache.plan();
    let config = DataAccessConfig {
        cache: Some(SharedCache::new(Arc::new(cache), b"a secret of this test")),
        ..DataAccessConfig::default()
    };
    let access = LocalDataAccess::open(Arc::new(MemoryStore::new()), config)
        .await
        .unwrap();
    let (space, ids) = nested(access.as_ref()).await;
    user_with(access.as_ref(), "ada", Vec::new()).await;
    by_id(access.as_ref(), space, ids[2]).await;
    descriptions(access.as_ref(), space).await;
    grants_of(access.as_ref(), "ada").await;
    assert_eq!((plan.count(Op::CacheGet), plan.count(Op::CachePut)), (0, 0));
}
