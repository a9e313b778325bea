//! What a session tells: to the context of a request, to the callers that a hop is asked with, and in words.

use sv0_iam::condition::Context;
use sv0_iam::name::Arn;
use sv0_iam::name::principal::{Caller, CallerKind};

use super::hop::SESSION;
use super::session::{Cares, Known, Mfa, Session, SourceIdentity};
use crate::access::ANY;
use crate::ask::Asker;

impl Session {
    /// Tells a caller's context what is known, the keys of MFA aside.
    pub(super) fn tell(&self, context: &mut Context) {
        for (key, known) in &self.given {
            set(context, key, known);
        }
        if self.closed {
            context.close_prefix("aws:PrincipalTag");
        }
        for (name, tag) in &self.tags {
            let key = format!("aws:PrincipalTag/{name}");
            match &tag.value {
                Some(value) => context.set(&key, value.as_str()),
                None => context.set_absent(&key),
            }
        }
        match &self.source_identity {
            SourceIdentity::Open => {}
            SourceIdentity::Unset => context.set_absent("aws:SourceIdentity"),
            SourceIdentity::Set(who) => context.set("aws:SourceIdentity", who.as_str()),
        }
    }

    /// Whether a request, for a role or for something else, cannot show MFA.
    pub(super) const fn without_mfa(&self, for_role: bool) -> bool {
        match self.mfa {
            Mfa::Open => false,
            Mfa::Once => for_role,
            Mfa::Never => true,
        }
    }

    /// The callers that a hop's caller may be: AWS leaves `aws:MultiFactorAuthPresent` out of some sessions without MFA and
    /// says `false` in others.
    pub(super) fn callers<'w>(&self, base: &Asker<'w>, cares: Cares) -> Vec<Asker<'w>> {
        let mut asker = base.clone();
        self.tell(&mut asker.context);
        if let Some(name) = &self.name {
            if cares.user_id {
                asker.context.set("aws:userid", format!("{ANY}:{name}"));
            }
            if cares.session {
                asker.caller = session_of(&asker.caller, name).unwrap_or(asker.caller);
            }
        }
        let mut out = vec![asker];
        if cares.mfa && self.without_mfa(cares.role) {
            out = both(&out, |context| {
                context.set_absent("aws:MultiFactorAuthAge");
                context.set_absent("aws:MultiFactorAuthPresent");
            });
            for asker in out.iter_mut().step_by(2) {
                asker.context.set_absent("aws:MultiFactorAuthAge");
                asker.context.set("aws:MultiFactorAuthPresent", "false");
            }
        }
        for (name, _) in self.tags.iter().filter(|(_, tag)| tag.perhaps) {
            out = both(&out, |context| {
                context.set_absent(&format!("aws:PrincipalTag/{name}"))
            });
        }
        out
    }

    /// The same with nothing but what concerns one key: to tell which key stands in the way.
    pub(super) fn only(&self, key: &str) -> Self {
        let mut out = Self::unknown(self.by);
        match key {
            key if key.starts_with("aws:multifactorauth") => out.mfa = self.mfa,
            "aws:sourceidentity" => out.source_identity.clone_from(&self.source_identity),
            "aws:userid" | SESSION => out.name.clone_from(&self.name),
            key => {
                if let Some(name) = key.strip_prefix("aws:principaltag/") {
                    out.closed = self.closed;
                    out.tags
                        .extend(self.tags.get(name).map(|tag| (name.to_owned(), tag.clone())));
                } else {
                    let given = self.given.get_key_value(key);
                    out.given.extend(given.map(|(key, known)| (*key, known.clone())));
                }
            }
        }
        out
    }

    /// What is known of a key, in words that follow "such credentials".
    pub(super) fn words(&self, key: &str) -> String {
        let is = |known: Option<&str>| match known {
            Some(value) => format!("have the value {value} there"),
            None => "do not carry it".to_owned(),
        };
        match key {
            key if key.starts_with("aws:multifactorauth") => "cannot show MFA".into(),
            "aws:sourceidentity" => match &self.source_identity {
                SourceIdentity::Set(who) => is(Some(who)),
                _ => is(None),
            },
            "aws:userid" | SESSION => match &self.name {
                Some(name) => format!("are of a session that is called {name}"),
                None => "are of a session of another name".to_owned(),
            },
            key => match (key.strip_prefix("aws:principaltag/"), self.given.get(key)) {
                (Some(name), _) => is(self.tags.get(name).and_then(|tag| tag.value.as_deref())),
                (None, Some(Known::Is(value))) => is(Some(value)),
                (None, _) => is(None),
            },
        }
    }
}

/// Each caller as it is, and with something else in its context.
fn both<'w>(callers: &[Asker<'w>], tell: impl Fn(&mut Context)) -> Vec<Asker<'w>> {
    let pairs = callers.iter().flat_map(|caller| {
        let mut other = caller.clone();
        tell(&mut other.context);
        [caller.clone(), other]
    });
    pairs.collect()
}

/// One session of a role, by name.
fn session_of(role: &Caller, name: &str) -> Option<Caller> {
    let arn = Arn::parse(&role.id).filter(|_| role.kind == CallerKind::Role)?;
    let (partition, account) = (arn.partition, arn.account);
    let id = format!(
        "arn:{partition}:sts::{account}:assumed-role/{}/{name}",
        role.role_name()?
    );
    Some(Caller {
        role_arn: Some(role.id.clone()),
        ..Caller::parse(&id)
    })
}

fn set(context: &mut Context, key: &str, known: &Known) {
    match known {
        Known::Absent => context.set_absent(key),
        Known::There => context.set_unknown(key, false),
        Known::Is(value) => context.set(key, value.as_str()),
    }
}
