//! The coverage ledger: a failure becomes a gap that says what it costs.

use sv0_model::coverage::{Gap, Reason};

use crate::call::Call;
use crate::failure::Failure;
use crate::journal::Unit;

/// The gap that a failed call leaves.
pub(crate) fn gap(unit: &Unit, call: &Call, entity: Option<&str>, failure: &Failure) -> Gap {
    let about = entity.map(|entity| format!(" on `{entity}`")).unwrap_or_default();
    Gap {
        account: Some(unit.account.clone()),
        region: unit.region.clone(),
        service: Some(unit.service.clone()),
        call: call.action().to_owned(),
        entity: entity.map(str::to_owned),
        reason: failure.reason(),
        detail: format!(
            "`{}`{about} in {}: {}",
            call.action(),
            unit.place(),
            message(failure)
        ),
        consequence: call.without.to_owned(),
    }
}

/// The gap that a unit leaves which was not read at all.
pub(crate) fn skipped(unit: &Unit, reason: Reason, why: &str) -> Gap {
    Gap {
        account: Some(unit.account.clone()),
        region: unit.region.clone(),
        service: Some(unit.service.clone()),
        call: String::new(),
        entity: None,
        reason,
        detail: format!("{} was not read in {}: {why}", unit.service, unit.place()),
        consequence: format!("nothing of {} is known there", unit.service),
    }
}

/// What AWS said, without what differs from one refusal to the next.
fn message(failure: &Failure) -> &str {
    let text = failure.message.as_str();
    [
        "Encoded authorization failure message",
        "(Service:",
        "RequestId",
        "Request ID",
        "request id",
    ]
    .iter()
    .filter_map(|mark| text.find(mark))
    .min()
    .and_then(|at| text.get(..at))
    .map_or(text, |cut| cut.trim_end_matches([' ', ',', ';', '(', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Kind;

    #[test]
    fn a_gap_names_place_call_entity_and_cost() {
        let call = Call {
            operation: "GetQueueAttributes",
            actions: &["sqs:GetQueueAttributes"],
            absent: &[],
            without: "who may use the queue is not known",
        };
        let unit = Unit::new("1", Some("eu-west-1"), "sqs");
        let failure = Failure::new(
            Kind::Denied,
            "X",
            "X: no. Encoded authorization failure message: AbC",
        );
        let gap = gap(&unit, &call, Some("arn:q"), &failure);
        assert_eq!(
            gap.detail,
            "`sqs:GetQueueAttributes` on `arn:q` in account 1, eu-west-1: X: no"
        );
        assert_eq!(gap.reason, Reason::AccessDenied);
        assert_eq!(gap.consequence, "who may use the queue is not known");
    }
}
