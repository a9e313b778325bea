//! Whether the records here could have shown a use at all. Absence of a record is worth nothing where nobody wrote records.
//!
//! Two things tell. What the records hold: where a data event of a service stands in an account's trail, its trail keeps
//! such events, at least of some resources. And what the configuration says of the trails, where it was collected.
//!
//! Source: CloudTrail User Guide, "Logging data events" and "Logging management events" (read-only and write-only trails).

use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::Serialize;
use sv0_iam::catalog::{AccessLevel, Catalog};
use sv0_model::record::Record;

use crate::action::{self, Recorded};
use crate::evidence::Evidence;

/// Whether a use would have been seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    /// It would stand here.
    Recorded,
    /// Such events are kept, perhaps not of every resource.
    InPart,
    /// There is no record of the account at all.
    NoRecords,
    /// The account's records hold no reads at all: its trails keep writes only.
    ReadsOff,
    /// No trail here keeps such data events.
    DataEventsOff,
    /// No record ever shows it.
    NeverRecorded,
}

impl Sight {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Recorded => "would have been recorded",
            Self::InPart => "data events are kept, perhaps not of every resource",
            Self::NoRecords => "cannot be seen: there are no records of this account",
            Self::ReadsOff => "cannot be seen: the records of this account hold no reads",
            Self::DataEventsOff => "cannot be seen: no trail here keeps these data events",
            Self::NeverRecorded => "cannot be seen: no record ever shows it",
        }
    }

    /// Whether absence means anything.
    #[must_use]
    pub const fn can_be_seen(self) -> bool {
        matches!(self, Self::Recorded | Self::InPart)
    }

    /// How much absence is worth: `high`, `medium`, `none`.
    #[must_use]
    pub const fn confidence(self) -> &'static str {
        match self {
            Self::Recorded => "high",
            Self::InPart => "medium",
            _ => "none",
        }
    }
}

/// What can be seen in which account.
#[derive(Debug, Default)]
pub struct Sights {
    /// Account → whether its management events hold reads.
    management: FxHashMap<String, bool>,
    /// Account and service.
    data: FxHashMap<(String, String), Sight>,
    /// Services whose data events a trail of the organization keeps whole.
    everywhere: Vec<String>,
}

/// The service prefix whose data events a resource type of a selector stands for.
fn service_of(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "AWS::S3::Object" => "s3",
        "AWS::DynamoDB::Table" => "dynamodb",
        "AWS::Lambda::Function" => "lambda",
        "AWS::SQS::Queue" => "sqs",
        "AWS::SNS::Topic" => "sns",
        "AWS::Kinesis::Stream" => "kinesis",
        "AWS::RDS::DBCluster" => "rds-data",
        _ => return None,
    })
}

/// Whether CloudTrail marks the calls of an action as read only. It does so with AssumeRole, which gives out credentials.
fn reads(action: &str) -> bool {
    let gives_credentials = action
        .get(..14)
        .is_some_and(|head| head.eq_ignore_ascii_case("sts:AssumeRole"));
    let level = Catalog::embedded()
        .action(action)
        .map(|action| action.access_level());
    gives_credentials || matches!(level, Some(AccessLevel::Read | AccessLevel::List))
}

impl Sights {
    /// Of the records that were read, and of the configuration: its trails are among `configuration`, if it was collected.
    pub fn new<'a>(evidence: &Evidence, configuration: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut sights = Self::default();
        for one in evidence.visible() {
            if one.data {
                let service = action::prefix(&one.source).to_owned();
                sights.data.insert((one.account.clone(), service), Sight::InPart);
            } else {
                *sights.management.entry(one.account.clone()).or_default() |= one.read_only;
            }
        }
        for record in configuration {
            sights.trail(record);
        }
        sights
    }

    /// A trail that keeps all of a service's data events makes its sight whole; but only where its records are here.
    fn trail(&mut self, record: &Record) {
        let text = |name: &str| record.attrs.get(name).and_then(serde_json::Value::as_str);
        let flag = |name: &str| record.attrs.get(name).and_then(serde_json::Value::as_bool);
        if text("resource_type") != Some("AWS::CloudTrail::Trail") || flag("logging") == Some(false) {
            return;
        }
        let kept = record
            .attrs
            .get("data_events")
            .and_then(serde_json::Value::as_array);
        for selector in kept.into_iter().flatten() {
            let whole = selector.get("where").is_none() && selector.get("only").is_none();
            let kind = selector
                .get("type")
                .and_then(serde_json::Value::as_str)
                .unwrap_or_default();
            let Some(service) = service_of(kind).filter(|_| whole && flag("multi_region") == Some(true))
            else {
                continue;
            };
            if flag("organization_trail") == Some(true) {
                self.everywhere.push(service.to_owned());
            } else if let Some(account) = &record.account {
                self.data
                    .entry((account.clone(), service.to_owned()))
                    .and_modify(|sight| *sight = Sight::Recorded);
            }
        }
    }

    /// The same where the account is not known: a bucket's ARN does not tell it.
    #[must_use]
    pub fn anywhere(&self, action: &str) -> Sight {
        let data = self.data.keys().map(|(account, _)| account);
        let all: Vec<&str> = self.management.keys().chain(data).map(String::as_str).collect();
        match self.of(&all, action) {
            // Of some account; whether of the one that counts nobody knows.
            Sight::Recorded => Sight::InPart,
            other => other,
        }
    }

    /// Whether the use of an action would be seen: `accounts` are those in whose trails it would stand, the caller's and the
    /// resource's.
    #[must_use]
    pub fn of(&self, accounts: &[&str], action: &str) -> Sight {
        let known: Vec<&str> = accounts
            .iter()
            .copied()
            .filter(|account| !account.is_empty())
            .collect();
        let kept: Vec<bool> = known
            .iter()
            .filter_map(|account| self.management.get(*account))
            .copied()
            .collect();
        let management = !kept.is_empty();
        match action::recorded(action) {
            Recorded::Never => Sight::NeverRecorded,
            Recorded::Management if management && reads(action) && !kept.contains(&true) => Sight::ReadsOff,
            Recorded::Management if management => Sight::Recorded,
            Recorded::Management => Sight::NoRecords,
            Recorded::Data => {
                let service = action.split(':').next().unwrap_or_default();
                let seen = known
                    .iter()
                    .filter_map(|account| {
                        self.data
                            .get(&((*account).to_owned(), service.to_owned()))
                            .copied()
                    })
                    .min();
                match seen {
                    Some(Sight::Recorded) => Sight::Recorded,
                    Some(_) if self.everywhere.iter().any(|one| one == service) => Sight::Recorded,
                    Some(sight) => sight,
                    None if management && self.everywhere.iter().any(|one| one == service) => Sight::Recorded,
                    None if management => Sight::DataEventsOff,
                    None => Sight::NoRecords,
                }
            }
        }
    }
}
