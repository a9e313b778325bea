//! Who made a call, as the aggregation keeps it: only what tells one caller from another, or what a chain hangs on.

use crate::event::Event;
use crate::identity::{Identity, IdentityType};
use crate::intern::Texts;
use crate::mint::Minted;
use crate::time::Time;
use sv0_iam::name::Arn;

/// Services that take a role for a workload and put the workload's name into the session's.
const GIVES_TO_WORKLOADS: &[&str] = &[
    "ec2.amazonaws.com",
    "lambda.amazonaws.com",
    "ecs-tasks.amazonaws.com",
    "pods.eks.amazonaws.com",
    "rolesanywhere.amazonaws.com",
];

/// Whether Identity Center made a role. The path is AWS's own, and so is the prefix of the name: nobody else can make such
/// a role, nor choose the names of its sessions.
pub(crate) fn is_identity_center(role: &str) -> bool {
    role.contains(":role/aws-reserved/sso.amazonaws.com/") && role.contains("/AWSReservedSSO_")
}

/// A caller. All but the first and last fields are numbers of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Actor {
    pub(crate) kind: IdentityType,
    /// The console's own session: its access key is another one for each request.
    pub(crate) console: bool,
    /// A session of sts:AssumeRoot.
    pub(crate) assumed_root: bool,
    pub(crate) principal_id: u32,
    pub(crate) arn: u32,
    pub(crate) issuer: u32,
    pub(crate) account: u32,
    pub(crate) key: u32,
    /// The subject that a provider vouched for; of a service, the workload that it acts for.
    pub(crate) user_name: u32,
    /// The provider; of a service that acts for a workload, the region.
    pub(crate) provider: u32,
    pub(crate) service: u32,
    pub(crate) source_identity: u32,
    pub(crate) person: u32,
    /// When the session began; [`Time::MIN`] where that is not told, or does not matter.
    pub(crate) created: Time,
}

impl Actor {
    /// Of a record.
    pub(crate) fn of(
        event: &Event<'_>,
        who: &Identity<'_>,
        minted: Option<&Minted<'_>>,
        texts: &mut Texts,
    ) -> Self {
        let mut actor = Self {
            kind: who.kind,
            console: false,
            assumed_root: who.assumed_root,
            principal_id: 0,
            arn: 0,
            issuer: 0,
            account: texts.add(&who.account),
            key: 0,
            user_name: 0,
            provider: 0,
            service: 0,
            source_identity: 0,
            person: texts.add(&who.person),
            created: Time::MIN,
        };
        match who.kind {
            IdentityType::AwsService => {
                actor.service = texts.add(&who.invoked_by);
                // A service that takes a role for a workload says whose it is in the session's name.
                if let Some(minted) = minted
                    .filter(|_| GIVES_TO_WORKLOADS.contains(&&*who.invoked_by))
                    // Lambda tries a role before a function has it.
                    .filter(|minted| !minted.session_name().starts_with("awslambda_"))
                {
                    let account = Arn::parse(&minted.role).map_or("", |role| role.account);
                    actor.user_name = texts.add(minted.session_name());
                    actor.provider = texts.add(&event.region);
                    actor.account = texts.add(account);
                    actor.source_identity = texts.add(&minted.source_identity);
                }
            }
            IdentityType::SamlUser | IdentityType::WebIdentityUser => {
                // `principalId` begins with a hash of the provider that differs from sign-in to sign-in.
                actor.user_name = texts.add(&who.user_name);
                if minted.is_some_and(|minted| is_identity_center(&minted.role)) {
                    // Identity Center signs its people in with a provider of its own in each account.
                    actor.person = actor.user_name;
                } else {
                    actor.provider = texts.add(&who.provider);
                }
            }
            IdentityType::AssumedRole => actor.session(event, who, texts),
            IdentityType::Root if who.assumed_root => actor.session(event, who, texts),
            IdentityType::FederatedUser => {
                actor.arn = texts.add(&who.arn);
                actor.issuer = texts.add(&who.issuer);
            }
            IdentityType::IamUser | IdentityType::Root => {
                actor.principal_id = texts.add(&who.principal_id);
                actor.arn = texts.add(&who.arn);
                // A temporary key of a user is no link of a chain: of the console, of GetSessionToken, of a service that
                // acts for the user. Only a key that lasts says something: which of the user's keys is in use.
                if who.key.starts_with("AKIA") {
                    actor.key = texts.add(&who.key);
                }
            }
            IdentityType::AwsAccount | IdentityType::IdentityCenterUser | IdentityType::Unknown => {
                actor.principal_id = texts.add(&who.principal_id);
                actor.arn = texts.add(&who.arn);
            }
        }
        actor
    }

    fn session(&mut self, event: &Event<'_>, who: &Identity<'_>, texts: &mut Texts) {
        self.principal_id = texts.add(&who.principal_id);
        self.arn = texts.add(&who.arn);
        self.issuer = texts.add(&who.issuer);
        self.source_identity = texts.add(&who.source_identity);
        self.console = event.console;
        if !event.console {
            self.key = texts.add(&who.key);
        }
        self.created = who.created.unwrap_or(Time::MIN);
        // The console's own record of a switch of roles has no session yet; the session begins with it.
        if who.created.is_none() && event.name == "SwitchRole" {
            self.created = event.time;
        }
    }

    /// Whether somebody else's call gave it its credentials.
    pub(crate) fn has_parent(&self) -> bool {
        self.kind == IdentityType::AssumedRole || self.assumed_root
    }

    /// The same with other numbers for its texts.
    pub(crate) fn renumbered(&self, number: &[u32]) -> Self {
        let new = |old: u32| number.get(old as usize).copied().unwrap_or(0);
        Self {
            principal_id: new(self.principal_id),
            arn: new(self.arn),
            issuer: new(self.issuer),
            account: new(self.account),
            key: new(self.key),
            user_name: new(self.user_name),
            provider: new(self.provider),
            service: new(self.service),
            source_identity: new(self.source_identity),
            person: new(self.person),
            ..*self
        }
    }
}
