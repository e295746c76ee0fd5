//! What the document promises: every route, every status, references that lead somewhere, and a committed copy.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use serde_json::Value;

use super::openapi;
use crate::routes::table::{Needs, ROUTES};

fn document() -> Value {
    serde_json::to_value(openapi()).unwrap()
}

fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap();
            methods
                .iter()
                .map(move |(method, operation)| (method.to_uppercase(), path.clone(), operation))
        })
        .collect()
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let document = document();
    let described: BTreeSet<(String, String)> = operations(&document)
        .into_iter()
        .map(|(method, path, _)| (method, path))
        .collect();
    let routes: BTreeSet<(String, String)> = ROUTES
        .iter()
        .map(|route| (route.method.to_owned(), route.path.to_owned()))
        .collect();
    assert_eq!(described, routes);
}

#[test]
fn every_operation_has_a_name_of_its_own_a_summary_a_tag_and_its_path_parameters() {
    let document = document();
    let mut ids = BTreeSet::new();
    let known: Vec<&Value> = document["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| &tag["name"])
        .collect();
    for (method, path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(
            ids.insert(id.to_owned()),
            "{method} {path}: operationId {id} is there twice"
        );
        assert!(
            operation["summary"].as_str().is_some_and(|text| !text.is_empty()),
            "{method} {path}"
        );
        let tags = operation["tags"].as_array().unwrap();
        assert!(
            tags.iter().all(|tag| known.contains(&tag)),
            "{method} {path}: {tags:?}"
        );
        let none = Vec::new();
        let declared: BTreeSet<&str> = operation["parameters"]
            .as_array()
            .unwrap_or(&none)
            .iter()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        let used: BTreeSet<&str> = path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        assert_eq!(declared, used, "{method} {path}");
    }
}

#[test]
fn every_operation_says_who_may_call_it_and_what_can_go_wrong() {
    let document = document();
    for (method, path, operation) in operations(&document) {
        let route = ROUTES
            .iter()
            .find(|route| route.method == method && route.path == path)
            .unwrap();
        let open = operation["security"].as_array().unwrap().is_empty();
        assert_eq!(open, route.needs == Needs::Public, "{method} {path}");
        let statuses = operation["responses"].as_object().unwrap();
        let mut expected = vec!["403", "429", "503"];
        if !open {
            expected.extend(["400", "401"]);
        }
        if operation.get("requestBody").is_some() {
            expected.extend(["400", "408", "413", "415"]);
        }
        if path.contains('{') {
            expected.push("404");
        }
        for status in expected {
            assert!(statuses.contains_key(status), "{method} {path} lacks {status}");
        }
        assert!(
            statuses.keys().any(|status| status.starts_with('2')),
            "{method} {path}"
        );
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(value: &Value, document: &Value) {
        match value {
            Value::Object(object) => {
                if let Some(Value::String(target)) = object.get("$ref") {
                    let pointer = target.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{target} leads nowhere");
                }
                object.values().for_each(|inner| walk(inner, document));
            }
            Value::Array(items) => items.iter().for_each(|inner| walk(inner, document)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let document = document();
    walk(&document, &document);
}

#[test]
fn bodies_refuse_unknown_fields_in_the_document_too() {
    let document = document();
    for (method, path, operation) in operations(&document) {
        // Files are not JSON.
        let json = operation.pointer("/requestBody/content/application~1json");
        assert_eq!(
            json.is_none() && operation.get("requestBody").is_some(),
            path.ends_with("/import"),
            "{method} {path}"
        );
        if let Some(json) = json {
            let target = json["schema"]["$ref"].as_str().unwrap();
            let schema = document.pointer(&target[1..]).unwrap();
            assert_eq!(
                schema["additionalProperties"],
                Value::Bool(false),
                "{method} {path}: {target}"
            );
        }
    }
}

#[test]
fn no_map_has_lost_its_name() {
    let document = document();
    let text = document.to_string();
    assert!(
        !text.contains("schemas/BTreeMap"),
        "an alias of a map needs a name: see schemas.rs"
    );
    let schemas = &document["components"]["schemas"];
    assert_eq!(
        schemas["Ip"]["properties"]["tags"]["$ref"],
        "#/components/schemas/TagMap"
    );
    assert_eq!(schemas["ValueMaps"]["additionalProperties"]["type"], "object");
    assert_eq!(
        schemas["TagCreate"]["required"],
        serde_json::json!(["name", "type"])
    );
}

#[test]
fn optional_headers_are_optional_and_not_null() {
    let document = document();
    for (method, path, operation) in operations(&document) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let required = parameter["in"] == "path"
                || parameter["name"] == "address"
                || parameter["name"] == "q"
                || (parameter["name"] == "prefix" && path.ends_with("/history"));
            assert_eq!(
                parameter["required"], required,
                "{method} {path}: {}",
                parameter["name"]
            );
            assert!(
                parameter["schema"]["type"].is_string(),
                "{method} {path}: {}",
                parameter["name"]
            );
        }
    }
}

#[test]
fn the_document_says_3_1_its_version_and_its_license() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(
        document["info"]["license"]["identifier"],
        env!("CARGO_PKG_LICENSE")
    );
    assert_eq!(
        document["components"]["securitySchemes"]["bearer"]["scheme"],
        "bearer"
    );
}

#[test]
fn the_committed_copy_is_this_document() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let ours = openapi().to_pretty_json().unwrap();
    assert!(
        committed.trim() == ours.trim(),
        "docs/openapi.json is not what the code says. Look at the difference and, if it is meant, update it:\n    \
         cargo run -p cadastre -- openapi > docs/openapi.json"
    );
}
