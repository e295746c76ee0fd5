//! Who calls the provider's side, in which address space; and the ways to the data access layer, each of which names the
//! permission that it needs.

use std::sync::Arc;

use cadastre_api_types::internal::IfMatch;
use cadastre_api_types::internal::{
    Account, CallContext, CommandOutcome, Image, IspAnswer, IspAsk, IspCommand, IspGet, IspList, IspListing,
    IspQuestion, Listed, MutationOptions, PageRequest, SpaceCommand, SpaceCommandRequest,
};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::isp::{Entity, EntityKey, Kept};
use cadastre_domain::roles::Permission;
use jiff::Timestamp;
use uuid::Uuid;

use super::outcome::{Committed, Part, Ran};
use crate::convert::plan;
use crate::http::authorized::in_space;
use crate::http::detached::detached;
use crate::state::FrontendState;

/// How often a replacement looks again after others changed the thing in between.
const ATTEMPTS: usize = 4;

/// Somebody who calls the provider's side of an address space.
#[derive(Clone)]
pub(crate) struct IspCaller {
    /// Their account as it is stored now.
    pub(crate) account: Arc<Account>,
    /// The address space of the call.
    pub(crate) space: Uuid,
    /// Correlation id of the request.
    pub(crate) correlation_id: String,
    /// Everything else.
    pub(crate) state: Arc<FrontendState>,
}

impl IspCaller {
    /// The one check of a permission: what a call on behalf of this caller may reach.
    ///
    /// # Errors
    /// `403 Forbidden` naming the permission; `404` for a space that they may not know of.
    pub(crate) fn may(&self, permission: Permission) -> Result<CallContext, ApiError> {
        Ok(CallContext {
            actor: self.account.name.clone(),
            correlation_id: self.correlation_id.clone(),
            scope: in_space(permission, &self.account, self.space)?,
        })
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        self.state.clock.now()
    }

    /// A thing, if it is there.
    pub(crate) async fn find<T: Part>(
        &self,
        permission: Permission,
        key: EntityKey,
    ) -> Result<Option<Kept<T>>, ApiError> {
        let question = IspGet {
            space: self.space,
            keys: vec![key],
        };
        let found = self
            .state
            .access
            .isp_get(&self.may(permission)?, question)
            .await?;
        Ok(found.into_iter().next().flatten().and_then(T::of_kept))
    }

    /// A thing that must be there.
    ///
    /// # Errors
    /// `404 NotFound`.
    pub(crate) async fn get<T: Part>(
        &self,
        permission: Permission,
        key: EntityKey,
    ) -> Result<Kept<T>, ApiError> {
        let noun = key.kind().noun();
        let found = self.find(permission, key).await?;
        found.ok_or_else(|| ApiError::not_found(noun))
    }

    /// A page of things.
    pub(crate) async fn list<T: Part>(
        &self,
        permission: Permission,
        list: IspListing,
        page: PageRequest,
    ) -> Result<Listed<Kept<T>>, ApiError> {
        let question = IspList {
            space: self.space,
            list,
            page,
        };
        let found = self
            .state
            .access
            .isp_list(&self.may(permission)?, question)
            .await?;
        Ok(parts(found))
    }

    /// The answer to a question.
    pub(crate) async fn ask(
        &self,
        permission: Permission,
        question: IspQuestion,
    ) -> Result<IspAnswer, ApiError> {
        let question = IspAsk {
            space: self.space,
            question,
        };
        self.state.access.isp_ask(&self.may(permission)?, question).await
    }

    /// Runs a command to its end, whether or not the client stays.
    pub(crate) async fn command(
        &self,
        permission: Permission,
        command: IspCommand,
        options: MutationOptions,
    ) -> Result<Ran, ApiError> {
        let context = self.may(permission)?;
        let request = SpaceCommandRequest {
            space: self.space,
            command: SpaceCommand::Isp(Box::new(command)),
            options,
        };
        let access = Arc::clone(&self.state.access);
        match detached(async move { access.space_command(&context, request).await }).await? {
            CommandOutcome::Committed {
                subject,
                things,
                replayed,
                unchanged,
                ..
            } => Ok(Ran::Committed(Box::new(Committed {
                subject: match subject {
                    Some(Image::Entity(thing)) => Some(thing),
                    Some(Image::Node(_) | Image::Tag(_)) | None => None,
                },
                things,
                replayed,
                unchanged,
            }))),
            CommandOutcome::Planned { changes, conflict } => {
                Ok(Ran::Planned(plan::of_command(changes, conflict)?))
            }
        }
    }

    /// Replaces a thing by what is decided on the thing as it is stored. The command is bound to the very revision that
    /// was looked at; if others change the thing in between, it starts over.
    ///
    /// # Errors
    /// What `decide` and the command answer, `412` for a stale `If-Match`, `409 Contention` if others never pause.
    pub(crate) async fn replace<T: Part>(
        &self,
        permission: Permission,
        key: EntityKey,
        options: MutationOptions,
        decide: impl Fn(Option<&Kept<T>>) -> Result<IspCommand, ApiError> + Send + Sync,
    ) -> Result<Ran, ApiError> {
        for _ in 0..ATTEMPTS {
            let stored = self.find::<T>(permission, key.clone()).await?;
            let bound = bound(&options, stored.as_ref().map(|kept| kept.revision))?;
            let command = decide(stored.as_ref())?;
            match self.command(permission, command, bound).await {
                Err(error) if error.code == ErrorCode::PreconditionFailed => {}
                outcome => return outcome,
            }
        }
        Err(contention())
    }
}

/// The parts of a list that are of its type, which are all.
pub(crate) fn parts<T: Part>(found: Listed<Kept<Entity>>) -> Listed<Kept<T>> {
    Listed {
        items: found.items.into_iter().filter_map(T::of_kept).collect(),
        next: found.next,
    }
}

/// The options of a command that is bound to the revision that was looked at.
///
/// # Errors
/// `412 PreconditionFailed` if the client wants another one.
pub(crate) fn bound(options: &MutationOptions, revision: Option<u64>) -> Result<MutationOptions, ApiError> {
    let Some(revision) = revision else {
        return Ok(options.clone());
    };
    if options
        .if_match
        .as_ref()
        .is_some_and(|tags| !tags.matches(revision))
    {
        return Err(ApiError::new(
            ErrorCode::PreconditionFailed,
            "It was changed since: it does not have the ETag of your If-Match any more. Read it again.",
        ));
    }
    Ok(MutationOptions {
        if_match: Some(IfMatch::Revisions(vec![revision])),
        ..options.clone()
    })
}

/// `409 Contention`.
pub(crate) fn contention() -> ApiError {
    ApiError::new(
        ErrorCode::Contention,
        "Others changed this again and again. Nothing was changed by this request; read it again and send it once more.",
    )
}

/// How often a replacement that is written out looks again.
pub(crate) const fn attempts() -> std::ops::Range<usize> {
    0..ATTEMPTS
}
