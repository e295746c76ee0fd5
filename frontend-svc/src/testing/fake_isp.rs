//! The provider's side in memory: things are kept as commands bring them, without the rules of the real thing.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "whatever these tests do not ask for makes and removes nothing"
)]

use std::collections::BTreeMap;

use cadastre_api_types::internal::*;
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::isp::{
    Entity, EntityKey, EntityKind, Kept, Pool, PoolStatus, Reservation, ReservationStatus,
};
use cadastre_domain::tags::ExplicitTags;
use jiff::Timestamp;
use parking_lot::Mutex;
use uuid::Uuid;

/// Things by space and key, and the commands that came.
#[derive(Default)]
pub(crate) struct FakeIsp {
    things: Mutex<BTreeMap<(Uuid, EntityKey), Kept<Entity>>>,
    commands: Mutex<Vec<(Uuid, IspCommand)>>,
    findings: Mutex<Vec<Finding>>,
}

impl FakeIsp {
    /// The command that came last, and to which space.
    pub(crate) fn last_command(&self) -> Option<(Uuid, IspCommand)> {
        self.commands.lock().last().cloned()
    }

    /// What is found from now on when somebody looks for conflicts.
    pub(crate) fn find(&self, findings: Vec<Finding>) {
        *self.findings.lock() = findings;
    }

    pub(super) fn get(&self, request: &IspGet) -> Vec<Option<Kept<Entity>>> {
        let things = self.things.lock();
        let keys = request.keys.iter();
        keys.map(|key| things.get(&(request.space, key.clone())).cloned())
            .collect()
    }

    pub(super) fn list(&self, request: &IspList) -> Listed<Kept<Entity>> {
        let kind = match &request.list {
            IspListing::Pools(_) => EntityKind::Pool,
            IspListing::Reservations(_) => EntityKind::Reservation,
            IspListing::Subscribers(_) => EntityKind::Subscriber,
            IspListing::Plans => EntityKind::Plan,
            IspListing::Profiles => EntityKind::Profile,
            IspListing::VlanPools { .. } => EntityKind::VlanPool,
            IspListing::VlanBindings(_) => EntityKind::VlanBinding,
            IspListing::Templates => EntityKind::Template,
            IspListing::Webhooks => EntityKind::Webhook,
            IspListing::Alerts { .. } => EntityKind::Alert,
            IspListing::Outbox { .. } => EntityKind::Outbox,
        };
        let things = self.things.lock();
        let of_kind: Vec<Kept<Entity>> = things
            .iter()
            .filter(|((space, key), _)| *space == request.space && key.kind() == kind)
            .map(|(_, kept)| kept.clone())
            .collect();
        let from = request
            .page
            .after
            .as_ref()
            .map_or(0, |after| after.parse().unwrap());
        let to = (from + request.page.limit).min(of_kind.len());
        Listed {
            items: of_kind[from..to].to_vec(),
            next: (to < of_kind.len()).then(|| to.to_string()),
        }
    }

    pub(super) fn ask(&self, request: &IspAsk) -> Result<IspAnswer, ApiError> {
        let things = self.things.lock();
        let of = |wanted: Option<&[Uuid]>| {
            things
                .iter()
                .filter(|((space, _), _)| *space == request.space)
                .filter_map(|(_, kept)| match &kept.value {
                    Entity::Pool(pool) if wanted.is_none_or(|ids| ids.contains(&pool.id)) => {
                        Some(figures(pool))
                    }
                    _other => None,
                })
                .collect()
        };
        let nothing = || Listed {
            items: Vec::new(),
            next: None,
        };
        match &request.question {
            IspQuestion::Figures { pool_ids, .. } => Ok(IspAnswer::Figures(of(Some(pool_ids)))),
            IspQuestion::AllFigures => Ok(IspAnswer::Figures(of(None))),
            IspQuestion::Available { .. } => Ok(IspAnswer::Available(Vec::new())),
            IspQuestion::Conflicts { pool_id, .. } => Ok(IspAnswer::Conflicts {
                pool_id: *pool_id,
                findings: self.findings.lock().clone(),
            }),
            IspQuestion::Standing(_) => Ok(IspAnswer::Standing(Listed {
                items: Vec::new(),
                next: None,
            })),
            IspQuestion::Costs(times) => Ok(IspAnswer::Costs(vec![Vec::new(); times.len()])),
            IspQuestion::Life { .. } | IspQuestion::Recent { .. } => Ok(IspAnswer::Things(nothing())),
            IspQuestion::Holdings(subscribers) => Ok(IspAnswer::Things(Listed {
                items: things
                    .values()
                    .filter(|kept| {
                        let held = kept.value.reservation();
                        held.is_some_and(|one| one.status.is_active() && subscribers.contains(&one.subscriber_id))
                    })
                    .cloned()
                    .collect(),
                next: None,
            })),
            IspQuestion::Held { subscriber_id, .. } => Ok(IspAnswer::Things(Listed {
                items: things
                    .values()
                    .filter(|kept| matches!(&kept.value, Entity::Reservation(one) if one.subscriber_id == *subscriber_id))
                    .cloned()
                    .collect(),
                next: None,
            })),
        }
    }

    pub(super) fn command(
        &self,
        request: SpaceCommandRequest,
        now: Timestamp,
    ) -> Result<CommandOutcome, ApiError> {
        let SpaceCommandRequest {
            space,
            command: SpaceCommand::Isp(command),
            options,
        } = request
        else {
            return Err(ApiError::new(ErrorCode::Internal, "not part of these tests"));
        };
        let mut things = self.things.lock();
        let made = made(&command, now);
        let removed = match &*command {
            IspCommand::DeletePool { id } => Some(EntityKey::Pool(*id)),
            IspCommand::DeleteSubscriber { id } => Some(EntityKey::Subscriber(id.clone())),
            IspCommand::DeleteProfile { subscriber_id } => Some(EntityKey::Profile(subscriber_id.clone())),
            IspCommand::DeleteThing { key } => Some(key.clone()),
            _other => None,
        };
        let key = made.first().map(Entity::key).or_else(|| removed.clone());
        let before = key.and_then(|key| things.get(&(space, key)).cloned());
        let revision = before.as_ref().map(|kept| kept.revision);
        if let Some(tags) = &options.if_match
            && !revision.is_some_and(|revision| tags.matches(revision))
        {
            return Err(ApiError::new(ErrorCode::PreconditionFailed, "stale"));
        }
        if removed.is_some() && before.is_none() {
            return Err(ApiError::not_found("thing"));
        }
        let kept: Vec<Kept<Entity>> = made
            .into_iter()
            .map(|value| Kept {
                value,
                created: before.as_ref().map_or(now, |kept| kept.created),
                modified: now,
                revision: revision.unwrap_or(0) + 1,
            })
            .collect();
        if options.dry_run {
            let image = |kept: Kept<Entity>| Image::Entity(Box::new(kept));
            return Ok(CommandOutcome::Planned {
                changes: vec![ImageChange {
                    before: before.map(image),
                    after: kept.into_iter().next().map(image),
                }],
                conflict: None,
            });
        }
        for kept in &kept {
            things.insert((space, kept.value.key()), kept.clone());
        }
        if let Some(key) = removed {
            things.remove(&(space, key));
        }
        // A use case finds all as it should be.
        let unchanged = kept.is_empty() && matches!(*command, IspCommand::UseCase { .. });
        let mut kept = kept;
        if let IspCommand::UseCase { subscriber_id, .. } = &*command {
            let key = (space, EntityKey::Subscriber(subscriber_id.clone()));
            kept.extend(things.get(&key).cloned());
        }
        self.commands.lock().push((space, *command));
        Ok(CommandOutcome::Committed {
            version: 1,
            replayed: false,
            unchanged,
            subject: kept.first().map(|kept| Image::Entity(Box::new(kept.clone()))),
            made: Vec::new(),
            things: kept,
            entry: None,
        })
    }
}

/// The things that a command makes or replaces.
fn made(command: &IspCommand, now: Timestamp) -> Vec<Entity> {
    match command {
        IspCommand::CreatePool { pool, .. } | IspCommand::UpdatePool { pool, .. } => {
            vec![Entity::Pool((**pool).clone())]
        }
        IspCommand::CreateSubscriber { subscriber, secret } => {
            let mut subscriber = (**subscriber).clone();
            subscriber.has_password = secret.is_some();
            vec![Entity::Subscriber(subscriber)]
        }
        IspCommand::UpdateSubscriber { subscriber, secret } => {
            let mut subscriber = (**subscriber).clone();
            if let Some(secret) = secret {
                subscriber.has_password = secret.is_some();
            }
            vec![Entity::Subscriber(subscriber)]
        }
        IspCommand::PutProfile { profile } => vec![Entity::Profile((**profile).clone())],
        IspCommand::PutPolicy { policy } => vec![Entity::Policy(policy.clone())],
        IspCommand::CreateThing { thing, .. } | IspCommand::UpdateThing { thing, .. } => {
            vec![match &**thing {
                Thing::Plan(plan) => Entity::Plan(plan.clone()),
                Thing::VlanPool(pool) => Entity::VlanPool(pool.clone()),
                Thing::Template(template) => Entity::Template(template.clone()),
                Thing::Webhook(webhook) => Entity::Webhook(webhook.clone()),
            }]
        }
        IspCommand::Reserve { wanted, force } => wanted
            .iter()
            .map(|wanted| Entity::Reservation(reserved(wanted, *force, now)))
            .collect(),
        _other => Vec::new(),
    }
}

fn reserved(wanted: &Reserve, forced: bool, now: Timestamp) -> Reservation {
    let (pool_id, prefix) = match &wanted.from {
        ReserveFrom::Pool(pool) => (*pool, "203.0.113.9/32".parse().unwrap()),
        ReserveFrom::Chosen { pool_id, prefix } => (pool_id.unwrap_or_default(), *prefix),
        ReserveFrom::Policy(_) => (Uuid::nil(), "203.0.113.9/32".parse().unwrap()),
    };
    Reservation {
        id: wanted.id,
        pool_id,
        subscriber_id: wanted.subscriber_id.clone(),
        prefix,
        ip_type: cadastre_domain::isp::IpType::Ipv4,
        status: if wanted.assign {
            ReservationStatus::Assigned
        } else {
            ReservationStatus::Reserved
        },
        reserved_at: now,
        assigned_at: wanted.assign.then_some(now),
        released_at: None,
        expires_at: wanted.expires_at,
        rests_until: None,
        reclaimed_at: None,
        assigned_by: "ada".to_owned(),
        assignment_reason: wanted.reason.clone(),
        notes: wanted.notes.clone(),
        forced,
        kept_node: false,
        by_plan: false,
        netbox_ip_id: None,
        netbox_synced: false,
        events: Vec::new(),
    }
}

fn figures(pool: &Pool) -> PoolFigures {
    PoolFigures {
        pool_id: pool.id,
        node_id: Uuid::nil(),
        tags: ExplicitTags::new(),
        resolved: BTreeMap::new(),
        status: PoolStatus::Active,
        counts: PoolCounts {
            total: pool.total(),
            ..PoolCounts::default()
        },
        open_alerts: 0,
        days: Vec::new(),
    }
}
