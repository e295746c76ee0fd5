//! Imports as clients see them.

use cadastre_api_types::internal::{self, ImportView};
use cadastre_api_types::public::{Import, ImportMode, ImportState};

/// An import and how far it is.
pub(crate) fn to_wire(view: ImportView) -> Import {
    Import {
        id: view.id,
        state: match view.state {
            internal::ImportState::Running => ImportState::Running,
            internal::ImportState::Stopped => ImportState::Stopped,
            internal::ImportState::Finished => ImportState::Finished,
        },
        mode: match view.terms.mode {
            internal::ImportMode::Lines => ImportMode::Lines,
            internal::ImportMode::Atomic => ImportMode::Atomic,
        },
        update: view.terms.update,
        format: view.terms.format,
        actor: view.actor,
        started_on: view.started,
        modified_on: view.modified,
        line: view.reached.line,
        bytes: view.reached.bytes,
        total_bytes: view.terms.total_bytes,
        created: view.created,
        updated: view.updated,
        unchanged: view.unchanged,
        failed: view.failed,
        first_version: view.versions.map(|(first, _)| first),
        last_version: view.versions.map(|(_, last)| last),
        failures: Vec::new(),
    }
}
