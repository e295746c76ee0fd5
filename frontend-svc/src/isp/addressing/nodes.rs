//! The nodes of a plan, made by one atomic import: all of them or none, those above before those beneath. The import
//! also remembers an `Idempotency-Key`: its id is that of the key, and its digest is the body's.

use std::collections::BTreeSet;
use std::sync::Arc;

use cadastre_api_types::internal::{
    IdempotencyKey, ImportLine, ImportMark, ImportMode, ImportPart, ImportQuery, ImportRecord, ImportTerms,
    ImportView, LineOutcome,
};
use cadastre_api_types::public::{DryRun, FailedLine, PlannedConflict};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::Prefix;
use cadastre_domain::isp::addressing::BlockRole;
use cadastre_domain::roles::Permission::IspIpamWrite;
use cadastre_domain::tags::ExplicitTags;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::super::IspCaller;
use super::super::wire::addressing::Asked;
use super::surroundings::Surroundings;
use crate::convert::plan;
use crate::http::detached::detached;
use crate::http::preconditions::id_of_hash;

/// What the list of imports says of it.
const FORMAT: &str = "addressing-plan";

/// The nodes of a plan are there.
pub(super) struct Made {
    /// Those that are new.
    pub(super) created: BTreeSet<Prefix>,
    /// By an earlier request with the same key.
    pub(super) replayed: bool,
}

/// What an earlier request with this key has done.
///
/// # Errors
/// `409 IdempotencyMismatch` if it had another body.
pub(super) async fn earlier(
    caller: &IspCaller,
    key: Option<&IdempotencyKey>,
) -> Result<Option<ImportView>, ApiError> {
    let Some(key) = key else { return Ok(None) };
    let question = ImportQuery {
        space: caller.space,
        import: id_of_hash(&key.key_hash),
    };
    let context = caller.may(IspIpamWrite)?;
    match caller.state.access.get_import(&context, question).await {
        Ok(import) if import.reached.digest == key.body_hash => Ok(Some(import)),
        Ok(_) => Err(ApiError::new(
            ErrorCode::IdempotencyMismatch,
            "This Idempotency-Key was used with another body; use a new key for a new request.",
        )),
        Err(error) if error.code == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes the nodes that are missing; `None` if somebody else has made one of them meanwhile, or the whole import with the
/// same key.
///
/// # Errors
/// What the first node that fails is refused with; nothing was made then.
pub(super) async fn make(
    caller: &IspCaller,
    asked: &Asked,
    there: &Surroundings,
    key: Option<&IdempotencyKey>,
) -> Result<Option<Made>, ApiError> {
    let lines = missing(asked, there);
    let made = |created| Made {
        created,
        replayed: false,
    };
    if lines.is_empty() && key.is_none() {
        return Ok(Some(made(BTreeSet::new())));
    }
    let prefixes: Vec<Prefix> = lines.iter().map(|line| line.prefix).collect();
    let part = part(caller, lines, key, false);
    let (access, context) = (Arc::clone(&caller.state.access), caller.may(IspIpamWrite)?);
    match detached(async move { access.import_part(&context, part).await }).await {
        Ok(report) => {
            let outcomes = prefixes.into_iter().zip(report.outcomes);
            let new = outcomes.filter(|(_, outcome)| *outcome == LineOutcome::Created);
            Ok(Some(made(new.map(|(prefix, _)| prefix).collect())))
        }
        Err(error) if error.code == ErrorCode::ImportStopped => Ok(None),
        Err(error) if error.code == ErrorCode::ImportRefused => match first_failed(&error) {
            Some(failed) if failed.error.code == ErrorCode::Duplicate => Ok(None),
            Some(failed) => Err(refusal(failed)),
            None => Err(error),
        },
        Err(error) => Err(error),
    }
}

/// What making the missing nodes would change.
pub(super) async fn planned(
    caller: &IspCaller,
    asked: &Asked,
    there: &Surroundings,
) -> Result<DryRun, ApiError> {
    let part = part(caller, missing(asked, there), None, true);
    let context = caller.may(IspIpamWrite)?;
    let report = caller.state.access.import_part(&context, part).await?;
    let mut planned = plan::of_command(report.changes, None)?;
    let failed = report.failed.into_iter().map(FailedLine::from).map(refusal);
    planned.conflicts = failed
        .map(|error| PlannedConflict {
            code: error.code,
            message: error.message,
            details: error.details,
        })
        .collect();
    Ok(planned)
}

/// A line for each node that is not there.
fn missing(asked: &Asked, there: &Surroundings) -> Vec<ImportLine> {
    let tags = |level: usize, role: BlockRole| match role {
        BlockRole::Level | BlockRole::SubscriberPool => asked.tags.get(level).cloned().unwrap_or_default(),
        BlockRole::Infrastructure => ExplicitTags::new(),
    };
    let nodes = asked.plan.nodes().into_iter().zip(&asked.plan.blocks);
    nodes
        .filter(|((prefix, _), _)| !there.has_node(prefix))
        .zip(1..)
        .map(|(((prefix, description), block), line)| ImportLine {
            line,
            prefix,
            tags: tags(block.level, block.role),
            description: Some(description),
        })
        .collect()
}

/// The only part of an import.
fn part(
    caller: &IspCaller,
    lines: Vec<ImportLine>,
    key: Option<&IdempotencyKey>,
    dry_run: bool,
) -> ImportPart {
    let number = lines.len() as u64;
    ImportPart {
        space: caller.space,
        import: key.map_or_else(Uuid::now_v7, |key| id_of_hash(&key.key_hash)),
        run: Uuid::now_v7(),
        first: true,
        last: true,
        terms: ImportTerms {
            mode: ImportMode::Atomic,
            update: false,
            format: FORMAT.to_owned(),
            total_bytes: None,
        },
        after: 0,
        upto: ImportMark {
            records: number,
            line: number,
            bytes: 0,
            digest: key.map(|key| key.body_hash.clone()).unwrap_or_default(),
        },
        records: lines.into_iter().map(ImportRecord::Line).collect(),
        dry_run,
    }
}

/// The first line that an atomic import was refused for.
fn first_failed(error: &ApiError) -> Option<FailedLine> {
    let lines = error.details.as_ref()?.get("lines")?.as_array()?;
    FailedLine::deserialize(lines.first()?).ok()
}

/// The error of a node, as its own command would answer it.
fn refusal(failed: FailedLine) -> ApiError {
    let prefix = failed.prefix.unwrap_or_default();
    let message = format!("{prefix}: {} Nothing was made.", failed.error.message);
    ApiError::new(failed.error.code, message).with_details(json!({ "field": "levels", "prefix": prefix }))
}
