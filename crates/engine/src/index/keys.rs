//! Which condition keys tell principals apart: what all have alike needs to be asked once, not for each.

use crate::compiled::facts::{Entry, Known, Table, View};
use crate::compiled::keys::{KeyId, Keys, NeverCarried};

/// What the contexts of all principals say of a key.
#[derive(Debug)]
struct Use {
    /// What the first says; the others too, unless they differ.
    first: Option<Known>,
    count: usize,
    differ: bool,
}

/// What all contexts have in common.
#[derive(Debug, Default)]
pub(super) struct Common {
    uses: Vec<Option<Use>>,
    /// How many contexts there are, and how many of them are open.
    contexts: usize,
    open: usize,
    /// What all of them say.
    table: Table,
}

impl Common {
    /// Takes note of a context.
    pub(super) fn add(&mut self, entries: &[Entry], open: bool) {
        self.contexts += 1;
        self.open += usize::from(open);
        for (key, known) in entries {
            if self.uses.len() <= key.index() {
                self.uses.resize_with(key.index() + 1, || None);
            }
            match self.uses.get_mut(key.index()) {
                Some(Some(found)) => {
                    found.count += 1;
                    found.differ |= found.first != *known;
                }
                Some(place) => {
                    *place = Some(Use {
                        first: known.clone(),
                        count: 1,
                        differ: false,
                    })
                }
                None => {}
            }
        }
    }

    /// Takes note that one of the contexts says something else now. What was alike for all may no longer be; what was not
    /// is not looked at again.
    pub(super) fn change(&mut self, entries: &[Entry], open: bool) {
        for (key, known) in entries {
            if self.uses.len() <= key.index() {
                self.uses.resize_with(key.index() + 1, || None);
            }
            if let Some(place @ None) = self.uses.get_mut(key.index()) {
                *place = Some(Use {
                    first: known.clone(),
                    count: 1,
                    differ: self.contexts > 1,
                });
            }
        }
        for (found, index) in self.uses.iter_mut().zip(0..) {
            let Some(found) = found else { continue };
            let now = entries.iter().find(|(key, _)| key.index() == index);
            found.differ |= now.is_none_or(|(_, known)| found.first != *known);
        }
        match (self.contexts, open) {
            (1, _) => self.open = usize::from(open),
            // It is only asked whether all are open, or none is: one that differs from all others makes it neither.
            (_, true) => self.open = self.open.max(1),
            (all, false) => self.open = self.open.min(all - 1),
        }
    }

    /// Puts together what all contexts say; to be called when they are all there.
    pub(super) fn settle(&mut self, keys: &Keys) {
        let same = |key: &KeyId| match self.uses.get(key.index()) {
            Some(Some(found)) if !found.differ && found.count == self.contexts => {
                Some((*key, found.first.clone()))
            }
            _ => None,
        };
        self.table = Table::new(keys.all().filter_map(|key| same(&key)).collect()).indexed();
    }

    /// Facts that are alike for all, with those of a question on top.
    pub(super) fn view<'a>(
        &'a self,
        keys: &'a Keys,
        top: Option<&'a Table>,
        never_carried: Option<&'a NeverCarried>,
    ) -> View<'a> {
        View::new(keys, [None, top, Some(&self.table)], self.open > 0, never_carried)
    }

    /// Whether a key is the same for every principal: then [`Common::view`] tells it.
    pub(super) fn has(&self, key: KeyId, keys: &Keys, top: Option<&Table>) -> bool {
        let on_top = |key| top.is_some_and(|top| top.find(key).is_some());
        if on_top(key) || self.table.find(key).is_some() {
            return true;
        }
        let used = |key: KeyId| self.uses.get(key.index()).is_some_and(Option::is_some);
        let alike = self.open == 0 || self.open == self.contexts;
        // Of a tag that nobody speaks of, something may yet have been said with all tags.
        let whole = |whole| on_top(whole) || self.table.find(whole).is_some() || !used(whole);
        !used(key) && alike && (self.open == 0 || keys.whole(key).is_none_or(whole))
    }
}
