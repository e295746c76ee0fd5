//! The backup that a running server reads out: taken down, and checked while it comes.

use std::io::{self, BufReader, Read, Write as _};
use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use cadastre_api_types::error::ErrorBody;
use cadastre_api_types::public::{LoginRequest, TokenResponse};
use cadastre_dataaccess::{Checked, LineReader};
use futures::StreamExt as _;
use reqwest::{Client, Response, StatusCode, Url};
use tokio::sync::mpsc;

use super::failed;
use super::output::{Output, unwritten};
use super::progress::Progress;
use crate::failure::Failure;
use crate::server_args::{Credentials, ServerArgs};

/// Pieces of the body that wait to be checked.
const WAITING: usize = 16;

/// Takes a backup from a server.
pub(super) async fn fetch(
    server: &ServerArgs,
    output: Output,
    progress: &Arc<Progress>,
) -> Result<(Output, Checked), Failure> {
    let (client, base) = server.connect()?;
    let token = token(&client, &base, server.credentials()?).await?;
    let answer = client
        .get(url(&base, "backup")?)
        .bearer_auth(token)
        .send()
        .await
        .map_err(|error| away(&base, &error))?;
    let answer = good(answer).await?;
    let (pieces, waiting) = mpsc::channel(WAITING);
    let told = Arc::clone(progress);
    let checking = tokio::task::spawn_blocking(move || check(waiting, output, &told));
    let mut body = answer.bytes_stream();
    while let Some(piece) = body.next().await {
        match piece {
            Ok(piece) => {
                if pieces.send(piece).await.is_err() {
                    // What has come was refused; the reason follows.
                    break;
                }
            }
            Err(error) => {
                return Err(Failure::new(format!(
                    "The server broke the backup off ({}). Its log says why; start again.",
                    innermost(&error)
                )));
            }
        }
    }
    drop(pieces);
    checking
        .await
        .map_err(|error| Failure::new(format!("The backup could not be checked: {error}.")))?
}

/// Writes what comes, and reads it as a restore would.
fn check(
    pieces: mpsc::Receiver<Bytes>,
    output: Output,
    progress: &Progress,
) -> Result<(Output, Checked), Failure> {
    let mut tee = Tee {
        pieces,
        piece: Bytes::new(),
        output,
    };
    let checked = {
        let mut reader = LineReader::open(BufReader::with_capacity(256 << 10, &mut tee)).map_err(failed)?;
        while let Some(part) = reader.next().map_err(failed)? {
            progress.count(part.rows.len(), part.end.is_some());
        }
        reader.checked().cloned()
    };
    match checked {
        Some(checked) => {
            tee.output.flush().map_err(|error| unwritten(&error))?;
            Ok((tee.output, checked))
        }
        None => Err(Failure::new("The backup has no end.")),
    }
}

/// Reads pieces, and writes what was read.
struct Tee {
    pieces: mpsc::Receiver<Bytes>,
    piece: Bytes,
    output: Output,
}

impl Read for Tee {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let taken = self.piece.len().min(into.len());
        self.output.write_all(&self.piece[..taken])?;
        self.piece.copy_to_slice(&mut into[..taken]);
        Ok(taken)
    }
}

async fn token(client: &Client, base: &Url, credentials: Credentials) -> Result<String, Failure> {
    let (username, password) = match credentials {
        Credentials::Token(token) => return Ok(token),
        Credentials::Password { user, password } => (user, password),
    };
    let answer = client
        .post(url(base, "auth/login")?)
        .json(&LoginRequest { username, password })
        .send()
        .await
        .map_err(|error| away(base, &error))?;
    let tokens: TokenResponse = good(answer)
        .await?
        .json()
        .await
        .map_err(|error| away(base, &error))?;
    Ok(tokens.access_token)
}

fn url(base: &Url, path: &str) -> Result<Url, Failure> {
    base.join(&format!("/api/v1/{path}"))
        .map_err(|error| Failure::usage(format!("--server {base}: {error}.")))
}

/// An answer that is a success, or what the server says instead.
async fn good(answer: Response) -> Result<Response, Failure> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let body = answer.bytes().await.unwrap_or_default();
    Err(match serde_json::from_slice::<ErrorBody>(&body) {
        Ok(body) => Failure::new(body.error.message),
        Err(_) if status == StatusCode::NOT_FOUND => Failure::new(
            "The server knows no backups: it is older than this command. Stop it and use --data, or bring it up to date.",
        ),
        Err(_) => Failure::new(format!(
            "The server answered {status} without saying why; is this a Cadastre server?"
        )),
    })
}

fn away(base: &Url, error: &reqwest::Error) -> Failure {
    Failure::new(format!(
        "The server {base} does not answer: {}. If it is stopped, its data can be read with --data.",
        innermost(error)
    ))
}

fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
