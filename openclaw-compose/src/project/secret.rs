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
    let ends = |tail: &str| {
        bytes.len() >= tail.len()
            && bytes
                .get(bytes.len() - tail.len()..)
                .is_some_and(|end| end.eq_ignore_ascii_case(tail.as_bytes()))
    };
    let holds =
        |part: &str| bytes.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part.as_bytes()));
    (PARTS.iter().any(|part| holds(part)) || ENDS.iter().any(|end| ends(end)))
        && !HARMLESS.iter().any(|end| ends(end))
}
