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
    format!("\x1b[{code}m{text}\x1b[0m")
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
