//! Parameters that many routes share, described once. These types exist for the document only: handlers read
//! queries, headers and paths with `http::{query, preconditions, path}`, which are stricter than a derive.
#![allow(dead_code, reason = "read by the OpenAPI derive only")]

use utoipa::IntoParams;
use uuid::Uuid;

/// The space of a path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
pub(crate) struct SpacePath {
    /// Id of the address space.
    #[param(example = "0198a2b4-5c6d-7e8f-9012-3456789abcde")]
    space_id: Uuid,
}

/// The tag of a path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
pub(crate) struct TagPath {
    /// Name of the tag; case matters.
    #[param(
        example = "Region",
        pattern = "^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$",
        min_length = 1,
        max_length = 64
    )]
    tag_name: String,
}

/// The node of a path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
pub(crate) struct NodePath {
    /// Id of the node.
    #[param(example = "0198a2b4-7777-7abc-8def-0123456789ab")]
    ip_id: Uuid,
}

/// Paging.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct PageParams {
    /// At most this many items.
    #[param(minimum = 1, maximum = 1000, default = 100, example = 100)]
    limit: Option<u32>,
    /// Where to go on: taken from the `Link` header of the page before. It belongs to one list with one set of
    /// filters.
    #[param(pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

/// The import of a path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
pub(crate) struct ImportPath {
    /// Id of the import.
    #[param(example = "0198a2b4-1111-7abc-8def-0123456789ab")]
    import_id: Uuid,
}

/// Which imports are listed.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct ImportListParams {
    /// Only the caller's import with this `Idempotency-Key`.
    #[param(min_length = 1, max_length = 255, pattern = "^[!-~]+$")]
    idempotency_key: Option<String>,
}

/// How a file is imported.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct ImportParams {
    /// `csv` or `ndjson`; by the Content-Type unless it is given.
    #[param(pattern = "^(csv|ndjson)$")]
    format: Option<String>,
    /// `lines`: each line by itself. `atomic`: all or none, at most 10,000.
    #[param(pattern = "^(lines|atomic)$", default = "lines")]
    mode: Option<String>,
    /// `true`: nodes that exist with other tags or another description are changed; tags are replaced as a whole.
    #[param(default = false)]
    update: Option<bool>,
    /// `failed`: the answer is a summary with the first lines that failed. `all`: NDJSON with one line for each line;
    /// `allFailed`: for each that failed.
    #[param(pattern = "^(failed|allFailed|all)$", default = "failed")]
    results: Option<String>,
}

/// What is exported, and how.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct ExportParams {
    /// `csv` or `ndjson`; by `Accept` unless it is given, and CSV if that names neither.
    #[param(pattern = "^(csv|ndjson)$")]
    format: Option<String>,
    /// Only this node and what lies beneath it.
    subtree_of: Option<Uuid>,
}

/// Filters of the list of spaces.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct SpaceFilterParams {
    /// Part of the name; case does not matter.
    #[param(example = "cloud")]
    name_contains: Option<String>,
    /// Made before this moment (RFC 3339), exclusive.
    #[param(value_type = Option<String>, format = DateTime, example = "2027-01-31T10:30:00+01:00")]
    created_before: Option<String>,
    /// Made after this moment (RFC 3339), exclusive.
    #[param(value_type = Option<String>, format = DateTime, example = "2026-01-31T09:30:00Z")]
    created_after: Option<String>,
}

/// Filter by a part of the name.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct NameFilterParam {
    /// Part of the name; case does not matter.
    #[param(example = "reg")]
    name_contains: Option<String>,
}

/// Filters of the list of nodes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct NodeFilterParams {
    /// The node with exactly this prefix.
    #[param(example = "10.1.0.0/16", pattern = "^[0-9A-Fa-f:.]+/[0-9]{1,3}$")]
    prefix: Option<String>,
    /// Direct children of this node; `root` for the nodes at the top.
    #[param(
        example = "root",
        pattern = "^(root|[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})$"
    )]
    parent_id: Option<String>,
}

/// Filter by resolved tags.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct TagFilterParam {
    /// Nodes that resolve to all of these: `tag1=value1,tag2=value2`. In a value, `\,` is a comma and `\\` a
    /// backslash.
    #[param(example = "Region=EuropeWest,Owner=team-networking")]
    tags: Option<String>,
}

/// Which free blocks.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct FittingParam {
    /// Only blocks with room for a prefix of this length.
    #[param(minimum = 1, maximum = 128, example = 24)]
    prefix_length: Option<u8>,
}

/// What to look up.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct LookupParam {
    /// An address, or a prefix.
    #[param(example = "10.1.2.3", pattern = "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$")]
    address: String,
}

/// What to look for.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct SearchParams {
    /// An address, a prefix, the beginning of an address, of a name or of the value of a tag, `Tag=value`, or an id.
    #[param(example = "10.1.2.3", min_length = 1, max_length = 256)]
    q: String,
    /// Only these kinds of things: `space`, `tag`, `ip`, with commas between.
    #[param(example = "space,ip", pattern = "^(space|tag|ip)(,(space|tag|ip))*$")]
    kinds: Option<String>,
    /// Only in this address space; `404` if there is none that the caller may know of.
    #[param(value_type = Option<String>, format = Uuid, example = "0198a2b4-5c6d-7e8f-9012-3456789abcde")]
    address_space_id: Option<String>,
}

/// Planning without doing.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct DryRunParam {
    /// `true`: answers `200` with what would change and what stands in the way; changes nothing.
    #[param(default = false, example = false)]
    dry_run: Option<bool>,
}

/// Conditional changes.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct IfMatchParam {
    /// The `ETag` that the thing must still have, or several with commas between, or `*`. Otherwise `412`.
    #[param(rename = "If-Match", required = false, example = "\"42\"")]
    if_match: String,
}

/// Repeatable creations.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct IdempotencyKeyParam {
    /// Makes the request safe to send again: for 24 hours the same key with the same body gives the same
    /// answer and is done once; with another body it is `409`.
    #[param(
        rename = "Idempotency-Key",
        required = false,
        example = "8e03978e-40d5-43e8-bc93-6894a57f9324",
        pattern = "^[!#-~][!-~]{0,254}$",
        min_length = 1,
        max_length = 255
    )]
    idempotency_key: String,
}

/// A moment of the past.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct AsOfParam {
    /// The state at this moment (RFC 3339) instead of the present one; a change at exactly this time counts. Not in
    /// the future.
    #[param(value_type = Option<String>, format = DateTime, example = "2026-02-01T08:00:00Z")]
    as_of: Option<String>,
}

/// Whose past.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct HistoryPrefixParam {
    /// Exactly this prefix, whatever nodes it had.
    #[param(example = "10.1.0.0/16", pattern = "^[0-9A-Fa-f:.]+/[0-9]{1,3}$")]
    prefix: String,
}

/// Where a change feed begins.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct SinceParam {
    /// Only what came behind this version of the address space, or behind the event with this id. Without it an
    /// array begins with the oldest change that is kept, and a stream with the next one that happens.
    #[param(example = "41", pattern = "^([0-9a-f]{32}-)?[0-9]+$")]
    since: Option<String>,
}

/// The version of a path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
pub(crate) struct VersionPath {
    /// Version of the address space after the change, as in the list of changes.
    #[param(minimum = 1, example = 42)]
    version: u64,
}

/// Resuming a stream.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct LastEventIdParam {
    /// Id of the last event that was received: the stream goes on behind it. It counts more than `since`; browsers
    /// send it by themselves.
    #[param(
        rename = "Last-Event-ID",
        required = false,
        example = "6f9619ff8b86d011b42d00c04fc964ff-41",
        pattern = "^[0-9a-f]{32}-[0-9]+$"
    )]
    last_event_id: String,
}

/// What GraphQL is asked for, and where.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct GraphqlParams {
    /// The document; a page for browsers needs none.
    #[param(example = "{ ipPools { poolName } }")]
    query: Option<String>,
    /// The operation that is meant, if the document has several.
    operation_name: Option<String>,
    /// Values of its variables: an object of JSON.
    variables: Option<String>,
    /// Understood, and without effect.
    extensions: Option<String>,
    /// Id or name of the address space of fields that name none. The header `X-Address-Space` says the same.
    address_space_id: Option<String>,
}
