//! On what it was measured.

use std::process::Command;

use serde_json::{Value, json};

use crate::setup::Setup;

/// Machine and program, for the head of the report.
pub(crate) fn describe(setup: &Setup) -> Value {
    json!({
        "date": jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
        "commit": commit(),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "processor": processor(),
        "memory": memory(),
        "kernel": file("/proc/sys/kernel/osrelease"),
        "workers": setup.workers,
        "sizes": if setup.quick { "quick: these figures only show that the benchmark works" } else { "full" },
    })
}

/// Processes that wanted to run, on average over the last minute.
pub(crate) fn load() -> String {
    file("/proc/loadavg").split(' ').next().unwrap_or("?").to_owned()
}

fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    match (
        git(&["rev-parse", "--short=12", "HEAD"]),
        git(&["status", "--porcelain"]),
    ) {
        (Some(commit), Some(changes)) if changes.is_empty() => commit,
        (Some(commit), _) => format!("{commit} with changes"),
        (None, _) => "unknown".to_owned(),
    }
}

fn processor() -> String {
    let info = file("/proc/cpuinfo");
    let model = info.lines().find_map(|line| line.strip_prefix("model name"));
    model.map_or_else(
        || "unknown".to_owned(),
        |line| line.trim_start_matches([' ', '\t', ':']).to_owned(),
    )
}

fn memory() -> String {
    let info = file("/proc/meminfo");
    let kib = info.lines().find_map(|line| {
        line.strip_prefix("MemTotal:")?
            .trim()
            .strip_suffix("kB")?
            .trim()
            .parse()
            .ok()
    });
    kib.map_or_else(
        || "unknown".to_owned(),
        |kib: u64| format!("{:.1} GiB", kib as f64 / 1_048_576.0),
    )
}

fn file(path: &str) -> String {
    std::fs::read_to_string(path)
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}
