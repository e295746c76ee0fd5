//! Reads of the provider's side: things by their keys, as a caller may see them.

use cadastre_domain::Scope;
use cadastre_domain::isp::{Entity, EntityKey, Kept};

use super::super::SpaceHandle;
use super::journal::is_seen;
use super::places;
use crate::errors::Outcome;

/// Things that one read brings.
const MOST_KEYS: usize = 1_000;

impl SpaceHandle {
    /// Things by their keys; `None` for what is not there, or not for this caller to see.
    pub(crate) async fn isp_get(
        &self,
        scope: &Scope,
        wanted: &[EntityKey],
    ) -> Outcome<Vec<Option<Kept<Entity>>>> {
        let wanted = wanted.get(..MOST_KEYS).unwrap_or(wanted);
        self.consistent(|published| async move {
            let others: Vec<EntityKey> = wanted
                .iter()
                .filter(|key| published.book.get(key).is_none())
                .cloned()
                .collect();
            let mut read = if others.is_empty() {
                Vec::new()
            } else {
                places::read(self.durable(), &others).await?
            }
            .into_iter();
            let things = wanted.iter().map(|key| match published.book.get(key) {
                Some(known) => known,
                None => read.next().flatten(),
            });
            Ok(things
                .map(|kept| kept.filter(|kept| is_seen(&kept.value, scope)))
                .collect())
        })
        .await
    }
}
