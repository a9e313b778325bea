//! The role as a CloudFormation template, in YAML, for a stack or a StackSet.

use std::fmt::Write;

use super::{Policy, Role};

pub(super) fn template(role: &Role, policies: &[Policy]) -> String {
    let mut out = String::new();
    // Writing into a string does not fail.
    let _ = write(&mut out, role, policies);
    out
}

fn write(out: &mut String, role: &Role, policies: &[Policy]) -> std::fmt::Result {
    let default = |value: &Option<String>| match value {
        Some(value) => format!("\n    Default: {}", quoted(value)),
        None => String::new(),
    };
    write!(
        out,
        r#"AWSTemplateFormatVersion: "2010-09-09"
Description: Lets sv0 read how this account is configured. It can read no content and change nothing.

# In all accounts of an organization, from the management account or a delegated administrator:
#   aws cloudformation create-stack-set --stack-set-name sv0-reader --template-body file://sv0-reader.yaml \
#     --permission-model SERVICE_MANAGED --auto-deployment Enabled=true,RetainStacksOnAccountRemoval=false \
#     --capabilities CAPABILITY_NAMED_IAM
#   aws cloudformation create-stack-instances --stack-set-name sv0-reader --regions us-east-1 \
#     --deployment-targets OrganizationalUnitIds=r-xxxx
# A StackSet does not reach the management account: there, `aws cloudformation deploy` with the same template.

Parameters:
  RoleName:
    Type: String
    Description: The name of the role that sv0 takes.
    Default: {name}
  TrustedPrincipal:
    Type: String
    Description: The ARN of the role, user or account that may take it.
    AllowedPattern: "^arn:aws[a-z-]*:iam::[0-9]{{12}}:.+$"{trusted}
  ExternalId:
    Type: String
    Description: The external id that sv0 gives when it takes the role.
    MinLength: 2
    MaxLength: 1224
    NoEcho: true{external_id}

Resources:
  Reader:
    Type: AWS::IAM::Role
    Properties:
      RoleName: !Ref RoleName
      Description: sv0 reads how this account is configured
      MaxSessionDuration: 3600
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal:
              AWS: !Ref TrustedPrincipal
            Action: sts:AssumeRole
            Condition:
              StringEquals:
                sts:ExternalId: !Ref ExternalId
      ManagedPolicyArns:
"#,
        name = quoted(&role.name),
        trusted = default(&role.trusted),
        external_id = default(&role.external_id),
    )?;
    for policy in policies {
        writeln!(out, "        - !Ref {}", logical(policy))?;
    }
    for policy in policies {
        write!(
            out,
            "\n  {}:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:\n      ManagedPolicyName: !Sub \"${{RoleName}}-{}\"\n      PolicyDocument:\n        Version: \"{}\"\n        Statement:\n",
            logical(policy),
            policy.purpose,
            policy.version
        )?;
        for statement in &policy.statements {
            writeln!(out, "          - Sid: {}", statement.sid)?;
            writeln!(out, "            Effect: {}", statement.effect)?;
            list(out, "Action", &statement.actions)?;
            list(out, "Resource", &statement.resources)?;
            list(out, "NotResource", &statement.not_resources)?;
        }
    }
    write!(
        out,
        "\nOutputs:\n  RoleArn:\n    Description: What `sv0 scan --role-arn` takes.\n    Value: !GetAtt Reader.Arn\n"
    )
}

fn list(out: &mut String, key: &str, values: &[String]) -> std::fmt::Result {
    if values.is_empty() {
        return Ok(());
    }
    writeln!(out, "            {key}:")?;
    values
        .iter()
        .try_for_each(|value| writeln!(out, "              - {}", quoted(value)))
}

/// `Read2` of `read-2`.
fn logical(policy: &Policy) -> String {
    let mut parts = String::new();
    for part in policy.purpose.split('-') {
        let mut letters = part.chars();
        parts.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        parts.push_str(letters.as_str());
    }
    parts
}

/// A double-quoted YAML scalar is a JSON string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
