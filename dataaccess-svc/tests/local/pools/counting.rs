//! What a pool keeps back and counts when its settings change, when nodes come in parts of an import, and when an address
//! is taken by force.

use super::*;

pub(super) fn part(space: Uuid, prefixes: &[Prefix]) -> ImportPart {
    let records: Vec<ImportRecord> = prefixes
        .iter()
        .zip(2..)
        .map(|(prefix, line)| {
            ImportRecord::Line(ImportLine {
                line,
                prefix: *prefix,
                tags: tags(&[]),
                description: None,
            })
        })
        .collect();
    let number = records.len() as u64;
    ImportPart {
        space,
        import: Uuid::now_v7(),
        run: Uuid::now_v7(),
        first: true,
        last: true,
        terms: ImportTerms {
            mode: ImportMode::Lines,
            update: false,
            format: "csv".to_owned(),
            total_bytes: None,
        },
        after: 0,
        upto: ImportMark {
            records: number,
            line: number + 1,
            bytes: number * 20,
            digest: format!("digest of {number}"),
        },
        records,
        dry_run: false,
    }
}

pub(super) fn update(pool: &Pool) -> IspCommand {
    IspCommand::UpdatePool {
        pool: Box::new(pool.clone()),
        tags: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_narrowed_exclusion_still_excludes_is_not_handed_out() {
    let ground = ground().await;
    let mut settings = pool(PoolType::Ipv4Public, "203.0.113.0/28");
    settings.exclusions = vec![prefix("203.0.113.0/30"), prefix("203.0.113.8/29")];
    ground.make(&settings).await;
    let first = ground.reserve(next_of(settings.id, "warm")).await.unwrap();
    assert_eq!(first.prefix, prefix("203.0.113.4/32"));
    settings.exclusions = vec![prefix("203.0.113.0/30"), prefix("203.0.113.8/30")];
    ground.isp(update(&settings)).await.unwrap();
    assert_eq!(ground.counts(settings.id).await, [14, 0, 1, 0, 7, 6]);
    let mut got = Vec::new();
    for number in 0..6 {
        let made = ground
            .reserve(next_of(settings.id, &format!("s{number}")))
            .await
            .unwrap();
        got.push(made.prefix.to_string());
    }
    let expected = ["5", "6", "7", "12", "13", "14"].map(|last| format!("203.0.113.{last}/32"));
    assert_eq!(got, expected);
    assert_eq!(
        code(ground.reserve(next_of(settings.id, "late")).await),
        ErrorCode::PoolDepleted
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_or_a_host_that_takes_the_place_of_an_exclusion_around_it_is_not_handed_out() {
    let ground = ground().await;
    let mut settings = pool(PoolType::Ipv4Public, "203.0.113.0/28");
    settings.exclusions = vec![prefix("203.0.113.0/29")];
    ground.make(&settings).await;
    ground.reserve(next_of(settings.id, "warm")).await.unwrap();
    settings.exclusions = vec![prefix("203.0.113.2/32")];
    settings.gateway = Some("203.0.113.1".parse().unwrap());
    ground.isp(update(&settings)).await.unwrap();
    let made = ground.reserve(next_of(settings.id, "ada")).await.unwrap();
    assert_eq!(made.prefix, prefix("203.0.113.3/32"));
    // And wide again, around what was narrow.
    settings.exclusions = vec![prefix("203.0.113.12/30")];
    settings.gateway = None;
    ground.isp(update(&settings)).await.unwrap();
    settings.exclusions = vec![prefix("203.0.113.10/31"), prefix("203.0.113.12/30")];
    ground.isp(update(&settings)).await.unwrap();
    settings.exclusions = vec![prefix("203.0.113.10/31"), prefix("203.0.113.14/32")];
    settings.gateway = Some("203.0.113.13".parse().unwrap());
    ground.isp(update(&settings)).await.unwrap();
    let mut got = Vec::new();
    while let Ok(made) = ground
        .reserve(next_of(settings.id, &format!("s{}", got.len())))
        .await
    {
        got.push(made.prefix.to_string());
    }
    let expected = ["1", "2", "4", "5", "6", "7", "9", "12"].map(|last| format!("203.0.113.{last}/32"));
    assert_eq!(got, expected);
    assert_eq!(ground.counts(settings.id).await, [14, 0, 10, 0, 4, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_kept_back_in_or_around_what_somebody_holds() {
    let ground = ground().await;
    let mut pd = pool(PoolType::Ipv6PrefixDelegation, "2001:db8::/48");
    ground.make(&pd).await;
    let held = ground.reserve(next_of(pd.id, "ada")).await.unwrap();
    pd.exclusions = vec![held.prefix.nth(64, 3).unwrap()];
    assert_eq!(code(ground.isp(update(&pd)).await), ErrorCode::InUse);
    let mut v4 = pool(PoolType::Ipv4Public, "203.0.113.0/28");
    ground.make(&v4).await;
    run(&*ground.access, ground.space, create("203.0.113.4/30", &[]))
        .await
        .unwrap();
    ground
        .reserve_as(chosen("203.0.113.5", "ada"), true)
        .await
        .unwrap();
    v4.exclusions = vec![prefix("203.0.113.4/30")];
    assert_eq!(code(ground.isp(update(&v4)).await), ErrorCode::InUse);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_at_which_a_node_stands_is_not_given_whatever_is_known_to_be_free() {
    let ground = ground().await;
    let settings = pool(PoolType::Ipv4Public, "203.0.113.0/28");
    ground.make(&settings).await;
    ground.reserve(next_of(settings.id, "warm")).await.unwrap();
    // A row that no command has written: nothing else says that its place is taken.
    let partition = ground.space.to_string();
    let held = rows(&*ground.store, &partition, "n_4cb00710120").await;
    let value = String::from_utf8(held[0].value.to_vec()).unwrap();
    let write = cadastre_storage::Write::Create {
        key: cadastre_storage::RowKey::new("n_4cb00710220").unwrap(),
        value: value.replace("203.0.113.1/32", "203.0.113.2/32").into(),
    };
    let partition = cadastre_storage::PartitionKey::new(&partition).unwrap();
    ground.store.commit(&partition, vec![write]).await.unwrap();
    let refused = ground.reserve(next_of(settings.id, "eve")).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::StoreCorrupt, "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_at_and_below_the_unit_of_a_pool_in_one_part_of_an_import_are_counted_once() {
    let ground = ground().await;
    let pd = pool(PoolType::Ipv6PrefixDelegation, "2001:db8::/48");
    ground.make(&pd).await;
    let lines = [
        "2001:db8:0:100::/56",
        "2001:db8:0:100::/64",
        "2001:db8:0:200::/64",
    ]
    .map(prefix);
    let report = ground
        .access
        .import_part(&context(), part(ground.space, &lines))
        .await
        .unwrap();
    assert_eq!(report.failed, []);
    assert_eq!(ground.counts(pd.id).await, [256, 0, 0, 0, 2, 254]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_forced_and_is_taken_again_by_the_same_subscriber_is_covered_again_when_it_ends() {
    let ground = ground().await;
    let settings = pool(PoolType::Ipv4Private, "10.0.0.0/24");
    ground.make(&settings).await;
    run(&*ground.access, ground.space, create("10.0.0.16/28", &[]))
        .await
        .unwrap();
    let forced = ground.reserve_as(chosen("10.0.0.20", "ada"), true).await.unwrap();
    ground.move_to(forced.id, Move::Release).await.unwrap();
    let again = ground.reserve(next_of(settings.id, "ada")).await.unwrap();
    assert_eq!(again.prefix, forced.prefix);
    assert_eq!(ground.counts(settings.id).await, [254, 0, 1, 0, 15, 238]);
    ground.move_to(again.id, Move::Release).await.unwrap();
    ground.move_to(again.id, Move::Reclaim).await.unwrap();
    assert_eq!(ground.counts(settings.id).await, [254, 0, 0, 0, 16, 238]);
}

#[tokio::test(flavor = "multi_thread")]
async fn exclusions_longer_than_what_a_pool_delegates_count_as_the_prefixes_that_they_touch() {
    let ground = ground().await;
    let mut pd = pool(PoolType::Ipv6PrefixDelegation, "2001:db8::/55");
    pd.exclusions = vec![prefix("2001:db8::/64"), prefix("2001:db8:0:1::/64")];
    ground.make(&pd).await;
    assert_eq!(ground.counts(pd.id).await, [2, 0, 0, 0, 1, 1]);
    pd.exclusions = vec![
        prefix("2001:db8::/64"),
        prefix("2001:db8:0:1::/64"),
        prefix("2001:db8:0:2::/63"),
    ];
    ground.isp(update(&pd)).await.unwrap();
    assert_eq!(ground.counts(pd.id).await, [2, 0, 0, 0, 1, 1]);
    let made = ground.reserve(next_of(pd.id, "ada")).await.unwrap();
    assert_eq!(made.prefix, prefix("2001:db8:0:100::/56"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_in_an_exclusion_is_not_forced_also_beneath_a_node_in_between() {
    let ground = ground().await;
    run(&*ground.access, ground.space, create("203.0.113.8/30", &[]))
        .await
        .unwrap();
    run(&*ground.access, ground.space, create("203.0.113.12/32", &[]))
        .await
        .unwrap();
    let mut settings = pool(PoolType::Ipv4Public, "203.0.113.0/28");
    settings.exclusions = vec![prefix("203.0.113.8/29")];
    ground.make(&settings).await;
    for address in ["203.0.113.9", "203.0.113.12", "203.0.113.13"] {
        let refused = ground.reserve_as(chosen(address, "eve"), true).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::AddressConflict, "{address}");
        assert_eq!(refused.details.unwrap()["canForce"], false, "{address}");
    }
}
