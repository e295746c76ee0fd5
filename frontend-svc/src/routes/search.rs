//! `/api/v1/search`: one box that takes anything.

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{SearchKinds, SearchQuery};
use cadastre_api_types::public::SearchResult;
use cadastre_domain::roles::readable_spaces;
use cadastre_domain::search::SearchTerms;
use uuid::Uuid;

use crate::convert::search;
use crate::http::authorized::Authorized;
use crate::http::cursor::Pager;
use crate::http::error::HttpError;
use crate::http::query::{Query, invalid};
use crate::http::wording::{did_you_mean, echo, sentence};
use crate::http::{path, reply};
use crate::openapi::params::{PageParams, SearchParams};
use crate::state::FrontendState;

/// Finds address spaces, tag definitions, nodes, pools and subscribers in all address spaces that the caller may read.
///
/// The text decides what is looked for, and may be several things at once. They are answered in this order, each from
/// the oldest address space to the newest:
///
/// 1. an id: the address space, the node or the pool that has it;
/// 2. an address: the nodes that contain it, longest first (with host bits, as in `10.1.2.3/16`, it is the address of an
///    interface); a prefix: its node and those that contain it;
/// 3. the beginning of an address, such as `10.1.` or `2001:db8:`: the nodes in it;
/// 4. the beginning of an address space's name;
/// 5. the beginning of a pool's name;
/// 6. the beginning of a subscriber's id, of its RADIUS user name, of its number;
/// 7. the beginning of a tag's name, and nodes that set a tag to a value that begins with the text; with `Tag=value`, that
///    tag, and with `Tag=` any value of it. Inherited and implied values are not: the filter `tags` of a list of nodes
///    finds those.
///
/// Case does not matter. What is found for several reasons comes once. How much a page looks at is limited: it may have
/// few results, even none, while there is a next one.
#[utoipa::path(
    get,
    path = "/api/v1/search",
    operation_id = "search",
    tag = "Search",
    params(SearchParams, PageParams),
    responses((
        status = 200,
        description = "A page of what was found. It may have fewer than `limit` while there are more: follow `Link`.",
        body = [SearchResult],
        headers(("Link" = String, description = "`<…>; rel=\"next\"`: the next page, if there may be one.")),
        example = json!([crate::openapi::examples::found()]),
    )),
)]
pub(crate) async fn search(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(&request, &["q", "kinds", "addressSpaceId", "limit", "cursor"])?;
    let pager = Pager::of(&request, &query)?;
    let question = SearchQuery {
        terms: terms(&query)?,
        kinds: kinds(&query)?,
        space: space(&query)?,
        readable: readable_spaces(&caller.account.grants),
        page: pager.page.clone(),
    };
    let found = state.access.search(&caller.context(), question).await?;
    Ok(reply::page(
        &search::to_wire(&found.items),
        &pager,
        found.next.as_deref(),
    )?)
}

fn terms(query: &Query<'_>) -> Result<SearchTerms, ApiError> {
    let Some(text) = query.get("q") else {
        let message = "`q` is missing; write ?q=10.1.2.3, or whatever else is looked for.";
        return Err(invalid("q", message.to_owned()));
    };
    SearchTerms::read(text).map_err(|error| invalid("q", sentence(&error.to_string())))
}

fn space(query: &Query<'_>) -> Result<Option<Uuid>, ApiError> {
    let Some(text) = query.get("addressSpaceId") else {
        return Ok(None);
    };
    path::parse_id(text).map(Some).ok_or_else(|| {
        let message = format!(
            "`addressSpaceId` is `{}`; write the id of an address space, or leave it out to look into all of them.",
            echo(text)
        );
        invalid("addressSpaceId", message)
    })
}

/// Kinds of things, with commas between.
fn kinds(query: &Query<'_>) -> Result<SearchKinds, ApiError> {
    let Some(text) = query.get("kinds") else {
        return Ok(SearchKinds::ALL);
    };
    let mut kinds = SearchKinds::NONE;
    for kind in text.split(',') {
        match kind {
            "space" => kinds.spaces = true,
            "tag" => kinds.tags = true,
            "ip" => kinds.nodes = true,
            "pool" => kinds.pools = true,
            "subscriber" => kinds.subscribers = true,
            other => return Err(unknown_kind(other)),
        }
    }
    Ok(kinds)
}

fn unknown_kind(kind: &str) -> ApiError {
    let hint = did_you_mean(kind, &["space", "tag", "ip", "pool", "subscriber"])
        .map_or_else(|| ".".to_owned(), |meant| format!("; did you mean `{meant}`?"));
    let kind = echo(kind);
    invalid(
        "kinds",
        format!(
            "`{kind}` in `kinds` is no kind of thing{hint} Write one or more of space, tag, ip, pool and subscriber, as in kinds=space,ip."
        ),
    )
}
