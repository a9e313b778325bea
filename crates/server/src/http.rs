//! From requests to answers: who asks, whether they may, what was answered before, and what goes into the headers and logs.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use http::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, ETAG, HOST, HeaderName,
    HeaderValue, IF_NONE_MATCH, LOCATION, ORIGIN, RETRY_AFTER, SET_COOKIE, VARY,
};
use http::{HeaderMap, Method, StatusCode};
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::api::endpoints;
use crate::app::App;
use crate::assets;
use crate::audit::Audit;
use crate::auth::{Role, User, cookie_name, session_of};
use crate::endpoint::{Asking, Endpoint, Reply, Sent};
use crate::kept::Answer;
use crate::limit::Limits;
use crate::openapi;
use crate::problem::Problem;

/// Bytes of a body at most.
const MOST_BODY: usize = 4 << 20;
/// What changes must carry.
const CSRF: HeaderName = HeaderName::from_static("x-sv0-csrf");
/// Everything comes from here, nothing is written into the page. The one style that may be is React Aria's, known by its
/// hash: it sets `touch-action` of what can be pressed.
const POLICY: &str = "default-src 'none'; script-src 'self'; \
                      style-src 'self' 'sha256-38RhXrc7EdReTKsOm23ZPOCUgniTUUcjky8QOOrQx6o='; img-src 'self' data:; connect-src 'self'; \
                      font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// What every request sees.
pub(crate) struct Shared {
    pub(crate) app: Arc<App>,
    /// Names under which browsers may call.
    pub(crate) hosts: Vec<String>,
    pub(crate) bound: SocketAddr,
    pub(crate) limits: Limits,
    pub(crate) audit: Audit,
    /// Called with the next link when one was used.
    pub(crate) tell: Box<dyn Fn(&str) + Send + Sync>,
    openapi: Answer,
    /// Questions that take long are answered one after the other: each uses all cores.
    heavy: Semaphore,
}

/// Everything that is served.
pub(crate) fn router(
    app: Arc<App>,
    hosts: Vec<String>,
    bound: SocketAddr,
    audit: Audit,
    tell: Box<dyn Fn(&str) + Send + Sync>,
) -> Router {
    let endpoints = endpoints();
    let description = serde_json::to_vec_pretty(&openapi::document(&endpoints)).unwrap_or_default();
    let shared = Arc::new(Shared {
        limits: Limits::new(app.config.rate_limit),
        app,
        hosts,
        bound,
        audit,
        tell,
        openapi: Answer::new("application/json", None, description),
        heavy: Semaphore::new(1),
    });
    let mut api: BTreeMap<&'static str, (MethodRouter<Arc<Shared>>, Vec<&'static str>)> = BTreeMap::new();
    for endpoint in endpoints {
        let path = endpoint.path;
        let method = match endpoint.method {
            Method::POST => "POST",
            Method::DELETE => "DELETE",
            _ => "GET",
        };
        let filter = MethodFilter::try_from(endpoint.method.clone()).unwrap_or(MethodFilter::GET);
        let endpoint = Arc::new(endpoint);
        let handler = move |State(shared): State<Arc<Shared>>, id: Option<Path<String>>, request: Request| {
            let endpoint = Arc::clone(&endpoint);
            let span = traced(&endpoint, &request);
            let id = id.map(|Path(id)| id).unwrap_or_default();
            answer(shared, endpoint, id, request).instrument(span)
        };
        let (there, mut methods) = api.remove(path).unwrap_or_default();
        methods.push(method);
        api.insert(path, (there.merge(on(filter, handler)), methods));
    }
    let mut routes: Router<Arc<Shared>> = Router::new();
    for (path, (handlers, methods)) in api {
        let allow = HeaderValue::from_str(&methods.join(", ")).unwrap_or(HeaderValue::from_static("GET"));
        let refuse = move || std::future::ready(wrong_method(allow));
        routes = routes.route(&format!("/api/v1{path}"), handlers.fallback(refuse));
    }
    routes
        .route(
            "/api/v1/session",
            crate::sign_in::routes()
                .fallback(|| async { wrong_method(HeaderValue::from_static("POST, DELETE")) }),
        )
        .route("/login/methods", axum::routing::get(crate::sign_in::methods))
        .route("/login/oidc", axum::routing::get(crate::sign_in::to_provider))
        .route(
            "/login/oidc/callback",
            axum::routing::get(crate::sign_in::from_provider),
        )
        .route("/openapi.json", axum::routing::get(description_of))
        .route("/healthz", axum::routing::get(|| async { "ok\n" }))
        .route("/readyz", axum::routing::get(ready))
        .route("/metrics", axum::routing::get(metrics))
        .fallback(page)
        .layer(from_fn_with_state(Arc::clone(&shared), guard))
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::custom(panicked))
        .with_state(shared)
}

/// A bug in one answer is no reason to stop giving others.
fn panicked(error: Box<dyn std::any::Any + Send>) -> Response {
    let text = error
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| error.downcast_ref::<&str>().copied())
        .unwrap_or("a panic");
    tracing::error!(panic = text, "a request failed");
    Problem::bug("the log says more").into_response()
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(serde_json::to_vec(&self).unwrap_or_default()));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if matches!(
            self.status(),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        ) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("2"));
        }
        response
    }
}

/// A method that a path does not have, and those that it has.
fn wrong_method(allow: HeaderValue) -> Response {
    let mut response = Problem::method().into_response();
    response.headers_mut().insert(ALLOW, allow);
    response
}

/// Where a request comes from.
fn address(request: &Request) -> IpAddr {
    let from = request.extensions().get::<ConnectInfo<SocketAddr>>();
    from.map_or(IpAddr::from([127, 0, 0, 1]), |ConnectInfo(from)| from.ip())
}

/// What holds for every request: the host is ours, and every answer says what browsers may do with it.
async fn guard(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST).and_then(|value| value.to_str().ok());
    let host = host
        .map(str::to_ascii_lowercase)
        .or_else(|| request.uri().authority().map(ToString::to_string));
    // Health checks come by whatever name the cluster has for us, and tell nothing.
    let anybody = matches!(request.uri().path(), "/healthz" | "/readyz");
    let ours = anybody || host.is_some_and(|host| shared.hosts.contains(&host));
    let mut response = if ours {
        next.run(request).await
    } else {
        Problem::forbidden("this host name is not served here: see `--public-url`").into_response()
    };
    let headers = response.headers_mut();
    let fixed = [
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("permissions-policy", "camera=(), microphone=(), geolocation=()"),
    ];
    for (name, value) in fixed {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if shared.app.config.is_secure() {
        headers.insert(
            HeaderName::from_static("strict-transport-security"),
            HeaderValue::from_static("max-age=31536000"),
        );
    }
    response
}

/// Who asks, if they may ask this.
fn allowed(
    shared: &Shared,
    headers: &HeaderMap,
    from: IpAddr,
    least: Role,
    changes: bool,
) -> Result<User, Problem> {
    let app = &shared.app;
    let Some(user) = app.auth.who(headers, app.config.is_secure()) else {
        app.metrics.refused();
        // Nothing sent is nothing guessed.
        if headers.contains_key(AUTHORIZATION) && !shared.limits.may_try(from) {
            return Err(Problem::too_many());
        }
        return Err(Problem::unauthorized(if app.auth.has_login() {
            "sign in, or send `Authorization: Bearer TOKEN`"
        } else {
            "open the link that `sv0 serve` printed"
        }));
    };
    if !shared.limits.may_ask(&user.name) {
        return Err(Problem::too_many());
    }
    if user.role < least {
        return Err(Problem::forbidden(format!(
            "this needs the role {least}; you are {}",
            user.role
        )));
    }
    if let Some(csrf) = user.csrf.as_deref().filter(|_| changes) {
        let sent = headers.get(CSRF).and_then(|value| value.to_str().ok());
        let same =
            sent.is_some_and(|sent| crate::auth::secret::hash(sent).is(&crate::auth::secret::hash(csrf)));
        if !same || !from_here(shared, headers) {
            return Err(Problem::forbidden(
                "changes need the header X-SV0-CSRF with `csrf` of /meta",
            ));
        }
    }
    Ok(user)
}

/// Whether a browser says that a page of ours asks.
pub(crate) fn from_here(shared: &Shared, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN).and_then(|value| value.to_str().ok()) else {
        return true;
    };
    let host = origin
        .split_once("://")
        .map_or(origin, |(_, host)| host)
        .to_ascii_lowercase();
    shared.hosts.contains(&host)
}

/// A request as OpenTelemetry names its parts ("Semantic conventions for HTTP spans").
fn traced(endpoint: &Endpoint, request: &Request) -> Span {
    let route = format!("/api/v1{}", endpoint.path);
    tracing::info_span!(
        "request",
        otel.name = format!("{} {route}", endpoint.method),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = %endpoint.method,
        http.route = route,
        http.response.status_code = Empty,
        url.path = request.uri().path(),
        client.address = %address(request),
        enduser.id = Empty,
        sv0.operation = endpoint.operation,
        sv0.kept = Empty,
    )
}

async fn answer(shared: Arc<Shared>, endpoint: Arc<Endpoint>, id: String, request: Request) -> Response {
    let start = Instant::now();
    let from = address(&request);
    let (parts, body) = request.into_parts();
    let changes = endpoint.method != Method::GET;
    let user = match allowed(&shared, &parts.headers, from, endpoint.role, changes) {
        Ok(user) => user,
        Err(problem) => {
            Span::current().record("http.response.status_code", i64::from(problem.status));
            shared
                .app
                .metrics
                .answered(endpoint.operation, problem.status, start.elapsed());
            shared.audit.write(
                None,
                from,
                &parts.method,
                &parts.uri,
                problem.status,
                start.elapsed(),
            );
            return problem.into_response();
        }
    };
    let name = user.name.clone();
    let done = respond(&shared, &endpoint, id, user, &parts, body).await;
    let response = done.unwrap_or_else(IntoResponse::into_response);
    let status = response.status().as_u16();
    let span = Span::current();
    span.record("http.response.status_code", i64::from(status))
        .record("enduser.id", &*name);
    if status >= 500 {
        span.record("otel.status_code", "ERROR");
    }
    shared
        .app
        .metrics
        .answered(endpoint.operation, status, start.elapsed());
    shared.audit.write(
        Some(&name),
        from,
        &parts.method,
        &parts.uri,
        status,
        start.elapsed(),
    );
    response
}

async fn respond(
    shared: &Arc<Shared>,
    endpoint: &Arc<Endpoint>,
    id: String,
    user: User,
    parts: &http::request::Parts,
    body: Body,
) -> Result<Response, Problem> {
    let app = &shared.app;
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let body: Bytes = to_bytes(body, MOST_BODY)
        .await
        .map_err(|_| Problem::too_large())?;
    // `meta` is another for everybody, and what is still being worked out is another every time.
    let keeps = endpoint.method == Method::GET && endpoint.operation != "meta" && app.is_warm();
    let key = format!("{}\n{}\n{id}\n{query}", app.generation(), endpoint.path);
    let kept = if keeps { app.kept.get(&key) } else { None };
    let answer = match kept {
        Some(answer) => {
            Span::current().record("sv0.kept", true);
            app.metrics.kept();
            answer
        }
        None => {
            let _turn = if endpoint.heavy {
                shared.heavy.acquire().await.ok()
            } else {
                None
            };
            let answer = work(Arc::clone(app), Arc::clone(endpoint), id, user, query, body).await?;
            if keeps {
                app.kept.put(key, answer.clone());
            }
            answer
        }
    };
    Ok(send(answer, &parts.headers, changes(endpoint)))
}

fn changes(endpoint: &Endpoint) -> bool {
    endpoint.method != Method::GET
}

/// Asks, away from the threads that serve.
async fn work(
    app: Arc<App>,
    endpoint: Arc<Endpoint>,
    id: String,
    user: User,
    query: String,
    body: Bytes,
) -> Result<Answer, Problem> {
    let span = Span::current();
    let asked = tokio::task::spawn_blocking(move || {
        let _here = span.enter();
        let asking = Asking {
            app: &app,
            user: &user,
            id: &id,
        };
        let sent = Sent {
            query: &query,
            body: &body,
        };
        (endpoint.run)(&asking, &sent).map(|reply| match reply {
            Reply::Json(body) => Answer::new("application/json", None, body),
            Reply::File { name, media, body } => Answer::new(media, Some(name), body),
        })
    });
    match asked.await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::error!(%error, "a request failed");
            Err(Problem::bug("the log says more"))
        }
    }
}

/// An answer with its headers; none where the browser has it already.
fn send(answer: Answer, asked: &HeaderMap, changes: bool) -> Response {
    let has = asked.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let same = !changes && has.is_some_and(|has| has.contains(&answer.etag));
    let mut response = Response::new(if same {
        Body::empty()
    } else {
        Body::from(answer.body)
    });
    if same {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(answer.media));
    let cache = if changes { "no-store" } else { "private, no-cache" };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(
        VARY,
        HeaderValue::from_static("Cookie, Authorization, Accept-Encoding"),
    );
    if let Ok(etag) = HeaderValue::from_str(&answer.etag) {
        headers.insert(ETAG, etag);
    }
    if let Some(name) = answer.file
        && let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""))
    {
        headers.insert(CONTENT_DISPOSITION, value);
    }
    response
}

async fn description_of(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    send(shared.openapi.clone(), &headers, false)
}

async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    if shared.app.is_warm() {
        "ready\n".into_response()
    } else {
        Problem::not_ready("findings").into_response()
    }
}

/// For whoever scrapes with an admin's token; it names operations, not people or entities.
async fn metrics(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let from = address(&request);
    match allowed(&shared, request.headers(), from, Role::Admin, false) {
        Ok(_) => {
            let media = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(CONTENT_TYPE, media)], shared.app.metrics.text()).into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

/// The page's files, its views, and the printed link.
async fn page(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let path = request.uri().path();
    if path.starts_with("/api/") {
        return Problem::not_found("there is no such endpoint: see /openapi.json").into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return wrong_method(HeaderValue::from_static("GET"));
    }
    let token = request
        .uri()
        .query()
        .and_then(|query| query.strip_prefix("token="));
    if let (Some(token), "/") = (token, path) {
        if !shared.limits.may_try(address(&request)) {
            return Problem::too_many().into_response();
        }
        return follow(&shared, token);
    }
    assets::serve(&shared.app.config, path, request.headers())
}

/// Uses the printed link.
fn follow(shared: &Shared, token: &str) -> Response {
    let Some((session, next)) = shared.app.auth.follow_link(token) else {
        // It was used, perhaps by this browser, which then has a session.
        return redirect("/");
    };
    let url = shared.app.config.url(shared.bound);
    (shared.tell)(&format!("{url}/?token={next}"));
    let mut response = redirect("/");
    if let Ok(value) = HeaderValue::from_str(&cookie(&session, shared.app.config.is_secure())) {
        response.headers_mut().insert(SET_COOKIE, value);
    }
    response
}

/// The session's cookie: scripts do not see it, other sites do not send it.
pub(crate) fn cookie(session: &str, secure: bool) -> String {
    let name = cookie_name(secure);
    let secure = if secure { "; Secure" } else { "" };
    format!("{name}={session}; Path=/; HttpOnly; SameSite=Strict{secure}")
}

/// Somewhere else on this server.
pub(crate) fn redirect(to: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(value) = HeaderValue::from_str(to) {
        response.headers_mut().insert(LOCATION, value);
    }
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The session's secret of a request.
pub(crate) fn session(shared: &Shared, headers: &HeaderMap) -> Option<String> {
    session_of(headers, shared.app.config.is_secure())
}

/// Where a request comes from, for what is not an endpoint.
pub(crate) fn from(request: &Request) -> IpAddr {
    address(request)
}
