//! A service plan: what a subscriber is sold, as far as the network has to know (seed `static-ip-management.md`,
//! orchestration hooks: `plan.features`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::text::{check_line, check_name, check_notes, words};
use super::{IspError, PoolType, ServiceType};

/// Which VLAN a plan gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum VlanMode {
    /// None.
    #[default]
    None,
    /// One tag of a VLAN pool.
    Single,
    /// An outer and an inner tag (IEEE 802.1ad).
    Qinq,
}

words!(VlanMode, "vlan", {
    None = "NONE",
    Single = "SINGLE",
    Qinq = "QINQ",
});

/// What a plan includes. A plan that is based on another has what it does not say itself from that one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Features {
    /// A static IPv4 address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub static_ip: Option<bool>,
    /// A static IPv6 address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub static_ipv6: Option<bool>,
    /// A delegated IPv6 prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6_pd: Option<bool>,
    /// Length of the delegated prefix; `None` = that of the pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6_pd_length: Option<u8>,
    /// Type of the pool that IPv4 addresses come from; `None` = IPV4_PUBLIC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv4_pool_type: Option<PoolType>,
    /// The VLAN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan: Option<VlanMode>,
    /// Speed towards the subscriber, in kbit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download_kbps: Option<u64>,
    /// Speed from the subscriber, in kbit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_kbps: Option<u64>,
}

impl Features {
    /// These, and what they leave open from a base.
    #[must_use]
    pub fn over(&self, base: &Self) -> Self {
        Self {
            static_ip: self.static_ip.or(base.static_ip),
            static_ipv6: self.static_ipv6.or(base.static_ipv6),
            ipv6_pd: self.ipv6_pd.or(base.ipv6_pd),
            ipv6_pd_length: self.ipv6_pd_length.or(base.ipv6_pd_length),
            ipv4_pool_type: self.ipv4_pool_type.or(base.ipv4_pool_type),
            vlan: self.vlan.or(base.vlan),
            download_kbps: self.download_kbps.or(base.download_kbps),
            upload_kbps: self.upload_kbps.or(base.upload_kbps),
        }
    }
}

/// A service plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// UUIDv7.
    pub id: Uuid,
    /// Unique in its space, without regard to case.
    pub name: String,
    /// Empty = none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The plan it is based on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_plan_id: Option<Uuid>,
    /// For which customers; `None` = all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_type: Option<ServiceType>,
    /// What it says itself.
    pub features: Features,
    /// The profile of its bandwidth, by the name that RADIUS knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth_profile_id: Option<String>,
    /// It can be sold.
    pub active: bool,
}

/// Plans that may stand on each other.
pub const MAX_PLAN_DEPTH: usize = 8;

impl Plan {
    /// Checks what can be said of it without looking at others.
    ///
    /// # Errors
    /// The first field that breaks a rule.
    pub fn check(&self) -> Result<(), IspError> {
        check_name("name", &self.name)?;
        check_notes("description", &self.description)?;
        if let Some(profile) = &self.bandwidth_profile_id {
            check_line("bandwidthProfileId", profile, 128)?;
        }
        if let Some(length) = self.features.ipv6_pd_length
            && !(16..=64).contains(&length)
        {
            return Err(IspError::new(
                "features.ipv6PdLength",
                format!("delegated prefixes are from /16 to /64; /{length} was given"),
            ));
        }
        match self.features.ipv4_pool_type {
            None | Some(PoolType::Ipv4Public | PoolType::Ipv4Private) => {}
            Some(other) => {
                return Err(IspError::new(
                    "features.ipv4PoolType",
                    format!("IPv4 addresses come from IPV4_PUBLIC or IPV4_PRIVATE, not from {other}"),
                ));
            }
        }
        for (field, speed) in [
            ("features.downloadKbps", self.features.download_kbps),
            ("features.uploadKbps", self.features.upload_kbps),
        ] {
            if speed == Some(0) {
                return Err(IspError::new(
                    field,
                    "a speed is at least 1 kbit/s; leave it out for none",
                ));
            }
        }
        Ok(())
    }
}

/// Why a plan cannot be based on what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BaseError {
    /// There is no such plan.
    Unknown(Uuid),
    /// It would stand on itself: the names of the plans on the way, its own first and last.
    Loop(Vec<String>),
    /// So many plans would stand on each other, more than [`MAX_PLAN_DEPTH`].
    TooDeep(usize),
}

impl Plan {
    /// Checks the plan it is based on against all plans of its space, as they would be without this one.
    ///
    /// # Errors
    /// [`BaseError`].
    pub fn check_base(&self, plans: &BTreeMap<Uuid, &Self>) -> Result<(), BaseError> {
        let mut names = vec![self.name.clone()];
        let mut next = self.base_plan_id;
        while let Some(id) = next {
            if id == self.id {
                names.push(self.name.clone());
                return Err(BaseError::Loop(names));
            }
            let base = plans.get(&id).ok_or(BaseError::Unknown(id))?;
            names.push(base.name.clone());
            // Others do not stand on themselves, and not too deep; but nothing here shall run for ever.
            if names.len() > 2 * MAX_PLAN_DEPTH {
                return Err(BaseError::TooDeep(names.len()));
            }
            next = base.base_plan_id;
        }
        let above = plans
            .values()
            .filter_map(|other| other.steps_to(self.id, plans))
            .max();
        let depth = names.len() + above.unwrap_or(0);
        if depth > MAX_PLAN_DEPTH {
            return Err(BaseError::TooDeep(depth));
        }
        Ok(())
    }

    /// How many bases down another plan is; `None` = it is not beneath this one.
    fn steps_to(&self, id: Uuid, plans: &BTreeMap<Uuid, &Self>) -> Option<usize> {
        let mut at = self;
        for steps in 1..=MAX_PLAN_DEPTH {
            let base = at.base_plan_id?;
            if base == id {
                return Some(steps);
            }
            at = plans.get(&base)?;
        }
        None
    }

    /// What it includes, with what it has from the plans it is based on.
    #[must_use]
    pub fn resolved<'p>(&'p self, find: impl Fn(Uuid) -> Option<&'p Self>) -> Features {
        let mut features = self.features.clone();
        let mut at = self;
        for _ in 1..MAX_PLAN_DEPTH {
            let Some(base) = at.base_plan_id.and_then(&find) else {
                break;
            };
            features = features.over(&base.features);
            at = base;
        }
        features
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn plan(number: u128, base: Option<u128>) -> Plan {
        Plan {
            id: Uuid::from_u128(number),
            name: format!("P{number}"),
            description: String::new(),
            base_plan_id: base.map(Uuid::from_u128),
            service_type: None,
            features: Features::default(),
            bandwidth_profile_id: None,
            active: true,
        }
    }

    fn check(plan: &Plan, others: &[Plan]) -> Result<(), BaseError> {
        let others = others
            .iter()
            .filter(|other| other.id != plan.id)
            .map(|other| (other.id, other))
            .collect();
        plan.check_base(&others)
    }

    #[test]
    fn a_plan_does_not_stand_on_itself() {
        let names = |names: &[&str]| BaseError::Loop(names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(check(&plan(1, Some(1)), &[]), Err(names(&["P1", "P1"])));
        let others = [plan(1, None), plan(2, Some(1)), plan(3, Some(2))];
        assert_eq!(
            check(&plan(1, Some(3)), &others),
            Err(names(&["P1", "P3", "P2", "P1"]))
        );
        assert_eq!(
            check(&plan(4, Some(9)), &others),
            Err(BaseError::Unknown(Uuid::from_u128(9)))
        );
        assert_eq!(check(&plan(4, Some(3)), &others), Ok(()));
    }

    #[test]
    fn no_more_than_eight_plans_stand_on_each_other_wherever_one_is_put_in() {
        // 1 ← 2 ← … ← 5, and 11 ← 12 ← 13.
        let mut others: Vec<Plan> = (1..=5).map(|at| plan(at, (at > 1).then_some(at - 1))).collect();
        others.extend((11..=13).map(|at| plan(at, (at > 11).then_some(at - 1))));
        assert_eq!(check(&plan(11, Some(5)), &others), Ok(()));
        others.push(plan(14, Some(13)));
        assert_eq!(check(&plan(11, Some(5)), &others), Err(BaseError::TooDeep(9)));
        assert_eq!(check(&plan(11, Some(4)), &others), Ok(()));
    }

    #[test]
    fn the_nearest_plan_that_says_something_is_heard() {
        let mut plans = [plan(1, None), plan(2, Some(1)), plan(3, Some(2))];
        plans[0].features.download_kbps = Some(1);
        plans[0].features.upload_kbps = Some(1);
        plans[0].features.static_ip = Some(true);
        plans[1].features.download_kbps = Some(2);
        plans[2].features.static_ip = Some(false);
        let find = |id: Uuid| plans.iter().find(|plan| plan.id == id);
        let features = plans[2].resolved(find);
        assert_eq!((features.download_kbps, features.upload_kbps), (Some(2), Some(1)));
        assert_eq!(features.static_ip, Some(false));
        assert_eq!(features.vlan, None);
    }
}
