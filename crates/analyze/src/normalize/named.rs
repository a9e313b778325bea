//! Resources that policies name but nobody collected: authorization details hold no buckets, yet a policy that says
//! `arn:aws:s3:::payroll/*` tells that there is one. They become stubs, so that paths to them can be shown; what their
//! own policies say is unknown, and a gap says so.

use rayon::prelude::*;
use sv0_iam::name::Arn;
use sv0_iam::syntax::{Effect, Policy};
use sv0_model::coverage::{Gap, Reason};
use sv0_model::graph::NodeId;
use sv0_model::kind::{EntityType, Kind};

use super::stub;
use crate::world::World;

/// The kind that an ARN means, where it is one that is reasoned about.
pub(super) fn kind_of(id: &str) -> Option<Kind> {
    let arn = Arn::parse(id)?;
    let word = arn.typed().map_or("", |(word, _)| word);
    Some(match (arn.service, word) {
        ("s3", _) if arn.account.is_empty() && !arn.resource.contains('/') => Kind::S3Bucket,
        ("s3", "accesspoint") => Kind::S3AccessPoint,
        ("dynamodb", "table") => Kind::DynamodbTable,
        ("secretsmanager", "secret") => Kind::SecretsManagerSecret,
        ("ssm", "parameter") => Kind::SsmParameter,
        ("kms", "key") => Kind::KmsKey,
        ("rds", "cluster") => Kind::RdsCluster,
        ("rds", "db") => Kind::RdsInstance,
        ("sqs", _) => Kind::SqsQueue,
        ("sns", _) => Kind::SnsTopic,
        ("ecr", "repository") => Kind::EcrRepository,
        ("events", "event-bus") => Kind::EventBus,
        ("events", "rule") => Kind::EventbridgeRule,
        ("lambda", "function") => Kind::LambdaFunction,
        ("states", "stateMachine") => Kind::StateMachine,
        ("bedrock", "agent") => Kind::BedrockAgent,
        ("bedrock", "knowledge-base") => Kind::BedrockKnowledgeBase,
        ("iam", "role") => Kind::IamRole,
        ("iam", "user") => Kind::IamUser,
        ("iam", "group") => Kind::IamGroup,
        ("iam", "policy") => Kind::IamPolicy,
        _ => return None,
    })
}

/// The single resource that a policy's pattern names, if it names one: `arn:aws:s3:::b/logs/*` is bucket `b`.
pub(super) fn resource_of(pattern: &str) -> Option<(String, Kind)> {
    if pattern.contains('$') && pattern.contains("${") {
        return None;
    }
    let arn = Arn::parse(pattern)?;
    let id = match arn.service {
        "s3" if arn.account.is_empty() => {
            let bucket = arn.resource.split('/').next()?;
            format!("arn:{}:s3:::{bucket}", arn.partition)
        }
        "dynamodb" => {
            let table = arn.resource.strip_prefix("table/")?.split('/').next()?;
            format!(
                "arn:{}:dynamodb:{}:{}:table/{table}",
                arn.partition, arn.region, arn.account
            )
        }
        // A secret's ARN ends in six random characters, which policies often leave to a wildcard.
        "secretsmanager" => pattern
            .trim_end_matches("-??????")
            .trim_end_matches("-*")
            .to_owned(),
        "lambda" => {
            let name = arn.resource.strip_prefix("function:")?.split(':').next()?;
            format!(
                "arn:{}:lambda:{}:{}:function:{name}",
                arn.partition, arn.region, arn.account
            )
        }
        _ => pattern.to_owned(),
    };
    if id.contains(['*', '?']) {
        return None;
    }
    let kind = kind_of(&id)?;
    matches!(kind.entity_type(), EntityType::Resource | EntityType::Workload).then_some((id, kind))
}

pub(super) fn resources(world: &mut World) {
    let secrets = Secrets::of(world);
    let mut found: Vec<(String, Kind)> = granting(world)
        .par_iter()
        .flat_map_iter(|policy| {
            named(policy).filter(|(id, kind)| {
                world.graph.find(id).is_none()
                        // A secret that was collected has its whole ARN.
                        && !(*kind == Kind::SecretsManagerSecret && secrets.find(world, id).is_some())
            })
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    let count = found.len();
    let sample: Vec<String> = found.iter().take(3).map(|(id, _)| format!("`{id}`")).collect();
    for (id, kind) in found {
        stub(world, &id, kind);
    }
    if count > 0 {
        world.gaps.push(Gap {
            account: None,
            region: None,
            service: None,
            call: String::new(),
            entity: None,
            reason: Reason::NotInInput,
            detail: format!(
                "{count} resources are named by policies but not in the input, such as {}",
                sample.join(", ")
            ),
            consequence:
                "their own policies, encryption and tags are not known: access may be wider or narrower than \
                          identity policies tell, and their sensitivity is unknown"
                    .into(),
        });
    }
}

/// The single resources that a policy's grants name.
pub(crate) fn named(policy: &Policy) -> impl Iterator<Item = (String, Kind)> {
    policy
        .statements
        .iter()
        .filter(|s| s.effect == Effect::Allow)
        .filter_map(|s| s.resource.as_ref().filter(|element| !element.negated))
        .flat_map(|element| &element.patterns)
        .filter_map(|pattern| resource_of(pattern.as_str()))
}

/// The identity policies of all principals, each document once.
fn granting(world: &World) -> Vec<&Policy> {
    let mut tags: Vec<u32> = world
        .principals
        .values()
        .flat_map(|principal| principal.identity.iter().copied())
        .collect();
    tags.sort_unstable();
    tags.dedup();
    let mut policies: Vec<&Policy> = tags
        .into_iter()
        .filter_map(|tag| Some(&*world.attachment(tag)?.policy))
        .collect();
    policies.sort_unstable_by_key(|policy| std::ptr::from_ref(*policy).addr());
    policies.dedup_by_key(|policy| std::ptr::from_ref(*policy));
    policies
}

/// The secrets that were collected, by id: policies often name one without the six characters at its ARN's end.
#[derive(Debug)]
pub(crate) struct Secrets(Vec<NodeId>);

impl Secrets {
    pub(crate) fn of(world: &World) -> Self {
        let mut nodes: Vec<NodeId> = world
            .graph
            .nodes()
            .filter(|(_, node)| node.record.kind == Kind::SecretsManagerSecret && !node.stub)
            .map(|(id, _)| id)
            .collect();
        nodes.sort_by_key(|node| world.id(*node));
        Self(nodes)
    }

    /// The first whose id begins like this.
    pub(crate) fn find(&self, world: &World, prefix: &str) -> Option<NodeId> {
        let at = self.0.partition_point(|node| world.id(*node) < prefix);
        let node = self.0.get(at).copied()?;
        world.id(node).starts_with(prefix).then_some(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_name_one_resource() {
        let id = |pattern: &str| resource_of(pattern).map(|(id, _)| id);
        assert_eq!(id("arn:aws:s3:::b/logs/*").as_deref(), Some("arn:aws:s3:::b"));
        assert_eq!(id("arn:aws:s3:::b*"), None);
        assert_eq!(
            id("arn:aws:dynamodb:eu-west-1:1:table/T/index/*").as_deref(),
            Some("arn:aws:dynamodb:eu-west-1:1:table/T")
        );
        assert_eq!(
            id("arn:aws:secretsmanager:eu-west-1:1:secret:db-??????").as_deref(),
            Some("arn:aws:secretsmanager:eu-west-1:1:secret:db")
        );
        assert_eq!(
            id("arn:aws:iam::1:role/R"),
            None,
            "identities are not resources to stub"
        );
        assert_eq!(id("*"), None);
    }
}
