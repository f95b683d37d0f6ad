//! Safeguards that earlier fixes switched off and nobody switched on again.

use secrecy::ExposeSecret;

use super::facts::Facts;
use crate::codes::Code;
use crate::evidence::Config;
use crate::finding::Finding;
use crate::place::{Place, PlaceRole};

/// Safeguards that earlier fixes switched off: words in a configuration, what they do, and the way back.
const BYPASSES: &[(&[&str], &str, &str)] = &[
    (
        &["allowInsecureAuth", "true"],
        "controlUi.allowInsecureAuth",
        "remove the key: 2026.9.6 ignores it, older releases do not",
    ),
    (
        &["dangerouslyDisableDeviceAuth", "true"],
        "controlUi.dangerouslyDisableDeviceAuth",
        "remove the key and approve the dashboard's device instead",
    ),
    (
        &["dangerouslyAllowHostHeaderOriginFallback", "true"],
        "controlUi.dangerouslyAllowHostHeaderOriginFallback",
        "remove the key and name the origin in allowedOrigins",
    ),
    (
        &["OPENCLAW_ALLOW_INSECURE_PRIVATE_WS", "1"],
        "OPENCLAW_ALLOW_INSECURE_PRIVATE_WS=1",
        "share the gateway's network namespace or use wss, then remove the variable",
    ),
    (&["allowedOrigins", "\"*\""], "controlUi.allowedOrigins with *", "name the one origin that people use"),
    (&["trustedProxies", "0.0.0.0/0"], "trustedProxies with every address", "name the proxy's own address"),
    (
        &["autoApproveCidrs", "0.0.0.0/0"],
        "nodes.pairing.autoApproveCidrs with every address",
        "name the nodes' own network",
    ),
    (&["mode", "\"none\""], "auth.mode none", "set a token; everyone who reaches the port is let in now"),
];

pub(super) fn bypasses(facts: &Facts<'_>) -> Option<Finding> {
    let mut found: Option<Finding> = None;
    for Config { name, text } in &facts.evidence.configs {
        let mut start = 0;
        for (index, line) in text.expose_secret().split('\n').enumerate() {
            for (words, what, way_back) in BYPASSES.iter().filter(|(words, ..)| is_set(line, words)) {
                let summary = "an earlier fix switched a safeguard off and is still there";
                let finding = found.get_or_insert_with(|| Finding::new(Code::BypassLeftBehind, summary));
                let at = words.first().and_then(|word| line.find(word)).unwrap_or_default();
                finding.places.push(Place {
                    role: PlaceRole::Related,
                    file: name.clone(),
                    line: u32::try_from(index + 1).unwrap_or(u32::MAX),
                    column: u32::try_from(line.get(..at).unwrap_or_default().chars().count() + 1)
                        .unwrap_or(u32::MAX),
                    span: [start + at, start + at + words.first().map_or(0, |word| word.len())],
                });
                finding.evidence.push(format!("{what}: {way_back}"));
            }
            start += line.len() + 1;
        }
    }
    found
}

/// True if a line sets the first word to the second, in JSON5, YAML or dotenv; not in a comment.
fn is_set(line: &str, words: &[&str]) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    if code.trim_start().starts_with('#') {
        return false;
    }
    let [key, value] = words else { return false };
    let Some(at) = code.find(key) else { return false };
    let starts_word =
        code.get(..at).and_then(|text| text.chars().next_back()).is_none_or(|c| !c.is_alphanumeric());
    let rest = code.get(at + key.len()..).unwrap_or_default();
    starts_word && rest.trim_start_matches(['"', '\'', ' ']).starts_with([':', '=']) && rest.contains(value)
}
