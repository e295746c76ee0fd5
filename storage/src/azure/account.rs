//! Where the tables are and who we are there: the connection string.

use azure_storage::prelude::StorageCredentials;
use azure_storage::{CloudLocation, ConnectionString};

use base64::Engine as _;

use crate::error::StoreError;

/// An account as its connection string describes it. Shown without secrets.
pub(super) struct Account {
    pub(super) location: CloudLocation,
    pub(super) credentials: StorageCredentials,
}

/// The address of the emulator where nothing else is said.
const EMULATOR: (&str, u16) = ("127.0.0.1", 10002);

fn refused(why: &str) -> StoreError {
    // Never the text itself: it holds the key.
    StoreError::Invalid {
        reason: format!(
            "the Azure connection string {why}; possible are `UseDevelopmentStorage=true` for the emulator, \
             `AccountName=…;AccountKey=…` and `TableEndpoint=…;SharedAccessSignature=…`, as the portal of Azure shows them"
        ),
    }
}

/// Reads a connection string: account key, shared access signature, or the emulator.
pub(super) fn parse(text: &str) -> Result<Account, StoreError> {
    let parts = ConnectionString::new(text).map_err(|_| refused("cannot be read"))?;
    if parts.use_development_storage == Some(true) {
        let (address, port) = EMULATOR;
        return Ok(Account {
            location: CloudLocation::Emulator {
                address: address.to_owned(),
                port,
            },
            credentials: StorageCredentials::emulator(),
        });
    }
    if let Some(key) = parts.account_key
        && parts.sas.is_none()
        && base64::engine::general_purpose::STANDARD.decode(key).is_err()
    {
        return Err(refused(
            "has an AccountKey that is not base64; was it copied whole?",
        ));
    }
    let credentials = parts
        .storage_credentials()
        .map_err(|_| refused("holds neither an AccountKey nor a SharedAccessSignature"))?;
    let endpoint = match (parts.table_endpoint, parts.account_name) {
        (Some(endpoint), _) => endpoint.trim_end_matches('/').to_owned(),
        (None, Some(account)) => {
            let suffix = parts.endpoint_suffix.unwrap_or("core.windows.net");
            format!("https://{account}.table.{suffix}")
        }
        (None, None) => return Err(refused("names neither an AccountName nor a TableEndpoint")),
    };
    let is_http = endpoint.starts_with("https://") || endpoint.starts_with("http://");
    if !is_http || reqwest::Url::parse(&endpoint).is_err() {
        return Err(refused("has a TableEndpoint that is no http address"));
    }
    let account = parts
        .account_name
        .map_or_else(|| first_label(&endpoint), str::to_owned);
    Ok(Account {
        location: CloudLocation::Custom {
            account,
            uri: endpoint,
        },
        credentials,
    })
}

/// The account in `https://ACCOUNT.table.…`.
fn first_label(endpoint: &str) -> String {
    let host = endpoint.split_once("//").map_or(endpoint, |(_, rest)| rest);
    host.split(['.', ':', '/']).next().unwrap_or_default().to_owned()
}

/// Names of tables: 3 to 63 letters and digits, the first a letter.
pub(super) fn check_table(table: &str) -> Result<(), String> {
    let letters = table.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let first = table.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
    if letters && first && (3..=63).contains(&table.len()) && !table.eq_ignore_ascii_case("tables") {
        Ok(())
    } else {
        Err("a table is named with 3 to 63 letters and digits, the first a letter".to_owned())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use azure_storage::clients::ServiceType;

    use super::*;

    fn endpoint(text: &str) -> String {
        parse(text)
            .unwrap()
            .location
            .url(ServiceType::Table)
            .unwrap()
            .to_string()
    }

    #[test]
    fn accounts_signatures_and_the_emulator_are_understood() {
        assert_eq!(
            endpoint(
                "DefaultEndpointsProtocol=https;AccountName=lab;AccountKey=a2V5;EndpointSuffix=core.windows.net"
            ),
            "https://lab.table.core.windows.net/"
        );
        assert_eq!(
            endpoint("AccountName=lab;AccountKey=a2V5;EndpointSuffix=core.usgovcloudapi.net"),
            "https://lab.table.core.usgovcloudapi.net/"
        );
        assert_eq!(
            endpoint("TableEndpoint=https://lab.table.core.windows.net/;SharedAccessSignature=sv=2020&sig=x"),
            "https://lab.table.core.windows.net/"
        );
        assert_eq!(
            endpoint(
                "AccountName=devstoreaccount1;AccountKey=a2V5;TableEndpoint=http://127.0.0.1:7777/devstoreaccount1"
            ),
            "http://127.0.0.1:7777/devstoreaccount1"
        );
        assert_eq!(
            endpoint("UseDevelopmentStorage=true"),
            "http://127.0.0.1:10002/devstoreaccount1"
        );
    }

    #[test]
    fn a_refusal_says_what_is_possible_and_never_the_key() {
        for text in [
            "AccountKey=geheim",
            "AccountName=lab",
            "geheim",
            "",
            "AccountName=lab;AccountKey=geheim;TableEndpoint=ftp://x",
            "AccountName=lab;AccountKey=geheim",
            "AccountName=lab;AccountKey=a2V5;TableEndpoint=http://a b",
        ] {
            let Err(error) = parse(text) else {
                panic!("{text} was taken")
            };
            let said = error.to_string();
            assert!(
                said.contains("UseDevelopmentStorage") && !said.contains("geheim"),
                "{said}"
            );
        }
    }

    #[test]
    fn names_of_tables_are_those_the_service_takes() {
        for good in ["cadastre", "Cadastre2", "abc"] {
            assert!(check_table(good).is_ok(), "{good}");
        }
        for bad in ["", "ab", "2abc", "my-table", "tables", &"x".repeat(64)] {
            assert!(check_table(bad).is_err(), "{bad}");
        }
    }
}
