//! What a group of commands promises: everybody's answer is true of what is durable, whatever goes wrong.

use std::sync::Arc;
use std::time::Duration;

use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::*;
use cadastre_storage::{Fault, FaultPlan, FaultStore, Gate, MemoryStore, Op, Rule, Store, StoreError, Write};
use uuid::Uuid;

use crate::support::*;

struct Bench {
    store: Arc<FaultStore<MemoryStore>>,
    plan: FaultPlan,
    access: Arc<cadastre_dataaccess::LocalDataAccess>,
    space: Uuid,
}

async fn bench() -> Bench {
    let store = Arc::new(FaultStore::new(MemoryStore::new()));
    let plan = store.plan();
    let access = open(Arc::clone(&store) as Arc<dyn Store>).await;
    let space = new_space(access.as_ref(), "bench").await;
    Bench {
        store,
        plan,
        access,
        space,
    }
}

impl Bench {
    /// Commands that reach the writer while it is busy, and so form one group.
    async fn group(
        &self,
        commands: Vec<SpaceCommand>,
    ) -> Vec<Result<CommandOutcome, cadastre_api_types::ApiError>> {
        // The first command's commit waits until the others have gathered behind it.
        let gate = Gate::new();
        self.plan
            .inject(Rule::once(Op::Commit, Fault::Hold(gate.clone())));
        let first = tokio::spawn({
            let (access, space) = (Arc::clone(&self.access), self.space);
            async move { run(access.as_ref(), space, create("192.0.2.0/32", &[])).await }
        });
        gate.reached().await;
        // Polled once in this order, each command stands in the queue; then the gate is opened.
        let waiting = commands
            .into_iter()
            .map(|command| run(self.access.as_ref(), self.space, command));
        let commits = self.plan.count(Op::Commit);
        let (answers, ()) = tokio::join!(futures::future::join_all(waiting), async { gate.release() });
        first.await.unwrap().unwrap();
        assert!(
            self.plan.count(Op::Commit) > commits,
            "there was a group to commit"
        );
        run(
            self.access.as_ref(),
            self.space,
            delete_of(self.access.as_ref(), self.space, "192.0.2.0/32").await,
        )
        .await
        .unwrap();
        answers
    }

    /// What a fresh start finds.
    async fn durable(&self) -> Vec<String> {
        self.plan.clear();
        let again = open(Arc::clone(&self.store) as Arc<dyn Store>).await;
        let nodes = all(
            again.as_ref(),
            &context(),
            self.space,
            NodeSelection::All,
            &[],
            100,
        )
        .await
        .unwrap();
        nodes.iter().map(|node| node.prefix.to_string()).collect()
    }
}

async fn delete_of(access: &dyn DataAccess, space: Uuid, text: &str) -> SpaceCommand {
    SpaceCommand::DeleteNode {
        id: node(access, space, text).await.unwrap().id,
    }
}

fn touches(text: &'static str) -> impl Fn(&[Write]) -> bool + Send + Sync {
    move |writes| {
        writes.iter().any(|write| match write {
            Write::Put { value, .. } => String::from_utf8_lossy(value).contains(text),
            _ => false,
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_that_wait_together_share_one_commit() {
    let bench = bench().await;
    bench.plan.reset_counts();
    let answers = bench
        .group((0..20).map(|i| create(&format!("10.0.{i}.0/24"), &[])).collect())
        .await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    // The one that was waited for, the group, the deletion: three, if all 20 came in time.
    assert!(
        bench.plan.count(Op::Commit) <= 3,
        "{} commits",
        bench.plan.count(Op::Commit)
    );
    let versions: Vec<u64> = answers
        .into_iter()
        .map(|answer| match answer.unwrap() {
            CommandOutcome::Committed { version, .. } => version,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(
        versions.is_sorted() && versions.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "{versions:?}"
    );
    let journal = rows(bench.store.as_ref(), &bench.space.to_string(), "j_").await;
    assert_eq!(journal.len(), 22, "every command has a journal row of its own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_refused_because_of_an_earlier_one_of_its_group_is_told_the_truth() {
    let bench = bench().await;
    let answers = bench
        .group(vec![
            create("10.0.0.0/8", &[]),
            create("10.0.0.0/8", &[]),
            create("10.1.0.0/16", &[]),
        ])
        .await;
    let parent = node_of(answers[0].clone().unwrap());
    assert_eq!(answers[1].as_ref().unwrap_err().code, ErrorCode::Duplicate);
    assert_eq!(
        node_of(answers[2].clone().unwrap()).parent_id,
        Some(parent.id),
        "decided on the earlier one's effect"
    );
    assert_eq!(bench.durable().await, ["10.0.0.0/8", "10.1.0.0/16"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_a_group_fails_its_commands_run_one_by_one_and_only_the_bad_one_sinks() {
    let bench = bench().await;
    bench
        .plan
        .inject(Rule::always(Op::Commit, Fault::Unavailable).when(touches("10.66.0.0/16")));
    let answers = bench
        .group(vec![
            create("10.65.0.0/16", &[]),
            create("10.66.0.0/16", &[]),
            // Refused only if the one before it is there, and it is not.
            create("10.66.0.0/16", &[]),
            create("10.67.0.0/16", &[]),
        ])
        .await;
    assert!(answers[0].is_ok() && answers[3].is_ok(), "{answers:?}");
    assert_eq!(answers[1].as_ref().unwrap_err().code, ErrorCode::StoreUnavailable);
    assert_eq!(
        answers[2].as_ref().unwrap_err().code,
        ErrorCode::StoreUnavailable,
        "not Duplicate: nothing is there"
    );
    assert_eq!(bench.durable().await, ["10.65.0.0/16", "10.67.0.0/16"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_outcome_that_happened_is_answered_as_done_and_never_done_twice() {
    let bench = bench().await;
    bench
        .plan
        .inject(Rule::once(Op::Commit, Fault::LostAnswer).when(touches("10.65.0.0/16")));
    let answers = bench
        .group(vec![
            create("10.65.0.0/16", &[]),
            create("10.65.0.0/16", &[]),
            create("10.66.0.0/16", &[]),
        ])
        .await;
    assert!(answers[0].is_ok() && answers[2].is_ok(), "{answers:?}");
    assert_eq!(answers[1].as_ref().unwrap_err().code, ErrorCode::Duplicate);
    assert_eq!(bench.durable().await, ["10.65.0.0/16", "10.66.0.0/16"]);
    let journal = rows(bench.store.as_ref(), &bench.space.to_string(), "j_").await;
    assert_eq!(journal.len(), 4, "two nodes, and the helper's two commands");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_outcome_that_did_not_happen_is_decided_again() {
    let bench = bench().await;
    bench
        .plan
        .inject(Rule::once(Op::Commit, Fault::LostRequest).when(touches("10.65.0.0/16")));
    let answers = bench
        .group(vec![create("10.65.0.0/16", &[]), create("10.66.0.0/16", &[])])
        .await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(bench.durable().await, ["10.65.0.0/16", "10.66.0.0/16"]);
}

/// The request of an unknown outcome may still be on its way while the next one is refused for sure.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_commit_may_still_happen_nobody_is_told_that_nothing_was_changed_and_nothing_is_done_again() {
    let bench = bench().await;
    bench
        .plan
        .inject(Rule::once(Op::Commit, Fault::LostRequest).when(touches("10.65.0.0/16")));
    bench
        .plan
        .inject(Rule::always(Op::Commit, Fault::Unavailable).when(touches("10.65.0.0/16")));
    bench.plan.reset_counts();
    let answers = bench
        .group(vec![create("10.65.0.0/16", &[]), create("10.66.0.0/16", &[])])
        .await;
    for answer in answers {
        let error = answer.unwrap_err();
        assert!(
            error
                .message
                .contains("did not answer whether the change was made"),
            "{}",
            error.message
        );
    }
    // The one that was waited for, the lost one, the refused one, and the deletion behind: no single ones.
    assert_eq!(bench.plan.count(Op::Commit), 4);
    assert_eq!(bench.durable().await, [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_failure_one_refusal_and_one_unknown_outcome_in_a_group_are_each_answered_truly() {
    let bench = bench().await;
    // The group's commit fails because of one row; alone, that one fails again and another's answer is lost.
    bench
        .plan
        .inject(Rule::always(Op::Commit, Fault::Unavailable).when(touches("10.66.0.0/16")));
    bench.plan.inject(
        Rule::once(Op::Commit, Fault::LostAnswer)
            .when(touches("10.67.0.0/16"))
            .after(1),
    );
    let answers = bench
        .group(vec![
            create("10.65.0.0/16", &[]),
            create("10.65.0.0/16", &[]),
            create("10.66.0.0/16", &[]),
            create("10.67.0.0/16", &[]),
        ])
        .await;
    assert!(answers[0].is_ok(), "{answers:?}");
    assert_eq!(answers[1].as_ref().unwrap_err().code, ErrorCode::Duplicate);
    assert_eq!(answers[2].as_ref().unwrap_err().code, ErrorCode::StoreUnavailable);
    assert!(answers[3].is_ok(), "{answers:?}");
    assert_eq!(bench.durable().await, ["10.65.0.0/16", "10.67.0.0/16"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_never_see_what_is_not_durable() {
    let bench = bench().await;
    bench
        .plan
        .inject(Rule::once(Op::Commit, Fault::Delay(Duration::from_millis(80))));
    let writing = tokio::spawn({
        let (access, space) = (Arc::clone(&bench.access), bench.space);
        async move { run(access.as_ref(), space, create("10.0.0.0/8", &[])).await }
    });
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert_eq!(
        node(bench.access.as_ref(), bench.space, "10.0.0.0/8")
            .await
            .unwrap_err()
            .code,
        ErrorCode::NotFound
    );
    let dry = SpaceCommandRequest {
        space: bench.space,
        command: create("10.0.0.0/8", &[]),
        options: MutationOptions {
            dry_run: true,
            ..Default::default()
        },
    };
    match bench.access.space_command(&context(), dry).await.unwrap() {
        CommandOutcome::Planned { conflict, .. } => {
            assert_eq!(conflict, None, "a dry run does not see it either")
        }
        other => panic!("{other:?}"),
    }
    writing.await.unwrap().unwrap();
    assert!(
        node(bench.access.as_ref(), bench.space, "10.0.0.0/8")
            .await
            .is_ok()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_idempotency_key_is_answered_the_same_after_the_node_has_changed() {
    let bench = bench().await;
    let request = |body: &str| SpaceCommandRequest {
        space: bench.space,
        command: create("10.0.0.0/8", &[]),
        options: MutationOptions {
            idempotency: Some(IdempotencyKey {
                key_hash: "k1".to_owned(),
                body_hash: body.to_owned(),
            }),
            ..Default::default()
        },
    };
    let first = node_of(
        bench
            .access
            .space_command(&context(), request("b"))
            .await
            .unwrap(),
    );
    let command = SpaceCommand::UpdateNode {
        id: first.id,
        tags: Default::default(),
        description: Some("changed".to_owned()),
    };
    run(bench.access.as_ref(), bench.space, command).await.unwrap();
    let again = open(Arc::clone(&bench.store) as Arc<dyn Store>).await;
    match again.space_command(&context(), request("b")).await.unwrap() {
        CommandOutcome::Committed {
            replayed,
            subject: Some(Image::Node(node)),
            ..
        } => {
            assert!(replayed);
            assert_eq!(node, first);
        }
        other => panic!("{other:?}"),
    }
    let other_body = again
        .space_command(&context(), request("other"))
        .await
        .unwrap_err();
    assert_eq!(other_body.code, ErrorCode::IdempotencyMismatch);
}

#[tokio::test]
async fn a_damaged_row_is_reported_and_not_skipped() {
    let bench = bench().await;
    run(bench.access.as_ref(), bench.space, create("10.0.0.0/8", &[]))
        .await
        .unwrap();
    let partition = cadastre_storage::PartitionKey::new(bench.space.to_string()).unwrap();
    let found = rows(bench.store.as_ref(), partition.as_str(), "n_").await;
    let write = Write::Put {
        key: found[0].key.clone(),
        value: "{\"V\":1,\"IpId\":7}".into(),
    };
    bench.store.commit(&partition, vec![write]).await.unwrap();
    let error = node(bench.access.as_ref(), bench.space, "10.0.0.0/8")
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::StoreCorrupt);
    let write = Write::Put {
        key: found[0].key.clone(),
        value: "{\"V\":99}".into(),
    };
    bench
        .store
        .commit(&partition, vec![write])
        .await
        .map_err(|e: StoreError| e)
        .unwrap();
    assert_eq!(
        node(bench.access.as_ref(), bench.space, "10.0.0.0/8")
            .await
            .unwrap_err()
            .code,
        ErrorCode::StoreCorrupt
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_outgrows_one_commit_goes_on_in_the_next() {
    let bench = bench().await;
    for i in 0..30 {
        define(bench.access.as_ref(), bench.space, definition(&format!("T{i}"))).await;
    }
    let names: Vec<String> = (0..30).map(|i| format!("T{i}")).collect();
    let pairs: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
    // 35 rows each: 4,096 rows hold about 117 of them.
    let commands = (0..250)
        .map(|i| create(&format!("10.0.{i}.0/24"), &pairs))
        .collect();
    let answers = bench.group(commands).await;
    assert!(
        answers.iter().all(Result::is_ok),
        "{:?}",
        answers.iter().find(|answer| answer.is_err())
    );
    assert_eq!(bench.durable().await.len(), 250);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_is_refused_when_the_scope_no_longer_holds_the_node() {
    let bench = bench().await;
    let request = || SpaceCommandRequest {
        space: bench.space,
        command: create("10.9.0.0/24", &[]),
        options: MutationOptions {
            idempotency: Some(IdempotencyKey {
                key_hash: "k".to_owned(),
                body_hash: "b".to_owned(),
            }),
            ..MutationOptions::default()
        },
    };
    bench.access.space_command(&context(), request()).await.unwrap();
    let narrowed = scoped(cadastre_domain::Scope::Within(vec![prefix("10.1.0.0/16")]));
    let error = bench
        .access
        .space_command(&narrowed, request())
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::OutsideScope);
}

#[tokio::test]
async fn positions_of_a_narrowed_caller_tell_nothing_of_what_is_hidden() {
    let bench = bench().await;
    for i in 0..40 {
        run(
            bench.access.as_ref(),
            bench.space,
            create(&format!("10.{i}.0.0/16"), &[]),
        )
        .await
        .unwrap();
    }
    let scope = cadastre_domain::Scope::Within(vec![prefix("10.20.0.0/16"), prefix("10.30.0.0/15")]);
    let narrowed = scoped(scope.clone());
    for select in [NodeSelection::Top, NodeSelection::All] {
        let mut after = None;
        let mut seen = Vec::new();
        loop {
            let page = PageRequest { limit: 1, after };
            let query = NodeListQuery {
                space: bench.space,
                select: select.clone(),
                tags: Vec::new(),
                page,
            };
            let page = bench.access.list_nodes(&narrowed, query).await.unwrap();
            seen.extend(page.items.iter().map(|node| node.prefix.to_string()));
            match page.next {
                Some(next) => {
                    assert!(scope.covers(&prefix(&next)), "{next}");
                    after = Some(next);
                }
                None => break,
            }
        }
        assert_eq!(seen, ["10.20.0.0/16", "10.30.0.0/16", "10.31.0.0/16"]);
    }
}
