//! What this layer counts (rendered by the binary at `/metrics`).

use metrics::{counter, histogram};

/// Commands that shared a commit.
pub(crate) fn group(commands: usize) {
    histogram!("cadastre_writer_group_commands").record(commands as f64);
}

/// Rows of a commit, the head among them: what a transaction of the store holds.
pub(crate) fn commit(rows: usize) {
    histogram!("cadastre_writer_commit_rows").record(rows as f64);
}

/// A stored row cannot be read, or does not fit to the others. The store counts what is damaged beneath it.
pub(crate) fn corruption() {
    counter!("cadastre_store_corruption_total").increment(1);
}

/// A commit lost a race.
pub(crate) fn conflict() {
    counter!("cadastre_writer_conflicts_total").increment(1);
}

/// A commit's answer was lost.
pub(crate) fn unknown_outcome() {
    counter!("cadastre_writer_unknown_outcomes_total").increment(1);
}

/// Rows deleted by a purge.
pub(crate) fn purged(rows: usize) {
    counter!("cadastre_purged_rows_total").increment(rows as u64);
}

/// Rows that a command larger than a commit had.
pub(crate) fn staged(rows: usize) {
    histogram!("cadastre_writer_staged_rows").record(rows as f64);
}

/// Rows of such a command that one commit brought to their places.
pub(crate) fn folded(rows: usize) {
    counter!("cadastre_writer_folded_rows_total").increment(rows as u64);
}
