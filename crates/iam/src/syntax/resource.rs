//! Patterns of `Resource` and `NotResource` elements, compared field by field (semantics rules 27 to 30).
//!
//! Source: IAM User Guide, "IAM JSON policy elements: Resource", and "Reference ARNs": wildcards span the resource
//! part but not the fields, and the resource *type* must stand literally.

use crate::condition::Context;
use crate::name::{Arn, Glob};
use crate::syntax::template::{Resolved, Template, Variables, split_fields};
use crate::tri::Tri;

/// How a pattern with fewer than six fields is completed; it depends on where the policy is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShortArn {
    /// Identity, session and boundary policies: missing fields are `*`.
    Pad,
    /// Resource and endpoint policies: only where the pattern holds a wildcard.
    IfWildcard,
    /// SCPs and RCPs: only where the pattern ends in `*`.
    IfTrailingStar,
}

/// One entry of a `Resource` element.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ResourcePattern {
    text: Box<str>,
    form: Form,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Form {
    /// `*`
    Any,
    /// partition, service, region, account, resource; what is missing was completed.
    Fields { fields: Box<[Template; 5]>, given: u8 },
    /// Not an ARN at all: matches only the very same text.
    Other(Template),
}

/// What a pattern is made of.
#[derive(Debug, Clone, Copy)]
pub enum Parts<'a> {
    /// A bare `*`.
    Any,
    /// Partition, service, region, account and the resource part; what is missing was completed with `*`.
    Fields(&'a [Template; 5]),
    /// No ARN: only the very same text.
    Other(&'a Template),
}

/// The resource of a request, prepared once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResourceName<'a> {
    /// As asked.
    pub text: &'a str,
    /// Split, where it is an ARN.
    pub arn: Option<Arn<'a>>,
    /// How many bytes of the resource part are the type and its separator (`role/`, `table/`); 0 where the service has
    /// no type word (S3, SQS, SNS, API Gateway).
    pub type_len: usize,
}

/// Services whose ARNs begin with a name, not with a type word: in the catalogue their ARN templates begin with a
/// placeholder. API Gateway's own are paths, and S3's have a type only with an account (access points).
const TYPELESS: &[&str] = &[
    "apigateway",
    "aws-marketplace",
    "codecommit",
    "codepipeline",
    "eventsbilltoaws",
    "execute-api",
    "mapcredits",
    "mgh",
    "neptune-db",
    "s3-object-lambda",
    "servicequotas",
    "sns",
    "sqs",
    "ssm-sap",
    "wafv2",
];

impl<'a> ResourceName<'a> {
    /// Prepares a concrete ARN or `*`.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        let arn = Arn::parse(text);
        let type_len = arn.map_or(0, |arn| match arn.service {
            "s3" if matches!(arn.account, "") => 0,
            service if TYPELESS.contains(&service) => 0,
            _ => arn.typed().map_or(0, |(word, _)| word.len() + 1),
        });
        Self { text, arn, type_len }
    }
}

impl ResourcePattern {
    /// Compiles the text as it stands in a policy.
    #[must_use]
    pub fn new(text: &str, variables: Variables) -> Self {
        let form = if !text.is_empty() && text.chars().all(|c| c == '*') {
            Form::Any
        } else {
            let split = split_fields(text, 6);
            if split.first() == Some(&"arn") && split.len() > 1 {
                let field = |n: usize| Template::new(split.get(n).copied().unwrap_or("*"), variables);
                let given = u8::try_from(split.len()).unwrap_or(6);
                Form::Fields {
                    fields: Box::new([field(1), field(2), field(3), field(4), field(5)]),
                    given,
                }
            } else {
                Form::Other(Template::new(text, variables))
            }
        };
        Self {
            text: text.into(),
            form,
        }
    }

    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it is made of, for whoever reasons about all resources at once.
    #[must_use]
    pub fn parts(&self) -> Parts<'_> {
        match &self.form {
            Form::Any => Parts::Any,
            Form::Fields { fields, .. } => Parts::Fields(fields),
            Form::Other(template) => Parts::Other(template),
        }
    }

    /// Whether it counts where `short` says how patterns with missing fields are read (rule 29).
    #[must_use]
    pub fn is_complete(&self, short: ShortArn) -> bool {
        match &self.form {
            Form::Fields { given, .. } if *given < 6 => match short {
                ShortArn::Pad => true,
                ShortArn::IfWildcard => self.text.contains(['*', '?']),
                ShortArn::IfTrailingStar => self.text.ends_with('*'),
            },
            _ => true,
        }
    }

    /// Whether it is a bare `*`.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.form == Form::Any
    }

    /// The keys of its variables, in lower case.
    #[must_use]
    pub fn variables(&self) -> Vec<&str> {
        match &self.form {
            Form::Any => Vec::new(),
            Form::Fields { fields, .. } => fields.iter().flat_map(Template::variables).collect(),
            Form::Other(template) => template.variables().collect(),
        }
    }

    /// Whether a resource matches.
    #[must_use]
    pub fn matches(&self, resource: &ResourceName<'_>, context: &Context, short: ShortArn) -> Tri {
        match &self.form {
            Form::Any => Tri::True,
            Form::Other(template) => match template.literal(context) {
                Ok(text) => Tri::from(text.as_deref() == Some(resource.text)),
                Err(widest) => possible(widest.matches(resource.text)),
            },
            Form::Fields { fields, .. } => {
                let Some(arn) = resource.arn else {
                    return Tri::False;
                };
                if !self.is_complete(short) {
                    return Tri::False;
                }
                let [partition, service, region, account, rest] = &**fields;
                let rest = match rest.pattern(context) {
                    Resolved::Pattern(glob) => Tri::from(typed_match(&glob, arn.resource, resource.type_len)),
                    Resolved::Nothing => Tri::False,
                    // What is unknown may bring the type along.
                    Resolved::AtMost(glob) => possible(glob.matches(arn.resource)),
                };
                let head = [
                    (partition, arn.partition),
                    (service, arn.service),
                    (region, arn.region),
                    (account, arn.account),
                ];
                head.into_iter()
                    .map(|(template, text)| field(template, context, |glob| glob.matches_ignore_case(text)))
                    .fold(rest, Tri::and)
            }
        }
    }

    /// A concrete resource that matches, with what is known of the variables filled in: what a question about the scope
    /// can be asked with. None for `*`, and where a variable has no value.
    #[must_use]
    pub fn example(&self, context: &Context, fill: char) -> Option<String> {
        let Form::Fields { fields, .. } = &self.form else {
            return None;
        };
        let parts = fields.iter().map(|template| match template.pattern(context) {
            Resolved::Pattern(glob) => Some(glob.example(fill)),
            Resolved::AtMost(glob) => Some(glob.example(fill)),
            Resolved::Nothing => None,
        });
        let parts: Option<Vec<String>> = parts.collect();
        Some(format!("arn:{}", parts?.join(":")))
    }

    /// Whether some resource could match both this pattern and a scope. Variables count as `*`.
    #[must_use]
    pub fn overlaps(&self, scope: &Scope<'_>) -> bool {
        match &self.form {
            Form::Any => true,
            Form::Other(template) => template.widest().matches(scope.arn.resource),
            Form::Fields { fields, .. } => {
                let [partition, service, region, account, rest] = &**fields;
                let head = [
                    (service, scope.arn.service),
                    (account, scope.arn.account),
                    (region, scope.arn.region),
                    (partition, scope.arn.partition),
                ];
                head.into_iter().all(|(template, text)| match text {
                    "*" => true,
                    text => template.widest().matches_ignore_case(text),
                }) && rest.widest().intersects(&scope.rest)
            }
        }
    }
}

/// A set of resources given by an ARN whose resource part is a pattern, such as `arn:aws:s3:::bucket/*`; the other
/// fields are text, or `*`. Prepared once, compared with many patterns.
#[derive(Debug, Clone)]
pub struct Scope<'a> {
    arn: Arn<'a>,
    rest: Glob,
}

impl<'a> Scope<'a> {
    /// A scope from its ARN pattern.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let arn = Arn::parse(text)?;
        Some(Self {
            arn,
            rest: Glob::new(arn.resource),
        })
    }
}

/// The type word must stand literally, unless the pattern is nothing but stars.
fn typed_match(glob: &Glob, resource: &str, type_len: usize) -> bool {
    if !glob.matches(resource) {
        return false;
    }
    type_len == 0 || glob.is_any() || {
        let word = resource.get(..type_len).unwrap_or_default();
        glob.literal_prefix().starts_with(word)
    }
}

fn field(template: &Template, context: &Context, matches: impl Fn(&Glob) -> bool) -> Tri {
    match template.pattern(context) {
        Resolved::Pattern(glob) => Tri::from(matches(&glob)),
        Resolved::Nothing => Tri::False,
        Resolved::AtMost(glob) => possible(matches(&glob)),
    }
}

fn possible(holds: bool) -> Tri {
    if holds { Tri::Unknown } else { Tri::False }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(pattern: &str, resource: &str, short: ShortArn) -> bool {
        let pattern = ResourcePattern::new(pattern, Variables::Expanded);
        pattern.matches(&ResourceName::new(resource), &Context::closed(), short) == Tri::True
    }

    #[test]
    fn fields() {
        let pad = ShortArn::Pad;
        assert!(case("arn:aws:s3:::b/*", "arn:aws:s3:::b/x/y", pad));
        assert!(!case("arn:aws:s3:::b/*", "arn:aws:s3:::b", pad));
        assert!(case("ARN:x", "ARN:x", pad), "not an ARN: only itself");
        assert!(
            case("arn:AWS:S3:::b", "arn:aws:s3:::b", pad),
            "the head ignores case"
        );
        assert!(
            !case("arn:aws:s3:::B", "arn:aws:s3:::b", pad),
            "the resource part does not"
        );
        assert!(
            !case("arn:aws:*:b", "arn:aws:s3:::b", pad),
            "a star does not span fields"
        );
        assert!(case(
            "arn:aws:dynamodb:*:1:table/T*",
            "arn:aws:dynamodb:eu-west-1:1:table/T\n",
            pad
        ));
    }

    #[test]
    fn the_type_word_is_literal() {
        let pad = ShortArn::Pad;
        assert!(!case("arn:aws:iam::1:u*", "arn:aws:iam::1:user/bob", pad));
        assert!(case("arn:aws:iam::1:user/*", "arn:aws:iam::1:user/bob", pad));
        assert!(case("arn:aws:iam::1:*", "arn:aws:iam::1:user/bob", pad));
        assert!(case(
            "arn:aws:sqs:us-east-1:1:prod-*",
            "arn:aws:sqs:us-east-1:1:prod-q",
            pad
        ));
        assert!(case("arn:aws:s3:::*/secret/*", "arn:aws:s3:::b/secret/x", pad));
    }

    #[test]
    fn services_without_a_type_word_are_those_of_the_catalogue() {
        use crate::catalog::Catalog;
        for service in Catalog::embedded().services() {
            for template in service
                .resource_types()
                .flat_map(|t| t.arn_templates().collect::<Vec<_>>())
            {
                let fields = split_fields(template, 6);
                // A recovery point is of any service, a Kinesis consumer of a stream.
                let odd = template.contains("${Vendor}") || template.contains("${StreamType}");
                if fields.get(5).is_none_or(|rest| !rest.starts_with("${")) || odd {
                    continue;
                }
                let example = template.replace("${", "").replace('}', "");
                assert_eq!(ResourceName::new(&example).type_len, 0, "{template}");
            }
        }
    }

    #[test]
    fn short_arns() {
        assert!(case("arn:aws:s3:*", "arn:aws:s3:::b", ShortArn::Pad));
        assert!(case("arn:aws:s3", "arn:aws:s3:::b", ShortArn::Pad));
        assert!(!case("arn:aws:s3", "arn:aws:s3:::b", ShortArn::IfWildcard));
        assert!(case("arn:aws:s3:*", "arn:aws:s3:::b", ShortArn::IfTrailingStar));
        assert!(!case("arn:aws:*3", "arn:aws:s3:::b", ShortArn::IfTrailingStar));
    }

    #[test]
    fn overlap_with_a_template() {
        let scope = Scope::parse("arn:aws:s3:::bucket/*").unwrap();
        let overlaps = |p: &str| ResourcePattern::new(p, Variables::Expanded).overlaps(&scope);
        assert!(overlaps("arn:aws:s3:::bucket/logs/*") && overlaps("*") && overlaps("arn:aws:s3:::b*"));
        assert!(!overlaps("arn:aws:s3:::bucket") && !overlaps("arn:aws:s3:::other/*"));
    }
}
