//! Keys and tokens (the key pairs of RFC 8032 §7.1), a door with an echo behind it, and a client for it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::test::TestRequest;
use actix_web::{
    App, HttpMessage, HttpRequest, HttpResponse, http::StatusCode, http::header::HeaderMap, web,
};
use arc_swap::ArcSwap;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cadastre_api_types::correlation::{ClientAddress, RequestIds};
use cadastre_api_types::token::{AUDIENCE, ISSUER, PublicJwk, PublicJwks, VerificationKeys, VerifiedToken};
use cadastre_gateway::{Gateway, GatewayConfig};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

/// An Ed25519 key pair.
pub(crate) struct KeyPair {
    pub(crate) kid: &'static str,
    secret: &'static str,
    public: &'static str,
}

pub(crate) const FIRST: KeyPair = KeyPair {
    kid: "first",
    secret: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    public: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
};
pub(crate) const SECOND: KeyPair = KeyPair {
    kid: "second",
    secret: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    public: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
};

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

impl KeyPair {
    pub(crate) fn public_bytes(&self) -> Vec<u8> {
        from_hex(self.public)
    }

    pub(crate) fn jwk(&self) -> PublicJwk {
        PublicJwk {
            kty: "OKP".into(),
            crv: "Ed25519".into(),
            x: URL_SAFE_NO_PAD.encode(self.public_bytes()),
            kid: self.kid.into(),
            key_use: "sig".into(),
            alg: "EdDSA".into(),
        }
    }

    fn signing_key(&self) -> EncodingKey {
        // PKCS #8 (RFC 8410 §7) around the 32 bytes.
        let mut der = from_hex("302e020100300506032b657004220420");
        der.extend(from_hex(self.secret));
        EncodingKey::from_ed_der(&der)
    }

    /// A token with these claims, signed with this key and naming it.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_as(self.kid, claims)
    }

    pub(crate) fn sign_as(&self, kid: &str, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(kid.into());
        jsonwebtoken::encode(&header, claims, &self.signing_key()).unwrap()
    }
}

pub(crate) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

/// Claims of a good token of `user`, with changes: a null removes the claim.
pub(crate) fn claims(user: &str, changes: Value) -> Value {
    let id = "0190d9a0-0000-7000-8000-000000000001";
    let mut claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": user, "sid": id, "jti": id, "iat": now(), "exp": now() + 900,
    });
    let Value::Object(changes) = changes else {
        return claims;
    };
    for (name, value) in changes {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(&name);
        } else {
            claims[name] = value;
        }
    }
    claims
}

/// A good token of `user`.
pub(crate) fn token(user: &str) -> String {
    FIRST.sign(&claims(user, json!({})))
}

/// Keys that a test can change.
pub(crate) struct TestKeys(pub(crate) ArcSwap<PublicJwks>);

impl TestKeys {
    pub(crate) fn of(pairs: &[&KeyPair]) -> Arc<Self> {
        Arc::new(Self(ArcSwap::from_pointee(jwks(pairs))))
    }
}

impl VerificationKeys for TestKeys {
    fn current(&self) -> Arc<PublicJwks> {
        self.0.load_full()
    }
}

pub(crate) fn jwks(pairs: &[&KeyPair]) -> PublicJwks {
    PublicJwks {
        keys: pairs.iter().map(|pair| pair.jwk()).collect(),
    }
}

pub(crate) fn gateway(config: GatewayConfig) -> Gateway {
    Gateway::new(config, TestKeys::of(&[&FIRST])).unwrap()
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A GET from an address of the documentation range.
pub(crate) fn get(path: &str) -> TestRequest {
    TestRequest::get().uri(path).peer_addr(peer("192.0.2.1"))
}

pub(crate) fn bearer(request: TestRequest, token: &str) -> TestRequest {
    request.insert_header(("authorization", format!("Bearer {token}")))
}

pub(crate) fn peer(address: &str) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), 40_000)
}

/// Sends a request through the door to an echo that tells what it was given.
pub(crate) async fn call(gateway: &Gateway, request: TestRequest) -> Answer {
    let app = App::new()
        .wrap(gateway.door())
        .default_service(web::route().to(echo));
    let app = actix_web::test::init_service(app).await;
    let response = actix_web::test::call_service(&app, request.to_request()).await;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = actix_web::test::read_body(response).await;
    Answer {
        status,
        headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    }
}

/// `?status=` chooses the answer's status.
async fn echo(request: HttpRequest, body: Result<web::Bytes, actix_web::Error>) -> HttpResponse {
    tracing::info!("a line from inside");
    let status = request
        .query_string()
        .strip_prefix("status=")
        .and_then(|text| text.parse().ok())
        .unwrap_or(200);
    let extensions = request.extensions();
    let headers: BTreeMap<_, _> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    let ids = extensions.get::<RequestIds>();
    let body = match body {
        Ok(body) => json!(body.len()),
        Err(error) => {
            return HttpResponse::build(error.as_response_error().status_code()).body("the echo's own words");
        }
    };
    HttpResponse::build(StatusCode::from_u16(status).unwrap()).json(json!({
        "correlationId": ids.map(|ids| &*ids.correlation_id),
        "traceparent": ids.map(|ids| ids.traceparent.to_header()),
        "client": extensions.get::<ClientAddress>().map(|client| client.0),
        "user": extensions.get::<VerifiedToken>().map(|token| token.0.sub.clone()),
        "headers": headers,
        "body": body,
    }))
}

/// Asks again and again until the answer is yes; fails after five seconds.
pub(crate) async fn eventually<F: AsyncFnMut() -> bool>(mut question: F) {
    for _ in 0..250 {
        if question().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not within five seconds");
}
