//! Files of prefixes, CSV and NDJSON, line by line: what the import takes and the export writes. Public because the
//! command line cuts the same files into pieces for a dry run.

mod csv_lines;
mod csv_records;
mod line;
mod ndjson_lines;
mod newlines;

pub use csv_lines::CsvLines;
pub use line::{BadLine, Line, Lines};
pub use ndjson_lines::NdjsonLines;
