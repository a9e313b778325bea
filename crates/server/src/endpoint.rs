//! One endpoint of the API: its place, what it takes and gives, and the function that answers. The functions are plain: what
//! was asked in, an answer or a [`Problem`] out; everything about HTTP happens around them.

use http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::auth::{Role, User};
use crate::problem::Problem;

/// Who asks whom.
pub(crate) struct Asking<'a> {
    pub(crate) app: &'a App,
    pub(crate) user: &'a User,
    /// `{id}` of the path.
    pub(crate) id: &'a str,
}

/// What was sent.
pub(crate) struct Sent<'a> {
    pub(crate) query: &'a str,
    pub(crate) body: &'a [u8],
}

/// What goes back.
pub(crate) enum Reply {
    /// An answer as JSON.
    Json(Vec<u8>),
    /// A file to keep.
    File {
        name: String,
        media: &'static str,
        body: Vec<u8>,
    },
}

type Run = dyn Fn(&Asking<'_>, &Sent<'_>) -> Result<Reply, Problem> + Send + Sync;
type Describe = fn(&mut SchemaGenerator) -> Schema;

/// One endpoint.
pub(crate) struct Endpoint {
    pub(crate) method: Method,
    /// Below `/api/v1`.
    pub(crate) path: &'static str,
    /// Its name in the API's description.
    pub(crate) operation: &'static str,
    /// What it answers.
    pub(crate) summary: &'static str,
    /// Who may ask.
    pub(crate) role: Role,
    pub(crate) query: Option<Describe>,
    pub(crate) body: Option<Describe>,
    pub(crate) answer: Option<Describe>,
    /// Whether it may take long, so that only one of its kind runs at a time.
    pub(crate) heavy: bool,
    pub(crate) run: Box<Run>,
}

impl Endpoint {
    pub(crate) const fn heavy(mut self) -> Self {
        self.heavy = true;
        self
    }
}

/// Nothing is asked for.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

fn read_query<Q: DeserializeOwned>(text: &str) -> Result<Q, Problem> {
    serde_urlencoded::from_str(text).map_err(|error| Problem::invalid(format!("in the query: {error}")))
}

fn json<A: Serialize>(answer: &A) -> Result<Reply, Problem> {
    serde_json::to_vec(answer)
        .map(Reply::Json)
        .map_err(|error| Problem::bug(error.to_string()))
}

/// An endpoint that reads.
pub(crate) fn get<Q, A>(
    path: &'static str,
    operation: &'static str,
    summary: &'static str,
    answer: fn(&Asking<'_>, Q) -> Result<A, Problem>,
) -> Endpoint
where
    Q: DeserializeOwned + JsonSchema + 'static,
    A: Serialize + JsonSchema + 'static,
{
    Endpoint {
        method: Method::GET,
        path,
        operation,
        summary,
        role: Role::Viewer,
        query: Some(Q::json_schema),
        body: None,
        answer: Some(|generator| generator.subschema_for::<A>()),
        heavy: false,
        run: Box::new(move |asking, sent| json(&answer(asking, read_query(sent.query)?)?)),
    }
}

/// An endpoint that gives a file.
pub(crate) fn file<Q>(
    path: &'static str,
    operation: &'static str,
    summary: &'static str,
    answer: fn(&Asking<'_>, Q) -> Result<Reply, Problem>,
) -> Endpoint
where
    Q: DeserializeOwned + JsonSchema + 'static,
{
    Endpoint {
        method: Method::GET,
        path,
        operation,
        summary,
        role: Role::Viewer,
        query: Some(Q::json_schema),
        body: None,
        answer: None,
        heavy: false,
        run: Box::new(move |asking, sent| answer(asking, read_query(sent.query)?)),
    }
}

/// An endpoint that takes a body.
pub(crate) fn post<B, A>(
    path: &'static str,
    operation: &'static str,
    summary: &'static str,
    role: Role,
    answer: fn(&Asking<'_>, B) -> Result<A, Problem>,
) -> Endpoint
where
    B: DeserializeOwned + JsonSchema + 'static,
    A: Serialize + JsonSchema + 'static,
{
    Endpoint {
        method: Method::POST,
        path,
        operation,
        summary,
        role,
        query: None,
        body: Some(|generator| generator.subschema_for::<B>()),
        answer: Some(|generator| generator.subschema_for::<A>()),
        heavy: false,
        run: Box::new(move |asking, sent| {
            let body = serde_json::from_slice(sent.body)
                .map_err(|error| Problem::invalid(format!("in the body: {error}")))?;
            json(&answer(asking, body)?)
        }),
    }
}

/// An endpoint that takes something away.
pub(crate) fn delete<A>(
    path: &'static str,
    operation: &'static str,
    summary: &'static str,
    role: Role,
    answer: fn(&Asking<'_>) -> Result<A, Problem>,
) -> Endpoint
where
    A: Serialize + JsonSchema + 'static,
{
    Endpoint {
        method: Method::DELETE,
        path,
        operation,
        summary,
        role,
        query: None,
        body: None,
        answer: Some(|generator| generator.subschema_for::<A>()),
        heavy: false,
        run: Box::new(move |asking, _| json(&answer(asking)?)),
    }
}
