//! Two folds → the fold of both.

use super::groups::Key;
use super::{Fold, LIST, Mint, Single};

impl Fold {
    /// Takes in another part of the same lake, of the same window. Parts may overlap: an event that is in both counts once.
    pub fn merge(&mut self, mut other: Self) {
        // What was taken makes room before more is: both at once are the most memory that there ever is.
        other.known.clear();
        let texts: Vec<u32> = {
            let old = std::mem::take(&mut other.texts);
            (0..u32::try_from(old.len()).unwrap_or(u32::MAX))
                .map(|at| self.texts.add(old.get(at)))
                .collect()
        };
        let text = |old: u32| texts.get(old as usize).copied().unwrap_or(0);
        let actors: Vec<u32> = other
            .actors
            .iter()
            .map(|actor| self.actors.add(actor.renumbered(&texts)))
            .collect();
        let actor = |old: u32| actors.get(old as usize).copied().unwrap_or(0);
        let calls: Vec<u32> = other
            .calls
            .iter()
            .map(|(source, name)| self.calls.add((text(*source), text(*name))))
            .collect();
        let call = |old: u32| calls.get(old as usize).copied().unwrap_or(0);
        let detail = |old: u32| {
            let (via, _) = super::split_detail(old);
            text(via) << 2 | old & 3
        };

        let groups: Vec<u32> = std::mem::take(&mut other.groups)
            .into_all()
            .map(|(key, mut count)| {
                let key = Key {
                    actor: actor(key.actor),
                    call: call(key.call),
                    resource: text(key.resource),
                    detail: detail(key.detail),
                };
                count.address = text(count.address);
                self.groups.add(key, &count)
            })
            .collect();
        let group = |old: u32| groups.get(old as usize).copied().unwrap_or(0);

        // Lists hold groups or texts; which, their users know.
        let list = |lists: &mut crate::intern::Values<Box<[u32]>>, old: u32, new: &dyn Fn(u32) -> u32| {
            if old & LIST == 0 {
                return new(old);
            }
            let mut numbers: Vec<u32> = other
                .lists
                .get(old & !LIST)
                .map(|list| list.iter().map(|one| new(*one)).collect())
                .unwrap_or_default();
            numbers.sort_unstable();
            LIST | lists.add(numbers.into())
        };

        for (id, at) in other.seen.in_memory() {
            let at = list(&mut self.lists, at, &group);
            if self.seen.find_or_put(id, || at).is_some() {
                self.again(at);
            }
        }
        let Self { seen, lists, .. } = self;
        match seen.take_files(&other.seen, |at| list(lists, at, &group)) {
            Ok(twice) => twice.into_iter().for_each(|at| self.again(at)),
            Err(error) => drop(self.lost.get_or_insert_with(|| error.to_string())),
        }
        other.seen = super::Ids::default();
        self.lost = self.lost.take().or(other.lost.take());
        let single = |lists: &mut crate::intern::Values<Box<[u32]>>, one: &Single| Single {
            actor: actor(one.actor),
            call: call(one.call),
            detail: detail(one.detail),
            resource: list(lists, one.resource, &text),
            address: text(one.address),
            ..*one
        };
        for one in &other.addenda {
            let one = single(&mut self.lists, one);
            self.addenda.push(one);
        }
        for one in &other.shared {
            let one = single(&mut self.lists, one);
            self.shared.push(one);
        }
        for mint in other.mints.values() {
            let mint = Mint {
                key: text(mint.key),
                session: text(mint.session),
                role: text(mint.role),
                actor: actor(mint.actor),
                ..*mint
            };
            self.mints.insert(mint.event, mint);
        }
        for (id, arn) in &other.names {
            self.learn(text(*id), text(*arn));
        }
        for ((account, source, data, read_only), (from, to)) in &other.visible {
            let key = (text(*account), text(*source), *data, *read_only);
            let (first, last) = self.visible.entry(key).or_insert((*from, *to));
            *first = (*first).min(*from);
            *last = (*last).max(*to);
        }
        self.totals.records += other.totals.records;
        self.totals.duplicates += other.totals.duplicates;
        self.totals.copies += other.totals.copies;
        self.totals.outside_window += other.totals.outside_window;
        self.totals.addenda += other.totals.addenda;
    }
}
