//! The same trait over HTTP: what the client asks is what the server does.

use std::sync::Arc;

use actix_web::{App, HttpServer};
use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::*;
use cadastre_dataaccess::{HttpDataAccess, Secret, configure_internal_api};
use cadastre_domain::roles::{Readable, ReadableSpaces};
use cadastre_domain::search::SearchTerms;

use crate::support::*;

/// Serves a memory store on a port of its own.
async fn serve(token: &str) -> (String, actix_web::dev::ServerHandle) {
    let access = memory().await;
    let token = Secret::new(token);
    let server = HttpServer::new(move || {
        let access: Arc<dyn DataAccess> = access.clone();
        App::new().configure(configure_internal_api(access, token.clone()))
    })
    .workers(1)
    .disable_signals()
    .bind("127.0.0.1:0")
    .unwrap();
    let url = format!("http://{}", server.addrs()[0]);
    let server = server.run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    (url, handle)
}

fn client(urls: &[&str], token: &str) -> HttpDataAccess {
    // Twice is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let urls = urls.iter().map(|url| (*url).to_owned()).collect();
    HttpDataAccess::new(
        urls,
        Secret::new(token),
        reqwest::Client::builder().no_proxy().build().unwrap(),
    )
    .unwrap()
}

#[actix_web::test]
async fn commands_reads_and_refusals_travel_unchanged() {
    let (url, server) = serve("secret").await;
    let access = client(&[&url], "secret");
    let space = new_space(&access, "remote").await;
    define(&access, space, implying("Region", &[])).await;
    let top = node_of(
        run(&access, space, create("10.0.0.0/8", &[("Region", "eu é")]))
            .await
            .unwrap(),
    );
    let below = node_of(run(&access, space, create("10.1.0.0/16", &[])).await.unwrap());
    assert_eq!(below.parent_id, Some(top.id));
    assert_eq!(below.resolved[&tag("Region")], value("eu é"));
    let error = run(&access, space, create("10.1.0.0/16", &[])).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Duplicate);
    assert!(error.message.contains("10.1.0.0/16") && error.details.is_some());
    let listed = all(&access, &context(), space, NodeSelection::All, &[], 1)
        .await
        .unwrap();
    assert_eq!(listed.len(), 2);
    let page = ChangesQuery {
        space,
        since: Since::Beginning,
        limit: 2,
    };
    let page = access.changes(&context(), page).await.unwrap();
    assert_eq!((page.items.len(), page.reached.version, page.head), (2, 2, 3));
    let wait = WaitQuery {
        space,
        above: page.reached,
        at_most_ms: 20_000,
    };
    assert_eq!(access.wait_for_change(&context(), wait).await.unwrap().version, 3);
    let past = NodeAsOfQuery {
        space,
        node: NodeRef::Id(below.id),
        at: below.created,
    };
    assert_eq!(access.node_as_of(&context(), past).await.unwrap(), below);
    let mut question = SearchQuery {
        terms: SearchTerms::read(&below.prefix.addr().to_string()).unwrap(),
        kinds: SearchKinds::ALL,
        space: Some(space),
        readable: ReadableSpaces::Only([(space, Readable::everything())].into()),
        page: PageRequest {
            limit: 1,
            after: None,
        },
    };
    let found = access.search(&context(), question.clone()).await.unwrap();
    assert_eq!(found.items[0].by, FoundBy::Address);
    assert_eq!(found.items[0].thing, FoundThing::Node(Box::new(below)));
    question.page.after = found.next;
    assert_eq!(access.search(&context(), question).await.unwrap().items.len(), 1);
    access.ready(&context(), ()).await.unwrap();
    server.stop(false).await;
}

#[actix_web::test]
async fn a_call_without_the_service_token_is_refused() {
    let (url, server) = serve("secret").await;
    let error = client(&[&url], "guess").ready(&context(), ()).await.unwrap_err();
    // It is the deployment that is wrong, not the caller.
    assert_eq!(error.code, ErrorCode::StoreUnavailable);
    assert!(error.message.contains("CADASTRE_SERVICE_TOKEN"), "{error:?}");
    let bare = reqwest::Client::builder().no_proxy().build().unwrap();
    let status = bare
        .post(format!("{url}/internal/v1/ready"))
        .body("{}")
        .send()
        .await
        .unwrap()
        .status();
    assert_eq!(status, 401);
    server.stop(false).await;
}

#[actix_web::test]
async fn a_dead_service_is_passed_over_and_none_at_all_is_503() {
    let (url, server) = serve("secret").await;
    // Nobody listens on the discard port of the loopback address.
    let dead = "http://127.0.0.1:9";
    let access = client(&[dead, &url], "secret");
    for _ in 0..4 {
        access.ready(&context(), ()).await.unwrap();
        new_space(&access, &uuid::Uuid::now_v7().to_string()).await;
    }
    let none = client(&[dead], "secret").ready(&context(), ()).await.unwrap_err();
    assert_eq!(none.code, ErrorCode::StoreUnavailable);
    assert!(none.retry_after.is_some());
    server.stop(false).await;
}
