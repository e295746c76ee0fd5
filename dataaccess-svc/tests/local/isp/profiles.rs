//! Network profiles.

use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::*;
use cadastre_domain::isp::*;
use futures::future::join_all;
use uuid::Uuid;

use super::kit::*;

fn with_ipv4(id: &str, address: &str) -> NetworkProfile {
    NetworkProfile {
        static_ipv4: Some(address.parse().unwrap()),
        ..NetworkProfile::of(sub(id))
    }
}

fn with_ipv6(id: &str, address: &str) -> NetworkProfile {
    NetworkProfile {
        static_ipv6: Some(address.parse().unwrap()),
        ..NetworkProfile::of(sub(id))
    }
}

fn with_prefix(id: &str, prefix: &str) -> NetworkProfile {
    NetworkProfile {
        ipv6_prefix: Some(prefix.parse().unwrap()),
        ..NetworkProfile::of(sub(id))
    }
}

fn with_line(id: &str, circuit: &str, remote: Option<&str>) -> NetworkProfile {
    NetworkProfile {
        circuit_id: Some(circuit.to_owned()),
        remote_id: remote.map(str::to_owned),
        ..NetworkProfile::of(sub(id))
    }
}

async fn with_subscribers(ids: &[&str]) -> Isp {
    let isp = Isp::new().await;
    for id in ids {
        isp.subscriber(id).await;
    }
    isp
}

#[tokio::test]
async fn only_subscribers_have_profiles_and_only_such_as_make_sense() {
    let isp = with_subscribers(&["a"]).await;
    assert_eq!(
        isp.refused(put_profile(with_ipv4("b", "203.0.113.9"))).await.code,
        ErrorCode::NotFound
    );
    let delete = |id: &str| IspCommand::DeleteProfile {
        subscriber_id: sub(id),
    };
    assert_eq!(isp.refused(delete("a")).await.code, ErrorCode::NotFound);
    let error = isp.refused(put_profile(with_prefix("a", "2001:db8::/80"))).await;
    assert_eq!(
        (error.code, &error.details.unwrap()["field"]),
        (ErrorCode::InvalidValue, &"ipv6Prefix".into())
    );
    let put = isp.run(put_profile(with_ipv4("a", "203.0.113.9"))).await;
    assert_eq!(isp.get(EntityKey::Profile(sub("a"))).await, Some(put.clone()));
    assert_eq!(
        isp.unchanged(put_profile(with_ipv4("a", "203.0.113.9"))).await,
        put
    );
    isp.try_run(delete("a")).await.unwrap();
    assert_eq!(isp.dump("aa_").await.len(), 0);
}

#[tokio::test]
async fn a_profile_is_not_replaced_over_a_newer_one() {
    let isp = with_subscribers(&["a"]).await;
    let first = isp.run(put_profile(with_ipv4("a", "203.0.113.9"))).await;
    isp.run(put_profile(with_ipv4("a", "203.0.113.10"))).await;
    let again = put_profile(with_ipv4("a", "203.0.113.11"));
    assert_eq!(
        isp.refused_if(again, Some(first.revision)).await.code,
        ErrorCode::PreconditionFailed
    );
    let delete = IspCommand::DeleteProfile {
        subscriber_id: sub("a"),
    };
    assert_eq!(
        isp.refused_if(delete, Some(first.revision)).await.code,
        ErrorCode::PreconditionFailed
    );
}

#[tokio::test]
async fn no_two_profiles_name_addresses_that_overlap() {
    let isp = with_subscribers(&["a", "b", "/c"]).await;
    let own = NetworkProfile {
        static_ipv4: Some("203.0.113.9".parse().unwrap()),
        // In its own prefix it may have an address.
        static_ipv6: Some("2001:db8:0:100::1".parse().unwrap()),
        ipv6_prefix: Some("2001:db8:0:100::/56".parse().unwrap()),
        ..NetworkProfile::of(sub("/c"))
    };
    isp.run(put_profile(own.clone())).await;
    for (wrong, named) in [
        (with_ipv4("b", "203.0.113.9"), "203.0.113.9/32"),
        (with_ipv6("b", "2001:db8:0:100::1"), "2001:db8:0:100::1/128"),
        (
            with_ipv6("b", "2001:db8:0:1ff:ffff:ffff:ffff:ffff"),
            "2001:db8:0:100::/56",
        ),
        (with_prefix("b", "2001:db8:0:100::/56"), "2001:db8:0:100::/56"),
        (with_prefix("b", "2001:db8:0:180::/57"), "2001:db8:0:100::/56"),
        (with_prefix("b", "2001:db8::/48"), "2001:db8:0:100::/56"),
        (with_prefix("b", "::/0"), "2001:db8:0:100::/56"),
    ] {
        let error = isp.refused(put_profile(wrong)).await;
        assert_eq!(error.code, ErrorCode::AddressConflict);
        let details = error.details.unwrap();
        assert_eq!(
            (&details["subscriberId"], &details["prefix"]),
            (&"/c".into(), &named.into())
        );
    }
    isp.run(put_profile(with_prefix("b", "2001:db8:0:200::/56")))
        .await;
    // What it gives up others can have, and it can change what it has.
    let less = NetworkProfile {
        ipv6_prefix: Some("2001:db8:0:100::/60".parse().unwrap()),
        ..own
    };
    isp.run(put_profile(less)).await;
    isp.run(put_profile(with_prefix("a", "2001:db8:0:110::/60")))
        .await;
    let named = isp.dump("aa_").await.len();
    assert_eq!((named, isp.dump("a6_").await.len()), (5, 3));
}

#[tokio::test]
async fn an_address_that_somebody_else_holds_is_not_named() {
    let isp = with_subscribers(&["a", "b"]).await;
    let reservation = |status, subscriber: &str, reclaimed| Reservation {
        id: Uuid::now_v7(),
        pool_id: Uuid::nil(),
        subscriber_id: sub(subscriber),
        prefix: "203.0.113.9/32".parse().unwrap(),
        ip_type: IpType::Ipv4,
        status,
        reserved_at: jiff::Timestamp::UNIX_EPOCH,
        assigned_at: None,
        released_at: None,
        expires_at: None,
        rests_until: None,
        reclaimed_at: reclaimed,
        assigned_by: "tester".to_owned(),
        assignment_reason: None,
        notes: String::new(),
        forced: false,
        kept_node: false,
        by_plan: false,
        netbox_ip_id: None,
        netbox_synced: false,
        events: Vec::new(),
    };
    use ReservationStatus::{Assigned, Expired, Released};
    let over = Some(jiff::Timestamp::UNIX_EPOCH);
    // Each is the newest at that address.
    for (status, of, reclaimed, is_free) in [
        (Assigned, "b", None, false),
        (Released, "b", None, false),
        (Released, "b", over, true),
        (Expired, "b", None, true),
        (Assigned, "a", None, true),
    ] {
        for row in isp.dump("ar_").await {
            let ended = text(&row)
                .replace("ASSIGNED", "EXPIRED")
                .replace("RELEASED", "EXPIRED");
            isp.plant(row.key.as_str(), ended).await;
        }
        let entity = Entity::Reservation(reservation(status, of, reclaimed));
        let Entity::Reservation(planted) = &entity else {
            unreachable!()
        };
        let time = "2026-01-02T03:04:05Z";
        let row = serde_json::json!({"V": 1, "Value": entity, "CreatedOn": time, "ModifiedOn": time, "Revision": 1});
        isp.plant(
            &format!("ar_4cb00710920_{}", planted.id.simple()),
            row.to_string(),
        )
        .await;
        let command = put_profile(with_ipv4("a", "203.0.113.9"));
        if is_free {
            isp.run(command).await;
            isp.try_run(IspCommand::DeleteProfile {
                subscriber_id: sub("a"),
            })
            .await
            .unwrap();
        } else {
            let error = isp.refused(command).await;
            assert_eq!(error.code, ErrorCode::AddressConflict);
            let details = error.details.unwrap();
            assert_eq!(details["reservationId"], planted.id.to_string());
            assert_eq!(details["subscriberId"], "b");
        }
    }
}

#[tokio::test]
async fn a_line_is_of_one_subscriber() {
    let isp = with_subscribers(&["a", "b"]).await;
    isp.run(put_profile(with_line("a", "olt-1/1/1", Some("cpe"))))
        .await;
    let error = isp
        .refused(put_profile(with_line("b", "olt-1/1/1", Some("cpe"))))
        .await;
    assert_eq!(error.code, ErrorCode::AlreadyExists);
    assert_eq!(error.details.unwrap()["subscriberId"], "a");
    isp.run(put_profile(with_line("b", "olt-1/1/1", None))).await;
    isp.run(put_profile(with_line("a", "olt-1/1/2", None))).await;
    isp.run(put_profile(with_line("b", "olt-1/1/1", Some("cpe"))))
        .await;
    assert_eq!(isp.dump("ab_").await.len(), 2);
}

#[tokio::test]
async fn of_eight_who_name_an_address_at_once_one_does() {
    let ids: Vec<String> = (0..8).map(|at| format!("s{at}")).collect();
    let isp = with_subscribers(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let came = join_all(ids.iter().enumerate().map(|(at, id)| {
        // All of these overlap.
        isp.try_run(put_profile(with_prefix(id, &format!("2001:db8::/{}", 48 + at))))
    }))
    .await;
    assert_eq!(came.iter().filter(|came| came.is_ok()).count(), 1);
    let codes: Vec<ErrorCode> = came
        .into_iter()
        .filter_map(Result::err)
        .map(|error| error.code)
        .collect();
    assert_eq!(codes, [ErrorCode::AddressConflict; 7]);
}
