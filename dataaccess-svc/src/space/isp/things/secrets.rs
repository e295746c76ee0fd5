//! Secrets lie in rows of their own, sealed. The thing only says whether there is one.

use cadastre_domain::isp::SealedSecret;
use cadastre_storage::RowKey;

use super::super::draft::Draft;
use crate::errors::Outcome;
use crate::records::SecretRecord;

/// Keeps a secret as a command says: `None` = as it is, `Some(None)` = none any more. Whether there is one now, and whether
/// something has changed.
pub(in super::super) async fn keep(
    draft: &mut Draft<'_, '_>,
    row: RowKey,
    had: bool,
    secret: Option<Option<&SealedSecret>>,
) -> Outcome<(bool, bool)> {
    match secret {
        None => Ok((had, false)),
        Some(None) => {
            if had {
                draft.erase(row);
            }
            Ok((false, had))
        }
        Some(Some(secret)) => {
            let record = SecretRecord {
                v: 1,
                secret: secret.clone(),
            };
            let is_new = draft.row::<SecretRecord>(&row).await?.as_ref() != Some(&record);
            if is_new {
                draft.write(row, &record);
            }
            Ok((true, is_new))
        }
    }
}
