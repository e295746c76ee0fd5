//! Reads `--config FILE`: flat TOML. A key that no setting has is refused with its file, its line and the
//! nearest key that exists: a misspelt limit that is silently ignored is worse than no limit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::table::SETTINGS;
use crate::failure::Failure;

/// What a configuration file sets.
#[derive(Debug, Default)]
pub(crate) struct File {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Key → text and line.
    pub(crate) values: BTreeMap<&'static str, (String, usize)>,
}

/// Reads and checks a file.
pub(crate) fn read(path: &Path) -> Result<File, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::usage(format!(
            "The configuration file {} cannot be read: {error}.",
            path.display()
        ))
    })?;
    parse(path, &text)
}

fn parse(path: &Path, text: &str) -> Result<File, Failure> {
    let place = |at: usize| (line_of(text, at), path.display());
    let table = DeTable::parse(text).map_err(|error| {
        let (line, file) = place(error.span().map_or(0, |span| span.start));
        Failure::usage(format!(
            "{file}, line {line}: this is not TOML: {}.",
            error.message()
        ))
    })?;
    let mut values = BTreeMap::new();
    for (key, value) in table.get_ref() {
        let (line, file) = place(key.span().start);
        let name = key.get_ref().as_ref();
        let Some(setting) = SETTINGS.iter().find(|setting| setting.key == name) else {
            return Err(Failure::usage(unknown_key(&format!("{file}, line {line}"), name)));
        };
        let text = plain(value.get_ref()).ok_or_else(|| {
            Failure::usage(format!(
                "{file}, line {line}: {name} is {}, but a {} is wanted.",
                value.get_ref().type_str(),
                setting.kind.placeholder()
            ))
        })?;
        values.insert(setting.key, (text, line));
    }
    Ok(File {
        path: path.to_owned(),
        values,
    })
}

fn unknown_key(place: &str, name: &str) -> String {
    // A TOML table or an environment-style name is the usual mistake besides a slip of the finger.
    let plain = name.to_ascii_lowercase().replace('_', "-");
    let plain = plain.strip_prefix("cadastre-").unwrap_or(&plain);
    match nearest(plain, SETTINGS.iter().map(|setting| setting.key)) {
        Some(near) => format!("{place}: there is no setting `{name}`; did you mean `{near}`?"),
        None => format!(
            "{place}: there is no setting `{name}`; `cadastre config --default` prints all there are."
        ),
    }
}

/// The candidate that a misspelt word most likely means.
pub(crate) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// The text of a value as it would be written in a variable; lists are joined with commas.
fn plain(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .ok()
            .map(|n| n.to_string()),
        DeValue::Array(items) => items
            .iter()
            .map(|item| item.get_ref().as_str().map(str::to_owned))
            .collect::<Option<Vec<_>>>()
            .map(|texts| texts.join(",")),
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn refusal(text: &str) -> String {
        parse(Path::new("cadastre.toml"), text).unwrap_err().sentence
    }

    #[test]
    fn values_of_every_shape_become_the_text_of_a_variable() {
        let file = parse(
            Path::new("f"),
            "# a comment\nlisten = \"127.0.0.1:1\"\nrate-limit = 1_000\ntrusted-network = true\n\
             trusted-proxies = [\"10.0.0.0/8\", \"::1/128\"]\n",
        )
        .unwrap();
        assert_eq!(file.values["listen"], ("127.0.0.1:1".to_owned(), 2));
        assert_eq!(file.values["rate-limit"].0, "1000");
        assert_eq!(file.values["trusted-network"].0, "true");
        assert_eq!(
            file.values["trusted-proxies"],
            ("10.0.0.0/8,::1/128".to_owned(), 5)
        );
    }

    #[test]
    fn an_unknown_key_is_refused_with_file_line_and_the_nearest_key() {
        assert_eq!(
            refusal("data = \"d\"\nrate-limt = 5\n"),
            "cadastre.toml, line 2: there is no setting `rate-limt`; did you mean `rate-limit`?"
        );
        assert!(refusal("CADASTRE_BODY_LIMIT = \"1k\"").ends_with("did you mean `body-limit`?"));
        assert!(refusal("colour = \"red\"").contains("cadastre config --default"));
    }

    #[test]
    fn a_table_where_a_value_is_wanted_and_broken_toml_name_their_line() {
        assert!(refusal("\n[listen]\nport = 1\n").starts_with("cadastre.toml, line 2: listen is "));
        assert!(refusal("data = \"d\"\nlisten =\n").starts_with("cadastre.toml, line 2: this is not TOML"));
    }
}
