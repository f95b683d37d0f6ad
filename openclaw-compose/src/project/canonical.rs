//! One form for every field: the short forms of ports, volumes, networks, `depends_on` and the rest made long.

pub(crate) mod port;
pub(crate) mod scalar;
pub(crate) mod volume;

use std::sync::Arc;

use crate::codes::Code;
use crate::source::{Span, Text};

use super::dialect::Dialect;
use super::limits::{self, Spent};
use super::merge;
use super::model::{Map, Node, Value, word};
use super::raise::Raised;

/// What the transformations report.
pub(crate) type Problems = Vec<Raised>;

/// Makes the long forms. What cannot be read is reported, and dropped.
pub(crate) fn canonical(root: &mut Node, dialect: Dialect, spent: &mut Spent, problems: &mut Problems) {
    let Some(map) = root.as_map_mut() else { return };
    for entry in map.iter_mut() {
        match &*entry.key {
            "services" => {
                for service in entry.node.as_map_mut().into_iter().flat_map(Map::iter_mut) {
                    self::service(&service.key, &mut service.node, dialect, spent, problems);
                }
            }
            "volumes" | "networks" | "secrets" | "configs" => {
                let section = entry.key.clone();
                for resource in entry.node.as_map_mut().into_iter().flat_map(Map::iter_mut) {
                    external(&section, &resource.key, &mut resource.node, problems);
                }
            }
            "include" => {
                for item in entry.node.as_list_mut().into_iter().flatten() {
                    wrap(item, word!("path"));
                }
            }
            _ => {}
        }
    }
}

fn service(name: &str, node: &mut Node, dialect: Dialect, spent: &mut Spent, problems: &mut Problems) {
    let Some(map) = node.as_map_mut() else { return };
    for entry in map.iter_mut() {
        let node = &mut entry.node;
        match &*entry.key {
            "build" => build(name, node, problems),
            "configs" | "secrets" => each(node, |item| wrap(item, word!("source"))),
            "depends_on" => depends_on(node),
            "devices" => devices(name, node, problems),
            "dns" => {
                string_or_list(node);
                // An empty server is what `${DNS:-}` leaves behind.
                if let Some(items) = node.as_list_mut() {
                    items.retain(|item| !item.is_null() && !item.is(""));
                }
            }
            "label_file" => string_or_list(node),
            "env_file" => env_file(node),
            "extends" => wrap(node, word!("service")),
            "gpus" => gpus(node),
            "models" | "networks" => names_to_null(node),
            "develop" if dialect >= Dialect::ComposeGo26 => {
                for watch in node
                    .as_map_mut()
                    .and_then(|map| map.get_mut("watch"))
                    .and_then(Node::as_list_mut)
                    .into_iter()
                    .flatten()
                {
                    for key in ["ignore", "include"] {
                        if let Some(globs) = watch.as_map_mut().and_then(|map| map.get_mut(key)) {
                            string_or_list(globs);
                        }
                    }
                }
            }
            "ports" => ports(name, node, spent, problems),
            "ulimits" => ulimits(name, node, problems),
            "volumes" => volumes(name, node, dialect, problems),
            _ => {}
        }
    }
}

fn each(node: &mut Node, change: impl Fn(&mut Node)) {
    for item in node.as_list_mut().into_iter().flatten() {
        change(item);
    }
}

/// A text becomes a mapping with the text under `key`.
fn wrap(node: &mut Node, key: Arc<str>) {
    if let Value::Text(_) = node.value {
        let span = node.span;
        let mut map = Map::with_capacity(1);
        let inner = std::mem::replace(node, Node::new(Value::Null, span));
        let provenance = inner.provenance;
        map.push(key, span, inner);
        *node = Node::with_provenance(Value::Map(map), span, provenance);
    }
}

fn string_or_list(node: &mut Node) {
    if let Value::Text(_) = node.value {
        let item = node.clone();
        node.value = Value::List(vec![item]);
    }
}

fn names_to_null(node: &mut Node) {
    let Value::List(items) = &node.value else { return };
    let mut map = Map::with_capacity(items.len());
    for item in items {
        if let Value::Text(name) = &item.value {
            map.set(name.expose(), item.span, Node::with_provenance(Value::Null, item.span, item.provenance));
        }
    }
    node.value = Value::Map(map);
}

fn build(service: &str, node: &mut Node, problems: &mut Problems) {
    wrap(node, word!("context"));
    let Some(map) = node.as_map_mut() else { return };
    for entry in map.iter_mut() {
        match &*entry.key {
            "additional_contexts" => {
                for item in entry.node.as_list().unwrap_or_default() {
                    if item.text().is_some_and(|text| !text.contains("=")) {
                        problems.push(
                            Raised::error(Code::BadValue, "build.additional_contexts: expected NAME=CONTEXT")
                                .at(item.span),
                        );
                    }
                }
                pairs(&mut entry.node);
            }
            "secrets" => each(&mut entry.node, |item| wrap(item, word!("source"))),
            "ssh" => pairs(&mut entry.node),
            "ulimits" => ulimits(service, &mut entry.node, problems),
            _ => {}
        }
    }
}

/// A list of `K=V` as a mapping.
fn pairs(node: &mut Node) {
    let Value::List(items) = &node.value else { return };
    let mut map = Map::with_capacity(items.len());
    for item in items {
        if let Value::Text(text) = &item.value {
            match text.expose().split_once('=') {
                Some((key, value)) => map.set(key, item.span, item.with(Value::Text(Text::from(value)))),
                None => map.set(text.expose(), item.span, item.with(Value::Null)),
            }
        }
    }
    node.value = Value::Map(map);
}

fn depends_on(node: &mut Node) {
    match &mut node.value {
        Value::List(items) => {
            let mut map = Map::with_capacity(items.len());
            for item in items {
                if let Value::Text(name) = &item.value {
                    map.set(name.expose(), item.span, merge::depends_on_default(item.span));
                }
            }
            node.value = Value::Map(map);
        }
        Value::Map(map) => {
            for entry in map.iter_mut() {
                let span = entry.key_span;
                let Some(dependency) = entry.node.as_map_mut() else { continue };
                default_to(dependency, word!("condition"), || Node::of_text(word!("service_started"), span));
                default_to(dependency, word!("required"), || Node::new(Value::Bool(true), span));
            }
        }
        _ => {}
    }
}

/// Adds an entry where there is none.
pub(crate) fn default_to(map: &mut Map, key: Arc<str>, make: impl FnOnce() -> Node) {
    if !map.contains(&key) {
        let node = make();
        map.push(key, node.span, node);
    }
}

fn env_file(node: &mut Node) {
    string_or_list(node);
    each(node, |item| {
        wrap(item, word!("path"));
        let span = item.span;
        if let Some(map) = item.as_map_mut() {
            default_to(map, word!("required"), || Node::new(Value::Bool(true), span));
        }
    });
}

fn gpus(node: &mut Node) {
    if let Value::Text(_) = node.value {
        let span = node.span;
        let mut request = Map::with_capacity(1);
        request.push(word!("count"), span, Node::of_text(word!("all"), span));
        node.value = Value::List(vec![Node::new(Value::Map(request), span)]);
    }
}

fn devices(service: &str, node: &mut Node, problems: &mut Problems) {
    let Some(items) = node.as_list_mut() else { return };
    items.retain_mut(|item| {
        let Value::Text(text) = &item.value else { return true };
        let parts: Vec<&str> = text.expose().split(':').collect();
        let (source, target, permissions) = match parts.as_slice() {
            [source] => (*source, *source, "rwm"),
            [source, target] => (*source, *target, "rwm"),
            [source, target, permissions] => (*source, *target, *permissions),
            _ => {
                problems.push(
                    Raised::error(Code::BadValue, format!("service {service:?}: a device mapping with more than three parts; use the long form"))
                        .at(item.span),
                );
                return false;
            }
        };
        let target = if target.is_empty() { source } else { target };
        let span = item.span;
        let mut map = Map::with_capacity(3);
        for (key, value) in [("source", source), ("target", target), ("permissions", permissions)] {
            map.push(key, span, Node::of_text(value, span));
        }
        item.value = Value::Map(map);
        true
    });
}

fn ulimits(service: &str, node: &mut Node, problems: &mut Problems) {
    for entry in node.as_map_mut().into_iter().flat_map(Map::iter_mut) {
        if !matches!(entry.node.value, Value::Map(_) | Value::Int(_) | Value::Unknown) {
            let kind = entry.node.value.kind_name();
            problems.push(
                Raised::error(
                    Code::BadValue,
                    format!("service {service:?}: ulimit {:?} is {kind}, not an integer", entry.key),
                )
                .at(entry.node.span),
            );
            entry.node.value = Value::Unknown;
        }
    }
}

fn ports(service: &str, node: &mut Node, spent: &mut Spent, problems: &mut Problems) {
    let Some(items) = node.as_list_mut() else { return };
    let mut out = Vec::with_capacity(items.len());
    for item in std::mem::take(items) {
        let text = match &item.value {
            Value::Map(_) | Value::Unknown => {
                out.push(item);
                continue;
            }
            Value::Text(text) => text.clone(),
            Value::Int(number) => Text::from(number.to_string()),
            other => {
                let kind = other.kind_name();
                problems.push(
                    Raised::error(Code::BadPort, format!("service {service:?}: a port cannot be {kind}"))
                        .at(item.span),
                );
                continue;
            }
        };
        match port::parse(text.expose()) {
            Err(problem) => problems.push(
                Raised::error(Code::BadPort, format!("service {service:?}: {problem} in a port mapping"))
                    .at(item.span)
                    .help("write [[IP:]HOST:]CONTAINER[/PROTOCOL], ports from 0 to 65535"),
            ),
            // The two ports, the mode and the protocol of each.
            Ok(ports) if !spent.copy(ports.len() * 4) => {
                let summary =
                    format!("ranges of ports bring more than {} values into the project", limits::COPIES);
                problems.push(
                    Raised::error(Code::ExpansionLimit, summary)
                        .at(item.span)
                        .help("publish only the ports that something listens on"),
                );
                // Once is enough: nothing fits any more.
                break;
            }
            Ok(ports) => {
                let ports = ports.expand();
                if text.starts_with(":") && ports.iter().all(|port| port.published.is_empty()) {
                    problems.push(
                        Raised::warning(
                            Code::RandomHostPort,
                            format!("service {service:?}: the host port of this mapping is empty, so Docker picks one at random"),
                        )
                        .at(item.span),
                    );
                }
                out.extend(ports.into_iter().map(|port| long_port(&port, &item)));
            }
        }
    }
    *items = out;
}

fn long_port(port: &port::Port, from: &Node) -> Node {
    let span = from.span;
    let text = |value: Text| Node::with_provenance(Value::Text(value), span, from.provenance);
    let mut map = Map::with_capacity(5);
    map.push(word!("mode"), span, text(word!("ingress").into()));
    if !port.host_ip.is_empty() {
        map.push(word!("host_ip"), span, text(port.host_ip.as_str().into()));
    }
    // Target 0 counts as none, for which the mapping is then refused.
    if port.target != 0 {
        map.push(
            word!("target"),
            span,
            Node::with_provenance(Value::Int(i64::from(port.target)), span, from.provenance),
        );
    }
    if !port.published.is_empty() {
        map.push(word!("published"), span, text(port.published.as_str().into()));
    }
    map.push(
        word!("protocol"),
        span,
        text(if port.protocol == "tcp" { word!("tcp").into() } else { port.protocol.as_str().into() }),
    );
    Node::with_provenance(Value::Map(map), span, from.provenance)
}

fn volumes(service: &str, node: &mut Node, dialect: Dialect, problems: &mut Problems) {
    let Some(items) = node.as_list_mut() else { return };
    items.retain_mut(|item| {
        let Value::Text(text) = &item.value else { return true };
        match volume::parse(text.expose(), dialect.volume_keeps_braces()) {
            Err(problem) => {
                problems.push(
                    Raised::error(Code::BadVolume, format!("service {service:?}: {problem} in a volume mount"))
                        .at(item.span)
                        .help("write [SOURCE:]TARGET[:MODE]; an empty variable leaves an empty section"),
                );
                false
            }
            Ok(volume) => {
                if volume.source.is_empty() && volume.target.as_bytes().get(1) == Some(&b':') {
                    problems.push(
                        Raised::warning(
                            Code::DriveLetterVolume,
                            format!("service {service:?}: a one-letter volume name is read as a Windows drive, so this mount is anonymous"),
                        )
                        .at(item.span)
                        .help("give the volume a name of two letters or more"),
                    );
                }
                item.value = Value::Map(long_volume(&volume, item.span, item));
                true
            }
        }
    });
}

fn long_volume(volume: &volume::Volume<'_>, span: Span, from: &Node) -> Map {
    let text = |value: Text| Node::with_provenance(Value::Text(value), span, from.provenance);
    let flag = || Node::with_provenance(Value::Bool(true), span, from.provenance);
    let mut map = Map::with_capacity(5);
    map.push(word!("type"), span, text(if volume.bind { word!("bind") } else { word!("volume") }.into()));
    if !volume.source.is_empty() {
        map.push(word!("source"), span, text(volume.source.into()));
    }
    map.push(word!("target"), span, text(super::paths::clean(volume.target).into()));
    if volume.read_only {
        map.push(word!("read_only"), span, flag());
    }
    let mut bind = Map::new();
    if let Some(selinux) = volume.selinux {
        bind.push(word!("selinux"), span, text(selinux.into()));
    }
    if let Some(propagation) = volume.propagation {
        bind.push(word!("propagation"), span, text(propagation.into()));
    }
    let mut options = Map::new();
    if volume.nocopy {
        options.push(word!("nocopy"), span, flag());
    }
    if volume.bind {
        bind.push(word!("create_host_path"), span, flag());
    }
    if volume.bind || !bind.is_empty() {
        map.push(word!("bind"), span, Node::new(Value::Map(bind), span));
    }
    if (!volume.bind && !volume.bare) || !options.is_empty() {
        map.push(word!("volume"), span, Node::new(Value::Map(options), span));
    }
    map
}

/// `external: {name: x}` becomes `external: true` and `name: x`.
fn external(section: &str, key: &Arc<str>, node: &mut Node, problems: &mut Problems) {
    let Some(map) = node.as_map_mut() else { return };
    let name = map.get("name").cloned();
    let Some(external) = map.get_mut("external") else { return };
    let Value::Map(inner) = &external.value else { return };
    let inner = inner.get("name").cloned();
    let span = external.span;
    external.value = Value::Bool(true);
    let Some(inner) = inner else { return };
    problems.push(
        Raised::warning(Code::DeprecatedExternal, format!("{section}.{key}: external.name is deprecated"))
            .at(span)
            .help("set `name` and `external: true`"),
    );
    match name {
        Some(name) if name != inner => problems.push(
            Raised::error(Code::ConflictingFields, format!("{section}.{key}: name and external.name differ"))
                .at(inner.span)
                .related(name.span),
        ),
        Some(_) => {}
        None => map.push(word!("name"), inner.span, inner),
    }
}
