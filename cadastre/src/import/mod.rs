//! `cadastre import`: sends a file of prefixes to a running server.

mod api;
mod args;
mod definitions;
mod offline;
mod prepare;
mod repeats;
mod retry;
mod session;
mod tally;
mod upload;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cadastre_api_types::public::TagWrite;
use cadastre_frontend::prefix_file::{CsvLines, Lines, NdjsonLines};
use futures::{StreamExt as _, stream};
use tokio::sync::{Semaphore, mpsc};

use api::Api;
use args::Format;
use repeats::{Once, Step};
use session::{Credentials, Session};
use tally::Tally;
use upload::{Outcome, Target};

pub(crate) use args::ImportArgs;

use crate::failure::{self, Failure};
use crate::{terminal, tls};

/// Exit code after Ctrl-C, as shells have it.
const INTERRUPTED: u8 = 130;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Lines read ahead of the requests.
const READ_AHEAD: usize = 1024;
/// Lines per request at a time that may wait for an earlier line, so that all are told in their order.
const ORDERED: usize = 16;

/// Does the whole import.
pub(crate) fn run(arguments: &ImportArgs) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("No threads can be started: {error}.")))?;
    // What can be checked without the server comes first.
    let format = format_of(arguments)?;
    keep_apart(arguments)?;
    let (lines, bytes) = open(&arguments.file, format)?;
    let definitions = match &arguments.tags {
        Some(path) => definitions::read(path)?,
        None => Vec::new(),
    };
    let api = connect(arguments)?;
    let code = runtime.block_on(Box::pin(import(arguments, api, definitions, lines, bytes)));
    // The reader may be waiting for standard input; do not wait for it.
    runtime.shutdown_background();
    code
}

fn format_of(arguments: &ImportArgs) -> Result<Format, Failure> {
    let extension = arguments
        .file
        .extension()
        .and_then(|text| text.to_str())
        .map(str::to_ascii_lowercase);
    match (arguments.format, extension.as_deref()) {
        (Some(format), _) => Ok(format),
        (None, Some("csv")) => Ok(Format::Csv),
        (None, Some("ndjson" | "jsonl")) => Ok(Format::Ndjson),
        (None, _) => Err(Failure::usage(format!(
            "{} does not say by its name what it is; add --format csv or --format ndjson.",
            arguments.file.display()
        ))),
    }
}

/// Failed lines are not written over the lines they come from (which is what correcting the file of failed
/// lines and importing it again invites to).
fn keep_apart(arguments: &ImportArgs) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt as _;
    let facts = |path: &Path| std::fs::metadata(path).map(|facts| (facts.dev(), facts.ino()));
    match &arguments.errors {
        Some(errors) if matches!((facts(errors), facts(&arguments.file)), (Ok(a), Ok(b)) if a == b) => {
            Err(Failure::usage(format!(
                "--errors {} is the file that is imported; name another.",
                errors.display()
            )))
        }
        _ => Ok(()),
    }
}

fn open(path: &Path, format: Format) -> Result<(Lines, Option<u64>), Failure> {
    let (source, bytes): (Box<dyn std::io::Read + Send>, _) = if path == Path::new("-") {
        (Box::new(std::io::stdin()), None)
    } else {
        let refuse =
            |error: std::io::Error| Failure::usage(format!("{} cannot be read: {error}.", path.display()));
        let file = File::open(path).map_err(refuse)?;
        let facts = file.metadata().map_err(refuse)?;
        if facts.is_dir() {
            return Err(Failure::usage(format!(
                "{} is a directory; name a file.",
                path.display()
            )));
        }
        (Box::new(file), facts.is_file().then_some(facts.len()))
    };
    let lines: Lines = match format {
        Format::Csv => Box::new(
            CsvLines::new(source)
                .map_err(|complaint| Failure::usage(format!("{}: {complaint}.", path.display())))?,
        ),
        Format::Ndjson => Box::new(NdjsonLines::new(BufReader::new(source))),
    };
    Ok((lines, bytes))
}

fn connect(arguments: &ImportArgs) -> Result<Api, Failure> {
    let base = reqwest::Url::parse(&arguments.server)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| {
            Failure::usage(format!(
                "--server {} is not a URL like http://127.0.0.1:8080.",
                arguments.server
            ))
        })?;
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .pool_max_idle_per_host(usize::from(arguments.concurrency));
    let client = tls::client(builder, arguments.ca.as_deref())?;
    Ok(Api::new(client, base, Session::new(credentials(arguments)?)))
}

fn credentials(arguments: &ImportArgs) -> Result<Credentials, Failure> {
    if let Some(token) = arguments.token.as_ref().filter(|token| !token.is_empty()) {
        return Ok(Credentials::Token(token.clone()));
    }
    let password = match (&arguments.password, &arguments.password_file) {
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
        user: arguments.user.clone(),
        password,
    })
}

/// Decides who judges the lines, sends them, and sums up.
async fn import(
    arguments: &ImportArgs,
    api: Api,
    definitions: Vec<TagWrite>,
    lines: Lines,
    bytes: Option<u64>,
) -> Result<ExitCode, Failure> {
    let server = match prepare::find_space(&api, &arguments.space).await? {
        Some(space) => {
            let defined = prepare::define_tags(&api, space.id, &definitions, arguments.dry_run).await?;
            let judges = !arguments.dry_run || defined.created + defined.updated == 0;
            judges.then_some(space.id)
        }
        None if !arguments.create_space => {
            return Err(Failure::new(format!(
                "There is no address space {}, or {} may not see it; --create-space makes it.",
                arguments.space, arguments.user
            )));
        }
        None if arguments.dry_run => None,
        None => {
            let space = prepare::create_space(&api, &arguments.space).await?;
            prepare::define_tags(&api, space, &definitions, false).await?;
            Some(space)
        }
    };
    if arguments.dry_run {
        terminal::complain(
            "Dry run: each line is checked by itself against what is there now, as if no other line of the file \
             were imported.",
        );
    }
    let tally = Tally::start(bytes, arguments.errors.as_deref())?;
    let Some(space) = server else {
        terminal::complain(
            "The space or its tags are not there yet: the lines are checked here, not by the server.",
        );
        return judge_offline(&definitions, lines, tally);
    };
    let target = Target {
        api,
        space,
        update: arguments.update,
        dry_run: arguments.dry_run,
    };
    Box::pin(upload_all(
        Arc::new(target),
        lines,
        usize::from(arguments.concurrency),
        tally,
    ))
    .await
}

fn judge_offline(definitions: &[TagWrite], lines: Lines, mut tally: Tally) -> Result<ExitCode, Failure> {
    let judge =
        offline::Judge::new(definitions).map_err(|complaint| Failure::new(format!("Tags: {complaint}")))?;
    for step in Once::new(lines) {
        match step {
            Step::Judge(line) => tally.count(judge.judge(&line), Some(line.end)),
            Step::Decided(outcome) => tally.count(outcome, None),
        }
    }
    Ok(exit_code(tally.finish(true)))
}

async fn upload_all(
    target: Arc<Target>,
    lines: Lines,
    concurrency: usize,
    mut tally: Tally,
) -> Result<ExitCode, Failure> {
    let dry_run = target.dry_run;
    let stopped = Arc::new(AtomicBool::new(false));
    // On Ctrl-C no further line is sent; what is under way is waited for and counted.
    let permits = Arc::new(Semaphore::new(concurrency));
    let mut results = stream::unfold(read_ahead(lines)?, async |mut steps| {
        Some((steps.recv().await?, steps))
    })
    .boxed()
    .take_until(Box::pin(interrupted(Arc::clone(&stopped), Arc::clone(&permits))))
    .map(|step| tokio::spawn(send(Arc::clone(&target), Arc::clone(&permits), step)))
    .buffered(concurrency * ORDERED);
    let (mut ended, mut unsent) = (None, false);
    while let Some(result) = results.next().await {
        match result {
            // What it repeats may not have been sent.
            Ok(Ok(Some((Outcome::Repeats { .. }, _)))) if unsent => {}
            Ok(Ok(Some((outcome, end)))) => tally.count(outcome, end),
            Ok(Ok(None)) => unsent = true,
            Ok(Err(sentence)) => ended = Some(sentence),
            Err(error) => ended = Some(format!("A fault of this program: {error}.")),
        }
        if ended.is_some() {
            permits.close();
            break;
        }
    }
    let counts = tally.finish(dry_run);
    if let Some(sentence) = ended {
        return Err(Failure::new(format!("{sentence} Run it again to go on.")));
    }
    if stopped.load(Ordering::Relaxed) {
        terminal::complain("Stopped. Run it again to go on: what is there already counts as unchanged.");
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(exit_code(counts))
}

/// Resolves at the first Ctrl-C. The second one does not wait for anything.
async fn interrupted(stopped: Arc<AtomicBool>, permits: Arc<Semaphore>) {
    if tokio::signal::ctrl_c().await.is_err() {
        return std::future::pending().await;
    }
    stopped.store(true, Ordering::Relaxed);
    permits.close();
    tokio::spawn(async {
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(i32::from(INTERRUPTED));
        }
    });
}

/// Reads in a thread of its own: files and standard input block.
fn read_ahead(lines: Lines) -> Result<mpsc::Receiver<Step>, Failure> {
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    let read = move || {
        for step in Once::new(lines) {
            if sender.blocking_send(step).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new()
        .name("import-reader".to_owned())
        .spawn(read)
        .map_err(|error| Failure::new(format!("No thread can be started: {error}.")))?;
    Ok(receiver)
}

/// `None`: there is an end to sending, and this line came too late.
async fn send(
    target: Arc<Target>,
    permits: Arc<Semaphore>,
    step: Step,
) -> Result<Option<(Outcome, Option<u64>)>, String> {
    match step {
        Step::Decided(outcome) => Ok(Some((outcome, None))),
        Step::Judge(line) => {
            let Ok(_permit) = permits.acquire().await else {
                return Ok(None);
            };
            Ok(Some((target.register(&line).await?, Some(line.end))))
        }
    }
}

fn exit_code(counts: tally::Counts) -> ExitCode {
    ExitCode::from(if counts.failed == 0 {
        0
    } else {
        failure::SOME_LINES_FAILED
    })
}

/// Environment variables that belong to the import.
pub(crate) fn variables() -> Vec<String> {
    use clap::Args as _;
    ImportArgs::augment_args(clap::Command::new("import"))
        .get_arguments()
        .filter_map(|argument| argument.get_env()?.to_str().map(str::to_owned))
        .collect()
}
