//! Following a list from page to page.

use super::{Client, Value};

/// All items of a list, page by page as the `Link` headers lead; fails on an item that comes twice, a page that
/// is too long, and a chain that does not end.
#[track_caller]
pub(crate) fn all(client: &Client, path: &str, limit: usize, key: &str) -> Vec<Value> {
    let separator = if path.contains('?') { '&' } else { '?' };
    let mut next = Some(format!("{path}{separator}limit={limit}"));
    if path.contains("limit=") {
        // A page in the middle of a list: its link says how to go on.
        next = Some(path.to_owned());
    }
    let mut items: Vec<Value> = Vec::new();
    let mut pages = 0;
    while let Some(path) = next {
        let answer = client.get(&path).expect(200);
        next = answer.next();
        let Value::Array(page) = answer.json() else {
            panic!("{path} is not a list")
        };
        assert!(
            page.len() <= limit,
            "{path}: {} items on a page of {limit}",
            page.len()
        );
        for item in page {
            assert!(
                items.iter().all(|seen| seen[key] != item[key]),
                "{} comes twice in {path}",
                item[key]
            );
            items.push(item);
        }
        pages += 1;
        assert!(pages < 10_000, "{path} does not end");
    }
    items
}

/// One field of all items.
#[track_caller]
pub(crate) fn column(items: &[Value], key: &str) -> Vec<String> {
    items
        .iter()
        .map(|item| {
            item[key]
                .as_str()
                .unwrap_or_else(|| panic!("no {key} in {item}"))
                .to_owned()
        })
        .collect()
}

/// One field of all items of a list.
#[track_caller]
pub(crate) fn listed(client: &Client, path: &str, key: &str) -> Vec<String> {
    column(&all(client, path, 1000, key), key)
}

/// That a list gives the same items, in the same order, whatever the size of its pages.
#[track_caller]
pub(crate) fn assert_pages_agree(client: &Client, path: &str, key: &str) {
    let whole = all(client, path, 1000, key);
    for limit in 1..=3 {
        assert_eq!(all(client, path, limit, key), whole, "{path} with limit={limit}");
    }
}
