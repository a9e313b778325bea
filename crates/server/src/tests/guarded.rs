//! Who may ask what.

use http::{Method, StatusCode};
use serde_json::json;

use super::{HOST, Server, folder};
use crate::auth::token::Tokens;
use crate::auth::{Auth, Role};
use crate::config::Config;
use crate::{ServeError, serve};

#[test]
fn nobody_gets_nothing() {
    let server = Server::new("nobody");
    for endpoint in crate::api::endpoints() {
        let path = format!("/api/v1{}", endpoint.path.replace("{id}", "finding-1"));
        let got = server.ask(&endpoint.method, &path, &[], "{}");
        assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(got.header("content-type"), "application/problem+json");
        let wrong = server.ask(
            &endpoint.method,
            &path,
            &[("authorization", "Bearer sv0_wrong")],
            "{}",
        );
        assert!(
            matches!(
                wrong.status,
                StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS
            ),
            "{path}: {}",
            wrong.status
        );
    }
    let metrics = server.ask(&Method::GET, "/metrics", &[], "");
    assert!(!metrics.status.is_success());
}

#[test]
fn the_link_holds_for_one_browser_and_the_next_one_is_told() {
    let server = Server::new("link");
    assert_eq!(server.follow("wrong"), None);
    let cookie = server.follow(&server.link).unwrap();
    assert_eq!(server.follow(&server.link), None, "it was used");
    let next = server.told.lock().unwrap().last().unwrap().clone();
    let secret = next.split_once("token=").unwrap().1.to_owned();
    assert!(server.follow(&secret).is_some(), "the next browser");
    let meta = server.ask(&Method::GET, "/api/v1/meta", &[("cookie", &cookie)], "");
    assert_eq!(meta.status, StatusCode::OK);
    assert_eq!(meta.json()["user"]["method"], "link");
    let other = Server::new("link-other");
    let elsewhere = other.ask(&Method::GET, "/api/v1/meta", &[("cookie", &cookie)], "");
    assert_eq!(
        elsewhere.status,
        StatusCode::UNAUTHORIZED,
        "a session of one server is none of another"
    );
    let gone = server.ask(&Method::DELETE, "/api/v1/session", &[("cookie", &cookie)], "");
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    let after = server.ask(&Method::GET, "/api/v1/meta", &[("cookie", &cookie)], "");
    assert_eq!(after.status, StatusCode::UNAUTHORIZED);
}

#[test]
fn scripts_do_not_see_the_cookie_and_other_sites_do_not_send_it() {
    let server = Server::new("cookie");
    let got = server.ask(&Method::GET, &format!("/?token={}", server.link), &[], "");
    let set = got.header("set-cookie");
    assert!(
        set.contains("HttpOnly") && set.contains("SameSite=Strict"),
        "{set}"
    );
    let config = Config {
        public_url: Some(format!("https://{HOST}")),
        ..Config::default()
    };
    let secure = Server::of("cookie-secure", sv0_demo::SNAPSHOT, config);
    let got = secure.ask(&Method::GET, &format!("/?token={}", secure.link), &[], "");
    let set = got.header("set-cookie");
    assert!(
        set.starts_with("__Host-sv0=") && set.ends_with("; Secure"),
        "{set}"
    );
    assert!(!got.header("strict-transport-security").is_empty());
}

#[test]
fn a_browser_signs_in_with_a_token() {
    let server = Server::new("sign-in");
    let json_type = ("content-type", "application/json");
    let wrong = server.ask(
        &Method::POST,
        "/api/v1/session",
        &[json_type],
        r#"{"token":"sv0_wrong"}"#,
    );
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    let body = json!({ "token": server.analyst }).to_string();
    let form = server.ask(
        &Method::POST,
        "/api/v1/session",
        &[("content-type", "text/plain")],
        &body,
    );
    assert_eq!(
        form.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "other sites' forms cannot send JSON"
    );
    let other = [json_type, ("origin", "https://evil.example")];
    let other = server.ask(&Method::POST, "/api/v1/session", &other, &body);
    assert_eq!(other.status, StatusCode::FORBIDDEN);
    let got = server.ask(&Method::POST, "/api/v1/session", &[json_type], &body);
    assert_eq!(got.status, StatusCode::NO_CONTENT);
    let cookie = got.header("set-cookie").split(';').next().unwrap().to_owned();
    let meta = server
        .ask(&Method::GET, "/api/v1/meta", &[("cookie", &cookie)], "")
        .json();
    assert_eq!(meta["user"]["role"], "analyst");
    assert_eq!(meta["user"]["name"], "token:analyst");
    assert!(!meta["csrf"].as_str().unwrap().is_empty());
}

#[test]
fn a_role_may_do_what_it_may() {
    let server = Server::new("roles");
    let id = server.get("/findings").json()["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let body = json!({ "reason": "known", "until": null }).to_string();
    let viewer = format!("Bearer {}", server.viewer);
    let path = format!("/api/v1/findings/{id}/suppress");
    let got = server.ask(&Method::POST, &path, &[("authorization", &viewer)], &body);
    assert_eq!(got.status, StatusCode::FORBIDDEN);
    assert!(got.json()["detail"].as_str().unwrap().contains("analyst"));
    let analyst = format!("Bearer {}", server.analyst);
    let got = server.ask(&Method::POST, &path, &[("authorization", &analyst)], &body);
    assert_eq!(got.status, StatusCode::OK);
    let metrics = server.ask(&Method::GET, "/metrics", &[("authorization", &analyst)], "");
    assert_eq!(metrics.status, StatusCode::FORBIDDEN);
    let admin = format!("Bearer {}", server.admin);
    let metrics = server.ask(&Method::GET, "/metrics", &[("authorization", &admin)], "");
    let text = String::from_utf8(metrics.body).unwrap();
    assert!(
        text.contains("sv0_http_requests_total{operation=\"findings\",status=\"200\"} 1"),
        "{text}"
    );
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn a_browsers_change_needs_the_csrf_token_and_our_own_page() {
    let server = Server::new("csrf");
    let cookie = server.follow(&server.link).unwrap();
    let csrf = server
        .ask(&Method::GET, "/api/v1/meta", &[("cookie", &cookie)], "")
        .json()["csrf"]
        .as_str()
        .unwrap()
        .to_owned();
    let id = server.get("/findings").json()["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/api/v1/findings/{id}/suppress");
    let body = json!({ "reason": "known", "until": "2099-01-31" }).to_string();
    let post = |headers: &[(&str, &str)]| {
        let mut all = vec![("cookie", cookie.as_str())];
        all.extend_from_slice(headers);
        server.ask(&Method::POST, &path, &all, &body).status
    };
    assert_eq!(post(&[]), StatusCode::FORBIDDEN);
    assert_eq!(post(&[("x-sv0-csrf", "wrong")]), StatusCode::FORBIDDEN);
    let foreign = [("x-sv0-csrf", csrf.as_str()), ("origin", "https://evil.example")];
    assert_eq!(post(&foreign), StatusCode::FORBIDDEN);
    let ours = format!("http://{HOST}");
    assert_eq!(post(&[("x-sv0-csrf", &csrf), ("origin", &ours)]), StatusCode::OK);
}

#[test]
fn another_host_name_is_refused() {
    let server = Server::new("host");
    let token = format!("Bearer {}", server.viewer);
    let ask = |host: &str| {
        let headers = [("host", host), ("authorization", token.as_str())];
        server.ask(&Method::GET, "/api/v1/meta", &headers, "").status
    };
    assert_eq!(ask("evil.example:7777"), StatusCode::FORBIDDEN);
    assert_eq!(ask("127.0.0.1:80"), StatusCode::FORBIDDEN);
    assert_eq!(ask("localhost:7777"), StatusCode::OK);
    let health = server.ask(&Method::GET, "/healthz", &[("host", "10.0.0.7:8080")], "");
    assert_eq!(health.status, StatusCode::OK);
}

#[test]
fn every_answer_tells_browsers_what_they_may_do() {
    let server = Server::new("headers");
    for path in [
        "/",
        "/findings",
        "/api/v1/meta",
        "/healthz",
        "/nothing.js",
        "/openapi.json",
    ] {
        let got = server.ask(&Method::GET, path, &[], "");
        let policy = got.header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe"),
            "{path}: {policy}"
        );
        assert_eq!(got.header("x-content-type-options"), "nosniff", "{path}");
    }
}

#[test]
fn somebody_who_asks_too_often_waits() {
    let config = Config {
        rate_limit: Some(2),
        ..Config::default()
    };
    let server = Server::of("rate", sv0_demo::SNAPSHOT, config);
    let asked: Vec<StatusCode> = (0..12).map(|_| server.get("/rules").status).collect();
    assert_eq!(asked[0], StatusCode::OK);
    assert!(asked.contains(&StatusCode::TOO_MANY_REQUESTS), "{asked:?}");
    let admin = format!("Bearer {}", server.admin);
    let other = server.ask(&Method::GET, "/api/v1/rules", &[("authorization", &admin)], "");
    assert_eq!(other.status, StatusCode::OK, "others are not held up");
    // Whoever guesses tokens is held up as well.
    let guesses = (0..60).map(|n| {
        let guess = format!("Bearer sv0_{n}");
        server
            .ask(&Method::GET, "/api/v1/rules", &[("authorization", &guess)], "")
            .status
    });
    assert!(
        guesses
            .collect::<Vec<_>>()
            .contains(&StatusCode::TOO_MANY_REQUESTS)
    );
}

#[test]
fn the_file_of_tokens_does_not_hold_them() {
    let file = folder("tokens").join("tokens.toml");
    let token = Tokens::add(&file, "ci \"x\"", Role::Viewer, Some("2099-12-31")).unwrap();
    let over = Tokens::add(&file, "old", Role::Admin, Some("2020-01-01")).unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains(&token) && !text.contains(&over), "{text}");
    let tokens = Tokens::read(&file).unwrap();
    assert_eq!(tokens.user(&token).unwrap().name, "token:ci \"x\"");
    assert_eq!(tokens.user(&over), None, "its last day is past");
    assert_eq!(tokens.user("sv0_"), None);
    let twice = Tokens::add(&file, "old", Role::Viewer, None)
        .unwrap_err()
        .to_string();
    assert!(twice.contains("already"), "{twice}");
    assert!(Tokens::add(&file, "x", Role::Viewer, Some("soon")).is_err());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "only its owner reads it");
    }
}

#[test]
fn nobody_outside_gets_in_without_a_sign_in() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let config = Config {
        listen: "0.0.0.0:0".parse().unwrap(),
        ..Config::default()
    };
    let snapshot = super::snapshot(sv0_demo::SNAPSHOT, None);
    let refused = runtime.block_on(serve(
        snapshot,
        config,
        Auth::default(),
        std::sync::Arc::new(|_| {}),
    ));
    assert!(matches!(refused, Err(ServeError::Open(_))));
}

#[test]
fn who_asked_what_is_written_down() {
    let file = folder("audit").join("audit.jsonl");
    let config = Config {
        audit: Some(file.clone()),
        ..Config::default()
    };
    let server = Server::of("audit-server", sv0_demo::SNAPSHOT, config);
    server.get("/search?q=elliot");
    server.ask(&Method::GET, "/api/v1/meta", &[], "");
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["user"], "token:viewer");
    assert_eq!(lines[0]["query"], "q=elliot");
    assert_eq!(lines[0]["status"], 200);
    assert_eq!(
        (&lines[1]["user"], &lines[1]["status"]),
        (&json!(null), &json!(401))
    );
    assert!(!text.contains("sv0_"), "no secret is written down");
}
