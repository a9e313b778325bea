//! What a run has done so far: counters for whoever shows them.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of one run; they only grow.
#[derive(Debug, Default)]
pub struct Progress {
    units: AtomicU64,
    units_done: AtomicU64,
    accounts: AtomicU64,
    accounts_done: AtomicU64,
    calls: AtomicU64,
    throttles: AtomicU64,
    retries: AtomicU64,
    records: AtomicU64,
    gaps: AtomicU64,
    now: Mutex<String>,
    outcomes: Mutex<BTreeMap<(&'static str, &'static str), Outcome>>,
}

/// How a call went, the worst of all times that it was made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Each time.
    Works,
    /// Not, for another reason; what AWS said.
    Failed(String),
    /// AWS refused it; what it said.
    Denied(String),
}

/// The counters at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Units of work known so far: a service in a region of an account.
    pub units: u64,
    /// How many of them have ended.
    pub units_done: u64,
    /// Accounts to read.
    pub accounts: u64,
    /// How many of them have ended.
    pub accounts_done: u64,
    /// Requests sent, repetitions included.
    pub calls: u64,
    /// Requests that AWS throttled.
    pub throttles: u64,
    /// Requests that were repeated, for whatever reason.
    pub retries: u64,
    /// Records written.
    pub records: u64,
    /// Coverage gaps written.
    pub gaps: u64,
    /// The unit that began last.
    pub now: String,
}

impl Progress {
    /// The counters at this moment.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            units: get(&self.units),
            units_done: get(&self.units_done),
            accounts: get(&self.accounts),
            accounts_done: get(&self.accounts_done),
            calls: get(&self.calls),
            throttles: get(&self.throttles),
            retries: get(&self.retries),
            records: get(&self.records),
            gaps: get(&self.gaps),
            now: self.now.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// How each call went that was made, by service and operation.
    #[must_use]
    pub fn outcomes(&self) -> BTreeMap<(&'static str, &'static str), Outcome> {
        self.outcomes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn outcome(&self, service: &'static str, operation: &'static str, outcome: Outcome) {
        let mut outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        let worst = outcomes.entry((service, operation)).or_insert(Outcome::Works);
        if outcome > *worst {
            *worst = outcome;
        }
    }

    pub(crate) fn call(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn throttle(&self) {
        self.throttles.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn plan(&self, accounts: usize, units: usize) {
        self.accounts.fetch_add(accounts as u64, Ordering::Relaxed);
        self.units.fetch_add(units as u64, Ordering::Relaxed);
    }

    pub(crate) fn begin(&self, unit: &str) {
        unit.clone_into(&mut self.now.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn unit_done(&self, records: usize, gaps: usize) {
        self.units_done.fetch_add(1, Ordering::Relaxed);
        self.records.fetch_add(records as u64, Ordering::Relaxed);
        self.gaps.fetch_add(gaps as u64, Ordering::Relaxed);
    }

    pub(crate) fn account_done(&self) {
        self.accounts_done.fetch_add(1, Ordering::Relaxed);
    }
}
