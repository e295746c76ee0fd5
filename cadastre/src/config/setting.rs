//! What a setting is: one description, from which flag, variable, file key and documentation follow.

use super::kind::Kind;
use super::role::Role;

/// One setting of the server roles.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Key in the file; `--key` is the flag.
    pub(crate) key: &'static str,
    /// Environment variable: `CADASTRE_` and the key in capitals.
    pub(crate) env: &'static str,
    /// What a value may be.
    pub(crate) kind: Kind,
    /// What holds when nobody says anything.
    pub(crate) default: Default,
    /// The roles that use it.
    pub(crate) roles: &'static [Role],
    /// Never printed.
    pub(crate) secret: bool,
    /// One line: what it is.
    pub(crate) summary: &'static str,
    /// More, for the long help and the default file. May be empty.
    pub(crate) detail: &'static str,
}

/// What holds when nobody sets a setting.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Default {
    /// Nothing.
    Unset,
    /// This value.
    Value(&'static str),
    /// A value that depends on the role.
    PerRole(&'static [(Role, &'static str)]),
    /// Worked out from other settings or the machine; the text says how.
    Derived(&'static str),
}

/// Stands for every secret.
pub(super) const MASK: &str = "***";

impl Setting {
    /// A value without what is secret in it.
    pub(crate) fn shown(&self, text: &str) -> String {
        if self.secret {
            return MASK.to_owned();
        }
        if !matches!(self.kind, Kind::Url) {
            return text.to_owned();
        }
        // The last one: a password may hold others.
        match (text.find("://"), text.rfind('@')) {
            (Some(scheme), Some(at)) if scheme + 3 <= at => {
                format!("{}{MASK}{}", &text[..scheme + 3], &text[at..])
            }
            (None, Some(at)) => format!("{MASK}{}", &text[at..]),
            (_, _) => text.to_owned(),
        }
    }

    /// The role uses this setting.
    pub(crate) fn is_for(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// The fixed default for a role.
    pub(crate) fn default_for(&self, role: Role) -> Option<&'static str> {
        match self.default {
            Default::Value(text) => Some(text),
            Default::PerRole(texts) => texts.iter().find(|(of, _)| *of == role).map(|(_, text)| *text),
            Default::Unset | Default::Derived(_) => None,
        }
    }

    /// The default in words.
    pub(crate) fn default_in_words(&self) -> String {
        match self.default {
            Default::Unset => "not set".to_owned(),
            Default::Value(text) => text.to_owned(),
            Default::Derived(how) => how.to_owned(),
            Default::PerRole(texts) => texts
                .iter()
                .map(|(role, text)| format!("{text} ({role})"))
                .collect::<Vec<_>>()
                .join(", "),
        }
    }
}
