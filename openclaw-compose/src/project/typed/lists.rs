//! Fields that are lists of texts.

use crate::codes::Code;
use crate::project::canonical::scalar;
use crate::project::loader::Loader;
use crate::project::model::{Node, Value};
use crate::project::path::Path;
use crate::project::print;
use crate::source::Text;

use super::bad;

pub(super) fn texts(
    node: Node,
    print_numbers: bool,
    path: &Path<'_>,
    loader: &mut Loader<'_>,
) -> Option<Node> {
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

pub(super) fn command(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
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

pub(super) fn health_test(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    if let Value::Text(_) = node.value {
        let shell = Node::of_text("CMD-SHELL", node.span);
        let items = vec![shell, node.clone()];
        return Some(node.with(Value::List(items)));
    }
    texts(node, false, path, loader)
}

/// From compose-go 2.4.9 on a blank before `=` is refused.
pub(super) fn checked(mut node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Node {
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
