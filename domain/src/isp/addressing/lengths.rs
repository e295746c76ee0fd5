//! How long the prefixes of a plan are.

use super::PlanRequest;

/// How many places are needed: of each level in a block of the level above, and last of subscribers in a block of the
/// last level. Growth and the place for infrastructure are included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Need {
    pub(super) places: Vec<u128>,
}

/// Bits of a hexadecimal digit.
const NIBBLE: u8 = 4;

impl Need {
    pub(super) fn of(request: &PlanRequest) -> Self {
        let infrastructure = u128::from(request.infrastructure);
        let levels = request
            .levels
            .iter()
            .map(|level| (level.count, level.growth_percent));
        let subscribers = (request.subscribers_per_leaf, request.subscriber_growth_percent);
        let places = levels
            .chain([subscribers])
            .map(|(count, percent)| grown(count, percent) + infrastructure);
        Self {
            places: places.collect(),
        }
    }

    /// Bits that number the places of each level, as few as do. At least one: a block is smaller than the one around
    /// it.
    pub(super) fn bits(&self) -> impl DoubleEndedIterator<Item = u8> + '_ {
        // At most 128, so it fits.
        self.places
            .iter()
            .map(|places| ((128 - places.saturating_sub(1).leading_zeros()) as u8).max(1))
    }

    /// The shortest network that does for subscribers' prefixes of this length; `None` when not even all of IPv6 does.
    pub(super) fn shortest_network(&self, subscriber_length: u8) -> Option<u8> {
        self.bits().try_fold(subscriber_length, u8::checked_sub)
    }

    /// The prefix length of each level, the widest first, with as many of them as possible on a nibble, and of those
    /// ways the one whose upper levels are. `None` when they do not fit.
    pub(super) fn lengths(&self, network: u8, subscriber_length: u8) -> Option<Vec<u8>> {
        let bits: Vec<u8> = self.bits().collect();
        let levels = bits.len() - 1;
        // Every choice of levels to align, of at most 2^6.
        let ways = (0..1_u32 << levels).filter_map(|choice| {
            let mut length = subscriber_length;
            let mut lengths = vec![0; levels];
            for level in (0..levels).rev() {
                length = length.checked_sub(bits[level + 1])?;
                if choice & (1 << level) != 0 {
                    length -= length % NIBBLE;
                }
                lengths[level] = length;
            }
            (length.checked_sub(bits[0])? >= network).then_some(lengths)
        });
        ways.max_by_key(|lengths| {
            let aligned: Vec<bool> = lengths.iter().copied().map(is_aligned).collect();
            let number = aligned.iter().filter(|aligned| **aligned).count();
            // Among equals the longest prefixes, which leave most at the top.
            (number, aligned, lengths.clone())
        })
    }
}

/// Whether a prefix of this length ends on a whole hexadecimal digit.
pub(super) fn is_aligned(length: u8) -> bool {
    length.is_multiple_of(NIBBLE)
}

/// A number with its growth, rounded up. Far below 2^128, as a `u64` times a `u32` is.
pub(super) fn grown(count: u64, percent: u32) -> u128 {
    (u128::from(count) * (100 + u128::from(percent))).div_ceil(100)
}
