//! The demo organisation `acme`, embedded: what `sv0 demo` analyses, and a fixture for everyone's tests.
//!
//! Four accounts, two regions, 205 records; `data/README.md` lists its scenarios and what a correct analysis answers.

/// The organisation as an uncompressed snapshot: JSONL, as `docs/snapshot.md` defines it.
pub const SNAPSHOT: &str = include_str!("../data/acme.jsonl");

/// The 31 scenarios built into it: a JSON array of objects with `id`, `title`, `source`, `target`, `expect` (`path`,
/// `suppressed` or `none`), `hops` (`from`, `via`, `to`) and `why`.
pub const SCENARIOS: &str = include_str!("../data/scenarios.json");

/// Thirty days of a made-up CloudTrail of it, a record a line: written by `data/make_trail.py`.
pub const TRAIL: &str = include_str!("../data/trail.jsonl");

/// The thirty days of [`TRAIL`]: from, and to.
pub const TRAIL_WINDOW: (&str, &str) = ("2025-12-06T10:00:00Z", "2026-01-05T10:00:00Z");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_snapshot_is_whole() {
        let records = SNAPSHOT
            .lines()
            .filter(|line| line.contains(r#""kind":"#))
            .count();
        assert!(SNAPSHOT.starts_with(r#"{"sv0_snapshot":"#));
        assert!(SNAPSHOT.ends_with(&format!("{{\"end\":{{\"records\":{records},\"gaps\":0}}}}\n")));
        assert_eq!(SNAPSHOT.lines().count(), records + 2);
    }

    #[test]
    fn every_scenario_source_inside_the_organisation_is_a_record() {
        let sources: Vec<&str> = SCENARIOS
            .lines()
            .filter_map(|l| l.trim().strip_prefix(r#""source": ""#)?.strip_suffix(r#"","#))
            .collect();
        assert_eq!(sources.len(), 31);
        for source in sources.iter().filter(|s| !s.ends_with(":root")) {
            assert!(SNAPSHOT.contains(&format!(r#""id":"{source}""#)), "{source}");
        }
    }
}
