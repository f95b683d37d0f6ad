//! Shapes of parameters and the words with which the gateway refuses a wrong one.
//!
//! Objects are closed. An object reports its first missing field, then its first unknown one, then what is wrong inside its
//! fields in the order of the table. OpenClaw 2026.9.6 observed behaviour.

use serde_json::Value;

/// What a value must look like.
#[derive(Debug)]
pub(super) enum Shape {
    Any,
    Boolean,
    Text,
    /// Text with at least one character and at most this many.
    Filled(Option<usize>),
    Integer(u64),
    OneOf(&'static [&'static str]),
    List(&'static Self),
    Record(&'static Self),
    Object(&'static [Field]),
}

/// One field of a closed object.
#[derive(Debug)]
pub(super) struct Field {
    name: &'static str,
    required: bool,
    shape: Shape,
}

const fn must(name: &'static str, shape: Shape) -> Field {
    Field { name, required: true, shape }
}

const fn may(name: &'static str, shape: Shape) -> Field {
    Field { name, required: false, shape }
}

const FILLED: Shape = Shape::Filled(None);

/// `client.id` is a closed list.
pub(super) const CLIENT_IDS: &[&str] = &[
    "webchat-ui",
    "openclaw-control-ui",
    "openclaw-browser-copilot",
    "openclaw-tui",
    "webchat",
    "cli",
    "gateway-client",
    "openclaw-macos",
    "openclaw-linux",
    "openclaw-ios",
    "openclaw-watchos",
    "openclaw-android",
    "node-host",
    "openclaw-worker",
    "test",
    "fingerprint",
    "openclaw-probe",
];

/// `client.mode` is a closed list.
pub(super) const CLIENT_MODES: &[&str] =
    &["webchat", "cli", "ui", "backend", "node", "worker", "probe", "test"];

/// Parameters of `connect`.
pub(super) const CONNECT: Shape = Shape::Object(&[
    must("minProtocol", Shape::Integer(1)),
    must("maxProtocol", Shape::Integer(1)),
    must(
        "client",
        Shape::Object(&[
            must("id", Shape::OneOf(CLIENT_IDS)),
            may("displayName", FILLED),
            must("version", FILLED),
            may("buildId", Shape::Filled(Some(96))),
            must("platform", FILLED),
            may("deviceFamily", FILLED),
            may("modelIdentifier", FILLED),
            may("timeZone", Shape::Filled(Some(64))),
            must("mode", Shape::OneOf(CLIENT_MODES)),
            may("instanceId", FILLED),
        ]),
    ),
    may("caps", Shape::List(&FILLED)),
    may("commands", Shape::List(&FILLED)),
    may("computerUse", Shape::Any),
    may("permissions", Shape::Record(&Shape::Boolean)),
    may("pathEnv", Shape::Text),
    may("role", FILLED),
    may("scopes", Shape::List(&FILLED)),
    may("modelCatalog", Shape::Any),
    may(
        "device",
        Shape::Object(&[
            must("id", FILLED),
            must("publicKey", FILLED),
            must("signature", FILLED),
            must("signedAt", Shape::Integer(0)),
            must("nonce", FILLED),
        ]),
    ),
    may(
        "auth",
        Shape::Object(&[
            may("token", Shape::Text),
            may("bootstrapToken", Shape::Text),
            may("deviceToken", Shape::Text),
            may("password", Shape::Text),
            may("approvalRuntimeToken", Shape::Text),
            may("agentRuntimeIdentityToken", Shape::Text),
        ]),
    ),
    may("locale", Shape::Text),
    may("userAgent", Shape::Text),
]);

/// The frame around every request.
pub(super) const REQUEST: Shape = Shape::Object(&[
    must("type", Shape::OneOf(&["req"])),
    must("id", FILLED),
    must("method", FILLED),
    may("params", Shape::Any),
    may("traceparent", Shape::Text),
    may("expectedProfileId", Shape::Any),
]);

/// No parameters at all.
pub(super) const NOTHING: Shape = Shape::Object(&[]);
/// A pairing request by its id.
pub(super) const BY_REQUEST: Shape = Shape::Object(&[must("requestId", FILLED)]);
/// A device by its id.
pub(super) const BY_DEVICE: Shape = Shape::Object(&[must("deviceId", FILLED)]);
/// A device with the label that an operator gives it.
pub(super) const RENAME: Shape =
    Shape::Object(&[must("deviceId", FILLED), must("label", Shape::Filled(Some(64)))]);
/// A role token to be replaced.
pub(super) const ROTATE: Shape =
    Shape::Object(&[must("deviceId", FILLED), must("role", FILLED), may("scopes", Shape::List(&FILLED))]);
/// A role token to be revoked.
pub(super) const REVOKE: Shape = Shape::Object(&[must("deviceId", FILLED), must("role", FILLED)]);

/// All complaints in one line, as the gateway joins them; `None` when the value fits.
pub(super) fn complaint(value: &Value, shape: &Shape) -> Option<String> {
    let mut found = Vec::new();
    check(value, shape, "", &mut found);
    (!found.is_empty()).then(|| found.join("; "))
}

fn check(value: &Value, shape: &Shape, path: &str, found: &mut Vec<String>) {
    let mut complain = |text: String| {
        found.push(if path.is_empty() { text } else { format!("at {path}: {text}") });
    };
    match shape {
        Shape::Any => {}
        Shape::Boolean if value.is_boolean() => {}
        Shape::Boolean => complain("must be boolean".into()),
        Shape::Text if value.is_string() => {}
        Shape::Filled(most) if value.is_string() => {
            let length = value.as_str().map_or(0, |text| text.chars().count());
            if length == 0 {
                complain("must not have fewer than 1 characters".into());
            } else if let Some(most) = most.filter(|most| length > *most) {
                complain(format!("must not have more than {most} characters"));
            }
        }
        Shape::Text | Shape::Filled(_) => complain("must be string".into()),
        Shape::Integer(least) => match value.as_f64().filter(|number| number.fract() == 0.0) {
            None => complain("must be integer".into()),
            #[expect(clippy::cast_precision_loss, reason = "the least values of the tables are 0 and 1")]
            Some(number) if number < *least as f64 => complain(format!("must be >= {least}")),
            Some(_) => {}
        },
        Shape::OneOf(allowed) => {
            if !value.as_str().is_some_and(|text| allowed.contains(&text)) {
                complain("must be equal to one of the allowed values".into());
            }
        }
        Shape::List(item) => match value.as_array() {
            None => complain("must be array".into()),
            Some(items) => {
                for (index, entry) in items.iter().enumerate() {
                    check(entry, item, &format!("{path}/{index}"), found);
                }
            }
        },
        Shape::Record(item) => match value.as_object() {
            None => complain("must be object".into()),
            Some(entries) => {
                for (name, entry) in entries {
                    check(entry, item, &format!("{path}/{name}"), found);
                }
            }
        },
        Shape::Object(fields) => match value.as_object() {
            None => complain("must be object".into()),
            Some(entries) => {
                if let Some(field) =
                    fields.iter().find(|field| field.required && !entries.contains_key(field.name))
                {
                    complain(format!("must have required property '{}'", field.name));
                }
                if let Some(name) =
                    entries.keys().find(|name| !fields.iter().any(|field| field.name == name.as_str()))
                {
                    let place = if path.is_empty() { "root" } else { path };
                    found.push(format!("at {place}: unexpected property '{name}'"));
                }
                for field in *fields {
                    if let Some(entry) = entries.get(field.name) {
                        check(entry, &field.shape, &format!("{path}/{}", field.name), found);
                    }
                }
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn connect(edit: impl FnOnce(&mut Value)) -> Option<String> {
        let mut params = json!({
            "minProtocol": 4, "maxProtocol": 4,
            "client": { "id": "cli", "version": "1", "platform": "linux", "mode": "cli" }
        });
        edit(&mut params);
        complaint(&params, &CONNECT)
    }

    #[test]
    fn complaints_read_as_the_real_gateway_words_them() {
        let cases: [(Option<String>, &str); 11] = [
            (complaint(&json!("x"), &CONNECT), "must be object"),
            (complaint(&json!({}), &CONNECT), "must have required property 'minProtocol'"),
            (connect(|p| p["minProtocol"] = json!(0)), "at /minProtocol: must be >= 1"),
            (connect(|p| p["minProtocol"] = json!("4")), "at /minProtocol: must be integer"),
            (
                connect(|p| p["client"]["version"] = json!("")),
                "at /client/version: must not have fewer than 1 characters",
            ),
            (connect(|p| p["client"]["foo"] = json!(1)), "at /client: unexpected property 'foo'"),
            (connect(|p| p["foo"] = json!(1)), "at root: unexpected property 'foo'"),
            (connect(|p| p["device"] = json!({})), "at /device: must have required property 'id'"),
            (connect(|p| p["permissions"] = json!({ "a": 1 })), "at /permissions/a: must be boolean"),
            (
                connect(|p| p["scopes"] = json!(["", 3])),
                "at /scopes/0: must not have fewer than 1 characters; at /scopes/1: must be string",
            ),
            (
                connect(|p| {
                    p["client"]["id"] = json!("x");
                    p["client"]["mode"] = json!("y");
                }),
                "at /client/id: must be equal to one of the allowed values; at /client/mode: must be equal to one of the \
                 allowed values",
            ),
        ];
        for (found, expected) in cases {
            assert_eq!(found.as_deref(), Some(expected));
        }
        assert_eq!(connect(|_| ()), None);
    }
}
