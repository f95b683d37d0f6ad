//! Texts without a format that this crate knows: word by word, so that a finding can show the one that it is about.

use super::Out;

pub(super) fn lex(out: &mut Out<'_, '_>) {
    let mut at = 0;
    for word in out.text.split_inclusive(char::is_whitespace) {
        let length = word.trim_end().len();
        out.value(at..at + length, None);
        at += word.len();
    }
}
