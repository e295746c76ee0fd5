//! Which pool an address is taken from when nobody names one: ordered rules over plan, site, service type and tags, the
//! first that matches and has room. (Seed `static-ip-management.md`: assignment policies, geographic pools.)

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::text::{check_line, check_name};
use super::{IpType, IspError, PoolType, ServiceType, Subscriber};

/// One rule. What it leaves open matches everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyRule {
    /// For messages.
    pub name: String,
    /// Of these plans only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plan_ids: Vec<Uuid>,
    /// At these sites only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub site_ids: Vec<String>,
    /// For these kinds of customers only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub service_types: Vec<ServiceType>,
    /// Subscribers that have all these tags only.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub subscriber_tags: BTreeMap<String, String>,
    /// From pools of this type only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool_type: Option<PoolType>,
    /// From these pools only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pool_ids: Vec<Uuid>,
    /// From pools whose network resolves to all these tags. A value `{Tag}` stands for the subscriber's own value of that
    /// tag, `{siteId}` for its site; a subscriber without it does not match.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pool_tags: BTreeMap<String, String>,
    /// From pools at the subscriber's own site only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub same_site: bool,
}

/// The rules of a space, in their order. There is one of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolPolicy {
    /// The rules.
    pub rules: Vec<PolicyRule>,
}

/// Rules of one space.
pub const MAX_RULES: usize = 200;

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// For whom; `None` = somebody whom this space does not know.
    pub subscriber: Option<&'a Subscriber>,
    /// On which plan.
    pub plan: Option<Uuid>,
    /// What.
    pub ip_type: IpType,
    /// From which type of pool, if that matters.
    pub pool_type: Option<PoolType>,
}

/// What a rule says of pools for a wish that it matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolChoice {
    /// From pools of this type only.
    pub pool_type: Option<PoolType>,
    /// From these only; empty = any.
    pub pool_ids: Vec<Uuid>,
    /// From pools that resolve to these tags.
    pub tags: BTreeMap<String, String>,
    /// From pools at this site only.
    pub site_id: Option<String>,
}

impl PolicyRule {
    /// What it says for a wish; `None` = it does not match.
    #[must_use]
    pub fn choice(&self, wish: &Wish<'_>) -> Option<PoolChoice> {
        let one_of = |list: bool, found: bool| !list || found;
        let subscriber = wish.subscriber;
        let site = subscriber.and_then(|subscriber| subscriber.site_id.as_deref());
        let plan = wish.plan.is_some_and(|plan| self.plan_ids.contains(&plan));
        let at = site.is_some_and(|site| self.site_ids.iter().any(|known| known == site));
        let kind = subscriber.is_some_and(|subscriber| self.service_types.contains(&subscriber.service_type));
        let tags = self.subscriber_tags.iter().all(|(name, value)| {
            subscriber.is_some_and(|subscriber| subscriber.tags.get(name) == Some(value))
        });
        let matches = one_of(!self.plan_ids.is_empty(), plan)
            && one_of(!self.site_ids.is_empty(), at)
            && one_of(!self.service_types.is_empty(), kind)
            && tags;
        let fits = |pool_type: PoolType| {
            pool_type.ip_type() == wish.ip_type && wish.pool_type.is_none_or(|wanted| wanted == pool_type)
        };
        if !matches || self.pool_type.is_some_and(|pool_type| !fits(pool_type)) {
            return None;
        }
        let mut pool_tags = BTreeMap::new();
        for (name, value) in &self.pool_tags {
            let value = match placeholder(value) {
                None => value.clone(),
                Some("siteId") => site?.to_owned(),
                Some(tag) => subscriber?.tags.get(tag)?.clone(),
            };
            pool_tags.insert(name.clone(), value);
        }
        Some(PoolChoice {
            pool_type: self.pool_type.or(wish.pool_type),
            pool_ids: self.pool_ids.clone(),
            tags: pool_tags,
            site_id: if self.same_site {
                Some(site?.to_owned())
            } else {
                None
            },
        })
    }
}

fn placeholder(value: &str) -> Option<&str> {
    value.strip_prefix('{')?.strip_suffix('}')
}

impl PoolPolicy {
    /// Checks the rules' texts.
    ///
    /// # Errors
    /// The first field that breaks a rule.
    pub fn check(&self) -> Result<(), IspError> {
        if self.rules.len() > MAX_RULES {
            return Err(IspError::new(
                "rules",
                format!(
                    "a space has at most {MAX_RULES} rules; these are {}",
                    self.rules.len()
                ),
            ));
        }
        for rule in &self.rules {
            check_name("rules.name", &rule.name)?;
            for site in &rule.site_ids {
                check_line("rules.siteIds", site, 128)?;
            }
            for (name, value) in rule.subscriber_tags.iter().chain(&rule.pool_tags) {
                check_line("rules.tags", name, 64)?;
                check_line("rules.tags", value, 256)?;
            }
        }
        Ok(())
    }
}
