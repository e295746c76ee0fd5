//! Reads CSV: `prefix`, `description` and `tag:NAME` columns in any order.

use std::collections::BTreeMap;
use std::io::Read;

use super::csv_records::{Record, Records};
use super::line::{BadLine, Line};

/// What a column says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Column {
    Prefix,
    Description,
    Tag(String),
}

/// Lines of a CSV file.
#[derive(Debug)]
pub struct CsvLines<R> {
    records: Records<R>,
    columns: Vec<Column>,
}

impl<R: Read> CsvLines<R> {
    /// Reads the header; the error is a sentence about it.
    pub fn new(source: R) -> Result<Self, String> {
        let refuse = |bad: BadLine| format!("the header, line {}: {}", bad.line, bad.message);
        let mut records = Records::new(source);
        records.choose_separator().map_err(refuse)?;
        let fields = match records.next() {
            None => Vec::new(),
            Some(record) => record.map_err(refuse)?.fields,
        };
        let header = fields
            .into_iter()
            .map(|field| String::from_utf8(field).map_err(|_| "the header is not UTF-8 text".to_owned()))
            .collect::<Result<Vec<_>, _>>()?;
        let columns = header
            .iter()
            .map(|name| column(name.trim()))
            .collect::<Result<Vec<_>, _>>()?;
        for (at, column) in columns.iter().enumerate() {
            if columns[..at].contains(column) {
                return Err(format!(
                    "the header names the column `{}` twice",
                    header[at].trim()
                ));
            }
        }
        if !columns.contains(&Column::Prefix) {
            return Err(
                "the header (the first line) has no column `prefix`; it looks for example like: \
                        prefix,description,tag:Site"
                    .to_owned(),
            );
        }
        Ok(Self { records, columns })
    }

    fn line(&self, record: &Record) -> Result<Line, BadLine> {
        let bad = |message: String| BadLine::unreadable(record.number, message);
        if record.fields.len() != self.columns.len() {
            let (has, of) = (record.fields.len(), self.columns.len());
            let upto = if record.last > record.number {
                format!(", which goes up to line {},", record.last)
            } else {
                String::new()
            };
            let noun = if has == 1 { "field" } else { "fields" };
            return Err(bad(format!(
                "the record{upto} has {has} {noun} where the header has {of}; is there a comma or a quote too \
                 many or too few?"
            )));
        }
        let mut line = Line {
            number: record.number,
            end: record.end,
            prefix: String::new(),
            description: None,
            tags: BTreeMap::new(),
        };
        for (column, field) in self.columns.iter().zip(&record.fields) {
            let text = std::str::from_utf8(field)
                .map_err(|_| bad("is not UTF-8 text".to_owned()))?
                .trim();
            match column {
                Column::Prefix => text.clone_into(&mut line.prefix),
                Column::Description => line.description = Some(text.to_owned()),
                Column::Tag(_) if text.is_empty() => {}
                Column::Tag(name) => {
                    line.tags.insert(name.clone(), text.to_owned());
                }
            }
        }
        if line.prefix.is_empty() {
            return Err(BadLine::of(&line, "has no prefix"));
        }
        Ok(line)
    }
}

impl<R: Read> Iterator for CsvLines<R> {
    type Item = Result<Line, BadLine>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = self.records.next()?;
        Some(record.and_then(|record| self.line(&record)))
    }
}

fn column(name: &str) -> Result<Column, String> {
    let tag = name
        .split_once(':')
        .filter(|(word, _)| word.trim().eq_ignore_ascii_case("tag"))
        .map(|(_, tag)| tag.trim());
    match tag {
        _ if name.eq_ignore_ascii_case("prefix") => Ok(Column::Prefix),
        _ if name.eq_ignore_ascii_case("description") => Ok(Column::Description),
        Some(tag) if !tag.is_empty() => Ok(Column::Tag(tag.to_owned())),
        _ => Err(format!(
            "the header has a column `{name}`; columns are prefix, description and tag:NAME (for example \
             tag:{})",
            if name.is_empty() || tag.is_some() {
                "Site"
            } else {
                name
            }
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn read(text: &[u8]) -> Vec<Result<Line, BadLine>> {
        CsvLines::new(text).unwrap().collect()
    }

    #[test]
    fn columns_come_in_any_order_and_empty_cells_set_nothing() {
        let lines = read(b"\xef\xbb\xbftag:Site,prefix,tag:Role\r\nAMS1, 10.0.0.0/8 ,\r\n");
        let line = lines[0].as_ref().unwrap();
        assert_eq!((line.number, line.prefix.as_str()), (2, "10.0.0.0/8"));
        assert_eq!(line.tags, [("Site".to_owned(), "AMS1".to_owned())].into());
        assert_eq!(line.description, None);
    }

    #[test]
    fn bad_lines_are_told_by_number_and_do_not_stop_good_ones() {
        let lines = read(
            b"prefix,description\n10.0.0.0/8,a\n10.1.0.0/16\n,no prefix\n10.2.0.0/16,\xff\n10.3.0.0/16,z\n",
        );
        let numbers: Vec<u64> = lines
            .iter()
            .filter_map(|line| line.as_ref().err())
            .map(|bad| bad.line)
            .collect();
        assert_eq!(numbers, [3, 4, 5]);
        assert_eq!(lines.iter().filter(|line| line.is_ok()).count(), 2);
        assert!(
            lines[1]
                .as_ref()
                .unwrap_err()
                .message
                .contains("1 field where the header has 2")
        );
    }

    #[test]
    fn line_numbers_are_those_of_an_editor_whatever_ends_the_lines() {
        for newline in ["\n", "\r\n", "\r"] {
            let text = ["prefix", "10.0.0.0/8", "", "", "10.1.0.0/16", "10.2.0.0/16"].join(newline);
            let numbers: Vec<u64> = read(text.as_bytes())
                .into_iter()
                .map(|line| line.unwrap().number)
                .collect();
            assert_eq!(numbers, [2, 5, 6], "{newline:?}");
        }
    }

    #[test]
    fn a_quoted_field_over_two_lines_keeps_the_numbers_right() {
        let lines = read(b"prefix,description\n10.0.0.0/8,\"two\nlines\"\nx\n");
        assert_eq!(
            lines[0].as_ref().unwrap().description.as_deref(),
            Some("two\nlines")
        );
        assert_eq!(lines[1].as_ref().unwrap_err().line, 4);
    }

    #[test]
    fn headers_that_cannot_work_are_refused_in_words() {
        for (header, word) in [
            ("network", "tag:network"),
            ("description", "no column `prefix`"),
            ("prefix,prefix", "twice"),
            ("", "prefix"),
            (
                "prefix,\"description\n",
                "line 1: the quote opened here is never closed",
            ),
            ("prefix;network\n", "tag:network"),
        ] {
            let refusal = CsvLines::new(header.as_bytes()).unwrap_err();
            assert!(refusal.contains(word), "{header}: {refusal}");
        }
    }

    #[test]
    fn known_columns_are_found_in_capitals_and_behind_semicolons_and_tabs() {
        for header in [
            "Prefix,DESCRIPTION,Tag:Site\n10.0.0.0/8,\"a,b\",AMS1\n",
            "\u{feff}\"prefix\";Description;tag:Site\r\n10.0.0.0/8;a,b;AMS1\r\n",
            "prefix\tdescription\ttag:Site\n10.0.0.0/8\ta,b\tAMS1\n",
        ] {
            let lines = read(header.as_bytes());
            let line = lines[0].as_ref().unwrap();
            assert_eq!(line.prefix, "10.0.0.0/8");
            assert_eq!(line.description.as_deref(), Some("a,b"));
            assert_eq!(line.tags["Site"], "AMS1");
        }
    }

    #[test]
    fn a_line_without_a_prefix_keeps_what_else_it_says() {
        let lines = read(b"prefix,tag:Site\n,AMS1\n");
        let record = lines[0].as_ref().unwrap_err().record.as_deref().unwrap();
        assert_eq!(record.tags["Site"], "AMS1");
    }

    #[test]
    fn a_quote_that_is_never_closed_costs_its_own_line_only() {
        let lines = read(b"prefix,description\n10.0.0.0/8,\"open\n10.1.0.0/16,a\n10.2.0.0/16,b\n");
        assert_eq!(lines.len(), 3);
        let bad = lines[0].as_ref().unwrap_err();
        assert_eq!(
            (bad.line, bad.message.as_str()),
            (2, "the quote opened here is never closed")
        );
        assert_eq!(lines[2].as_ref().unwrap().number, 4);
    }

    fn cell() -> impl Strategy<Value = String> {
        "[a-zA-Z0-9 ,\"\n:é-]{0,12}".prop_map(|text| text.trim().to_owned())
    }

    proptest! {
        #[test]
        fn what_a_csv_writer_writes_is_read_back(rows in prop::collection::vec(("[0-9a-f:./]{1,20}", cell(), cell()), 0..20)) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(["prefix", "description", "tag:T"]).unwrap();
            for (prefix, description, tag) in &rows {
                writer.write_record([prefix, description, tag]).unwrap();
            }
            let text = writer.into_inner().unwrap();
            let lines: Vec<Line> = read(&text).into_iter().map(Result::unwrap).collect();
            prop_assert_eq!(lines.len(), rows.len());
            for (line, (prefix, description, tag)) in lines.iter().zip(&rows) {
                prop_assert_eq!(&line.prefix, prefix);
                prop_assert_eq!(line.description.as_deref(), Some(description.as_str()));
                prop_assert_eq!(line.tags.get("T").map_or("", String::as_str), tag);
            }
        }

        #[test]
        fn no_bytes_make_the_reader_panic_or_count_backwards(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let text = [b"prefix,tag:T\n".as_slice(), &bytes].concat();
            let mut last = 1;
            for line in read(&text) {
                let number = line.map_or_else(|bad| bad.line, |line| line.number);
                prop_assert!(number >= last, "{} after {}", number, last);
                last = number;
            }
        }
    }
}
