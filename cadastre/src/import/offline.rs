//! A dry run for a space or tags that do not exist yet: the server cannot judge the lines, so the same rules
//! judge them here, as far as one line can be judged by itself.

use cadastre_api_types::public::{TagConflictPolicy, TagType, TagWrite};
use cadastre_domain::Prefix;
use cadastre_domain::tags::{
    ConflictPolicy, ExplicitTags, Inheritance, TagDefinition, TagName, TagValue, Vocabulary,
};

use super::upload::Outcome;
use cadastre_frontend::prefix_file::{BadLine, Line};

/// The rules that a single line must keep.
pub(super) struct Judge {
    vocabulary: Vocabulary,
}

impl Judge {
    /// Rules of a space with these definitions and no others; the error is a sentence.
    pub(super) fn new(definitions: &[TagWrite]) -> Result<Self, String> {
        let definitions = definitions
            .iter()
            .map(definition)
            .collect::<Result<Vec<_>, _>>()?;
        let vocabulary = Vocabulary::new(definitions).map_err(|error| error.to_string())?;
        Ok(Self { vocabulary })
    }

    /// What would become of a line in an empty space.
    pub(super) fn judge(&self, line: &Line) -> Outcome {
        match self.complaint(line) {
            None => Outcome::Created,
            Some(message) => Outcome::Failed(BadLine::of(line, None, message)),
        }
    }

    fn complaint(&self, line: &Line) -> Option<String> {
        if let Err(error) = line.prefix.parse::<Prefix>() {
            return Some(error.to_string());
        }
        let tags = line
            .tags
            .iter()
            .map(|(name, value)| Ok((text(TagName::new(name))?, text(TagValue::new(value))?)))
            .collect::<Result<ExplicitTags, String>>();
        match tags {
            Err(complaint) => Some(complaint),
            Ok(tags) => self
                .vocabulary
                .check_explicit(&tags)
                .err()
                .map(|error| error.to_string()),
        }
    }
}

fn text<T, E: std::fmt::Display>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

fn definition(wire: &TagWrite) -> Result<TagDefinition, String> {
    let mut implies = std::collections::BTreeMap::new();
    for (name, values) in wire.implies.iter().flatten() {
        let values = values
            .iter()
            .map(|(value, implied)| Ok((text(TagValue::new(value))?, text(TagValue::new(implied))?)))
            .collect::<Result<_, String>>()?;
        implies.insert(text(TagName::new(name))?, values);
    }
    Ok(TagDefinition {
        name: text(TagName::new(wire.name.as_deref().unwrap_or_default()))?,
        description: wire.description.clone(),
        inheritance: match wire.tag_type {
            TagType::Inheritable => Inheritance::Inheritable,
            TagType::NonInheritable => Inheritance::NonInheritable,
        },
        known_values: wire
            .known_values
            .iter()
            .flatten()
            .map(|value| text(TagValue::new(value)))
            .collect::<Result<_, _>>()?,
        attributes: wire.attributes.clone().unwrap_or_default(),
        implies,
        conflict: match wire.conflict {
            TagConflictPolicy::Nearest => ConflictPolicy::Nearest,
            TagConflictPolicy::Reject => ConflictPolicy::Reject,
        },
    })
}
