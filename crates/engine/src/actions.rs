//! Sets of actions: which actions of the catalogue an `Action` element covers, and the patterns that say a set in few
//! words.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use sv0_iam::catalog::{Action, ActionId, Catalog};
use sv0_iam::syntax::ast::{ActionElement, Statement};

/// The actions of the catalogue that an element covers, in order.
#[must_use]
pub fn covered(element: &ActionElement) -> Vec<ActionId> {
    let catalog = Catalog::embedded();
    if !element.negated && element.patterns.iter().any(|p| p.is_any()) {
        return catalog.actions().map(Action::id).collect();
    }
    if element.negated || element.patterns.iter().any(|p| p.service().is_none()) {
        return catalog
            .actions()
            .filter(|action| element.matches(action.name()))
            .map(Action::id)
            .collect();
    }
    let mut out: Vec<ActionId> = Vec::new();
    for pattern in &element.patterns {
        let service = pattern.service().unwrap_or_default();
        let found = catalog
            .actions_of(&service)
            .filter(|action| pattern.matches(action.name()));
        out.extend(found.map(Action::id));
    }
    out.sort_unstable();
    out.dedup();
    out
}

/// Actions of which exactly the same statements speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alike {
    /// The actions, in order.
    pub actions: Vec<ActionId>,
    /// The statements, by their place in the list that was given.
    pub statements: Vec<usize>,
}

/// Groups the actions of which any of the statements speaks, so that each group can be judged by one of its actions.
#[must_use]
pub fn alike(statements: &[&Statement]) -> Vec<Alike> {
    // One bit a statement for each action.
    let words = statements.len().div_ceil(64).max(1);
    let mut bits = vec![0_u64; Catalog::embedded().actions().len() * words];
    for (index, statement) in statements.iter().enumerate() {
        for action in covered(&statement.action) {
            if let Some(word) = bits.get_mut(action.index() * words + index / 64) {
                *word |= 1 << (index % 64);
            }
        }
    }
    let mut groups: FxHashMap<&[u64], usize> = FxHashMap::default();
    let mut out: Vec<Alike> = Vec::new();
    for (action, row) in (0..).map(ActionId).zip(bits.chunks(words)) {
        if row.iter().all(|word| *word == 0) {
            continue;
        }
        let at = *groups.entry(row).or_insert_with(|| {
            let has = |index: &usize| {
                row.get(index / 64)
                    .is_some_and(|word| word >> (index % 64) & 1 == 1)
            };
            out.push(Alike {
                actions: Vec::new(),
                statements: (0..statements.len()).filter(has).collect(),
            });
            out.len() - 1
        });
        if let Some(group) = out.get_mut(at) {
            group.actions.push(action);
        }
    }
    out
}

/// A set of actions in few patterns: `*`, `s3:*`, `s3:Get*`, or names. The patterns have exactly these actions of the
/// catalogue; what AWS adds tomorrow, nobody knows.
#[must_use]
pub fn patterns(actions: &[ActionId]) -> Vec<String> {
    let catalog = Catalog::embedded();
    let mut set: Vec<ActionId> = actions.to_vec();
    set.sort_unstable();
    set.dedup();
    if set.len() == catalog.actions().len() {
        return vec!["*".into()];
    }
    let mut by_service: BTreeMap<&str, Vec<Action<'_>>> = BTreeMap::new();
    for action in set.iter().filter_map(|id| catalog.action_by_id(*id)) {
        by_service.entry(action.service()).or_default().push(action);
    }
    let mut out = Vec::new();
    for (service, mine) in by_service {
        let all = catalog.actions_of(service);
        if all.len() == mine.len() {
            out.push(format!("{service}:*"));
            continue;
        }
        let has = |id: ActionId| mine.binary_search_by_key(&id, |action| action.id()).is_ok();
        let mut at = 0;
        while let Some(action) = mine.get(at) {
            // The shortest run of whole words that only actions of the set begin with, if it saves two names.
            let best = heads(action.short_name()).find_map(|head| {
                let range = catalog.action_prefix_range(&format!("{service}:{head}"));
                let size = range.len();
                let whole = size > 2 && range.clone().all(|id| has(ActionId(id)));
                whole.then_some((head, size))
            });
            match best {
                Some((head, size)) => {
                    out.push(format!("{service}:{head}*"));
                    at += size;
                }
                None => {
                    out.push(action.name().to_owned());
                    at += 1;
                }
            }
        }
    }
    out
}

/// `Get`, `GetObject` and `GetObjectTagging` of `GetObjectTagging`.
fn heads(name: &str) -> impl Iterator<Item = &str> {
    let ends = name
        .char_indices()
        .skip(1)
        .filter(|(_, c)| c.is_ascii_uppercase())
        .map(|(at, _)| at);
    ends.chain([name.len()]).filter_map(|end| name.get(..end))
}

#[cfg(test)]
mod tests {
    use sv0_iam::syntax::{Flavor, parse};

    use super::*;

    fn element(actions: &str) -> ActionElement {
        let text = format!(r#"{{"Statement":{{"Effect":"Allow",{actions},"Resource":"*"}}}}"#);
        parse(&text, Flavor::Identity).0.unwrap().statements[0]
            .action
            .clone()
    }

    #[test]
    fn patterns_say_what_they_were_made_from() {
        for actions in [
            r#""Action":"*""#,
            r#""Action":["s3:Get*","sqs:*","iam:PassRole"]"#,
            r#""NotAction":["iam:*","organizations:*"]"#,
            r#""Action":["ec2:*Describe*","s3:*Object*"]"#,
        ] {
            let set = covered(&element(actions));
            let said = patterns(&set);
            let quoted: Vec<String> = said.iter().map(|p| format!("{p:?}")).collect();
            let again = covered(&element(&format!(r#""Action":[{}]"#, quoted.join(","))));
            assert_eq!(set, again, "{actions}: {said:?}");
        }
        assert_eq!(
            patterns(&covered(&element(r#""Action":["s3:Get*","sqs:*"]"#))),
            ["s3:Get*", "sqs:*"]
        );
    }
}
