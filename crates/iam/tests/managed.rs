//! AWS's own managed policies: written by those who wrote the language, so every one of them must be understood.

use std::collections::BTreeMap;

use sv0_iam::managed;
use sv0_iam::syntax::{Diagnostic, Flavor, Severity, parse};

#[test]
fn every_managed_policy_is_understood() {
    let all = managed::all();
    assert!(all.len() >= 1_300, "{} policies", all.len());
    let (mut warnings, mut old, mut statements): (BTreeMap<&str, usize>, usize, usize) =
        (BTreeMap::new(), 0, 0);
    for managed in all {
        let (policy, problems) = parse(&managed.document, Flavor::Identity);
        let policy = policy.unwrap_or_else(|| panic!("{}: {problems:?}", managed.arn));
        assert!(!policy.statements.is_empty(), "{} has no statements", managed.arn);
        let errors: Vec<&Diagnostic> = problems
            .iter()
            .filter(|p| p.severity == Severity::Error)
            .collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", managed.arn);
        for problem in &problems {
            *warnings.entry(problem.code).or_default() += 1;
        }
        old += usize::from(!policy.modern);
        statements += policy.statements.len();
    }
    insta::assert_debug_snapshot!((all.len(), statements, old, warnings), @r"
    (
        1582,
        8850,
        0,
        {},
    )
    ");
}
