//! Actions as ranks in the catalogue, and action patterns as ranges of ranks.
//!
//! An action that the catalogue does not have keeps its name, and is compared with the patterns themselves.

use std::ops::Range;
use std::sync::OnceLock;

use sv0_iam::catalog::Catalog;
use sv0_iam::name::ActionPattern;
use sv0_iam::syntax::ast::ActionElement;

/// A concrete action, looked up once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Action<'a> {
    /// As asked.
    pub(crate) name: &'a str,
    /// Its rank, where the catalogue has it. Ranks are small so that many of them are compared at once; in a catalogue
    /// of more actions than that, the others would be compared by name.
    pub(crate) rank: Option<u16>,
    /// The service of that rank.
    pub(crate) service: Services,
    /// `sts:GetCallerIdentity`, which needs no permission (rule 7).
    pub(crate) free: bool,
    /// `iam:…`, which ignores trust policies (rule 8).
    pub(crate) iam: bool,
    /// `s3:…`, on which Block Public Access bears (rule 14).
    pub(crate) s3: bool,
    /// `iam:…` and `kms:…`, of which AWS keeps some to itself (rule 11).
    pub(crate) kept: bool,
    /// What the account root user can never ask for.
    pub(crate) not_for_root: bool,
    /// Whether RCPs bear on it.
    pub(crate) rcps: bool,
}

impl Action<'static> {
    /// No action: nothing bears on it.
    pub(crate) const NONE: Self = Self {
        name: "",
        rank: None,
        service: Services(0),
        free: false,
        iam: false,
        s3: false,
        kept: false,
        not_for_root: false,
        rcps: false,
    };
}

impl<'a> Action<'a> {
    /// Looks up an action such as `s3:GetObject`; any text will do.
    #[must_use]
    pub fn new(name: &'a str) -> Self {
        let catalog = Catalog::embedded();
        let begins = |head: &str| {
            name.get(..head.len())
                .is_some_and(|own| own.eq_ignore_ascii_case(head))
        };
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        let rank = catalog.id_of(name).and_then(|id| u16::try_from(id.0).ok());
        Self {
            name,
            rank,
            service: rank.map_or(Services::ALL, |rank| {
                Services::of(&(u32::from(rank)..u32::from(rank) + 1))
            }),
            free: is("sts:GetCallerIdentity"),
            iam: begins("iam:"),
            s3: begins("s3:"),
            kept: begins("iam:") || begins("kms:"),
            not_for_root: is("sts:AssumeRole") || is("sts:AssumeRoot"),
            rcps: !is("kms:RetireGrant") && catalog.rcp_supports(name),
        }
    }

    /// As asked.
    #[must_use]
    pub const fn name(&self) -> &'a str {
        self.name
    }
}

/// A set of services, in which some stand for each other: what is not in it is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Services(u64);

impl Services {
    pub(crate) const ALL: Self = Self(u64::MAX);

    /// The services of a range of ranks.
    pub(crate) fn of(ranks: &Range<u32>) -> Self {
        let bits = services_of(ranks).take(64).map(|(number, _)| 1 << (number % 64));
        Self(bits.fold(0, |all, bit: u64| all | bit))
    }

    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[inline]
    pub(crate) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// The ranks of the actions of every service, in order.
fn services() -> &'static [Range<u32>] {
    static SERVICES: OnceLock<Vec<Range<u32>>> = OnceLock::new();
    SERVICES.get_or_init(|| {
        let mut from = 0;
        let range = |count: usize| {
            let start = from;
            from += u32::try_from(count).unwrap_or(u32::MAX);
            start..from
        };
        Catalog::embedded()
            .services()
            .map(|service| service.actions().len())
            .map(range)
            .collect()
    })
}

/// The services that a range of ranks touches: the number of each, and the rank of its first action.
pub(crate) fn services_of(ranks: &Range<u32>) -> impl Iterator<Item = (usize, u32)> {
    let first = services().partition_point(|service| service.end <= ranks.start);
    let (end, after) = (ranks.end, services().iter().enumerate().skip(first));
    after
        .take_while(move |(_, service)| service.start < end)
        .map(|(number, service)| (number, service.start))
}

/// The ranks of the actions that an element covers: ranges, sorted and apart.
pub(super) fn covered(
    element: &ActionElement,
    ranges: impl FnMut(&ActionPattern) -> Vec<Range<u32>>,
) -> Vec<Range<u32>> {
    let all: Vec<Range<u32>> = element.patterns.iter().flat_map(ranges).collect();
    let union = union(all);
    if element.negated {
        complement(&union)
    } else {
        union
    }
}

/// The ranks of the actions that a pattern covers: ranges, in any order.
pub(super) fn ranges(pattern: &ActionPattern) -> Vec<Range<u32>> {
    let catalog = Catalog::embedded();
    let text = pattern.as_str();
    if pattern.is_any() {
        return std::iter::once(0..count()).collect();
    }
    let candidates = match pattern.service() {
        Some(_) if !text.contains(['*', '?']) => {
            return catalog.id_of(text).map(|id| id.0..id.0 + 1).into_iter().collect();
        }
        Some(service) => match text.strip_suffix('*') {
            Some(head) if head.contains(':') && !head.contains(['*', '?']) => {
                return Vec::from([catalog.action_prefix_range(head)]);
            }
            _ => catalog.action_range(&service),
        },
        None => 0..count(),
    };
    let covered = catalog
        .actions_in(candidates)
        .filter(|action| pattern.matches(action.name()));
    covered.map(|action| action.id().0..action.id().0 + 1).collect()
}

fn count() -> u32 {
    u32::try_from(Catalog::embedded().actions().len()).unwrap_or(u32::MAX)
}

fn union(mut ranges: Vec<Range<u32>>) -> Vec<Range<u32>> {
    ranges.retain(|range| !range.is_empty());
    ranges.sort_unstable_by_key(|range| range.start);
    let mut out: Vec<Range<u32>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match out.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => out.push(range),
        }
    }
    out
}

fn complement(ranges: &[Range<u32>]) -> Vec<Range<u32>> {
    let mut out = Vec::with_capacity(ranges.len() + 1);
    let mut from = 0;
    for range in ranges {
        out.push(from..range.start);
        from = range.end;
    }
    out.push(from..count());
    out.retain(|range| !range.is_empty());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every kind of pattern against every action, as the plain evaluator compares them.
    #[test]
    fn ranges_are_what_the_pattern_matches() {
        let patterns = [
            "*",
            "*:*",
            "s3:*",
            "S3:get*",
            "s3:*Object",
            "s3:GetObject",
            "s3:getobject",
            "s*:*",
            "*:Get*",
            "*:GetObject",
            "s3:Get?bject",
            "s3",
            "",
            "iam:*Role*",
            "nosuch:*",
            "s3:Get, s3:Put",
            "ec2:Describe*s",
            "s3:",
            "s3:NoSuch",
            "?3:*",
            "s3:**",
        ];
        for text in patterns {
            let pattern = ActionPattern::new(text);
            let element = |negated| ActionElement {
                negated,
                patterns: vec![pattern.clone()],
            };
            for element in [element(false), element(true)] {
                let covered = covered(&element, ranges);
                assert!(covered.windows(2).all(|w| w[0].end < w[1].start), "{text}");
                for action in Catalog::embedded().actions() {
                    let there = covered.iter().any(|range| range.contains(&action.id().0));
                    assert_eq!(there, element.matches(action.name()), "{text} {}", action.name());
                }
            }
        }
    }
}
