//! Imports: against the same lines sent as single commands, and the job through stops, takeovers and crashes.

use std::collections::BTreeMap;
use std::sync::Arc;

use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::*;
use cadastre_domain::tags::{ConflictPolicy, ExplicitTags};
use cadastre_domain::{Prefix, Scope};
use cadastre_storage::{Chances, FaultStore, Limits, MemoryStore, Store};
use proptest::prelude::*;
use uuid::Uuid;

use crate::support::*;

fn terms(mode: ImportMode, update: bool) -> ImportTerms {
    ImportTerms {
        mode,
        update,
        format: "csv".to_owned(),
        total_bytes: None,
    }
}

fn line(number: u64, text: &str, pairs: &[(&str, &str)]) -> ImportRecord {
    ImportRecord::Line(ImportLine {
        line: number,
        prefix: prefix(text),
        tags: tags(pairs),
        description: None,
    })
}

/// A file, and how far it was sent.
struct File {
    space: Uuid,
    import: Uuid,
    run: Uuid,
    terms: ImportTerms,
    sent: u64,
    first: bool,
}

impl File {
    fn new(space: Uuid, mode: ImportMode, update: bool) -> Self {
        Self {
            space,
            import: Uuid::now_v7(),
            run: Uuid::now_v7(),
            terms: terms(mode, update),
            sent: 0,
            first: true,
        }
    }

    /// Another request that goes on with it behind so many records.
    fn again(&self, sent: u64) -> Self {
        Self {
            run: Uuid::now_v7(),
            terms: self.terms.clone(),
            sent,
            first: true,
            ..*self
        }
    }

    fn part(&self, records: Vec<ImportRecord>, last: bool) -> ImportPart {
        let upto = self.sent + records.len() as u64;
        ImportPart {
            space: self.space,
            import: self.import,
            run: self.run,
            first: self.first,
            last,
            terms: self.terms.clone(),
            after: self.sent,
            upto: ImportMark {
                records: upto,
                line: upto + 1,
                bytes: upto * 20,
                digest: format!("digest of {upto}"),
            },
            records,
            dry_run: false,
        }
    }

    async fn send(
        &mut self,
        access: &dyn DataAccess,
        records: Vec<ImportRecord>,
        last: bool,
    ) -> Result<ImportPartReport, cadastre_api_types::ApiError> {
        let n = records.len() as u64;
        let report = access.import_part(&context(), self.part(records, last)).await?;
        self.sent += n;
        self.first = false;
        Ok(report)
    }
}

async fn job(access: &dyn DataAccess, file: &File) -> ImportView {
    let query = ImportQuery {
        space: file.space,
        import: file.import,
    };
    access.get_import(&context(), query).await.unwrap()
}

type State = BTreeMap<Prefix, (ExplicitTags, String, ExplicitTags)>;

async fn state(access: &dyn DataAccess, space: Uuid) -> State {
    all(access, &context(), space, NodeSelection::All, &[], 100)
        .await
        .unwrap()
        .into_iter()
        .map(|node| (node.prefix, (node.tags, node.description, node.resolved)))
        .collect()
}

/// A line as single commands.
async fn singly(
    access: &dyn DataAccess,
    space: Uuid,
    line: &ImportLine,
    update: bool,
) -> Result<LineOutcome, ErrorCode> {
    let there = NodeQuery {
        space,
        node: NodeRef::Prefix(line.prefix),
    };
    let there = match access.get_node(&context(), there).await {
        Ok(node) => Some(node),
        Err(error) => {
            assert_eq!(error.code, ErrorCode::NotFound);
            None
        }
    };
    let (command, outcome) = match there {
        None => {
            let command = SpaceCommand::CreateNode {
                id: Uuid::now_v7(),
                prefix: line.prefix,
                parent_id: None,
                tags: line.tags.clone(),
                description: line.description.clone().unwrap_or_default(),
            };
            (command, LineOutcome::Created)
        }
        Some(node) => {
            let same = line
                .description
                .as_ref()
                .is_none_or(|text| *text == node.description);
            if same && node.tags == line.tags {
                return Ok(LineOutcome::Unchanged);
            }
            if !update {
                return Err(ErrorCode::Duplicate);
            }
            let command = SpaceCommand::UpdateNode {
                id: node.id,
                tags: line.tags.clone(),
                description: line.description.clone(),
            };
            (command, LineOutcome::Updated)
        }
    };
    run(access, space, command)
        .await
        .map(|_| outcome)
        .map_err(|error| error.code)
}

async fn defined(access: &dyn DataAccess, name: &str) -> Uuid {
    let space = new_space(access, name).await;
    define(access, space, definition("Country")).await;
    define(
        access,
        space,
        implying("Site", &[("Country", &[("AMS", "NL"), ("BER", "DE")])]),
    )
    .await;
    let mut strict = definition("Owner");
    strict.conflict = ConflictPolicy::Reject;
    define(access, space, strict).await;
    space
}

fn some_line() -> impl Strategy<Value = (Prefix, Vec<(&'static str, &'static str)>, Option<String>)> {
    let prefix = prop_oneof![
        (8_u8..=12, 0_u32..4).prop_map(|(len, n)| (len, n)),
        (13_u8..=32, 0_u32..16).prop_map(|(len, n)| (len, n)),
    ]
    .prop_map(|(len, n)| {
        let bits = 0x0A00_0000_u32 | (n << (32 - u32::from(len)) & 0x00FF_FFFF);
        Prefix::new(std::net::Ipv4Addr::from(bits).into(), len)
            .unwrap_or_else(|_| "10.0.0.0/8".parse().unwrap())
    });
    let v6 = (32_u8..=64, 0_u128..8).prop_map(|(len, n)| {
        let bits = (0x2001_0db8_u128 << 96) | n.checked_shl(128 - u32::from(len)).unwrap_or(0);
        Prefix::new(std::net::Ipv6Addr::from(bits).into(), len)
            .unwrap_or_else(|_| "2001:db8::/32".parse().unwrap())
    });
    let tags = prop_oneof![
        3 => Just(vec![]),
        1 => Just(vec![("Site", "AMS")]),
        1 => Just(vec![("Site", "BER")]),
        1 => Just(vec![("Country", "NL")]),
        2 => Just(vec![("Owner", "a")]),
        1 => Just(vec![("Owner", "b")]),
        1 => Just(vec![("Nowhere", "x")]),
    ];
    let text = prop_oneof![3 => Just(None), 1 => "[ab]".prop_map(Some)];
    (prop_oneof![4 => prefix, 1 => v6], tags, text)
}

/// A store whose commits hold little, as a distant service's.
fn small() -> Arc<dyn Store> {
    use cadastre_storage::{
        Etag, KeyRange, Page, PartitionKey, Place, Row, RowKey, Snapshot, StoreError, TablePage, Write,
    };
    #[derive(Debug)]
    struct Small(SharedStore);
    #[async_trait::async_trait]
    impl Store for Small {
        fn limits(&self) -> Limits {
            Limits {
                batch_rows: 100,
                ..self.0.limits()
            }
        }
        async fn get(&self, partition: &PartitionKey, key: &RowKey) -> Result<Option<Row>, StoreError> {
            self.0.get(partition, key).await
        }
        async fn get_many(
            &self,
            partition: &PartitionKey,
            keys: &[RowKey],
        ) -> Result<Vec<Option<Row>>, StoreError> {
            self.0.get_many(partition, keys).await
        }
        async fn scan(
            &self,
            partition: &PartitionKey,
            range: &KeyRange,
            limit: usize,
        ) -> Result<Page, StoreError> {
            self.0.scan(partition, range, limit).await
        }
        async fn last_at_or_before(
            &self,
            partition: &PartitionKey,
            key: &RowKey,
            floor: &RowKey,
        ) -> Result<Option<Row>, StoreError> {
            self.0.last_at_or_before(partition, key, floor).await
        }
        async fn scan_table(&self, after: Option<&Place>, limit: usize) -> Result<TablePage, StoreError> {
            self.0.scan_table(after, limit).await
        }
        async fn snapshot(&self) -> Result<Option<Box<dyn Snapshot>>, StoreError> {
            self.0.snapshot().await
        }
        async fn commit(
            &self,
            partition: &PartitionKey,
            writes: Vec<Write>,
        ) -> Result<Vec<Etag>, StoreError> {
            assert!(writes.len() <= 100, "{} rows in one commit", writes.len());
            self.0.commit(partition, writes).await
        }
        async fn ping(&self) -> Result<(), StoreError> {
            self.0.ping().await
        }
        async fn close(&self) {
            self.0.close().await;
        }
    }
    Arc::new(Small(SharedStore(Arc::new(MemoryStore::new()))))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn an_import_does_what_its_lines_do_one_by_one(
        before in prop::collection::vec(some_line(), 0..12),
        file in prop::collection::vec(some_line(), 1..40),
        update in any::<bool>(),
        parts in 1_usize..4,
        distant in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let access = open(if distant { small() } else { Arc::new(MemoryStore::new()) }).await;
            let (one, other) = (defined(&*access, "One").await, defined(&*access, "Other").await);
            let as_line = |number: u64, line: &(Prefix, Vec<(&str, &str)>, Option<String>)| ImportLine {
                line: number,
                prefix: line.0,
                tags: tags(&line.1),
                description: line.2.clone(),
            };
            for line in &before {
                let line = as_line(0, line);
                let a = singly(&*access, one, &line, true).await;
                let b = singly(&*access, other, &line, true).await;
                prop_assert_eq!(a, b);
            }
            let lines: Vec<ImportLine> = (2..).zip(&file).map(|(n, line)| as_line(n, line)).collect();
            let mut expected = Vec::new();
            for line in &lines {
                expected.push(singly(&*access, one, line, update).await);
            }
            let mut sent = File::new(other, ImportMode::Lines, update);
            let records: Vec<ImportRecord> = lines.into_iter().map(ImportRecord::Line).collect();
            let size = records.len().div_ceil(parts);
            let chunks: Vec<Vec<ImportRecord>> = records.chunks(size).map(<[_]>::to_vec).collect();
            let (mut outcomes, mut failed) = (Vec::new(), BTreeMap::new());
            for (at, chunk) in chunks.iter().enumerate() {
                let report = sent.send(&*access, chunk.clone(), at + 1 == chunks.len()).await.unwrap();
                outcomes.extend(report.outcomes);
                failed.extend(report.failed.into_iter().map(|failed| (failed.line, failed.code)));
            }
            prop_assert_eq!(outcomes.len(), expected.len());
            for (at, (outcome, expected)) in outcomes.iter().zip(&expected).enumerate() {
                match expected {
                    Ok(expected) => prop_assert_eq!(outcome, expected, "line {}", at + 2),
                    Err(code) => prop_assert_eq!(failed.get(&(at as u64 + 2)), Some(code), "line {}", at + 2),
                }
            }
            prop_assert_eq!(state(&*access, one).await, state(&*access, other).await);
            let job = job(&*access, &sent).await;
            let count = |wanted: LineOutcome| outcomes.iter().filter(|outcome| **outcome == wanted).count() as u64;
            prop_assert_eq!(job.state, ImportState::Finished);
            prop_assert_eq!(
                (job.created, job.updated, job.unchanged, job.failed),
                (
                    count(LineOutcome::Created),
                    count(LineOutcome::Updated),
                    count(LineOutcome::Unchanged),
                    count(LineOutcome::Failed),
                )
            );
            // What is free is known from rows that the import wrote, too.
            for space in [one, other] {
                for node in all(&*access, &context(), space, NodeSelection::All, &[], 100).await.unwrap() {
                    let children = all(&*access, &context(), space, NodeSelection::ChildrenOf(node.id), &[], 100)
                        .await
                        .unwrap();
                    let query = UtilizationQuery { space, node: node.id };
                    let used = access.utilization(&context(), query).await.unwrap();
                    let counted: u64 = used.children.iter().map(|(_, count)| count).sum();
                    prop_assert_eq!(counted, children.len() as u64, "{}", node.prefix);
                }
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn an_atomic_import_with_a_bad_line_changes_nothing_and_names_it() {
    let access = memory().await;
    let space = defined(&*access, "Space").await;
    let mut file = File::new(space, ImportMode::Atomic, false);
    let records = vec![
        line(2, "10.0.0.0/8", &[]),
        line(3, "10.1.0.0/16", &[("Nowhere", "x")]),
    ];
    let refused = file.send(&*access, records, true).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::ImportRefused);
    assert!(refused.message.contains("Line 3"), "{}", refused.message);
    assert!(state(&*access, space).await.is_empty());
    let query = ImportQuery {
        space,
        import: file.import,
    };
    let gone = access.get_import(&context(), query).await.unwrap_err();
    assert_eq!(gone.code, ErrorCode::NotFound);
    let mut file = file.again(0);
    let report = file
        .send(
            &*access,
            vec![line(2, "10.0.0.0/8", &[]), line(3, "10.1.0.0/16", &[])],
            true,
        )
        .await
        .unwrap();
    assert_eq!(report.outcomes, [LineOutcome::Created; 2]);
    let (first, last) = report.import.unwrap().versions.unwrap();
    assert_eq!(first, last, "one version");
}

#[tokio::test]
async fn an_import_goes_on_where_it_stopped_and_two_requests_cannot_both_send_it() {
    let access = memory().await;
    let space = new_space(&*access, "Space").await;
    let mut first = File::new(space, ImportMode::Lines, false);
    first
        .send(&*access, vec![line(2, "10.0.0.0/8", &[])], false)
        .await
        .unwrap();
    let stop = ImportStop {
        space,
        import: first.import,
        run: None,
    };
    let stopped = access.stop_import(&context(), stop).await.unwrap();
    assert_eq!(stopped.state, ImportState::Stopped);
    let refused = first
        .send(&*access, vec![line(3, "10.1.0.0/16", &[])], false)
        .await
        .unwrap_err();
    assert_eq!(refused.code, ErrorCode::ImportStopped);
    let mut second = first.again(1);
    second
        .send(&*access, vec![line(3, "10.1.0.0/16", &[])], false)
        .await
        .unwrap();
    let refused = first
        .send(&*access, vec![line(3, "10.1.0.0/16", &[])], false)
        .await
        .unwrap_err();
    assert_eq!(refused.code, ErrorCode::ImportStopped, "{}", refused.message);
    // A request that has read an older state begins where nothing is missing any more.
    let mut late = first.again(1);
    let refused = late
        .send(&*access, vec![line(3, "10.1.0.0/16", &[])], true)
        .await
        .unwrap_err();
    assert_eq!(refused.code, ErrorCode::ImportStopped);
    second
        .send(&*access, vec![line(4, "10.2.0.0/16", &[])], true)
        .await
        .unwrap();
    let done = job(&*access, &second).await;
    assert_eq!(
        (done.state, done.created, done.reached.records),
        (ImportState::Finished, 3, 3)
    );
    // To stop what is finished, or another request's, changes nothing.
    let now = access.stop_import(&context(), stop).await.unwrap();
    assert_eq!(now, done);
}

#[tokio::test]
async fn lines_outside_the_scope_fail_by_themselves_and_jobs_of_others_are_not_shown() {
    let access = memory().await;
    let space = new_space(&*access, "Space").await;
    run(&*access, space, create("10.0.0.0/8", &[])).await.unwrap();
    let narrowed = CallContext {
        actor: "narrowed".to_owned(),
        ..scoped(Scope::within([prefix("10.1.0.0/16")]))
    };
    let file = File::new(space, ImportMode::Lines, false);
    let records = vec![line(2, "10.1.2.0/24", &[]), line(3, "10.2.0.0/24", &[])];
    let report = access
        .import_part(&narrowed, file.part(records, true))
        .await
        .unwrap();
    assert_eq!(report.outcomes, [LineOutcome::Created, LineOutcome::Failed]);
    assert_eq!(report.failed[0].code, ErrorCode::OutsideScope);
    let lines = FailedLinesQuery {
        space,
        import: file.import,
        page: PageRequest {
            limit: 10,
            after: None,
        },
    };
    let failed = access.list_failed_lines(&narrowed, lines.clone()).await.unwrap();
    assert_eq!(failed.items, report.failed);
    let other = CallContext {
        actor: "other".to_owned(),
        ..narrowed.clone()
    };
    let hidden = access.list_failed_lines(&other, lines).await.unwrap_err();
    assert_eq!(hidden.code, ErrorCode::NotFound);
    let list = ImportListQuery {
        space,
        page: PageRequest {
            limit: 10,
            after: None,
        },
    };
    assert!(
        access
            .list_imports(&other, list.clone())
            .await
            .unwrap()
            .items
            .is_empty()
    );
    assert_eq!(
        access.list_imports(&context(), list).await.unwrap().items.len(),
        1
    );
}

#[tokio::test]
async fn the_hundred_newest_imports_are_kept() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let access = open(Arc::clone(&store)).await;
    let space = new_space(&*access, "Space").await;
    let mut files = Vec::new();
    for n in 0..103 {
        let mut file = File::new(space, ImportMode::Lines, false);
        let text = format!("10.0.{n}.0/24");
        file.send(&*access, vec![line(2, &text, &[("Nowhere", "x")])], true)
            .await
            .unwrap();
        files.push(file);
    }
    let list = |after| ImportListQuery {
        space,
        page: PageRequest { limit: 60, after },
    };
    let first = access.list_imports(&context(), list(None)).await.unwrap();
    let second = access
        .list_imports(&context(), list(first.next.clone()))
        .await
        .unwrap();
    let told: Vec<Uuid> = first
        .items
        .iter()
        .chain(&second.items)
        .map(|import| import.id)
        .collect();
    let expected: Vec<Uuid> = files.iter().rev().take(100).map(|file| file.import).collect();
    assert_eq!(told, expected);
    assert_eq!(second.next, None);
    let kept = rows(store.as_ref(), &space.to_string(), "l_").await;
    assert_eq!(kept.len(), 100, "failed lines go with their import");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_failing_store_every_line_that_was_settled_is_there_and_the_counts_are_right() {
    for seed in 0..8 {
        // On the odd ones a part needs several commits.
        let inner: Arc<dyn Store> = if seed % 2 == 0 {
            Arc::new(MemoryStore::new())
        } else {
            small()
        };
        let store = FaultStore::new(inner);
        let plan = store.plan();
        let access = open(Arc::new(store)).await;
        let space = new_space(&*access, "Space").await;
        plan.randomly(
            seed,
            Chances {
                unavailable: 0.05,
                lost_answer: 0.1,
                ..Chances::default()
            },
        );
        let mut file = File::new(space, ImportMode::Lines, false);
        let mut at = 0_u64;
        let mut attempts = 0;
        while at < 400 {
            attempts += 1;
            assert!(attempts < 2_000, "never gets to its end");
            let records: Vec<ImportRecord> = (at..(at + 20).min(400))
                .map(|n| line(n + 2, &format!("10.{}.{}.0/24", n / 256, n % 256), &[]))
                .collect();
            match file.send(&*access, records, at + 20 >= 400).await {
                Ok(_) => at = file.sent,
                Err(_) => {
                    // As a client does: ask where it stands, and go on there with another request.
                    let query = ImportQuery {
                        space,
                        import: file.import,
                    };
                    match access.get_import(&context(), query).await {
                        Ok(view) => {
                            at = view.reached.records;
                            file = file.again(at);
                        }
                        Err(error) if error.code == ErrorCode::NotFound => file = file.again(0),
                        Err(_) => {}
                    }
                }
            }
        }
        plan.clear();
        let found = state(&*access, space).await;
        let job = job(&*access, &file).await;
        assert_eq!(found.len(), 400, "seed {seed}");
        assert_eq!(
            (job.state, job.created, job.unchanged, job.failed),
            (ImportState::Finished, 400, 0, 0),
            "seed {seed}: nothing is counted twice"
        );
    }
}
