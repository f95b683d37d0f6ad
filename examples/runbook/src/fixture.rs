//! Evidence of a run and transcripts of it, made fit to be kept as fixtures: no secret in any usual encoding, and placeholders
//! for what is new in each run. Equal values keep equal placeholders, across all texts of one [`Mask`].

mod forms;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Number, Value};

use forms::Forms;

use crate::words::{Shape, each_word, is_cut_from, shape};

/// What stands where a secret stood, before its number.
const MASKED: &str = "test-token-masked";

/// Masks texts of one run.
#[derive(Debug, Default)]
pub struct Mask {
    secrets: Forms,
    /// What stands for a value that was met.
    names: HashMap<String, String>,
    /// The values among them that a text may hold cut off.
    uuids: BTreeSet<String>,
    /// How many names of each kind were given.
    given: BTreeMap<&'static str, usize>,
}

impl Mask {
    /// A mask for these secrets. They are numbered in this order, so that what differed still differs.
    #[must_use]
    pub fn new(secrets: Vec<SecretString>) -> Self {
        let mut known = BTreeSet::new();
        let distinct = secrets.iter().filter(|secret| known.insert(secret.expose_secret()));
        Self { secrets: Forms::of(distinct), ..Self::default() }
    }

    /// The text without secrets, ids, digests and keys. Times and addresses stay: what is decided depends on their order
    /// and kind, and they name nobody.
    pub fn text(&mut self, text: &str) -> String {
        let text = self.without_secrets(text);
        each_word(&text, |word| self.word(word))
    }

    /// The same in a JSON value, in place. What differs from run to run is named by its field where the field is known, and
    /// times stand still, so that two recordings of one story agree.
    pub fn json(&mut self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (name, mut field) in std::mem::take(fields) {
                    self.field(&name, &mut field);
                    fields.insert(self.without_secrets(&name), field);
                }
            }
            Value::Array(entries) => entries.iter_mut().for_each(|entry| self.json(entry)),
            Value::String(text) => *text = self.text(text),
            _ => {}
        }
    }

    fn field(&mut self, name: &str, value: &mut Value) {
        let kind = NAMED.iter().find(|(field, _)| *field == name).map(|(_, kind)| *kind);
        match (kind, value) {
            (Some(kind), Value::String(text)) => {
                let masked = self.without_secrets(text);
                *text = if masked == *text { self.placeholder(kind, text) } else { masked };
            }
            (_, Value::Number(number)) if TIMES.contains(&name) => *number = standing(name, number),
            (_, value) => self.json(value),
        }
    }

    /// What stands for a whole value: that of the secret which it is, a number for a number, and else a name of its own.
    pub fn value(&mut self, value: &str) -> String {
        if let [(range, secret)] = self.secrets.find(value).as_slice()
            && *range == (0..value.len())
        {
            return name(*secret);
        }
        let number = value.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        if number.len() < value.len() && UNITS.contains(&number) {
            return format!("1{number}");
        }
        // Evidence that was masked before stays as it is, so that what it says in two ways stays one.
        if is_placeholder(value) {
            return value.to_owned();
        }
        if shape(value).is_some() || self.name_of_whole(value).is_some() {
            return self.word(value);
        }
        self.placeholder("masked", value)
    }

    /// The text without any secret, whatever else is in it.
    #[must_use]
    pub fn without_secrets(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for (range, secret) in self.secrets.find(text) {
            out.push_str(text.get(at..range.start).unwrap_or_default());
            out.push_str(&name(secret));
            at = range.end;
        }
        out.push_str(text.get(at..).unwrap_or_default());
        out
    }

    fn word(&mut self, word: &str) -> String {
        let kind = match shape(word) {
            Some(Shape::Uuid) => "request",
            Some(Shape::Digest) => "device",
            Some(Shape::Key) => "key",
            None => {
                let whole = self.name_of_whole(word);
                return whole.map_or_else(|| word.to_owned(), |name| format!("{name} cut"));
            }
        };
        self.placeholder(kind, word)
    }

    /// What stands for the UUID that a word is the beginning of.
    fn name_of_whole(&self, word: &str) -> Option<&String> {
        let from = (Bound::Included(word), Bound::Unbounded);
        let whole = self.uuids.range::<str, _>(from).next().filter(|whole| is_cut_from(word, whole))?;
        self.names.get(whole)
    }

    fn placeholder(&mut self, kind: &'static str, value: &str) -> String {
        if let Some(name) = self.names.get(value) {
            return name.clone();
        }
        let number = self.given.entry(kind).or_default();
        *number += 1;
        let name = format!("{kind}-{number}");
        self.names.insert(value.to_owned(), name.clone());
        if shape(value) == Some(Shape::Uuid) {
            self.uuids.insert(value.to_owned());
        }
        name
    }
}

/// What stands for the secret of this number.
fn name(secret: usize) -> String {
    format!("{MASKED}-{}", secret + 1)
}

/// Whether a mask made the value.
fn is_placeholder(value: &str) -> bool {
    const KINDS: [&str; 5] = ["masked", "device", "request", "key", "test-token-masked"];
    let numbered = value.rsplit_once('-');
    numbered.is_some_and(|(kind, number)| {
        KINDS.contains(&kind) && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// What may stand behind a number, so that a size stays a size.
const UNITS: [&str; 12] = ["", "b", "k", "kb", "m", "mb", "g", "gb", "ms", "s", "h", "%"];

/// A field of such a name holds such a value.
const NAMED: [(&str, &str); 10] = [
    ("nonce", "nonce"),
    ("requestId", "request"),
    ("deviceId", "device"),
    ("deviceToken", "canary-device-token"),
    ("token", "canary-token"),
    ("bootId", "boot"),
    ("connId", "connection"),
    ("buildId", "build"),
    ("recoveryScope", "recovery"),
    ("remoteIp", "address"),
];

/// Numbers under these names are moments or durations, in milliseconds.
pub const TIMES: [&str; 15] = [
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

/// The time that stands for this one: one moment for all, a minute for a duration. How long to wait is kept to the second.
fn standing(name: &str, time: &Number) -> Number {
    match name {
        "retryAfterMs" => (time.as_u64().unwrap_or_default().div_ceil(1000) * 1000).into(),
        name if name == "ts" || name.ends_with("AtMs") => 1_800_000_000_000_u64.into(),
        _ => 60_000.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
    fn a_frame_is_masked_by_the_names_of_its_fields() {
        let (nonce, request) =
            ("8d0f3b62-9df4-4f0c-8f53-0d6a3b1fb6a2", "2dd8bc7b-05fd-4afb-a2df-c4e38a4f538a");
        let mut frame = json!({
            "payload": { "nonce": nonce, "ts": 5, "version": "2026.9.6", "buildId": "2026.9.6-abc" },
            "error": { "details": { "requestId": request, "again": [request] }, "retryAfterMs": 299_001 },
            "reason": format!("pairing required (requestId: {}", &request[..31]),
            "uptimeMs": 77,
        });
        Mask::default().json(&mut frame);
        assert_eq!(
            frame,
            json!({
                "payload": { "nonce": "nonce-1", "ts": 1_800_000_000_000_u64, "version": "2026.9.6", "buildId": "build-1" },
                "error": { "details": { "requestId": "request-1", "again": ["request-1"] }, "retryAfterMs": 300_000 },
                "reason": "pairing required (requestId: request-1 cut",
                "uptimeMs": 60_000,
            })
        );
    }

    #[test]
    fn what_differed_still_differs() {
        let (short, long) = ("test-token-a", "test-token-a-and-more");
        let mut mask = Mask::new([short, long, short].map(SecretString::from).into());
        assert_eq!(
            mask.text(&format!("a={short} b={long} c={short}")),
            "a=test-token-masked-1 b=test-token-masked-2 c=test-token-masked-1"
        );
        assert_eq!(mask.text(long), "test-token-masked-2");
    }

    /// One pass over a text, however many secrets are looked for and however many names were given.
    #[test]
    fn thousands_of_secrets_and_names_are_kept_apart() {
        let each = |words: &str| -> String {
            (0..5000).map(|number| words.replace('#', &format!("{number:05}"))).collect()
        };
        let secrets = (0..5000).map(|number| format!("Ab{number:05}Cd").into()).collect();
        let mut mask = Mask::new(secrets);
        let masked: String = (1..=5000).map(|number| format!("a={MASKED}-{number}\n")).collect();
        assert_eq!(mask.text(&each("a=Ab#Cd\n")), masked);
        for _ in 0..2 {
            for number in 1..=5000 {
                assert_eq!(mask.value(&format!("label {number}")), format!("masked-{number}"));
            }
        }
        let ids = each("2dd8bc7b-05fd-4afb-a2df-c4e38a4#\n");
        assert_eq!(mask.text(&ids).lines().last(), Some("request-5000"));
    }

    #[test]
    fn a_value_keeps_its_kind() {
        let mut mask = Mask::new(vec!["test-token-a".into()]);
        let id = "2dd8bc7b-05fd-4afb-a2df-c4e38a4f538a";
        for (value, placeholder) in [
            ("test-token-a", "test-token-masked-1"),
            ("Bearer test-token-a", "masked-1"),
            ("note", "masked-2"),
            (id, "request-1"),
            ("note", "masked-2"),
            ("86400", "1"),
            ("1.5", "1"),
            ("64m", "1m"),
            ("64mine", "masked-3"),
        ] {
            assert_eq!(mask.value(value), placeholder, "{value}");
        }
    }
}
