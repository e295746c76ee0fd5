//! Tokens that are not ours, not any more, or not of the kind they say.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};

use super::Witness;
use crate::support::{Client, Deployment, Launch, Shape, Value, claims, json};

claims! {
    both: [forged_and_changed_access_tokens_open_nothing],
    one: [an_authorization_header_that_is_no_bearer_token_opens_nothing, api_tokens_cannot_be_made_up],
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A client of its own for every try: bad tokens are counted against the address they come from.
#[track_caller]
fn assert_shut(at: &Deployment, witness: &Witness<'_>, token: &str, why: &str) {
    let client: Client = at.client().with_token(token);
    for path in [
        "/api/v1/me".to_owned(),
        witness.space.path("/ips"),
        "/api/v1/users".to_owned(),
    ] {
        let answer = client.get(&path);
        assert_eq!(answer.status, 401, "{why}: {answer:?}");
        answer.error();
    }
    let answer = client.post(&witness.space.path("/ips"), &json!({ "prefix": "10.1.0.0/16" }));
    assert_eq!(answer.status, 401, "{why}: {answer:?}");
}

fn forged_and_changed_access_tokens_open_nothing(at: &Deployment) {
    let witness = Witness::new(at);
    let good = witness.space.client.token().to_owned();
    let parts: Vec<&str> = good.split('.').collect();
    let read =
        |part: &str| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap() };
    let (header, claims) = (read(parts[0]), read(parts[1]));
    let shut = |token: &str, why: &str| assert_shut(at, &witness, token, why);

    let mut other = claims.clone();
    other["sub"] = json!("somebody-else");
    shut(
        &format!("{}.{}.{}", parts[0], part(&other), parts[2]),
        "changed claims",
    );
    let mut later = claims.clone();
    later["exp"] = json!(claims["exp"].as_i64().unwrap() + 86_400);
    shut(
        &format!("{}.{}.{}", parts[0], part(&later), parts[2]),
        "a later expiry",
    );
    for none in ["none", "None", "NONE", "nOnE", ""] {
        let mut header = header.clone();
        header["alg"] = json!(none);
        for signature in ["", parts[2]] {
            shut(&format!("{}.{}.{signature}", part(&header), parts[1]), "alg=none");
        }
    }
    // The public key as the secret of a symmetric signature, in every form somebody may think of.
    let keys = at.client().get("/.well-known/jwks.json").ok();
    let (x, kid) = (
        keys["keys"][0]["x"].as_str().unwrap(),
        keys["keys"][0]["kid"].as_str().unwrap(),
    );
    let bytes = URL_SAFE_NO_PAD.decode(x).unwrap();
    for secret in [
        bytes.as_slice(),
        x.as_bytes(),
        keys["keys"][0].to_string().as_bytes(),
        b"",
    ] {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(kid.to_owned());
        let token = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(secret)).unwrap();
        shut(&token, "HS256 with the public key");
    }
    // A key brought along, one named by URL, one that nobody has, one that is a path.
    for extra in [
        json!({ "jwk": keys["keys"][0] }),
        json!({ "jku": "http://127.0.0.1:1/keys" }),
        json!({ "crit": ["x"] }),
    ] {
        let mut header = header.clone();
        header
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        shut(
            &format!("{}.{}.{}", part(&header), parts[1], parts[2]),
            "a changed header",
        );
    }
    for kid in ["unknown", "../keys", "", "\u{0}"] {
        let mut header = header.clone();
        header["kid"] = json!(kid);
        shut(
            &format!("{}.{}.{}", part(&header), parts[1], parts[2]),
            "another key",
        );
    }
    let mut flipped = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
    flipped[10] ^= 1;
    shut(
        &format!("{}.{}.{}", parts[0], parts[1], URL_SAFE_NO_PAD.encode(flipped)),
        "a changed signature",
    );
    shut(
        &format!("{}.{}.{}", parts[0], parts[1], URL_SAFE_NO_PAD.encode([0; 64])),
        "a signature of zeros",
    );
    shut(&format!("{}.{}", parts[0], parts[1]), "no signature");
    shut(&format!("{good}x"), "something behind");
    shut(
        &format!("{}.{}.{}.{}", parts[0], parts[1], parts[2], parts[2]),
        "four parts",
    );
    shut("a.b.c", "nonsense");
    shut("..", "dots");
    witness.assert_untouched();
}

#[test]
fn an_access_token_stops_working_when_it_expires() {
    let at = Launch::new(Shape::OneProcess)
        .environment("CADASTRE_ACCESS_TOKEN_LIFETIME", "2s")
        .start();
    let client = at.admin();
    client.get("/api/v1/me").expect(200);
    std::thread::sleep(std::time::Duration::from_millis(3_100));
    client.get("/api/v1/me").refused(401, "TokenExpired");
    client.get("/api/v1/me").refused(401, "TokenExpired");
    // Another server's token is nobody's here.
    let other = Deployment::shared(Shape::OneProcess).admin();
    at.client()
        .with_token(other.token())
        .get("/api/v1/me")
        .refused(401, "InvalidToken");
}

fn an_authorization_header_that_is_no_bearer_token_opens_nothing(at: &Deployment) {
    let witness = Witness::new(at);
    let good = witness.space.client.token().to_owned();
    let long = format!("Bearer {}", "a".repeat(20_000));
    for value in [
        "",
        "Bearer",
        "Bearer ",
        "bearer  ",
        "Basic YWRtaW46YWRtaW4=",
        "Digest x",
        &good,
        "Bearer null",
        "Bearer undefined",
        "Bearer a b",
        "Bearer \u{e9}",
        "Bearer ../../etc",
        &format!("Bearer {good} {good}"),
        &format!("Bearer {good},"),
        &format!("Bearer\t{good}"),
        &format!("Token {good}"),
        &long,
    ] {
        let answer = at
            .client()
            .request(reqwest::Method::GET, "/api/v1/me")
            .header("authorization", value)
            .send();
        assert!(
            matches!(answer.status, 400 | 401 | 431),
            "{value:.60}: {answer:?}"
        );
        answer.error();
    }
    // In the query it would end up in logs, so it is not looked at there.
    at.client()
        .get(&format!("/api/v1/me?access_token={good}"))
        .refused(401, "Unauthenticated");
    let twice = at
        .client()
        .request(reqwest::Method::GET, "/api/v1/me")
        .header("authorization", &format!("Bearer {good}"));
    twice
        .header("authorization", &format!("Bearer {good}"))
        .send()
        .refused(401, "InvalidToken");
    let lower = at
        .client()
        .request(reqwest::Method::GET, "/api/v1/me")
        .header("authorization", &format!("bEARER {good}"));
    lower.send().expect(200);
    witness.assert_untouched();
}

fn api_tokens_cannot_be_made_up(at: &Deployment) {
    let witness = Witness::new(at);
    let made = witness
        .space
        .client
        .post(
            "/api/v1/auth/tokens",
            &json!({ "name": crate::support::unique("t") }),
        )
        .made();
    let token = made["token"].as_str().unwrap().to_owned();
    at.client().with_token(&token).get("/api/v1/me").expect(200);
    let last = if token.ends_with('A') { 'B' } else { 'A' };
    let mut changed = token.clone();
    changed.replace_range(
        token.len() / 2..=token.len() / 2,
        if &token[token.len() / 2..=token.len() / 2] == "A" {
            "B"
        } else {
            "A"
        },
    );
    for forged in [
        format!("{}{last}", &token[..token.len() - 1]),
        format!("{token}x"),
        token[..token.len() - 1].to_owned(),
        changed,
        token.to_uppercase(),
        "cad_".to_owned(),
        "cad_admin".to_owned(),
        format!("cad_{}", "A".repeat(64)),
        format!("cad_{}", "A".repeat(5_000)),
        token.replacen("cad_", "cadr_", 1),
    ] {
        assert_shut(at, &witness, &forged, &forged);
    }
    witness.assert_untouched();
}
