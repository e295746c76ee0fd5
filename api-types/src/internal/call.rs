//! The calls, listed once: [`data_access_calls!`] makes the trait here, the HTTP client and the HTTP server in
//! `dataaccess-svc`. A call is added by adding a line.

use std::sync::Arc;

use async_trait::async_trait;

use super::*;
use crate::error::ApiError;

/// Hands the list of calls to a macro: `name(Request) -> Response, "what it does";`.
#[macro_export]
macro_rules! data_access_calls {
    ($with:path) => {
        $with! {
            ready(()) -> (), "The store answers.";
            change_space(SpaceChangeRequest) -> SpaceChangeOutcome, "Changes the catalogue of spaces.";
            get_space(SpaceQuery) -> SpaceView, "One space.";
            list_spaces(SpaceListQuery) -> Listed<SpaceView>, "Spaces, oldest first.";
            space_command(SpaceCommandRequest) -> CommandOutcome, "Changes nodes or tag definitions.";
            get_tag(TagQuery) -> TagView, "One tag definition.";
            list_tags(TagListQuery) -> Listed<TagView>, "Tag definitions by name.";
            get_node(NodeQuery) -> Arc<NodeView>, "One node with its resolved tags.";
            explain_node(NodeQuery) -> NodeExplained, "Where each resolved tag comes from.";
            list_nodes(NodeListQuery) -> Listed<NodeView>, "Nodes in order of their prefixes.";
            lookup(LookupQuery) -> Vec<NodeView>, "The nodes that contain an address, longest first.";
            available(AvailableQuery) -> Listed<cadastre_domain::Prefix>, "Free blocks directly beneath a node.";
            utilization(UtilizationQuery) -> Utilization, "How much of a node is used.";
            search(SearchQuery) -> Listed<Found>, "What a text may mean, in all spaces that the caller may read.";
            get_user(UserQuery) -> Arc<Account>, "One account.";
            list_users(UserListQuery) -> Listed<Arc<Account>>, "Accounts by name.";
            change_user(UserChangeRequest) -> UserChangeOutcome, "Changes one account.";
            node_history(HistoryQuery) -> Listed<HistoryEntry>, "What became of a node or a prefix, newest first.";
            changes(ChangesQuery) -> ChangesPage, "The journal behind a version, oldest first.";
            wait_for_change(WaitQuery) -> JournalMark, "Answers when the space has passed a version, or time is up.";
            node_as_of(NodeAsOfQuery) -> NodeView, "One node as it was at a moment.";
            import_part(ImportPart) -> ImportPartReport, "The next records of a file of prefixes.";
            stop_import(ImportStop) -> ImportView, "Stops an import between two parts.";
            get_import(ImportQuery) -> ImportView, "How far an import is.";
            list_imports(ImportListQuery) -> Listed<ImportView>, "Imports, newest first.";
            list_failed_lines(FailedLinesQuery) -> Listed<FailedLine>, "The lines of an import that failed.";
            read_backup(BackupQuery) -> BackupPart, "The next lines of a backup of the whole store.";
            isp_get(IspGet) -> Vec<Option<cadastre_domain::isp::Kept<cadastre_domain::isp::Entity>>>, "Things of the provider's side by their keys.";
            isp_list(IspList) -> Listed<cadastre_domain::isp::Kept<cadastre_domain::isp::Entity>>, "A page of things of the provider's side.";
            isp_ask(IspAsk) -> IspAnswer, "Figures, conflicts, reports of the provider's side.";
            claim_outbox(ClaimOutbox) -> Vec<ClaimedEntry>, "Takes entries of the outbox whose time has come.";
            list_nodes_as_of(NodeListAsOfQuery) -> Listed<NodeView>, "Nodes as they were at a moment.";
        }
    };
}

macro_rules! make_trait {
    ($($name:ident($request:ty) -> $response:ty, $doc:literal;)+) => {
        /// The data access layer: everything the frontend may ask of it.
        ///
        /// Cancel safety: a mutation goes on when its future is dropped; reads stop.
        #[async_trait]
        pub trait DataAccess: Send + Sync + 'static {
            $(
                #[doc = $doc]
                async fn $name(&self, context: &CallContext, request: $request) -> Result<$response, ApiError>;
            )+
        }
    };
}

data_access_calls!(make_trait);
