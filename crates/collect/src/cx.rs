//! What a service module sees of the world: where it is, how it calls, where its records go.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::SdkConfig;
use aws_types::region::Region;
use futures::StreamExt;
use serde_json::Value;
use sv0_model::coverage::Gap;
use sv0_model::record::Record;

use crate::call::Call;
use crate::caller::{Caller, Lane};
use crate::credentials::Session;
use crate::failure::{Failure, Kind};
use crate::journal::{Finished, Unit};
use crate::ledger;
use crate::text::{RecordExt, settle};

/// Makes a service's client, with the guard in it: `client!(cx, aws_sdk_sqs)`, or with another region's config:
/// `client!(config: &sdk_config, aws_sdk_s3)`.
macro_rules! client {
    (config: $config:expr, $sdk:ident) => {
        $sdk::Client::from_conf(
            $sdk::config::Builder::from($config)
                .interceptor($crate::guard::Guard)
                .build(),
        )
    };
    ($cx:expr, $sdk:ident) => {
        client!(config: $cx.sdk(), $sdk)
    };
}

/// How many entities of one unit are read beside each other.
const BESIDE: usize = 8;

/// One unit's view.
pub(crate) struct Cx {
    unit: Unit,
    service: &'static str,
    region: String,
    partition: String,
    sdk: SdkConfig,
    session: Session,
    caller: Arc<Caller>,
    /// The ARN of the account in its organization, where that is known.
    account_arn: Option<String>,
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    records: Vec<Record>,
    gaps: Vec<Gap>,
    facts: serde_json::Map<String, Value>,
    /// Whether a gap came of something that may pass.
    again: bool,
}

impl fmt::Debug for Cx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cx")
            .field("unit", &self.unit)
            .finish_non_exhaustive()
    }
}

/// What `Cx` is made of.
pub(crate) struct Parts {
    pub(crate) unit: Unit,
    pub(crate) service: &'static str,
    pub(crate) region: String,
    pub(crate) partition: String,
    pub(crate) sdk: SdkConfig,
    pub(crate) session: Session,
    pub(crate) caller: Arc<Caller>,
    pub(crate) account_arn: Option<String>,
}

/// What a call gave.
#[derive(Debug)]
pub(crate) enum Answer<T> {
    /// This.
    Got(T),
    /// AWS says that there is no such thing.
    Absent,
    /// Nothing that could be read; the ledger has it. The text says what is missing, for [`Record::partial`].
    Unread(String),
}

impl<T> Answer<T> {
    /// The answer, if there is one.
    pub(crate) fn got(self) -> Option<T> {
        match self {
            Self::Got(answer) => Some(answer),
            Self::Absent | Self::Unread(_) => None,
        }
    }

    /// The answer, if there is one; where it could not be read, the record says so.
    pub(crate) fn or_lacks(self, record: &mut Record) -> Option<T> {
        if let Self::Unread(what) = &self {
            record.lacks(what);
        }
        self.got()
    }
}

/// All items of a paginated call.
#[derive(Debug)]
pub(crate) struct Listed<T> {
    /// What was read, which is not all where `unread` is set.
    pub(crate) items: Vec<T>,
    /// What is missing, for [`Record::partial`].
    pub(crate) unread: Option<String>,
}

impl<T> Listed<T> {
    /// The items; where some could not be read, the record says so.
    pub(crate) fn or_lacks(self, record: &mut Record) -> Vec<T> {
        if let Some(what) = &self.unread {
            record.lacks(what);
        }
        self.items
    }
}

impl<T> IntoIterator for Listed<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;
    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl Cx {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts {
            unit,
            service,
            region,
            partition,
            sdk,
            session,
            caller,
            account_arn,
        } = parts;
        Self {
            unit,
            service,
            region,
            partition,
            sdk,
            session,
            caller,
            account_arn,
            found: Mutex::default(),
        }
    }

    /// The twelve digits.
    pub(crate) fn account(&self) -> &str {
        &self.unit.account
    }

    /// The region that is asked; of a global service, the one where its API is.
    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub(crate) fn partition(&self) -> &str {
        &self.partition
    }

    /// Whether what this unit reads belongs to a region.
    pub(crate) fn is_regional(&self) -> bool {
        self.unit.region.is_some()
    }

    /// `arn:aws:organizations::…:account/o-…/…`, where the organization could be read.
    pub(crate) fn account_arn(&self) -> Option<&str> {
        self.account_arn.as_deref()
    }

    /// `arn:{partition}:{service}:{region}:{account}:{resource}`.
    pub(crate) fn arn(&self, service: &str, resource: &str) -> String {
        format!(
            "arn:{}:{service}:{}:{}:{resource}",
            self.partition,
            self.region,
            self.account()
        )
    }

    /// The ARN of a KMS key that AWS names by ARN, id or alias, as it likes.
    pub(crate) fn key(&self, name: &str) -> String {
        if name.starts_with("arn:") {
            name.to_owned()
        } else if name.starts_with("alias/") {
            self.arn("kms", name)
        } else {
            self.arn("kms", &format!("key/{name}"))
        }
    }

    /// What clients are made of; use `client!`.
    pub(crate) fn sdk(&self) -> &SdkConfig {
        &self.sdk
    }

    /// The same in another region, for global services whose entities live somewhere.
    pub(crate) fn sdk_in(&self, region: &str) -> SdkConfig {
        self.sdk
            .to_builder()
            .region(Region::new(region.to_owned()))
            .build()
    }

    /// Whether requests go to a stand-in for AWS, where buckets are part of the path.
    pub(crate) fn has_own_endpoint(&self) -> bool {
        self.sdk.endpoint_url().is_some()
    }

    /// One call about an entity, or about the whole account or region.
    pub(crate) async fn call<T, E, F>(
        &self,
        call: &'static Call,
        entity: Option<&str>,
        request: impl Fn() -> F,
    ) -> Answer<T>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        match self.send(call, request).await {
            Ok(answer) => Answer::Got(answer),
            Err(failure) if call.is_absent(&failure) => Answer::Absent,
            Err(failure) => Answer::Unread(self.missed(call, entity, &failure)),
        }
    }

    /// All pages of a call. `request` makes it with a page's token; `split` gives a page's items and the next token.
    pub(crate) async fn pages<T, O, E, F>(
        &self,
        call: &'static Call,
        entity: Option<&str>,
        request: impl Fn(Option<String>) -> F,
        split: impl Fn(O) -> (Vec<T>, Option<String>),
    ) -> Listed<T>
    where
        F: Future<Output = Result<O, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        let mut items = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let page = match self.send(call, || request(token.clone())).await {
                Ok(page) => page,
                Err(failure) if call.is_absent(&failure) => break,
                Err(failure) => {
                    let unread = Some(self.missed(call, entity, &failure));
                    return Listed { items, unread };
                }
            };
            let (more, next) = split(page);
            items.extend(more);
            let next = next.filter(|next| !next.is_empty());
            match next {
                None => break,
                Some(next) if token.as_ref() == Some(&next) => {
                    let failure = Failure::new(Kind::Other, "", "the same page token came twice");
                    let unread = Some(self.missed(call, entity, &failure));
                    return Listed { items, unread };
                }
                Some(next) => token = Some(next),
            }
        }
        Listed { items, unread: None }
    }

    /// Does something for each item, several at a time.
    pub(crate) async fn each<T, F: Future<Output = ()>>(
        &self,
        items: impl IntoIterator<Item = T>,
        work: impl Fn(T) -> F,
    ) {
        futures::stream::iter(items)
            .for_each_concurrent(BESIDE, work)
            .await;
    }

    /// What `work` makes of each item, several at a time, in the items' order.
    pub(crate) async fn gather<T, R, F: Future<Output = R>>(
        &self,
        items: impl IntoIterator<Item = T>,
        work: impl Fn(T) -> F,
    ) -> Vec<R> {
        futures::stream::iter(items)
            .map(work)
            .buffered(BESIDE)
            .collect()
            .await
    }

    async fn send<T, E, F>(&self, call: &'static Call, request: impl Fn() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        let lane = Lane {
            account: &self.unit.account,
            region: &self.region,
            service: self.service,
        };
        self.caller.send(lane, Some(&self.session), call, request).await
    }

    /// Writes a failure to the ledger; gives the words for [`Record::partial`].
    fn missed(&self, call: &Call, entity: Option<&str>, failure: &Failure) -> String {
        let gap = ledger::gap(&self.unit, call, entity, failure);
        tracing::info!(detail = %gap.detail, reason = gap.reason.as_str(), "coverage gap");
        let words = format!("{}: {}", call.action(), gap.reason.as_str());
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.again |= failure.may_pass();
        found.gaps.push(gap);
        words
    }

    /// Gives a record to the snapshot.
    pub(crate) fn record(&self, mut record: Record) {
        settle(&mut record);
        self.found
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .records
            .push(record);
    }

    /// Gives a gap that is no failed call.
    pub(crate) fn gap(&self, gap: Gap) {
        self.found
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .gaps
            .push(gap);
    }

    /// Leaves something for the plan of the run: accounts, regions.
    pub(crate) fn fact(&self, name: &str, value: Value) {
        self.found
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .facts
            .insert(name.to_owned(), value);
    }

    /// What the unit found.
    pub(crate) fn finish(self) -> Finished {
        let found = self.found.into_inner().unwrap_or_else(PoisonError::into_inner);
        Finished {
            unit: self.unit,
            facts: found.facts,
            again: found.again,
            records: found.records,
            gaps: found.gaps,
        }
    }
}
