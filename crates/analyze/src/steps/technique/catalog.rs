//! The catalogue of escalation techniques: `crates/analyze/techniques/*.toml`, a file a family. Data, not code: a technique
//! is one entry there, and `docs/techniques.md` lists them all.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;
use sv0_model::kind::{EdgeKind, Kind};

/// One technique.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Technique {
    /// Its id in the public library pathfinding.cloud, or one of ours (`sv0-…`).
    pub id: String,
    /// What happens, as a path tells it after the name of who does it.
    pub title: String,
    /// What is done, in one sentence.
    pub does: String,
    /// All of these.
    pub needs: Vec<Need>,
    /// The kind of entity that it works on; none where it needs nothing but who uses it.
    pub target: Option<Kind>,
    /// For a role that is passed: the service that it must trust, and that it is passed to.
    pub trusts: Option<String>,
    /// What must hold of the principal and the target.
    #[serde(default)]
    pub when: Vec<When>,
    /// Facts that the target must have.
    #[serde(default)]
    pub is: BTreeMap<String, toml::Value>,
    /// Facts that the target must not have. What is not known stands in nobody's way.
    #[serde(default)]
    pub is_not: BTreeMap<String, toml::Value>,
    /// What must hold besides, and no record says.
    pub if_also: Option<String>,
    /// `if_also` is known to hold where the account has an entity of this kind.
    pub shown_by: Option<Kind>,
    /// What is gained.
    pub gain: Gain,
    /// For `data`: what the principal can do to the target afterwards, and cannot now.
    pub gives: Option<Need>,
    /// Steps of this kind tell it already: it needs no evaluation of its own.
    pub told_by: Option<EdgeKind>,
    /// Why it is not evaluated.
    pub not_evaluated: Option<String>,
    /// Techniques of MITRE ATT&CK.
    pub attack: Vec<String>,
    /// Pages about it.
    pub references: Vec<String>,
    /// What others call it.
    #[serde(default)]
    pub aliases: Vec<String>,
}

impl Technique {
    /// Whether its moves are worked out here.
    #[must_use]
    pub const fn is_evaluated(&self) -> bool {
        self.told_by.is_none() && self.not_evaluated.is_none()
    }

    /// Whether something must hold of the principal and the target.
    #[must_use]
    pub fn asks(&self, what: When) -> bool {
        self.when.contains(&what)
    }

    /// Whether it reaches from the management account into others.
    #[must_use]
    pub fn is_of_the_organisation(&self) -> bool {
        self.asks(When::Management)
    }
}

/// An action, and what it is asked about.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Need {
    /// `service:Action`.
    pub action: String,
    /// What it is asked about.
    pub on: On,
}

/// What an action is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum On {
    /// The target.
    Target,
    /// Something of the account that the principal may choose: new, or one that its policies name.
    Any,
    /// The principal itself.
    Itself,
    /// A customer managed policy that is attached to the target.
    Policy,
    /// An ARN, of which `{arn}`, `{name}`, `{account}` and `{region}` are the target's, `{cluster}` is that of a service, and
    /// `{any}` is a name that nobody ever gave.
    Arn(String),
}

impl TryFrom<String> for Need {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (action, on) = text
            .split_once(" on ")
            .ok_or_else(|| format!("`{text}`: on what?"))?;
        let on = match on {
            "target" => On::Target,
            "any" => On::Any,
            "itself" => On::Itself,
            "its policy" => On::Policy,
            arn if arn.starts_with("arn:") || arn.starts_with("{arn}") => On::Arn(arn.to_owned()),
            other => return Err(format!("`{other}` is nothing that an action is on")),
        };
        Ok(Self {
            action: action.to_owned(),
            on,
        })
    }
}

impl std::fmt::Display for Need {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let on = match &self.on {
            On::Target => "target",
            On::Any => "any",
            On::Itself => "itself",
            On::Policy => "its policy",
            On::Arn(arn) => arn,
        };
        write!(f, "{} on {on}", self.action)
    }
}

/// What must hold of the principal and the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// The target is the principal.
    Itself,
    /// The target is a policy that is attached to the principal or to a group of its own.
    Attached,
    /// The target is a policy that denies something, attached to the principal or to a group of its own.
    Denies,
    /// The target is a group of the principal's own.
    Member,
    /// The target is a group that the principal is no member of.
    Outside,
    /// The target is the principal's permissions boundary.
    Bounds,
    /// The target has a permissions boundary.
    Bounded,
    /// The principal can become the target, a role.
    Assumable,
    /// The target runs as a role.
    RunsAs,
    /// The target is a role with an instance profile.
    Profile,
    /// The target is a user with fewer than two access keys.
    KeyLeft,
    /// The target is a user with two access keys.
    KeysFull,
    /// The target is a user with an access key that is switched off.
    KeyOff,
    /// The target is a user with a console password.
    Console,
    /// The target is a user without one.
    NoConsole,
    /// The target is a managed policy of more than one version.
    Versions,
    /// The target is named, and was not collected.
    Missing,
    /// The principal is in the management account, and the target anywhere in the organisation.
    Management,
    /// The target is an account other than the management account.
    NotManaging,
    /// The target is the principal's own account.
    OwnAccount,
    /// The principal is a role that Identity Center made.
    SignedIn,
    /// The principal is a role that the target, a permission set, provisions.
    ProvisionsIt,
}

/// What is gained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gain {
    /// The authority of the target.
    Target,
    /// Everything that the ceilings of the principal leave, or of the target where that is somebody else.
    Everything,
    /// Everything in the account that is the target.
    Account,
    /// What the principal's own policies give without its boundary.
    Unbounded,
    /// What the principal's own policies give without the target, which denies something.
    Undenied,
    /// What the policies of the target, a group, give.
    Group,
    /// The roles that the target can become.
    ItsRoles,
    /// The roles that the target, a permission set, provisions.
    Provisioned,
    /// What the target, a ceiling, limits: it does no more.
    Limited,
    /// What `gives` says, on the target.
    Data,
}

impl Gain {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Target => "the authority of the target",
            Self::Everything => "everything that the ceilings leave",
            Self::Account => "everything in the account",
            Self::Unbounded => "what its policies give without the boundary",
            Self::Undenied => "what its policies give without the denial",
            Self::Group => "what the group's policies give",
            Self::ItsRoles => "the roles that the target can become",
            Self::Provisioned => "the roles that the permission set makes",
            Self::Limited => "what the ceiling kept from it",
            Self::Data => "use of the resource",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Family {
    technique: Vec<Technique>,
}

/// The families, in the order in which the same move is told by the first technique that makes it.
pub const FAMILIES: &[(&str, &str)] = &[
    ("iam", include_str!("../../../techniques/iam.toml")),
    (
        "passrole-compute",
        include_str!("../../../techniques/passrole-compute.toml"),
    ),
    (
        "existing-compute",
        include_str!("../../../techniques/existing-compute.toml"),
    ),
    (
        "identity-federation",
        include_str!("../../../techniques/identity-federation.toml"),
    ),
    (
        "resource-policy",
        include_str!("../../../techniques/resource-policy.toml"),
    ),
    (
        "organization",
        include_str!("../../../techniques/organization.toml"),
    ),
    (
        "credentials",
        include_str!("../../../techniques/credentials.toml"),
    ),
];

/// The catalogue. A family is missing only if its embedded file were damaged, which a test rules out.
#[must_use]
pub fn techniques() -> &'static [Technique] {
    static CATALOGUE: OnceLock<Vec<Technique>> = OnceLock::new();
    CATALOGUE.get_or_init(|| {
        FAMILIES
            .iter()
            .filter_map(|(_, text)| toml::from_str::<Family>(text).ok())
            .flat_map(|family| family.technique)
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The public library's ids of November 2026.
    const LIBRARY: [&str; 65] = [
        "apprunner-001",
        "apprunner-002",
        "bedrock-001",
        "bedrock-002",
        "cloudformation-001",
        "cloudformation-002",
        "cloudformation-003",
        "cloudformation-004",
        "cloudformation-005",
        "codebuild-001",
        "codebuild-002",
        "codebuild-003",
        "codebuild-004",
        "datapipeline-001",
        "ec2-001",
        "ec2-002",
        "ec2-003",
        "ec2-004",
        "ec2instanceconnect-003",
        "ecs-001",
        "ecs-002",
        "ecs-003",
        "ecs-004",
        "ecs-005",
        "glue-001",
        "glue-002",
        "glue-003",
        "glue-004",
        "glue-005",
        "glue-006",
        "iam-001",
        "iam-002",
        "iam-003",
        "iam-004",
        "iam-005",
        "iam-006",
        "iam-007",
        "iam-008",
        "iam-009",
        "iam-010",
        "iam-011",
        "iam-012",
        "iam-013",
        "iam-014",
        "iam-015",
        "iam-016",
        "iam-017",
        "iam-018",
        "iam-019",
        "iam-020",
        "iam-021",
        "lambda-001",
        "lambda-002",
        "lambda-003",
        "lambda-004",
        "lambda-005",
        "lambda-006",
        "sagemaker-001",
        "sagemaker-002",
        "sagemaker-003",
        "sagemaker-004",
        "sagemaker-005",
        "ssm-001",
        "ssm-002",
        "sts-001",
    ];

    #[test]
    fn every_file_is_read() {
        for (name, text) in FAMILIES {
            let family = toml::from_str::<Family>(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(!family.technique.is_empty(), "{name}");
        }
    }

    #[test]
    fn ids_are_unique_and_the_public_library_is_there() {
        let ids: BTreeSet<&str> = techniques().iter().map(|t| t.id.as_str()).collect();
        assert_eq!(ids.len(), techniques().len(), "an id is there twice");
        assert!(ids.len() >= 90, "{}", ids.len());
        for id in LIBRARY {
            assert!(ids.contains(id), "{id} is missing");
        }
        let ours = ids.iter().filter(|id| !LIBRARY.contains(id));
        for id in ours {
            let number = id.strip_prefix("sv0-").filter(|number| number.len() == 3);
            assert!(number.is_some_and(|n| n.parse::<u16>().is_ok()), "{id}");
        }
    }

    #[test]
    fn every_action_exists() {
        let catalog = sv0_iam::catalog::Catalog::embedded();
        for technique in techniques() {
            let all = technique.needs.iter().chain(&technique.gives);
            for need in all {
                let known = catalog.action(&need.action).is_some();
                assert!(known, "{}: {} is not in the catalogue", technique.id, need.action);
            }
        }
    }

    #[test]
    fn every_entry_is_whole() {
        for technique in techniques() {
            let id = &technique.id;
            assert!(technique.does.ends_with('.') && technique.does.len() > 20, "{id}");
            assert!(
                !technique.needs.is_empty() && !technique.references.is_empty(),
                "{id}"
            );
            let attack = |text: &String| {
                let digits = text.strip_prefix('T').map(|rest| rest.replace('.', ""));
                digits.is_some_and(|digits| digits.len() >= 4 && digits.bytes().all(|b| b.is_ascii_digit()))
            };
            assert!(
                !technique.attack.is_empty() && technique.attack.iter().all(attack),
                "{id}"
            );
            assert!(
                technique
                    .references
                    .iter()
                    .all(|page| page.starts_with("https://")),
                "{id}"
            );
            let passes = technique
                .needs
                .iter()
                .any(|need| need.action == "iam:PassRole" && need.on == On::Target);
            assert!(
                !technique.is_evaluated() || passes == technique.trusts.is_some(),
                "{id}: a role that is passed must trust somebody"
            );
            assert_eq!(technique.gain == Gain::Data, technique.gives.is_some(), "{id}");
            assert!(
                technique.told_by.is_none() || technique.not_evaluated.is_none(),
                "{id}"
            );
            assert!(
                technique.shown_by.is_none() || technique.if_also.is_some(),
                "{id}"
            );
            let aimed = technique.needs.iter().any(|need| {
                matches!(&need.on, On::Target | On::Policy)
                    || matches!(&need.on, On::Arn(arn) if arn.contains('{'))
            });
            assert!(
                !aimed || technique.target.is_some() || !technique.is_evaluated(),
                "{id}: of what target?"
            );
        }
    }
}
