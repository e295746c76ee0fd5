//! What the content of a partition comes to: equal for equal rows, in whatever order they were read and however a backend
//! writes their JSON. A sum of hashes, against slips and damage; against malice there is the hash of the file.

use cadastre_storage::{PartitionKey, RowKey};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::part::{PartEnd, stays};
use crate::keys;

/// Fields of a head that a restore changes.
const OF_THE_LIFE: [&str; 2] = ["Incarnation", "Hold"];

/// Rows counted and hashed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) rows: u64,
    /// The version that the head has.
    pub(crate) version: Option<u64>,
    sum: u128,
}

impl Tally {
    /// Counts a row, unless it is one that does not travel.
    pub(crate) fn add(&mut self, partition: &PartitionKey, key: &RowKey, value: &[u8]) {
        if stays(partition, key) {
            return;
        }
        let mut hash = Sha256::new();
        hash.update((key.as_str().len() as u64).to_be_bytes());
        hash.update(key.as_str());
        match serde_json::from_slice::<Value>(value) {
            Ok(Value::Object(mut fields)) if *key == keys::head() => {
                self.version = fields.get("Version").and_then(Value::as_u64);
                for field in OF_THE_LIFE {
                    fields.remove(field);
                }
                feed(&mut hash, &Value::Object(fields));
            }
            Ok(value) => feed(&mut hash, &value),
            // Not JSON, so it is damaged; it still counts as what it is.
            Err(_) => hash.update(value),
        }
        let mut first = [0; 16];
        first.copy_from_slice(&hash.finalize()[..16]);
        self.sum = self.sum.wrapping_add(u128::from_be_bytes(first));
        self.rows += 1;
    }

    pub(crate) fn digest(&self) -> String {
        format!("{:032x}", self.sum)
    }

    pub(crate) fn end(&self) -> PartEnd {
        PartEnd {
            rows: self.rows,
            version: self.version,
            digest: self.digest(),
        }
    }
}

/// A value in one form, whatever the order of its fields.
fn feed(hash: &mut Sha256, value: &Value) {
    let length = |hash: &mut Sha256, kind: u8, length: usize| {
        hash.update([kind]);
        hash.update((length as u64).to_be_bytes());
    };
    match value {
        Value::Null => hash.update(b"n"),
        Value::Bool(true) => hash.update(b"t"),
        Value::Bool(false) => hash.update(b"f"),
        Value::Number(number) => {
            let text = number.to_string();
            length(hash, b'd', text.len());
            hash.update(text);
        }
        Value::String(text) => {
            length(hash, b's', text.len());
            hash.update(text);
        }
        Value::Array(items) => {
            length(hash, b'a', items.len());
            for item in items {
                feed(hash, item);
            }
        }
        Value::Object(fields) => {
            length(hash, b'o', fields.len());
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            for (name, field) in sorted {
                length(hash, b'k', name.len());
                hash.update(name);
                feed(hash, field);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn tally(rows: &[(&str, &str)]) -> Tally {
        let mut tally = Tally::default();
        for (key, value) in rows {
            let partition = PartitionKey::new("p").unwrap();
            tally.add(&partition, &RowKey::new(key).unwrap(), value.as_bytes());
        }
        tally
    }

    #[test]
    fn the_order_of_rows_and_fields_does_not_matter() {
        let one = tally(&[("a", r#"{"x":1,"y":{"b":[1,2],"a":null}}"#), ("b", "{}")]);
        let two = tally(&[("b", "{}"), ("a", r#"{"y": {"a":null, "b":[1,2]}, "x":1}"#)]);
        assert_eq!(one, two);
    }

    #[test]
    fn everything_else_does() {
        let base = tally(&[("a", r#"{"x":[1,2]}"#)]);
        for other in [
            &[("b", r#"{"x":[1,2]}"#)][..],
            &[("a", r#"{"x":[2,1]}"#)],
            &[("a", r#"{"x":[1,"2"]}"#)],
            &[("a", r#"{"x":[[1],2]}"#)],
            &[("a", r#"{"x":[1,2],"y":null}"#)],
            &[("a", r#"{"y":[1,2]}"#)],
            &[],
        ] {
            assert_ne!(tally(other).digest(), base.digest(), "{other:?}");
        }
    }

    #[test]
    fn a_head_counts_without_what_a_restore_changes() {
        let one = tally(&[("head", r#"{"Version":7,"Incarnation":"a"}"#)]);
        let two = tally(&[("head", r#"{"Version":7,"Incarnation":"b","Hold":"c"}"#)]);
        assert_eq!((one, one.version), (two, Some(7)));
        assert_ne!(one, tally(&[("head", r#"{"Version":8,"Incarnation":"a"}"#)]));
    }
}
