//! Commands as the outside sees them: dry runs beside the writer, everything else through it, and the
//! verification of a changed tag definition against very many nodes before the writer sees it.

use std::sync::Arc;

use cadastre_api_types::internal::{CallContext, CommandOutcome, SpaceCommand, SpaceCommandRequest};
use cadastre_api_types::{ApiError, ErrorCode};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::SpaceHandle;
use super::context::Resolver;
use super::decide::{Decider, Decision};
use super::definition::{setters_to_verify, verify_setters};
use super::handle::Published;
use super::revert;
use super::writer::{Done, Work, submit};
use crate::clock::micros;
use crate::errors::{Failure, Outcome};

/// Rounds of verifying outside and trying inside before a busy space wins.
const VERIFY_ROUNDS: usize = 6;

/// Where writers run.
#[derive(Clone, Debug)]
pub(crate) struct Workshop {
    pub tasks: TaskTracker,
    pub runtime: tokio::runtime::Handle,
    /// Cancelled at shutdown: writers finish what waits and end.
    pub stop: CancellationToken,
}

impl SpaceHandle {
    /// Does, or plans, a command.
    pub(crate) async fn command(
        self: &Arc<Self>,
        workshop: &Workshop,
        context: &CallContext,
        request: SpaceCommandRequest,
    ) -> Result<CommandOutcome, ApiError> {
        if request.options.dry_run {
            return Ok(self.plan(context, &request).await?);
        }
        let mut verified_at = None;
        for _ in 0..VERIFY_ROUNDS {
            let work = Work::Command(Box::new(request.clone()), verified_at);
            match submit(self, workshop, context.clone(), work).await? {
                Done::Outcome(outcome) => return Ok(*outcome),
                Done::Fenced | Done::Tidy | Done::Free(_) | Done::Imported(_) => {
                    unreachable!("a command is answered with its outcome")
                }
                Done::VerifyFirst => verified_at = Some(self.verify(&request).await?),
            }
        }
        Err(ApiError::new(
            ErrorCode::Contention,
            "This definition concerns very many nodes, and the space changes faster than they can be checked. Nothing was \
             changed; try again when it is calmer.",
        ))
    }

    /// Decides on what is durable and commits nothing.
    async fn plan(
        self: &Arc<Self>,
        context: &CallContext,
        request: &SpaceCommandRequest,
    ) -> Outcome<CommandOutcome> {
        let mut decided = self.decide_durable(context, request, None).await;
        if let Ok(Decision::VerifyFirst) = decided {
            let verified = match self.verify(request).await {
                Ok(version) => self.decide_durable(context, request, Some(version)).await,
                Err(failure) => Err(failure),
            };
            decided = verified;
        }
        match decided {
            Ok(Decision::Change(effects)) => Ok(CommandOutcome::Planned {
                changes: effects.changes,
                conflict: None,
            }),
            Ok(Decision::Unchanged(_) | Decision::Same(_) | Decision::VerifyFirst) => {
                Ok(CommandOutcome::Planned {
                    changes: Vec::new(),
                    conflict: None,
                })
            }
            Ok(Decision::Blocked(blocked)) => Ok(CommandOutcome::Planned {
                changes: blocked.changes,
                conflict: Some(blocked.error),
            }),
            Err(Failure::Refused(error)) if error.code.status() == 409 || is_rule(error.code) => {
                Ok(CommandOutcome::Planned {
                    changes: Vec::new(),
                    conflict: Some(*error),
                })
            }
            Err(failure) => Err(failure),
        }
    }

    async fn decide_durable(
        self: &Arc<Self>,
        context: &CallContext,
        request: &SpaceCommandRequest,
        verified_at: Option<u64>,
    ) -> Outcome<Decision> {
        self.consistent(|published| async move {
            self.durable_decider(&published, context, verified_at)
                .decide(request)
                .await
        })
        .await
    }

    /// Decides on what is durable, for whoever commits nothing.
    pub(super) fn durable_decider<'a>(
        &'a self,
        published: &'a Published,
        context: &'a CallContext,
        verified_at: Option<u64>,
    ) -> Decider<'a> {
        let limits = self.store.limits();
        Decider {
            resolver: self.own_resolver(published),
            context,
            time: micros(self.config.clock.now()).max(published.head.last_time),
            version: published.head.version + 1,
            commit_rows: limits.batch_rows,
            value_bytes: limits.value_bytes,
            verify_rows: self.config.verify_rows_in_writer,
            verified_at,
            free: None,
            book: &published.book,
        }
    }

    /// Checks all nodes that a changed definition concerns, outside the writer; the version this is true of.
    async fn verify(self: &Arc<Self>, request: &SpaceCommandRequest) -> Outcome<u64> {
        let definition = match &request.command {
            SpaceCommand::UpdateTag { definition } => Some(definition.clone()),
            SpaceCommand::Revert { version, .. } => {
                revert::definition_restored(self.durable(), *version).await?
            }
            SpaceCommand::CreateNode { .. }
            | SpaceCommand::UpdateNode { .. }
            | SpaceCommand::DeleteNode { .. }
            | SpaceCommand::Allocate { .. }
            | SpaceCommand::CreateTag { .. }
            | SpaceCommand::DeleteTag { .. }
            | SpaceCommand::SplitNode { .. }
            | SpaceCommand::MergeNodes { .. }
            | SpaceCommand::ResizeNode { .. }
            | SpaceCommand::Isp(_) => None,
        };
        let Some(definition) = definition else {
            return Ok(self.published().head.version);
        };
        let published = self.current().await?;
        let version = published.head.version;
        let old = &published.vocabulary;
        let new = old
            .with(definition.clone())
            .map_err(|error| Failure::refused(ErrorCode::InvalidTagDefinition, error.to_string()))?;
        let resolver = Resolver::uncached(self.durable(), &published.head, &new);
        verify_setters(&resolver, &setters_to_verify(old, &new, &definition.name), None).await?;
        Ok(version)
    }
}

/// Refusals that a plan reports as a conflict; the others (not found, not allowed, stale) are answered as such.
fn is_rule(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::InvalidParent
            | ErrorCode::UndefinedTag
            | ErrorCode::UnknownTagValue
            | ErrorCode::TooManyTags
            | ErrorCode::InvalidTagDefinition
            | ErrorCode::TagCycle
            | ErrorCode::TagInUse
            | ErrorCode::CommandTooLarge
            | ErrorCode::InvalidPrefixLength
    )
}
