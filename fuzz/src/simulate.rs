//! `sv0 simulate`'s reader on any bytes: one line of JSON for each line, the same however often it is asked, and a
//! witness that is really allowed.

use serde_json::{Map, Value};
use sv0_engine::simulate::{Outcome, Simulator};

pub fn check(data: &[u8]) {
    let mut simulator = Simulator::default();
    for (number, line) in data.split(|byte| *byte == b'\n').take(8).enumerate() {
        let Some(answer) = ask(&mut simulator, number, line) else {
            continue;
        };
        // From the cache, and from nothing.
        assert_eq!(Some(&answer), ask(&mut simulator, number, line).as_ref());
        assert_eq!(
            Some(&answer),
            ask(&mut Simulator::default(), number, line).as_ref()
        );
        if answer.get("error").is_none() {
            witnessed(&mut simulator, line);
        }
    }
}

fn ask(simulator: &mut Simulator, number: usize, line: &[u8]) -> Option<Value> {
    let mut out = Vec::new();
    let outcome = simulator.answer(number, line, &mut out);
    if outcome == Outcome::Blank {
        assert!(out.is_empty());
        return None;
    }
    let text = std::str::from_utf8(&out).expect("an answer is UTF-8");
    let text = text.strip_suffix('\n').expect("an answer is a line");
    assert!(!text.contains('\n'), "{text}");
    // An id may be a number that no machine holds.
    let answer: Value = serde_json::from_str(text).unwrap_or_else(|_| Value::Object(Map::new()));
    if answer.get("decision").is_some() || answer.get("error").is_some() {
        assert_eq!(
            answer.get("error").is_some(),
            outcome == Outcome::Failed,
            "{text}"
        );
    }
    Some(answer)
}

/// A request in which the witness is filled in is allowed.
fn witnessed(simulator: &mut Simulator, line: &[u8]) {
    // Repeated keys are lost on the way, so it is another request: it is asked anew.
    let Ok(mut request) = serde_json::from_slice::<Map<String, Value>>(line) else {
        return;
    };
    let again = |simulator: &mut Simulator, request: &Map<String, Value>| {
        let text = serde_json::to_vec(request).expect("JSON");
        ask(simulator, 1, &text)
    };
    let Some(answer) = again(simulator, &request) else {
        return;
    };
    let Some(witness) = answer.get("witness") else {
        return;
    };
    assert_eq!(answer["decision"], "allowed_if");
    if let Some(principal) = witness.get("principal") {
        request.insert("principal_role".into(), request["principal"].clone());
        request.insert("principal".into(), principal.clone());
    }
    let mut context: Map<String, Value> = match request.remove("context") {
        Some(Value::Object(context)) => context,
        _ => Map::new(),
    };
    for (key, value) in witness["context"].as_object().expect("keys") {
        context.retain(|own, _| !own.eq_ignore_ascii_case(key));
        if !value.is_null() {
            context.insert(key.clone(), value.clone());
        }
    }
    request.insert("context".into(), context.into());
    request.remove("unknown");
    let told = again(simulator, &request).expect("an answer");
    assert_eq!(
        told["decision"],
        "allowed",
        "{witness} of {}: {told}",
        Value::Object(request)
    );
}
