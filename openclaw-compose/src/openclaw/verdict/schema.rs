//! What the schema of a release refuses in `openclaw.json`: keys it does not have, and words that a key does not take.

use std::collections::BTreeMap;

use crate::openclaw::model::config::Config;
use crate::openclaw::model::invocation::Flag;
use crate::openclaw::rules::keys::{self, GATEWAY_KEYS};
use crate::openclaw::rules::version::{Version, Versions};
use crate::project::nearest;
use crate::source::{Span, Text};
use crate::syntax::json5::{Node, Value};

/// Something that the schema refuses, and the bytes that say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The key's path: `gateway.controlUi.requirePairing`.
    pub(crate) path: String,
    pub(crate) kind: FaultKind,
    pub(crate) span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// No key of that name; `since` is the release that brings it, `nearest` what was meant.
    Unknown { since: Option<Version>, nearest: Option<String> },
    /// A word that the key does not take; `meant` is the one that says the same.
    Word { value: String, words: &'static [&'static str], meant: Option<&'static str> },
    /// `custom` without the address that it stands for.
    NoCustomHost,
    /// Not the kind of value that the key takes.
    Kind { wanted: &'static str },
}

/// Everything that the release refuses, in the order of the file.
pub(crate) fn faults(config: &Config, version: Option<Version>) -> Vec<Fault> {
    let mut out = Vec::new();
    top(config, version, &mut out);
    let Some(gateway) = config.at(&["gateway"]) else { return out };
    object(gateway, "", version, &known(), &mut out);
    words(config, version, &mut out);
    kinds(config, version, &mut out);
    out.sort_by_key(|fault| (fault.span.file, fault.span.start));
    out
}

type Known = BTreeMap<&'static str, Versions>;

fn known() -> Known {
    GATEWAY_KEYS.iter().flat_map(|rule| rule.keys.iter().map(|key| (*key, rule.versions))).collect()
}

/// The keys at the top of the file.
fn top(config: &Config, version: Option<Version>, out: &mut Vec<Fault>) {
    for member in config.members() {
        if keys::TOP_KEYS.contains(&member.key.as_str()) {
            continue;
        }
        let nearest = nearest(&member.key, keys::TOP_KEYS.iter().copied()).map(str::to_owned);
        if nearest.is_none() && version.is_none_or(|version| version > keys::NEWEST_SCHEMA) {
            continue;
        }
        let kind = FaultKind::Unknown { since: None, nearest };
        out.push(Fault { path: member.key.clone(), kind, span: member.key_span });
    }
}

/// The keys of one object below `gateway`; an object of which the schema says nothing more may hold anything.
fn object(node: &Node, path: &str, version: Option<Version>, known: &Known, out: &mut Vec<Fault>) {
    let prefix = if path.is_empty() { String::new() } else { format!("{path}.") };
    let siblings: Vec<&str> = known
        .keys()
        .filter_map(|key| key.strip_prefix(prefix.as_str()))
        .filter(|rest| !rest.contains('.'))
        .collect();
    if siblings.is_empty() || siblings.contains(&"*") {
        return;
    }
    let is_object = matches!(node.value, Value::Object(_) | Value::Null);
    // A secret may be a text, too.
    if !is_object && !keys::SECRETS.contains(&path) {
        let path = if path.is_empty() { "gateway".to_owned() } else { format!("gateway.{path}") };
        out.push(Fault { path, kind: FaultKind::Kind { wanted: "an object" }, span: node.span });
    }
    for member in node.members() {
        let below = format!("{prefix}{}", member.key);
        match known.get(below.as_str()) {
            Some(versions) if versions.holds_for(version) => {
                object(&member.value, &below, version, known, out);
            }
            found => {
                let since = found.and_then(|versions| versions.first());
                let nearest = nearest(&member.key, siblings.iter().copied()).map(str::to_owned);
                let kind = FaultKind::Unknown { since, nearest: nearest.filter(|_| since.is_none()) };
                out.push(Fault { path: format!("gateway.{below}"), kind, span: member.key_span });
            }
        }
    }
}

fn words(config: &Config, version: Option<Version>, out: &mut Vec<Fault>) {
    for (key, path) in [
        ("mode", &["gateway", "mode"][..]),
        ("bind", &["gateway", "bind"]),
        ("auth.mode", &["gateway", "auth", "mode"]),
        ("reload.mode", &["gateway", "reload", "mode"]),
        ("tailscale.mode", &["gateway", "tailscale", "mode"]),
    ] {
        let Some(node) = config.at(path) else { continue };
        let Some(rule) = keys::word_rule(key, version) else { continue };
        let mut fault = |kind| out.push(Fault { path: format!("gateway.{key}"), kind, span: node.span });
        match node.expose() {
            None => fault(FaultKind::Kind { wanted: "a word" }),
            // What a variable brings is not in the file.
            Some(value) if value.contains("${") => {}
            Some(value) if rule.words.contains(&value) || rule.migrated.contains(&value) => {}
            Some(value) => {
                let meant = meant(key, value, rule.words);
                fault(FaultKind::Word { value: value.to_owned(), words: rule.words, meant });
            }
        }
    }
    if let Some(("custom", span)) = config.bind()
        && config.at(&["gateway", "customBindHost"]).is_none()
        && !config.is_partial()
    {
        let kind = FaultKind::NoCustomHost;
        out.push(Fault { path: "gateway.bind".to_owned(), kind, span });
    }
}

/// What is not of the kind that its key takes.
fn kinds(config: &Config, version: Option<Version>, out: &mut Vec<Fault>) {
    let mut check = |keys: &[&str], wanted, is_kind: &dyn Fn(&Node) -> bool| {
        for key in keys {
            let path: Vec<&str> = std::iter::once("gateway").chain(key.split('.')).collect();
            if let Some(node) = config.at(&path).filter(|node| !is_kind(node)) {
                let kind = FaultKind::Kind { wanted };
                out.push(Fault { path: format!("gateway.{key}"), kind, span: node.span });
            }
        }
    };
    check(&["port"], "a port number", &|node| {
        let highest = keys::highest_port(version);
        node.as_f64().is_some_and(|number| number.fract() == 0.0 && (1.0..=highest).contains(&number))
    });
    check(keys::SWITCHES, "true or false", &|node| node.as_bool().is_some());
    check(keys::LISTS, "a list", &|node| matches!(node.value, Value::Array(_)));
    check(keys::SECRETS, "a text", &|node| matches!(node.value, Value::String(_) | Value::Object(_)));
}

/// What the command line refuses of `--bind`: it takes the words alone (read in 2026.1.29 to 2026.9.6).
pub(crate) fn bind_flag(flag: &Flag, value: &Text) -> Option<Fault> {
    let words = keys::BINDS;
    let value = value.expose().trim();
    let hidden = value.is_empty() || value.contains('$') || value.contains('`');
    if hidden || words.contains(&value) {
        return None;
    }
    let kind = FaultKind::Word { value: value.to_owned(), words, meant: meant("bind", value, words) };
    Some(Fault { path: "--bind".to_owned(), kind, span: flag.span })
}

/// The word that says what was meant.
fn meant(key: &str, value: &str, words: &[&'static str]) -> Option<&'static str> {
    let lower = value.trim().to_ascii_lowercase();
    let by_meaning = match (key, lower.as_str()) {
        ("bind", "0.0.0.0" | "::" | "[::]" | "*" | "all" | "any" | "public" | "network" | "bridge") => {
            Some("lan")
        }
        ("bind", "127.0.0.1" | "localhost" | "::1" | "[::1]" | "local") => Some("loopback"),
        ("bind", address) if is_of_tailnet(address) => Some("tailnet"),
        ("auth.mode", "off" | "disabled" | "no" | "false") => Some("none"),
        ("mode", "server" | "gateway" | "host") => Some("local"),
        _ => None,
    };
    let same = || words.iter().copied().find(|word| *word == lower);
    let by_meaning = by_meaning.filter(|word| words.contains(word));
    by_meaning.or_else(same).or_else(|| {
        let near = nearest(&lower, words.iter().copied())?;
        words.iter().copied().find(|word| *word == near)
    })
}

/// An address that Tailscale gives out, 100.64.0.0/10 or below fd7a:115c:a1e0.
fn is_of_tailnet(address: &str) -> bool {
    match address.parse() {
        Ok(std::net::IpAddr::V4(v4)) => matches!(v4.octets(), [100, second, ..] if second & 0xc0 == 64),
        Ok(std::net::IpAddr::V6(v6)) => v6.segments().starts_with(&[0xfd7a, 0x115c, 0xa1e0]),
        Err(_) => false,
    }
}
