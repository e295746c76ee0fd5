//! One box that takes anything: each reading of a text, what a caller may find, pages, and texts that cannot be read.

use serde_json::{Value, json};

use crate::client::{Answer, Api};

const SEARCH: &str = "/api/v1/search";

/// 10.0.0.0/8 (Region=EuropeWest) over 10.1.0.0/16 over 10.1.2.0/24 (Site=AMS-1) over 10.1.2.3/32; 10.2.0.0/16
/// (Site=ams-2); 2001:db8::/32.
async fn plan(api: &Api) {
    api.tag("Region").await;
    api.tag("Site").await;
    for (prefix, tags) in [
        ("10.0.0.0/8", json!({ "Region": "EuropeWest" })),
        ("10.1.0.0/16", json!({})),
        ("10.1.2.0/24", json!({ "Site": "AMS-1" })),
        ("10.1.2.3/32", json!({})),
        ("10.2.0.0/16", json!({ "Site": "ams-2" })),
        ("2001:db8::/32", json!({})),
    ] {
        api.node(prefix, tags).await;
    }
}

/// Kind, reason and name or prefix of every result.
#[track_caller]
fn told(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let tell = |found: &Value| {
        // What was found is of its type, which refuses nothing that it does not know: compare it whole.
        let typed: cadastre_api_types::public::SearchResult = serde_json::from_value(found.clone()).unwrap();
        assert_eq!(serde_json::to_value(&typed).unwrap(), *found);
        let kind = found["kind"].as_str().unwrap();
        let name = if kind == "ip" { "prefix" } else { "name" };
        assert_eq!(
            ["space", "tag", "ip"].map(|field| found.get(field).is_some()),
            ["space", "tag", "ip"].map(|field| field == kind)
        );
        format!(
            "{kind} {} {}",
            found["match"].as_str().unwrap(),
            found[kind][name].as_str().unwrap()
        )
    };
    answer.json.as_array().unwrap().iter().map(tell).collect()
}

async fn find(api: &Api, query: &str) -> Vec<String> {
    told(&api.get(&format!("{SEARCH}?q={query}")).await)
}

fn id(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

#[actix_web::test]
async fn an_address_finds_what_contains_it_longest_first() {
    let api = Api::start().await;
    plan(&api).await;
    let around = [
        "ip address 10.1.2.3/32",
        "ip address 10.1.2.0/24",
        "ip address 10.1.0.0/16",
        "ip address 10.0.0.0/8",
    ];
    assert_eq!(find(&api, "10.1.2.3").await, around);
    assert_eq!(
        find(&api, "10.1.2.3/16").await,
        around,
        "the address of an interface"
    );
    assert_eq!(find(&api, "%2010.1.2.9%20").await, around[1..]);
    assert_eq!(find(&api, "2001:DB8::1").await, ["ip address 2001:db8::/32"]);
    assert!(find(&api, "192.0.2.1").await.is_empty());

    let found = &api.get(&format!("{SEARCH}?q=10.2.0.1")).await.json[0];
    assert_eq!(found["addressSpaceId"], id(&api.space));
    assert_eq!(found["addressSpaceName"], "Corporate");
    assert_eq!(
        found["ip"]["resolvedTags"],
        json!({ "Region": "EuropeWest", "Site": "ams-2" })
    );
    let read = api
        .get(&format!("/ips/{}", found["ip"]["id"].as_str().unwrap()))
        .await;
    assert_eq!(found["ip"], read.json);
}

#[actix_web::test]
async fn a_prefix_finds_its_node_and_what_contains_it_and_a_beginning_what_lies_in_it() {
    let api = Api::start().await;
    plan(&api).await;
    assert_eq!(
        find(&api, "10.1.0.0/16").await,
        ["ip prefix 10.1.0.0/16", "ip prefix 10.0.0.0/8"]
    );
    assert_eq!(find(&api, "10.9.0.0/16").await, ["ip prefix 10.0.0.0/8"]);
    let inside = [
        "ip prefix 10.1.0.0/16",
        "ip prefix 10.1.2.0/24",
        "ip prefix 10.1.2.3/32",
    ];
    for beginning in ["10.1", "10.1."] {
        assert_eq!(find(&api, beginning).await, inside, "{beginning}");
    }
    assert_eq!(find(&api, "2001:").await, ["ip prefix 2001:db8::/32"]);
}

#[actix_web::test]
async fn names_and_values_are_found_by_their_beginning_in_any_case() {
    let api = Api::start().await;
    plan(&api).await;
    assert_eq!(find(&api, "cORP").await, ["space name Corporate"]);
    assert_eq!(find(&api, "SITE").await, ["tag name Site"]);
    assert_eq!(
        find(&api, "ams").await,
        ["ip value 10.1.2.0/24", "ip value 10.2.0.0/16"]
    );
    assert_eq!(find(&api, "site%3DAMS-2").await, ["ip value 10.2.0.0/16"]);
    assert_eq!(find(&api, "Site=").await.len(), 2);
    assert_eq!(
        find(&api, "europe").await,
        ["ip value 10.0.0.0/8"],
        "where it is set"
    );
    assert!(find(&api, "orporate").await.is_empty());
    let found = &api.get(&format!("{SEARCH}?q=ams-2")).await.json[0];
    assert_eq!(found["setting"], json!({ "tag": "Site", "value": "ams-2" }));
}

#[actix_web::test]
async fn an_id_finds_what_has_it() {
    let api = Api::start().await;
    plan(&api).await;
    let node = api.node("10.7.0.0/16", json!({})).await;
    assert_eq!(find(&api, id(&node)).await, ["ip id 10.7.0.0/16"]);
    assert_eq!(
        find(&api, &id(&api.space).to_uppercase()).await,
        ["space id Corporate"]
    );
    assert!(
        find(&api, "0198a2b4-5c6d-7e8f-9012-3456789abcde")
            .await
            .is_empty()
    );
}

#[actix_web::test]
async fn a_caller_finds_what_they_may_read_and_nothing_else() {
    let api = Api::start().await;
    plan(&api).await;
    let other = api
        .post("/api/v1/addressspaces", json!({ "name": "Corp-Secret" }))
        .await
        .is(201)
        .header("location")
        .to_owned();
    api.post(
        &format!("{other}/tags"),
        json!({ "name": "Site", "type": "Inheritable" }),
    )
    .await
    .is(201);
    let hidden = json!({ "prefix": "10.0.0.0/8", "tags": { "Site": "ams-9" } });
    let hidden = api.post(&format!("{other}/ips"), hidden).await.is(201);
    let hidden = id(hidden.header("location")).to_owned();
    assert_eq!(find(&api, "10.1.2.3").await.len(), 5);

    let viewer = api.as_user("eve", "AddressSpaceViewer", None).await;
    assert_eq!(find(&viewer, "10.1.2.3").await.len(), 4);
    assert_eq!(find(&viewer, "corp").await, ["space name Corporate"]);
    assert_eq!(find(&viewer, "ams").await.len(), 2);
    for unseen in [id(&other), &hidden] {
        assert!(find(&viewer, unseen).await.is_empty());
    }
    let of_hidden = viewer
        .get(&format!("{SEARCH}?q=ams&addressSpaceId={}", id(&other)))
        .await;
    let of_none = viewer
        .get(&format!(
            "{SEARCH}?q=ams&addressSpaceId=0198a2b4-5c6d-7e8f-9012-3456789abcde"
        ))
        .await;
    assert_eq!(of_hidden.fails(404, "NotFound"), of_none.fails(404, "NotFound"));

    let operator = api
        .as_user("ada", "AddressSpaceOperator", Some("10.1.2.0/24"))
        .await;
    let found = operator.get(&format!("{SEARCH}?q=10.1.2.3")).await;
    assert_eq!(told(&found).len(), 4);
    assert!(found.json[0]["ip"].get("createdOn").is_some());
    assert!(
        found.json[3]["ip"].get("createdOn").is_none(),
        "of the chain above prefix and tags"
    );
    assert_eq!(find(&operator, "ams").await, ["ip value 10.1.2.0/24"]);
    assert_eq!(find(&operator, "Region=Eu").await, ["ip value 10.0.0.0/8"]);
    assert_eq!(find(&operator, "10.2.0.0/16").await, ["ip prefix 10.0.0.0/8"]);
    assert!(find(&operator, "10.2.").await.is_empty());
    assert_eq!(find(&operator, "10.1.").await.len(), 3);
    assert_eq!(find(&operator, "site").await, ["tag name Site"]);
}

#[actix_web::test]
async fn kinds_and_a_space_narrow_the_search() {
    let api = Api::start().await;
    plan(&api).await;
    api.node("10.3.0.0/16", json!({ "Site": "Corporate" })).await;
    assert_eq!(
        find(&api, "corp").await,
        ["space name Corporate", "ip value 10.3.0.0/16"]
    );
    assert_eq!(find(&api, "corp&kinds=space,tag").await, ["space name Corporate"]);
    assert_eq!(find(&api, "corp&kinds=ip").await, ["ip value 10.3.0.0/16"]);
    let here = id(&api.space);
    assert_eq!(find(&api, &format!("corp&addressSpaceId={here}")).await.len(), 2);
}

#[actix_web::test]
async fn pages_lead_through_everything_once_and_cursors_stay_with_their_search() {
    let api = Api::start().await;
    plan(&api).await;
    for text in ["10.1.2.3", "10.", "s", "Site="] {
        let whole = api.get(&format!("{SEARCH}?q={text}")).await;
        let (mut paged, mut next) = (Vec::new(), format!("{SEARCH}?q={text}&limit=1"));
        loop {
            let page = api.get(&next).await.is(200);
            paged.extend(page.json.as_array().unwrap().clone());
            let Some(link) = page.headers.get("link") else {
                break;
            };
            let link = link.to_str().unwrap();
            link.trim_start_matches('<')
                .split('>')
                .next()
                .unwrap()
                .clone_into(&mut next);
        }
        assert_eq!(json!(paged), whole.json, "{text}");
        assert!(whole.headers.get("link").is_none());
    }
    let page = api.get(&format!("{SEARCH}?q=10.&limit=2")).await;
    let cursor = page
        .header("link")
        .split("cursor=")
        .nth(1)
        .unwrap()
        .split('>')
        .next()
        .unwrap()
        .to_owned();
    api.get(&format!("{SEARCH}?q=10.&cursor={cursor}")).await.is(200);
    for elsewhere in [
        format!("{SEARCH}?q=10.1&cursor={cursor}"),
        format!("{SEARCH}?q=10.&kinds=ip&cursor={cursor}"),
        format!("{SEARCH}?q=10.&cursor={cursor}A"),
        format!("{SEARCH}?q=10.&cursor="),
        format!("/ips?cursor={cursor}"),
    ] {
        api.get(&elsewhere).await.fails(400, "InvalidCursor");
    }
}

#[actix_web::test]
async fn what_cannot_be_looked_for_is_answered_with_what_can() {
    let api = Api::start().await;
    let refused = async |query: &str| {
        api.get(&format!("{SEARCH}{query}"))
            .await
            .fails(400, "InvalidParameter")
    };
    assert_eq!(
        refused("").await,
        "`q` is missing; write ?q=10.1.2.3, or whatever else is looked for."
    );
    for empty in ["?q=", "?q", "?q=%20%20"] {
        assert!(
            refused(empty)
                .await
                .starts_with("There is nothing to look for; give an address")
        );
    }
    let long = refused(&format!("?q={}", "x".repeat(257))).await;
    assert!(
        long.contains("at most 256 characters, this one has 257"),
        "{long}"
    );
    assert!(refused("?q=a%00b").await.contains("control character"));
    assert!(refused("?q=x&kind=ip").await.contains("did you mean `kinds`?"));
    let kinds = refused("?q=x&kinds=space,ips").await;
    assert!(
        kinds.contains("did you mean `ip`?") && kinds.contains("kinds=space,ip"),
        "{kinds}"
    );
    refused("?q=x&kinds=").await;
    refused("?q=x&kinds=space,").await;
    assert!(
        refused("?q=x&addressSpaceId=Corporate")
            .await
            .contains("the id of an address space")
    );
    refused("?q=x&limit=1001").await;
    refused("?q=x&q=y").await;
    refused("?q=%ff").await;
    // As long as can be, in letters that take the most room: found nowhere, and no fault.
    for letter in ["x", "%C3%A9", "%E4%BA%AC", "%F0%9F%92%A5", "_"] {
        api.get(&format!("{SEARCH}?q={}", letter.repeat(256)))
            .await
            .is(200);
        api.get(&format!("{SEARCH}?q=Region={}", letter.repeat(249)))
            .await
            .is(200);
    }
    api.post(SEARCH, json!({})).await.fails(405, "MethodNotAllowed");
}
