//! What a rule says: the facts, from which the finding with its id, severity and paths is made.

use sv0_analyze::World;
use sv0_analyze::steps::technique::Technique;
use sv0_model::finding::{Factor, Finding, Severity, Status};
use sv0_model::graph::NodeId;
use sv0_model::kind::Kind;
use sv0_model::path::{ConditionText, Path, PathVerdict, StatementRef};
use sv0_model::stable;

use crate::fix::Idea;
use crate::ground::Ground;
use crate::rule::Rule;
use crate::severity::{Exposure, Impact, Weigh, weigh};

/// What a rule says.
#[derive(Debug)]
pub struct Draft {
    /// Whom and what it is about, beside the subject: the finding's name hangs on it, so nothing that changes belongs here.
    pub key: Vec<String>,
    /// In one line, with names.
    pub title: String,
    /// Whom or what it is about.
    pub subject: NodeId,
    /// What it touches, heaviest first.
    pub targets: Vec<NodeId>,
    /// What is at stake.
    pub impact: Impact,
    /// Where it begins.
    pub exposure: Exposure,
    /// Whether it is certain.
    pub verdict: PathVerdict,
    /// What else bears on the severity.
    pub factors: Vec<Factor>,
    /// The heaviest that it can be, and why.
    pub at_most: Option<(Severity, String)>,
    /// What it means, in sentences.
    pub sentences: Vec<String>,
    /// What would have to be true, beside the conditions of the paths.
    pub conditions: Vec<ConditionText>,
    /// The statements that decide it, beside those of the paths.
    pub statements: Vec<StatementRef>,
    /// The paths that show it, best first: [`Draft::show`] puts them there.
    paths: Vec<Path>,
    /// How many there are in all.
    path_count: usize,
    /// Techniques.
    pub techniques: Vec<&'static Technique>,
    /// What might end it, beside what the paths suggest.
    pub ideas: Vec<Idea>,
}

/// Paths that a finding carries.
const MOST_PATHS: usize = 5;

impl Draft {
    /// A draft of which the rest is filled in.
    #[must_use]
    pub fn new(subject: NodeId, title: String) -> Self {
        Self {
            key: Vec::new(),
            title,
            subject,
            targets: Vec::new(),
            impact: Impact::Nothing,
            exposure: Exposure::Nobody,
            verdict: PathVerdict::Allowed,
            factors: Vec::new(),
            at_most: None,
            sentences: Vec::new(),
            conditions: Vec::new(),
            statements: Vec::new(),
            paths: Vec::new(),
            path_count: 0,
            techniques: Vec::new(),
            ideas: Vec::new(),
        }
    }

    /// The paths that show it. The best are kept, what is used first: a rule that finds a thousand things does not hold all
    /// of their paths.
    pub fn show(&mut self, ground: &Ground<'_>, mut paths: Vec<Path>) {
        if let Some(observed) = &ground.observed {
            paths.iter_mut().for_each(|path| (observed.annotate)(path));
        }
        paths.sort_by(|a, b| {
            (!is_used(a), a.verdict, a.hops.len(), &a.id).cmp(&(!is_used(b), b.verdict, b.hops.len(), &b.id))
        });
        self.path_count = paths.len();
        paths.truncate(MOST_PATHS);
        // Room for a thousand paths is as dear as the paths.
        paths.shrink_to_fit();
        self.paths = paths;
    }

    /// The finding's name.
    #[must_use]
    pub fn id(&self, world: &World, rule: &Rule) -> String {
        let subject = [rule.id, world.id(self.subject)].into_iter();
        stable::id("finding", subject.chain(self.key.iter().map(String::as_str)))
    }

    /// Makes the finding.
    #[must_use]
    pub fn finish(self, ground: &Ground<'_>, rule: &'static Rule) -> (Finding, Vec<Idea>) {
        let id = self.id(ground.world, rule);
        let world = ground.world;
        let paths = self.paths;
        let path_count = self.path_count;
        let mut factors = self.factors;
        let mut sentences = self.sentences;
        {
            // That something of a kind was used is no use of all of it.
            let whole = |path: &&Path| path.target.kind != Kind::ResourceScope;
            let used = paths.iter().filter(|path| is_used(path)).filter(whole);
            if let Some(path) = used.max_by_key(|path| path.execution_30d) {
                let count = path.execution_30d.unwrap_or_default();
                let last = path
                    .last_execution_at
                    .as_deref()
                    .and_then(|at| at.get(..10))
                    .unwrap_or("an unknown day");
                factors.push(Factor {
                    name: "evidence",
                    points: 1,
                    text: format!("used {count} times in 30 days, last on {last}"),
                });
                sentences.push(format!(
                    "It happened: {} used the way to {} {count} times in 30 days, last on {last}.",
                    path.origin.name, path.target.name
                ));
            }
        }
        let (severity, reasons) = weigh(&Weigh {
            impact: self.impact,
            exposure: self.exposure,
            verdict: Some(self.verdict),
            more: factors,
            at_most: self.at_most.clone(),
        });
        let mut statements = self.statements;
        statements.extend(
            paths
                .iter()
                .flat_map(|path| &path.hops)
                .flat_map(|hop| hop.statements.clone()),
        );
        statements.sort();
        statements.dedup();
        let mut conditions = self.conditions;
        conditions.extend(paths.first().into_iter().flat_map(|path| path.condition.clone()));
        conditions.sort();
        conditions.dedup();
        let mut gaps: Vec<_> = paths.iter().flat_map(|path| path.coverage_gaps.clone()).collect();
        gaps.sort_by(|a, b| (&a.account, &a.call, &a.detail).cmp(&(&b.account, &b.call, &b.detail)));
        gaps.dedup();
        let mut attack: Vec<String> = rule.attack().to_vec();
        attack.extend(
            self.techniques
                .iter()
                .flat_map(|technique| technique.attack.clone()),
        );
        attack.sort();
        attack.dedup();
        let finding = Finding {
            id,
            rule: rule.id,
            title: capital(&self.title),
            severity,
            reasons,
            subject: world.entity(self.subject),
            target_count: self.targets.len(),
            targets: self
                .targets
                .iter()
                .take(Finding::MOST_TARGETS)
                .map(|node| world.entity(*node))
                .collect(),
            verdict: self.verdict,
            explanation: sentences,
            conditions,
            statements,
            path_count,
            paths,
            techniques: self
                .techniques
                .iter()
                .map(|technique| technique.id.clone())
                .collect(),
            attack,
            fixes: Vec::new(),
            coverage_gaps: gaps,
            status: Status::Open,
        };
        (finding, self.ideas)
    }
}

/// Whether CloudTrail saw it used.
fn is_used(path: &Path) -> bool {
    path.execution_30d.is_some_and(|count| count > 0)
}

/// A title begins like a sentence.
fn capital(title: &str) -> String {
    let mut letters = title.chars();
    let first = letters.next();
    // A name keeps its letters; only words of ours begin large.
    let ours = ["secret ", "account "].iter().any(|word| title.starts_with(word));
    match first {
        Some(first) if ours => first.to_uppercase().chain(letters).collect(),
        _ => title.to_owned(),
    }
}
