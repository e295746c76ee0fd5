//! Cadastre: one binary, four roles (`serve`, `dataaccess`, `frontend`, `gateway`), and the command line
//! client. It only wires: rules live in `domain`, records in `dataaccess-svc`, the API in `frontend-svc`, the
//! door in `gateway`.

mod backup;
mod cache;
mod cli;
mod config;
mod failure;
mod health;
mod http;
mod import;
mod interrupt;
mod landing;
mod logging;
mod metering;
mod roles;
mod server_args;
mod shutdown;
mod store;
mod terminal;
mod tls;

use std::process::ExitCode;

use clap::ArgMatches;

use config::Role;
use failure::Failure;

/// A request makes some hundred small allocations; this allocator is measurably faster at them than glibc's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let matches = cli::command().get_matches();
    // The one place that chooses cryptography: rustls has no provider of its own here.
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        terminal::complain("cadastre: a TLS provider is installed already; this is a bug.");
        return ExitCode::from(failure::FAILED);
    }
    match run(&matches) {
        Ok(code) => code,
        Err(failure) => {
            terminal::complain(&format!("cadastre: {failure}"));
            ExitCode::from(failure.code)
        }
    }
}

fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    match matches.subcommand() {
        Some(("config", matches)) => show_configuration(matches),
        Some(("import", matches)) => import::run(&arguments(matches)?),
        Some(("backup", matches)) => backup::back_up(&arguments(matches)?),
        Some(("restore", matches)) => backup::restore(&arguments(matches)?),
        Some(("copy", matches)) => backup::copy(&arguments(matches)?),
        Some(("health", matches)) => health::run(&arguments(matches)?),
        Some(("openapi", _)) => {
            let document = cadastre_frontend::openapi()
                .to_pretty_json()
                .map_err(|error| Failure::new(format!("The OpenAPI document cannot be written: {error}.")))?;
            terminal::say(&document);
            Ok(ExitCode::SUCCESS)
        }
        Some((name, matches)) => {
            let role =
                Role::named(name).ok_or_else(|| Failure::usage(format!("There is no command {name}.")))?;
            roles::run(&cli::effective(role, matches)?)?;
            Ok(ExitCode::SUCCESS)
        }
        None => Err(Failure::usage("Say what to do; `cadastre --help` lists it.")),
    }
}

/// The arguments of a command of the client.
fn arguments<A: clap::FromArgMatches>(matches: &ArgMatches) -> Result<A, Failure> {
    A::from_arg_matches(matches).map_err(|error| Failure::usage(error.to_string()))
}

/// Environment variables of the client's commands.
fn variables_of_the_client() -> Vec<String> {
    [import::variables(), backup::variables()].concat()
}

fn show_configuration(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    if matches.get_flag("default") {
        terminal::say(config::default_file().trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    let role = matches
        .get_one::<String>("role")
        .and_then(|name| Role::named(name))
        .unwrap_or(Role::Serve);
    terminal::say(config::print_effective(&cli::effective(role, matches)?).trim_end());
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for (variable, near) in config::unknown_variables(names, &variables_of_the_client()) {
        let near = near.map_or(String::new(), |near| format!(" Did you mean {near}?"));
        terminal::complain(&format!(
            "cadastre: no setting has the variable {variable}.{near}"
        ));
    }
    Ok(ExitCode::SUCCESS)
}
