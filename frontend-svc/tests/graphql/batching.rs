//! Many fields make few reads.

use serde_json::json;

use crate::client::Api;

/// Fifty subscribers, each with an address of one of five pools.
async fn fifty() -> Api {
    let api = Api::start().await;
    let mut pools = Vec::new();
    for n in 0..5 {
        pools.push(api.pool(&format!("Pool {n}"), &format!("10.{n}.0.0/24")).await);
    }
    let query = "mutation($s: ID!, $t: String!, $p: ID!) { createSubscriber(input: { id: $s }) { id } \
        assignIPAuto(subscriberId: $t, poolId: $p) { id } }";
    for n in 0..50 {
        let subscriber = format!("sub-{n:02}");
        api.data(
            query,
            json!({ "s": subscriber, "t": subscriber, "p": pools[n % 5] }),
        )
        .await;
    }
    api.reads();
    api
}

#[actix_web::test]
async fn fifty_reservations_with_their_pools_and_subscribers_cost_three_reads() {
    let api = fifty().await;
    let found = api
        .data(
            "{ ipReservations { ipAddress pool { poolName status availableCount utilizationPercent } subscriber { id status \
             } } }",
            json!({}),
        )
        .await;
    let found = found["ipReservations"].as_array().unwrap();
    assert_eq!(found.len(), 50);
    assert!(
        found
            .iter()
            .all(|one| one["pool"]["availableCount"] == "244" && one["subscriber"]["id"].is_string())
    );
    assert_eq!(
        api.reads().into_iter().collect::<Vec<_>>(),
        [("isp_ask", 1), ("isp_get", 1), ("isp_list", 1)]
    );
}

#[actix_web::test]
async fn numbers_of_pools_are_read_when_they_are_asked_for_and_once() {
    let api = fifty().await;
    api.data("{ ipPools { poolName networkCidr } }", json!({})).await;
    assert_eq!(api.reads().into_iter().collect::<Vec<_>>(), [("isp_list", 1)]);
    let counts = "{ ipPools { status totalAddresses reservedCount assignedCount restingCount excludedCount availableCount \
        utilizationPercent nodeId tags resolvedTags } }";
    api.data(counts, json!({})).await;
    assert_eq!(
        api.reads().into_iter().collect::<Vec<_>>(),
        [("isp_ask", 1), ("isp_list", 1)],
        "counts do not ask for days"
    );
    let forecast =
        "{ ipPools { totalAddresses availableCount utilization { available projection { reason } } tags } }";
    api.data(forecast, json!({})).await;
    assert_eq!(
        api.reads().into_iter().collect::<Vec<_>>(),
        [("isp_ask", 1), ("isp_ask for days", 1), ("isp_list", 1)]
    );
}

#[actix_web::test]
async fn statistics_do_not_read_the_alerts_to_count_those_that_stand() {
    let api = fifty().await;
    let found = api
        .data("{ ipStats { openAlerts totals { pools } } }", json!({}))
        .await;
    assert_eq!(found["ipStats"]["openAlerts"], "0");
    assert_eq!(
        api.reads().into_iter().collect::<Vec<_>>(),
        [("isp_ask", 2), ("isp_list", 1)],
        "pools, figures, the last reservations"
    );
}

#[actix_web::test]
async fn profiles_and_plans_of_many_subscribers_are_read_together_and_so_is_what_many_fields_ask_for() {
    let api = fifty().await;
    api.data(
        "{ subscribers { nodes { id networkProfile { vlanId } plan { name } } } }",
        json!({}),
    )
    .await;
    assert_eq!(
        api.reads().into_iter().collect::<Vec<_>>(),
        [("isp_get", 1), ("isp_list", 1)]
    );
    let fields: String = (0..50)
        .map(|n| format!("a{n}: subscriber(id: \"sub-{n:02}\") {{ id }} "))
        .collect();
    let found = api.data(&format!("{{ {fields} }}"), json!({})).await;
    assert_eq!(found["a49"]["id"], "sub-49");
    assert_eq!(api.reads().into_iter().collect::<Vec<_>>(), [("isp_get", 1)]);
}
