//! What may be asked of AWS: calls as data. Policies, documentation and the guard are made of these tables.

use futures::future::BoxFuture;

use crate::cx::Cx;
use crate::failure::Failure;

/// One API operation that a service module makes.
#[derive(Debug)]
pub struct Call {
    /// The operation as the SDK names it: `ListQueues`.
    pub operation: &'static str,
    /// The IAM actions that it needs, the one that AWS names it by first: `sqs:ListQueues`.
    pub actions: &'static [&'static str],
    /// Error codes by which AWS says that there is no such thing: an answer, not a failure.
    pub absent: &'static [&'static str],
    /// What cannot be told without it, as a clause after "without it": `queue policies are not known`.
    pub without: &'static str,
}

impl Call {
    /// The action that AWS names the call by.
    #[must_use]
    pub fn action(&self) -> &'static str {
        self.actions.first().copied().unwrap_or_default()
    }

    /// Whether a failure is AWS's way to say that there is no such thing.
    pub(crate) fn is_absent(&self, failure: &Failure) -> bool {
        self.absent.contains(&failure.code.as_str())
    }
}

/// Where a service is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// In each region of each account.
    Regional,
    /// Once for each account.
    Global,
    /// Once, with the credentials of the management account (or of a delegated administrator).
    Organization,
}

/// A service that is read.
#[derive(Debug)]
pub struct Service {
    /// The name in the ledger and on the command line, and the prefix of its IAM actions: `sqs`.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// The SDK's name of it, which the guard compares: `SQS`. Several where a module uses several clients.
    pub clients: &'static [&'static str],
    /// Where it is asked.
    pub scope: Scope,
    /// What is read, in words, for the coverage page.
    pub reads: &'static str,
    /// All calls that it makes.
    pub calls: &'static [&'static Call],
    /// Reads it.
    pub(crate) collect: for<'a> fn(&'a Cx) -> BoxFuture<'a, ()>,
}
