//! The page at `/` until the portal moves in: where things are, for a person with a browser. No scripts, no
//! outside assets.

use std::net::SocketAddr;

use actix_web::http::header::{HOST, HeaderMap, HeaderValue, X_FORWARDED_PROTO};
use actix_web::http::uri::Authority;
use actix_web::{HttpRequest, HttpResponse, web};

const PAGE: &str = include_str!("landing.html");

/// Registers `GET /`.
pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config.service(
        web::resource("/")
            .route(web::get().to(page))
            .route(web::head().to(page)),
    );
}

async fn page(request: HttpRequest) -> HttpResponse {
    let socket = request.app_config();
    // HTTP/2 has the name in the URI.
    let authority = request.uri().authority().map(Authority::as_str);
    let url = url(request.headers(), authority, socket.secure(), socket.local_addr());
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header(("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"))
        .insert_header(("cache-control", "no-cache"))
        .body(PAGE.replace("{{version}}", env!("CARGO_PKG_VERSION")).replace("{{url}}", &url))
}

/// The URL that the browser came by, or else the one that is listened on. It stands in HTML and in commands for
/// a shell, so only letters that mean nothing to either are taken from the request.
fn url(headers: &HeaderMap, authority: Option<&str>, secure: bool, address: SocketAddr) -> String {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let harmless = |host: &&str| {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
        (1..=255).contains(&host.len()) && host.bytes().all(letter) && !host.starts_with('-')
    };
    let host = match text(HOST).or(authority).filter(harmless) {
        Some(host) => host.to_owned(),
        None if address.ip().is_unspecified() => format!("localhost:{}", address.port()),
        None => address.to_string(),
    };
    // A proxy that does the TLS says so; who makes it up misleads nobody else.
    let secure = secure || text(X_FORWARDED_PROTO) == Some("https");
    format!("{}://{host}", if secure { "https" } else { "http" })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shown(host: Option<&'static str>, proto: Option<&'static str>, address: &str) -> String {
        let mut headers = HeaderMap::new();
        if let Some(host) = host {
            headers.insert(HOST, HeaderValue::from_static(host));
        }
        if let Some(proto) = proto {
            headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(proto));
        }
        url(&headers, None, false, address.parse().unwrap())
    }

    #[test]
    fn the_commands_go_where_the_browser_came() {
        assert_eq!(
            shown(Some("ipam.test:9000"), None, "0.0.0.0:80"),
            "http://ipam.test:9000"
        );
        assert_eq!(
            shown(Some("[::1]:9"), Some("https"), "[::]:80"),
            "https://[::1]:9"
        );
        assert_eq!(shown(None, None, "0.0.0.0:9001"), "http://localhost:9001");
    }

    #[test]
    fn no_host_can_write_html_or_commands() {
        for host in [
            "<script>",
            "a\"b",
            "a;reboot",
            "$(reboot)",
            "a`b`",
            "a b",
            "a&b",
            "",
            "-o",
        ] {
            assert_eq!(
                shown(Some(host), None, "127.0.0.1:9001"),
                "http://127.0.0.1:9001",
                "{host}"
            );
        }
    }

    #[actix_web::test]
    async fn no_address_is_left_in_the_page() {
        let app = actix_web::test::init_service(actix_web::App::new().configure(configure)).await;
        let request = actix_web::test::TestRequest::get()
            .uri("/")
            .insert_header((HOST, "ipam.test:9000"))
            .to_request();
        let body = actix_web::test::call_and_read_body(&app, request).await;
        let body = std::str::from_utf8(&body).unwrap();
        assert_eq!(body.matches("http://ipam.test:9000/api/v1/").count(), 3, "{body}");
        assert!(!body.contains("8080") && !body.contains("{{"), "{body}");
    }
}
