//! Evidence of a run, made fit to be kept as a fixture: no secret in any usual encoding, and stand-ins for what is new in
//! each run. Equal values keep equal stand-ins, across all texts of one [`Mask`].

use std::fmt::Write as _;

use secrecy::{ExposeSecret as _, SecretString};

/// What stands where a secret stood.
const MASKED: &str = "test-token-masked";
/// Shorter values are words, and masking them would tear the text.
const SHORTEST: usize = 8;

/// Masks texts of one run.
#[derive(Debug, Default)]
pub struct Mask {
    secrets: Vec<SecretString>,
    names: Vec<(String, String)>,
}

impl Mask {
    /// A mask for these secrets; see [`secrets`].
    #[must_use]
    pub fn new(secrets: Vec<SecretString>) -> Self {
        Self { secrets, names: Vec::new() }
    }

    /// The text without secrets, ids, digests and keys. Times and addresses stay: what is decided depends on their order
    /// and kind, and they name nobody.
    pub fn text(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            for form in forms(secret.expose_secret()) {
                text = text.replace(&form, MASKED);
            }
        }
        let mut masked = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(start) = rest.find(is_word) {
            let (before, after) = rest.split_at(start);
            let end = after.find(|c| !is_word(c)).unwrap_or(after.len());
            let (word, after) = after.split_at(end);
            masked.push_str(before);
            masked.push_str(&self.word(word));
            rest = after;
        }
        masked.push_str(rest);
        masked
    }

    fn word(&mut self, word: &str) -> String {
        let Some(kind) = kind(word) else { return word.to_owned() };
        if let Some((_, name)) = self.names.iter().find(|(known, _)| known == word) {
            return name.clone();
        }
        let number = self.names.iter().filter(|(_, name)| name.starts_with(kind)).count() + 1;
        let name = format!("{kind}-{number}");
        self.names.push((word.to_owned(), name.clone()));
        name
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

/// What a word of this shape is, if it is new in each run. A digest is a device, a container or a layer.
fn kind(word: &str) -> Option<&'static str> {
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts: Vec<usize> = word.split('-').map(str::len).collect();
    match word.len() {
        36 if parts == [8, 4, 4, 4, 12] && is_hex(&word.replace('-', "")) => Some("request"),
        64 if is_hex(word) => Some("device"),
        43 if word.bytes().any(|byte| byte.is_ascii_uppercase()) => Some("key"),
        _ => None,
    }
}

/// The values beside names such as `OPENCLAW_GATEWAY_TOKEN`, `token` or `--password` in a stack's files or in
/// `docker inspect`: assigned (`=`, `:`) or next in a list (`,`).
#[must_use]
pub fn secrets(text: &str) -> Vec<SecretString> {
    let plain = text.to_ascii_lowercase();
    let names = ["token", "password", "secret"];
    let ends = names.iter().flat_map(|name| plain.match_indices(name).map(|(at, name)| at + name.len()));
    ends.filter_map(|end| {
        let rest = text.get(end..)?;
        let value = rest.trim_start_matches(|c: char| c.is_whitespace() || "\"'=:,".contains(c));
        let between = rest.get(..rest.len() - value.len())?;
        let is_assigned = between.contains(['=', ':', ',']);
        let end = value.find(|c: char| c.is_whitespace() || "\"',".contains(c)).unwrap_or(value.len());
        let value = value.get(..end)?;
        (is_assigned && value.len() >= SHORTEST && !value.starts_with('$')).then(|| value.to_owned().into())
    })
    .collect()
}

/// The usual ways in which a value is written: as it is, in JSON, in a URL, in hex, in base64 at each of three offsets.
fn forms(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let mut percent = String::new();
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                percent.push(char::from(*byte));
            }
            _ => {
                let _ = write!(percent, "%{byte:02X}");
            }
        }
    }
    let json = serde_json::Value::from(secret).to_string();
    let hex = hex::encode(bytes);
    let mut forms =
        vec![secret.to_owned(), json.trim_matches('"').to_owned(), percent, hex.to_uppercase(), hex];
    for offset in 0..3 {
        let whole = bytes.get(offset..).unwrap_or_default();
        let groups = whole.get(..whole.len() / 3 * 3).unwrap_or_default();
        let url = crate::gateway::encoding::base64url(groups);
        forms.push(url.replace('-', "+").replace('_', "/"));
        forms.push(url);
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_ids_keep_equal_names_and_words_stay() {
        let mut mask = Mask::default();
        let (request, device) = ("2dd8bc7b-05fd-4afb-a2df-c4e38a4f538a", "ab".repeat(32));
        let text = format!("deviceId={device} requestId={request} reason=not-paired (requestId: {request})");
        let masked = "deviceId=device-1 requestId=request-1 reason=not-paired (requestId: request-1)";
        assert_eq!(mask.text(&text), masked);
        assert_eq!(mask.text(&device), "device-1");
    }

    #[test]
    fn secrets_are_found_where_they_are_assigned() {
        let found = |text: &str| -> Vec<String> {
            secrets(text).iter().map(|secret| secret.expose_secret().to_owned()).collect()
        };
        assert_eq!(found("OPENCLAW_GATEWAY_TOKEN=test-token-a\nx"), ["test-token-a"]);
        assert_eq!(found("auth: { mode: \"token\", token: 'test-token-b' }"), ["test-token-b"]);
        assert_eq!(found("[\"gateway\", \"--token\", \"test-token-c\"]"), ["test-token-c"]);
        assert!(found("TOKEN=${OPENCLAW_GATEWAY_TOKEN}\n// the token comes from elsewhere").is_empty());
    }
}
