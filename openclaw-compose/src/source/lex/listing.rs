//! Owners and modes of files as `find -printf`, `ls -ln` and `getfacl` list them, and maps of user ids.

use super::Out;

/// Line by line: in a line that begins as one of these does, every word is a name or a number.
pub(super) fn lex(out: &mut Out<'_, '_>) {
    let mut at = 0;
    for line in out.text.split_inclusive('\n') {
        let comment = line.starts_with('#');
        if comment {
            out.structure(at..at + 1);
        }
        if is_entry(line) {
            words(out, line, at + usize::from(comment));
        } else if comment {
            out.comment(at + 1..out.trimmed(at + 1..at + line.len()));
        }
        at += line.len();
    }
}

fn words(out: &mut Out<'_, '_>, line: &str, mut at: usize) {
    let line = line.strip_prefix('#').unwrap_or(line);
    for word in line.split_inclusive(char::is_whitespace) {
        out.name(at..at + word.trim_end().len(), None);
        at += word.len();
    }
}

fn is_entry(line: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut words = line.split_whitespace();
    let (Some(first), second) = (words.next(), words.next().unwrap_or_default()) else { return false };
    if first == "#" {
        return matches!(second, "file:" | "owner:" | "group:" | "flags:");
    }
    let parts: Vec<&str> = first.split(':').collect();
    match parts[..] {
        // `UID:GID MODE ...`
        [uid, gid] if second.trim_end_matches('+').bytes().all(|byte| matches!(byte, b'0'..=b'7')) => {
            [uid, gid].iter().all(|id| is_digits(id) || matches!(*id, "root" | "node" | "wheel" | "staff"))
        }
        // `user:1000:rwx`, and a line of /etc/subuid
        [_, _, last] => {
            is_digits(last) || last.len() == 3 && last.bytes().all(|byte| b"rwxX-".contains(&byte))
        }
        ["default", _, _, _] => true,
        // `drwxr-xr-x 2 1000 1000 ...`
        [mode] if is_digits(second) && mode.len() >= 10 => {
            mode.bytes().all(|byte| b"-dlbcpsrwxStT.+@".contains(&byte))
        }
        // A line of /proc/self/uid_map.
        [first] if is_digits(first) => line.split_whitespace().all(is_digits),
        [word] => second.is_empty() && matches!(word, "Enforcing" | "Permissive" | "Disabled"),
        _ => false,
    }
}
