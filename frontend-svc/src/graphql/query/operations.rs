//! Plans, alerts and the outbox.

use async_graphql::{Context, ID, Object};
use cadastre_api_types::ApiError;
use cadastre_api_types::public::isp::OutboxState as WireState;
use cadastre_domain::isp::{Alert as KeptAlert, EntityKey, OutboxEntry as KeptEntry, Plan as KeptPlan};

use crate::graphql::paging::{Page, Slice};
use crate::graphql::scalars::{uuid, uuid_or_none};
use crate::graphql::session::Session;
use crate::graphql::types::{Alert, OutboxEntry, Plan};
use crate::graphql::words::{AlertState, OutboxState};
use crate::isp::wire::{alert, outbox as outbox_wire, plan};
use crate::isp::{alerts, outbox, plans};

/// See the module.
#[derive(Default)]
pub(super) struct Operations;

#[Object]
impl Operations {
    /// Service plans, oldest first.
    async fn plans(
        &self,
        context: &Context<'_>,
        #[graphql(default = 100, desc = "At most this many, 1 to 1000.")] first: i32,
        #[graphql(desc = "`pageInfo.endCursor` of the page before.")] after: Option<String>,
        #[graphql(desc = "Id or name.")] address_space: Option<String>,
    ) -> Result<Page<Plan>, ApiError> {
        let at = Session::of(context)?.space(address_space).await?;
        let slice = Slice::of(&at, "plans", &(), ("first", first), after.as_deref())?;
        let found = plans::list(&at.caller, slice.page.clone()).await?;
        Ok(slice.page_of(found, |plan| Plan::of(&at, plan)))
    }

    /// One plan; `null` if there is none.
    async fn plan(
        &self,
        context: &Context<'_>,
        id: ID,
        #[graphql(desc = "Id or name.")] address_space: Option<String>,
    ) -> Result<Option<Plan>, ApiError> {
        let at = Session::of(context)?.space(address_space).await?;
        let found = at.thing::<KeptPlan>(EntityKey::Plan(uuid("id", &id)?)).await?;
        Ok(found.map(|kept| Plan::of(&at, plan::to_wire(kept))))
    }

    /// Alerts, newest first.
    async fn alerts(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "In one of these; any if absent.")] states: Option<Vec<AlertState>>,
        #[graphql(desc = "Of this pool only.")] pool_id: Option<ID>,
        #[graphql(default = 100, desc = "At most this many, 1 to 1000.")] first: i32,
        #[graphql(desc = "`pageInfo.endCursor` of the page before.")] after: Option<String>,
        #[graphql(desc = "Id or name.")] address_space: Option<String>,
    ) -> Result<Page<Alert>, ApiError> {
        let at = Session::of(context)?.space(address_space).await?;
        let pool = uuid_or_none("poolId", pool_id.as_ref())?;
        let states = states.unwrap_or_default();
        let slice = Slice::of(
            &at,
            "alerts",
            &(&states, pool),
            ("first", first),
            after.as_deref(),
        )?;
        let states = Alert::states(&states);
        let found = alerts::list(&at.caller, states, pool, slice.page.clone()).await?;
        slice.try_page_of(found, |alert| Alert::of(&at, alert))
    }

    /// One alert; `null` if there is none.
    async fn alert(
        &self,
        context: &Context<'_>,
        id: ID,
        #[graphql(desc = "Id or name.")] address_space: Option<String>,
    ) -> Result<Option<Alert>, ApiError> {
        let at = Session::of(context)?.space(address_space).await?;
        let found = at.thing::<KeptAlert>(EntityKey::Alert(uuid("id", &id)?)).await?;
        found.map(|kept| Alert::of(&at, alert::to_wire(kept))).transpose()
    }

    /// Entries of the outbox, newest first.
    async fn outbox(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "In this state only.")] state: Option<OutboxState>,
        #[graphql(default = 100, desc = "At most this many, 1 to 1000.")] first: i32,
        #[graphql(desc = "`pageInfo.endCursor` of the page before.")] after: Option<String>,
        #[graphql(desc = "Id or name.")] address_space: Option<String>,
    ) -> Result<Page<OutboxEntry>, ApiError> {
        let at = Session::of(context)?.space(address_space).await?;
        let slice = Slice::of(&at, "outbox", &state, ("first", first), after.as_deref())?;
        let state = state.map(|state| WireState::from(state).into());
        let found = outbox::list(&at.caller, state, slice.page.clone()).await?;
        Ok(slice.page_of(found, OutboxEntry::from))
    }

    /// One entry of the outbox; `null` if there is none.
    async fn outbox_entry(
        &self,
        context: &Context<'_>,
        id: ID,
        #[graphql(desc = "Id or name.")] address_space: Option<String>,
    ) -> Result<Option<OutboxEntry>, ApiError> {
        let at = Session::of(context)?.space(address_space).await?;
        let found = at.thing::<KeptEntry>(EntityKey::Outbox(uuid("id", &id)?)).await?;
        Ok(found.map(|kept| outbox_wire::to_wire(kept).into()))
    }
}
