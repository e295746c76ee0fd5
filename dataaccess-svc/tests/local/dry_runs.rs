//! Dry runs beside those who change the same things: answered, and never with a fault.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cadastre_api_types::internal::*;

use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dry_runs_beside_others_who_allocate_are_answered() {
    let access = memory().await;
    let space = new_space(access.as_ref(), "s").await;
    let pool = node_of(
        run(access.as_ref(), space, create("10.0.0.0/8", &[]))
            .await
            .unwrap(),
    )
    .id;
    let wanted = || allocate(pool, 32, 1);
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..2)
        .map(|_| {
            let (access, stop, wanted) = (Arc::clone(&access), Arc::clone(&stop), wanted());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    run(access.as_ref(), space, wanted.clone()).await.unwrap();
                }
            })
        })
        .collect();
    for _ in 0..2_000 {
        let request = SpaceCommandRequest {
            space,
            command: wanted(),
            options: MutationOptions {
                dry_run: true,
                ..MutationOptions::default()
            },
        };
        let planned = access.space_command(&context(), request).await.unwrap();
        assert!(
            matches!(planned, CommandOutcome::Planned { conflict: None, .. }),
            "{planned:?}"
        );
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
}
