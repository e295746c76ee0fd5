//! GraphQL over HTTP: methods, media types, statuses, limits, and the page.

use serde_json::{Value, json};

use crate::client::Api;

#[actix_web::test]
async fn nobody_asks_without_a_token() {
    let api = Api::start().await;
    let stranger = api.without_token();
    for (method, path) in [
        ("POST", "/graphql"),
        ("GET", "/graphql?query=%7B__typename%7D"),
        ("GET", "/graphql"),
    ] {
        let refused = stranger
            .rest(method, path, json!({ "query": "{ __typename }" }))
            .await;
        assert_eq!(
            (refused.status, &refused.json["error"]["code"]),
            (401, &json!("Unauthenticated")),
            "{method}"
        );
        assert_eq!(refused.header("www-authenticate"), "Bearer");
    }
}

#[actix_web::test]
async fn queries_are_asked_with_get_too_and_mutations_are_not() {
    let api = Api::start().await;
    api.pool("One", "203.0.113.0/24").await;
    let path = "/graphql?query=query%20q(%24n%3AInt)%7BipPools(limit%3A%24n)%7BpoolName%7D%7D&variables=%7B%22n%22%3A1%7D\
                &operationName=q";
    let found = api.raw("GET", path, &[], Vec::new()).await;
    assert_eq!(found.data(), json!({ "ipPools": [{ "poolName": "One" }] }));
    let change = api
        .raw(
            "GET",
            "/graphql?query=mutation%7BdeleteSubscriber(id%3A%22a%22)%7D",
            &[],
            Vec::new(),
        )
        .await;
    assert_eq!(
        (change.status, &change.json["error"]["code"]),
        (405, &json!("MethodNotAllowed"))
    );
    assert_eq!(change.header("allow"), "GET, HEAD, POST");
    let empty = api.raw("GET", "/graphql", &[], Vec::new()).await;
    assert_eq!(
        (empty.status, empty.error().0.as_str()),
        (400, "InvalidParameter")
    );
    let variables = api
        .raw(
            "GET",
            "/graphql?query=%7B__typename%7D&variables=x",
            &[],
            Vec::new(),
        )
        .await;
    assert_eq!(
        (variables.status, variables.error().0.as_str()),
        (400, "InvalidParameter")
    );
}

#[actix_web::test]
async fn what_is_not_run_is_a_400_without_data() {
    let api = Api::start().await;
    for (query, code) in [
        ("{ ipPools { ", "InvalidQuery"),
        ("{ nothing }", "InvalidQuery"),
        ("{ ipPools { id nothing } }", "InvalidQuery"),
        ("{ ipPools(limit: \"x\") { id } }", "InvalidQuery"),
        (
            "mutation { reserveIP(input: { wrong: 1 }) { id } }",
            "InvalidQuery",
        ),
        ("query a { __typename } query b { __typename }", "InvalidQuery"),
        ("", "InvalidQuery"),
    ] {
        let refused = api.ask(query, json!({})).await;
        let errors = refused.json["errors"].as_array().unwrap();
        assert_eq!(
            (refused.status, &errors[0]["extensions"]["code"]),
            (400, &json!(code)),
            "{query}: {refused:?}"
        );
        assert!(refused.json.get("data").is_none(), "{query}");
        assert!(errors[0]["message"].as_str().unwrap().len() < 500);
    }
    let missing = api
        .ask("query($id: ID!) { ipPool(id: $id) { id } }", json!({}))
        .await;
    assert_eq!(missing.status, 400, "{missing:?}");
}

#[actix_web::test]
async fn bodies_are_read_as_strictly_as_those_of_other_calls_and_batches_are_refused() {
    let api = Api::start().await;
    let json_type = [("content-type", "application/json")];
    for (body, code) in [
        ("{", "MalformedRequest"),
        ("{}", "MalformedRequest"),
        (r#"{"query":5}"#, "MalformedRequest"),
        (r#"{"query":"{ __typename }","variable":{}}"#, "UnknownField"),
        (r#" [{"query":"{ __typename }"}]"#, "MalformedRequest"),
    ] {
        let refused = api
            .raw("POST", "/graphql", &json_type, body.as_bytes().to_vec())
            .await;
        assert_eq!(
            (refused.status, refused.error().0.as_str()),
            (400, code),
            "{body}"
        );
        if body.starts_with(" [") {
            let message = refused.error().1["message"].as_str().unwrap().to_owned();
            assert!(message.contains("several operations"), "{message}");
        }
    }
    let text = api
        .raw(
            "POST",
            "/graphql",
            &[("content-type", "application/graphql")],
            b"{ __typename }".to_vec(),
        )
        .await;
    assert_eq!(
        (text.status, text.error().0.as_str()),
        (415, "UnsupportedMediaType")
    );
    let null = api
        .rest(
            "POST",
            "/graphql",
            json!({ "query": "{ __typename }", "variables": null, "operationName": null }),
        )
        .await;
    assert_eq!(null.data(), json!({ "__typename": "Query" }));
    let large = format!("{{\"query\":\"{{ __typename }}{}\"}}", " ".repeat(1_100_000));
    assert_eq!(
        api.raw("POST", "/graphql", &json_type, large.into_bytes())
            .await
            .status,
        413
    );
}

#[actix_web::test]
async fn a_document_too_deep_or_too_dear_is_refused_and_nothing_runs() {
    let api = Api::start().await;
    let mut deep = "poolName".to_owned();
    for level in 0..29 {
        let field = ["pool", "nodes", "reservations(first: 1)"][level % 3];
        deep = format!("{field} {{ {deep} }}");
    }
    api.reads();
    let refused = api.ask(&format!("{{ {deep} }}"), json!({})).await;
    let (code, error) = refused.error();
    assert_eq!((refused.status, code.as_str()), (400, "QueryTooLarge"));
    assert_eq!(
        error["extensions"]["details"],
        json!({ "limited": "depth", "limit": 12 })
    );
    assert!(
        error["message"].as_str().unwrap().contains("30 levels"),
        "{error}"
    );

    let changes: String = (0..200)
        .map(|n| format!("a{n}: createIPPool(input: {{ poolName: \"{n}\", poolType: IPV4_PRIVATE, networkCidr: \"10.{n}.0.0/24\" }}) {{ id }} "))
        .collect();
    let refused = api.ask(&format!("mutation {{ {changes} }}"), json!({})).await;
    let (code, error) = refused.error();
    assert_eq!((refused.status, code.as_str()), (400, "QueryTooLarge"));
    assert_eq!(error["extensions"]["details"]["limited"], "cost");
    assert!(api.reads().is_empty());
    assert_eq!(
        api.data("{ ipPools { id } }", json!({})).await,
        json!({ "ipPools": [] })
    );
    let brackets = format!("{{ ipPools(after: {}", "[".repeat(100_000));
    assert_eq!(api.ask(&brackets, json!({})).await.error().0, "QueryTooLarge");
}

#[actix_web::test]
async fn who_may_call_may_ask_for_the_schema() {
    let api = Api::start().await;
    let told = api
        .data(
            "{ __schema { queryType { name } subscriptionType { name } } __type(name: \"BigInt\") { kind } }",
            json!({}),
        )
        .await;
    assert_eq!(told["__type"]["kind"], "SCALAR");
    assert_eq!(told["__schema"]["subscriptionType"]["name"], "Subscription");
}

#[actix_web::test]
async fn an_answer_has_the_media_type_that_the_client_understands() {
    let api = Api::start().await;
    let body = json!({ "query": "{ ipPool(id: \"x\") { id } }" })
        .to_string()
        .into_bytes();
    let plain = api
        .raw(
            "POST",
            "/graphql",
            &[("content-type", "application/json")],
            body.clone(),
        )
        .await;
    assert_eq!(
        (plain.status, plain.header("content-type")),
        (200, "application/json")
    );
    let modern = [
        ("content-type", "application/json"),
        (
            "accept",
            "application/graphql-response+json, application/json;q=0.9",
        ),
    ];
    let modern = api.raw("POST", "/graphql", &modern, body).await;
    assert_eq!(
        (modern.status, modern.header("content-type")),
        (200, "application/graphql-response+json")
    );
    assert_eq!(
        (&modern.json["data"], modern.header("cache-control")),
        (&json!({ "ipPool": null }), "no-store")
    );
}

#[actix_web::test]
async fn a_browser_gets_a_page_without_a_token() {
    let api = Api::start().await;
    let stranger = api.without_token();
    let accept = [(
        "accept",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    )];
    let page = stranger.raw("GET", "/graphql", &accept, Vec::new()).await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, "text/html; charset=utf-8")
    );
    assert!(
        page.header("content-security-policy")
            .contains("script-src 'sha256-")
    );
    assert!(page.text.contains("<textarea") && page.json == Value::Null);
}
