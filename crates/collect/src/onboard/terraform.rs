//! The role as a Terraform module in one file.

use std::fmt::Write;

use super::{Policy, Role};

pub(super) fn module(role: &Role, policies: &[Policy]) -> String {
    let mut out = String::new();
    // Writing into a string does not fail.
    let _ = write(&mut out, role, policies);
    out
}

fn write(out: &mut String, role: &Role, policies: &[Policy]) -> std::fmt::Result {
    let default = |value: &Option<String>| match value {
        Some(value) => format!("\n  default     = {}", quoted(value)),
        None => String::new(),
    };
    write!(
        out,
        r#"# Lets sv0 read how this account is configured. It can read no content and change nothing.

terraform {{
  required_version = ">= 1.3"
  required_providers {{
    aws = {{
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }}
  }}
}}

variable "role_name" {{
  type        = string
  description = "The name of the role that sv0 takes."
  default     = {name}
}}

variable "trusted_principal" {{
  type        = string
  description = "The ARN of the role, user or account that may take it."{trusted}
}}

variable "external_id" {{
  type        = string
  description = "The external id that sv0 gives when it takes the role."
  sensitive   = true{external_id}
}}

resource "aws_iam_role" "reader" {{
  name                 = var.role_name
  description          = "sv0 reads how this account is configured"
  max_session_duration = 3600
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Principal = {{ AWS = var.trusted_principal }}
      Action    = "sts:AssumeRole"
      Condition = {{ StringEquals = {{ "sts:ExternalId" = var.external_id }} }}
    }}]
  }})
}}
"#,
        name = quoted(&role.name),
        trusted = default(&role.trusted),
        external_id = default(&role.external_id),
    )?;
    for policy in policies {
        let name = policy.purpose.replace('-', "_");
        write!(
            out,
            "\nresource \"aws_iam_policy\" \"{name}\" {{\n  name = \"${{var.role_name}}-{}\"\n  policy = jsonencode({{\n    Version = \"{}\"\n    Statement = [\n",
            policy.purpose, policy.version
        )?;
        for statement in &policy.statements {
            writeln!(out, "      {{")?;
            writeln!(out, "        Sid    = {}", quoted(&statement.sid))?;
            writeln!(out, "        Effect = {}", quoted(statement.effect))?;
            list(out, "Action", &statement.actions)?;
            list(out, "Resource", &statement.resources)?;
            list(out, "NotResource", &statement.not_resources)?;
            writeln!(out, "      }},")?;
        }
        write!(
            out,
            "    ]\n  }})\n}}\n\nresource \"aws_iam_role_policy_attachment\" \"{name}\" {{\n  role       = aws_iam_role.reader.name\n  policy_arn = aws_iam_policy.{name}.arn\n}}\n"
        )?;
    }
    write!(
        out,
        "\noutput \"role_arn\" {{\n  description = \"What `sv0 scan --role-arn` takes.\"\n  value       = aws_iam_role.reader.arn\n}}\n"
    )
}

fn list(out: &mut String, key: &str, values: &[String]) -> std::fmt::Result {
    if values.is_empty() {
        return Ok(());
    }
    writeln!(out, "        {key} = [")?;
    for value in values {
        writeln!(out, "          {},", quoted(value))?;
    }
    writeln!(out, "        ]")
}

/// A string literal, in which `${` and `%{` mean themselves.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text)
        .to_string()
        .replace("${", "$${")
        .replace("%{", "%%{")
}
