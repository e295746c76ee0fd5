//! Which spaces may have a plan: a row each beside the catalogue, written before the plan and removed after the fold.
//! One too many is possible, one too few is not.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cadastre_storage::{RowKey, Store, Write};
use uuid::Uuid;

use crate::errors::Outcome;
use crate::keys;
use crate::rows::Rows;
use crate::watch::Watch;

/// Hints that are looked at in one go.
const MOST: usize = 10_000;

/// Spaces with a hint that has been there for too long, each with its hints.
pub(crate) async fn overdue(store: &Arc<dyn Store>, watch: &mut Watch) -> Outcome<Vec<(Uuid, Vec<RowKey>)>> {
    let mut overdue: HashMap<Uuid, Vec<RowKey>> = HashMap::new();
    for key in watch.still(read(store).await?.iter()) {
        if let Some(space) = keys::parse_plan_hint(&key) {
            overdue.entry(space).or_default().push(key);
        }
    }
    Ok(overdue.into_iter().collect())
}

/// Removes hints of a space that was tidied after they had been seen.
pub(crate) async fn forget(store: &Arc<dyn Store>, hints: Vec<RowKey>) -> Outcome<()> {
    for key in hints {
        store
            .commit(&keys::system_partition(), vec![Write::Delete { key }])
            .await?;
    }
    Ok(())
}

async fn read(store: &Arc<dyn Store>) -> Outcome<Vec<RowKey>> {
    let partition = keys::system_partition();
    let (found, _) = Rows::durable(store, &partition)
        .scan(&keys::plan_hints(), MOST)
        .await?;
    Ok(found.into_iter().map(|(key, _)| key).collect())
}

/// The spaces that may have a plan.
pub(crate) async fn spaces_with_plans(store: &Arc<dyn Store>) -> Outcome<HashSet<Uuid>> {
    Ok(read(store)
        .await?
        .iter()
        .filter_map(keys::parse_plan_hint)
        .collect())
}
