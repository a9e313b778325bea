//! AWS STS: who the credentials are, and the sessions in other accounts. It gives no records.

use aws_types::SdkConfig;

use crate::call::Call;
use crate::guard::Guard;

pub(crate) const ASSUME_ROLE: Call = Call {
    operation: "AssumeRole",
    actions: &["sts:AssumeRole"],
    absent: &[],
    without: "nothing of the account can be read",
};

pub(crate) const GET_CALLER_IDENTITY: Call = Call {
    operation: "GetCallerIdentity",
    // Needs no permission (STS API Reference, GetCallerIdentity).
    actions: &["sts:GetCallerIdentity"],
    absent: &[],
    without: "sv0 does not know whose credentials it has",
};

pub(crate) const CALLS: &[&Call] = &[&ASSUME_ROLE, &GET_CALLER_IDENTITY];

pub(crate) fn client(config: &SdkConfig) -> aws_sdk_sts::Client {
    aws_sdk_sts::Client::from_conf(
        aws_sdk_sts::config::Builder::from(config)
            .interceptor(Guard)
            .build(),
    )
}
