//! What a customer installs so that sv0 may read: the least policy, and the role that has it, as CloudFormation and
//! Terraform. All of it is made from the tables of calls.

mod cloudformation;
mod policy;
mod terraform;

pub use policy::{NEVER, Policy, Statement, policies};

/// What the role is for, beyond reading configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Features {
    /// Buckets whose CloudTrail logs are read directly, by name.
    pub trail_buckets: Vec<String>,
    /// Keys that those logs, or the results of Athena, are encrypted with: ARNs.
    pub keys: Vec<String>,
    /// Athena: the workgroup, and the bucket that its results go to.
    pub athena: Option<Athena>,
    /// Whether `lambda:GetFunction` is denied: it tells an image function's image, and gives out links to the code of all
    /// others.
    pub deny_function_code: bool,
    /// The queue that EventBridge sends CloudTrail events to: its ARN.
    pub queue: Option<String>,
}

/// Evidence by Athena.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Athena {
    /// Such as `primary`.
    pub workgroup: String,
    /// By name.
    pub results_bucket: String,
}

/// The role to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Who may take it: the ARN of a role, a user or an account; none where whoever installs it is to say.
    pub trusted: Option<String>,
    /// The external id that they must give; none where whoever installs it is to say.
    pub external_id: Option<String>,
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
}

/// The template of a CloudFormation stack or StackSet.
#[must_use]
pub fn cloudformation(role: &Role, features: &Features) -> String {
    cloudformation::template(role, &policies(features, &role.partition))
}

/// A Terraform module in one file.
#[must_use]
pub fn terraform(role: &Role, features: &Features) -> String {
    terraform::module(role, &policies(features, &role.partition))
}
