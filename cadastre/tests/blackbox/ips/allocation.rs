//! Taking what is free: over HTTP, by many at once, across a kill.

use std::collections::BTreeSet;

use reqwest::Method;

use crate::support::{Deployment, Space, Value, claims, json};

claims! {
    both: [
        free_prefixes_are_taken_between_those_that_are_there,
        many_clients_never_get_the_same_address,
        the_same_key_takes_once,
        what_is_available_and_how_much_is_used_is_told_exactly,
    ],
    one: [
        what_cannot_be_taken_is_refused_with_what_there_is,
        an_allocation_by_tags_uses_the_first_nodes_with_room,
        a_dry_run_takes_nothing,
    ],
}

fn allocate(space: &Space, node: &str, body: &Value) -> Value {
    space
        .post(&format!("/ips/{node}/allocate"), body)
        .expect(201)
        .json()
}

fn prefixes(nodes: &Value) -> Vec<String> {
    let nodes = nodes.as_array().unwrap();
    nodes
        .iter()
        .map(|node| node["prefix"].as_str().unwrap().to_owned())
        .collect()
}

fn free_prefixes_are_taken_between_those_that_are_there(at: &Deployment) {
    let space = at.space();
    space.tag("Owner");
    let top = space.node("10.0.0.0/8", json!({ "Owner": "net" }));
    space.node("10.0.1.0/24", json!({}));
    let taken = allocate(
        &space,
        &top,
        &json!({ "prefixLength": 24, "count": 2, "description": "Lab" }),
    );
    assert_eq!(prefixes(&taken), ["10.0.0.0/24", "10.0.2.0/24"]);
    assert_eq!(taken[0]["resolvedTags"], json!({ "Owner": "net" }));
    assert_eq!(
        (&taken[0]["parentId"], &taken[1]["description"]),
        (&json!(top), &json!("Lab"))
    );
    let id = taken[1]["id"].as_str().unwrap();
    assert_eq!(space.get(&format!("/ips/{id}")).ok(), taken[1]);

    let six = space.node("2001:db8::/32", json!({}));
    let sparse = json!({ "prefixLength": 56, "count": 4, "strategy": "sparse" });
    assert_eq!(
        prefixes(&allocate(&space, &six, &sparse)),
        [
            "2001:db8::/56",
            "2001:db8:8000::/56",
            "2001:db8:4000::/56",
            "2001:db8:c000::/56"
        ]
    );
}

fn many_clients_never_get_the_same_address(at: &Deployment) {
    let space = at.space();
    let pool = space.node("10.0.0.0/16", json!({}));
    let body = json!({ "prefixLength": 32 });
    let all: Vec<String> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..16)
            .map(|_| {
                scope.spawn(|| {
                    (0..20)
                        .flat_map(|_| prefixes(&allocate(&space, &pool, &body)))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        clients
            .into_iter()
            .flat_map(|client| client.join().unwrap())
            .collect()
    });
    let different: BTreeSet<&String> = all.iter().collect();
    assert_eq!((all.len(), different.len()), (320, 320));
    let used = space.get(&format!("/ips/{pool}/utilization")).ok();
    assert_eq!((&used["children"], &used["used"]), (&json!("320"), &json!("320")));
}

fn the_same_key_takes_once(at: &Deployment) {
    let space = at.space();
    let pool = space.node("10.0.0.0/24", json!({}));
    let path = space.path(&format!("/ips/{pool}/allocate"));
    let send = |count: u32| {
        space
            .client
            .request(Method::POST, &path)
            .header("Idempotency-Key", "take-once")
            .json(&json!({ "prefixLength": 32, "count": count }))
            .send()
    };
    let first = send(3).expect(201);
    let again = send(3).expect(201);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.json(), first.json());
    send(2).refused(409, "IdempotencyMismatch");
    let used = space.get(&format!("/ips/{pool}/utilization")).ok();
    assert_eq!(used["children"], "3");
}

fn what_is_available_and_how_much_is_used_is_told_exactly(at: &Deployment) {
    let space = at.space();
    let node = space.node("10.0.0.0/22", json!({}));
    space.node("10.0.1.0/24", json!({}));
    space.node("10.0.1.7/32", json!({}));
    let blocks = space.get(&format!("/ips/{node}/available")).ok();
    assert_eq!(
        blocks,
        json!([
            { "prefix": "10.0.0.0/24", "addresses": "256" },
            { "prefix": "10.0.2.0/23", "addresses": "512" },
        ])
    );
    let fitting = space.get(&format!("/ips/{node}/available?prefixLength=23")).ok();
    assert_eq!(
        fitting,
        json!([{ "prefix": "10.0.2.0/23", "addresses": "512", "fits": "1" }])
    );
    let used = space.get(&format!("/ips/{node}/utilization")).ok();
    assert_eq!(
        used,
        json!({
            "prefix": "10.0.0.0/22", "total": "1024", "used": "256", "free": "768", "percent": 25.0,
            "children": "1", "childrenByLength": { "24": "1" },
            "largestFree": { "prefixLength": 23, "addresses": "512" },
            "freeBlocksByLength": { "23": "1", "24": "1" }, "fragmentation": 0.3333,
        })
    );
    let all = space.node("::/0", json!({}));
    let used = space.get(&format!("/ips/{all}/utilization")).ok();
    assert_eq!(used["total"], "340282366920938463463374607431768211456");
}

fn what_cannot_be_taken_is_refused_with_what_there_is(at: &Deployment) {
    let space = at.space();
    let node = space.node("10.0.0.0/24", json!({}));
    space.node("10.0.0.0/25", json!({}));
    let ask = |body: Value| space.post(&format!("/ips/{node}/allocate"), &body);
    let refused = ask(json!({ "prefixLength": 25, "count": 2 })).refused(409, "Depleted");
    assert_eq!(refused["details"]["largestFreePrefixLength"], 25);
    for body in [
        json!({ "prefixLength": 24 }),
        json!({ "prefixLength": 33 }),
        json!({ "prefixLength": 26, "count": 0 }),
        json!({ "prefixLength": 26, "count": 1001 }),
    ] {
        ask(body).refused(400, "InvalidAllocation");
    }
    ask(json!({ "prefixLength": 300 })).refused(400, "MalformedRequest");
    ask(json!({ "prefixLength": 26, "size": 1 })).refused(400, "UnknownField");
    ask(json!({ "prefixLength": 26, "tags": { "No": "x" } })).refused(400, "UndefinedTag");
    let host = space.node("10.9.9.9/32", json!({}));
    space
        .post(&format!("/ips/{host}/allocate"), &json!({ "prefixLength": 32 }))
        .refused(400, "InvalidAllocation");
    let available = |query: &str| space.get(&format!("/ips/{node}/available?{query}"));
    available("prefixLength=8").refused(400, "InvalidAllocation");
    available("prefixLength=x").refused(400, "InvalidParameter");
    available("cursor=AAAA").refused(400, "InvalidCursor");
    assert_eq!(
        space.get(&format!("/ips/{node}/utilization")).ok()["children"],
        "1"
    );
}

fn an_allocation_by_tags_uses_the_first_nodes_with_room(at: &Deployment) {
    let space = at.space();
    space.tag("Pool");
    space.node("10.0.0.0/30", json!({ "Pool": "dsl" }));
    space.node("10.1.0.0/24", json!({ "Pool": "dsl" }));
    let body = json!({ "where": { "Pool": "dsl" }, "prefixLength": 32, "count": 3 });
    let taken = space.post("/allocate", &body).expect(201).json();
    assert_eq!(prefixes(&taken), ["10.0.0.1/32", "10.0.0.2/32", "10.1.0.1/32"]);
    let body = json!({ "where": { "Pool": "fibre" }, "prefixLength": 32 });
    space.post("/allocate", &body).refused(409, "Depleted");
    space
        .post("/allocate", &json!({ "where": {}, "prefixLength": 32 }))
        .refused(400, "InvalidAllocation");
}

fn a_dry_run_takes_nothing(at: &Deployment) {
    let space = at.space();
    let node = space.node("10.0.0.0/24", json!({}));
    let body = json!({ "prefixLength": 26, "count": 2 });
    let plan = space
        .post(&format!("/ips/{node}/allocate?dryRun=true"), &body)
        .expect(200)
        .json();
    let names: Vec<&str> = plan["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["10.0.0.0/26", "10.0.0.64/26"]);
    assert_eq!(
        space.get(&format!("/ips/{node}/utilization")).ok()["children"],
        "0"
    );
}
