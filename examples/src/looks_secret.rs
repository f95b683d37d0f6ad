//! What looks like a secret in a text that no parser knows: a log, the words of a program, a command line, a definition.

use openclaw_compose::project::looks_secret;
use secrecy::SecretString;
use serde_json::Value;

/// The values that stand behind a name such as `token`, `OPENCLAW_GATEWAY_PASSWORD` or `--api-key`, behind `Bearer`, and
/// before the `@` of a URL. A plain word is none: a log says `token: missing`.
#[must_use]
pub fn secrets_in(text: &str) -> Vec<SecretString> {
    let mut found = Vec::new();
    let mut before: Option<Word<'_>> = None;
    for word in words(text) {
        if before.is_some_and(|name| name.announces(&word, text)) && is_telling(word.text) {
            found.push(SecretString::from(word.text));
        }
        before = Some(word);
    }
    for (at, _) in text.match_indices("://") {
        let rest = text.get(at + 3..).unwrap_or_default();
        let authority = rest.split(|c: char| c.is_whitespace() || "/?#\"'<>".contains(c)).next();
        let Some((user, _)) = authority.and_then(|authority| authority.rsplit_once('@')) else { continue };
        let password = user.split_once(':').map_or(user, |(_, password)| password);
        found.push(SecretString::from(password));
    }
    found
}

/// The same in JSON, where a field is its value's name; in a text that is not JSON, as in any text.
#[must_use]
pub fn secrets_in_json(text: &str) -> Vec<SecretString> {
    let mut found = Vec::new();
    match serde_json::from_str(text) {
        Ok(value) => walk(&value, false, &mut found),
        Err(_) => found = secrets_in(text),
    }
    found
}

fn walk(value: &Value, secret: bool, found: &mut Vec<SecretString>) {
    match value {
        Value::String(text) if secret => found.push(SecretString::from(text.as_str())),
        Value::String(text) => found.extend(secrets_in(text)),
        Value::Array(items) => items.iter().for_each(|item| walk(item, secret, found)),
        Value::Object(fields) => {
            for (name, field) in fields {
                walk(field, secret || looks_secret(name), found);
            }
        }
        _ => {}
    }
}

/// A word and where it stands.
#[derive(Clone, Copy)]
struct Word<'t> {
    at: usize,
    text: &'t str,
}

impl Word<'_> {
    fn end(&self) -> usize {
        self.at + self.text.len()
    }

    /// Whether the next word is the value of this name.
    fn announces(&self, next: &Word<'_>, text: &str) -> bool {
        let between = text.get(self.end()..next.at).unwrap_or_default();
        if self.text.eq_ignore_ascii_case("bearer") || self.text.eq_ignore_ascii_case("basic") {
            return between.trim().is_empty() && !between.is_empty();
        }
        let name = self.text.trim_start_matches('-');
        if !looks_secret(name) || name.ends_with("-file") || name.ends_with("-env") {
            return false;
        }
        // `--token VALUE`, `"--token", "VALUE"`, `<string>--token</string> <string>VALUE</string>` and the like.
        let is_option = self.text.starts_with('-');
        let is_element = between.trim_start().starts_with("</") && between.trim_end().ends_with('>');
        let is_assigned = between.contains(['=', ':']) && !between.contains('\n');
        is_assigned
            || is_element
            || (is_option && between.chars().all(|c| c.is_whitespace() || "\"',".contains(c)))
    }
}

/// Runs of characters that a name or a token may hold. An element's tags are between the words.
fn words(text: &str) -> impl Iterator<Item = Word<'_>> {
    let is_word = |c: char| c.is_alphanumeric() || "-_.~+/%!*@^".contains(c);
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = text.get(at..)?;
            let start = at + rest.find(|c| is_word(c) || c == '<')?;
            let rest = text.get(start..)?;
            if rest.starts_with('<')
                && let Some(tag) = rest.find('>')
            {
                at = start + tag + 1;
                continue;
            }
            let rest = rest.strip_prefix('<').unwrap_or(rest);
            let start = text.len() - rest.len();
            let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            at = start + length;
            if length > 0 {
                return Some(Word { at: start, text: rest.get(..length)? });
            }
        }
    })
}

/// Whether a word may be a secret: more than a lower-case word.
fn is_telling(word: &str) -> bool {
    word.len() >= 24 || word.chars().any(|c| !c.is_ascii_lowercase() && c != '-' && c != '.')
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn found(text: &str) -> Vec<String> {
        secrets_in(text).iter().map(|secret| secret.expose_secret().to_owned()).collect()
    }

    #[test]
    fn a_value_is_known_by_the_name_before_it() {
        for (text, secret) in [
            ("[ws] unauthorized token=Zq8XwV3nB7 reason=x", "Zq8XwV3nB7"),
            ("OPENCLAW_GATEWAY_PASSWORD: 'Zq8XwV3nB7'", "Zq8XwV3nB7"),
            ("{\"apiKey\":\"Zq8XwV3nB7\"}", "Zq8XwV3nB7"),
            ("ExecStart=openclaw gateway --token Zq8XwV3nB7", "Zq8XwV3nB7"),
            ("[\"--token\", \"Zq8XwV3nB7\"]", "Zq8XwV3nB7"),
            ("<key>OPENCLAW_GATEWAY_TOKEN</key>\n  <string>Zq8XwV3nB7</string>", "Zq8XwV3nB7"),
            ("<string>--token</string><string>Zq8XwV3nB7</string>", "Zq8XwV3nB7"),
            ("curl -H 'Authorization: Bearer Zq8XwV3nB7'", "Zq8XwV3nB7"),
            ("open ws://gw:18789/?token=Zq8XwV3nB7&x", "Zq8XwV3nB7"),
            ("open ws://user:Zq8XwV3nB7@gw:18789/", "Zq8XwV3nB7"),
        ] {
            assert_eq!(found(text), [secret], "{text}");
        }
        for text in [
            "gateway token: missing",
            "token mismatch (Set OPENCLAW_GATEWAY_TOKEN)",
            "a < b",
            "--token-file /etc/Token1",
        ] {
            assert!(found(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn in_json_a_field_names_its_value_at_any_depth() {
        let text = r#"[{"auth":{"token":"plain"},"tokens":[{"value":"Zq8XwV3nB7"}],"Env":["A_TOKEN=Yq8XwV3nB7"],"port":1}]"#;
        let mut found: Vec<String> =
            secrets_in_json(text).iter().map(|secret| secret.expose_secret().to_owned()).collect();
        found.sort();
        assert_eq!(found, ["Yq8XwV3nB7", "Zq8XwV3nB7", "plain"]);
    }
}
