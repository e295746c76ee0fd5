//! Sessions and tokens: login, refresh, logout, API tokens, the published keys, and what guessing costs.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};

use crate::support::world::PASSWORD;
use crate::support::{Client, Deployment, Value, claims, json, unique};

const LOGIN: &str = "/api/v1/auth/login";
const REFRESH: &str = "/api/v1/auth/refresh";
const LOGOUT: &str = "/api/v1/auth/logout";
const TOKENS: &str = "/api/v1/auth/tokens";
const ME: &str = "/api/v1/me";

claims! {
    both: [
        a_login_gives_tokens_that_work,
        a_wrong_password_and_an_unknown_user_are_answered_alike,
        a_refresh_token_works_once_and_reuse_ends_the_session,
        a_logout_ends_its_session_and_no_other,
        an_api_token_works_until_it_is_revoked,
        guessing_a_password_is_slowed_down_for_known_and_unknown_users_alike,
        the_published_keys_verify_an_access_token,
    ],
    one: [
        an_api_token_stops_working_when_it_expires,
        api_tokens_have_names_of_their_own_and_sensible_lifetimes,
        one_address_guessing_many_names_is_slowed_down,
        answers_that_hold_tokens_are_not_to_be_stored,
        many_sessions_of_a_user_live_side_by_side,
    ],
}

fn login(client: &Client, user: &str) -> Value {
    client
        .post(LOGIN, &json!({ "username": user, "password": PASSWORD }))
        .ok()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn a_login_gives_tokens_that_work(at: &Deployment) {
    let user = at.user(&[]);
    let tokens = login(&at.client(), &user.name.to_uppercase());
    assert_eq!(tokens["tokenType"], "Bearer");
    assert!(tokens["expiresIn"].as_u64().unwrap() >= 60);
    let client = at.client().with_token(text(&tokens["accessToken"]));
    let me = client.get(ME).ok();
    assert_eq!((&me["username"], &me["roles"]), (&json!(user.name), &json!([])));
    // A refresh token is no access token, and the other way round.
    client
        .with_token(text(&tokens["refreshToken"]))
        .get(ME)
        .expect(401)
        .error();
    client
        .post(REFRESH, &json!({ "refreshToken": tokens["accessToken"] }))
        .refused(401, "InvalidToken");
    client
        .post(LOGIN, &json!({ "username": user.name }))
        .refused(400, "MalformedRequest");
    client
        .post(
            LOGIN,
            &json!({ "username": user.name, "password": PASSWORD, "otp": 1 }),
        )
        .refused(400, "UnknownField");
}

fn a_wrong_password_and_an_unknown_user_are_answered_alike(at: &Deployment) {
    let (user, client) = (at.user(&[]), at.client());
    let attempt = |name: &str, password: &str| {
        let mut error = client
            .post(LOGIN, &json!({ "username": name, "password": password }))
            .refused(401, "InvalidCredentials");
        error["correlationId"].take();
        error
    };
    let wrong = attempt(&user.name, "not the password at all");
    for (name, password) in [
        (unique("nobody").as_str(), PASSWORD),
        (user.name.as_str(), ""),
        ("", ""),
        ("no such name \u{0} possible/..", PASSWORD),
        (&"x".repeat(5_000), PASSWORD),
    ] {
        assert_eq!(attempt(name, password), wrong, "{name:.40}");
    }
    let long = "p".repeat(100_000);
    assert_eq!(attempt(&unique("nobody"), &long), wrong);
    assert!(!at.log().contains("not the password at all"));
}

fn a_refresh_token_works_once_and_reuse_ends_the_session(at: &Deployment) {
    let (user, client) = (at.user(&[]), at.client());
    let refresh = |token: &Value| client.post(REFRESH, &json!({ "refreshToken": token }));
    let first = login(&client, &user.name);
    let second = refresh(&first["refreshToken"]).ok();
    assert_ne!(first["refreshToken"], second["refreshToken"]);
    let access = client.with_token(text(&second["accessToken"]));
    access.get(ME).expect(200);
    client.with_token(text(&first["accessToken"])).get(ME).expect(200);
    refresh(&first["refreshToken"]).refused(401, "TokenReused");
    // Whoever holds a part of this session is out, the owner's other sessions are not.
    refresh(&second["refreshToken"]).refused(401, "InvalidToken");
    access.get(ME).refused(401, "InvalidToken");
    client
        .with_token(text(&first["accessToken"]))
        .get(ME)
        .refused(401, "InvalidToken");
    user.client.get(ME).expect(200);
    for nonsense in [
        json!(""),
        json!("cadr_"),
        json!("cadr_a.b"),
        json!("x".repeat(10_000)),
    ] {
        refresh(&nonsense).refused(401, "InvalidToken");
    }
    // Two at once: one wins, and the other ends the session, as it cannot be told from a thief.
    let third = login(&client, &user.name);
    let both: Vec<u16> = std::thread::scope(|scope| {
        let racers: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| refresh(&third["refreshToken"]).status))
            .collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    assert!(
        both.contains(&401) && both.iter().all(|status| matches!(status, 200 | 401)),
        "{both:?}"
    );
}

fn a_logout_ends_its_session_and_no_other(at: &Deployment) {
    let (user, client) = (at.user(&[]), at.client());
    let (one, two) = (login(&client, &user.name), login(&client, &user.name));
    let with = |tokens: &Value| client.with_token(text(&tokens["accessToken"]));
    // By refresh token, without any other proof.
    client
        .post(LOGOUT, &json!({ "refreshToken": one["refreshToken"] }))
        .gone();
    with(&one).get(ME).refused(401, "InvalidToken");
    client
        .post(REFRESH, &json!({ "refreshToken": one["refreshToken"] }))
        .expect(401)
        .error();
    with(&two).get(ME).expect(200);
    // By access token.
    with(&two).request(reqwest::Method::POST, LOGOUT).send().gone();
    with(&two).get(ME).refused(401, "InvalidToken");
    client
        .post(REFRESH, &json!({ "refreshToken": two["refreshToken"] }))
        .expect(401)
        .error();
    client
        .request(reqwest::Method::POST, LOGOUT)
        .send()
        .refused(401, "Unauthenticated");
    user.client.get(ME).expect(200);
}

fn an_api_token_works_until_it_is_revoked(at: &Deployment) {
    let user = at.user(&[]);
    let made = user.client.post(TOKENS, &json!({ "name": "ci-import" })).made();
    let token = text(&made["token"]);
    assert!(token.starts_with("cad_") && token.len() > 40, "{token}");
    let program = at.client().with_token(token);
    assert_eq!(program.get(ME).ok()["username"], json!(user.name));
    let listed = user.client.get(TOKENS).ok();
    assert_eq!(
        (&listed[0]["id"], &listed[0]["name"]),
        (&made["id"], &json!("ci-import"))
    );
    assert_eq!(listed[0].get("token"), None, "a token is shown once");
    let other = at.user(&[]);
    let path = format!("{TOKENS}/{}", text(&made["id"]));
    other.client.delete(&path).refused(404, "NotFound");
    program.get(ME).expect(200);
    user.client.delete(&path).gone();
    program.get(ME).refused(401, "InvalidToken");
    user.client.delete(&path).refused(404, "NotFound");
    assert_eq!(user.client.get(TOKENS).ok(), json!([]));
    assert!(!at.log().contains(token), "a token is in the log");
}

fn an_api_token_stops_working_when_it_expires(at: &Deployment) {
    let user = at.user(&[]);
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_millis(2_500);
    let made = user
        .client
        .post(TOKENS, &json!({ "name": "short", "expiresOn": soon.to_string() }))
        .made();
    let program = at.client().with_token(text(&made["token"]));
    program.get(ME).expect(200);
    std::thread::sleep(std::time::Duration::from_millis(2_700));
    program.get(ME).refused(401, "TokenExpired");
}

fn api_tokens_have_names_of_their_own_and_sensible_lifetimes(at: &Deployment) {
    let user = at.user(&[]);
    let post = |body: Value| user.client.post(TOKENS, &body);
    let made = post(json!({ "name": "one" })).made();
    let days = |token: &Value| {
        let at = |field: &str| text(&token[field]).parse::<jiff::Timestamp>().unwrap();
        at("expiresOn").duration_since(at("createdOn")).as_hours() / 24
    };
    assert_eq!(days(&made), 90);
    post(json!({ "name": "one" })).refused(409, "NameTaken");
    for name in ["", " padded", "bell\u{7}", &"n".repeat(129)] {
        post(json!({ "name": name })).refused(400, "InvalidName");
    }
    for expires in ["2001-01-01T00:00:00Z", "9999-12-31T00:00:00Z", "tomorrow"] {
        post(json!({ "name": "two", "expiresOn": expires }))
            .expect(400)
            .error();
    }
    post(json!({ "name": "two", "expiresOn": null })).expect(201);
    let id = uuid::Uuid::now_v7();
    user.client
        .delete(&format!("{TOKENS}/{id}"))
        .refused(404, "NotFound");
    user.client
        .delete(&format!("{TOKENS}/none"))
        .refused(400, "InvalidId");
}

fn guessing_a_password_is_slowed_down_for_known_and_unknown_users_alike(at: &Deployment) {
    let user = at.user(&[]);
    let nobody = unique("nobody");
    let mut refusals = Vec::new();
    for name in [&user.name, &nobody] {
        let client = at.client();
        let guess = || {
            client.post(
                LOGIN,
                &json!({ "username": name, "password": "a wrong guess of it" }),
            )
        };
        let answers: Vec<_> = (0..12).map(|_| guess()).collect();
        let wrong = answers.iter().take_while(|answer| answer.status == 401).count();
        assert!(
            (3..=10).contains(&wrong),
            "{wrong} guesses of {name} went through"
        );
        let throttled = &answers[wrong];
        let error = throttled.clone().refused(429, "LoginThrottled");
        let seconds: u64 = throttled.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=120).contains(&seconds));
        refusals.push((
            wrong,
            error["message"].as_str().unwrap().replace(char::is_numeric, ""),
        ));
    }
    assert_eq!(refusals[0], refusals[1]);
    // The right password has to wait too, from wherever it comes; afterwards it works.
    let right = json!({ "username": user.name, "password": PASSWORD });
    let client = at.client();
    let answer = client.post(LOGIN, &right);
    if answer.status != 200 {
        answer.clone().refused(429, "LoginThrottled");
        let seconds = answer.header("retry-after").unwrap().parse().unwrap();
        std::thread::sleep(std::time::Duration::from_secs(seconds));
        client.post(LOGIN, &right).expect(200);
    }
}

fn one_address_guessing_many_names_is_slowed_down(at: &Deployment) {
    let client = at.client();
    let guess = |client: &Client| {
        client
            .post(
                LOGIN,
                &json!({ "username": unique("guess"), "password": "a wrong guess of it" }),
            )
            .status
    };
    let throttled = (0..60)
        .map(|_| guess(&client))
        .take_while(|status| *status == 401)
        .count();
    assert!((10..60).contains(&throttled), "{throttled} guesses went through");
    assert_eq!(guess(&at.client()), 401, "another address is not concerned");
}

fn the_published_keys_verify_an_access_token(at: &Deployment) {
    let user = at.user(&[]);
    let keys = at.client().get("/.well-known/jwks.json").ok();
    let header = jsonwebtoken::decode_header(user.client.token()).unwrap();
    assert_eq!(header.alg, Algorithm::EdDSA);
    let key = keys["keys"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["kid"].as_str() == header.kid.as_deref());
    let key = key.unwrap_or_else(|| panic!("{header:?} is not in {keys}"));
    assert_eq!(
        (&key["kty"], &key["crv"], &key["alg"]),
        (&json!("OKP"), &json!("Ed25519"), &json!("EdDSA"))
    );
    assert_eq!(key.get("d"), None, "the private half is nobody's business");
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&["cadastre-api"]);
    validation.set_issuer(&["cadastre"]);
    let verify = |token: &str, x: &str| {
        let key = DecodingKey::from_ed_components(x).unwrap();
        jsonwebtoken::decode::<Value>(token, &key, &validation).map(|token| token.claims)
    };
    let claims = verify(user.client.token(), text(&key["x"])).unwrap();
    assert_eq!(claims["sub"], json!(user.name));
    assert!(claims["exp"].as_i64() > claims["iat"].as_i64());
    let other = URL_SAFE_NO_PAD.encode([7; 32]);
    assert!(verify(user.client.token(), &other).is_err());
}

fn answers_that_hold_tokens_are_not_to_be_stored(at: &Deployment) {
    let user = at.user(&[]);
    let login = at
        .client()
        .post(LOGIN, &json!({ "username": user.name, "password": PASSWORD }))
        .expect(200);
    let token = user.client.post(TOKENS, &json!({ "name": "t" })).expect(201);
    for answer in [login, token] {
        assert_eq!(
            answer.header("cache-control"),
            Some("no-store"),
            "{}",
            answer.what
        );
    }
}

fn many_sessions_of_a_user_live_side_by_side(at: &Deployment) {
    let (user, client) = (at.user(&[]), at.client());
    let sessions: Vec<Value> = (0..25).map(|_| login(&client, &user.name)).collect();
    for tokens in &sessions {
        client
            .with_token(text(&tokens["accessToken"]))
            .get(ME)
            .expect(200);
    }
    user.client.get(ME).expect(200);
}
