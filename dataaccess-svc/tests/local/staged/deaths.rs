//! The process that makes one dies on the way, or does not hear what became of it.

use super::*;

/// What the line of the process does at a commit, and from then on.
#[derive(Clone, Copy, Debug)]
enum Death {
    /// The commit does not arrive.
    Before,
    /// It arrives, and nobody hears of it.
    After,
}

/// The process is cut off at the `step`-th of its commits. Whether the commit was still there to be cut off.
async fn cut_off_at(step: u64, death: Death) -> bool {
    let ground = Ground::new(12).await;
    // Only the command commits.
    let one = ground.process_that_works_every(Duration::from_secs(3600)).await;
    // It knows the space already.
    assert_eq!(ground.seen(&one).await.len(), 0);
    let fault = match death {
        Death::Before => Fault::LostRequest,
        Death::After => Fault::LostAnswer,
    };
    let (plan, met) = (one.line.clone(), Arc::new(AtomicBool::new(false)));
    let dead = {
        let met = Arc::clone(&met);
        Fault::run(move || {
            met.store(true, Ordering::SeqCst);
            for op in [Op::Get, Op::GetMany, Op::Scan, Op::LastAtOrBefore] {
                plan.inject(Rule::always(op, Fault::Unavailable));
            }
            async {}
        })
    };
    let at_step = |rule: Rule| rule.when(is_no_lease).after(step);
    one.line.inject(at_step(Rule::once(Op::Commit, dead)));
    one.line.inject(at_step(Rule::once(Op::Commit, fault)));
    one.line
        .inject(at_step(Rule::always(Op::Commit, Fault::Unavailable)));
    let answer = tokio::time::timeout(
        Duration::from_secs(60),
        run(one.access.as_ref(), ground.space, ground.take(10)),
    )
    .await
    .unwrap();

    let two = ground.process().await;
    let seen = ground.seen(&two).await;
    assert!(
        matches!(seen.len(), 0 | 10),
        "{death:?} {step}: a part is seen: {seen:?}"
    );
    if let Ok(outcome) = answer {
        assert_eq!(made(outcome), seen, "{death:?} {step}: it was acknowledged");
    }
    // The other goes on, and finds what is left.
    let next = made(
        run(two.access.as_ref(), ground.space, ground.take(10))
            .await
            .unwrap(),
    );
    assert!(
        next.iter().all(|prefix| !seen.contains(prefix)),
        "{death:?} {step}"
    );
    let both = ground.seen(&two).await;
    assert_eq!(both.len(), seen.len() + 10, "{death:?} {step}");
    // The dead one comes back and sees the same.
    one.line.clear();
    let again = ground.process().await;
    assert_eq!(ground.seen(&again).await, both);
    assert_eq!(ground.seen(&one).await, both);
    again.access.shutdown().await;
    two.access.shutdown().await;
    one.access.shutdown().await;
    met.load(Ordering::SeqCst)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_off_at_any_step_it_is_done_whole_or_not_at_all() {
    // More steps than there are: those behind the last meet nothing.
    for death in [Death::Before, Death::After] {
        let cut_off =
            futures::future::join_all((0..32).map(|step| tokio::spawn(cut_off_at(step, death)))).await;
        let steps = cut_off.into_iter().filter(|met| *met.as_ref().unwrap()).count();
        assert!(
            (8..32).contains(&steps),
            "there were {steps} steps to be cut off at"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_at_any_step_does_not_do_it_twice() {
    for step in 0.. {
        let ground = Ground::new(12).await;
        let one = ground.process().await;
        one.line
            .inject(Rule::once(Op::Commit, Fault::LostAnswer).after(step));
        let first = made(
            run(one.access.as_ref(), ground.space, ground.take(10))
                .await
                .unwrap(),
        );
        let second = made(
            run(one.access.as_ref(), ground.space, ground.take(10))
                .await
                .unwrap(),
        );
        let seen = ground.seen(&one).await;
        assert_eq!([first, second].concat(), seen, "step {step}");
        one.access.shutdown().await;
        if one.line.injected() == 0 {
            assert!(step > 12, "there were only {step} commits");
            return;
        }
    }
}

/// The process dies between the commit that makes it true and the first of the fold.
async fn dies_before_the_fold(ground: &Ground, process: &Process, count: usize) -> Vec<Prefix> {
    let names_a_plan = |writes: &[Write]| {
        writes.iter().any(|write| match write {
            Write::Replace { value, .. } => String::from_utf8_lossy(value).contains("\"Folded\":0}"),
            _ => false,
        })
    };
    let folds = move |writes: &[Write]| {
        writes.iter().any(|write| matches!(write, Write::Replace { .. })) && !names_a_plan(writes)
    };
    process
        .line
        .inject(Rule::always(Op::Commit, Fault::Unavailable).when(folds));
    made(
        run(process.access.as_ref(), ground.space, ground.take(count))
            .await
            .unwrap(),
    )
}

#[tokio::test]
async fn what_a_process_has_acknowledged_before_it_died_is_found_by_search_in_a_space_that_nobody_has_open() {
    let ground = Ground::new(ROWS).await;
    let one = ground.process().await;
    let taken = dies_before_the_fold(&ground, &one, 200).await;
    let two = ground.process().await;
    let query = SearchQuery {
        terms: SearchTerms::read(&taken[150].addr().to_string()).unwrap(),
        kinds: SearchKinds::ALL,
        space: None,
        readable: ReadableSpaces::All,
        page: PageRequest {
            limit: 10,
            after: None,
        },
    };
    let found = two.access.search(&context(), query).await.unwrap();
    assert!(
        found
            .items
            .iter()
            .any(|found| format!("{found:?}").contains(&taken[150].to_string())),
        "{found:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_process_left_is_finished_by_another_that_nobody_asks() {
    let ground = Ground::new(ROWS).await;
    let one = ground.process().await;
    let taken = dies_before_the_fold(&ground, &one, 200).await;
    let two = ground.process().await;
    while !rows_of_hints(&ground).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    ground.is_clean().await;
    assert_eq!(ground.seen(&two).await, taken);
    // And the one that was thought dead goes on as well.
    one.line.clear();
    run(one.access.as_ref(), ground.space, ground.take(1))
        .await
        .unwrap();
    assert_eq!(ground.seen(&two).await.len(), 201);
}

/// The embedded store: the process is gone, and the next one opens the directory.
#[tokio::test]
async fn a_restart_goes_on_where_the_last_one_died() {
    let memory: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let faulty = FaultStore::new(Shaped::small(Arc::clone(&memory), ROWS));
    let line = faulty.plan();
    let access = open(Arc::new(faulty)).await;
    let ground = Ground::made_by(&access, Arc::clone(&memory), ROWS).await;
    let process = Process { access, line };
    let taken = dies_before_the_fold(&ground, &process, 300).await;
    assert_eq!(ground.seen(&process).await, taken);
    // Two starts: one that only reads before its own attempt to finish is through, one afterwards.
    for _ in 0..2 {
        let again = Process {
            access: open(Arc::new(Shaped::small(Arc::clone(&memory), ROWS))).await,
            line: FaultPlan::new(),
        };
        assert_eq!(ground.seen(&again).await, taken);
        for prefix in [&taken[0], &taken[299]] {
            let seen = node(again.access.as_ref(), ground.space, &prefix.to_string())
                .await
                .unwrap();
            assert_eq!(seen.parent_id, Some(ground.pool));
        }
        while !rows_of_hints(&ground).await.is_empty() {
            tokio::task::yield_now().await;
        }
        again.access.shutdown().await;
    }
    ground.is_clean().await;
}
