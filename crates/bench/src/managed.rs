//! AWS's own managed policies that the organisation uses. Their documents are those that this sv0 has embedded: a
//! refresh of that data changes them, and nothing else here.

use sv0_model::kind::{Kind, Slot};
use sv0_model::record::{PolicySlot, PolicyText, Record};

use crate::rng::Rng;

const PREFIX: &str = "arn:aws:iam::aws:policy/";

/// What roles of services and people have, and how often.
const COMMON: [(&str, usize); 13] = [
    ("AdministratorAccess", 2),
    ("PowerUserAccess", 2),
    ("ReadOnlyAccess", 5),
    ("SecurityAudit", 2),
    ("AmazonS3ReadOnlyAccess", 6),
    ("AmazonDynamoDBReadOnlyAccess", 3),
    ("AmazonSQSFullAccess", 1),
    ("AmazonSSMManagedInstanceCore", 10),
    ("AWSXRayDaemonWriteAccess", 5),
    ("CloudWatchAgentServerPolicy", 7),
    ("service-role/AWSLambdaBasicExecutionRole", 16),
    ("service-role/AWSLambdaVPCAccessExecutionRole", 6),
    ("service-role/AmazonECSTaskExecutionRolePolicy", 6),
];

/// What only service-linked roles have: the role's name, its service, its policy.
pub(crate) const SERVICE_LINKED: [(&str, &str, &str); 8] = [
    (
        "AWSServiceRoleForTrustedAdvisor",
        "trustedadvisor.amazonaws.com",
        "AWSTrustedAdvisorServiceRolePolicy",
    ),
    (
        "AWSServiceRoleForOrganizations",
        "organizations.amazonaws.com",
        "AWSOrganizationsServiceTrustPolicy",
    ),
    (
        "AWSServiceRoleForSSO",
        "sso.amazonaws.com",
        "AWSSSOServiceRolePolicy",
    ),
    (
        "AWSServiceRoleForECS",
        "ecs.amazonaws.com",
        "AmazonECSServiceRolePolicy",
    ),
    (
        "AWSServiceRoleForElasticLoadBalancing",
        "elasticloadbalancing.amazonaws.com",
        "AWSElasticLoadBalancingServiceRolePolicy",
    ),
    (
        "AWSServiceRoleForAutoScaling",
        "autoscaling.amazonaws.com",
        "AutoScalingServiceRolePolicy",
    ),
    (
        "AWSServiceRoleForAmazonGuardDuty",
        "guardduty.amazonaws.com",
        "AmazonGuardDutyServiceRolePolicy",
    ),
    (
        "AWSServiceRoleForRDS",
        "rds.amazonaws.com",
        "AmazonRDSServiceRolePolicy",
    ),
];

/// The ARN of a policy, by its path and name.
pub(crate) fn arn(name: &str) -> String {
    format!("{PREFIX}{name}")
}

pub(crate) fn service_linked_arn(policy: &str) -> String {
    format!("{PREFIX}aws-service-role/{policy}")
}

/// Whether an ARN is one of AWS's own policies.
pub(crate) fn is_of_aws(arn: &str) -> bool {
    arn.starts_with(PREFIX)
}

/// One that a role of a service or of people has.
pub(crate) fn common(rng: &mut Rng) -> String {
    arn(rng.weighted(&COMMON))
}

/// All of them.
pub(crate) fn records() -> impl Iterator<Item = Record> {
    let common = COMMON.iter().map(|(name, _)| arn(name));
    let linked = SERVICE_LINKED
        .iter()
        .map(|(_, _, policy)| service_linked_arn(policy));
    common.chain(linked).map(|arn| record(&arn))
}

/// One of them.
pub(crate) fn record(arn: &str) -> Record {
    let mut record = Record::new(Kind::IamPolicy, arn);
    record.name = arn.rsplit('/').next().unwrap_or(arn).to_owned();
    record.attrs.insert("attachable", true.into());
    if let Some((path, _)) = arn.strip_prefix(PREFIX).and_then(|rest| rest.rsplit_once('/')) {
        record.attrs.insert("path", format!("/{path}/").into());
    }
    if let Some(known) = sv0_iam::managed::document(arn) {
        record.attrs.insert("default_version", (*known.version).into());
        record.policies.push(PolicySlot {
            slot: Slot::Document,
            name: None,
            document: PolicyText::new(&*known.document),
        });
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sv0_knows_all_of_them() {
        for record in records() {
            assert_eq!(record.policies.len(), 1, "{}", record.id);
        }
    }
}
