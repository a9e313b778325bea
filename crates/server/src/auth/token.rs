//! API tokens: a TOML file that holds a name, a role and the hash of each. `sv0 token` writes it.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use serde::Deserialize;

use super::secret::{self, Hash};
use super::{Method, Role, User};

/// What tokens begin with, so that secret scanners know them.
const PREFIX: &str = "sv0_";

/// What is wrong with a file of tokens.
#[derive(Debug, thiserror::Error)]
#[error("`{path}`: {problem}")]
pub struct TokenError {
    /// Which file.
    pub path: String,
    /// What.
    pub problem: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    token: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    role: Role,
    hash: String,
    /// The last day on which it holds.
    #[serde(default)]
    until: Option<String>,
}

#[derive(Debug)]
struct Token {
    name: String,
    role: Role,
    hash: Hash,
    until: Option<String>,
}

/// The tokens of a file.
#[derive(Debug, Default)]
pub struct Tokens(Vec<Token>);

impl Tokens {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, is no such file, or others than its owner may read it.
    pub fn read(path: &Path) -> Result<Self, TokenError> {
        let wrong = |problem: String| TokenError {
            path: path.display().to_string(),
            problem,
        };
        let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        Self::parse(&text).map_err(wrong)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let tokens = file.token.into_iter().map(|entry| {
            let hash = Hash::parse(&entry.hash)
                .ok_or_else(|| format!("the hash of `{}` is none: `sv0 token` writes them", entry.name))?;
            if let Some(until) = entry
                .until
                .as_deref()
                .filter(|until| !sv0_rules::day::is_day(until))
            {
                return Err(format!(
                    "`{until}` of `{}` is no day such as 2027-01-31",
                    entry.name
                ));
            }
            Ok(Token {
                name: entry.name,
                role: entry.role,
                hash,
                until: entry.until,
            })
        });
        Ok(Self(tokens.collect::<Result<_, String>>()?))
    }

    /// Whose token it is.
    #[must_use]
    pub fn user(&self, token: &str) -> Option<User> {
        let hash = secret::hash(token);
        let found = self.0.iter().find(|one| one.hash.is(&hash))?;
        if found
            .until
            .as_deref()
            .is_some_and(|until| until < today().as_str())
        {
            return None;
        }
        Some(User {
            name: format!("token:{}", found.name),
            role: found.role,
            method: Method::Token,
            csrf: None,
        })
    }

    /// Makes a token and adds its hash to a file; gives the token, which is nowhere else.
    ///
    /// # Errors
    ///
    /// Where the file cannot be written, or has a token of that name.
    pub fn add(path: &Path, name: &str, role: Role, until: Option<&str>) -> Result<String, TokenError> {
        let wrong = |problem: String| TokenError {
            path: path.display().to_string(),
            problem,
        };
        let there = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(wrong(error.to_string())),
        };
        let tokens = Self::parse(&there).map_err(wrong)?;
        // The audit log names it, on one line.
        if name.trim().is_empty() || name.chars().any(char::is_control) {
            return Err(wrong(
                "a token needs a name, of characters that can be read".to_owned(),
            ));
        }
        if tokens.0.iter().any(|token| token.name == name) {
            return Err(wrong(format!(
                "there is a token `{name}` already: take its entry out to make a new one"
            )));
        }
        let secret = secret::new().map_err(|error| wrong(error.to_string()))?;
        let token = format!("{PREFIX}{secret}");
        let mut entry = format!(
            "\n[[token]]\nname = {}\nrole = \"{role}\"\nhash = \"{}\"\n",
            toml::Value::from(name),
            secret::hash(&token).print()
        );
        if let Some(until) = until {
            entry.push_str(&format!("until = {}\n", toml::Value::from(until)));
        }
        // What is written must be readable again: a day that is none would lock everybody out.
        Self::parse(&format!("{there}{entry}")).map_err(wrong)?;
        let mut options = fs::OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(|error| wrong(error.to_string()))?;
        file.write_all(entry.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(|error| wrong(error.to_string()))?;
        Ok(token)
    }
}

/// Today, in UTC.
fn today() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let days = since.map_or(0, |since| since.as_secs() / 86_400);
    sv0_rules::day::of(i64::try_from(days).unwrap_or(i64::MAX))
}
