//! Taking, releasing, and nodes that come and go in the middle of the tree. Each change has an
//! exact inverse, and a refused one changes nothing.

use super::align::last_bits;
use super::{CountByLen, FreeSpace, FreeSpaceError, Size};
use crate::prefix::Prefix;

impl FreeSpace {
    /// Makes a free prefix a child.
    ///
    /// # Errors
    /// When it does not lie beneath the parent, or when children cover some of it or all.
    pub fn take(&mut self, prefix: Prefix) -> Result<(), FreeSpaceError> {
        self.check_beneath(prefix)?;
        let (len, start, parent) = (prefix.len(), prefix.bits(), self.parent);
        let Some(block) = self.free.covering(len, start) else {
            return Err(if self.free.any_within(len, &(start..=last_bits(prefix))) {
                FreeSpaceError::PartlyTaken { prefix, parent }
            } else {
                FreeSpaceError::Taken { prefix, parent }
            });
        };
        self.free.carve(block, len, start);
        self.children.add(len, 1);
        Ok(())
    }

    /// Frees a child that has no children of its own; the inverse of [`FreeSpace::take`].
    ///
    /// The caller promises that it is a child. Of a broken promise only this is noticed: some of it
    /// is free, or no child has its length.
    ///
    /// # Errors
    /// When it does not lie beneath the parent or is not a child.
    pub fn release(&mut self, prefix: Prefix) -> Result<(), FreeSpaceError> {
        self.check_child(prefix)?;
        self.forget_child(prefix);
        self.free.join(self.parent.len(), prefix.len(), prefix.bits());
        Ok(())
    }

    /// Makes a node in the middle a child and moves the children it covers beneath it; answers the
    /// new node's own free space. `moved` are those children, by length. Where it covers none, this
    /// is [`FreeSpace::take`].
    ///
    /// Costs the number of free blocks in the new node, which move with the children.
    ///
    /// # Errors
    /// When it does not lie beneath the parent, or when `moved` does not account exactly for the
    /// addresses that are taken in it. So a node within an existing child is refused too.
    pub fn insert_above(&mut self, prefix: Prefix, moved: &CountByLen) -> Result<Self, FreeSpaceError> {
        self.check_beneath(prefix)?;
        let parent = self.parent;
        if moved.is_empty() {
            self.take(prefix)?;
            return Ok(Self::whole(prefix));
        }
        let wrong = FreeSpaceError::OtherChildren { prefix, parent };
        let beneath = moved.iter().all(|(len, _)| len > prefix.len());
        if !beneath || !self.children.includes(moved) || self.is_free(prefix) {
            return Err(wrong);
        }
        let free = self
            .free
            .extract(prefix.len(), &(prefix.bits()..=last_bits(prefix)));
        let family = prefix.family();
        let accounted = moved
            .addresses(family)
            .checked_add(free.room_for(family.max_len()));
        if accounted != Some(Size::of(&prefix)) {
            self.free.absorb(&free);
            return Err(wrong);
        }
        for (len, nodes) in moved.iter() {
            // Cannot fail: they are included.
            let _ = self.children.remove(len, nodes);
        }
        self.children.add(prefix.len(), 1);
        Ok(Self {
            parent: prefix,
            free,
            children: moved.clone(),
        })
    }

    /// Removes a child and takes its children over; the inverse of [`FreeSpace::insert_above`].
    /// `middle` is the child's own free space, which means nothing afterwards.
    ///
    /// Costs the number of its free blocks, which come back.
    ///
    /// # Errors
    /// When the node does not lie beneath the parent or is not a child, as for
    /// [`FreeSpace::release`].
    pub fn remove_above(&mut self, middle: &Self) -> Result<(), FreeSpaceError> {
        if middle.is_whole() {
            return self.release(middle.parent);
        }
        self.check_child(middle.parent)?;
        self.forget_child(middle.parent);
        // No block of it is as large as the node, so none has its buddy outside.
        self.free.absorb(&middle.free);
        for (len, nodes) in middle.children.iter() {
            self.children.add(len, nodes);
        }
        Ok(())
    }

    fn check_child(&self, prefix: Prefix) -> Result<(), FreeSpaceError> {
        self.check_beneath(prefix)?;
        let (len, start) = (prefix.len(), prefix.bits());
        let free = || {
            self.free.covering(len, start).is_some()
                || self.free.any_within(len, &(start..=last_bits(prefix)))
        };
        if self.children.of(len) == 0 || free() {
            let parent = self.parent;
            return Err(FreeSpaceError::NotAChild { prefix, parent });
        }
        Ok(())
    }

    fn forget_child(&mut self, prefix: Prefix) {
        // Cannot fail: that there is one has been checked.
        let _ = self.children.remove(prefix.len(), 1);
    }
}
