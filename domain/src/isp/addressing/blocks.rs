//! Where the blocks of a plan lie.

use super::{BlockRole, LevelPlan, LevelRequest, PlanRequest, PlannedBlock, Spread};
use crate::prefix::Prefix;

/// What the blocks for infrastructure are called.
const INFRASTRUCTURE: &str = "infrastructure";

/// How many blocks a plan has: those of every level, one for infrastructure beside them and one in each of the last
/// level.
pub(super) fn number_of(request: &PlanRequest) -> u128 {
    let infrastructure = u128::from(request.infrastructure);
    let (mut number, mut around) = (0_u128, 1_u128);
    for level in &request.levels {
        let here = around.saturating_mul(level.count.into());
        number = number
            .saturating_add(here)
            .saturating_add(around.saturating_mul(infrastructure));
        around = here;
    }
    number.saturating_add(around.saturating_mul(infrastructure))
}

/// The blocks, each behind the one it lies in. Their number has been found to be bearable.
pub(super) fn blocks(request: &PlanRequest, levels: &[LevelPlan]) -> Vec<PlannedBlock> {
    let mut builder = Builder {
        request,
        levels,
        blocks: Vec::new(),
    };
    builder.fill(request.network, None, 0);
    builder.blocks
}

struct Builder<'a> {
    request: &'a PlanRequest,
    levels: &'a [LevelPlan],
    blocks: Vec<PlannedBlock>,
}

impl Builder<'_> {
    /// Fills a block with those of a level, and them in turn; at most [`super::MAX_LEVELS`] deep.
    fn fill(&mut self, around: Prefix, parent: Option<usize>, level: usize) {
        let length = self
            .levels
            .get(level)
            .map_or(self.request.subscriber_length, |level| level.prefix_length);
        if self.request.infrastructure {
            self.blocks.push(PlannedBlock {
                prefix: around.with_bits(around.bits(), length),
                name: INFRASTRUCTURE.to_owned(),
                level,
                role: BlockRole::Infrastructure,
                parent,
            });
        }
        let Some(LevelRequest { name, count, .. }) = self.request.levels.get(level) else {
            return;
        };
        let last = level + 1 == self.request.levels.len();
        for number in 1..=*count {
            let place = number - 1 + u64::from(self.request.infrastructure);
            let prefix = nth(around, length, place.into(), self.request.spread);
            let position = self.blocks.len();
            self.blocks.push(PlannedBlock {
                prefix,
                name: format!("{name} {number}"),
                level,
                role: if last {
                    BlockRole::SubscriberPool
                } else {
                    BlockRole::Level
                },
                parent,
            });
            self.fill(prefix, Some(position), level + 1);
        }
    }
}

/// The n-th block of a length in the one around it, from 0. `length` is longer than that of `around`, and by enough.
fn nth(around: Prefix, length: u8, n: u128, spread: Spread) -> Prefix {
    let bits = match spread {
        // Counting from the right end of the bits, or with their order reversed from the left end.
        Spread::Sequential => n << (128 - u32::from(length)),
        Spread::Sparse => n.reverse_bits() >> around.len(),
    };
    around.with_bits(around.bits() | bits, length)
}
