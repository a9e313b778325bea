//! One JSON request in, one JSON decision out: the evaluator for whoever wants to test it.
//!
//! The format is in `docs/simulate.md` and `docs/simulate.schema.json`. A request says everything that bears on it: no
//! input but the line is read, and a context key that the line does not name is absent. Keys listed as `unknown` make
//! the answer `allowed_if` where they decide, with a completion of them that is really allowed and one that is not.

mod answer;
mod asked;
mod case;

use std::borrow::Cow;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sv0_iam::syntax::{Flavor, Policy, Severity, parse};

use answer::{Answer, Failed};
use asked::{Asked, JustId};
use case::Case;

/// What compiled policies may take before they are forgotten, measured by their text.
const CACHE_BYTES: usize = 16 << 20;

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered.
    Answered,
    /// It was no request; the answer says why.
    Failed,
    /// It was blank: there is no answer.
    Blank,
}

/// Answers requests, and remembers the policies that it has compiled.
#[derive(Debug, Default)]
pub struct Simulator {
    cache: FxHashMap<Flavor, FxHashMap<Box<str>, Arc<Compiled>>>,
    held: usize,
}

/// A policy as it stands in requests.
#[derive(Debug)]
struct Compiled {
    policy: Policy,
    name: Option<String>,
    /// What is odd about it.
    remarks: Vec<String>,
}

impl Simulator {
    /// Answers a line: appends one line of JSON to `out`. `number` is for the message where the line is no request.
    pub fn answer(&mut self, number: usize, line: &[u8], out: &mut Vec<u8>) -> Outcome {
        if line.iter().all(u8::is_ascii_whitespace) {
            return Outcome::Blank;
        }
        match self.decided(line) {
            Ok(answer) => {
                write(&answer, out);
                Outcome::Answered
            }
            Err(error) => {
                let id = serde_json::from_slice(line)
                    .ok()
                    .and_then(|line: JustId<'_>| line.id);
                write(&Failed::new(id, number, &error), out);
                Outcome::Failed
            }
        }
    }

    /// Writes the answer to a line that cannot be read at all.
    pub fn refuse(number: usize, why: &str, out: &mut Vec<u8>) {
        write(&Failed::new(None, number, why), out);
    }

    fn decided<'a>(&mut self, line: &'a [u8]) -> Result<Answer<'a>, String> {
        let text = std::str::from_utf8(line).map_err(|error| format!("not UTF-8: {error}"))?;
        let asked: Asked<'a> = serde_json::from_str(text).map_err(|error| tidy(&error))?;
        let case = Case::new(self, &asked)?;
        Ok(case.answer(asked.id))
    }

    fn compile(&mut self, raw: &RawValue, flavor: Flavor) -> Result<Arc<Compiled>, String> {
        let text = raw.get();
        let of_flavor = self.cache.entry(flavor).or_default();
        if let Some(known) = of_flavor.get(text) {
            return Ok(Arc::clone(known));
        }
        let compiled = Arc::new(compile(text, flavor)?);
        self.held += text.len();
        if self.held > CACHE_BYTES {
            self.held = text.len();
            self.cache.clear();
        }
        let of_flavor = self.cache.entry(flavor).or_default();
        of_flavor.insert(text.into(), Arc::clone(&compiled));
        Ok(compiled)
    }
}

fn write(answer: &impl Serialize, out: &mut Vec<u8>) {
    let written = serde_json::to_writer(&mut *out, answer);
    debug_assert!(
        written.is_ok(),
        "memory takes everything, and everything here has a JSON form"
    );
    out.push(b'\n');
}

/// serde_json's message; "line 1" would be taken for the line of the file.
fn tidy(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((what, _)) => format!("{what} at column {}", error.column()),
        None => text,
    }
}

/// A policy may be its document, the document's text in a string, or `{"name": …, "policy": either}`.
fn compile(text: &str, flavor: Flavor) -> Result<Compiled, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wrapped<'a> {
        name: Option<String>,
        #[serde(borrow)]
        policy: &'a RawValue,
    }
    let (name, text) = match serde_json::from_str::<Wrapped<'_>>(text) {
        Ok(wrapped) => (wrapped.name, wrapped.policy.get()),
        Err(_) => (None, text),
    };
    let document: Cow<'_, str> = if text.starts_with('"') {
        serde_json::from_str::<String>(text)
            .map_err(|error| tidy(&error))?
            .into()
    } else {
        text.into()
    };
    let (policy, diagnostics) = parse(&document, flavor);
    let remark = |d: &sv0_iam::syntax::Diagnostic| match d.severity {
        Severity::Error => format!("AWS would refuse this: {d}"),
        Severity::Warning => d.to_string(),
    };
    let remarks: Vec<String> = diagnostics.iter().map(remark).collect();
    match policy {
        Some(policy) => Ok(Compiled {
            policy,
            name,
            remarks,
        }),
        None => Err(diagnostics
            .first()
            .map_or_else(|| "no policy".to_owned(), ToString::to_string)),
    }
}

#[cfg(test)]
mod tests;
