//! Reads NDJSON: one object a line, blank lines skipped.

use std::collections::BTreeMap;
use std::io::{BufRead, Read as _};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::line::{BadLine, Line};

/// Longest line that is read; a longer one is bad, whatever it holds.
const MAX_LINE: u64 = 1 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Object {
    prefix: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    /// Where a failed line was.
    #[serde(default, rename = "line")]
    _line: IgnoredAny,
    /// What was wrong with it.
    #[serde(default, rename = "error")]
    _error: IgnoredAny,
}

/// Lines of an NDJSON file.
#[derive(Debug)]
pub struct NdjsonLines<R> {
    source: R,
    number: u64,
    end: u64,
    buffer: Vec<u8>,
    broken: bool,
}

impl<R: BufRead> NdjsonLines<R> {
    /// Starts at the first line.
    pub fn new(source: R) -> Self {
        Self {
            source,
            number: 0,
            end: 0,
            buffer: Vec::new(),
            broken: false,
        }
    }

    /// Reads up to the end of a line, but no more than fits; `false` at the end of the file.
    fn fill(&mut self) -> std::io::Result<bool> {
        self.buffer.clear();
        let read = (&mut self.source)
            .take(MAX_LINE)
            .read_until(b'\n', &mut self.buffer)?;
        self.number += 1;
        self.end += read as u64;
        Ok(read > 0)
    }

    /// After a line that did not fit: the rest of it.
    fn skip_rest(&mut self) -> std::io::Result<()> {
        loop {
            let chunk = self.source.fill_buf()?;
            let (skip, found) = match chunk.iter().position(|byte| *byte == b'\n') {
                Some(at) => (at + 1, true),
                None => (chunk.len(), chunk.is_empty()),
            };
            self.source.consume(skip);
            self.end += skip as u64;
            if found {
                return Ok(());
            }
        }
    }

    fn parse(&self, text: &[u8]) -> Result<Line, BadLine> {
        // An array with the values in the order of the fields would be taken too.
        if !text.starts_with(b"{") {
            return Err(BadLine::unreadable(
                self.number,
                "is not a prefix object, which looks like {\"prefix\": \"10.0.0.0/8\"}",
            ));
        }
        let object: Object = serde_json::from_slice(text).map_err(|error| {
            let whole = error.to_string();
            let what = whole.split(" at line ").next().unwrap_or(&whole);
            BadLine::unreadable(
                self.number,
                format!("is not a prefix object: {what} (column {})", error.column()),
            )
        })?;
        Ok(Line {
            number: self.number,
            end: self.end,
            prefix: object.prefix,
            description: object.description,
            tags: object.tags,
        })
    }
}

impl<R: BufRead> Iterator for NdjsonLines<R> {
    type Item = Result<Line, BadLine>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.broken {
            match self.fill() {
                Ok(false) => return None,
                Ok(true) => {}
                Err(error) => {
                    self.broken = true;
                    let message = format!("cannot be read, nor what follows: {error}");
                    return Some(Err(BadLine::unreadable(self.number, message)));
                }
            }
            if self.buffer.len() as u64 == MAX_LINE && !self.buffer.ends_with(b"\n") {
                self.broken = self.skip_rest().is_err();
                return Some(Err(BadLine::unreadable(self.number, "is longer than 1 MiB")));
            }
            let text = self
                .buffer
                .strip_prefix(b"\xef\xbb\xbf")
                .unwrap_or(&self.buffer)
                .trim_ascii();
            if !text.is_empty() {
                return Some(self.parse(text));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn blank_lines_are_skipped_and_bad_ones_told_by_number() {
        let text = "\u{feff}{\"prefix\":\"10.0.0.0/8\"}\n\n{\"prefix\":1}\r\n{\"prefix\":\"::/0\",\"tag\":{}}\n\
                    {\"prefix\":\"10.1.0.0/16\",\"description\":\"d\",\"tags\":{\"Site\":\"AMS1\"}}";
        let lines: Vec<_> = NdjsonLines::new(text.as_bytes()).collect();
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[0].as_ref().unwrap().number, 1);
        let bad = lines[1].as_ref().unwrap_err();
        assert_eq!(bad.line, 3);
        assert!(!bad.message.contains("line"), "{}", bad.message);
        assert!(
            lines[2]
                .as_ref()
                .unwrap_err()
                .message
                .contains("unknown field `tag`")
        );
        assert_eq!(lines[3].as_ref().unwrap().tags["Site"], "AMS1");
    }

    #[test]
    fn an_array_is_no_object() {
        for text in [
            "[\"10.0.0.0/8\", null, {}]",
            "[\"10.0.0.0/8\"]",
            "\"10.0.0.0/8\"",
            "{\"prefix\":\"10.0.0.0/8\",\"tags\":[]}",
        ] {
            let bad = NdjsonLines::new(text.as_bytes()).next().unwrap().unwrap_err();
            assert!(
                bad.message.contains("is not a prefix object"),
                "{text}: {}",
                bad.message
            );
        }
    }

    #[test]
    fn what_is_told_of_a_failed_line_can_be_imported_again() {
        let text = "{\"line\":7,\"prefix\":\"10.0.0.0/8\",\"description\":\"d\",\"tags\":{\"Site\":\"AMS1\"},\
                    \"error\":{\"code\":\"UndefinedTag\",\"message\":\"no such tag\"}}";
        let again = NdjsonLines::new(text.as_bytes()).next().unwrap().unwrap();
        assert_eq!(
            (again.prefix.as_str(), again.description.as_deref()),
            ("10.0.0.0/8", Some("d"))
        );
        assert_eq!(again.tags["Site"], "AMS1");
        // One that could not be read is refused again rather than left out.
        let text = "{\"line\":3,\"error\":{\"code\":\"MalformedRequest\",\"message\":\"is not UTF-8 text\"}}";
        let again = NdjsonLines::new(text.as_bytes()).next().unwrap().unwrap_err();
        assert!(
            again.message.contains("missing field `prefix`"),
            "{}",
            again.message
        );
    }

    #[test]
    fn an_endless_line_is_bad_and_the_next_one_good() {
        let text = format!("{}\n{{\"prefix\":\"10.0.0.0/8\"}}\n", "x".repeat(3 << 20));
        let lines: Vec<_> = NdjsonLines::new(text.as_bytes()).collect();
        assert_eq!(lines[0].as_ref().unwrap_err().line, 1);
        assert_eq!(lines[1].as_ref().unwrap().number, 2);
    }

    proptest! {
        #[test]
        fn every_object_is_read_back(prefix in ".{0,20}", description in proptest::option::of(".{0,20}"),
                                     tags in prop::collection::btree_map(".{0,8}", ".{0,8}", 0..4)) {
            let object = serde_json::json!({"prefix": prefix, "description": description, "tags": tags});
            let text = format!("{object}\n");
            let line = NdjsonLines::new(text.as_bytes()).next().unwrap().unwrap();
            prop_assert_eq!((line.prefix, line.description, line.tags), (prefix, description, tags));
            prop_assert_eq!(line.end, text.len() as u64);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let newlines = bytes.iter().filter(|byte| **byte == b'\n').count();
            prop_assert!(NdjsonLines::new(bytes.as_slice()).count() <= newlines + 1);
        }
    }
}
