//! `cadastre import`: sends a file of prefixes to a running server.

mod api;
mod args;
mod definitions;
mod dry_run;
mod failures;
mod job;
mod offline;
mod prepare;
mod progress;
mod retry;
mod run;
mod session;
mod source;
mod upload;

use std::cell::RefCell;
use std::path::Path;
use std::process::ExitCode;

use cadastre_api_types::public::TagWrite;
use uuid::Uuid;

use api::Api;
use failures::Failures;
use job::Job;
use progress::Progress;
use run::Run;
use session::Session;
use source::Source;
use upload::Upload;

pub(crate) use args::ImportArgs;

use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::server_args::Credentials;
use crate::terminal;

/// Does the whole import.
pub(crate) fn run(arguments: &ImportArgs) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("No threads can be started: {error}.")))?;
    // What can be checked without the server comes first.
    let source = Source::of(arguments)?;
    keep_apart(arguments)?;
    let definitions = match &arguments.tags {
        Some(path) => definitions::read(path)?,
        None => Vec::new(),
    };
    let api = connect(arguments)?;
    let code = runtime.block_on(Box::pin(import(arguments, &api, &definitions, &source)));
    // The reader may be waiting for standard input; do not wait for it.
    runtime.shutdown_background();
    code
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

fn connect(arguments: &ImportArgs) -> Result<Api, Failure> {
    let (client, base) = arguments.server.connect()?;
    let credentials: Credentials = arguments.server.credentials()?;
    Ok(Api::new(client, base, Session::new(credentials)))
}

/// Sees to the space and its tags, and decides who judges the lines.
async fn import(
    arguments: &ImportArgs,
    api: &Api,
    definitions: &[TagWrite],
    source: &Source,
) -> Result<ExitCode, Failure> {
    let server = match prepare::find_space(api, &arguments.space).await? {
        Some(space) => {
            let defined = prepare::define_tags(api, space.id, definitions, arguments.dry_run).await?;
            let judges = !arguments.dry_run || defined.created + defined.updated == 0;
            judges.then_some(space.id)
        }
        None if !arguments.create_space => {
            return Err(Failure::new(format!(
                "There is no address space {}, or {} may not see it; --create-space makes it.",
                arguments.space, arguments.server.user
            )));
        }
        None if arguments.dry_run => None,
        None => {
            let space = prepare::create_space(api, &arguments.space).await?;
            prepare::define_tags(api, space, definitions, false).await?;
            Some(space)
        }
    };
    let failures = Failures::open(arguments.errors.as_deref())?;
    let progress = Progress::start(source.bytes);
    let Some(space) = server else {
        terminal::complain(
            "The space or its tags are not there yet: the lines are checked here, not by the server.",
        );
        return judge_offline(arguments, definitions, source, &progress, failures);
    };
    let key = arguments.key.clone().filter(|key| !key.is_empty());
    let job = Job {
        api,
        space,
        key: key.clone().unwrap_or_else(|| Uuid::new_v4().to_string()),
    };
    let run = Run {
        upload: Upload {
            job,
            source,
            mode: arguments.mode,
            update: arguments.update,
            progress: &progress,
        },
        failures: RefCell::new(failures),
        interrupt: Interrupt::listen()?,
    };
    if arguments.dry_run {
        run.try_out().await
    } else {
        run.import(key.is_some()).await
    }
}

fn judge_offline(
    arguments: &ImportArgs,
    definitions: &[TagWrite],
    source: &Source,
    progress: &Progress,
    mut failures: Failures,
) -> Result<ExitCode, Failure> {
    let mut judge = offline::Judge::new(definitions, arguments.update)
        .map_err(|complaint| Failure::new(format!("Tags: {complaint}")))?;
    for line in source.lines()? {
        let end = line.as_ref().map_or(0, |line| line.end);
        if let Some(failed) = judge.judge(line) {
            progress.tell_failed(&failed);
            failures.add(failed);
        }
        progress.show(judge.counts, end);
    }
    progress.sum_up(judge.counts, true);
    run::warn_of_atomic(arguments.mode, judge.counts);
    failures.write();
    Ok(run::exit_code(judge.counts))
}

/// Environment variables that belong to the import.
pub(crate) fn variables() -> Vec<String> {
    use clap::Args as _;
    ImportArgs::augment_args(clap::Command::new("import"))
        .get_arguments()
        .filter_map(|argument| argument.get_env()?.to_str().map(str::to_owned))
        .collect()
}
