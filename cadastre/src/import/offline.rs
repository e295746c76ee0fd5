//! A dry run for a space or tags that do not exist yet: the server cannot judge the lines, so the same rules
//! judge them here, as far as lines can be judged without a tree.

use std::collections::HashMap;

use cadastre_api_types::ErrorCode;
use cadastre_api_types::public::{FailedLine, ImportError, TagConflictPolicy, TagType, TagWrite};
use cadastre_domain::tags::{
    ConflictPolicy, ExplicitTags, Inheritance, TagDefinition, TagError, TagName, TagValue, Vocabulary,
};
use cadastre_domain::{Prefix, PrefixError};

use super::dry_run::unreadable;
use super::progress::Counts;
use cadastre_frontend::prefix_file::{BadLine, Line};

/// The rules that a line must keep, and what the lines before it have made.
pub(super) struct Judge {
    vocabulary: Vocabulary,
    update: bool,
    seen: HashMap<Prefix, Said>,
    pub(super) counts: Counts,
}

/// What the file says about a prefix.
struct Said {
    line: u64,
    description: Option<String>,
    tags: ExplicitTags,
}

impl Judge {
    /// Rules of a space with these definitions and no others; the error is a sentence.
    pub(super) fn new(definitions: &[TagWrite], update: bool) -> Result<Self, String> {
        let definitions = definitions
            .iter()
            .map(definition)
            .collect::<Result<Vec<_>, _>>()?;
        let vocabulary = Vocabulary::new(definitions).map_err(|error| error.to_string())?;
        Ok(Self {
            vocabulary,
            update,
            seen: HashMap::new(),
            counts: Counts::default(),
        })
    }

    /// Counts what would become of the next line in an empty space; the answer is a line that fails.
    pub(super) fn judge(&mut self, line: Result<Line, BadLine>) -> Option<FailedLine> {
        let failed = match line {
            Err(bad) => unreadable(bad),
            Ok(line) => {
                let (code, message) = self.take(&line).err()?;
                FailedLine {
                    line: line.number,
                    prefix: Some(line.prefix),
                    description: line.description,
                    tags: line.tags,
                    error: ImportError { code, message },
                }
            }
        };
        self.counts.failed += 1;
        Some(failed)
    }

    fn take(&mut self, line: &Line) -> Result<(), (ErrorCode, String)> {
        let prefix: Prefix = line
            .prefix
            .parse()
            .map_err(|error: PrefixError| (ErrorCode::InvalidPrefix, error.to_string()))?;
        let tags = line
            .tags
            .iter()
            .map(|(name, value)| Ok((text(TagName::new(name))?, text(TagValue::new(value))?)))
            .collect::<Result<ExplicitTags, String>>()
            .map_err(|complaint| (ErrorCode::InvalidName, complaint))?;
        self.vocabulary
            .check_explicit(&tags)
            .map_err(|error| (tag_code(&error), error.to_string()))?;
        let said = Said {
            line: line.number,
            description: line.description.clone(),
            tags,
        };
        match self.seen.get(&prefix) {
            None => self.counts.created += 1,
            Some(earlier) if earlier.says(&said) => {
                self.counts.unchanged += 1;
                return Ok(());
            }
            Some(earlier) if !self.update => {
                let of = earlier.line;
                let message =
                    format!("{prefix} is on line {of} already, with other tags or another description.");
                return Err((ErrorCode::Duplicate, message));
            }
            Some(_) => self.counts.updated += 1,
        }
        self.seen.insert(prefix, said);
        Ok(())
    }
}

impl Said {
    /// A line that comes later would change nothing.
    fn says(&self, later: &Self) -> bool {
        let text = |said: &Self| said.description.clone().unwrap_or_default();
        self.tags == later.tags && (later.description.is_none() || text(self) == text(later))
    }
}

fn tag_code(error: &TagError) -> ErrorCode {
    match error {
        TagError::Undefined { .. } => ErrorCode::UndefinedTag,
        TagError::UnknownValue { .. } => ErrorCode::UnknownTagValue,
        TagError::TooMany { .. } => ErrorCode::TooManyTags,
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cadastre_frontend::prefix_file::CsvLines;

    use super::*;

    #[test]
    fn the_first_line_of_a_prefix_counts_and_others_say_where_it_is() {
        let text =
            "prefix,description\n10.61.0.0/16,a\n2001:DB8::/32,b\n10.61.0.0/16,c\n2001:db8:0::/32,b\nx,\nx\n";
        let told = |update: bool| {
            let mut judge = Judge::new(&[], update).unwrap();
            let failed: Vec<u64> = CsvLines::new(text.as_bytes())
                .unwrap()
                .filter_map(|line| Some(judge.judge(line)?.line))
                .collect();
            let Counts {
                created,
                unchanged,
                updated,
                ..
            } = judge.counts;
            (failed, [created, unchanged, updated])
        };
        assert_eq!(told(false), (vec![4, 6, 7], [2, 1, 0]));
        assert_eq!(told(true), (vec![6, 7], [2, 1, 1]));
    }
}
