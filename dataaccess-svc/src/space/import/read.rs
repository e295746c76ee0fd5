//! Reading imports: how far one is, all of a space, and the lines that failed.

use cadastre_api_types::internal::{
    CallContext, FailedLine, FailedLinesQuery, ImportListQuery, ImportState, ImportView, Listed,
};
use cadastre_domain::Scope;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::super::SpaceHandle;
use super::super::list::foreign_cursor;
use crate::clock::micros;
use crate::errors::{Failure, Outcome};
use crate::keys;
use crate::records::{FailedLineRecord, ImportJobRecord, decode};

/// An import that has not come forward for so long is not being sent any more: its server has died.
const SILENCE: SignedDuration = SignedDuration::from_secs(60);

/// Whether a caller may know of an import: their own, or any with a role in the whole space.
pub(super) fn mine(import: &ImportJobRecord, context: &CallContext) -> bool {
    context.scope == Scope::Whole || import.actor == context.actor
}

fn view(import: &ImportJobRecord, now: Timestamp) -> ImportView {
    let mut view = import.view();
    if view.state == ImportState::Running && now.duration_since(view.modified) > SILENCE {
        view.state = ImportState::Stopped;
    }
    view
}

fn no_import() -> Failure {
    Failure::not_found("import in this address space")
}

impl SpaceHandle {
    async fn stored_import(&self, context: &CallContext, id: Uuid) -> Outcome<ImportJobRecord> {
        self.current().await?;
        let stored: Option<ImportJobRecord> = self.durable().record(&keys::import(id)).await?;
        stored
            .filter(|import| mine(import, context))
            .ok_or_else(no_import)
    }

    /// How far an import is.
    pub(crate) async fn import(&self, context: &CallContext, id: Uuid) -> Outcome<ImportView> {
        let now = micros(self.config.clock.now());
        Ok(view(&self.stored_import(context, id).await?, now))
    }

    /// Imports, newest first. There are never very many.
    pub(crate) async fn imports(
        &self,
        context: &CallContext,
        query: &ImportListQuery,
    ) -> Outcome<Listed<ImportView>> {
        self.current().await?;
        let now = micros(self.config.clock.now());
        let after: Option<Uuid> = match &query.page.after {
            Some(text) => Some(text.parse().map_err(|_| foreign_cursor())?),
            None => None,
        };
        let mut all = Vec::new();
        let mut range = keys::imports();
        loop {
            let (page, next) = self.durable().scan(&range, 256).await?;
            for (key, bytes) in &page {
                let import: ImportJobRecord = decode(key, bytes)?;
                if mine(&import, context) {
                    all.push(import);
                }
            }
            match next {
                Some(next) => range.start = Some(next),
                None => break,
            }
        }
        all.sort_by_key(|import| std::cmp::Reverse((import.started_on, import.id)));
        let begin = match after {
            None => 0,
            Some(id) => all
                .iter()
                .position(|import| import.id == id)
                .map(|at| at + 1)
                .ok_or_else(foreign_cursor)?,
        };
        let rest = &all[begin..];
        let items: Vec<ImportView> = rest
            .iter()
            .take(query.page.limit)
            .map(|import| view(import, now))
            .collect();
        let more = rest.len() > items.len();
        let next = items.last().filter(|_| more).map(|last| last.id.to_string());
        Ok(Listed { items, next })
    }

    /// The first lines of an import that failed, by their numbers.
    pub(crate) async fn failed_lines(
        &self,
        context: &CallContext,
        query: &FailedLinesQuery,
    ) -> Outcome<Listed<FailedLine>> {
        self.stored_import(context, query.import).await?;
        let after: Option<u64> = match &query.page.after {
            Some(text) => Some(text.parse().map_err(|_| foreign_cursor())?),
            None => None,
        };
        let range = keys::failed_lines(query.import, after);
        let (rows, next) = self.durable().scan(&range, query.page.limit).await?;
        let mut items = Vec::with_capacity(rows.len());
        for (key, bytes) in &rows {
            items.push(decode::<FailedLineRecord>(key, bytes)?.failed);
        }
        let next = next.and_then(|_| items.last().map(|last: &FailedLine| last.line.to_string()));
        Ok(Listed { items, next })
    }
}
