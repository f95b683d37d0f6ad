//! `openclaw.json` against the schema of the release that reads it, and what is told as broken although it works.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test says so")]

use openclaw_compose::finding::Code;
use openclaw_compose::openclaw::{Report, Stack, StackGate, examine};
use openclaw_compose::project::{self, Inputs, Texts};

fn report(version: &str, config: &str, more: &str) -> Report {
    let compose = format!(
        "services:\n  gateway:\n    image: ghcr.io/openclaw/openclaw:{version}\n    command: [openclaw, gateway]\n    environment: {{OPENCLAW_GATEWAY_TOKEN: t-1}}\n    volumes: ['./state:/home/node/.openclaw']\n{more}"
    );
    let files = Texts::new().file("/srv/compose.yaml", compose).file("/srv/state/openclaw.json", config);
    let resolution = project::resolve(&Inputs::new("/srv"), &files);
    assert!(resolution.compose_would_refuse().is_none(), "{:?}", resolution.findings());
    examine(&Stack::new(&resolution).files(&files))
}

/// The code, the line and the remedy of the first refusal, which shuts the state.
fn refusal(version: &str, config: &str) -> Option<(Code, u32, String)> {
    refusal_at(StackGate::State, version, config)
}

fn refusal_at(shut: StackGate, version: &str, config: &str) -> Option<(Code, u32, String)> {
    let report = report(version, config, "");
    let (_, gate) = report.first_cause()?;
    assert_eq!(gate.gate, shut, "{gate:?}");
    let finding = report.finding(gate.finding?)?;
    let remedy = finding.remedy.as_ref().map(|remedy| remedy.text.clone());
    Some((finding.code, finding.places[0].line, remedy.unwrap_or_default()))
}

#[test]
fn a_key_of_no_release_is_refused_with_its_line() {
    let config = "{ gateway: {\n  mode: 'local',\n  bind: 'lan',\n  controlUi: {\n    allowedOrigins: ['http://localhost:18789'],\n    requirePairing: false } } }";
    let (code, line, text) = refusal("2026.3.7", config).unwrap();
    assert_eq!((code, line), (Code::ConfigUnknownKey, 6));
    assert!(text.contains("requirePairing"), "{text}");
}

#[test]
fn a_slip_is_told_as_what_was_meant_and_a_later_key_with_its_release() {
    let (_, _, text) = refusal("2026.9.6", "{ gateway: { mode: 'local', trustedProxys: [] } }").unwrap();
    assert!(text.contains("trustedProxies"), "{text}");
    let (_, _, text) = refusal(
        "2026.2.26",
        "{ gateway: { mode: 'local', bind: 'loopback', publicOrigin: 'https://a.example' } }",
    )
    .unwrap();
    assert!(text.contains("2026.8.1"), "{text}");
    let nested = "{ gateway: { mode: 'local', auth: { token: { source: 'env', provider: 'default', id: 'OPENCLAW_GATEWAY_TOKEN' } }, roles: { definitions: { ops: { scopes: [] } } }, push: {} } }";
    assert_eq!(refusal("2026.9.6", nested), None);
}

#[test]
fn a_bind_is_a_word_unless_the_release_carries_the_address_over() {
    let config = |bind: &str| {
        format!(
            "{{ gateway: {{ mode: 'local', bind: '{bind}', controlUi: {{ allowedOrigins: ['http://localhost:18789'] }} }} }}"
        )
    };
    for (version, bind, wanted) in [
        ("2026.2.2", "0.0.0.0", Some("\"lan\"")),
        ("2026.9.6", "0.0.0.0", None),
        ("2026.9.6", "LAN", Some("\"lan\"")),
        ("2026.2.19", "100.64.10.20", Some("\"tailnet\"")),
        ("2026.9.6", "192.0.2.7", Some("customBindHost")),
        ("2026.9.6", "custom", Some("customBindHost")),
        ("2026.9.6", "tailnet", None),
    ] {
        match (refusal_at(StackGate::Listener, version, &config(bind)), wanted) {
            (None, None) => {}
            (Some((code, _, text)), Some(wanted)) => {
                assert_eq!(code, Code::ConfigValueRefused);
                assert!(text.contains(wanted), "{version} {bind}: {text}");
            }
            (found, wanted) => panic!("{version} {bind}: {found:?}, not {wanted:?}"),
        }
    }
}

#[test]
fn modes_ports_and_lists_have_their_kinds() {
    for (version, gateway, refused) in [
        ("2026.2.12", "mode: 'local', auth: { mode: 'none' }, bind: 'loopback'", true),
        ("2026.9.6", "mode: 'local', auth: { mode: 'none' }, bind: 'loopback'", false),
        ("2026.9.6", "mode: 'server'", true),
        ("2026.9.6", "mode: 'local', port: '18789'", true),
        ("2026.9.6", "mode: 'local', trustedProxies: '10.0.0.1'", true),
        ("2026.9.6", "mode: 'local', bind: '${BIND}'", false),
    ] {
        let found = refusal(version, &format!("{{ gateway: {{ {gateway} }} }}"));
        assert_eq!(found.is_some(), refused, "{version} {gateway}: {found:?}");
    }
}

#[test]
fn a_bad_bind_in_the_command_is_refused_by_the_program() {
    let compose = "services:\n  gateway:\n    image: openclaw:2026.9.6\n    command: [openclaw, gateway, --bind, 0.0.0.0]\n    environment: {OPENCLAW_GATEWAY_TOKEN: t-1}\n";
    let files = Texts::new().file("/srv/compose.yaml", compose);
    let resolution = project::resolve(&Inputs::new("/srv"), &files);
    let report = examine(&Stack::new(&resolution).files(&files));
    let (_, gate) = report.first_cause().unwrap();
    assert_eq!((gate.gate, gate.code), (StackGate::Listener, Some(Code::ConfigValueRefused)));
}

const CLI: &str = "  cli:\n    image: ghcr.io/openclaw/openclaw:2026.9.6\n    entrypoint: [openclaw]\n";

#[test]
fn a_missing_password_is_told_as_that() {
    let config =
        "{ gateway: { mode: 'local', bind: 'loopback', auth: { mode: 'password', password: 'p-1' } } }";
    let more =
        format!("{CLI}    network_mode: service:gateway\n    environment: {{OPENCLAW_GATEWAY_TOKEN: t-1}}\n");
    let report = report("2026.9.6", config, &more);
    let finding = report.of_code(Code::ClientWithoutToken).next().unwrap();
    assert!(finding.summary.contains("password"), "{}", finding.summary);
    let text = &finding.remedy.as_ref().unwrap().text;
    assert!(text.contains("OPENCLAW_GATEWAY_PASSWORD"), "{text}");
}

#[test]
fn an_ipv6_url_does_not_reach_a_listener_on_ipv4() {
    let more = format!(
        "    networks: {{n: {{ipv6_address: 'fd00:6::10'}}}}\n{CLI}    environment: {{OPENCLAW_GATEWAY_TOKEN: t-1, OPENCLAW_GATEWAY_URL: 'ws://[fd00:6::10]:18789'}}\n    networks: [n]\nnetworks:\n  n: {{enable_ipv6: true}}\n"
    );
    let report = report("2026.9.6", "{ gateway: { mode: 'local', bind: 'lan' } }", &more);
    let red = report.client("cli").unwrap().first_red().unwrap();
    assert_eq!((red.gate, red.code), (StackGate::Reach, Some(Code::Ipv6NotListened)), "{red:?}");
}

#[test]
fn two_users_of_one_group_are_no_trouble_where_the_modes_let_both_in() {
    let compose = "services:\n  gateway:\n    image: openclaw:2026.9.6\n    user: '1000:2000'\n    command: [openclaw, gateway, --bind, loopback]\n    environment: {OPENCLAW_GATEWAY_TOKEN: t-1}\n    volumes: ['./state:/home/node/.openclaw']\n  cli:\n    image: openclaw:2026.9.6\n    user: '1001:2000'\n    network_mode: service:gateway\n    entrypoint: [openclaw]\n    environment: {OPENCLAW_GATEWAY_TOKEN: t-1}\n    volumes: ['./state:/home/node/.openclaw']\n";
    let files = Texts::new()
        .file("/srv/compose.yaml", compose)
        .file("/srv/state/openclaw.json", "{ gateway: { mode: 'local', bind: 'loopback' } }");
    let resolution = project::resolve(&Inputs::new("/srv"), &files);
    for (mode, mixed) in [("2770", 0), ("700", 1)] {
        let listing = format!("1000:2000 {mode} state\n1000:2000 660 state/openclaw.json\n");
        let stack = Stack::new(&resolution).files(&files).ownership("ownership.txt", listing);
        assert_eq!(examine(&stack).of_code(Code::MixedUids).count(), mixed, "{mode}");
    }
}
