//! One scan: who we are, which accounts, which regions, and then every unit, beside each other.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_types::SdkConfig;
use aws_types::region::Region;
use futures::StreamExt;
use serde_json::{Map, Value, json};
use sv0_model::coverage::{Gap, Reason};
use tokio::sync::Semaphore;

use crate::call::{Scope, Service};
use crate::caller::Caller;
use crate::credentials::{Secret, SecretError, Session, resolve};
use crate::cx::{Cx, Parts};
use crate::journal::{Journal, JournalError, Unit};
use crate::progress::{Outcome as CallOutcome, Progress};
use crate::service::{account, organizations, sts};
use crate::start::{Login, Start, begin, with_session};
use crate::{ledger, registry};

/// What to scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The account of the credentials.
    Current,
    /// All active accounts of the organization.
    Organization,
    /// These accounts.
    Accounts(Vec<String>),
    /// The accounts of these roles, with these roles.
    Roles(Vec<String>),
}

/// How to scan it.
#[derive(Debug, Clone)]
pub struct Options {
    /// What.
    pub target: Target,
    /// The role to take in each account, with its path if it has one.
    pub role_name: String,
    /// A role to take before anything else, such as one in the management account.
    pub start_role: Option<String>,
    /// The external id that roles ask for: a value, or `env:`, `file:`, `op://`.
    pub external_id: Option<String>,
    /// Profile of the AWS configuration files.
    pub profile: Option<String>,
    /// An access key that can do nothing but take the role: references to its id and its secret.
    pub bootstrap: Option<(String, String)>,
    /// Only these regions; all enabled ones where it is empty.
    pub regions: Vec<String>,
    /// Only these services; all where it is empty.
    pub services: Vec<String>,
    /// Not these services.
    pub skip: Vec<String>,
    /// Requests in flight at most.
    pub concurrency: usize,
    /// How long a call may take with its repetitions.
    pub call_deadline: Duration,
    /// How long the whole may take; what is not read by then is a gap.
    pub deadline: Option<Duration>,
    /// Where the journal is.
    pub journal: PathBuf,
    /// Go on with an interrupted scan.
    pub resume: bool,
    /// Try it out: read one region of this many accounts, and only enter the others.
    pub probe: Option<usize>,
}

/// What a scan gave.
#[derive(Debug)]
pub struct Outcome {
    /// What was found.
    pub journal: Journal,
    /// Gaps that belong to no unit: accounts that could not be entered, what time did not suffice for.
    pub gaps: Vec<Gap>,
    /// What was scanned, for the snapshot's header.
    pub source: String,
    /// Whether a resumed scan could read more.
    pub may_resume: bool,
}

/// Why there is no scan at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No credentials, or bad ones.
    #[error("{0}")]
    Credentials(String),
    /// A reference to a secret gave none.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The organization's accounts could not be listed.
    #[error("the accounts of the organization cannot be listed: {0}")]
    Organization(String),
    /// A name that is no service's.
    #[error("there is no service `{0}`; there are: {1}")]
    Service(String, String),
    /// An account is twelve digits.
    #[error("`{0}` is no account: an account is twelve digits")]
    Account(String),
    /// A role's ARN.
    #[error("`{0}` is no role: write `arn:aws:iam::123456789012:role/name`")]
    Role(String),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Ctrl-C.
    #[error("interrupted; `--resume` goes on from here")]
    Interrupted,
    /// The machine has no more threads, or the like.
    #[error("cannot start")]
    Start(#[source] std::io::Error),
}

/// Reads everything that `options` ask for. Waits until all is read, time is up, or Ctrl-C.
///
/// # Errors
///
/// When nothing can be read at all, the journal cannot be written, or the user stops it.
pub fn scan(options: &Options, progress: &Arc<Progress>) -> Result<Outcome, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Error::Start)?;
    let done = runtime.block_on(async {
        let work = Box::pin(run(options, progress));
        tokio::select! {
            done = work => done,
            _ = tokio::signal::ctrl_c() => Err(Error::Interrupted),
        }
    });
    // What still waits for an answer is not waited for.
    runtime.shutdown_background();
    done
}

/// An account to read.
#[derive(Debug, Clone)]
struct Place {
    id: String,
    name: String,
    arn: Option<String>,
    session: Session,
    /// The session to use where the role cannot be taken: the starting identity in its own account.
    otherwise: Option<Session>,
}

struct Run<'a> {
    options: &'a Options,
    caller: Arc<Caller>,
    journal: &'a Journal,
    services: Vec<&'static Service>,
    start: &'a Start,
    /// Units at a time: what each holds in memory is what bounds the run's.
    beside: Semaphore,
    gaps: Mutex<Vec<Gap>>,
    /// What the deadline would leave undone.
    pending: Mutex<BTreeSet<Unit>>,
    /// The first failure to write the journal, which ends the run.
    broken: Mutex<Option<JournalError>>,
}

/// Accounts at a time.
const ACCOUNTS_BESIDE: usize = 24;

async fn run(options: &Options, progress: &Arc<Progress>) -> Result<Outcome, Error> {
    let services = chosen(options)?;
    let caller = Arc::new(Caller::new(
        options.concurrency,
        options.call_deadline,
        Arc::clone(progress),
    ));
    let external_id = match &options.external_id {
        Some(reference) => Some(resolve(reference).await?),
        None => None,
    };
    let login = Login {
        profile: options.profile.clone(),
        region: None,
        bootstrap: options.bootstrap.clone(),
        role: options.start_role.clone(),
    };
    let start = begin(&login, &caller, external_id.as_ref()).await?;
    let scope = scope(options, &start);
    let journal = if options.resume {
        Journal::resume(&options.journal, &scope)?
    } else {
        Journal::begin(&options.journal, &scope)?
    };
    let run = Run {
        options,
        caller,
        journal: &journal,
        services,
        start: &start,
        beside: Semaphore::new(options.concurrency.max(1)),
        gaps: Mutex::default(),
        pending: Mutex::default(),
        broken: Mutex::default(),
    };
    let work = run.everything(external_id);
    let in_time = match options.deadline {
        None => work.await.map(Some),
        Some(deadline) => match tokio::time::timeout(deadline, work).await {
            Ok(done) => done.map(Some),
            Err(_) => Ok(None),
        },
    };
    let accounts = in_time?;
    if let Some(broken) = run.broken.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Err(broken.into());
    }
    let out_of_time = accounts.is_none();
    let pending = std::mem::take(&mut *run.pending.lock().unwrap_or_else(PoisonError::into_inner));
    let mut gaps = std::mem::take(&mut *run.gaps.lock().unwrap_or_else(PoisonError::into_inner));
    drop(run);
    if out_of_time {
        let why = "the scan's deadline came first (`--resume` goes on)";
        gaps.extend(
            pending
                .iter()
                .map(|unit| ledger::skipped(unit, Reason::Error, why)),
        );
        if pending.is_empty() {
            gaps.push(Gap {
                account: None,
                region: None,
                service: None,
                call: String::new(),
                entity: None,
                reason: Reason::Error,
                detail: format!("not all accounts were begun: {why}"),
                consequence: "whole accounts are not known".into(),
            });
        }
    }
    let source = match accounts {
        Some(1) => format!("scan of account {}", start.account),
        Some(accounts) => format!("scan of {accounts} accounts from account {}", start.account),
        None => format!("unfinished scan from account {}", start.account),
    };
    let may_resume = out_of_time || journal.has_more();
    Ok(Outcome {
        journal,
        gaps,
        source,
        may_resume,
    })
}

/// The services that the options name.
fn chosen(options: &Options) -> Result<Vec<&'static Service>, Error> {
    let not_built = |name: &str| registry::NOT_BUILT.iter().any(|(left, _)| *left == name);
    for name in options.services.iter().chain(&options.skip) {
        if registry::find(name).is_none() && !not_built(name) {
            let all: Vec<&str> = registry::SERVICES.iter().map(|service| service.name).collect();
            return Err(Error::Service(name.clone(), all.join(", ")));
        }
    }
    let wanted = |service: &&&'static Service| {
        let name = service.name;
        let in_list = options.services.is_empty() || options.services.iter().any(|wanted| wanted == name);
        in_list && !options.skip.iter().any(|skipped| skipped == name)
    };
    Ok(registry::SERVICES.iter().filter(wanted).copied().collect())
}

/// What the scan is of, so that a journal is not continued by a scan of something else.
fn scope(options: &Options, start: &Start) -> String {
    let sorted = |list: &[String]| list.iter().cloned().collect::<BTreeSet<_>>();
    json!({
        "from": start.account,
        "target": format!("{:?}", options.target),
        "role": options.role_name,
        "regions": sorted(&options.regions),
        "services": sorted(&options.services),
        "skip": sorted(&options.skip),
    })
    .to_string()
}

/// Partition and account of a role's ARN.
pub(crate) fn role_parts(arn: &str) -> Result<(String, String), Error> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", partition, "iam", "", account, resource]
            if is_account(account) && resource.starts_with("role/") =>
        {
            Ok(((*partition).to_owned(), (*account).to_owned()))
        }
        _ => Err(Error::Role(arn.to_owned())),
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl Run<'_> {
    /// Gives how many accounts were read.
    async fn everything(&self, external_id: Option<Secret>) -> Result<usize, Error> {
        for (name, costs) in registry::NOT_BUILT {
            let wanted =
                self.options.services.is_empty() || self.options.services.iter().any(|wanted| wanted == name);
            if wanted && !self.options.skip.iter().any(|skipped| skipped == name) {
                self.gap(Gap {
                    account: None,
                    region: None,
                    service: Some((*name).to_owned()),
                    call: String::new(),
                    entity: None,
                    reason: Reason::NotSupported,
                    detail: format!(
                        "this build of sv0 cannot read {name}; the release build can (`make build`)"
                    ),
                    consequence: (*costs).to_owned(),
                });
            }
        }
        self.note_limits();
        let organization = self.organization().await;
        let places = self.places(&organization, external_id)?;
        self.caller.progress().plan(places.len(), 0);
        futures::stream::iter(places.iter().enumerate())
            .for_each_concurrent(ACCOUNTS_BESIDE, |(number, place)| async move {
                let only_enter = self.options.probe.is_some_and(|most| number >= most);
                self.account(place, only_enter).await;
                self.caller.forget(&place.id);
                self.caller.progress().account_done();
            })
            .await;
        Ok(places.len())
    }

    /// A choice of regions or services is a gap, too: what was not asked for is not known.
    fn note_limits(&self) {
        let note = |detail: String, consequence: &str| {
            self.gap(Gap {
                account: None,
                region: None,
                service: None,
                call: String::new(),
                entity: None,
                reason: Reason::NotInInput,
                detail,
                consequence: consequence.into(),
            });
        };
        if !self.options.regions.is_empty() {
            note(
                format!(
                    "only these regions were asked for: {}",
                    self.options.regions.join(", ")
                ),
                "what lies in other regions is not known",
            );
        }
        if !self.options.services.is_empty() {
            note(
                format!(
                    "only these services were asked for: {}",
                    self.options.services.join(", ")
                ),
                "what other services hold is not known",
            );
        }
        if !self.options.skip.is_empty() {
            note(
                format!("these services were left out: {}", self.options.skip.join(", ")),
                "what they hold is not known",
            );
        }
    }

    /// The organization's facts; empty where it was not read.
    async fn organization(&self) -> Map<String, Value> {
        let mut facts = Map::new();
        let mut services: Vec<&'static Service> = self
            .services
            .iter()
            .copied()
            .filter(|service| service.scope == Scope::Organization)
            .collect();
        let needed = &organizations::SERVICE;
        let listed = services.iter().any(|service| service.name == needed.name);
        // Whatever services were asked for: the accounts are known by this one.
        if self.options.target == Target::Organization && !listed {
            services.push(needed);
        }
        for service in services {
            let unit = Unit::new(&self.start.account, None, service.name);
            self.caller.progress().plan(0, 1);
            let found = self
                .unit(service, unit, &self.start.session, &self.start.config, None, None)
                .await;
            facts.extend(found);
        }
        facts
    }

    fn places(
        &self,
        organization: &Map<String, Value>,
        external_id: Option<Secret>,
    ) -> Result<Vec<Place>, Error> {
        let start = self.start;
        let listed = organization
            .get(organizations::ACCOUNTS)
            .and_then(Value::as_array);
        let known = |id: &str| {
            listed.and_then(|accounts| {
                accounts
                    .iter()
                    .find(|account| account.get("id").and_then(Value::as_str) == Some(id))
            })
        };
        let place = |id: &str, role: Option<&str>| {
            let arn = known(id).and_then(|account| account.get("arn").and_then(Value::as_str));
            let name = known(id).and_then(|account| account.get("name").and_then(Value::as_str));
            let here = (id == start.account).then(|| start.session.clone());
            let session = match role {
                Some(role) => Session::role(
                    id,
                    role,
                    external_id.clone(),
                    &start.config,
                    Some(start.session.clone()),
                    Arc::clone(&self.caller),
                ),
                None => start.session.clone(),
            };
            Place {
                id: id.to_owned(),
                name: name.unwrap_or_default().to_owned(),
                arn: arn.map(str::to_owned),
                session,
                otherwise: here.filter(|_| role.is_some()),
            }
        };
        let role_in = |id: &str| {
            let name = self.options.role_name.trim_start_matches('/');
            format!("arn:{}:iam::{id}:role/{name}", start.partition)
        };
        match &self.options.target {
            Target::Current => Ok(vec![place(&start.account, None)]),
            Target::Accounts(ids) => ids
                .iter()
                .map(|id| {
                    if is_account(id) {
                        Ok(place(id, Some(&role_in(id))))
                    } else {
                        Err(Error::Account(id.clone()))
                    }
                })
                .collect(),
            Target::Roles(roles) => roles
                .iter()
                .map(|role| role_parts(role).map(|(_, id)| place(&id, Some(role))))
                .collect(),
            Target::Organization => {
                let Some(listed) = listed else {
                    return Err(Error::Organization(self.why_no_accounts()));
                };
                let mut ids: Vec<&str> = Vec::new();
                for account in listed {
                    let Some(id) = account.get("id").and_then(Value::as_str) else {
                        continue;
                    };
                    let status = account.get("status").and_then(Value::as_str).unwrap_or_default();
                    // A suspended account's roles cannot be taken, nor used by anyone.
                    if status == "SUSPENDED" {
                        let unit = Unit::new(id, None, "account");
                        let mut gap = ledger::skipped(&unit, Reason::NotInInput, "the account is suspended");
                        gap.service = None;
                        gap.consequence =
                            "nothing of it is known; nobody can act in it while it is suspended".into();
                        self.gap(gap);
                    } else {
                        ids.push(id);
                    }
                }
                ids.sort_unstable();
                // An organization has its management account at least.
                if ids.is_empty() {
                    return Err(Error::Organization(
                        "AWS listed none, which cannot be: these credentials are not of the management account or a \
                         delegated administrator"
                            .into(),
                    ));
                }
                Ok(ids.into_iter().map(|id| place(id, Some(&role_in(id)))).collect())
            }
        }
    }

    /// What AWS said when it was asked for the organization's accounts.
    fn why_no_accounts(&self) -> String {
        let outcomes = self.caller.progress().outcomes();
        let said = ["DescribeOrganization", "ListAccounts"]
            .iter()
            .find_map(
                |operation| match outcomes.get(&(organizations::SERVICE.name, operation)) {
                    Some(CallOutcome::Denied(message) | CallOutcome::Failed(message)) => {
                        Some(message.clone())
                    }
                    _ => None,
                },
            );
        said.unwrap_or_else(|| format!("account {} is in no organization", self.start.account))
    }

    async fn account(&self, place: &Place, only_enter: bool) {
        let session = match (place.session.ready().await, &place.otherwise) {
            (Ok(_), _) => &place.session,
            (Err(_), Some(otherwise)) => otherwise,
            (Err(failure), None) => {
                let named = if place.name.is_empty() {
                    place.id.clone()
                } else {
                    format!("{} ({})", place.id, place.name)
                };
                self.gap(Gap {
                    account: Some(place.id.clone()),
                    region: None,
                    service: None,
                    call: sts::ASSUME_ROLE.action().to_owned(),
                    entity: None,
                    reason: failure.reason(),
                    detail: format!("account {named} cannot be entered: {}", failure.message),
                    consequence: "nothing of the account is known: who can act in it, and what from it can reach others"
                        .into(),
                });
                return;
            }
        };
        if only_enter {
            return;
        }
        let config = with_session(&self.start.config, session);
        let mut regions = self.regions(place, session, &config).await;
        if self.options.probe.is_some() {
            let here = self.start.config.region().map_or("", |region| region.as_ref());
            let at = regions
                .iter()
                .position(|region| region == here)
                .unwrap_or_default();
            regions = regions.into_iter().skip(at).take(1).collect();
        }
        let mut units = Vec::new();
        for service in &self.services {
            match service.scope {
                Scope::Organization => {}
                Scope::Global if service.name == account::SERVICE.name => {}
                Scope::Global => units.push((*service, None)),
                Scope::Regional => {
                    units.extend(regions.iter().map(|region| (*service, Some(region.as_str()))))
                }
            }
        }
        self.caller.progress().plan(0, units.len());
        {
            let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
            pending.extend(
                units
                    .iter()
                    .map(|(service, region)| Unit::new(&place.id, *region, service.name)),
            );
        }
        let config = &config;
        futures::stream::iter(units)
            .for_each_concurrent(None, |(service, region)| async move {
                let Ok(_turn) = self.beside.acquire().await else {
                    return;
                };
                let unit = Unit::new(&place.id, region, service.name);
                self.unit(service, unit, session, config, region, place.arn.as_deref())
                    .await;
            })
            .await;
    }

    /// The regions to read in an account.
    async fn regions(&self, place: &Place, session: &Session, config: &SdkConfig) -> Vec<String> {
        let unit = Unit::new(&place.id, None, account::SERVICE.name);
        self.caller.progress().plan(0, 1);
        let facts = self
            .unit(
                &account::SERVICE,
                unit,
                session,
                config,
                None,
                place.arn.as_deref(),
            )
            .await;
        let enabled: Vec<String> = facts
            .get(account::REGIONS)
            .and_then(|regions| serde_json::from_value(regions.clone()).ok())
            .unwrap_or_default();
        if self.options.regions.is_empty() {
            return enabled;
        }
        let wanted = |region: &String| self.options.regions.contains(region);
        enabled.into_iter().filter(wanted).collect()
    }

    /// Reads a unit, or takes what an earlier run found; gives its facts.
    async fn unit(
        &self,
        service: &'static Service,
        unit: Unit,
        session: &Session,
        config: &SdkConfig,
        region: Option<&str>,
        account_arn: Option<&str>,
    ) -> Map<String, Value> {
        if self
            .broken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
        {
            return Map::new();
        }
        if let Some(facts) = self.journal.done(&unit) {
            self.caller.progress().unit_done(0, 0);
            self.pending
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&unit);
            return facts;
        }
        let region = region
            .unwrap_or_else(|| global_region(&self.start.partition))
            .to_owned();
        self.caller
            .progress()
            .begin(&format!("{} in {}", service.name, unit.place()));
        tracing::debug!(service = service.name, account = unit.account, region, "begins");
        let cx = Cx::new(Parts {
            unit: unit.clone(),
            service: service.name,
            sdk: config.to_builder().region(Region::new(region.clone())).build(),
            region,
            partition: self.start.partition.clone(),
            session: session.clone(),
            caller: Arc::clone(&self.caller),
            account_arn: account_arn.map(str::to_owned),
        });
        (service.collect)(&cx).await;
        let finished = cx.finish();
        self.caller
            .progress()
            .unit_done(finished.records.len(), finished.gaps.len());
        if let Err(error) = self.journal.append(&finished) {
            let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
            broken.get_or_insert(error);
        }
        self.pending
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&unit);
        finished.facts
    }

    fn gap(&self, gap: Gap) {
        self.gaps.lock().unwrap_or_else(PoisonError::into_inner).push(gap);
    }
}

/// Where a partition's global services have their API.
fn global_region(partition: &str) -> &'static str {
    match partition {
        "aws-cn" => "cn-north-1",
        "aws-us-gov" => "us-gov-west-1",
        _ => "us-east-1",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_and_accounts_are_checked() {
        let parts = role_parts("arn:aws-cn:iam::123456789012:role/path/reader").unwrap();
        assert_eq!(parts, ("aws-cn".to_owned(), "123456789012".to_owned()));
        for wrong in [
            "reader",
            "arn:aws:iam::12:role/x",
            "arn:aws:iam::123456789012:user/x",
        ] {
            assert!(matches!(role_parts(wrong), Err(Error::Role(_))), "{wrong}");
        }
        assert!(is_account("012345678901") && !is_account("0123") && !is_account("01234567890a"));
    }
}
