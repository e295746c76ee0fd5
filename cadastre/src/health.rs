//! `cadastre health`: asks a running server how it is. For health checks of containers: their image holds this binary and
//! nothing else that could ask.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use reqwest::Url;

use crate::failure::Failure;
use crate::terminal;
use crate::tls;

/// A server that has not answered by then is not well.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Of an answer, what is told at most.
const LONGEST_ANSWER: usize = 300;

const EXAMPLES: &str = "Examples:
  cadastre health                                  the server of this machine is alive
  cadastre health http://127.0.0.1:8081/ready      and this one can do its work

Exit code: 0 it answers with success, 1 it does not.";

/// Arguments of `cadastre health`.
#[derive(Args, Debug)]
#[command(about = "Ask a running server whether it is alive, for health checks of containers", after_help = EXAMPLES)]
pub(crate) struct HealthArgs {
    /// What to ask: `/health` says that the process is alive, `/ready` that it can do its work
    #[arg(value_name = "URL", default_value = "http://127.0.0.1:8080/health")]
    url: Url,
}

/// Asks once.
pub(crate) fn run(arguments: &HealthArgs) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("No threads can be started: {error}.")))?;
    let answer = runtime.block_on(ask(&arguments.url))?;
    terminal::say(&answer);
    Ok(ExitCode::SUCCESS)
}

async fn ask(url: &Url) -> Result<String, Failure> {
    let builder = cadastre_gateway::upstream_client(TIMEOUT).timeout(TIMEOUT);
    let away = |error: reqwest::Error| {
        let why = if error.is_timeout() {
            format!("not within {} s", TIMEOUT.as_secs())
        } else if error.is_connect() {
            "there is no connection".to_owned()
        } else {
            error.without_url().to_string()
        };
        Failure::new(format!("{url} does not answer: {why}."))
    };
    let response = tls::client(builder, None)?
        .get(url.clone())
        .send()
        .await
        .map_err(away)?;
    let status = response.status();
    let said: String = response
        .text()
        .await
        .map_err(away)?
        .chars()
        .take(LONGEST_ANSWER)
        .collect();
    if status.is_success() {
        return Ok(said);
    }
    Err(Failure::new(format!("{url} answers {}: {said}", status.as_u16())))
}
