//! One service a module: its calls, and its records.

pub(crate) mod account;
pub(crate) mod apigateway;
pub(crate) mod dynamodb;
pub(crate) mod events;
pub(crate) mod iam;
pub(crate) mod kms;
pub(crate) mod lambda;
pub(crate) mod organizations;
pub(crate) mod pipes;
pub(crate) mod rds;
pub(crate) mod s3;
pub(crate) mod scheduler;
pub(crate) mod secretsmanager;
pub(crate) mod sns;
pub(crate) mod sqs;
pub(crate) mod ssm;
pub(crate) mod states;
pub(crate) mod sts;
