//! The project as YAML, in the styles that go-yaml picks.

use std::fmt::Write as _;

use crate::project::fields::{Absent, Form, Record, record_of};
use crate::project::model::{Entry, Map, Node, Value};
use crate::project::print;
use crate::source::is_hidden;

use super::{Key, SECTIONS, Writer};

impl Writer<'_> {
    pub(super) fn yaml(&mut self) {
        self.out.push_str("name: ");
        self.yaml_scalar(&self.resolution.name, Key::of("name"), 0);
        self.out.push('\n');
        let services: Vec<&Entry> = self.resolution.enabled.iter().collect();
        self.yaml_resources("services", &services);
        for section in SECTIONS {
            let used = self.resolution.used(section);
            if !used.is_empty() {
                self.yaml_resources(section, &used);
            }
        }
        let mut extensions: Vec<&Entry> = self
            .resolution
            .root
            .as_map()
            .into_iter()
            .flatten()
            .filter(|entry| entry.key.starts_with("x-"))
            .collect();
        extensions.sort_by(|a, b| a.key.cmp(&b.key));
        for entry in extensions {
            self.yaml_value(&entry.node, &Form::Any, Key::of(&entry.key), 0);
        }
    }

    fn yaml_resources(&mut self, section: &str, entries: &[&Entry]) {
        let Some(record) = record_of(section) else { return };
        if entries.is_empty() {
            self.print(format_args!("{section}: {{}}\n"));
            return;
        }
        self.print(format_args!("{section}:\n"));
        let mut entries: Vec<&Entry> = entries.to_vec();
        entries.sort_by(|a, b| natural(&a.key, &b.key));
        for entry in entries {
            self.pad(1);
            self.yaml_key(&entry.key, 1);
            self.out.push(':');
            self.yaml_record(entry.node.as_map(), record, 1, false);
        }
    }

    /// The fields of a record; `item` where the first line follows a dash.
    fn yaml_record(&mut self, map: Option<&Map>, record: &Record, depth: usize, item: bool) {
        let mut lines = 0;
        for field in record.fields(self.resolution.dialect()) {
            let Some(node) =
                map.and_then(|map| map.get(field.name)).filter(|_| !matches!(field.form, Form::Consumed))
            else {
                continue;
            };
            if matches!(field.absent, Absent::Record) && node.as_map().is_some_and(Map::is_empty) {
                continue;
            }
            self.first_line(&mut lines, depth, item);
            self.yaml_value(node, &field.form, Key::of(field.name), depth + 1);
        }
        let mut extensions: Vec<&Entry> =
            map.into_iter().flatten().filter(|entry| entry.key.starts_with("x-")).collect();
        extensions.sort_by(|a, b| a.key.cmp(&b.key));
        for entry in extensions {
            self.first_line(&mut lines, depth, item);
            self.yaml_value(&entry.node, &Form::Any, Key::of(&entry.key), depth + 1);
        }
        if lines == 0 {
            self.out.push_str(" {}\n");
        }
    }

    fn first_line(&mut self, lines: &mut usize, depth: usize, item: bool) {
        match (*lines, item) {
            (0, true) => self.out.push(' '),
            (0, false) => {
                self.out.push('\n');
                self.pad(depth + 1);
            }
            _ => self.pad(depth + 1),
        }
        *lines += 1;
    }

    /// `key:` and its value; the line's indentation is there already.
    fn yaml_value(&mut self, node: &Node, form: &Form, key: Key<'_>, depth: usize) {
        self.yaml_key(key.name, depth);
        self.out.push(':');
        self.yaml_form(node, form, key, depth, false);
    }

    /// A value after `key:` or, where `item`, after a dash.
    fn yaml_form(&mut self, node: &Node, form: &Form, key: Key<'_>, depth: usize, item: bool) {
        match (form, &node.value) {
            (Form::Record(record), Value::Map(map)) => self.yaml_record(Some(map), record, depth, item),
            (Form::Records(record), Value::List(items)) if !items.is_empty() => {
                self.out.push('\n');
                for item in items {
                    self.pad(depth + 1);
                    self.out.push('-');
                    self.yaml_record(item.as_map(), record, depth + 1, true);
                }
            }
            (Form::Ulimits, Value::Map(map)) => {
                self.out.push('\n');
                for entry in map {
                    self.pad(depth + 1);
                    self.yaml_key(&entry.key, depth + 1);
                    self.out.push(':');
                    self.yaml_limits(&entry.node, Key::of(&entry.key), depth + 2);
                }
            }
            (Form::Named(record, _), Value::Map(map)) => {
                self.out.push('\n');
                let mut entries: Vec<&Entry> = map.iter().collect();
                entries.sort_by(|a, b| natural(&a.key, &b.key));
                for entry in entries {
                    self.pad(depth + 1);
                    self.yaml_key(&entry.key, depth + 1);
                    self.out.push(':');
                    if entry.node.is_null() {
                        self.out.push_str(" null\n");
                    } else {
                        self.yaml_record(entry.node.as_map(), record, depth + 1, false);
                    }
                }
            }
            (_, Value::List(items)) if !items.is_empty() => {
                if item {
                    self.out.push(' ');
                } else {
                    self.out.push('\n');
                }
                for (number, inner) in items.iter().enumerate() {
                    if !(item && number == 0) {
                        self.pad(depth + 1);
                    }
                    self.out.push('-');
                    self.yaml_form(inner, &Form::Any, key.item(items, number), depth + 1, true);
                }
            }
            (_, Value::Map(map)) if !map.is_empty() => {
                let mut entries: Vec<&Entry> = map.iter().collect();
                entries.sort_by(|a, b| natural(&a.key, &b.key));
                let mut lines = 0;
                for entry in entries {
                    self.first_line(&mut lines, depth, item);
                    self.yaml_value(&entry.node, &Form::Any, key.below(&entry.key), depth + 1);
                }
            }
            _ => {
                self.out.push(' ');
                self.yaml_scalar(node, key, depth);
                self.out.push('\n');
            }
        }
    }

    /// A limit, or a soft and a hard one, zero or not.
    fn yaml_limits(&mut self, node: &Node, key: Key<'_>, depth: usize) {
        let Value::Map(_) = &node.value else {
            self.out.push(' ');
            self.yaml_scalar(node, key, depth);
            self.out.push('\n');
            return;
        };
        self.out.push('\n');
        for key in ["soft", "hard"] {
            let limit = node.get(key).and_then(Node::as_int).unwrap_or(0);
            self.pad(depth);
            self.print(format_args!("{key}: {limit}\n"));
        }
    }

    fn yaml_scalar(&mut self, node: &Node, key: Key<'_>, depth: usize) {
        if let Some(masked) = self.masked(node, key) {
            yaml_text(&mut self.out, &masked, depth);
            return;
        }
        match &node.value {
            Value::List(_) => self.out.push_str("[]"),
            Value::Map(_) => self.out.push_str("{}"),
            Value::Unknown | Value::Null => self.out.push_str("null"),
            Value::Bool(value) => self.print(value),
            Value::Int(value) => self.print(value),
            Value::Uint(value) => self.print(value),
            Value::Float(value) => self.out.push_str(&print::yaml_float(*value)),
            Value::Time(value) => self.out.push_str(&value.rfc3339()),
            Value::Text(text) => yaml_text(&mut self.out, text.expose(), depth),
        }
    }

    fn yaml_key(&mut self, key: &str, depth: usize) {
        let key = self.key(key);
        yaml_text(&mut self.out, &key, depth);
    }

    fn pad(&mut self, depth: usize) {
        for _ in 0..depth {
            self.out.push_str("  ");
        }
    }
}

/// go-yaml's order of keys: numbers inside them by value, letters after everything else.
fn natural(a: &str, b: &str) -> std::cmp::Ordering {
    let (left, right): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut digits = false;
    let mut at = 0;
    while let (Some(&x), Some(&y)) = (left.get(at), right.get(at)) {
        if x == y {
            digits = x.is_numeric();
            at += 1;
            continue;
        }
        let (al, bl) = (x.is_alphabetic(), y.is_alphabetic());
        if al && bl {
            return x.cmp(&y);
        }
        if al || bl {
            let first = if digits { al } else { bl };
            return if first { std::cmp::Ordering::Less } else { std::cmp::Ordering::Greater };
        }
        let number = |chars: &[char]| {
            let (mut value, mut end) = (0u64, at);
            // A run of zeros before does not count.
            if x == '0' || y == '0' {
                let mut back = at;
                while back > 0 && chars.get(back - 1).is_some_and(char::is_ascii_digit) {
                    back -= 1;
                    if chars.get(back).is_some_and(|digit| *digit != '0') {
                        value = 1;
                        break;
                    }
                }
            }
            while let Some(digit) = chars.get(end).and_then(|c| c.to_digit(10)) {
                value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
                end += 1;
            }
            (value, end)
        };
        let ((an, ae), (bn, be)) = (number(&left), number(&right));
        if an != bn {
            return an.cmp(&bn);
        }
        if ae != be {
            return ae.cmp(&be);
        }
        return x.cmp(&y);
    }
    left.len().cmp(&right.len())
}

/// A YAML text in the style that go-yaml picks.
fn yaml_text(out: &mut String, text: &str, depth: usize) {
    match style(text) {
        Style::Plain => out.push_str(text),
        Style::Single => {
            out.push('\'');
            out.push_str(&text.replace('\'', "''"));
            out.push('\'');
        }
        Style::Double => double_quoted(out, text),
        Style::Literal => literal(out, text, depth),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

fn style(text: &str) -> Style {
    if text.is_empty() || means_something_else(text) {
        return Style::Double;
    }
    // go-yaml prints some of them as they are: what nobody sees, or what reorders a line, is read the same if it is escaped.
    let special = text.chars().any(|c| is_hidden(c) && c != '\n' || matches!(c, '\u{fffe}' | '\u{ffff}'));
    let breaks = text.contains(['\n', '\u{85}', '\u{2028}', '\u{2029}']);
    if breaks {
        let leading = text.starts_with([' ', '\n']);
        let blank_before_break = text.contains(" \n");
        return if special
            || blank_before_break
            || text.ends_with(' ')
            || (leading && text.trim().is_empty() && text.contains(' '))
        {
            Style::Double
        } else {
            Style::Literal
        };
    }
    // go-yaml escapes what lies past the basic plane.
    if special || text.chars().any(|c| c > '\u{ffff}') {
        return Style::Double;
    }
    if plain_allowed(text) { Style::Plain } else { Style::Single }
}

/// True where a plain text would be read as a number, a boolean, null, a date or a merge key.
fn means_something_else(text: &str) -> bool {
    use crate::syntax::yaml;
    if matches!(
        text,
        "y" | "Y"
            | "yes"
            | "Yes"
            | "YES"
            | "on"
            | "On"
            | "ON"
            | "n"
            | "N"
            | "no"
            | "No"
            | "NO"
            | "off"
            | "Off"
            | "OFF"
            | "="
    ) {
        return text != "=";
    }
    let first = text.as_bytes().first().copied().unwrap_or_default();
    let suspicious = first.is_ascii_digit()
        || matches!(first, b'+' | b'-' | b'.' | b'~' | b'n' | b'N' | b't' | b'T' | b'f' | b'F');
    if !suspicious {
        return false;
    }
    if is_base_60(text) {
        return true;
    }
    let read = yaml::parse(crate::source::FileId::new(0), text);
    match read.documents.as_slice() {
        [only] => !matches!(only.value, yaml::Value::Str(_) | yaml::Value::Map(_) | yaml::Value::Seq(_)),
        _ => false,
    }
}

/// `12:30:45`, which YAML 1.1 read as a number.
fn is_base_60(text: &str) -> bool {
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    let Some((first, rest)) = body.split_once(':') else { return false };
    if first.is_empty()
        || !first.starts_with(|c: char| c.is_ascii_digit())
        || !first.bytes().all(|b| b.is_ascii_digit() || b == b'_')
    {
        return false;
    }
    let (rest, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    fraction.bytes().all(|b| b.is_ascii_digit() || b == b'_')
        && rest.split(':').all(|part| match part.as_bytes() {
            [b] => b.is_ascii_digit(),
            [a, b] => (b'0'..=b'5').contains(a) && b.is_ascii_digit(),
            _ => false,
        })
}

/// The rules of a block plain scalar in libyaml.
fn plain_allowed(text: &str) -> bool {
    if text.starts_with("---") || text.starts_with("...") || text.starts_with(' ') || text.ends_with(' ') {
        return false;
    }
    let chars: Vec<char> = text.chars().collect();
    for (at, c) in chars.iter().enumerate() {
        let before_blank = chars.get(at + 1).is_none_or(|next| matches!(next, ' ' | '\t'));
        let after_blank = at == 0 || chars.get(at - 1).is_some_and(|last| matches!(last, ' ' | '\t'));
        let bad = if at == 0 {
            match c {
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@'
                | '`' => true,
                '?' | ':' | '-' => before_blank,
                _ => false,
            }
        } else {
            match c {
                ':' => before_blank,
                '#' => after_blank,
                _ => false,
            }
        };
        if bad {
            return false;
        }
    }
    true
}

fn double_quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\0' => out.push_str("\\0"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\u{1b}' => out.push_str("\\e"),
            '\u{85}' => out.push_str("\\N"),
            '\u{2028}' => out.push_str("\\L"),
            '\u{2029}' => out.push_str("\\P"),
            c if c < '\u{a0}' && is_hidden(c) => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\x{:02X}", u32::from(c));
            }
            c if c <= '\u{ffff}' && is_hidden(c) => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c if c > '\u{ffff}' => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\U{:08X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

fn literal(out: &mut String, text: &str, depth: usize) {
    out.push('|');
    if text.starts_with([' ', '\n']) {
        out.push('2');
    }
    if !text.ends_with('\n') {
        out.push('-');
    } else if text.ends_with("\n\n") || text == "\n" {
        out.push('+');
    }
    if text == "\n" {
        return;
    }
    let body = text.strip_suffix('\n').unwrap_or(text);
    for line in body.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            for _ in 0..=depth {
                out.push_str("  ");
            }
            out.push_str(line);
        }
    }
}
