//! Tokens: minting one, and judging one that is given.

mod strength;

use crate::codes::Code;
use crate::finding::Finding;
use secrecy::zeroize::Zeroize;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

/// Estimated entropy, in bits, below which a token is weak: the least strength that NIST SP 800-131A still allows for
/// protecting anything. `openssl rand -hex 32` has 256, OpenClaw's own runtime token 192, a random UUID 122.
pub const STRENGTH_FLOOR_BITS: u32 = 112;

/// OpenClaw's audit calls a shorter token `gateway.token_too_short` (OpenClaw 2026.9.6, observed behaviour).
pub const SHORT_TOKEN: usize = 24;

/// Longer than any token; what is given here is a file's content by mistake.
const LONGEST_TOKEN: usize = 4096;

/// A new token, as `openssl rand -hex 32` makes one: 32 bytes of operating-system randomness as 64 hexadecimal digits.
///
/// This is the raw act; [`freeze_once`](crate::freeze_once) decides whether a token may be minted at all.
///
/// ```
/// use openclaw_token::{mint, judge};
/// let token = mint()?;
/// assert!(judge(&token).is_sound());
/// # Ok::<(), openclaw_token::MintError>(())
/// ```
///
/// # Errors
/// The operating system gives no randomness. There is no fallback.
pub fn mint() -> Result<SecretString, MintError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| MintError { detail: error.to_string() })?;
    let token = SecretString::from(hex::encode(bytes));
    bytes.zeroize();
    Ok(token)
}

/// The operating system gave no randomness.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no randomness: {detail}")]
pub struct MintError {
    detail: String,
}

/// Everything that is wrong with a token, and how strong it is. Holds no part of the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Judgement {
    /// What is wrong, worst first.
    pub flaws: Vec<Flaw>,
    /// Estimated entropy in bits; an upper bound on what a guesser faces, never a proof.
    pub bits: u32,
    /// Length in bytes.
    pub length: usize,
}

impl Judgement {
    /// No flaw that keeps the token from being frozen. Warnings may remain.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        !self.flaws.iter().any(|flaw| flaw.is_fatal())
    }

    /// One finding a flaw; `what` names the token: `class A (.env, compose.yaml)`.
    #[must_use]
    pub fn findings(&self, what: &str) -> Vec<Finding> {
        self.flaws.iter().map(|flaw| flaw.finding(what, self)).collect()
    }
}

/// What can be wrong with a token's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Flaw {
    /// No characters, or only white space.
    Empty,
    /// The literal text `undefined` or `null`: a script printed a missing value. The gateway refuses to start.
    UndefinedLiteral,
    /// A published example or an obvious placeholder. The gateway refuses to start on those it knows.
    Placeholder,
    /// What a redacting command printed instead of a secret.
    RedactionMarker,
    /// `${NAME}`, `$NAME` or `$(command)`: nobody expanded it.
    UnexpandedVariable,
    /// Begins with U+FEFF: saved by an editor that marks encodings.
    ByteOrderMark,
    /// Wrapped in quotes that a lexer kept. The gateway compares them too.
    WrappingQuotes,
    /// White space inside: two values, or a wrapped line.
    InnerWhitespace,
    /// A control character other than white space.
    ControlCharacter,
    /// More than 4096 bytes.
    Overlong,
    /// Below [`STRENGTH_FLOOR_BITS`].
    Weak,
    /// Carriage return at the end: the file has Windows line ends.
    TrailingCarriageReturn,
    /// White space at an end. OpenClaw trims it on both sides; byte comparisons and other tools do not.
    EdgeWhitespace,
    /// Characters outside ASCII: the same text can have several byte forms.
    NonAscii,
    /// `$`, `#`, a quote, a backslash or a backtick: a dotenv file, Compose or a shell may change it on the way.
    HazardousCharacter,
    /// Fewer characters than OpenClaw's audit accepts.
    Short,
}

impl Flaw {
    /// Whether it keeps the token from being frozen.
    #[must_use]
    pub fn is_fatal(self) -> bool {
        self.code().severity() == crate::codes::Severity::Error
    }

    /// Its code.
    #[must_use]
    pub fn code(self) -> Code {
        match self {
            Self::Empty => Code::EmptyToken,
            Self::UndefinedLiteral => Code::UndefinedLiteral,
            Self::Placeholder => Code::PlaceholderToken,
            Self::RedactionMarker => Code::RedactionMarker,
            Self::UnexpandedVariable => Code::UnexpandedVariable,
            Self::ByteOrderMark => Code::ByteOrderMark,
            Self::WrappingQuotes => Code::WrappingQuotes,
            Self::InnerWhitespace => Code::InnerWhitespace,
            Self::ControlCharacter => Code::ControlCharacter,
            Self::Overlong => Code::OverlongToken,
            Self::Weak => Code::WeakToken,
            Self::TrailingCarriageReturn => Code::TrailingCarriageReturn,
            Self::EdgeWhitespace => Code::EdgeWhitespace,
            Self::NonAscii => Code::NonAscii,
            Self::HazardousCharacter => Code::HazardousCharacter,
            Self::Short => Code::ShortToken,
        }
    }

    fn finding(self, what: &str, judgement: &Judgement) -> Finding {
        let finding = Finding::new(self.code(), format!("{what}: {}", self.code().meaning()));
        match self {
            Self::Weak => finding
                .inferred()
                .evidence(format!(
                    "about {} bits, the floor is {STRENGTH_FLOOR_BITS}; {} bytes long",
                    judgement.bits, judgement.length
                ))
                .remedy("Rotate to a minted token; until then no fingerprint of it belongs into a ticket."),
            Self::Short => finding.evidence(format!("{} bytes, fewer than {SHORT_TOKEN}", judgement.length)),
            Self::UndefinedLiteral | Self::Placeholder | Self::RedactionMarker | Self::UnexpandedVariable => {
                finding.remedy("Write the token itself here; mint one only if no other place holds it.")
            }
            Self::ByteOrderMark
            | Self::TrailingCarriageReturn
            | Self::EdgeWhitespace
            | Self::WrappingQuotes => {
                finding.remedy("Write the bare token: no quotes, no white space, no byte order mark.")
            }
            _ => finding,
        }
    }
}

/// Judges a token as text. Says nothing about whether a gateway accepts it.
///
/// ```
/// use openclaw_token::{Flaw, judge, secrecy::SecretString};
/// let judgement = judge(&SecretString::from("change-me-now"));
/// assert_eq!(judgement.flaws[0], Flaw::Placeholder);
/// ```
#[must_use]
pub fn judge(token: &SecretString) -> Judgement {
    let text = token.expose_secret();
    let bits = strength::bits(text);
    let flaw = |flaw: Flaw| flaw.is_in(text, bits).then_some(flaw);
    let judgement = |flaws| Judgement { flaws, bits, length: text.len() };
    // These say it all: that a placeholder is also weak is no news.
    for sole in [
        Flaw::Empty,
        Flaw::UndefinedLiteral,
        Flaw::Placeholder,
        Flaw::RedactionMarker,
        Flaw::UnexpandedVariable,
        Flaw::Overlong,
    ] {
        if sole.is_in(text, bits) {
            return judgement(vec![sole]);
        }
    }
    let rest = [
        Flaw::ByteOrderMark,
        Flaw::WrappingQuotes,
        Flaw::InnerWhitespace,
        Flaw::ControlCharacter,
        Flaw::Weak,
        Flaw::TrailingCarriageReturn,
        Flaw::EdgeWhitespace,
        Flaw::NonAscii,
        Flaw::HazardousCharacter,
        Flaw::Short,
    ];
    judgement(rest.into_iter().filter_map(flaw).collect())
}

/// The token is below the strength floor, so nothing derived from it may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token is too weak for a fingerprint: about {bits} bits, the floor is {STRENGTH_FLOOR_BITS}")]
#[non_exhaustive]
pub struct WeakToken {
    /// Estimated entropy in bits.
    pub bits: u32,
}

impl WeakToken {
    pub(crate) fn of(token: &SecretString) -> Self {
        Self { bits: strength::bits(token.expose_secret()) }
    }
}

pub(crate) fn require_strong(token: &SecretString) -> Result<(), WeakToken> {
    let bits = strength::bits(token.expose_secret());
    if bits < STRENGTH_FLOOR_BITS || token.expose_secret().len() > LONGEST_TOKEN {
        return Err(WeakToken { bits });
    }
    Ok(())
}

/// Texts that a missing value becomes in some language. OpenClaw refuses the first two.
const UNDEFINED: [&str; 5] = ["undefined", "null", "none", "nil", "nan"];

/// Published examples: the first three are the ones OpenClaw 2026.9.6 refuses to start on, the third as a password.
const PLACEHOLDERS: [&str; 25] = [
    "change-me-now",
    "change-me-to-a-long-random-token",
    "change-me-to-a-strong-password",
    "changeme",
    "change-me",
    "change_me",
    "changeit",
    "your-token-here",
    "your-token",
    "your_token",
    "yourtoken",
    "your-gateway-token",
    "your_gateway_token",
    "your-secret-token",
    "my-secret-token",
    "mysecrettoken",
    "gateway-token",
    "replace-me",
    "replaceme",
    "replace_me",
    "example-token",
    "placeholder",
    "secret",
    "token",
    "todo",
];

/// What stands where a secret was. The first is OpenClaw's own sentinel.
const REDACTIONS: [&str; 8] = [
    "__openclaw_redacted__",
    "redacted",
    "[redacted]",
    "<redacted>",
    "(redacted)",
    "[secret redacted]",
    "<hidden>",
    "[hidden]",
];

impl Flaw {
    fn is_in(self, text: &str, bits: u32) -> bool {
        // As OpenClaw compares: without white space at the ends; quotes are not part of a placeholder either.
        let bare = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        let core = unquoted(bare).unwrap_or(bare);
        let is_one_of = |known: &[&str]| known.iter().any(|known| core.eq_ignore_ascii_case(known));
        match self {
            Self::Empty => core.is_empty(),
            Self::UndefinedLiteral => is_one_of(&UNDEFINED),
            Self::Placeholder => {
                is_one_of(&PLACEHOLDERS)
                    || (core.starts_with('<') && core.ends_with('>') && !is_one_of(&REDACTIONS))
                    || core.chars().all(|c| matches!(c, 'x' | 'X' | '.' | '…'))
            }
            Self::RedactionMarker => {
                is_one_of(&REDACTIONS) || core.chars().all(|c| matches!(c, '*' | '•' | '█'))
            }
            Self::UnexpandedVariable => is_unexpanded(core),
            Self::ByteOrderMark => text.starts_with('\u{feff}'),
            Self::WrappingQuotes => unquoted(bare).is_some(),
            Self::InnerWhitespace => bare.contains(char::is_whitespace),
            Self::ControlCharacter => bare.chars().any(|c| c.is_control() && !c.is_whitespace()),
            Self::Overlong => text.len() > LONGEST_TOKEN,
            Self::Weak => bits < STRENGTH_FLOOR_BITS,
            Self::TrailingCarriageReturn => text.trim_end_matches('\n').ends_with('\r'),
            Self::EdgeWhitespace => {
                text.trim() != text && !Self::TrailingCarriageReturn.is_in(text.trim_start(), bits)
            }
            Self::NonAscii => !bare.is_ascii(),
            Self::HazardousCharacter => core.contains(['$', '#', '"', '\'', '\\', '`']),
            Self::Short => core.chars().count() < SHORT_TOKEN,
        }
    }
}

/// The text within a pair of equal quotes.
pub(crate) fn unquoted(text: &str) -> Option<&str> {
    ['"', '\'', '`'].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote))
}

fn is_unexpanded(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('$') else {
        return (text.starts_with('%') && text.ends_with('%') && text.len() > 2)
            || (text.starts_with("{{") && text.ends_with("}}"));
    };
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    (rest.starts_with('{') && rest.ends_with('}'))
        || (rest.starts_with('(') && rest.ends_with(')'))
        || is_name(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn flaws(text: &str) -> Vec<Flaw> {
        judge(&SecretString::from(text)).flaws
    }

    const GOOD: &str = "test-token-4h7j2k9m3n6p8q1r5s0t-not-a-secret";

    #[test]
    fn one_flaw_at_a_time() {
        let cases: Vec<(String, Vec<Flaw>)> = vec![
            (GOOD.into(), vec![]),
            (String::new(), vec![Flaw::Empty]),
            (" \r\n".into(), vec![Flaw::Empty]),
            ("\"\"".into(), vec![Flaw::Empty]),
            ("undefined".into(), vec![Flaw::UndefinedLiteral]),
            ("null\n".into(), vec![Flaw::UndefinedLiteral]),
            ("change-me-to-a-long-random-token".into(), vec![Flaw::Placeholder]),
            ("<your token>".into(), vec![Flaw::Placeholder]),
            ("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx".into(), vec![Flaw::Placeholder]),
            ("__OPENCLAW_REDACTED__".into(), vec![Flaw::RedactionMarker]),
            ("********".into(), vec![Flaw::RedactionMarker]),
            ("${OPENCLAW_GATEWAY_TOKEN}".into(), vec![Flaw::UnexpandedVariable]),
            ("$OPENCLAW_GATEWAY_TOKEN".into(), vec![Flaw::UnexpandedVariable]),
            ("$(openssl rand -hex 32)".into(), vec![Flaw::UnexpandedVariable]),
            ("{{ token }}".into(), vec![Flaw::UnexpandedVariable]),
            (format!("\u{feff}{GOOD}"), vec![Flaw::ByteOrderMark]),
            (format!("\"{GOOD}\""), vec![Flaw::WrappingQuotes]),
            (format!("{GOOD}\r\n"), vec![Flaw::TrailingCarriageReturn]),
            (format!("{GOOD}\n"), vec![Flaw::EdgeWhitespace]),
            (format!(" {GOOD}"), vec![Flaw::EdgeWhitespace]),
            (format!("{GOOD} {GOOD}"), vec![Flaw::InnerWhitespace]),
            (format!("{GOOD}\u{7}"), vec![Flaw::ControlCharacter]),
            (format!("{GOOD}é"), vec![Flaw::NonAscii]),
            (format!("{GOOD}$abc"), vec![Flaw::HazardousCharacter]),
            ("Yk3$".repeat(1100), vec![Flaw::Overlong]),
            ("kV7mQ2xZ9pLw4TnB8cRy1D".into(), vec![Flaw::Short]),
            ("kV7mQ2xZ9pLw4TnB".into(), vec![Flaw::Weak, Flaw::Short]),
        ];
        for (text, expected) in cases {
            assert_eq!(flaws(&text), expected, "{text:?}");
        }
    }

    #[test]
    fn minted_tokens_are_sound_and_differ() {
        let (one, two) = (mint().unwrap(), mint().unwrap());
        assert_eq!(one.expose_secret().len(), 64);
        assert!(one.expose_secret().bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
        assert_ne!(one.expose_secret(), two.expose_secret());
        assert_eq!(judge(&one).flaws, []);
    }

    proptest! {
        #[test]
        fn judging_never_panics_and_orders_flaws(text in any::<String>()) {
            let flaws = flaws(&text);
            prop_assert!(flaws.windows(2).all(|pair| pair[0] < pair[1]));
        }

        #[test]
        fn wrapping_a_good_token_is_always_noticed(edge in "[ \t\r\n]{1,3}") {
            let (after, before) = (flaws(&format!("{GOOD}{edge}")), flaws(&format!("{edge}{GOOD}")));
            prop_assert!(!after.is_empty());
            prop_assert!(!before.is_empty());
        }
    }
}
