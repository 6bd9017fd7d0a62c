//! Names from outside, made harmless for a terminal.

use std::{borrow::Cow, fmt::Write as _};

/// Returns `text` with control characters and those that reorder or break lines escaped, as `\n`, `\t` or
/// `\u{202e}`. All else stays, emoji and right-to-left letters included.
pub fn for_terminal(text: &str) -> Cow<'_, str> {
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        match letter {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            _ if is_harmful(letter) => {
                write!(shown, "\\u{{{:x}}}", u32::from(letter)).expect("a String takes any text");
            }
            _ => shown.push(letter),
        }
    }
    Cow::Owned(shown)
}

/// Control characters, line and paragraph separators, and the bidirectional marks, embeddings,
/// overrides and isolates of Unicode 16 (UAX 9).
fn is_harmful(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_move_the_cursor_or_the_reading_order_is_escaped() {
        assert_eq!(for_terminal("a\u{1b}[2Jb\r\n"), "a\\u{1b}[2Jb\\r\\n");
        assert_eq!(for_terminal("exe.\u{202e}gpj"), "exe.\\u{202e}gpj");
        assert_eq!(for_terminal("a\u{9b}b\u{2066}"), "a\\u{9b}b\\u{2066}");
    }

    #[test]
    fn all_else_stays_as_it_is() {
        for text in [
            "Caf\u{e9} \u{1f468}\u{200d}\u{1f469}",
            "\u{5e9}\u{5dc}",
            "a\\b",
        ] {
            assert!(matches!(for_terminal(text), Cow::Borrowed(same) if same == text));
        }
    }
}
