//! One service a module: its calls, and its records.

pub(crate) mod account;
pub(crate) mod cloudformation;
pub(crate) mod cloudtrail;
pub(crate) mod dynamodb;
#[cfg(feature = "ec2")]
pub(crate) mod ec2;
pub(crate) mod ecr;
pub(crate) mod ecs;
pub(crate) mod eks;
pub(crate) mod iam;
pub(crate) mod kms;
pub(crate) mod lambda;
pub(crate) mod organizations;
pub(crate) mod rds;
pub(crate) mod s3;
pub(crate) mod s3control;
pub(crate) mod secretsmanager;
pub(crate) mod sns;
pub(crate) mod sqs;
pub(crate) mod ssm;
pub(crate) mod sso;
pub(crate) mod sts;
