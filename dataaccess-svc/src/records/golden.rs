//! Golden bytes of every stored format: what was written once must be read for ever.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use cadastre_domain::tags::{TagName, TagValue};
use uuid::Uuid;

use super::*;
use crate::keys;

fn reads_and_writes<R: Record + PartialEq + std::fmt::Debug>(record: &R, golden: &str) {
    assert_eq!(
        std::str::from_utf8(&encode(record)).unwrap(),
        golden,
        "{} is written differently",
        R::KIND
    );
    assert_eq!(
        decode::<R>(&keys::head(), golden.as_bytes()).unwrap(),
        *record,
        "{} is read differently",
        R::KIND
    );
}

fn id() -> Uuid {
    Uuid::from_u128(0x0192_8f5e_0000_7000_8000_0000_0000_0001)
}

fn time() -> jiff::Timestamp {
    "2026-01-02T03:04:05.000006Z".parse().unwrap()
}

fn node() -> NodeRecord {
    NodeRecord {
        v: 1,
        ip_id: id(),
        prefix: "10.0.0.0/8".parse().unwrap(),
        tags: [(TagName::new("Region").unwrap(), TagValue::new("eu").unwrap())]
            .into_iter()
            .collect(),
        description: "all of it".to_owned(),
        created_on: time(),
        modified_on: time(),
        revision: 7,
        pool: None,
        hold: None,
    }
}

const NODE: &str = r#"{"V":1,"IpId":"01928f5e-0000-7000-8000-000000000001","Prefix":"10.0.0.0/8","Tags":{"Region":"eu"},"Description":"all of it","CreatedOn":"2026-01-02T03:04:05.000006Z","ModifiedOn":"2026-01-02T03:04:05.000006Z","Revision":7}"#;

#[test]
fn a_node_of_format_1() {
    reads_and_writes(&node(), NODE);
}

#[test]
fn a_history_row_of_format_1() {
    let golden = format!(r#"{{"V":1,"Time":"2026-01-02T03:04:05.000006Z","Node":{NODE}}}"#);
    let node_bytes = encode(&node());
    let written = encode_history(time(), Some(&node_bytes));
    assert_eq!(std::str::from_utf8(&written).unwrap(), golden);
    let removed = HistoryRecord {
        v: 1,
        time: time(),
        node: None,
    };
    assert_eq!(encode_history(time(), None), encode(&removed));
    reads_and_writes(
        &HistoryRecord {
            v: 1,
            time: time(),
            node: Some(node()),
        },
        &golden,
    );
}

#[test]
fn a_journal_row_of_a_revert_names_the_version_that_it_took_back() {
    let entry = JournalEntry {
        version: 9,
        time: time(),
        actor: "ada".to_owned(),
        correlation_id: "c".to_owned(),
        command: "Revert".to_owned(),
        reverts: Some(7),
        changes: vec![JournalImage::Node {
            before: Some(node()),
            after: None,
        }],
        nodes: Vec::new(),
    };
    let golden = format!(
        r#"{{"V":1,"CommitId":"01928f5e-0000-7000-8000-000000000001","Entry":{{"Version":9,"Time":"2026-01-02T03:04:05.000006Z","Actor":"ada","CorrelationId":"c","Command":"Revert","Reverts":7,"Changes":[{{"Node":{{"before":{NODE},"after":null}}}}]}}}}"#
    );
    reads_and_writes(
        &JournalRecord {
            v: 1,
            commit_id: id(),
            entry: Some(entry),
            chunks: None,
        },
        &golden,
    );
}

#[test]
fn a_journal_row_may_leave_nodes_to_their_history() {
    let entry = JournalEntry {
        version: 9,
        time: time(),
        actor: "ada".to_owned(),
        correlation_id: "c".to_owned(),
        command: "Import".to_owned(),
        reverts: None,
        changes: Vec::new(),
        nodes: vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
    };
    let golden = r#"{"V":1,"CommitId":"01928f5e-0000-7000-8000-000000000001","Entry":{"Version":9,"Time":"2026-01-02T03:04:05.000006Z","Actor":"ada","CorrelationId":"c","Command":"Import","Changes":[],"Nodes":["10.0.0.0/8","2001:db8::/32"]}}"#;
    reads_and_writes(
        &JournalRecord {
            v: 1,
            commit_id: id(),
            entry: Some(entry),
            chunks: None,
        },
        golden,
    );
}

#[test]
fn a_journal_row_of_format_1() {
    let entry = JournalEntry {
        version: 7,
        time: time(),
        actor: "ada".to_owned(),
        correlation_id: "c".to_owned(),
        command: "CreateNode".to_owned(),
        reverts: None,
        changes: vec![JournalImage::Node {
            before: None,
            after: Some(node()),
        }],
        nodes: Vec::new(),
    };
    let golden = format!(
        r#"{{"V":1,"CommitId":"01928f5e-0000-7000-8000-000000000001","Entry":{{"Version":7,"Time":"2026-01-02T03:04:05.000006Z","Actor":"ada","CorrelationId":"c","Command":"CreateNode","Changes":[{{"Node":{{"before":null,"after":{NODE}}}}}]}}}}"#
    );
    reads_and_writes(
        &JournalRecord {
            v: 1,
            commit_id: id(),
            entry: Some(entry),
            chunks: None,
        },
        &golden,
    );
}

#[test]
fn a_head_of_format_1() {
    let mut head = HeadRecord::first(time());
    head.incarnation = id();
    head.commit_id = id();
    head.version = 3;
    head.counts4.add(8);
    const HEAD: &str = r#"{"V":1,"Version":3,"Epoch":0,"TagsVersion":0,"Incarnation":"01928f5e-0000-7000-8000-000000000001","State":"Active","Counts4":{"8":1},"Counts6":{},"CommitId":"01928f5e-0000-7000-8000-000000000001","LastTime":"2026-01-02T03:04:05.000006Z"}"#;
    reads_and_writes(&head, HEAD);
    head.hold = Some(id());
    let rest = r#","Hold":"01928f5e-0000-7000-8000-000000000001"}"#;
    let begun = HEAD.strip_suffix('}').unwrap();
    reads_and_writes(&head, &format!("{begun}{rest}"));
    head.hold = None;
    head.epoch_commit = id();
    head.tags_commit = id();
    head.pending = Some(PendingRecord {
        plan: id(),
        chunks: 2,
        folded: 98,
    });
    let rest = r#","EpochCommit":"%ID","TagsCommit":"%ID","Pending":{"Plan":"%ID","Chunks":2,"Folded":98}}"#;
    reads_and_writes(
        &head,
        &format!("{begun}{}", rest.replace("%ID", &id().to_string())),
    );
}

#[test]
fn a_plan_of_format_1() {
    let put = PlannedWrite("n_4".to_owned(), Some(r#"{"V":1}"#.to_owned()));
    let delete = PlannedWrite("t_a".to_owned(), None);
    reads_and_writes(
        &PlanRecord {
            v: 1,
            writes: vec![put, delete],
        },
        r#"{"V":1,"Writes":[["n_4","{\"V\":1}"],["t_a",null]]}"#,
    );
    reads_and_writes(&PlanHintRecord { v: 1 }, r#"{"V":1}"#);
}

#[test]
fn a_lease_of_format_1() {
    reads_and_writes(
        &LeaseRecord {
            v: 1,
            holder: id(),
            turn: 7,
        },
        r#"{"V":1,"Holder":"01928f5e-0000-7000-8000-000000000001","Turn":7}"#,
    );
}

#[test]
fn what_a_table_says_of_itself_of_format_1() {
    reads_and_writes(
        &TableFormatRecord {
            v: 1,
            table_format: 1,
            made_by: "0.1.0".to_owned(),
        },
        r#"{"V":1,"TableFormat":1,"MadeBy":"0.1.0"}"#,
    );
    reads_and_writes(
        &RestoringRecord {
            v: 1,
            origin: "a copy of rocksdb:data/store".to_owned(),
            seed: id(),
            started_on: time(),
        },
        r#"{"V":1,"Origin":"a copy of rocksdb:data/store","Seed":"01928f5e-0000-7000-8000-000000000001","StartedOn":"2026-01-02T03:04:05.000006Z"}"#,
    );
}

#[test]
fn a_tag_definition_of_format_1() {
    let mut definition = cadastre_domain::tags::TagDefinition {
        name: TagName::new("Datacenter").unwrap(),
        description: String::new(),
        inheritance: cadastre_domain::tags::Inheritance::Inheritable,
        known_values: vec![TagValue::new("AMS05").unwrap()],
        attributes: BTreeMap::new(),
        implies: BTreeMap::new(),
        conflict: cadastre_domain::tags::ConflictPolicy::Reject,
    };
    definition.implies.insert(
        TagName::new("Region").unwrap(),
        [(
            TagValue::new("AMS05").unwrap(),
            TagValue::new("EuropeWest").unwrap(),
        )]
        .into_iter()
        .collect(),
    );
    reads_and_writes(
        &TagRecord::new(&definition, time(), time(), 2),
        r#"{"V":1,"Name":"Datacenter","Description":"","Type":"Inheritable","KnownValues":["AMS05"],"Attributes":{},"Implies":{"Region":{"AMS05":"EuropeWest"}},"Conflict":"Reject","CreatedOn":"2026-01-02T03:04:05.000006Z","ModifiedOn":"2026-01-02T03:04:05.000006Z","Revision":2}"#,
    );
}

#[test]
fn a_space_of_format_1() {
    let record = SpaceRecord {
        v: 1,
        address_space_id: id(),
        name: "Corporate-Network".to_owned(),
        description: String::new(),
        created_on: time(),
        modified_on: time(),
        revision: 1,
    };
    reads_and_writes(
        &record,
        r#"{"V":1,"AddressSpaceId":"01928f5e-0000-7000-8000-000000000001","Name":"Corporate-Network","Description":"","CreatedOn":"2026-01-02T03:04:05.000006Z","ModifiedOn":"2026-01-02T03:04:05.000006Z","Revision":1}"#,
    );
}

#[test]
fn an_account_of_format_1() {
    let account = cadastre_api_types::internal::Account {
        name: "ada".to_owned(),
        password_hash: "$argon2id$".to_owned(),
        grants: vec![cadastre_domain::roles::Grant {
            id: id(),
            role: cadastre_domain::roles::Role::AddressSpaceViewer,
            target: cadastre_domain::roles::GrantTarget::Space(id()),
            prefix: Some("10.0.0.0/8".parse().unwrap()),
        }],
        sessions: Vec::new(),
        tokens: Vec::new(),
        created: time(),
        modified: time(),
        revision: 1,
        version: 2,
    };
    let text = String::from_utf8(
        encode(&AccountRecord {
            v: 1,
            account: account.clone(),
        })
        .to_vec(),
    )
    .unwrap();
    let golden = r#"{"V":1,"Account":{"name":"ada","password_hash":"$argon2id$","grants":[{"id":"01928f5e-0000-7000-8000-000000000001","role":"AddressSpaceViewer","target":"01928f5e-0000-7000-8000-000000000001","prefix":"10.0.0.0/8"}],"sessions":[],"tokens":[],"created":"2026-01-02T03:04:05.000006Z","modified":"2026-01-02T03:04:05.000006Z","revision":1,"version":2}}"#;
    assert_eq!(text, golden);
    assert_eq!(
        decode::<AccountRecord>(&keys::account(), golden.as_bytes())
            .unwrap()
            .account,
        account
    );
}

#[test]
fn an_idempotency_record_of_format_1() {
    let plain = IdempotencyRecord {
        v: 1,
        body_hash: "ab".to_owned(),
        version: 7,
        time: time(),
        subject: None,
        derived: Vec::new(),
        space: None,
        made: None,
    };
    let golden = r#"{"V":1,"BodyHash":"ab","Version":7,"Time":"2026-01-02T03:04:05.000006Z"}"#;
    reads_and_writes(&plain, golden);
    let made = IdempotencyRecord {
        derived: vec![DerivedRun {
            count: 2,
            parent: Some(id()),
            resolved: node().tags,
        }],
        ..plain
    };
    let derived = r#","Derived":[{"Count":2,"Parent":"01928f5e-0000-7000-8000-000000000001","Resolved":{"Region":"eu"}}]}"#;
    reads_and_writes(&made, &golden.replace('}', derived));
}

#[test]
fn a_format_from_the_future_is_refused_with_what_to_do() {
    let error =
        decode::<NodeRecord>(&keys::head(), NODE.replace("\"V\":1", "\"V\":2").as_bytes()).unwrap_err();
    assert!(error.to_string().contains("use a newer version"), "{error}");
}

#[test]
fn a_long_journal_entry_is_put_together_again() {
    let entry = JournalEntry {
        version: 7,
        time: time(),
        actor: "ada".to_owned(),
        correlation_id: "c".to_owned(),
        command: "UpdateTag".to_owned(),
        reverts: None,
        changes: vec![JournalImage::User {
            what: "é".repeat(50_000),
        }],
        nodes: Vec::new(),
    };
    let mut rows = entry.clone().rows(id());
    assert_eq!(rows.len(), 5);
    let chunks = rows.split_off(1);
    assert_eq!(
        JournalEntry::assemble((&rows[0].0, &rows[0].1), &chunks).unwrap(),
        entry
    );
    assert!(JournalEntry::assemble((&rows[0].0, &rows[0].1), &chunks[1..]).is_err());
}

#[test]
fn an_import_of_format_1() {
    use cadastre_api_types::internal::{ImportMode, ImportState, ImportTerms};

    let terms = ImportTerms {
        mode: ImportMode::Lines,
        update: true,
        format: "csv".to_owned(),
        total_bytes: Some(100),
    };
    let begun = ImportJobRecord::new(id(), id(), &terms, "ada", time());
    let under_way = ImportJobRecord {
        state: ImportState::Stopped,
        records: 5,
        line: 6,
        bytes: 70,
        digest: "d1".to_owned(),
        counted: 2,
        created: 1,
        updated: 2,
        unchanged: 3,
        failed: 4,
        first_version: 8,
        last_version: 9,
        ..begun
    };
    reads_and_writes(
        &under_way,
        r#"{"V":1,"Id":"01928f5e-0000-7000-8000-000000000001","State":"Stopped","Run":"01928f5e-0000-7000-8000-000000000001","Atomic":false,"Update":true,"Format":"csv","TotalBytes":100,"Actor":"ada","StartedOn":"2026-01-02T03:04:05.000006Z","ModifiedOn":"2026-01-02T03:04:05.000006Z","Records":5,"Line":6,"Bytes":70,"Digest":"d1","Counted":2,"Created":1,"Updated":2,"Unchanged":3,"Failed":4,"FirstVersion":8,"LastVersion":9}"#,
    );
}

#[test]
fn a_failed_line_of_format_1() {
    use cadastre_api_types::ErrorCode;
    use cadastre_api_types::internal::FailedLine;

    let failed = FailedLine {
        line: 7,
        prefix: Some("10.0.0.1/8".to_owned()),
        tags: vec![("Site".to_owned(), "AMS1".to_owned())],
        description: None,
        code: ErrorCode::InvalidPrefix,
        message: "no".to_owned(),
    };
    reads_and_writes(
        &FailedLineRecord { v: 1, failed },
        r#"{"V":1,"Failed":{"line":7,"prefix":"10.0.0.1/8","tags":[["Site","AMS1"]],"code":"InvalidPrefix","message":"no"}}"#,
    );
}

#[test]
fn things_of_the_providers_side_of_format_1() {
    use cadastre_domain::isp::{
        Entity, NetworkProfile, SubscriberId, VlanBinding, VlanHolder, VlanId, VlanTag,
    };

    let kept = |value| EntityRecord {
        v: 1,
        value,
        created_on: time(),
        modified_on: time(),
        revision: 7,
    };
    let rest = r#""CreatedOn":"2026-01-02T03:04:05.000006Z","ModifiedOn":"2026-01-02T03:04:05.000006Z","Revision":7}"#;
    let subscriber = SubscriberId::new("sub-1").unwrap();
    let tag = VlanTag {
        outer: VlanId::new(100).unwrap(),
        inner: Some(VlanId::new(7).unwrap()),
    };
    let binding = VlanBinding {
        id: id(),
        pool_id: id(),
        domain: "olt-1".to_owned(),
        tag,
        holder: VlanHolder::Subscriber(subscriber.clone()),
    };
    reads_and_writes(
        &kept(Entity::VlanBinding(binding)),
        &format!(
            r#"{{"V":1,"Value":{{"vlanBinding":{{"id":"01928f5e-0000-7000-8000-000000000001","poolId":"01928f5e-0000-7000-8000-000000000001","domain":"olt-1","tag":{{"outer":100,"inner":7}},"holder":{{"subscriber":"sub-1"}}}}}},{rest}"#
        ),
    );
    let profile = NetworkProfile {
        static_ipv4: Some("203.0.113.9".parse().unwrap()),
        ipv6_prefix: Some("2001:db8::/56".parse().unwrap()),
        circuit_id: Some("olt-1/1/1".to_owned()),
        vlan: Some(tag),
        ..NetworkProfile::of(subscriber)
    };
    reads_and_writes(
        &kept(Entity::Profile(profile)),
        &format!(
            r#"{{"V":1,"Value":{{"profile":{{"subscriberId":"sub-1","staticIpv4":"203.0.113.9","ipv6Prefix":"2001:db8::/56","ipv6Mode":"DISABLED","vlan":{{"outer":100,"inner":7}},"circuitId":"olt-1/1/1","option82Policy":"LOG"}}}},{rest}"#
        ),
    );
    reads_and_writes(
        &VlanPlaceRecord {
            v: 1,
            domain: "olt-1".to_owned(),
            tag,
        },
        r#"{"V":1,"Domain":"olt-1","Tag":{"outer":100,"inner":7}}"#,
    );
    reads_and_writes(
        &VlansTakenRecord {
            v: 1,
            taken: "40".to_owned(),
        },
        r#"{"V":1,"Taken":"40"}"#,
    );
}

#[test]
fn a_subscriber_of_format_1() {
    use cadastre_domain::isp::{Entity, Subscriber};

    let golden = r#"{"V":1,"Value":{"subscriber":{"id":"sub-1","subscriberNumber":"100","username":"ann@isp","hasPassword":true,"status":"ACTIVE","serviceType":"RESIDENTIAL","planId":"01928f5e-0000-7000-8000-000000000001","siteId":"ams","tags":{"Region":"eu"},"activatedAt":"2026-01-02T03:04:05.000006Z"}},"CreatedOn":"2026-01-02T03:04:05.000006Z","ModifiedOn":"2026-01-02T03:04:05.000006Z","Revision":7}"#;
    let read = decode::<EntityRecord>(&keys::head(), golden.as_bytes()).unwrap();
    assert_eq!(std::str::from_utf8(&encode(&read)).unwrap(), golden);
    let Entity::Subscriber(Subscriber {
        username,
        plan_id,
        activated_at,
        tags,
        ..
    }) = read.value
    else {
        panic!("{read:?}");
    };
    assert_eq!(
        (username.as_deref(), plan_id, activated_at),
        (Some("ann@isp"), Some(id()), Some(time()))
    );
    assert_eq!(tags.get("Region").map(String::as_str), Some("eu"));
}

#[test]
fn what_is_counted_of_pools_of_format_1() {
    use cadastre_domain::isp::Count;

    let counters = PoolCountersRecord {
        v: 1,
        reserved: Count(1),
        assigned: Count(2),
        resting: Count(3),
        excluded: Count(u128::MAX),
        utilization_alert: None,
        depleted_alert: None,
    };
    let golden = r#"{"V":1,"Reserved":"1","Assigned":"2","Resting":"3","Excluded":"340282366920938463463374607431768211455"}"#;
    reads_and_writes(&counters, golden);
    let alerted = PoolCountersRecord {
        utilization_alert: Some(id()),
        depleted_alert: Some(id()),
        ..counters
    };
    let alerts = r#","UtilizationAlert":"01928f5e-0000-7000-8000-000000000001","DepletedAlert":"01928f5e-0000-7000-8000-000000000001"}"#;
    reads_and_writes(&alerted, &golden.replace('}', alerts));
    reads_and_writes(
        &PoolDayRecord {
            v: 1,
            taken: Count(5),
            given_back: Count(4),
        },
        r#"{"V":1,"Taken":"5","GivenBack":"4"}"#,
    );
}

#[test]
fn secrets_and_owners_of_format_1() {
    use cadastre_domain::isp::{SealedSecret, SubscriberId};

    let secret = SealedSecret {
        key_id: "k1".to_owned(),
        sealed: "c2VhbGVk".to_owned(),
    };
    reads_and_writes(
        &SecretRecord { v: 1, secret },
        r#"{"V":1,"Secret":{"keyId":"k1","sealed":"c2VhbGVk"}}"#,
    );
    reads_and_writes(
        &OwnerRecord {
            v: 1,
            id: Some(id()),
            subscriber_id: None,
        },
        r#"{"V":1,"Id":"01928f5e-0000-7000-8000-000000000001"}"#,
    );
    reads_and_writes(
        &OwnerRecord {
            v: 1,
            id: None,
            subscriber_id: Some(SubscriberId::new("sub-1").unwrap()),
        },
        r#"{"V":1,"SubscriberId":"sub-1"}"#,
    );
}
