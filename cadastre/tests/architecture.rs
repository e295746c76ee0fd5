//! Rules of the house that a program can check: who may depend on whom (each crate sees only what it needs,
//! so that a layer cannot be skipped), and what every source file has.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Longest source file; most are under 400.
const MOST_LINES: usize = 600;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Crate → crates of ours among its normal dependencies.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let ours: BTreeSet<&str> = packages
        .iter()
        .map(|package| package["name"].as_str().unwrap())
        .collect();
    packages
        .iter()
        .map(|package| {
            let uses = package["dependencies"]
                .as_array()
                .unwrap()
                .iter()
                // `null` is a normal dependency; tests and benches may use more.
                .filter(|dependency| dependency["kind"].is_null())
                .map(|dependency| dependency["name"].as_str().unwrap())
                .filter(|name| ours.contains(name))
                .map(str::to_owned)
                .collect();
            (package["name"].as_str().unwrap().to_owned(), uses)
        })
        .collect()
}

#[test]
fn every_crate_sees_only_the_crates_it_may_see() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("cadastre-domain", [].as_slice()),
        ("cadastre-storage", &[]),
        ("cadastre-api-types", &["cadastre-domain"]),
        (
            "cadastre-dataaccess",
            &["cadastre-api-types", "cadastre-domain", "cadastre-storage"],
        ),
        ("cadastre-frontend", &["cadastre-api-types", "cadastre-domain"]),
        ("cadastre-gateway", &["cadastre-api-types"]),
        ("cadastre-connectors", &["cadastre-api-types", "cadastre-domain"]),
    ]);
    for (name, uses) in dependencies() {
        if name == "cadastre" {
            continue; // It wires everything, so it sees everything.
        }
        let Some(allowed) = allowed.get(name.as_str()) else {
            panic!("{name} is new: say here which crates it may see");
        };
        for used in uses {
            assert!(
                allowed.contains(&used.as_str()),
                "{name} may not depend on {used}"
            );
        }
    }
}

#[test]
fn nobody_depends_on_the_binary() {
    for (name, uses) in dependencies() {
        assert!(!uses.contains("cadastre"), "{name} may not depend on the binary");
    }
}

/// All Rust files of the workspace.
fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut waiting = vec![root()];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                let foreign =
                    name.starts_with('.') || matches!(name.as_str(), "target" | "node_modules" | "data");
                if !foreign {
                    waiting.push(path);
                }
            } else if name.ends_with(".rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    assert!(found.len() > 20, "the sources were not found");
    found.sort();
    found
}

/// Fails with everything that breaks a rule, not only with the first.
fn assert_no_breach(breaches: &[String]) {
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn every_file_begins_by_saying_why_it_exists() {
    let silent = |text: &str| !text.starts_with("//! ");
    let breaches: Vec<String> = sources()
        .iter()
        .filter(|(_, text)| silent(text))
        .map(|(path, _)| path.display().to_string())
        .collect();
    assert_no_breach(&breaches);
}

#[test]
fn no_file_is_too_long_to_be_read_at_once() {
    let breaches: Vec<String> = sources()
        .iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > MOST_LINES)
        .map(|(path, lines)| format!("{}: {lines} lines", path.display()))
        .collect();
    assert_no_breach(&breaches);
}

#[test]
fn nothing_is_left_for_later() {
    // Put together, so that this file does not break its own rule.
    let marks = [
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
        ["XX", "X"].concat(),
        ["unimplemented", "!("].concat(),
    ];
    let mut breaches = Vec::new();
    for (path, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            let word = |mark: &String| {
                line.match_indices(mark.as_str()).any(|(at, _)| {
                    let letter = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
                    !letter(line[..at].chars().next_back()) && !letter(line[at + mark.len()..].chars().next())
                        || mark.ends_with('(')
                })
            };
            if marks.iter().any(word) {
                breaches.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    assert_no_breach(&breaches);
}
