//! What the split services insist on: a secret between them, keys where they belong, and TLS on a network
//! that others can read.

use cadastre_dataaccess::Secret;

use crate::config::{Effective, Role, table};
use crate::failure::Failure;
use crate::http::Listener;

/// Shorter secrets can be guessed.
const SHORTEST_TOKEN: usize = 16;

/// Checks that a split service may listen where it is told to; the answer is the service token.
pub(super) fn admit(settings: &Effective, listener: &Listener) -> Result<Secret, Failure> {
    let role = settings.role();
    let Some(token) = settings.text(&table::SERVICE_TOKEN) else {
        return Err(Failure::usage(format!(
            "`cadastre {role}` needs a service token: set CADASTRE_SERVICE_TOKEN to the same secret for all \
             services. Make one with: openssl rand -hex 32"
        )));
    };
    if token.len() < SHORTEST_TOKEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(settings.refuse(
            &table::SERVICE_TOKEN,
            "is no good secret: it takes at least 16 visible ASCII characters; make one with: openssl rand -hex 32",
        ));
    }
    if !listener.is_local() {
        refuse_off_loopback(settings, listener)?;
    }
    Ok(Secret::new(token))
}

fn refuse_off_loopback(settings: &Effective, listener: &Listener) -> Result<(), Failure> {
    if settings.role() == Role::Frontend && !settings.is_given(&table::KEYS) {
        return Err(settings.refuse(
            &table::LISTEN,
            "is not loopback, and then a frontend must be told where the signing keys are: set keys to their \
             directory, the same keys for every frontend",
        ));
    }
    if !listener.is_encrypted() && !settings.flag(&table::TRUSTED_NETWORK) {
        return Err(settings.refuse(
            &table::LISTEN,
            "is not loopback, and without TLS passwords and tokens would travel in the clear: set tls-cert and \
             tls-key, or trusted-network if nobody else can read that network",
        ));
    }
    Ok(())
}

/// The URLs of the services behind.
pub(super) fn upstreams(
    settings: &Effective,
    setting: &crate::config::Setting,
) -> Result<Vec<reqwest::Url>, Failure> {
    let urls = settings.list(setting);
    if urls.is_empty() {
        return Err(Failure::usage(format!(
            "{} names no service; give at least one URL.",
            setting.key
        )));
    }
    let mut found: Vec<reqwest::Url> = Vec::with_capacity(urls.len());
    for text in urls {
        let url = reqwest::Url::parse(text)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| {
                settings.refuse(
                    setting,
                    &format!("holds `{text}`, which is no URL like http://127.0.0.1:8081"),
                )
            })?;
        // Parsed, spellings such as a slash at the end or the usual port are the same.
        if found.contains(&url) {
            return Err(settings.refuse(setting, &format!("names {url} twice; name every service once")));
        }
        found.push(url);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::table;

    fn named(list: &str) -> Result<Vec<reqwest::Url>, Failure> {
        let matches = crate::cli::command()
            .try_get_matches_from(["cadastre", "frontend", "--dataaccess", list])
            .unwrap();
        let settings = crate::cli::effective(Role::Frontend, matches.subcommand().unwrap().1).unwrap();
        upstreams(&settings, &table::DATAACCESS)
    }

    #[test]
    fn a_service_that_is_named_twice_is_refused() {
        assert_eq!(named("http://a:1,http://a:2,https://a:1").unwrap().len(), 3);
        for list in [
            "http://a:1,http://a:1",
            "http://a/,http://A:80",
            "http://a, http://a/",
        ] {
            let failure = named(list).unwrap_err();
            assert_eq!(failure.code, crate::failure::USAGE);
            assert!(failure.sentence.contains("twice"), "{failure}");
        }
    }
}
