//! One try: an entry is posted to its webhook.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use cadastre_api_types::internal::ClaimedEntry;
use reqwest::header::RETRY_AFTER;
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Response, Url};

use super::address::{self, Checked, Forbidden};
use super::message;
use super::signature::Signer;
use super::verdict::Verdict;
use crate::clock::Clock;
use crate::http::wording::cut;
use crate::secrets::{SecretBox, webhook_context};

/// Characters of an error of ours.
const ERROR_CHARS: usize = 1_000;

/// Posts entries. Clones share their connections.
#[derive(Clone)]
pub(super) struct Poster {
    client: Client,
    secrets: Arc<SecretBox>,
    clock: Arc<dyn Clock>,
    allow_private: bool,
    timeout: Duration,
}

impl Poster {
    /// With a limit of time for each try.
    ///
    /// # Errors
    /// Why the client cannot be set up.
    pub(super) fn new(
        secrets: Arc<SecretBox>,
        clock: Arc<dyn Clock>,
        allow_private: bool,
        timeout: Duration,
    ) -> Result<Self, String> {
        let client = builder(allow_private, timeout).build().or_else(|error| {
            tracing::warn!(
                error = %innermost(&error),
                "no certificates of authorities are installed on this system: webhooks at https:// cannot be called; \
                 install them (the package ca-certificates) and restart"
            );
            let nobody = builder(allow_private, timeout).tls_certs_only([]);
            nobody.build().map_err(|error| innermost(&error))
        })?;
        Ok(Self {
            client,
            secrets,
            clock,
            allow_private,
            timeout,
        })
    }

    /// Tries an entry once. Never takes longer than the limit.
    pub(super) async fn post(&self, claimed: &ClaimedEntry) -> Verdict {
        let (url, signer) = match self.prepare(claimed) {
            Ok(prepared) => prepared,
            Err(verdict) => return verdict,
        };
        let body = match message::body(claimed) {
            Ok(body) => body,
            Err(error) => return Verdict::refused(format!("The entry cannot be written as JSON: {error}.")),
        };
        let headers = message::headers(claimed, &body, self.clock.now(), signer.as_ref());
        match self.client.post(url).headers(headers).body(body).send().await {
            Ok(answer) => self.judge(&answer),
            Err(error) => self.explain(&error),
        }
    }

    /// Where to, and with which secret.
    fn prepare(&self, claimed: &ClaimedEntry) -> Result<(Url, Option<Signer>), Verdict> {
        let webhook = &claimed.webhook;
        if !webhook.active {
            return Err(Verdict::retry("The webhook is switched off."));
        }
        let url = parse(&webhook.url).map_err(Verdict::refused)?;
        address::check(&url, self.allow_private).map_err(|error| Verdict::refused(format!("{error}.")))?;
        // Never without the signature that a receiver was promised.
        let secret = match (&claimed.secret, webhook.has_secret) {
            (Some(secret), _) => secret,
            (None, false) => return Ok((url, None)),
            (None, true) => return Err(Verdict::retry("The webhook's secret is not there; set it again.")),
        };
        let context = webhook_context(claimed.space, webhook.id);
        let secret = self
            .secrets
            .open(&context, secret)
            .map_err(|error| Verdict::retry(error.message))?;
        let signer = Signer::new(&secret)
            .map_err(|why| Verdict::retry(format!("The webhook's secret cannot be used: {why}.")))?;
        Ok((url, Some(signer)))
    }

    /// What an answer says. Its body is never read.
    fn judge(&self, answer: &Response) -> Verdict {
        let status = answer.status();
        if status.is_success() {
            return Verdict::done();
        }
        let retry_after = answer.headers().get(RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| value.to_str().ok());
        Verdict::of_answer(status, retry_after, self.clock.now())
    }

    /// No answer. The text never holds the URL, which may hold a password.
    fn explain(&self, error: &reqwest::Error) -> Verdict {
        if let Some(forbidden) = forbidden(error) {
            // Names can be mended where they are served.
            return Verdict::retry(format!("{forbidden}."));
        }
        if error.is_timeout() {
            let seconds = self.timeout.as_secs();
            return Verdict::retry(format!("There was no answer within {seconds} s."));
        }
        let what = if error.is_connect() {
            "The receiver cannot be reached"
        } else {
            "The connection broke before there was an answer"
        };
        Verdict::retry(format!("{what}: {}.", cut(&innermost(error), ERROR_CHARS)))
    }
}

/// A client that connects to what was checked, and nowhere else.
fn builder(allow_private: bool, timeout: Duration) -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("Cadastre/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .no_proxy()
        .referer(false)
        .tcp_nodelay(true)
        .pool_idle_timeout(Duration::from_secs(30))
        .dns_resolver(Checked { allow_private })
        .timeout(timeout)
}

/// A webhook's URL.
fn parse(text: &str) -> Result<Url, String> {
    let url =
        Url::parse(text).map_err(|error| format!("The webhook's url is none ({error}); correct it."))?;
    if matches!(url.scheme(), "http" | "https") && url.has_host() {
        Ok(url)
    } else {
        Err("The webhook's url does not begin with http:// or https:// and a host; correct it.".to_owned())
    }
}

/// Whom a webhook calls: host and port, or its URL if it has none.
pub(super) fn receiver(url: &str) -> String {
    match parse(url) {
        Ok(url) => {
            let port = url.port_or_known_default().unwrap_or_default();
            format!("{}:{port}", url.host_str().unwrap_or_default())
        }
        Err(_) => url.to_owned(),
    }
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'a (dyn Error + 'static) = *error;
        error.source()
    })
}

fn forbidden(error: &reqwest::Error) -> Option<&Forbidden> {
    chain(error).find_map(|cause| cause.downcast_ref())
}

fn innermost(error: &reqwest::Error) -> String {
    let cause = chain(error).last().filter(|last| !last.is::<reqwest::Error>());
    cause.map_or_else(|| "unknown reason".to_owned(), ToString::to_string)
}
