//! The last form of the model: every field of its final type, which [`fields`](super::fields) has, what is empty left out.

use crate::codes::Code;
use crate::source::Text;

use std::sync::Arc;

use super::canonical::default_to;
use super::fields::{Absent, Form, Record};
use super::loader::Loader;
use super::model::{Map, Node, Value};
use super::path::Path;
use super::print;
use super::raise::Raised;

mod lists;
mod mappings;
mod scalars;

/// Gives a record's fields their types. What is no field goes, but for extensions.
pub(crate) fn record(mut node: Node, record: &Record, path: &Path<'_>, loader: &mut Loader<'_>) -> Node {
    let (span, dialect) = (node.span, loader.inputs.dialect);
    let Some(map) = node.as_map_mut() else { return node };
    map.entries_mut().retain_mut(|entry| {
        let Some(field) = record.fields(dialect).find(|field| *field.name == *entry.key) else {
            return entry.key.starts_with("x-");
        };
        let untyped = std::mem::replace(&mut entry.node, Node::new(Value::Null, entry.key_span));
        match form(untyped, &field.form, &path.key(&entry.key), loader) {
            Some(typed) => entry.node = typed,
            None => return false,
        }
        true
    });
    for field in record.fields(dialect).filter(|field| field.absent == Absent::Zero) {
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
        Form::Command => lists::command(node, path, loader),
        _ if node.is_null() => None,
        Form::Text => scalars::text(node, path, loader),
        Form::Flag => scalars::flag(node, path, loader).filter(|node| node.as_bool() != Some(false)),
        Form::OptionalFlag | Form::KeptFlag => scalars::flag(node, path, loader),
        Form::Int => scalars::int(node, path, loader).filter(|node| node.as_int() != Some(0)),
        Form::OptionalInt => scalars::int(node, path, loader),
        Form::Unsigned => scalars::unsigned(node, path, loader).filter(|node| node.as_int() != Some(0)),
        Form::OptionalUnsigned => scalars::unsigned(node, path, loader),
        Form::Strict => mappings::strict(node, path, loader),
        Form::Number => scalars::number(node, path, loader).filter(|node| {
            !matches!(node.value, Value::Int(0)) && !matches!(node.value, Value::Float(value) if value == 0.0)
        }),
        Form::Bytes => scalars::bytes(node, path, loader),
        Form::Duration => scalars::duration(node, path, loader),
        Form::PlainDuration => scalars::duration(node, path, loader).filter(|node| !node.is("0s")),
        Form::Texts => lists::texts(node, false, path, loader),
        Form::Printed => lists::texts(node, true, path, loader),
        Form::Printed1 => {
            let text = Text::from(print::go(&node.value));
            (!text.is_empty()).then(|| node.with(Value::Text(text)))
        }
        Form::Repeated => mappings::repeated(node),
        Form::OctalMode => scalars::octal_mode(node, path, loader),
        Form::HealthTest => lists::health_test(node, path, loader),
        Form::Environment => {
            let node = lists::checked(node, path, loader);
            Some(mappings::pairs(node, true)).filter(|node| node.as_map().is_some_and(|map| !map.is_empty()))
        }
        Form::Pairs => {
            Some(mappings::pairs(node, false)).filter(|node| node.as_map().is_some_and(|map| !map.is_empty()))
        }
        Form::Hosts => mappings::hosts(node, path, loader),
        Form::Count => scalars::count(node, path, loader),
        Form::Ssh => mappings::ssh(node),
        Form::Ulimits => mappings::ulimits(node, path, loader),
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
                    mappings::refuse_extension(&entry, path, loader);
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
