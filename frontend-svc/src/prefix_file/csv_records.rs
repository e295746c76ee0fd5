//! Splits CSV into records (RFC 4180), strictly about quotes: a quote that is never closed, or closed in the
//! middle of a field, would make one record of all the lines up to the next quote, and they would be lost in
//! silence. Such a record is refused by the line of its quote, and reading goes on with the next line.

use std::collections::VecDeque;
use std::io::Read;

use super::line::BadLine;
use super::newlines::{MAX_LINE, Newlines, Physical};

/// Fields of a record, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// The line it begins on.
    pub(crate) number: u64,
    /// The line it ends on.
    pub(crate) last: u64,
    /// Bytes of the file up to its end.
    pub(crate) end: u64,
    pub(crate) fields: Vec<Vec<u8>>,
}

/// Records of a file; blank lines are skipped.
#[derive(Debug)]
pub(crate) struct Records<R> {
    source: Newlines<R>,
    separator: u8,
    /// Lines that were read in search of a closing quote, and are read again.
    waiting: VecDeque<Physical>,
    broken: bool,
}

/// What is wrong with a record, and the line to blame.
#[derive(Clone, Copy)]
enum Fault {
    Unclosed { line: u64 },
    InTheMiddle { line: u64, closed: u64 },
    TooLong { line: u64 },
}

#[derive(Clone, Copy)]
enum State {
    FieldStart,
    Plain,
    Quoted {
        opened: u64,
    },
    /// After the quote that may have closed the field.
    Closed {
        opened: u64,
    },
}

/// The fields so far.
struct Split {
    separator: u8,
    state: State,
    fields: Vec<Vec<u8>>,
    field: Vec<u8>,
}

impl Split {
    /// Takes one more line of the record; `true` when the record is complete.
    fn take(&mut self, line: &Physical) -> Result<bool, Fault> {
        for byte in line.text.iter().copied() {
            match self.state {
                State::Quoted { opened } if byte == b'"' => self.state = State::Closed { opened },
                State::Closed { opened } if byte == b'"' => {
                    self.field.push(byte);
                    self.state = State::Quoted { opened };
                }
                State::Quoted { .. } => self.field.push(byte),
                _ if byte == self.separator => {
                    self.fields.push(std::mem::take(&mut self.field));
                    self.state = State::FieldStart;
                }
                // Blanks behind the quote are trimmed with the field.
                State::Closed { .. } if byte == b' ' || byte == b'\t' => {}
                State::Closed { opened } => {
                    return Err(Fault::InTheMiddle {
                        line: opened,
                        closed: line.number,
                    });
                }
                State::FieldStart if byte == b'"' => self.state = State::Quoted { opened: line.number },
                State::FieldStart | State::Plain => {
                    self.field.push(byte);
                    self.state = State::Plain;
                }
            }
        }
        if let State::Quoted { .. } = self.state {
            self.field.push(b'\n');
            return Ok(false);
        }
        self.fields.push(std::mem::take(&mut self.field));
        Ok(true)
    }
}

impl<R: Read> Records<R> {
    pub(crate) fn new(source: R) -> Self {
        Self {
            source: Newlines::new(source),
            separator: b',',
            waiting: VecDeque::new(),
            broken: false,
        }
    }

    /// Looks at the header: without a comma, but with semicolons (as spreadsheets of many countries write
    /// them) or tabs, those separate the columns.
    pub(crate) fn choose_separator(&mut self) -> Result<(), BadLine> {
        while let Some(line) = self.physical()? {
            if line.text.trim_ascii().is_empty() {
                continue;
            }
            let has = |byte: u8| line.text.contains(&byte);
            let other = [b';', b'\t'].into_iter().find(|byte| has(*byte));
            self.separator = other.filter(|_| !has(b',')).unwrap_or(b',');
            self.waiting.push_front(line);
            break;
        }
        Ok(())
    }

    fn physical(&mut self) -> Result<Option<Physical>, BadLine> {
        if let Some(line) = self.waiting.pop_front() {
            return Ok(Some(line));
        }
        let mut line = self.source.next_line().map_err(|error| {
            self.broken = true;
            let message = format!("cannot be read, nor what follows: {error}");
            BadLine::unreadable(self.source.number(), message)
        })?;
        if let Some(first) = line.as_mut().filter(|line| line.number == 1)
            && first.text.starts_with(b"\xef\xbb\xbf")
        {
            first.text.drain(..3);
        }
        Ok(line)
    }

    /// Reads the lines of one record; what does not belong to it goes back.
    fn record(&mut self, first: Physical) -> Result<Record, BadLine> {
        let begins = first.number;
        let mut split = Split {
            separator: self.separator,
            state: State::FieldStart,
            fields: Vec::new(),
            field: Vec::new(),
        };
        let mut lines = vec![first];
        let mut bytes = 0;
        let fault = loop {
            let Some(line) = lines.last() else {
                break Fault::TooLong { line: begins };
            };
            // What ended the line counts, too: blank lines are not for nothing.
            bytes += line.text.len() + 1;
            if line.cut && lines.len() == 1 {
                break Fault::TooLong { line: begins };
            }
            match split.take(line) {
                Ok(true) => {
                    return Ok(Record {
                        number: begins,
                        last: line.number,
                        end: line.end,
                        fields: split.fields,
                    });
                }
                Ok(false) => {}
                Err(fault) => break fault,
            }
            let State::Quoted { opened } = split.state else {
                break Fault::TooLong { line: begins };
            };
            // So much text is no field: the quote was forgotten long before.
            if bytes > MAX_LINE {
                break Fault::Unclosed { line: opened };
            }
            match self.physical()? {
                Some(line) => lines.push(line),
                None => break Fault::Unclosed { line: opened },
            }
        };
        Err(self.refuse(begins, fault, lines))
    }

    fn refuse(&mut self, begins: u64, fault: Fault, lines: Vec<Physical>) -> BadLine {
        let (line, what) = match fault {
            Fault::Unclosed { line } => (line, "the quote opened here is never closed".to_owned()),
            Fault::InTheMiddle { line, closed } if line == closed => (
                line,
                "a quoted field goes on after its closing quote; a quote inside a field is written twice"
                    .to_owned(),
            ),
            Fault::InTheMiddle { line, closed } => (
                line,
                format!(
                    "the quote opened here is never closed (the next one, on line {closed}, opens a field)"
                ),
            ),
            Fault::TooLong { line } => (line, "is longer than 1 MiB".to_owned()),
        };
        let what = if line > begins {
            format!("{what}; the record begins on line {begins}")
        } else {
            what
        };
        let after = lines.into_iter().filter(|other| other.number > line);
        for (at, other) in after.enumerate() {
            self.waiting.insert(at, other);
        }
        BadLine::unreadable(line, what)
    }
}

impl<R: Read> Iterator for Records<R> {
    type Item = Result<Record, BadLine>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.broken {
            match self.physical() {
                Ok(None) => return None,
                Ok(Some(line)) if line.text.trim_ascii().is_empty() && !line.cut => {}
                Ok(Some(line)) => return Some(self.record(line)),
                Err(bad) => return Some(Err(bad)),
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

    fn read(text: &[u8]) -> Vec<Result<Record, BadLine>> {
        Records::new(text).collect()
    }

    /// Numbers of the good records, and the bad ones in words.
    fn told(text: &[u8]) -> (Vec<u64>, Vec<String>) {
        let mut told = (Vec::new(), Vec::new());
        for record in read(text) {
            match record {
                Ok(record) => told.0.push(record.number),
                Err(bad) => told.1.push(format!("line {}: {}", bad.line, bad.message)),
            }
        }
        told
    }

    #[test]
    fn a_quote_that_is_never_closed_is_named_and_the_lines_after_it_are_read() {
        let (good, bad) = told(b"a,b\nc,\"d\ne,f\ng,h\n");
        assert_eq!(good, [1, 3, 4]);
        assert_eq!(bad, ["line 2: the quote opened here is never closed"]);
    }

    #[test]
    fn a_forgotten_quote_before_a_quoted_field_swallows_nothing() {
        let (good, bad) = told(b"a,\"b\nc,d\ne,\"f\"\ng,\"h\"\n");
        assert_eq!(good, [2, 3, 4]);
        assert_eq!(bad.len(), 1);
        assert!(
            bad[0].starts_with("line 1: the quote opened here is never closed"),
            "{bad:?}"
        );
    }

    #[test]
    fn the_line_of_the_quote_is_named_not_that_of_its_record() {
        let (good, bad) = told(b"a,\"two\nlines\",\"open\nb,c\n");
        assert_eq!(good, [3]);
        assert_eq!(
            bad,
            ["line 2: the quote opened here is never closed; the record begins on line 1"]
        );
    }

    #[test]
    fn a_quote_that_is_not_doubled_is_refused() {
        let (good, bad) = told(b"a,\"5\" disk\"\nb,\"5\"\" disk\"\nc,5\" disk\nd,\"e\" ,f\n");
        assert_eq!(good, [2, 3, 4]);
        assert!(bad[0].contains("written twice"), "{bad:?}");
    }

    #[test]
    fn a_quote_is_not_followed_for_ever() {
        let text = [b"a,\"b\n".to_vec(), b"c,d\n".repeat(1 << 19)].concat();
        let (good, bad) = told(&text);
        assert_eq!((good.len(), bad.len()), (1 << 19, 1));
        let text = [b"a,\"b\n".to_vec(), b"\n".repeat(4 << 20), b"c,d\n".to_vec()].concat();
        let mut records = Records::new(text.as_slice());
        assert!(records.next().unwrap().is_err());
        assert!(records.waiting.len() <= MAX_LINE, "blank lines are held, too");
        assert_eq!(records.next().unwrap().unwrap().fields, [b"c", b"d"]);
    }

    #[test]
    fn a_record_is_numbered_by_the_line_it_begins_on() {
        let (good, _) = told(b"\n\na,\"b\n\nc\"\nd\n");
        assert_eq!(good, [3, 6]);
    }

    proptest! {
        #[test]
        fn what_a_csv_writer_writes_is_read_back(rows in prop::collection::vec(
            prop::collection::vec("[a-z ,\"\n;é]{0,6}", 2..4), 0..20)) {
            let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
            for row in &rows {
                writer.write_record(row).unwrap();
            }
            let text = writer.into_inner().unwrap();
            let mut line = 1;
            let found = read(&text);
            prop_assert_eq!(found.len(), rows.len());
            for (record, row) in found.into_iter().map(Result::unwrap).zip(rows) {
                prop_assert_eq!(record.number, line);
                line += 1 + row.concat().matches('\n').count() as u64;
                let fields: Vec<String> =
                    record.fields.into_iter().map(|field| String::from_utf8(field).unwrap()).collect();
                prop_assert_eq!(fields, row);
            }
        }

        #[test]
        fn every_line_is_in_a_record_or_named(text in "[a,\"\n]{0,200}") {
            let mut next = 1;
            for record in read(text.as_bytes()) {
                let (first, last) = match record {
                    Ok(record) => (record.number, record.last),
                    Err(bad) => (bad.line, bad.line),
                };
                let begins = text.split('\n').skip(next as usize - 1).take_while(|line| line.trim().is_empty());
                let begins = next + begins.count() as u64;
                prop_assert!(first >= begins, "{first} before {begins}");
                next = last + 1;
            }
            let rest: Vec<&str> = text.split('\n').skip(next as usize - 1).collect();
            prop_assert!(rest.iter().all(|line| line.trim().is_empty()), "{rest:?}");
        }
    }
}
