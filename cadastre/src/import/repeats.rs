//! Finds prefixes that a file has twice. Lines are sent many at a time, so of two lines about one prefix
//! either might win; the first one counts, whatever the network does.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher as _, RandomState};

use cadastre_domain::Prefix;

use super::upload::Outcome;
use cadastre_frontend::prefix_file::{BadLine, Line, Lines};

/// What is to be done about a line.
#[derive(Debug)]
pub(super) enum Step {
    /// Somebody has to judge it.
    Judge(Line),
    /// It is judged already.
    Decided(Outcome),
}

/// The lines of a file, each prefix once.
pub(super) struct Once {
    lines: Lines,
    /// Prefix → line, and a hash of what it says (64 bits tell the few lines about one prefix apart).
    seen: HashMap<Prefix, (u64, u64)>,
    hasher: RandomState,
}

impl Once {
    pub(super) fn new(lines: Lines) -> Self {
        Self {
            lines,
            seen: HashMap::new(),
            hasher: RandomState::new(),
        }
    }

    fn step(&mut self, line: Line) -> Step {
        // What is no prefix is for the judge to say.
        let Ok(prefix) = line.prefix.parse::<Prefix>() else {
            return Step::Judge(line);
        };
        let says = self.hasher.hash_one((&line.description, &line.tags));
        match self.seen.entry(prefix) {
            Entry::Vacant(place) => {
                place.insert((line.number, says));
                Step::Judge(line)
            }
            Entry::Occupied(first) => {
                let (of, said) = *first.get();
                Step::Decided(if said == says {
                    Outcome::Repeats { line, of }
                } else {
                    Outcome::Failed(BadLine::of(
                        &line,
                        None,
                        format!("{prefix} is on line {of} already"),
                    ))
                })
            }
        }
    }
}

impl Iterator for Once {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        Some(match self.lines.next()? {
            Ok(line) => self.step(line),
            Err(bad) => Step::Decided(Outcome::Failed(bad)),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use cadastre_frontend::prefix_file::CsvLines;

    #[test]
    fn the_first_line_of_a_prefix_counts_and_others_say_where_it_is() {
        let text = "prefix,description\n10.61.0.0/16,a\n2001:DB8::/32,b\n10.61.0.0/16,c\n2001:db8:0::/32,b\nx,\nx,\n";
        let lines = CsvLines::new(text.as_bytes()).unwrap().collect::<Vec<_>>();
        let told: Vec<String> = Once::new(Box::new(lines.into_iter()))
            .map(|step| match step {
                Step::Judge(line) => format!("judge {}", line.number),
                Step::Decided(Outcome::Repeats { line, of }) => format!("{} repeats {of}", line.number),
                Step::Decided(Outcome::Failed(bad)) => format!("{}: {}", bad.line, bad.message),
                Step::Decided(other) => format!("{other:?}"),
            })
            .collect();
        assert_eq!(
            told,
            [
                "judge 2",
                "judge 3",
                "4: 10.61.0.0/16 is on line 2 already",
                "5 repeats 3",
                "judge 6",
                "judge 7",
            ]
        );
    }
}
