//! Action patterns such as `s3:Get*`. Both halves ignore case; a wildcard in the action never crosses the colon, and a
//! comma or blank never matches (semantics rule 26).

use crate::name::Glob;

/// A pattern of an `Action` or `NotAction` element.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ActionPattern {
    text: Box<str>,
    service: Glob,
    action: Glob,
}

impl ActionPattern {
    /// Compiles the text as it stands in a policy. Odd forms (`*:*`, no colon) are kept and match what they can.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let (service, action) = match text.split_once(':') {
            Some((service, action)) => (Glob::new(service), Glob::new(action)),
            None if text.chars().all(|c| c == '*') && !text.is_empty() => (Glob::Any, Glob::Any),
            None => (Glob::new(text), Glob::literal("")),
        };
        // Only a bare star is a wildcard for the service: `s3*:Get*` names no service.
        let service = match service {
            Glob::Prefix(_) | Glob::Tokens(_) => Glob::literal(text.split(':').next().unwrap_or(text)),
            plain => plain,
        };
        Self {
            text: text.into(),
            service,
            action,
        }
    }

    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a concrete action such as `s3:GetObject` matches.
    #[must_use]
    pub fn matches(&self, action: &str) -> bool {
        let Some((service, name)) = action.split_once(':') else {
            return false;
        };
        self.service.matches_ignore_case(service)
            && !name.contains([',', ' '])
            && self.action.matches_ignore_case(name)
    }

    /// Whether it covers every action.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.service.is_any() && self.action.is_any()
    }

    /// The service prefix in lower case, unless the pattern covers all services.
    #[must_use]
    pub fn service(&self) -> Option<String> {
        self.service.as_literal().map(str::to_ascii_lowercase)
    }

    /// Whether it can match an action of a service, given by its prefix.
    #[must_use]
    pub fn covers_service(&self, prefix: &str) -> bool {
        self.service.matches_ignore_case(prefix)
    }

    /// Whether the action half has a wildcard.
    #[must_use]
    pub fn has_wildcard(&self) -> bool {
        self.service.is_any() || self.action.as_literal().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let case = |pattern: &str, action: &str| ActionPattern::new(pattern).matches(action);
        assert!(case("*", "s3:GetObject"));
        assert!(case("*:*", "s3:GetObject"));
        assert!(case("S3:get*", "s3:GetObject"));
        assert!(case("s3:*Object", "s3:GetObject"));
        assert!(case("s3:Get?bject", "s3:GetObject"));
        assert!(!case("s3:Get*", "s3:PutObject"));
        assert!(
            !case("s*:GetObject", "s3:GetObject"),
            "the service takes no partial wildcard"
        );
        assert!(!case("s3", "s3:GetObject"));
        assert!(!case("s3:Get*", "s3:GetObject, s3:PutObject"));
    }
}
