//! An import as the server keeps it: how far it is, which of its lines failed, and stopping it.

use cadastre_api_types::public::{FailedLine, Import};
use reqwest::{Method, Url};
use serde_json::json;
use uuid::Uuid;

use super::api::{Api, Call, Content, Error, get};

/// The import that belongs to a key.
pub(super) struct Job<'a> {
    pub(super) api: &'a Api,
    pub(super) space: Uuid,
    pub(super) key: String,
}

/// The server was asked once and has not answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoAnswer;

impl Job<'_> {
    /// URL beneath the space.
    pub(super) fn url(&self, rest: &[&str]) -> Url {
        let space = self.space.to_string();
        let segments: Vec<&str> = ["addressspaces", &space]
            .into_iter()
            .chain(rest.iter().copied())
            .collect();
        self.api.url(&segments)
    }

    fn find(&self) -> Call {
        let mut url = self.url(&["imports"]);
        url.query_pairs_mut().append_pair("idempotencyKey", &self.key);
        get(url)
    }

    /// How far it is; nothing if the server has settled none of its lines.
    pub(super) async fn read(&self) -> Result<Option<Import>, Error> {
        let found: Vec<Import> = self.api.send(&self.find()).await?.read()?;
        Ok(found.into_iter().next())
    }

    /// The same, if the server happens to answer.
    pub(super) async fn glance(&self) -> Result<Option<Import>, NoAnswer> {
        let answer = self.api.ask(&self.find()).await.ok_or(NoAnswer)?;
        let found: Vec<Import> = answer.read().map_err(|_| NoAnswer)?;
        Ok(found.into_iter().next())
    }

    /// The first lines that failed, if the server happens to answer.
    pub(super) async fn first_failed(&self, import: &Import, most: u64) -> Option<Vec<FailedLine>> {
        let answer = self.api.ask(&get(self.failed_url(import, most))).await?;
        answer.read().ok()
    }

    /// All lines that failed, as far as the server keeps them.
    pub(super) async fn kept_failed(&self, import: &Import) -> Result<Vec<FailedLine>, Error> {
        self.api.list(self.failed_url(import, 1_000)).await
    }

    fn failed_url(&self, import: &Import, limit: u64) -> Url {
        let mut url = self.url(&["imports", &import.id.to_string(), "failed"]);
        url.query_pairs_mut().append_pair("limit", &limit.to_string());
        url
    }

    /// Stops it; nothing if it was not begun.
    pub(super) async fn stop(&self) -> Result<Option<Import>, Error> {
        let Some(import) = self.read().await? else {
            return Ok(None);
        };
        let call = Call {
            method: Method::POST,
            url: self.url(&["imports", &import.id.to_string(), "stop"]),
            body: Some(Content::Json(json!({}))),
            idempotency_key: None,
        };
        self.api.send(&call).await?.read().map(Some)
    }
}
