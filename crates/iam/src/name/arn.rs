//! Amazon Resource Names: six fields divided by colons, the last of which may hold colons itself.
//!
//! Source: IAM User Guide, "Identify AWS resources with Amazon Resource Names (ARNs)".

/// An ARN split into its fields; nothing is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Arn<'a> {
    /// `aws`, `aws-cn`, `aws-us-gov` …
    pub partition: &'a str,
    /// Service, such as `s3`.
    pub service: &'a str,
    /// Region; empty for global services.
    pub region: &'a str,
    /// Account id; empty for S3 buckets, `aws` for AWS's own policies.
    pub account: &'a str,
    /// Everything after the fifth colon.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Splits `text`; none where it is not an ARN of six fields.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut fields = text.splitn(6, ':');
        if fields.next()? != "arn" {
            return None;
        }
        let arn = Self {
            partition: fields.next()?,
            service: fields.next()?,
            region: fields.next()?,
            account: fields.next()?,
            resource: fields.next()?,
        };
        (!arn.partition.is_empty() && !arn.service.is_empty()).then_some(arn)
    }

    /// The account, where the ARN names one.
    #[must_use]
    pub fn account_id(&self) -> Option<&'a str> {
        is_account_id(self.account).then_some(self.account)
    }

    /// The resource's type word and the rest: `role/path/Name` → (`role`, `path/Name`).
    #[must_use]
    pub fn typed(&self) -> Option<(&'a str, &'a str)> {
        let cut = self.resource.find(['/', ':'])?;
        Some((self.resource.get(..cut)?, self.resource.get(cut + 1..)?))
    }

    /// The last part of the resource: what a person calls it.
    #[must_use]
    pub fn name(&self) -> &'a str {
        let sep: &[char] = match self.service {
            // A bucket or key may hold anything; a secret's name has slashes that belong to it.
            "s3" => return self.resource,
            "secretsmanager" | "sns" | "sqs" | "lambda" | "kms" => &[':'],
            "ssm" | "ecr" | "events" | "dynamodb" => {
                return self.typed().map_or(self.resource, |(_, rest)| rest);
            }
            _ => &['/', ':'],
        };
        self.resource.rsplit(sep).next().unwrap_or(self.resource)
    }
}

/// Twelve digits.
#[must_use]
pub fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_names() {
        let role = Arn::parse("arn:aws:iam::333333333333:role/aws-reserved/sso.amazonaws.com/X").unwrap();
        assert_eq!(
            (role.service, role.region, role.account),
            ("iam", "", "333333333333")
        );
        assert_eq!(role.typed(), Some(("role", "aws-reserved/sso.amazonaws.com/X")));
        assert_eq!(role.name(), "X");
        let secret = Arn::parse("arn:aws:secretsmanager:us-east-1:1:secret:allsafe/prod-key-wfNmyd").unwrap();
        assert_eq!(secret.name(), "allsafe/prod-key-wfNmyd");
        let object = Arn::parse("arn:aws:s3:::bucket/a:b").unwrap();
        assert_eq!(object.resource, "bucket/a:b");
        assert_eq!(object.account_id(), None);
        assert!(Arn::parse("arn:aws:s3").is_none());
        assert!(Arn::parse("*").is_none());
    }
}
