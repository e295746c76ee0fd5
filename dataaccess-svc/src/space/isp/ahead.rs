//! Which rows a command will ask for, as far as it says itself: read together where each read is a round trip.

use cadastre_api_types::internal::IspCommand;
use cadastre_domain::isp::{EntityKey, IpType, SubscriberId};
use cadastre_storage::RowKey;

use crate::keys;

/// Subscribers of one command whose rows are read ahead.
const MOST: usize = 64;

/// The rows.
pub(super) fn of(command: &IspCommand) -> Vec<RowKey> {
    let mut rows = Vec::new();
    match command {
        IspCommand::Reserve { wanted, .. } => {
            for wish in wanted.iter().take(MOST) {
                of_subscriber(&mut rows, &wish.subscriber_id);
            }
        }
        IspCommand::ReleaseHeld { subscriber_id, .. } | IspCommand::UseCase { subscriber_id, .. } => {
            of_subscriber(&mut rows, subscriber_id);
        }
        IspCommand::CreatePool { .. }
        | IspCommand::UpdatePool { .. }
        | IspCommand::DeletePool { .. }
        | IspCommand::UpdateReservation { .. }
        | IspCommand::MoveReservation { .. }
        | IspCommand::CreateSubscriber { .. }
        | IspCommand::UpdateSubscriber { .. }
        | IspCommand::DeleteSubscriber { .. }
        | IspCommand::PutProfile { .. }
        | IspCommand::DeleteProfile { .. }
        | IspCommand::CreateThing { .. }
        | IspCommand::UpdateThing { .. }
        | IspCommand::DeleteThing { .. }
        | IspCommand::PutPolicy { .. }
        | IspCommand::AllocateVlan { .. }
        | IspCommand::ReleaseVlan { .. }
        | IspCommand::ApplyTemplate { .. }
        | IspCommand::AcknowledgeAlert { .. }
        | IspCommand::CancelOutbox { .. }
        | IspCommand::RetryOutbox { .. }
        | IspCommand::ClaimOutbox { .. }
        | IspCommand::RunDue { .. }
        | IspCommand::SettleOutbox { .. } => {}
    }
    rows
}

fn of_subscriber(rows: &mut Vec<RowKey>, subscriber: &SubscriberId) {
    let things = [
        EntityKey::Subscriber(subscriber.clone()),
        EntityKey::Profile(subscriber.clone()),
    ];
    rows.extend(things.iter().filter_map(keys::entity));
    for ip_type in IpType::ALL {
        rows.push(keys::held(subscriber, *ip_type));
        rows.push(keys::rests_for(subscriber, *ip_type));
    }
}
