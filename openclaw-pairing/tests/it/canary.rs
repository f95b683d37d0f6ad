//! A token in every text that comes in, and in nothing that goes out: raw, base64, hex, percent-encoded or JSON-escaped.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use openclaw_pairing::plan::Topology;
use openclaw_pairing::{Code, DeviceList, Evidence, Timeline, Vantage, diagnose};

const CANARY: &str = "canary+token/0001\"x";

/// The forms in which a secret leaks.
fn forms() -> Vec<String> {
    let hex = |upper: bool| {
        CANARY
            .bytes()
            .map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") })
            .collect::<String>()
    };
    let percent: String = CANARY
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || byte == b'-' {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect();
    let json = serde_json::to_string(CANARY).unwrap();
    // base64 of the canary at each alignment, without its ends.
    let base64 = |text: &[u8]| {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        text.chunks_exact(3)
            .flat_map(|chunk| {
                let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
                [18, 12, 6, 0].map(|shift| char::from(alphabet[(bits >> shift & 63) as usize]))
            })
            .collect::<String>()
    };
    let aligned = (0..3).map(|skip| base64(&CANARY.as_bytes()[skip..]));
    [
        CANARY.to_owned(),
        "canary".to_owned(),
        hex(false),
        hex(true),
        percent,
        json.trim_matches('"').to_owned(),
    ]
    .into_iter()
    .chain(aligned)
    .collect()
}

fn search(what: &str, output: &str) {
    for form in forms() {
        assert!(!output.contains(&form), "{what} shows {form}: {output}");
    }
}

#[test]
fn no_output_of_a_diagnosis_holds_a_token() {
    // Beside each of the words that logs and CLIs have for faults, a token in each usual place.
    let words = [
        "gateway token mismatch",
        "device token mismatch",
        "pairing required",
        "missing scope: operator.pairing",
        "unknown requestId",
        "origin not allowed",
        "device pairing approved device=0123456789ab",
        "Gateway not reachable",
        "service \"gateway\" is not running",
        "Error response from daemon: container",
        "Cannot connect to the Docker daemon",
        "pairing required: device is asking for more scopes than currently approved",
    ];
    let encoded = forms();
    let log: String = words
        .iter()
        .flat_map(|word| encoded.iter().map(move |form| {
            format!("2026-11-20T08:00:00.000Z [ws] {word} url=ws://h/?token={form} --token {form} Bearer {form} \"token\":\"{form}\"\n")
        }))
        .collect();
    let list = format!(
        r#"{{"pending":[{{"requestId":"r","deviceId":"d","scopes":[],"token":{0}}}],"paired":[{{"deviceId":"e","tokens":[{{"role":"operator","token":{0},"scopes":[]}}]}}]}}"#,
        serde_json::to_string(CANARY).unwrap()
    );
    let config =
        format!("OPENCLAW_GATEWAY_TOKEN={CANARY}\nOPENCLAW_ALLOW_INSECURE_PRIVATE_WS=1 # {CANARY}\n");
    for vantage in [Vantage::Gateway, Vantage::Client, Vantage::Dashboard] {
        let evidence = Evidence::new(Topology::default())
            .device_list(vantage, "list", &list)
            .unwrap()
            .cli_output(vantage, "out", &log)
            .log(vantage, "log", &log)
            .config(".env", &config);
        let diagnosis = diagnose(&evidence);
        assert!(diagnosis.findings.iter().any(|finding| finding.code == Code::BypassLeftBehind));
        search("the evidence", &format!("{evidence:?}"));
        search("the diagnosis", &format!("{diagnosis:?}"));
        search("its JSON", &serde_json::to_string(&diagnosis).unwrap());
        search("the plan", &format!("{}{}", diagnosis.plan, diagnosis.waits_for));
    }
    search("a timeline", &format!("{:?}", Timeline::parse(Vantage::Host, "log", &log)));
    let error = DeviceList::from_json(&format!("[{CANARY}")).unwrap_err();
    search("a list error", &format!("{error} {error:?} {:?}", std::error::Error::source(&error)));
}
