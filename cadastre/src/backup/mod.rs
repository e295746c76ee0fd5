//! `cadastre backup`, `restore` and `copy`: what is in a store into a file, out of it again, and from store to store.

mod args;
mod input;
mod online;
mod output;
mod progress;
mod stores;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use cadastre_dataaccess::{Cut, CutOptions, Header, LineWriter, OpenError, Restore, Restored, TransferError};
use cadastre_storage::Store;

pub(crate) use args::{BackupArgs, CopyArgs, RestoreArgs};

use crate::failure::{Failure, USAGE, sentence};
use crate::interrupt::{INTERRUPTED, Interrupt};
use crate::terminal;
use input::Reading;
use output::Output;
use progress::Progress;

/// Writes a backup.
pub(crate) fn back_up(arguments: &BackupArgs) -> Result<ExitCode, Failure> {
    let output = Output::create(&arguments.file)?;
    let work = async {
        let progress = Arc::new(Progress::start("read"));
        let (output, checked) = match arguments.source()? {
            Some(source) => {
                let store = source.open_source()?;
                let written = write_backup(Arc::clone(&store), &source.url, output, &progress).await;
                store.close().await;
                written?
            }
            None => online::fetch(&arguments.server, output, &progress).await?,
        };
        output.keep()?;
        progress.sum_up(&format!(
            "{} rows of {} partitions; SHA-256 of the content {}",
            checked.rows, checked.partitions, checked.sha256
        ));
        Ok(())
    };
    run(Box::pin(work), "Stopped; no backup was kept.")
}

async fn write_backup(
    store: Arc<dyn Store>,
    url: &str,
    output: Output,
    progress: &Progress,
) -> Result<(Output, cadastre_dataaccess::Checked), Failure> {
    let mut cut = begin_to_read(store, url).await?;
    let header = Header::new(url, cut.table_format(), cut.is_of_one_moment());
    let mut writer = LineWriter::begin(output, header).map_err(|error| output::unwritten(&error))?;
    while let Some(part) = progress
        .watching(&cut.rows_read(), cut.next())
        .await
        .map_err(failed)?
    {
        writer.part(&part).map_err(|error| output::unwritten(&error))?;
        progress.count(part.rows.len(), part.end.is_some());
        // Ctrl-C has a turn.
        tokio::task::yield_now().await;
    }
    writer.finish().map_err(|error| output::unwritten(&error))
}

/// Fills a store from a backup.
pub(crate) fn restore(arguments: &RestoreArgs) -> Result<ExitCode, Failure> {
    let target = arguments.target()?;
    let work = async {
        // A pipe can be read once.
        let of_a_file = std::fs::metadata(&arguments.file).is_ok_and(|facts| facts.is_file());
        if of_a_file {
            // Nothing is touched before the whole file is known to be good.
            let progress = Progress::start("checked");
            let checked = read_to_its_end(&arguments.file, &progress).await;
            progress.clear();
            checked.map_err(nothing_written)?;
        }
        let mut reading = Reading::begin(&arguments.file).await?;
        let header = reading.header.clone();
        let store = target.open_target().await?;
        let progress = Progress::start("restored");
        let filled = async {
            let mut restore = begin(Arc::clone(&store), &header.origin(), header.table_format).await?;
            while let Some(part) = reading.next().await? {
                progress.count(part.rows.len(), part.end.is_some());
                restore.take(part).await.map_err(failed)?;
            }
            finish(restore, &progress).await
        }
        .await;
        store.close().await;
        tell(&progress, &target.url, filled?);
        Ok(())
    };
    let way_on = format!(
        "Stopped. {} is not whole, and no server serves it; run the same command again to go on.",
        target.url
    );
    run(Box::pin(work), &way_on)
}

fn nothing_written(failure: Failure) -> Failure {
    if failure.code == USAGE {
        // It ends in another command.
        return failure;
    }
    Failure::new(format!("{} Nothing was written.", failure.sentence))
}

/// Reads a backup without keeping it, which finds whatever is wrong with it.
async fn read_to_its_end(file: &Path, progress: &Progress) -> Result<(), Failure> {
    let mut reading = Reading::begin(file).await?;
    while let Some(part) = reading.next().await? {
        progress.count(part.rows.len(), part.end.is_some());
    }
    Ok(())
}

/// Copies a store into another.
pub(crate) fn copy(arguments: &CopyArgs) -> Result<ExitCode, Failure> {
    let (from, to) = arguments.stores()?;
    let work = async {
        let source = from.open_source()?;
        // Nothing is made for a source that is not there, or not whole.
        let mut cut = begin_to_read(Arc::clone(&source), &from.url).await?;
        let target = to.open_target().await?;
        let progress = Progress::start("copied");
        let filled = async {
            let origin = format!("a copy of {}", from.url);
            let mut restore = begin(Arc::clone(&target), &origin, cut.table_format()).await?;
            if !cut.is_of_one_moment() {
                progress.note(
                    "Servers may write the source meanwhile: each address space is copied as it is at one moment, none \
                     earlier than now.",
                );
            }
            while let Some(part) = progress.watching(&cut.rows_read(), cut.next()).await.map_err(failed)? {
                progress.count(part.rows.len(), part.end.is_some());
                restore.take(part).await.map_err(failed)?;
            }
            finish(restore, &progress).await
        }
        .await;
        source.close().await;
        target.close().await;
        tell(&progress, &to.url, filled?);
        Ok(())
    };
    let way_on = format!(
        "Stopped. {} is not whole, and no server serves it; run the same command again to go on.",
        to.url
    );
    run(Box::pin(work), &way_on)
}

async fn begin_to_read(source: Arc<dyn Store>, url: &str) -> Result<Cut, Failure> {
    let begun = Cut::begin(source, CutOptions::default()).await;
    begun.map_err(|error| {
        if let TransferError::Source(OpenError::Store(reason)) = &error {
            return Failure::new(sentence(&format!("The store {url} cannot be read: {reason}")));
        }
        failed(error)
    })
}

async fn begin(target: Arc<dyn Store>, origin: &str, table_format: u32) -> Result<Restore, Failure> {
    let restore = Restore::begin(target, origin, table_format)
        .await
        .map_err(failed)?;
    if restore.resumes() {
        terminal::complain(
            "An earlier run has begun this: what is there already is compared, and the rest written.",
        );
    }
    Ok(restore)
}

async fn finish(restore: Restore, progress: &Progress) -> Result<Restored, Failure> {
    progress.begin("compared");
    restore
        .finish(|rows| progress.so_many(rows))
        .await
        .map_err(failed)
}

fn tell(progress: &Progress, target: &str, done: Restored) {
    let mut said = format!(
        "{target} holds {} rows of {} partitions, and every one was compared",
        done.rows + done.mended,
        done.partitions
    );
    if done.written < done.rows {
        said.push_str(&format!("; {} were there already", done.rows - done.written));
    }
    if done.mended > 0 {
        said.push_str(&format!(
            "; {} rows of the catalogue were added for what was made or deleted meanwhile",
            done.mended
        ));
    }
    progress.sum_up(&said);
}

/// Runs a command until it ends, or Ctrl-C ends it.
fn run(work: impl Future<Output = Result<(), Failure>>, when_stopped: &str) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("No threads can be started: {error}.")))?;
    let ended = runtime.block_on(async {
        let interrupt = Interrupt::listen()?;
        tokio::select! {
            biased;
            () = interrupt.comes() => Err(Failure {
                code: INTERRUPTED,
                sentence: when_stopped.to_owned(),
            }),
            done = work => done.map(|()| ExitCode::SUCCESS),
        }
    });
    runtime.shutdown_background();
    ended
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` gives it away")]
fn failed(error: TransferError) -> Failure {
    let text = sentence(&error);
    let mut letters = text.chars();
    let text = letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect());
    Failure::new(text)
}

/// Environment variables that belong to these commands.
pub(crate) fn variables() -> Vec<String> {
    use clap::{Args as _, Command};
    [
        BackupArgs::augment_args(Command::new("backup")),
        RestoreArgs::augment_args(Command::new("restore")),
        CopyArgs::augment_args(Command::new("copy")),
    ]
    .iter()
    .flat_map(Command::get_arguments)
    .filter_map(|argument| argument.get_env()?.to_str().map(str::to_owned))
    .collect()
}
