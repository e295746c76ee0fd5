//! Refresh-token rotation against a list of every token ever issued.

use cadastre_domain::sessions::{Rotation, TokenFamily, rotate, start};
use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

const LIFETIME: i64 = 20;

#[derive(Debug, Clone)]
enum Action {
    /// A login.
    Start,
    /// Some token that was once issued is presented.
    Present(prop::sample::Index),
    /// The newest token of some family is presented.
    Refresh(prop::sample::Index),
}

fn actions() -> impl Strategy<Value = Vec<(Action, i64)>> {
    let action = prop_oneof![
        2 => Just(Action::Start),
        2 => any::<prop::sample::Index>().prop_map(Action::Present),
        5 => any::<prop::sample::Index>().prop_map(Action::Refresh),
    ];
    vec((action, 0..9_i64), 1..40)
}

/// A token as its bearer knows it.
#[derive(Debug, Clone, PartialEq)]
struct Issued {
    family: Uuid,
    hash: String,
    at: i64,
    /// Whether it was exchanged, or its family ended.
    spent: bool,
}

fn family(id: Uuid, hash: &str, now: i64) -> TokenFamily {
    TokenFamily {
        id,
        current_hash: hash.to_owned(),
        created: now,
        rotated: now,
        expires: now + LIFETIME,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_token_works_once_in_its_time_and_its_return_ends_the_family(actions in actions()) {
        let mut families: Vec<TokenFamily> = Vec::new();
        let mut issued: Vec<Issued> = Vec::new();
        let mut now = 0;
        for (action, passed) in actions {
            now += passed;
            let next = format!("token {}", issued.len());
            let newest: Vec<usize> = families
                .iter()
                .filter_map(|family| issued.iter().rposition(|token| token.family == family.id))
                .collect();
            let presented = match action {
                Action::Start => {
                    let id = Uuid::from_u128(issued.len() as u128);
                    families = start(families, family(id, &next, now), now, usize::MAX);
                    issued.push(Issued { family: id, hash: next, at: now, spent: false });
                    continue;
                }
                Action::Present(_) if issued.is_empty() => continue,
                Action::Present(which) => which.index(issued.len()),
                Action::Refresh(_) if newest.is_empty() => continue,
                Action::Refresh(which) => newest[which.index(newest.len())],
            };
            let token = issued[presented].clone();
            let usable = !token.spent && now < token.at + LIFETIME;
            match rotate(&families, token.family, &token.hash, &next, now, LIFETIME) {
                Rotation::Rotated(rotated) => {
                    prop_assert!(usable);
                    let old = families.iter_mut().find(|family| family.id == token.family).unwrap();
                    prop_assert_eq!(rotated.created, old.created);
                    *old = rotated;
                    issued[presented].spent = true;
                    issued.push(Issued { family: token.family, hash: next, at: now, spent: false });
                }
                Rotation::Reused => {
                    prop_assert!(token.spent);
                    families.retain(|family| family.id != token.family);
                    issued.iter_mut().filter(|other| other.family == token.family).for_each(|t| t.spent = true);
                }
                Rotation::Expired | Rotation::Unknown => prop_assert!(!usable),
            }
        }
    }

    #[test]
    fn a_login_keeps_the_most_recently_used_families(
        ages in vec((0..50_i64, 0..60_i64), 0..8),
        max in 0..6_usize,
    ) {
        let now = 50;
        let families: Vec<TokenFamily> = ages
            .iter()
            .enumerate()
            .map(|(id, (rotated, expires))| TokenFamily {
                rotated: *rotated,
                expires: *expires,
                ..family(Uuid::from_u128(id as u128), "old", 0)
            })
            .collect();
        let new = family(Uuid::from_u128(99), "new", now);
        let kept = start(families.clone(), new.clone(), now, max);
        let alive: Vec<&TokenFamily> = families.iter().filter(|family| family.expires > now).collect();
        prop_assert!(kept.contains(&new));
        prop_assert_eq!(kept.len(), (alive.len() + 1).min(max.max(1)));
        for family in alive {
            let dropped = !kept.contains(family);
            let older_kept = kept.iter().any(|other| other.rotated < family.rotated && *other != new);
            prop_assert!(!(dropped && older_kept), "dropped although an older one is kept");
        }
        prop_assert!(kept.iter().all(|family| family.expires > now));
    }
}
