//! Correlation ids and trace context: kept or made, and found in answers, errors and every log line.

use std::io::Write;
use std::sync::{Arc, Mutex};

use actix_web::http::StatusCode;
use cadastre_gateway::GatewayConfig;

use crate::support::{bearer, call, gateway, get};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[actix_web::test]
async fn an_acceptable_id_is_kept_and_sent_back() {
    let answer = call(
        &gateway(GatewayConfig::default()),
        get("/").insert_header(("x-correlation-id", "build-17.a")),
    )
    .await;
    assert_eq!(answer.header("x-correlation-id"), "build-17.a");
    assert_eq!(answer.body["correlationId"], "build-17.a");
}

#[actix_web::test]
async fn any_other_id_is_replaced() {
    let gateway = gateway(GatewayConfig::default());
    for bad in ["a b", &"x".repeat(65), "<script>"] {
        let answer = call(&gateway, get("/").insert_header(("x-correlation-id", bad))).await;
        let id = uuid::Uuid::parse_str(answer.header("x-correlation-id")).unwrap();
        assert_eq!(id.get_version_num(), 7);
        assert_eq!(answer.body["correlationId"], answer.header("x-correlation-id"));
    }
}

#[actix_web::test]
async fn an_error_carries_the_id_too() {
    let request = bearer(get("/"), "a.b.c").insert_header(("x-correlation-id", "mine"));
    let answer = call(&gateway(GatewayConfig::default()), request).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.body["error"]["correlationId"], "mine");
    assert_eq!(answer.header("x-correlation-id"), "mine");
}

#[actix_web::test]
async fn a_trace_is_continued_and_tracestate_passed_on() {
    let request = get("/")
        .insert_header(("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01")))
        .insert_header(("tracestate", "vendor=1"));
    let answer = call(&gateway(GatewayConfig::default()), request).await;
    let traceparent = answer.body["traceparent"].as_str().unwrap();
    assert!(traceparent.starts_with(&format!("00-{TRACE}-")), "{traceparent}");
    assert!(
        !traceparent.contains("00f067aa0ba902b7"),
        "our span is the parent now"
    );
    assert_eq!(answer.body["headers"]["tracestate"], "vendor=1");
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[actix_web::test]
async fn every_log_line_of_a_request_carries_its_ids() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(move || writer.clone())
        .finish();
    let _default = tracing::subscriber::set_default(subscriber);
    let request = get("/some/path?status=500")
        .insert_header(("x-correlation-id", "find-me"))
        .insert_header(("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01")));
    call(&gateway(GatewayConfig::default()), request).await;

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of_request: Vec<_> = lines
        .iter()
        .filter(|line| {
            ["a line from inside", "answered"]
                .iter()
                .any(|text| line["fields"]["message"] == *text)
        })
        .collect();
    assert_eq!(of_request.len(), 2, "{text}");
    for line in of_request {
        assert_eq!(line["span"]["correlation_id"], "find-me");
        assert_eq!(line["span"]["trace_id"], TRACE);
        assert_eq!(line["span"]["path"], "/some/path");
    }
    let access = lines
        .iter()
        .find(|line| line["target"] == "cadastre::access")
        .unwrap();
    assert_eq!(access["level"], "WARN");
    assert_eq!(access["fields"]["status"], 500);
    assert_eq!(access["fields"]["client"], "192.0.2.1");
    assert!(access["fields"]["latency_us"].is_u64());
}
