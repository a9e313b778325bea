//! What is known of a session because of how it came to be. The table is in [`super`].

use std::collections::BTreeMap;

use sv0_iam::name::Arn;
use sv0_model::graph::NodeId;
use sv0_model::kind::Kind;

use super::Choice;
use crate::facts::trust_allows;
use crate::world::World;

/// Whether requests may show multi-factor authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mfa {
    /// Nobody knows.
    Open,
    /// The role was assumed by somebody who may have shown it. AWS says that the session does not carry it; we leave it
    /// open for what the session does with data, and do not let it go further to another role.
    Once,
    /// Never.
    Never,
}

/// What is known of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    Absent,
    /// It has some value.
    There,
    Is(String),
}

/// A session tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag {
    /// None where the session has none of this name, nor the role.
    pub(super) value: Option<String>,
    /// Whether sessions that this one starts inherit it.
    pub(super) transitive: bool,
    /// Whether the session may be without it after all.
    pub(super) perhaps: bool,
}

/// Who is behind a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SourceIdentity {
    /// Nobody knows.
    Open,
    /// Not set.
    Unset,
    /// Set, for this session and all that follow from it.
    Set(String),
}

/// What the policies that decide a hop look at.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cares {
    /// MFA.
    pub(super) mfa: bool,
    /// The session's name behind the role's id, whatever that id is.
    pub(super) user_id: bool,
    /// The session as a principal.
    pub(super) session: bool,
    /// Whether it asks for a role.
    pub(super) role: bool,
}

/// Credentials on a chain, with what is known of them.
#[derive(Debug, Clone)]
pub(super) struct Session {
    /// The hop that gave them out; none where they are the origin's own.
    pub(super) by: Option<usize>,
    pub(super) mfa: Mfa,
    /// Keys other than tags, by name in lower case.
    pub(super) given: BTreeMap<&'static str, Known>,
    /// Tags by name in lower case. What is not here is as [`crate::facts`] has it.
    pub(super) tags: BTreeMap<String, Tag>,
    /// Whether it has no others.
    pub(super) closed: bool,
    /// Whether it may have transitive tags that are not among them.
    pub(super) other_tags: bool,
    pub(super) source_identity: SourceIdentity,
    /// The session's name.
    pub(super) name: Option<String>,
}

/// Keys that only credentials have which a service gave to what it runs.
const OF_WORKLOADS: [&str; 4] = [
    "lambda:sourcefunctionarn",
    "ec2:sourceinstancearn",
    "aws:ec2instancesourcevpc",
    "aws:ec2instancesourceprivateipv4",
];

impl Session {
    /// Credentials of which nothing is known but whose they are.
    pub(super) fn of_somebody(world: &World, by: Option<usize>, who: NodeId) -> Self {
        match world.node(who).record.kind {
            Kind::IamUser => Self::of_user(by),
            // However a role's session came to be: AWS takes MFA from users alone.
            Kind::IamRole | Kind::ServiceLinkedRole => Self {
                mfa: Mfa::Once,
                ..Self::unknown(by)
            },
            _ => Self::unknown(by),
        }
    }

    /// Credentials of which nothing is known.
    pub(super) const fn unknown(by: Option<usize>) -> Self {
        Self {
            by,
            mfa: Mfa::Open,
            given: BTreeMap::new(),
            tags: BTreeMap::new(),
            closed: false,
            other_tags: true,
            source_identity: SourceIdentity::Open,
            name: None,
        }
    }

    fn no_workload(mut self) -> Self {
        for key in OF_WORKLOADS {
            self.given.insert(key, Known::Absent);
        }
        self
    }

    /// An IAM user's own: an access key, or a session of `GetSessionToken`, which may show MFA.
    pub(super) fn of_user(by: Option<usize>) -> Self {
        let mut out = Self::unknown(by).no_workload();
        out.given.insert("identitystore:userid", Known::Absent);
        out.given.insert("aws:federatedprovider", Known::Absent);
        out.source_identity = SourceIdentity::Unset;
        // Its own tags are not session tags, and `GetSessionToken` takes none.
        out.other_tags = false;
        out
    }

    /// What a service gives to a workload that it runs.
    pub(super) fn of_workload(world: &World, by: usize, workload: NodeId, role: NodeId) -> Self {
        let record = &world.node(workload).record;
        let mut out = Self::unknown(Some(by)).no_workload();
        out.mfa = Mfa::Never;
        match record.kind {
            Kind::LambdaFunction | Kind::Ec2Instance => {
                out.source_identity = SourceIdentity::Unset;
                out.other_tags = false;
                out.given.insert("identitystore:userid", Known::Absent);
                out.given.insert("aws:federatedprovider", Known::Absent);
                out.own_tags(world, role);
            }
            _ => {}
        }
        match record.kind {
            Kind::LambdaFunction => {
                out.given
                    .insert("lambda:sourcefunctionarn", Known::Is(record.id.clone()));
                out.name = Arn::parse(&record.id).map(|arn| arn.name().to_owned());
            }
            Kind::Ec2Instance => {
                out.given
                    .insert("ec2:sourceinstancearn", Known::Is(record.id.clone()));
                // They are there; which, is not in the input.
                out.given.remove("aws:ec2instancesourcevpc");
                out.given.remove("aws:ec2instancesourceprivateipv4");
                out.name = Arn::parse(&record.id).map(|arn| arn.name().to_owned());
            }
            // EKS Pod Identity tags its sessions unless that was switched off, which is not in the input; the tags are
            // transitive.
            Kind::EksServiceAccount => {
                if let Some((namespace, account)) = record.name.split_once('/') {
                    for (key, value) in [
                        ("kubernetes-namespace", namespace),
                        ("kubernetes-service-account", account),
                    ] {
                        if !value.contains(['*', '?']) {
                            let tag = Tag {
                                value: Some(value.to_owned()),
                                transitive: true,
                                perhaps: true,
                            };
                            out.tags.insert(key.to_owned(), tag);
                        }
                    }
                }
            }
            _ => {}
        }
        out
    }

    /// No tags are passed: the role's own are all that the session has.
    fn own_tags(&mut self, world: &World, role: NodeId) {
        if !world.principals.contains_key(&role) {
            return;
        }
        self.closed = true;
        for (name, value) in &world.node(role).record.tags {
            let tag = Tag {
                value: Some(value.clone()),
                transitive: false,
                perhaps: false,
            };
            self.tags.insert(name.to_ascii_lowercase(), tag);
        }
    }

    /// A role that was passed to a service by somebody who can make it run something: the service gives the credentials.
    pub(super) fn of_passed_role(by: usize) -> Self {
        let mut out = Self::unknown(Some(by));
        out.mfa = Mfa::Never;
        out
    }

    /// A session of a permission set's role. `user` is none where only a group is known.
    pub(super) fn of_identity_center(world: &World, by: usize, user: Option<NodeId>) -> Self {
        let mut out = Self::unknown(Some(by)).no_workload();
        out.mfa = Mfa::Never;
        let record = user.map(|user| &world.node(user).record);
        if let Some(record) = record.filter(|record| record.kind == Kind::SsoUser) {
            let id = record
                .attrs
                .get("user_id")
                .and_then(|id| id.as_str())
                .or_else(|| record.id.rsplit_once('/').map(|(_, id)| id));
            if let Some(id) = id {
                out.given.insert("identitystore:userid", Known::Is(id.to_owned()));
            }
            out.name = Some(record.name.clone()).filter(|name| !name.is_empty());
        }
        out
    }

    /// A session for a token or an assertion of a provider.
    pub(super) fn of_provider(world: &World, by: usize, role: NodeId, token: bool) -> Self {
        let mut out = Self::unknown(Some(by)).no_workload();
        out.mfa = Mfa::Never;
        // AWS's pages do not settle whether its value is the provider's ARN or the issuer.
        if token {
            out.given.insert("aws:federatedprovider", Known::There);
        }
        if !trust_allows(world, role, "sts:SetSourceIdentity") {
            out.source_identity = SourceIdentity::Unset;
        }
        out
    }

    /// The session that `self` gets by assuming a role. None where the request fails whatever policies say: an inherited
    /// tag cannot be passed anew, and a source identity cannot be changed.
    pub(super) fn assume(&self, world: &World, by: usize, role: NodeId, choice: &Choice) -> Option<Self> {
        let takes_tags = trust_allows(world, role, "sts:TagSession");
        let mut out = Self::unknown(Some(by)).no_workload();
        out.other_tags = self.other_tags && takes_tags;
        out.mfa = match self.mfa {
            Mfa::Open => Mfa::Once,
            Mfa::Once | Mfa::Never => Mfa::Never,
        };
        for (name, tag) in self.tags.iter().filter(|(_, tag)| tag.transitive) {
            out.tags.insert(name.clone(), tag.clone());
        }
        for (name, passed) in &choice.tags {
            let inherited = out.tags.contains_key(name);
            match passed {
                Some(_) if inherited => return None,
                Some(tag) => {
                    out.tags.insert(name.clone(), tag.clone());
                }
                None if inherited => {}
                // One that nobody has told of may be inherited.
                None if out.other_tags => {}
                // The role's own, where it was collected.
                None if world.principals.contains_key(&role) => {
                    let tags = &world.node(role).record.tags;
                    let own = tags.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
                    let tag = Tag {
                        value: own.map(|(_, value)| value.clone()),
                        transitive: false,
                        perhaps: false,
                    };
                    out.tags.insert(name.clone(), tag);
                }
                None => {}
            }
        }
        out.source_identity = match (&self.source_identity, &choice.source_identity) {
            (SourceIdentity::Set(before), Some(Some(now))) if before != now => return None,
            (SourceIdentity::Set(before), _) => SourceIdentity::Set(before.clone()),
            (_, Some(Some(now))) => SourceIdentity::Set(now.clone()),
            (SourceIdentity::Unset, Some(None)) => SourceIdentity::Unset,
            _ if trust_allows(world, role, "sts:SetSourceIdentity") => SourceIdentity::Open,
            _ => SourceIdentity::Unset,
        };
        out.name.clone_from(&choice.name);
        Some(out)
    }
}
