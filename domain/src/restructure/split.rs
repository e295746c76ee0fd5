//! Which prefixes a split makes: the blocks of one length in a container that do not exist yet.
//!
//! A node of exactly that length is kept. A longer one comes beneath the new block around it. A shorter one
//! straddles blocks: nothing can be put between it and the container that would leave it whole.
//!
//! The walk does no I/O: it names the range whose first stored prefix it needs, and is fed the answer. One probe
//! per occupied block is enough, however many nodes lie in it.

use crate::hierarchy::ChildProbe;
use crate::prefix::Prefix;

/// Why a container cannot be split like that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// The length is not longer than the container's, or longer than an address.
    #[error(
        "{container} can be split into blocks of length {} to {max}, not {len}", container.len().saturating_add(1)
    )]
    Length {
        /// The container.
        container: Prefix,
        /// The length asked for.
        len: u8,
        /// The longest of its family.
        max: u8,
    },
    /// The container is a single address.
    #[error("{container} is a single address and cannot be split")]
    Address {
        /// The container.
        container: Prefix,
    },
    /// Far more blocks are missing than may be made at once.
    #[error(
        "splitting {container} into /{len} would make {} nodes, at most {most} are made at once; choose a shorter \
         length, or split in steps", count_text(*missing)
    )]
    TooMany {
        /// The container.
        container: Prefix,
        /// The length asked for.
        len: u8,
        /// How many would be made; `None` is 2^128, which does not fit.
        missing: Option<u128>,
        /// How many may be made.
        most: usize,
    },
}

fn count_text(count: Option<u128>) -> String {
    // 2^128: all addresses of IPv6.
    count.map_or_else(
        || "340282366920938463463374607431768211456".to_owned(),
        |count| count.to_string(),
    )
}

impl SplitError {
    /// How many nodes it would make, as text, where that is what is wrong.
    #[must_use]
    pub fn would_make(&self) -> Option<String> {
        match self {
            Self::TooMany { missing, .. } => Some(count_text(*missing)),
            Self::Length { .. } | Self::Address { .. } => None,
        }
    }
}

/// What a split comes to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SplitPlan {
    /// The blocks to make, in order.
    pub missing: Vec<Prefix>,
    /// Those of them that have nodes beneath.
    pub occupied: Vec<Prefix>,
    /// Nodes between container and length, topmost ones only: with any of them the split is not possible.
    pub straddling: Vec<Prefix>,
}

/// A walk over the blocks of a container.
#[derive(Debug, Clone)]
pub struct SplitScan {
    container: Prefix,
    len: u8,
    most: usize,
    /// The first block not dealt with; `None` when all are.
    next: Option<Prefix>,
    missing: u128,
    plan: SplitPlan,
}

impl SplitScan {
    /// Of a container into blocks of length `len`, at most `most` new ones. `stored` nodes of that length
    /// are known to exist anywhere: with that a split that must be too large is refused without looking.
    ///
    /// # Errors
    /// [`SplitError`].
    pub fn new(container: Prefix, len: u8, stored: u64, most: usize) -> Result<Self, SplitError> {
        let max = container.family().max_len();
        if container.is_host() {
            return Err(SplitError::Address { container });
        }
        if len <= container.len() || len > max {
            return Err(SplitError::Length { container, len, max });
        }
        let blocks = 1_u128.checked_shl(u32::from(len - container.len()));
        let at_least = blocks.map(|blocks| blocks.saturating_sub(u128::from(stored)));
        if at_least.is_none_or(|least| least > most as u128) {
            // All of them but those that exist: how many exist in the container only a walk would tell, and it
            // would change nothing about the answer.
            return Err(SplitError::TooMany {
                container,
                len,
                missing: at_least,
                most,
            });
        }
        Ok(Self {
            container,
            len,
            most,
            next: Some(container.with_bits(container.bits(), len)),
            missing: 0,
            plan: SplitPlan::default(),
        })
    }

    /// The range whose first stored prefix is to be fed; `None` at the end.
    #[must_use]
    pub fn probe(&self) -> Option<ChildProbe> {
        let next = self.next?;
        // Nodes shorter than the first block begin at the same address and sort before it.
        let after = match self.before(&next) {
            Some(before) => before.last_descendant(),
            None => self.container,
        };
        Some(ChildProbe {
            after: Some(after),
            up_to: Some(self.container.last_descendant()),
        })
    }

    /// Takes the first stored prefix of the probe's range. One outside of it counts as none.
    pub fn feed(&mut self, found: Option<Prefix>) {
        let (Some(next), Some(probe)) = (self.next, self.probe()) else {
            return;
        };
        let Some(found) = found.filter(|found| probe.holds(found)) else {
            self.miss(next, None);
            self.next = None;
            return;
        };
        if found.len() < self.len {
            self.miss(next, Some(found.with_bits(found.bits(), self.len)));
            self.plan.straddling.push(found);
            self.next = self.after(&found.last_descendant().truncate(self.len));
            return;
        }
        let block = found.truncate(self.len);
        self.miss(next, Some(block));
        if found.len() > self.len {
            self.missing += 1;
            if self.plan.missing.len() < self.most {
                self.plan.missing.push(block);
                self.plan.occupied.push(block);
            }
        }
        self.next = self.after(&block);
    }

    /// What it comes to.
    ///
    /// # Errors
    /// [`SplitError::TooMany`] with the exact number, unless something straddles, which comes first.
    pub fn finish(self) -> Result<SplitPlan, SplitError> {
        if self.plan.straddling.is_empty() && self.missing > self.most as u128 {
            return Err(SplitError::TooMany {
                container: self.container,
                len: self.len,
                missing: Some(self.missing),
                most: self.most,
            });
        }
        Ok(self.plan)
    }

    /// The blocks from one up to another (exclusive; `None` = to the end) are missing.
    fn miss(&mut self, from: Prefix, to: Option<Prefix>) {
        let end = match to {
            Some(to) => self.index(&to),
            None => self.index(&self.container.last_descendant().truncate(self.len)) + 1,
        };
        let count = end.saturating_sub(self.index(&from));
        self.missing = self.missing.saturating_add(count);
        let mut block = Some(from);
        for _ in 0..count {
            let (Some(at), true) = (block, self.plan.missing.len() < self.most) else {
                return;
            };
            self.plan.missing.push(at);
            block = self.after(&at);
        }
    }

    /// Number of a block. There are far fewer than 2^127, see [`SplitScan::new`].
    fn index(&self, block: &Prefix) -> u128 {
        (block.bits() - self.container.bits()) >> (128 - u32::from(self.len))
    }

    fn size(&self) -> u128 {
        1 << (128 - u32::from(self.len))
    }

    fn after(&self, block: &Prefix) -> Option<Prefix> {
        let next = self
            .container
            .with_bits(block.bits().checked_add(self.size())?, self.len);
        self.container.contains(&next).then_some(next)
    }

    fn before(&self, block: &Prefix) -> Option<Prefix> {
        let bits = block.bits().checked_sub(self.size())?;
        let before = self.container.with_bits(bits, self.len);
        self.container.contains(&before).then_some(before)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::hierarchy::OrderedSource;

    fn p(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    fn split(container: &str, len: u8, stored: &[&str]) -> Result<SplitPlan, SplitError> {
        let stored = stored.iter().map(|text| p(text)).collect();
        run(p(container), len, &stored, 1000)
    }

    fn run(
        container: Prefix,
        len: u8,
        stored: &BTreeSet<Prefix>,
        most: usize,
    ) -> Result<SplitPlan, SplitError> {
        let of_length = stored.iter().filter(|prefix| prefix.len() == len).count() as u64;
        let mut scan = SplitScan::new(container, len, of_length, most)?;
        while let Some(probe) = scan.probe() {
            let Ok(found) = stored.first_in(probe);
            scan.feed(found);
        }
        scan.finish()
    }

    fn all(texts: &[&str]) -> Vec<Prefix> {
        texts.iter().map(|text| p(text)).collect()
    }

    #[test]
    fn an_empty_container_is_cut_into_all_its_blocks() {
        let plan = split("10.0.0.0/22", 24, &["10.0.0.0/22", "10.0.4.0/22"]).unwrap();
        let blocks = ["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"];
        assert_eq!(plan.missing, all(&blocks));
        assert!(plan.occupied.is_empty() && plan.straddling.is_empty());
    }

    #[test]
    fn blocks_that_exist_are_kept_and_longer_nodes_come_beneath_new_ones() {
        let stored = [
            "10.0.0.0/22",
            "10.0.1.0/24",
            "10.0.1.0/25",
            "10.0.2.128/25",
            "10.0.2.200/32",
        ];
        let plan = split("10.0.0.0/22", 24, &stored).unwrap();
        assert_eq!(plan.missing, all(&["10.0.0.0/24", "10.0.2.0/24", "10.0.3.0/24"]));
        assert_eq!(plan.occupied, all(&["10.0.2.0/24"]));
    }

    #[test]
    fn shorter_nodes_straddle_and_are_named_topmost_only() {
        let stored = ["10.0.0.0/23", "10.0.0.0/24", "10.0.2.0/25", "10.0.3.0/24"];
        let plan = split("10.0.0.0/22", 26, &stored).unwrap();
        assert_eq!(
            plan.straddling,
            all(&["10.0.0.0/23", "10.0.2.0/25", "10.0.3.0/24"])
        );
    }

    #[test]
    fn the_ends_of_both_families_are_reached() {
        assert_eq!(
            split("0.0.0.0/0", 1, &[]).unwrap().missing,
            all(&["0.0.0.0/1", "128.0.0.0/1"])
        );
        assert_eq!(split("::/0", 1, &["8000::/1"]).unwrap().missing, all(&["::/1"]));
        let hosts = split("255.255.255.254/31", 32, &["255.255.255.255/32"]).unwrap();
        assert_eq!(hosts.missing, all(&["255.255.255.254/32"]));
    }

    #[test]
    fn lengths_that_do_not_fit_are_refused() {
        for len in [0, 23, 24, 33, 128, 255] {
            let refused = split("10.0.0.0/24", len, &[]);
            assert!(
                matches!(refused, Err(SplitError::Length { max: 32, .. })),
                "{len}"
            );
        }
        assert_eq!(
            split("10.0.0.1/32", 32, &[]),
            Err(SplitError::Address {
                container: p("10.0.0.1/32")
            })
        );
    }

    #[test]
    fn too_many_are_counted_exactly_without_making_them() {
        let count = |container: &str, len| split(container, len, &[]).unwrap_err().would_make().unwrap();
        assert_eq!(count("10.0.0.0/8", 24), "65536");
        assert_eq!(count("2001:db8::/32", 64), "4294967296");
        assert_eq!(count("::/0", 128), "340282366920938463463374607431768211456");
        assert_eq!(count("::/0", 127), (1_u128 << 127).to_string());
        assert_eq!(
            split("10.0.0.0/22", 32, &[]).unwrap_err().would_make().unwrap(),
            "1024"
        );
        // One of them exists, 1,023 do not.
        let some = split("10.0.0.0/22", 32, &["10.0.0.7/32", "10.0.1.0/31"]);
        assert_eq!(some.unwrap_err().would_make().unwrap(), "1023");
    }

    #[test]
    fn nodes_of_that_length_elsewhere_do_not_make_room() {
        let elsewhere: BTreeSet<Prefix> = (0..4_u128)
            .map(|i| p("10.1.0.0/32").with_bits(p("10.1.0.0/32").bits() + (i << 96), 32))
            .collect();
        let refused = run(p("10.0.0.0/29"), 32, &elsewhere, 5).unwrap_err();
        assert_eq!(refused.would_make().unwrap(), "8");
    }

    fn small() -> impl Strategy<Value = Prefix> {
        (0..32_u32, 0..=5_u8).prop_map(|(bits, len)| {
            Prefix::new_masked(std::net::Ipv4Addr::from(bits << 27).into(), len).unwrap()
        })
    }

    proptest! {
        #[test]
        fn a_split_makes_what_a_look_at_every_block_says(
            container in small(), more in 1..4_u8, stored in proptest::collection::btree_set(small(), 0..20), most in 1..12_usize,
        ) {
            let len = container.len() + more;
            let blocks: Vec<Prefix> = (0..1_u128 << more)
                .map(|i| container.with_bits(container.bits() + (i << (128 - u32::from(len))), len))
                .collect();
            let missing: Vec<Prefix> = blocks.iter().copied().filter(|block| !stored.contains(block)).collect();
            let between = |node: &&Prefix| container.strictly_contains(node) && node.len() < len;
            let straddling: Vec<Prefix> = stored.iter().filter(between).copied().collect();
            match run(container, len, &stored, most) {
                Ok(plan) if straddling.is_empty() => {
                    prop_assert_eq!(&plan.missing, &missing);
                    let occupied = |block: &&Prefix| stored.iter().any(|node| block.strictly_contains(node));
                    prop_assert_eq!(plan.occupied, missing.iter().filter(occupied).copied().collect::<Vec<_>>());
                    prop_assert!(plan.straddling.is_empty());
                }
                Ok(plan) => {
                    let top = |node: &&Prefix| !straddling.iter().any(|other| other.strictly_contains(node));
                    prop_assert_eq!(plan.straddling, straddling.iter().filter(top).copied().collect::<Vec<_>>());
                }
                Err(SplitError::TooMany { missing: count, .. }) => {
                    prop_assert!(missing.len() > most || !straddling.is_empty());
                    // Exact where it had to look, else all but those that exist anywhere.
                    prop_assert!(count.unwrap() <= missing.len() as u128);
                    prop_assert!(count.unwrap() > most as u128);
                }
                Err(other) => prop_assert!(false, "{other}"),
            }
        }
    }
}
