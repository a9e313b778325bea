//! Findings: what somebody should decide about, and the deciding.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sv0_export::Document;
use sv0_model::finding::{Finding, Severity, Status};
use sv0_model::path::{EntityRef, PathVerdict};
use sv0_rules::fix::Idea;
use sv0_rules::plan::Plan;
use sv0_rules::rule::{RULES, rule};

use crate::app::{App, Found};
use crate::endpoint::{Asking, Nothing, Reply};
use crate::page::{Cursor, Page, limit};
use crate::problem::Problem;
use crate::suppressed::StoreError;

/// A finding in a line.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct Summary {
    /// Stable across snapshots.
    id: String,
    /// The rule that found it.
    rule: &'static str,
    /// What the rule finds, in a few words.
    rule_title: String,
    /// In one line, with names.
    title: String,
    severity: Severity,
    /// Whom or what it is about.
    subject: EntityRef,
    /// What it touches, most sensitive first; some of them.
    targets: Vec<EntityRef>,
    /// How many it touches in all.
    target_count: usize,
    /// Whether it is certain.
    verdict: PathVerdict,
    status: Status,
    path_count: usize,
    /// How many changes end it; null where that was not worked out yet.
    fixes: Option<usize>,
    /// Calls that were seen on its paths within 30 days; null where that cannot be told.
    seen: Option<u64>,
}

/// Targets in a line.
const SOME: usize = 3;

impl Summary {
    pub(super) fn of(app: &App, finding: &Finding) -> Self {
        Self {
            id: finding.id.clone(),
            rule: finding.rule,
            rule_title: rule(finding.rule).map_or_else(String::new, |rule| rule.title().to_owned()),
            title: finding.title.clone(),
            severity: finding.severity,
            subject: finding.subject.clone(),
            targets: finding.targets.iter().take(SOME).cloned().collect(),
            target_count: finding.target_count,
            verdict: finding.verdict,
            status: app.status(finding),
            path_count: finding.path_count,
            fixes: app.fixes_known(&finding.id),
            seen: finding.paths.iter().filter_map(|path| path.execution_30d).max(),
        }
    }
}

/// Counts a finding where it belongs.
pub(super) fn count(counts: &mut BTreeMap<&'static str, usize>, finding: &Finding, status: &Status) {
    let under = match status {
        Status::Suppressed { .. } => "suppressed",
        _ => finding.severity.as_str(),
    };
    *counts.entry(under).or_default() += 1;
}

const fn state(status: &Status) -> State {
    match status {
        Status::New => State::New,
        Status::Open => State::Open,
        Status::Suppressed { .. } => State::Suppressed,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// Not in the baseline.
    New,
    /// There.
    Open,
    /// Somebody took responsibility for it.
    Suppressed,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Open => "open",
            Self::Suppressed => "suppressed",
        }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// Severities, separated by commas.
    severity: Option<String>,
    /// Rules, separated by commas.
    rule: Option<String>,
    /// The account of the subject: its id or name.
    account: Option<String>,
    /// Where they stand.
    status: Option<State>,
    /// Words that the title, the subject's or a target's id must have.
    q: Option<String>,
    /// Only those about this entity: its id.
    id: Option<String>,
    /// How many at most.
    limit: Option<u16>,
    /// `next` of the page before.
    cursor: Option<Cursor>,
}

/// Findings.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Findings {
    #[serde(flatten)]
    page: Page<Summary>,
    facets: Facets,
    /// What was not looked at, and why.
    limited: Vec<String>,
}

/// How many findings there are of each kind, whatever was asked for.
#[derive(Debug, Default, Serialize, JsonSchema)]
struct Facets {
    severity: BTreeMap<&'static str, usize>,
    rule: BTreeMap<&'static str, usize>,
    /// By the account's id.
    account: BTreeMap<String, usize>,
    status: BTreeMap<&'static str, usize>,
}

fn found<'a>(asking: &'a Asking<'_>) -> Result<&'a Found, Problem> {
    asking.app.found().ok_or_else(|| Problem::not_ready("findings"))
}

pub(super) fn list(asking: &Asking<'_>, which: Which) -> Result<Findings, Problem> {
    let app = asking.app;
    let found = found(asking)?;
    let account = match &which.account {
        Some(name) => Some(
            app.world()
                .account_named(name)
                .ok_or_else(|| Problem::not_found(format!("no account is called `{name}`")))?,
        ),
        None => None,
    };
    let severities = match &which.severity {
        Some(text) => {
            let each = text.split(',').filter(|text| !text.is_empty()).map(|text| {
                let all = Severity::ALL.iter().copied();
                all.into_iter()
                    .find(|severity| severity.as_str() == text)
                    .ok_or_else(|| Problem::invalid(format!("`{text}` is no severity")))
            });
            Some(each.collect::<Result<Vec<Severity>, Problem>>()?)
        }
        None => None,
    };
    let words = which.q.as_deref().unwrap_or_default().to_lowercase();
    let mut facets = Facets::default();
    let mut all = Vec::new();
    for (finding, _) in &found.list {
        let state = state(&app.status(finding));
        *facets.severity.entry(finding.severity.as_str()).or_default() += 1;
        *facets.rule.entry(finding.rule).or_default() += 1;
        let of = finding.subject.account.clone().unwrap_or_default();
        *facets.account.entry(of).or_default() += 1;
        *facets.status.entry(state.as_str()).or_default() += 1;
        let fits = severities
            .as_ref()
            .is_none_or(|list| list.contains(&finding.severity))
            && which
                .rule
                .as_deref()
                .is_none_or(|rules| rules.split(',').any(|rule| rule == finding.rule))
            && (account.is_none() || finding.subject.account == account)
            && which.status.is_none_or(|wanted| wanted == state)
            && which.id.as_deref().is_none_or(|id| finding.concerns(id))
            && says(finding, &words);
        if fits {
            all.push(finding);
        }
    }
    let page = Page::of(all, which.cursor.as_ref(), limit(which.limit, 50))?;
    Ok(Findings {
        page: Page {
            items: page
                .items
                .into_iter()
                .map(|finding| Summary::of(app, finding))
                .collect(),
            next: page.next,
            total: page.total,
            at_least: false,
        },
        facets,
        limited: found.limited.clone(),
    })
}

/// Whether a finding has all words.
fn says(finding: &Finding, words: &str) -> bool {
    let entities = std::iter::once(&finding.subject).chain(&finding.targets);
    let ids: String = entities
        .map(|entity| format!("{} {} ", entity.id, entity.name))
        .collect();
    let text = format!("{} {} {} {ids}", finding.id, finding.rule, finding.title).to_lowercase();
    words.split_whitespace().all(|word| text.contains(word))
}

/// A finding with everything that is known of it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Whole {
    #[serde(flatten)]
    finding: Finding,
    rule_page: RulePage,
}

#[derive(Debug, Serialize, JsonSchema)]
struct RulePage {
    title: String,
    what: String,
    why: String,
    how: String,
    quiet: String,
    todo: String,
    references: Vec<String>,
}

fn by_id<'a>(asking: &'a Asking<'_>) -> Result<&'a (Finding, Vec<Idea>), Problem> {
    let mut all = found(asking)?.list.iter();
    all.find(|(finding, _)| finding.id == asking.id)
        .ok_or_else(|| Problem::not_found(format!("there is no finding `{}`", asking.id)))
}

fn whole(asking: &Asking<'_>) -> Result<Whole, Problem> {
    let (finding, ideas) = by_id(asking)?;
    let mut out = finding.clone();
    out.fixes = asking.app.fixes(finding, ideas).to_vec();
    out.status = asking.app.status(finding);
    let section = |name: &str| rule(finding.rule).map_or_else(String::new, |rule| rule.section(name));
    Ok(Whole {
        rule_page: RulePage {
            title: rule(finding.rule).map_or_else(String::new, |rule| rule.title().to_owned()),
            what: section("What"),
            why: section("Why it matters"),
            how: section("How it is decided"),
            quiet: section("What makes it quiet"),
            todo: section("What to do"),
            references: rule(finding.rule).map_or_else(Vec::new, |rule| rule.page().front.references.clone()),
        },
        finding: out,
    })
}

pub(super) fn one(asking: &Asking<'_>, _: Nothing) -> Result<Whole, Problem> {
    whole(asking)
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Suppress {
    /// Why.
    #[schemars(length(min = 1, max = 2_000))]
    reason: String,
    /// The last day on which it holds, such as `2027-01-31`; null for good.
    until: Option<String>,
}

fn stored(error: StoreError) -> Problem {
    match error {
        StoreError::Wrong(why) => Problem::invalid(why),
        StoreError::File { .. } => Problem::bug(format!("the suppression was not kept: {error}")),
    }
}

pub(super) fn suppress(asking: &Asking<'_>, what: Suppress) -> Result<Whole, Problem> {
    let (finding, _) = by_id(asking)?;
    if what.reason.trim().is_empty() || what.reason.len() > 2_000 {
        return Err(Problem::invalid("say why, in at most 2000 letters"));
    }
    let store = &asking.app.suppressed;
    store
        .add(
            &finding.id,
            &what.reason,
            &asking.user.name,
            what.until.as_deref(),
        )
        .map_err(stored)?;
    asking.app.changed();
    whole(asking)
}

pub(super) fn unsuppress(asking: &Asking<'_>) -> Result<Whole, Problem> {
    let (finding, _) = by_id(asking)?;
    let removed = asking.app.suppressed.remove(&finding.id).map_err(stored)?;
    asking.app.changed();
    if !removed && matches!(asking.app.status(finding), Status::Suppressed { .. }) {
        return Err(Problem::invalid(
            "this suppression was written into the file by hand, for more than this finding: take it out there",
        ));
    }
    whole(asking)
}

/// The file of suppressions.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Yaml {
    /// Its text.
    yaml: String,
}

pub(super) fn suppressions(asking: &Asking<'_>, _: Nothing) -> Result<Yaml, Problem> {
    Ok(Yaml {
        yaml: asking.app.suppressed.text(),
    })
}

/// Findings for which fixes are worked out in reports and plans: the most severe.
const MOST_FIXED: usize = 200;

/// The findings as they stand, the most severe with their fixes.
fn with_fixes(asking: &Asking<'_>) -> Result<Vec<Finding>, Problem> {
    let app = asking.app;
    let all = found(asking)?.list.iter().enumerate();
    Ok(all
        .map(|(at, (finding, ideas))| {
            let mut out = finding.clone();
            out.status = app.status(finding);
            if at < MOST_FIXED && finding.severity >= Severity::Low && out.is_open() {
                out.fixes = app.fixes(finding, ideas).to_vec();
            }
            out
        })
        .collect())
}

pub(super) fn plan(asking: &Asking<'_>, _: Nothing) -> Result<Plan, Problem> {
    Ok(sv0_rules::plan::plan(&with_fixes(asking)?))
}

/// A rule.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Rule {
    id: &'static str,
    title: String,
    what: String,
    why: String,
    attack: Vec<String>,
}

pub(super) fn rules(_: &Asking<'_>, _: Nothing) -> Result<Vec<Rule>, Problem> {
    Ok(RULES
        .iter()
        .map(|rule| Rule {
            id: rule.id,
            title: rule.title().to_owned(),
            what: rule.section("What"),
            why: rule.section("Why it matters"),
            attack: rule.attack().to_vec(),
        })
        .collect())
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Export {
    format: Format,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    Json,
    Jsonl,
    Markdown,
    Html,
    Sarif,
    Ocsf,
    Asff,
}

pub(super) fn export(asking: &Asking<'_>, wanted: Export) -> Result<Reply, Problem> {
    let findings = with_fixes(asking)?;
    let bug = |error: serde_json::Error| Problem::bug(error.to_string());
    let (name, media, body) = match wanted.format {
        Format::Json => (
            "json",
            "application/json",
            serde_json::to_vec_pretty(&findings).map_err(bug)?,
        ),
        Format::Jsonl => {
            let lines = findings
                .iter()
                .map(serde_json::to_string)
                .collect::<Result<Vec<_>, _>>()
                .map_err(bug)?;
            (
                "jsonl",
                "application/jsonl",
                (lines.join("\n") + "\n").into_bytes(),
            )
        }
        Format::Markdown => (
            "md",
            "text/markdown; charset=utf-8",
            exported(asking, &findings, "markdown")?,
        ),
        Format::Html => (
            "html",
            "text/html; charset=utf-8",
            exported(asking, &findings, "html")?,
        ),
        Format::Sarif => (
            "sarif",
            "application/sarif+json",
            exported(asking, &findings, "sarif")?,
        ),
        Format::Ocsf => (
            "ocsf.json",
            "application/json",
            exported(asking, &findings, "ocsf")?,
        ),
        Format::Asff => (
            "asff.json",
            "application/json",
            exported(asking, &findings, "asff")?,
        ),
    };
    Ok(Reply::File {
        name: format!("sv0-findings.{name}"),
        media,
        body,
    })
}

fn exported(asking: &Asking<'_>, findings: &[Finding], format: &str) -> Result<Vec<u8>, Problem> {
    let app = asking.app;
    let format = sv0_export::format(format).ok_or_else(|| Problem::bug("a format is missing"))?;
    let (at, at_millis) = crate::export::instant(app.today());
    let text = format.write(&Document {
        findings,
        rules: &crate::export::rule_pages(),
        gaps: &app.world().gaps,
        limited: &found(asking)?.limited,
        source: &app.about.name,
        at: &at,
        at_millis,
        version: env!("CARGO_PKG_VERSION"),
        has_baseline: false,
    });
    Ok(text.into_bytes())
}
