//! Service plans, which may be based on each other, and who has which.

use std::collections::BTreeMap;

use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::isp::plan::MAX_PLAN_DEPTH;
use cadastre_domain::isp::{BaseError, Entity, Features, IspError, Kept, Plan, SubscriberId};
use serde_json::json;
use uuid::Uuid;

use super::super::Book;
use super::super::draft::{Draft, invalid};
use super::{in_use, no_such, put_named};
use crate::errors::{Failure, Outcome};
use crate::keys::{self, Named};
use crate::records::{OwnerRecord, decode};

/// Makes or replaces a plan.
pub(super) async fn put(draft: &mut Draft<'_, '_>, before: Option<Kept<Entity>>, plan: &Plan) -> Outcome<()> {
    plan.check().map_err(|error| invalid(&error))?;
    check_base(draft.book(), plan)?;
    put_named(draft, before, Entity::Plan(plan.clone()), Named::Plan, plan.id).await
}

fn check_base(book: &Book, plan: &Plan) -> Outcome<()> {
    let Some(base) = plan.base_plan_id else {
        return Ok(());
    };
    let others: BTreeMap<Uuid, &Plan> = book
        .plans()
        .map(|other| (other.value.id, &other.value))
        .filter(|(id, _)| *id != plan.id)
        .collect();
    plan.check_base(&others).map_err(|error| match error {
        BaseError::Unknown(_) => no_such("basePlanId", "plan", base),
        BaseError::Loop(names) => Failure::from(
            ApiError::new(
                ErrorCode::PlanLoop,
                format!(
                    "The plan would be based on itself: {}. Base one of these plans on another, or on none.",
                    names.join(" → ")
                ),
            )
            .with_details(json!({ "plans": names })),
        ),
        BaseError::TooDeep(depth) => invalid(&IspError::new(
            "basePlanId",
            format!("{depth} plans would stand on each other, and at most {MAX_PLAN_DEPTH} may; base it on one further down"),
        )),
    })
}

/// Refuses to let a plan go that something uses.
pub(super) async fn check_unused(draft: &Draft<'_, '_>, plan: &Plan) -> Outcome<()> {
    let name = &plan.name;
    let book = draft.book();
    if let Some(other) = book
        .plans()
        .find(|other| other.value.base_plan_id == Some(plan.id))
    {
        let other = &other.value;
        return Err(in_use(
            format!(
                "The plan {} is based on {name}. Base it on another plan, or delete it first.",
                other.name
            ),
            json!({ "planId": other.id }),
        ));
    }
    let rules = book
        .policy()
        .map(|policy| policy.value.rules.as_slice())
        .unwrap_or_default();
    if let Some(rule) = rules.iter().find(|rule| rule.plan_ids.contains(&plan.id)) {
        return Err(in_use(
            format!(
                "The rule {} of the pool policy names {name}. Take it out of that rule first.",
                rule.name
            ),
            json!({ "rule": rule.name }),
        ));
    }
    if let Some((key, bytes)) = draft.first(keys::subscribers_of_plan(plan.id)).await? {
        let owner: OwnerRecord = decode(&key, &bytes)?;
        let who = owner.subscriber_id.map(|id| id.to_string()).unwrap_or_default();
        return Err(in_use(
            format!(
                "Subscriber {who} has the plan {name}. Change the plan of all who have it first, or make it inactive \
                 instead."
            ),
            json!({ "subscriberId": who }),
        ));
    }
    Ok(())
}

/// Says who has which plan, for [`check_unused`] and for lists. Whoever changes the plan of a subscriber calls this.
pub(in super::super) fn plan_changed(
    draft: &mut Draft<'_, '_>,
    subscriber: &SubscriberId,
    from: Option<Uuid>,
    to: Option<Uuid>,
) {
    if from == to {
        return;
    }
    if let Some(plan) = from {
        draft.erase(keys::plan_of(plan, subscriber));
    }
    if let Some(plan) = to {
        draft.write(
            keys::plan_of(plan, subscriber),
            &OwnerRecord::subscriber(subscriber),
        );
    }
}

/// What a plan includes, with what it has from the plans it is based on.
pub(in super::super) fn features_of(book: &Book, plan: &Plan) -> Features {
    plan.resolved(|id| book.plan(id).map(|base| &base.value))
}
