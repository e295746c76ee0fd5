//! Whatever a client sends: a 4xx in the one shape of errors with a sentence that says what to do, nothing changed,
//! nothing panicked.

mod bodies;
mod requests;
mod texts;
mod tokens;

use crate::support::{Answer, Deployment, Space, Value, json};

/// A space with something in it, and what it held before the test began.
struct Witness<'a> {
    at: &'a Deployment,
    space: Space,
    /// A node of the space.
    node: String,
    before: Value,
}

impl<'a> Witness<'a> {
    fn new(at: &'a Deployment) -> Self {
        let space = at.space();
        space.define(json!({ "name": "Region", "type": "Inheritable", "knownValues": ["eu", "us"] }));
        space.tag("Owner");
        let node = space.node("10.0.0.0/8", json!({ "Region": "eu" }));
        space.node("2001:db8::/32", json!({}));
        let before = space.dump();
        Self {
            at,
            space,
            node,
            before,
        }
    }

    /// The paths that take a body, with their methods.
    fn writes(&self) -> Vec<(reqwest::Method, String)> {
        use reqwest::Method;
        vec![
            (Method::POST, "/api/v1/addressspaces".to_owned()),
            (Method::PUT, self.space.path("")),
            (Method::POST, self.space.path("/tags")),
            (Method::PUT, self.space.path("/tags/Owner")),
            (Method::POST, self.space.path("/ips")),
            (Method::PUT, self.space.path(&format!("/ips/{}", self.node))),
            (Method::POST, "/api/v1/users".to_owned()),
            (Method::PUT, "/api/v1/users/admin".to_owned()),
            (Method::POST, "/api/v1/users/admin/roles".to_owned()),
            (Method::POST, "/api/v1/auth/tokens".to_owned()),
            (Method::POST, "/api/v1/auth/login".to_owned()),
            (Method::POST, "/api/v1/auth/refresh".to_owned()),
        ]
    }

    /// Fails if anything has changed or panicked.
    #[track_caller]
    fn assert_untouched(&self) {
        assert_eq!(self.space.dump(), self.before);
        self.at.assert_no_panic();
    }
}

/// Fails unless the answer is a refusal in the one shape of errors that is the client's fault.
#[track_caller]
fn assert_refused(answer: &Answer, why: &str) -> Value {
    assert!((400..500).contains(&answer.status), "{why}: {answer:?}");
    answer.error()
}
