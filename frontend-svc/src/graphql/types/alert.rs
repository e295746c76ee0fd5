//! Alerts.

use std::fmt;
use std::sync::Arc;

use async_graphql::{ComplexObject, ID, SimpleObject};
use cadastre_api_types::ApiError;
use cadastre_api_types::public::isp::{Alert as WireAlert, AlertState as WireState};
use cadastre_domain::isp::{EntityKey, Pool};
use jiff::Timestamp;
use uuid::Uuid;

use super::IPPool;
use crate::graphql::scalars::{BigInt, id};
use crate::graphql::session::InSpace;
use crate::graphql::words::{AlertKind, AlertState};

/// An alert of a pool that is nearly or fully used.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(in crate::graphql) struct Alert {
    #[graphql(skip)]
    at: Arc<InSpace>,
    #[graphql(skip)]
    pool_key: Uuid,
    /// UUIDv7.
    id: ID,
    /// What is wrong.
    kind: AlertKind,
    /// Of which pool.
    pool_id: ID,
    /// The pool's name when it was raised.
    pool_name: String,
    /// Where it stands.
    state: AlertState,
    /// The threshold in percent.
    threshold_percent: u8,
    /// What was in use when it was raised.
    used: BigInt,
    /// What could be used when it was raised.
    usable: BigInt,
    /// When it was raised.
    raised_at: Timestamp,
    /// When somebody acknowledged it.
    acknowledged_at: Option<Timestamp>,
    /// Who.
    acknowledged_by: Option<String>,
    /// When it was over.
    cleared_at: Option<Timestamp>,
    /// When it last changed.
    updated_at: Timestamp,
}

impl Alert {
    /// An alert as the public API shows it.
    pub(in crate::graphql) fn of(at: &Arc<InSpace>, alert: WireAlert) -> Result<Self, ApiError> {
        Ok(Self {
            at: Arc::clone(at),
            pool_key: alert.pool_id,
            id: id(alert.id),
            kind: alert.kind.into(),
            pool_id: id(alert.pool_id),
            pool_name: alert.pool_name,
            state: alert.state.into(),
            threshold_percent: alert.threshold_percent,
            used: BigInt::of(&alert.used)?,
            usable: BigInt::of(&alert.usable)?,
            raised_at: alert.raised_at,
            acknowledged_at: alert.acknowledged_at,
            acknowledged_by: alert.acknowledged_by,
            cleared_at: alert.cleared_at,
            updated_at: alert.updated_at,
        })
    }

    /// States as the domain has them.
    pub(in crate::graphql) fn states(states: &[AlertState]) -> Vec<cadastre_domain::isp::AlertState> {
        states
            .iter()
            .map(|state| WireState::from(*state).into())
            .collect()
    }
}

impl fmt::Debug for Alert {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Alert({})", self.id.0)
    }
}

#[ComplexObject]
impl Alert {
    /// The pool; `null` if it was removed.
    async fn pool(&self) -> Result<Option<IPPool>, ApiError> {
        let found = self.at.thing::<Pool>(EntityKey::Pool(self.pool_key)).await?;
        Ok(found.map(|kept| IPPool::kept(&self.at, &kept)))
    }
}
