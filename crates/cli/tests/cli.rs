//! The command as its user meets it: what it prints, what it says of bad input, its exit codes.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn sv0(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sv0"))
        .args(args)
        .env("COLUMNS", "100")
        .env("NO_COLOR", "1")
        .env_remove("SV0_SNAPSHOT")
        .env_remove("SV0_RULES")
        .output()
        .unwrap()
}

fn stdout(args: &[&str]) -> String {
    let output = sv0(args);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// A folder of its own for one test, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sv0-cli-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs and gives exit code and both streams, the test's folder left out of them.
fn run_in(folder: &Folder, args: &[&str]) -> (Option<i32>, String) {
    let output = sv0(args);
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    // Paths have different lengths on different machines, so lines are joined before the folder is cut out.
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (
        output.status.code(),
        joined
            .replace(&format!("{}/", folder.path()), "")
            .replace(folder.path(), "FOLDER"),
    )
}

/// Account authorization details with one role, which may read one bucket.
fn gaad() -> String {
    r#"{
  "UserDetailList": [],
  "GroupDetailList": [],
  "RoleDetailList": [
    {
      "Path": "/", "RoleName": "Reader", "RoleId": "AROAEXAMPLE", "Arn": "arn:aws:iam::123456789012:role/Reader",
      "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}, "Action": "sts:AssumeRole"}]},
      "RolePolicyList": [{"PolicyName": "read", "PolicyDocument": {"Version": "2012-10-17", "Statement": [
        {"Sid": "Payroll", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::payroll/*"}
      ]}}],
      "AttachedManagedPolicies": []
    }
  ],
  "Policies": []
}"#
    .to_owned()
}

#[test]
fn the_demo() {
    insta::assert_snapshot!(stdout(&["demo"]));
}

#[test]
fn elliot_hop_by_hop() {
    insta::assert_snapshot!(stdout(&[
        "paths",
        "--demo",
        "--from",
        "Elliot",
        "--to",
        "acme-prod-customer-exports"
    ]));
}

#[test]
fn a_stopped_path_says_what_stops_it() {
    insta::assert_snapshot!(stdout(&[
        "paths",
        "--demo",
        "--from",
        "LockedReader",
        "--blocked"
    ]));
}

#[test]
fn who_can_read_customer_records() {
    insta::assert_snapshot!(stdout(&[
        "who-can",
        "dynamodb:GetItem",
        "CustomerRecords",
        "--demo"
    ]));
}

#[test]
fn what_the_lambdas_role_can_do() {
    insta::assert_snapshot!(stdout(&["can", "invoice-exporter", "--demo"]));
}

#[test]
fn why_the_scp_denies() {
    insta::assert_snapshot!(stdout(&[
        "explain",
        "AnalyticsReader",
        "dynamodb:GetItem",
        "DevAnalytics",
        "--demo"
    ]));
}

#[test]
fn the_json_of_a_path() {
    let text = stdout(&[
        "paths",
        "--demo",
        "--from",
        "ReportReader",
        "--to",
        "acme-prod-shared-reports",
        "-o",
        "json",
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn jsonl_has_a_path_a_line() {
    let text = stdout(&["paths", "--demo", "--from", "Elliot", "-o", "jsonl"]);
    assert!(text.lines().count() > 3);
    for line in text.lines() {
        let path: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(path["origin"]["name"], "Elliot");
    }
}

#[test]
fn own_data_gives_paths_and_says_what_is_not_known() {
    let folder = Folder::new("own");
    folder.file("a.json", gaad());
    let (code, text) = run_in(&folder, &["analyze", folder.path()]);
    assert_eq!(code, Some(0));
    assert!(
        text.contains("a.json account authorization details, 1 entities"),
        "{text}"
    );
    assert!(
        text.contains("service and resource control policies are not known"),
        "{text}"
    );
    assert!(text.contains("`arn:aws:s3:::payroll`"), "{text}");
    let (code, text) = run_in(
        &folder,
        &["paths", "--input", folder.path(), "--from", "999999999999"],
    );
    assert_eq!(code, Some(0));
    assert!(
        text.contains("inline policy read allows s3:GetObject on payroll"),
        "{text}"
    );
}

#[test]
fn gzip_and_utf16_are_read_by_content() {
    let folder = Folder::new("encodings");
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(gaad().as_bytes()).unwrap();
    let gz = gz.finish().unwrap();
    let packed = folder.file("a.json.gz", &gz);
    let (code, text) = run_in(&folder, &["can", "Reader", "--input", packed.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{text}");
    let wide: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(gaad().encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    let wide = folder.file("powershell.json", wide);
    let (code, text) = run_in(&folder, &["can", "Reader", "--input", wide.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{text}");
    let cut = folder.file("cut.json.gz", &gz[..gz.len() / 2]);
    let (code, text) = run_in(&folder, &["analyze", cut.to_str().unwrap()]);
    assert_ne!(code, Some(0), "{text}");
    assert!(
        text.contains("cut.json.gz") && text.contains("damaged or cut off"),
        "{text}"
    );
}

#[test]
fn a_truncated_file_gives_what_it_holds_and_says_where_it_ends() {
    let folder = Folder::new("truncated");
    let whole = gaad();
    let cut = whole.find("\"Policies\"").unwrap();
    folder.file("cut.json", &whole[..cut]);
    let (code, text) = run_in(&folder, &["analyze", folder.path()]);
    assert_eq!(code, Some(2));
    assert!(
        text.contains("`cut.json` ends in the middle") && text.contains("line 14"),
        "{text}"
    );
    assert!(text.contains("1 role ·"), "what came before is analysed: {text}");
}

#[test]
fn a_typo_in_an_operator_is_named_with_its_line() {
    let folder = Folder::new("operator");
    let sid = r#""Sid": "Payroll","#;
    let typo = gaad().replace(
        sid,
        r#""Sid": "Payroll", "Condition": {"StringEqals": {"aws:PrincipalOrgID": "o-1"}},"#,
    );
    folder.file("a.json", typo);
    let (code, text) = run_in(&folder, &["analyze", folder.path()]);
    assert_eq!(code, Some(2));
    let wanted = "`a.json`:9: policy `read` of `arn:aws:iam::123456789012:role/Reader`: `StringEqals` is not a condition \
                  operator; the statement cannot be decided at `Statement[0].Condition.StringEqals` (did you mean `StringEquals`?)";
    assert!(text.contains(wanted), "{text}");
    // What cannot be decided is neither granted nor left out.
    let (_, text) = run_in(
        &folder,
        &[
            "explain",
            "Reader",
            "s3:GetObject",
            "payroll",
            "--input",
            folder.path(),
        ],
    );
    assert!(
        text.contains("allowed if") && text.contains("an operator that AWS does not know"),
        "{text}"
    );
}

#[test]
fn an_unknown_action_in_a_policy_is_a_warning_with_a_suggestion() {
    let folder = Folder::new("action");
    folder.file("a.json", gaad().replace("s3:GetObject", "s3:GetObjekt"));
    let (code, text) = run_in(&folder, &["analyze", folder.path()]);
    assert_eq!(code, Some(0));
    assert!(
        text.contains("`s3:GetObjekt` is not an action that the catalogue knows"),
        "{text}"
    );
    assert!(
        text.contains("did you mean `s3:GetObject`?") && text.contains("a.json:9"),
        "{text}"
    );
}

#[test]
fn one_bad_file_does_not_spoil_a_folder() {
    let folder = Folder::new("mixed");
    folder.file("good.json", gaad());
    folder.file("noise.json", [0_u8, 159, 146, 150, 1, 2, 3]);
    folder.file("list.json", "[1, 2]");
    folder.file("other.json", r#"{"Resources": {}}"#);
    let (code, text) = run_in(&folder, &["analyze", folder.path()]);
    assert_eq!(code, Some(2));
    for wanted in [
        "`noise.json`",
        "`list.json` is a JSON array",
        "`other.json` is JSON with `Resources`",
        "1 role ·",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
}

#[test]
fn a_folder_with_nothing_usable_is_an_error() {
    let folder = Folder::new("nothing");
    folder.file("README.md", "hello");
    let (code, text) = run_in(&folder, &["analyze", folder.path()]);
    assert_eq!(code, Some(4));
    assert!(text.contains("no usable input in `FOLDER`"), "{text}");
    folder.file("x.json", "not json");
    let (code, text) = run_in(&folder, &["analyze", folder.path()]);
    assert_eq!(code, Some(4));
    assert!(
        text.contains("`x.json` is not JSON; sv0 reads the output of"),
        "{text}"
    );
    let (code, text) = run_in(&folder, &["analyze", "/no/such/file"]);
    assert_eq!(code, Some(4));
    assert!(text.contains("cannot read `/no/such/file`"), "{text}");
}

#[test]
fn another_catalogue_takes_the_place_of_the_embedded_one() {
    let folder = Folder::new("catalog");
    let text = "sv0-catalog 1\tsource=mine\tversion=7\tdate=2026-01-01\tdependents=7\n\
                S\tinvented\tInvented Service\t\n\
                R\tthing\tarn:${Partition}:invented:${Region}:${Account}:thing/${Name}\t\n\
                A\tinvented:DoIt\twrite\tthing*\t\t\n";
    let file = folder.file("catalog.txt", text);
    let file = file.to_str().unwrap();
    let overview = stdout(&["catalog", "--catalog", file]);
    assert!(
        overview.starts_with("mine 7 of 2026-01-01\n1 services, 1 actions"),
        "{overview}"
    );
    assert!(stdout(&["--catalog", file, "catalog", "invented"]).contains("invented:DoIt"));
    let (code, text) = run_in(&folder, &["catalog", "s3:GetObject", "--catalog", file]);
    assert_eq!(code, Some(3), "{text}");

    let request = folder.file(
        "request.jsonl",
        r#"{"principal":"anonymous","action":"s3:GetObject","resource":"arn:aws:s3:::b/k"}"#,
    );
    let request = request.to_str().unwrap();
    assert!(!stdout(&["simulate", request]).contains("warnings"));
    assert!(stdout(&["simulate", request, "--catalog", file]).contains("no action that this sv0 knows"));
}

#[test]
fn a_file_that_is_no_catalogue_is_an_error_that_says_why() {
    let folder = Folder::new("no-catalog");
    folder.file("empty.txt", "sv0-catalog 1\n");
    folder.file("odd.txt", "sv0-catalog 1\nS\tx\n");
    folder.file("broken.gz", [0x1f, 0x8b, 0]);
    folder.file("policy.json", "{}");
    for (name, why) in [
        ("empty.txt", "no service follows"),
        ("odd.txt", "line 2:"),
        ("broken.gz", "unexpected end of file"),
        ("policy.json", "line 1:"),
    ] {
        let file = format!("{}/{name}", folder.path());
        let (code, text) = run_in(&folder, &["catalog", "--catalog", &file]);
        assert_eq!(code, Some(4), "{text}");
        assert!(
            text.contains(&format!("`{name}` is no action catalogue")) && text.contains(why),
            "{text}"
        );
    }
    let (code, text) = run_in(&folder, &["demo", "--catalog", "/nonexistent/catalog"]);
    assert_eq!(code, Some(4), "{text}");
    assert!(text.contains("cannot read `/nonexistent/catalog`"), "{text}");
}

#[test]
fn a_question_about_nothing_says_what_is_near() {
    let output = sv0(&["paths", "--demo", "--from", "Eliot"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("near: `Elliot`"));
    let output = sv0(&["can", "OrganizationAccountAccessRole", "--demo"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("may mean 3 entities"));
    assert_eq!(
        sv0(&["can", "Prod/OrganizationAccountAccessRole", "--demo"])
            .status
            .code(),
        Some(0)
    );
    let output = sv0(&["who-can", "s3:GetObjct", "acme-prod-vault", "--demo"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("did you mean `s3:GetObject`?"));
    assert_eq!(sv0(&["paths"]).status.code(), Some(64));
    assert_eq!(sv0(&["paths", "--demo", "--nonsense"]).status.code(), Some(64));
}

#[test]
fn a_snapshot_survives_the_round_trip() {
    let folder = Folder::new("snapshot");
    let packed = folder.0.join("demo.sv0.jsonl.zst");
    let plain = folder.0.join("demo.jsonl");
    for file in [&packed, &plain] {
        assert_eq!(
            sv0(&["demo", "--write", file.to_str().unwrap()]).status.code(),
            Some(0)
        );
    }
    // The demo has a trail too.
    let trail = folder.0.join("trail.jsonl");
    std::fs::write(&trail, sv0_demo::TRAIL).unwrap();
    let (since, until) = sv0_demo::TRAIL_WINDOW;
    let ask = |file: &Path| {
        stdout(&[
            "paths",
            "--input",
            file.to_str().unwrap(),
            "--from",
            "Elliot",
            "-o",
            "json",
            "--trail",
            trail.to_str().unwrap(),
            "--since",
            since,
            "--until",
            until,
        ])
    };
    assert_eq!(ask(&packed), ask(&plain));
    assert_eq!(
        ask(&packed),
        stdout(&["paths", "--demo", "--from", "Elliot", "-o", "json"])
    );
}

#[test]
fn the_embedded_snapshot_is_what_sv0_itself_would_write() {
    let folder = Folder::new("canonical");
    let file = folder.0.join("demo.jsonl");
    assert_eq!(
        sv0(&["demo", "--write", file.to_str().unwrap()]).status.code(),
        Some(0)
    );
    assert!(
        std::fs::read_to_string(file).unwrap() == sv0_demo::SNAPSHOT,
        "write it anew with `sv0 demo --write`"
    );
}

#[test]
fn no_secret_value_is_in_the_demo() {
    let text = stdout(&["analyze", "--demo", "-o", "json"]);
    for canary in ["notreal", "sk_live", "Zx9!correct"] {
        assert!(!text.contains(canary), "{canary}");
    }
}

#[test]
fn the_users_rules_say_what_is_sensitive() {
    let folder = Folder::new("rules");
    let ask = ["paths", "--demo", "--from", "Elliot", "--output", "json"];
    let text = "[[rule]]\nkind = \"s3_bucket\"\nname = \"acme-prod-*\"\nsensitivity = \"public\"\ndata_domain = \"mine\"\n";
    let good = folder.file("rules.toml", text);
    let plain = stdout(&ask);
    assert!(!plain.contains("\"mine\""), "{plain}");
    let with = stdout(&[&ask[..], &["--rules", good.to_str().unwrap()]].concat());
    assert!(with.contains("\"data_domain\": \"mine\""), "{with}");
    let by_variable = Command::new(env!("CARGO_BIN_EXE_sv0"))
        .args(ask)
        .env_remove("SV0_SNAPSHOT")
        .env("SV0_RULES", &good)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(by_variable.stdout).unwrap(), with);

    let bad = folder.file(
        "bad.toml",
        format!("{text}[[rule]]\nid = \"*\"\nsensitivity = \"top\"\n"),
    );
    let output = sv0(&[&ask[..], &["--rules", bad.to_str().unwrap()]].concat());
    assert_eq!(output.status.code(), Some(4));
    let said = String::from_utf8(output.stderr).unwrap().replace('\n', " ");
    assert!(
        said.contains("bad.toml") && said.contains("line 8 (rule 2)"),
        "{said}"
    );
}
