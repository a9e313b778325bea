//! Who asks, and how a `Principal` element names them (semantics rules 32 to 34).
//!
//! Source: IAM User Guide, "AWS JSON policy elements: Principal".

use crate::name::Arn;
use crate::syntax::ast::{PrincipalElement, PrincipalEntry};
use crate::tri::Tri;

/// What kind of caller it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallerKind {
    /// An IAM user.
    User,
    /// An IAM role, in whatever session.
    Role,
    /// One session of a role.
    RoleSession,
    /// A session of `GetFederationToken`.
    FederatedUser,
    /// The account root user.
    Root,
    /// Somebody of an account about which nothing else is known.
    Account,
    /// An AWS service.
    Service,
    /// A caller with a SAML assertion or OIDC token, before it has a role.
    Federated,
    /// Nobody in particular.
    Anonymous,
}

/// The caller of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Caller {
    /// What it is.
    pub kind: CallerKind,
    /// Its ARN, service name, provider, account id, or `*`.
    pub id: String,
    /// The account it belongs to.
    pub account: Option<String>,
    /// For a role session whose role was found: the role's ARN, with its path.
    pub role_arn: Option<String>,
    /// For a federated user: the ARN of the user who asked for the session.
    pub by_user: Option<String>,
}

impl Caller {
    /// Reads an ARN, account id, service name, provider domain, or `*`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let of = |kind, account: Option<&str>| Self {
            kind,
            id: text.to_owned(),
            account: account.map(str::to_owned),
            role_arn: None,
            by_user: None,
        };
        if text == "*" || text.eq_ignore_ascii_case("anonymous") || text.is_empty() {
            return of(CallerKind::Anonymous, None);
        }
        if crate::name::arn::is_account_id(text) {
            return of(CallerKind::Account, Some(text));
        }
        let Some(arn) = Arn::parse(text) else {
            // Cognito's is the one web identity provider whose name looks like a service's.
            let service = (text.ends_with(".amazonaws.com") || text.ends_with(".amazonaws.com.cn"))
                && text != "cognito-identity.amazonaws.com";
            return of(
                if service {
                    CallerKind::Service
                } else {
                    CallerKind::Federated
                },
                None,
            );
        };
        let word = arn.typed().map_or(arn.resource, |(word, _)| word);
        let kind = match (arn.service, word) {
            ("iam", "user") => CallerKind::User,
            ("iam", "role") => CallerKind::Role,
            ("iam", "root") => CallerKind::Root,
            ("iam", "oidc-provider" | "saml-provider") => CallerKind::Federated,
            ("sts", "assumed-role") => CallerKind::RoleSession,
            ("sts", "federated-user") => CallerKind::FederatedUser,
            _ => CallerKind::Account,
        };
        of(kind, arn.account_id())
    }

    /// Whether identity policies, boundaries and SCPs exist for this kind of caller.
    #[must_use]
    pub const fn is_iam(&self) -> bool {
        matches!(
            self.kind,
            CallerKind::User
                | CallerKind::Role
                | CallerKind::RoleSession
                | CallerKind::FederatedUser
                | CallerKind::Root
                | CallerKind::Account
        )
    }

    /// Service-linked roles are free of SCPs and RCPs, also as sessions, whose ARN has lost the path (rule 23).
    #[must_use]
    pub fn is_service_linked(&self) -> bool {
        let arn = self.role_arn.as_deref().unwrap_or(&self.id);
        match self.kind {
            CallerKind::Role | CallerKind::RoleSession if arn.contains(":role/") => {
                arn.contains(":role/aws-service-role/")
            }
            CallerKind::RoleSession => self
                .role_name()
                .is_some_and(|name| name.starts_with("AWSServiceRoleFor")),
            _ => false,
        }
    }

    /// The role's name, for roles and their sessions.
    #[must_use]
    pub fn role_name(&self) -> Option<&str> {
        let rest = Arn::parse(&self.id)?.typed()?.1;
        match self.kind {
            CallerKind::Role => rest.rsplit('/').next(),
            CallerKind::RoleSession => rest.split('/').next(),
            _ => None,
        }
    }
}

/// How an element names the caller; later values name it more closely (rule 16 asks which).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Named {
    /// As its account: a delegation, not a grant (rule 3).
    Account,
    /// As the user whose federation session it is.
    FederatingUser,
    /// By the ARN of its role.
    Role,
    /// As one of everybody.
    Anyone,
    /// Directly: user, service, provider, federated user, root.
    Directly,
    /// By the ARN of this very session.
    Session,
}

/// Whether and how a `Principal` element that is not negated names the caller.
#[must_use]
pub fn named(element: &PrincipalElement, caller: &Caller) -> Option<(Named, Tri)> {
    ways(element, caller).next()
}

/// How an element names the caller: for certain, and perhaps more closely, as the ARN of one session of a role does
/// beside the role's own.
#[must_use = "an iterator does nothing by itself"]
pub fn ways(element: &PrincipalElement, caller: &Caller) -> impl Iterator<Item = (Named, Tri)> + use<> {
    let best = |certain: Tri| {
        let ways = element
            .entries
            .iter()
            .filter_map(|entry| entry_names(entry, caller));
        ways.filter(|(_, tri)| *tri == certain)
            .max_by_key(|(named, _)| *named)
    };
    let (sure, perhaps) = (best(Tri::True), best(Tri::Unknown));
    let closer = perhaps.filter(|(named, _)| sure.is_none_or(|(sure, _)| *named > sure));
    sure.into_iter().chain(closer)
}

fn entry_names(entry: &PrincipalEntry, caller: &Caller) -> Option<(Named, Tri)> {
    let account = caller.account.as_deref();
    match entry {
        PrincipalEntry::Anyone => Some((Named::Anyone, Tri::True)),
        PrincipalEntry::Account(id) if caller.is_iam() && account == Some(id) => {
            let named = if caller.kind == CallerKind::Root {
                Named::Directly
            } else {
                Named::Account
            };
            Some((named, Tri::True))
        }
        PrincipalEntry::Arn(arn) => arn_names(arn, caller),
        PrincipalEntry::Service(name) => (caller.kind == CallerKind::Service
            && name.eq_ignore_ascii_case(&caller.id))
        .then_some((Named::Directly, Tri::True)),
        PrincipalEntry::Federated(provider) => (caller.kind == CallerKind::Federated
            && **provider == *caller.id)
            .then_some((Named::Directly, Tri::True)),
        _ => None,
    }
}

fn arn_names(arn: &str, caller: &Caller) -> Option<(Named, Tri)> {
    let sure = |named| Some((named, Tri::True));
    match caller.kind {
        CallerKind::User | CallerKind::FederatedUser if arn == caller.id => sure(Named::Directly),
        CallerKind::FederatedUser if caller.by_user.as_deref() == Some(arn) => sure(Named::FederatingUser),
        CallerKind::RoleSession if arn == caller.id => sure(Named::Session),
        CallerKind::Role if arn == caller.id => sure(Named::Role),
        CallerKind::RoleSession if caller.role_arn.as_deref() == Some(arn) => sure(Named::Role),
        CallerKind::Role | CallerKind::RoleSession => {
            let (theirs, ours) = (Arn::parse(arn)?, Arn::parse(&caller.id)?);
            if theirs.partition != ours.partition || theirs.account != ours.account {
                return None;
            }
            let (word, rest) = theirs.typed()?;
            match word {
                // A session's ARN has lost its role's path, so only the name can be compared.
                "role" if caller.kind == CallerKind::RoleSession && caller.role_arn.is_none() => {
                    (rest.rsplit('/').next() == caller.role_name()).then_some((Named::Role, Tri::True))
                }
                // Which session the role is in was not said.
                "assumed-role" if caller.kind == CallerKind::Role => {
                    (rest.split('/').next() == caller.role_name()).then_some((Named::Session, Tri::Unknown))
                }
                _ => None,
            }
        }
        // Somebody of that account: it may be this very principal.
        CallerKind::Account if Arn::parse(arn)?.account_id() == caller.account.as_deref() => {
            Some((Named::Directly, Tri::Unknown))
        }
        _ => None,
    }
}

/// Whether `NotPrincipal` of a `Deny` spares the caller: its account, role and session must each be listed where they
/// apply (rule 18).
#[must_use]
pub fn spared(element: &PrincipalElement, caller: &Caller) -> Tri {
    let lists = |wanted: &[Named]| {
        let ways = element
            .entries
            .iter()
            .filter_map(|entry| entry_names(entry, caller));
        ways.filter(|(named, _)| wanted.contains(named))
            .map(|(_, tri)| tri)
            .fold(Tri::False, Tri::or)
    };
    if element.entries.contains(&PrincipalEntry::Anyone) {
        return Tri::True;
    }
    match caller.kind {
        // A role acts through its sessions only, so one of them must be listed too; which one asks was not said.
        CallerKind::Role | CallerKind::RoleSession => lists(&[Named::Account])
            .and(lists(&[Named::Role]))
            .and(lists(&[Named::Session])),
        CallerKind::User | CallerKind::FederatedUser => {
            lists(&[Named::Account]).and(lists(&[Named::Directly, Named::FederatingUser]))
        }
        // Somebody of the account may be its root user, whom the account's entry spares.
        CallerKind::Account => lists(&[Named::Account]).and(Tri::Unknown),
        CallerKind::Root | CallerKind::Service | CallerKind::Federated | CallerKind::Anonymous => {
            lists(&[Named::Directly, Named::Account])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(entries: &[&str]) -> PrincipalElement {
        let text = format!(
            r#"{{"Statement":{{"Effect":"Allow","Action":"a:b","Principal":{{"AWS":{}}}}}}}"#,
            serde_json::to_string(entries).unwrap()
        );
        let (policy, _) = crate::syntax::parse(&text, crate::syntax::Flavor::Resource);
        policy.unwrap().statements[0].principal.clone().unwrap()
    }

    const ROLE: &str = "arn:aws:iam::111111111111:role/team/App";
    const SESSION: &str = "arn:aws:sts::111111111111:assumed-role/App/s1";

    #[test]
    fn who_is_who() {
        assert_eq!(Caller::parse("lambda.amazonaws.com").kind, CallerKind::Service);
        assert_eq!(
            Caller::parse("token.actions.githubusercontent.com").kind,
            CallerKind::Federated
        );
        assert_eq!(
            Caller::parse("arn:aws:iam::111111111111:root").kind,
            CallerKind::Root
        );
        assert_eq!(Caller::parse(SESSION).role_name(), Some("App"));
        assert_eq!(Caller::parse("111111111111").kind, CallerKind::Account);
    }

    #[test]
    fn a_role_arn_covers_its_sessions() {
        let session = Caller::parse(SESSION);
        assert_eq!(named(&element(&[ROLE]), &session), Some((Named::Role, Tri::True)));
        assert_eq!(
            named(&element(&[SESSION, ROLE]), &session),
            Some((Named::Session, Tri::True))
        );
        let other = SESSION.replace("/s1", "/s2");
        assert_eq!(named(&element(&[&other]), &session), None);
        assert_eq!(
            named(&element(&[SESSION]), &Caller::parse(ROLE)),
            Some((Named::Session, Tri::Unknown))
        );
    }

    #[test]
    fn a_wildcard_in_an_arn_is_no_wildcard() {
        assert_eq!(
            named(
                &element(&["arn:aws:iam::111111111111:role/*"]),
                &Caller::parse(ROLE)
            ),
            None
        );
    }

    #[test]
    fn not_principal_needs_account_and_role() {
        let caller = Caller::parse(ROLE);
        assert_eq!(spared(&element(&[ROLE]), &caller), Tri::False);
        assert_eq!(
            spared(&element(&[ROLE, "111111111111"]), &caller),
            Tri::False,
            "no session is listed"
        );
        assert_eq!(
            spared(&element(&[ROLE, "111111111111", SESSION]), &caller),
            Tri::Unknown
        );
        let session = Caller::parse(SESSION);
        assert_eq!(spared(&element(&[ROLE, "111111111111"]), &session), Tri::False);
        assert_eq!(
            spared(&element(&[ROLE, "111111111111", SESSION]), &session),
            Tri::True
        );
    }

    #[test]
    fn service_linked_roles_are_known_by_path_or_session_name() {
        assert!(
            Caller::parse("arn:aws:iam::111111111111:role/aws-service-role/x.amazonaws.com/R")
                .is_service_linked()
        );
        assert!(
            Caller::parse("arn:aws:sts::111111111111:assumed-role/AWSServiceRoleForX/s").is_service_linked()
        );
        assert!(!Caller::parse("arn:aws:iam::111111111111:role/AWSServiceRoleForX").is_service_linked());
    }
}
