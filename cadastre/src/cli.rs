//! The command line: subcommands and their help. Flags of the server roles are made from the settings table,
//! so that a flag, its variable and its documentation cannot drift apart.

use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args as _, Command, builder::PathBufValueParser};

use crate::backup::{BackupArgs, CopyArgs, RestoreArgs};
use crate::config::{self, Effective, File, Kind, Role, Setting, table::SETTINGS};
use crate::failure::Failure;
use crate::health::HealthArgs;
use crate::import::ImportArgs;

const ABOUT: &str =
    "Cadastre is the land registry of address space: hierarchical IP address management with \
tags that are inherited down the tree and imply each other.

One binary, four roles. `cadastre serve` runs everything in one process on an embedded store and is what you \
want first. To grow, run `dataaccess`, `frontend` and `gateway` each on their own; it is the same code.";

const AFTER: &str = "First steps:
  cadastre serve                         start on http://127.0.0.1:8080, records in ./data
  cat data/admin-password                password of the user `admin`, made on the first start
  cadastre import prefixes.csv --space Lab --create-space --tags tags.json \\
      --password-file data/admin-password
  xdg-open http://127.0.0.1:8080/docs    the API, to try out

Every flag has a CADASTRE_* environment variable and a key in the file given with --config. A flag \
beats the variable, the variable beats the file. `cadastre config` shows what holds and why.";

const AFTER_SERVE: &str = "Examples:
  cadastre serve
  cadastre serve --data /var/lib/cadastre --listen 127.0.0.1:8080
  cadastre serve --store memory: --log debug
  cadastre serve --listen :443 --tls-cert chain.pem --tls-key key.pem
  CADASTRE_ADMIN_PASSWORD='…' cadastre serve --config /etc/cadastre.toml

On the first start the user `admin` is made. Its password is CADASTRE_ADMIN_PASSWORD, or generated \
and written to DATA/admin-password. There is no default password.";

const AFTER_SPLIT: &str = "The three services share CADASTRE_SERVICE_TOKEN; start in this order or any other:
  export CADASTRE_SERVICE_TOKEN=$(openssl rand -hex 32)
  cadastre dataaccess --listen 127.0.0.1:8082 --store rocksdb:data/store
  cadastre frontend   --listen 127.0.0.1:8081 --dataaccess http://127.0.0.1:8082 --keys data/keys
  cadastre gateway    --listen 127.0.0.1:8080 --frontend http://127.0.0.1:8081

A service refuses to start without the token, wherever it listens. Off loopback it refuses without TLS \
too (--tls-cert, --tls-key), unless --trusted-network says that nobody else can read the network.

The frontend makes the user `admin` on the first start. Unless CADASTRE_ADMIN_PASSWORD is set, the password \
is in the file admin-password of --data if that is given, else beside the keys: here data/keys/admin-password.";

const AFTER_CONFIG: &str = "Examples:
  cadastre config                          what `cadastre serve` would run with
  cadastre config gateway --config c.toml  what `cadastre gateway --config c.toml` would run with
  cadastre config --default > c.toml       every setting, explained, with its default";

/// The whole command line.
pub(crate) fn command() -> Command {
    Command::new("cadastre")
        .version(env!("CARGO_PKG_VERSION"))
        .about("The land registry of address space: server and command line")
        .long_about(ABOUT)
        .after_help(AFTER)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(role(
            Role::Serve,
            "Run everything in one process (start here)",
            AFTER_SERVE,
        ))
        .subcommand(role(
            Role::DataAccess,
            "Run the data access service alone: records and decisions",
            AFTER_SPLIT,
        ))
        .subcommand(role(
            Role::Frontend,
            "Run the frontend service alone: API and authorisation",
            AFTER_SPLIT,
        ))
        .subcommand(role(
            Role::Gateway,
            "Run the gateway alone: the only public door",
            AFTER_SPLIT,
        ))
        .subcommand(config_command())
        .subcommand(client(ImportArgs::augment_args(Command::new("import"))))
        .subcommand(client(BackupArgs::augment_args(Command::new("backup"))))
        .subcommand(client(RestoreArgs::augment_args(Command::new("restore"))))
        .subcommand(client(CopyArgs::augment_args(Command::new("copy"))))
        .subcommand(HealthArgs::augment_args(Command::new("health")))
        .subcommand(
            Command::new("openapi")
                .about("Print the OpenAPI document of the public API as JSON")
                .after_help("Example:\n  cadastre openapi > openapi.json"),
        )
}

/// A command of the client: what its variables hold is nobody's business.
fn client(command: Command) -> Command {
    command.mut_args(|argument| argument.hide_env_values(true))
}

fn role(role: Role, about: &'static str, after: &'static str) -> Command {
    Command::new(role.name())
        .about(about)
        .after_help(after)
        .arg(config_argument())
        .args(
            SETTINGS
                .iter()
                .filter(|setting| setting.is_for(role))
                .map(|setting| argument(setting, Some(role))),
        )
}

fn config_command() -> Command {
    Command::new("config")
        .about("Print the effective configuration, or the default file")
        .long_about(
            "Prints the configuration that a role would run with as TOML: every value, where it comes from, \
             secrets masked. Takes the same flags as the role itself.",
        )
        .after_help(AFTER_CONFIG)
        .arg(
            Arg::new("role")
                .value_parser(Role::ALL.map(Role::name))
                .default_value(Role::Serve.name())
                .help("Whose configuration"),
        )
        .arg(
            Arg::new("default")
                .long("default")
                .action(ArgAction::SetTrue)
                .help("Print a commented file with every setting and its default instead"),
        )
        .arg(config_argument())
        .args(SETTINGS.iter().map(|setting| argument(setting, None)))
}

fn config_argument() -> Arg {
    Arg::new("config")
        .long("config")
        .env("CADASTRE_CONFIG")
        .hide_env_values(true)
        .value_name("FILE")
        .value_parser(PathBufValueParser::new())
        .help("Configuration file (TOML); `cadastre config --default` prints one to start from")
}

fn argument(setting: &'static Setting, role: Option<Role>) -> Arg {
    let default = role.map_or_else(
        || setting.default_in_words(),
        |role| match setting.default_for(role) {
            Some(text) => text.to_owned(),
            None => setting.default_in_words(),
        },
    );
    let short = format!("{} [default: {default}]", setting.summary);
    let mut argument = Arg::new(setting.key)
        .long(setting.key)
        .env(setting.env)
        .hide_env_values(true)
        .value_name(setting.kind.placeholder());
    if matches!(setting.kind, Kind::Flag) {
        argument = argument
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true");
    }
    if !setting.detail.is_empty() {
        argument = argument.long_help(format!(
            "{}. {}\n\n[default: {default}]",
            setting.summary, setting.detail
        ));
    }
    argument.help(short)
}

/// Puts flags, environment, file and defaults together for a role.
pub(crate) fn effective(role: Role, matches: &ArgMatches) -> Result<Effective, Failure> {
    let file = match matches.get_one::<PathBuf>("config") {
        Some(path) if !path.as_os_str().is_empty() => config::read_file(path)?,
        Some(_) | None => File::default(),
    };
    Effective::resolve(role, &Parsed(matches), &file)
}

/// Flags and variables as clap found them.
struct Parsed<'a>(&'a ArgMatches);

impl Parsed<'_> {
    fn of(&self, setting: &Setting, wanted: ValueSource) -> Option<String> {
        if self.0.value_source(setting.key)? != wanted {
            return None;
        }
        self.0.get_one::<String>(setting.key).cloned()
    }
}

impl config::Given for Parsed<'_> {
    fn flag(&self, setting: &Setting) -> Option<String> {
        self.of(setting, ValueSource::CommandLine)
    }

    fn environment(&self, setting: &Setting) -> Option<String> {
        self.of(setting, ValueSource::EnvVariable)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::table;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn a_flag_of_another_role_is_refused_and_a_bare_flag_is_true() {
        assert!(
            command()
                .try_get_matches_from(["cadastre", "gateway", "--store", "memory:"])
                .is_err()
        );
        let matches = command()
            .try_get_matches_from(["cadastre", "gateway", "--trusted-network", "--hsts=no"])
            .unwrap();
        let effective = effective(Role::Gateway, matches.subcommand().unwrap().1).unwrap();
        assert!(effective.flag(&table::TRUSTED_NETWORK));
        assert!(!effective.flag(&table::HSTS));
    }

    #[test]
    fn variables_are_named_alike_and_never_with_what_they_hold() {
        for sub in command().get_subcommands() {
            for argument in sub
                .get_arguments()
                .filter(|argument| argument.get_env().is_some())
            {
                assert!(
                    argument.is_hide_env_values_set(),
                    "{} {}",
                    sub.get_name(),
                    argument.get_id()
                );
            }
        }
    }

    #[test]
    fn no_sentence_of_a_help_text_is_broken_by_hand() {
        for sub in command().get_subcommands_mut() {
            let texts = [sub.get_long_about(), sub.get_after_help()];
            for text in texts.into_iter().flatten().map(ToString::to_string) {
                let paragraphs = text.split("\n\n");
                // Lists of commands, one a line, are indented.
                for paragraph in paragraphs.filter(|paragraph| !paragraph.contains("\n  ")) {
                    assert!(
                        !paragraph.trim().contains('\n'),
                        "{}: {paragraph}",
                        sub.get_name()
                    );
                }
            }
        }
    }

    #[test]
    fn every_subcommand_teaches_by_example() {
        for sub in command().get_subcommands() {
            assert!(
                sub.get_after_help().is_some() || sub.get_after_long_help().is_some(),
                "{}",
                sub.get_name()
            );
            assert!(sub.get_about().is_some(), "{}", sub.get_name());
        }
    }
}
