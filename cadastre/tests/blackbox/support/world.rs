//! Spaces and users of a test's own.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use super::pages;
use super::{Answer, Client, Deployment, Value, json};

/// Password of every user but `admin`.
pub(crate) const PASSWORD: &str = "seven small boats sail at dawn";

/// A name that no other test has, in this run or an earlier one.
pub(crate) fn unique(stem: &str) -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    format!(
        "{stem}-{}-{}",
        std::process::id(),
        COUNTER.fetch_add(1, Ordering::Relaxed)
    )
}

/// A role for a new user.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) role: &'static str,
    pub(crate) space: String,
    pub(crate) prefix: Option<String>,
}

impl Grant {
    pub(crate) fn system() -> Self {
        Self {
            role: "SystemAdmin",
            space: "SYSTEM".to_owned(),
            prefix: None,
        }
    }

    pub(crate) fn new(role: &'static str, space: &str) -> Self {
        Self {
            role,
            space: space.to_owned(),
            prefix: None,
        }
    }

    pub(crate) fn within(role: &'static str, space: &str, prefix: &str) -> Self {
        Self {
            role,
            space: space.to_owned(),
            prefix: Some(prefix.to_owned()),
        }
    }

    pub(crate) fn body(&self) -> Value {
        let mut body = json!({ "role": self.role, "addressSpaceId": self.space });
        if let Some(prefix) = &self.prefix {
            body["prefix"] = json!(prefix);
        }
        body
    }
}

/// A user of a test's own, logged in.
#[derive(Clone)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) client: Client,
}

impl Deployment {
    /// A new user with these roles, logged in from an address of their own.
    #[track_caller]
    pub(crate) fn user(&self, grants: &[Grant]) -> User {
        let (admin, name) = (self.admin(), unique("user"));
        admin
            .post(
                "/api/v1/users",
                &json!({ "username": name, "password": PASSWORD }),
            )
            .made();
        for grant in grants {
            admin
                .post(&format!("/api/v1/users/{name}/roles"), &grant.body())
                .made();
        }
        User {
            client: self.client().logged_in(&name, PASSWORD),
            name,
        }
    }

    /// A new space, seen as the administrator.
    #[track_caller]
    pub(crate) fn space(&self) -> Space {
        let client = self.admin();
        let name = unique("space");
        let made = client
            .post("/api/v1/addressspaces", &json!({ "name": name }))
            .made();
        Space {
            id: made["id"].as_str().unwrap().to_owned(),
            name,
            client,
        }
    }
}

/// A space, seen as some caller.
#[derive(Clone)]
pub(crate) struct Space {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) client: Client,
}

impl Space {
    /// The same space, seen as somebody else.
    pub(crate) fn seen_by(&self, client: &Client) -> Self {
        Self {
            client: client.clone(),
            ..self.clone()
        }
    }

    /// A path beneath the space.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/api/v1/addressspaces/{}{rest}", self.id)
    }

    pub(crate) fn get(&self, rest: &str) -> Answer {
        self.client.get(&self.path(rest))
    }

    pub(crate) fn post(&self, rest: &str, body: &Value) -> Answer {
        self.client.post(&self.path(rest), body)
    }

    pub(crate) fn put(&self, rest: &str, body: &Value) -> Answer {
        self.client.put(&self.path(rest), body)
    }

    pub(crate) fn delete(&self, rest: &str) -> Answer {
        self.client.delete(&self.path(rest))
    }

    /// Defines an inheritable tag that takes any value.
    #[track_caller]
    pub(crate) fn tag(&self, name: &str) -> Value {
        self.define(json!({ "name": name, "type": "Inheritable" }))
    }

    /// Defines a tag.
    #[track_caller]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "reads better at the place of the call"
    )]
    pub(crate) fn define(&self, body: Value) -> Value {
        self.post("/tags", &body).made()
    }

    /// Makes a node; the answer is its id.
    #[track_caller]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "reads better at the place of the call"
    )]
    pub(crate) fn node(&self, prefix: &str, tags: Value) -> String {
        let made = self
            .post("/ips", &json!({ "prefix": prefix, "tags": tags }))
            .made();
        made["id"].as_str().unwrap().to_owned()
    }

    /// The node of a prefix, as the list by prefix answers it.
    #[track_caller]
    pub(crate) fn by_prefix(&self, prefix: &str) -> Value {
        let found = self.get(&format!("/ips?prefix={prefix}")).ok();
        assert_eq!(found.as_array().unwrap().len(), 1, "{prefix}: {found}");
        found[0].clone()
    }

    /// Prefixes of a list.
    #[track_caller]
    pub(crate) fn prefixes(&self, rest: &str) -> Vec<String> {
        pages::listed(&self.client, &self.path(rest), "prefix")
    }

    /// Resolved tags of every node by prefix.
    #[track_caller]
    pub(crate) fn resolved(&self) -> BTreeMap<String, Value> {
        let nodes = pages::all(&self.client, &self.path("/ips"), 1000, "id");
        nodes
            .into_iter()
            .map(|node| {
                (
                    node["prefix"].as_str().unwrap().to_owned(),
                    node["resolvedTags"].clone(),
                )
            })
            .collect()
    }

    /// Everything that the space holds.
    #[track_caller]
    pub(crate) fn dump(&self) -> Value {
        json!({
            "space": self.get("").ok(),
            "tags": pages::all(&self.client, &self.path("/tags"), 1000, "name"),
            "ips": pages::all(&self.client, &self.path("/ips"), 1000, "id"),
        })
    }
}
