//! What a verdict says of one stack on different releases.

use openclaw_compose::finding::Code;
use openclaw_compose::openclaw::{Report, Stack, examine};
use openclaw_compose::project::{self, Inputs, Texts};

/// A gateway of `version` with this configuration below `gateway`.
fn gateway(version: &str, config: &str, environment: &str) -> Report {
    let compose = format!(
        "services:\n  gateway:\n    image: openclaw:{version}\n    command: openclaw gateway\n    environment: {{ HOME: /home/node{environment} }}\n    volumes: ['./state:/home/node/.openclaw']\n    ports: ['127.0.0.1:18789:18789']\n"
    );
    let files = Texts::new()
        .file("/srv/compose.yaml", compose)
        .file("/srv/state/openclaw.json", format!("{{ gateway: {{ mode: 'local', {config} }} }}"));
    let resolution = project::resolve(&Inputs::new("/srv"), &files);
    examine(&Stack::new(&resolution).files(&files))
}

fn codes(report: &Report) -> Vec<Code> {
    let told = [
        Code::BindWithoutAuth,
        Code::NoTokenConfigured,
        Code::RefusedTokenText,
        Code::ConfigPlaceholderUnfilled,
        Code::BindConflict,
        Code::ConfigValueRefused,
    ];
    report.findings.iter().map(|finding| finding.code).filter(|code| told.contains(code)).collect()
}

#[test]
fn verdicts_ask_the_rules_of_the_release() {
    let token = ", OPENCLAW_GATEWAY_TOKEN: canary-a-1q2w3e4r5t6y7u8i9o0p";
    let origins = "controlUi: { allowedOrigins: ['http://localhost:18789'] }";
    // `auto` is loopback first, and all interfaces later.
    for (version, scope) in [("2026.4.5", "loopback"), ("2026.4.7", "all")] {
        for bind in ["bind: 'auto'", "port: 18789"] {
            let report = gateway(version, &format!("{bind}, {origins}"), token);
            assert_eq!(report.gateways[0].bind.to_string(), scope, "{version} {bind}");
        }
    }
    // Without a token.
    for (version, bind, wanted) in [
        ("2026.2.17", "loopback", &[Code::BindWithoutAuth][..]),
        ("2026.2.19", "lan", &[]),
        ("2026.5.7", "lan", &[]),
        ("2026.5.12", "lan", &[Code::BindWithoutAuth]),
        ("2026.9.6", "loopback", &[]),
    ] {
        let report = gateway(version, &format!("bind: '{bind}', {origins}"), "");
        let refused: Vec<Code> =
            codes(&report).into_iter().filter(|code| *code == Code::BindWithoutAuth).collect();
        assert_eq!(refused, wanted, "{version} {bind}");
    }
    // A password that is missing is missed on loopback, too.
    let report = gateway("2026.9.6", "bind: 'loopback', auth: { mode: 'password' }", "");
    assert_eq!(codes(&report), [Code::BindWithoutAuth]);
    // A `${NAME}` that nothing fills.
    for (version, wanted) in [("2026.3.2", &[Code::ConfigPlaceholderUnfilled][..]), ("2026.3.7", &[])] {
        let config = format!("bind: 'loopback', {origins}, tls: {{ certPath: '${{GONE}}' }}");
        assert_eq!(codes(&gateway(version, &config, token)), wanted, "{version}");
    }
    // A placeholder as the token.
    for (version, wanted) in [("2026.4.15", &[][..]), ("2026.4.20", &[Code::RefusedTokenText])] {
        let report = gateway(version, "bind: 'loopback'", ", OPENCLAW_GATEWAY_TOKEN: change-me-now");
        assert_eq!(codes(&report), wanted, "{version}");
    }
    // The exit code is that of the release.
    for (version, exit) in [("2026.4.9", "(exit 1)"), ("2026.4.10", "(exit 78)")] {
        let report = gateway(version, "bind: 'loopback', auth: { mode: 'password' }", "");
        let told = report.of_code(Code::BindWithoutAuth).next().unwrap().summary.clone();
        assert!(told.ends_with(exit), "{version}: {told}");
    }
    // Words of `gateway.reload.mode` that a later release carries over.
    for version in ["2026.7.1", "2026.8.1"] {
        assert_eq!(codes(&gateway(version, "bind: 'loopback', reload: { mode: 'hot' }", token)), []);
        let wrong = gateway(version, "bind: 'loopback', reload: { mode: 'warm' }", token);
        assert_eq!(codes(&wrong), [Code::ConfigValueRefused], "{version}");
    }
}
