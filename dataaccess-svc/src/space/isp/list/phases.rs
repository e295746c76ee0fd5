//! Lists that are made from ranges of rows, one after the other: rows that hold the things, or rows of an index that say
//! where they are. The position is the key of the last row that was looked at, and so says in which range it is.

use bytes::Bytes;
use cadastre_api_types::internal::Listed;
use cadastre_domain::isp::{Entity, EntityKey, Kept};
use cadastre_storage::{KeyRange, RowKey};

use super::super::journal::is_seen;
use super::super::places;
use super::{Lister, VISITS, foreign_cursor};
use crate::errors::Outcome;
use crate::keys;
use crate::records::{EntityRecord, OwnerRecord, RecordError, VlanPlaceRecord, decode};

/// What the rows of a range hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// The things.
    Things,
    /// Which subscriber.
    Subscribers,
    /// Which VLAN.
    Vlans,
    /// Which reservation, by their keys.
    Had,
}

/// A range of rows to look at.
pub(super) struct Phase<'a> {
    /// The rows. Those of two phases have none in common.
    pub(super) range: KeyRange,
    /// What they hold.
    pub(super) holds: Holds,
    /// Which of them are meant.
    pub(super) wanted: Box<dyn Fn(&Entity) -> bool + Send + Sync + 'a>,
}

/// Index rows whose things are read together.
const TOGETHER: usize = 64;

/// A page on its way.
#[derive(Default)]
struct Walk {
    items: Vec<Kept<Entity>>,
    visits: usize,
    last: Option<RowKey>,
}

impl Lister<'_> {
    /// A page of what lies in these ranges.
    pub(super) async fn phases(&self, phases: &[Phase<'_>]) -> Outcome<Listed<Kept<Entity>>> {
        // The phase in which the page before ended, and what is left of it.
        let (first, mut rest) = match &self.page.after {
            None => (0, None),
            Some(after) => phases
                .iter()
                .enumerate()
                .find_map(|(at, phase)| Some((at, Some(keys::behind(phase.range.clone(), after)?))))
                .ok_or_else(foreign_cursor)?,
        };
        let mut walk = Walk::default();
        for phase in phases.iter().skip(first) {
            let range = rest.take().unwrap_or_else(|| phase.range.clone());
            if self.walk(phase, range, &mut walk).await? {
                return Ok(Listed {
                    items: walk.items,
                    next: walk.last.map(|key| key.to_string()),
                });
            }
        }
        Ok(Listed {
            items: walk.items,
            next: None,
        })
    }

    /// Goes through a range; `true` = the page ends in it.
    async fn walk(&self, phase: &Phase<'_>, mut range: KeyRange, walk: &mut Walk) -> Outcome<bool> {
        loop {
            let at_once = (self.page.limit - walk.items.len()).clamp(32, 512);
            let (page, next) = self.rows.scan(&range, at_once).await?;
            for rows in page.chunks(TOGETHER) {
                for ((key, _), found) in rows.iter().zip(self.held(phase.holds, rows).await?) {
                    if walk.items.len() >= self.page.limit || walk.visits >= VISITS {
                        return Ok(true);
                    }
                    if found
                        .as_ref()
                        .is_some_and(|kept| !is_seen(&kept.value, self.scope))
                    {
                        continue;
                    }
                    walk.visits += 1;
                    walk.last = Some(key.clone());
                    walk.items
                        .extend(found.filter(|kept| (phase.wanted)(&kept.value)));
                }
            }
            match next {
                Some(next) => range.start = Some(next),
                None => return Ok(false),
            }
        }
    }

    /// What rows hold, in their order.
    pub(super) async fn held(
        &self,
        holds: Holds,
        rows: &[(RowKey, Bytes)],
    ) -> Outcome<Vec<Option<Kept<Entity>>>> {
        let mut things = Vec::with_capacity(rows.len());
        match holds {
            Holds::Things => {
                for (key, bytes) in rows {
                    things.push(Some(decode::<EntityRecord>(key, bytes)?.into()));
                }
            }
            Holds::Subscribers => {
                let mut wanted = Vec::with_capacity(rows.len());
                for (key, bytes) in rows {
                    let owner: OwnerRecord = decode(key, bytes)?;
                    let id = owner.subscriber_id.ok_or_else(|| RecordError::Inconsistent {
                        key: key.clone(),
                        reason: "it names no subscriber".to_owned(),
                    })?;
                    wanted.push(EntityKey::Subscriber(id));
                }
                things = places::read(self.rows, &wanted).await?;
            }
            Holds::Had => {
                let mut wanted = Vec::with_capacity(rows.len());
                for (key, _) in rows {
                    let id = keys::parse_had(key).ok_or_else(|| RecordError::Inconsistent {
                        key: key.clone(),
                        reason: "it names no reservation".to_owned(),
                    })?;
                    wanted.push(EntityKey::Reservation(id));
                }
                things = places::read(self.rows, &wanted).await?;
            }
            Holds::Vlans => {
                let mut wanted = Vec::with_capacity(rows.len());
                for (key, bytes) in rows {
                    let place: VlanPlaceRecord = decode(key, bytes)?;
                    wanted.push(keys::vlan(&place.domain, &place.tag));
                }
                for (key, bytes) in wanted.iter().zip(self.rows.get_many(&wanted).await?) {
                    things.push(match bytes {
                        Some(bytes) => Some(decode::<EntityRecord>(key, &bytes)?.into()),
                        None => None,
                    });
                }
            }
        }
        Ok(things)
    }
}
