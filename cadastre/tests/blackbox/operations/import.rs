//! `cadastre import`, the command line client, against a running server.

use std::fs;
use std::path::Path;

use crate::support::deployment::ADMIN_PASSWORD;
use crate::support::process::{Directory, Said, command, run};
use crate::support::{Deployment, Launch, Shape, Space, Value, json, pages, unique};

pub(super) fn import(at: &Deployment, directory: &Directory, arguments: &[&str]) -> Said {
    let url = at.url();
    let mut command = command(&[&["import", "--server", &url], arguments].concat());
    command.env("CADASTRE_PASSWORD", ADMIN_PASSWORD);
    run(command, directory)
}

fn space_named(at: &Deployment, name: &str) -> Space {
    let client = at.admin();
    let found = client
        .get(&format!("/api/v1/addressspaces?nameContains={name}"))
        .ok();
    assert_eq!(found.as_array().unwrap().len(), 1, "{found}");
    Space {
        id: found[0]["id"].as_str().unwrap().to_owned(),
        name: name.to_owned(),
        client,
    }
}

#[test]
fn good_lines_arrive_bad_ones_are_named_and_a_second_run_changes_nothing() {
    let at = Deployment::shared(Shape::OneProcess);
    let (directory, name) = (Directory::new(), unique("Import"));
    let (csv, tags) = (directory.join("plan.csv"), directory.join("tags.json"));
    fs::write(
        &tags,
        json!([
            { "name": "Site", "type": "Inheritable", "implies": { "Region": { "AMS1": "eu" } } },
            { "name": "Region", "type": "Inheritable", "knownValues": ["eu", "us"] },
        ])
        .to_string(),
    )
    .unwrap();
    fs::write(
        &csv,
        "prefix,description,tag:Site,tag:Region\n\
        10.0.0.0/8,\"The top, quoted\",AMS1,\n\
        10.1.0.0/16,,,\n\
        10.1.2.3/24,host bits,,\n\
        2001:db8::/32,v6,,us\n\
        10.2.0.0/16,,,mars\n\
        not-a-prefix,,,\n\
        10.3.0.0/16,too,few\n\
        10.1.1.0/24,Größe,,\n",
    )
    .unwrap();
    let errors = directory.join("failed.ndjson");
    let arguments = [
        csv.to_str().unwrap(),
        "--space",
        &name,
        "--create-space",
        "--tags",
        tags.to_str().unwrap(),
        "--errors",
        errors.to_str().unwrap(),
    ];
    let first = import(at, &directory, &arguments);
    assert_eq!(first.code, Some(3), "{}{}", first.out, first.err);
    assert!(
        first.out.contains("4 created") && first.out.contains("4 failed"),
        "{}",
        first.out
    );
    for line in ["line 4", "line 6", "line 7", "line 8", "10.1.2.0/24"] {
        assert!(first.err.contains(line), "{line}: {}", first.err);
    }
    let written = fs::read_to_string(&errors).unwrap();
    let numbers: Vec<u64> = written
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            line["line"].as_u64().unwrap()
        })
        .collect();
    assert_eq!(numbers.len(), 4, "{written}");

    let space = space_named(at, &name);
    assert_eq!(
        space.prefixes("/ips"),
        ["10.0.0.0/8", "10.1.0.0/16", "10.1.1.0/24", "2001:db8::/32"]
    );
    let top = space.by_prefix("10.0.0.0/8");
    assert_eq!(
        (&top["description"], &top["tags"]),
        (&json!("The top, quoted"), &json!({ "Site": "AMS1" }))
    );
    assert_eq!(
        space.by_prefix("10.1.1.0/24")["resolvedTags"],
        json!({ "Site": "AMS1", "Region": "eu" })
    );

    let before = space.dump();
    let second = import(at, &directory, &arguments);
    assert_eq!(second.code, Some(3));
    assert!(
        second.out.contains("0 created, 4 unchanged, 0 updated, 4 failed"),
        "{}",
        second.out
    );
    assert_eq!(space.dump(), before);

    // Only good lines: nothing to complain about.
    fs::write(&csv, "prefix,description\n10.0.0.0/8,New words\n10.9.0.0/16,\n").unwrap();
    let refused = import(at, &directory, &[csv.to_str().unwrap(), "--space", &name]);
    assert_eq!(
        refused.code,
        Some(3),
        "a line that differs is not overwritten unasked: {}{}",
        refused.out,
        refused.err
    );
    let updated = import(
        at,
        &directory,
        &[csv.to_str().unwrap(), "--space", &name, "--update"],
    );
    assert_eq!(updated.code, Some(0), "{}{}", updated.out, updated.err);
    assert!(
        updated.out.contains("1 updated") && updated.out.contains("0 failed"),
        "{}",
        updated.out
    );
}

#[test]
fn an_import_that_cannot_be_done_says_so_and_changes_nothing() {
    let at = Deployment::shared(Shape::OneProcess);
    let (directory, name) = (Directory::new(), unique("Import"));
    let csv = directory.join("plan.csv");
    fs::write(&csv, "prefix\n10.0.0.0/8\n").unwrap();
    let csv = csv.to_str().unwrap();
    let said = import(at, &directory, &[csv, "--space", &name]);
    assert!(
        matches!(said.code, Some(1 | 2)) && said.err.contains(&name),
        "{}",
        said.err
    );
    let said = import(
        at,
        &directory,
        &["/nowhere/plan.csv", "--space", &name, "--create-space"],
    );
    assert!(
        matches!(said.code, Some(1 | 2)) && said.err.contains("/nowhere/plan.csv"),
        "{}",
        said.err
    );
    let said = import(
        at,
        &directory,
        &[
            csv,
            "--space",
            &name,
            "--create-space",
            "--server",
            "http://127.0.0.1:1",
        ],
    );
    assert!(
        said.code != Some(0) && !said.err.contains("panic"),
        "{}",
        said.err
    );
    let mut wrong = command(&[
        "import",
        csv,
        "--space",
        &name,
        "--create-space",
        "--server",
        &at.url(),
    ]);
    wrong.env("CADASTRE_PASSWORD", "not the password");
    let said = run(wrong, &directory);
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
    assert!(!said.err.contains("not the password"), "{}", said.err);
    let found = pages::listed(
        &at.admin(),
        &format!("/api/v1/addressspaces?nameContains={name}"),
        "id",
    );
    assert!(found.is_empty());
    let dry = import(
        at,
        &directory,
        &[csv, "--space", &name, "--create-space", "--dry-run"],
    );
    assert_eq!(dry.code, Some(0), "{}{}", dry.out, dry.err);
    let found = pages::listed(
        &at.admin(),
        &format!("/api/v1/addressspaces?nameContains={name}"),
        "id",
    );
    assert!(found.is_empty(), "a dry run made the space");
}

#[test]
fn the_address_ranges_of_aws_are_imported_and_an_address_of_theirs_is_found() {
    let at = Launch::new(Shape::OneProcess)
        .flags(&["--rate-limit=0", "--address-rate-limit=0"])
        .start();
    let directory = Directory::new();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/aws-ip-ranges");
    let (csv, tags) = (example.join("prefixes.csv"), example.join("tags.json"));
    let arguments = [
        csv.to_str().unwrap(),
        "--space",
        "AWS",
        "--create-space",
        "--tags",
        tags.to_str().unwrap(),
    ];
    let said = import(&at, &directory, &arguments);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    assert!(
        said.out.contains("11013 created") && said.out.contains("0 failed"),
        "{}",
        said.out
    );
    let space = space_named(&at, "AWS");
    let found = space.get("/ips/lookup?address=3.5.140.2").ok();
    assert_eq!(found[0]["prefix"], "3.5.140.0/22");
    assert_eq!(found[0]["resolvedTags"]["Region"], "ap-northeast-2");
    assert_eq!(found[0]["resolvedTags"]["Continent"], "Asia");
    assert_eq!(
        pages::all(&space.client, &space.path("/ips"), 1000, "id").len(),
        11_013
    );
    let again = import(&at, &directory, &arguments);
    assert_eq!(again.code, Some(0), "{}{}", again.out, again.err);
    assert!(again.out.contains("0 created, 11013 unchanged"), "{}", again.out);
}
