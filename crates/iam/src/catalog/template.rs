//! Templates with placeholders, `arn:${Partition}:s3:::${BucketName}`, matched against concrete texts.
//!
//! In the resource part of an ARN and in condition keys a placeholder stands for one or more characters of any
//! kind and `*` for any number; before the resource part a placeholder or `*` stands for a whole, possibly
//! empty, segment.

/// An ARN in its parts.
pub(super) struct Arn<'a> {
    partition: &'a str,
    pub(super) service: &'a str,
    region: &'a str,
    account: &'a str,
    resource: &'a str,
}

impl<'a> Arn<'a> {
    pub(super) fn split(text: &'a str) -> Option<Self> {
        let mut parts = text.strip_prefix("arn:")?.splitn(5, ':');
        Some(Self {
            partition: parts.next()?,
            service: parts.next()?,
            region: parts.next()?,
            account: parts.next()?,
            resource: parts.next()?,
        })
    }
}

/// Whether an ARN is of a template. The caller has looked at the service.
pub(super) fn matches_arn(template: &str, arn: &Arn<'_>) -> bool {
    Arn::split(template).is_some_and(|template| {
        segment(template.partition, arn.partition)
            && segment(template.region, arn.region)
            && segment(template.account, arn.account)
            && matches(template.resource, arn.resource, |a, b| a == b)
    })
}

/// Whether a condition key is of a template; case does not count.
pub(super) fn matches_key(template: &str, key: &str) -> bool {
    template.contains("${") && matches(template, key, |a, b| a.eq_ignore_ascii_case(&b))
}

/// Whether a segment of a template is open: a placeholder.
pub(super) fn is_placeholder(segment: &str) -> bool {
    segment.starts_with("${")
}

/// How much of a template is literal; with how many separators and stars.
pub(super) struct Weight {
    pub(super) literal: u16,
    pub(super) separators: u16,
    pub(super) stars: u16,
}

/// Weighs the resource part of an ARN template.
pub(super) fn weigh(template: &str) -> Weight {
    let mut weight = Weight {
        literal: 0,
        separators: 0,
        stars: 0,
    };
    let resource = Arn::split(template).map_or("", |arn| arn.resource).as_bytes();
    let mut at = 0;
    loop {
        match token(resource, at) {
            Token::End => return weight,
            Token::Wildcard { next, least } => {
                weight.stars += u16::from(least == 0);
                at = next;
            }
            Token::Byte(byte) => {
                weight.literal += 1;
                weight.separators += u16::from(byte == b'/' || byte == b':');
                at += 1;
            }
        }
    }
}

fn segment(template: &str, text: &str) -> bool {
    template == text || template == "*" || is_placeholder(template)
}

enum Token {
    End,
    Byte(u8),
    /// Stands for `least` or more characters; the template goes on at `next`.
    Wildcard {
        next: usize,
        least: usize,
    },
}

fn token(template: &[u8], at: usize) -> Token {
    let rest = template.get(at..).unwrap_or_default();
    match rest {
        [] => Token::End,
        [b'*', ..] => Token::Wildcard {
            next: at + 1,
            least: 0,
        },
        [b'$', b'{', ..] => {
            let length = rest
                .iter()
                .position(|&byte| byte == b'}')
                .map_or(rest.len(), |end| end + 1);
            Token::Wildcard {
                next: at + length,
                least: 1,
            }
        }
        [byte, ..] => Token::Byte(*byte),
    }
}

/// Glob matching that goes back to the last wildcard only, so quadratic at worst.
fn matches(template: &str, text: &str, same: fn(u8, u8) -> bool) -> bool {
    let (template, text) = (template.as_bytes(), text.as_bytes());
    let (mut at, mut here) = (0, 0);
    // Where the template goes on after the last wildcard, and the first text position after what it took.
    let mut last: Option<(usize, usize)> = None;
    loop {
        match (token(template, at), text.get(here)) {
            (Token::End, None) => return true,
            (Token::Wildcard { next, least }, _) if here + least <= text.len() => {
                here += least;
                at = next;
                last = Some((at, here));
                continue;
            }
            (Token::Byte(a), Some(&b)) if same(a, b) => {
                at += 1;
                here += 1;
                continue;
            }
            _ => {}
        }
        match last {
            Some((next, taken)) if taken < text.len() => {
                at = next;
                here = taken + 1;
                last = Some((next, here));
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_takes_at_least_one_character_and_any_kind() {
        let exact = |a: u8, b: u8| a == b;
        assert!(matches("role/${Name}", "role/a/b:c", exact));
        assert!(!matches("role/${Name}", "role/", exact));
        assert!(matches("${A}/${B}", "x/y/z", exact));
        assert!(!matches("${A}/${B}", "/y", exact));
        assert!(matches("${A}/x/*", "a/x/x/", exact));
        assert!(matches("${A}ab", "aabab", exact));
        assert!(!matches("${A}ab", "ab", exact));
        assert!(!matches("", "x", exact));
        assert!(matches("${unclosed", "x", exact));
    }

    #[test]
    fn keys_match_whatever_their_case() {
        assert!(matches_key("aws:ResourceTag/${TagKey}", "AWS:resourcetag/Owner"));
        assert!(!matches_key("aws:ResourceTag/${TagKey}", "aws:ResourceTag/"));
        assert!(
            !matches_key("aws:SourceIp", "aws:SourceIp"),
            "not a template: compared elsewhere"
        );
    }
}
