//! Texts in the right place that are not what belongs there: names, prefixes, tags, ids, queries.

use super::{Witness, assert_refused};
use crate::support::{Deployment, claims, json};

claims! {
    both: [
        prefixes_that_are_not_canonical_are_refused_with_what_was_meant,
        names_of_ten_thousand_characters_and_control_characters_are_refused,
    ],
    one: [
        tags_that_are_not_defined_or_not_known_are_refused,
        ids_that_are_no_uuids_are_refused,
        queries_that_cannot_be_understood_are_refused,
        cursors_from_elsewhere_are_refused,
    ],
}

fn prefixes_that_are_not_canonical_are_refused_with_what_was_meant(at: &Deployment) {
    let witness = Witness::new(at);
    let meant = [
        ("10.1.2.3/24", "10.1.2.0/24"),
        ("10.1.2.3", "10.1.2.3/32"),
        ("010.1.0.0/16", "10.1.0.0/16"),
        ("10.1.0.0/016", "10.1.0.0/16"),
        ("10.1.00.0/16", "10.1.0.0/16"),
        ("::ffff:10.1.0.0/112", "10.1.0.0/16"),
        ("::ffff:a01:0/112", "10.1.0.0/16"),
        ("2001:db8::1/32", "2001:db8::/32"),
        ("2001:db8:1::", "2001:db8:1::/128"),
        ("10.1.0.0/255.255.0.0", "10.1.0.0/16"),
        (" 10.1.0.0/16", "10.1.0.0/16"),
        ("10.1.0.0 /16", "10.1.0.0/16"),
        ("fe80::1%eth0/64", "fe80::"),
    ];
    for (given, suggestion) in meant {
        let answer = witness.space.post("/ips", &json!({ "prefix": given }));
        let error = answer.refused(400, "InvalidPrefix");
        assert!(
            error["message"].as_str().unwrap().contains(suggestion),
            "{given}: {error}"
        );
    }
    let long = format!("10.0.0.0/{}", "0".repeat(10_000));
    for given in [
        "",
        "/",
        "10.0.0.0/",
        "/8",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/+8",
        "10.0.0.0/8/8",
        "10.0.0/8",
        "10/8",
        "10.0.0.0.0/8",
        "256.0.0.0/8",
        "0x0a.0.0.0/8",
        "10.0.0.0/8\u{0}",
        "10.0.0.0/8\n",
        "１０.0.0.0/8",
        "10.0.0.0⁄8",
        "2001:db8::/129",
        "2001:db8::g/32",
        "2001:db8:::/32",
        "1:2:3:4:5:6:7:8:9/128",
        "[2001:db8::]/32",
        "::/",
        "host/8",
        "10.0.0.0/8,11.0.0.0/8",
        "10.0.0.0-10.0.0.255",
        "*",
        "null",
        &long,
    ] {
        let answer = witness.space.post("/ips", &json!({ "prefix": given }));
        let error = answer.refused(400, "InvalidPrefix");
        assert!(error["message"].as_str().unwrap().len() < 500, "{error}");
    }
    witness.assert_untouched();
}

fn names_of_ten_thousand_characters_and_control_characters_are_refused(at: &Deployment) {
    let witness = Witness::new(at);
    let space = &witness.space;
    let long = "n".repeat(10_000);
    let wide = "\u{1f600}".repeat(10_000);
    for text in [
        &long,
        &wide,
        "a\u{0}b",
        "a\u{1b}[31mb",
        "a\u{7f}",
        "a\u{85}b",
        "a\r\nb",
    ] {
        let bodies = [
            ("/api/v1/addressspaces".to_owned(), json!({ "name": text })),
            (
                "/api/v1/addressspaces".to_owned(),
                json!({ "name": "n", "description": format!("{text}\u{7}") }),
            ),
            (
                space.path("/tags"),
                json!({ "name": text, "type": "Inheritable" }),
            ),
            (
                space.path("/tags"),
                json!({ "name": "N", "type": "Inheritable", "knownValues": [text] }),
            ),
            (
                space.path("/tags"),
                json!({ "name": "N", "type": "Inheritable", "implies": { "Owner": { text: "x" } } }),
            ),
            (
                space.path("/tags"),
                json!({ "name": "N", "type": "Inheritable", "implies": { text: { "x": "x" } } }),
            ),
            (
                space.path("/tags"),
                json!({ "name": "N", "type": "Inheritable", "attributes": { text: { "x": "x" } } }),
            ),
            (
                space.path("/ips"),
                json!({ "prefix": "10.1.0.0/16", "tags": { "Owner": text } }),
            ),
            (
                space.path("/ips"),
                json!({ "prefix": "10.1.0.0/16", "tags": { text: "x" } }),
            ),
            (
                space.path("/ips"),
                json!({ "prefix": "10.1.0.0/16", "description": format!("{text}\u{7}") }),
            ),
            (space.path("/ips"), json!({ "prefix": text })),
            (
                "/api/v1/users".to_owned(),
                json!({ "username": text, "password": "two grey cats climb trees" }),
            ),
            ("/api/v1/auth/tokens".to_owned(), json!({ "name": text })),
        ];
        for (path, body) in bodies {
            let answer = space.client.post(&path, &body);
            let error = assert_refused(&answer, &format!("{path} {:.80}", body.to_string()));
            assert_eq!(answer.status, 400, "{error}");
            let message = error["message"].as_str().unwrap();
            let clean = message.chars().count() < 1_000 && !message.chars().any(char::is_control);
            assert!(clean, "{message}");
        }
    }
    witness.assert_untouched();
    // Any script is fine where people name things.
    let name = "Größe 大きさ حجم \u{1f30d}";
    let id = space.node("10.1.0.0/16", json!({ "Owner": name }));
    space
        .put(
            &format!("/ips/{id}"),
            &json!({ "tags": { "Owner": name }, "description": name }),
        )
        .expect(200);
    assert_eq!(space.by_prefix("10.1.0.0/16")["description"], name);
}

fn tags_that_are_not_defined_or_not_known_are_refused(at: &Deployment) {
    let witness = Witness::new(at);
    let space = &witness.space;
    let node = format!("/ips/{}", witness.node);
    for (tags, code) in [
        (json!({ "Nowhere": "x" }), "UndefinedTag"),
        (json!({ "region": "eu" }), "UndefinedTag"),
        (json!({ "Region": "mars" }), "UnknownTagValue"),
        (json!({ "Region": "EU" }), "UnknownTagValue"),
    ] {
        space
            .post("/ips", &json!({ "prefix": "10.1.0.0/16", "tags": tags }))
            .refused(400, code);
        space.put(&node, &json!({ "tags": tags })).refused(400, code);
    }
    for tags in [
        json!({ "Owner": "" }),
        json!({ "Owner": " " }),
        json!({ "": "x" }),
        json!({ "Own er": "x" }),
        json!({ "Owner": "x ".repeat(200) }),
    ] {
        assert_refused(
            &space.post("/ips", &json!({ "prefix": "10.1.0.0/16", "tags": tags })),
            &tags.to_string(),
        );
        assert_refused(&space.put(&node, &json!({ "tags": tags })), &tags.to_string());
    }
    witness.assert_untouched();
}

fn ids_that_are_no_uuids_are_refused(at: &Deployment) {
    let witness = Witness::new(at);
    let client = &witness.space.client;
    let plain = witness.space.id.replace('-', "");
    let nil_like = "0".repeat(36);
    let long = "a".repeat(5_000);
    for id in [
        "x",
        "1",
        "root",
        "null",
        "-1",
        "%00",
        "%2e%2e",
        "%f0%9f%98%80",
        &plain,
        &nil_like,
        &long,
        "..%2F..%2Fusers",
    ] {
        for path in [
            format!("/api/v1/addressspaces/{id}"),
            format!("/api/v1/addressspaces/{id}/ips"),
            format!("/api/v1/addressspaces/{id}/tags"),
            witness.space.path(&format!("/ips/{id}")),
            witness.space.path(&format!("/ips/{id}/explain")),
            format!("/api/v1/users/admin/roles/{id}"),
        ] {
            assert_refused(&client.get(&path), &path);
        }
        assert_refused(&client.delete(&format!("/api/v1/addressspaces/{id}")), id);
        assert_refused(&client.delete(&format!("/api/v1/auth/tokens/{id}")), id);
    }
    client.get("/api/v1/addressspaces/x").refused(400, "InvalidId");
    client
        .get(&witness.space.path("/ips/x"))
        .refused(400, "InvalidId");
    // Upper case is the same id.
    client
        .get(&format!(
            "/api/v1/addressspaces/{}",
            witness.space.id.to_uppercase()
        ))
        .expect(200);
    witness.assert_untouched();
}

fn queries_that_cannot_be_understood_are_refused(at: &Deployment) {
    let witness = Witness::new(at);
    let long = "x".repeat(7_000);
    let queries = [
        "limit=0",
        "limit=1001",
        "limit=x",
        "limit=",
        "limit",
        "limit=%31%30%30%31",
        "unknown=1",
        "limit=1&limit=1",
        "%ff=1",
        "limit=%ff",
        "limit=%",
        "limit=%zz",
        "=1",
        "cursor=x",
        "Limit=1",
        &format!("cursor={long}"),
        &format!("{long}=1"),
        "limit=1;limit=2",
        "limit[]=1",
    ];
    for list in [
        "/api/v1/addressspaces".to_owned(),
        witness.space.path("/tags"),
        witness.space.path("/ips"),
        "/api/v1/users".to_owned(),
    ] {
        for query in &queries {
            let answer = witness.space.client.get(&format!("{list}?{query}"));
            assert_refused(&answer, &format!("{list}?{query:.60}"));
        }
    }
    for query in [
        "dryRun=1",
        "dryRun=",
        "dryRun",
        "dryRun=TRUE",
        "dryrun=true",
        "dryRun=true&dryRun=true",
        "force=true",
    ] {
        let body = json!({ "prefix": "10.1.0.0/16" });
        witness
            .space
            .post(&format!("/ips?{query}"), &body)
            .refused(400, "InvalidParameter");
        witness
            .space
            .delete(&format!("/ips/{}?{query}", witness.node))
            .refused(400, "InvalidParameter");
    }
    witness.assert_untouched();
}

fn cursors_from_elsewhere_are_refused(at: &Deployment) {
    let witness = Witness::new(at);
    let space = &witness.space;
    space.tag("Another");
    let cursor = |path: &str| {
        let next = space.client.get(path).next().unwrap();
        next.split("cursor=").nth(1).unwrap().to_owned()
    };
    let of_ips = cursor(&space.path("/ips?limit=1"));
    let of_tags = cursor(&space.path("/tags?limit=1"));
    let of_users = {
        at.user(&[]);
        cursor("/api/v1/users?limit=1")
    };
    for (list, own) in [("/ips", &of_ips), ("/tags", &of_tags)] {
        for foreign in [&of_ips, &of_tags, &of_users]
            .into_iter()
            .filter(|cursor| *cursor != own)
        {
            space
                .get(&format!("{list}?cursor={foreign}"))
                .refused(400, "InvalidCursor");
        }
        // Changed anywhere, it is refused: no cursor can be made up.
        for place in 0..own.len() {
            let mut bytes = own.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            space
                .get(&format!("{list}?cursor={changed}"))
                .refused(400, "InvalidCursor");
        }
        space
            .get(&format!("{list}?cursor={}", &own[..own.len() / 2]))
            .refused(400, "InvalidCursor");
        space.get(&format!("{list}?cursor={own}")).expect(200);
    }
    at.assert_no_panic();
}
