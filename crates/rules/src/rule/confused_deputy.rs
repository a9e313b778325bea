//! Confused deputies: somebody who acts for many, and does for a stranger what only you may ask for. Partners whose role asks
//! for no external id, and services that a resource lets in without asking on whose behalf they come.

use sv0_iam::syntax::ast::PrincipalEntry;
use sv0_model::kind::{AccessLevel, EdgeKind, Kind};
use sv0_model::path::PathVerdict;

use super::trust::{LetIn, is_outside, of_resources, of_roles};
use super::words::name;
use crate::draft::Draft;
use crate::fix::Idea;
use crate::ground::Ground;
use crate::severity::{Exposure, Impact};

/// Keys that say on whose behalf a service comes.
const ON_BEHALF: &[&str] = &[
    "aws:sourcearn",
    "aws:sourceaccount",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceowner",
    "kms:calleraccount",
    "kms:viaservice",
    "aws:principalorgid",
    "aws:principalaccount",
];

pub(super) fn check(ground: &Ground<'_>) -> Vec<Draft> {
    let world = ground.world;
    let partners = of_roles(world).filter_map(|let_in| partner(ground, let_in));
    let services = of_resources(world).flat_map(|let_in| services(ground, let_in));
    let mut out: Vec<Draft> = partners.chain(services).collect();
    // Two statements that say the same are one thing to mend.
    out.sort_by(|a, b| (a.subject, &a.key).cmp(&(b.subject, &b.key)));
    out.dedup_by(|b, a| (a.subject, &a.key) == (b.subject, &b.key));
    out
}

/// A role that lets an account outside in without an external id.
fn partner(ground: &Ground<'_>, let_in: LetIn<'_>) -> Option<Draft> {
    let world = ground.world;
    let role = let_in.holder;
    if let_in.asks("sts:externalid") {
        return None;
    }
    let outside = let_in.entries().find_map(|entry| match entry {
        PrincipalEntry::Account(id) => is_outside(world, id).then(|| (**id).to_owned()),
        PrincipalEntry::Arn(arn) => {
            let account = arn.split(':').nth(4).unwrap_or_default();
            (!account.is_empty() && is_outside(world, account)).then(|| account.to_owned())
        }
        _ => None,
    })?;
    // Somebody has to get in by it.
    let comes = ground.real_to(role).find(|found| {
        found.edge == EdgeKind::Assumes && world.account_of(found.from) == Some(outside.as_str())
    })?;
    let paths = ground.paths(comes.from, &[role]);
    let verdict = paths.first()?.verdict;
    let mut out = Draft::new(
        role,
        format!(
            "{} lets account {outside} in without an external id",
            name(world, role)
        ),
    );
    out.key = vec![outside.clone()];
    out.impact = ground.leads_to(role);
    out.exposure = Exposure::Outside;
    out.verdict = verdict;
    out.sentences.push(format!(
        "If {outside} is a company that works for many, another of its customers can give it the name of this role, and it would act on your data for them."
    ));
    out.sentences
        .push("An external id that it made for you alone prevents that.".into());
    out.statements.extend(let_in.reference(world));
    out.show(ground, paths);
    out.targets = ground
        .holding(role)
        .map_or(&[][..], |h| &h.data)
        .iter()
        .map(|held| held.resource)
        .collect();
    out.ideas.push(Idea::Condition {
        place: let_in.place(world),
        operator: "StringEquals".into(),
        key: "sts:ExternalId".into(),
        values: vec!["THE-ID-THAT-THEY-GAVE-YOU".into()],
        placeholder: true,
    });
    Some(out)
}

/// Services that a resource lets in, whoever they come for.
fn services(ground: &Ground<'_>, let_in: LetIn<'_>) -> Vec<Draft> {
    let world = ground.world;
    let node = let_in.holder;
    if world.node(node).record.kind == Kind::KmsKey || ON_BEHALF.iter().any(|key| let_in.asks(key)) {
        return Vec::new();
    }
    let each = let_in.entries().filter_map(|entry| match entry {
        PrincipalEntry::Service(service) => Some(&**service),
        _ => None,
    });
    each.map(|service| {
        let mut out = Draft::new(
            node,
            format!("{} lets {service} in, whoever it comes for", name(world, node)),
        );
        out.key = vec![service.to_owned()];
        let own = Impact::data(world.node(node).sensitivity, AccessLevel::Write);
        let is_data = sv0_analyze::reach::is_asked(world.node(node).record.kind);
        out.impact = if is_data { own } else { ground.leads_to(node) };
        out.exposure = Exposure::Outside;
        out.verdict = PathVerdict::AllowedIf;
        out.sentences.push(format!(
            "Anybody's {service} can come with a request for it: from another account that names this {} as its own.",
            world.node(node).record.kind.label()
        ));
        out.statements.extend(let_in.reference(world));
        out.targets = vec![node];
        if let Some(account) = world.account_of(node) {
            out.ideas.push(Idea::Condition {
                place: let_in.place(world),
                operator: "StringEquals".into(),
                key: "aws:SourceAccount".into(),
                values: vec![account.to_owned()],
                placeholder: false,
            });
        }
        out
    })
    .collect()
}
