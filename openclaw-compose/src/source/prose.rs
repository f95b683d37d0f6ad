//! Free text that a finding is about: all of it, but for what reads like a secret or stands where one does.

use std::ops::Range;

use super::harmless;
use super::known::{is_known, is_version};
use super::secret::{looks_random, looks_secret};

/// Which words may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Words {
    /// All that do not read like a secret.
    Any,
    /// Those that programs say, numbers, times, addresses, paths.
    Plain,
}

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
pub(super) fn visible(text: &str, words: Words) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut hide = Hide::Nothing;
    let mut before = "";
    // Whether a word before on the line names a secret: a number may be it.
    let mut announced = false;
    let mut at = 0;
    for piece in text.split_inclusive(is_between) {
        let word = piece.strip_suffix(is_between).unwrap_or(piece);
        let end = at + word.len();
        match hide {
            _ if word.is_empty() => {}
            Hide::Nothing if announced && words == Words::Plain && is_bare_number(word) => {}
            Hide::Nothing => hide = shown(word, before, words, at, &mut out),
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
        announced = (announced || names_secret(word)) && between != "\n";
        at += piece.len();
    }
    out
}

/// Shows what may be shown of a word, and says what that means for those behind it.
fn shown(word: &str, before: &str, words: Words, at: usize, out: &mut Vec<Range<usize>>) -> Hide {
    let url = word
        .find("://")
        .and_then(|end| word.get(..end))
        .map_or(word.len(), |before| before.trim_end_matches(|c: char| c.is_ascii_alphanumeric()).len());
    let (head, url) = word.split_at(url);
    let mut from = 0;
    for (separator, _) in head.match_indices(['=', ':']) {
        let name = if separator == 0 { before } else { head.get(from..separator).unwrap_or_default() };
        from = separator + 1;
        if !names_secret(name) {
            continue;
        }
        if !looks_random(head.get(..separator).unwrap_or_default()) {
            out.push(at..at + from);
        }
        return match word.get(from..).unwrap_or_default() {
            "" => Hide::Segment { begun: false },
            // A reference, whose braces stand between words.
            "$" => {
                out.push(at + from..at + word.len());
                Hide::Nothing
            }
            _ if head.as_bytes().get(separator) == Some(&b'=') => Hide::Nothing,
            _ => Hide::Segment { begun: true },
        };
    }
    let fits = |text: &str, is_word: fn(&str) -> bool| {
        !looks_random(text) && (words == Words::Any || is_plain(text, is_word))
    };
    let (name, value) = head.split_at(head.find('=').map_or(0, |equals| equals + 1));
    if harmless::is_name(name.trim_end_matches('=')) && !looks_random(name) {
        out.push(at..at + name.len());
    }
    let is_said = |name: &str| SAID.contains(&name) || harmless::shape(name).is_some();
    let shows = match name.trim_end_matches('=') {
        "" => fits(value, is_known),
        name => (words == Words::Any || is_said(name)) && fits(value, is_letters),
    };
    if shows {
        out.push(at + name.len()..at + head.len());
    }
    harmless::url(url, &mut |part| out.push(at + head.len() + part.start..at + head.len() + part.end));
    let flag = word.strip_prefix("--").is_some_and(|flag| !flag.contains('=') && looks_secret(flag));
    let announces = word.eq_ignore_ascii_case("bearer") || word == "Basic";
    if flag || announces { Hide::Word } else { Hide::Nothing }
}

/// What OpenClaw's log lines say of a connection, a request or themselves as `name=value`, in plain words.
#[rustfmt::skip]
const SAID: &[&str] = &[
    "allowTailscale", "authMode", "authProvided", "authReason", "cause", "client", "code", "device", "deviceFamily",
    "drain", "durationMs", "endpoint", "errorCode", "exitMargin", "fast", "fwd", "gateway-start-hooks", "gmail-model",
    "gmail-watcher", "guidance", "handshake", "hasDeviceIdentity", "host", "instance", "internal-hooks",
    "internal-startup-hook", "ip", "lastFrameId", "lastFrameMethod", "lastFrameType", "localAddr", "localPort", "origin",
    "peer", "phase", "platform", "policy", "reason", "remote", "remoteAddr", "remotePort", "requestId", "reserve",
    "roleFrom", "roleTo", "scopeCount", "scopesFrom", "scopesTo", "shutdown", "thinking", "ua",
];

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

/// Digits, and what joins or measures them.
fn is_bare_number(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
}

/// Any word, where a name in front of it says what it may be.
fn is_letters(word: &str) -> bool {
    word.chars().all(char::is_alphabetic) && word.chars().count() <= 24
}

/// A word, a number, a time, an address, a version, a path: runs of letters or digits between punctuation.
fn is_plain(word: &str, is_word: fn(&str) -> bool) -> bool {
    word.split(|c: char| !c.is_alphanumeric()).all(|run| {
        let digits = run.bytes().take_while(u8::is_ascii_digit).count();
        let rest = run.get(digits..).unwrap_or_default();
        match (digits, rest) {
            // `2026`, and a moment in milliseconds.
            (_, "") => digits <= 13,
            // `Gateway`, `v2026`.
            (0, word) => is_word(word) || is_version(word),
            // `330000ms`, `22T06` of a time, `22Z`.
            (_, unit) => {
                unit.len() <= 3 && unit.bytes().all(|byte| byte.is_ascii_alphabetic()) || is_clock(unit)
            }
        }
    })
}

fn is_clock(rest: &str) -> bool {
    rest.strip_prefix('T')
        .is_some_and(|hour| hour.len() == 2 && hour.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text with what is not shown as `*`.
    fn shown(text: &str) -> String {
        let mut out = String::new();
        let mut at = 0;
        let mut ranges = visible(text, Words::Plain);
        ranges.sort_by_key(|range| range.start);
        for range in ranges.into_iter().filter(|range| !range.is_empty()) {
            if at < range.start {
                out.push('*');
            }
            out.push_str(&text[range.clone()]);
            at = range.end;
        }
        if at < text.len() {
            out.push('*');
        }
        out
    }

    #[test]
    fn a_word_that_no_program_says_is_not_shown_and_what_it_says_is() {
        for (line, expected) in [
            ("[gateway] password is sunflowerhorse", "[gateway] password is *"),
            ("[tg] login with pass sunflowerhorse ok", "[*] * with pass * ok"),
            ("X-Api-Key sunflowerhorse", "X-Api-Key *"),
            ("the pin 4815162342 and 12", "the * * and *"),
            ("user=admin host=h pw sunflower-horse", "user=admin host=h * *"),
            ("{\"msg\":\"sunflowerhorse\",\"pass\":\"sunflowerhorse2\"}", "{\"msg\":\"*\",\"pass\":\"*\"}"),
        ] {
            assert_eq!(shown(line), expected, "{line}");
        }
        for line in [
            "2026-11-22T06:00:00.000Z [gateway] listening on ws://127.0.0.1:18789 (PID 7)",
            "[ws] closed before connect remote=172.18.0.3 host=openclaw-gateway:18789 code=1008 reason=pairing required",
            "Error: getaddrinfo ENOTFOUND openclaw-gateway",
        ] {
            assert_eq!(shown(line), line);
        }
    }
}
