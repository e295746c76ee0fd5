//! Subscribers, their network profiles, and the use cases.

use async_graphql::{Context, ID, Object};
use cadastre_api_types::ApiError;
use cadastre_api_types::internal::UseCase;
use cadastre_api_types::public::isp::{SubscriberCreate, SubscriberUpdate};

use super::replaced;
use crate::graphql::changes::{Change, done};
use crate::graphql::inputs::{
    CreateSubscriberInput, NetworkProfileInput, ProvisionInput, UpdateSubscriberInput,
};
use crate::graphql::patch::{body, patched};
use crate::graphql::types::{NetworkProfile, Subscriber, SubscriberState};
use crate::isp::wire::subscriber_id;
use crate::isp::{profiles, subscribers, use_cases};

/// See the module.
#[derive(Default)]
pub(super) struct CustomerChanges;

async fn run(change: Change, subscriber: &str, what: UseCase) -> Result<SubscriberState, ApiError> {
    let subscriber = subscriber_id("subscriberId", subscriber)?;
    let state = use_cases::run(&change.at.caller, subscriber, what, change.options).await?;
    Ok(SubscriberState::of(&change.at, done(state)?))
}

#[Object]
impl CustomerChanges {
    /// Makes a subscriber. It is `PENDING` until it is provisioned.
    async fn create_subscriber(
        &self,
        context: &Context<'_>,
        input: CreateSubscriberInput,
        address_space: Option<String>,
        idempotency_key: Option<String>,
    ) -> Result<Subscriber, ApiError> {
        let change = Change::of(context, address_space, idempotency_key).await?;
        let body = body::<SubscriberCreate>(&input)?;
        let made = done(subscribers::create(&change.at.caller, body, change.options).await?)?;
        Ok(Subscriber::of(&change.at, made))
    }

    /// Changes what is known of a subscriber.
    async fn update_subscriber(
        &self,
        context: &Context<'_>,
        id: ID,
        input: UpdateSubscriberInput,
        address_space: Option<String>,
        idempotency_key: Option<String>,
    ) -> Result<Subscriber, ApiError> {
        let change = Change::of(context, address_space, idempotency_key).await?;
        let (caller, id) = (&change.at.caller, subscriber_id("id", &id)?);
        let changed = replaced!(
            change,
            subscribers::get(caller, id.clone()),
            |stored: &_| patched::<SubscriberCreate, SubscriberUpdate>(stored, &input, |_| {}),
            |body, options| subscribers::update(caller, id.clone(), body, options)
        )?;
        Ok(Subscriber::of(&change.at, changed))
    }

    /// Removes a subscriber that is not in service and holds nothing.
    async fn delete_subscriber(
        &self,
        context: &Context<'_>,
        id: ID,
        address_space: Option<String>,
        idempotency_key: Option<String>,
    ) -> Result<bool, ApiError> {
        let change = Change::of(context, address_space, idempotency_key).await?;
        let id = subscriber_id("id", &id)?;
        done(subscribers::delete(&change.at.caller, id, change.options).await?)?;
        Ok(true)
    }

    /// Says how a subscriber is connected.
    async fn set_network_profile(
        &self,
        context: &Context<'_>,
        subscriber_id: String,
        input: NetworkProfileInput,
        address_space: Option<String>,
        idempotency_key: Option<String>,
    ) -> Result<NetworkProfile, ApiError> {
        let change = Change::of(context, address_space, idempotency_key).await?;
        let id = self::subscriber_id("subscriberId", &subscriber_id)?;
        let body = body(&input)?;
        done(profiles::put(&change.at.caller, id, body, change.options).await?).map(Into::into)
    }

    /// Removes the network profile of a subscriber.
    async fn delete_network_profile(
        &self,
        context: &Context<'_>,
        subscriber_id: String,
        address_space: Option<String>,
        idempotency_key: Option<String>,
    ) -> Result<bool, ApiError> {
        let change = Change::of(context, address_space, idempotency_key).await?;
        let id = self::subscriber_id("subscriberId", &subscriber_id)?;
        done(profiles::delete(&change.at.caller, id, change.options).await?)?;
        Ok(true)
    }

    /// Puts a subscriber in service with a plan: addresses, VLAN and network profile. Safe to repeat.
    async fn provision_subscriber(
        &self,
        context: &Context<'_>,
        subscriber_id: String,
        input: ProvisionInput,
        address_space: Option<String>,
        idempotency_key: Option<String>,
    ) -> Result<SubscriberState, ApiError> {
        let change = Change::of(context, address_space, idempotency_key).await?;
        run(change, &subscriber_id, use_cases::provision(body(&input)?)).await
    }

    /// Gives a subscriber another plan: takes what it adds, releases what it does not have. Safe to repeat.
    async fn change_subscriber_plan(
        &self,
        context: &Context<'_>,
        subscriber_id: String,
        input: ProvisionInput,
        address_space: Option<String>,
        idempotency_key: Option<String>,
    ) -> Result<SubscriberState, ApiError> {
        let change = Change::of(context, address_space, idempotency_key).await?;
        run(change, &subscriber_id, use_cases::change_plan(body(&input)?)).await
    }

    /// Takes a subscriber out of service for a while; it keeps everything. Safe to repeat.
    async fn suspend_subscriber(
        &self,
        context: &Context<'_>,
        subscriber_id: String,
        #[graphql(desc = "Why, in words.")] reason: Option<String>,
        address_space: Option<String>,
        idempotency_key: Option<String>,
    ) -> Result<SubscriberState, ApiError> {
        let change = Change::of(context, address_space, idempotency_key).await?;
        run(change, &subscriber_id, use_cases::suspend(reason)).await
    }

    /// Puts a suspended subscriber back in service. Safe to repeat.
    async fn resume_subscriber(
        &self,
        context: &Context<'_>,
        subscriber_id: String,
        #[graphql(desc = "Why, in words.")] reason: Option<String>,
        address_space: Option<String>,
        idempotency_key: Option<String>,
    ) -> Result<SubscriberState, ApiError> {
        let change = Change::of(context, address_space, idempotency_key).await?;
        run(change, &subscriber_id, use_cases::resume(reason)).await
    }

    /// Takes a subscriber out of service for good: releases everything. Safe to repeat.
    async fn terminate_subscriber(
        &self,
        context: &Context<'_>,
        subscriber_id: String,
        #[graphql(desc = "Why, in words.")] reason: Option<String>,
        address_space: Option<String>,
        idempotency_key: Option<String>,
    ) -> Result<SubscriberState, ApiError> {
        let change = Change::of(context, address_space, idempotency_key).await?;
        run(change, &subscriber_id, use_cases::terminate(reason)).await
    }
}
