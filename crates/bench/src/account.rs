//! What every account has once: who its federated roles trust.

use sv0_model::kind::Kind;
use sv0_model::record::Record;

use crate::names;
use crate::organization::{Family, Organization};

/// Where the pipelines' tokens come from.
pub(crate) const GITHUB: &str = "token.actions.githubusercontent.com";
const SAML: &str = "AWSSSO_bench_DO_NOT_DELETE";

pub(crate) const OIDC_PROVIDERS: Family = Family {
    kind: Kind::OidcProvider,
    within: |_, account| account..account + 1,
    id: |_, account| Some(oidc_provider(account)),
    record: |_, account| {
        let mut record = provider(Kind::OidcProvider, oidc_provider(account), GITHUB, account);
        record
            .attrs
            .insert("client_ids", vec!["sts.amazonaws.com"].into());
        record.attrs.insert("url", GITHUB.into());
        record
    },
};

pub(crate) const SAML_PROVIDERS: Family = Family {
    kind: Kind::SamlProvider,
    within: |_, account| account..account + 1,
    id: |_, account| Some(saml_provider(account)),
    record: |_, account| provider(Kind::SamlProvider, saml_provider(account), SAML, account),
};

pub(crate) fn oidc_provider(account: usize) -> String {
    names::iam(account, &format!("oidc-provider/{GITHUB}"))
}

pub(crate) fn saml_provider(account: usize) -> String {
    names::iam(account, &format!("saml-provider/{SAML}"))
}

fn provider(kind: Kind, id: String, name: &str, account: usize) -> Record {
    let mut record = Record::new(kind, id);
    record.name = name.to_owned();
    record.account = Some(names::account(account));
    record
}

/// Tags as most teams set them: some of the entities have none.
pub(crate) fn tag(record: &mut Record, team: &str, stage: &str) {
    record.tags.insert("env", stage.to_owned());
    record.tags.insert("team", team.to_owned());
}

/// A record of an account, with its name and the moment it was made.
pub(crate) fn entity(
    org: &Organization,
    kind: Kind,
    id: String,
    name: &str,
    account: usize,
    number: usize,
) -> Record {
    let mut record = Record::new(kind, id);
    record.name = name.to_owned();
    record.account = Some(names::account(account));
    record.created_at = Some(org.rng(&format!("{kind} created"), number).moment());
    record
}
