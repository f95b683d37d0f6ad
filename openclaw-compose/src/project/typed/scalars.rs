//! Fields of one value: texts, flags, numbers, sizes and times.

use crate::codes::Code;
use crate::project::canonical::scalar;
use crate::project::loader::Loader;
use crate::project::model::{Node, Value};
use crate::project::path::Path;
use crate::project::print;
use crate::project::tree;
use crate::source::Text;

use super::bad;

pub(super) fn text(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
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

pub(super) fn flag(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    match &node.value {
        Value::Bool(_) => Some(node),
        Value::Text(text) => {
            let text = text.clone();
            match tree::boolean(loader, text.expose(), node.span, path) {
                Some(value) => Some(node.with(value)),
                None => bad(Code::BadCast, &node, path, "the text is not a boolean", loader),
            }
        }
        _ => bad(Code::BadValue, &node, path, "not a boolean", loader),
    }
}

pub(super) fn int(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
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

pub(super) fn unsigned(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    match &node.value {
        Value::Int(value) if *value < 0 => bad(Code::BadValue, &node, path, "must not be negative", loader),
        Value::Text(_) => bad(Code::BadValue, &node, path, "must be a number, not a text", loader),
        _ => int(node, path, loader),
    }
}

/// An integer as it is, text in octal; both are shown in octal.
pub(super) fn octal_mode(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
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

pub(super) fn number(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    match &node.value {
        Value::Int(_) | Value::Uint(_) => Some(node),
        // Compose keeps these fields in 32 bits.
        #[expect(clippy::cast_possible_truncation, reason = "that is the point")]
        Value::Float(value) => {
            let value = Value::Float(tree::widen(*value as f32));
            Some(node.with(value))
        }
        Value::Text(text) => match text.parse::<f32>() {
            Some(value) => Some(node.with(Value::Float(tree::widen(value)))),
            None => bad(Code::BadCast, &node, path, "the text is not a number", loader),
        },
        _ => bad(Code::BadValue, &node, path, "not a number", loader),
    }
}

pub(super) fn bytes(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
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

pub(super) fn duration(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    let written = print::go(&node.value);
    match scalar::duration(&written, loader.inputs.dialect.knows_days()) {
        Some(text) => Some(node.with(Value::Text(Text::from(text)))),
        None => bad(Code::BadDuration, &node, path, "invalid duration; write 30s, 1m30s or 500ms", loader),
    }
}

pub(super) fn count(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    match &node.value {
        Value::Text(text) if text.expose().eq_ignore_ascii_case("all") => Some(node.with(Value::Int(-1))),
        Value::Text(text) if text.parse::<i64>().is_none() => {
            bad(Code::BadValue, &node, path, "the only value allowed is 'all' or a number", loader)
        }
        _ => int(node, path, loader).filter(|node| node.as_int() != Some(0)),
    }
}
