//! CloudTrail's records in a table of Amazon Athena: its definition is looked at ([`table`]), one query asks for what the window
//! needs ([`query`]), and its pages are read one after another.
//!
//! Source: Athena API Reference; Athena User Guide, "Query AWS CloudTrail logs".

mod api;
mod query;
mod table;

use std::fmt;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use sv0_evidence::source::{Listing, Object, Source, SourceError};
use sv0_evidence::time::{Time, Window};

pub use table::Table;

use super::Aws;
use crate::call::Call;
use crate::failure::Failure;
use api::Api;
use query::Query;
use table::Definition;

pub(crate) const START_QUERY: Call = Call {
    operation: "StartQueryExecution",
    actions: &["athena:StartQueryExecution"],
    absent: &[],
    without: "CloudTrail's table cannot be asked",
};
pub(crate) const GET_QUERY: Call = Call {
    operation: "GetQueryExecution",
    actions: &["athena:GetQueryExecution"],
    absent: &[],
    without: "whether the query has ended is not known",
};
pub(crate) const GET_RESULTS: Call = Call {
    operation: "GetQueryResults",
    actions: &["athena:GetQueryResults"],
    absent: &[],
    without: "the query's rows cannot be read",
};

/// The most rows that a page has (Athena API Reference, GetQueryResults).
const ROWS: u32 = 1000;
/// How long to wait before asking again whether a query has ended: at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A table.
pub struct Athena {
    api: Api,
    aws: Aws,
    table: Table,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: Option<Running>,
    /// Rows that were read and not yet fetched, as records, by the name of their object.
    page: Option<(String, String)>,
    lacks: Vec<String>,
    /// Values that should have been JSON.
    no_json: u64,
}

/// A query that has ended and has more pages.
struct Running {
    query: Query,
    execution: String,
    token: Option<String>,
    pages: u64,
}

impl fmt::Debug for Athena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Athena")
            .field("table", &self.table)
            .finish_non_exhaustive()
    }
}

impl Athena {
    pub(super) fn new(aws: &Aws, table: Table) -> Self {
        Self {
            api: Api::new(&aws.line),
            aws: aws.clone(),
            table,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, why: impl Into<String>) -> SourceError {
        SourceError::Place {
            place: self.table.name(),
            why: why.into(),
        }
    }

    fn refused(&self, call: &Call, failure: &Failure) -> SourceError {
        super::refused(&self.table.name(), call, failure)
    }

    /// Runs a query to its end; gives its id.
    async fn run(&self, text: &str, parameters: &[String]) -> Result<String, SourceError> {
        // The same for all repetitions of this call, so that they start one query.
        let token: String = (0..32).map(|_| fastrand::alphanumeric()).collect();
        let mut input = json!({
            "QueryString": text,
            "ClientRequestToken": token,
            "QueryExecutionContext": {"Database": self.table.database},
        });
        if let Some(catalog) = &self.table.catalog {
            merge(
                &mut input,
                json!({"QueryExecutionContext": {"Database": self.table.database, "Catalog": catalog}}),
            );
        }
        if let Some(workgroup) = &self.table.workgroup {
            merge(&mut input, json!({"WorkGroup": workgroup}));
        }
        if let Some(output) = &self.table.output {
            merge(
                &mut input,
                json!({"ResultConfiguration": {"OutputLocation": output}}),
            );
        }
        if !parameters.is_empty() {
            merge(&mut input, json!({"ExecutionParameters": parameters}));
        }
        let started = self
            .api
            .call(&START_QUERY, &input)
            .await
            .map_err(|failure| self.refused(&START_QUERY, &failure))?;
        let execution = string(&started, "/QueryExecutionId")
            .ok_or_else(|| self.failed("Athena started the query and gave no id"))?;
        let mut pause = FIRST_PAUSE;
        loop {
            let about = self
                .api
                .call(&GET_QUERY, &json!({"QueryExecutionId": execution}))
                .await
                .map_err(|failure| self.refused(&GET_QUERY, &failure))?;
            match string(&about, "/QueryExecution/Status/State").as_deref() {
                Some("SUCCEEDED") => return Ok(execution),
                Some("QUEUED" | "RUNNING") => {}
                state => {
                    let why = string(&about, "/QueryExecution/Status/StateChangeReason");
                    return Err(self.failed(format!(
                        "the query {execution} ended as {}: {}",
                        state.unwrap_or("nothing"),
                        why.as_deref().unwrap_or("Athena does not say why")
                    )));
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn results(
        &self,
        execution: &str,
        token: Option<&str>,
    ) -> Result<(Vec<Value>, Option<String>), SourceError> {
        let mut input = json!({"QueryExecutionId": execution, "MaxResults": ROWS});
        if let Some(token) = token {
            merge(&mut input, json!({"NextToken": token}));
        }
        let mut answer = self
            .api
            .call(&GET_RESULTS, &input)
            .await
            .map_err(|failure| self.refused(&GET_RESULTS, &failure))?;
        let rows = match answer.pointer_mut("/ResultSet/Rows").map(Value::take) {
            Some(Value::Array(rows)) => rows,
            _ => Vec::new(),
        };
        Ok((
            rows,
            string(&answer, "/NextToken").filter(|next| !next.is_empty()),
        ))
    }

    /// The table's definition; it costs nothing to ask.
    async fn definition(&self) -> Result<Definition, SourceError> {
        let text = format!(
            "SHOW CREATE TABLE `{}`.`{}`",
            self.table.database, self.table.table
        );
        let execution = self.run(&text, &[]).await?;
        let (mut lines, mut token) = (Vec::new(), None);
        loop {
            let (rows, next) = self.results(&execution, token.as_deref()).await?;
            for row in &rows {
                lines.push(
                    values(row)
                        .first()
                        .copied()
                        .flatten()
                        .unwrap_or_default()
                        .to_owned(),
                );
            }
            if next.is_none() || next == token {
                return Ok(Definition::parse(&lines.join("\n")));
            }
            token = next;
        }
    }

    /// Asks for what was delivered from a moment on.
    async fn begin(&self, window: Window, from: Time) -> Result<Running, SourceError> {
        let definition = self.definition().await?;
        let query = Query::new(&self.table, &definition, window, from).map_err(|why| self.failed(why))?;
        self.state().lacks.clone_from(&query.lacks);
        let execution = self.run(&query.text, &query.parameters).await?;
        Ok(Running {
            query,
            execution,
            token: None,
            pages: 0,
        })
    }

    /// The next page, which begins the query where there is none.
    async fn page(&self, window: Window, from: Time) -> Result<Object, SourceError> {
        let running = self.state().running.take();
        let mut running = match running {
            Some(running) => running,
            None => self.begin(window, from).await?,
        };
        let (rows, next) = self.results(&running.execution, running.token.as_deref()).await?;
        let (mut text, mut no_json) = (String::from("{\"Records\":["), 0);
        let mut first = true;
        for (at, row) in rows.iter().enumerate() {
            let row = values(row);
            if at == 0 && running.query.is_head(&row) {
                continue;
            }
            if !std::mem::take(&mut first) {
                text.push(',');
            }
            no_json += u64::from(!running.query.record(&row, &mut text));
        }
        text.push_str("]}");
        let object = Object {
            name: format!("{}#{}/{}", self.table.name(), running.execution, running.pages),
            size: text.len() as u64,
            delivered: None,
            // The next query has other pages.
            tag: String::new(),
        };
        let mut state = self.state();
        state.no_json += no_json;
        state.page = Some((object.name.clone(), text));
        if next.is_some() && next != running.token {
            running.token = next;
            running.pages += 1;
            state.running = Some(running);
        }
        Ok(object)
    }
}

impl Source for Athena {
    fn list(&self, window: Window) -> Result<Listing, SourceError> {
        self.list_from(window, Time::MIN)
    }

    fn list_from(&self, window: Window, from: Time) -> Result<Listing, SourceError> {
        let object = self.aws.wait(self.page(window, from))?;
        Ok(Listing {
            objects: vec![object],
            ..Listing::default()
        })
    }

    fn fetch(&self, object: &Object, bytes: &mut Vec<u8>) -> io::Result<()> {
        match &self.state().page {
            Some((name, text)) if *name == object.name => bytes.extend_from_slice(text.as_bytes()),
            _ => return Err(io::ErrorKind::NotFound.into()),
        }
        Ok(())
    }

    fn notes(&self) -> Vec<String> {
        let state = self.state();
        let name = self.table.name();
        let mut notes: Vec<String> = state
            .lacks
            .iter()
            .map(|lacks| format!("{name}: {lacks}"))
            .collect();
        if state.no_json > 0 {
            notes.push(format!(
                "{name}: {} records have request parameters or the like that are no JSON: on what these calls were is not known",
                state.no_json
            ));
        }
        notes
    }

    fn has_more(&self) -> bool {
        self.state().running.is_some()
    }
}

fn string(value: &Value, path: &str) -> Option<String> {
    value.pointer(path)?.as_str().map(str::to_owned)
}

/// Puts the members of one object into another.
fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

/// `{"Data": [{"VarCharValue": "…"}, {}]}`: a null is an entry with nothing in it.
fn values(row: &Value) -> Vec<Option<&str>> {
    let data = row.pointer("/Data").and_then(Value::as_array);
    let values = data.into_iter().flatten();
    values.map(|datum| datum.get("VarCharValue")?.as_str()).collect()
}
