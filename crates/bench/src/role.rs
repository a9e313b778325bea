//! Roles: what they are for, whom they trust, what they may.

use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::record::Record;

use crate::account::{self, GITHUB, entity, tag};
use crate::document::{Statement, Who, slot};
use crate::managed::{self, SERVICE_LINKED as LINKED};
use crate::names::{self, ORGANIZATION, STAGES, TEAMS};
use crate::organization::{Family, Organization};
use crate::rng::Rng;
use crate::{grant, policy};

pub(crate) const ROLES: Family = Family {
    kind: Kind::IamRole,
    within: |org, account| org.roles.range(account),
    id: |org, number| {
        let role = role(org, number);
        (!matches!(role.purpose, Purpose::ServiceLinked(..))).then(|| role.arn())
    },
    record,
};

pub(crate) const SERVICE_LINKED: Family = Family {
    kind: Kind::ServiceLinkedRole,
    within: |org, account| org.roles.range(account),
    id: |org, number| {
        let role = role(org, number);
        matches!(role.purpose, Purpose::ServiceLinked(..)).then(|| role.arn())
    },
    record,
};

/// What a role is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The administrator that the management account has in every account.
    Organization,
    /// An AWS service's own: service and policy.
    ServiceLinked(&'static str, &'static str),
    /// People, through Identity Center: the permission set.
    People(&'static str),
    /// A workload: the service that runs it.
    Service(&'static str),
    /// Principals of its account.
    Account,
    /// Principals of other accounts of the organisation.
    CrossAccount,
    /// Pipelines, through OIDC.
    Pipeline,
    /// A vendor outside the organisation.
    Vendor,
}

/// A role, as far as others need to know it.
pub(crate) struct Role {
    pub(crate) account: usize,
    pub(crate) purpose: Purpose,
    pub(crate) team: &'static str,
    pub(crate) name: String,
    path: String,
}

impl Role {
    pub(crate) fn arn(&self) -> String {
        names::iam(self.account, &format!("role{}{}", self.path, self.name))
    }
}

const SERVICES: [(&str, usize); 8] = [
    ("lambda.amazonaws.com", 40),
    ("ec2.amazonaws.com", 20),
    ("ecs-tasks.amazonaws.com", 18),
    ("states.amazonaws.com", 6),
    ("events.amazonaws.com", 4),
    ("glue.amazonaws.com", 4),
    ("codebuild.amazonaws.com", 5),
    ("pods.eks.amazonaws.com", 3),
];

/// Permission sets, and the policy of AWS's that each gives.
const PERMISSION_SETS: [(&str, &str); 4] = [
    ("AdministratorAccess", "AdministratorAccess"),
    ("ReadOnlyAccess", "ReadOnlyAccess"),
    ("Developer", "PowerUserAccess"),
    ("Auditor", "SecurityAudit"),
];

/// A role by its number. In each account the first are those that every account has.
pub(crate) fn role(org: &Organization, number: usize) -> Role {
    let account = org.roles.account(number);
    let range = org.roles.range(account);
    let local = number - range.start;
    let mut rng = org.rng("role", number);
    let team = rng.pick(&TEAMS);
    let linked = LINKED.len().min(range.len() / 20);
    let people = PERMISSION_SETS.len().min(range.len() / 12);
    let purpose = if local == 0 {
        Purpose::Organization
    } else if let Some((_, service, policy)) = LINKED.get(local - 1).filter(|_| local <= linked) {
        Purpose::ServiceLinked(service, policy)
    } else if let Some((set, _)) = PERMISSION_SETS
        .get(local - 1 - linked)
        .filter(|_| local <= linked + people)
    {
        Purpose::People(set)
    } else {
        match rng.below(100) {
            0..56 => Purpose::Service(rng.weighted(&SERVICES)),
            56..76 => Purpose::Account,
            76..89 => Purpose::CrossAccount,
            89..96 => Purpose::Pipeline,
            _ => Purpose::Vendor,
        }
    };
    let (path, name) = match purpose {
        Purpose::Organization => ("/".to_owned(), "OrganizationAccountAccessRole".to_owned()),
        Purpose::ServiceLinked(service, _) => {
            let name = LINKED.get(local - 1).map_or("AWSServiceRole", |(name, ..)| name);
            (format!("/aws-service-role/{service}/"), name.to_owned())
        }
        Purpose::People(set) => {
            let name = format!("AWSReservedSSO_{set}_{}", rng.hex(16));
            ("/aws-reserved/sso.amazonaws.com/".to_owned(), name)
        }
        Purpose::Service(_) => {
            let path = rng.weighted(&[("/", 6), ("/service-role/", 3), ("/apps/", 1)]);
            (
                path.to_owned(),
                format!(
                    "{team}-{}-{number:05}",
                    names::WORDS.get(number % 15).unwrap_or(&"app")
                ),
            )
        }
        Purpose::Account => {
            let what = rng.pick(&["admin", "deploy", "operator", "readonly"]);
            ("/".to_owned(), format!("{team}-{what}-{number:05}"))
        }
        Purpose::CrossAccount => ("/".to_owned(), format!("{team}-xacct-{number:05}")),
        Purpose::Pipeline => ("/ci/".to_owned(), format!("{team}-pipeline-{number:05}")),
        Purpose::Vendor => ("/vendor/".to_owned(), format!("vendor-{number:05}")),
    };
    Role {
        account,
        purpose,
        team,
        name,
        path,
    }
}

/// A role that policies would name: of an account, or of any. None where there are no such roles.
pub(crate) fn any(org: &Organization, rng: &mut Rng, account: Option<usize>) -> Option<Role> {
    let range = account.map_or(0..org.roles.total(), |account| org.roles.range(account));
    if range.is_empty() {
        return None;
    }
    (0..8)
        .map(|_| role(org, rng.within(&range)))
        .find(|role| !matches!(role.purpose, Purpose::ServiceLinked(..)))
}

/// A role of an account that a service runs as; any other of the account's where there seems to be none.
pub(crate) fn of_service(org: &Organization, rng: &mut Rng, account: usize, service: &str) -> Option<Role> {
    let range = org.roles.range(account);
    if range.is_empty() {
        return None;
    }
    (0..24)
        .map(|_| role(org, rng.within(&range)))
        .find(|role| matches!(role.purpose, Purpose::Service(s) if s == service))
        .or_else(|| any(org, rng, Some(account)))
}

fn record(org: &Organization, number: usize) -> Record {
    let role = role(org, number);
    let mut rng = org.rng("role-record", number);
    let kind = match role.purpose {
        Purpose::ServiceLinked(..) => Kind::ServiceLinkedRole,
        _ => Kind::IamRole,
    };
    let mut record = entity(org, kind, role.arn(), &role.name, role.account, number);
    if role.path != "/" {
        record.attrs.insert("path", role.path.as_str().into());
    }
    if role.purpose == Purpose::Service("ec2.amazonaws.com") {
        record
            .attrs
            .insert("instance_profiles", vec![profile(&role)].into());
    }
    let inline = match role.purpose {
        Purpose::Organization | Purpose::ServiceLinked(..) | Purpose::People(_) => 0,
        _ => rng.weighted(&[(0, 45), (1, 40), (2, 15)]),
    };
    for at in 0..inline {
        let statements = grant::statements(org, &mut rng, role.account, 5);
        record
            .policies
            .push(slot(Slot::Inline, Some(format!("inline-{at}")), &statements));
    }
    record
        .policies
        .push(slot(Slot::Trust, None, &[trust(org, &mut rng, &role, number)]));
    for policy in attached(org, &mut rng, &role) {
        record.refer(EdgeKind::HasPolicy, policy);
    }
    let bounded = matches!(
        role.purpose,
        Purpose::Service(_) | Purpose::Account | Purpose::CrossAccount
    );
    if bounded && rng.percent(18) {
        record.refer(EdgeKind::SubjectTo, policy::boundary(&mut rng, role.account));
    }
    let untagged = matches!(
        role.purpose,
        Purpose::Organization | Purpose::ServiceLinked(..) | Purpose::People(_)
    );
    if !untagged && rng.percent(70) {
        tag(&mut record, role.team, rng.pick(&STAGES));
    }
    record
}

/// The instance profile that the console makes beside a role for EC2.
pub(crate) fn profile(role: &Role) -> String {
    names::iam(role.account, &format!("instance-profile/{}", role.name))
}

/// A few managed policies that most roles share, and those of the team.
fn attached(org: &Organization, rng: &mut Rng, role: &Role) -> Vec<String> {
    let mut out = Vec::new();
    match role.purpose {
        Purpose::Organization => out.push(managed::arn("AdministratorAccess")),
        Purpose::ServiceLinked(_, policy) => out.push(managed::service_linked_arn(policy)),
        Purpose::People(set) => {
            let given = PERMISSION_SETS.iter().find(|(name, _)| *name == set);
            out.extend(given.map(|(_, policy)| managed::arn(policy)));
        }
        _ => {
            if rng.percent(80) {
                out.extend(policy::platform(rng, role.account));
            }
            for _ in 0..rng.weighted(&[(0, 45), (1, 40), (2, 15)]) {
                out.push(managed::common(rng));
            }
            for _ in 0..rng.weighted(&[(0, 35), (1, 40), (2, 18), (3, 7)]) {
                out.extend(policy::of_account(org, rng, role.account));
            }
        }
    }
    out.sort();
    out.dedup();
    out
}

fn trust(org: &Organization, rng: &mut Rng, role: &Role, number: usize) -> Statement {
    let account = role.account;
    let assume = || Statement::allow(["sts:AssumeRole"]);
    match role.purpose {
        Purpose::Organization => assume().to(Who::aws([names::root(0)])),
        Purpose::ServiceLinked(service, _) => assume().to(Who::service(service)),
        Purpose::People(_) => Statement::allow(["sts:AssumeRoleWithSAML", "sts:TagSession"])
            .to(Who::federated(account::saml_provider(account)))
            .when("StringEquals", "SAML:aud", ["https://signin.aws.amazon.com/saml"]),
        Purpose::Service("pods.eks.amazonaws.com") => {
            Statement::allow(["sts:AssumeRole", "sts:TagSession"]).to(Who::service("pods.eks.amazonaws.com"))
        }
        Purpose::Service(service) => {
            let statement = assume().to(Who::service(service));
            if rng.percent(25) {
                statement.when("StringEquals", "aws:SourceAccount", [names::account(account)])
            } else {
                statement
            }
        }
        Purpose::Account => {
            let statement = assume().to(Who::aws([names::root(account)]));
            match rng.below(10) {
                0..3 => statement.when("Bool", "aws:MultiFactorAuthPresent", ["true"]),
                3..6 => statement.when(
                    "ArnLike",
                    "aws:PrincipalArn",
                    [names::iam(account, &format!("role/{}-*", role.team))],
                ),
                _ => statement,
            }
        }
        Purpose::CrossAccount => {
            let other = any(org, rng, None);
            let (arn, of) = other.map_or_else(|| (names::root(0), 0), |other| (other.arn(), other.account));
            match rng.below(100) {
                0..45 => assume().to(Who::aws([arn])),
                45..80 => assume().to(Who::aws([names::root(of)])),
                _ => assume()
                    .to(Who::aws(["*"]))
                    .when("StringEquals", "aws:PrincipalOrgID", [ORGANIZATION])
                    .when(
                        "ArnLike",
                        "aws:PrincipalArn",
                        [format!("arn:aws:iam::*:role/{}-*", role.team)],
                    ),
            }
        }
        Purpose::Pipeline => Statement::allow(["sts:AssumeRoleWithWebIdentity"])
            .to(Who::federated(account::oidc_provider(account)))
            .when("StringEquals", format!("{GITHUB}:aud"), ["sts.amazonaws.com"])
            .when(
                "StringLike",
                format!("{GITHUB}:sub"),
                [format!("repo:bench/{}-*:*", role.team)],
            ),
        Purpose::Vendor => assume()
            .to(Who::aws([format!(
                "arn:aws:iam::{:012}:root",
                900_000_000_001 + rng.below(40)
            )]))
            .when("StringEquals", "sts:ExternalId", [format!("bench-{number}")]),
    }
}
