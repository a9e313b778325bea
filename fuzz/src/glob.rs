//! Globs and the sets that the engine makes of them, against the definition: a matcher with no cleverness, and every
//! short string over a small alphabet.

use sv0_engine::lang::{self, Class, Pattern, Search, Symbol};
use sv0_iam::condition::Context;
use sv0_iam::name::Glob;
use sv0_iam::syntax::resource::{ResourceName, ResourcePattern, Scope, ShortArn};
use sv0_iam::syntax::template::Variables;
use sv0_iam::tri::Tri;

use crate::pick::Pick;

/// What patterns are made of; `x` stands for whatever they do not name.
const LETTERS: [char; 5] = ['a', 'b', 'A', ':', '/'];
const STRINGS: [char; 6] = ['a', 'b', 'A', ':', '/', 'x'];
/// Characters whose case is no matter of ASCII, and others of several bytes.
const ODD: [char; 10] = ['a', 'é', 'É', 'ς', 'Σ', 'σ', 'İ', '\n', '😀', '*'];

pub fn check(data: &[u8]) {
    let mut pick = Pick::new(data);
    match pick.below(4) {
        0 => pairs(&mut pick),
        1 => matching(&mut pick),
        2 => searches(&mut pick),
        _ => scopes(&mut pick),
    }
}

/// Every string up to a length.
fn strings(alphabet: &[char], length: u32) -> impl Iterator<Item = String> {
    let base = alphabet.len();
    (0..=length).flat_map(move |n| {
        (0..base.pow(n)).map(move |mut code| {
            let mut next = || {
                let c = alphabet[code % base];
                code /= base;
                c
            };
            (0..n).map(|_| next()).collect()
        })
    })
}

// ---- globs ----

/// The definition.
fn brute(pattern: &[char], text: &[char], same: fn(char, char) -> bool) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => (0..=text.len()).any(|n| brute(rest, &text[n..], same)),
        Some(('?', rest)) => !text.is_empty() && brute(rest, &text[1..], same),
        Some((c, rest)) => text.first().is_some_and(|own| same(*own, *c)) && brute(rest, &text[1..], same),
    }
}

fn chars(text: &str) -> Vec<char> {
    text.chars().collect()
}

fn pattern_text(pick: &mut Pick<'_>, letters: &[char], most: usize) -> String {
    (0..pick.count(0, most))
        .map(|_| match pick.below(5) {
            0 | 1 => '*',
            2 => '?',
            _ => pick.of(letters),
        })
        .collect()
}

fn matching(pick: &mut Pick<'_>) {
    let pattern = pattern_text(pick, &ODD, 10);
    let glob = Glob::new(&pattern);
    for _ in 0..4 {
        let text = pick.text(&ODD, 10);
        let (p, t) = (chars(&pattern), chars(&text));
        assert_eq!(
            glob.matches(&text),
            brute(&p, &t, |a, b| a == b),
            "{pattern:?} {text:?}"
        );
        let folded = brute(&p, &t, |a, b| a.eq_ignore_ascii_case(&b));
        assert_eq!(glob.matches_ignore_case(&text), folded, "{pattern:?} {text:?}");
        assert_eq!(
            Pattern::glob(&glob).has(&text),
            glob.matches(&text),
            "{pattern:?} {text:?}"
        );
    }
    assert!(glob.matches(&glob.example('x')));
    assert!(glob.example('x').starts_with(glob.literal_prefix()));
    assert_eq!(
        Glob::new(&glob.to_string()),
        glob,
        "{pattern:?} is written as it is read"
    );
    for limit in 1..4 {
        let parts: Vec<String> = glob.split('a', limit).iter().map(Glob::to_string).collect();
        assert!(
            parts.len() <= limit && parts.join("a") == glob.to_string(),
            "{parts:?}"
        );
    }
}

/// Two globs: what they share, what one has of the other.
fn pairs(pick: &mut Pick<'_>) {
    let letters = &LETTERS[..2];
    let (p, q) = (pattern_text(pick, letters, 6), pattern_text(pick, letters, 6));
    let (a, b) = (Glob::new(&p), Glob::new(&q));
    let (pc, qc) = (chars(&p), chars(&q));
    let both = lang::intersection(&a, &b);
    let (mut common, mut only_b) = (false, false);
    for text in strings(&['a', 'b', 'x'], 6) {
        let t = chars(&text);
        let (x, y) = (brute(&pc, &t, |a, b| a == b), brute(&qc, &t, |a, b| a == b));
        common |= x && y;
        only_b |= y && !x;
        if let Some(both) = &both {
            assert_eq!(
                both.iter().any(|g| g.matches(&text)),
                x && y,
                "{text} in {p} and {q}: {both:?}"
            );
        }
    }
    // Six characters are enough for whatever patterns of six can tell apart, but for what one has and the other has not.
    let found = lang::search(&[vec![&Pattern::glob(&a)], vec![&Pattern::glob(&b)]], &[]);
    assert_eq!(a.intersects(&b), !found.is_empty(), "{p} and {q}");
    assert!(!common || a.intersects(&b), "{p} and {q}");
    assert_eq!(lang::intersects(&a, &b), lang::intersects(&b, &a));
    if let Some(found) = found.found() {
        assert!(a.matches(&found) && b.matches(&found), "{found} in {p} and {q}");
    }
    match lang::difference(&b, std::slice::from_ref(&a)) {
        Search::Found(text) => {
            assert!(b.matches(&text) && !a.matches(&text), "{text} in {q} less {p}");
            assert_ne!(lang::includes(&a, &b), Some(true), "{p} includes {q}");
        }
        Search::Empty => {
            assert!(!only_b, "{q} less {p} is not empty");
            assert_ne!(lang::includes(&a, &b), Some(false), "{p} includes {q}");
        }
        Search::GaveUp => panic!("too hard: {q} less {p}"),
    }
}

// ---- searches ----

fn symbols(pick: &mut Pick<'_>, most: usize) -> Pattern {
    let mut out = Pattern::empty();
    for _ in 0..pick.count(0, most) {
        out.push(match pick.below(10) {
            0..=2 => Symbol::Char(pick.of(&LETTERS)),
            3 => Symbol::Fold(pick.of(&LETTERS)),
            4 => Symbol::One(Class::Any),
            5 => Symbol::One(pick.of(&[Class::NoColon, Class::Name])),
            6 | 7 => Symbol::Many(Class::Any),
            8 => Symbol::Many(Class::NoColon),
            _ => Symbol::Many(Class::Name),
        });
    }
    out
}

fn walks(pattern: &[Symbol], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((symbol @ Symbol::Many(_), rest)) => (0..=text.len())
            .take_while(|n| text[..*n].iter().all(|c| symbol.has(*c)))
            .any(|n| walks(rest, &text[n..])),
        Some((symbol, rest)) => text.first().is_some_and(|c| symbol.has(*c)) && walks(rest, &text[1..]),
    }
}

/// A string that is in some pattern of each group and in none of the others.
fn searches(pick: &mut Pick<'_>) {
    let groups = pick.many(0, 3, |pick| pick.many(1, 3, |pick| symbols(pick, 5)));
    let none = pick.many(0, 3, |pick| symbols(pick, 5));
    let fits = |text: &[char]| {
        groups
            .iter()
            .all(|group| group.iter().any(|p| walks(p.symbols(), text)))
            && !none.iter().any(|p| walks(p.symbols(), text))
    };
    let asked: Vec<Vec<&Pattern>> = groups.iter().map(|group| group.iter().collect()).collect();
    let literal = groups
        .iter()
        .any(|group| group.iter().all(|p| p.as_literal().is_some()));
    let answer = lang::search(&asked, &none.iter().collect::<Vec<_>>());
    let shorter = match &answer {
        Search::Found(found) => {
            let found = chars(found);
            assert!(fits(&found), "{found:?} of {groups:?} less {none:?}");
            // Of several literals the first that fits is taken.
            if literal { 0 } else { found.len().min(5) }
        }
        Search::Empty => 6,
        Search::GaveUp => panic!("too hard: {groups:?} less {none:?}"),
    };
    // Nothing shorter than what was found.
    if let Some(length) = u32::try_from(shorter).ok().and_then(|n| n.checked_sub(1)) {
        for text in strings(&STRINGS, length) {
            assert!(
                !fits(&chars(&text)),
                "{answer:?}, but {text:?} is in {groups:?} less {none:?}"
            );
        }
    }
    for _ in 0..3 {
        let text = pick.text(&STRINGS, 8);
        for pattern in groups.iter().flatten().chain(&none) {
            assert_eq!(
                pattern.has(&text),
                walks(pattern.symbols(), &chars(&text)),
                "{text:?} {pattern:?}"
            );
        }
    }
}

// ---- ARNs ----

/// A pattern and a scope that have a resource in common are said to.
fn scopes(pick: &mut Pick<'_>) {
    let field = |pick: &mut Pick<'_>| pick.of(&["aws", "s3", "", "*", "a*", "?", "S3", "*a", "iam", "a"]);
    let rest = |pick: &mut Pick<'_>| {
        let head = pick.of(&["", "role/", "a/", "user/", "a:"]);
        format!("{head}{}", pattern_text(pick, &LETTERS, 4))
    };
    let heads: Vec<&str> = (0..4).map(|_| field(pick)).collect();
    let pattern = format!("arn:{}:{}", heads.join(":"), rest(pick));
    let concrete: Vec<&str> = (0..4)
        .map(|_| pick.of(&["aws", "s3", "iam", "", "a", "A"]))
        .collect();
    let name = pick.text(&STRINGS, 5);
    let resource = format!(
        "arn:{}:{}{name}",
        concrete.join(":"),
        pick.of(&["", "role/", "a/"])
    );
    let compiled = ResourcePattern::new(&pattern, Variables::Expanded);
    let matches = compiled.matches(&ResourceName::new(&resource), &Context::closed(), ShortArn::Pad);
    let around = format!("arn:{}:{}", concrete.join(":"), rest(pick));
    if let (Some(scope), Some(own)) = (Scope::parse(&around), around.splitn(6, ':').nth(5)) {
        let inside = brute(
            &chars(own),
            &chars(resource.splitn(6, ':').nth(5).unwrap_or_default()),
            |a, b| a == b,
        );
        if matches == Tri::True && inside {
            assert!(
                compiled.overlaps(&scope),
                "{pattern} and {around} share {resource}"
            );
        }
    }
    if let Some(example) = compiled.example(&Context::closed(), 'x') {
        // The type of a resource must stand literally, so an example need not match; but it is no ARN of another shape.
        assert_eq!(example.splitn(6, ':').count(), 6, "{pattern}: {example}");
    }
}
