//! From the domain's refusals to the codes of the API. The sentences are the domain's own; here they get their
//! code, the field they are about and, for programs, the correction where there is one.

use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::PrefixError;
use cadastre_domain::names::NameError;
use cadastre_domain::tags::{DefinitionError, TagFilterError};
use serde_json::json;

use crate::http::wording::{echo, ended, sentence};

/// A name, value or description that breaks its rule.
pub(crate) fn name_error(code: ErrorCode, field: &str, error: &NameError) -> ApiError {
    ApiError::new(code, sentence(&error.to_string())).with_details(json!({ "field": echo(field) }))
}

/// The same for something inside a map, where the sentence alone would not say which one.
pub(crate) fn entry_error(code: ErrorCode, field: &str, error: &NameError) -> ApiError {
    let field = echo(field);
    ApiError::new(code, ended(format!("`{field}`: {error}"))).with_details(json!({ "field": field }))
}

/// `400 InvalidPrefix`, with the prefix that was probably meant.
pub(crate) fn prefix_error(field: &str, error: &PrefixError) -> ApiError {
    let message = match error {
        PrefixError::Empty => sentence(&error.to_string()),
        PrefixError::HostBits { .. }
        | PrefixError::MissingLength { .. }
        | PrefixError::LengthOutOfRange { .. }
        | PrefixError::MappedAddress { .. }
        | PrefixError::LeadingZeros { .. }
        | PrefixError::Netmask { .. }
        | PrefixError::ZoneId { .. }
        | PrefixError::WhiteSpace { .. }
        | PrefixError::NotAPrefix { .. } => ended(error.to_string()),
    };
    let details = match error.meant() {
        Some(meant) => json!({ "field": field, "didYouMean": meant.to_string() }),
        None => json!({ "field": field }),
    };
    ApiError::new(ErrorCode::InvalidPrefix, message).with_details(details)
}

/// A tag definition that breaks a rule by itself.
pub(crate) fn definition_error(error: &DefinitionError) -> ApiError {
    let (code, field) = match error {
        DefinitionError::Description(_) => (ErrorCode::InvalidDescription, "description"),
        DefinitionError::Attribute { .. } | DefinitionError::AttributeOfUnknownValue { .. } => {
            (ErrorCode::InvalidTagDefinition, "attributes")
        }
        DefinitionError::DuplicateValue { .. } => (ErrorCode::InvalidTagDefinition, "knownValues"),
        DefinitionError::ImplicationOfUnknownValue { .. } | DefinitionError::ImpliesItself { .. } => {
            (ErrorCode::InvalidTagDefinition, "implies")
        }
        DefinitionError::TooMany { what, .. } => {
            return ApiError::new(ErrorCode::InvalidTagDefinition, sentence(&error.to_string()))
                .with_details(json!({ "what": what }));
        }
    };
    ApiError::new(code, sentence(&error.to_string())).with_details(json!({ "field": field }))
}

/// A `tags` parameter that cannot be read.
pub(crate) fn filter_error(error: &TagFilterError) -> ApiError {
    let message = match error {
        TagFilterError::Empty | TagFilterError::EmptyPart { .. } | TagFilterError::Repeated { .. } => {
            sentence(&error.to_string())
        }
        TagFilterError::MissingEquals { .. }
        | TagFilterError::StrayBackslash { .. }
        | TagFilterError::Invalid { .. } => ended(error.to_string()),
    };
    ApiError::new(ErrorCode::InvalidParameter, message).with_details(json!({ "parameter": "tags" }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use cadastre_domain::Prefix;
    use cadastre_domain::names::SpaceName;
    use cadastre_domain::tags::parse_tag_filter;

    #[test]
    fn a_prefix_with_host_bits_is_answered_with_the_one_that_was_meant() {
        let error = prefix_error("prefix", &"10.1.2.3/24".parse::<Prefix>().unwrap_err());
        assert_eq!(error.code, ErrorCode::InvalidPrefix);
        assert_eq!(
            error.message,
            "10.1.2.3/24 has host bits set; did you mean 10.1.2.0/24?"
        );
        assert_eq!(
            error.details,
            Some(json!({ "field": "prefix", "didYouMean": "10.1.2.0/24" }))
        );
    }

    #[test]
    fn sentences_of_the_domain_begin_and_end_like_sentences() {
        let name = name_error(ErrorCode::InvalidName, "name", &SpaceName::new("").unwrap_err());
        assert_eq!(name.message, "The name of an address space must not be empty.");
        let filter = filter_error(&parse_tag_filter("Region").unwrap_err());
        assert!(filter.message.starts_with("Region in the tag filter") && filter.message.ends_with('.'));
    }
}
