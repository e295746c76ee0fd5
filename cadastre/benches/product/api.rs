//! The few calls that set up what is measured.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::Outcome;
use crate::client::{self, Connection, request};
use crate::process::{PASSWORD, Product};

/// A caller who has logged in as `admin`.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
}

impl Session {
    pub(crate) async fn open(product: &Product) -> Outcome<Self> {
        let address = product.address;
        let body = json!({"username": "admin", "password": PASSWORD}).to_string();
        let answer = client::once(
            address,
            &request("POST", "/api/v1/auth/login", None, Some(&body)),
            200,
        )
        .await?;
        let token = text(&serde_json::from_slice(&answer)?, "accessToken")?;
        Ok(Self { address, token })
    }

    /// A request for something.
    pub(crate) fn get(&self, path: &str) -> Vec<u8> {
        request("GET", path, Some(&self.token), None)
    }

    /// A request that makes something.
    pub(crate) fn post(&self, path: &str, body: &str) -> Vec<u8> {
        request("POST", path, Some(&self.token), Some(body))
    }

    /// A request that removes something.
    pub(crate) fn delete(&self, path: &str) -> Vec<u8> {
        request("DELETE", path, Some(&self.token), None)
    }

    /// Gets a body.
    pub(crate) async fn fetch(&self, path: &str) -> Outcome<Vec<u8>> {
        client::once(self.address, &self.get(path), 200).await
    }

    async fn make(&self, path: &str, body: &Value) -> Outcome<Value> {
        let answer = client::once(self.address, &self.post(path, &body.to_string()), 201).await?;
        Ok(serde_json::from_slice(&answer)?)
    }

    /// Makes a space; its path.
    pub(crate) async fn space(&self, name: &str) -> Outcome<String> {
        let space = self.make("/api/v1/addressspaces", &json!({"name": name})).await?;
        Ok(format!("/api/v1/addressspaces/{}", text(&space, "id")?))
    }

    /// Defines an inheritable tag; `implies` as in the API.
    pub(crate) async fn tag(&self, space: &str, name: &str, implies: Value) -> Outcome<()> {
        let body = json!({"name": name, "type": "Inheritable", "implies": implies});
        self.make(&format!("{space}/tags"), &body).await.map(|_| ())
    }

    /// Makes a node; its path.
    pub(crate) async fn node(&self, space: &str, prefix: &str, tags: Value) -> Outcome<String> {
        let node = self
            .make(&format!("{space}/ips"), &json!({"prefix": prefix, "tags": tags}))
            .await?;
        Ok(format!("{space}/ips/{}", text(&node, "id")?))
    }

    /// Follows the pages of a list until so many items have been passed; the path of the next page of 100.
    pub(crate) async fn page_behind(&self, list: &str, items: usize) -> Outcome<String> {
        let mut connection = Connection::open(self.address).await?;
        let mut cursor = String::new();
        let mut passed = 0;
        while passed < items {
            let path = format!("{list}?limit={}{cursor}", (items - passed).min(1000));
            let answer = connection.call(&self.get(&path)).await?;
            if answer.status != 200 {
                return Err(format!("GET {path}: {} {}", answer.status, answer.text()).into());
            }
            passed += serde_json::from_slice::<Vec<serde::de::IgnoredAny>>(answer.body)?.len();
            let next = next_cursor(answer.header("link"));
            cursor = format!(
                "&cursor={}",
                next.ok_or_else(|| format!("{list} ends after {passed} items"))?
            );
        }
        Ok(format!("{list}?limit=100{cursor}"))
    }
}

/// The cursor in a `Link` header.
pub(crate) fn next_cursor(link: Option<&str>) -> Option<&str> {
    let (path, rest) = link?.strip_prefix('<')?.split_once('>')?;
    let (_, query) = path.split_once('?').filter(|_| rest.contains("rel=\"next\""))?;
    query.split('&').find_map(|pair| pair.strip_prefix("cursor="))
}

fn text(value: &Value, field: &str) -> Outcome<String> {
    let text = value.get(field).and_then(Value::as_str);
    text.map(str::to_owned)
        .ok_or_else(|| format!("no {field} in {value}").into())
}
