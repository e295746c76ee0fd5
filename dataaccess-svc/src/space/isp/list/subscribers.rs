//! Subscribers, by what is asked of them.
//!
//! Who has a user name or a number is one read, and who is served by a plan is said by index rows. What begins like a
//! text is found in three phases: ids, user names, numbers; who was found in one is left out of those behind it.

use cadastre_api_types::internal::{Listed, SubscriberFilter};
use cadastre_domain::isp::{Entity, Kept, Subscriber, SubscriberStatus};
use cadastre_storage::RowKey;

use super::super::journal::is_seen;
use super::phases::{Holds, Phase};
use super::{Lister, foreign_cursor};
use crate::errors::Outcome;
use crate::keys::{self, ThingRows, Unique};

impl Lister<'_> {
    /// A page of subscribers.
    pub(super) async fn subscribers(&self, filter: &SubscriberFilter) -> Outcome<Listed<Kept<Entity>>> {
        let exact = [
            filter
                .username
                .as_ref()
                .map(|name| keys::unique(Unique::Username, name)),
            filter
                .subscriber_number
                .as_ref()
                .map(|number| keys::unique(Unique::Number, number)),
        ];
        if let Some(row) = exact.into_iter().flatten().next() {
            return self.owner_of(row, filter).await;
        }
        if let Some(stem) = filter.search.as_ref().filter(|stem| !stem.is_empty()) {
            return self.beginning(stem, filter).await;
        }
        let wanted = |value: &Entity| matches!(value, Entity::Subscriber(found) if matches(found, filter));
        // Who is terminated still tells its plan, and does not count as having it.
        let is_served = filter
            .status
            .is_some_and(|status| status != SubscriberStatus::Terminated);
        let Some(plan) = filter.plan_id.filter(|_| is_served) else {
            return self.scan(keys::things(ThingRows::Subscribers), wanted).await;
        };
        let phase = Phase {
            range: keys::subscribers_of_plan(plan),
            holds: Holds::Subscribers,
            wanted: Box::new(wanted),
        };
        self.phases(&[phase]).await
    }

    /// Whose a unique value is, if the rest of the filter is true of them as well.
    async fn owner_of(&self, row: RowKey, filter: &SubscriberFilter) -> Outcome<Listed<Kept<Entity>>> {
        if self.page.after.is_some() {
            return Err(foreign_cursor());
        }
        let found = match self.rows.get(&row).await? {
            Some(bytes) => self.held(Holds::Subscribers, &[(row, bytes)]).await?,
            None => Vec::new(),
        };
        let begins = |found: &Subscriber| {
            let stem = filter.search.as_ref();
            stem.is_none_or(|stem| Found::first(found, stem).is_some())
        };
        let wanted = |value: &Entity| matches!(value, Entity::Subscriber(found) if matches(found, filter) && begins(found));
        let items = found.into_iter().flatten();
        Ok(Listed {
            items: items
                .filter(|kept| wanted(&kept.value) && is_seen(&kept.value, self.scope))
                .collect(),
            next: None,
        })
    }

    /// Those of whom something begins like this.
    async fn beginning(&self, stem: &str, filter: &SubscriberFilter) -> Outcome<Listed<Kept<Entity>>> {
        let phase = |by: Found, range, holds| Phase {
            range,
            holds,
            wanted: Box::new(move |value: &Entity| {
                let is_by = |found| Found::first(found, stem) == Some(by) && matches(found, filter);
                matches!(value, Entity::Subscriber(found) if is_by(found))
            }),
        };
        self.phases(&[
            phase(Found::Id, keys::subscribers_from(stem), Holds::Things),
            phase(
                Found::Name,
                keys::uniques_from(Unique::Username, stem),
                Holds::Subscribers,
            ),
            phase(
                Found::Number,
                keys::uniques_from(Unique::Number, stem),
                Holds::Subscribers,
            ),
        ])
        .await
    }
}

/// What of a subscriber begins like a text, first of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Id,
    Name,
    Number,
}

impl Found {
    fn first(subscriber: &Subscriber, stem: &str) -> Option<Self> {
        let begins = |text: &Option<String>| text.as_ref().is_some_and(|text| text.starts_with(stem));
        if subscriber.id.as_str().starts_with(stem) {
            Some(Self::Id)
        } else if begins(&subscriber.username) {
            Some(Self::Name)
        } else if begins(&subscriber.subscriber_number) {
            Some(Self::Number)
        } else {
            None
        }
    }
}

fn matches(found: &Subscriber, filter: &SubscriberFilter) -> bool {
    let is = |text: &Option<String>, wanted: &Option<String>| wanted.is_none() || text == wanted;
    filter.status.is_none_or(|status| status == found.status)
        && filter
            .service_type
            .is_none_or(|service_type| service_type == found.service_type)
        && (filter.plan_id.is_none() || found.plan_id == filter.plan_id)
        && is(&found.site_id, &filter.site_id)
        && is(&found.username, &filter.username)
        && is(&found.subscriber_number, &filter.subscriber_number)
}
