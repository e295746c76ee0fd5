//! Finds misspelt `CADASTRE_*` environment variables, which would be ignored in silence.

use super::file::nearest;
use super::table::SETTINGS;

const PREFIX: &str = "CADASTRE_";

/// The variables of ours that nothing reads, each with the nearest that something does; `of_the_client` are
/// those of `cadastre import`.
pub(crate) fn unknown(
    names: impl Iterator<Item = String>,
    of_the_client: &[String],
) -> Vec<(String, Option<String>)> {
    let known = || {
        let of_settings = SETTINGS.iter().map(|setting| setting.env);
        of_settings
            .chain(["CADASTRE_CONFIG"])
            .chain(of_the_client.iter().map(String::as_str))
    };
    let mut unknown: Vec<_> = names
        .filter(|name| name.starts_with(PREFIX) && !known().any(|variable| variable == name))
        .map(|name| {
            // Without what all have in common, or everything would be near.
            let near = nearest(
                &name[PREFIX.len()..],
                known().filter_map(|variable| variable.strip_prefix(PREFIX)),
            );
            let near = near.map(|near| format!("{PREFIX}{near}"));
            (name, near)
        })
        .collect();
    unknown.sort();
    unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_variables_are_found_with_what_was_meant() {
        let names = [
            "CADASTRE_LISTN",
            "CADASTRE_QQQ",
            "CADASTRE_LISTEN",
            "CADASTRE_CONFIG",
            "CADASTRE_USER",
            "CADASTRE_PASWORD",
            "PATH",
        ];
        let found = unknown(names.map(str::to_owned).into_iter(), &crate::import::variables());
        let found: Vec<(&str, Option<&str>)> = found
            .iter()
            .map(|(name, near)| (name.as_str(), near.as_deref()))
            .collect();
        assert_eq!(
            found,
            [
                ("CADASTRE_LISTN", Some("CADASTRE_LISTEN")),
                ("CADASTRE_PASWORD", Some("CADASTRE_PASSWORD")),
                ("CADASTRE_QQQ", None),
            ]
        );
    }
}
