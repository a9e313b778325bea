//! Going back from many resources at once: what they share of the way is gone once, with a bit for each.

use rustc_hash::FxHashMap;
use sv0_model::graph::NodeId;
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::path::PathVerdict;

use super::{Ground, MOST_ROLE_HOPS, Reached, is_border};
use crate::paths::acting_account;
use crate::reach::{Hit, Room as Asking};

/// Resources of one batch.
pub(super) const MOST: usize = 128;

/// One bit for each.
type Bits = u128;

/// A move, seen from its end.
#[derive(Debug, Clone, Copy)]
struct Way {
    from: u32,
    role: bool,
    border: bool,
}

/// The graph of steps, backwards and without what a search does not need.
pub(super) struct Back<'a> {
    ground: &'a Ground<'a>,
    /// By node, and one more: where its ways begin.
    starts: Vec<u32>,
    ways: Vec<Way>,
}

/// What a search notes of a node.
#[derive(Debug, Clone, Copy, Default)]
struct Note {
    seen: Bits,
    /// Seen over a border between accounts.
    crossed: Bits,
    /// Still to be passed on.
    new: Bits,
    /// To be seen with one more role hop.
    next: Bits,
    next_crossed: Bits,
}

/// Room for one search after the other.
pub(super) struct Room {
    notes: Vec<Note>,
    touched: Vec<u32>,
    queue: Vec<u32>,
    later: Vec<u32>,
}

impl<'a> Back<'a> {
    pub(super) fn new(ground: &'a Ground<'a>) -> Self {
        let world = ground.world;
        let accounts: Vec<Option<&str>> = world
            .graph
            .nodes()
            .map(|(id, _)| acting_account(world, id))
            .collect();
        let account = |node: NodeId| accounts.get(node.index()).copied().flatten();
        let mut starts = Vec::with_capacity(world.graph.len() + 1);
        let mut ways = Vec::new();
        for (node, _) in world.graph.nodes() {
            starts.push(u32::try_from(ways.len()).unwrap_or(u32::MAX));
            let real = ground
                .steps
                .to(node)
                .filter(|found| found.verdict != PathVerdict::Denied);
            ways.extend(real.map(|found| Way {
                from: found.from.0,
                role: found.edge == EdgeKind::Assumes,
                border: is_border(account(found.from), account(node)),
            }));
        }
        starts.push(u32::try_from(ways.len()).unwrap_or(u32::MAX));
        Self { ground, starts, ways }
    }

    pub(super) fn room(&self) -> Room {
        Room {
            notes: vec![Note::default(); self.ground.world.graph.len()],
            touched: Vec::new(),
            queue: Vec::new(),
            later: Vec::new(),
        }
    }

    /// Who reaches each of some resources, [`MOST`] at most.
    pub(super) fn of(
        &self,
        resources: &[NodeId],
        asking: &mut Asking,
        hits: &mut Vec<Hit>,
        room: &mut Room,
    ) -> Vec<Reached> {
        let world = self.ground.world;
        room.clear();
        let mut out: Vec<Reached> = Vec::with_capacity(resources.len());
        for (at, resource) in resources.iter().enumerate().take(MOST) {
            let (direct, stopped) = self.ground.direct(*resource, asking, hits);
            let home = world.account_of(*resource);
            for who in &direct {
                let crossed = is_border(home, acting_account(world, *who));
                room.see(who.0, 1 << at, if crossed { 1 << at } else { 0 });
            }
            out.push(Reached {
                resource: *resource,
                direct: direct.len(),
                stopped,
                origins: Default::default(),
                total: 0,
                cross_account: 0,
            });
        }
        for _ in 0..=MOST_ROLE_HOPS {
            self.level(room);
        }
        self.count(room, &mut out);
        out
    }

    /// Passes on what is new over all ways that are no role hops, and notes what one more role hop would give.
    fn level(&self, room: &mut Room) {
        while let Some(node) = room.queue.pop() {
            let Some(note) = room.notes.get_mut(node as usize) else {
                continue;
            };
            let (new, crossed) = (std::mem::take(&mut note.new), note.crossed);
            let at = |index: usize| self.starts.get(index).map_or(0, |start| *start as usize);
            let ways = self.ways.get(at(node as usize)..at(node as usize + 1));
            for way in ways.unwrap_or_default() {
                let crossed = if way.border { new } else { crossed & new };
                if way.role {
                    room.see_later(way.from, new, crossed);
                } else {
                    room.see(way.from, new, crossed);
                }
            }
        }
        for node in std::mem::take(&mut room.later) {
            let Some(note) = room.notes.get_mut(node as usize) else {
                continue;
            };
            let (next, crossed) = (
                std::mem::take(&mut note.next),
                std::mem::take(&mut note.next_crossed),
            );
            room.see(node, next, crossed);
        }
    }

    fn count(&self, room: &Room, out: &mut [Reached]) {
        let world = self.ground.world;
        let mut kinds: FxHashMap<Kind, [usize; MOST]> = FxHashMap::default();
        for node in &room.touched {
            let start = self.ground.starts.get(*node as usize);
            let (Some(note), Some(true)) = (room.notes.get(*node as usize), start) else {
                continue;
            };
            let counts = kinds
                .entry(world.node(NodeId(*node)).record.kind)
                .or_insert([0; MOST]);
            each(note.seen, |at| {
                if let Some(count) = counts.get_mut(at) {
                    *count += 1;
                }
            });
            each(note.crossed, |at| {
                if let Some(data) = out.get_mut(at) {
                    data.cross_account += 1;
                }
            });
        }
        for (kind, counts) in kinds {
            for (data, count) in out.iter_mut().zip(counts).filter(|(_, count)| *count > 0) {
                data.origins.insert(kind, count);
                data.total += count;
            }
        }
    }
}

/// The numbers of the bits that are set.
fn each(mut bits: Bits, mut tell: impl FnMut(usize)) {
    while bits != 0 {
        tell(bits.trailing_zeros() as usize);
        bits &= bits - 1;
    }
}

impl Room {
    fn clear(&mut self) {
        for node in self.touched.drain(..) {
            if let Some(note) = self.notes.get_mut(node as usize) {
                *note = Note::default();
            }
        }
        self.queue.clear();
        self.later.clear();
    }

    /// Notes that resources are reached from a node.
    fn see(&mut self, node: u32, bits: Bits, crossed: Bits) {
        let Some(note) = self.notes.get_mut(node as usize) else {
            return;
        };
        let new = bits & !note.seen;
        if new == 0 {
            return;
        }
        if note.seen == 0 {
            self.touched.push(node);
        }
        if note.new == 0 {
            self.queue.push(node);
        }
        note.seen |= new;
        note.new |= new;
        note.crossed |= crossed & new;
    }

    fn see_later(&mut self, node: u32, bits: Bits, crossed: Bits) {
        let Some(note) = self.notes.get_mut(node as usize) else {
            return;
        };
        let new = bits & !note.seen & !note.next;
        if new == 0 {
            return;
        }
        if note.next == 0 {
            self.later.push(node);
        }
        note.next |= new;
        note.next_crossed |= crossed & new;
    }
}
