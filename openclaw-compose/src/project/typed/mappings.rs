//! Fields that are mappings, or lists that mean one.

use std::sync::Arc;

use crate::codes::Code;
use crate::project::loader::Loader;
use crate::project::model::{Entry, Map, Node, Value};
use crate::project::path::Path;
use crate::project::print;
use crate::project::raise::Raised;
use crate::source::Text;

/// Where Compose has a mapping for anything, it takes keys with `x-` for extensions all the same, and puts them under this name.
pub(super) const EXTENSIONS: &str = "#extensions";

/// Says that a key is taken for an extension, which cannot stand here.
pub(super) fn refuse_extension(entry: &Entry, path: &Path<'_>, loader: &mut Loader<'_>) {
    loader.raise(
        Raised::error(
            Code::BadValue,
            format!(
                "{path}: Compose takes a name that begins with `x-` for an extension, which cannot stand here"
            ),
        )
        .at(entry.key_span)
        .help("give it another name"),
    );
}

/// Every value as a list of texts.
pub(super) fn repeated(node: Node) -> Option<Node> {
    let (span, provenance) = (node.span, node.provenance);
    let Value::Map(map) = node.value else { return None };
    let mut out = Map::with_capacity(map.len());
    let (extensions, options): (Vec<_>, Vec<_>) =
        map.into_entries().into_iter().partition(|entry| entry.key.starts_with("x-"));
    if let Some(first) = extensions.first().map(|entry| entry.key_span) {
        let mut map = Map::new();
        *map.entries_mut() = extensions;
        let text = Text::from(print::go(&Value::Map(map)));
        out.push(EXTENSIONS, first, Node::new(Value::List(vec![Node::of_text(text, first)]), first));
    }
    for mut entry in options {
        let items = match entry.node.value {
            Value::List(items) => items,
            _ => vec![entry.node.clone()],
        };
        // Compose has no entry for an empty list.
        if items.is_empty() {
            continue;
        }
        let printed = |item: Node| match &item.value {
            Value::Text(_) | Value::Unknown => item,
            value => {
                let text = Text::from(print::go(value));
                item.with(Value::Text(text))
            }
        };
        entry.node.value = Value::List(items.into_iter().map(printed).collect());
        out.append(entry);
    }
    out.sort();
    (!out.is_empty()).then(|| Node { value: Value::Map(out), span, provenance })
}

pub(super) fn strict(mut node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    let map = node.as_map_mut()?;
    for entry in map.iter() {
        if entry.key.starts_with("x-") {
            refuse_extension(entry, path, loader);
        } else if !matches!(entry.node.value, Value::Text(_) | Value::Int(_) | Value::Null | Value::Unknown) {
            let what = format!("{} does not fit a text", entry.node.value.kind_name());
            loader.raise(
                Raised::error(Code::BadValue, format!("{}: {what}", path.key(&entry.key)))
                    .at(entry.node.span),
            );
        }
    }
    Some(pairs(node, false)).filter(|node| node.as_map().is_some_and(|map| !map.is_empty()))
}

/// A mapping or `K=V` texts as a sorted mapping of texts; null stays, or is empty.
pub(super) fn pairs(node: Node, keep_null: bool) -> Node {
    let mut out = Map::new();
    let value_of = |node: &Node| match &node.value {
        Value::Null if keep_null => Value::Null,
        Value::Null => Value::Text(Text::from("")),
        Value::Text(text) => Value::Text(text.clone()),
        Value::Unknown => Value::Unknown,
        other => Value::Text(Text::from(print::go(other))),
    };
    match node.value {
        Value::Map(map) => {
            let mut extensions = Vec::new();
            out.entries_mut().reserve(map.len());
            for mut entry in map.into_entries() {
                if entry.key.starts_with("x-") {
                    extensions.push(entry);
                    continue;
                }
                let value = value_of(&entry.node);
                entry.node.value = value;
                out.append(entry);
            }
            // Compose takes `x-` keys for extensions here as well, and prints the lot under this name.
            if let Some(first) = extensions.first().map(|entry| entry.key_span) {
                let mut map = Map::new();
                *map.entries_mut() = extensions;
                let text = Text::from(print::go(&Value::Map(map)));
                out.push(EXTENSIONS, first, Node::of_text(text, first));
            }
        }
        Value::List(items) => {
            for item in items {
                let text = match &item.value {
                    Value::Unknown => continue,
                    value => print::go(value),
                };
                let (key, value) = match text.split_once('=') {
                    Some((key, value)) => (key, Value::Text(Text::from(value))),
                    None if keep_null => (text.as_str(), Value::Null),
                    None => (text.as_str(), Value::Text(Text::from(""))),
                };
                out.push(key, item.span, Node { value, span: item.span, provenance: item.provenance });
            }
            // Of two with one key the later one counts.
            out.entries_mut().reverse();
            out.sort();
            out.entries_mut().dedup_by(|later, first| later.key == first.key);
        }
        _ => {}
    }
    out.sort();
    Node { value: Value::Map(out), span: node.span, provenance: node.provenance }
}

pub(super) fn hosts(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    let mut out: Vec<(String, Node)> = Vec::new();
    let strip = |ip: &str| match ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')) {
        Some(inner) if !inner.is_empty() => inner.to_owned(),
        _ => ip.to_owned(),
    };
    let mut add = |host: &str, ip: &str, from: &Node| -> bool {
        if host.is_empty() || host.contains([':', '=']) {
            return false;
        }
        let text = format!("{host}={}", strip(ip));
        out.push((text.clone(), from.with(Value::Text(Text::from(text)))));
        true
    };
    let (mut problems, mut refused) = (Vec::new(), Vec::new());
    match &node.value {
        Value::Map(map) => {
            for entry in map {
                if entry.key.starts_with("x-") {
                    refused.push(entry.clone());
                    continue;
                }
                let ips: Vec<&Node> = match &entry.node.value {
                    Value::List(items) => items.iter().collect(),
                    _ => vec![&entry.node],
                };
                for ip in ips {
                    let text = if ip.is_null() { String::new() } else { print::go(&ip.value) };
                    if !add(&entry.key, &text, ip) {
                        problems.push((entry.key_span, "bad host name"));
                    }
                }
            }
        }
        Value::List(items) => {
            for item in items {
                let text = print::go(&item.value);
                match text.split_once('=').or_else(|| text.split_once(':')) {
                    Some((host, ips)) => {
                        for ip in ips.split(',') {
                            if !add(host, ip, item) {
                                problems.push((item.span, "bad host name"));
                            }
                        }
                    }
                    None => problems.push((item.span, "invalid additional host, missing IP")),
                }
            }
        }
        _ => return None,
    }
    for (span, what) in problems {
        loader.raise(Raised::error(Code::BadValue, format!("{path}: {what}")).at(span).help("write HOST=IP"));
    }
    for entry in &refused {
        refuse_extension(entry, path, loader);
    }
    // A host with an empty list of addresses leaves a list without hosts.
    if out.is_empty() && node.as_map().is_none_or(Map::is_empty) {
        return None;
    }
    out.sort_by(|a, b| a.0.cmp(&b.0));
    Some(Node {
        value: Value::List(out.into_iter().map(|(_, node)| node).collect()),
        span: node.span,
        provenance: node.provenance,
    })
}

pub(super) fn ssh(node: Node) -> Option<Node> {
    let Value::Map(map) = &node.value else { return None };
    let mut items: Vec<Node> = map
        .iter()
        .map(|entry| {
            let text = match entry.node.expose() {
                Some(path) if !path.is_empty() => format!("{}={path}", entry.key),
                _ => entry.key.to_string(),
            };
            Node::of_text(text, entry.key_span.to(entry.node.span))
        })
        .collect();
    items.sort_by(|a, b| a.text().cmp(&b.text()));
    (!items.is_empty()).then(|| node.with(Value::List(items)))
}

pub(super) fn ulimits(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    let Value::Map(map) = node.value else { return None };
    if map.is_empty() {
        return None;
    }
    let mut out = Map::with_capacity(map.len());
    for mut entry in map.into_entries() {
        if entry.key.starts_with("x-") {
            entry.key = Arc::from(EXTENSIONS);
            entry.node.value = Value::Int(0);
        }
        let here = path.key(&entry.key);
        let span = entry.node.span;
        let zero = || Node::new(Value::Int(0), span);
        // Zero alone is what Compose has for no limit at all.
        if matches!(entry.node.value, Value::Int(0)) {
            let mut both = Map::with_capacity(2);
            both.push("soft", entry.key_span, zero());
            both.push("hard", entry.key_span, zero());
            entry.node.value = Value::Map(both);
        } else if let Value::Map(limits) = &entry.node.value {
            let mut both = Map::with_capacity(2);
            for key in ["soft", "hard"] {
                if let Some(limit) = limits.get(key) {
                    if matches!(limit.value, Value::Int(_)) {
                        both.push(key, limit.span, limit.clone());
                    } else if !limit.is_unknown() {
                        loader.raise(
                            Raised::error(
                                Code::BadValue,
                                format!("{here}.{key}: a limit must be an integer"),
                            )
                            .at(limit.span),
                        );
                    }
                }
            }
            entry.node.value = Value::Map(both);
        }
        out.append(entry);
    }
    out.sort();
    Some(Node { value: Value::Map(out), span: node.span, provenance: node.provenance })
}
