//! The closed sets of the model: entity types and kinds, edge kinds, policy slots, access levels.
//!
//! They are matched exhaustively, so that adding one makes the compiler list every place that must know it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Defines an enum whose variants carry their stable text, with `ALL`, `as_str`, `Display` and `FromStr`.
macro_rules! names {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        pub enum $name { $($(#[$vmeta])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable text used in files and output.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = ();
            fn from_str(text: &str) -> Result<Self, ()> {
                Self::ALL.iter().copied().find(|v| v.as_str() == text).ok_or(())
            }
        }
    };
}

names! {
    /// The nine entity types of `model.md`.
    EntityType {
        /// Organisation, organisational unit, account.
        Tenant = "tenant",
        /// Whoever can hold authority.
        Identity = "identity",
        /// What runs, and so acts as an identity.
        Workload = "workload",
        /// A set of grants: a policy document (ADR 0001).
        PermissionSet = "permission_set",
        /// One granted (actions, scope, condition) of one statement.
        Permission = "permission",
        /// What is acted upon.
        Resource = "resource",
        /// Code that workloads run.
        Artifact = "artifact",
        /// A limit on what grants can give.
        Ceiling = "ceiling",
        /// A statement of another tool about an entity.
        FindingSource = "finding_source",
    }
}

/// Declares entity kinds: variant, text, entity type, source system, words for people.
macro_rules! kinds {
    ($($variant:ident = $text:literal, $ty:ident, $source:literal, $label:literal;)+) => {
        names! {
            /// The subtype of an entity.
            Kind { $(#[doc = $label] $variant = $text),+ }
        }
        impl Kind {
            /// The entity type that it belongs to.
            #[must_use]
            pub const fn entity_type(self) -> EntityType {
                match self { $(Self::$variant => EntityType::$ty),+ }
            }
            /// The first half of `source_system`.
            #[must_use]
            pub const fn source(self) -> &'static str {
                match self { $(Self::$variant => $source),+ }
            }
            /// What people call it.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$variant => $label),+ }
            }
        }
    };
}

kinds! {
    AwsOrganization = "aws_organization", Tenant, "aws_organizations", "organization";
    AwsOu = "aws_ou", Tenant, "aws_organizations", "organizational unit";
    AwsAccount = "aws_account", Tenant, "aws_organizations", "account";

    IamUser = "iam_user", Identity, "aws_iam", "IAM user";
    IamGroup = "iam_group", Identity, "aws_iam", "IAM group";
    IamRole = "iam_role", Identity, "aws_iam", "IAM role";
    ServiceLinkedRole = "service_linked_role", Identity, "aws_iam", "service-linked role";
    SsoPermissionSet = "sso_permission_set", Identity, "aws_sso", "Identity Center permission set";
    SsoUser = "sso_user", Identity, "aws_sso", "Identity Center user";
    SsoGroup = "sso_group", Identity, "aws_sso", "Identity Center group";
    OidcProvider = "oidc_provider", Identity, "aws_iam", "OIDC provider";
    OidcSubject = "oidc_subject", Identity, "aws_iam", "OIDC subject";
    SamlProvider = "saml_provider", Identity, "aws_iam", "SAML provider";
    SamlSubject = "saml_subject", Identity, "aws_iam", "SAML subject";
    TrustAnchor = "trust_anchor", Identity, "aws_rolesanywhere", "Roles Anywhere trust anchor";
    ServicePrincipal = "service_principal", Identity, "aws_iam", "AWS service";
    ExternalAccount = "external_account", Identity, "aws_iam", "account outside the organization";
    ExternalPrincipal = "external_principal", Identity, "aws_iam", "principal that was not collected";
    RootUser = "root_user", Identity, "aws_iam", "account root user";
    Anonymous = "anonymous", Identity, "aws_iam", "anyone on the internet";
    AccessKey = "access_key", Identity, "aws_iam", "access key";

    LambdaFunction = "lambda_function", Workload, "aws_lambda", "Lambda function";
    EcsTask = "ecs_task", Workload, "aws_ecs", "ECS task definition";
    EcsService = "ecs_service", Workload, "aws_ecs", "ECS service";
    BedrockAgent = "bedrock_agent", Workload, "aws_bedrock", "Bedrock agent";
    StateMachine = "state_machine", Workload, "aws_states", "Step Functions state machine";
    Ec2Instance = "ec2_instance", Workload, "aws_ec2", "EC2 instance";
    SagemakerNotebook = "sagemaker_notebook", Workload, "aws_sagemaker", "SageMaker notebook";
    CodebuildProject = "codebuild_project", Workload, "aws_codebuild", "CodeBuild project";
    GlueJob = "glue_job", Workload, "aws_glue", "Glue job";
    ApprunnerService = "apprunner_service", Workload, "aws_apprunner", "App Runner service";
    EksCluster = "eks_cluster", Workload, "aws_eks", "EKS cluster";
    EksServiceAccount = "eks_service_account", Workload, "aws_eks", "EKS service account";
    EventbridgeRule = "eventbridge_rule", Workload, "aws_events", "EventBridge rule";
    EventbridgePipe = "eventbridge_pipe", Workload, "aws_pipes", "EventBridge pipe";
    Schedule = "schedule", Workload, "aws_scheduler", "EventBridge schedule";
    ApiGateway = "api_gateway", Workload, "aws_apigateway", "API Gateway API";
    CloudformationStack = "cloudformation_stack", Workload, "aws_cloudformation", "CloudFormation stack";
    ExternalWorkload = "external_workload", Workload, "external", "workload of another cloud";

    IamPolicy = "iam_policy", PermissionSet, "aws_iam", "managed policy";
    InlinePolicy = "inline_policy", PermissionSet, "aws_iam", "inline policy";
    ResourcePolicy = "resource_policy", PermissionSet, "aws_iam", "resource policy";
    TrustPolicy = "trust_policy", PermissionSet, "aws_iam", "trust policy";
    KeyPolicy = "key_policy", PermissionSet, "aws_kms", "key policy";

    S3Bucket = "s3_bucket", Resource, "aws_s3", "S3 bucket";
    S3AccessPoint = "s3_access_point", Resource, "aws_s3", "S3 access point";
    DynamodbTable = "dynamodb_table", Resource, "aws_dynamodb", "DynamoDB table";
    RdsInstance = "rds_instance", Resource, "aws_rds", "RDS instance";
    RdsCluster = "rds_cluster", Resource, "aws_rds", "RDS cluster";
    SecretsManagerSecret = "secrets_manager_secret", Resource, "aws_secretsmanager", "secret";
    SsmParameter = "ssm_parameter", Resource, "aws_ssm", "SSM parameter";
    KmsKey = "kms_key", Resource, "aws_kms", "KMS key";
    EcrRepository = "ecr_repository", Resource, "aws_ecr", "ECR repository";
    SqsQueue = "sqs_queue", Resource, "aws_sqs", "SQS queue";
    SnsTopic = "sns_topic", Resource, "aws_sns", "SNS topic";
    EventBus = "event_bus", Resource, "aws_events", "event bus";
    BedrockKnowledgeBase = "bedrock_knowledge_base", Resource, "aws_bedrock", "Bedrock knowledge base";
    BedrockModel = "bedrock_model", Resource, "aws_bedrock", "Bedrock model";
    AwsResource = "aws_resource", Resource, "aws", "resource";
    ResourceScope = "resource_scope", Resource, "aws", "scope";

    ContainerImage = "container_image", Artifact, "aws_ecr", "container image";
    LambdaLayer = "lambda_layer", Artifact, "aws_lambda", "Lambda layer";
    LambdaPackage = "lambda_package", Artifact, "aws_lambda", "Lambda package";

    Scp = "scp", Ceiling, "aws_organizations", "service control policy";
    Rcp = "rcp", Ceiling, "aws_organizations", "resource control policy";
    PermissionBoundary = "permission_boundary", Ceiling, "aws_iam", "permissions boundary";
    VpcEndpointPolicy = "vpc_endpoint_policy", Ceiling, "aws_ec2", "VPC endpoint policy";

    AccessAnalyzerFinding = "access_analyzer_finding", FindingSource, "aws_access_analyzer", "Access Analyzer finding";
    VulnerabilityFinding = "vulnerability_finding", FindingSource, "aws_inspector", "vulnerability finding";
}

names! {
    /// Edges of the graph, in the direction of authority (`model.md`, "Edges").
    EdgeKind {
        /// Workload to the role it acts as.
        RunsAs = "RUNS_AS",
        /// ECS task definition to the role that pulls its image.
        PullsVia = "PULLS_VIA",
        /// Service to task definition, cluster to service account.
        Runs = "RUNS",
        /// User to group, account or OU to its parent.
        MemberOf = "MEMBER_OF",
        /// Identity to a policy attached to it.
        HasPolicy = "HAS_POLICY",
        /// Permission set to permission.
        Grants = "GRANTS",
        /// Permission to resource.
        AppliesTo = "APPLIES_TO",
        /// Role to a principal that its trust policy names.
        Trusts = "TRUSTS",
        /// Identity to its permissions boundary.
        SubjectTo = "SUBJECT_TO",
        /// Ceiling to what it limits.
        Constrains = "CONSTRAINS",
        /// Workload to what starts it: rule, queue, topic, schedule, API.
        TriggeredBy = "TRIGGERED_BY",
        /// Workload or identity to a workload that it makes run.
        Invokes = "INVOKES",
        /// Workload to the repository its image comes from.
        DeployedFrom = "DEPLOYED_FROM",
        /// Repository to image, OIDC provider to subject.
        Hosts = "HOSTS",
        /// Image to workload.
        ExecutedBy = "EXECUTED_BY",
        /// Repository to workload that runs an image of it.
        ImageRunsIn = "IMAGE_RUNS_IN",
        /// Repository to a principal that its policy lets pull.
        PullAccess = "PULL_ACCESS",
        /// Repository to a principal that its policy lets push.
        PushAccess = "PUSH_ACCESS",
        /// Identity to a repository that it can effectively push to.
        PushTo = "PUSH_TO",
        /// Identity to an event bus, queue or topic that it can effectively write to.
        SendsTo = "SENDS_TO",
        /// Workload to a resource that it reads, inferred; `confidence` says how.
        ReadsFrom = "READS_FROM",
        /// Resource to its KMS key.
        EncryptedWith = "ENCRYPTED_WITH",
        /// Key to identity that can effectively decrypt with it.
        DecryptableBy = "DECRYPTABLE_BY",
        /// Identity Center user or group to a permission set, for an account.
        Assigned = "ASSIGNED",
        /// Permission set to the role it makes in an account.
        Provisions = "PROVISIONS",
        /// Secret or parameter to the identity whose credential it holds.
        HoldsCredentialFor = "HOLDS_CREDENTIAL_FOR",
        /// Resource to what another tool says of it.
        HasFinding = "HAS_FINDING",
        /// Entity to an entity of another source system.
        CorrelatesWith = "CORRELATES_WITH",
        /// Principal to a role it can effectively assume.
        Assumes = "ASSUMES",
        /// Principal to a resource it can effectively use.
        CanAccess = "CAN_ACCESS",
        /// Principal to an identity whose authority it can take by an escalation technique.
        CanEscalateTo = "CAN_ESCALATE_TO",
        /// Principal to what CloudTrail saw it use.
        Executed = "EXECUTED",
    }
}

names! {
    /// The role that a policy document plays for its entity.
    Slot {
        /// Embedded in a user, group or role.
        Inline = "inline",
        /// The default version of a managed policy, SCP or RCP.
        Document = "document",
        /// Who may assume the role.
        Trust = "trust",
        /// Attached to the resource: bucket, queue, repository, function, table, secret, bus …
        Resource = "resource",
        /// A KMS key's policy.
        Key = "key",
        /// A VPC endpoint's policy.
        Endpoint = "endpoint",
    }
}

names! {
    /// What an action does to a resource, as the Service Authorization Reference groups them; ordered by weight.
    AccessLevel {
        /// Sees that it exists.
        List = "list",
        /// Changes tags only.
        Tagging = "tagging",
        /// Reads its contents or configuration.
        Read = "read",
        /// Creates, changes or deletes.
        Write = "write",
        /// Changes who has access.
        Permissions = "permissions",
    }
}

names! {
    /// How much harm disclosure would do; `unknown` is said, never guessed away.
    Sensitivity {
        /// Nothing says.
        Unknown = "unknown",
        /// Meant for everyone.
        Public = "public",
        /// For the company.
        Internal = "internal",
        /// For few.
        Confidential = "confidential",
        /// Secrets and regulated data.
        Restricted = "restricted",
    }
}
