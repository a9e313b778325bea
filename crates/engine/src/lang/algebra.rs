//! Inclusion, intersection and difference of globs.

use sv0_iam::name::Glob;
use sv0_iam::name::glob::{Builder, Token};

use super::{Pattern, Search, search};

/// Globs that an intersection is written as at most.
const MOST_GLOBS: usize = 32;

/// Whether every string of `inner` is in `outer`. None where the search was too long to tell.
#[must_use]
pub fn includes(outer: &Glob, inner: &Glob) -> Option<bool> {
    match (outer, inner) {
        (Glob::Any, _) => return Some(true),
        (_, Glob::Literal(text)) => return Some(outer.matches(text)),
        (Glob::Prefix(outer), Glob::Prefix(inner)) => return Some(inner.starts_with(&**outer)),
        (a, b) if a == b => return Some(true),
        _ => {}
    }
    match difference(inner, std::slice::from_ref(outer)) {
        Search::Found(_) => Some(false),
        Search::Empty => Some(true),
        Search::GaveUp => None,
    }
}

/// A string of `glob` that none of `less` has.
#[must_use]
pub fn difference(glob: &Glob, less: &[Glob]) -> Search {
    let pattern = Pattern::glob(glob);
    let less: Vec<Pattern> = less.iter().map(Pattern::glob).collect();
    search(&[vec![&pattern]], &less.iter().collect::<Vec<_>>())
}

/// Whether two globs have a string in common.
#[must_use]
pub fn intersects(a: &Glob, b: &Glob) -> bool {
    a.intersects(b)
}

/// What two globs have in common, as globs; none at all where that is nothing. `None` where it takes more than a few:
/// `*a*b*` and `*c*d*` have six.
#[must_use]
pub fn intersection(a: &Glob, b: &Glob) -> Option<Vec<Glob>> {
    if includes(a, b) == Some(true) {
        return Some(vec![b.clone()]);
    }
    if includes(b, a) == Some(true) {
        return Some(vec![a.clone()]);
    }
    if !a.intersects(b) {
        return Some(Vec::new());
    }
    let mut found = Vec::new();
    let mut steps = 0;
    merge(&tokens(a), &tokens(b), &mut Vec::new(), &mut found, &mut steps)?;
    let mut out: Vec<Glob> = Vec::new();
    for glob in found {
        if out.iter().any(|other| includes(other, &glob) == Some(true)) {
            continue;
        }
        out.retain(|other| includes(&glob, other) != Some(true));
        out.push(glob);
    }
    (out.len() <= MOST_GLOBS).then_some(out)
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Sign {
    Char(char),
    One,
    Many,
}

fn tokens(glob: &Glob) -> Vec<Sign> {
    let text = |text: &str| text.chars().map(Sign::Char).collect::<Vec<_>>();
    match glob {
        Glob::Any => vec![Sign::Many],
        Glob::Literal(literal) => text(literal),
        Glob::Prefix(prefix) => [text(prefix), vec![Sign::Many]].concat(),
        Glob::Tokens(tokens) => tokens
            .iter()
            .flat_map(|token| match token {
                Token::Text(literal) => text(literal),
                Token::One => vec![Sign::One],
                Token::Many => vec![Sign::Many],
            })
            .collect(),
    }
}

/// Every way in which the wildcards of both sides interlock. `*α ∩ *β` is `*(*α ∩ β)` or `*(α ∩ *β)`, whichever star
/// takes less; `*α ∩ cβ` is `α ∩ cβ`, the star taking nothing, or `c(*α ∩ β)`.
fn merge(
    a: &[Sign],
    b: &[Sign],
    so_far: &mut Vec<Sign>,
    out: &mut Vec<Glob>,
    steps: &mut usize,
) -> Option<()> {
    *steps += 1;
    if *steps > 100_000 || out.len() > 8 * MOST_GLOBS {
        return None;
    }
    let length = so_far.len();
    match (a.split_first(), b.split_first()) {
        (None, None) => {
            let glob = build(so_far);
            if !out.contains(&glob) {
                out.push(glob);
            }
        }
        (Some((Sign::Many, rest_a)), Some((Sign::Many, rest_b))) => {
            if so_far.last() != Some(&Sign::Many) {
                so_far.push(Sign::Many);
            }
            merge(a, rest_b, so_far, out, steps)?;
            merge(rest_a, b, so_far, out, steps)?;
        }
        (Some((Sign::Many, rest_a)), _) => {
            merge(rest_a, b, so_far, out, steps)?;
            if let Some((sign, rest_b)) = b.split_first() {
                so_far.push(*sign);
                merge(a, rest_b, so_far, out, steps)?;
            }
        }
        (_, Some((Sign::Many, _))) => merge(b, a, so_far, out, steps)?,
        (Some((x, rest_a)), Some((y, rest_b))) => {
            let both = match (x, y) {
                (Sign::Char(p), Sign::Char(q)) if p != q => None,
                (Sign::Char(_), _) => Some(*x),
                _ => Some(*y),
            };
            if let Some(both) = both {
                so_far.push(both);
                merge(rest_a, rest_b, so_far, out, steps)?;
            }
        }
        (None, Some(_)) | (Some(_), None) => {}
    }
    so_far.truncate(length);
    Some(())
}

fn build(signs: &[Sign]) -> Glob {
    let mut builder = Builder::default();
    for sign in signs {
        match sign {
            Sign::Char(c) => builder.text(c.encode_utf8(&mut [0; 4])),
            Sign::One => builder.one(),
            Sign::Many => builder.many(),
        }
    }
    builder.build()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(globs: Option<Vec<Glob>>) -> Vec<String> {
        globs.unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_two_globs_share() {
        let both = |a: &str, b: &str| texts(intersection(&Glob::new(a), &Glob::new(b)));
        assert_eq!(both("logs/*", "logs/app/*"), ["logs/app/*"]);
        assert_eq!(both("*/prod", "team/*"), ["team/prod", "team/*/prod"]);
        assert_eq!(both("a*", "b*"), [""; 0]);
        assert_eq!(both("a?c", "ab*"), ["abc"]);
        assert_eq!(both("*a", "a*"), ["a", "a*a"]);
    }

    #[test]
    fn too_many_ways_are_not_written_out() {
        let a = Glob::new("*a*b*c*d*e*f*");
        let b = Glob::new("*g*h*i*j*k*l*");
        assert_eq!(intersection(&a, &b), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn an_intersection_has_what_both_have(a in "[ab*?]{0,6}", b in "[ab*?]{0,6}") {
            let (x, y) = (Glob::new(&a), Glob::new(&b));
            let both = intersection(&x, &y);
            prop_assert!(both.is_some());
            let both = both.unwrap_or_default();
            for length in 0..=7_u32 {
                for bits in 0..(1_u32 << length) {
                    let text: String = (0..length).map(|i| if bits >> i & 1 == 1 { 'a' } else { 'b' }).collect();
                    let expected = x.matches(&text) && y.matches(&text);
                    prop_assert_eq!(both.iter().any(|g| g.matches(&text)), expected, "{} in {:?}", text, both);
                }
            }
        }

        #[test]
        fn inclusion_is_exact(a in "[ab*?]{0,5}", b in "[ab*?]{0,5}") {
            let (x, y) = (Glob::new(&a), Glob::new(&b));
            let mut all = true;
            for length in 0..=7_u32 {
                for mut code in 0..3_u32.pow(length) {
                    let text: String = (0..length)
                        .map(|_| {
                            let c = ['a', 'b', 'c'][(code % 3) as usize];
                            code /= 3;
                            c
                        })
                        .collect();
                    all &= !y.matches(&text) || x.matches(&text);
                }
            }
            prop_assert_eq!(includes(&x, &y), Some(all));
        }
    }
}
