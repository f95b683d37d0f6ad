//! What a program says, line by line.

use super::{Kind, Out};

/// Each line as a whole, without what paints it.
pub(super) fn lex(out: &mut Out<'_, '_>) {
    let mut at = 0;
    for line in out.text.split_inclusive('\n') {
        let mut from = at;
        let end = at + line.len();
        while let Some(escape) = out.slice(from..end).find("\u{1b}[") {
            let begin = from + escape;
            let behind = out.skip(begin + 2, b"0123456789;?") + 1;
            out.push(from..begin, Kind::Said);
            if !out.byte(behind - 1).is_some_and(|byte| byte.is_ascii_alphabetic()) {
                from = begin + 2;
                continue;
            }
            out.structure(begin..behind);
            from = behind;
        }
        out.push(from..end, Kind::Said);
        at = end;
    }
}
