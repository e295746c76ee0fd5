//! What an allocation asks for, and what is told of free space.

use std::collections::BTreeMap;

use cadastre_api_types::ApiError;
use cadastre_api_types::internal;
use cadastre_api_types::public::{
    Allocate, AllocateTagged, AllocationStrategy, FreeBlock, LargestFree, TagMap, Utilization,
};
use cadastre_domain::Prefix;
use cadastre_domain::free_space::{Size, Strategy};

use super::space::check_description;
use super::tag;

/// What a body asks for.
///
/// # Errors
/// A `400` naming the field.
pub(crate) fn wanted(body: Allocate) -> Result<internal::Wanted, ApiError> {
    let description = body.description.unwrap_or_default();
    check_description(&description)?;
    Ok(internal::Wanted {
        prefix_length: body.prefix_length,
        count: body
            .count
            .map_or(1, |count| usize::try_from(count).unwrap_or(usize::MAX)),
        strategy: match body.strategy {
            AllocationStrategy::Lowest => Strategy::LowestFree,
            AllocationStrategy::Random => Strategy::Random,
            AllocationStrategy::Sparse => Strategy::Sparse,
        },
        seed: rand::random(),
        include_edges: body.include_edges,
        tags: tag::explicit(body.tags)?,
        description,
    })
}

/// Tags to look for, and what to take there.
///
/// # Errors
/// A `400` naming the field.
pub(crate) fn tagged(body: AllocateTagged) -> Result<(internal::AllocateFrom, internal::Wanted), ApiError> {
    let from = tag::explicit(body.matching)?.into_iter().collect();
    let wanted = wanted(Allocate {
        prefix_length: body.prefix_length,
        count: body.count,
        tags: body.tags,
        description: body.description,
        strategy: body.strategy,
        include_edges: body.include_edges,
    })?;
    Ok((internal::AllocateFrom::Tagged(from), wanted))
}

/// A free block; `fitting` is the length that was asked for.
pub(crate) fn block(prefix: &Prefix, fitting: Option<u8>) -> FreeBlock {
    FreeBlock {
        prefix: prefix.to_string(),
        addresses: Size::of(prefix).to_string(),
        fits: fitting.map(|len| Size::power_of_two(len.saturating_sub(prefix.len())).to_string()),
    }
}

/// How much is used.
pub(crate) fn utilization(found: &internal::Utilization) -> Utilization {
    let bits = found.prefix.family().max_len();
    let texts = |counts: &[(u8, u64)]| -> TagMap {
        counts
            .iter()
            .map(|(len, count)| (len.to_string(), count.to_string()))
            .collect::<BTreeMap<_, _>>()
    };
    let children: u64 = found.children.iter().map(|(_, count)| count).sum();
    let largest = found.free_blocks.first().map(|(len, _)| *len);
    Utilization {
        prefix: found.prefix.to_string(),
        total: found.total.to_string(),
        used: found.used.to_string(),
        free: found.free.to_string(),
        percent: percent(found.used, found.total, found.free),
        children: children.to_string(),
        children_by_length: texts(&found.children),
        largest_free: largest.map(|len| LargestFree {
            prefix_length: len,
            addresses: Size::power_of_two(bits - len).to_string(),
        }),
        free_blocks_by_length: texts(&found.free_blocks),
        fragmentation: (found.fragmentation * 1e4).floor() / 1e4,
    }
}

/// Rounded down, so that only what is full is called full.
fn percent(used: Size, total: Size, free: Size) -> f64 {
    if free.is_zero() {
        return 100.0;
    }
    ((used.to_f64() / total.to_f64() * 1e4).floor() / 1e2).min(99.99)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_full_is_a_hundred_percent() {
        let size = Size::from(1_u128 << 127);
        assert_eq!(percent(size, Size::MAX, size).to_string(), "50");
        let one = Size::from(1_u64);
        let nearly = Size::MAX.saturating_sub(one);
        assert_eq!(percent(nearly, Size::MAX, one).to_string(), "99.99");
        assert_eq!(percent(Size::MAX, Size::MAX, Size::ZERO).to_string(), "100");
    }
}
