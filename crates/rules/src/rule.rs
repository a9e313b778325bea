//! The rules. Each is a file here, a page in `book/` and a line in [`RULES`]. The page says what the rule finds, why it
//! matters, how it is decided and what makes it quiet; it is the help text, the text in reports and the documentation.

mod administrator;
mod confused_deputy;
mod cross_account_invocation;
mod cross_account_trust;
mod data_beyond_account;
mod deep_trust_chain;
mod escalation;
mod external_exposure;
mod llm_egress;
mod oidc_subject;
mod overprivileged_workload;
mod public_exposure;
mod scope_drift;
mod secret_pivot;
mod supply_chain;
mod trust;
mod unrotated_secret;
mod unused_identity;
mod vulnerable_image;
mod words;

use std::sync::OnceLock;

use serde::Deserialize;

use crate::draft::Draft;
use crate::ground::Ground;

/// One rule.
pub struct Rule {
    /// Its id, which is the name of its page.
    pub id: &'static str,
    page: &'static str,
    check: fn(&Ground<'_>) -> Vec<Draft>,
    read: OnceLock<Page>,
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rule")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// A page of the book.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// What the front matter says.
    pub front: Front,
    /// The text, Markdown.
    pub body: &'static str,
}

/// The front matter of a page.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Front {
    /// What it finds, in a few words.
    pub title: String,
    /// Whether no change to a policy is the right answer.
    #[serde(default)]
    pub mended_elsewhere: bool,
    /// MITRE ATT&CK techniques.
    #[serde(default)]
    pub attack: Vec<String>,
    /// Where AWS, or somebody else, tells of it.
    #[serde(default)]
    pub references: Vec<String>,
}

impl Rule {
    /// What it finds in a world.
    #[must_use]
    pub fn check(&self, ground: &Ground<'_>) -> Vec<Draft> {
        (self.check)(ground)
    }

    /// Its page.
    #[must_use]
    pub fn page(&self) -> &Page {
        self.read.get_or_init(|| {
            let rest = self.page.strip_prefix("+++\n").unwrap_or_default();
            let (front, body) = rest.split_once("\n+++\n").unwrap_or_default();
            Page {
                // A test reads every page.
                front: toml::from_str(front).unwrap_or_default(),
                body: body.trim(),
            }
        })
    }

    /// Whether what it finds ends where its paths are cut. A vulnerability is mended where it is.
    #[must_use]
    pub fn is_cut_at_its_paths(&self) -> bool {
        !self.page().front.mended_elsewhere
    }

    /// What it finds, in a few words.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.page().front.title
    }

    /// MITRE ATT&CK techniques.
    #[must_use]
    pub fn attack(&self) -> &[String] {
        &self.page().front.attack
    }

    /// A section of its page, by its heading; empty where there is none.
    #[must_use]
    pub fn section(&self, heading: &str) -> String {
        let start = format!("## {heading}\n");
        let body = self.page().body;
        let Some((_, rest)) = body.split_once(&start) else {
            return String::new();
        };
        let text = rest.split_once("\n## ").map_or(rest, |(text, _)| text);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// The rule of an id.
#[must_use]
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

macro_rules! rules {
    ($($id:literal, $check:path;)+) => {
        /// Every rule, in the order in which reports tell them.
        pub static RULES: [Rule; [$($id),+].len()] = [$(Rule {
            id: $id,
            page: include_str!(concat!("../book/", $id, ".md")),
            check: $check,
            read: OnceLock::new(),
        }),+];
    };
}

rules! {
    "public-exposure", public_exposure::check;
    "oidc-no-subject", oidc_subject::check;
    "external-exposure", external_exposure::check;
    "toxic-combination", escalation::toxic;
    "privilege-escalation", escalation::check;
    "secret-pivot", secret_pivot::check;
    "data-beyond-account", data_beyond_account::check;
    "cross-account-trust", cross_account_trust::check;
    "cross-account-invocation", cross_account_invocation::check;
    "overprivileged-workload", overprivileged_workload::check;
    "supply-chain", supply_chain::check;
    "llm-egress", llm_egress::check;
    "confused-deputy", confused_deputy::check;
    "vulnerable-image", vulnerable_image::check;
    "deep-trust-chain", deep_trust_chain::check;
    "administrator", administrator::check;
    "scope-drift", scope_drift::check;
    "unrotated-secret", unrotated_secret::check;
    "unused-identity", unused_identity::check;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_says_what_why_how_and_what_makes_it_quiet() {
        for rule in &RULES {
            assert!(!rule.title().is_empty(), "{}: front matter", rule.id);
            for heading in [
                "What",
                "Why it matters",
                "How it is decided",
                "What makes it quiet",
                "What to do",
            ] {
                assert!(
                    !rule.section(heading).is_empty(),
                    "{}: no section {heading}",
                    rule.id
                );
            }
            let given: Result<Front, _> = {
                let front = rule
                    .page
                    .strip_prefix("+++\n")
                    .and_then(|rest| rest.split_once("\n+++\n"));
                toml::from_str(front.map_or("", |(front, _)| front))
            };
            assert!(given.is_ok(), "{}: {given:?}", rule.id);
        }
    }

    #[test]
    fn ids_are_unique() {
        let mut ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), RULES.len());
    }
}
