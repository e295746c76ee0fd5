//! `/api/v1/addressspaces/{spaceId}/tags`: the tag definitions of a space.

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::internal::{CommandOutcome, Image, SpaceCommand, TagListQuery, TagQuery};
use cadastre_api_types::public::{DryRun, Tag, TagWrite};

use super::command;
use crate::convert::{plan, tag};
use crate::http::authorized::Authorized;
use crate::http::cursor::Pager;
use crate::http::error::HttpError;
use crate::http::mutation::{self, Compared, compare_and_change};
use crate::http::query::Query;
use crate::http::{body, path, reply};
use crate::openapi::params::{
    DryRunParam, IdempotencyKeyParam, IfMatchParam, NameFilterParam, PageParams, SpacePath, TagPath,
};
use crate::state::FrontendState;

/// Lists the tag definitions of a space by name.
#[utoipa::path(
    get,
    path = "/api/v1/addressspaces/{spaceId}/tags",
    operation_id = "listTags",
    tag = "Tags",
    params(SpacePath, NameFilterParam, PageParams),
    responses((
        status = 200,
        description = "A page of tag definitions.",
        body = [Tag],
        headers(("Link" = String, description = "`<…>; rel=\"next\"`: the next page, if there may be one.")),
        example = json!([crate::openapi::examples::region()]),
    )),
)]
pub(crate) async fn list(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(&request, &["nameContains", "limit", "cursor"])?;
    let pager = Pager::of(&request, &query)?;
    let question = TagListQuery {
        space: caller.space()?,
        name_contains: query.text("nameContains"),
        page: pager.page.clone(),
    };
    let found = state.access.list_tags(&caller.context(), question).await?;
    let items: Vec<Tag> = found.items.into_iter().map(tag::to_wire).collect();
    Ok(reply::page(&items, &pager, found.next.as_deref())?)
}

/// Defines a tag. Tags that it implies must be defined already, and be inheritable.
#[utoipa::path(
    post,
    path = "/api/v1/addressspaces/{spaceId}/tags",
    operation_id = "createTag",
    tag = "Tags",
    params(SpacePath, DryRunParam, IdempotencyKeyParam),
    request_body(content = TagWrite, example = json!(crate::openapi::examples::datacenter_write())),
    responses(
        (
            status = 201,
            description = "The new tag definition.",
            body = Tag,
            headers(
                ("Location" = String, description = "Path of the new tag definition."),
                ("ETag" = String, description = "For `If-Match`."),
                ("Idempotency-Replayed" = String, description = "`true`: the answer to an earlier request with this key."),
            ),
            example = json!(crate::openapi::examples::datacenter()),
        ),
        (status = 200, description = "With `dryRun=true`: what would change.", body = DryRun),
    ),
)]
pub(crate) async fn create(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let sent = body::read::<TagWrite>(&request, payload).await?;
    let options = mutation::of_creation(&request, &caller.account.name, &sent)?;
    let definition = tag::definition_to_create(sent.value)?;
    match command::run(&caller, &state, SpaceCommand::CreateTag { definition }, options).await? {
        CommandOutcome::Committed {
            subject: Some(Image::Tag(made)),
            replayed,
            ..
        } => {
            let location = format!(
                "/api/v1/addressspaces/{}/tags/{}",
                caller.space()?,
                made.definition.name
            );
            let revision = made.revision;
            Ok(reply::created(
                &tag::to_wire(made),
                revision,
                &location,
                replayed,
            )?)
        }
        CommandOutcome::Committed { .. } => Err(reply::unexpected("no tag was made").into()),
        CommandOutcome::Planned { changes, conflict } => {
            Ok(reply::json(&plan::of_command(changes, conflict)?)?)
        }
    }
}

/// One tag definition.
#[utoipa::path(
    get,
    path = "/api/v1/addressspaces/{spaceId}/tags/{tagName}",
    operation_id = "getTag",
    tag = "Tags",
    params(SpacePath, TagPath),
    responses((
        status = 200,
        description = "The tag definition.",
        body = Tag,
        headers(("ETag" = String, description = "For `If-Match`.")),
        example = json!(crate::openapi::examples::region()),
    )),
)]
pub(crate) async fn get(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    Query::of(&request, &[])?;
    let question = TagQuery {
        space: caller.space()?,
        name: path::tag_name(&request)?,
    };
    let found = state.access.get_tag(&caller.context(), question).await?;
    let revision = found.revision;
    Ok(reply::one(&tag::to_wire(found), revision)?)
}

/// Replaces a tag definition as a whole.
///
/// Refused with `400 TagInUse` where it would invalidate a value that nodes carry. What `GET` returned can be
/// sent back: read-only fields are accepted where they equal what is stored.
#[utoipa::path(
    put,
    path = "/api/v1/addressspaces/{spaceId}/tags/{tagName}",
    operation_id = "updateTag",
    tag = "Tags",
    params(SpacePath, TagPath, DryRunParam, IfMatchParam),
    request_body(content = TagWrite, example = json!(crate::openapi::examples::datacenter_write())),
    responses((
        status = 200,
        description = "The tag definition as it is now; with `dryRun=true`, what would change.",
        body = Tag,
        headers(("ETag" = String, description = "For `If-Match`; absent on a dry run.")),
        example = json!(crate::openapi::examples::datacenter()),
    )),
)]
pub(crate) async fn update(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    let name = path::tag_name(&request)?;
    let write = body::read::<TagWrite>(&request, payload).await?.value;
    let options = mutation::of_change(&request)?;
    let definition = tag::definition_to_replace(name.clone(), write.clone())?;
    let attempt = async |options| {
        command::run(
            &caller,
            &state,
            SpaceCommand::UpdateTag {
                definition: definition.clone(),
            },
            options,
        )
        .await
    };
    let outcome = if tag::sends_read_only(&write) {
        let space = caller.space()?;
        let compare = async || {
            let question = TagQuery {
                space,
                name: name.clone(),
            };
            let stored = state.access.get_tag(&caller.context(), question).await?;
            Ok(Compared {
                revision: stored.revision,
                outcome: tag::check_read_only(&write, &stored),
            })
        };
        compare_and_change(options, compare, attempt).await?
    } else {
        attempt(options).await?
    };
    match outcome {
        CommandOutcome::Committed {
            subject: Some(Image::Tag(stored)),
            ..
        } => {
            let revision = stored.revision;
            Ok(reply::one(&tag::to_wire(stored), revision)?)
        }
        CommandOutcome::Committed { .. } => Err(reply::unexpected("no tag is left").into()),
        CommandOutcome::Planned { changes, conflict } => {
            Ok(reply::json(&plan::of_command(changes, conflict)?)?)
        }
    }
}

/// Deletes a tag definition. Refused with `400 TagInUse` while a node carries it.
#[utoipa::path(
    delete,
    path = "/api/v1/addressspaces/{spaceId}/tags/{tagName}",
    operation_id = "deleteTag",
    tag = "Tags",
    params(SpacePath, TagPath, DryRunParam, IfMatchParam),
    responses(
        (status = 204, description = "It is gone."),
        (status = 200, description = "With `dryRun=true`: what would change.", body = DryRun),
    ),
)]
pub(crate) async fn delete(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let command = SpaceCommand::DeleteTag {
        name: path::tag_name(&request)?,
    };
    command::delete(&caller, &state, &request, command).await
}
