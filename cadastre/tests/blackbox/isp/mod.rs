//! The provider's side: pools, reservations, subscribers and their use cases, as an operator's scripts call them.

mod flow;
mod graphql;
mod pools;
mod refusals;
mod webhooks;

use crate::support::{Answer, Client, Deployment, Space, Value, json, unique};

/// A space of its own, as its administrator sees it.
struct Provider {
    space: Space,
}

impl Provider {
    fn new(at: &Deployment) -> Self {
        Self { space: at.space() }
    }

    fn client(&self) -> &Client {
        &self.space.client
    }

    /// A path with the space.
    fn at(&self, path: &str) -> String {
        let sign = if path.contains('?') { '&' } else { '?' };
        format!("/api/v1{path}{sign}addressSpaceId={}", self.space.id)
    }

    fn get(&self, path: &str) -> Answer {
        self.client().get(&self.at(path))
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        self.client().post(&self.at(path), body)
    }

    fn put(&self, path: &str, body: &Value) -> Answer {
        self.client().put(&self.at(path), body)
    }

    fn delete(&self, path: &str) -> Answer {
        self.client().delete(&self.at(path))
    }

    /// Makes a pool; its id.
    #[track_caller]
    fn pool(&self, pool_type: &str, network: &str, more: &Value) -> String {
        let mut body = json!({ "poolName": unique("pool"), "poolType": pool_type, "networkCidr": network });
        for (field, value) in more.as_object().unwrap() {
            body[field] = value.clone();
        }
        id(&self.post("/ip-management/pools", &body).made())
    }

    #[track_caller]
    fn pool_now(&self, pool: &str) -> Value {
        self.get(&format!("/ip-management/pools/{pool}")).ok()
    }

    /// Makes a plan; its id.
    #[track_caller]
    fn plan(&self, features: &Value) -> String {
        let body = json!({ "name": unique("plan"), "features": features });
        id(&self.post("/plans", &body).made())
    }

    /// Makes a subscriber; its id.
    #[track_caller]
    fn subscriber(&self) -> String {
        id(&self.post("/subscribers", &json!({ "id": unique("sub") })).made())
    }

    #[track_caller]
    fn use_case(&self, subscriber: &str, what: &str, body: &Value) -> Value {
        self.post(&format!("/subscribers/{subscriber}/{what}"), body).ok()
    }

    /// Addresses that a subscriber holds.
    #[track_caller]
    fn held(&self, subscriber: &str) -> Vec<String> {
        let found = self
            .get(&format!("/ip-management/subscribers/{subscriber}/ips"))
            .ok();
        let text = |one: &Value| one["ipAddress"].as_str().unwrap().to_owned();
        found.as_array().unwrap().iter().map(text).collect()
    }
}

#[track_caller]
fn id(made: &Value) -> String {
    made["id"].as_str().unwrap().to_owned()
}

/// Counters of a pool as numbers: reserved, assigned, resting, excluded, available.
#[track_caller]
fn counts(pool: &Value) -> [u64; 5] {
    [
        "reservedCount",
        "assignedCount",
        "restingCount",
        "excludedCount",
        "availableCount",
    ]
    .map(|field| pool[field].as_str().unwrap().parse().unwrap())
}
