//! What is free beneath a node: found in the index of the writer, or read from the occupancy rows.

use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::{AvailableQuery, Listed, NodeRef, Utilization, UtilizationQuery};
use cadastre_domain::free_space::{FreeSpace, Size};
use cadastre_domain::{Prefix, Scope};
use parking_lot::Mutex;
use uuid::Uuid;

use super::free_index::FreeIndex;
use super::occupancy;
use super::read::{find, no_node};
use crate::errors::{Failure, Outcome};
use crate::records::{HeadRecord, NodeRecord};
use crate::rows::Rows;

/// A question that the writer answers.
#[derive(Clone, Debug)]
pub(crate) enum FreeQuestion {
    /// The free blocks.
    Available(AvailableQuery),
    /// How much is used.
    Utilization(UtilizationQuery),
}

/// Its answer.
#[derive(Debug)]
pub(crate) enum FreeAnswer {
    /// The free blocks.
    Available(Listed<Prefix>),
    /// How much is used.
    Utilization(Utilization),
}

/// What a question goes by.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub rows: Rows<'a>,
    pub head: &'a HeadRecord,
    /// `None` outside the writer.
    pub index: Option<&'a Mutex<FreeIndex>>,
    pub scope: &'a Scope,
}

impl Asked<'_> {
    /// Asks what is free beneath a node, which is read if it is not known.
    pub(crate) async fn with<T>(&self, parent: &Prefix, ask: impl FnOnce(&FreeSpace) -> T) -> Outcome<T> {
        if let Some(index) = self.index
            && let Some(known) = index.lock().get(parent)
        {
            return Ok(ask(known));
        }
        let free = occupancy::load(self.rows, self.head, parent).await?;
        let answer = ask(&free);
        if let Some(index) = self.index {
            index.lock().insert(free);
        }
        Ok(answer)
    }

    /// Answers a question.
    pub(crate) async fn answer(&self, question: &FreeQuestion) -> Outcome<FreeAnswer> {
        Ok(match question {
            FreeQuestion::Available(query) => FreeAnswer::Available(self.available(query).await?),
            FreeQuestion::Utilization(query) => FreeAnswer::Utilization(self.utilization(query).await?),
        })
    }

    /// A node of whose inside the caller may know.
    async fn within_scope(&self, id: Uuid) -> Outcome<NodeRecord> {
        let node = find(self.rows, &NodeRef::Id(id)).await?.ok_or_else(no_node)?;
        match self.scope.visibility(&node.prefix) {
            cadastre_domain::Visibility::Hidden => Err(no_node()),
            cadastre_domain::Visibility::ChainOnly => Err(Failure::refused(
                ErrorCode::OutsideScope,
                format!(
                    "Your role is narrowed to a part of {}, so what is used or free in all of it is not for you to see. Ask \
                     for a node inside your subtree.",
                    node.prefix
                ),
            )),
            cadastre_domain::Visibility::Full => Ok(node),
        }
    }

    async fn available(&self, query: &AvailableQuery) -> Outcome<Listed<Prefix>> {
        let node = self.within_scope(query.node).await?;
        if let Some(len) = query.fitting {
            check_length(&node.prefix, len)?;
        }
        let after = query.page.after.as_deref().map(|text| {
            text.parse::<Prefix>()
                .ok()
                .filter(|block| node.prefix.contains(block))
                .ok_or_else(|| {
                    Failure::refused(
                        ErrorCode::InvalidCursor,
                        "This cursor does not belong to this list; start again without one.",
                    )
                })
        });
        let after = after.transpose()?.map(|block| block.bits());
        let limit = query.page.limit;
        self.with(&node.prefix, |free| {
            let mut blocks = free.blocks(after, query.fitting);
            let items: Vec<Prefix> = blocks.by_ref().take(limit).collect();
            let next = blocks.next().and(items.last()).map(ToString::to_string);
            Listed { items, next }
        })
        .await
    }

    async fn utilization(&self, query: &UtilizationQuery) -> Outcome<Utilization> {
        let node = self.within_scope(query.node).await?;
        let version = self.head.version;
        self.with(&node.prefix, |free| Utilization {
            node: node.ip_id,
            prefix: node.prefix,
            version,
            total: Size::of(&node.prefix),
            used: free.used(),
            free: free.free(),
            children: free.children().iter().collect(),
            free_blocks: free.free_blocks().collect(),
            fragmentation: free.fragmentation(),
        })
        .await
    }
}

/// Refuses a length that no prefix beneath a node can have.
pub(crate) fn check_length(parent: &Prefix, len: u8) -> Outcome<()> {
    let most = parent.family().max_len();
    if len > parent.len() && len <= most {
        return Ok(());
    }
    let message = if parent.len() == most {
        format!("{parent} is a single address: nothing can be taken beneath it.")
    } else {
        format!(
            "prefixLength is {len}; beneath {parent} it must be from {} to {most}.",
            parent.len() + 1
        )
    };
    Err(Failure::Refused(Box::new(
        cadastre_api_types::ApiError::new(ErrorCode::InvalidAllocation, message)
            .with_details(serde_json::json!({ "field": "prefixLength" })),
    )))
}
