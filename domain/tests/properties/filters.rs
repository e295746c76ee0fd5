//! Tag filters and names: what is accepted is what was meant, and nothing panics.

use cadastre_domain::names::{Description, SpaceName, UserName};
use cadastre_domain::tags::{TagName, TagValue, parse_tag_filter};
use proptest::collection::btree_map;
use proptest::prelude::*;

fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace(',', r"\,")
}

fn value() -> impl Strategy<Value = TagValue> {
    prop_oneof!["[a-z=,\\\\]{1,6}", "\\PC{1,20}"].prop_filter_map("a value", |text| TagValue::new(&text).ok())
}

fn name() -> impl Strategy<Value = TagName> {
    "[a-c][a-c0-9:._-]{0,2}".prop_map(|text| TagName::new(&text).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn a_filter_of_any_values_is_read_back(wanted in btree_map(name(), value(), 1..5)) {
        let parts: Vec<String> = wanted.iter().map(|(tag, value)| format!("{tag}={}", escaped(value.as_str()))).collect();
        prop_assert_eq!(parse_tag_filter(&parts.join(",")), Ok(Vec::from_iter(wanted)));
    }

    #[test]
    fn an_accepted_filter_says_exactly_what_it_reads_as(text in prop_oneof!["[ab=,\\\\ ]{0,12}", any::<String>()]) {
        match parse_tag_filter(&text) {
            Ok(filter) => {
                let parts = filter.iter().map(|(tag, value)| format!("{tag}={}", escaped(value.as_str())));
                prop_assert_eq!(parts.collect::<Vec<_>>().join(","), text);
            }
            Err(refusal) => prop_assert!(!refusal.to_string().chars().any(char::is_control)),
        }
    }

    #[test]
    fn accepted_names_are_kept_as_they_are(text in prop_oneof!["[a-zA-Z0-9 ._@:-]{0,70}", any::<String>()]) {
        if let Ok(name) = SpaceName::new(&text) {
            prop_assert_eq!(name.as_str(), &text);
        }
        if let Ok(name) = UserName::new(&text) {
            prop_assert_eq!(name.as_str(), text.to_lowercase());
        }
        if let Ok(name) = TagName::new(&text) {
            prop_assert_eq!(name.as_str(), &text);
        }
        let value = TagValue::new(&text).map(|value| value.to_string());
        prop_assert!(value.is_err() || value == Ok(text.clone()));
        prop_assert_eq!(
            Description::check(&text).is_ok(),
            text.chars().count() <= 1024 && !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t')
        );
    }
}
