//! `GET …/ips/export`: all nodes of a space as a file, in one state, streamed page by page. What it writes can be
//! imported again.

use std::collections::VecDeque;

use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use cadastre_api_types::internal::{
    CallContext, Listed, NodeListAsOfQuery, NodeListQuery, NodeSelection, NodeView, PageRequest, TagListQuery,
};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::Visibility;
use cadastre_domain::tags::TagName;
use serde::Serialize;
use uuid::Uuid;

use super::imports::terms::Format;
use super::ips::tag_filter;
use crate::http::authorized::{Authorized, authorize};
use crate::http::error::HttpError;
use crate::http::path;
use crate::http::query::{Query, invalid};
use crate::http::wording::echo;
use crate::openapi::params::{AsOfParam, ExportParams, SpacePath, TagFilterParam};
use crate::state::FrontendState;

/// Nodes that are read at a time.
const PAGE: usize = 1_000;

/// The nodes of an address space, or of a subtree, as CSV or NDJSON: prefix, description and the tags that are set, as
/// an import takes them.
///
/// For a role that is narrowed to a subtree: what lies in it. All of it is of one state, whatever changes meanwhile: that of the moment of the request, or of `asOf` (NDJSON only,
/// because the columns of a CSV are the tags that are defined now). A stream that ends without an error is complete.
#[utoipa::path(
    get,
    path = "/api/v1/addressspaces/{spaceId}/ips/export",
    operation_id = "exportIps",
    tag = "Import and export",
    params(SpacePath, ExportParams, TagFilterParam, AsOfParam),
    responses((
        status = 200,
        description = "The file.",
        content(
            (String = "text/csv", example = json!("prefix,description,tag:Site\n10.0.0.0/8,all,\n")),
            (String = "application/x-ndjson", example = json!("{\"prefix\":\"10.0.0.0/8\",\"tags\":{\"Site\":\"AMS1\"}}\n")),
        ),
        headers(("Content-Disposition" = String, description = "A name for the file.")),
    )),
)]
pub(crate) async fn run(
    caller: Authorized,
    state: web::Data<FrontendState>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let query = Query::of(&request, &["format", "subtreeOf", "tags", "asOf"])?;
    let format = match Format::of_query(&query)? {
        Some(format) => format,
        None => accepted(&request),
    };
    let at = query.timestamp("asOf")?;
    if at.is_some() && format == Format::Csv {
        let message = "`asOf` is for NDJSON: the columns of a CSV are the tags that are defined now. Add format=ndjson.";
        return Err(invalid("asOf", message.to_owned()).into());
    }
    let select = match query.get("subtreeOf") {
        None => NodeSelection::All,
        Some(text) => NodeSelection::SubtreeOf(path::parse_id(text).ok_or_else(|| {
            let message = format!("`subtreeOf` is `{}`; it must be the id of a node.", echo(text));
            invalid("subtreeOf", message)
        })?),
    };
    let space = caller.space()?;
    let mut export = Export {
        question: NodeListAsOfQuery {
            at,
            list: NodeListQuery {
                space,
                select,
                tags: tag_filter(&query)?,
                page: PageRequest {
                    limit: PAGE,
                    after: None,
                },
            },
        },
        columns: Vec::new(),
        header: true,
        format,
        ready: VecDeque::new(),
        request: request.clone(),
        state,
    };
    // What cannot be exported is answered as an error, not as a stream that breaks off.
    let first = export.page(&caller.context()).await?;
    if format == Format::Csv {
        // Behind the first page, which fixes the state: a tag that a node of it has is defined by now.
        export.columns = columns(&export.state, &caller.context(), space).await?;
    }
    let goes_on = first.next.is_some();
    let ready = export.write(&first.items)?;
    export.ready.push_back(ready);
    export.question.list.page.after = first.next;
    let name = format!("attachment; filename=\"{space}.{}\"", format.name());
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((header::CONTENT_TYPE, format.media_type()))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_DISPOSITION, name));
    if request.method() == Method::HEAD {
        return Ok(answer.finish());
    }
    let pages = futures::stream::unfold(Some((export, goes_on)), |export| async move {
        let (mut export, goes_on) = export?;
        if let Some(ready) = export.ready.pop_front() {
            return Some((Ok(ready), Some((export, goes_on))));
        }
        if !goes_on {
            return None;
        }
        match export.next().await {
            Ok((text, more)) => Some((Ok(text), Some((export, more)))),
            // The connection is closed without the end of the body: the client knows that the file is not whole.
            Err(error) => {
                tracing::warn!(%error, "an export broke off");
                Some((Err(error), None))
            }
        }
    });
    Ok(answer.streaming(pages))
}

/// The format that the client prefers; CSV unless it says otherwise.
fn accepted(request: &HttpRequest) -> Format {
    let accept = request.headers().get_all(header::ACCEPT);
    accept
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find_map(|part| Format::of_media_type(part.trim()))
        .unwrap_or(Format::Csv)
}

/// The tags that are defined, which are the columns of a CSV.
async fn columns(
    state: &FrontendState,
    context: &CallContext,
    space: Uuid,
) -> Result<Vec<TagName>, ApiError> {
    let mut names = Vec::new();
    let mut after = None;
    loop {
        let question = TagListQuery {
            space,
            name_contains: None,
            page: PageRequest { limit: PAGE, after },
        };
        let found = state.access.list_tags(context, question).await?;
        names.extend(found.items.into_iter().map(|tag| tag.definition.name));
        match found.next {
            Some(next) => after = Some(next),
            None => return Ok(names),
        }
    }
}

/// An export under way.
struct Export {
    state: web::Data<FrontendState>,
    request: HttpRequest,
    question: NodeListAsOfQuery,
    format: Format,
    columns: Vec<TagName>,
    /// The header is still to be written.
    header: bool,
    ready: VecDeque<Bytes>,
}

/// A node as a line of NDJSON.
#[derive(Serialize)]
struct Exported<'a> {
    prefix: cadastre_domain::Prefix,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    tags: std::collections::BTreeMap<&'a str, &'a str>,
}

impl Export {
    async fn page(&self, context: &CallContext) -> Result<Listed<NodeView>, ApiError> {
        self.state
            .access
            .list_nodes_as_of(context, self.question.clone())
            .await
    }

    /// The next page; the caller is checked again for it.
    async fn next(&mut self) -> Result<(Bytes, bool), ApiError> {
        let caller = authorize(&self.request).await.map_err(|error| error.0)?;
        let page = self.page(&caller.context()).await?;
        let more = page.next.is_some();
        let text = self.write(&page.items)?;
        self.question.list.page.after = page.next;
        Ok((text, more))
    }

    fn write(&mut self, nodes: &[NodeView]) -> Result<Bytes, ApiError> {
        // Of the nodes above a narrowed role not everything is to be seen, so importing them again would lose it.
        let nodes: Vec<&NodeView> = nodes
            .iter()
            .filter(|node| node.visibility == Visibility::Full)
            .collect();
        self.written(&nodes)
    }

    fn written(&mut self, nodes: &[&NodeView]) -> Result<Bytes, ApiError> {
        match self.format {
            Format::Csv => self.csv(nodes),
            Format::Ndjson => {
                let mut out = Vec::with_capacity(nodes.len() * 96);
                for node in nodes {
                    let line = Exported {
                        prefix: node.prefix,
                        description: &node.description,
                        tags: node
                            .tags
                            .iter()
                            .map(|(name, value)| (name.as_str(), value.as_str()))
                            .collect(),
                    };
                    serde_json::to_writer(&mut out, &line).map_err(|error| unwritten(&error))?;
                    out.push(b'\n');
                }
                Ok(Bytes::from(out))
            }
        }
    }

    fn csv(&mut self, nodes: &[&NodeView]) -> Result<Bytes, ApiError> {
        let mut out = csv::Writer::from_writer(Vec::with_capacity(nodes.len() * 64));
        if std::mem::take(&mut self.header) {
            let tags = self.columns.iter().map(|name| format!("tag:{name}"));
            let fixed = ["prefix", "description"].map(str::to_owned);
            out.write_record(fixed.into_iter().chain(tags))
                .map_err(|error| unwritten(&error))?;
        }
        for node in nodes {
            let known = node
                .tags
                .keys()
                .filter(|name| self.columns.contains(name))
                .count();
            if known < node.tags.len() {
                return Err(ApiError::new(
                    ErrorCode::Contention,
                    format!(
                        "A tag of {} was undefined while the file was written.",
                        node.prefix
                    ),
                ));
            }
            let prefix = node.prefix.to_string();
            let tags = self
                .columns
                .iter()
                .map(|name| node.tags.get(name).map_or("", |value| value.as_str()));
            let fixed = [prefix.as_str(), node.description.as_str()];
            out.write_record(fixed.into_iter().chain(tags))
                .map_err(|error| unwritten(&error))?;
        }
        out.into_inner()
            .map(Bytes::from)
            .map_err(|error| unwritten(error.error()))
    }
}

fn unwritten(error: &dyn std::error::Error) -> ApiError {
    tracing::error!(%error, "a line of an export cannot be written");
    ApiError::new(ErrorCode::Internal, "A fault of the server; the log has more.")
}
