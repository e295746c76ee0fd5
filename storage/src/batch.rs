//! The rules of a batch which need no stored row to be checked, in one place, so that every backend refuses
//! the same requests with the same words.

use std::collections::HashSet;

use crate::contract::{Limits, Write};
use crate::error::StoreError;
use crate::key::RowKey;

/// Bytes of keys and values after which a page ends although more rows were asked for: readers run on the
/// threads of the async runtime, and Azure ends a page at 4 MiB, too.
pub(crate) const PAGE_BYTES: usize = 4 << 20;

fn invalid(reason: String) -> StoreError {
    StoreError::Invalid { reason }
}

/// Checks a batch against the contract: size, one write per key, values that look like JSON objects.
///
/// A debug build parses the values. A release build looks at the braces only, because a parse of each value
/// would cost more than the rest of the commit.
pub fn check_batch(limits: &Limits, writes: &[Write]) -> Result<(), StoreError> {
    if writes.len() > limits.batch_rows {
        return Err(invalid(format!(
            "{} rows in a batch, {} are possible",
            writes.len(),
            limits.batch_rows
        )));
    }
    let bytes: usize = writes.iter().map(Write::bytes).sum();
    if bytes > limits.batch_bytes {
        return Err(invalid(format!(
            "{bytes} bytes in a batch, {} are possible",
            limits.batch_bytes
        )));
    }
    if let Some(twice) = twice(writes) {
        return Err(invalid(format!("row {twice} twice in a batch")));
    }
    for write in writes {
        match write {
            Write::Create { value, .. } | Write::Replace { value, .. } | Write::Put { value, .. } => {
                check_value(limits, write, value)?;
            }
            Write::DeleteIf { .. } | Write::Delete { .. } => {}
        }
    }
    Ok(())
}

/// A key that is written twice. Writers mostly send a head and then the rows in order, which is seen without a set.
fn twice(writes: &[Write]) -> Option<&RowKey> {
    let (head, rows) = writes.split_first()?;
    let is_sorted = rows.is_sorted_by(|a, b| a.key() < b.key());
    if is_sorted {
        let found = rows.binary_search_by(|write| write.key().cmp(head.key()));
        return found.is_ok().then(|| head.key());
    }
    let mut seen = HashSet::with_capacity(writes.len());
    writes.iter().map(Write::key).find(|key| !seen.insert(*key))
}

fn check_value(limits: &Limits, write: &Write, value: &[u8]) -> Result<(), StoreError> {
    if value.len() > limits.value_bytes {
        return Err(invalid(format!(
            "row {} has a value of {} bytes, {} are possible",
            write.key(),
            value.len(),
            limits.value_bytes
        )));
    }
    let braces = value.first() == Some(&b'{') && value.last() == Some(&b'}');
    let parses = || serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(value).is_ok();
    if !braces || (cfg!(debug_assertions) && !parses()) {
        return Err(invalid(format!(
            "the value of row {} is not a JSON object",
            write.key()
        )));
    }
    Ok(())
}

/// Refuses a scan which could never get anywhere.
pub(crate) fn check_limit(limit: usize) -> Result<(), StoreError> {
    if limit == 0 {
        Err(invalid("a scan with limit 0".to_owned()))
    } else {
        Ok(())
    }
}
