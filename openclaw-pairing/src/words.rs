//! What others wrote, made fit to be shown: nothing in it moves a cursor, reorders or hides text, or is longer than said.

/// The most bytes of a name, an id or an address that are kept.
pub(crate) const NAME: usize = 256;

/// The text with every control, bidirectional and invisible character written out (`\u{202e}`), cut to `most` bytes.
pub(crate) fn shown(text: &str, most: usize) -> String {
    let text = head(text, most);
    if !text.contains(is_hidden) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    let end = head(&out, most).len();
    out.truncate(end);
    out
}

/// Control characters, line ends among them, and what a terminal shows by moving or hiding its neighbours.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// What may stand in a command as a device's or a request's id: OpenClaw's own are a UUID and 64 hexadecimal digits.
pub(crate) fn is_id(text: &str) -> bool {
    let rest = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    text.len() <= 64 && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(rest)
}

/// The first `most` bytes of `text`, cut at a character boundary.
pub(crate) fn head(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_act_on_a_terminal_is_written_out() {
        assert_eq!(shown("plain – words", NAME), "plain – words");
        assert_eq!(
            shown("a\u{1b}[31m\r\nb\u{202e}c\u{9b}d", NAME),
            r"a\u{1b}[31m\u{d}\u{a}b\u{202e}c\u{9b}d"
        );
        assert_eq!(shown("\u{200b}\u{e0041}", NAME), r"\u{200b}\u{e0041}");
    }

    #[test]
    fn nothing_is_longer_than_said() {
        assert_eq!(shown(&"é".repeat(300), 5), "éé");
        assert_eq!(shown(&"\u{1b}".repeat(300), 9), r"\u{1b}\u{");
    }

    #[test]
    fn an_id_is_no_option_and_no_word_of_a_shell() {
        assert!(is_id("req-7") && is_id("0234eb71-62a0-4ac3-8d0e-d29c1aea27a3") && is_id(&"a".repeat(64)));
        for text in ["", "-rf", "--help", "a b", "a;b", "$(a)", "a\n", "a.b", "é", &"a".repeat(65)] {
            assert!(!is_id(text), "{text}");
        }
    }
}
