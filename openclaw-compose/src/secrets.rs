//! Secrets by value: every value that is or looks like a secret in what was read, and texts without any of them.
//!
//! Marks by place know where a secret stands. This set knows what it is, and so finds it in a comment, a name, the words of
//! a program, or encoded on the way. What has read something hands its set out ([`Resolution::secrets`],
//! [`Report::secrets`]); whoever prints passes every text through [`Secrets::mask`].
//!
//! [`Resolution::secrets`]: crate::project::Resolution::secrets
//! [`Report::secrets`]: crate::openclaw::Report::secrets

mod escapes;
mod forms;
mod scan;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;

use secrecy::{ExposeSecret as _, SecretString};

use crate::source::secret::{looks_random, random_words};
use crate::source::{FileId, Format, MASK, Sources, Span, Text};
use forms::Forms;

/// Shorter values are words, and looking for them everywhere would tear the text. Where they stand they are masked all the same.
const SHORTEST: usize = 6;

/// Below this a plain number is a port, a size or a year.
const SMALLEST_NUMBER: f64 = 1e6;

/// What stands where a secret could, and is none: kinds of secret, ways to ask for one, and the names of the house.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "access-token", "api-key", "apikey", "basic", "bearer", "clawdbot", "default", "disabled", "enabled", "gateway",
    "moltbot", "oauth2", "openclaw", "openclaw-cli", "openclaw-gateway", "optional", "password", "required", "secret",
    "trusted-proxy", "undefined",
];

/// Values that nobody should see, each once, and the search for them.
///
/// ```
/// use openclaw_compose::secrets::Secrets;
///
/// let secrets: Secrets = ["Zq8XwV3nB7".into()].into_iter().collect();
/// assert_eq!(secrets.mask("was Zq8XwV3nB7, base64 WnE4WHdWM25CNw=="), "was ********, base64 ********w==");
/// assert_eq!(format!("{secrets:?}"), "Secrets(1)");
/// ```
#[derive(Clone, Default)]
pub struct Secrets {
    values: BTreeSet<Text>,
    /// Plain words that name parts of the stack.
    left: BTreeSet<String>,
    /// The directories around the stack, by name: commands are to be pasted, and name them.
    directories: BTreeSet<String>,
    /// Made at the first search after a value came.
    forms: OnceLock<Forms>,
}

impl Secrets {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// True where there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The values in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = SecretString> + '_ {
        self.values.iter().map(Text::to_secret)
    }

    /// Adds a value, unless masking it would hide what is none: less than six characters, a small number, a word such as
    /// `password`, a placeholder such as `${TOKEN}`, a path, the URL of a host.
    pub(crate) fn add(&mut self, value: &str) {
        let value = value.trim();
        let named = || self.left.contains(value);
        if !is_harmless(value) && !named() && self.values.insert(Text::from(value)) {
            self.forms = OnceLock::new();
        }
    }

    /// Leaves a name of the stack out, and its parts, as far as they are plain words: that a database is called as its
    /// password is must not make every line about it unreadable.
    pub(crate) fn leave(&mut self, name: &str) {
        for word in name.split(['-', '_', '.', '/', ':']).chain([name]) {
            let plain = |c: char| c.is_ascii_lowercase() || c == '-' || c == '_';
            if word.chars().all(plain) && !looks_random(word) {
                self.left.insert(word.to_owned());
            }
        }
    }

    /// Does not take the directories of a path for secrets because their names read as if they were drawn at random.
    pub(crate) fn leave_directory(&mut self, path: &str) {
        self.directories.extend(path.split(['/', '\\']).map(str::to_owned));
    }

    /// Adds what looks like a secret in one of the texts, comments and all. In a file that a person wrote that is also any
    /// word that reads as if it was drawn at random; what an engine or a program says is full of such ids.
    pub(crate) fn add_from_file(&mut self, sources: &Sources, file: FileId) {
        let text = sources.expose_file(file);
        self.add_from(text);
        if matches!(sources.format(file), Format::Yaml | Format::Dotenv | Format::Json) {
            for word in random_words(text).filter(|word| !word.is_empty()) {
                if !self.directories.contains(word) {
                    self.add(word);
                }
            }
        }
    }

    /// Marks every place at which one of the secrets stands, in whichever form. A file may be named for one.
    pub(crate) fn mark_in(&self, sources: &mut Sources) {
        let mut spans = Vec::new();
        for file in sources.ids() {
            let found = self.find(sources.expose_file(file));
            spans.extend(found.into_iter().map(|range| Span::from_range(file, range)));
        }
        sources.mark_secrets(spans);
        sources.rename(|name| match self.mask(name) {
            Cow::Owned(masked) => Some(masked),
            Cow::Borrowed(_) => None,
        });
    }

    /// Adds what looks like a secret in a text, whatever the text is: a log, the words of a program, a command line.
    ///
    /// ```
    /// let mut secrets = openclaw_compose::secrets::Secrets::new();
    /// secrets.add_from("[ws] unauthorized token=Zq8XwV3nB7 reason=token_mismatch");
    /// assert_eq!(secrets.mask("bad Zq8XwV3nB7"), "bad ********");
    /// ```
    pub fn add_from(&mut self, text: &str) {
        let values = scan::scan(text).into_iter().filter(|found| found.is_value);
        values.for_each(|found| self.add(text.get(found.range).unwrap_or_default()));
    }

    /// The text with [`MASK`] for every secret in it: as it is, backwards, in base64 or base32, in hexadecimal of either case,
    /// percent-encoded, quoted-printable, or escaped as JSON, YAML, a shell or a page would have it, be it twice.
    #[must_use]
    pub fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        masked(text, self.find(text))
    }

    /// As [`Secrets::mask`], and also what stands where a secret does, however short it is: behind `--token`, before the `@`
    /// of a URL.
    pub(crate) fn mask_value<'t>(&self, value: &'t str) -> Cow<'t, str> {
        let mut found = self.find(value);
        found.extend(scan::scan(value).into_iter().map(|found| found.range));
        found.sort_unstable_by_key(|range| range.start);
        masked(value, found)
    }

    /// As [`Secrets::mask`], in place.
    pub(crate) fn mask_in(&self, text: &mut String) {
        if let Cow::Owned(masked) = self.mask(text) {
            *text = masked;
        }
    }

    /// Where secrets stand in a text, in whichever form: in order, not touching one another.
    pub(crate) fn find(&self, text: &str) -> Vec<Range<usize>> {
        if self.values.is_empty() {
            return Vec::new();
        }
        self.forms.get_or_init(|| Forms::of(self.values.iter().map(Text::expose))).find(text)
    }
}

impl Extend<SecretString> for Secrets {
    fn extend<I: IntoIterator<Item = SecretString>>(&mut self, values: I) {
        values.into_iter().for_each(|value| self.add(value.expose_secret()));
    }
}

impl FromIterator<SecretString> for Secrets {
    fn from_iter<I: IntoIterator<Item = SecretString>>(values: I) -> Self {
        let mut secrets = Self::new();
        secrets.extend(values);
        secrets
    }
}

/// The number only.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.values.len())
    }
}

/// The text with [`MASK`] for each of these ranges, which are in order; those that overlap or touch are one.
fn masked(text: &str, ranges: Vec<Range<usize>>) -> Cow<'_, str> {
    if ranges.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for range in ranges {
        if range.start > at || at == 0 {
            out.push_str(text.get(at..range.start).unwrap_or_default());
            out.push_str(MASK);
        }
        at = at.max(range.end);
    }
    out.push_str(text.get(at..).unwrap_or_default());
    Cow::Owned(out)
}

/// True for a value that would only hide other things were it masked wherever it stands.
fn is_harmless(value: &str) -> bool {
    value.chars().nth(SHORTEST - 1).is_none()
        || value.chars().all(|c| c == '*')
        || value.parse::<f64>().is_ok_and(|number| number.abs() < SMALLEST_NUMBER)
        || WORDS.iter().any(|word| word.eq_ignore_ascii_case(value))
        || is_elsewhere(value)
}

/// True for what says where a secret is looked for, and is none: a variable, a file, a host.
fn is_elsewhere(value: &str) -> bool {
    is_placeholder(value) || is_plain_url(value) || is_path(value)
}

/// `${NAME}`, `$NAME`, `$(command)`, `<your token>`
fn is_placeholder(value: &str) -> bool {
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if let Some(rest) = value.strip_prefix('$') {
        let inside = rest.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        return is_name(inside.unwrap_or(rest)) || rest.starts_with('(') && rest.ends_with(')');
    }
    value.starts_with('<') && value.ends_with('>') && !value.contains("://")
}

/// A URL of a host and nothing else: what has a path may be a webhook, which is a secret whole.
fn is_plain_url(value: &str) -> bool {
    let Some((scheme, rest)) = value.split_once("://") else { return false };
    scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'.' | b'-'))
        && !rest.trim_end_matches('/').contains(['@', '?', '#', '/', ' ', '$'])
}

/// A path of one of the trees that stacks are made of.
fn is_path(value: &str) -> bool {
    #[rustfmt::skip]
    const ROOTS: &[&str] = &[
        "./", "../", "~/", "/app/", "/data/", "/etc/", "/home/", "/mnt/", "/opt/", "/root/", "/run/", "/srv/", "/tmp/",
        "/usr/", "/Users/", "/var/", "/workspace/",
    ];
    ROOTS.iter().any(|root| value.starts_with(root)) && !value.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(values: &[&str]) -> Secrets {
        values.iter().map(|value| SecretString::from(*value)).collect()
    }

    #[test]
    fn what_would_hide_other_things_does_not_join() {
        for harmless in [
            "",
            "short",
            "18789",
            "999999",
            "true",
            "password",
            "Bearer",
            "${TOKEN}",
            "$TOKEN",
            "$(cat x)",
            "<your-token>",
            "ws://127.0.0.1:18789",
            "https://api.example.com/",
            "/run/secrets/token",
            "./secrets/token",
            "********",
            "  abc  ",
        ] {
            assert!(secrets(&[harmless]).is_empty(), "{harmless}");
        }
        for secret in [
            "Zq8XwV",
            "1234567",
            "ws://:hunter2@gw",
            "https://h/x?token=abcdef",
            "https://hooks.example.com/services/x",
            "/9j4AAQSkZJRg",
            "p@ss w0rd",
            "$2b$10$N9qo8uLOickgx2ZMRZoMye",
            "${A}-and-more",
        ] {
            assert_eq!(secrets(&[secret]).len(), 1, "{secret}");
        }
    }

    #[test]
    fn in_a_value_a_secret_is_masked_where_it_stands_however_short() {
        for (value, shown) in [
            ("gateway --token abc12 --bind lan", "gateway --token ******** --bind lan"),
            ("--password=abc", "--password=********"),
            ("--token swordfish", "--token ********"),
            (
                "curl -u a:pw12 -H 'Authorization: Bearer abc12'",
                "curl -u a:******** -H 'Authorization: Bearer ********'",
            ),
            ("postgres://admin:p4ss@db:5432/x", "postgres://admin:********@db:5432/x"),
            ("redis://:p@r:6379", "redis://:********@r:6379"),
            ("Server=db;User Id=sa;Password=p4ss9;", "Server=db;User Id=sa;Password=********;"),
            ("ws://u:k9x2q@h:1?token=zz9zz", "ws://u:********@h:1?token=********"),
            ("ws://zz9zz@h:1", "ws://********@h:1"),
            ("username=u,password=pw12,addr=1", "username=u,password=********,addr=1"),
            ("gateway --token $TOKEN --bind lan", "gateway --token $TOKEN --bind lan"),
            ("ssh://git@github.com/x.git", "ssh://git@github.com/x.git"),
            ("-u 1000:1000 with Bearer tokens", "-u 1000:1000 with Bearer tokens"),
        ] {
            assert_eq!(Secrets::new().mask_value(value), shown);
            let mut known = Secrets::new();
            known.add_from(value);
            assert!(known.is_empty(), "{value} is looked for elsewhere");
        }
        assert_eq!(
            secrets(&["abc12abc12"]).mask_value("abc12abc12 --token abc12abc12x"),
            "******** --token ********"
        );
    }

    #[test]
    fn nothing_prints_a_value() {
        assert_eq!(format!("{:?}", secrets(&["Zq8XwV3nB7", "Zq8XwV3nB7 ", "other-secret"])), "Secrets(2)");
    }
}
