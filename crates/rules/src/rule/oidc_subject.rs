//! Roles that let in any token of an OIDC provider: no condition on whose token it is.

use sv0_iam::syntax::ast::PrincipalEntry;
use sv0_model::finding::Factor;
use sv0_model::kind::Kind;
use sv0_model::path::PathVerdict;

use super::trust::{LetIn, of_roles};
use super::words::name;
use crate::draft::Draft;
use crate::fix::Idea;
use crate::ground::Ground;
use crate::severity::Exposure;

/// Providers that give tokens to everybody's pipelines and applications, not to one company's.
const SHARED: &[&str] = &[
    "token.actions.githubusercontent.com",
    "gitlab.com",
    "app.terraform.io",
    "api.bitbucket.org",
    "oidc.circleci.com",
    "agent.buildkite.com",
    "app.harness.io",
    "accounts.google.com",
    "www.amazon.com",
    "graph.facebook.com",
    "cognito-identity.amazonaws.com",
    "appleid.apple.com",
    "oidc.vercel.com",
];

pub(super) fn check(ground: &Ground<'_>) -> Vec<Draft> {
    let mut out = Vec::new();
    for let_in in of_roles(ground.world) {
        for entry in let_in.entries() {
            if let PrincipalEntry::Federated(provider) = entry
                && !provider.contains(":saml-provider/")
            {
                out.extend(one(ground, let_in, provider));
            }
        }
    }
    out
}

fn one(ground: &Ground<'_>, let_in: LetIn<'_>, provider: &str) -> Option<Draft> {
    let world = ground.world;
    let host = provider
        .rsplit_once("oidc-provider/")
        .map_or(provider, |(_, host)| host);
    let lower = host.to_ascii_lowercase();
    let subject = format!("{lower}:sub");
    let values = let_in.values(&subject);
    // Other claims single out whose token it is as well.
    let other = [
        "repository",
        "repository_owner",
        "job_workflow_ref",
        "environment",
        "amr",
        "email",
    ];
    if other.iter().any(|claim| let_in.asks(&format!("{lower}:{claim}"))) {
        return None;
    }
    let open: Vec<&str> = values
        .iter()
        .copied()
        .filter(|value| is_open(&lower, value))
        .collect();
    if !values.is_empty() && open.is_empty() {
        return None;
    }
    let role = let_in.holder;
    let is_real = ground.real_to(role).any(|found| {
        matches!(
            world.node(found.from).record.kind,
            Kind::OidcProvider | Kind::OidcSubject
        )
    });
    if !is_real {
        return None;
    }
    let is_shared = SHARED
        .iter()
        .any(|known| lower == *known || lower.starts_with(&format!("{known}/")));
    let whose = if is_shared {
        format!("any project of anybody at {host}")
    } else {
        format!("any subject of {host}")
    };
    let mut out = Draft::new(role, format!("{} lets in {whose}", name(world, role)));
    out.key = vec![host.to_owned()];
    out.impact = ground.leads_to(role);
    out.exposure = if is_shared {
        Exposure::Internet
    } else {
        Exposure::Person
    };
    out.verdict = PathVerdict::Allowed;
    let what = if values.is_empty() {
        format!("Its trust policy asks nothing of the token's subject (`{host}:sub`).")
    } else {
        format!(
            "Its trust policy asks for a subject `{}`, which fits all of them.",
            open.join("`, `")
        )
    };
    out.sentences.push(what);
    if is_shared {
        out.sentences.push(format!(
            "{host} gives tokens to everybody: whoever has an account there can act as {}.",
            world.label(role)
        ));
        if let_in.asks(&format!("{lower}:aud")) {
            out.sentences
                .push("The audience that it asks for is the same for everybody.".into());
        }
    } else {
        out.factors.push(Factor {
            name: "exposure",
            points: 0,
            text: "the provider gives tokens within the organization only, as far as its name tells".into(),
        });
    }
    out.statements.extend(let_in.reference(world));
    let holding = ground.holding(role).map_or(&[][..], |holding| &holding.data);
    out.targets = holding.iter().map(|held| held.resource).collect();
    if let Some(provider) = world.graph.find(provider) {
        out.show(ground, ground.paths(provider, &[role]));
    }
    out.ideas.push(Idea::Condition {
        place: let_in.place(world),
        operator: "StringLike".into(),
        key: format!("{host}:sub"),
        values: vec![example(&lower)],
        placeholder: true,
    });
    Some(out)
}

/// Whether a pattern for a subject fits those of everybody.
fn is_open(host: &str, value: &str) -> bool {
    let fixed = value.trim_end_matches('*');
    match host {
        // `repo:OWNER/NAME:…`: the owner has to be there.
        "token.actions.githubusercontent.com" => {
            let owner = fixed
                .strip_prefix("repo:")
                .map(|rest| rest.split(['/', ':']).next().unwrap_or_default());
            owner.is_none_or(|owner| owner.is_empty() || owner.contains(['*', '?'])) && value.contains('*')
        }
        "gitlab.com" => {
            value.contains('*')
                && fixed
                    .trim_start_matches("project_path:")
                    .split('/')
                    .next()
                    .is_none_or(|owner| owner.is_empty() || owner.contains('*'))
        }
        _ => fixed.is_empty() || fixed == "system:serviceaccount:",
    }
}

/// What a subject looks like there.
fn example(host: &str) -> String {
    match host {
        "token.actions.githubusercontent.com" => "repo:YOUR-ORG/YOUR-REPO:ref:refs/heads/main".into(),
        "gitlab.com" => "project_path:YOUR-GROUP/YOUR-PROJECT:ref_type:branch:ref:main".into(),
        host if host.contains("oidc.eks.") => "system:serviceaccount:NAMESPACE:SERVICE-ACCOUNT".into(),
        _ => "THE-SUBJECT".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::is_open;

    #[test]
    fn a_subject_without_an_owner_is_anybodys() {
        let github = "token.actions.githubusercontent.com";
        for (value, open) in [
            ("*", true),
            ("repo:*", true),
            ("repo:*/*:ref:refs/heads/main", true),
            ("repo:acme/*", false),
            ("repo:acme/payments:*", false),
            ("repo:acme/payments:ref:refs/heads/main", false),
        ] {
            assert_eq!(is_open(github, value), open, "{value}");
        }
        assert!(is_open(
            "oidc.eks.eu-west-1.amazonaws.com/id/x",
            "system:serviceaccount:*"
        ));
        assert!(!is_open(
            "oidc.eks.eu-west-1.amazonaws.com/id/x",
            "system:serviceaccount:a:b"
        ));
    }
}
