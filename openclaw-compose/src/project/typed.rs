//! The last form of the model: every field of its final type, which [`fields`](super::fields) has, what is empty left out.

use crate::codes::Code;
use crate::source::Text;

use std::sync::Arc;

use super::canonical::{default_to, scalar};
use super::fields::{Absent, Field, Form, Record};
use super::loader::Loader;
use super::model::{Entry, Map, Node, Value};
use super::path::Path;
use super::print;
use super::raise::Raised;

/// Where Compose has a mapping for anything, it takes keys with `x-` for extensions all the same, and puts them under this name.
const EXTENSIONS: &str = "#extensions";

/// Says that a key is taken for an extension, which cannot stand here.
fn refuse_extension(entry: &Entry, path: &Path<'_>, loader: &mut Loader<'_>) {
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

/// Gives a record's fields their types. What is no field goes, but for extensions.
pub(crate) fn record(mut node: Node, record: &Record, path: &Path<'_>, loader: &mut Loader<'_>) -> Node {
    let (span, dialect) = (node.span, loader.inputs.dialect);
    let Some(map) = node.as_map_mut() else { return node };
    map.entries_mut().retain_mut(|entry| {
        let known = |field: &&Field| *field.name == *entry.key && field.is_in(dialect);
        let Some(field) = record.0.iter().find(known) else {
            return entry.key.starts_with("x-");
        };
        let untyped = std::mem::replace(&mut entry.node, Node::new(Value::Null, entry.key_span));
        match form(untyped, &field.form, &path.key(&entry.key), loader) {
            Some(typed) => entry.node = typed,
            None => return false,
        }
        true
    });
    for field in record.0.iter().filter(|field| field.absent == Absent::Zero) {
        default_to(map, Arc::from(field.name), || match field.form {
            Form::Unsigned => Node::new(Value::Int(0), span),
            Form::Bytes => Node::of_text("0", span),
            _ => Node::of_text("", span),
        });
    }
    node
}

/// The typed value of a field; `None` where it is left out.
fn form(node: Node, form: &Form, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    if node.is_unknown() {
        return Some(node);
    }
    match form {
        Form::Any => Some(node),
        Form::Command => command(node, path, loader),
        _ if node.is_null() => None,
        Form::Text => text(node, path, loader),
        Form::Flag => flag(node, path, loader).filter(|node| node.as_bool() != Some(false)),
        Form::OptionalFlag | Form::KeptFlag => flag(node, path, loader),
        Form::Int => int(node, path, loader).filter(|node| node.as_int() != Some(0)),
        Form::OptionalInt => int(node, path, loader),
        Form::Unsigned => unsigned(node, path, loader).filter(|node| node.as_int() != Some(0)),
        Form::OptionalUnsigned => unsigned(node, path, loader),
        Form::Strict => strict(node, path, loader),
        Form::Number => number(node, path, loader).filter(|node| {
            !matches!(node.value, Value::Int(0)) && !matches!(node.value, Value::Float(value) if value == 0.0)
        }),
        Form::Bytes => bytes(node, path, loader),
        Form::Duration => duration(node, path, loader),
        Form::PlainDuration => duration(node, path, loader).filter(|node| !node.is("0s")),
        Form::Texts => texts(node, false, path, loader),
        Form::Printed => texts(node, true, path, loader),
        Form::Printed1 => {
            let text = Text::from(print::go(&node.value));
            (!text.is_empty()).then(|| node.with(Value::Text(text)))
        }
        Form::Repeated => repeated(node),
        Form::OctalMode => octal_mode(node, path, loader),
        Form::HealthTest => health_test(node, path, loader),
        Form::Environment => {
            let node = checked(node, path, loader);
            Some(pairs(node, true)).filter(|node| node.as_map().is_some_and(|map| !map.is_empty()))
        }
        Form::Pairs => {
            Some(pairs(node, false)).filter(|node| node.as_map().is_some_and(|map| !map.is_empty()))
        }
        Form::Hosts => hosts(node, path, loader),
        Form::Count => count(node, path, loader),
        Form::Ssh => ssh(node),
        Form::Ulimits => ulimits(node, path, loader),
        Form::Record(record) => Some(self::record(node, record, path, loader)),
        Form::Records(record) => {
            let Value::List(items) = node.value else { return None };
            if items.is_empty() {
                return None;
            }
            let items = items
                .into_iter()
                .enumerate()
                .map(|(number, item)| self::record(item, record, &path.item(number), loader))
                .collect();
            Some(Node { value: Value::List(items), span: node.span, provenance: node.provenance })
        }
        Form::Named(record, null) => {
            let Value::Map(map) = node.value else { return None };
            if map.is_empty() {
                return None;
            }
            let mut out = Map::with_capacity(map.len());
            for mut entry in map.into_entries() {
                let here = path.key(&entry.key);
                // Services may be called so, networks and models of a service not.
                if *null && entry.key.starts_with("x-") {
                    refuse_extension(&entry, path, loader);
                    continue;
                }
                if !(entry.node.is_null() && *null) {
                    entry.node = self::record(entry.node, record, &here, loader);
                }
                out.append(entry);
            }
            out.sort();
            Some(Node { value: Value::Map(out), span: node.span, provenance: node.provenance })
        }
        Form::Consumed => Some(node),
    }
}

fn bad(code: Code, node: &Node, path: &Path<'_>, what: &str, loader: &mut Loader<'_>) -> Option<Node> {
    loader.raise(Raised::error(code, format!("{path}: {what}")).at(node.span));
    Some(node.with(Value::Unknown))
}

fn text(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    match &node.value {
        Value::Text(text) => (!text.is_empty()).then_some(node),
        Value::Int(value) => {
            let text = Text::from(value.to_string());
            Some(node.with(Value::Text(text)))
        }
        other => {
            let what = format!("{} does not fit a text", other.kind_name());
            bad(Code::BadValue, &node, path, &what, loader)
        }
    }
}

fn flag(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    match &node.value {
        Value::Bool(_) => Some(node),
        Value::Text(text) => {
            let text = text.clone();
            match super::tree::boolean(loader, text.expose(), node.span, path) {
                Some(value) => Some(node.with(value)),
                None => bad(Code::BadCast, &node, path, "the text is not a boolean", loader),
            }
        }
        _ => bad(Code::BadValue, &node, path, "not a boolean", loader),
    }
}

fn int(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    match &node.value {
        Value::Int(_) | Value::Uint(_) => Some(node),
        #[expect(clippy::cast_possible_truncation, reason = "as Go converts a float")]
        Value::Float(value) => {
            let value = Value::Int(*value as i64);
            Some(node.with(value))
        }
        Value::Text(text) => match text.parse() {
            Some(value) => Some(node.with(Value::Int(value))),
            None => bad(Code::BadCast, &node, path, "the text is not an integer", loader),
        },
        _ => bad(Code::BadValue, &node, path, "not an integer", loader),
    }
}

fn unsigned(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    match &node.value {
        Value::Int(value) if *value < 0 => bad(Code::BadValue, &node, path, "must not be negative", loader),
        Value::Text(_) => bad(Code::BadValue, &node, path, "must be a number, not a text", loader),
        _ => int(node, path, loader),
    }
}

/// An integer as it is, text in octal; both are shown in octal.
fn octal_mode(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    let mode = match &node.value {
        Value::Int(mode) => Some(*mode),
        Value::Text(text) => i64::from_str_radix(text.expose().trim_start_matches('+'), 8).ok(),
        other => {
            let what = format!("{} does not fit a file's mode", other.kind_name());
            return bad(Code::BadValue, &node, path, &what, loader);
        }
    };
    match mode {
        Some(mode) => {
            let sign = if mode < 0 { "-" } else { "" };
            let text = Text::from(format!("0{sign}{:o}", mode.unsigned_abs()));
            Some(node.with(Value::Text(text)))
        }
        None => bad(Code::BadCast, &node, path, "the text is not an octal number; write 0440", loader),
    }
}

/// Every value as a list of texts.
fn repeated(node: Node) -> Option<Node> {
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

fn strict(mut node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
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

fn number(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    match &node.value {
        Value::Int(_) | Value::Uint(_) => Some(node),
        // Compose keeps these fields in 32 bits.
        #[expect(clippy::cast_possible_truncation, reason = "that is the point")]
        Value::Float(value) => {
            let value = Value::Float(super::tree::widen(*value as f32));
            Some(node.with(value))
        }
        Value::Text(text) => match text.parse::<f32>() {
            Some(value) => Some(node.with(Value::Float(super::tree::widen(value)))),
            None => bad(Code::BadCast, &node, path, "the text is not a number", loader),
        },
        _ => bad(Code::BadValue, &node, path, "not a number", loader),
    }
}

fn bytes(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    let size = match &node.value {
        Value::Int(value) => Some(*value),
        Value::Text(text) => scalar::bytes(text.expose()),
        // Compose drops what is neither.
        _ => return None,
    };
    match size {
        Some(0) => None,
        Some(size) => {
            let text = Text::from(size.to_string());
            Some(node.with(Value::Text(text)))
        }
        None => bad(Code::BadValue, &node, path, "invalid size; write 512m, 1g or a number of bytes", loader),
    }
}

fn duration(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    let written = print::go(&node.value);
    match scalar::duration(&written, loader.inputs.dialect.knows_days()) {
        Some(text) => Some(node.with(Value::Text(Text::from(text)))),
        None => bad(Code::BadDuration, &node, path, "invalid duration; write 30s, 1m30s or 500ms", loader),
    }
}

fn texts(node: Node, print_numbers: bool, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    let items = match node.value {
        Value::Text(_) => vec![node.clone()],
        Value::List(items) => items,
        _ => return None,
    };
    if items.is_empty() {
        return None;
    }
    let mut out = Vec::with_capacity(items.len());
    for (number, item) in items.into_iter().enumerate() {
        match &item.value {
            Value::Text(_) | Value::Unknown => out.push(item),
            value if print_numbers || matches!(value, Value::Int(_)) => {
                let text = Text::from(print::go(value));
                out.push(item.with(Value::Text(text)));
            }
            value => {
                let what = format!("{} does not fit a list of texts", value.kind_name());
                out.extend(bad(Code::BadValue, &item, &path.item(number), &what, loader));
            }
        }
    }
    Some(Node { value: Value::List(out), span: node.span, provenance: node.provenance })
}

fn command(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    match &node.value {
        Value::Null => None,
        Value::Text(line) => match scalar::words(line.expose()) {
            Some(words) => {
                let items = words
                    .into_iter()
                    .map(|word| {
                        Node::with_provenance(Value::Text(Text::from(word)), node.span, node.provenance)
                    })
                    .collect();
                Some(node.with(Value::List(items)))
            }
            None => bad(
                Code::BadValue,
                &node,
                path,
                "invalid command line string: a quote or a parenthesis stays open",
                loader,
            ),
        },
        Value::List(items) if items.is_empty() => Some(node),
        _ => texts(node, false, path, loader),
    }
}

fn health_test(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    if let Value::Text(_) = node.value {
        let shell = Node::of_text("CMD-SHELL", node.span);
        let items = vec![shell, node.clone()];
        return Some(node.with(Value::List(items)));
    }
    texts(node, false, path, loader)
}

/// From compose-go 2.4.9 on a blank before `=` is refused.
fn checked(mut node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Node {
    if !loader.inputs.dialect.refuses_blank_before_equals() {
        return node;
    }
    for (number, item) in node.as_list_mut().into_iter().flatten().enumerate() {
        let name = item.expose().map(|text| text.split('=').next().unwrap_or_default());
        if name.is_some_and(|name| name.ends_with(char::is_whitespace)) {
            let what = "a name with a blank before `=`";
            if let Some(unknown) = bad(Code::BadValue, item, &path.item(number), what, loader) {
                *item = unknown;
            }
        }
    }
    node
}

/// A mapping or `K=V` texts as a sorted mapping of texts; null stays, or is empty.
pub(crate) fn pairs(node: Node, keep_null: bool) -> Node {
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

fn hosts(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
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

fn count(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    match &node.value {
        Value::Text(text) if text.expose().eq_ignore_ascii_case("all") => Some(node.with(Value::Int(-1))),
        Value::Text(text) if text.parse::<i64>().is_none() => {
            bad(Code::BadValue, &node, path, "the only value allowed is 'all' or a number", loader)
        }
        _ => int(node, path, loader).filter(|node| node.as_int() != Some(0)),
    }
}

fn ssh(node: Node) -> Option<Node> {
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

fn ulimits(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
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
