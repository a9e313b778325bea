//! A user's own rules for what is sensitive and whose data it is: `docs/rules.md`.
//!
//! A file that is wrong in one place is wrong as a whole: a rule that silently does not hold is worse than none.

use std::ops::Range;

use serde::Deserialize;
use sv0_iam::name::Glob;
use sv0_model::graph::Node;
use sv0_model::kind::{Kind, Sensitivity};
use toml::Spanned;

/// What a user says of sensitivity and data domains. The default says nothing.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    rules: Vec<Rule>,
    classification: Option<Vec<String>>,
    data_domain: Option<Vec<String>>,
    /// Words of tag values in lower case, and what they mean.
    words: Vec<(String, Sensitivity)>,
}

/// Why a rules file is not one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulesError {
    /// The line, from one.
    pub line: usize,
    /// The rule, from one, where the trouble is in one.
    pub rule: Option<usize>,
    /// What is wrong.
    pub problem: String,
}

impl std::fmt::Display for RulesError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(rule) = self.rule {
            write!(f, " (rule {rule})")?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for RulesError {}

/// All of what it asks for has to hold.
#[derive(Debug, Clone)]
struct Rule {
    kinds: Vec<Kind>,
    ids: Vec<Glob>,
    names: Vec<Glob>,
    accounts: Vec<Glob>,
    /// Key and value.
    tags: Vec<(Glob, Glob)>,
    sensitivity: Option<Sensitivity>,
    data_domain: Option<String>,
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    tags: TagKeys,
    #[serde(default)]
    words: std::collections::BTreeMap<Spanned<String>, Vec<String>>,
    #[serde(default, rename = "rule")]
    rules: Vec<Spanned<Written>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct TagKeys {
    classification: Option<Vec<String>>,
    data_domain: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    kind: Option<Spanned<Texts>>,
    id: Option<Spanned<Texts>>,
    name: Option<Spanned<Texts>>,
    account: Option<Spanned<Texts>>,
    #[serde(default)]
    tag: std::collections::BTreeMap<String, String>,
    sensitivity: Option<Spanned<String>>,
    data_domain: Option<String>,
}

/// One text, or any of several.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a text or a list of texts")]
enum Texts {
    One(String),
    Any(Vec<String>),
}

impl Texts {
    fn as_slice(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Any(texts) => texts,
        }
    }
}

impl Rules {
    /// Reads a rules file.
    ///
    /// # Errors
    ///
    /// Where the text is not TOML, has a key or a value that means nothing, or a rule that asks for nothing or sets
    /// nothing: with the line and the rule.
    pub fn parse(text: &str) -> Result<Self, RulesError> {
        let file: File = toml::from_str(text).map_err(|error| RulesError {
            line: line(text, error.span()),
            rule: None,
            problem: error.message().to_owned(),
        })?;
        let mut words = Vec::new();
        for (level, list) in &file.words {
            let level = level_named(level.as_ref()).map_err(|problem| RulesError {
                line: line(text, Some(level.span())),
                rule: None,
                problem,
            })?;
            words.extend(list.iter().map(|word| (word.trim().to_ascii_lowercase(), level)));
        }
        let mut rules = Vec::new();
        for (index, written) in file.rules.iter().enumerate() {
            let rule = compile(written.as_ref()).map_err(|(span, problem)| RulesError {
                line: line(text, span.or(Some(written.span()))),
                rule: Some(index + 1),
                problem,
            })?;
            rules.push(rule);
        }
        Ok(Self {
            rules,
            classification: file.tags.classification,
            data_domain: file.tags.data_domain,
            words,
        })
    }

    /// Tag keys that classify, best first, where the user names some.
    pub(super) fn classification_keys(&self) -> Option<&[String]> {
        self.classification.as_deref()
    }

    /// Tag keys that name a data domain, best first, where the user names some.
    pub(super) fn domain_keys(&self) -> Option<&[String]> {
        self.data_domain.as_deref()
    }

    /// What a word of a classification tag means to the user.
    pub(super) fn word(&self, value: &str) -> Option<Sensitivity> {
        let value = value.trim();
        let found = self
            .words
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(value));
        found.map(|(_, level)| *level)
    }

    /// The sensitivity that the first rule gives which fits and gives one.
    pub(super) fn sensitivity(&self, node: &Node) -> Option<Sensitivity> {
        let mut rules = self.rules.iter().filter(|rule| rule.sensitivity.is_some());
        rules.find(|rule| rule.fits(node))?.sensitivity
    }

    /// The data domain that the first rule gives which fits and gives one.
    pub(super) fn domain(&self, node: &Node) -> Option<&str> {
        let mut rules = self.rules.iter().filter(|rule| rule.data_domain.is_some());
        rules.find(|rule| rule.fits(node))?.data_domain.as_deref()
    }
}

impl Rule {
    fn fits(&self, node: &Node) -> bool {
        let record = &node.record;
        let any =
            |globs: &[Glob], text: &str| globs.is_empty() || globs.iter().any(|glob| glob.matches(text));
        (self.kinds.is_empty() || self.kinds.contains(&record.kind))
            && any(&self.ids, &record.id)
            && any(&self.names, &record.name)
            && (self.accounts.is_empty()
                || any(&self.accounts, record.account.as_deref().unwrap_or_default()))
            && self.tags.iter().all(|(key, value)| {
                record
                    .tags
                    .iter()
                    .any(|(k, v)| key.matches_ignore_case(k) && value.matches_ignore_case(v))
            })
    }
}

/// A problem, and the place of it where that is not the whole rule.
type Problem = (Option<Range<usize>>, String);

fn compile(written: &Written) -> Result<Rule, Problem> {
    let lists = [&written.kind, &written.id, &written.name, &written.account];
    if written.tag.is_empty() && lists.iter().all(|list| list.is_none()) {
        let problem =
            "the rule asks for nothing, so it would fit everything; write `id = \"*\"` where that is meant";
        return Err((None, problem.into()));
    }
    if written.sensitivity.is_none() && written.data_domain.is_none() {
        let problem = "the rule sets nothing; give it a `sensitivity` or a `data_domain`";
        return Err((None, problem.into()));
    }
    let mut kinds = Vec::new();
    if let Some(list) = &written.kind {
        for name in texts(list)? {
            let kind = name.parse().map_err(|()| {
                let near = Kind::ALL
                    .iter()
                    .min_by_key(|kind| sv0_iam::condition::operator::distance(kind.as_str(), name));
                let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                (Some(list.span()), format!("`{name}` is no kind of entity{near}"))
            })?;
            kinds.push(kind);
        }
    }
    let sensitivity = match &written.sensitivity {
        Some(name) => Some(level_named(name.as_ref()).map_err(|problem| (Some(name.span()), problem))?),
        None => None,
    };
    Ok(Rule {
        kinds,
        ids: globs(written.id.as_ref())?,
        names: globs(written.name.as_ref())?,
        accounts: globs(written.account.as_ref())?,
        tags: written
            .tag
            .iter()
            .map(|(key, value)| (Glob::new(key), Glob::new(value)))
            .collect(),
        sensitivity,
        data_domain: written.data_domain.clone(),
    })
}

fn globs(list: Option<&Spanned<Texts>>) -> Result<Vec<Glob>, Problem> {
    match list {
        Some(list) => Ok(texts(list)?.iter().map(|text| Glob::new(text)).collect()),
        None => Ok(Vec::new()),
    }
}

/// The texts of a list; an empty one would ask for nothing where something was meant.
fn texts(list: &Spanned<Texts>) -> Result<&[String], Problem> {
    let texts = list.as_ref().as_slice();
    if texts.is_empty() || texts.iter().any(String::is_empty) {
        return Err((Some(list.span()), "an empty text or list fits nothing".into()));
    }
    Ok(texts)
}

fn level_named(name: &str) -> Result<Sensitivity, String> {
    name.parse().map_err(|()| {
        let known: Vec<String> = Sensitivity::ALL
            .iter()
            .map(|level| format!("`{level}`"))
            .collect();
        format!("`{name}` is no sensitivity; there are {}", known.join(", "))
    })
}

fn line(text: &str, span: Option<Range<usize>>) -> usize {
    let before = span.and_then(|span| text.get(..span.start)).unwrap_or_default();
    before.matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        Rules::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line_and_rule() {
        let good = "[[rule]]\nid = \"*\"\nsensitivity = \"public\"\n";
        assert!(Rules::parse(good).is_ok());
        assert_eq!(
            problem(&format!(
                "{good}[[rule]]\nkind = \"s3_buckett\"\ndata_domain = \"x\"\n"
            )),
            "line 5 (rule 2): `s3_buckett` is no kind of entity; did you mean `s3_bucket`?"
        );
        assert_eq!(
            problem("[[rule]]\nid = \"*\"\n\nsensitivity = \"secret\"\n"),
            "line 4 (rule 1): `secret` is no sensitivity; there are `unknown`, `public`, `internal`, \
             `confidential`, `restricted`"
        );
        assert!(
            problem("[[rule]]\nsensitivity = \"public\"\n").contains("(rule 1): the rule asks for nothing")
        );
        assert!(problem("[[rule]]\nid = \"x\"\n").contains("(rule 1): the rule sets nothing"));
        assert!(
            problem("[[rule]]\nid = []\nsensitivity = \"public\"\n").starts_with("line 2 (rule 1): an empty")
        );
        assert!(problem("[[rule]]\nidd = \"*\"\n").starts_with("line 2: unknown field `idd`"));
        assert!(problem("\n[[rule\n").starts_with("line 2: "));
        assert!(problem("[words]\nred = [\"x\"]\n").starts_with("line 2: `red` is no sensitivity"));
    }
}
