//! Which of the 4,096 numbers of a tag are taken: a bit for each.

use cadastre_domain::isp::{VlanId, VlanRange};
use cadastre_storage::RowKey;

use super::super::draft::Draft;
use crate::errors::Outcome;
use crate::records::{RecordError, VlansTakenRecord};

const WORDS: usize = 64;

/// See the module. The lowest number of a word is its highest bit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Taken([u64; WORDS]);

const fn place(id: VlanId) -> (usize, u64) {
    let number = id.get() as usize;
    (number / 64, 1 << (63 - number % 64))
}

impl Taken {
    /// None of them.
    pub(in super::super) const fn none() -> Self {
        Self([0; WORDS])
    }

    /// From a row; none if there is none.
    pub(in super::super) async fn load(draft: &Draft<'_, '_>, key: &RowKey) -> Outcome<Self> {
        match draft.row::<VlansTakenRecord>(key).await? {
            Some(record) => Ok(Self::parse(key, &record)?),
            None => Ok(Self::none()),
        }
    }

    /// From a row's record.
    pub(in super::super) fn parse(key: &RowKey, record: &VlansTakenRecord) -> Result<Self, RecordError> {
        let damaged = || RecordError::Inconsistent {
            key: key.clone(),
            reason: "it holds no 4,096 bits in hex".to_owned(),
        };
        if record.taken.len() != 16 * WORDS {
            return Err(damaged());
        }
        let mut words = [0; WORDS];
        for (at, word) in words.iter_mut().enumerate() {
            let digits = record.taken.get(16 * at..16 * (at + 1)).ok_or_else(damaged)?;
            *word = u64::from_str_radix(digits, 16).map_err(|_| damaged())?;
        }
        Ok(Self(words))
    }

    /// As a row's record.
    pub(in super::super) fn record(&self) -> VlansTakenRecord {
        VlansTakenRecord {
            v: 1,
            taken: self.0.iter().map(|word| format!("{word:016x}")).collect(),
        }
    }

    /// Writes the row; a row of which nothing is taken is none.
    pub(in super::super) fn store(&self, draft: &mut Draft<'_, '_>, key: RowKey) {
        if *self == Self::none() {
            draft.erase(key);
        } else {
            draft.write(key, &self.record());
        }
    }

    /// Whether a number is taken.
    pub(in super::super) fn has(&self, id: VlanId) -> bool {
        let (word, bit) = place(id);
        self.0[word] & bit != 0
    }

    /// Takes a number, or lets it go.
    pub(in super::super) fn set(&mut self, id: VlanId, taken: bool) {
        let (word, bit) = place(id);
        if taken {
            self.0[word] |= bit;
        } else {
            self.0[word] &= !bit;
        }
    }

    /// The lowest number of a range that is free.
    pub(in super::super) fn lowest_free(&self, range: VlanRange) -> Option<VlanId> {
        range.ids().find(|id| !self.has(*id))
    }

    /// A number that is taken and not in a range.
    pub(in super::super) fn outside(&self, range: VlanRange) -> Option<VlanId> {
        ALL_IDS.ids().find(|id| self.has(*id) && !range.contains(*id))
    }
}

const ALL_IDS: VlanRange = VlanRange {
    first: VlanId::LOWEST,
    last: VlanId::HIGHEST,
};

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use super::*;
    use crate::keys;

    fn id(number: u16) -> VlanId {
        VlanId::new(number).unwrap()
    }

    #[test]
    fn it_is_a_set_of_numbers() {
        let (mut taken, mut model) = (Taken::none(), BTreeSet::new());
        let mut seed = 7_u32;
        for _ in 0..20_000 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let number = id((seed >> 8) as u16 % 4094 + 1);
            let is_in = seed & 0x80 != 0;
            taken.set(number, is_in);
            if is_in {
                model.insert(number);
            } else {
                model.remove(&number);
            }
        }
        for number in ALL_IDS.ids() {
            assert_eq!(taken.has(number), model.contains(&number));
        }
        for (first, last) in [(1, 4094), (1, 1), (63, 65), (4000, 4094), (100, 2000)] {
            let range = VlanRange {
                first: id(first),
                last: id(last),
            };
            assert_eq!(
                taken.lowest_free(range),
                range.ids().find(|id| !model.contains(id))
            );
            assert_eq!(
                taken.outside(range),
                model.iter().find(|id| !range.contains(**id)).copied()
            );
        }
        assert_eq!(Taken::parse(&keys::head(), &taken.record()).unwrap(), taken);
    }

    #[test]
    fn the_lowest_number_is_the_highest_bit_of_the_first_digit() {
        let mut taken = Taken::none();
        taken.set(id(1), true);
        taken.set(id(4094), true);
        let text = taken.record().taken;
        assert_eq!((text.len(), &text[..2], &text[1022..]), (1_024, "40", "02"));
        let damaged = VlansTakenRecord {
            v: 1,
            taken: "é".repeat(512),
        };
        assert!(Taken::parse(&keys::head(), &damaged).is_err());
    }
}
