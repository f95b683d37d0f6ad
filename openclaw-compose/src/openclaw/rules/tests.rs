//! What changed between two releases, on the last that had the old and the first that has the new, for every range of the
//! rules.

#![allow(clippy::unwrap_used, reason = "tests")]

use crate::openclaw::rules::version::Version;
use crate::openclaw::rules::{self, Meaning, Side, Target, TokenSource};

/// A question about one release.
type Ask = fn(Version) -> String;

fn sources(version: Version, side: Side, target: Option<Target>, service: bool, password: bool) -> String {
    format!("{:?}", rules::token_rule(side, target, Some(version), service, password).order)
}

fn order(list: &[TokenSource]) -> String {
    format!("{list:?}")
}

fn reads(name: &str, side: Side, version: Version) -> String {
    let meanings = [Meaning::Token, Meaning::Password, Meaning::Url, Meaning::Port];
    let mut names = meanings.into_iter().flat_map(|meaning| rules::names(meaning, Some(version), side));
    names.any(|rule| rule.name == name).to_string()
}

fn refuses(text: &str, meaning: Meaning, version: Version) -> String {
    rules::refused_texts(meaning, Some(version)).any(|refused| refused == text).to_string()
}

fn plaintext(version: Version) -> String {
    let rule = rules::plaintext(Some(version));
    format!("private {} names {} switch {}", rule.private, rule.other_names, rule.break_glass.is_some())
}

fn exit_means(code: i64, version: Version) -> String {
    rules::exit_rule(code, Some(version)).map_or("nothing", |rule| rule.meaning).to_owned()
}

const NO: &str = "false";
const YES: &str = "true";

/// The question, the last release with the old answer, the old answer, the first release with the new one, the new one.
#[rustfmt::skip]
fn turns() -> Vec<(Ask, &'static str, String, &'static str, String)> {
    use TokenSource::{AuthToken, Env, Flag, RemoteToken};
    let is = str::to_owned;
    vec![
        (plaintext, "2026.2.17", is("private true names true switch false"), "2026.2.19", is("private false names false switch false")),
        (plaintext, "2026.2.26", is("private false names false switch false"), "2026.3.1", is("private false names false switch true")),
        (plaintext, "2026.5.12", is("private false names false switch true"), "2026.5.18", is("private true names false switch true")),
        (|v| format!("{:?}", rules::auto_bind(Some(v)).bind), "2026.4.5", is("Loopback"), "2026.4.7", is("AllInterfaces")),
        (|v| reads("OPENCLAW_GATEWAY_URL", Side::Client, v), "2026.3.1", is(NO), "2026.3.2", is(YES)),
        (|v| reads("CLAWDBOT_GATEWAY_URL", Side::Client, v), "2026.3.1", is(NO), "2026.3.2", is(YES)),
        (|v| reads("CLAWDBOT_GATEWAY_URL", Side::Client, v), "2026.3.13", is(YES), "2026.3.22", is(NO)),
        (|v| reads("CLAWDBOT_GATEWAY_TOKEN", Side::Client, v), "2026.3.13", is(YES), "2026.3.22", is(NO)),
        (|v| reads("CLAWDBOT_GATEWAY_TOKEN", Side::Server, v), "2026.2.12", is(YES), "2026.2.17", is(NO)),
        (|v| reads("CLAWDBOT_GATEWAY_PASSWORD", Side::Server, v), "2026.2.12", is(YES), "2026.2.17", is(NO)),
        (|v| reads("CLAWDBOT_GATEWAY_PORT", Side::Server, v), "2026.3.13", is(YES), "2026.3.22", is(NO)),
        (|v| format!("{:?}", rules::origins(Some(v)).origins), "2026.2.1", is("Unchecked"), "2026.2.2", is("HostHeader")),
        (|v| format!("{:?}", rules::origins(Some(v)).origins), "2026.2.22", is("HostHeader"), "2026.2.23", is("Required")),
        (|v| format!("{:?}", rules::origins(Some(v)).origins), "2026.2.26", is("Required"), "2026.3.1", is("Seeded")),
        (|v| rules::any_origin(Some(v)).to_string(), "2026.2.26", is(NO), "2026.3.1", is(YES)),
        (|v| rules::local_by_host(Some(v)).to_string(), "2026.3.28", is(YES), "2026.3.31", is(NO)),
        (|v| rules::private_same_origin(Some(v)).to_string(), "2026.5.12", is(NO), "2026.5.18", is(YES)),
        (|v| sources(v, Side::Client, Some(Target::Remote), false, false), "2026.2.21", order(&[Flag, RemoteToken]), "2026.2.22", order(&[Flag, RemoteToken, Env, AuthToken])),
        (|v| sources(v, Side::Client, Some(Target::Remote), false, true), "2026.2.21", order(&[Flag, Env, RemoteToken]), "2026.2.22", order(&[Flag, Env, RemoteToken, AuthToken])),
        (|v| sources(v, Side::Client, Some(Target::Local), false, false), "2026.2.25", order(&[Flag, Env, AuthToken]), "2026.2.26", order(&[Flag, Env, AuthToken, RemoteToken])),
        (|v| sources(v, Side::Client, Some(Target::Local), false, false), "2026.7.35", order(&[Flag, Env, AuthToken, RemoteToken]), "2026.8.1", order(&[Flag, AuthToken, Env, RemoteToken])),
        (|v| sources(v, Side::Client, Some(Target::Local), true, false), "2026.3.2", order(&[Flag, Env, AuthToken, RemoteToken]), "2026.3.7", order(&[Flag, AuthToken, Env, RemoteToken])),
        (|v| sources(v, Side::Server, None, false, false), "2026.7.35", order(&[Flag, AuthToken, Env]), "2026.8.1", order(&[Flag, AuthToken, Env, RemoteToken])),
        (|v| rules::flag_url_stands_alone(Some(v)).to_string(), "2026.2.2", is(NO), "2026.2.3", is(YES)),
        (|v| rules::empty_token_counts(Some(v)).to_string(), "2026.2.21", is(YES), "2026.2.22", is(NO)),
        (|v| refuses("change-me-to-a-long-random-token", Meaning::Token, v), "2026.4.11", is(NO), "2026.4.12", is(YES)),
        (|v| refuses("change-me-to-a-strong-password", Meaning::Password, v), "2026.4.11", is(NO), "2026.4.12", is(YES)),
        (|v| refuses("change-me-now", Meaning::Token, v), "2026.4.15", is(NO), "2026.4.20", is(YES)),
        (|v| refuses("undefined", Meaning::Token, v), "2026.9.2", is(NO), "2026.9.3", is(YES)),
        (|v| refuses("null", Meaning::Password, v), "2026.9.3", is(NO), "2026.9.4", is(YES)),
        (|v| refuses("__OPENCLAW_REDACTED__", Meaning::Token, v), "2026.9.5", is(NO), "2026.9.6", is(YES)),
        (|v| format!("{:?}", rules::no_token(Some(v)).does), "2026.2.17", is("Refuses"), "2026.2.19", is("Saves")),
        (|v| format!("{:?}", rules::no_token(Some(v)).does), "2026.5.7", is("Saves"), "2026.5.12", is("MakesUp")),
        (|v| rules::unfilled_variable_is_refused(Some(v)).to_string(), "2026.3.2", is(YES), "2026.3.7", is(NO)),
        (|v| rules::refusal_exit(Some(v)).to_string(), "2026.4.9", is("1"), "2026.4.10", is("78")),
        (|v| exit_means(78, v), "2026.4.9", is("nothing"), "2026.4.10", is("an operator must act: configuration or gateway.mode missing, or a refusal to bind")),
        (|v| exit_means(1, v).contains("invalid configuration").to_string(), "2026.6.35", is(YES), "2026.7.1", is(NO)),
        (|v| exit_means(0, v).contains("healthy").to_string(), "2026.3.28", is(NO), "2026.3.31", is(YES)),
        (|v| exit_means(0, v).contains("healthy").to_string(), "2026.7.35", is(YES), "2026.8.1", is(NO)),
        (|v| rules::stop_budget_seconds(Some(v)).to_string(), "2026.3.13", is("5"), "2026.3.22", is("25")),
        (|v| rules::stop_budget_seconds(Some(v)).to_string(), "2026.7.35", is("25"), "2026.8.1", is("330")),
        (|v| rules::PROFILE_SECRET_MOUNT.holds_for(Some(v)).to_string(), "2026.5.7", is(NO), "2026.5.12", is(YES)),
        (|v| rules::PROFILE_SECRET_MOUNT.holds_for(Some(v)).to_string(), "2026.5.28", is(YES), "2026.6.1", is(NO)),
        (|v| rules::lease_of_the_killed(Some(v)).is_some().to_string(), "2026.9.4", is(NO), "2026.9.5", is(YES)),
        (|v| rules::proxy_attribution_required(Some(v)).to_string(), "2026.7.35", is(NO), "2026.8.1", is(YES)),
    ]
}

#[test]
fn every_rule_turns_where_the_packages_do() {
    for (ask, last, old, first, new) in turns() {
        let answers = (ask(last.parse().unwrap()), ask(first.parse().unwrap()));
        assert_eq!(answers, (old, new), "{last} {first}");
    }
}

/// Made in July to September 2026, and still of June and July: none of them has what 2026.8.1 brought.
#[test]
fn a_maintenance_build_does_what_its_line_does() {
    for (line, builds) in [("2026.6.11", "2026.6"), ("2026.7.1", "2026.7")] {
        for build in 33..=35 {
            let build = format!("{builds}.{build}");
            for (ask, ..) in turns() {
                assert_eq!(ask(line.parse().unwrap()), ask(build.parse().unwrap()), "{build}");
            }
        }
    }
}

#[test]
fn a_release_that_is_not_known_is_judged_as_the_newest() {
    let newest = Some("2026.9.6".parse().unwrap());
    assert_eq!(rules::plaintext(None), rules::plaintext(newest));
    assert_eq!(rules::auto_bind(None).bind, rules::auto_bind(newest).bind);
    assert_eq!(rules::origins(None).origins, rules::origins(newest).origins);
    assert_eq!(rules::no_token(None).does, rules::no_token(newest).does);
    assert_eq!(rules::stop_budget_seconds(None), rules::stop_budget_seconds(newest));
    for (code, meaning) in
        [(0, "clean stop"), (1, "port busy, secret unavailable, placeholder token or bad flag")]
    {
        assert_eq!(rules::exit_rule(code, None).unwrap().meaning, meaning);
    }
}

#[test]
fn names_that_no_release_reads_are_told_in_each() {
    for name in ["MOLTBOT_GATEWAY_TOKEN", "MOLTBOT_GATEWAY_URL", "GATEWAY_TOKEN", "OPENCLAW_TOKEN"] {
        let rules: Vec<_> = rules::NAME_RULES.iter().filter(|rule| rule.name == name).collect();
        assert_eq!(rules.len(), 1, "{name}");
        assert!(!rules[0].is_read && rules[0].holds_for(Some("2026.1.29".parse().unwrap()), Side::Server));
    }
}
