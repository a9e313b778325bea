//! What one document says to one action on one resource, as far as it says the same to every principal; noted for the
//! length of a question.

use sv0_iam::syntax::ast::Effect;
use sv0_iam::syntax::resource::ShortArn;
use sv0_iam::tri::Tri;

use super::keys::Common;
use crate::compiled::document::{Documents, Span, Statement};
use crate::compiled::facts::{Table, View};
use crate::compiled::{Action, Library, PolicyId, Resource};

/// What is the same for every principal in one question.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) library: &'a Library,
    pub(super) common: &'a Common,
    pub(super) action: &'a Action<'a>,
    pub(super) resource: &'a Resource<'a>,
    pub(super) top: Option<&'a Table>,
    /// The facts that are the same for all.
    pub(super) facts: View<'a>,
}

/// What a document says to a question.
#[derive(Debug, Clone, Copy)]
pub(super) struct Partial {
    /// What it says to everybody.
    pub(super) allow: Tri,
    pub(super) deny: Tri,
    /// What it may say besides, principal by principal.
    pub(super) open: Span,
}

/// A statement that covers the action, and of which it hangs on the principal whether it holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Open {
    pub(super) statement: Statement,
    /// Whether it covers the resource; none where that hangs on the principal too.
    pub(super) covers: Option<Tri>,
}

/// Whether a statement holds for everybody, principals apart; none where it depends.
pub(super) fn settled(asked: &Asked<'_>, statement: &Statement, covers: Option<Tri>) -> Option<Tri> {
    let Asked {
        library, common, top, ..
    } = *asked;
    let same = |key| common.has(key, &library.keys, top);
    let mut all = covers;
    for condition in library.documents.conditions_of(statement) {
        if same(condition.key) && condition.variables().all(same) {
            let holds = condition.holds(&asked.facts);
            if holds == Tri::False {
                return Some(holds);
            }
            all = all.map(|all| all.and(holds));
        } else {
            all = None;
        }
    }
    all
}

/// Whether a statement covers the resource for everybody; none where it depends.
pub(super) fn covers(
    asked: &Asked<'_>,
    statement: &Statement,
    short: ShortArn,
    optional: bool,
) -> Option<Tri> {
    let Asked {
        library, common, top, ..
    } = *asked;
    let same = !statement.variables || {
        let patterns = library.documents.patterns_of(statement);
        let mut variables = patterns.iter().flat_map(|pattern| pattern.variables());
        variables.all(|key| common.has(key, &library.keys, top))
    };
    same.then(|| {
        library
            .documents
            .covers(statement, asked.resource, &asked.facts, short, optional)
    })
}

/// Whether a statement holds for one principal, principals apart.
pub(super) fn holds(
    documents: &Documents,
    statement: &Statement,
    covers: Option<Tri>,
    resource: &Resource<'_>,
    facts: &View<'_>,
    (short, optional): (ShortArn, bool),
) -> Tri {
    let covers = covers.unwrap_or_else(|| documents.covers(statement, resource, facts, short, optional));
    if covers == Tri::False {
        return covers;
    }
    covers.and(documents.holds(statement, facts))
}

/// How documents without principals are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum As {
    /// As an identity policy or a boundary.
    Identity,
    /// As an SCP.
    Scp,
}

impl As {
    /// Which of two places notes of it have.
    pub(super) const fn place(self) -> usize {
        match self {
            Self::Identity => 0,
            Self::Scp => 1,
        }
    }

    pub(super) const fn short(self) -> ShortArn {
        match self {
            Self::Identity => ShortArn::Pad,
            Self::Scp => ShortArn::IfTrailingStar,
        }
    }
}

/// Notes of what documents say, for one question after the other.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// By policy, twice: as an identity policy and as an SCP. The number is of the question that it was noted for.
    partials: Vec<[(u32, Partial); 2]>,
    open: Vec<Open>,
    question: u32,
}

const BLANK: (u32, Partial) = (
    0,
    Partial {
        allow: Tri::False,
        deny: Tri::False,
        open: Span::EMPTY,
    },
);

impl Notes {
    /// Forgets everything.
    pub(super) fn next(&mut self, policies: usize) {
        self.partials.resize(policies, [BLANK; 2]);
        self.open.clear();
        self.question = self.question.wrapping_add(1);
        if self.question == 0 {
            self.partials.fill([BLANK; 2]);
            self.question = 1;
        }
    }

    pub(super) fn open_of(&self, partial: &Partial) -> &[Open] {
        partial.open.of(&self.open)
    }

    /// What a document says.
    #[inline]
    pub(super) fn partial(&mut self, asked: &Asked<'_>, policy: PolicyId, how: As) -> Partial {
        let place = how.place();
        match self.partials.get(policy.index()).and_then(|pair| pair.get(place)) {
            Some((question, partial)) if *question == self.question => *partial,
            _ => {
                let partial = self.ask(asked, policy, how.short());
                if let Some(noted) = self
                    .partials
                    .get_mut(policy.index())
                    .and_then(|pair| pair.get_mut(place))
                {
                    *noted = (self.question, partial);
                }
                partial
            }
        }
    }

    /// Whether a document, as an identity policy, may allow somebody what is asked.
    #[inline]
    pub(super) fn may_allow(&mut self, asked: &Asked<'_>, policy: PolicyId) -> bool {
        let partial = self.partial(asked, policy, As::Identity);
        let mut open = self.open_of(&partial).iter();
        partial.allow != Tri::False || open.any(|open| open.statement.effect == Effect::Allow)
    }

    /// What a document says that was asked before.
    #[inline]
    pub(super) fn noted(&self, policy: PolicyId, how: As) -> Partial {
        let pair = self.partials.get(policy.index());
        pair.and_then(|pair| pair.get(how.place()))
            .map_or(BLANK.1, |(_, partial)| *partial)
    }

    fn ask(&mut self, asked: &Asked<'_>, policy: PolicyId, short: ShortArn) -> Partial {
        let documents = &asked.library.documents;
        let first = self.open.len();
        let (mut allow, mut deny) = (Tri::False, Tri::False);
        for statement in &*documents.bearing_on(policy.0, asked.action) {
            let covers = covers(asked, statement, short, false);
            if covers == Some(Tri::False) {
                continue;
            }
            match (settled(asked, statement, covers), statement.effect) {
                (Some(holds), Effect::Allow) => allow = allow.or(holds),
                (Some(holds), Effect::Deny) => deny = deny.or(holds),
                (None, _) => self.open.push(Open {
                    statement: *statement,
                    covers,
                }),
            }
        }
        // What is said to everybody for certain need not be asked of one.
        if allow == Tri::True || deny == Tri::True {
            let said = |open: &Open| match open.statement.effect {
                Effect::Allow => allow == Tri::True,
                Effect::Deny => deny == Tri::True,
            };
            let mut index = 0;
            self.open.retain(|open| {
                index += 1;
                index <= first || !said(open)
            });
        }
        Partial {
            allow,
            deny,
            open: Span::since(first, &self.open),
        }
    }
}
