//! What looks like a secret in a text, whatever the text is: YAML, JSON, an env file, a unit, a command line, a comment.
//!
//! Trees know values exactly, and only what their grammar knows. This reads the same bytes without one, for what stands in
//! comments, in strings that hold another language, and in texts that are broken.

use std::ops::Range;

use crate::source::secret::{looks_issued, looks_secret};

use super::is_elsewhere;

/// A place at which a secret stands.
pub(super) struct Found {
    pub(super) range: Range<usize>,
    /// False for a word of small letters, which is masked where it stands, and is not looked for elsewhere: a comment says
    /// `token: missing`.
    pub(super) is_value: bool,
}

/// Where secrets stand in `text`, in no particular order.
pub(super) fn scan(text: &str) -> Vec<Found> {
    let mut scan = Scan { text, found: Vec::new() };
    scan.assignments();
    scan.defaults();
    scan.flags();
    scan.users();
    scan.credentials();
    scan.elements();
    scan.urls();
    scan.keys();
    scan.tokens();
    scan.found
}

/// Between a name and its value, or around a value, in lists and property lists.
const BETWEEN: &[char] = &[' ', '\t', '\r', '\n', '"', '\'', ',', '[', ']', '\\'];

/// Longer names and URLs are cut.
const FARTHEST: usize = 2048;

struct Scan<'t> {
    text: &'t str,
    found: Vec<Found>,
}

impl<'t> Scan<'t> {
    fn rest(&self, at: usize) -> &'t str {
        self.text.get(at..).unwrap_or_default()
    }

    /// The text at a place, as far as anybody writes a name or a URL, so that no text is read over and over.
    fn near(&self, at: usize) -> &'t str {
        let mut end = (at + FARTHEST).min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        self.text.get(at..end).unwrap_or_default()
    }

    /// `NAME=value`, `name: value`, `"name": "value"`
    fn assignments(&mut self) {
        let mut after = 0;
        for (at, separator) in self.text.match_indices(['=', ':']) {
            let value = at + separator.len();
            if at < after || self.rest(value).starts_with("//") {
                continue;
            }
            let before = self.text.get(after..at).unwrap_or_default();
            let before = before.trim_end_matches([' ', '\t']).trim_end_matches(['"', '\'', '\\', '`']);
            let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
            let name = before.rsplit(|c| !is_name(c)).next().unwrap_or_default();
            let outside = self.text.get(..after + before.len() - name.len()).unwrap_or_default();
            after = value;
            // Where a default stands is told by the braces.
            if looks_secret(name) && !outside.ends_with("${") {
                after = if outside.ends_with(['?', '&', '#']) {
                    let near = self.near(value);
                    let end = near.find(|c: char| matches!(c, '#' | '?' | '&') || c.is_whitespace());
                    self.word(value, value + end.unwrap_or(near.len()), true)
                } else {
                    self.value(value)
                };
            }
        }
    }

    /// `${NAME:-default}`
    fn defaults(&mut self) {
        for (at, open) in self.text.match_indices("${") {
            let name = self
                .near(at + open.len())
                .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .next()
                .unwrap_or_default();
            let from = at + open.len() + name.len();
            let rest = self.rest(from);
            let operator = [":-", ":+", "-", "+"].iter().find(|operator| rest.starts_with(**operator));
            if let Some(operator) = operator.filter(|_| looks_secret(name)) {
                let from = from + operator.len();
                let end = self.rest(from).find(['}', '$', '\n']).unwrap_or(0);
                self.find(from..from + end, true);
            }
        }
    }

    /// `--token value`, `["--token", "value"]`, `<string>--token</string><string>value</string>`
    fn flags(&mut self) {
        let mut after = 0;
        for (at, dashes) in self.text.match_indices("--") {
            let from = at + dashes.len();
            if from < after {
                continue;
            }
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            let name = self.near(from).split(|c| !is_name(c)).next().unwrap_or_default();
            after = from + name.len();
            if !looks_secret(name) {
                continue;
            }
            let mut at = after;
            let start = at;
            loop {
                let rest = self.rest(at);
                let rest = rest.trim_start_matches(BETWEEN);
                let item = rest.strip_prefix("- ");
                let tag = rest.strip_prefix('<').filter(|tag| tag.bytes().take(16).any(|byte| byte == b'>'));
                let tag = tag.and_then(|tag| tag.split_once('>')).map(|(_, rest)| rest);
                match item.or(tag) {
                    Some(next) => at = self.text.len() - next.len(),
                    None => {
                        at = self.text.len() - rest.len();
                        break;
                    }
                }
            }
            if at > start && !self.rest(at).starts_with("--") {
                self.word(at, self.text.len(), true);
            }
        }
    }

    /// `curl -u name:value`, `--user name:value`; not the numbers of a user and a group.
    fn users(&mut self) {
        for (at, flag) in self.text.match_indices("-u") {
            let rest = self.rest(at + flag.len());
            let rest = rest.strip_prefix("ser").unwrap_or(rest);
            let user = rest.trim_start_matches([' ', '\t', '=']);
            let is_end = |c: char| !c.is_alphanumeric() && !matches!(c, '_' | '.' | '@' | '-');
            let name = user.split(is_end).next().unwrap_or_default();
            let value = user.get(name.len()..).and_then(|rest| rest.strip_prefix(':'));
            let value = value.filter(|value| !value.starts_with(|c: char| c.is_ascii_digit()));
            if let Some(value) = value.filter(|_| user.len() < rest.len()) {
                self.word(self.text.len() - value.len(), self.text.len(), true);
            }
        }
    }

    /// `Bearer value`, `Basic value`
    fn credentials(&mut self) {
        for (at, _) in self.text.match_indices(['B', 'b']) {
            let rest = self.rest(at);
            for scheme in ["bearer", "basic"] {
                let named = rest.get(..scheme.len()).is_some_and(|word| word.eq_ignore_ascii_case(scheme));
                let value = rest.get(scheme.len()..).unwrap_or_default();
                let bare = value.trim_start_matches([' ', '\t']);
                if named && bare.len() < value.len() {
                    let header = self.text.get(..at).unwrap_or_default().trim_end_matches(BEFORE_SCHEME);
                    let header = header.get(header.len().saturating_sub(HEADER.len())..).unwrap_or_default();
                    let from = self.text.len() - bare.len();
                    // Bad news have a bearer, too.
                    if header.eq_ignore_ascii_case(HEADER) || !is_word(self.word_at(from, self.text.len())) {
                        self.word(from, self.text.len(), true);
                    }
                }
            }
        }
    }

    /// `<key>NAME</key><string>value</string>`
    fn elements(&mut self) {
        for (at, open) in self.text.match_indices("<key>") {
            let name = self.near(at + open.len()).split('<').next().unwrap_or_default();
            let rest = self.rest(at + open.len() + name.len());
            let Some(rest) = rest.strip_prefix("</key>") else { continue };
            let Some(value) = rest.trim_start().strip_prefix("<string>") else { continue };
            let from = self.text.len() - value.len();
            if looks_secret(name.trim()) {
                let end = value.find('<').unwrap_or(value.len());
                self.find(from..from + end, false);
            }
        }
    }

    /// What stands before the `@` of a URL, and behind a telling name in its query.
    fn urls(&mut self) {
        // One URL may stand in the query of another, or in its password.
        const NESTED: usize = 4;
        for (at, separator) in self.text.match_indices("://") {
            let from = at + separator.len();
            let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`' | ',');
            let near = self.near(from);
            let end = near.match_indices(separator).nth(NESTED).map_or(near.len(), |(end, _)| end);
            let url = near.get(..end).unwrap_or_default().split(is_end).next().unwrap_or_default();
            let authority = url.split(['/', '?', '#']).next().unwrap_or_default();
            // A password may hold a slash that nobody escaped.
            let user = authority.rsplit_once('@').or_else(|| {
                url.split(['?', '#']).next()?.rsplit_once('@').filter(|(user, _)| user.contains(':'))
            });
            // The one user whom everybody knows.
            if let Some((user, _)) = user.filter(|(user, _)| *user != "git") {
                let password = user.split_once(':').map_or(0, |(name, _)| name.len() + 1);
                self.find(from + password..from + user.len(), false);
                if looks_issued(user.get(..password.saturating_sub(1)).unwrap_or_default()) {
                    self.find(from..from + password - 1, false);
                }
            }
            let Some(query) = url.find(['?', '#']) else { continue };
            let mut at = from + query + 1;
            for pair in url.get(query + 1..).unwrap_or_default().split(['&', ';', '#', '?']) {
                if let Some((name, value)) = pair.split_once('=')
                    && (looks_secret(name) || QUERY.iter().any(|query| query.eq_ignore_ascii_case(name)))
                {
                    self.find(at + name.len() + 1..at + name.len() + 1 + value.len(), false);
                }
                at += pair.len() + 1;
            }
        }
    }

    /// The lines of a private key.
    fn keys(&mut self) {
        let mut inside = false;
        let mut at = 0;
        for line in self.text.split_inclusive('\n') {
            if line.contains("-----BEGIN ") && line.contains("PRIVATE KEY") {
                inside = true;
                // On one line with it where somebody wrote `\n`.
                let body =
                    line.rfind("PRIVATE KEY-----").map_or(line.len(), |at| at + "PRIVATE KEY-----".len());
                let end = line.get(body..).and_then(|body| body.find("-----END")).map(|end| body + end);
                inside &= end.is_none();
                self.find(at + body..at + end.unwrap_or(line.len()), false);
            } else if line.contains("-----END ") {
                inside = false;
            } else if inside {
                self.find(at..at + line.len(), false);
            }
            at += line.len();
        }
    }

    /// Words that read like what a service issues.
    fn tokens(&mut self) {
        let is_word =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+' | '/' | '=' | ':' | '.');
        let mut at = 0;
        for word in self.text.split(|c| !is_word(c)) {
            let mut part_at = at;
            for part in word.split(['/', ':', '.', '=']) {
                let bare = part.trim_start_matches(['-', '_', '+']);
                if looks_issued(bare) {
                    self.find(part_at + part.len() - bare.len()..part_at + part.len(), false);
                }
                part_at += part.len() + 1;
            }
            at += word.len();
            at += self.rest(at).chars().next().map_or(0, char::len_utf8);
        }
    }

    /// The value behind a separator: in quotes, or a word. Returns where it ends.
    fn value(&mut self, from: usize) -> usize {
        let rest = self.rest(from);
        let bare = rest.trim_start_matches([' ', '\t']);
        let escaped = bare.strip_prefix('\\').unwrap_or(bare);
        let Some(quote) = escaped.chars().next().filter(|c| matches!(c, '"' | '\'' | '`')) else {
            return self.word(self.text.len() - bare.len(), self.text.len(), true);
        };
        let from = self.text.len() - escaped.len() + 1;
        let inside = self.rest(from);
        let (mut length, mut skip) = (inside.len(), false);
        for (at, c) in inside.char_indices() {
            match c {
                _ if skip => skip = false,
                '\n' => {
                    length = at;
                    break;
                }
                // An escaped quote ends what an escaped quote began.
                '\\' if escaped.len() < bare.len() => {
                    length = at;
                    break;
                }
                '\\' if quote == '"' => skip = true,
                _ if c == quote => {
                    length = at;
                    break;
                }
                _ => {}
            }
        }
        self.find(from..from + length, false);
        from + length
    }

    /// The word at a place, and before `end`. Returns where it ends.
    fn word(&mut self, from: usize, end: usize, prose: bool) -> usize {
        let end = from + self.word_at(from, end).len();
        self.find(from..end, prose);
        end
    }

    fn word_at(&self, from: usize, end: usize) -> &'t str {
        let is_end = |c: char| c.is_whitespace() || "\"'`,;&|()[]{}<>\\".contains(c);
        self.text.get(from..end).unwrap_or_default().split(is_end).next().unwrap_or_default()
    }

    /// Records a place. In prose a word may be just that.
    fn find(&mut self, range: Range<usize>, prose: bool) {
        let value = self.text.get(range.clone()).unwrap_or_default();
        let lead = value.len() - value.trim_start().len();
        let trimmed = value.trim();
        if !trimmed.is_empty() && !is_elsewhere(trimmed) {
            let start = range.start + lead;
            let is_value = !prose || !is_word(trimmed);
            self.found.push(Found { range: start..start + trimmed.len(), is_value });
        }
    }
}

/// True for a word as prose has them.
fn is_word(text: &str) -> bool {
    text.len() < 24 && text.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'.'))
}

/// The name of the header that takes a scheme and a secret, and what stands between the two.
const HEADER: &str = "authorization";
const BEFORE_SCHEME: &[char] = &[' ', '\t', '=', ':', '"', '\'', '\\'];

/// Names that tell of a secret in the query of a URL, and are harmless elsewhere.
const QUERY: &[&str] = &["key", "auth", "code", "access", "t", "sig", "hmac"];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(text: &str) -> Vec<&str> {
        let found = scan(text).into_iter().filter(|found| found.is_value);
        let mut found: Vec<&str> = found.map(|found| &text[found.range]).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    #[test]
    fn a_value_is_known_by_what_stands_before_it() {
        for text in [
            "OPENCLAW_GATEWAY_PASSWORD: 'pa55-word'",
            "# OPENCLAW_GATEWAY_TOKEN=pa55-word until May",
            "export DB_PASS=\"pa55-word\"; run",
            "{ auth: { token: \"pa55-word\" } }",
            "{\"botToken\" : \"pa55-word\"}",
            r#"test: "node -e '{\"apiKey\":\"pa55-word\"}'""#,
            "image: x ${A_TOKEN:-pa55-word}",
            "command: openclaw gateway --token pa55-word --bind lan",
            "command: [\"--api-key\", \"pa55-word\"]",
            "  - --password\n  - pa55-word\n",
            "ExecStart=openclaw --password=pa55-word",
            "<string>--token</string>\n  <string>pa55-word</string>",
            "<key>OPENCLAW_GATEWAY_TOKEN</key>\n\t<string>pa55-word</string>",
            "Environment=\"A=b\" \"OPENCLAW_GATEWAY_TOKEN=pa55-word\"",
            "curl -fH 'Authorization: Bearer pa55-word' http://127.0.0.1",
            "Authorization=Basic pa55-word",
            "ws://user:pa55-word@gw:18789/",
            "https://pa55-word@github.com/x.git",
            "ws://gw/?x=1&token=pa55-word#end",
            "https://gw/#key=pa55-word",
            "-----BEGIN EC PRIVATE KEY-----\n  pa55-word\n-----END EC PRIVATE KEY-----\nnot this",
        ] {
            assert_eq!(found(text), ["pa55-word"], "{text}");
            assert_eq!(found(&text.replace("pa55-word", "p4")), ["p4"], "{text}");
        }
    }

    #[test]
    fn a_token_is_known_by_itself() {
        for token in [
            "Zq8XwV3nB7mK2pL9rT4yU6iO1aS5dF0gH3jC",
            "sk-proj-abcdefgh12345678",
            "xoxb-123456789012-abcdef",
            "AIzaSyD-1234567890abcdef",
            "eyJhbGciOiJIUzI1NiJ9",
        ] {
            assert_eq!(found(&format!("A: x # was --{token}")), [token]);
        }
    }

    #[test]
    fn what_is_harmless_is_left() {
        for text in [
            "token: missing, see the password-file",
            "OPENCLAW_GATEWAY_TOKEN: ${OPENCLAW_GATEWAY_TOKEN:?set it in .env}",
            "image: ghcr.io/openclaw/openclaw@sha256:4f0f9d1c5f2b4c8f4f0f9d1c5f2b4c8f4f0f9d1c5f2b4c8f4f0f9d1c5f2b4c8f",
            "id: 8d0f3b62-9df4-4f0c-8f53-0d6a3b1fb6a2",
            "command: [openclaw, gateway, --token-file, /run/secrets/Token1]",
            "url: ws://127.0.0.1:18789/path?version=20260906",
            "secrets:\n  gateway_token:\n    file: ./Secret1.txt\n",
            "dangerouslyAllowHostHeaderOriginFallback: true, OPENCLAW_ALLOW_INSECURE_PRIVATE_WS: 1",
            "the bearer of bad news",
        ] {
            assert!(found(text).is_empty(), "{text}: {:?}", found(text));
        }
    }

    /// No assertion of time: read over and over, these take minutes.
    #[test]
    fn no_part_of_a_text_is_read_over_and_over() {
        for part in ["://", "--", "<key>", "&token=", "-u a", "-u ", "${", "Bearer ", "a:b@://"] {
            let text = part.repeat(1 << 17 >> part.len().ilog2());
            let whole = format!("{text}</key> ws://u:pa55-word@gw");
            assert!(found(&whole).contains(&"pa55-word"), "{part}");
        }
        assert_eq!(found("https://h/?next=https://u:pa55-word@gw/"), ["pa55-word"]);
        assert!(found("https://u:pa55/x://word@gw/").contains(&"pa55/x://word"));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(?s)[a-z\"'$\\\\{}:=<>/@?&# \né-]{0,80}|.{0,40}") {
            for found in scan(&text) {
                prop_assert!(text.get(found.range).is_some());
            }
        }
    }
}
