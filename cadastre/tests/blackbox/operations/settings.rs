//! Settings: what holds and why, what is refused, what stays secret.

use std::fs;

use crate::support::process::{Directory, command, run};

fn config(arguments: &[&str], environment: &[(&str, &str)]) -> crate::support::process::Said {
    let mut command = command(&[&["config"], arguments].concat());
    command.envs(environment.iter().copied());
    run(command, &Directory::new())
}

#[test]
fn the_effective_configuration_is_printed_with_secrets_masked() {
    let secrets = [
        ("CADASTRE_ADMIN_PASSWORD", "a secret of ours 1"),
        ("CADASTRE_SERVICE_TOKEN", "a-secret-of-ours-2"),
    ];
    for role in ["serve", "dataaccess", "frontend", "gateway"] {
        let said = config(&[role], &secrets);
        assert_eq!(said.code, Some(0), "{}", said.err);
        assert!(
            !said.out.contains("secret of ours") && !said.out.contains("secret-of-ours"),
            "{}",
            said.out
        );
        assert!(said.out.contains("listen"), "{}", said.out);
    }
    let said = config(&["serve", "--admin-password", "a secret of ours 3"], &[]);
    assert!(
        said.out.contains("***") && !said.out.contains("ours 3"),
        "{}",
        said.out
    );
}

#[test]
fn a_flag_beats_the_variable_which_beats_the_file() {
    let scratch = Directory::new();
    let file = scratch.join("c.toml");
    fs::write(
        &file,
        "listen = \"127.0.0.1:1001\"\nrate-limit = 11\nlog = \"debug\"\n",
    )
    .unwrap();
    let file = file.to_str().unwrap();
    let environment = [
        ("CADASTRE_LISTEN", "127.0.0.1:1002"),
        ("CADASTRE_RATE_LIMIT", "12"),
    ];
    let said = config(
        &["serve", "--config", file, "--listen", "127.0.0.1:1003"],
        &environment,
    );
    assert_eq!(said.code, Some(0), "{}", said.err);
    let line = |key: &str| {
        said.out
            .lines()
            .find(|line| line.starts_with(key))
            .unwrap_or_else(|| panic!("{}", said.out))
    };
    assert!(line("listen").contains("1003"), "{}", said.out);
    assert!(line("rate-limit").contains("12"), "{}", said.out);
    assert!(
        line("log ").contains("debug") || line("log=").contains("debug"),
        "{}",
        said.out
    );
    // What it prints is a file that it reads.
    let printed = scratch.join("printed.toml");
    fs::write(&printed, &said.out).unwrap();
    let again = config(&["serve", "--config", printed.to_str().unwrap()], &[]);
    assert_eq!(again.code, Some(0), "{}\n{}", again.err, said.out);
}

#[test]
fn the_default_file_is_legal_and_says_what_everything_is() {
    let scratch = Directory::new();
    let said = config(&["--default"], &[]);
    let file = scratch.join("default.toml");
    fs::write(&file, &said.out).unwrap();
    for role in ["serve", "dataaccess", "frontend", "gateway"] {
        let said = config(&[role, "--config", file.to_str().unwrap()], &[]);
        assert_eq!(said.code, Some(0), "{role}: {}", said.err);
    }
    assert!(said.out.lines().filter(|line| line.starts_with('#')).count() > 40);
}

#[test]
fn an_unknown_or_unusable_setting_is_refused_with_its_place() {
    let scratch = Directory::new();
    for (text, named) in [
        ("listne = \"127.0.0.1:1\"\n", "listne"),
        ("[server]\nlisten = \"127.0.0.1:1\"\n", "server"),
        ("rate-limit = \"many\"\n", "rate-limit"),
        ("rate-limit = -1\n", "rate-limit"),
        ("rate-limit = 1\nrate-limit = 2\n", "line 2"),
        ("log-format = \"xml\"\n", "log-format"),
        ("body-limit = \"lots\"\n", "body-limit"),
        ("listen = \n", "c.toml"),
    ] {
        let file = scratch.join("c.toml");
        fs::write(&file, text).unwrap();
        for command_line in [
            vec!["config", "serve"],
            vec!["serve", "--data", "/nowhere/at/all"],
        ] {
            let said = run(
                command(&[command_line.as_slice(), &["--config", file.to_str().unwrap()]].concat()),
                &scratch,
            );
            assert_eq!(said.code, Some(2), "{text}: {}{}", said.out, said.err);
            assert!(
                said.err.contains(named) && !said.err.contains("panic"),
                "{text}: {}",
                said.err
            );
        }
    }
    let said = config(&["serve", "--config", "/nowhere/c.toml"], &[]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("/nowhere/c.toml"), "{}", said.err);
    let said = run(command(&["serve", "--rate-limitt=1"]), &scratch);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("rate-limit"), "{}", said.err);
}

#[test]
fn split_services_refuse_to_start_without_a_service_token_or_in_the_clear() {
    let scratch = Directory::new();
    let data = scratch.join("data");
    for role in ["dataaccess", "frontend", "gateway"] {
        let said = run(command(&[role, "--listen", "127.0.0.1:0"]), &scratch);
        assert_eq!(said.code, Some(2), "{role}: {}", said.err);
        assert!(said.err.contains("CADASTRE_SERVICE_TOKEN"), "{}", said.err);
        for token in ["short", "sixteen and space"] {
            let mut command = command(&[role, "--listen", "127.0.0.1:0"]);
            let said = run(
                {
                    command.env("CADASTRE_SERVICE_TOKEN", token);
                    command
                },
                &scratch,
            );
            assert_eq!(said.code, Some(2), "{role}: {}", said.err);
            assert!(!said.err.contains(token), "{}", said.err);
        }
        let mut command = command(&[role, "--listen", "0.0.0.0:0"]);
        command
            .env("CADASTRE_SERVICE_TOKEN", "0123456789abcdef0123")
            .env("CADASTRE_DATA", &data);
        let said = run(command, &scratch);
        assert_eq!(said.code, Some(2), "{role}: {}", said.err);
        assert!(said.err.contains("loopback"), "{}", said.err);
    }
    assert!(!data.exists());
}

#[test]
fn help_and_version_are_there() {
    let scratch = Directory::new();
    let said = run(command(&["--version"]), &scratch);
    assert_eq!((said.code, said.out.starts_with("cadastre ")), (Some(0), true));
    for arguments in [
        vec!["--help"],
        vec!["serve", "--help"],
        vec!["import", "--help"],
        vec!["config", "--help"],
    ] {
        let said = run(command(&arguments), &scratch);
        assert!(
            said.code == Some(0) && said.out.contains("xample") || said.out.contains("First steps"),
            "{}",
            said.out
        );
    }
    assert_eq!(run(command(&["frobnicate"]), &scratch).code, Some(2));
    let said = run(command(&["openapi"]), &scratch);
    let document: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert!(document["paths"]["/api/v1/addressspaces"]["get"].is_object());
}

#[test]
fn settings_are_refused_before_anything_is_made() {
    let scratch = Directory::new();
    let data = scratch.join("data");
    let nowhere = scratch.join("no-list");
    for (flags, words) in [
        (["--drain-delay", "30s"], "drain-delay"),
        (["--allow-list", nowhere.to_str().unwrap()], "no-list"),
        (["--store", "azure-tables:cadastre"], "CADASTRE_AZURE_CONNECTION"),
        (["--store", "redis://127.0.0.1"], "rocksdb:DIRECTORY"),
    ] {
        let mut command = command(&["serve", "--listen", "127.0.0.1:0"]);
        command.arg("--data").arg(&data).args(flags);
        let said = run(command, &scratch);
        assert!(said.err.contains(words), "{}", said.err);
        assert_ne!(said.code, Some(0), "{}", said.err);
        assert!(!data.exists(), "{flags:?}");
    }
}
