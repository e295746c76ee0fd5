//! Prints configurations: the effective one with its sources and without its secrets, and the default file.

use std::fmt::Write as _;

use super::effective::Effective;
use super::kind::Kind;
use super::role::Role;
use super::setting::{MASK, Setting};
use super::table::SETTINGS;
use super::units;

/// The settings that hold, as TOML.
pub(crate) fn effective(effective: &Effective) -> String {
    let mut out = format!(
        "# What `cadastre {}` would run with, and where each value comes from. Secrets are shown as {MASK}.\n",
        effective.role()
    );
    for setting in SETTINGS.iter().filter(|setting| setting.is_for(effective.role())) {
        let line = match effective.get(setting) {
            None => format!("# {} is not set", setting.key),
            Some((text, source)) => {
                let shown = if setting.secret {
                    quoted(MASK)
                } else {
                    value(setting, &setting.shown(text))
                };
                format!("{:<44} # {source}", format!("{} = {shown}", setting.key))
            }
        };
        let _ = writeln!(out, "{line}");
    }
    out
}

/// The default configuration file: every setting, explained, commented out.
pub(crate) fn default_file() -> String {
    let mut out = String::from(
        "# Configuration of Cadastre. Every setting is here with its default; take away the `#` to change one.\n\
         # A flag beats its environment variable, which beats this file. Unknown keys are refused.\n\
         # Use it with: cadastre serve --config FILE. What holds in the end: cadastre config serve --config FILE\n",
    );
    for setting in SETTINGS {
        out.push('\n');
        comment(&mut out, &format!("{}.", setting.summary));
        if !setting.detail.is_empty() {
            comment(&mut out, setting.detail);
        }
        let roles: Vec<&str> = setting.roles.iter().map(|role| role.name()).collect();
        let _ = writeln!(
            out,
            "# Roles: {}. Flag: --{}. Variable: {}.",
            roles.join(", "),
            setting.key,
            setting.env
        );
        let _ = writeln!(out, "# Default: {}.", setting.default_in_words());
        let example = Role::ALL
            .into_iter()
            .find_map(|role| setting.default_for(role))
            .map_or_else(|| quoted(""), |text| value(setting, text));
        let _ = writeln!(out, "# {} = {example}", setting.key);
    }
    out
}

/// Wraps a paragraph into comment lines.
fn comment(out: &mut String, paragraph: &str) {
    let mut line = String::from("#");
    for word in paragraph.split_whitespace() {
        if line.len() + word.len() > 100 {
            let _ = writeln!(out, "{line}");
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(out, "{line}");
}

fn value(setting: &Setting, text: &str) -> String {
    match setting.kind {
        Kind::Count(_) => units::count(text).map_or_else(|| quoted(text), |number| number.to_string()),
        Kind::Flag => units::flag(text).map_or_else(|| quoted(text), |truth| truth.to_string()),
        Kind::List => {
            let parts: Vec<String> = text
                .split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(quoted)
                .collect();
            format!("[{}]", parts.join(", "))
        }
        Kind::Text
        | Kind::Url
        | Kind::Path
        | Kind::Listen
        | Kind::Size
        | Kind::Duration
        | Kind::Choice(_) => quoted(text),
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::effective::Given;
    use super::super::file::File;
    use super::*;

    struct Secrets;

    impl Given for Secrets {
        fn flag(&self, setting: &Setting) -> Option<String> {
            (setting.key == "listen").then(|| "127.0.0.1:9".to_owned())
        }
        fn environment(&self, setting: &Setting) -> Option<String> {
            setting.secret.then(|| "a-very-secret-value".to_owned())
        }
    }

    #[test]
    fn secrets_are_masked_and_sources_named() {
        for role in Role::ALL {
            let shown = effective(&Effective::resolve(role, &Secrets, &File::default()).unwrap());
            assert!(!shown.contains("a-very-secret-value"), "{shown}");
            assert!(shown.contains("# flag --listen"), "{shown}");
            assert!(shown.contains("\"***\""), "{shown}");
        }
    }

    #[test]
    fn of_a_url_user_and_password_are_masked_wherever_it_is_shown() {
        use super::super::table::CACHE;
        for (text, shown) in [
            ("redis://cache:6379/1", "redis://cache:6379/1"),
            ("redis://:hunter2@cache:6379", "redis://***@cache:6379"),
            ("rediss://ada:hunter2@cache", "rediss://***@cache"),
            ("redis://ada:p@ss@w0rd@cache", "redis://***@cache"),
            ("ada:hunter2@cache", "***@cache"),
        ] {
            assert_eq!(CACHE.shown(text), shown);
        }
        struct Url;
        impl Given for Url {
            fn flag(&self, _: &Setting) -> Option<String> {
                None
            }
            fn environment(&self, setting: &Setting) -> Option<String> {
                (setting.key == "cache").then(|| "redis://ada:hunter2@cache".to_owned())
            }
        }
        let settings = Effective::resolve(Role::DataAccess, &Url, &File::default()).unwrap();
        let refusal = settings.refuse(&CACHE, "cannot be used").to_string();
        for said in [effective(&settings), refusal] {
            assert!(
                said.contains("redis://***@cache") && !said.contains("hunter2"),
                "{said}"
            );
        }
    }

    #[test]
    fn what_is_printed_is_toml_that_can_be_read_back() {
        let shown = effective(&Effective::resolve(Role::Serve, &Secrets, &File::default()).unwrap());
        let table: toml::Table = shown.parse().unwrap();
        assert_eq!(table["listen"].as_str(), Some("127.0.0.1:9"));
        assert_eq!(table["rate-limit"].as_integer(), Some(10_000));
    }

    #[test]
    fn the_default_file_documents_every_setting_and_can_be_used_as_it_is_or_uncommented() {
        let shown = default_file();
        assert!(shown.parse::<toml::Table>().unwrap().is_empty());
        let uncommented: String = shown
            .lines()
            .filter_map(|line| line.strip_prefix("# "))
            .filter(|line| {
                SETTINGS
                    .iter()
                    .any(|s| line.starts_with(&format!("{} = ", s.key)))
            })
            .map(|line| format!("{line}\n"))
            .collect();
        assert_eq!(uncommented.parse::<toml::Table>().unwrap().len(), SETTINGS.len());
    }
}
