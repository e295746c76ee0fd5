//! Splits a file into the lines that an editor shows, so that line numbers are right whatever wrote the file:
//! `\n`, `\r\n` and a lone `\r` each end one line.

use std::io::{BufRead, BufReader, Read};

/// Longest line that is kept; the rest of a longer one is dropped.
pub(crate) const MAX_LINE: usize = 1 << 20;

/// A line, without what ended it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Physical {
    /// Number in the file, from 1.
    pub(crate) number: u64,
    /// Bytes of the file up to the end of this line.
    pub(crate) end: u64,
    /// At most [`MAX_LINE`] bytes.
    pub(crate) text: Vec<u8>,
    /// It did not fit.
    pub(crate) cut: bool,
}

/// Lines of a file.
#[derive(Debug)]
pub(crate) struct Newlines<R> {
    source: BufReader<R>,
    number: u64,
    end: u64,
    /// The last line ended in `\r`: a `\n` right behind it belongs to it.
    after_return: bool,
}

impl<R: Read> Newlines<R> {
    pub(crate) fn new(source: R) -> Self {
        Self {
            source: BufReader::new(source),
            number: 0,
            end: 0,
            after_return: false,
        }
    }

    /// Number of the last line, or of the one that could not be read.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The next line; `None` at the end of the file.
    pub(crate) fn next_line(&mut self) -> std::io::Result<Option<Physical>> {
        let mut text = Vec::new();
        let (mut begun, mut cut) = (false, false);
        loop {
            let chunk = match self.source.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.number += 1;
                    return Err(error);
                }
            };
            if chunk.is_empty() && !begun {
                return Ok(None);
            }
            if self.after_return {
                self.after_return = false;
                if chunk.first() == Some(&b'\n') {
                    self.source.consume(1);
                    self.end += 1;
                    continue;
                }
            }
            begun = true;
            let ends = chunk.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let part = &chunk[..ends.unwrap_or(chunk.len())];
            let room = MAX_LINE - text.len();
            cut |= part.len() > room;
            text.extend_from_slice(&part[..part.len().min(room)]);
            let used = part.len() + usize::from(ends.is_some());
            let done = ends.is_some() || chunk.is_empty();
            self.after_return = ends.is_some_and(|at| chunk[at] == b'\r');
            self.source.consume(used);
            self.end += used as u64;
            if done {
                self.number += 1;
                return Ok(Some(Physical {
                    number: self.number,
                    end: self.end,
                    text,
                    cut,
                }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn lines(text: &[u8]) -> Vec<Physical> {
        let mut source = Newlines::new(text);
        std::iter::from_fn(|| source.next_line().unwrap()).collect()
    }

    #[test]
    fn lines_are_those_of_an_editor() {
        for (given, expected) in [
            ("", [].as_slice()),
            ("a", &["a"]),
            ("a\r\nb\r\n", &["a", "b"]),
            ("a\rb\n", &["a", "b"]),
            ("a\r\r\n\r", &["a", "", ""]),
            ("\n\n", &["", ""]),
        ] {
            let found = lines(given.as_bytes());
            let texts: Vec<&str> = found
                .iter()
                .map(|line| std::str::from_utf8(&line.text).unwrap())
                .collect();
            assert_eq!(texts, expected, "{given:?}");
            assert!(found.iter().zip(1..).all(|(line, number)| line.number == number));
        }
    }

    #[test]
    fn an_endless_line_is_cut_and_the_next_one_whole() {
        let text = [vec![b'x'; 3 * MAX_LINE], b"\nnext".to_vec()].concat();
        let found = lines(&text);
        assert_eq!((found[0].cut, found[0].text.len()), (true, MAX_LINE));
        assert_eq!(
            (found[1].cut, found[1].text.as_slice()),
            (false, b"next".as_slice())
        );
        assert_eq!(found[1].end, text.len() as u64);
    }
}
