//! The callers of the walk: nobody, somebody without a role, the system administrator, and each role of a space
//! in the right space, in another one, and narrowed to a subtree of the right one.

use crate::support::{Client, Deployment, Grant, Space, json};

/// Where an actor's role holds, seen from the space that is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Everywhere.
    System,
    /// The whole space.
    Space,
    /// `10.1.0.0/16` of the space.
    Subtree,
    /// Another space, or nowhere.
    Elsewhere,
    /// There is no token.
    Nobody,
}

/// What an actor may do where the role holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    None,
    Viewer,
    Operator,
    Admin,
}

impl Rank {
    fn role(self) -> &'static str {
        match self {
            Self::None => unreachable!("no role has no name"),
            Self::Viewer => "AddressSpaceViewer",
            Self::Operator => "AddressSpaceOperator",
            Self::Admin => "AddressSpaceAdmin",
        }
    }
}

/// A caller.
pub(super) struct Actor {
    pub(super) name: String,
    pub(super) user: Option<String>,
    pub(super) client: Client,
    pub(super) rank: Rank,
    pub(super) reach: Reach,
}

/// Everybody, and the space that is called.
pub(super) struct Cast<'a> {
    pub(super) at: &'a Deployment,
    pub(super) actors: Vec<Actor>,
    pub(super) space: Space,
    /// A node in everybody's subtree.
    pub(super) node: String,
}

/// The subtree of those who have one.
pub(super) const SUBTREE: &str = "10.1.0.0/16";

impl<'a> Cast<'a> {
    pub(super) fn new(at: &'a Deployment) -> Self {
        let (space, other) = (at.space(), at.space());
        space.tag("Region");
        space.node("10.0.0.0/8", json!({ "Region": "r" }));
        space.node(SUBTREE, json!({}));
        let node = space.node("10.1.1.0/24", json!({}));
        let mut actors = vec![Actor {
            name: "nobody".to_owned(),
            user: None,
            client: at.client(),
            rank: Rank::None,
            reach: Reach::Nobody,
        }];
        let mut add = |name: String, grants: &[Grant], rank, reach| {
            let user = at.user(grants);
            actors.push(Actor {
                name,
                user: Some(user.name),
                client: user.client,
                rank,
                reach,
            });
        };
        add(
            "a user without a role".to_owned(),
            &[],
            Rank::None,
            Reach::Elsewhere,
        );
        add(
            "a SystemAdmin".to_owned(),
            &[Grant::system()],
            Rank::Admin,
            Reach::System,
        );
        for rank in [Rank::Viewer, Rank::Operator, Rank::Admin] {
            let role = rank.role();
            add(
                format!("an {role} of the space"),
                &[Grant::new(role, &space.id)],
                rank,
                Reach::Space,
            );
            add(
                format!("an {role} of {SUBTREE}"),
                &[Grant::within(role, &space.id, SUBTREE)],
                rank,
                Reach::Subtree,
            );
            add(
                format!("an {role} of another space"),
                &[Grant::new(role, &other.id)],
                rank,
                Reach::Elsewhere,
            );
        }
        Self {
            at,
            actors,
            space,
            node,
        }
    }

    /// A new space in which the actor has the same role as in the one that is called.
    pub(super) fn space_like(&self, actor: &Actor) -> Space {
        let space = self.at.space();
        let grant = match actor.reach {
            Reach::Space => Grant::new(actor.rank.role(), &space.id),
            Reach::Subtree => Grant::within(actor.rank.role(), &space.id, SUBTREE),
            Reach::System | Reach::Elsewhere | Reach::Nobody => return space,
        };
        let roles = format!("/api/v1/users/{}/roles", actor.user.as_ref().unwrap());
        self.at.admin().post(&roles, &grant.body()).made();
        space
    }
}
