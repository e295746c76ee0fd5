//! A journal in memory that tests write by hand.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cadastre_api_types::internal::{
    ChangesPage, ChangesQuery, JournalMark, JournalView, NodeState, Since, ThingChange, ThingState, WaitQuery,
};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::Scope;
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::watch;
use uuid::Uuid;

/// See the module; one for all spaces.
#[derive(Default)]
pub(crate) struct FakeJournal {
    entries: Mutex<Vec<JournalView>>,
    moved: watch::Sender<()>,
    away: AtomicBool,
}

impl FakeJournal {
    pub(crate) const INCARNATION: Uuid = Uuid::from_u128(0xabc);

    /// The id of an event.
    pub(crate) fn id(version: u64) -> String {
        let incarnation = Self::INCARNATION;
        JournalMark { incarnation, version }.to_string()
    }

    /// A command that makes a node.
    pub(crate) fn push(&self, prefix: &str) {
        let mut entries = self.entries.lock();
        let version = entries.len() as u64 + 1;
        let node = NodeState {
            id: Uuid::from_u128(version.into()),
            prefix: prefix.parse().unwrap(),
            tags: Default::default(),
            description: String::new(),
        };
        entries.push(JournalView {
            version,
            time: Timestamp::UNIX_EPOCH,
            actor: "ada".to_owned(),
            correlation_id: "c".to_owned(),
            command: "CreateNode".to_owned(),
            reverts: None,
            changes: vec![ThingChange {
                before: None,
                after: Some(ThingState::Node(node)),
            }],
        });
        drop(entries);
        self.moved.send_replace(());
    }

    /// Nobody answers.
    pub(crate) fn be_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
        self.moved.send_replace(());
    }

    fn check(&self) -> Result<(), ApiError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(ApiError::new(ErrorCode::StoreUnavailable, "away").with_retry_after(1));
        }
        Ok(())
    }

    fn head(&self) -> JournalMark {
        JournalMark {
            incarnation: Self::INCARNATION,
            version: self.entries.lock().len() as u64,
        }
    }

    pub(super) fn changes(&self, scope: &Scope, query: ChangesQuery) -> Result<ChangesPage, ApiError> {
        self.check()?;
        let head = self.head();
        let after = match query.since {
            Since::Beginning => 0,
            Since::Now => head.version,
            Since::Version(version) => version,
            Since::Mark(mark) if mark.incarnation == head.incarnation => mark.version,
            Since::Mark(_) => u64::MAX,
        };
        if after > head.version {
            return Err(ApiError::new(ErrorCode::Gone, "gone"));
        }
        let seen = |entry: &&JournalView| match &entry.changes[0].after {
            Some(ThingState::Node(node)) => scope.covers(&node.prefix),
            Some(ThingState::Tag(_) | ThingState::Entity(_)) | None => true,
        };
        let entries = self.entries.lock();
        let behind = entries
            .iter()
            .skip(usize::try_from(after).unwrap())
            .take(query.limit);
        let reached = behind.clone().next_back().map_or(after, |entry| entry.version);
        Ok(ChangesPage {
            items: behind.filter(seen).cloned().collect(),
            reached: JournalMark {
                version: reached,
                ..head
            },
            head: head.version,
        })
    }

    pub(super) async fn wait(&self, query: WaitQuery) -> Result<JournalMark, ApiError> {
        let mut moved = self.moved.subscribe();
        let waiting = async {
            while self.head() == query.above && self.check().is_ok() {
                let _ = moved.changed().await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_millis(query.at_most_ms), waiting).await;
        self.check()?;
        Ok(self.head())
    }
}
