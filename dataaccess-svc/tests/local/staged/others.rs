//! Other processes read, write and wait while one is made.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_sees_a_part_of_it_while_it_is_made() {
    let ground = Arc::new(Ground::new(12).await);
    let one = ground.process().await;
    let two = Arc::new(ground.process().await);
    let largest = Arc::new(AtomicU64::new(0));
    // Before every commit of the one, the other reads.
    let looked = {
        let (ground, two, largest) = (Arc::clone(&ground), Arc::clone(&two), Arc::clone(&largest));
        Fault::run(move || {
            let (ground, two, largest) = (Arc::clone(&ground), Arc::clone(&two), Arc::clone(&largest));
            async move {
                let seen = ground.seen(&two).await.len() as u64;
                assert_eq!(seen % 20, 0, "a part of it");
                assert!(seen >= largest.fetch_max(seen, Ordering::SeqCst), "it went back");
            }
        })
    };
    one.line.inject(Rule::always(Op::Commit, looked));
    for round in 1..=3 {
        run(one.access.as_ref(), ground.space, ground.take(20))
            .await
            .unwrap();
        assert_eq!(ground.seen(&two).await.len(), round * 20, "acknowledged");
        assert_eq!(ground.seen(&one).await.len(), round * 20, "acknowledged");
    }
    one.line.clear();
    ground.is_clean().await;
}

/// The addresses that a process sees, in one request.
async fn listed(ground: &Ground, process: &Process, by_tag: bool) -> usize {
    let query = NodeListQuery {
        space: ground.space,
        select: if by_tag {
            NodeSelection::All
        } else {
            NodeSelection::ChildrenOf(ground.pool)
        },
        tags: if by_tag {
            vec![(tag("Owner"), value("me"))]
        } else {
            Vec::new()
        },
        page: PageRequest {
            limit: 1_000,
            after: None,
        },
    };
    let listed = process.access.list_nodes(&context(), query).await.unwrap();
    listed.items.len()
}

/// A reader asks the store once while a part of a command is in its places, and hears the answer when all of it is: of
/// the heads before and after neither names the plan. Whether there was such a call of that kind to be held up.
async fn reads_across_a_fold(by_tag: bool, op: Op, call: u64) -> bool {
    let ground = Arc::new(Ground::new(12).await);
    let one = ground.process_that_works_every(Duration::from_secs(3600)).await;
    let two = Arc::new(ground.process_that_works_every(Duration::from_secs(3600)).await);
    run(one.access.as_ref(), ground.space, ground.take(20))
        .await
        .unwrap();
    // In its places as well.
    while !rows_of_hints(&ground).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(listed(&ground, &two, by_tag).await, 20);
    let (question, answer, fold) = (Gate::new(), Gate::new(), Gate::new());
    let partition = PartitionKey::new(ground.space.to_string()).unwrap();
    for fault in [Fault::Hold(question.clone()), Fault::HoldAnswer(answer.clone())] {
        let held = Rule::once(op, fault).in_partition(&partition).after(call);
        two.line.inject(held);
    }
    let folds = |writes: &[Write]| match writes.first() {
        Some(Write::Replace { key, value, .. }) => {
            let head = String::from_utf8_lossy(value);
            key.as_str() == "head" && head.contains("\"Folded\":") && !head.contains("\"Folded\":0}")
        }
        _ => false,
    };
    // A part of it.
    let held = Rule::once(Op::Commit, Fault::Hold(fold.clone()))
        .when(folds)
        .after(5);
    one.line.inject(held);
    let reader = {
        let (ground, two) = (Arc::clone(&ground), Arc::clone(&two));
        tokio::spawn(async move { listed(&ground, &two, by_tag).await })
    };
    let met = tokio::select! {
        () = question.reached() => true,
        () = async {
            while !reader.is_finished() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        } => false,
    };
    if met {
        run(one.access.as_ref(), ground.space, ground.take(20))
            .await
            .unwrap();
        fold.reached().await;
        question.release();
        answer.reached().await;
        fold.release();
        // It is in its places before the next one is decided.
        run(one.access.as_ref(), ground.space, ground.take(1))
            .await
            .unwrap();
        answer.release();
    }
    let seen = reader.await.unwrap();
    let whole = if met { &[20, 40, 41][..] } else { &[20][..] };
    assert!(whole.contains(&seen), "{op:?} {call}, by tag {by_tag}: {seen}");
    one.access.shutdown().await;
    two.access.shutdown().await;
    met
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_is_held_up_while_it_comes_to_its_places_has_all_of_it_or_nothing() {
    let mut held_up = 0;
    for by_tag in [false, true] {
        for op in [Op::Get, Op::GetMany, Op::Scan, Op::LastAtOrBefore] {
            for call in 0.. {
                if !reads_across_a_fold(by_tag, op, call).await {
                    break;
                }
                held_up += 1;
            }
        }
    }
    assert!(held_up >= 8, "there were {held_up} calls to be held up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_slow_with_it_and_alive_is_left_alone() {
    let ground = Ground::new(12).await;
    let slow = ground.process_that_works_every(Duration::from_secs(3600)).await;
    let other = ground.process_that_works_every(Duration::from_secs(1)).await;
    let moved = Arc::new(AtomicU64::new(0));
    let counted = {
        let moved = Arc::clone(&moved);
        Fault::run(move || {
            moved.fetch_add(1, Ordering::SeqCst);
            async {}
        })
    };
    other
        .line
        .inject(Rule::always(Op::Commit, counted).when(is_no_lease));
    let delay = Rule::always(Op::Commit, Fault::Delay(Duration::from_millis(30)));
    slow.line.inject(delay);
    let began = std::time::Instant::now();
    let taken = made(
        run(slow.access.as_ref(), ground.space, ground.take(300))
            .await
            .unwrap(),
    );
    assert_eq!(ground.seen(&other).await, taken);
    while !rows_of_hints(&ground).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // It was thought dead several times over.
    assert!(began.elapsed() > Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(moved.load(Ordering::SeqCst), 0, "commits of the other");
    ground.is_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_too_long_behind_it_hears_that_nothing_was_done() {
    let ground = Arc::new(Ground::new(12).await);
    let store = FaultStore::new(Shaped::narrow(Arc::clone(&ground.memory), 12));
    let line = store.plan();
    let config = DataAccessConfig {
        queue_patience: Duration::from_millis(200),
        ..DataAccessConfig::default()
    };
    let access = LocalDataAccess::open(Arc::new(store), config).await.unwrap();
    let process = Process { access, line };
    let gate = Gate::new();
    let folds = |writes: &[Write]| match writes.first() {
        Some(Write::Replace { key, value, .. }) => {
            key.as_str() == "head" && !String::from_utf8_lossy(value).contains("\"Folded\":0}")
        }
        _ => false,
    };
    let held = Rule::once(Op::Commit, Fault::Hold(gate.clone())).when(folds);
    process.line.inject(held);
    let taken = made(
        run(process.access.as_ref(), ground.space, ground.take(50))
            .await
            .unwrap(),
    );
    gate.reached().await;
    let waiting = {
        let (ground, access) = (Arc::clone(&ground), Arc::clone(&process.access));
        tokio::spawn(async move { run(access.as_ref(), ground.space, ground.take(1)).await })
    };
    tokio::time::sleep(Duration::from_millis(500)).await;
    gate.release();
    let refused = waiting.await.unwrap().unwrap_err();
    assert_eq!(refused.code, ErrorCode::Overloaded, "{refused:?}");
    assert!(refused.message.contains("Nothing was changed"), "{refused:?}");
    assert_eq!(ground.seen(&process).await, taken);
    let next = made(
        run(process.access.as_ref(), ground.space, ground.take(1))
            .await
            .unwrap(),
    );
    assert!(!taken.contains(&next[0]));
    process.access.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_processes_with_large_commands_on_one_space_come_all_to_an_end() {
    let ground = Arc::new(Ground::new(ROWS).await);
    let mut tasks = Vec::new();
    for count in [30, 1, 60, 40] {
        let (ground, process) = (Arc::clone(&ground), ground.process().await);
        tasks.push(tokio::spawn(async move {
            let mut taken = Vec::new();
            for _ in 0..10 {
                loop {
                    match run(process.access.as_ref(), ground.space, ground.take(count)).await {
                        Ok(outcome) => break taken.extend(made(outcome)),
                        Err(ApiError {
                            code: ErrorCode::Contention,
                            ..
                        }) => {}
                        Err(error) => panic!("{error:?}"),
                    }
                }
            }
            process.access.shutdown().await;
            taken
        }));
    }
    let mut taken = Vec::new();
    for task in tasks {
        taken.extend(task.await.unwrap());
    }
    assert_eq!(taken.len(), 1_310);
    assert_eq!(
        taken.iter().collect::<BTreeSet<_>>().len(),
        1_310,
        "an address twice"
    );
    let process = ground.process().await;
    let mut seen = ground.seen(&process).await;
    seen.sort();
    taken.sort();
    assert_eq!(seen, taken);
    run(process.access.as_ref(), ground.space, ground.take(100))
        .await
        .unwrap();
    process.access.shutdown().await;
}

/// A plan is written down, and before it becomes true somebody tidies up: it must not become true without its rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_process_whose_plan_was_removed_decides_anew() {
    let ground = Arc::new(Ground::new(ROWS).await);
    let slow = ground.process_that_works_every(Duration::from_secs(3600)).await;
    let gate = Gate::new();
    let head = |writes: &[Write]| matches!(writes.first(), Some(Write::Replace { .. }));
    slow.line
        .inject(Rule::once(Op::Commit, Fault::Hold(gate.clone())).when(head));
    let asked = {
        let (ground, access) = (Arc::clone(&ground), Arc::clone(&slow.access));
        tokio::spawn(async move { run(access.as_ref(), ground.space, ground.take(100)).await })
    };
    gate.reached().await;
    assert_eq!(rows_of_hints(&ground).await.len(), 1);
    let other = ground.process().await;
    while !rows_of_hints(&ground).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(ground.seen(&other).await.len(), 0);
    gate.release();
    let taken = made(asked.await.unwrap().unwrap());
    assert_eq!(ground.seen(&other).await, taken);
    ground.is_clean().await;
}
