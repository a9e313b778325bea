use super::super::{Action, ActionId, Catalog, ConditionKey, ResourceType, ResourceUse};
use super::CatalogError;

/// A small catalogue in the plain format, with every kind of line.
const SMALL: &str = "sv0-catalog 1\tsource=test\tversion=1\tdate=2026-01-01\tdependents=0
# a note

G\taws:PrincipalTag/${TagKey}\tString
G\taws:SourceIp\tIPAddress
S\ta-b\tDashed\t
A\ta-b:Do\tlist\t\t\t
S\ta\tPlain\trcp,!Leave
K\ta:Size\tNumeric
K\ta:Tag/${TagKey}\tArrayOfString
R\tall things\tarn:${Partition}:a:::thing/*\t
R\tthing\tarn:${Partition}:a:::thing/${Name},arn:${Partition}:a:::${Name}\ta:Size,a:Tag/${TagKey}
A\ta:Do\twrite\tthing*=a:Size|aws:SourceIp,all things\ta:Size\tb:Unknown,iam:PassRole
A\ta:Leave\tpermissions\t\t\t
";

#[test]
fn a_small_catalogue() {
    let catalog = Catalog::parse(SMALL.as_bytes()).unwrap();
    let meta = catalog.meta();
    assert_eq!(
        (
            meta.services,
            meta.actions,
            meta.resource_types,
            meta.condition_keys
        ),
        (2, 3, 2, 2)
    );

    let action = catalog.action("A:do").unwrap();
    assert_eq!(action.id(), ActionId(1));
    assert_eq!(format!("{action:?}"), "Action(\"a:Do\")");
    let uses: Vec<_> = action
        .resource_types()
        .map(|used| (used.name(), used.required()))
        .collect();
    assert_eq!(uses, [("thing", true), ("all things", false)]);
    let on_types = action.resource_types().flat_map(ResourceUse::condition_keys);
    assert_eq!(
        on_types.map(ConditionKey::name).collect::<Vec<_>>(),
        ["a:Size", "aws:SourceIp"]
    );
    assert_eq!(
        action.dependent_actions().collect::<Vec<_>>(),
        ["b:Unknown", "iam:PassRole"]
    );

    let types = catalog.resource_types_for_arn("arn:aws:a:::thing/x");
    assert_eq!(
        types.into_iter().map(ResourceType::name).collect::<Vec<_>>(),
        ["thing", "all things"]
    );
    assert!(catalog.rcp_supports("a:Do") && !catalog.rcp_supports("a:leave"));
    assert!(!catalog.rcp_supports("a-b:Do"));
}

#[test]
fn what_is_written_reads_the_same() {
    let embedded = Catalog::embedded();
    let text = embedded.to_text();
    assert!(text == embedded.text, "xtask and the writer agree");
    let again = Catalog::parse(text.as_bytes()).unwrap();
    assert_eq!(again.meta(), embedded.meta());
    assert!(
        again
            .actions()
            .map(Action::name)
            .eq(embedded.actions().map(Action::name))
    );

    let once = Catalog::parse(SMALL.as_bytes()).unwrap().to_text();
    let twice = Catalog::parse(once.as_bytes()).unwrap().to_text();
    assert_eq!(once, twice);
    assert_eq!(
        once.lines().count(),
        SMALL.lines().count() - 2,
        "all but the note and the empty line"
    );
}

/// Checks the message for `SMALL` with a piece of it replaced.
fn error(from: &str, to: &str, message: &str) {
    assert!(SMALL.contains(from), "{from}");
    let error = Catalog::parse(SMALL.replacen(from, to, 1).as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("catalogue {message}"),
        "{from} -> {to}"
    );
}

#[test]
fn errors_name_the_line() {
    error(
        "sv0-catalog 1",
        "sv0-catalog 2",
        "line 1: the first line does not begin with `sv0-catalog 1`",
    );
    error(
        "dependents=0",
        "actions=4",
        "line 1: the header says 4 actions, the file has 3",
    );
    error("dependents=0", "colour=4", "line 1: unknown field `colour`");
    error("dependents=0", "actions=many", "line 1: `many` is not a count");
    error("IPAddress", "IPAddress\tx", "line 5: more than 2 fields");
    error("\tIPAddress", "", "line 5: 1 fields where 2 belong");
    error("G\taws:SourceIp", "G\t", "line 5: the name is empty");
    error(
        "G\taws:SourceIp",
        "X\taws:SourceIp",
        "line 5: unknown kind of line `X`",
    );
    error(
        "rcp,!Leave",
        "yes",
        "line 8: `yes` is neither empty nor begins with `rcp`",
    );
    error(
        "a:Size|",
        "a:Weight|",
        "line 13: unknown condition key `a:Weight`",
    );
    error("thing*=", "stone*=", "line 13: unknown resource type `stone`");
    error("write", "scribble", "line 13: unknown access level `scribble`");
    error(
        "A\ta:Do",
        "A\tb:Do",
        "line 13: action `b:Do` is not of service `a`",
    );
    error(
        "arn:${Partition}:a:::thing/*",
        "thing/*",
        "line 11: `thing/*` is not an ARN",
    );
}

#[test]
fn errors_of_order_name_the_line() {
    error(
        "aws:SourceIp",
        "aws:A",
        "line 5: `aws:A` must not come after `aws:PrincipalTag/${TagKey}`",
    );
    error("a:Leave", "a:DO", "line 14: `a:DO` must not come after `a:Do`");
    error(
        "G\taws:SourceIp",
        "K\taws:SourceIp",
        "line 5: a line `K` before the first service",
    );
    error(
        "K\ta:Size",
        "G\ta:Size",
        "line 9: a line `G` after the first service",
    );
    error(
        "S\ta\t",
        "S\tA-B\t",
        "line 8: service `A-B` must not come after `a-b`",
    );
    error(
        "A\ta:Leave\tpermissions\t\t\t",
        "K\ta:X\tString",
        "line 14: a line `K` after a line `A` of the same service",
    );
}

#[test]
fn damage_is_an_error() {
    assert!(matches!(
        Catalog::parse(&[0x1f, 0x8b, 8, 0]),
        Err(CatalogError::Gzip(_))
    ));
    assert!(matches!(
        Catalog::parse(&[0xff, 0xfe]),
        Err(CatalogError::Utf8(_))
    ));
    assert!(Catalog::parse(b"").is_err());
    let embedded = include_bytes!("../../../data/catalog.txt.gz");
    assert!(Catalog::parse(&embedded[..embedded.len() / 2]).is_err());
    let plain = Catalog::embedded().to_text();
    let (cut, _) = plain.split_at(plain.rfind("\nA").unwrap() + 1);
    assert!(
        Catalog::parse(cut.as_bytes())
            .unwrap_err()
            .to_string()
            .starts_with("catalogue line 1: the header says")
    );
}
