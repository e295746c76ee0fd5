//! Finding nodes: filters in any combination, pages, lookup, children and subtree.

use serde_json::json;

use crate::client::Api;

/// 10.0.0.0/8 (Region=a) over 10.0.0.0/16 … 10.4.0.0/16, of which 10.3.0.0/16 has Region=b; 2001:db8::/32.
async fn tree() -> (Api, String) {
    let api = Api::start().await;
    api.tag("Region").await;
    let top = api.node("10.0.0.0/8", json!({ "Region": "a" })).await;
    for i in 0..5 {
        let tags = if i == 3 {
            json!({ "Region": "b" })
        } else {
            json!({})
        };
        api.node(&format!("10.{i}.0.0/16"), tags).await;
    }
    api.node("10.3.1.0/24", json!({})).await;
    api.node("2001:db8::/32", json!({})).await;
    (api, top)
}

fn id(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

#[actix_web::test]
async fn filters_combine() {
    let (api, top) = tree().await;
    let find = async |query: &str| {
        let answer = api.get(&format!("/ips?{query}")).await;
        answer
            .all("prefix")
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(find("").await.len(), 8);
    assert_eq!(find("parentId=root").await, ["10.0.0.0/8", "2001:db8::/32"]);
    assert_eq!(find(&format!("parentId={}", id(&top))).await.len(), 5);
    assert_eq!(find("tags=Region%3Db").await, ["10.3.0.0/16", "10.3.1.0/24"]);
    assert_eq!(
        find(&format!("tags=Region=b&parentId={}", id(&top))).await,
        ["10.3.0.0/16"]
    );
    assert_eq!(find("tags=Region=a&parentId=root").await, ["10.0.0.0/8"]);
    assert_eq!(find("prefix=10.3.0.0/16").await, ["10.3.0.0/16"]);
    assert_eq!(
        find(&format!("prefix=10.3.0.0/16&parentId={}&tags=Region=b", id(&top))).await,
        ["10.3.0.0/16"]
    );
    for none in [
        "prefix=10.9.0.0/16",
        "prefix=10.3.0.0/16&parentId=root",
        "prefix=10.3.0.0/16&tags=Region=a",
    ] {
        assert!(find(none).await.is_empty(), "{none}");
    }
}

#[actix_web::test]
async fn filters_that_cannot_be_read_are_refused() {
    let (api, _) = tree().await;
    let missing = "0198a2b4-5c6d-7e8f-9012-3456789abcde";
    api.get("/ips?prefix=10.3.0.1/16")
        .await
        .fails(400, "InvalidPrefix");
    api.get("/ips?parentId=top").await.fails(400, "InvalidParameter");
    api.get("/ips?tags=Region").await.fails(400, "InvalidParameter");
    api.get("/ips?tags=Nope=x").await.fails(400, "UndefinedTag");
    api.get("/ips?tag=Region%3Da")
        .await
        .fails(400, "InvalidParameter");
    api.get("/ips?limit=0").await.fails(400, "InvalidParameter");
    api.get(&format!("/ips?parentId={missing}"))
        .await
        .fails(404, "NotFound");
    api.get(&format!("/ips?parentId={missing}&prefix=10.3.0.0/16"))
        .await
        .fails(404, "NotFound");
    api.get(&format!("/api/v1/addressspaces/{missing}/ips?prefix=10.3.0.0/16"))
        .await
        .fails(404, "NotFound");
    api.get(&format!("/api/v1/addressspaces/{missing}/ips"))
        .await
        .fails(404, "NotFound");
    api.get(&format!("/ips/{missing}")).await.fails(404, "NotFound");
    api.get("/ips/nonsense").await.fails(400, "InvalidId");
    api.get("/ips/nonsense/children").await.fails(400, "InvalidId");
    api.get("/api/v1/addressspaces/nonsense/ips")
        .await
        .fails(400, "InvalidId");
}

#[actix_web::test]
async fn pages_lead_through_the_whole_list_and_cursors_stay_with_it() {
    let (api, top) = tree().await;
    let whole = api.get("/ips").await;
    let (paged, pages) = api.follow("/ips?limit=3", "prefix").await;
    assert_eq!(paged, whole.all("prefix"));
    assert!(pages >= 3);
    assert_eq!(
        api.follow("/ips?limit=1&tags=Region=b", "prefix").await.0,
        ["10.3.0.0/16", "10.3.1.0/24"]
    );

    let page = api.get("/ips?limit=2").await;
    let link = page.header("link").to_owned();
    let cursor = link.split("cursor=").nth(1).unwrap().split('>').next().unwrap();
    api.get(&format!("/ips?cursor={cursor}")).await.is(200);
    for elsewhere in [
        format!("/ips?tags=Region=a&cursor={cursor}"),
        format!("/ips?prefix=10.0.0.0/8&cursor={cursor}"),
        format!("{top}/children?cursor={cursor}"),
        format!("/tags?cursor={cursor}"),
        format!("/ips?cursor={cursor}A"),
        "/ips?cursor=".to_owned(),
    ] {
        api.get(&elsewhere).await.fails(400, "InvalidCursor");
    }
}

#[actix_web::test]
async fn lookup_answers_the_chain_longest_first() {
    let (api, _) = tree().await;
    let chain = ["10.3.1.0/24", "10.3.0.0/16", "10.0.0.0/8"];
    assert_eq!(
        api.get("/ips/lookup?address=10.3.1.77").await.all("prefix"),
        chain
    );
    assert_eq!(
        api.get("/ips/lookup?address=10.3.1.0/24").await.all("prefix"),
        chain
    );
    assert_eq!(
        api.get("/ips/lookup?address=10.3.0.0/17").await.all("prefix"),
        chain[1..]
    );
    assert!(
        api.get("/ips/lookup?address=192.0.2.1")
            .await
            .all("prefix")
            .is_empty()
    );
    api.get("/ips/lookup").await.fails(400, "InvalidParameter");
    api.get("/ips/lookup?address=10.3.1.300")
        .await
        .fails(400, "InvalidPrefix");
}

#[actix_web::test]
async fn children_and_subtree_are_lists_too() {
    let (api, top) = tree().await;
    assert_eq!(api.get(&format!("{top}/children")).await.all("prefix").len(), 5);
    let (all, _) = api.follow(&format!("{top}/subtree?limit=2"), "prefix").await;
    assert_eq!(all.len(), 7);
    assert_eq!(all[..2], ["10.0.0.0/8", "10.0.0.0/16"]);
    assert_eq!(
        api.follow(&format!("{top}/children?limit=2&tags=Region=b"), "prefix")
            .await
            .0,
        ["10.3.0.0/16"]
    );
}
