//! Stand-ins for what differs between any two runs.

use openclaw_runbook::fixture::TIMES;
use openclaw_runbook::words::{Shape, each_word, is_cut_from, shape};
use serde_json::Value;
use std::collections::HashMap;

/// Names values by the place of their first appearance, so that equal values stay equal, and what only one gateway says does
/// not shift the names of what both say.
#[derive(Debug, Default)]
pub(super) struct Mask {
    seen: HashMap<String, String>,
}

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
    /// Digests stay: a device's id is the same at both gateways.
    fn text(&mut self, text: &str, place: &str) -> String {
        each_word(text, |word| match shape(word) {
            Some(Shape::Uuid) => self.placeholder("id", word, place),
            Some(Shape::Key) => self.placeholder("token", word, place),
            Some(Shape::Digest) => word.to_owned(),
            None => match self.seen.iter().find(|(whole, _)| is_cut_from(word, whole)) {
                Some((_, placeholder)) => format!("{placeholder} cut to {}", word.len()),
                None => word.to_owned(),
            },
        })
    }

    fn placeholder(&mut self, kind: &str, value: &str, place: &str) -> String {
        self.seen.entry(value.to_owned()).or_insert_with(|| format!("<{kind} of {place}>")).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn equal_values_get_equal_placeholders() {
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
