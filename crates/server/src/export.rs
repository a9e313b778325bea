//! What other formats need besides the findings.

use sv0_export::RulePage;
use sv0_rules::rule::RULES;

/// The pages of the rules.
#[must_use]
pub fn rule_pages() -> Vec<RulePage> {
    RULES
        .iter()
        .map(|rule| RulePage {
            id: rule.id.to_owned(),
            title: rule.title().to_owned(),
            what: rule.section("What"),
            why: rule.section("Why it matters"),
            how: rule.section("How it is decided"),
            todo: rule.section("What to do"),
            references: rule.page().front.references.clone(),
            attack: rule.attack().to_vec(),
        })
        .collect()
}

/// A day, or a time, as formats want it: ISO 8601 to the second, and milliseconds since 1970 of the day.
#[must_use]
pub fn instant(today: Option<&str>) -> (String, i64) {
    let day = today.and_then(|today| today.get(..10)).unwrap_or("1970-01-01");
    let at = match today {
        Some(whole) if whole.len() >= 20 && whole.ends_with('Z') => whole.to_owned(),
        _ => format!("{day}T00:00:00Z"),
    };
    let millis = sv0_rules::day::number(day)
        .unwrap_or(0)
        .saturating_mul(86_400_000);
    (at, millis)
}
