//! Colours, where they are wanted: a terminal, and no `NO_COLOR` (no-color.org); `CLICOLOR_FORCE=1` asks for them.

use std::io::IsTerminal;
use std::sync::OnceLock;

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// A heading.
    Head,
    /// An entity's name.
    Name,
    /// Less important.
    Dim,
    /// Access that is there.
    Bad,
    /// Access under conditions; damage.
    Warn,
    /// Access that is stopped.
    Good,
}

fn colours() -> bool {
    static COLOURS: OnceLock<bool> = OnceLock::new();
    *COLOURS.get_or_init(|| {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let forced = std::env::var("CLICOLOR_FORCE").is_ok_and(|v| v != "0" && !v.is_empty());
        !set("NO_COLOR") && (forced || std::io::stdout().is_terminal())
    })
}

/// Text in its style.
pub(crate) fn paint(style: Style, text: &str) -> String {
    if !colours() {
        return text.to_owned();
    }
    let code = match style {
        Style::Head => "1",
        Style::Name => "1;36",
        Style::Dim => "2",
        Style::Bad => "31",
        Style::Warn => "33",
        Style::Good => "32",
    };
    let mark = mark();
    format!("\x1b[{code};{mark}m{text}\x1b[0;{mark}m")
}

/// A number that no file can know, by which [`harmless`] tells our own sequences from those of the input; it is taken
/// out before anything is written.
fn mark() -> u32 {
    static MARK: OnceLock<u32> = OnceLock::new();
    *MARK.get_or_init(|| {
        let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0);
        1_000_000 + (random % 1_000_000_000) as u32
    })
}

/// Characters that can be seen: escape sequences are not.
pub(crate) fn visible(text: &str) -> usize {
    let mut count = 0;
    let mut inside = false;
    for c in text.chars() {
        match c {
            '\x1b' => inside = true,
            'm' if inside => inside = false,
            _ if inside => {}
            _ => count += 1,
        }
    }
    count
}

/// Text that cannot steer a terminal: control characters, and those that turn the direction of writing, are shown as
/// escapes, but for line breaks and our own colours. Names and policies come from files that somebody else wrote.
pub(crate) fn harmless(text: &str) -> std::borrow::Cow<'_, str> {
    if !text.chars().any(|c| c != '\n' && steers(c)) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let ours = format!(";{}m", mark());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let code = rest
            .strip_prefix("\x1b[")
            .and_then(|tail| tail.split_once(&ours))
            .map(|(code, _)| code);
        let code = code.filter(|code| code.bytes().all(|b| b.is_ascii_digit() || b == b';'));
        let taken = match code {
            Some(code) => {
                out.push_str("\x1b[");
                out.push_str(code);
                out.push('m');
                2 + code.len() + ours.len()
            }
            None if c != '\n' && steers(c) => {
                out.extend(c.escape_unicode());
                c.len_utf8()
            }
            None => {
                out.push(c);
                c.len_utf8()
            }
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
    out.into()
}

/// A name on one line.
pub(crate) fn one_line(text: &str) -> String {
    text.replace('\n', "\\n")
}

fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_steer_the_terminal() {
        assert_eq!(harmless("a\x1b[2Jb\n"), "a\\u{1b}[2Jb\n");
        assert_eq!(harmless("a\x1b[31mb"), "a\\u{1b}[31mb", "not even our colours");
        let ours = format!("a\x1b[31;{}mb", mark());
        assert_eq!(harmless(&ours), "a\x1b[31mb");
        assert_eq!(harmless("user\u{202e}nimda"), "user\\u{202e}nimda");
        assert_eq!(harmless("plain ü 名"), "plain ü 名");
    }
}
