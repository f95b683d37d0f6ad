//! `$include`: files that are merged into a configuration.

use std::collections::HashMap;

use crate::source::{FileId, Span, Text};
use crate::syntax::json5::{self, Member, Node, Value};

use super::{ConfigFault, is_below, normalise, parent};

/// `$include` nests at most this deep (2026.9.6, read).
const MAX_INCLUDE_DEPTH: usize = 10;
/// The largest included file, in bytes (2026.9.6, read).
const MAX_INCLUDE_BYTES: usize = 2 * 1024 * 1024;
/// The longest include path, in bytes (2026.9.6, read).
const MAX_INCLUDE_PATH: usize = 4096;

pub(super) struct Include<'a> {
    /// Included files must stay below this directory.
    pub(super) top: &'a str,
    pub(super) open: &'a mut dyn FnMut(&str) -> Option<(FileId, Text)>,
    pub(super) faults: &'a mut Vec<ConfigFault>,
}

impl Include<'_> {
    pub(super) fn expand(&mut self, node: Node, path: &str, depth: usize) -> Node {
        let Node { value, span } = node;
        let value = match value {
            Value::Object(members) => return self.object(members, span, path, depth),
            Value::Array(items) => {
                Value::Array(items.into_iter().map(|item| self.expand(item, path, depth)).collect())
            }
            other => other,
        };
        Node { value, span }
    }

    fn object(&mut self, members: Vec<Member>, span: Span, path: &str, depth: usize) -> Node {
        let mut layers = Vec::new();
        let mut own = Vec::with_capacity(members.len());
        for Member { key, key_span, value } in members {
            if key == "$include" {
                for wanted in included_paths(&value) {
                    layers.extend(self.file(wanted, value.span, path, depth));
                }
            } else {
                own.push(Member { key, key_span, value: self.expand(value, path, depth) });
            }
        }
        layers.push(Node { value: Value::Object(own), span });
        merged(layers).unwrap_or(Node { value: Value::Null, span })
    }

    fn file(&mut self, wanted: &str, span: Span, path: &str, depth: usize) -> Option<Node> {
        let mut fault = |why, refused| {
            let path = wanted.to_owned();
            self.faults.push(ConfigFault::Include { path, why, refused, span });
            None
        };
        if depth >= MAX_INCLUDE_DEPTH {
            return fault("includes nest deeper than 10 files", true);
        }
        if wanted.len() >= MAX_INCLUDE_PATH {
            return fault("the path is too long", true);
        }
        let target = normalise(parent(path), wanted);
        if !is_below(self.top, &target) {
            return fault("it leaves the directory of openclaw.json", true);
        }
        let Some((file, text)) = (self.open)(&target) else {
            return fault("its text was not given", false);
        };
        if text.expose().len() > MAX_INCLUDE_BYTES {
            return fault("it is larger than 2 MiB", true);
        }
        match json5::parse(file, text.expose()) {
            Ok(node) => Some(self.expand(node, &target, depth + 1)),
            Err(error) => {
                self.faults.push(ConfigFault::Syntax(error));
                None
            }
        }
    }
}

pub(super) fn included_paths(node: &Node) -> impl Iterator<Item = &str> {
    node.expose().into_iter().chain(node.items().iter().filter_map(Node::expose))
}

/// Objects merge deeply, each over those before it; what is not an object replaces them. All at once, for the more files
/// are included, the longer each of them would be merged into.
pub(super) fn merged(layers: Vec<Node>) -> Option<Node> {
    let is_object = |node: &Node| matches!(node.value, Value::Object(_));
    let replaced = layers.iter().rposition(|layer| !is_object(layer)).unwrap_or(0);
    let mut layers = layers.into_iter().skip(replaced).peekable();
    if layers.peek().is_some_and(|first| !is_object(first)) {
        let last = layers.next();
        if layers.peek().is_none() {
            return last;
        }
    }
    let layers: Vec<Node> = layers.collect();
    let span = layers.last()?.span;
    // What each key is given, in the order in which the keys came.
    let mut given: Vec<(Member, Vec<Node>)> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for (n, layer) in layers.into_iter().enumerate() {
        let Value::Object(members) = layer.value else { continue };
        for mut member in members {
            let value =
                std::mem::replace(&mut member.value, Node { value: Value::Null, span: member.key_span });
            let at = *known.entry(member.key.clone()).or_insert(given.len());
            // A key that the first object holds twice stays there twice.
            match given.get_mut(at).filter(|_| n > 0) {
                Some((known, values)) => {
                    *known = member;
                    values.push(value);
                }
                None => given.push((member, vec![value])),
            }
        }
    }
    let member = |(member, values)| Some(Member { value: merged(values)?, ..member });
    Some(Node { value: Value::Object(given.into_iter().filter_map(member).collect()), span })
}
