//! Which names belong to values that nobody should print.

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
}
