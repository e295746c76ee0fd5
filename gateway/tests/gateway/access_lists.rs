//! Allow and deny lists, and how they follow their files.

use std::fs;
use std::path::Path;

use actix_web::http::StatusCode;
use cadastre_gateway::{AccessListSource, Gateway, GatewayConfig, GatewayError};
use tempfile::TempDir;

use crate::support::{FIRST, TestKeys, call, eventually, gateway, get, peer};

fn with_lists(directory: &Path) -> GatewayConfig {
    let access_lists = AccessListSource {
        allow: Some(directory.join("allow")),
        deny: Some(directory.join("deny")),
    };
    GatewayConfig {
        access_lists,
        ..GatewayConfig::default()
    }
}

fn files(allow: &str, deny: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("allow"), allow).unwrap();
    fs::write(directory.path().join("deny"), deny).unwrap();
    directory
}

async fn admits(gateway: &Gateway, address: &str) -> bool {
    let answer = call(gateway, get("/api/v1/me").peer_addr(peer(address))).await;
    if answer.status == StatusCode::FORBIDDEN {
        assert_eq!(answer.code(), "AddressDenied");
    }
    answer.status == StatusCode::OK
}

#[actix_web::test]
async fn the_longest_match_decides_and_strangers_to_an_allow_list_stay_out() {
    let directory = files("10.0.0.0/8\n10.1.1.0/24 # the office\n", "10.1.0.0/16\n");
    let gateway = gateway(with_lists(directory.path()));
    assert!(admits(&gateway, "10.2.0.1").await);
    assert!(!admits(&gateway, "10.1.2.1").await);
    assert!(admits(&gateway, "10.1.1.1").await);
    assert!(!admits(&gateway, "192.0.2.1").await);
}

#[actix_web::test]
async fn probes_are_answered_for_everybody() {
    let directory = files("10.0.0.0/8\n", "");
    let gateway = gateway(with_lists(directory.path()));
    for path in ["/health", "/ready"] {
        assert_eq!(call(&gateway, get(path)).await.status, StatusCode::OK);
    }
}

#[actix_web::test]
async fn the_address_judged_is_the_clients_and_not_the_proxys() {
    let directory = files("", "198.51.100.0/24\n");
    let trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
    let gateway = gateway(GatewayConfig {
        trusted_proxies,
        ..with_lists(directory.path())
    });
    let through_proxy = |client: &str| {
        get("/")
            .peer_addr(peer("10.0.0.1"))
            .insert_header(("x-forwarded-for", client))
    };
    assert_eq!(
        call(&gateway, through_proxy("198.51.100.1")).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        call(&gateway, through_proxy("203.0.113.1")).await.status,
        StatusCode::OK
    );
}

#[actix_web::test]
async fn a_changed_file_is_followed_and_a_bad_one_is_not() {
    let directory = files("", "");
    let gateway = gateway(with_lists(directory.path()));
    assert!(admits(&gateway, "192.0.2.1").await);

    fs::write(directory.path().join("deny"), "192.0.2.0/24\n").unwrap();
    eventually(async || !admits(&gateway, "192.0.2.1").await).await;

    // A bad file beside a good change: neither is taken over.
    fs::write(directory.path().join("deny"), "192.0.2.0/24\n192.0.2.7/24\n").unwrap();
    fs::write(directory.path().join("allow"), "192.0.2.1/32\n").unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert!(!admits(&gateway, "192.0.2.1").await);

    fs::write(directory.path().join("deny"), "192.0.2.0/24\n").unwrap();
    eventually(async || admits(&gateway, "192.0.2.1").await).await;
}

#[actix_web::test]
async fn a_file_renamed_over_the_list_is_followed() {
    let directory = files("", "");
    let gateway = gateway(with_lists(directory.path()));
    for denied in ["192.0.2.1", "192.0.2.2"] {
        let fresh = directory.path().join("deny.new");
        fs::write(&fresh, format!("{denied}/32\n")).unwrap();
        fs::rename(&fresh, directory.path().join("deny")).unwrap();
        eventually(async || !admits(&gateway, denied).await).await;
    }
    assert!(admits(&gateway, "192.0.2.1").await);
}

#[cfg(unix)]
#[actix_web::test]
async fn a_directory_swapped_by_symlink_is_followed() {
    use std::os::unix::fs::symlink;
    // The way Kubernetes mounts a config map: deny -> ..data/deny, ..data -> a directory per version.
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    for (version, content) in [("v1", ""), ("v2", "192.0.2.1/32\n")] {
        fs::create_dir(root.join(version)).unwrap();
        fs::write(root.join(version).join("deny"), content).unwrap();
    }
    symlink("v1", root.join("..data")).unwrap();
    symlink("..data/deny", root.join("deny")).unwrap();
    let access_lists = AccessListSource {
        allow: None,
        deny: Some(root.join("deny")),
    };
    let gateway = gateway(GatewayConfig {
        access_lists,
        ..GatewayConfig::default()
    });
    assert!(admits(&gateway, "192.0.2.1").await);

    symlink("v2", root.join("..data_tmp")).unwrap();
    fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
    eventually(async || !admits(&gateway, "192.0.2.1").await).await;
}

#[actix_web::test]
async fn a_file_that_vanishes_leaves_the_lists_in_force() {
    let directory = files("", "192.0.2.1/32\n");
    let gateway = gateway(with_lists(directory.path()));
    fs::remove_file(directory.path().join("deny")).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    assert!(!admits(&gateway, "192.0.2.1").await);
}

#[test]
fn a_gateway_does_not_start_with_a_bad_list() {
    let directory = files("10.0.0.0/8\n10.0.0.1/8\n", "");
    let refused = Gateway::new(with_lists(directory.path()), TestKeys::of(&[&FIRST]))
        .err()
        .unwrap();
    assert!(matches!(refused, GatewayError::AccessList { .. }));
    let text = refused.to_string();
    assert!(
        text.contains("allow: line 2: 10.0.0.1/8 has host bits set; did you mean 10.0.0.0/8?"),
        "{text}"
    );
    let missing = GatewayConfig {
        access_lists: AccessListSource {
            allow: Some("/nonexistent/allow".into()),
            deny: None,
        },
        ..GatewayConfig::default()
    };
    assert!(Gateway::new(missing, TestKeys::of(&[&FIRST])).is_err());
}
