//! What the author of a template wrote for whoever starts the project, `${NAME:?message}`, without what may be a secret.
//!
//! It is there to be read, and nothing keeps a password out of it. So prose is told by its shape: shown are words,
//! small numbers, names of variables and paths; hidden are words that are none, what is said of a password, and a message of
//! one long word.

use std::ops::Range;

use super::secret::looks_secret;

/// The parts of a message that are hidden, in order.
pub(super) fn hidden(message: &str) -> Vec<Range<usize>> {
    let alone = message.split_whitespace().nth(1).is_none();
    let mut told_of_secret = false;
    let mut out = Vec::new();
    for (at, word) in words(message) {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let is_one_of = |known: &[&str]| known.iter().any(|word| word.eq_ignore_ascii_case(bare));
        let hides = !is_prose(word) || alone && bare.len() > LONGEST && !is_variable(bare);
        if hides || told_of_secret && !is_one_of(ASKING) && !is_one_of(JOINING) && !is_one_of(BEING) {
            out.push(at..at + word.len());
        }
        told_of_secret = told_of_secret && is_one_of(BEING) || names_secret(bare);
    }
    out
}

/// The parts of a value that are hidden because they stand in a message of its variables, or in an expression that cannot be
/// read. In order.
pub(super) fn hidden_in(value: &str) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    for (at, inside) in expressions(value) {
        let name = inside.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
        let rest = inside.get(name.len()..).unwrap_or_default();
        match rest.strip_prefix(":?").or_else(|| rest.strip_prefix('?')) {
            Some(message) => {
                let from = at + inside.len() - message.len();
                out.extend(hidden(message).into_iter().map(|range| from + range.start..from + range.end));
            }
            None if rest.is_empty()
                || [":-", "-", ":+", "+"].iter().any(|operator| rest.starts_with(operator)) => {}
            None => out.extend(unknown(at, inside)),
        }
    }
    out
}

/// The parts of a line that are hidden because an expression in it cannot be read, so that nothing says what they are. In
/// order.
pub(super) fn hidden_in_template(line: &str) -> Vec<Range<usize>> {
    let prose = words(line).filter(|(_, word)| !is_prose(word)).map(|(at, word)| at..at + word.len());
    let mut out: Vec<Range<usize>> = prose.collect();
    out.extend(expressions(line).flat_map(|(at, inside)| unknown(at, inside)));
    out.sort_unstable_by_key(|range| range.start);
    out
}

/// What is neither the name of a variable nor as short as what the shell does with one: `${f%.gz}`.
fn unknown(at: usize, inside: &str) -> impl Iterator<Item = Range<usize>> {
    let is_between = |c: char| !c.is_alphanumeric() && c != '_';
    let mut from = at;
    inside.split_inclusive(is_between).filter_map(move |piece| {
        let run = piece.trim_end_matches(is_between);
        let range = from..from + run.len();
        from += piece.len();
        (run.len() > 3 && !is_variable(run)).then_some(range)
    })
}

/// What stands behind each `${`, up to its end or the next one, and where.
fn expressions(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut parts = text.split("${");
    let mut at = parts.next().unwrap_or_default().len();
    parts.map(move |part| {
        let from = at + 2;
        at = from + part.len();
        (from, part.split('}').next().unwrap_or_default())
    })
}

fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split(char::is_whitespace).filter_map(move |word| {
        let from = at;
        at += word.len();
        at += text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        (!word.is_empty()).then_some((from, word))
    })
}

/// A word, a number, a size, the name of a variable, a path, a URL. What a URL holds is told elsewhere.
fn is_prose(word: &str) -> bool {
    let is_run = |run: &str| {
        let letters = run.trim_end_matches(|c: char| c.is_ascii_digit());
        let digits = run.len() - letters.len();
        let unit = run.trim_start_matches(|c: char| c.is_ascii_digit());
        let is_word = letters.chars().all(char::is_alphabetic) && letters.chars().count() <= 20;
        is_word && (digits == 0 || letters.is_empty() && digits <= 6 || is_variable(run) && digits <= 2)
            || unit.len() <= 3
                && run.len() - unit.len() <= 6
                && unit.bytes().all(|byte| byte.is_ascii_alphabetic())
            || KINDS.contains(&run)
    };
    word.contains("://") || word.split(|c: char| !c.is_alphanumeric()).all(is_run)
}

fn names_secret(word: &str) -> bool {
    const WORDS: &[&str] = &["key", "pin", "pass", "pwd", "pw"];
    !word.contains(['/', '.']) && looks_secret(word)
        || WORDS.iter().any(|known| word.eq_ignore_ascii_case(known))
}

fn is_variable(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

/// A longer message of one word does not ask for anything.
const LONGEST: usize = 12;

/// Words that are made of letters and digits.
const KINDS: &[&str] = &["base64", "md5", "oauth2", "python3", "sha256", "sha512", "utf8", "ipv4", "ipv6"];

/// What a message of one word, or of a secret, asks for.
#[rustfmt::skip]
const ASKING: &[&str] = &[
    "absent", "empty", "error", "mandatory", "missing", "needed", "optional", "required", "set", "undefined", "unset",
    "variable", "variables", "value", "values", "file", "first", "again", "here", "now", "please",
];

/// What goes on with what is to be done.
#[rustfmt::skip]
const JOINING: &[&str] = &[
    "", "and", "at", "before", "but", "by", "can", "cannot", "could", "for", "from", "has", "have", "if", "in", "into",
    "may", "must", "needs", "not", "of", "on", "or", "should", "so", "that", "then", "under", "via", "when", "which",
    "with", "you",
];

/// What goes on with the secret itself.
const BEING: &[&str] = &["a", "an", "as", "be", "is", "it", "the", "this", "to", "was", "your"];

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, hidden: Vec<Range<usize>>) -> String {
        let mut out = text.to_owned();
        for range in hidden.into_iter().rev() {
            out.replace_range(range, "*");
        }
        out
    }

    #[test]
    fn a_message_is_shown_without_what_may_be_a_password() {
        for (message, expected) in [
            ("sunflowerhorse", "*"),
            ("purple-monkey-dishwasher", "*"),
            ("4815162342", "*"),
            ("not Hunter2Hunter2", "not *"),
            ("the pin 4815162342 again", "the pin * again"),
            ("the password is sunflowerhorse", "the password is *"),
            ("log in with pass sunflowerhorse first", "log in with pass * first"),
        ] {
            assert_eq!(shown(message, hidden(message)), expected);
        }
        for message in [
            "",
            "required",
            "inner",
            "OPENCLAW_GATEWAY_TOKEN",
            "set OPENCLAW_GATEWAY_TOKEN in .env",
            "OPENCLAW_GATEWAY_TOKEN must be set (openssl rand -hex 32)",
            "the token is missing!",
            "run ./make-env first",
            "token required, see https://docs.openclaw.ai/gateway",
            "give it at least 512m on port 18789",
        ] {
            assert_eq!(shown(message, hidden(message)), message);
        }
        let value = "x ${A:?sunflowerhorse} ${B-sunflower} ${C?set it in .env}";
        assert_eq!(shown(value, hidden_in(value)), "x ${A:?*} ${B-sunflower} ${C?set it in .env}");
    }

    #[test]
    fn a_template_that_cannot_be_read_shows_its_names() {
        for (line, expected) in [
            ("${sunflowerhorse !}", "${* !}"),
            ("http://${HOST-of me:18789", "http://${HOST-of me:*"),
            ("echo ${f%.gz}", "echo ${f%.gz}"),
            ("${A_TOKEN and Hunter2Hunter2", "${A_TOKEN and *"),
        ] {
            let mut hidden = hidden_in_template(line);
            hidden.dedup_by_key(|range| range.start);
            assert_eq!(shown(line, hidden), expected);
        }
    }
}
