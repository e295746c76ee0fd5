//! The settings that hold: each with its text and where it comes from, checked when they are put together.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::file::File;
use super::role::Role;
use super::setting::{Default, Setting};
use super::table::{LOG, QUIET_ACCESS, SETTINGS, TWICE_RATE_LIMIT};
use super::units;
use crate::failure::Failure;

/// Where a value comes from, strongest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The command line.
    Flag(&'static str),
    /// The environment.
    Environment(&'static str),
    /// A configuration file and the line in it.
    File(PathBuf, usize),
    /// Nobody set it.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(key) => write!(f, "flag --{key}"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::File(path, line) => write!(f, "{}, line {line}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// Flags and variables, as the command line parser found them.
pub(crate) trait Given {
    /// What the command line says.
    fn flag(&self, setting: &Setting) -> Option<String>;
    /// What the environment says.
    fn environment(&self, setting: &Setting) -> Option<String>;
}

/// The settings of one role.
#[derive(Debug)]
pub(crate) struct Effective {
    role: Role,
    values: BTreeMap<&'static str, (String, Source)>,
}

impl Effective {
    /// Puts the layers together and checks every value.
    pub(crate) fn resolve(role: Role, given: &dyn Given, file: &File) -> Result<Self, Failure> {
        let mut values = BTreeMap::new();
        for setting in SETTINGS.iter().filter(|setting| setting.is_for(role)) {
            let of_file = || {
                let (text, line) = file
                    .values
                    .get(setting.key)
                    .filter(|(text, _)| !text.is_empty())?;
                Some((text.clone(), Source::File(file.path.clone(), *line)))
            };
            let found = given
                .flag(setting)
                .map(|text| (text, Source::Flag(setting.key)))
                // Empty is how compose files, shells and the default file say "not set".
                .or_else(|| {
                    let text = given.environment(setting).filter(|text| !text.is_empty())?;
                    Some((text, Source::Environment(setting.env)))
                })
                .or_else(of_file)
                .or_else(|| Some((setting.default_for(role)?.to_owned(), Source::Default)));
            let Some((text, source)) = found else { continue };
            setting
                .kind
                .check(&text)
                .map_err(|complaint| refuse(setting, &text, &source, &complaint))?;
            values.insert(setting.key, (text, source));
        }
        let mut effective = Self { role, values };
        effective.derive();
        effective.quieten(std::io::IsTerminal::is_terminal(&std::io::stderr()));
        Ok(effective)
    }

    /// On a terminal, unless somebody wants it so, the log has no line for every change: it would scroll away
    /// where things are.
    fn quieten(&mut self, terminal: bool) {
        if let Some((text, Source::Default)) = self.values.get_mut(LOG.key)
            && terminal
        {
            text.push_str(QUIET_ACCESS);
        }
    }

    /// Fills in what follows from other settings, so that it is printed as it will be used.
    fn derive(&mut self) {
        for setting in SETTINGS.iter().filter(|setting| setting.is_for(self.role)) {
            let Default::Derived(how) = setting.default else {
                continue;
            };
            if self.values.contains_key(setting.key) {
                continue;
            }
            let text = if how.contains("DATA") {
                let data = self
                    .values
                    .get("data")
                    .map_or("./data", |(text, _)| text.as_str());
                how.replace("DATA", data.trim_end_matches('/'))
            } else if how == TWICE_RATE_LIMIT {
                // Off with the other: who asks for no limit means none.
                let limit = self
                    .values
                    .get("rate-limit")
                    .and_then(|(text, _)| units::count(text));
                limit.unwrap_or(0).saturating_mul(2).to_string()
            } else {
                std::thread::available_parallelism()
                    .map_or(1, usize::from)
                    .to_string()
            };
            self.values.insert(setting.key, (text, Source::Default));
        }
    }

    /// The role.
    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// Text and source.
    pub(crate) fn get(&self, setting: &Setting) -> Option<(&str, &Source)> {
        self.values
            .get(setting.key)
            .map(|(text, source)| (text.as_str(), source))
    }

    /// Somebody set it.
    pub(crate) fn is_given(&self, setting: &Setting) -> bool {
        self.get(setting)
            .is_some_and(|(_, source)| *source != Source::Default)
    }

    /// Text, if there is any.
    pub(crate) fn text(&self, setting: &Setting) -> Option<&str> {
        self.get(setting).map(|(text, _)| text)
    }

    /// A path, if there is any.
    pub(crate) fn path(&self, setting: &Setting) -> Option<PathBuf> {
        self.text(setting).map(PathBuf::from)
    }

    /// The parts of a list; none when it is not set.
    pub(crate) fn list(&self, setting: &Setting) -> Vec<&str> {
        let text = self.text(setting).unwrap_or_default();
        text.split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .collect()
    }

    /// A number (checked before; 0 when it is not set).
    pub(crate) fn count(&self, setting: &Setting) -> u64 {
        self.text(setting).and_then(units::count).unwrap_or_default()
    }

    /// Bytes.
    pub(crate) fn size(&self, setting: &Setting) -> u64 {
        self.text(setting).and_then(units::size).unwrap_or_default()
    }

    /// A length of time.
    pub(crate) fn duration(&self, setting: &Setting) -> Duration {
        self.text(setting).and_then(units::duration).unwrap_or_default()
    }

    /// Truth.
    pub(crate) fn flag(&self, setting: &Setting) -> bool {
        self.text(setting).and_then(units::flag).unwrap_or_default()
    }

    /// A refusal of a value that only its user can judge.
    pub(crate) fn refuse(&self, setting: &Setting, complaint: &str) -> Failure {
        match self.get(setting) {
            Some((text, source)) => refuse(setting, text, source, complaint),
            None => Failure::usage(format!("{} {complaint}.", setting.key)),
        }
    }
}

fn refuse(setting: &Setting, text: &str, source: &Source, complaint: &str) -> Failure {
    let shown = setting.shown(text);
    Failure::usage(format!("{} = \"{shown}\" ({source}) {complaint}.", setting.key))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::table;
    use super::*;

    #[derive(Default)]
    struct Layers {
        flags: BTreeMap<&'static str, &'static str>,
        variables: BTreeMap<&'static str, &'static str>,
    }

    impl Given for Layers {
        fn flag(&self, setting: &Setting) -> Option<String> {
            self.flags.get(setting.key).map(|text| (*text).to_owned())
        }
        fn environment(&self, setting: &Setting) -> Option<String> {
            self.variables.get(setting.env).map(|text| (*text).to_owned())
        }
    }

    fn file(values: &[(&'static str, &str)]) -> File {
        let values = values
            .iter()
            .map(|(key, text)| (*key, ((*text).to_owned(), 7)))
            .collect();
        File {
            path: PathBuf::from("c.toml"),
            values,
        }
    }

    #[test]
    fn a_flag_beats_a_variable_beats_the_file_beats_the_default() {
        let mut layers = Layers::default();
        let written = file(&[("body-limit", "3k")]);
        let limit = |layers: &Layers, file: &File| {
            let effective = Effective::resolve(Role::Serve, layers, file).unwrap();
            (
                effective.size(&table::BODY_LIMIT),
                effective.get(&table::BODY_LIMIT).unwrap().1.to_string(),
            )
        };
        assert_eq!(limit(&layers, &File::default()), (1 << 20, "default".to_owned()));
        assert_eq!(limit(&layers, &written), (3072, "c.toml, line 7".to_owned()));
        layers.variables.insert("CADASTRE_BODY_LIMIT", "2k");
        assert_eq!(
            limit(&layers, &written),
            (2048, "environment CADASTRE_BODY_LIMIT".to_owned())
        );
        layers.flags.insert("body-limit", "1k");
        assert_eq!(limit(&layers, &written), (1024, "flag --body-limit".to_owned()));
    }

    #[test]
    fn an_empty_variable_is_not_set() {
        let layers = Layers {
            variables: [("CADASTRE_RATE_LIMIT", "")].into(),
            ..Layers::default()
        };
        let effective = Effective::resolve(Role::Gateway, &layers, &File::default()).unwrap();
        assert_eq!(
            effective.text(&table::RATE_LIMIT),
            table::RATE_LIMIT.default_for(Role::Gateway)
        );
    }

    #[test]
    fn a_bad_value_is_refused_with_its_source_and_a_secret_is_not_shown() {
        let layers = Layers {
            flags: [("workers", "none")].into(),
            ..Layers::default()
        };
        let failure = Effective::resolve(Role::Serve, &layers, &File::default()).unwrap_err();
        assert_eq!(
            failure.sentence,
            "workers = \"none\" (flag --workers) is not a whole number from 1 on."
        );
        assert_eq!(failure.code, crate::failure::USAGE);

        let layers = Layers {
            variables: [("CADASTRE_SERVICE_TOKEN", "hunter2")].into(),
            ..Layers::default()
        };
        let effective = Effective::resolve(Role::Gateway, &layers, &File::default()).unwrap();
        let refusal = effective.refuse(&table::SERVICE_TOKEN, "is too short");
        assert!(!refusal.sentence.contains("hunter2"), "{refusal}");
    }

    #[test]
    fn store_and_keys_follow_the_data_directory() {
        let layers = Layers {
            flags: [("data", "/srv/cadastre/")].into(),
            ..Layers::default()
        };
        let effective = Effective::resolve(Role::Serve, &layers, &File::default()).unwrap();
        assert_eq!(effective.text(&table::STORE), Some("rocksdb:/srv/cadastre/store"));
        assert_eq!(effective.text(&table::KEYS), Some("/srv/cadastre/keys"));
        assert!(!effective.is_given(&table::KEYS));
    }

    #[test]
    fn the_limit_of_addresses_follows_that_of_principals() {
        let limit = |text: &'static str| {
            let layers = Layers {
                flags: [("rate-limit", text)].into(),
                ..Layers::default()
            };
            Effective::resolve(Role::Serve, &layers, &File::default())
                .unwrap()
                .count(&table::ADDRESS_RATE_LIMIT)
        };
        assert_eq!((limit("1_000"), limit("0")), (2000, 0));
    }

    #[test]
    fn the_log_is_quieter_on_a_terminal_unless_somebody_set_it() {
        let log = |layers: &Layers, terminal| {
            let values = Effective::resolve(Role::Serve, layers, &File::default())
                .unwrap()
                .values;
            let mut effective = Effective {
                role: Role::Serve,
                values,
            };
            if let Some((text, Source::Default)) = effective.values.get_mut("log") {
                *text = "info".to_owned();
            }
            effective.quieten(terminal);
            effective.text(&LOG).unwrap().to_owned()
        };
        assert_eq!(log(&Layers::default(), true), "info,cadastre::access=warn");
        assert_eq!(log(&Layers::default(), false), "info");
        let layers = Layers {
            flags: [("log", "debug")].into(),
            ..Layers::default()
        };
        assert_eq!(log(&layers, true), "debug");
    }

    #[test]
    fn a_setting_of_another_role_may_stand_in_a_shared_file() {
        let effective =
            Effective::resolve(Role::Gateway, &Layers::default(), &file(&[("store", "memory:")])).unwrap();
        assert_eq!(effective.text(&table::STORE), None);
    }
}
