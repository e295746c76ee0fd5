//! What stands against removing a pool, and what goes with it.

use cadastre_storage::{PartitionKey, Write};

use super::*;

async fn released(ground: &Ground, pool: Uuid, count: usize, length: Option<u8>) {
    let wanted: Vec<Reserve> = (0..count)
        .map(|number| Reserve {
            prefix_length: length,
            ..next_of(pool, &format!("s{number}"))
        })
        .collect();
    for wanted in wanted.chunks(250) {
        let command = IspCommand::Reserve {
            wanted: wanted.to_vec(),
            force: false,
        };
        ground.isp(command).await.unwrap();
    }
    for found in ground.reservations().await {
        ground.move_to(found.id, Move::Release).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_few_large_delegations_that_rest_go_with_their_pool() {
    let ground = ground().await;
    let pd = pool(PoolType::Ipv6PrefixDelegation, "2001:db8::/40");
    ground.make(&pd).await;
    released(&ground, pd.id, 2, Some(48)).await;
    assert_eq!(ground.counts(pd.id).await[3], 512, "more than 500 units");
    ground.isp(IspCommand::DeletePool { id: pd.id }).await.unwrap();
    assert!(
        ground
            .reservations()
            .await
            .iter()
            .all(|found| !found.is_resting())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_with_too_many_resting_addresses_says_from_when_on_it_can_be_deleted() {
    let ground = ground().await;
    let settings = pool(PoolType::Ipv4Private, "10.0.0.0/22");
    ground.make(&settings).await;
    released(&ground, settings.id, 501, None).await;
    let delete = || ground.isp(IspCommand::DeletePool { id: settings.id });
    let refused = delete().await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::InUse);
    assert!(
        refused.message.contains("2026-01-31T00:00:00Z"),
        "{}",
        refused.message
    );
    let details = refused.details.unwrap();
    assert_eq!(details["deletableFrom"], "2026-01-31T00:00:00Z", "{details}");
    // One of them is reclaimed: the others go with the pool.
    let one = ground.reservations().await.pop().unwrap();
    ground.move_to(one.id, Move::Reclaim).await.unwrap();
    delete().await.unwrap();
    assert!(
        ground
            .reservations()
            .await
            .iter()
            .all(|found| !found.is_resting())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_pool_in_which_nothing_rests_does_not_read_its_history() {
    let ground = ground().await;
    let mut settings = pool(PoolType::Ipv4Private, "10.0.0.0/24");
    settings.rest_days = 0;
    ground.make(&settings).await;
    released(&ground, settings.id, 3, None).await;
    // Who reads it finds it damaged.
    let partition = ground.space.to_string();
    let history = rows(&*ground.store, &partition, "ar_").await;
    assert_eq!(history.len(), 3);
    let damage = history.into_iter().map(|row| Write::Put {
        key: row.key,
        value: "{}".into(),
    });
    let partition = PartitionKey::new(&partition).unwrap();
    ground.store.commit(&partition, damage.collect()).await.unwrap();
    ground
        .isp(IspCommand::DeletePool { id: settings.id })
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_the_policy_or_a_template_names_is_not_deleted() {
    let ground = ground().await;
    let settings = pool(PoolType::Ipv4Private, "10.0.0.0/24");
    ground.make(&settings).await;
    let delete = || ground.isp(IspCommand::DeletePool { id: settings.id });
    let put = |rules| {
        ground.isp(IspCommand::PutPolicy {
            policy: PoolPolicy { rules },
        })
    };
    let rule = |name: &str, pool_ids: Vec<Uuid>| PolicyRule {
        name: name.to_owned(),
        pool_ids,
        ..PolicyRule::default()
    };
    put(vec![rule("all", vec![]), rule("gold first", vec![settings.id])])
        .await
        .unwrap();
    let refused = delete().await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::InUse);
    assert!(refused.message.contains("gold first"), "{}", refused.message);
    assert_eq!(refused.details.unwrap()["rule"], "gold first");
    put(vec![rule("all", vec![])]).await.unwrap();
    let template = ReservationTemplate {
        id: Uuid::now_v7(),
        name: "small site".to_owned(),
        site_type: "pop".to_owned(),
        description: String::new(),
        items: vec![TemplateItem {
            role: "router".to_owned(),
            ip_type: IpType::Ipv4,
            pool_id: Some(settings.id),
            count: 1,
            offset: None,
            prefix_length: None,
        }],
    };
    let id = template.id;
    ground
        .isp(IspCommand::CreateThing {
            thing: Box::new(Thing::Template(template)),
            secret: None,
        })
        .await
        .unwrap();
    let refused = delete().await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::InUse);
    assert!(refused.message.contains("small site"), "{}", refused.message);
    assert_eq!(refused.details.unwrap()["templateId"], id.to_string());
    ground
        .isp(IspCommand::DeleteThing {
            key: EntityKey::Template(id),
        })
        .await
        .unwrap();
    delete().await.unwrap();
    // What is left of the policy can be put again.
    put(vec![rule("all", vec![]), rule("more", vec![])])
        .await
        .unwrap();
}
