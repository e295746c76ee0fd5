//! What happens to one line: create; if it exists, compare; if it differs and may be changed, change it.

use cadastre_api_types::public::{DryRun, Ip, IpCreate, IpUpdate};
use reqwest::{Method, Url};
use uuid::Uuid;

use super::api::{Api, Call, Error, Refusal, get};
use cadastre_frontend::prefix_file::{BadLine, Line};

/// How a line ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Created,
    Unchanged,
    Updated,
    Failed(BadLine),
    /// Says the same as a line before it, and ends as that one did.
    Repeats {
        line: Line,
        of: u64,
    },
}

/// Where lines go and what may happen to them.
pub(super) struct Target {
    pub(super) api: Api,
    pub(super) space: Uuid,
    pub(super) update: bool,
    pub(super) dry_run: bool,
}

impl Target {
    /// Registers a line. The error ends the import; what is wrong with the line is an outcome.
    pub(super) async fn register(&self, line: &Line) -> Result<Outcome, String> {
        match self.try_register(line).await {
            Ok(outcome) => Ok(outcome),
            Err(Error::Refused(refusal)) => Ok(failed(line, refusal)),
            Err(Error::Ends(sentence)) => Err(sentence),
        }
    }

    async fn try_register(&self, line: &Line) -> Result<Outcome, Error> {
        let body = IpCreate {
            prefix: line.prefix.clone(),
            parent_id: None,
            tags: line.tags.clone(),
            description: line.description.clone(),
        };
        match self.mutate(Method::POST, self.nodes(&[]), &body).await {
            Ok(()) => Ok(Outcome::Created),
            Err(Error::Refused(refusal)) if refusal.code == "Duplicate" => self.compare(line, refusal).await,
            Err(error) => Err(error),
        }
    }

    /// The prefix exists: is it as the line says?
    async fn compare(&self, line: &Line, duplicate: Refusal) -> Result<Outcome, Error> {
        let mut url = self.nodes(&[]);
        url.query_pairs_mut().append_pair("prefix", &line.prefix);
        let found: Vec<Ip> = self.api.send(&get(url)).await?.read()?;
        let Some(stored) = found.into_iter().next() else {
            return Ok(failed(line, duplicate));
        };
        if is_as_said(&stored, line) {
            return Ok(Outcome::Unchanged);
        }
        if !self.update {
            let message = format!(
                "{} exists with other tags or another description; --update changes it.",
                line.prefix
            );
            return Ok(failed(line, Refusal { message, ..duplicate }));
        }
        let body = IpUpdate {
            tags: line.tags.clone(),
            description: line.description.clone(),
            id: None,
            prefix: None,
            parent_id: None,
            resolved_tags: None,
            created_on: None,
            modified_on: None,
        };
        self.mutate(Method::PUT, self.nodes(&[&stored.id.to_string()]), &body)
            .await?;
        Ok(Outcome::Updated)
    }

    async fn mutate(&self, method: Method, mut url: Url, body: &impl serde::Serialize) -> Result<(), Error> {
        if self.dry_run {
            url.query_pairs_mut().append_pair("dryRun", "true");
        }
        let body = serde_json::to_value(body).map_err(|error| Error::Ends(error.to_string()))?;
        // A new key for every line and run: a retry is the same request, running the import again is not.
        let idempotency_key = (method == Method::POST && !self.dry_run).then(|| Uuid::new_v4().to_string());
        let answer = self
            .api
            .send(&Call {
                method,
                url,
                body: Some(body),
                idempotency_key,
            })
            .await?;
        if !self.dry_run {
            return Ok(());
        }
        match answer.read::<DryRun>()?.conflicts.into_iter().next() {
            None => Ok(()),
            Some(conflict) => Err(Error::Refused(Refusal {
                status: conflict.code.status(),
                code: conflict.code.as_str().to_owned(),
                message: conflict.message,
            })),
        }
    }

    fn nodes(&self, rest: &[&str]) -> Url {
        let space = self.space.to_string();
        let segments: Vec<&str> = ["addressspaces", &space, "ips"]
            .into_iter()
            .chain(rest.iter().copied())
            .collect();
        self.api.url(&segments)
    }
}

fn is_as_said(stored: &Ip, line: &Line) -> bool {
    let description = match &line.description {
        None => true,
        Some(wanted) => stored.description.as_deref().unwrap_or_default() == wanted,
    };
    description && stored.tags == line.tags
}

fn failed(line: &Line, refusal: Refusal) -> Outcome {
    let code = Some(refusal.code).filter(|code| !code.is_empty());
    Outcome::Failed(BadLine::of(line, code, refusal.message))
}
