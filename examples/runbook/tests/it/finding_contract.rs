//! Four crates, one shape: their findings read alike in Rust and in JSON.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot prepare its case has failed")]
#![allow(
    clippy::useless_conversion,
    reason = "the span of one crate knows its text, that of the others is bytes"
)]

use std::collections::BTreeSet;

use openclaw_runbook::diagnose::codes::Code as RunbookCode;
use serde::Deserialize;
use serde_json::{Value, json};

/// One row of a crate's table, and a finding that the crate itself made.
struct Table {
    prefix: &'static str,
    rows: Vec<(String, String, String)>,
    sample: Value,
}

/// The object that every crate's finding serialises to, and nothing else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "what is read is the shape")]
struct Shape {
    code: String,
    name: String,
    severity: Severity,
    confidence: Confidence,
    summary: String,
    subject: Subject,
    #[serde(default)]
    places: Vec<Place>,
    #[serde(default)]
    evidence: Vec<String>,
    remedy: Option<Remedy>,
    versions: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Severity {
    Info,
    Warning,
    Error,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Confidence {
    Inferred,
    Observed,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "what is read is the shape")]
struct Subject {
    kind: String,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "what is read is the shape")]
struct Place {
    role: Role,
    file: String,
    line: u32,
    column: u32,
    span: [usize; 2],
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    Decided,
    Shadowed,
    Related,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "what is read is the shape")]
struct Remedy {
    text: String,
    command: Option<String>,
    #[serde(default)]
    edits: Vec<Value>,
    safety: Safety,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Safety {
    Safe,
    Judgement,
    TextOnly,
}

/// The crate's own serialisation of a value, as text.
fn word(value: impl serde::Serialize) -> String {
    match serde_json::to_value(value).unwrap() {
        Value::String(text) => text,
        other => panic!("expected a string, got {other}"),
    }
}

macro_rules! rows {
    ($code:ty) => {
        <$code>::ALL
            .iter()
            .map(|code| (word(code), code.name().to_owned(), word(code.severity())))
            .collect::<Vec<_>>()
    };
}

fn tables() -> Vec<Table> {
    vec![
        Table { prefix: "OC-T", rows: rows!(openclaw_token::Code), sample: token_finding() },
        Table { prefix: "OC-C", rows: rows!(openclaw_compose::finding::Code), sample: compose_finding() },
        Table { prefix: "OC-P", rows: rows!(openclaw_pairing::Code), sample: pairing_finding() },
        Table { prefix: "OC-H", rows: rows!(openclaw_probe::Code), sample: probe_finding() },
        Table {
            prefix: "OC-R",
            rows: RunbookCode::ALL
                .iter()
                .map(|code| (code.id().to_owned(), code.name().to_owned(), word(code.severity())))
                .collect(),
            sample: serde_json::to_value(RunbookCode::NoGateway.finding("x")).unwrap(),
        },
    ]
}

fn token_finding() -> Value {
    use openclaw_token::{Occurrence, compare, secrecy::SecretString};
    let seen =
        |place: &str, token: &str| Occurrence::new(place, SecretString::from(token)).at(3, 24, [23, 60]);
    let comparison =
        compare(&[seen(".env", "test-token-one"), seen("openclaw.json", "test-token-two")], None);
    serde_json::to_value(&comparison.findings()[0]).unwrap()
}

fn compose_finding() -> Value {
    let finding = openclaw_compose::finding::Finding::new(openclaw_compose::finding::Code::ALL[0], "x");
    serde_json::to_value(finding).unwrap()
}

fn pairing_finding() -> Value {
    use openclaw_pairing::{Evidence, Vantage, diagnose, plan::Topology};
    let log = "2026-11-22T06:26:00.737+00:00 [ws] closed before connect cause=pairing-required reason=not-paired \
               requestId=2dd8bc7b-05fd-4afb-a2df-c4e38a4f538a deviceId=77fc\n";
    let evidence = Evidence::new(Topology::default()).log(Vantage::Gateway, "gateway.log", log);
    serde_json::to_value(&diagnose(&evidence).findings[0]).unwrap()
}

fn probe_finding() -> Value {
    use openclaw_probe::{Prober, Rung, Target};
    // Port 1 of loopback: nothing listens there, and a refusal is data.
    let target: Target = "ws://127.0.0.1:1".parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let report = runtime.block_on(Prober::builder().build().unwrap().climb(&target, Rung::Tcp));
    serde_json::to_value(&report.findings()[0]).unwrap()
}

/// What people program against, held for each crate by one text: it does not compile where a name or a type differs.
macro_rules! one_shape {
    ($($shape:ident is $krate:path;)*) => {$(
        mod $shape {
            use $krate as shape;
            use shape::{Code, Confidence, Finding, Place, PlaceRole, Remedy, Safety, Severity, Subject};

            #[test]
            fn is_the_one_shape() {
                const CODE: Code = Code::ALL[0];
                const SEVERITY: Severity = CODE.severity();
                const WORDS: [&str; 3] = [CODE.id(), CODE.name(), CODE.meaning()];
                let make: fn(Code, &'static str) -> Finding = Finding::new;
                let narrow: [fn(Finding) -> Finding; 1] = [Finding::inferred];
                let about: fn(Finding, Subject) -> Finding = Finding::about;
                let _: fn(Finding, Place) -> Finding = Finding::at;
                let _: fn(&Finding) -> Option<&Place> = Finding::primary;
                let _ = |place: Place| -> (PlaceRole, String, u32, u32, [usize; 2]) {
                    (place.role, place.file, place.line, place.column, place.span.into())
                };
                let _ = |remedy: Remedy| -> (String, Option<String>, Safety) {
                    (remedy.text, remedy.command, remedy.safety)
                };
                let _ = [PlaceRole::Decided, PlaceRole::Shadowed, PlaceRole::Related];
                let _ = [Safety::Safe, Safety::Judgement, Safety::TextOnly];
                assert!(Severity::Info < Severity::Warning && Severity::Warning < Severity::Error);
                assert!(Confidence::Inferred < Confidence::Observed);

                let finding = make(CODE, "seen");
                assert_eq!(finding.confidence, Confidence::Observed);
                let subject = finding.subject.clone();
                let finding = about(narrow[0](finding), subject);
                assert_eq!(finding.to_string(), format!("{CODE}: seen"));
                assert_eq!(CODE.to_string(), format!("{} {}", WORDS[0], WORDS[1]));
                let Finding { code, name, severity, confidence, summary, .. } = finding.clone();
                let says: (Code, &'static str, Severity, Confidence, String) =
                    (code, name, severity, confidence, summary);
                assert_eq!(says, (CODE, WORDS[1], SEVERITY, Confidence::Inferred, "seen".to_owned()));
                let Finding { places, evidence, remedy, versions, .. } = finding;
                let rests_on: (Vec<Place>, Vec<String>, Option<Remedy>, Option<String>) =
                    (places, evidence, remedy, versions);
                assert_eq!(rests_on, (Vec::new(), Vec::new(), None, None));
            }
        }
    )*};
}

one_shape! {
    token is openclaw_token;
    compose is openclaw_compose::finding;
    pairing is openclaw_pairing;
    probe is openclaw_probe;
}

#[test]
fn every_code_of_every_crate_reads_as_one_shape() {
    let mut codes = BTreeSet::new();
    for table in tables() {
        assert!(!table.rows.is_empty());
        let sample: Shape = serde_json::from_value(table.sample.clone())
            .unwrap_or_else(|error| panic!("{}: {error} in {}", table.prefix, table.sample));
        assert!(sample.code.starts_with(table.prefix));
        for (id, name, severity) in table.rows {
            let digits = id.strip_prefix(table.prefix).unwrap_or_else(|| panic!("{id} of {}", table.prefix));
            assert!(digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit()), "{id}");
            let kebab = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            assert!(name.bytes().all(kebab) && !name.is_empty(), "{id} {name}");
            assert!(codes.insert(id.clone()), "{id} is used twice");
            let mut value = table.sample.clone();
            value["code"] = json!(id);
            value["name"] = json!(name);
            value["severity"] = json!(severity);
            let finding: Shape = serde_json::from_value(value).unwrap();
            assert_eq!((finding.code, finding.name), (id, name));
        }
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the README is a file")]
fn the_readme_lists_the_runbooks_gates_and_codes() {
    use openclaw_runbook::gates::Gate;
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    for code in RunbookCode::ALL {
        let (id, name, meaning) = (code.id(), code.name(), code.meaning());
        let row = format!("| `{id}` | `{name}` | {} | {meaning} |", code.severity().word());
        assert!(readme.contains(&row), "README.md lacks\n{row}");
    }
    for gate in Gate::all() {
        let row = format!("| `{}` | {} | {} |", gate.key(), gate.title(), gate.shown_by());
        assert!(readme.contains(&row), "README.md lacks\n{row}");
    }
}
