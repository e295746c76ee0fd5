//! Random steps over VLANs against a set of tags.

use std::collections::{BTreeMap, BTreeSet};

use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::*;
use cadastre_domain::isp::*;
use proptest::prelude::*;

use super::kit::*;
use crate::support::tiny;

#[derive(Clone, Debug)]
enum Step {
    /// Pool, holder.
    Take(usize, u8),
    /// Pool, holder, outer and inner tag counted from the pool's first.
    Choose(usize, u8, u16, u16),
    /// Which of those that are taken.
    Release(usize),
    /// Pool, and the shape it gets.
    Reshape(usize, (u16, u16), (u16, u16)),
}

fn some_step() -> impl Strategy<Value = Step> {
    let range = || (0_u16..6, 0_u16..6);
    prop_oneof![
        6 => (0_usize..3, any::<u8>()).prop_map(|(pool, holder)| Step::Take(pool, holder)),
        3 => (0_usize..3, any::<u8>(), 0_u16..6, 0_u16..6)
            .prop_map(|(pool, holder, outer, inner)| Step::Choose(pool, holder, outer, inner)),
        4 => any::<usize>().prop_map(Step::Release),
        2 => (0_usize..3, range(), range()).prop_map(|(pool, outer, inner)| Step::Reshape(pool, outer, inner)),
    ]
}

/// Three pools of two domains, far enough from each other.
fn pools() -> Vec<VlanPool> {
    vec![
        vlan_pool("single", (62, 66), None),
        vlan_pool("double", (1_000, 1_002), Some((126, 129))),
        VlanPool {
            domain: "olt-2".to_owned(),
            ..vlan_pool("other", (4_090, 4_094), Some((1, 2)))
        },
    ]
}

fn tags(pool: &VlanPool) -> Vec<VlanTag> {
    let inners: Vec<Option<VlanId>> = match pool.inner {
        None => vec![None],
        Some(range) => range.ids().map(Some).collect(),
    };
    let tags = pool
        .outer
        .ids()
        .flat_map(|outer| inners.iter().map(move |inner| VlanTag { outer, inner: *inner }));
    tags.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn vlans_are_taken_and_given_back_as_from_a_set(
        steps in proptest::collection::vec(some_step(), 1..60),
        is_exclusive: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let isp = Isp::on(tiny(is_exclusive)).await;
            let mut pools = pools();
            let first = pools.clone();
            for pool in &pools {
                isp.vlan_pool(pool).await;
            }
            // Who has what: by domain and tag.
            let mut held: BTreeMap<(String, VlanTag), VlanBinding> = BTreeMap::new();
            for step in steps {
                let (at, holder, chosen) = match step {
                    Step::Take(at, holder) => (at, holder, None),
                    Step::Choose(at, holder, outer, inner) => {
                        let pool = &first[at];
                        let inner = pool.inner.map(|range| range.first.get() + inner);
                        (at, holder, Some(tag((pool.outer.first.get() + outer).min(4_094), inner)))
                    }
                    Step::Release(which) => {
                        if held.is_empty() {
                            continue;
                        }
                        let key = held.keys().nth(which % held.len()).unwrap().clone();
                        let binding = held.remove(&key).unwrap();
                        isp.try_run(IspCommand::ReleaseVlan { id: binding.id }).await.unwrap();
                        continue;
                    }
                    Step::Reshape(at, outer, inner) => {
                        let base = &first[at];
                        let part = |of: VlanRange, (first, length): (u16, u16)| {
                            let first = (of.first.get() + first).min(4_094);
                            range(first, (first + length).min(4_094))
                        };
                        let shaped = VlanPool {
                            outer: part(base.outer, outer),
                            inner: base.inner.map(|range| part(range, inner)),
                            ..base.clone()
                        };
                        let new: BTreeSet<VlanTag> = tags(&shaped).into_iter().collect();
                        let fits = held.values().filter(|held| held.pool_id == base.id).all(|held| new.contains(&held.tag));
                        let came = isp.try_run(update_thing(Thing::VlanPool(shaped.clone()))).await;
                        match came {
                            Ok(_) => {
                                prop_assert!(fits);
                                pools[at] = shaped;
                            }
                            Err(error) => {
                                prop_assert!(!fits);
                                prop_assert_eq!(error.code, ErrorCode::InUse);
                            }
                        }
                        continue;
                    }
                };
                let pool = &pools[at];
                let holder = port(&(holder % 24).to_string());
                let came = isp.vlan(pool.id, &holder, chosen).await;
                let own: BTreeSet<VlanTag> = tags(pool).into_iter().collect();
                let mine = held.values().find(|binding| {
                    let kind = binding.tag.inner.is_some() == pool.inner.is_some();
                    binding.holder == holder && binding.domain == pool.domain && kind
                });
                let free = |tag: &VlanTag| !held.contains_key(&(pool.domain.clone(), *tag));
                let expected: Result<VlanTag, ErrorCode> = match (chosen, mine) {
                    (Some(tag), _) if !own.contains(&tag) => Err(ErrorCode::InvalidValue),
                    (Some(tag), Some(mine)) if mine.tag != tag => Err(ErrorCode::AlreadyAssigned),
                    (_, Some(mine)) => Ok(mine.tag),
                    (Some(tag), None) => free(&tag).then_some(tag).ok_or(ErrorCode::VlanUnavailable),
                    (None, None) => own.iter().find(|tag| free(tag)).copied().ok_or(ErrorCode::VlanUnavailable),
                };
                prop_assert_eq!(came.as_ref().map(|binding| binding.tag).map_err(|error| error.code), expected);
                if let Ok(binding) = came {
                    held.insert((binding.domain.clone(), binding.tag), binding);
                }
            }
            let listed: Vec<Entity> = isp.list(IspListing::VlanBindings(VlanFilter::default()), 7).await;
            let expected: Vec<Entity> = held.into_values().map(Entity::VlanBinding).collect();
            prop_assert_eq!(listed, expected);
            Ok(())
        })?;
    }
}
