//! Stand-ins for what differs between any two runs.

use serde_json::Value;
use std::collections::HashMap;

/// Names values by the place of their first appearance, so that equal values stay equal, and what only one gateway says does
/// not shift the names of what both say.
#[derive(Debug, Default)]
pub(super) struct Mask {
    seen: HashMap<String, String>,
}

/// Fields whose numbers are times or durations.
const TIMES: [&str; 15] = [
    "ts",
    "uptimeMs",
    "retryAfterMs",
    "issuedAtMs",
    "createdAtMs",
    "approvedAtMs",
    "lastSeenAtMs",
    "rotatedAtMs",
    "lastUsedAtMs",
    "revokedAtMs",
    "refreshedAtMs",
    "durationMs",
    "intervalMs",
    "delayP99Ms",
    "delayMaxMs",
];

/// Fields that hold a version or a build.
const VERSIONS: [&str; 4] = ["version", "buildId", "gatewayBuildId", "runtimeVersion"];

/// Fields that hold an address of this run.
const ADDRESSES: [&str; 1] = ["remoteIp"];

impl Mask {
    /// Masks a JSON value in place; `place` is where it was said.
    pub(super) fn value(&mut self, value: &mut Value, place: &str) {
        match value {
            Value::Object(object) => {
                for (name, entry) in object {
                    if TIMES.contains(&name.as_str()) && entry.is_number() {
                        *entry = Value::from("<time>");
                    } else if VERSIONS.contains(&name.as_str()) && entry.is_string() {
                        *entry = Value::from("<version>");
                    } else if name == "eventLoop" && entry.is_object() {
                        *entry = Value::from("<measured>");
                    } else if ADDRESSES.contains(&name.as_str()) && entry.is_string() {
                        *entry = Value::from("<address>");
                    } else {
                        self.value(entry, &format!("{place}/{name}"));
                    }
                }
            }
            Value::Array(entries) => {
                for (index, entry) in entries.iter_mut().enumerate() {
                    self.value(entry, &format!("{place}/{index}"));
                }
            }
            Value::String(text) => *text = self.text(text, place),
            _ => {}
        }
    }

    /// Masks the UUIDs and tokens within a text. A UUID cut short, as in a close reason, is still known by its beginning.
    fn text(&mut self, text: &str, place: &str) -> String {
        let mut masked = String::new();
        let mut word = String::new();
        for character in text.chars().chain([' ']) {
            if character.is_ascii_alphanumeric() || matches!(character, '-' | '_') {
                word.push(character);
                continue;
            }
            masked.push_str(&self.word(&word, place));
            word.clear();
            masked.push(character);
        }
        masked.pop();
        masked
    }

    fn word(&mut self, word: &str, place: &str) -> String {
        if is_uuid(word) {
            return self.stand_in("id", word, place);
        }
        // A cut id keeps at least 30 characters of the 36.
        if word.len() > 29 && word.len() < 36 {
            let whole = self.seen.iter().find(|(known, _)| known.len() == 36 && known.starts_with(word));
            if let Some((_, stand_in)) = whole {
                return format!("{stand_in} cut to {}", word.len());
            }
        }
        if word.len() == 43 && word.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return self.stand_in("token", word, place);
        }
        word.to_owned()
    }

    fn stand_in(&mut self, kind: &str, value: &str, place: &str) -> String {
        self.seen.entry(value.to_owned()).or_insert_with(|| format!("<{kind} of {place}>")).clone()
    }
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
    use serde_json::json;

    #[test]
    fn equal_values_get_equal_stand_ins() {
        let mut mask = Mask::default();
        let id = "2dd8bc7b-05fd-4afb-a2df-c4e38a4f538a";
        let mut value = json!({ "requestId": id, "ts": 5, "again": [id], "version": "1", "reason": format!("x (requestId: {id})") });
        mask.value(&mut value, "case 1");
        let named = "<id of case 1/again/0>";
        assert_eq!(
            value,
            json!({ "requestId": named, "ts": "<time>", "again": [named], "version": "<version>", "reason": format!("x (requestId: {named})") })
        );
        assert_eq!(
            mask.text(&format!("(requestId: {}", &id[..31]), ""),
            format!("(requestId: {named} cut to 31")
        );
        assert_eq!(mask.text("plain-text, nothing here", ""), "plain-text, nothing here");
    }
}
