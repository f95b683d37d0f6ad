//! The project as JSON.

use std::fmt::Write as _;

use crate::project::fields::{Absent, Form, Record, record_of};
use crate::project::model::{Entry, Map, Node, Value};
use crate::project::print;
use crate::source::is_hidden;

use super::{Key, SECTIONS, Writer};

impl Writer<'_> {
    pub(super) fn json(&mut self) {
        let mut top: Vec<(&str, Top<'_>)> = vec![("name", Top::Name), ("services", Top::Services)];
        // Compose prints no models in JSON.
        for section in SECTIONS.into_iter().filter(|section| *section != "models") {
            let used = self.resolution.used(section);
            if !used.is_empty() {
                top.push((section, Top::Section(section, used)));
            }
        }
        for entry in self.resolution.root.as_map().into_iter().flatten() {
            if entry.key.starts_with("x-") {
                top.push((&entry.key, Top::Extension(&entry.node)));
            }
        }
        top.sort_by(|a, b| a.0.cmp(b.0));
        self.out.push('{');
        for (number, (key, value)) in top.into_iter().enumerate() {
            self.json_key(number, 1, key);
            match value {
                Top::Name => self.json_any(&self.resolution.name, Key::of(key), 1),
                Top::Services => {
                    let services: Vec<&Entry> = self.resolution.enabled.iter().collect();
                    self.json_resources("services", &services);
                }
                Top::Section(section, used) => self.json_resources(section, &used),
                Top::Extension(node) => {
                    self.json_any(&without_empty_lists(node), Key::of(key), 1);
                }
            }
        }
        self.out.push_str("\n}");
    }

    fn json_resources(&mut self, section: &str, entries: &[&Entry]) {
        let Some(record) = record_of(section) else { return };
        if entries.is_empty() {
            self.out.push_str("{}");
            return;
        }
        self.out.push('{');
        for (number, entry) in entries.iter().enumerate() {
            self.json_key(number, 2, &entry.key);
            self.json_record(entry.node.as_map(), record, 2);
        }
        self.indent(1);
        self.out.push('}');
    }

    fn json_record(&mut self, map: Option<&Map>, record: &Record, depth: usize) {
        self.out.push('{');
        let mut number = 0;
        for field in record.fields(self.resolution.dialect()) {
            let node =
                map.and_then(|map| map.get(field.name)).filter(|_| !matches!(field.form, Form::Consumed));
            let name = field.json.unwrap_or(field.name);
            match (node, &field.form, field.absent) {
                (None, _, Absent::Nothing | Absent::Zero) => continue,
                (None, _, Absent::Null) => {
                    self.json_key(number, depth + 1, name);
                    self.out.push_str("null");
                }
                (None, Form::Record(inner), Absent::Record) => {
                    self.json_key(number, depth + 1, name);
                    self.json_record(None, inner, depth + 1);
                }
                (None, _, Absent::Record) => continue,
                (Some(node), form, _) => {
                    self.json_key(number, depth + 1, name);
                    self.json_form(node, form, Key::of(field.name), depth + 1);
                }
            }
            number += 1;
        }
        if number > 0 {
            self.indent(depth);
        }
        self.out.push('}');
    }

    fn json_form(&mut self, node: &Node, form: &Form, key: Key<'_>, depth: usize) {
        match (form, &node.value) {
            (Form::Record(record), Value::Map(map)) => self.json_record(Some(map), record, depth),
            (Form::Records(record), Value::List(items)) => {
                self.out.push('[');
                for (number, item) in items.iter().enumerate() {
                    if number > 0 {
                        self.out.push(',');
                    }
                    self.indent(depth + 1);
                    self.json_record(item.as_map(), record, depth + 1);
                }
                self.indent(depth);
                self.out.push(']');
            }
            (Form::Named(record, _), Value::Map(map)) => {
                self.out.push('{');
                for (number, entry) in map.iter().enumerate() {
                    self.json_key(number, depth + 1, &entry.key);
                    if entry.node.is_null() {
                        self.out.push_str("null");
                    } else {
                        self.json_record(entry.node.as_map(), record, depth + 1);
                    }
                }
                self.indent(depth);
                self.out.push('}');
            }
            (Form::Ulimits, Value::Map(map)) => {
                self.out.push('{');
                for (number, entry) in map.iter().enumerate() {
                    self.json_key(number, depth + 1, &entry.key);
                    match &entry.node.value {
                        Value::Map(limits) => self.json_limits(limits, depth + 1),
                        _ => self.json_any(&entry.node, Key::of(&entry.key), depth + 1),
                    }
                }
                self.indent(depth);
                self.out.push('}');
            }
            _ => self.json_any(node, key, depth),
        }
    }

    /// A soft and a hard limit, those of zero left out.
    fn json_limits(&mut self, limits: &Map, depth: usize) {
        self.out.push('{');
        let mut number = 0;
        for limit in limits.iter().filter(|limit| limit.node.as_int() != Some(0)) {
            self.json_key(number, depth + 1, &limit.key);
            self.json_any(&limit.node, Key::of(&limit.key), depth + 1);
            number += 1;
        }
        if number > 0 {
            self.indent(depth);
        }
        self.out.push('}');
    }

    fn json_any(&mut self, node: &Node, key: Key<'_>, depth: usize) {
        if let Some(masked) = self.masked(node, key) {
            json_text(&mut self.out, &masked);
            return;
        }
        match &node.value {
            Value::List(items) if items.is_empty() => self.out.push_str("[]"),
            Value::List(items) => {
                self.out.push('[');
                for (number, item) in items.iter().enumerate() {
                    if number > 0 {
                        self.out.push(',');
                    }
                    self.indent(depth + 1);
                    self.json_any(item, key.item(items, number), depth + 1);
                }
                self.indent(depth);
                self.out.push(']');
            }
            Value::Map(map) if map.is_empty() => self.out.push_str("{}"),
            Value::Map(map) => {
                self.out.push('{');
                let mut entries: Vec<&Entry> = map.iter().collect();
                entries.sort_by(|a, b| a.key.cmp(&b.key));
                for (number, entry) in entries.into_iter().enumerate() {
                    self.json_key(number, depth + 1, &entry.key);
                    self.json_any(&entry.node, key.below(&entry.key), depth + 1);
                }
                self.indent(depth);
                self.out.push('}');
            }
            Value::Unknown | Value::Null => self.out.push_str("null"),
            Value::Bool(value) => self.print(value),
            Value::Int(value) => self.print(value),
            Value::Uint(value) => self.print(value),
            Value::Float(value) if value.is_finite() => self.out.push_str(&print::json_float(*value)),
            Value::Float(_) => self.out.push_str("null"),
            Value::Time(value) => json_text(&mut self.out, &value.rfc3339()),
            Value::Text(text) => json_text(&mut self.out, text.expose()),
        }
    }

    fn json_key(&mut self, number: usize, depth: usize, key: &str) {
        if number > 0 {
            self.out.push(',');
        }
        self.indent(depth);
        let key = self.key(key);
        json_text(&mut self.out, &key);
        self.out.push_str(": ");
    }

    fn indent(&mut self, depth: usize) {
        self.out.push('\n');
        for _ in 0..depth {
            self.out.push_str("  ");
        }
    }
}

/// Compose loses the difference between an empty list and null in `x-` keys.
fn without_empty_lists(node: &Node) -> Node {
    match &node.value {
        Value::List(items) if items.is_empty() => node.with(Value::Null),
        Value::List(items) => node.with(Value::List(items.iter().map(without_empty_lists).collect())),
        Value::Map(map) => {
            let mut map = map.clone();
            for entry in map.iter_mut() {
                entry.node = without_empty_lists(&entry.node);
            }
            node.with(Value::Map(map))
        }
        _ => node.clone(),
    }
}

enum Top<'r> {
    Name,
    Services,
    Section(&'static str, Vec<&'r Entry>),
    Extension(&'r Node),
}

/// A JSON text as Go writes it, `<`, `>` and `&` escaped; so is what nobody sees, or what reorders a line.
fn json_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if matches!(c, '<' | '>' | '&') || is_hidden(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
