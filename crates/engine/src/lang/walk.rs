//! The walk over the product of several patterns.
//!
//! A state is, for each pattern, the set of its positions that a string may have led to. Two things keep it small: of
//! positions at or before a later `*` only the star counts (whatever goes on from before it goes on from it), and only
//! the characters that some position waits for are tried, one more standing for all the others.

use std::collections::VecDeque;

use rustc_hash::FxHashSet;

use super::{Class, Pattern, Symbol};

/// States that a search visits at most.
pub const MOST_STATES: usize = 50_000;

/// The answer of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Search<T = String> {
    /// There is one: this.
    Found(T),
    /// There is none.
    Empty,
    /// The bound was met first: nobody knows.
    GaveUp,
}

impl<T> Search<T> {
    /// What was found.
    pub fn found(self) -> Option<T> {
        match self {
            Self::Found(found) => Some(found),
            Self::Empty | Self::GaveUp => None,
        }
    }

    /// Whether it is proven that there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }
}

/// Looks for a string that is in some pattern of each group, and in none of `none`: the shortest.
///
/// No group at all means every string.
#[must_use]
pub fn search(groups: &[Vec<&Pattern>], none: &[&Pattern]) -> Search {
    // A group of literals leaves only those to try.
    let literals = groups
        .iter()
        .filter_map(|group| {
            group
                .iter()
                .map(|pattern| pattern.as_literal())
                .collect::<Option<Vec<String>>>()
        })
        .min_by_key(Vec::len);
    if let Some(literals) = literals {
        let fits = |text: &String| {
            groups.iter().all(|group| group.iter().any(|p| p.has(text))) && !none.iter().any(|p| p.has(text))
        };
        return literals
            .into_iter()
            .find(fits)
            .map_or(Search::Empty, Search::Found);
    }
    Walk::new(groups, none).run()
}

/// Whether a pattern has a string.
pub(super) fn has(pattern: &Pattern, text: &str) -> bool {
    let symbols = pattern.symbols();
    let mut set = Vec::new();
    start(symbols, &mut set);
    let mut next = Vec::new();
    for c in text.chars() {
        next.clear();
        step(symbols, &set, c, &mut next);
        std::mem::swap(&mut set, &mut next);
        if set.is_empty() {
            return false;
        }
    }
    accepts(symbols, &set)
}

/// A place in a pattern.
type Position = u32;

fn start(symbols: &[Symbol], out: &mut Vec<Position>) {
    add(symbols, 0, out, 0);
    prune(symbols, out, 0);
}

/// The positions after one more character, from `set`.
fn step(symbols: &[Symbol], set: &[Position], c: char, out: &mut Vec<Position>) {
    let from = out.len();
    for &position in set {
        match symbols.get(position as usize) {
            Some(symbol @ Symbol::Many(_)) if symbol.has(c) => add(symbols, position, out, from),
            Some(symbol @ (Symbol::Char(_) | Symbol::Fold(_) | Symbol::One(_))) if symbol.has(c) => {
                add(symbols, position + 1, out, from);
            }
            _ => {}
        }
    }
    prune(symbols, out, from);
}

/// Adds a position, and those that a star lets through at once. Positions arrive in order but for what stars add, so a
/// look at what is there suffices.
fn add(symbols: &[Symbol], mut position: Position, out: &mut Vec<Position>, from: usize) {
    loop {
        if out.get(from..).unwrap_or_default().contains(&position) {
            return;
        }
        out.push(position);
        if !matches!(symbols.get(position as usize), Some(Symbol::Many(_))) {
            return;
        }
        position += 1;
    }
}

/// Sorts, and drops what a later `*` makes superfluous.
fn prune(symbols: &[Symbol], out: &mut Vec<Position>, from: usize) {
    let Some(fresh) = out.get_mut(from..) else { return };
    fresh.sort_unstable();
    let star = |p: &Position| symbols.get(*p as usize) == Some(&Symbol::Many(Class::Any));
    if let Some(last) = fresh.iter().rposition(star) {
        out.drain(from..from + last);
    }
}

fn accepts(symbols: &[Symbol], set: &[Position]) -> bool {
    set.last().is_some_and(|p| *p as usize == symbols.len())
}

struct Walk<'a> {
    /// The patterns of all groups, then those to avoid.
    patterns: Vec<&'a [Symbol]>,
    /// Where each group ends among the patterns.
    groups: Vec<usize>,
    /// Where each visited state came from, and by which character.
    trail: Vec<(usize, char)>,
}

/// For each pattern the number of positions, and then these.
type State = Box<[Position]>;

impl<'a> Walk<'a> {
    fn new(groups: &[Vec<&'a Pattern>], none: &[&'a Pattern]) -> Self {
        let mut patterns: Vec<&'a [Symbol]> = Vec::new();
        let mut ends = Vec::new();
        for group in groups {
            patterns.extend(group.iter().map(|pattern| pattern.symbols()));
            ends.push(patterns.len());
        }
        patterns.extend(none.iter().map(|pattern| pattern.symbols()));
        Self {
            patterns,
            groups: ends,
            trail: Vec::new(),
        }
    }

    fn run(mut self) -> Search {
        let mut first = Vec::new();
        for symbols in &self.patterns {
            push_counted(&mut first, |out| start(symbols, out));
        }
        let mut seen: FxHashSet<State> = FxHashSet::default();
        let mut queue: VecDeque<(usize, State)> = VecDeque::new();
        let mut next = Vec::new();
        let mut chars = Vec::new();
        if self.alive(&first) {
            let first: State = first.into();
            if self.accepted(&first) {
                return Search::Found(String::new());
            }
            self.trail.push((0, '\0'));
            seen.insert(first.clone());
            queue.push_back((0, first));
        }
        while let Some((at, state)) = queue.pop_front() {
            self.awaited(&state, &mut chars);
            for &c in &chars {
                next.clear();
                for (symbols, set) in self.patterns.iter().zip(sets(&state)) {
                    push_counted(&mut next, |out| step(symbols, set, c, out));
                }
                if !self.alive(&next) || seen.contains(next.as_slice()) {
                    continue;
                }
                self.trail.push((at, c));
                if self.accepted(&next) {
                    return Search::Found(self.spell());
                }
                if seen.len() >= MOST_STATES {
                    return Search::GaveUp;
                }
                let state: State = next.as_slice().into();
                seen.insert(state.clone());
                queue.push_back((self.trail.len() - 1, state));
            }
        }
        Search::Empty
    }

    /// The characters that make a difference in a state: those waited for, those that a class leaves out, and one that
    /// is none of them.
    fn awaited(&self, state: &[Position], out: &mut Vec<char>) {
        out.clear();
        let push = |c: char, out: &mut Vec<char>| {
            if !out.contains(&c) {
                out.push(c);
            }
        };
        for (symbols, set) in self.patterns.iter().zip(sets(state)) {
            for position in set {
                match symbols.get(*position as usize) {
                    Some(Symbol::Char(c)) => push(*c, out),
                    Some(Symbol::Fold(c)) => {
                        push(*c, out);
                        // A pattern that tells the cases apart needs both.
                        c.to_lowercase()
                            .chain(c.to_uppercase())
                            .for_each(|c| push(c, out));
                    }
                    Some(Symbol::One(Class::NoColon) | Symbol::Many(Class::NoColon)) => push(':', out),
                    Some(Symbol::One(Class::Name) | Symbol::Many(Class::Name)) => {
                        push(':', out);
                        push('/', out);
                    }
                    _ => {}
                }
            }
        }
        let fresh = ('a'..='z')
            .rev()
            .skip(2)
            .chain('0'..='9')
            .chain('A'..='Z')
            .chain('\u{e000}'..='\u{f8ff}');
        if let Some(fresh) = fresh
            .into_iter()
            .find(|c| !out.iter().any(|o| super::folds(*o, *c)))
        {
            // First, so that of two strings of one length the one with the least of the patterns in it is found.
            out.insert(0, fresh);
        }
    }

    /// Whether a state can lead to anything: no group is lost, and no pattern to avoid takes everything from here.
    fn alive(&self, state: &[Position]) -> bool {
        let mut begin = 0;
        let mut all = self.patterns.iter().zip(sets(state));
        for &end in &self.groups {
            let mut some = false;
            for _ in begin..end {
                some |= all.next().is_some_and(|(_, set)| !set.is_empty());
            }
            if !some {
                return false;
            }
            begin = end;
        }
        all.all(|(symbols, set)| {
            let last = symbols.len().wrapping_sub(1);
            let takes_all = symbols.last() == Some(&Symbol::Many(Class::Any))
                && set.iter().any(|position| *position as usize == last);
            !takes_all
        })
    }

    fn accepted(&self, state: &[Position]) -> bool {
        let mut begin = 0;
        let mut all = self.patterns.iter().zip(sets(state));
        for &end in &self.groups {
            let mut some = false;
            for _ in begin..end {
                some |= all.next().is_some_and(|(symbols, set)| accepts(symbols, set));
            }
            if !some {
                return false;
            }
            begin = end;
        }
        !all.any(|(symbols, set)| accepts(symbols, set))
    }

    /// The string that leads to the state visited last.
    fn spell(&self) -> String {
        let mut out = Vec::new();
        let mut at = self.trail.len() - 1;
        while let Some(&(before, c)) = self.trail.get(at).filter(|_| at > 0) {
            out.push(c);
            at = before;
        }
        out.iter().rev().collect()
    }
}

/// Adds what `fill` adds, with its length before it.
fn push_counted(out: &mut Vec<Position>, fill: impl FnOnce(&mut Vec<Position>)) {
    let at = out.len();
    // `fill` prunes from where it begins, so it gets a place of its own behind the count.
    out.push(0);
    let mut own = Vec::new();
    fill(&mut own);
    if let Some(count) = out.get_mut(at) {
        *count = Position::try_from(own.len()).unwrap_or(Position::MAX);
    }
    out.append(&mut own);
}

/// The sets of a state, pattern by pattern.
fn sets(state: &[Position]) -> impl Iterator<Item = &[Position]> {
    let mut rest = state;
    std::iter::from_fn(move || {
        let (count, tail) = rest.split_first()?;
        let (set, tail) = tail.split_at_checked(*count as usize)?;
        rest = tail;
        Some(set)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sv0_iam::name::Glob;

    use super::*;

    fn glob(text: &str) -> Pattern {
        Pattern::glob(&Glob::new(text))
    }

    #[test]
    fn the_shortest_string_is_found() {
        let (a, b, none) = (glob("arn:*:x*"), glob("*y"), glob("arn::xy"));
        let found = search(&[vec![&a], vec![&b]], &[&none]).found().unwrap();
        assert!(a.has(&found) && b.has(&found) && !none.has(&found));
        assert_eq!(found.len(), "arn::xy".len() + 1);
        assert!(search(&[vec![&glob("a*")], vec![&glob("b*")]], &[]).is_empty());
        assert!(search(&[vec![&glob("a*")]], &[&glob("a"), &glob("a?*")]).is_empty());
    }

    #[test]
    fn a_star_that_stops_at_colons() {
        let mut fields = Pattern::literal("arn:");
        fields.push(Symbol::Many(Class::NoColon));
        fields.text(":s3");
        assert!(fields.has("arn:aws:s3") && !fields.has("arn:a:b:s3"));
        let found = search(&[vec![&glob("arn:*:s3")]], &[&fields]).found().unwrap();
        assert!(found.matches(':').count() > 2, "{found}");
    }

    #[test]
    fn case() {
        let (upper, any_case) = (glob("AB"), Pattern::folded("ab"));
        assert_eq!(
            search(&[vec![&any_case]], &[&glob("ab"), &upper])
                .found()
                .unwrap()
                .to_lowercase(),
            "ab"
        );
        assert!(search(&[vec![&upper]], &[&any_case]).is_empty());
    }

    #[test]
    fn a_hostile_pattern_does_not_run_away() {
        let stars = |n: usize| glob(&"*a?b".repeat(n));
        let _ = search(
            &[vec![&stars(40)], vec![&glob(&"*b?a".repeat(40))]],
            &[&stars(39)],
        );
    }

    /// Every string over a small alphabet, up to a length.
    fn strings(length: u32) -> impl Iterator<Item = String> {
        (0..=length).flat_map(|n| {
            (0..3_u32.pow(n)).map(move |mut code| {
                (0..n)
                    .map(|_| {
                        let c = ['a', 'b', ':'][(code % 3) as usize];
                        code /= 3;
                        c
                    })
                    .collect()
            })
        })
    }

    /// Patterns whose wildcards have classes.
    fn pattern() -> impl Strategy<Value = Pattern> {
        let symbol = prop_oneof![
            3 => prop::sample::select(vec!['a', 'b', ':']).prop_map(Symbol::Char),
            1 => prop::sample::select(vec!['a', 'b']).prop_map(Symbol::Fold),
            1 => Just(Symbol::One(Class::Any)),
            1 => Just(Symbol::One(Class::NoColon)),
            2 => Just(Symbol::Many(Class::Any)),
            1 => Just(Symbol::Many(Class::NoColon)),
        ];
        prop::collection::vec(symbol, 0..5).prop_map(|symbols| {
            let mut out = Pattern::empty();
            symbols.into_iter().for_each(|symbol| out.push(symbol));
            out
        })
    }

    /// The definition, with no cleverness.
    fn brute(pattern: &[Symbol], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((symbol @ Symbol::Many(_), rest)) => (0..=text.len())
                .take_while(|n| text[..*n].iter().all(|c| symbol.has(*c)))
                .any(|n| brute(rest, &text[n..])),
            Some((symbol, rest)) => text.first().is_some_and(|c| symbol.has(*c)) && brute(rest, &text[1..]),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn membership_is_as_defined(pattern in pattern(), text in "[abA:]{0,7}") {
            let chars: Vec<char> = text.chars().collect();
            prop_assert_eq!(pattern.has(&text), brute(pattern.symbols(), &chars));
        }

        #[test]
        fn a_search_is_exact(
            groups in prop::collection::vec(prop::collection::vec(pattern(), 1..3), 0..3),
            none in prop::collection::vec(pattern(), 0..3),
        ) {
            let fits = |text: &str| {
                groups.iter().all(|group| group.iter().any(|p| p.has(text))) && !none.iter().any(|p| p.has(text))
            };
            let borrowed: Vec<Vec<&Pattern>> = groups.iter().map(|group| group.iter().collect()).collect();
            let avoided: Vec<&Pattern> = none.iter().collect();
            match search(&borrowed, &avoided) {
                Search::Found(text) => prop_assert!(fits(&text), "{text:?}"),
                Search::Empty => {
                    let counter = strings(6).find(|text| fits(text));
                    prop_assert!(counter.is_none(), "{counter:?}");
                }
                Search::GaveUp => prop_assert!(false, "gave up on patterns this small"),
            }
        }
    }
}
