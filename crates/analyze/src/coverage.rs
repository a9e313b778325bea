//! Which gaps could change which answer.
//!
//! A gap about an entity concerns answers about that entity. One about a call in an account concerns what lies there
//! and is of that service, or all of the account where the call is IAM's or the account could not be entered. One about
//! the organization concerns everybody: its policies may deny anything.

use rustc_hash::FxHashMap;
use sv0_model::coverage::{Gap, Reason};
use sv0_model::graph::{Graph, Node};

/// Gaps, by what they concern: indexes into the world's list.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    everybody: Vec<usize>,
    entities: FxHashMap<String, Vec<usize>>,
    accounts: FxHashMap<String, Vec<usize>>,
}

impl Coverage {
    /// Sorts gaps by what they concern.
    #[must_use]
    pub fn new(gaps: &[Gap]) -> Self {
        let mut out = Self::default();
        for (index, gap) in gaps.iter().enumerate() {
            match (&gap.entity, &gap.account) {
                (Some(entity), _) => out.entities.entry(entity.clone()).or_default().push(index),
                // Nothing can be used in a region that is not enabled, or of a service that is not offered.
                _ if matches!(gap.reason, Reason::RegionDisabled | Reason::NotOffered) => {}
                _ if gap.service.as_deref() == Some("organizations") => out.everybody.push(index),
                (None, Some(account)) => out.accounts.entry(account.clone()).or_default().push(index),
                (None, None) => {}
            }
        }
        out
    }

    /// The gaps that could change an answer about these entities, in the order of the list, each once.
    #[must_use]
    pub fn touching<'a>(
        &self,
        gaps: &[Gap],
        graph: &Graph,
        ids: impl IntoIterator<Item = &'a str>,
    ) -> Vec<Gap> {
        let mut found = self.everybody.clone();
        for id in ids {
            found.extend(self.entities.get(id).into_iter().flatten());
            let Some(node) = graph.find(id).map(|node| graph.node(node)) else {
                continue;
            };
            let account = node.record.account.as_deref().unwrap_or_default();
            let of_account = self.accounts.get(account).into_iter().flatten();
            found.extend(of_account.filter(|index| gaps.get(**index).is_some_and(|gap| concerns(gap, node))));
        }
        found.sort_unstable();
        found.dedup();
        found
            .into_iter()
            .filter_map(|index| gaps.get(index))
            .cloned()
            .collect()
    }
}

/// Whether a gap of a node's account concerns the node.
fn concerns(gap: &Gap, node: &Node) -> bool {
    let region = match (&gap.region, &node.record.region) {
        (Some(gap), Some(node)) => gap == node,
        _ => true,
    };
    let service = match gap.service.as_deref() {
        None | Some("iam") => true,
        Some(service) => node.record.kind.source().strip_prefix("aws_") == Some(service),
    };
    region && service
}

#[cfg(test)]
mod tests {
    use super::*;
    use sv0_model::kind::Kind;
    use sv0_model::record::Record;

    fn gap(account: Option<&str>, region: Option<&str>, service: Option<&str>, entity: Option<&str>) -> Gap {
        Gap {
            account: account.map(str::to_owned),
            region: region.map(str::to_owned),
            service: service.map(str::to_owned),
            call: String::new(),
            entity: entity.map(str::to_owned),
            reason: Reason::AccessDenied,
            detail: format!("{account:?} {region:?} {service:?} {entity:?}"),
            consequence: String::new(),
        }
    }

    #[test]
    fn a_gap_touches_what_lies_where_it_is() {
        let mut graph = Graph::new();
        for (kind, id, region) in [
            (Kind::SqsQueue, "q", Some("eu-west-1")),
            (Kind::IamRole, "r", None),
            (Kind::SnsTopic, "t", Some("us-east-1")),
        ] {
            let mut record = Record::new(kind, id);
            record.account = Some("1".into());
            record.region = region.map(str::to_owned);
            graph.insert(record).unwrap();
        }
        let touched = |gap: Gap| {
            let gaps = [gap];
            let coverage = Coverage::new(&gaps);
            ["q", "r", "t"]
                .into_iter()
                .filter(|id| !coverage.touching(&gaps, &graph, [*id]).is_empty())
                .collect::<String>()
        };
        assert_eq!(
            touched(gap(Some("1"), None, None, Some("q"))),
            "q",
            "about an entity"
        );
        assert_eq!(touched(gap(Some("1"), None, None, None)), "qrt", "the account");
        assert_eq!(touched(gap(Some("2"), None, None, None)), "", "another account");
        assert_eq!(touched(gap(Some("1"), None, Some("iam"), None)), "qrt");
        assert_eq!(touched(gap(Some("1"), Some("eu-west-1"), Some("sqs"), None)), "q");
        assert_eq!(touched(gap(Some("1"), Some("us-east-1"), Some("sqs"), None)), "");
        assert_eq!(touched(gap(Some("9"), None, Some("organizations"), None)), "qrt");
    }
}
