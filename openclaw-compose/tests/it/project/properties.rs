//! What holds for any input.

use openclaw_compose::finding::Severity;
use openclaw_compose::project::{self, Format, Inputs, Resolution, Reveal, Texts};
use proptest::prelude::*;

/// Pieces that real files are made of, and some that none should be.
fn fragment() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "services:\n",
        "  a:\n",
        "    image: x\n",
        "  b: {image: y, extends: a}\n",
        "    extends: b\n",
        "include: [compose.yaml]\n",
        "    environment:\n",
        "      - A=$A\n",
        "      B: ${B:-${C:?x}}\n",
        "    ports: ['80:80', 9]\n",
        "    volumes: [v:/v, ./d:/d]\n",
        "volumes: {v: }\n",
        "networks: {default: }\n",
        "    env_file: [.env, compose.yaml]\n",
        "    depends_on: [a]\n",
        "x-a: &a [*a]\n",
        "    <<: *a\n",
        "    <<: {user: 1}\n",
        "---\n",
        "!reset ",
        "!override ",
        "    healthcheck: {test: [CMD]}\n",
        "\t",
        ": ",
        "- ",
        "'",
        "\"",
        "{",
        "}",
        "[",
        "]",
        "name: ${N}\n",
        "secrets: {s: {file: f}}\n",
        "    secrets: [s]\n",
        "    deploy: {replicas: 2}\n",
        "    scale: 3\n",
    ]);
    prop_oneof![8 => known.prop_map(str::to_owned), 1 => "\\PC{0,12}"]
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(fragment(), 0..14).prop_map(|parts| parts.concat())
}

fn resolve(compose: &[u8], over: &[u8], dotenv: &[u8]) -> Resolution {
    let files = Texts::new()
        .file("/p/compose.yaml", compose)
        .file("/p/compose.override.yml", over)
        .file("/p/.env", dotenv);
    project::resolve(&Inputs::new("/p").variable("A", "1"), &files)
}

fn run(compose: &[u8], over: &[u8], dotenv: &[u8]) -> (String, String) {
    let resolution = resolve(compose, over, dotenv);
    let findings = serde_json::to_string(resolution.findings()).expect("JSON");
    (resolution.config(Format::Json, Reveal::Secrets), findings)
}

/// Every place lies in its text on character boundaries, stands on the line and column that it says, and can be quoted;
/// the keys of a service are spelt by their bytes.
fn check_places(resolution: &Resolution) {
    let sources = resolution.sources();
    for place in resolution.findings().iter().flat_map(|finding| &finding.places) {
        let text = sources.expose_file(place.span.file);
        assert!(text.get(place.span.range()).is_some(), "{place}: {:?}", place.span);
        let before: String =
            text[..place.span.range().start].chars().rev().take_while(|&c| c != '\n').collect();
        let line = text[..place.span.range().start].matches('\n').count() + 1;
        assert_eq!(
            (place.line as usize, place.column as usize),
            (line, before.chars().count() + 1),
            "{place}"
        );
        assert_eq!(sources.quote(place.span).lines.first().map(|line| line.number), Some(place.line));
    }
    for service in resolution.services().chain(resolution.disabled_services()) {
        // Other fields may be Compose's own; these are always somebody's.
        for entry in ["image", "user", "healthcheck", "scale"].iter().filter_map(|name| service.entry(name)) {
            let written = sources.expose(entry.key_span);
            assert_eq!(written.trim_matches(['"', '\'']), &*entry.key);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_resolve_or_report(compose in prop::collection::vec(any::<u8>(), 0..200), dotenv in prop::collection::vec(any::<u8>(), 0..80)) {
        let resolution = resolve(&compose, b"services: {a: {user: '1'}}", &dotenv);
        check_places(&resolution);
        // Neither silence nor half an answer: it resolves to what the override says, or says what is in the way.
        let service = resolution.service("a");
        let user = service.and_then(|service| service.text("user")).is_some_and(|user| user.is("1"));
        prop_assert!(user || resolution.compose_would_refuse().is_some());
        if resolution.compose_would_refuse().is_some() {
            prop_assert!(resolution.findings().iter().any(|finding| finding.severity == Severity::Error));
        }
    }

    #[test]
    fn every_place_of_a_finding_is_where_it_says(compose in text(), over in text(), dotenv in text()) {
        check_places(&resolve(compose.as_bytes(), over.as_bytes(), dotenv.as_bytes()));
    }

    #[test]
    fn any_stack_resolves_or_reports_and_always_the_same(compose in text(), over in text(), dotenv in text()) {
        let first = run(compose.as_bytes(), over.as_bytes(), dotenv.as_bytes());
        let second = run(compose.as_bytes(), over.as_bytes(), dotenv.as_bytes());
        prop_assert_eq!(&first, &second);
        prop_assert!(serde_json::from_str::<serde_json::Value>(&first.0).is_ok(), "{}", first.0);
    }

    #[test]
    fn the_order_of_keys_does_not_matter(order in Just(vec![0usize, 1, 2, 3, 4]).prop_shuffle()) {
        let services = [
            "  a: {image: x, extends: b, depends_on: [c]}\n",
            "  b: {image: y, environment: {Z: 1, A: $A}}\n",
            "  c: {image: z, networks: [n, default]}\n",
            "  d: {image: w, network_mode: 'service:a'}\n",
            "  e: {image: v, ports: ['80:80'], env_file: .env}\n",
        ];
        let stack = |order: &[usize]| {
            let listed: String = order.iter().map(|at| services[*at]).collect();
            format!("services:\n{listed}networks: {{n: }}\n")
        };
        let (one, other) = (stack(&[0, 1, 2, 3, 4]), stack(&order));
        prop_assert_eq!(run(one.as_bytes(), b"", b"K=1\n").0, run(other.as_bytes(), b"", b"K=1\n").0);
    }
}
