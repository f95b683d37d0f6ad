//! Odd things in real files, as both measured programs take them.

use openclaw_compose::project::{self, Dialect, Format, Inputs, Resolution, Reveal};
use serde_json::{Value, json};

use super::{config, inputs, texts};

const BOTH: [Dialect; 2] = [Dialect::ComposeGo24, Dialect::ComposeGo29];

fn service(fields: &str) -> String {
    format!("services:\n  app:\n    image: app\n{fields}")
}

fn resolve(inputs: &Inputs, dialect: Dialect, stack: &str) -> Resolution {
    project::resolve(&inputs.clone().dialect(dialect), &texts(&[("compose.yaml", stack)]))
}

/// The code and the line for which a service with these fields is refused.
fn refused(dialect: Dialect, stack: &str) -> Option<(&'static str, u32)> {
    let resolution = resolve(&inputs(&[]), dialect, stack);
    let finding = &resolution.compose_would_refuse()?.finding;
    Some((finding.code.name(), finding.primary().map_or(0, |place| place.line)))
}

#[test]
fn an_empty_profile_is_on_while_none_is_asked_for() {
    let stack =
        "services: {a: {image: a}, b: {image: b, profiles: ['', x]}, c: {image: c, profiles: ['${C:+off}']}}";
    for dialect in BOTH {
        let on = |profiles: Option<&str>| -> Vec<String> {
            let shell: Vec<_> = profiles.map(|profiles| ("COMPOSE_PROFILES", profiles)).into_iter().collect();
            let resolution = resolve(&inputs(&shell), dialect, stack);
            resolution.services().map(|service| service.name().to_owned()).collect()
        };
        assert_eq!(on(None), ["a", "b", "c"]);
        assert_eq!(on(Some("")), ["a", "b", "c"]);
        assert_eq!(on(Some("q,")), ["a", "b", "c"], "an empty part is an empty name");
        assert_eq!(on(Some("q")), ["a"]);
    }
}

#[test]
fn zeros_and_empty_lists_are_shown_as_compose_shows_them() {
    let stack = service(
        "    ulimits: {core: 0}\n    extra_hosts: {db: []}\n    blkio_config: {weight_device: [{path: /d}], device_read_bps: [{path: /d, rate: 0}]}\n",
    );
    for dialect in BOTH {
        let app = &config(&resolve(&inputs(&[]), dialect, &stack))["services"]["app"];
        assert_eq!((&app["ulimits"], &app["extra_hosts"]), (&json!({"core": {}}), &json!([])));
        let blkio = json!({
            "weight_device": [{"Path": "/d", "Weight": 0}],
            "device_read_bps": [{"Path": "/d", "Rate": "0"}],
        });
        assert_eq!(app["blkio_config"], blkio);
    }
}

#[test]
fn what_no_release_can_hold_is_refused() {
    let rows = [
        ("    networks: [x-net]\nnetworks: {x-net: }\n", ("bad-value", 4)),
        ("    extra_hosts:\n      x-files: 10.0.0.3\n", ("bad-value", 5)),
        ("    storage_opt:\n      x-size: 1g\n", ("bad-value", 5)),
        ("    devices:\n      - source: /dev/a\n", ("wrong-type", 5)),
        ("    pid:\n", ("wrong-type", 4)),
        ("    labels:\n      a.b: &on 'true'\n      c.d: *on\n      c.d.e: *on\n", ("alias-cycle", 7)),
    ];
    for dialect in BOTH {
        for (fields, expected) in rows {
            assert_eq!(refused(dialect, &service(fields)), Some(expected), "{dialect}: {fields}");
        }
    }
    let limit = resolve(&inputs(&[("COMPOSE_PARALLEL_LIMIT", "abc")]), Dialect::ComposeGo29, &service(""));
    assert_eq!(limit.compose_would_refuse().map(|refusal| refusal.finding.code.name()), Some("bad-setting"));
}

#[test]
fn the_newer_program_refuses_more_and_less() {
    let rows = [
        ("    volumes: [./a:/d]\n    tmpfs: [/d]\n", Some("conflicting-fields")),
        ("    ports: [{target: 80, host_ip: localhost}]\n", Some("bad-port")),
        ("    scale: -1\n", Some("out-of-range")),
        (
            "    container_name: same\n  other:\n    image: x\n    container_name: same\n",
            Some("conflicting-fields"),
        ),
        ("    container_name: é\n", Some("bad-value")),
        ("    post_start: [{user: u}]\n", Some("missing-key")),
        ("    stop_grace_period: 1d\n", None),
        ("    pull_policy: every_3h\n", None),
        ("    use_api_socket: true\n", None),
        ("    models: [m]\nmodels: {m: {model: ai/x}}\n", None),
    ];
    for (fields, newer) in rows {
        let stack = service(fields);
        assert_eq!(refused(Dialect::ComposeGo29, &stack).map(|(code, _)| code), newer, "{fields}");
        assert_eq!(refused(Dialect::ComposeGo24, &stack).is_some(), newer.is_none(), "{fields}");
    }
}

#[test]
fn a_key_of_a_later_release_is_named_as_that() {
    let resolution = resolve(&inputs(&[]), Dialect::ComposeGo29, &service("    pre_start: [{command: x}]\n"));
    let finding = &resolution.compose_would_refuse().expect("refused").finding;
    let remedy = finding.remedy.as_ref().map(|remedy| remedy.text.as_str()).unwrap_or_default();
    assert!(remedy.contains("Docker Compose 5.3.0"), "{remedy}");
}

#[test]
fn a_priority_that_the_older_program_drops_is_dropped() {
    let stack = service("    networks: {front: {gw_priority: 1}}\nnetworks: {front: }\n");
    let front = |dialect| {
        config(&resolve(&inputs(&[]), dialect, &stack))["services"]["app"]["networks"]["front"].clone()
    };
    assert_eq!(front(Dialect::ComposeGo24), json!({}));
    assert_eq!(front(Dialect::ComposeGo29), json!({"gw_priority": 1}));
}

#[test]
fn modes_providers_and_raw_env_files_of_the_newer_program() {
    let files = texts(&[
        (
            "compose.yaml",
            "services:\n  app:\n    image: app\n    env_file: [{path: e, format: raw}]\n    secrets: [{source: s, mode: '0440'}]\n  tool:\n    provider: {type: t, options: {a: 1, b: [x, 2]}}\nsecrets: {s: {file: s}}\n",
        ),
        ("e", "A='$B' #c\nPWD\nNOPE\n"),
    ]);
    let resolution = project::resolve(&inputs(&[]), &files);
    let services = &config(&resolution)["services"];
    assert_eq!(services["app"]["environment"], json!({"A": "'$$B' #c", "PWD": "/p"}));
    assert_eq!(services["app"]["secrets"][0]["mode"], "0440");
    assert_eq!(services["tool"]["provider"]["options"], json!({"a": ["1"], "b": ["x", "2"]}));
    assert_eq!(services["tool"]["networks"], Value::Null, "what a provider runs is on no network");
}

#[test]
fn the_message_behind_a_question_mark_is_for_whoever_reads_it() {
    let stack = service("    environment:\n      DB_PASSWORD: ${DB_PASSWORD:?run ./make-env first}\n");
    let said = |resolution: &Resolution| {
        resolution.compose_would_refuse().map(|refusal| refusal.finding.to_string()).unwrap_or_default()
    };
    let resolution = resolve(&inputs(&[]), Dialect::ComposeGo29, &stack);
    assert!(said(&resolution).contains("run ./make-env first"), "{}", said(&resolution));
    let stack = service("    environment:\n      DB_PASSWORD: ${DB_PASSWORD:?not ${API_TOKEN}}\n");
    let resolution = resolve(&inputs(&[("API_TOKEN", "abc-123-xyz")]), Dialect::ComposeGo29, &stack);
    assert!(!said(&resolution).contains("abc-123-xyz"), "what a variable put there is not");
    for written in ["${NOTE:?sunflowerhorse}", "${NOTE:?not Hunter2Hunter2}", "${sunflowerhorse !}"] {
        let stack = service(&format!("    environment:\n      NOTE: {written}\n"));
        let resolution = resolve(&inputs(&[]), Dialect::ComposeGo29, &stack);
        let place = &resolution.compose_would_refuse().expect("refused").finding.places[0];
        let quote = format!("{:?}", resolution.sources().quote(place.span));
        for said in [said(&resolution), quote] {
            assert!(
                !said.contains("sunflower") && !said.contains("Hunter2"),
                "what may be a password is not: {said}"
            );
        }
    }
}

#[test]
fn a_timestamp_is_text_to_the_older_program_alone() {
    let stack = service("    environment:\n      DAY: 2001-01-01\n");
    assert_eq!(refused(Dialect::ComposeGo24, &stack), None);
    assert_eq!(refused(Dialect::ComposeGo29, &stack), Some(("wrong-type", 5)));
    for dialect in BOTH {
        let in_a_list = service("    labels:\n      - 2001-01-01\n");
        assert_eq!(refused(dialect, &in_a_list), Some(("wrong-type", 5)), "{dialect}");
        assert_eq!(refused(dialect, &service("    x-day: 2001-01-01\n")), None, "{dialect}");
    }
}

#[test]
fn a_field_whose_form_changed_is_written_once() {
    let stack = service(
        "    networks: {n: {priority: 10}}\n    secrets: [{source: s, mode: 0440}]\nnetworks: {n: }\nsecrets: {s: {file: s}}\n",
    );
    for dialect in BOTH {
        let resolution = resolve(&inputs(&[]), dialect, &stack);
        for format in [Format::Yaml, Format::Json] {
            let text = resolution.config(format, Reveal::Secrets);
            for key in ["priority", "mode"] {
                assert_eq!(text.matches(key).count(), 1, "{dialect}: {key} in {text}");
            }
        }
    }
}

#[test]
fn models_stand_in_yaml_alone() {
    let resolution = resolve(
        &inputs(&[]),
        Dialect::ComposeGo29,
        &service("    models: [m]\nmodels: {m: {model: ai/x}}\n"),
    );
    assert!(resolution.config(Format::Yaml, Reveal::Secrets).contains("\nmodels:\n  m:\n    model: ai/x\n"));
    assert!(config(&resolution).get("models").is_none());
}
