//! Whether two names mean the same thing: an ARN of the configuration, and what a record made of a name.

use sv0_iam::name::{Arn, Glob};

/// Whether an ARN that a record gives, or that was made from a name in it, means this resource. A record can lack the path
/// of a role or user and the last six characters of a secret's ARN, and can add a version, a qualifier or an index.
#[must_use]
pub fn same(resource: &str, recorded: &str) -> bool {
    if resource == recorded {
        return true;
    }
    let (Some(this), Some(that)) = (Arn::parse(resource), Arn::parse(recorded)) else {
        return false;
    };
    if (this.service, this.account, this.region) != (that.service, that.account, that.region) {
        return false;
    }
    match this.service {
        "iam" => {
            let (Some((kind, rest)), Some((other, name))) = (this.typed(), that.typed()) else {
                return false;
            };
            kind == other && !name.contains('/') && rest.rsplit('/').next() == Some(name)
        }
        "secretsmanager" => without_suffix(this.resource) == Some(that.resource),
        "lambda" => that
            .resource
            .strip_prefix(this.resource)
            .is_some_and(|rest| rest.starts_with(':')),
        _ => false,
    }
}

/// `secret:name-AbCdEf` without its last seven characters.
fn without_suffix(resource: &str) -> Option<&str> {
    let cut = resource.len().checked_sub(7)?;
    let (name, suffix) = resource.split_at_checked(cut)?;
    let random = suffix.strip_prefix('-')?;
    random
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric())
        .then_some(name)
}

/// Whether what a record is on is this resource or a part of it: an object of a bucket, an index of a table, a stream of
/// a log group. A scope, such as `arn:aws:s3:::*`, has whatever it matches.
#[must_use]
pub fn within(resource: &str, recorded: &str) -> bool {
    if same(resource, recorded) {
        return true;
    }
    if resource.contains('*') && resource.starts_with("arn:") {
        return Glob::new(resource).matches(recorded);
    }
    let Some(rest) = recorded.strip_prefix(resource) else {
        return false;
    };
    rest.starts_with('/') || rest.starts_with(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_their_rest_are_recognised() {
        for (resource, recorded, means) in [
            ("arn:aws:iam::1:role/app/x", "arn:aws:iam::1:role/x", true),
            ("arn:aws:iam::1:role/app/x", "arn:aws:iam::1:user/x", false),
            ("arn:aws:iam::1:role/app/x", "arn:aws:iam::2:role/x", false),
            (
                "arn:aws:secretsmanager:r:1:secret:a/b-AbCdEf",
                "arn:aws:secretsmanager:r:1:secret:a/b",
                true,
            ),
            (
                "arn:aws:secretsmanager:r:1:secret:a/b-AbCdEf",
                "arn:aws:secretsmanager:r:1:secret:a",
                false,
            ),
            (
                "arn:aws:lambda:r:1:function:f",
                "arn:aws:lambda:r:1:function:f:live",
                true,
            ),
            (
                "arn:aws:lambda:r:1:function:f",
                "arn:aws:lambda:r:1:function:fg",
                false,
            ),
            ("*", "arn:aws:s3:::b", false),
        ] {
            assert_eq!(same(resource, recorded), means, "{resource} {recorded}");
        }
        assert!(within("arn:aws:s3:::b", "arn:aws:s3:::b/k"));
        assert!(!within("arn:aws:s3:::b", "arn:aws:s3:::bc/k"));
        assert!(within("arn:aws:s3:::*", "arn:aws:s3:::bc/k"));
        assert!(within(
            "arn:aws:dynamodb:r:1:table/T",
            "arn:aws:dynamodb:r:1:table/T/index/i"
        ));
    }
}
