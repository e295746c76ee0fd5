//! Plans, alerts and the outbox.

use async_graphql::{Context, ID, Object};
use cadastre_api_types::ApiError;
use cadastre_api_types::public::isp::{ServicePlanCreate, ServicePlanUpdate};

use super::replaced;
use crate::graphql::changes::{Change, done};
use crate::graphql::inputs::{CreatePlanInput, UpdatePlanInput};
use crate::graphql::patch::{body, patched};
use crate::graphql::scalars::uuid;
use crate::graphql::types::{Alert, OutboxEntry, Plan};
use crate::isp::{alerts, outbox, plans};

/// See the module.
#[derive(Default)]
pub(super) struct OperationChanges;

#[Object]
impl OperationChanges {
    /// Makes a service plan.
    async fn create_plan(
        &self,
        context: &Context<'_>,
        input: CreatePlanInput,
        address_space: Option<String>,
        idempotency_key: Option<String>,
    ) -> Result<Plan, ApiError> {
        let change = Change::of(context, address_space, idempotency_key).await?;
        let body = body::<ServicePlanCreate>(&input)?;
        let made = done(plans::create(&change.at.caller, body, change.options).await?)?;
        Ok(Plan::of(&change.at, made))
    }

    /// Changes a service plan.
    async fn update_plan(
        &self,
        context: &Context<'_>,
        id: ID,
        input: UpdatePlanInput,
        address_space: Option<String>,
        idempotency_key: Option<String>,
    ) -> Result<Plan, ApiError> {
        let change = Change::of(context, address_space, idempotency_key).await?;
        let (caller, id) = (&change.at.caller, uuid("id", &id)?);
        let changed = replaced!(
            change,
            plans::get(caller, id),
            |stored: &_| patched::<ServicePlanCreate, ServicePlanUpdate>(stored, &input, |_| {}),
            |body, options| plans::update(caller, id, body, options)
        )?;
        Ok(Plan::of(&change.at, changed))
    }

    /// Removes a service plan that nobody has.
    async fn delete_plan(
        &self,
        context: &Context<'_>,
        id: ID,
        address_space: Option<String>,
        idempotency_key: Option<String>,
    ) -> Result<bool, ApiError> {
        let change = Change::of(context, address_space, idempotency_key).await?;
        let id = uuid("id", &id)?;
        done(plans::delete(&change.at.caller, id, change.options).await?)?;
        Ok(true)
    }

    /// Says that somebody knows of an alert.
    async fn acknowledge_alert(
        &self,
        context: &Context<'_>,
        id: ID,
        address_space: Option<String>,
        idempotency_key: Option<String>,
    ) -> Result<Alert, ApiError> {
        let change = Change::of(context, address_space, idempotency_key).await?;
        let id = uuid("id", &id)?;
        let known = done(alerts::acknowledge(&change.at.caller, id, change.options).await?)?;
        Alert::of(&change.at, known)
    }

    /// Calls an entry of the outbox off.
    async fn cancel_outbox_entry(
        &self,
        context: &Context<'_>,
        id: ID,
        address_space: Option<String>,
        idempotency_key: Option<String>,
    ) -> Result<OutboxEntry, ApiError> {
        let change = Change::of(context, address_space, idempotency_key).await?;
        let id = uuid("id", &id)?;
        done(outbox::cancel(&change.at.caller, id, change.options).await?).map(Into::into)
    }

    /// Asks for another try of an entry of the outbox at once.
    async fn retry_outbox_entry(
        &self,
        context: &Context<'_>,
        id: ID,
        address_space: Option<String>,
        idempotency_key: Option<String>,
    ) -> Result<OutboxEntry, ApiError> {
        let change = Change::of(context, address_space, idempotency_key).await?;
        let id = uuid("id", &id)?;
        done(outbox::retry(&change.at.caller, id, change.options).await?).map(Into::into)
    }
}
