//! What gives a secret away: its name, and how it reads itself.

/// Parts of a name that give a secret away.
const PARTS: &[&str] = &[
    "token",
    "secret",
    "passwd",
    "password",
    "passphrase",
    "apikey",
    "api_key",
    "api-key",
    "private_key",
    "access_key",
    "accesskey",
    "credential",
    "session_key",
    "bearer",
    "cookie",
];
/// Ends of a name that do.
const ENDS: &[&str] = &["_key", "_pass", "_pwd", "_auth", "-key"];
/// Ends of a name that say the value is a place, not the secret itself.
const HARMLESS: &[&str] =
    &["_file", "_path", "_dir", "_url", "_ttl", "_timeout", "_length", "_limit", "_name"];

/// True for names such as `OPENCLAW_GATEWAY_TOKEN`, `DB_PASSWORD`, `api_key`; false for `TOKEN_FILE`.
///
/// ```
/// use openclaw_compose::project::looks_secret;
///
/// assert!(looks_secret("OPENCLAW_GATEWAY_TOKEN"));
/// assert!(!looks_secret("OPENCLAW_GATEWAY_PORT"));
/// assert!(!looks_secret("GATEWAY_TOKEN_FILE"));
/// ```
#[must_use]
pub fn looks_secret(name: &str) -> bool {
    let bytes = name.as_bytes();
    let begins = |at: usize, part: &str| {
        bytes.get(at..at + part.len()).is_some_and(|found| found.eq_ignore_ascii_case(part.as_bytes()))
    };
    let ends = |tail: &str| bytes.len().checked_sub(tail.len()).is_some_and(|at| begins(at, tail));
    // Asked for every key of a project: few pairs of letters begin one of the parts.
    let holds = bytes.windows(2).enumerate().any(|(at, pair)| {
        let &[first, second] = pair else { return false };
        matches!(
            (first | 0x20, second | 0x20),
            (b'a', b'p' | b'c')
                | (b'b', b'e')
                | (b'c', b'o' | b'r')
                | (b'p', b'a' | b'r')
                | (b's', b'e')
                | (b't', b'o')
        ) && PARTS.iter().any(|part| begins(at, part))
    });
    (holds || ENDS.iter().any(|end| ends(end))) && !HARMLESS.iter().any(|end| ends(end))
}

/// Beginnings of the tokens that well-known services hand out.
const ISSUED: &[&str] = &[
    "sk-",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xapp-",
    "AKIA",
    "ASIA",
    "AIza",
    "eyJ",
    "hf_",
    "npm_",
    "dckr_pat_",
];
/// No name, number or path part of a stack is longer.
const LONGEST_WORD: usize = 40;

/// True for text in which some word reads like a key or a token: drawn at random, or too long for anything else. Words are
/// what stands between blanks and the punctuation of paths, URLs and lists.
///
/// A password that is a word looks like one, so this is a second look at what is thought harmless, never the only one.
///
/// ```
/// use openclaw_compose::project::looks_random;
///
/// assert!(looks_random("Bearer 9f3k2m7q5x8w1z4v6b0n"));
/// assert!(!looks_random("ghcr.io/openclaw/openclaw:2026.9.6"));
/// ```
#[must_use]
pub fn looks_random(text: &str) -> bool {
    text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '+' | '='))).any(|word| {
        word.len() > LONGEST_WORD
            || ISSUED.iter().any(|start| word.starts_with(start) && word.len() >= start.len() + 8)
            || is_uuid(word)
            || word.split(|c: char| !c.is_alphanumeric()).any(is_drawn)
    })
}

/// True for a run of letters and digits in which they change too often for a word, a number or a version.
fn is_drawn(run: &str) -> bool {
    #[derive(Clone, Copy, PartialEq)]
    enum Kind {
        Digit,
        Upper,
        Lower,
    }
    let kinds: Vec<Kind> = run
        .chars()
        .map(|c| match c {
            _ if c.is_ascii_digit() => Kind::Digit,
            _ if c.is_uppercase() => Kind::Upper,
            _ => Kind::Lower,
        })
        .collect();
    let length = kinds.len();
    if length < 8 {
        return false;
    }
    let changes = kinds.windows(2).filter(|pair| pair[0] != pair[1]).count();
    // A capital and what follows it are one word.
    let capitals = kinds.windows(2).filter(|pair| *pair == [Kind::Upper, Kind::Lower]).count();
    let breaks = changes.saturating_sub(capitals);
    let digits = kinds.iter().filter(|kind| **kind == Kind::Digit).count();
    if digits == length {
        return length > 13;
    }
    if digits == 0 {
        return length > 24 && breaks == 0 || breaks >= 3 && breaks * 3 >= length;
    }
    let hexadecimal = run.bytes().all(|byte| byte.is_ascii_hexdigit());
    let capitals = kinds.contains(&Kind::Upper);
    breaks >= 3 && breaks * 4 >= length
        || length >= 16 && (hexadecimal || capitals && breaks >= 2)
        || length > 24
}

fn is_uuid(word: &str) -> bool {
    word.len() == 36
        && word.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_and_end_is_found_in_either_case() {
        for part in PARTS {
            assert!(looks_secret(&format!("x{}y", part.to_uppercase())), "{part}");
            assert!(looks_secret(part), "{part}");
        }
        for end in ENDS {
            assert!(looks_secret(&format!("X{}", end.to_uppercase())), "{end}");
            assert!(HARMLESS.iter().all(|harmless| !looks_secret(&format!("token{end}{harmless}"))), "{end}");
        }
    }

    #[test]
    fn names_that_look_secret() {
        for name in [
            "TOKEN",
            "gateway_token",
            "DB_PASSWORD",
            "Api-Key",
            "AWS_SECRET_ACCESS_KEY",
            "CLAUDE_AI_SESSION_KEY",
            "x_pwd",
        ] {
            assert!(looks_secret(name), "{name}");
        }
        for name in ["PORT", "image", "TOKEN_FILE", "SECRETS_DIR", "key", "environment", ""] {
            assert!(!looks_secret(name), "{name}");
        }
    }

    #[test]
    fn what_was_drawn_at_random_looks_so() {
        for drawn in [
            "Zq8XwV3nB7mK2pL9rT4yU6iO1aS5dF0gH3jC",
            "9f3k2m7q5x8w1z4v6b0n",
            "4f0f9d1c5f2b4c8f",
            "8d0f3b62-9df4-4f0c-8f53-0d6a3b1fb6a2",
            "canary-7QzToken-never-shown-anywhere-0123456789",
            "sk-proj-abcdefgh",
            "AKIAIOSFODNN7EXAMPLE",
            "aGVsbG8gd29ybGQgaGVsbG8",
            "qWeRtYuIoPaS",
            "83920184029384",
            "/srv/hooks/T0A1B2C3D4/x",
            "abcdefghijklmnopqrstuvwxyz",
        ] {
            assert!(looks_random(drawn), "{drawn}");
        }
    }

    #[test]
    fn what_a_stack_is_made_of_does_not_look_random() {
        for plain in [
            "",
            "openclaw-gateway",
            "live-own-loopback-openclaw-gateway-1",
            "com.docker.compose.project.working_dir",
            "OPENCLAW_ALLOW_INSECURE_PRIVATE_WS",
            "dangerouslyAllowHostHeaderOriginFallback",
            "hasDeviceIdentity",
            "dbUrlApiKey",
            "ghcr.io/openclaw/openclaw:2026.9.6-beta.1",
            "2026-11-22T06:22:40.018276Z",
            "1795328640114",
            "127.0.0.1:18789:18789/tcp",
            "/home/node/.openclaw/workspace",
            "ipv4addr sha256sum base64url x86_64 no-new-privileges",
        ] {
            assert!(!looks_random(plain), "{plain}");
        }
    }
}
