//! Action patterns such as `s3:Get*`. Both halves ignore case; a wildcard in the action never crosses the colon, and a
//! comma or blank never matches (semantics rule 26).

use crate::name::Glob;

/// A pattern of an `Action` or `NotAction` element. It is compiled into as little as can be besides its text: a large
/// organisation has half a million.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ActionPattern {
    text: Box<str>,
    /// Where the action begins, past the colon.
    action_at: u32,
    any_service: bool,
    action: Half,
}

/// What stands behind the colon.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Half {
    /// Every action.
    Any,
    /// The text itself, which has no wildcard.
    Literal,
    /// A pattern.
    Glob(Box<Glob>),
}

impl ActionPattern {
    /// Compiles the text as it stands in a policy. Odd forms (`*:*`, no colon) are kept and match what they can.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let stars = |text: &str| !text.is_empty() && text.bytes().all(|b| b == b'*');
        let (service, action) = text.split_once(':').unwrap_or((text, ""));
        // Without a colon only `*` means something.
        let colon = service.len() < text.len();
        let half = if stars(action) || (!colon && stars(text)) {
            Half::Any
        } else if action.contains(['*', '?']) {
            Half::Glob(Box::new(Glob::new(action)))
        } else {
            Half::Literal
        };
        Self {
            action_at: u32::try_from(text.len() - action.len()).unwrap_or(u32::MAX),
            // Only a bare star is a wildcard for the service: `s3*:Get*` names no service.
            any_service: stars(service),
            action: half,
            text: text.into(),
        }
    }

    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn action_text(&self) -> &str {
        self.text.get(self.action_at as usize..).unwrap_or_default()
    }

    fn service_text(&self) -> &str {
        let before = self.text.get(..self.action_at as usize).unwrap_or(&self.text);
        before.strip_suffix(':').unwrap_or(before)
    }

    /// Whether a concrete action such as `s3:GetObject` matches.
    #[must_use]
    pub fn matches(&self, action: &str) -> bool {
        let Some((service, name)) = action.split_once(':') else {
            return false;
        };
        self.covers_service(service)
            && !name.contains([',', ' '])
            && match &self.action {
                Half::Any => true,
                Half::Literal => self.action_text().eq_ignore_ascii_case(name),
                Half::Glob(glob) => glob.matches_ignore_case(name),
            }
    }

    /// Whether it covers every action.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.any_service && self.action == Half::Any
    }

    /// The service prefix in lower case, unless the pattern covers all services.
    #[must_use]
    pub fn service(&self) -> Option<String> {
        (!self.any_service).then(|| self.service_text().to_ascii_lowercase())
    }

    /// Whether it can match an action of a service, given by its prefix.
    #[must_use]
    pub fn covers_service(&self, prefix: &str) -> bool {
        self.any_service || self.service_text().eq_ignore_ascii_case(prefix)
    }

    /// Whether the action half has a wildcard.
    #[must_use]
    pub fn has_wildcard(&self) -> bool {
        self.any_service || self.action != Half::Literal
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
