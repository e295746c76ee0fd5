//! Staying logged in during a long import: the access token is renewed shortly before it expires, and when
//! the server refuses it, once for all requests that are under way.

use std::time::{Duration, Instant};

use cadastre_api_types::public::{LoginRequest, RefreshRequest, TokenResponse};
use tokio::sync::Mutex;

use crate::server_args::Credentials;

/// A token is renewed when it has less than this left.
const MARGIN: Duration = Duration::from_secs(20);

/// The token in use. Its generation tells a caller whether somebody has renewed it meanwhile.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) generation: u64,
    pub(super) text: String,
}

struct Held {
    token: Token,
    expires: Option<Instant>,
    refresh: Option<String>,
}

/// The session of one import.
pub(super) struct Session {
    credentials: Credentials,
    held: Mutex<Option<Held>>,
}

/// Asks the server for tokens.
pub(super) trait TokenService {
    /// What goes wrong.
    type Error;
    /// `POST /auth/login`.
    fn login(&self, body: &LoginRequest) -> impl Future<Output = Result<TokenResponse, Self::Error>> + Send;
    /// `POST /auth/refresh`.
    fn refresh(
        &self,
        body: &RefreshRequest,
    ) -> impl Future<Output = Result<TokenResponse, Self::Error>> + Send;
}

impl Session {
    /// Nothing is sent yet.
    pub(super) fn new(credentials: Credentials) -> Self {
        Self {
            credentials,
            held: Mutex::new(None),
        }
    }

    /// A new token can be had when one is refused.
    pub(super) fn can_renew(&self) -> bool {
        matches!(self.credentials, Credentials::Password { .. })
    }

    /// A token that should work; `refused` is the generation of one that did not.
    pub(super) async fn token<S: TokenService>(
        &self,
        service: &S,
        refused: Option<u64>,
    ) -> Result<Token, S::Error> {
        let (user, password) = match &self.credentials {
            Credentials::Token(text) => {
                return Ok(Token {
                    generation: 0,
                    text: text.clone(),
                });
            }
            Credentials::Password { user, password } => (user, password),
        };
        // Held while renewing: the others wait for one renewal instead of each doing their own, and a refresh
        // token is never used twice (that would end the session).
        let mut held = self.held.lock().await;
        let mut generation = 0;
        if let Some(current) = held.as_mut() {
            let fresh = current
                .expires
                .is_none_or(|expires| Instant::now() + MARGIN < expires);
            if fresh && refused.is_none_or(|refused| current.token.generation > refused) {
                return Ok(current.token.clone());
            }
            generation = current.token.generation;
            if let Some(refresh_token) = current.refresh.take()
                && let Ok(response) = service.refresh(&RefreshRequest { refresh_token }).await
            {
                return Ok(held.insert(hold(response, generation + 1)).token.clone());
            }
        }
        let body = LoginRequest {
            username: user.clone(),
            password: password.clone(),
        };
        let response = service.login(&body).await?;
        Ok(held.insert(hold(response, generation + 1)).token.clone())
    }
}

fn hold(response: TokenResponse, generation: u64) -> Held {
    // A token that lives shorter than the margin would be renewed for every request.
    let lifetime = Duration::from_secs(response.expires_in).max(MARGIN * 2);
    Held {
        token: Token {
            generation,
            text: response.access_token,
        },
        expires: Instant::now().checked_add(lifetime),
        refresh: Some(response.refresh_token),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[derive(Default)]
    struct Fake {
        logins: AtomicU64,
        refreshes: AtomicU64,
        refuses_refresh: bool,
    }

    impl TokenService for Fake {
        type Error = ();
        async fn login(&self, _: &LoginRequest) -> Result<TokenResponse, ()> {
            self.logins.fetch_add(1, Ordering::Relaxed);
            Ok(response("login"))
        }
        async fn refresh(&self, _: &RefreshRequest) -> Result<TokenResponse, ()> {
            self.refreshes.fetch_add(1, Ordering::Relaxed);
            if self.refuses_refresh {
                Err(())
            } else {
                Ok(response("refresh"))
            }
        }
    }

    fn response(text: &str) -> TokenResponse {
        TokenResponse {
            access_token: text.to_owned(),
            token_type: "Bearer".to_owned(),
            expires_in: 900,
            refresh_token: "r".to_owned(),
        }
    }

    fn session() -> Session {
        Session::new(Credentials::Password {
            user: "admin".to_owned(),
            password: "p".to_owned(),
        })
    }

    #[tokio::test]
    async fn many_requests_that_were_refused_together_renew_once() {
        let (session, service) = (session(), Fake::default());
        let first = session.token(&service, None).await.unwrap();
        let renewed =
            futures::future::join_all((0..50).map(|_| session.token(&service, Some(first.generation)))).await;
        assert!(
            renewed
                .iter()
                .all(|token| token.as_ref().unwrap().text == "refresh")
        );
        assert_eq!(service.logins.load(Ordering::Relaxed), 1);
        assert_eq!(service.refreshes.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_refused_refresh_logs_in_again() {
        let (session, service) = (
            session(),
            Fake {
                refuses_refresh: true,
                ..Fake::default()
            },
        );
        let first = session.token(&service, None).await.unwrap();
        let second = session.token(&service, Some(first.generation)).await.unwrap();
        assert_eq!(second.text, "login");
        assert_eq!(service.logins.load(Ordering::Relaxed), 2);
    }
}
