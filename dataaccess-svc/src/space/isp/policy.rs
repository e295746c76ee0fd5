//! Which pools something may be taken from when nobody names one.

use std::sync::Arc;

use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::isp::policy::PoolChoice;
use cadastre_domain::isp::{IpType, Kept, Pool, PoolPolicy, PoolState, PoolType, Subscriber, Wish};
use serde_json::json;
use uuid::Uuid;

use super::draft::Draft;
use crate::errors::{Failure, Outcome};

/// The pools to be tried, in their order: those of the rules that match, rule by rule; without any rules, all of the type.
pub(super) async fn candidates(
    draft: &Draft<'_, '_>,
    subscriber: Option<&Subscriber>,
    plan: Option<Uuid>,
    ip_type: IpType,
    pool_type: Option<PoolType>,
) -> Outcome<Vec<Arc<Kept<Pool>>>> {
    let wish = Wish {
        subscriber,
        plan,
        ip_type,
        pool_type,
    };
    let policy = draft
        .book()
        .policy()
        .map(|kept| kept.value.clone())
        .unwrap_or_default();
    let PoolPolicy { rules } = policy;
    let mut choices: Vec<PoolChoice> = rules.iter().filter_map(|rule| rule.choice(&wish)).collect();
    if rules.is_empty() {
        choices.push(PoolChoice {
            pool_type,
            pool_ids: Vec::new(),
            tags: std::collections::BTreeMap::new(),
            site_id: None,
        });
    }
    let mut found: Vec<Arc<Kept<Pool>>> = Vec::new();
    for choice in &choices {
        for pool in draft.book().pools() {
            let known = found.iter().any(|other| other.value.id == pool.value.id);
            if !known && fits(&pool.value, choice, ip_type) && has_tags(draft, &pool.value, choice).await? {
                found.push(Arc::clone(pool));
            }
        }
    }
    if !found.is_empty() {
        return Ok(found);
    }
    let message = if rules.is_empty() {
        format!("No pool that is ACTIVE and assigns by itself hands out {ip_type}. Make one, or name a pool.")
    } else if choices.is_empty() {
        format!(
            "No rule of the pool policy is about {ip_type} for this subscriber. Name a pool, or add a rule."
        )
    } else {
        format!(
            "No pool that is ACTIVE and assigns by itself is what the pool policy asks for {ip_type} for this subscriber. \
             Name a pool, make one, or change the policy."
        )
    };
    Err(Failure::Refused(Box::new(
        ApiError::new(ErrorCode::PoolNotUsable, message).with_details(json!({ "ipType": ip_type })),
    )))
}

fn fits(pool: &Pool, choice: &PoolChoice, ip_type: IpType) -> bool {
    pool.pool_type.ip_type() == ip_type
        && pool.state == PoolState::Active
        && pool.auto_assign_enabled
        && choice
            .pool_type
            .is_none_or(|pool_type| pool_type == pool.pool_type)
        && (choice.pool_ids.is_empty() || choice.pool_ids.contains(&pool.id))
        && choice
            .site_id
            .as_ref()
            .is_none_or(|site| pool.site_id.as_ref() == Some(site))
}

/// Whether a pool's network resolves to the tags of a choice.
async fn has_tags(draft: &Draft<'_, '_>, pool: &Pool, choice: &PoolChoice) -> Outcome<bool> {
    if choice.tags.is_empty() {
        return Ok(true);
    }
    let Some(node) = draft.network(&pool.network).await? else {
        return Ok(false);
    };
    let resolver = &draft.decider.resolver;
    let above = resolver.context_over(&node).await?;
    let resolved = resolver.resolve(&node, &above)?.to_map();
    Ok(choice.tags.iter().all(|(name, value)| {
        resolved
            .iter()
            .any(|(tag, found)| tag.as_ref() == name.as_str() && found.as_ref() == value.as_str())
    }))
}
