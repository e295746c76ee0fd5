//! `/addressspaces`.

use serde_json::json;

use crate::client::Api;

const SPACES: &str = "/api/v1/addressspaces";

#[actix_web::test]
async fn a_space_is_made_read_changed_and_deleted() {
    let api = Api::start().await;
    let made = api
        .post(SPACES, json!({ "name": "Zürich", "description": "a\nb" }))
        .await
        .is(201);
    let path = made.header("location").to_owned();
    let got = api.get(&path).await.is(200);
    assert_eq!((&got.json, got.header("etag")), (&made.json, made.header("etag")));

    let changed = api.put(&path, json!({ "name": "Zürich-2" })).await.is(200);
    assert_eq!(
        (&changed.json["name"], &changed.json["description"]),
        (&json!("Zürich-2"), &json!("a\nb"))
    );
    assert_ne!(changed.header("etag"), made.header("etag"));

    let stale = [("if-match", made.header("etag"))];
    api.raw("DELETE", &path, &stale, Vec::new())
        .await
        .fails(412, "PreconditionFailed");
    api.raw(
        "DELETE",
        &path,
        &[("if-match", changed.header("etag"))],
        Vec::new(),
    )
    .await
    .is(204);
    api.get(&path).await.fails(404, "NotFound");
}

#[actix_web::test]
async fn what_get_returned_can_be_put_back_and_nothing_else() {
    let api = Api::start().await;
    let got = api.get("").await.is(200);
    let back = api.put("", got.json.clone()).await.is(200);
    assert_eq!(back.json["name"], got.json["name"]);
    let mut wrong = got.json.clone();
    wrong["createdOn"] = json!("2020-01-01T00:00:00Z");
    assert!(
        api.put("", wrong)
            .await
            .fails(400, "ReadOnlyField")
            .starts_with("`createdOn` is read-only")
    );
}

#[actix_web::test]
async fn names_are_unique_and_checked() {
    let api = Api::start().await;
    api.post(SPACES, json!({ "name": "Corporate" }))
        .await
        .fails(409, "NameTaken");
    api.post(SPACES, json!({ "name": " " }))
        .await
        .fails(400, "InvalidName");
    api.post(SPACES, json!({ "name": "x", "description": "y".repeat(1025) }))
        .await
        .fails(400, "InvalidDescription");
}

#[actix_web::test]
async fn a_repeated_creation_is_answered_again_and_done_once() {
    let api = Api::start().await;
    let key = [("idempotency-key", "\"k-1\"")];
    let first = api
        .send(
            "POST",
            SPACES,
            &key,
            json!({ "name": "Once", "description": "d" }),
        )
        .await
        .is(201);
    assert!(first.headers.get("idempotency-replayed").is_none());
    let spelt = br#"{ "description" : "\u0064", "name":"Once"}"#.to_vec();
    let headers = [("content-type", "application/json"), ("idempotency-key", "k-1")];
    let again = api.raw("POST", SPACES, &headers, spelt).await.is(201);
    assert_eq!(
        (&again.json, again.header("location")),
        (&first.json, first.header("location"))
    );
    assert_eq!(again.header("idempotency-replayed"), "true");
    api.send("POST", SPACES, &key, json!({ "name": "Other" }))
        .await
        .fails(409, "IdempotencyMismatch");
}

#[actix_web::test]
async fn a_dry_run_shows_the_plan_and_changes_nothing() {
    let api = Api::start().await;
    let plan = api
        .post(&format!("{SPACES}?dryRun=true"), json!({ "name": "Planned" }))
        .await
        .is(200);
    assert_eq!(plan.json["changes"][0]["action"], "create");
    assert_eq!(plan.json["changes"][0]["after"]["name"], "Planned");
    assert_eq!(plan.json["conflicts"], json!([]));
    let plan = api
        .post(&format!("{SPACES}?dryRun=true"), json!({ "name": "Corporate" }))
        .await
        .is(200);
    assert_eq!(plan.json["conflicts"][0]["code"], "NameTaken");
    let plan = api.raw("DELETE", "?dryRun=true", &[], Vec::new()).await.is(200);
    assert_eq!(
        (
            &plan.json["changes"][0]["action"],
            &plan.json["changes"][0]["kind"]
        ),
        (&json!("delete"), &json!("addressSpace"))
    );
    assert_eq!(api.get(SPACES).await.all("name"), ["Corporate"]);
}

#[actix_web::test]
async fn the_list_is_filtered_by_name_and_time_and_paged() {
    let api = Api::start().await;
    for name in ["cloud-1", "Cloud-2", "site"] {
        api.post(SPACES, json!({ "name": name })).await.is(201);
    }
    assert_eq!(
        api.get(&format!("{SPACES}?nameContains=CLOUD")).await.all("name"),
        ["cloud-1", "Cloud-2"]
    );
    let (names, pages) = api
        .follow(&format!("{SPACES}?nameContains=c&limit=1"), "name")
        .await;
    assert_eq!((names.len(), pages >= 3), (3, true), "{names:?}");

    let site = api.get(&format!("{SPACES}?nameContains=site")).await.is(200).json[0]["createdOn"].clone();
    let moment = site.as_str().unwrap();
    let before = api.get(&format!("{SPACES}?createdBefore={moment}")).await;
    assert_eq!(before.all("name"), ["Corporate", "cloud-1", "Cloud-2"]);
    assert!(
        api.get(&format!("{SPACES}?createdAfter={moment}"))
            .await
            .all("name")
            .is_empty()
    );
    let offset = api
        .get(&format!("{SPACES}?createdAfter=2020-01-01T00:00:00+01:00"))
        .await;
    assert_eq!(offset.all("name").len(), 4);
}
