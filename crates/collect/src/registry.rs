//! All services, in the order of the alphabet. A new one is a line here, a file in `service/` and a fixture.

use crate::call::{Call, Service};
use crate::service;

/// Every service that sv0 reads.
pub const SERVICES: &[&Service] = &[
    &service::accessanalyzer::SERVICE,
    &service::account::SERVICE,
    &service::apigateway::SERVICE,
    &service::apprunner::SERVICE,
    &service::bedrock::SERVICE,
    &service::cloudformation::SERVICE,
    &service::cloudtrail::SERVICE,
    &service::codebuild::SERVICE,
    &service::dynamodb::SERVICE,
    #[cfg(feature = "ec2")]
    &service::ec2::SERVICE,
    &service::ecr::SERVICE,
    &service::ecs::SERVICE,
    &service::eks::SERVICE,
    &service::events::SERVICE,
    #[cfg(feature = "glue")]
    &service::glue::SERVICE,
    &service::iam::SERVICE,
    &service::inspector2::SERVICE,
    &service::kms::SERVICE,
    &service::lambda::SERVICE,
    &service::organizations::SERVICE,
    &service::pipes::SERVICE,
    &service::rds::SERVICE,
    &service::rolesanywhere::SERVICE,
    &service::s3::SERVICE,
    &service::s3control::SERVICE,
    #[cfg(feature = "sagemaker")]
    &service::sagemaker::SERVICE,
    &service::scheduler::SERVICE,
    &service::secretsmanager::SERVICE,
    &service::sns::SERVICE,
    &service::sqs::SERVICE,
    &service::ssm::SERVICE,
    &service::sso::SERVICE,
    &service::states::SERVICE,
];

/// Services whose crates are not in this build, and what that costs; the release build has them all.
pub const NOT_BUILT: &[(&str, &str)] = &[
    #[cfg(not(feature = "ec2"))]
    (
        "ec2",
        "instances, their profiles and VPC endpoint policies are not known",
    ),
    #[cfg(not(feature = "glue"))]
    ("glue", "Glue jobs and their roles are not known"),
    #[cfg(not(feature = "sagemaker"))]
    ("sagemaker", "SageMaker notebooks and their roles are not known"),
];

/// The service of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Service> {
    SERVICES.iter().copied().find(|service| service.name == name)
}

/// Every call that sv0 makes, with the SDK's names of the service that has it.
pub fn calls() -> impl Iterator<Item = (&'static [&'static str], &'static Call)> {
    let of_services = SERVICES
        .iter()
        .flat_map(|service| service.calls.iter().map(|call| (service.clients, *call)));
    let of_sts = service::sts::CALLS.iter().map(|call| (STS, *call));
    of_services.chain(of_sts)
}

/// Every call, with the name of the service module that makes it.
pub fn by_service() -> impl Iterator<Item = (&'static str, &'static Call)> {
    let of_services = SERVICES
        .iter()
        .flat_map(|service| service.calls.iter().map(|call| (service.name, *call)));
    of_services.chain(service::sts::CALLS.iter().map(|call| ("sts", *call)))
}

const STS: &[&str] = &["STS"];

/// Whether a call is in a table.
pub(crate) fn declared(client: &str, operation: &str) -> bool {
    calls().any(|(clients, call)| call.operation == operation && clients.contains(&client))
}
