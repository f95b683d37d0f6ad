//! Foreign text made safe to print: no control characters, no escape sequences, nothing that reorders or hides.

use std::borrow::Cow;

use openclaw_compose::source::is_hidden;

/// The most characters that one foreign string may put on a ticket.
const LONGEST: usize = 600;

/// Returns the text as one harmless line.
///
/// Terminal escape sequences are removed whole, line breaks and tabs become spaces, every other control character and
/// every invisible character that reorders or hides text becomes U+FFFD, and what is longer than 600 characters is cut.
#[must_use]
pub fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let mut length = 0;
    while let Some(c) = rest.next() {
        if length == LONGEST {
            out.push('…');
            break;
        }
        let kept = match c {
            '\u{1b}' | '\u{9b}' => {
                skip_escape(c, &mut rest);
                continue;
            }
            '\n' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
            '\r' => continue,
            c if is_hidden(c) => '\u{fffd}',
            c => c,
        };
        out.push(kept);
        length += 1;
    }
    out
}

/// Returns the text with every character that a terminal acts upon, or that nobody sees, as U+FFFD.
///
/// Line breaks and tabs stay: they are the layout of a page. A line that ends in CR LF ends in LF. Each other character is
/// replaced one for one, so that columns and underlines still fit.
#[must_use]
pub fn text(text: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~' | b'\n');
    if text.bytes().all(is_plain) || !text.chars().any(|c| is_hidden(c) && !matches!(c, '\n' | '\t')) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\r' if rest.peek() == Some(&'\n') => {}
            '\n' | '\t' => out.push(c),
            c if is_hidden(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Consumes the rest of an escape sequence: CSI to its final byte, OSC to its terminator, else one character.
fn skip_escape(introducer: char, rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    let kind = if introducer == '\u{9b}' { Some('[') } else { rest.next() };
    match kind {
        Some('[') => {
            while let Some(c) = rest.next_if(|c| ('\u{20}'..='\u{7e}').contains(c)) {
                if ('\u{40}'..='\u{7e}').contains(&c) {
                    break;
                }
            }
        }
        Some(']' | 'P' | '^' | '_' | 'X') => {
            while let Some(c) = rest.next() {
                if c == '\u{7}' || (c == '\u{1b}' && rest.next_if_eq(&'\\').is_some()) {
                    break;
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{line, text};

    #[test]
    fn a_page_keeps_its_lines_and_shows_what_would_hide_or_move_them() {
        assert_eq!(text("a\tb\nc\n"), "a\tb\nc\n");
        assert_eq!(text("a\r\nb\rc"), "a\nb\u{fffd}c");
        assert_eq!(text("\u{1b}[2K\u{9b}1A\u{202e}\u{7f}"), "\u{fffd}[2K\u{fffd}1A\u{fffd}\u{fffd}");
        for hidden in ['\u{85}', '\u{200d}', '\u{2028}', '\u{2066}', '\u{3164}', '\u{e0100}', '\u{e0041}'] {
            assert_eq!(text(&hidden.to_string()), "\u{fffd}", "{hidden:?}");
        }
    }

    #[test]
    fn escape_sequences_go_whole() {
        assert_eq!(line("\u{1b}[2K\u{1b}[31mred\u{1b}[0m"), "red");
        assert_eq!(line("a\u{1b}]0;title\u{7}b\u{1b}]8;;http://x\u{1b}\\c"), "abc");
        assert_eq!(line("a\u{9b}31mb"), "ab");
        assert_eq!(line("a\u{1b}"), "a");
        assert_eq!(line("a\u{1b}["), "a");
    }

    #[test]
    fn what_moves_the_cursor_or_reorders_text_shows_as_a_mark() {
        assert_eq!(line("a\u{8}b\u{0}c"), "a\u{fffd}b\u{fffd}c");
        assert_eq!(line("user\u{202e}nimda"), "user\u{fffd}nimda");
        assert_eq!(line("two\nlines\r\n"), "two lines ");
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(line(&"é".repeat(700)).chars().count(), 601);
    }
}
