//! What AWS keeps to itself: its managed policies, the roles it reserves, service-linked roles, `aws/` aliases. Their
//! protected mutations are refused, whoever asks and whatever any policy says (rule 11).
//!
//! Not here: what the owner may still do, which is left to policies. A service-linked role may be described anew, tagged,
//! passed, and given back with `iam:DeleteServiceLinkedRole`. An AWS managed key is not told from others, because its
//! ARN does not say who manages it.
//!
//! Source: IAM User Guide, "Edit IAM policies" ("AWS managed policies cannot be edited") and "Using service-linked
//! roles"; IAM API Reference, `UnmodifiableEntity`; IAM Identity Center, "protected role … only modifiable by AWS"
//! (<https://repost.aws/knowledge-center/identity-center-aws-reserved-sso>); KMS Developer Guide, "Create aliases" ("The
//! alias/aws/ prefix is reserved").

use crate::name::Arn;

/// An AWS managed policy, `arn:aws:iam::aws:policy/…`: everything that makes, changes or tags a managed policy.
const OF_POLICIES: &[&str] = &[
    "CreatePolicy",
    "CreatePolicyVersion",
    "DeletePolicy",
    "DeletePolicyVersion",
    "SetDefaultPolicyVersion",
    "TagPolicy",
    "UntagPolicy",
];

/// A service-linked role, `role/aws-service-role/…`: what the service that it is linked to does itself. `UpdateRole` is
/// left to policies, because anyone may edit the description.
const OF_SERVICE_LINKED_ROLES: &[&str] = &[
    "AttachRolePolicy",
    "CreateRole",
    "DeleteRole",
    "DeleteRolePermissionsBoundary",
    "DeleteRolePolicy",
    "DetachRolePolicy",
    "PutRolePermissionsBoundary",
    "PutRolePolicy",
    "UpdateAssumeRolePolicy",
];

/// A role that AWS reserves, `role/aws-reserved/…`, as IAM Identity Center's: beyond the above, these. Only AWS modifies
/// it, and it is passed to no service.
const OF_RESERVED_ROLES: &[&str] = &[
    "CreateServiceLinkedRole",
    "DeleteServiceLinkedRole",
    "PassRole",
    "TagRole",
    "UntagRole",
    "UpdateRole",
    "UpdateRoleDescription",
];

/// An alias of an AWS managed key, `alias/aws/…`.
const OF_ALIASES: &[&str] = &["CreateAlias", "DeleteAlias", "UpdateAlias"];

/// Whether AWS refuses an action on a resource to everyone.
#[must_use]
pub fn refuses(action: &str, resource: &str) -> bool {
    let (Some((service, name)), Some(arn)) = (action.split_once(':'), Arn::parse(resource)) else {
        return false;
    };
    let any = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    match arn.service {
        "iam" if service.eq_ignore_ascii_case("iam") => {
            let linked = arn.resource.starts_with("role/aws-service-role/");
            let reserved = arn.resource.starts_with("role/aws-reserved/");
            (arn.account == "aws" && arn.resource.starts_with("policy/") && any(OF_POLICIES))
                || ((linked || reserved) && any(OF_SERVICE_LINKED_ROLES))
                || (reserved && any(OF_RESERVED_ROLES))
        }
        "kms" if service.eq_ignore_ascii_case("kms") => {
            arn.resource.starts_with("alias/aws/") && any(OF_ALIASES)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    #[test]
    fn every_name_is_an_action() {
        let named = |service: &str, names: &[&str]| {
            for name in names {
                let action = format!("{service}:{name}");
                assert!(Catalog::embedded().action(&action).is_some(), "{action}");
            }
        };
        named("iam", OF_POLICIES);
        named("iam", OF_SERVICE_LINKED_ROLES);
        named("iam", OF_RESERVED_ROLES);
        named("kms", OF_ALIASES);
    }

    #[test]
    fn a_path_that_only_looks_reserved_is_the_accounts_own() {
        let role = |path: &str| format!("arn:aws:iam::111111111111:role/{path}Name");
        assert!(refuses(
            "IAM:deleterole",
            &role("aws-reserved/sso.amazonaws.com/")
        ));
        assert!(refuses(
            "iam:DeleteRole",
            &role("aws-service-role/x.amazonaws.com/")
        ));
        assert!(!refuses("iam:DeleteRole", &role("team/aws-reserved/")));
        assert!(!refuses("iam:DeleteRole", &role("service-role/")));
        assert!(!refuses(
            "iam:DeletePolicy",
            "arn:aws:iam::111111111111:policy/aws"
        ));
        assert!(refuses(
            "iam:DeletePolicy",
            "arn:aws-cn:iam::aws:policy/ReadOnlyAccess"
        ));
    }
}
