//! What holds for any input.

use openclaw_compose::project::{self, Format, Inputs, Reveal, Texts};
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

fn run(compose: &[u8], over: &[u8], dotenv: &[u8]) -> (String, String) {
    let files = Texts::new()
        .file("/p/compose.yaml", compose)
        .file("/p/compose.override.yml", over)
        .file("/p/.env", dotenv);
    let resolution = project::resolve(&Inputs::new("/p").variable("A", "1"), &files);
    let findings = serde_json::to_string(resolution.findings()).expect("JSON");
    (resolution.config(Format::Json, Reveal::Secrets), findings)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_resolve_or_report(compose in prop::collection::vec(any::<u8>(), 0..200), dotenv in prop::collection::vec(any::<u8>(), 0..80)) {
        run(&compose, b"services: {a: {user: '1'}}", &dotenv);
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
