//! What is shared: folders of others that this account takes part in, and own things that are lent to others.
//!
//! What is in somebody's share lies in this Drive's tree and counts nowhere else: its bytes are the owner's, and so is the trash that it
//! goes to. Who may write and by which words is the caller's affair; here is only what there is.

use serde::{Deserialize, Serialize};

use super::{Drive, Item, No, ROOT, Refused, Share};

/// What all items of one share have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ShareState {
    /// The `shareChangeTag`.
    tag: u64,
    read_only: bool,
}

impl Default for ShareState {
    fn default() -> Self {
        Self {
            tag: 1,
            read_only: false,
        }
    }
}

impl Drive {
    /// Makes a folder that somebody else shares with this account.
    pub(in crate::emulator) fn create_share(
        &mut self,
        name: &str,
        owner: &str,
        read_only: bool,
    ) -> Result<No, Refused> {
        let no = self.create_folder(ROOT, name)?;
        let share = self.new_share(owner);
        let state = ShareState {
            read_only,
            ..ShareState::default()
        };
        self.shares.insert(share.record.clone(), state);
        if let Some(item) = self.item_mut(no) {
            item.share = Some(share);
        }
        Ok(no)
    }

    /// Shares an own folder or file with somebody else: it stays what and where it is, and says so from now on.
    pub(in crate::emulator) fn lend(&mut self, no: No) -> Result<(), Refused> {
        let share = self.new_share("_self");
        let item = self.item_mut(no).ok_or(Refused::Missing)?;
        if item.share.is_some() {
            return Err(Refused::Impossible);
        }
        item.lent = Some(share);
        self.mark(no, false);
        self.spread(no, false, false);
        Ok(())
    }

    fn new_share(&mut self, owner: &str) -> Share {
        Share {
            name: format!("SHARE-{}", self.rng.uuid()),
            record: self.rng.uuid(),
            owner: owner.to_owned(),
            top: true,
        }
    }

    /// Says whether this account may write to the share that an item is in.
    pub(in crate::emulator) fn let_write(&mut self, no: No, writable: bool) -> Result<(), Refused> {
        let item = self.item(no).ok_or(Refused::Missing)?;
        let share = item.share.as_ref().ok_or(Refused::Impossible)?;
        let record = share.record.clone();
        self.shares.entry(record).or_default().read_only = !writable;
        Ok(())
    }

    /// Whether this account only reads a share.
    pub(in crate::emulator) fn only_reads(&self, share: &Share) -> bool {
        self.shares
            .get(&share.record)
            .is_some_and(|state| state.read_only)
    }

    /// The `shareChangeTag` of a share now.
    pub(in crate::emulator) fn share_tag(&self, share: &Share) -> String {
        let tag = self.shares.get(&share.record).map_or(1, |state| state.tag);
        tag.to_string()
    }

    /// Notes that something was written to the share that an item is in, where the rules say that this shows.
    pub(super) fn share_written(&mut self, no: No) {
        let share = self.item(no).and_then(|item| item.share.as_ref());
        if let Some(record) = share.map(|share| share.record.clone())
            && self.rules.share_tag_moves
        {
            self.shares.entry(record).or_default().tag += 1;
        }
    }

    /// The folder that a share begins with, if it is not in the trash.
    pub(in crate::emulator) fn share_top(&self, owner: &str, record: &str) -> Option<No> {
        let is_it = |item: &Item| {
            let share = item.share.as_ref();
            share.is_some_and(|share| share.top && share.owner == owner && share.record == record)
        };
        let found = self.live().find(|(_, item)| is_it(item));
        found.map(|(no, _)| no).filter(|&no| !self.in_trash(no))
    }

    /// What was deleted in others' shares and lies in their owners' trash, oldest first.
    pub(in crate::emulator) fn owners_trash(&self) -> &[No] {
        &self.owners_trash
    }

    /// Whether an item has gone to the trash of the owner of its share, where this account sees nothing.
    pub(in crate::emulator) fn is_with_owner(&self, no: No) -> bool {
        let in_share = self.item(no).is_some_and(Item::is_in_share);
        in_share && self.in_trash(no)
    }

    /// Whether an item can be moved into a folder as far as shares go: one does not begin in another.
    pub(super) fn shares_allow(&self, no: No, target: No) -> bool {
        let into_share = self.item(target).is_some_and(|item| item.share.is_some());
        let mut found = self.with_all_below(no).into_iter();
        !into_share || !found.any(|no| self.item(no).is_some_and(Item::is_share_top))
    }

    /// Lets a moved item, with all below it, be in the share of its new folder.
    pub(super) fn enter_share(&mut self, no: No, target: No) {
        if self.item(no).is_some_and(Item::is_share_top) {
            return;
        }
        let share = self.item(target).and_then(|folder| folder.share.clone());
        let share = share.map(|share| Share {
            top: false,
            ..share
        });
        for no in self.with_all_below(no) {
            if let Some(item) = self.item_mut(no)
                && !item.is_share_top()
            {
                item.share.clone_from(&share);
            }
        }
    }

    fn with_all_below(&self, no: No) -> Vec<No> {
        let mut found = vec![no];
        let mut at = 0;
        while let Some(item) = found.get(at).and_then(|&no| self.item(no)) {
            found.extend(item.children());
            at += 1;
        }
        found
    }
}

impl Item {
    /// Whether it is in somebody's share, below the folder that the share begins with.
    pub(in crate::emulator) fn is_in_share(&self) -> bool {
        self.share.as_ref().is_some_and(|share| !share.top)
    }

    /// Whether somebody's share begins with it.
    pub(in crate::emulator) fn is_share_top(&self) -> bool {
        self.share.as_ref().is_some_and(|share| share.top)
    }
}
