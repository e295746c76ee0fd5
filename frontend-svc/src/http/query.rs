//! Query strings: every parameter known, given once, and legal. A misspelt filter that was silently ignored
//! would answer with everything.

use std::borrow::Cow;

use actix_web::HttpRequest;
use cadastre_api_types::{ApiError, ErrorCode};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::json;

use super::called_space;
use super::wording::{did_you_mean, echo, listed};

/// Items of a page when the client does not say.
pub(crate) const DEFAULT_LIMIT: usize = 100;
/// Most items of a page.
pub(crate) const MAX_LIMIT: usize = 1000;

/// The parameters of a request, decoded, in the order they came.
#[derive(Debug, Default)]
pub(crate) struct Query<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Query<'a> {
    /// The query of a request that knows these parameters.
    ///
    /// # Errors
    /// `400 InvalidParameter` for an unknown, repeated or undecodable parameter.
    pub(crate) fn of(request: &'a HttpRequest, known: &[&str]) -> Result<Self, ApiError> {
        if !called_space::is_named(request) {
            return Self::parse(request.query_string(), known);
        }
        let known: Vec<&str> = known.iter().copied().chain([called_space::PARAMETER]).collect();
        Self::parse(request.query_string(), &known)
    }

    /// One parameter, whatever others there are.
    ///
    /// # Errors
    /// `400 InvalidParameter` if it is repeated or cannot be decoded.
    pub(crate) fn only(request: &'a HttpRequest, name: &str) -> Result<Option<Cow<'a, str>>, ApiError> {
        let mut found = None;
        for part in request.query_string().split('&') {
            let (given, value) = part.split_once('=').unwrap_or((part, ""));
            if decode(given, given).is_ok_and(|given| given == name) && found.replace(value).is_some() {
                return Err(invalid(name, format!("`{name}` is given twice; give it once.")));
            }
        }
        found.map(|value| decode(value, name)).transpose()
    }

    /// The same from text.
    ///
    /// # Errors
    /// As [`Query::of`].
    pub(crate) fn parse(text: &'a str, known: &[&str]) -> Result<Self, ApiError> {
        let mut pairs: Vec<(Cow<'a, str>, Cow<'a, str>)> = Vec::new();
        for part in text.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let name = decode(name, name)?;
            if !known.contains(&name.as_ref()) {
                return Err(unknown(&name, known));
            }
            if pairs.iter().any(|(seen, _)| *seen == name) {
                return Err(invalid(
                    &name,
                    format!("`{}` is given twice; give it once.", echo(&name)),
                ));
            }
            let value = decode(value, &name)?;
            pairs.push((name, value));
        }
        Ok(Self { pairs })
    }

    /// A parameter's text.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.as_ref())
    }

    /// A text to search for; an empty one, as forms send it, is none.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// `true` or `false`; absent is `false`.
    ///
    /// # Errors
    /// `400 InvalidParameter` for another word.
    pub(crate) fn flag(&self, name: &'static str) -> Result<bool, ApiError> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(invalid(
                name,
                format!(
                    "`{name}` is `{}`; write {name}=true or {name}=false.",
                    echo(other)
                ),
            )),
        }
    }

    /// `limit`: how many items a page may have.
    ///
    /// # Errors
    /// `400 InvalidParameter` outside 1 to 1,000.
    pub(crate) fn limit(&self) -> Result<usize, ApiError> {
        let Some(text) = self.get("limit") else {
            return Ok(DEFAULT_LIMIT);
        };
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        match text.parse() {
            Ok(limit @ 1..=MAX_LIMIT) if digits => Ok(limit),
            Ok(_) | Err(_) => Err(invalid(
                "limit",
                format!(
                    "`limit` is `{}`; write a whole number from 1 to {MAX_LIMIT}.",
                    echo(text)
                ),
            )),
        }
    }

    /// A moment in RFC 3339. A `+` that was not percent-encoded arrives as a space and is understood.
    ///
    /// # Errors
    /// `400 InvalidParameter` saying the format.
    pub(crate) fn timestamp(&self, name: &'static str) -> Result<Option<Timestamp>, ApiError> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        if let Ok(moment) = text.parse() {
            return Ok(Some(moment));
        }
        if let Some((before, after)) = text.rsplit_once(' ')
            && let Ok(moment) = format!("{before}+{after}").parse()
        {
            return Ok(Some(moment));
        }
        let meant = match text.parse::<jiff::civil::DateTime>() {
            Ok(local) => format!("; did you mean {local}Z?"),
            Err(_) => ".".to_owned(),
        };
        Err(invalid(
            name,
            format!(
                "`{name}` is `{}`, which is not a moment in RFC 3339 such as 2026-01-31T09:30:00Z or \
                 2026-01-31T10:30:00+01:00{meant}",
                echo(text)
            ),
        ))
    }

    /// The parameters other than these, in an order of their own: what a cursor or an idempotency record is
    /// bound to.
    pub(crate) fn without(&self, left_out: &[&str]) -> Vec<(&str, &str)> {
        let mut pairs: Vec<(&str, &str)> = self
            .in_order()
            .filter(|(name, _)| !left_out.contains(name))
            .collect();
        pairs.sort_unstable();
        pairs
    }

    /// All parameters as they came.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs
            .iter()
            .map(|(name, value)| (name.as_ref(), value.as_ref()))
    }
}

/// `400 InvalidParameter` about one parameter.
pub(crate) fn invalid(name: &str, message: String) -> ApiError {
    ApiError::new(ErrorCode::InvalidParameter, message).with_details(json!({ "parameter": echo(name) }))
}

fn unknown(name: &str, known: &[&str]) -> ApiError {
    let name = echo(name);
    let (message, meant) = if known.is_empty() {
        (
            format!("`{name}` is not a parameter of this call, which has none; remove it."),
            None,
        )
    } else {
        let meant = did_you_mean(&name, known);
        let hint = meant.map_or_else(|| ".".to_owned(), |meant| format!("; did you mean `{meant}`?"));
        (
            format!(
                "`{name}` is not a parameter of this call{hint} It knows {}.",
                listed(known)
            ),
            meant,
        )
    };
    let mut details = json!({ "parameter": name, "known": known });
    if let Some(meant) = meant {
        details["didYouMean"] = json!(meant);
    }
    ApiError::new(ErrorCode::InvalidParameter, message).with_details(details)
}

fn decode<'a>(text: &'a str, name: &str) -> Result<Cow<'a, str>, ApiError> {
    let undecodable = || {
        invalid(
            name,
            format!(
                "`{}` is not UTF-8 in percent-encoding; encode the text as UTF-8.",
                echo(name)
            ),
        )
    };
    if !text.contains('+') {
        return percent_decode_str(text).decode_utf8().map_err(|_| undecodable());
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced)
        .decode_utf8()
        .map_err(|_| undecodable())?;
    Ok(Cow::Owned(decoded.into_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const KNOWN: &[&str] = &["nameContains", "createdBefore", "limit", "dryRun"];

    fn query(text: &str) -> Query<'_> {
        Query::parse(text, KNOWN).unwrap()
    }

    fn refusal(text: &str) -> String {
        Query::parse(text, KNOWN).unwrap_err().message
    }

    #[test]
    fn an_unknown_parameter_is_named_with_the_known_ones() {
        assert_eq!(
            refusal("nameContain=x"),
            "`nameContain` is not a parameter of this call; did you mean `nameContains`? It knows `nameContains`, \
             `createdBefore`, `limit`, `dryRun`."
        );
        assert_eq!(
            Query::parse("a=1", &[]).unwrap_err().message,
            "`a` is not a parameter of this call, which has none; remove it."
        );
    }

    #[test]
    fn a_repeated_parameter_is_refused() {
        assert_eq!(
            refusal("limit=1&limit=1"),
            "`limit` is given twice; give it once."
        );
    }

    #[test]
    fn parameters_are_decoded_and_broken_utf8_is_refused() {
        assert_eq!(
            query("nameContains=Z%C3%BCrich+S%C3%BCd%2B").get("nameContains"),
            Some("Zürich Süd+")
        );
        assert_eq!(query("name%43ontains=a=b&&").get("nameContains"), Some("a=b"));
        assert_eq!(query("nameContains=100%").get("nameContains"), Some("100%"));
        assert!(refusal("nameContains=%ff").contains("UTF-8"));
        assert!(refusal("%ff=1").contains("UTF-8"));
    }

    #[test]
    fn the_limit_is_a_plain_number_from_1_to_1000() {
        assert_eq!(query("").limit().unwrap(), 100);
        assert_eq!(query("limit=1").limit().unwrap(), 1);
        assert_eq!(query("limit=1000").limit().unwrap(), 1000);
        for bad in [
            "0",
            "1001",
            "-1",
            "%2B5",
            "1.0",
            "",
            "1e2",
            "99999999999999999999999",
        ] {
            let error = query(&format!("limit={bad}")).limit().unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidParameter, "{bad}");
        }
    }

    #[test]
    fn a_flag_is_true_or_false_and_nothing_else() {
        assert!(query("dryRun=true").flag("dryRun").unwrap());
        assert!(!query("dryRun=false").flag("dryRun").unwrap());
        for bad in ["dryRun", "dryRun=1", "dryRun=TRUE"] {
            assert!(
                query(bad)
                    .flag("dryRun")
                    .unwrap_err()
                    .message
                    .contains("write dryRun=true")
            );
        }
    }

    #[test]
    fn moments_are_rfc_3339_even_when_their_plus_was_not_encoded() {
        let moment = |text: &str| query(&format!("createdBefore={text}")).timestamp("createdBefore");
        let expected: Timestamp = "2026-01-31T09:30:00Z".parse().unwrap();
        for good in [
            "2026-01-31T09:30:00Z",
            "2026-01-31T10:30:00%2B01:00",
            "2026-01-31T10:30:00+01:00",
            "2026-01-31+10:30:00+01:00",
        ] {
            assert_eq!(moment(good).unwrap(), Some(expected), "{good}");
        }
        for bad in ["", "yesterday", "2026-02-30T00:00:00Z", "1769851800"] {
            assert!(moment(bad).unwrap_err().message.contains("RFC 3339"), "{bad}");
        }
        assert!(
            moment("2026-01-31")
                .unwrap_err()
                .message
                .ends_with("did you mean 2026-01-31T00:00:00Z?")
        );
    }

    proptest! {
        #[test]
        fn any_query_gives_values_or_a_400(text in "(limit|dryRun|createdBefore|nameContains|.{0,9})?=?[ -~]{0,40}(&.{0,30})?") {
            let outcome = Query::parse(&text, KNOWN).and_then(|query| {
                query.limit()?;
                query.flag("dryRun")?;
                query.timestamp("createdBefore")
            });
            if let Err(error) = outcome {
                prop_assert_eq!(error.code, ErrorCode::InvalidParameter);
            }
        }
    }
}
