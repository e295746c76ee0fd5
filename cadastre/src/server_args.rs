//! Flags by which the client's commands find a server and say who they are.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use reqwest::Url;

use crate::failure::Failure;
use crate::tls;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How to prove who we are.
#[derive(Clone)]
pub(crate) enum Credentials {
    /// A token that somebody else made.
    Token(String),
    /// Name and password.
    Password {
        /// User name.
        user: String,
        /// Password.
        password: String,
    },
}

/// See the module.
#[derive(Args, Debug)]
pub(crate) struct ServerArgs {
    /// URL of the server
    #[arg(
        long = "server",
        value_name = "URL",
        env = "CADASTRE_SERVER",
        default_value = "http://127.0.0.1:8080"
    )]
    pub(crate) url: String,
    /// User to log in as
    #[arg(long, value_name = "NAME", env = "CADASTRE_USER", default_value = "admin")]
    pub(crate) user: String,
    /// Password of the user; prefer --password-file or the variable, flags can be read by others
    #[arg(
        long,
        env = "CADASTRE_PASSWORD",
        hide_env_values = true,
        conflicts_with = "token"
    )]
    password: Option<String>,
    /// File with the password of the user, for example DATA/admin-password
    #[arg(long, value_name = "FILE", env = "CADASTRE_PASSWORD_FILE")]
    password_file: Option<PathBuf>,
    /// API token or access token, instead of a password
    #[arg(long, env = "CADASTRE_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Certificates (PEM) to trust besides the system's
    #[arg(long, value_name = "FILE", env = "CADASTRE_CA")]
    ca: Option<PathBuf>,
}

impl ServerArgs {
    /// A client, and the URL of the server without a path. Nothing is sent yet.
    pub(crate) fn connect(&self) -> Result<(reqwest::Client, Url), Failure> {
        let base = Url::parse(&self.url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| {
                Failure::usage(format!(
                    "--server {} is not a URL like http://127.0.0.1:8080.",
                    self.url
                ))
            })?;
        let builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true);
        Ok((tls::client(builder, self.ca.as_deref())?, base))
    }

    /// Who we are.
    pub(crate) fn credentials(&self) -> Result<Credentials, Failure> {
        if let Some(token) = self.token.as_ref().filter(|token| !token.is_empty()) {
            return Ok(Credentials::Token(token.clone()));
        }
        let password = match (&self.password, &self.password_file) {
            (Some(password), _) if !password.is_empty() => password.clone(),
            (_, Some(path)) => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    Failure::usage(format!(
                        "The password file {} cannot be read: {error}.",
                        path.display()
                    ))
                })?;
                text.lines().next().unwrap_or_default().trim_end().to_owned()
            }
            _ => {
                return Err(Failure::usage(
                    "Say who you are: --password-file DATA/admin-password, or CADASTRE_PASSWORD, or --token.",
                ));
            }
        };
        Ok(Credentials::Password {
            user: self.user.clone(),
            password,
        })
    }
}
