//! Bodies, media types and methods that are not as they should be.

use serde_json::json;

use crate::client::Api;

#[actix_web::test]
async fn whatever_is_wrong_with_a_body_is_said() {
    let api = Api::start().await;
    let json = [("content-type", "application/json")];
    let post = |headers: &'static [(&'static str, &'static str)], body: &str| {
        api.raw("POST", "/ips", headers, body.as_bytes().to_vec())
    };
    const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
    post(JSON, "{\"prefix\":").await.fails(400, "MalformedRequest");
    post(JSON, "{\"prefix\":\"10.0.0.0/8\",\"prefix\":\"10.0.0.0/8\"}")
        .await
        .fails(400, "MalformedRequest");
    let empty = post(JSON, "").await.fails(400, "MalformedRequest");
    assert!(empty.contains("`prefix`"), "{empty}");
    let unknown = post(JSON, "{\"prefix\":\"10.0.0.0/8\",\"parentID\":null}")
        .await
        .fails(400, "UnknownField");
    assert!(unknown.contains("did you mean `parentId`?"), "{unknown}");
    let typed = post(JSON, "{\"prefix\":8}").await.fails(400, "MalformedRequest");
    assert_eq!(typed, "`prefix` is a number; it must be a string.");
    post(&[], "{\"prefix\":\"10.0.0.0/8\"}")
        .await
        .fails(415, "UnsupportedMediaType");
    post(&[("content-type", "text/plain")], "{}")
        .await
        .fails(415, "UnsupportedMediaType");
    let large = format!("{{\"prefix\":\"{}\"}}", "1".repeat(1 << 20));
    api.raw("POST", "/ips", &json, large.into_bytes())
        .await
        .fails(413, "PayloadTooLarge");
    api.raw("POST", "/ips", &json, vec![0xff, 0xfe, 0x00])
        .await
        .fails(400, "MalformedRequest");
}

#[actix_web::test]
async fn headers_and_parameters_are_checked_on_every_call() {
    let api = Api::start().await;
    let body = json!({ "prefix": "10.0.0.0/8" });
    api.send("POST", "/ips", &[("idempotency-key", "a b")], body.clone())
        .await
        .fails(400, "InvalidHeader");
    api.send("POST", "/ips?dryrun=true", &[], body.clone())
        .await
        .fails(400, "InvalidParameter");
    api.send("POST", "/ips?dryRun=yes", &[], body)
        .await
        .fails(400, "InvalidParameter");
    api.get("?x=1").await.fails(400, "InvalidParameter");
    assert_eq!(api.raw("PATCH", "/ips", &[], Vec::new()).await.status, 405);
    assert!(api.get("/ips").await.is(200).all("prefix").is_empty());
}
