//! iam-collect's folders: what each file becomes, from wherever the folder is named, and what damage costs.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};

use sv0_input::{Format, Loaded, load, snapshot};
use sv0_model::coverage::Reason;
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::record::Record;

const ACCOUNT: &str = "accounts/222222222222";
const ROLE: &str = "arn:aws:iam::222222222222:role/team/Deployer";

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/iam-collect")
}

fn read(path: &Path) -> Loaded {
    load(&[path.to_owned()]).unwrap()
}

fn find<'l>(loaded: &'l Loaded, id: &str) -> &'l Record {
    let known = || loaded.records.iter().map(|r| r.id.as_str()).collect::<Vec<_>>();
    loaded
        .records
        .iter()
        .find(|r| r.id == id)
        .unwrap_or_else(|| panic!("no {id} in {:?}", known()))
}

fn refs(record: &Record, rel: EdgeKind) -> Vec<&str> {
    let fitting = record.refs.iter().filter(|r| r.rel == rel);
    fitting.map(|r| r.to.as_str()).collect()
}

fn slots(record: &Record) -> Vec<(Slot, Option<&str>)> {
    record
        .policies
        .iter()
        .map(|p| (p.slot, p.name.as_deref()))
        .collect()
}

/// Damage, not what a store never holds.
fn damage(loaded: &Loaded) -> Vec<&str> {
    let real = loaded.gaps.iter().filter(|gap| gap.reason != Reason::NotInInput);
    real.map(|gap| gap.detail.as_str()).collect()
}

/// A copy of the store that a test may damage; returns the partition's folder.
fn copy(name: &str) -> (PathBuf, PathBuf) {
    let to = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("iam-collect")
        .join(name);
    let _ = fs::remove_dir_all(&to);
    copy_folder(&fixture(), &to);
    let store = to.join("iam-data/aws/aws");
    (to, store)
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            out.extend(files(&entry.path()));
        } else {
            out.push(entry.path());
        }
    }
    out.sort();
    out
}

#[test]
fn the_store_is_found_from_every_folder_above_it() {
    let whole = read(&fixture());
    assert_eq!(damage(&whole), Vec::<&str>::new());
    assert_eq!(whole.sources.len(), 1);
    assert_eq!(whole.sources[0].format, Format::IamCollect);
    for below in ["iam-data", "iam-data/aws", "iam-data/aws/aws"] {
        assert_eq!(read(&fixture().join(below)).records, whole.records, "{below}");
    }
}

#[test]
fn a_role_has_all_its_files() {
    let loaded = read(&fixture());
    let role = find(&loaded, ROLE);
    assert_eq!((role.kind, role.name.as_str()), (Kind::IamRole, "Deployer"));
    assert_eq!(role.account.as_deref(), Some("222222222222"));
    assert_eq!(role.tags["team"], "apps");
    assert_eq!(role.attrs["path"], "/team/");
    assert_eq!(
        slots(role),
        [(Slot::Inline, Some("Reports")), (Slot::Trust, None)]
    );
    assert_eq!(
        refs(role, EdgeKind::HasPolicy),
        [
            "arn:aws:iam::222222222222:policy/AppAccess",
            "arn:aws:iam::aws:policy/ReadOnlyAccess"
        ]
    );
    assert_eq!(
        refs(role, EdgeKind::SubjectTo),
        ["arn:aws:iam::222222222222:policy/Boundary"]
    );
    let place = role.policies[0].document.place.as_deref().unwrap();
    assert!(
        place.file.ends_with("team%2fdeployer/inline-policies.json"),
        "{place:?}"
    );
    assert_eq!((place.line, &*place.json_path), (Some(4), "[0].PolicyDocument"));
}

#[test]
fn policies_under_their_old_name_and_their_new_one() {
    let loaded = read(&fixture());
    for name in ["AppAccess", "Boundary"] {
        let policy = find(&loaded, &format!("arn:aws:iam::222222222222:policy/{name}"));
        assert_eq!(
            (policy.kind, slots(policy)),
            (Kind::IamPolicy, vec![(Slot::Document, None)])
        );
    }
    let user = find(&loaded, "arn:aws:iam::222222222222:user/Alice");
    assert_eq!(
        refs(user, EdgeKind::MemberOf),
        ["arn:aws:iam::222222222222:group/Developers"]
    );
}

#[test]
fn resources() {
    let loaded = read(&fixture());
    let key = "arn:aws:kms:eu-west-1:222222222222:key/0a1b2c3d-1111-2222-3333-444455556666";
    let bucket = find(&loaded, "arn:aws:s3:::reports-bucket");
    assert_eq!(
        (bucket.account.as_deref(), bucket.region.as_deref()),
        (Some("222222222222"), Some("eu-west-1"))
    );
    assert_eq!(slots(bucket), [(Slot::Resource, None)]);
    assert_eq!(refs(bucket, EdgeKind::EncryptedWith), [key]);
    let block = &bucket.attrs["block_public_access"];
    assert_eq!(block["BlockPublicAcls"], true, "the bucket's own");
    assert_eq!(block["RestrictPublicBuckets"], true, "the account's");
    assert_eq!(block["BlockPublicPolicy"], false);

    let key = find(&loaded, key);
    assert_eq!((key.kind, slots(key)), (Kind::KmsKey, vec![(Slot::Key, None)]));
    let function = find(&loaded, "arn:aws:lambda:eu-west-1:222222222222:function:Worker");
    assert_eq!(refs(function, EdgeKind::RunsAs), [ROLE]);

    let vault = find(
        &loaded,
        "arn:aws:backup:eu-west-1:222222222222:backup-vault:Vault",
    );
    assert_eq!(vault.kind, Kind::AwsResource, "what sv0 has no kind for is kept");
    assert_eq!(
        slots(vault),
        [(Slot::Resource, None), (Slot::Resource, Some("resource share"))]
    );

    // Nothing but an endpoint policy: the ARN comes from the folder.
    let endpoint = find(
        &loaded,
        "arn:aws:ec2:eu-west-1:222222222222:vpc-endpoint/vpce-0001",
    );
    assert_eq!(
        (endpoint.kind, slots(endpoint)),
        (Kind::VpcEndpointPolicy, vec![(Slot::Endpoint, None)])
    );
}

#[test]
fn the_organization_and_its_ceilings() {
    let loaded = read(&fixture());
    let organization = find(
        &loaded,
        "arn:aws:organizations::111111111111:organization/o-fixture01",
    );
    assert_eq!(organization.attrs["management_account"], "111111111111");
    let account = "arn:aws:organizations::111111111111:account/o-fixture01/222222222222";
    let member = find(&loaded, account);
    assert_eq!(member.tags["env"], "prod");
    assert_eq!(refs(member, EdgeKind::MemberOf), ["ou-fix1-apps"]);
    let unit = find(&loaded, "ou-fix1-apps");
    assert_eq!(
        (unit.name.as_str(), refs(unit, EdgeKind::MemberOf)),
        ("Apps", vec!["r-fix1"])
    );
    let root = find(&loaded, "r-fix1");
    assert_eq!(
        (root.name.as_str(), refs(root, EdgeKind::MemberOf)),
        ("Root", vec![organization.id.as_str()])
    );
    // Its folder is in lower case; the attachment is not.
    let scp = find(
        &loaded,
        "arn:aws:organizations::111111111111:policy/o-fixture01/service_control_policy/p-Leave001",
    );
    assert_eq!(
        (scp.name.as_str(), refs(scp, EdgeKind::Constrains)),
        ("NoLeaving", vec!["ou-fix1-apps"])
    );
    // AWS's own are attached to every level, and known without a folder.
    for kind in [Kind::Scp, Kind::Rcp] {
        let full = loaded
            .records
            .iter()
            .find(|r| r.kind == kind && r.name.ends_with("FullAWSAccess"))
            .unwrap();
        assert_eq!(refs(full, EdgeKind::Constrains).len(), 4, "{kind}");
        assert_eq!(slots(full), [(Slot::Document, None)]);
    }
}

#[test]
fn what_a_store_does_not_hold_is_told() {
    let loaded = read(&fixture());
    let told = |what: &str| loaded.gaps.iter().any(|gap| gap.detail.contains(what));
    assert!(told("never holds access keys"), "{:?}", loaded.gaps);
    assert!(
        told("1 of the organization's 2 accounts have no resources"),
        "{:?}",
        loaded.gaps
    );
    assert!(!told("no role in"), "{:?}", loaded.gaps);

    let (root, store) = copy("untagged");
    fs::remove_file(store.join(ACCOUNT).join("iam/role/team%2fdeployer/tags.json")).unwrap();
    let untagged = read(&root);
    assert!(
        untagged.gaps.iter().any(|gap| gap.detail.contains("no role in")),
        "{:?}",
        untagged.gaps
    );
}

#[test]
fn a_policy_that_is_attached_but_not_held_is_told() {
    let (root, store) = copy("no-scp");
    fs::remove_dir_all(store.join("organizations/o-fixture01/scps")).unwrap();
    let loaded = read(&root);
    let gap = loaded
        .gaps
        .iter()
        .find(|gap| gap.detail.contains("p-Leave001"))
        .unwrap();
    assert!(gap.consequence.contains("shown as allowed"), "{gap:?}");
}

#[test]
fn the_tree_alone_is_enough() {
    let (root, store) = copy("tree");
    let folder = store.join("organizations/o-fixture01");
    fs::remove_file(folder.join("ous.json")).unwrap();
    fs::remove_file(folder.join("accounts.json")).unwrap();
    let tree = r#"{"r-fix1":{"accounts":["arn:aws:organizations::111111111111:account/o-fixture01/111111111111"],
        "children":{"ou-fix1-apps":{"accounts":["arn:aws:organizations::111111111111:account/o-fixture01/222222222222"]}}}}"#;
    fs::write(folder.join("structure.json"), tree).unwrap();
    let loaded = read(&root);
    let member = find(
        &loaded,
        "arn:aws:organizations::111111111111:account/o-fixture01/222222222222",
    );
    assert_eq!(refs(member, EdgeKind::MemberOf), ["ou-fix1-apps"]);
    assert_eq!(
        refs(find(&loaded, "ou-fix1-apps"), EdgeKind::MemberOf),
        ["r-fix1"]
    );
}

/// Each file cut off, replaced by nonsense, emptied: the rest is read, and a gap or the document itself names the file.
#[test]
fn one_damaged_file_costs_only_itself() {
    let whole = read(&fixture()).records.len();
    let (root, store) = copy("damaged");
    for path in files(&store) {
        let good = fs::read(&path).unwrap();
        let bad: [&[u8]; 6] = [
            &good[..good.len() / 2],
            b"nonsense",
            b"[7, {}]",
            b"{\"a\": {\"b\": []}}",
            b"\xff\xfe{",
            b"",
        ];
        for (i, bytes) in bad.into_iter().enumerate() {
            fs::write(&path, bytes).unwrap();
            let loaded = read(&root);
            let name = path.display().to_string();
            let organization = name.contains("/organizations/");
            assert!(
                loaded.records.len() + 1 >= whole || organization,
                "{name} {i}: {} of {whole}",
                loaded.records.len()
            );
            if i < 2 {
                let in_gap = loaded.gaps.iter().any(|gap| gap.detail.contains(&name));
                let in_document = loaded.records.iter().flat_map(|r| &r.policies).any(|p| {
                    p.document
                        .place
                        .as_deref()
                        .is_some_and(|place| *place.file == *name)
                        && serde_json::from_str::<serde_json::Value>(p.document.as_str()).is_err()
                });
                // The organisation of an account is not asked there.
                let unasked = name.ends_with("/organization.json");
                assert!(in_gap || in_document || unasked, "{name} {i}: {:?}", loaded.gaps);
            }
        }
        fs::write(&path, good).unwrap();
    }
}

#[test]
fn damaged_inline_policies_cost_only_themselves() {
    let (root, store) = copy("inline");
    let file = store
        .join(ACCOUNT)
        .join("iam/role/team%2fdeployer/inline-policies.json");
    let text = r#"[{"PolicyName":"A"},
        {"PolicyName":"B","PolicyDocument":"%7B%22Statement%22%3A%5B%5D%7D"},
        {"PolicyName":"C","PolicyDocument":{"Statement":[]}}]"#;
    fs::write(&file, text).unwrap();
    let loaded = read(&root);
    let role = find(&loaded, ROLE);
    assert_eq!(
        slots(role),
        [
            (Slot::Inline, Some("B")),
            (Slot::Inline, Some("C")),
            (Slot::Trust, None)
        ]
    );
    assert_eq!(role.policies[0].document.as_str(), r#"{"Statement":[]}"#);
    assert_eq!(damage(&loaded).len(), 1);
    assert!(
        damage(&loaded)[0].contains(":1: inline policy 0 cannot be read"),
        "{:?}",
        damage(&loaded)
    );
    assert!(role.partial.is_some());
}

#[test]
fn files_that_nobody_knows() {
    let (root, store) = copy("unknown");
    let bucket = store.join(ACCOUNT).join("s3/reports-bucket");
    fs::write(bucket.join("abac.json"), r#"{"secret":"hunter2"}"#).unwrap();
    fs::write(bucket.join("replica-policy.json"), r#"{"Statement":[]}"#).unwrap();
    let new = store.join(ACCOUNT).join("quantum/eu-west-1/qubit/spin");
    fs::create_dir_all(&new).unwrap();
    fs::write(
        new.join("metadata.json"),
        r#"{"arn":"arn:aws:quantum:eu-west-1:222222222222:qubit/Spin","name":"Spin","token":"hunter2"}"#,
    )
    .unwrap();
    let loaded = read(&root);
    assert_eq!(damage(&loaded), Vec::<&str>::new());
    let bucket = find(&loaded, "arn:aws:s3:::reports-bucket");
    assert_eq!(bucket.attrs["files_not_read"], serde_json::json!(["abac.json"]));
    assert!(slots(bucket).contains(&(Slot::Resource, Some("replica-policy"))));
    let qubit = find(&loaded, "arn:aws:quantum:eu-west-1:222222222222:qubit/Spin");
    assert_eq!(
        (qubit.kind, qubit.region.as_deref()),
        (Kind::AwsResource, Some("eu-west-1"))
    );
    let all = serde_json::to_string(&loaded.records).unwrap();
    assert!(!all.contains("hunter2"), "what is not known is not kept");
}

#[test]
fn other_input_beside_a_store() {
    let (root, _) = copy("beside");
    fs::write(root.join("package.json"), r#"{"name":"x"}"#).unwrap();
    fs::write(
        root.join("details.json"),
        r#"{"RoleDetailList":[{"Arn":"arn:aws:iam::333333333333:role/R","RoleName":"R"}]}"#,
    )
    .unwrap();
    let loaded = read(&root);
    assert_eq!(damage(&loaded), Vec::<&str>::new());
    find(&loaded, "arn:aws:iam::333333333333:role/R");
    find(&loaded, ROLE);
    assert!(
        loaded
            .gaps
            .iter()
            .any(|gap| gap.detail.contains("package.json") && gap.detail.contains("left out"))
    );
}

#[test]
fn folders_that_only_look_alike_are_no_stores() {
    let (root, _) = copy("alike");
    let own = root.join("own/accounts/333333333333");
    fs::create_dir_all(&own).unwrap();
    fs::write(
        own.join("details.json"),
        r#"{"RoleDetailList":[{"Arn":"arn:aws:iam::333333333333:role/R","RoleName":"R"}]}"#,
    )
    .unwrap();
    let loaded = read(&root.join("own"));
    assert_eq!(loaded.sources[0].format, Format::Gaad);
    find(&loaded, "arn:aws:iam::333333333333:role/R");
}

#[test]
fn permission_sets_provision_the_roles_named_after_them() {
    let (root, store) = copy("sso");
    let put = |place: &str, text: &str| {
        let folder = store.join(ACCOUNT).join(place);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("metadata.json"), text).unwrap();
    };
    let set = "arn:aws:sso:::permissionSet/ssoins-1/ps-1";
    put(
        "sso/permissionset/ssoins-1%2fps-1",
        &format!(r#"{{"arn":"{set}","name":"Developer"}}"#),
    );
    let role = "arn:aws:iam::222222222222:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Developer_0123456789abcdef";
    put(
        "iam/role/aws-reserved%2fsso.amazonaws.com%2fawsreservedsso_developer_0123456789abcdef",
        &format!(r#"{{"arn":"{role}","name":"AWSReservedSSO_Developer_0123456789abcdef"}}"#),
    );
    let loaded = read(&root);
    assert_eq!(refs(find(&loaded, set), EdgeKind::Provisions), [role]);
}

#[test]
fn a_store_survives_as_a_snapshot() {
    let loaded = read(&fixture());
    let header = snapshot::Header {
        version: snapshot::VERSION,
        created_at: "2026-01-05T10:00:00Z".into(),
        tool: "t".into(),
        source: "s".into(),
    };
    let mut out = Vec::new();
    snapshot::write_to(&mut out, &header, &loaded.records, &loaded.gaps).unwrap();
    let again = snapshot::read("x", &String::from_utf8(out).unwrap());
    let compact = |records: &[Record]| serde_json::to_string(records).unwrap();
    assert_eq!(compact(&again.records), compact(&loaded.records));
    assert_eq!(again.gaps, loaded.gaps);
}
