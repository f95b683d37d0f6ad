//! Who wins the token and the URL, row by row: server, client by target, releases, and odd values.

#![allow(clippy::unwrap_used, reason = "tests")]

use openclaw_compose::finding::Code;
use openclaw_compose::openclaw::rules::TokenRuleId;
use openclaw_compose::openclaw::{
    Auth, ClientView, GateState, GatewayView, Report, Stack, StackGate, examine,
};
use openclaw_compose::project::{self, Inputs, Texts};

/// Everything that can carry a token, for the gateway and for a CLI that shares its namespace.
#[derive(Clone, Default)]
struct Sources<'a> {
    version: &'a str,
    /// `openclaw.json` of the gateway; `gateway: { mode: "local", ... }` around it.
    gateway_config: &'a str,
    /// The whole `openclaw.json` of the CLI; nothing to share the gateway's.
    cli_config: Option<&'a str>,
    gateway_env: &'a [(&'a str, &'a str)],
    cli_env: &'a [(&'a str, &'a str)],
    gateway_flags: &'a str,
    cli_flags: &'a str,
    state_env: Option<&'a str>,
    list_form: bool,
}

impl Sources<'_> {
    fn examine(&self) -> Report {
        let environment = |variables: &[(&str, &str)]| {
            let lines: Vec<String> = variables
                .iter()
                .map(|(name, value)| {
                    if self.list_form {
                        format!("      - {name}={value}\n")
                    } else {
                        format!("      {name}: {}\n", serde_json::to_string(value).unwrap())
                    }
                })
                .collect();
            if lines.is_empty() { String::new() } else { format!("    environment:\n{}", lines.concat()) }
        };
        let version = if self.version.is_empty() { "2026.9.6" } else { self.version };
        let cli_state = if self.cli_config.is_some() { "./cli" } else { "./state" };
        let compose = format!(
            "services:\n  openclaw-gateway:\n    image: openclaw:{version}\n    command: openclaw gateway {}\n{}    volumes: ['./state:/home/node/.openclaw']\n  openclaw-cli:\n    image: openclaw:{version}\n    entrypoint: openclaw devices list {}\n    network_mode: 'service:openclaw-gateway'\n{}    volumes: ['{cli_state}:/home/node/.openclaw']\n",
            self.gateway_flags,
            environment(self.gateway_env),
            self.cli_flags,
            environment(self.cli_env),
        );
        let config = format!("{{ gateway: {{ mode: 'local', {} }} }}", self.gateway_config);
        let mut files =
            Texts::new().file("/srv/compose.yaml", compose).file("/srv/state/openclaw.json", config);
        if let Some(config) = self.cli_config {
            files.insert("/srv/cli/openclaw.json", config);
        }
        if let Some(text) = self.state_env {
            files.insert("/srv/state/.env", text);
        }
        let resolution = project::resolve(&Inputs::new("/srv"), &files);
        assert!(resolution.compose_would_refuse().is_none(), "{:?}", resolution.findings());
        examine(&Stack::new(&resolution).files(&files))
    }

    fn server(&self) -> Option<String> {
        let report = self.examine();
        gateway(&report).token_from.clone()
    }

    fn client(&self) -> Option<String> {
        let report = self.examine();
        cli(&report).token_from.clone()
    }
}

fn gateway(report: &Report) -> &GatewayView {
    &report.gateways[0]
}

fn cli(report: &Report) -> &ClientView {
    report.client("openclaw-cli").unwrap()
}

fn auth(report: &Report) -> GateState {
    cli(report).gates.iter().find(|gate| gate.gate == StackGate::Auth).unwrap().state
}

const A: &str = "canary-a-1q2w3e4r5t6y7u8i9o0p";
const B: &str = "canary-b-1q2w3e4r5t6y7u8i9o0p";
const ENV: &str = "OPENCLAW_GATEWAY_TOKEN";
const CONFIG_A: &str = "bind: 'lan', auth: { token: 'canary-a-1q2w3e4r5t6y7u8i9o0p' }";
const RELEASES: [&str; 9] = [
    "2026.1.29",
    "2026.2.26",
    "2026.3.13",
    "2026.4.15",
    "2026.5.28",
    "2026.6.11",
    "2026.7.1",
    "2026.8.1",
    "2026.9.6",
];

// The server.

#[test]
fn the_server_takes_flag_then_config_then_env_then_remote_token() {
    let all = Sources {
        gateway_flags: "--token canary-c-flag",
        gateway_config: "bind: 'lan', auth: { token: 'canary-a' }, remote: { token: 'canary-r' }",
        gateway_env: &[(ENV, B)],
        ..Sources::default()
    };
    assert_eq!(all.server().as_deref(), Some("--token"));
    let config = Sources { gateway_flags: "", ..all.clone() };
    assert_eq!(config.server().as_deref(), Some("gateway.auth.token"));
    let env = Sources { gateway_config: "bind: 'lan', remote: { token: 'canary-r' }", ..config };
    assert_eq!(env.server().as_deref(), Some(ENV));
    let remote = Sources { gateway_env: &[], ..env };
    assert_eq!(remote.server().as_deref(), Some("gateway.remote.token"));
    let old = Sources { version: "2026.7.1", ..remote.clone() };
    assert_eq!(old.server(), None, "the token of remote calls opens no gateway before 2026.8.1");
    let none = Sources { gateway_config: "bind: 'loopback'", ..remote };
    assert_eq!(none.server(), None);
}

#[test]
fn the_server_is_config_first_in_every_release() {
    for version in RELEASES {
        let origins = "bind: 'lan', controlUi: { allowedOrigins: ['http://localhost:18789'] }, auth: { token: 'canary-a' }";
        let sources =
            Sources { version, gateway_config: origins, gateway_env: &[(ENV, B)], ..Sources::default() };
        assert_eq!(sources.server().as_deref(), Some("gateway.auth.token"), "{version}");
    }
}

#[test]
fn a_placeholder_and_a_secret_reference_count_as_config() {
    for token in [
        "'${OPENCLAW_GATEWAY_TOKEN}'",
        "'$OPENCLAW_GATEWAY_TOKEN'",
        "{ source: 'env', provider: 'default', id: 'OPENCLAW_GATEWAY_TOKEN' }",
    ] {
        let config = format!("bind: 'lan', auth: {{ token: {token} }}");
        let sources = Sources {
            gateway_config: &config,
            gateway_env: &[(ENV, A)],
            cli_env: &[(ENV, A)],
            ..Sources::default()
        };
        let report = sources.examine();
        assert_eq!(gateway(&report).token_from.as_deref(), Some("gateway.auth.token"), "{token}");
        assert_eq!(auth(&report), GateState::Green, "{token}");
        assert!(gateway(&report).starts);
    }
}

#[test]
fn the_process_environment_beats_the_state_dotenv_and_that_beats_env_vars() {
    let all = Sources {
        gateway_config: "bind: 'lan'",
        gateway_env: &[(ENV, A)],
        cli_env: &[(ENV, A)],
        state_env: Some("OPENCLAW_GATEWAY_TOKEN=\"canary-b-state\"\n"),
        ..Sources::default()
    };
    let report = all.examine();
    assert_eq!(gateway(&report).token_class.as_deref(), Some("A"));
    assert_eq!(auth(&report), GateState::Green);
    let state = Sources { gateway_env: &[], cli_env: &[], ..all.clone() }.examine();
    assert_eq!(gateway(&state).token_from.as_deref(), Some(ENV));
    assert_eq!(state.of_code(Code::StateDotenvShadow).count(), 1);
}

// The client.

#[test]
fn a_flag_is_the_only_thing_that_counts_once_given() {
    let sources = Sources {
        gateway_config: CONFIG_A,
        cli_env: &[(ENV, B)],
        cli_flags: "--token canary-x",
        ..Sources::default()
    };
    let report = sources.examine();
    assert_eq!(cli(&report).token_from.as_deref(), Some("--token"));
    assert_eq!(auth(&report), GateState::Red);
}

#[test]
fn a_url_flag_without_a_token_flag_is_an_error_whatever_the_environment_says() {
    let sources = Sources {
        gateway_config: CONFIG_A,
        cli_env: &[(ENV, A)],
        cli_flags: "--url ws://127.0.0.1:18789",
        ..Sources::default()
    };
    let report = sources.examine();
    assert_eq!(cli(&report).token_rule, Some(TokenRuleId::ClientFlagUrlTakesFlagOnly));
    assert_eq!(cli(&report).first_red().unwrap().code, Some(Code::UrlWithoutCredentials));
}

#[test]
fn a_url_of_the_environment_takes_the_token_of_the_environment_only() {
    let url = ("OPENCLAW_GATEWAY_URL", "ws://127.0.0.1:18789");
    let alone = Sources { gateway_config: CONFIG_A, cli_env: &[url], ..Sources::default() };
    assert_eq!(cli(&alone.examine()).first_red().unwrap().code, Some(Code::UrlWithoutCredentials));
    let wrong = Sources { cli_env: &[url, (ENV, B)], ..alone.clone() }.examine();
    assert_eq!(cli(&wrong).token_from.as_deref(), Some(ENV));
    assert_eq!(cli(&wrong).first_red().unwrap().code, Some(Code::SilentOverride));
    let right = Sources { cli_env: &[url, (ENV, A)], ..alone.clone() }.examine();
    assert_eq!(cli(&right).first_red().map(|gate| gate.gate), None);
    let password = Sources { cli_env: &[url, ("OPENCLAW_GATEWAY_PASSWORD", B)], ..alone }.examine();
    assert_ne!(cli(&password).first_red().unwrap().code, None);
    assert!(password.of_code(Code::UrlWithoutCredentials).next().is_none(), "a password is a credential");
}

#[test]
fn a_local_client_takes_config_env_remote_token_in_this_order_today() {
    let all = Sources {
        gateway_config: "bind: 'lan', auth: { token: 'canary-a' }, remote: { token: 'canary-r' }",
        cli_env: &[(ENV, B)],
        ..Sources::default()
    };
    assert_eq!(all.client().as_deref(), Some("gateway.auth.token"));
    let env = Sources {
        cli_config: Some("{ gateway: { mode: 'local', remote: { token: 'canary-r' } } }"),
        ..all.clone()
    };
    assert_eq!(env.client().as_deref(), Some(ENV));
    let remote = Sources { cli_env: &[], ..env };
    assert_eq!(remote.client().as_deref(), Some("gateway.remote.token"));
    let nothing = Sources { cli_config: Some("{ gateway: { mode: 'local' } }"), ..remote };
    assert_eq!(nothing.client(), None);
    assert_eq!(cli(&nothing.examine()).first_red().unwrap().code, Some(Code::ClientWithoutToken));
}

#[test]
fn a_remote_client_takes_remote_token_env_config_in_this_order() {
    let url = "mode: 'remote', remote: { url: 'ws://127.0.0.1:18789'";
    let all = format!("{{ gateway: {{ {url}, token: 'canary-r' }}, auth: {{ token: 'canary-a' }} }} }}");
    let sources = Sources {
        gateway_config: CONFIG_A,
        cli_config: Some(&all),
        cli_env: &[(ENV, B)],
        ..Sources::default()
    };
    assert_eq!(sources.client().as_deref(), Some("gateway.remote.token"));
    let no_remote = format!("{{ gateway: {{ {url} }}, auth: {{ token: 'canary-a' }} }} }}");
    let env = Sources { cli_config: Some(&no_remote), ..sources.clone() };
    assert_eq!(env.client().as_deref(), Some(ENV));
    let config = Sources { cli_env: &[], ..env };
    assert_eq!(config.client().as_deref(), Some("gateway.auth.token"));
    let old = Sources { version: "2026.1.29", ..config };
    assert_eq!(old.client(), None, "2026.1.29 knows the flag and gateway.remote.token only");
}

#[test]
fn the_url_comes_from_flag_env_remote_url_loopback_in_this_order() {
    let remote = "{ gateway: { mode: 'remote', remote: { url: 'ws://127.0.0.1:3' } } }";
    let all = Sources {
        gateway_config: CONFIG_A,
        cli_config: Some(remote),
        cli_env: &[("OPENCLAW_GATEWAY_URL", "ws://127.0.0.1:2"), (ENV, A)],
        cli_flags: "--url ws://127.0.0.1:1 --token canary-a",
        ..Sources::default()
    };
    let url = |sources: &Sources<'_>| cli(&sources.examine()).url.clone().unwrap();
    assert_eq!(url(&all), "ws://127.0.0.1:1");
    let env = Sources { cli_flags: "", ..all };
    assert_eq!(url(&env), "ws://127.0.0.1:2");
    let config = Sources { cli_env: &[(ENV, A)], ..env };
    assert_eq!(url(&config), "ws://127.0.0.1:3");
    let local = Sources {
        cli_config: Some("{ gateway: { mode: 'local', port: 4, remote: { url: 'ws://127.0.0.1:3' } } }"),
        ..config
    };
    assert_eq!(url(&local), "ws://127.0.0.1:4");
    let port = Sources { cli_env: &[(ENV, A), ("OPENCLAW_GATEWAY_PORT", "5")], ..local.clone() };
    assert_eq!(url(&port), "ws://127.0.0.1:5", "the environment wins the port");
    let tls = Sources { cli_config: Some("{ gateway: { mode: 'local', tls: { enabled: true } } }"), ..local };
    assert_eq!(url(&tls), "wss://127.0.0.1:18789");
}

#[test]
fn a_password_flag_counts_alone_as_a_token_flag_does() {
    let sources = Sources {
        gateway_config: "bind: 'lan', auth: { password: 'canary-p' }",
        cli_env: &[(ENV, B), ("OPENCLAW_GATEWAY_PASSWORD", B)],
        cli_flags: "--password canary-p",
        ..Sources::default()
    };
    let report = sources.examine();
    assert_eq!(cli(&report).token_from.as_deref(), Some("--password"));
    assert_eq!(auth(&report), GateState::Green);
    let wrong = Sources { cli_flags: "--password canary-x", ..sources }.examine();
    assert_eq!(auth(&wrong), GateState::Red);
}

#[test]
fn a_right_remote_token_masks_a_wrong_one_in_the_environment() {
    let sources = Sources {
        gateway_config: CONFIG_A,
        cli_config: Some(
            "{ gateway: { mode: 'remote', remote: { url: 'ws://127.0.0.1:18789', token: 'canary-a-1q2w3e4r5t6y7u8i9o0p' } } }",
        ),
        cli_env: &[(ENV, B)],
        ..Sources::default()
    };
    assert_eq!(auth(&sources.examine()), GateState::Green);
}

#[test]
fn a_remote_client_without_a_url_falls_back_to_loopback() {
    let sources = Sources {
        gateway_config: CONFIG_A,
        cli_config: Some("{ gateway: { mode: 'remote' } }"),
        ..Sources::default()
    };
    assert_eq!(cli(&sources.examine()).url.as_deref(), Some("ws://127.0.0.1:18789"));
}

#[test]
fn a_client_sends_the_password_of_the_environment_for_a_token() {
    let sources = Sources {
        gateway_config: CONFIG_A,
        cli_env: &[("OPENCLAW_GATEWAY_URL", "ws://127.0.0.1:18789"), ("OPENCLAW_GATEWAY_PASSWORD", A)],
        ..Sources::default()
    };
    assert_eq!(
        auth(&sources.examine()),
        GateState::Green,
        "either field is compared where the other is absent"
    );
}

#[test]
fn a_remote_client_takes_its_password_from_the_environment_first() {
    let sources = Sources {
        gateway_config: "bind: 'lan', auth: { password: 'canary-p' }",
        cli_config: Some(
            "{ gateway: { mode: 'remote', remote: { url: 'ws://127.0.0.1:18789', password: 'canary-r' } } }",
        ),
        cli_env: &[("OPENCLAW_GATEWAY_PASSWORD", "canary-p")],
        ..Sources::default()
    };
    let report = sources.examine();
    assert_eq!(cli(&report).token_from.as_deref(), Some("OPENCLAW_GATEWAY_PASSWORD"));
    assert_eq!(auth(&report), GateState::Green);
    let remote = Sources { cli_env: &[], ..sources };
    assert_eq!(remote.client().as_deref(), Some("gateway.remote.password"));
}

// Releases.

#[test]
fn a_local_client_flips_from_env_first_to_config_first_at_2026_8_1() {
    for version in RELEASES {
        let config = "bind: 'lan', controlUi: { allowedOrigins: ['http://localhost:18789'] }, auth: { token: 'canary-a' }";
        let sources = Sources {
            version,
            gateway_config: config,
            gateway_env: &[(ENV, B)],
            cli_env: &[(ENV, B)],
            ..Sources::default()
        };
        let report = sources.examine();
        let (wanted, state) = if version < "2026.8.1" {
            (ENV, GateState::Red)
        } else {
            ("gateway.auth.token", GateState::Green)
        };
        assert_eq!(cli(&report).token_from.as_deref(), Some(wanted), "{version}");
        assert_eq!(auth(&report), state, "{version}");
        let without = Sources { cli_env: &[], ..sources };
        assert_eq!(without.client().as_deref(), Some("gateway.auth.token"), "{version}");
    }
}

#[test]
fn the_service_process_itself_is_config_first_earlier() {
    for version in ["2026.3.7", "2026.4.15", "2026.5.28", "2026.6.11", "2026.7.1"] {
        let sources = Sources {
            version,
            gateway_config: CONFIG_A,
            cli_env: &[(ENV, B), ("OPENCLAW_SERVICE_KIND", "gateway")],
            ..Sources::default()
        };
        assert_eq!(sources.client().as_deref(), Some("gateway.auth.token"), "{version}");
    }
}

#[test]
fn the_gateway_gives_up_the_legacy_names_before_its_cli_does() {
    const LEGACY: &[(&str, &str)] = &[("CLAWDBOT_GATEWAY_TOKEN", A)];
    for (version, server, client) in [
        ("2026.2.12", true, true),
        ("2026.2.17", false, true),
        ("2026.3.13", false, true),
        ("2026.3.22", false, false),
        ("2026.9.6", false, false),
    ] {
        let sources = Sources {
            version,
            gateway_config: "bind: 'loopback'",
            gateway_env: LEGACY,
            cli_env: LEGACY,
            ..Sources::default()
        };
        let read = |is_read: bool| is_read.then_some("CLAWDBOT_GATEWAY_TOKEN");
        assert_eq!(sources.server().as_deref(), read(server), "{version}");
        assert_eq!(sources.client().as_deref(), read(client), "{version}");
        let unread = sources.examine().of_code(Code::TokenVariableNotRead).count();
        assert_eq!(unread, usize::from(!server) + usize::from(!client), "{version}");
    }
}

#[test]
fn the_url_variable_is_read_from_2026_3_2_on_and_its_unprefixed_form_never() {
    for (version, name, read) in [
        ("2026.3.1", "OPENCLAW_GATEWAY_URL", false),
        ("2026.3.2", "OPENCLAW_GATEWAY_URL", true),
        ("2026.3.13", "CLAWDBOT_GATEWAY_URL", true),
        ("2026.9.6", "OPENCLAW_GATEWAY_URL", true),
        ("2026.9.6", "GATEWAY_URL", false),
        ("2026.9.6", "CLAWDBOT_GATEWAY_URL", false),
    ] {
        let config = "bind: 'lan', controlUi: { allowedOrigins: ['http://localhost:18789'] }, auth: { token: 'canary-a' }";
        let env = [(name, "ws://127.0.0.1:7"), (ENV, "canary-a")];
        let sources = Sources { version, gateway_config: config, cli_env: &env, ..Sources::default() };
        let url = cli(&sources.examine()).url.clone().unwrap();
        assert_eq!(url.ends_with(":7"), read, "{version} {name}");
    }
}

#[test]
fn a_remote_client_is_remote_first_in_every_release() {
    let remote = "{ gateway: { mode: 'remote', remote: { url: 'ws://127.0.0.1:18789', token: 'canary-r' }, auth: { token: 'canary-a' } } }";
    let origins =
        "bind: 'lan', controlUi: { allowedOrigins: ['http://localhost:18789'] }, auth: { token: 'canary-a' }";
    for version in RELEASES {
        let sources = Sources {
            version,
            gateway_config: origins,
            cli_config: Some(remote),
            cli_env: &[(ENV, B)],
            ..Sources::default()
        };
        assert_eq!(sources.client().as_deref(), Some("gateway.remote.token"), "{version}");
    }
}

#[test]
fn an_empty_config_token_hides_the_environment_in_2026_1_29_only() {
    for version in RELEASES {
        let sources = Sources {
            version,
            gateway_config: "bind: 'loopback', auth: { token: '' }",
            gateway_env: &[(ENV, B)],
            ..Sources::default()
        };
        let wanted = (version != "2026.1.29").then_some(ENV);
        assert_eq!(sources.server().as_deref(), wanted, "{version}");
    }
}

#[test]
fn the_auth_mode_comes_from_flag_config_password_token_in_this_order() {
    let both = "auth: { mode: 'token', token: 'canary-a', password: 'canary-p' }";
    let config = format!("bind: 'lan', {both}");
    let flag = Sources { gateway_config: &config, gateway_flags: "--auth password", ..Sources::default() };
    assert_eq!(gateway(&flag.examine()).auth, Auth::Password);
    let mode = Sources { gateway_flags: "", ..flag.clone() };
    assert_eq!(gateway(&mode.examine()).auth, Auth::Token);
    let password = Sources { gateway_config: "bind: 'lan', auth: { password: 'canary-p' }", ..mode };
    assert_eq!(gateway(&password.examine()).auth, Auth::Password);
    let flag =
        Sources { gateway_config: CONFIG_A, gateway_flags: "--password canary-p --auth password", ..flag };
    assert_eq!(gateway(&flag.examine()).token_from.as_deref(), Some("--password"));
}

// Odd values.

#[test]
fn blanks_around_a_token_are_trimmed_on_both_sides() {
    for value in [" canary-a ", "canary-a\n", "\tcanary-a"] {
        let config = format!("bind: 'lan', auth: {{ token: {} }}", serde_json::to_string(value).unwrap());
        let env = [("OPENCLAW_GATEWAY_URL", "ws://127.0.0.1:18789"), (ENV, "canary-a")];
        let report = Sources { gateway_config: &config, cli_env: &env, ..Sources::default() }.examine();
        assert_eq!(auth(&report), GateState::Green, "{value:?}");
        let env = [("OPENCLAW_GATEWAY_URL", "ws://127.0.0.1:18789"), (ENV, value)];
        let config = "bind: 'lan', auth: { token: 'canary-a' }";
        let report = Sources { gateway_config: config, cli_env: &env, ..Sources::default() }.examine();
        assert_eq!(auth(&report), GateState::Green, "{value:?} sent");
    }
}

#[test]
fn quotes_inside_a_value_are_kept() {
    let env = [("OPENCLAW_GATEWAY_URL", "ws://127.0.0.1:18789"), (ENV, "\"canary-a\"")];
    let sources = Sources {
        gateway_config: "bind: 'lan', auth: { token: 'canary-a' }",
        cli_env: &env,
        list_form: true,
        ..Sources::default()
    };
    let report = sources.examine();
    assert_eq!(auth(&report), GateState::Red);
    assert_eq!(report.of_code(Code::TokenMangled).count(), 1);
}

#[test]
fn an_empty_token_in_the_config_is_unset_on_loopback_and_refused_beyond_it() {
    let loopback =
        Sources { gateway_config: "bind: 'loopback', auth: { token: '' }", ..Sources::default() }.examine();
    assert!(gateway(&loopback).starts);
    assert_eq!(loopback.of_code(Code::NoTokenConfigured).count(), 1);
    let lan = Sources { gateway_config: "bind: 'lan', auth: { token: '' }", ..Sources::default() }.examine();
    assert!(!gateway(&lan).starts);
    assert_eq!(lan.first_cause().unwrap().1.code, Some(Code::BindWithoutAuth));
}

#[test]
fn an_empty_variable_is_unset() {
    let sources = Sources { gateway_config: "bind: 'lan'", gateway_env: &[(ENV, "")], ..Sources::default() };
    assert_eq!(sources.server(), None);
    assert!(!gateway(&sources.examine()).starts);
}

#[test]
fn an_unfilled_placeholder_starts_with_a_random_token_even_beyond_loopback() {
    let unset = Sources {
        gateway_config: "bind: 'lan', auth: { token: '${OPENCLAW_GATEWAY_TOKEN}' }",
        cli_env: &[(ENV, A)],
        ..Sources::default()
    };
    for sources in [unset.clone(), Sources { gateway_env: &[(ENV, "")], ..unset }] {
        let report = sources.examine();
        assert!(gateway(&report).starts);
        assert_eq!(gateway(&report).token_class, None);
        assert_eq!(report.first_cause().unwrap().1.code, Some(Code::ConfigPlaceholderUnfilled));
    }
}

#[test]
fn refused_words_stop_the_gateway() {
    for word in ["undefined", "null", "change-me-now", "__OPENCLAW_REDACTED__"] {
        let env = [(ENV, word)];
        let report =
            Sources { gateway_config: "bind: 'lan'", gateway_env: &env, ..Sources::default() }.examine();
        assert_eq!(report.first_cause().unwrap().1.code, Some(Code::RefusedTokenText), "{word}");
    }
}

#[test]
fn a_password_chooses_its_own_mode_and_the_clients_need_it() {
    let config = "bind: 'lan', auth: { password: 'canary-p' }";
    let report = Sources { gateway_config: config, ..Sources::default() }.examine();
    assert_eq!(gateway(&report).auth, Auth::Password);
    assert_eq!(auth(&report), GateState::Green);
    let both = Sources {
        gateway_config: "bind: 'lan', auth: { token: 'canary-a', password: 'canary-p' }",
        ..Sources::default()
    }
    .examine();
    assert_eq!(both.first_cause().unwrap().1.code, Some(Code::AuthAmbiguous));
}

// The plaintext gate.

#[test]
fn plaintext_is_refused_by_kind_of_host_unless_the_switch_is_set() {
    for (host, admitted) in [
        ("127.0.0.1", true),
        ("localhost", true),
        ("172.20.0.5", true),
        ("100.64.1.1", true),
        ("[fd00::1]", true),
        ("mac.local", true),
        ("box.tail1.ts.net", true),
        ("openclaw-gateway", false),
        ("host.docker.internal", false),
        ("claw.example.com", false),
        ("8.8.8.8", false),
    ] {
        let url = format!("ws://{host}:18789");
        for switch in [false, true] {
            let mut env = vec![("OPENCLAW_GATEWAY_URL", url.as_str()), (ENV, A)];
            if switch {
                env.push(("OPENCLAW_ALLOW_INSECURE_PRIVATE_WS", "1"));
            }
            let report = Sources { gateway_config: CONFIG_A, cli_env: &env, ..Sources::default() }.examine();
            let refused = report.of_code(Code::PlaintextRefused).count() == 1;
            // The switch admits private addresses and names, never a public literal.
            let wanted = admitted || switch && host != "8.8.8.8";
            assert_eq!(refused, !wanted, "{host} {switch}");
        }
    }
    let env = [("OPENCLAW_GATEWAY_URL", "wss://claw.example.com"), (ENV, A)];
    let report = Sources { gateway_config: CONFIG_A, cli_env: &env, ..Sources::default() }.examine();
    assert_eq!(report.of_code(Code::PlaintextRefused).count(), 0);
}
