//! A policy document, compiled: which statements bear on an action, and what each of them says.
//!
//! All parts of all documents lie in a few flat tables, so that asking follows few pointers.

use std::ops::{Deref, Range};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use sv0_iam::condition::Operator;
use sv0_iam::decide::public_access;
use sv0_iam::name::ActionPattern;
use sv0_iam::syntax::ast::{self, Effect, Policy, PrincipalEntry, ResourceElement};
use sv0_iam::syntax::resource::{ResourcePattern, ShortArn};
use sv0_iam::syntax::{Template, ast::ActionElement};
use sv0_iam::tri::Tri;

use super::action::{self, Action, Services};
use super::condition::Condition;
use super::facts::View;
use super::keys::Keys;
use super::principal::Principals;
use super::resource::{Naming, Pattern, Resource};

/// A stretch of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// No rows.
    pub(crate) const EMPTY: Self = Self { start: 0, end: 0 };

    /// What was pushed onto a table since it had `start` rows.
    pub(crate) fn since<T>(start: usize, table: &[T]) -> Self {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            start: number(start),
            end: number(table.len()),
        }
    }

    #[inline]
    pub(crate) fn of<T>(self, table: &[T]) -> &[T] {
        table
            .get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }

    /// The same row of a table, to be changed in place.
    pub(crate) fn of_mut<T>(self, table: &mut [T]) -> &mut [T] {
        table
            .get_mut(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }

    /// Its first rows.
    pub(crate) fn first(self, rows: usize) -> Self {
        let rows = u32::try_from(rows).unwrap_or(u32::MAX);
        Self {
            start: self.start,
            end: self.end.min(self.start.saturating_add(rows)),
        }
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// One statement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Statement {
    /// Its place in its document.
    pub(crate) index: u32,
    pub(crate) effect: Effect,
    /// Whether its resource element has variables.
    pub(crate) variables: bool,
    scope: Scope,
    /// Of the conditions' ids: the same for the same conditions.
    pub(crate) conditions: Span,
    /// Of the principals.
    pub(crate) principals: Option<u32>,
}

impl Scope {
    const fn span(self) -> Span {
        match self {
            Self::Missing | Self::Everything => Span::EMPTY,
            Self::Any(span) | Self::Not(span) => span,
        }
    }
}

impl Statement {
    const fn is_full(&self) -> bool {
        matches!((self.effect, self.scope), (Effect::Allow, Scope::Everything)) && self.conditions.is_empty()
    }
}

/// Whether a statement covers every action that there is.
fn covers_all(statement: &ast::Statement) -> bool {
    // An action without a colon matches nothing, not even `*`.
    !statement.action.negated && statement.action.patterns.iter().any(ActionPattern::is_any)
}

/// A `Resource` or `NotResource` element.
#[derive(Debug, Clone, Copy)]
enum Scope {
    /// There is none.
    Missing,
    /// `*` is among the patterns.
    Everything,
    /// Any of the patterns.
    Any(Span),
    /// None of the patterns.
    Not(Span),
}

/// The statements of a document that bear on the same actions.
#[derive(Debug, Clone, Copy)]
struct Bearing {
    /// Of the statements.
    statements: Span,
    /// Whether one of them grants.
    grants: bool,
}

#[derive(Debug)]
struct Document {
    /// Services on which nothing bears are not in it.
    services: Services,
    /// Whether it grants everything and denies nothing, as `FullAWSAccess` does.
    full: bool,
    /// Of `starts` and `bearings`: the first action of each stretch of actions on which the same statements bear.
    stretches: Span,
    /// In the order of the document.
    statements: Span,
    source: Arc<Policy>,
    /// As S3 means it.
    public: bool,
}

/// What conditions are told apart by.
type ConditionText = (Option<Operator>, Box<str>, Vec<Template>);

/// Every document.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    documents: Vec<Document>,
    starts: Vec<u16>,
    bearings: Vec<Bearing>,
    /// Those of each document, and again for each stretch the ones that bear on it: they are small, and reading them in
    /// a row is what an answer spends its time on.
    statements: Vec<Statement>,
    patterns: Vec<Pattern>,
    principals: Vec<Principals>,
    condition_ids: Vec<u32>,
    conditions: Vec<Condition>,
    /// Conditions, and the ranges of action patterns, that were compiled before.
    known_conditions: FxHashMap<ConditionText, u32>,
    known_lists: FxHashMap<Vec<u32>, Span>,
    /// Of the principals, from one: equal elements are one.
    known_principals: FxHashMap<(bool, Vec<PrincipalEntry>), u32>,
    known_actions: FxHashMap<Box<str>, Vec<Range<u32>>>,
}

impl Documents {
    pub(crate) fn len(&self) -> usize {
        self.documents.len()
    }

    pub(crate) fn source(&self, index: u32) -> Option<&Arc<Policy>> {
        Some(&self.documents.get(index as usize)?.source)
    }

    /// Whether it is public as S3 means it.
    pub(crate) fn is_public(&self, index: u32) -> bool {
        self.documents
            .get(index as usize)
            .is_some_and(|document| document.public)
    }

    // ---- compiling ----

    /// Compiles a document; its index is the number of documents before it.
    pub(super) fn push(&mut self, source: Arc<Policy>, keys: &mut Keys) {
        let first = self.statements.len();
        for (statement, index) in source.statements.iter().zip(0..) {
            let statement = Statement {
                index,
                ..self.statement(statement, keys)
            };
            self.statements.push(statement);
        }
        let statements = Span::since(first, &self.statements);
        let (stretches, services) = self.stretches(first, &source.statements);
        let full = match self.statements.get(first..) {
            Some([only, ..]) => {
                source.statements.len() == 1 && only.is_full() && source.statements.iter().all(covers_all)
            }
            _ => false,
        };
        self.documents.push(Document {
            services,
            full,
            stretches,
            statements,
            public: public_access::is_public(&source),
            source,
        });
    }

    fn statement(&mut self, statement: &ast::Statement, keys: &mut Keys) -> Statement {
        let scope = self.scope(statement.resource.as_ref(), keys);
        let conditions: Vec<u32> = statement
            .conditions
            .iter()
            .map(|condition| self.condition(condition, keys))
            .collect();
        let conditions = *self.known_lists.entry(conditions).or_insert_with_key(|ids| {
            let first = self.condition_ids.len();
            self.condition_ids.extend(ids);
            Span::since(first, &self.condition_ids)
        });
        let principals = statement.principal.as_ref().map(|element| {
            let next = Span::since(self.principals.len(), &self.principals).start;
            let content = (element.negated, element.entries.clone());
            *self.known_principals.entry(content).or_insert_with(|| {
                self.principals.push(Principals::new(element));
                next
            })
        });
        let patterns = scope.span().of(&self.patterns);
        Statement {
            index: 0,
            effect: statement.effect,
            variables: patterns
                .iter()
                .any(|pattern| pattern.variables().next().is_some()),
            scope,
            conditions,
            principals,
        }
    }

    fn scope(&mut self, element: Option<&ResourceElement>, keys: &mut Keys) -> Scope {
        let Some(ResourceElement { negated, patterns }) = element else {
            return Scope::Missing;
        };
        if !negated && patterns.iter().any(ResourcePattern::is_any) {
            return Scope::Everything;
        }
        let first = self.patterns.len();
        self.patterns
            .extend(patterns.iter().map(|pattern| Pattern::new(pattern, keys)));
        let span = Span::since(first, &self.patterns);
        if *negated {
            Scope::Not(span)
        } else {
            Scope::Any(span)
        }
    }

    fn condition(&mut self, condition: &ast::Condition, keys: &mut Keys) -> u32 {
        let text = (
            condition.operator,
            condition.key.clone(),
            condition.values.clone(),
        );
        if let Some(id) = self.known_conditions.get(&text) {
            return *id;
        }
        let id = u32::try_from(self.conditions.len()).unwrap_or(u32::MAX);
        self.conditions.push(Condition::new(condition, keys));
        self.known_conditions.insert(text, id);
        id
    }

    fn ranges(&mut self, element: &ActionElement) -> Vec<Range<u32>> {
        let ranges = |pattern: &ActionPattern| match self.known_actions.get(pattern.as_str()) {
            Some(ranges) => ranges.clone(),
            None => {
                let ranges = action::ranges(pattern);
                self.known_actions.insert(pattern.as_str().into(), ranges.clone());
                ranges
            }
        };
        action::covered(element, ranges)
    }

    /// Walks along all actions, and notes where the set of statements that cover them changes.
    fn stretches(&mut self, first: usize, statements: &[ast::Statement]) -> (Span, Services) {
        let mut services = Services::default();
        let mut turns: Vec<(u32, u32, bool)> = Vec::new();
        for (index, statement) in (first..).zip(statements) {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            for range in self.ranges(&statement.action) {
                services = services.with(Services::of(&range));
                turns.extend([(range.start, index, true), (range.end, index, false)]);
            }
        }
        turns.sort_unstable();
        let from = self.starts.len();
        let mut active: Vec<u32> = Vec::new();
        let mut known: FxHashMap<Vec<u32>, Bearing> = FxHashMap::default();
        for turn in turns.chunk_by(|a, b| a.0 == b.0) {
            for (_, index, begins) in turn {
                match (active.binary_search(index), begins) {
                    (Err(at), true) => active.insert(at, *index),
                    (Ok(at), false) => {
                        active.remove(at);
                    }
                    // A statement's ranges are apart from each other, so it does not begin twice.
                    _ => {}
                }
            }
            let bearing = *known.entry(active.clone()).or_insert_with(|| {
                let first = self.statements.len();
                for index in &active {
                    self.statements
                        .extend(self.statements.get(*index as usize).copied());
                }
                let statements = Span::since(first, &self.statements);
                let grants = statements
                    .of(&self.statements)
                    .iter()
                    .any(|s| s.effect == Effect::Allow);
                Bearing { statements, grants }
            });
            // What begins past the ranks that actions have is never asked for.
            let Some(start) = turn.first().and_then(|(rank, ..)| u16::try_from(*rank).ok()) else {
                break;
            };
            self.starts.push(start);
            self.bearings.push(bearing);
        }
        (Span::since(from, &self.starts), services)
    }

    // ---- asking ----

    #[inline]
    fn bearing(&self, document: &Document, rank: u16) -> Option<Bearing> {
        let starts = document.stretches.of(&self.starts);
        // To count is faster than to search, eight at a time and with nothing to guess, unless there are very many.
        let before = if starts.len() <= 128 {
            usize::from(
                starts
                    .iter()
                    .fold(0_u16, |count, start| count + u16::from(*start <= rank)),
            )
        } else {
            starts.partition_point(|start| *start <= rank)
        };
        let at = before.checked_sub(1)?;
        document.stretches.of(&self.bearings).get(at).copied()
    }

    /// The statements of a document that cover an action.
    #[inline]
    pub(crate) fn bearing_on(&self, document: u32, action: &Action<'_>) -> Covering<'_> {
        let Some(document) = self.documents.get(document as usize) else {
            return Covering::Listed(&[]);
        };
        match action.rank {
            Some(rank) if document.services.meets(action.service) => {
                let span = self
                    .bearing(document, rank)
                    .map_or(Span::EMPTY, |bearing| bearing.statements);
                Covering::Listed(span.of(&self.statements))
            }
            Some(_) => Covering::Listed(&[]),
            None => Covering::Tried(self.tried(document, action)),
        }
    }

    /// The same for an action that the catalogue does not have.
    fn tried(&self, document: &Document, action: &Action<'_>) -> Vec<Statement> {
        let all = document
            .statements
            .of(&self.statements)
            .iter()
            .zip(&document.source.statements);
        all.filter(|(_, source)| source.action.matches(action.name))
            .map(|(statement, _)| *statement)
            .collect()
    }

    /// Where the statements of a document that cover an action lie, and how many there are.
    pub(crate) fn alike(&self, document: u32, action: &Action<'_>) -> Option<(usize, usize)> {
        match self.bearing_on(document, action) {
            Covering::Listed([]) => Some((0, 0)),
            Covering::Listed(statements) => Some((statements.as_ptr() as usize, statements.len())),
            Covering::Tried(_) => None,
        }
    }

    /// Whether a document, read without principals, allows an action whatever else is asked, and denies nothing.
    #[inline]
    pub(crate) fn is_full(&self, document: u32, action: &Action<'_>) -> bool {
        action.rank.is_some()
            && self
                .documents
                .get(document as usize)
                .is_some_and(|document| document.full)
    }

    /// The stretches of actions on which a grant of a document bears; the last may end past the catalogue.
    pub(crate) fn granted(&self, document: u32) -> impl Iterator<Item = Range<u32>> {
        let stretches = self
            .documents
            .get(document as usize)
            .map_or(Span::default(), |d| d.stretches);
        let (starts, bearings) = (stretches.of(&self.starts), stretches.of(&self.bearings));
        let ends = starts
            .iter()
            .skip(1)
            .map(|start| u32::from(*start))
            .chain([u32::MAX]);
        let all = starts.iter().zip(ends).zip(bearings);
        all.filter(|(_, bearing)| bearing.grants)
            .map(|((start, end), _)| u32::from(*start)..end)
    }

    /// What the resources that a statement covers have in common, pattern by pattern.
    pub(crate) fn naming(&self, statement: &Statement) -> impl Iterator<Item = Naming<'_>> {
        let (one, span) = match statement.scope {
            Scope::Everything | Scope::Missing => (Some(Naming::Any), Span::EMPTY),
            Scope::Not(_) => (Some(Naming::Some), Span::EMPTY),
            Scope::Any(span) => (None, span),
        };
        let each = span.of(&self.patterns).iter().map(Pattern::naming);
        one.into_iter().chain(each)
    }

    /// The `Principal` element of a statement.
    #[inline]
    pub(crate) fn principals_of(&self, statement: &Statement) -> Option<&Principals> {
        self.principals.get(statement.principals? as usize)
    }

    /// The conditions of a statement.
    #[inline]
    pub(crate) fn conditions_of(&self, statement: &Statement) -> impl Iterator<Item = &Condition> {
        let ids = statement.conditions.of(&self.condition_ids);
        ids.iter().filter_map(|id| self.conditions.get(*id as usize))
    }

    /// The patterns of a statement's resource element, where it has to be looked at.
    pub(crate) fn patterns_of(&self, statement: &Statement) -> &[Pattern] {
        statement.scope.span().of(&self.patterns)
    }

    /// Whether the resource element of a statement covers a resource; `optional` says whether it may be missing.
    #[inline]
    pub(crate) fn covers(
        &self,
        statement: &Statement,
        resource: &Resource<'_>,
        facts: &View<'_>,
        short: ShortArn,
        optional: bool,
    ) -> Tri {
        let any = |span: Span| {
            let mut any = Tri::False;
            for pattern in span.of(&self.patterns) {
                any = any.or(pattern.matches(resource, facts, short));
                if any == Tri::True {
                    break;
                }
            }
            any
        };
        match statement.scope {
            Scope::Missing => Tri::from(optional),
            Scope::Everything => Tri::True,
            Scope::Any(span) => any(span),
            Scope::Not(span) => any(span).negate(),
        }
    }

    /// Whether every condition of a statement holds.
    #[inline]
    pub(crate) fn holds(&self, statement: &Statement, facts: &View<'_>) -> Tri {
        let mut all = Tri::True;
        for condition in self.conditions_of(statement) {
            all = all.and(condition.holds(facts));
            if all == Tri::False {
                break;
            }
        }
        all
    }
}

/// The statements of a document that cover an action.
pub(crate) enum Covering<'a> {
    /// Found in the table.
    Listed(&'a [Statement]),
    /// The catalogue does not have the action: each statement was tried.
    Tried(Vec<Statement>),
}

impl Deref for Covering<'_> {
    type Target = [Statement];

    #[inline]
    fn deref(&self) -> &[Statement] {
        match self {
            Self::Listed(statements) => statements,
            Self::Tried(statements) => statements,
        }
    }
}
