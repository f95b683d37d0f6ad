//! Free text that a finding is about: all of it, but for what reads like a secret or stands where one does.

use std::ops::Range;

use super::harmless;
use super::secret::{looks_random, looks_secret};

/// How much of what follows is hidden.
#[derive(Clone, Copy, PartialEq)]
enum Hide {
    Nothing,
    /// The next word.
    Word,
    /// Everything to the end of the line or to a quote, but for one that opens first.
    Segment {
        begun: bool,
    },
}

/// The parts that may be shown.
pub(super) fn visible(text: &str) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut hide = Hide::Nothing;
    let mut before = "";
    let mut at = 0;
    for piece in text.split_inclusive(is_between) {
        let word = piece.strip_suffix(is_between).unwrap_or(piece);
        let end = at + word.len();
        match hide {
            _ if word.is_empty() => {}
            Hide::Nothing => hide = shown(word, before, at, &mut out),
            Hide::Word if SCHEMES.iter().any(|scheme| word.eq_ignore_ascii_case(scheme)) => {}
            Hide::Word => hide = Hide::Nothing,
            Hide::Segment { .. } => hide = Hide::Segment { begun: true },
        }
        let between = piece.get(word.len()..).unwrap_or_default();
        if let Hide::Segment { begun } = hide {
            let quote = matches!(between, "\"" | "'" | "`");
            if between == "\n" || quote && begun {
                hide = Hide::Nothing;
            }
        }
        if !matches!(hide, Hide::Segment { begun: true }) {
            out.push(end..end + between.len());
        }
        if !word.is_empty() {
            before = word;
        }
        at += piece.len();
    }
    out
}

/// Shows what may be shown of a word, and says what that means for those behind it.
fn shown(word: &str, before: &str, at: usize, out: &mut Vec<Range<usize>>) -> Hide {
    if let Some(scheme) = word.find("://") {
        let from = word.get(..scheme).and_then(|before| before.rfind(|c: char| !c.is_ascii_alphanumeric()));
        let from = from.map_or(0, |at| at + 1);
        let name = word.get(..from).unwrap_or_default();
        let hide = if name.is_empty() { Hide::Nothing } else { shown(name, before, at, out) };
        if hide == Hide::Nothing {
            let url = word.get(from..).unwrap_or_default();
            harmless::url(url, &mut |part| out.push(at + from + part.start..at + from + part.end));
        }
        return if matches!(hide, Hide::Segment { .. }) {
            Hide::Segment { begun: true }
        } else {
            Hide::Nothing
        };
    }
    if let Some(separator) = word.find(['=', ':']) {
        let name = if separator == 0 { before } else { word.get(..separator).unwrap_or_default() };
        let value = word.get(separator + 1..).unwrap_or_default();
        if names_secret(name) {
            if separator == 0 || !looks_random(name) {
                out.push(at..at + separator + 1);
            }
            let assigned = word.as_bytes().get(separator) == Some(&b'=');
            return match value {
                "" => Hide::Segment { begun: false },
                "$" => {
                    out.push(at + separator + 1..at + word.len());
                    Hide::Nothing
                }
                _ if assigned => Hide::Nothing,
                _ => Hide::Segment { begun: true },
            };
        }
    }
    if looks_random(word) {
        return Hide::Nothing;
    }
    out.push(at..at + word.len());
    let flag = word.strip_prefix("--").is_some_and(|flag| !flag.contains('=') && looks_secret(flag));
    let scheme = word.eq_ignore_ascii_case("bearer") || word == "Basic";
    if flag || scheme { Hide::Word } else { Hide::Nothing }
}

/// Schemes of an `Authorization` header.
const SCHEMES: &[&str] = &["bearer", "basic", "token", "digest"];

fn names_secret(name: &str) -> bool {
    const WORDS: &[&str] = &["authorization", "proxy-authorization", "pass", "pwd", "pin", "otp"];
    let name = name.trim_start_matches('-');
    looks_secret(name) || WORDS.iter().any(|word| name.eq_ignore_ascii_case(word))
}

fn is_between(c: char) -> bool {
    c.is_whitespace() || "\"'`()[]{}<>,;&|".contains(c)
}
