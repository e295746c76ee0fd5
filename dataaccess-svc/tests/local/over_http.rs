//! The same trait over HTTP: what the client asks is what the server does.

use std::sync::Arc;

use actix_web::{App, HttpServer};
use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::*;
use cadastre_dataaccess::{HttpDataAccess, Secret, configure_internal_api};
use cadastre_domain::roles::{Readable, ReadableSpaces};
use cadastre_domain::search::SearchTerms;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

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

/// A service that takes connections: it says nothing, or what one says that waits for its store, or hangs up (empty).
async fn unwell(answer: Option<&'static str>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    actix_web::rt::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut line, _)) = listener.accept().await {
            match answer {
                None => held.push(line),
                Some(body) => drop(actix_web::rt::spawn(async move {
                    let mut read = [0; 4096];
                    let _ = line.read(&mut read).await;
                    if body.is_empty() {
                        return;
                    }
                    let answer = format!(
                        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: \
                         {}\r\nconnection: close\r\n\r\n{body}",
                        body.len()
                    );
                    let _ = line.write_all(answer.as_bytes()).await;
                })),
            }
        }
    });
    url
}

#[actix_web::test]
async fn a_service_that_waits_for_its_store_is_passed_over_also_by_changes() {
    let (url, server) = serve("secret").await;
    let waiting =
        r#"{"error":{"code":"StoreUnavailable","message":"The store is away.","details":{"leaving":true}}}"#;
    let waits = unwell(Some(waiting)).await;
    let access = client(&[&waits, &url], "secret");
    for _ in 0..8 {
        let space = new_space(&access, &uuid::Uuid::now_v7().to_string()).await;
        run(&access, space, create("10.0.0.0/8", &[])).await.unwrap();
    }
    let alone = client(&[&waits], "secret");
    let wrong = alone.what_is_wrong().await.unwrap();
    assert!(
        wrong.contains(&waits) && wrong.contains("The store is away"),
        "{wrong}"
    );
    assert_eq!(access.what_is_wrong().await, None);
    server.stop(false).await;
}

#[actix_web::test]
async fn reads_do_not_wait_for_a_service_that_has_fallen_silent() {
    let (url, server) = serve("secret").await;
    let silent = unwell(None).await;
    let access = Arc::new(client(&[&silent, &url], "secret"));
    actix_web::rt::spawn(access.look_after());
    let began = std::time::Instant::now();
    let reads = (0..16).map(|_| {
        let access = Arc::clone(&access);
        async move { access.ready(&context(), ()).await }
    });
    for read in futures::future::join_all(reads).await {
        read.unwrap();
    }
    // The silence that is allowed for, and not the time that a call may take.
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    // A dry run is a read, however it is asked for.
    let nothing = unwell(Some("")).await;
    let alone = client(&[&nothing], "secret");
    let mut request = SpaceChangeRequest {
        change: SpaceChange::Delete {
            id: uuid::Uuid::nil(),
        },
        options: MutationOptions {
            dry_run: true,
            ..MutationOptions::default()
        },
    };
    let told = alone.change_space(&context(), request.clone()).await.unwrap_err();
    assert!(told.message.contains("Nothing was changed"), "{told:?}");
    request.options.dry_run = false;
    let told = alone.change_space(&context(), request).await.unwrap_err();
    assert!(told.message.contains("may have been made"), "{told:?}");
    // From now on nobody asks it, whatever is asked for.
    for _ in 0..8 {
        let space = new_space(access.as_ref(), &uuid::Uuid::now_v7().to_string()).await;
        run(access.as_ref(), space, create("10.0.0.0/8", &[]))
            .await
            .unwrap();
    }
    assert!(began.elapsed().as_secs() < 25, "{:?}", began.elapsed());
    server.stop(false).await;
}
