//! Secrets by value that stand outside the Compose files: in `openclaw.json` and the state directory, in what the engine
//! says, in definitions of the host.

use std::collections::BTreeSet;
use std::rc::Rc;

use serde_json::Value;

use crate::project::{Resolution, looks_secret};
use crate::secrets::Secrets;
use crate::source::{Sources, Text};
use crate::syntax::json5;

use super::model::config::{Config, SecretForm, StateVariable};
use super::model::jobs::Job;
use super::model::processes::Process;
use super::stack::Stack;

/// Every secret of the stack: those of its project, and those of everything else that was read. `sources` holds the texts.
pub(super) fn collect(
    stack: &Stack<'_>,
    processes: &[Process<'_>],
    jobs: &[Job],
    sources: &Sources,
) -> Secrets {
    let mut secrets = stack.resolution.secrets().clone();
    // Services that share a file share what was read of it.
    let (mut known, mut dotenvs) = (BTreeSet::new(), BTreeSet::new());
    for process in processes {
        if let Some(config) = process.config().filter(|config| known.insert(std::ptr::from_ref(*config))) {
            configuration(config, sources, &mut secrets);
        }
        if dotenvs.insert(Rc::as_ptr(&process.state_env)) {
            for variable in process.state_env.iter() {
                value(looks_secret(&variable.name), &variable.value, &mut secrets);
            }
        }
    }
    for (name, set) in jobs.iter().flat_map(|job| &job.environment) {
        value(looks_secret(name), &set.value, &mut secrets);
    }
    for (_, text) in stack.inspects.iter().chain(&stack.engine) {
        match serde_json::from_str(text.expose()) {
            Ok(inspected) => json(&inspected, false, &mut secrets),
            Err(_) => secrets.add_from(text.expose()),
        }
    }
    // What was given and nobody reads may be said by a program all the same.
    stack.texts.values().for_each(|text| secrets.add_from(text.expose()));
    let known = stack.resolution.sources().ids().count();
    sources.ids().skip(known).for_each(|file| secrets.add_from_file(sources, file));
    secrets
}

/// Every member under a name that looks secret, at any depth, and everything below `env`.
fn configuration(config: &Config, sources: &Sources, secrets: &mut Secrets) {
    let Some(root) = config.at(&[]) else { return };
    for member in root.members() {
        if member.key == "env" {
            placed(&member.value, secrets);
        }
        node(&member.value, looks_secret(&member.key), sources, secrets);
    }
}

fn node(node: &json5::Node, secret: bool, sources: &Sources, secrets: &mut Secrets) {
    let names_variable = is_variable(node);
    for member in node.members() {
        let secret = secret && !names_variable;
        self::node(&member.value, secret || looks_secret(&member.key), sources, secrets);
    }
    for item in node.items() {
        self::node(item, secret, sources, secrets);
    }
    match &node.value {
        // What is spelt as it is was read with its file.
        json5::Value::String(text) if secret || !sources.expose(node.span).contains(text.expose()) => {
            value(secret, text, secrets);
        }
        json5::Value::Number(number) if secret => secrets.add(&number.to_string()),
        _ => {}
    }
}

/// `{ source: "env", provider: "default", id: "NAME" }`: where a secret is looked for, and not the secret.
fn is_variable(node: &json5::Node) -> bool {
    let text = |key: &str| node.get(key).and_then(json5::Node::expose);
    let is_name =
        |id: &str| id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    text("source") == Some("env") && text("id").is_some_and(is_name) && node.members().len() < 4
}

/// What stands in `env`, whatever its name: these variables are there to hold keys.
fn placed(node: &json5::Node, secrets: &mut Secrets) {
    node.members()
        .iter()
        .map(|member| &member.value)
        .chain(node.items())
        .for_each(|node| placed(node, secrets));
    if let Some(text) = node.expose() {
        // A word says how something is to be done: `production`, `verbose`.
        let is_word = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') && text.len() < 16;
        if !is_word {
            secrets.add(text);
        }
    }
}

/// What an engine says: names of any depth, `NAME=value` in lists, and a flag with its value behind it.
fn json(node: &Value, secret: bool, secrets: &mut Secrets) {
    match node {
        Value::Object(members) => {
            for (name, member) in members {
                secrets.add_from(name);
                json(member, secret || looks_secret(name), secrets);
            }
        }
        Value::Array(items) => {
            let mut announced = false;
            for item in items {
                let text = item.as_str().unwrap_or_default();
                json(item, secret || announced && !text.starts_with('-'), secrets);
                announced = text.strip_prefix("--").is_some_and(looks_secret);
            }
        }
        Value::String(text) => match text.split_once('=') {
            Some((name, held)) if looks_secret(name) => secrets.add(held),
            _ => value(secret, &Text::from(text.as_str()), secrets),
        },
        Value::Number(number) if secret => secrets.add(&number.to_string()),
        Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}

fn value(secret: bool, text: &Text, secrets: &mut Secrets) {
    if secret { secrets.add(text.expose()) } else { secrets.add_from(text.expose()) }
}

/// Masks every secret that this floor brought in.
pub(super) fn mark_secrets(processes: &[Process<'_>], jobs: &[Job], sources: &mut Sources) {
    let mut dotenvs = BTreeSet::new();
    for process in processes {
        if let Some(config) = process.config() {
            let values = ["auth", "remote"].iter().flat_map(|section| {
                ["token", "password"].iter().filter_map(|key| config.secret(&["gateway", *section, *key]))
            });
            for form in values {
                if let SecretForm::Text { span, .. } = form {
                    sources.mark_secret(span);
                }
            }
        }
        let secret = |variable: &&StateVariable| looks_secret(&variable.name);
        // Services that share a file share what was read of it.
        if dotenvs.insert(Rc::as_ptr(&process.state_env)) {
            for variable in process.state_env.iter().filter(secret) {
                sources.mark_secret(variable.span);
            }
        }
        for flag in
            process.invocation.flags.iter().filter(|flag| matches!(flag.name.as_str(), "token" | "password"))
        {
            sources.mark_secret(flag.span);
        }
    }
    for (_, set) in jobs.iter().flat_map(|job| &job.environment).filter(|(name, _)| looks_secret(name)) {
        sources.mark_secret(set.span);
    }
}

/// Masks URLs that carry credentials, wherever a service gets them from.
pub(super) fn mark_urls(resolution: &Resolution, processes: &[Process<'_>], sources: &mut Sources) {
    let telling = |text: &str| {
        text.contains("://") && (text.contains('@') || text.contains("token=") || text.contains("password="))
    };
    for process in processes {
        for (name, variable) in &process.service.environment {
            if !variable.value.is_some_and(|value| telling(value.expose())) {
                continue;
            }
            sources.mark_secret(variable.span);
            for step in resolution.env_steps(process.service.name, name).into_iter().flatten() {
                if let Some(place) = step.place {
                    sources.mark_secret(place.span);
                }
            }
        }
        let in_config = process.config().and_then(|config| config.expose(&["gateway", "remote", "url"]));
        if let Some((_, span)) = in_config.filter(|(text, _)| telling(text)) {
            sources.mark_secret(span);
        }
        for flag in process
            .invocation
            .flags
            .iter()
            .filter(|flag| flag.value.as_ref().is_some_and(|value| telling(value.expose())))
        {
            sources.mark_secret(flag.span);
        }
    }
}
