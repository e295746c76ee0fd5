//! Random changes and reads through several processes, with a Redis that forgets, mixes up and invents: every read after an
//! acknowledged change sees it.

use std::collections::BTreeMap;

use cadastre_domain::roles::Role;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use redis::AsyncCommands as _;

use super::*;

/// Nested, and two beside each other at the end.
const NODES: [&str; 5] = [
    "10.0.0.0/8",
    "10.0.0.0/10",
    "10.0.0.0/12",
    "10.0.0.0/16",
    "10.1.0.0/16",
];

/// What is true.
#[derive(Default)]
struct Model {
    /// The nodes that are there, with their ids and what they set.
    nodes: BTreeMap<usize, (Uuid, Option<String>)>,
    description: String,
    grants: Vec<Grant>,
    spaces: Vec<(Uuid, String)>,
}

impl Model {
    /// The nearest that is set.
    fn site(&self, at: usize) -> Option<&String> {
        let target = prefix(NODES[at]);
        let above = self.nodes.iter().rev();
        above
            .filter(|(other, _)| prefix(NODES[**other]).contains(&target))
            .find_map(|(_, (_, site))| site.as_ref())
    }
}

async fn mischief(rng: &mut StdRng, redis: &mut redis::aio::MultiplexedConnection) {
    let names: Vec<String> = redis.keys("*").await.unwrap();
    match rng.random_range(0..4) {
        0 => redis::cmd("FLUSHALL").exec_async(redis).await.unwrap(),
        1 => {
            for name in &names {
                redis
                    .set::<_, _, ()>(name, rng.random::<u128>().to_string())
                    .await
                    .unwrap();
            }
        }
        // Genuine values, under the names of others.
        2 => {
            for name in &names {
                let from = &names[rng.random_range(0..names.len())];
                let value: Vec<u8> = redis.get(from).await.unwrap();
                redis.set::<_, _, ()>(name, value).await.unwrap();
            }
        }
        _ => {
            for name in &names {
                let mut value: Vec<u8> = redis.get(name).await.unwrap();
                value.truncate(rng.random_range(0..=value.len()));
                redis.set::<_, _, ()>(name, value).await.unwrap();
            }
        }
    }
}

async fn change(rng: &mut StdRng, access: &LocalDataAccess, space: Uuid, model: &mut Model, turn: usize) {
    match rng.random_range(0..6) {
        0 | 1 => {
            let at = rng.random_range(0..NODES.len());
            let site = rng.random_bool(0.5).then(|| format!("S{turn}"));
            let pairs: Vec<(&str, &str)> = site.iter().map(|site| ("Site", site.as_str())).collect();
            if let Some((id, known)) = model.nodes.get_mut(&at) {
                let command = SpaceCommand::UpdateNode {
                    id: *id,
                    tags: tags(&pairs),
                    description: None,
                };
                run(access, space, command).await.unwrap();
                *known = site;
            } else {
                let made = run(access, space, create(NODES[at], &pairs)).await.unwrap();
                model.nodes.insert(at, (node_of(made).id, site));
            }
        }
        2 => {
            // Only leaves: a node above others leaves them its tags.
            let leaves: Vec<usize> = model
                .nodes
                .keys()
                .copied()
                .filter(|at| {
                    let prefix = prefix(NODES[*at]);
                    !model
                        .nodes
                        .keys()
                        .any(|other| prefix.strictly_contains(&super::prefix(NODES[*other])))
                })
                .collect();
            if let Some(at) = leaves.first() {
                let (id, _) = model.nodes[at];
                run(access, space, SpaceCommand::DeleteNode { id }).await.unwrap();
                model.nodes.remove(at);
            }
        }
        3 => {
            model.description = format!("as of {turn}");
            describe(access, space, "Site", &model.description).await;
        }
        4 => {
            if model.grants.len() > 2 || (rng.random_bool(0.5) && !model.grants.is_empty()) {
                let revoked = model.grants.remove(rng.random_range(0..model.grants.len()));
                change_user(access, "ada", UserChange::Revoke { grant: revoked.id }).await;
            } else {
                let role = [Role::SystemAdmin, Role::AddressSpaceViewer][rng.random_range(0..2)];
                let grant = Grant {
                    target: if role == Role::SystemAdmin {
                        GrantTarget::System
                    } else {
                        GrantTarget::Space(Uuid::now_v7())
                    },
                    ..super::grant(role)
                };
                if !model
                    .grants
                    .iter()
                    .any(|known| (known.role, &known.target) == (role, &grant.target))
                {
                    change_user(access, "ada", UserChange::Grant { grant: grant.clone() }).await;
                    model.grants.push(grant);
                }
            }
        }
        _ => {
            if model.spaces.len() > 4 {
                let (id, _) = model.spaces.remove(rng.random_range(1..model.spaces.len()));
                delete_space(access, id).await.unwrap();
            } else if rng.random_bool(0.5) {
                let name = format!("space {turn}");
                let id = new_space(access, &name).await;
                model.spaces.push((id, name));
            } else {
                let at = rng.random_range(0..model.spaces.len());
                model.spaces[at].1 = format!("renamed {turn}");
                rename(access, model.spaces[at].0, &model.spaces[at].1).await;
            }
        }
    }
}

async fn check(access: &LocalDataAccess, space: Uuid, model: &Model, when: &str) {
    for (at, text) in NODES.into_iter().enumerate() {
        let found = node(access, space, text).await;
        match model.nodes.get(&at) {
            None => assert!(found.is_err(), "{text}, {when}"),
            Some((id, _)) => {
                let found = found.unwrap();
                let request = NodeQuery {
                    space,
                    node: NodeRef::Id(*id),
                };
                assert_eq!(found, access.get_node(&context(), request).await.unwrap());
                let seen = found.resolved.get("Site").map(ToString::to_string);
                assert_eq!(seen.as_ref(), model.site(at), "{text}, {when}");
            }
        }
    }
    assert_eq!(
        descriptions(access, space).await,
        [("Site".to_owned(), model.description.clone())]
    );
    assert_eq!(grants_of(access, "ada").await, model.grants, "{when}");
    let names: Vec<String> = model.spaces.iter().map(|(_, name)| name.clone()).collect();
    assert_eq!(space_names(access).await, names, "{when}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_read_after_an_acknowledged_change_sees_it_whatever_redis_says() {
    let site = Site::new().await;
    let mut redis = server::stranger(&site.redis.url()).await;
    let mut replicas = vec![site.replica().await, site.replica().await];
    let mut model = Model::default();
    let seed: u64 = rand::random();
    let rng = &mut StdRng::seed_from_u64(seed);
    let space = new_space(replicas[0].access(), "first").await;
    model.spaces.push((space, "first".to_owned()));
    define(replicas[0].access(), space, definition("Site")).await;
    for name in ["ada", "tester"] {
        user_with(replicas[0].access(), name, Vec::new()).await;
    }
    let administrator = UserChange::Grant {
        grant: grant(Role::SystemAdmin),
    };
    change_user(replicas[0].access(), "tester", administrator).await;
    for turn in 0..250 {
        if rng.random_bool(0.15) {
            mischief(rng, &mut redis).await;
        }
        if rng.random_bool(0.05) {
            // One ends, another starts.
            replicas.remove(0);
            replicas.push(site.replica().await);
        }
        let writer = rng.random_range(0..replicas.len());
        change(rng, replicas[writer].access(), space, &mut model, turn).await;
        for _ in 0..rng.random_range(0..3) {
            let reader = rng.random_range(0..replicas.len());
            let when = format!("seed {seed}, turn {turn}");
            check(replicas[reader].access(), space, &model, &when).await;
        }
    }
}
