//! Taking, releasing and nodes in the middle, over whole trees.

use std::collections::{BTreeMap, BTreeSet};

use cadastre_domain::Prefix;
use cadastre_domain::free_space::{BuildError, ByLength, CountByLen, FreeSpace, FreeSpaceError, Sorted};
use proptest::prelude::*;

use super::model::{assert_agrees, beneath, direct, parent, places};

/// A tree of nodes and the free space beneath each of them, changed by the operations alone.
struct Tree {
    root: Prefix,
    nodes: BTreeSet<Prefix>,
    spaces: BTreeMap<Prefix, FreeSpace>,
}

impl Tree {
    fn new(root: Prefix) -> Self {
        Self {
            root,
            nodes: BTreeSet::new(),
            spaces: BTreeMap::from([(root, FreeSpace::whole(root))]),
        }
    }

    fn parent_of(&self, node: Prefix) -> Prefix {
        let above = self.nodes.iter().filter(|other| other.strictly_contains(&node));
        above
            .max_by_key(|other| other.len())
            .copied()
            .unwrap_or(self.root)
    }

    fn insert(&mut self, node: Prefix) {
        let parent = self.parent_of(node);
        let moved: CountByLen = direct(node, &self.nodes).iter().collect();
        let space = self.spaces.get_mut(&parent).unwrap();
        let own = if moved.is_empty() {
            space.take(node).unwrap();
            FreeSpace::whole(node)
        } else {
            assert!(space.clone().take(node).is_err());
            space.insert_above(node, &moved).unwrap()
        };
        self.spaces.insert(node, own);
        self.nodes.insert(node);
    }

    fn remove(&mut self, node: Prefix) {
        self.nodes.remove(&node);
        let own = self.spaces.remove(&node).unwrap();
        let parent = self.parent_of(node);
        let space = self.spaces.get_mut(&parent).unwrap();
        if own.is_whole() {
            space.release(node).unwrap();
        } else {
            space.remove_above(&own).unwrap();
        }
    }

    fn assert_agrees(&self, at: Prefix) {
        assert_agrees(&self.spaces[&at], &direct(at, &self.nodes));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn nodes_that_come_and_go_anywhere_leave_every_space_as_its_children_make_it(
        root in parent(),
        steps in places(40),
    ) {
        let mut tree = Tree::new(root);
        for step in steps {
            let node = beneath(root, step);
            if tree.nodes.contains(&node) {
                tree.remove(node);
            } else {
                tree.insert(node);
                tree.assert_agrees(node);
            }
            tree.assert_agrees(tree.parent_of(node));
        }
        for node in tree.nodes.clone() {
            tree.assert_agrees(node);
            tree.remove(node);
        }
        prop_assert_eq!(&tree.spaces[&root], &FreeSpace::whole(root));
    }

    #[test]
    fn a_change_and_its_inverse_restore_the_value(root in parent(), steps in places(24), last in (0..4096_usize, 0..=11_u8)) {
        let mut tree = Tree::new(root);
        let node = beneath(root, last);
        for step in steps.into_iter().map(|step| beneath(root, step)) {
            if step != node && !tree.nodes.contains(&step) {
                tree.insert(step);
            }
        }
        let before = tree.spaces.clone();
        tree.insert(node);
        prop_assert_ne!(&tree.spaces, &before);
        tree.remove(node);
        prop_assert_eq!(&tree.spaces, &before);
    }

    #[test]
    fn every_builder_gives_what_taking_gives(root in parent(), steps in places(60)) {
        let nodes: BTreeSet<Prefix> = steps.into_iter().map(|step| beneath(root, step)).collect();
        let children = direct(root, &nodes);
        let mut taken = FreeSpace::whole(root);
        for child in &children {
            taken.take(*child).unwrap();
        }
        let mut sorted = Sorted::new(root);
        for node in &nodes {
            prop_assert_eq!(sorted.push(*node), Ok(children.contains(node)));
        }
        prop_assert_eq!(&sorted.finish(), &taken);
        let mut by_length: Vec<Prefix> = nodes.iter().rev().copied().collect();
        by_length.sort_by_key(Prefix::len);
        let mut builder = ByLength::new(root);
        for node in by_length {
            prop_assert_eq!(builder.cover(node), Ok(children.contains(&node)));
            prop_assert_eq!(builder.cover(node), Ok(children.contains(&node)), "and counts once");
        }
        prop_assert_eq!(&builder.finish(), &taken);
        assert_agrees(&taken, &children);
    }

    #[test]
    fn what_is_refused_changes_nothing_and_says_why(
        root in parent(),
        steps in places(24),
        other in (0..4096_usize, 0..=11_u8),
        wrong_len in 0..=128_u8,
    ) {
        let nodes: BTreeSet<Prefix> = steps.into_iter().map(|step| beneath(root, step)).collect();
        let children = direct(root, &nodes);
        let mut space = FreeSpace::from_sorted(root, children.iter().copied()).unwrap();
        let before = space.clone();
        let other = beneath(root, other);
        let within: Vec<Prefix> = children.iter().filter(|child| other.strictly_contains(child)).copied().collect();
        let is_covered = children.iter().any(|child| child.contains(&other));
        let free_in_it = before.blocks(None, None).any(|block| other.contains(&block));
        let (prefix, parent) = (other, root);
        match space.take(other) {
            Ok(()) => {
                prop_assert!(!is_covered && within.is_empty());
                space.release(other).unwrap();
            }
            Err(FreeSpaceError::PartlyTaken { .. }) => prop_assert!(!within.is_empty() && free_in_it),
            Err(FreeSpaceError::Taken { .. }) => prop_assert!(!free_in_it && (is_covered || !within.is_empty())),
            Err(error) => prop_assert!(false, "{}", error),
        }
        prop_assert_eq!(&space, &before);
        if !is_covered && (within.is_empty() || free_in_it) {
            let error = Err(FreeSpaceError::NotAChild { prefix, parent });
            prop_assert_eq!(&space.release(other), &error);
            prop_assert_eq!(space.remove_above(&FreeSpace::whole(other)), error);
        }
        let mut moved: CountByLen = within.iter().collect();
        moved.add(wrong_len, 1);
        prop_assert_eq!(space.insert_above(other, &moved), Err(FreeSpaceError::OtherChildren { prefix, parent }));
        prop_assert_eq!(&space, &before);
    }
}

#[test]
fn builders_refuse_what_is_out_of_order_or_elsewhere() {
    let p = |text: &str| text.parse::<Prefix>().unwrap();
    let (parent, node) = (p("10.0.0.0/8"), p("10.0.0.0/16"));
    let mut sorted = Sorted::new(parent);
    sorted.push(p("10.1.0.0/16")).unwrap();
    assert_eq!(sorted.push(node), Err(BuildError::OutOfOrder { node }));
    assert_eq!(
        sorted.push(parent),
        Err(BuildError::NotBeneath { node: parent, parent })
    );
    let mut by_length = ByLength::new(parent);
    by_length.cover(p("10.1.0.0/24")).unwrap();
    assert_eq!(by_length.cover(node), Err(BuildError::OutOfOrder { node }));
    assert_eq!(
        by_length.cover(parent),
        Err(BuildError::NotBeneath { node: parent, parent })
    );
    // Behind the last address there is nothing left to come.
    let mut sorted = Sorted::new(p("::/0"));
    sorted.push(p("8000::/1")).unwrap();
    assert!(sorted.push(p("::/1")).is_err());
}

#[test]
fn children_of_elsewhere_cannot_be_moved() {
    let p = |text: &str| text.parse::<Prefix>().unwrap();
    let parent = p("10.0.0.0/8");
    let children = ["10.0.0.0/24", "10.1.0.0/24", "10.2.0.0/26"].map(p);
    let mut space = FreeSpace::from_sorted(parent, children).unwrap();
    let before = space.clone();
    for (middle, moved) in [
        // One child too many, one of another length, and a node that lies in a child.
        ("10.0.0.0/16", vec![children[0], children[1]]),
        ("10.0.0.0/16", vec![children[2]]),
        ("10.0.0.0/25", vec![children[2]]),
    ] {
        let prefix = p(middle);
        let moved: CountByLen = moved.iter().collect();
        let error = Err(FreeSpaceError::OtherChildren { prefix, parent });
        assert_eq!(space.insert_above(prefix, &moved), error);
        assert_eq!(space, before);
    }
    let moved: CountByLen = [children[0]].iter().collect();
    assert!(space.insert_above(p("10.0.0.0/16"), &moved).is_ok());
}
