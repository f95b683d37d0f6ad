//! What Compose adds: the default network, dependencies that follow from other fields, names, resolved bare names.

use std::sync::Arc;

use crate::codes::Code;
use crate::source::{Span, Text};

use super::loader::Loader;
use super::model::{Map, Node, ProvenanceId, Value, word};
use super::paths;
use super::provenance::Event;
use super::raise::Raised;
use super::variables::EnvironmentId;

/// Fields that may share another service's namespace.
const NAMESPACES: [&str; 5] = ["network_mode", "ipc", "pid", "uts", "cgroup"];

/// Normalises a whole project.
pub(crate) fn normalise(dict: &mut Node, name: &str, environment: EnvironmentId, loader: &mut Loader<'_>) {
    networks(dict, loader);
    if let Some(services) = section(dict, "services") {
        for service in services.iter_mut() {
            let key_span = service.key_span;
            if let Some(fields) = service.node.as_map_mut() {
                self::service(fields, key_span, environment, loader);
            }
        }
    }
    let provenances =
        (loader.supplied("the project's name and this key"), loader.supplied("the key of what is external"));
    for kind in ["networks", "volumes", "configs", "secrets"] {
        for resource in section(dict, kind).into_iter().flat_map(Map::iter_mut) {
            name_resource(&resource.key.clone(), resource.key_span, &mut resource.node, name, provenances);
        }
    }
}

fn section<'d>(dict: &'d mut Node, name: &str) -> Option<&'d mut Map> {
    dict.as_map_mut()?.get_mut(name)?.as_map_mut()
}

/// A service without `networks` and without `network_mode` is on `default`, which exists once somebody is on it.
fn networks(dict: &mut Node, loader: &mut Loader<'_>) {
    let joined = loader.supplied("the service names no networks");
    let mut used = None;
    for service in section(dict, "services").into_iter().flat_map(Map::iter_mut) {
        let span = service.key_span;
        let Some(fields) = service.node.as_map_mut() else { continue };
        // What a provider runs is no container of this project.
        if fields.contains("network_mode") || fields.contains("provider") {
            continue;
        }
        match fields.get_mut("networks") {
            Some(Node { value: Value::Map(map), .. }) if !map.is_empty() => {
                if let Some(entry) = map.entry("default") {
                    used.get_or_insert(entry.key_span);
                }
            }
            Some(Node { value: Value::Unknown, .. }) => {}
            _ => {
                let mut only = Map::with_capacity(1);
                only.push("default", span, Node::with_provenance(Value::Null, span, joined));
                fields.set("networks", span, Node::new(Value::Map(only), span));
                used.get_or_insert(span);
            }
        }
    }
    let Some(span) = used else { return };
    let Some(root) = dict.as_map_mut() else { return };
    if !root.contains("networks") {
        root.push("networks", span, Node::new(Value::Map(Map::new()), span));
    }
    if let Some(networks) = root.get_mut("networks").and_then(Node::as_map_mut)
        && !networks.contains("default")
    {
        networks.push("default", span, Node::new(Value::Null, span));
    }
}

fn service(fields: &mut Map, key_span: Span, environment: EnvironmentId, loader: &mut Loader<'_>) {
    if let Some(policy) = fields.get_mut("pull_policy")
        && policy.is("if_not_present")
    {
        policy.value = Value::Text(Text::from("missing"));
    }
    if let Some(build) = fields.get_mut("build") {
        let span = build.span;
        if let Some(build) = build.as_map_mut() {
            if build.get("context").is_none_or(Node::is_null) {
                build.set("context", span, Node::of_text(".", span));
            }
            if build.get("dockerfile").is_none_or(Node::is_null)
                && build.get("dockerfile_inline").is_none_or(Node::is_null)
            {
                build.set("dockerfile", span, Node::of_text("Dockerfile", span));
            }
            if let Some(args) = build.get_mut("args") {
                fill(args, environment, false, loader);
            }
        }
    }
    if let Some(variables) = fields.get_mut("environment") {
        fill(variables, environment, true, loader);
    }
    depend(fields, key_span, loader);
    for mount in fields.get_mut("volumes").and_then(Node::as_list_mut).into_iter().flatten() {
        if let Some(target) = mount.as_map_mut().and_then(|mount| mount.get_mut("target"))
            && let Some(path) = target.expose()
        {
            let clean = paths::clean(path);
            if clean != path {
                target.value = Value::Text(Text::from(clean));
            }
        }
    }
}

/// Bare names take their value from the project's variables; without one they stay, or go.
fn fill(node: &mut Node, environment: EnvironmentId, keep: bool, loader: &mut Loader<'_>) {
    let mut named = |name: &str, node: &mut Node| -> Option<Text> {
        let variable = loader.environments.get(environment.0 as usize)?.find(name)?;
        let (value, setting) = (variable.value.clone(), variable.setting);
        node.provenance = loader
            .provenances
            .add(node.provenance, Event::Named { name: Arc::from(name), setting, environment });
        Some(value)
    };
    match &mut node.value {
        Value::Map(map) => map.entries_mut().retain_mut(|entry| {
            if !entry.node.is_null() {
                return true;
            }
            match named(&entry.key, &mut entry.node) {
                Some(value) => {
                    entry.node.value = Value::Text(value);
                    true
                }
                None => keep,
            }
        }),
        Value::List(items) => items.retain_mut(|item| {
            let Value::Text(text) = &item.value else { return true };
            if text.contains("=") {
                return true;
            }
            let name = text.clone();
            match named(name.expose(), item) {
                Some(value) => {
                    item.value = Value::Text(Text::from(format!("{}={}", name.expose(), value.expose())));
                    true
                }
                None => keep,
            }
        }),
        _ => {}
    }
}

/// Links, shared namespaces and `volumes_from` are dependencies, unless listed.
fn depend(fields: &mut Map, key_span: Span, loader: &mut Loader<'_>) {
    let mut implied: Vec<(String, bool, Span)> = Vec::new();
    for link in fields.get("links").and_then(Node::as_list).into_iter().flatten() {
        if let Some(text) = link.expose() {
            let parts: Vec<&str> = text.split(':').collect();
            let service = if let [service, _] = parts.as_slice() { service } else { text };
            implied.push((service.to_owned(), true, link.span));
        }
    }
    for namespace in NAMESPACES {
        if let Some(node) = fields.get(namespace).filter(|node| node.is_null()) {
            loader.raise(
                Raised::error(Code::WrongType, format!("{namespace} is empty, on which Compose breaks down"))
                    .at(if node.span.is_empty() {
                        fields.entry(namespace).map_or(key_span, |entry| entry.key_span)
                    } else {
                        node.span
                    })
                    .help("remove the key"),
            );
        }
        if let Some(node) = fields.get(namespace)
            && let Some(service) = node.expose().and_then(|text| text.strip_prefix("service:"))
        {
            implied.push((service.to_owned(), true, node.span));
        }
    }
    for from in fields.get("volumes_from").and_then(Node::as_list).into_iter().flatten() {
        if let Some(text) = from.expose().filter(|text| !text.starts_with("container:")) {
            let service = text.split(':').next().unwrap_or_default();
            implied.push((service.to_owned(), false, from.span));
        }
    }
    if implied.is_empty() {
        return;
    }
    if !fields.contains("depends_on") {
        fields.push("depends_on", key_span, Node::new(Value::Map(Map::new()), key_span));
    }
    let Some(depends_on) = fields.get_mut("depends_on") else { return };
    if depends_on.is_null() {
        depends_on.value = Value::Map(Map::new());
    }
    let Some(depends_on) = depends_on.as_map_mut() else { return };
    let provenance = loader.supplied("a link or a shared namespace is a dependency");
    for (service, restart, span) in implied {
        if depends_on.contains(&service) {
            continue;
        }
        let mut map = Map::with_capacity(3);
        map.push(
            word!("condition"),
            span,
            Node { provenance, ..Node::of_text(word!("service_started"), span) },
        );
        map.push(word!("restart"), span, Node::with_provenance(Value::Bool(restart), span, provenance));
        map.push(word!("required"), span, Node::with_provenance(Value::Bool(true), span, provenance));
        depends_on.push(service.as_str(), span, Node::new(Value::Map(map), span));
    }
}

/// A resource without a name is called `PROJECT_KEY`, or by its key where it is external.
fn name_resource(
    key: &str,
    key_span: Span,
    node: &mut Node,
    project: &str,
    (internal, outside): (ProvenanceId, ProvenanceId),
) {
    if node.is_null() {
        node.value = Value::Map(Map::new());
    }
    let Some(map) = node.as_map_mut() else { return };
    if map.get("name").is_some_and(|name| !name.is_null()) {
        return;
    }
    let external = match map.get("external").map(|node| &node.value) {
        Some(Value::Bool(external)) => *external,
        Some(Value::Text(text)) => matches!(text.expose(), "1" | "t" | "T" | "TRUE" | "true" | "True"),
        Some(Value::Int(1)) => true,
        _ => false,
    };
    let (name, provenance) =
        if external { (key.to_owned(), outside) } else { (format!("{project}_{key}"), internal) };
    map.set("name", key_span, Node::with_provenance(Value::Text(Text::from(name)), key_span, provenance));
}
