//! Which places of one length are taken, as it is stored: 1,024 neighbouring places in one row, so
//! that what is free beneath a node with a million children is read from a thousand rows.

use super::align::{mask, prefix_at, step};
use crate::prefix::Prefix;

/// The logarithm of how many places a row has.
const SLOT_BITS: u8 = 10;
const WORDS: usize = (1 << SLOT_BITS) / 64;

/// The URL-safe alphabet of base64 (RFC 4648 §5), whose digits need no escape inside a JSON string.
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// What text begins with when it lists the places that are set, lists those that are clear, or has
/// a bit for each.
const SET: char = '+';
const CLEAR: char = '!';
const BITMAP: char = '=';

/// The places of one length in one block that are taken by nodes.
///
/// The block is ten bits shorter than the length, and has 1,024 places; for lengths below 10 it is
/// the whole family and has as many places as there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occupancy {
    block: Prefix,
    len: u8,
    words: [u64; WORDS],
}

/// Why text is not an [`Occupancy`], or not that of a block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OccupancyError {
    /// The block is not one for this length.
    #[error("{block} is not a block of places of length {len}")]
    NotABlock {
        /// The block given.
        block: Prefix,
        /// The length of the places.
        len: u8,
    },
    /// The text is not what [`Occupancy::to_text`] writes.
    #[error("the text of the taken places of length {len} in {block} is damaged")]
    Damaged {
        /// The block given.
        block: Prefix,
        /// The length of the places.
        len: u8,
    },
}

impl Occupancy {
    /// The block and the place in it that a prefix has, from 0 to 1,023.
    #[must_use]
    pub fn block_of(prefix: Prefix) -> (Prefix, usize) {
        let block = prefix.truncate(prefix.len().saturating_sub(SLOT_BITS));
        (block, slot_in(block, prefix))
    }

    /// A block in which nothing is taken.
    ///
    /// # Errors
    /// When the block is not one for this length.
    pub fn empty(block: Prefix, len: u8) -> Result<Self, OccupancyError> {
        if len > block.family().max_len() || block.len() != len.saturating_sub(SLOT_BITS) {
            return Err(OccupancyError::NotABlock { block, len });
        }
        Ok(Self {
            block,
            len,
            words: [0; WORDS],
        })
    }

    /// The block a prefix belongs to, with nothing taken.
    #[must_use]
    pub fn around(prefix: Prefix) -> Self {
        Self {
            block: Self::block_of(prefix).0,
            len: prefix.len(),
            words: [0; WORDS],
        }
    }

    /// The block whose places these are.
    #[must_use]
    pub fn block(&self) -> Prefix {
        self.block
    }

    /// The length of the places.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // the length of prefixes, not a count of elements
    pub fn len(&self) -> u8 {
        self.len
    }

    /// How many places the block has.
    #[must_use]
    pub fn slots(&self) -> usize {
        1 << (self.len - self.block.len())
    }

    /// Marks a place as taken; whether that changed anything. A prefix that is not one of the places
    /// changes nothing.
    pub fn set(&mut self, prefix: Prefix) -> bool {
        let Some(slot) = self.slot_of(prefix) else {
            return false;
        };
        let changed = !self.has(slot);
        self.words[slot / 64] |= 1 << (slot % 64);
        changed
    }

    /// Marks a place as not taken; whether that changed anything.
    pub fn clear(&mut self, prefix: Prefix) -> bool {
        let Some(slot) = self.slot_of(prefix) else {
            return false;
        };
        let changed = self.has(slot);
        self.words[slot / 64] &= !(1 << (slot % 64));
        changed
    }

    /// Whether a place is taken; never for a prefix that is not one of the places.
    #[must_use]
    pub fn is_set(&self, prefix: Prefix) -> bool {
        self.slot_of(prefix).is_some_and(|slot| self.has(slot))
    }

    /// How many places are taken.
    #[must_use]
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether no place is taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words == [0; WORDS]
    }

    /// The taken places, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Prefix> {
        (0..self.slots())
            .filter(|slot| self.has(*slot))
            .map(|slot| self.at(slot))
    }

    /// The stored text: a list of the taken places, or of those that are not, or a bit for each,
    /// whichever is shortest; between 1 and 172 characters that JSON leaves as they are. Each value
    /// has one text. The block and the length are not in it: they are the row's key.
    #[must_use]
    pub fn to_text(&self) -> String {
        let slots = self.slots();
        let (set, digits) = (self.count(), slots.div_ceil(6));
        let (kind, listed) = if set <= slots - set {
            (SET, set)
        } else {
            (CLEAR, slots - set)
        };
        let mut text = String::with_capacity(1 + digits.min(2 * listed));
        if 2 * listed <= digits {
            text.push(kind);
            for (at, word) in self.words.iter().enumerate().take(slots.div_ceil(64)) {
                let mut left = if kind == SET {
                    *word
                } else {
                    !word & low_bits(slots)
                };
                while left != 0 {
                    text.extend([digit(at), digit(left.trailing_zeros() as usize)]);
                    left &= left - 1;
                }
            }
        } else {
            text.push(BITMAP);
            // Six places a digit, the first one at the top. What a word leaves over goes before the next one.
            let (mut bits, mut left) = (0_u128, 0);
            for word in self.words.iter().take(slots.div_ceil(64)) {
                let places = slots.min(64);
                bits = bits << places | u128::from(word.reverse_bits() >> (64 - places));
                left += places;
                while left >= 6 {
                    left -= 6;
                    text.push(digit((bits >> left) as usize));
                }
            }
            if left > 0 {
                text.push(digit((bits << (6 - left)) as usize));
            }
        }
        text
    }

    /// Reads what [`Occupancy::to_text`] wrote, and nothing else.
    ///
    /// # Errors
    /// When the block is not one for this length, or when the text is damaged.
    pub fn from_text(block: Prefix, len: u8, text: &str) -> Result<Self, OccupancyError> {
        let empty = Self::empty(block, len)?;
        empty
            .read(text)
            // Order, repetition, padding and the choice of form are all checked by writing again.
            .filter(|read| read.to_text() == text)
            .ok_or(OccupancyError::Damaged { block, len })
    }

    fn read(mut self, text: &str) -> Option<Self> {
        let (kind, rest) = text.split_at_checked(1)?;
        let (slots, digits) = (self.slots(), rest.as_bytes());
        if digits.len() > slots.div_ceil(6) {
            return None;
        }
        match kind.chars().next()? {
            BITMAP => {
                for (position, digit) in digits.iter().enumerate() {
                    // The first place is at the top of a digit, and at the bottom of a word.
                    let places = (value(*digit)?.reverse_bits() >> (usize::BITS - 6)) as u64;
                    let first = position * 6;
                    if slots - first < 6 && places >> (slots - first) != 0 {
                        return None;
                    }
                    let (word, shift) = (first / 64, first % 64);
                    self.words[word] |= places << shift;
                    if shift > 58 && word + 1 < WORDS {
                        self.words[word + 1] |= places >> (64 - shift);
                    }
                }
            }
            kind @ (SET | CLEAR) => {
                if kind == CLEAR {
                    self.words[..slots.div_ceil(64)].fill(low_bits(slots));
                }
                for pair in digits.chunks(2) {
                    let [high, low] = pair else { return None };
                    self.flip(value(*high)? * 64 + value(*low)?)?;
                }
            }
            _ => return None,
        }
        Some(self)
    }

    fn flip(&mut self, slot: usize) -> Option<()> {
        if slot >= self.slots() {
            return None;
        }
        self.words[slot / 64] ^= 1 << (slot % 64);
        Some(())
    }

    fn slot_of(&self, prefix: Prefix) -> Option<usize> {
        let place = prefix.len() == self.len && self.block.contains(&prefix);
        place.then(|| slot_in(self.block, prefix))
    }

    fn has(&self, slot: usize) -> bool {
        self.words[slot / 64] >> (slot % 64) & 1 == 1
    }

    fn at(&self, slot: usize) -> Prefix {
        // In a /0 without bits behind it there is one place, at zero, and no step.
        let offset = if self.len == 0 {
            0
        } else {
            slot as u128 * step(self.len)
        };
        prefix_at(self.block.family(), self.block.bits() | offset, self.len)
    }
}

fn slot_in(block: Prefix, prefix: Prefix) -> usize {
    let within = prefix.bits() & !mask(block.len());
    // The block is ten bits shorter at most, so what is left is below 1,024.
    within.checked_shr(128 - u32::from(prefix.len())).unwrap_or(0) as usize
}

/// As many ones from the bottom as a word has places.
fn low_bits(slots: usize) -> u64 {
    u64::MAX >> (64 - slots.min(64))
}

fn digit(value: usize) -> char {
    char::from(DIGITS[value % 64])
}

fn value(digit: u8) -> Option<usize> {
    let value = VALUES[usize::from(digit)];
    (value < 64).then_some(usize::from(value))
}

/// What each byte is worth as a digit; 64 for those that are none.
const VALUES: [u8; 256] = {
    let mut values = [64; 256];
    let mut at = 0;
    while at < 64 {
        values[DIGITS[at] as usize] = at as u8;
        at += 1;
    }
    values
};
