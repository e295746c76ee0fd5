//! The rules of a batch which need no stored row to be checked, in one place, so that every backend refuses
//! the same requests with the same words.

use std::collections::HashSet;

use crate::contract::{Limits, Write};
use crate::error::StoreError;

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
    let mut seen = HashSet::with_capacity(writes.len());
    for write in writes {
        if !seen.insert(write.key()) {
            return Err(invalid(format!("row {} twice in a batch", write.key())));
        }
        match write {
            Write::Create { value, .. } | Write::Replace { value, .. } | Write::Put { value, .. } => {
                check_value(limits, write, value)?;
            }
            Write::DeleteIf { .. } | Write::Delete { .. } => {}
        }
    }
    Ok(())
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
