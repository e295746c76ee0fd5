//! Reading all rows. The service sorts by partition, then key, and both have characters only that it sorts by their bytes.

use azure_data_tables::{Filter, Top};
use futures::StreamExt as _;
use serde_json::{Map, Value};

use super::failure::unavailable;
use super::{AzureStore, PAGE_ROWS, entity, row};
use crate::batch::PAGE_BYTES;
use crate::contract::{Place, Row, TablePage};
use crate::error::{StoreError, corrupt};
use crate::key::PartitionKey;

impl AzureStore {
    /// Two questions, the rest of a partition and then what lies behind it: to one question with an "or" the service
    /// reads the table from its beginning.
    pub(super) async fn page_of_table(
        &self,
        after: Option<&Place>,
        limit: usize,
    ) -> Result<TablePage, StoreError> {
        let mut page = Vec::new();
        let mut more = false;
        if let Some(Place { partition, key }) = after {
            let filter = format!("PartitionKey eq '{partition}' and RowKey gt '{key}'");
            more = self.read_page(Some(filter), limit, &mut page).await?;
        }
        if !more && page.len() < limit {
            let filter = after.map(|place| format!("PartitionKey gt '{}'", place.partition));
            more = self.read_page(filter, limit, &mut page).await?;
        } else {
            // Whether anything lies behind it is for the next page to find out.
            more = true;
        }
        let last = page.last().filter(|_| more);
        Ok(TablePage {
            next: last.map(|(partition, row)| Place {
                partition: partition.clone(),
                key: row.key.clone(),
            }),
            rows: page,
        })
    }

    /// Adds rows up to the limit; whether there may be more of them.
    async fn read_page(
        &self,
        filter: Option<String>,
        limit: usize,
        page: &mut Vec<(PartitionKey, Row)>,
    ) -> Result<bool, StoreError> {
        let wanted = limit - page.len();
        let mut query = self.reads.query().top(Top::new(wanted.min(PAGE_ROWS) as u32));
        if let Some(filter) = filter {
            query = query.filter(Filter::new(filter));
        }
        let mut answers = query.into_stream::<Map<String, Value>>();
        let mut bytes = 0;
        // An answer may be empty although more follow.
        while let Some(answer) = answers.next().await {
            let answer = answer.map_err(|error| unavailable(error, &self.pause))?;
            for entity in answer.entities {
                let partition = partition_of(&entity)?;
                let row = row(entity::decode(entity)?)?;
                bytes += row.value.len();
                page.push((partition, row));
            }
            if page.len() >= limit || bytes >= PAGE_BYTES {
                // Of an answer that is longer than asked for, the rest is read again.
                page.truncate(limit);
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn partition_of(entity: &Map<String, Value>) -> Result<PartitionKey, StoreError> {
    let text = entity.get("PartitionKey").and_then(Value::as_str);
    text.and_then(|text| PartitionKey::new(text).ok())
        .ok_or_else(|| corrupt(format!("partition {text:?} of the table is not ours"), None))
}
