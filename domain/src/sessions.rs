//! Rotation of refresh tokens. Each login starts a family; each refresh replaces the family's one
//! valid token. A token that was replaced and comes back means that two parties hold the family, so
//! it must end (RFC 9700 §4.14.2).
//!
//! Only hashes come in here, and times are Unix seconds given by the caller.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The chain of refresh tokens that began with one login. Only the newest is valid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenFamily {
    /// Names the family; part of each of its tokens.
    pub id: Uuid,
    /// Hash of the one token that is valid now.
    pub current_hash: String,
    /// When the login was, Unix seconds.
    pub created: i64,
    /// When the current token was issued, Unix seconds.
    pub rotated: i64,
    /// From when on the current token is no longer valid, Unix seconds.
    pub expires: i64,
}

/// What presenting a refresh token leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotation {
    /// The token was the valid one; this is the family with its successor.
    Rotated(TokenFamily),
    /// The token is not the valid one of a family that is alive: the family must be ended.
    Reused,
    /// There is no such family; it was ended, or never was.
    Unknown,
    /// The family's time is over.
    Expired,
}

/// Exchanges the token with `presented_hash` for the one with `next_hash`, which is valid for
/// `lifetime` seconds from `now`.
#[must_use]
pub fn rotate(
    families: &[TokenFamily],
    family: Uuid,
    presented_hash: &str,
    next_hash: &str,
    now: i64,
    lifetime: i64,
) -> Rotation {
    let Some(family) = families.iter().find(|candidate| candidate.id == family) else {
        return Rotation::Unknown;
    };
    if family.expires <= now {
        return Rotation::Expired;
    }
    if family.current_hash != presented_hash {
        return Rotation::Reused;
    }
    Rotation::Rotated(TokenFamily {
        id: family.id,
        current_hash: next_hash.to_owned(),
        created: family.created,
        rotated: now,
        expires: now.saturating_add(lifetime),
    })
}

/// Adds the family of a new login. Expired families go; above `max`, so do the least recently
/// rotated ones, but never the new one.
#[must_use]
pub fn start(families: Vec<TokenFamily>, new: TokenFamily, now: i64, max: usize) -> Vec<TokenFamily> {
    let mut kept: Vec<TokenFamily> = families
        .into_iter()
        .filter(|family| family.expires > now && family.id != new.id)
        .collect();
    let room = max.saturating_sub(1);
    while kept.len() > room {
        let oldest = (0..kept.len()).min_by_key(|&at| (kept[at].rotated, kept[at].created, kept[at].id));
        let Some(oldest) = oldest else { break };
        kept.remove(oldest);
    }
    kept.push(new);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(id: u128, hash: &str, rotated: i64, expires: i64) -> TokenFamily {
        TokenFamily {
            id: Uuid::from_u128(id),
            current_hash: hash.to_owned(),
            created: 0,
            rotated,
            expires,
        }
    }

    #[test]
    fn the_valid_token_is_exchanged_and_the_family_lives_on() {
        let families = [family(1, "a", 0, 100)];
        let rotation = rotate(&families, Uuid::from_u128(1), "a", "b", 50, 100);
        assert_eq!(rotation, Rotation::Rotated(family(1, "b", 50, 150)));
    }

    #[test]
    fn a_replaced_token_that_comes_back_ends_its_family() {
        let families = [family(1, "b", 50, 150), family(2, "x", 50, 150)];
        assert_eq!(
            rotate(&families, Uuid::from_u128(1), "a", "c", 60, 100),
            Rotation::Reused
        );
        // The token of another family is no better.
        assert_eq!(
            rotate(&families, Uuid::from_u128(1), "x", "c", 60, 100),
            Rotation::Reused
        );
    }

    #[test]
    fn a_family_ends_exactly_at_its_expiry() {
        let families = [family(1, "a", 0, 100)];
        assert!(matches!(
            rotate(&families, Uuid::from_u128(1), "a", "b", 99, 1),
            Rotation::Rotated(_)
        ));
        assert_eq!(
            rotate(&families, Uuid::from_u128(1), "a", "b", 100, 1),
            Rotation::Expired
        );
        assert_eq!(
            rotate(&families, Uuid::from_u128(9), "a", "b", 0, 1),
            Rotation::Unknown
        );
    }

    #[test]
    fn a_new_login_pushes_out_expired_and_then_least_recently_used_families() {
        let families = vec![
            family(1, "a", 30, 90),
            family(2, "b", 10, 200),
            family(3, "c", 20, 200),
        ];
        let kept = start(families, family(4, "d", 100, 300), 100, 2);
        assert_eq!(kept, [family(3, "c", 20, 200), family(4, "d", 100, 300)]);
    }

    #[test]
    fn the_new_login_is_kept_whatever_the_limit() {
        let kept = start(vec![family(1, "a", 500, 900)], family(2, "b", 1, 900), 1, 0);
        assert_eq!(kept, [family(2, "b", 1, 900)]);
    }
}
