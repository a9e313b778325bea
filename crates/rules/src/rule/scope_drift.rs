//! What Access Analyzer found open and still is: a seed that sv0 checks with all policy layers.

use sv0_model::finding::Severity;
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::path::PathVerdict;

use super::words::name;
use crate::draft::Draft;
use crate::ground::Ground;
use crate::severity::{Exposure, Impact};

pub(super) fn check(ground: &Ground<'_>) -> Vec<Draft> {
    let world = ground.world;
    let mut out = Vec::new();
    for (finding, node) in world.graph.nodes() {
        let text = |key: &str| {
            node.record
                .attrs
                .get(key)
                .and_then(serde_json::Value::as_str)
                .unwrap_or_default()
        };
        if node.record.kind != Kind::AccessAnalyzerFinding || text("status") != "ACTIVE" {
            continue;
        }
        let mut about: Vec<_> = world
            .graph
            .edges_to(finding)
            .filter(|edge| edge.kind == EdgeKind::HasFinding)
            .map(|edge| edge.from)
            .collect();
        about.sort_unstable();
        for subject in about {
            let kind = text("finding_type");
            let unused = kind.starts_with("Unused");
            let is_data = sv0_analyze::reach::is_asked(world.node(subject).record.kind);
            let mut draft = Draft::new(
                subject,
                format!(
                    "Access Analyzer reports {} of {}",
                    words(kind),
                    name(world, subject)
                ),
            );
            draft.key = vec![world.id(finding).to_owned()];
            draft.impact = if is_data {
                Impact::data(
                    world.node(subject).sensitivity,
                    sv0_model::kind::AccessLevel::Read,
                )
            } else {
                ground.leads_to(subject)
            };
            draft.exposure = if unused {
                Exposure::Nobody
            } else {
                ground.exposure(subject)
            };
            draft.verdict = PathVerdict::Allowed;
            draft
                .sentences
                .push(format!("The finding is `{}`, and active.", world.label(finding)));
            let outside = ground.exposure(subject) >= Exposure::Outside;
            draft.sentences.push(match (unused, outside) {
                (true, _) => "What is granted and not used can be taken away without harm; evidence from CloudTrail would show since when.".into(),
                (false, true) => "sv0 comes to the same with all policy layers: somebody outside gets there.".into(),
                (false, false) => "sv0 finds nobody outside who gets there with all policy layers: another layer may stop them, or who it is was not collected.".into(),
            });
            draft.at_most = Some((
                if outside { Severity::Medium } else { Severity::Low },
                "another tool's finding; what sv0 itself finds of it is told apart".into(),
            ));
            draft.targets = vec![subject];
            out.push(draft);
        }
    }
    out
}

fn words(kind: &str) -> String {
    match kind {
        "ExternalAccess" => "access from outside".into(),
        "InternalAccess" => "access from inside".into(),
        "UnusedIAMRole" => "that nobody used it, a role".into(),
        "UnusedIAMUserAccessKey" => "an unused access key".into(),
        "UnusedIAMUserPassword" => "an unused password".into(),
        "UnusedPermission" => "unused permissions".into(),
        other => other.to_owned(),
    }
}
