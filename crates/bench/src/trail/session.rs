//! Who calls: sessions of every kind, and how their calls' `userIdentity` looks.
//!
//! Source: CloudTrail User Guide, "CloudTrail userIdentity element".

use serde_json::{Value, json};

/// A caller.
#[derive(Debug, Clone)]
pub(super) struct Session {
    /// `userIdentity`, but for the access key.
    pub(super) identity: Value,
    /// The access key; none where the console makes a new one for each call, or there is none.
    pub(super) key: Option<String>,
    /// Whether the console makes a new access key for each call.
    pub(super) console: bool,
    /// Its account; empty outside.
    pub(super) account: String,
    /// As the truth names the caller.
    pub(super) principal: String,
    /// As the truth names the start of the chain.
    pub(super) origin: String,
    /// The records of the chain, from the start; none where one is missing.
    pub(super) chain: Option<Vec<String>>,
}

impl Session {
    /// An IAM user with a lasting key.
    pub(super) fn user(account: &str, name: &str, id: &str, key: &str) -> Self {
        let arn = format!("arn:aws:iam::{account}:user/{name}");
        Self {
            identity: json!({"type": "IAMUser", "principalId": id, "arn": arn, "accountId": account, "userName": name}),
            key: Some(key.to_owned()),
            console: false,
            account: account.to_owned(),
            origin: format!("IAM user {arn}"),
            principal: arn,
            chain: Some(Vec::new()),
        }
    }

    /// A service of AWS, for itself or for a workload.
    pub(super) fn service(name: &str, workload: Option<&str>) -> Self {
        Self {
            identity: json!({"type": "AWSService", "invokedBy": name}),
            key: None,
            console: false,
            account: String::new(),
            principal: name.to_owned(),
            origin: workload.map_or(format!("AWS service {name}"), |workload| {
                format!("workload {workload} ({name})")
            }),
            chain: Some(Vec::new()),
        }
    }

    /// Whoever a provider vouches for.
    pub(super) fn vouched(kind: &str, provider: &str, subject: &str, origin: String) -> Self {
        Self {
            identity: json!({"type": kind, "principalId": format!("{provider}:{subject}"), "userName": subject, "identityProvider": provider}),
            key: None,
            console: false,
            account: String::new(),
            principal: subject.to_owned(),
            origin,
            chain: Some(Vec::new()),
        }
    }

    /// Somebody of an account outside.
    pub(super) fn outside(account: &str, id: &str) -> Self {
        Self {
            identity: json!({"type": "AWSAccount", "principalId": id, "accountId": account}),
            key: None,
            console: false,
            account: account.to_owned(),
            principal: format!("{account}:{id}"),
            origin: format!("outside account {id} of account {account}"),
            chain: Some(Vec::new()),
        }
    }

    /// Nobody.
    pub(super) fn anonymous() -> Self {
        Self {
            principal: "anonymous".into(),
            origin: "anyone a request without a signature".into(),
            account: String::new(),
            ..Self::outside("anonymous", "")
        }
    }

    /// A session of a role.
    pub(super) fn role(
        role: &Role,
        name: &str,
        created: &str,
        key: Option<&str>,
        parent: &Self,
        mint: Option<&str>,
    ) -> Self {
        let account = &role.account;
        let arn = role.arn();
        let chain = parent.chain.clone().zip(mint).map(|(mut chain, mint)| {
            chain.push(mint.to_owned());
            chain
        });
        let origin = match mint {
            Some(_) => parent.origin.clone(),
            None => "unknown no record here gave out its credentials".into(),
        };
        Self {
            identity: json!({
                "type": "AssumedRole",
                "principalId": format!("{}:{name}", role.id),
                "arn": format!("arn:aws:sts::{account}:assumed-role/{}/{name}", role.name),
                "accountId": account,
                "sessionContext": {
                    "sessionIssuer": {"type": "Role", "principalId": role.id, "arn": arn, "accountId": account, "userName": role.name},
                    "attributes": {"creationDate": created, "mfaAuthenticated": "false"},
                },
            }),
            key: key.map(str::to_owned),
            console: key.is_none(),
            account: account.clone(),
            principal: arn,
            origin,
            chain,
        }
    }

    /// A session that a user hands out under a name.
    pub(super) fn federated(user: &Self, name: &str, key: &str) -> Self {
        let account = &user.account;
        let arn = format!("arn:aws:sts::{account}:federated-user/{name}");
        Self {
            identity: json!({
                "type": "FederatedUser", "principalId": format!("{account}:{name}"), "arn": arn, "accountId": account,
                "sessionContext": {"sessionIssuer": {"type": "IAMUser", "arn": user.principal, "accountId": account}},
            }),
            key: Some(key.to_owned()),
            principal: arn,
            ..user.clone()
        }
    }
}

/// A role.
#[derive(Debug, Clone)]
pub(super) struct Role {
    pub(super) account: String,
    pub(super) name: String,
    pub(super) path: &'static str,
    pub(super) id: String,
}

impl Role {
    pub(super) fn arn(&self) -> String {
        format!("arn:aws:iam::{}:role{}{}", self.account, self.path, self.name)
    }
}
