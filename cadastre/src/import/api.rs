//! The server as the import sees it: one call that authenticates, retries what is worth retrying, and tells
//! refusals (which belong to a line) from the end of everything.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cadastre_api_types::public::{LoginRequest, RefreshRequest, TokenResponse};
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, LINK};
use reqwest::{Method, Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;

use super::retry;
use super::session::{Session, Token, TokenService};
use crate::failure::Failure;

const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// A request that the server has not answered by then is tried again.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// A refusal in the server's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
    /// Facts for programs; `null` if there are none.
    pub(super) details: Value,
}

/// Why there is no answer to use.
#[derive(Debug)]
pub(super) enum Error {
    /// This request is refused; others may go well.
    Refused(Refusal),
    /// Nothing more will go well: the server is away, or does not know us.
    Ends(String),
}

impl Error {
    /// For a call without which the import cannot be done.
    pub(super) fn into_failure(self, doing: &str) -> Failure {
        match self {
            Self::Refused(refusal) => Failure::new(format!("{doing}: {}", refusal.message)),
            Self::Ends(sentence) => Failure::new(sentence),
        }
    }
}

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) body: Option<Content>,
    /// Makes a repeated `POST` harmless.
    pub(super) idempotency_key: Option<String>,
}

/// What a call carries.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Json(Value),
    Ndjson(Vec<u8>),
}

/// A file on its way.
pub(super) struct Delivery {
    pub(super) url: Url,
    pub(super) key: String,
    pub(super) media_type: &'static str,
    pub(super) body: reqwest::Body,
    /// Bytes of it, where they are known.
    pub(super) length: Option<u64>,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) body: Value,
    pub(super) next: Option<Url>,
}

impl Answer {
    /// The body as a type of the API.
    pub(super) fn read<T: serde::de::DeserializeOwned>(self) -> Result<T, Error> {
        serde_json::from_value(self.body).map_err(|error| {
            Error::Ends(format!(
                "The server's answer is not what this version of cadastre knows: {error}."
            ))
        })
    }
}

/// A server and our session with it.
pub(super) struct Api {
    client: reqwest::Client,
    base: Url,
    session: Session,
    /// It has answered before: a mistyped URL is not waited for, a restart is.
    heard: AtomicBool,
}

#[derive(Deserialize)]
struct ErrorBody {
    error: ErrorDetail,
}

#[derive(Deserialize)]
struct ErrorDetail {
    code: String,
    message: String,
    #[serde(default)]
    details: Value,
}

impl Api {
    /// `base` is the URL of the server, without a path.
    pub(super) fn new(client: reqwest::Client, base: Url, session: Session) -> Self {
        Self {
            client,
            base,
            session,
            heard: AtomicBool::new(false),
        }
    }

    /// URL below `/api/v1`.
    pub(super) fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["api", "v1"]).extend(segments);
        }
        url
    }

    /// Sends a call with a token until there is an answer that counts.
    pub(super) async fn send(&self, call: &Call) -> Result<Answer, Error> {
        let mut refused = None;
        loop {
            let token = self.session.token(self, refused).await?;
            match self.attempt(call, Some(&token.text)).await {
                Err(Error::Refused(refusal)) if refusal.status == 401 => {
                    if refused.is_some() || !self.session.can_renew() {
                        return Err(Error::Ends(format!(
                            "The server does not accept the login: {}",
                            refusal.message
                        )));
                    }
                    refused = Some(token.generation);
                }
                result => return result,
            }
        }
    }

    /// Asks once: whoever asks again and again anyway does not wait for an answer.
    pub(super) async fn ask(&self, call: &Call) -> Option<Answer> {
        let token = self.token(None).await.ok()?;
        let (status, answer, _) = self.once(call, Some(&token.text)).await.ok()?;
        status.is_success().then_some(answer)
    }

    /// A token that should work; `refused` is the generation of one that did not.
    pub(super) async fn token(&self, refused: Option<u64>) -> Result<Token, Error> {
        if refused.is_some() && !self.session.can_renew() {
            return Err(Error::Ends(
                "The server does not accept the token any more.".to_owned(),
            ));
        }
        self.session.token(self, refused).await
    }

    /// Sends a file, once. It may take any time; the answer is not read yet.
    pub(super) async fn deliver(
        &self,
        delivery: Delivery,
        token: &Token,
    ) -> Result<Response, reqwest::Error> {
        let mut request = self
            .client
            .post(delivery.url)
            .header(AUTHORIZATION, format!("Bearer {}", token.text))
            .header(IDEMPOTENCY_KEY, delivery.key)
            .header(CONTENT_TYPE, delivery.media_type)
            .body(delivery.body);
        if let Some(length) = delivery.length {
            request = request.header(CONTENT_LENGTH, length);
        }
        request.send().await
    }

    /// All pages of a list.
    pub(super) async fn list<T: serde::de::DeserializeOwned>(&self, url: Url) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        let mut next = Some(url);
        while let Some(url) = next {
            let answer = self.send(&get(url)).await?;
            next = answer.next.clone();
            all.extend(answer.read::<Vec<T>>()?);
        }
        Ok(all)
    }

    /// Tries a call until it is answered with something better than "later".
    async fn attempt(&self, call: &Call, token: Option<&str>) -> Result<Answer, Error> {
        let mut tried = 0;
        loop {
            tried += 1;
            let result = self.once(call, token).await;
            self.heard.fetch_or(result.is_ok(), Ordering::Relaxed);
            let (complaint, asked) = match result {
                Ok((status, answer, _)) if status.is_success() => return Ok(answer),
                Ok((status, answer, asked)) => {
                    let refusal = refusal(status, answer.body);
                    // A lost race is worth another try too; the server has done nothing.
                    let again = retry::is_worthwhile(status) || refusal.code == "Contention";
                    if !again {
                        return Err(Error::Refused(refusal));
                    }
                    (refusal.message, asked)
                }
                Err(error) => (explain(&error), None),
            };
            let tries = if self.heard.load(Ordering::Relaxed) {
                retry::TRIES
            } else {
                retry::FIRST_TRIES
            };
            if tried >= tries {
                return Err(Error::Ends(format!(
                    "The server {} does not answer ({tried} tries): {complaint} Is it running?",
                    self.base
                )));
            }
            tokio::time::sleep(retry::pause(tried, asked)).await;
        }
    }

    async fn once(
        &self,
        call: &Call,
        token: Option<&str>,
    ) -> Result<(StatusCode, Answer, Option<Duration>), reqwest::Error> {
        let mut request = self
            .client
            .request(call.method.clone(), call.url.clone())
            .timeout(ANSWER_TIMEOUT);
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(key) = &call.idempotency_key {
            request = request.header(IDEMPOTENCY_KEY, key);
        }
        request = match &call.body {
            None => request,
            Some(Content::Json(body)) => request.json(body),
            Some(Content::Ndjson(body)) => request
                .header(CONTENT_TYPE, "application/x-ndjson")
                .body(body.clone()),
        };
        let response = request.send().await?;
        let status = response.status();
        let asked = retry::asked(response.headers());
        let next = response
            .headers()
            .get(LINK)
            .and_then(|link| link.to_str().ok())
            .and_then(next_link)
            .and_then(|link| call.url.join(link).ok())
            // A token goes to the server it was made by, and to nobody else.
            .filter(|url| url.origin() == self.base.origin());
        let bytes = response.bytes().await?;
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Ok((status, Answer { body, next }, asked))
    }
}

impl TokenService for Api {
    type Error = Error;

    async fn login(&self, body: &LoginRequest) -> Result<TokenResponse, Error> {
        let answer = self.attempt(&self.post_auth("login", body)?, None).await;
        answer
            .map_err(|error| Error::Ends(error.into_failure("The login is refused").sentence))?
            .read()
    }

    async fn refresh(&self, body: &RefreshRequest) -> Result<TokenResponse, Error> {
        self.attempt(&self.post_auth("refresh", body)?, None)
            .await?
            .read()
    }
}

impl Api {
    fn post_auth(&self, what: &str, body: &impl serde::Serialize) -> Result<Call, Error> {
        let body = serde_json::to_value(body).map_err(|error| Error::Ends(error.to_string()))?;
        Ok(Call {
            method: Method::POST,
            url: self.url(&["auth", what]),
            body: Some(Content::Json(body)),
            idempotency_key: None,
        })
    }
}

/// A `GET`.
pub(super) fn get(url: Url) -> Call {
    Call {
        method: Method::GET,
        url,
        body: None,
        idempotency_key: None,
    }
}

/// The target of `rel="next"` in a `Link` header (RFC 8288).
fn next_link(header: &str) -> Option<&str> {
    header.split(',').find_map(|link| {
        let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        parameters.contains("rel=\"next\"").then_some(target)
    })
}

/// What the body of an error says.
pub(super) fn refusal(status: StatusCode, body: Value) -> Refusal {
    match serde_json::from_value::<ErrorBody>(body) {
        Ok(body) => Refusal {
            status: status.as_u16(),
            code: body.error.code,
            message: body.error.message,
            details: body.error.details,
        },
        Err(_) => Refusal {
            status: status.as_u16(),
            code: String::new(),
            message: format!("The server answered {status} without saying why; is this a Cadastre server?"),
            details: Value::Null,
        },
    }
}

/// The innermost cause says it best (`Connection refused`).
pub(super) fn explain(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    format!("{cause}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_among_links() {
        assert_eq!(next_link("</a?cursor=x>; rel=\"next\""), Some("/a?cursor=x"));
        assert_eq!(next_link("</a>; rel=\"first\", </b>; rel=\"next\""), Some("/b"));
        assert_eq!(next_link("</a>; rel=\"prev\""), None);
    }

    #[test]
    fn an_answer_that_is_not_ours_is_explained() {
        let refusal = refusal(StatusCode::NOT_FOUND, Value::Null);
        assert!(refusal.message.contains("is this a Cadastre server?"));
    }
}
