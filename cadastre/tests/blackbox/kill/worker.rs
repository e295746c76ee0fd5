//! A client that writes as fast as it is answered, and knows what it was told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, IteratorRandom as _};
use rand::{Rng as _, SeedableRng as _};
use reqwest::Method;

use super::region::{Node, Region, contains, parse, text};
use crate::support::{Answer, Space, Value, json, pages};

/// A creation that can be asked for again.
struct Keyed {
    key: String,
    body: Value,
    id: Option<String>,
}

/// The part of the space that only this worker changes is `10.{number}.0.0/16`, and the tags `w{number}.*`.
pub(super) struct Worker {
    number: usize,
    space: Space,
    random: StdRng,
    /// What was acknowledged.
    region: Region,
    /// What would hold if the request under way was carried out.
    under_way: Option<Region>,
    keyed: Option<Keyed>,
    removed: VecDeque<String>,
    counter: usize,
    pub(super) acknowledged: usize,
}

impl Worker {
    pub(super) fn new(number: usize, space: Space, seed: u64) -> Self {
        Self {
            number,
            space,
            random: StdRng::seed_from_u64(seed),
            region: Region::default(),
            under_way: None,
            keyed: None,
            removed: VecDeque::new(),
            counter: 0,
            acknowledged: 0,
        }
    }

    pub(super) fn region(&self) -> &Region {
        &self.region
    }

    fn container(&self) -> (u32, u8) {
        (10 << 24 | u32::try_from(self.number).unwrap() << 16, 16)
    }

    /// Writes until the server is gone.
    pub(super) fn write_until(&mut self, dead: &AtomicBool) {
        while !dead.load(Ordering::Relaxed) {
            let room = self.region.nodes.len();
            let done = match self.random.random_range(0..10) {
                0 => self.define(),
                1 => self.undefine(),
                2..=5 if room < 30 => self.create(),
                6 | 7 if room > 0 => self.retag(),
                8 | 9 if room > 0 => self.delete(),
                _ => self.create(),
            };
            if done.is_err() {
                return;
            }
        }
    }

    /// Sends a change; `Err` if no answer came.
    fn send(
        &mut self,
        (method, rest, body): (Method, &str, Option<&Value>),
        key: Option<&str>,
        after: Region,
    ) -> Result<Answer, ()> {
        self.under_way = Some(after);
        let mut request = self.space.client.request(method, &self.space.path(rest));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.try_send().map_err(drop)?;
        if (200..300).contains(&answer.status) {
            self.acknowledged += 1;
            self.region = self.under_way.take().unwrap();
        } else {
            // Nobody else is at work here, so nothing of this can be refused for a good reason.
            assert!(
                answer.status == 409 && answer.error()["code"] == "Contention",
                "{answer:?}"
            );
            self.under_way = None;
        }
        Ok(answer)
    }

    fn tags(&mut self) -> BTreeMap<String, String> {
        let mut tags = BTreeMap::new();
        for (tag, letter) in [("Owner", 'o'), ("Site", 's'), ("Note", 'n')] {
            if self.random.random_bool(0.5) {
                // Each of these values of Site implies a Region, which keeps the rule of removal simple.
                tags.insert(
                    tag.to_owned(),
                    format!("{letter}{}", self.random.random_range(0..3)),
                );
            }
        }
        if let (true, Some(own)) = (
            self.random.random_bool(0.2),
            self.region.tags.keys().choose(&mut self.random),
        ) {
            tags.insert(own.clone(), "v".to_owned());
        }
        tags
    }

    fn create(&mut self) -> Result<(), ()> {
        let container = self.container();
        let prefix = if self.region.nodes.contains_key(&container) {
            let length = *[18, 20, 22, 24, 32].choose(&mut self.random).unwrap();
            let below: u32 = self.random.random_range(0..16) << 12
                | self.random.random_range(0..4) << 8
                | self.random.random_range(0..4);
            ((container.0 | below) & (u32::MAX << (32 - length)), length)
        } else {
            container
        };
        if self.region.nodes.contains_key(&prefix) {
            return Ok(());
        }
        self.counter += 1;
        let node = Node {
            id: None,
            tags: self.tags(),
            description: format!("change {}", self.counter),
        };
        let body = json!({ "prefix": text(prefix), "tags": node.tags, "description": node.description });
        let mut after = self.region.clone();
        after.nodes.insert(prefix, node);
        let key = format!("w{}-{}", self.number, self.counter);
        self.keyed = Some(Keyed {
            key: key.clone(),
            body: body.clone(),
            id: None,
        });
        let answer = self.send((Method::POST, "/ips", Some(&body)), Some(&key), after)?;
        if answer.status == 201 {
            let id = answer.json()["id"].as_str().unwrap().to_owned();
            self.region.nodes.get_mut(&prefix).unwrap().id = Some(id.clone());
            self.keyed = Some(Keyed {
                key,
                body,
                id: Some(id),
            });
        } else {
            self.keyed = None;
        }
        Ok(())
    }

    fn any_node(&mut self) -> ((u32, u8), String) {
        let (prefix, node) = self.region.nodes.iter().choose(&mut self.random).unwrap();
        (*prefix, node.id.clone().unwrap())
    }

    fn retag(&mut self) -> Result<(), ()> {
        let (prefix, id) = self.any_node();
        self.counter += 1;
        let (tags, description) = (self.tags(), format!("change {}", self.counter));
        let body = json!({ "tags": tags, "description": description });
        let mut after = self.region.clone();
        let node = after.nodes.get_mut(&prefix).unwrap();
        (node.tags, node.description) = (tags, description);
        self.send((Method::PUT, &format!("/ips/{id}"), Some(&body)), None, after)
            .map(drop)
    }

    fn delete(&mut self) -> Result<(), ()> {
        let (prefix, id) = self.any_node();
        let mut after = self.region.clone();
        after.remove(prefix);
        let answer = self.send((Method::DELETE, &format!("/ips/{id}"), None), None, after)?;
        if answer.status == 204 {
            self.removed.push_front(id);
            self.removed.truncate(10);
        }
        Ok(())
    }

    fn define(&mut self) -> Result<(), ()> {
        self.counter += 1;
        let name = format!("w{}.{}", self.number, self.random.random_range(0..4));
        let description = format!("change {}", self.counter);
        let mut after = self.region.clone();
        let known = after.tags.insert(name.clone(), description.clone()).is_some();
        let body = json!({ "name": name, "type": "Inheritable", "description": description });
        let one = format!("/tags/{name}");
        let (method, rest) = if known {
            (Method::PUT, one.as_str())
        } else {
            (Method::POST, "/tags")
        };
        self.send((method, rest, Some(&body)), None, after).map(drop)
    }

    fn undefine(&mut self) -> Result<(), ()> {
        let used = |name: &String| {
            self.region
                .nodes
                .values()
                .any(|node| node.tags.contains_key(name))
        };
        let Some(name) = self.region.tags.keys().find(|name| !used(name)).cloned() else {
            return Ok(());
        };
        let mut after = self.region.clone();
        after.tags.remove(&name);
        self.send((Method::DELETE, &format!("/tags/{name}"), None), None, after)
            .map(drop)
    }

    /// After a restart: what is there is what was acknowledged, with or without the request that was under way.
    pub(super) fn settle(&mut self, round: usize) {
        let (found, tags) = self.found();
        let under_way = self.under_way.take();
        if let Some(after) = under_way.clone().filter(|after| after.matches(&found, &tags)) {
            self.region = after;
        } else {
            let acknowledged = self.region.matches(&found, &tags);
            assert!(
                acknowledged,
                "round {round}, worker {}: the server has\n{found:#?}\n{tags:?}\nacknowledged is\n{:#?}\nunder way was\n{under_way:#?}",
                self.number, self.region
            );
        }
        self.region.learn(&found);
        for id in &self.removed {
            self.space.get(&format!("/ips/{id}")).refused(404, "NotFound");
        }
        self.ask_again();
    }

    /// The last creation, asked for again with its key: done once, whether or not its answer came.
    fn ask_again(&mut self) {
        let Some(Keyed { key, body, id }) = self.keyed.take() else {
            return;
        };
        let prefix = parse(body["prefix"].as_str().unwrap());
        let there = self.region.nodes.contains_key(&prefix);
        let request = self
            .space
            .client
            .request(Method::POST, &self.space.path("/ips"))
            .header("idempotency-key", &key);
        let answer = request.json(&body).send();
        let made = answer.clone().made();
        if let Some(id) = &id {
            assert_eq!(
                (&made["id"], answer.header("idempotency-replayed")),
                (&json!(id), Some("true")),
                "{body}"
            );
        }
        if there {
            let now = &self.region.nodes[&prefix];
            assert!(
                id.is_some() || now.id.as_deref() == made["id"].as_str(),
                "{body} was carried out twice"
            );
        } else if id.is_none() {
            let (found, tags) = self.found();
            let mut after = self.region.clone();
            let tags_of = serde_json::from_value(body["tags"].clone()).unwrap();
            let description = body["description"].as_str().unwrap().to_owned();
            after.nodes.insert(
                prefix,
                Node {
                    id: None,
                    tags: tags_of,
                    description,
                },
            );
            assert!(
                after.matches(&found, &tags),
                "{body} was answered 201 and is not there"
            );
            after.learn(&found);
            self.region = after;
        }
    }

    fn found(&self) -> (BTreeMap<(u32, u8), Value>, BTreeMap<String, String>) {
        let own = |prefix: (u32, u8)| contains(self.container(), prefix);
        let nodes = pages::all(&self.space.client, &self.space.path("/ips"), 1000, "id")
            .into_iter()
            .map(|node| (parse(node["prefix"].as_str().unwrap()), node))
            .filter(|(prefix, _)| own(*prefix))
            .collect();
        let stem = format!("w{}.", self.number);
        let tags = pages::all(&self.space.client, &self.space.path("/tags"), 1000, "name")
            .into_iter()
            .map(|tag| {
                (
                    tag["name"].as_str().unwrap().to_owned(),
                    tag["description"].as_str().unwrap().to_owned(),
                )
            })
            .filter(|(name, _)| name.starts_with(&stem))
            .collect();
        (nodes, tags)
    }
}
