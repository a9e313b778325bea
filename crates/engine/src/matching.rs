//! When a statement matches, as a formula: the same reading of `Action`, `Principal`, `Resource` and `Condition` as
//! [`sv0_iam::decide::layer`] has for one request, for requests of which some things are left open.

use sv0_iam::condition::{Context, holds};
use sv0_iam::decide::Layer;
use sv0_iam::name::Caller;
use sv0_iam::name::principal::{CallerKind, Named, ways};
use sv0_iam::syntax::ast::{Condition, Effect, PrincipalElement, ResourceElement, Statement};
use sv0_iam::syntax::resource::{Parts, ResourceName, ResourcePattern, ShortArn};
use sv0_iam::syntax::template::{Resolved, Template};
use sv0_iam::tri::Tri;

use crate::formula::{Atom, Atoms, Formula};
use crate::lang::{Class, Pattern, Symbol};

/// What requests are about.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// This resource.
    Named(ResourceName<'a>),
    /// Any resource of a form.
    Open(&'a Form),
}

/// A form of ARNs: what the catalogue's template for a resource type stands for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Form {
    /// Every ARN of the form.
    pub pattern: Pattern,
    /// The type and its separator, with which the resource part begins (`role/`); empty where it has none.
    pub word: String,
    /// The service, where the form has just one; a look at it spares most comparisons.
    pub service: Option<String>,
}

impl Form {
    /// Whether it has resources of a service at all.
    fn may_be(&self, service: &sv0_iam::name::Glob) -> bool {
        self.service
            .as_deref()
            .is_none_or(|own| service.matches_ignore_case(own))
    }

    /// The form of a template such as `arn:${Partition}:s3:::${BucketName}`; none where it is no ARN.
    #[must_use]
    pub fn template(template: &str) -> Option<Self> {
        let mut pattern = Pattern::empty();
        // What it would be as one name, to see how names of this form are read.
        let mut example = String::new();
        let mut fields = template.splitn(6, ':');
        for index in 0..6 {
            let field = fields.next()?;
            if index > 0 {
                pattern.text(":");
                example.push(':');
            }
            let class = if index < 5 {
                Class::NoColon
            } else {
                rest_class(template)
            };
            let mut rest = field;
            while let Some((before, after)) = rest.split_once("${") {
                let (_, tail) = after.split_once('}')?;
                pattern.text(before);
                example.push_str(before);
                example.push('x');
                // Before the resource part a placeholder may be empty, as a region is for global services.
                if index == 5 || index == 1 {
                    pattern.push(Symbol::One(class));
                }
                pattern.push(Symbol::Many(class));
                rest = tail;
            }
            for piece in rest.split_inclusive('*') {
                let text = piece.strip_suffix('*').unwrap_or(piece);
                pattern.text(text);
                example.push_str(text);
                if piece.ends_with('*') {
                    pattern.push(Symbol::Many(class));
                    example.push('x');
                }
            }
        }
        let name = ResourceName::new(&example);
        let rest = name.arn.map_or("", |arn| arn.resource);
        Some(Self {
            pattern,
            word: rest.get(..name.type_len).unwrap_or_default().to_owned(),
            service: template
                .split(':')
                .nth(2)
                .filter(|s| !s.contains(['$', '*']))
                .map(str::to_owned),
        })
    }

    /// The form that has just one ARN, such as a secret's.
    #[must_use]
    pub fn exactly(arn: &str) -> Self {
        let name = ResourceName::new(arn);
        let rest = name.arn.map_or("", |arn| arn.resource);
        Self {
            pattern: Pattern::literal(arn),
            word: rest.get(..name.type_len).unwrap_or_default().to_owned(),
            service: name.arn.map(|arn| arn.service.to_owned()),
        }
    }
}

/// The name of a bucket has no slash; what is behind a slash is an object.
fn rest_class(template: &str) -> Class {
    if template.ends_with(":s3:::${BucketName}") {
        Class::Name
    } else {
        Class::Any
    }
}

/// How a layer reads the elements that differ between layers.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// Which.
    pub layer: Layer,
    /// Which level of it.
    pub level: usize,
    /// Whether `Principal` is read.
    pub principals: bool,
    /// How short ARNs are completed.
    pub short: ShortArn,
    /// Whether the caller has a permissions boundary (rule 18).
    pub bounded: bool,
}

/// A statement that matches under a formula.
#[derive(Debug, Clone)]
pub struct Match<'a> {
    /// Where it is.
    pub layer: Layer,
    /// Which level of it.
    pub level: usize,
    /// The asker's name for the policy.
    pub tag: u32,
    /// The statement.
    pub statement: &'a Statement,
    /// In resource policies: how it names the caller.
    pub named: Option<Named>,
    /// When.
    pub when: Formula,
}

/// Who asks, for what, knowing what.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Who.
    pub caller: &'a Caller,
    /// On what.
    pub subject: Subject<'a>,
    /// What is known.
    pub context: &'a Context,
}

/// When a statement whose action element covers the action matches; nothing where it cannot.
pub fn matching<'a>(
    statement: &'a Statement,
    tag: u32,
    asked: &Asked<'_>,
    reading: Reading,
    atoms: &mut Atoms<'a>,
    out: &mut Vec<Match<'a>>,
) {
    let who = if reading.principals {
        principals(statement, asked.caller, reading, atoms)
    } else {
        vec![(None, Formula::TRUE)]
    };
    if who.is_empty() {
        return;
    }
    let mut parts = Vec::new();
    match &statement.resource {
        Some(element) => parts.push(resource(element, asked, reading.short, atoms)),
        // Only policies that hang on the resource itself may leave it out (rule 30).
        None if !reading.principals || reading.layer == Layer::Rcp => return,
        None => {}
    }
    parts.extend(
        statement
            .conditions
            .iter()
            .map(|c| condition(c, asked.context, atoms)),
    );
    let what = Formula::all(parts);
    if what == Formula::FALSE {
        return;
    }
    for (named, is) in who {
        let when = is.and(what.clone());
        if when != Formula::FALSE {
            out.push(Match {
                layer: reading.layer,
                level: reading.level,
                tag,
                statement,
                named,
                when,
            });
        }
    }
}

/// When a condition holds.
pub fn condition<'a>(condition: &'a Condition, context: &Context, atoms: &mut Atoms<'a>) -> Formula {
    match holds(condition, context) {
        Tri::True => Formula::TRUE,
        Tri::False => Formula::FALSE,
        Tri::Unknown if condition.operator.is_none() => Formula::Is(atoms.intern(Atom::Undecidable), true),
        Tri::Unknown => Formula::Is(atoms.intern(Atom::Condition(condition)), true),
    }
}

/// When a `Resource` or `NotResource` element has the subject.
pub fn resource<'a>(
    element: &'a ResourceElement,
    asked: &Asked<'_>,
    short: ShortArn,
    atoms: &mut Atoms<'a>,
) -> Formula {
    let any = Formula::any(
        element
            .patterns
            .iter()
            .map(|pattern| covers(pattern, asked, short, atoms))
            .collect::<Vec<_>>(),
    );
    if element.negated { any.negate() } else { any }
}

fn covers<'a>(
    pattern: &'a ResourcePattern,
    asked: &Asked<'_>,
    short: ShortArn,
    atoms: &mut Atoms<'a>,
) -> Formula {
    let hangs = |atoms: &mut Atoms<'a>| Formula::Is(atoms.intern(Atom::Resource(pattern, short)), true);
    match asked.subject {
        Subject::Named(name) => match pattern.matches(&name, asked.context, short) {
            Tri::True => Formula::TRUE,
            Tri::False => Formula::FALSE,
            Tri::Unknown => hangs(atoms),
        },
        Subject::Open(form) => match set(pattern, asked.context, short, form) {
            Set::All => Formula::TRUE,
            Set::None => Formula::FALSE,
            Set::Some(pattern) => Formula::Is(atoms.intern(Atom::Inside(pattern)), true),
            Set::Hangs => hangs(atoms),
        },
    }
}

/// Whether each statement is about every resource of the form, where each is about all of them or none: then the answer is
/// the same for every form of which that is said in the same way.
pub fn all_or_nothing<'a>(
    statements: impl IntoIterator<Item = (&'a Statement, ShortArn)>,
    asked: &Asked<'_>,
) -> Option<Vec<bool>> {
    let mut atoms = Atoms::default();
    let one = |(statement, short): (&'a Statement, ShortArn)| match &statement.resource {
        None => Some(true),
        Some(element) => match resource(element, asked, short, &mut atoms) {
            Formula::Const(all) => Some(all),
            _ => None,
        },
    };
    statements.into_iter().map(one).collect()
}

/// What a resource pattern has, of the resources of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Set {
    /// Every one.
    All,
    /// None.
    None,
    /// Those in this set.
    Some(Pattern),
    /// It hangs on a variable that is not known.
    Hangs,
}

/// What a resource pattern has, with what is known of its variables filled in.
#[must_use]
pub fn set(pattern: &ResourcePattern, context: &Context, short: ShortArn, form: &Form) -> Set {
    let fields = match pattern.parts() {
        Parts::Any => return Set::All,
        // An ARN that is written as anything but an ARN: only a variable could bring it.
        Parts::Other(template) if template.variables().next().is_none() => return Set::None,
        Parts::Other(_) => return Set::Hangs,
        Parts::Fields(fields) => fields,
    };
    if !pattern.is_complete(short) {
        return Set::None;
    }
    let [partition, service, region, account, rest] = fields;
    if service.fixed().is_some_and(|service| !form.may_be(service)) {
        return Set::None;
    }
    let mut out = Pattern::literal("arn");
    let mut hangs = false;
    for field in [partition, service, region, account] {
        out.text(":");
        match field.pattern(context) {
            Resolved::Pattern(glob) if has_colon(&glob) => return Set::None,
            Resolved::Pattern(glob) => out.push_glob(&glob, Class::NoColon, fold),
            Resolved::Nothing => return Set::None,
            Resolved::AtMost(_) => hangs = true,
        }
    }
    out.text(":");
    match rest.pattern(context) {
        Resolved::Pattern(glob) => {
            // The type word must stand literally, unless the pattern is nothing but stars (rule 28).
            if !glob.is_any() && !glob.literal_prefix().starts_with(&form.word) {
                return Set::None;
            }
            out.push_glob(&glob, Class::Any, Symbol::Char);
        }
        Resolved::Nothing => return Set::None,
        Resolved::AtMost(_) => hangs = true,
    }
    if hangs { Set::Hangs } else { Set::Some(out) }
}

/// The fields before the last ignore case.
const fn fold(c: char) -> Symbol {
    Symbol::Fold(c)
}

/// A variable may bring a colon along; no field has one.
fn has_colon(glob: &sv0_iam::name::Glob) -> bool {
    glob.split(':', 2).len() > 1
}

/// How a statement speaks of the caller, and when.
fn principals<'a>(
    statement: &'a Statement,
    caller: &Caller,
    reading: Reading,
    atoms: &mut Atoms<'a>,
) -> Vec<(Option<Named>, Formula)> {
    let Some(element) = &statement.principal else {
        return Vec::new();
    };
    let each = each(element, caller, atoms);
    if !element.negated {
        return each
            .into_iter()
            .map(|(named, when)| (Some(named), when))
            .collect();
    }
    let named = |wanted: &[Named]| {
        Formula::any(
            each.iter()
                .filter(|(named, _)| wanted.is_empty() || wanted.contains(named))
                .map(|(_, when)| when.clone()),
        )
    };
    let spared = match statement.effect {
        Effect::Deny if reading.bounded => Formula::FALSE,
        Effect::Allow => named(&[]),
        // A deny spares the caller where its account, role and session are each listed (rule 18).
        Effect::Deny if each.iter().any(|(named, _)| *named == Named::Anyone) => Formula::TRUE,
        Effect::Deny => match caller.kind {
            CallerKind::Role | CallerKind::RoleSession => Formula::all([
                named(&[Named::Account]),
                named(&[Named::Role]),
                named(&[Named::Session]),
            ]),
            CallerKind::User | CallerKind::FederatedUser => {
                named(&[Named::Account]).and(named(&[Named::Directly, Named::FederatingUser]))
            }
            CallerKind::Account => {
                named(&[Named::Account]).and(Formula::Is(atoms.intern(Atom::Undecidable), true))
            }
            CallerKind::Root | CallerKind::Service | CallerKind::Federated | CallerKind::Anonymous => {
                named(&[Named::Directly, Named::Account])
            }
        },
    };
    vec![(Some(Named::Anyone), spared.negate())]
}

/// How each name in the element speaks of the caller.
fn each<'a>(element: &'a PrincipalElement, caller: &Caller, atoms: &mut Atoms<'a>) -> Vec<(Named, Formula)> {
    let mut out: Vec<(Named, Formula)> = Vec::new();
    for entry in &element.entries {
        let alone = PrincipalElement {
            negated: false,
            entries: vec![entry.clone()],
        };
        for (named, tri) in ways(&alone, caller) {
            let when = match tri {
                Tri::True => Formula::TRUE,
                Tri::False => continue,
                Tri::Unknown => Formula::Is(atoms.intern(Atom::Caller(entry.as_str())), true),
            };
            match out.iter_mut().find(|(other, _)| *other == named) {
                Some((_, before)) => *before = before.clone().or(when),
                None => out.push((named, when)),
            }
        }
    }
    out
}

/// Whether a template has variables that are not known.
#[must_use]
pub fn hangs(template: &Template, context: &Context) -> bool {
    template
        .variables()
        .any(|key| crate::formula::is_unknown(context, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_templates() {
        let bucket = Form::template("arn:${Partition}:s3:::${BucketName}").unwrap();
        assert!(bucket.pattern.has("arn:aws:s3:::data") && !bucket.pattern.has("arn:aws:s3:::data/a"));
        assert_eq!(bucket.word, "");
        let role = Form::template("arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}").unwrap();
        assert!(role.pattern.has("arn:aws:iam::111111111111:role/team/App"));
        assert_eq!(role.word, "role/");
    }
}
