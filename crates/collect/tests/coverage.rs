//! `docs/coverage.md` says what the tables of calls say. `SV0_WRITE=1 cargo test -p sv0-collect --features full --test
//! coverage` writes it anew.

#![cfg(all(feature = "ec2", feature = "glue", feature = "sagemaker"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write;
use std::path::Path;

use sv0_collect::call::Scope;
use sv0_collect::registry;

const BEGIN: &str = "<!-- calls:begin -->\n";
const END: &str = "<!-- calls:end -->";

/// Calls that moto lacks: the end-to-end test answers them in the shapes that AWS documents (tests/moto/overlay.py).
const OVERLAID: &[&str] = &[
    "ListAnalyzers",
    "ListFindingsV2",
    "ListRegions",
    "GetAgentActionGroup",
    "GetDataSource",
    "ListAgentActionGroups",
    "ListAgentKnowledgeBases",
    "ListAgentAliases",
    "ListDataSources",
    "ListGuardrails",
    "DescribeImageScanFindings",
    "DescribeAccessEntry",
    "DescribePodIdentityAssociation",
    "ListAccessEntries",
    "ListAssociatedAccessPolicies",
    "ListPodIdentityAssociations",
    "ListFunctionUrlConfigs",
    "ListProfiles",
    "ListTrustAnchors",
    "ListServices/apprunner",
    "GetPermissionsBoundaryForPermissionSet",
    "ListFindings",
];
/// Calls that the demo organisation gives no occasion for.
const UNTRIED: &[&str] = &[
    "GetAuthorizers",
    "DescribeService/apprunner",
    "ListTagsForResource/apprunner",
    "GetAgentVersion",
    "ListAgentCollaborators",
    "DescribeTasks",
    "ListApiDestinations",
    "GetPolicy/iam",
    "GetPolicyVersion",
    "ListLayerVersions",
    "GetAccessPoint",
    "GetAccessPointPolicy",
    "GetResourcePolicies",
    "ListAccountAssignments",
    "ListAccountsForProvisionedPermissionSet",
];

fn checked(service: &str, operation: &str) -> &'static str {
    let qualified = format!("{operation}/{service}");
    let among = |list: &[&str]| list.iter().any(|name| *name == operation || *name == qualified);
    if among(UNTRIED) {
        "not yet"
    } else if among(OVERLAID) {
        "as documented"
    } else {
        "moto"
    }
}

fn table() -> String {
    let mut out = String::new();
    let mut calls = 0;
    for service in registry::SERVICES {
        let scope = match service.scope {
            Scope::Regional => "in every enabled region",
            Scope::Global => "once an account",
            Scope::Organization => "once, with the credentials that a scan starts with",
        };
        writeln!(
            out,
            "\n### {} (`{}`)\n\n{}; {scope}.\n",
            service.title, service.name, service.reads
        )
        .unwrap();
        writeln!(out, "| call | needs | without it | tested |\n|---|---|---|---|").unwrap();
        for call in service.calls {
            let needs: Vec<String> = call.actions.iter().map(|action| format!("`{action}`")).collect();
            writeln!(
                out,
                "| {} | {} | {} | {} |",
                call.operation,
                needs.join(", "),
                call.without,
                checked(service.name, call.operation)
            )
            .unwrap();
            calls += 1;
        }
    }
    format!("{} services, {calls} calls.\n{out}\n", registry::SERVICES.len())
}

#[test]
fn the_page_shows_every_call() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/coverage.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let new = format!("{before}{BEGIN}{}{END}{after}", table());
    if std::env::var_os("SV0_WRITE").is_some() {
        std::fs::write(&path, new).unwrap();
    } else {
        assert!(
            page == new,
            "docs/coverage.md is not current: SV0_WRITE=1 cargo test -p sv0-collect --features full --test coverage"
        );
    }
}

#[test]
fn names_are_in_order_and_each_is_one() {
    let names: Vec<&str> = registry::SERVICES.iter().map(|service| service.name).collect();
    assert!(names.windows(2).all(|two| two[0] < two[1]), "{names:?}");
}
