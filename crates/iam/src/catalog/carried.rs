//! Which condition keys the requests of an action never carry (rule 41), as far as AWS's tables can be trusted on it.
//!
//! The Service Authorization Reference lists keys action by action and resource type by resource type. A key that is
//! listed elsewhere and not there is absent. What is listed nowhere says nothing: keys that a workload's credentials
//! bring along to every service (`lambda:SourceFunctionArn`, `ec2:RoleDelivery`) are declared, and listed with no action.
//!
//! Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS services"; IAM User Guide,
//! "IAM JSON policy elements: Condition" ("If the key that you specify in a policy condition is not present in the
//! request context, the values do not match").

use std::sync::OnceLock;

use super::{ActionId, Catalog, ServiceRow, cmp_fold, template};

/// Of a condition key: the actions that carry it, by rank; none where the tables do not settle the matter.
pub(super) type Carriers = OnceLock<Box<[u32]>>;

/// Keys that say by which way a request came. AWS lists them where an access point is what the action is on, but other
/// requests come by access points too.
const OF_THE_WAY: &[&str] = &[
    "s3:accesspointnetworkorigin",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
];

impl Catalog {
    /// Whether no request of the action has the key, whatever resource it is on. False is "it may": the key is listed,
    /// or the tables leave it open.
    ///
    /// Settled are keys that bear a service's prefix and that AWS lists with actions of that service and of no other;
    /// `aws:RequestTag/…` and `aws:TagKeys` where AWS lists them with other actions of the same service. Left open are
    /// the other global keys, keys that the catalogue does not know or lists with no action, and `…:ResourceTag/…`, the
    /// global one and those of services, for which AWS's tables are incomplete.
    #[must_use]
    pub fn never_carries(&self, action: ActionId, key: &str) -> bool {
        let Some((home, rest)) = self.home(action, key) else {
            return false;
        };
        let tag_of_resource = rest
            .get(..12)
            .is_some_and(|head| head.eq_ignore_ascii_case("ResourceTag/"));
        if tag_of_resource || OF_THE_WAY.iter().any(|known| known.eq_ignore_ascii_case(key)) {
            return false;
        }
        let rows = home.keys.range();
        let exact = home
            .keys
            .of(&self.keys)
            .binary_search_by(|row| cmp_fold(self.text(row.name), key));
        match exact {
            Ok(offset) => self.settles(home, rows.start + offset as u32, action),
            // A key may be of several templates: none of them may have it.
            Err(_) => {
                let mut of = rows
                    .filter(|index| {
                        self.keys
                            .get(*index as usize)
                            .is_some_and(|row| template::matches_key(self.text(row.name), key))
                    })
                    .peekable();
                of.peek().is_some() && of.all(|index| self.settles(home, index, action))
            }
        }
    }

    /// The service whose table is to say, and the key without its prefix.
    fn home<'k>(&self, action: ActionId, key: &'k str) -> Option<(&ServiceRow, &'k str)> {
        let (prefix, rest) = key.split_once(':')?;
        if !prefix.eq_ignore_ascii_case("aws") {
            return Some((self.service(prefix)?.row, rest));
        }
        let of_request = rest.eq_ignore_ascii_case("TagKeys")
            || rest
                .get(..11)
                .is_some_and(|head| head.eq_ignore_ascii_case("RequestTag/"));
        let own = self.actions.get(action.index())?.service;
        of_request
            .then(|| self.services.get(own as usize))
            .flatten()
            .map(|row| (row, rest))
    }

    fn settles(&self, home: &ServiceRow, key: u32, action: ActionId) -> bool {
        let Some(cell) = self.carriers.get(key as usize) else {
            return false;
        };
        let carriers = cell.get_or_init(|| self.carriers_of(home, key));
        !carriers.is_empty() && carriers.binary_search(&action.0).is_err()
    }

    fn carriers_of(&self, home: &ServiceRow, key: u32) -> Box<[u32]> {
        let Some(name) = self.keys.get(key as usize).map(|row| self.text(row.name)) else {
            return Box::default();
        };
        // What other services have too, by the name of this one, comes with the caller.
        let elsewhere = !name.starts_with("aws:")
            && self.services.iter().any(|other| {
                other.prefix.start != home.prefix.start
                    && other
                        .keys
                        .of(&self.keys)
                        .binary_search_by(|row| cmp_fold(self.text(row.name), name))
                        .is_ok()
            });
        if elsewhere {
            return Box::default();
        }
        self.actions_in(home.actions.range())
            .filter(|action| {
                let of_uses = action.resource_types().any(|used| {
                    used.condition_keys().any(|key| key.name() == name)
                        || used
                            .resource_type()
                            .is_some_and(|of| of.condition_keys().any(|key| key.name() == name))
                });
                of_uses || action.condition_keys().any(|key| key.name() == name)
            })
            .map(|action| action.id().0)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn never(action: &str, key: &str) -> bool {
        let catalog = Catalog::embedded();
        catalog.never_carries(catalog.id_of(action).unwrap(), key)
    }

    #[test]
    fn a_key_that_is_listed_elsewhere_only_is_never_there() {
        assert!(never("s3:GetObject", "s3:prefix"));
        assert!(!never("s3:ListBucket", "S3:Prefix"));
        assert!(never("sts:AssumeRole", "iam:PassedToService"));
        assert!(!never("iam:PassRole", "iam:PassedToService"));
        assert!(never("s3:GetObject", "kms:ViaService"));
        assert!(!never("kms:Decrypt", "kms:EncryptionContext:tenant"));
        assert!(never("kms:ListKeys", "kms:EncryptionContext:tenant"));
        assert!(
            !never("ec2:RunInstances", "ec2:InstanceType"),
            "a key of one of its resource types"
        );
        assert!(never("ec2:DescribeInstances", "ec2:InstanceType"));
    }

    #[test]
    fn tags_of_the_request() {
        assert!(never("dynamodb:GetItem", "aws:RequestTag/team"));
        assert!(never("dynamodb:GetItem", "aws:TagKeys"));
        assert!(!never("dynamodb:CreateTable", "aws:requesttag/team"));
        assert!(
            !never("sqs:SendMessage", "aws:ResourceTag/team"),
            "the tables are incomplete"
        );
        assert!(!never("ec2:DescribeInstances", "ec2:ResourceTag/team"));
    }

    #[test]
    fn what_the_tables_do_not_settle_is_left_open() {
        for key in [
            "lambda:SourceFunctionArn",
            "ec2:RoleDelivery",
            "ec2:SourceInstanceARN",
            "glue:RoleAssumedBy",
            "identitystore:UserId",
            "s3:DataAccessPointArn",
            "s3:NoSuchKey",
            "aws:SourceIp",
            "aws:PrincipalTag/team",
            "saml:sub",
            "accounts.google.com:aud",
            "nosuch:Key",
            "nokey",
        ] {
            assert!(!never("s3:GetBucketLocation", key), "{key}");
        }
    }
}
