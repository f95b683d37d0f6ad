//! How a later value meets an earlier one: between `-f` files, between the documents of one file, and in `extends`.
//!
//! [`RULES`] says what is special, [`unique`](super::unique) which lists hold a thing once. Everything else: mappings merge deeply, lists
//! append, scalars are replaced, null keeps the base, `x-` keys are replaced whole, and values of different kinds
//! are a conflict.

use std::collections::HashSet;

use crate::source::{Span, Text};

use super::dialect::Dialect;
use super::limits;
use super::model::{Entry, Map, Node, Value, word};
use super::path::{Path, Pattern};
use super::print;
use super::provenance::{Event, Provenances};

/// What happens where both sides have a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// Both become lists (`K=V` from a mapping) and are appended; [`unique`](super::unique) then keeps the last of each key.
    Sequence,
    /// The later value, even null.
    Replace,
    /// A text is `{context: text}`; then deep.
    Build,
    /// A list is a mapping of `{condition: service_started, required: true}`; then deep.
    DependsOn,
    /// A list is a mapping to null; then deep.
    Networks,
    /// As `Sequence`, exact repetitions dropped.
    ExtraHosts,
    /// Deep where the driver is the same or missing, else replaced.
    Logging,
    /// Pools meet by subnet.
    Pools,
}

/// The fields that merge in a way of their own.
const RULES: &[(Pattern, Rule)] = &[
    (&["networks", "*", "ipam", "config"], Rule::Pools),
    (&["networks", "*", "labels"], Rule::Sequence),
    (&["volumes", "*", "labels"], Rule::Sequence),
    (&["services", "*", "annotations"], Rule::Sequence),
    (&["services", "*", "build"], Rule::Build),
    (&["services", "*", "build", "additional_contexts"], Rule::Sequence),
    (&["services", "*", "build", "args"], Rule::Sequence),
    (&["services", "*", "build", "extra_hosts"], Rule::ExtraHosts),
    (&["services", "*", "build", "labels"], Rule::Sequence),
    (&["services", "*", "command"], Rule::Replace),
    (&["services", "*", "depends_on"], Rule::DependsOn),
    (&["services", "*", "deploy", "labels"], Rule::Sequence),
    (&["services", "*", "dns"], Rule::Sequence),
    (&["services", "*", "dns_opt"], Rule::Sequence),
    (&["services", "*", "dns_search"], Rule::Sequence),
    (&["services", "*", "entrypoint"], Rule::Replace),
    (&["services", "*", "env_file"], Rule::Sequence),
    (&["services", "*", "environment"], Rule::Sequence),
    (&["services", "*", "extra_hosts"], Rule::ExtraHosts),
    (&["services", "*", "healthcheck", "test"], Rule::Replace),
    (&["services", "*", "label_file"], Rule::Sequence),
    (&["services", "*", "labels"], Rule::Sequence),
    (&["services", "*", "logging"], Rule::Logging),
    (&["services", "*", "models"], Rule::Networks),
    (&["services", "*", "networks"], Rule::Networks),
    (&["services", "*", "sysctls"], Rule::Sequence),
    (&["services", "*", "tmpfs"], Rule::Sequence),
    (&["services", "*", "ulimits", "*"], Rule::Replace),
    (&["services", "*", "volumes", "[]", "volume", "labels"], Rule::Sequence),
];

/// Two values of different kinds under one key.
#[derive(Debug)]
pub(crate) struct Conflict {
    pub(crate) path: String,
    pub(crate) later: Span,
    pub(crate) earlier: Span,
    pub(crate) later_kind: &'static str,
    pub(crate) earlier_kind: &'static str,
}

/// Merges one tree into another.
pub(crate) struct Merger<'a> {
    provenances: &'a mut Provenances,
    dialect: Dialect,
    pub(crate) conflicts: Vec<Conflict>,
    /// Lists of pools of which too many meet: the path, and the later list.
    pub(crate) crowded: Vec<(String, Span)>,
}

impl<'a> Merger<'a> {
    pub(crate) fn new(provenances: &'a mut Provenances, dialect: Dialect) -> Self {
        Self { provenances, dialect, conflicts: Vec::new(), crowded: Vec::new() }
    }

    /// `later` over `earlier`. A conflict is recorded, and the value is unknown.
    pub(crate) fn merge(&mut self, earlier: Node, later: Node, path: &Path<'_>) -> Node {
        if let Some((_, rule)) = RULES.iter().find(|(pattern, _)| path.matches(pattern)) {
            return self.by_rule(*rule, earlier, later, path);
        }
        if later.is_null() {
            return earlier;
        }
        let Node { value, span, provenance } = earlier;
        match (value, later.value) {
            (Value::Map(earlier), Value::Map(over)) => {
                Node { value: Value::Map(self.mappings(earlier, over, path)), span, provenance }
            }
            (Value::List(mut items), Value::List(over)) => {
                items.extend(over);
                Node { value: Value::List(items), span, provenance }
            }
            (Value::Unknown, value) => Node { value, span: later.span, provenance: later.provenance },
            (value @ (Value::Map(_) | Value::List(_)), Value::Unknown) => Node { value, span, provenance },
            (older @ (Value::Map(_) | Value::List(_)), value) => {
                self.conflicts.push(Conflict {
                    path: path.to_string(),
                    later: later.span,
                    earlier: span,
                    later_kind: value.kind_name(),
                    earlier_kind: older.kind_name(),
                });
                Node { value: Value::Unknown, span: later.span, provenance: later.provenance }
            }
            (older, value) => {
                let older = Node { value: older, span, provenance };
                let provenance =
                    self.provenances.add(later.provenance, Event::Replaced { older: Box::new(older) });
                Node { value, span: later.span, provenance }
            }
        }
    }

    /// Later entries over earlier ones.
    pub(crate) fn mappings(&mut self, mut earlier: Map, later: Map, path: &Path<'_>) -> Map {
        if earlier.is_empty() {
            return later;
        }
        for entry in later.into_entries() {
            match earlier.position(&entry.key) {
                None => earlier.append(entry),
                Some(at) => {
                    let Some(slot) = earlier.node_at_mut(at) else { continue };
                    let older = std::mem::replace(slot, Node::new(Value::Null, entry.node.span));
                    *slot = if entry.key.starts_with("x-") && !self.dialect.merges_extensions() {
                        self.replaced(older, entry.node)
                    } else {
                        self.merge(older, entry.node, &path.key(&entry.key))
                    };
                }
            }
        }
        earlier
    }

    fn by_rule(&mut self, rule: Rule, earlier: Node, later: Node, path: &Path<'_>) -> Node {
        if earlier.is_unknown() || later.is_unknown() {
            return later;
        }
        match rule {
            Rule::Replace => self.replaced(earlier, later),
            Rule::Sequence => {
                let (span, provenance) = (earlier.span, earlier.provenance);
                let mut items = into_sequence(earlier);
                items.extend(into_sequence(later));
                Node { value: Value::List(items), span, provenance }
            }
            Rule::ExtraHosts => {
                let (span, provenance) = (earlier.span, earlier.provenance);
                let mut items = into_sequence(earlier);
                let identity = |item: &Node| (item.value.kind_name(), print::go(&item.value));
                let mut known: HashSet<_> = items.iter().map(identity).collect();
                items.extend(into_sequence(later).into_iter().filter(|item| known.insert(identity(item))));
                Node { value: Value::List(items), span, provenance }
            }
            Rule::Build => self.deep(build_mapping(earlier), build_mapping(later), path),
            Rule::DependsOn => {
                let earlier = into_mapping(earlier, depends_on_default);
                let later = into_mapping(later, depends_on_default);
                self.deep(earlier, later, path)
            }
            Rule::Networks => {
                let earlier = into_mapping(earlier, |span| Node::new(Value::Null, span));
                let later = into_mapping(later, |span| Node::new(Value::Null, span));
                self.deep(earlier, later, path)
            }
            Rule::Logging => {
                let driver = |node: &Node| node.get("driver").map(|driver| driver.value.clone());
                let (older, newer) = (driver(&earlier), driver(&later));
                if older.is_none() || newer.is_none() || older == newer {
                    self.deep(earlier, later, path)
                } else {
                    self.replaced(earlier, later)
                }
            }
            Rule::Pools => self.pools(earlier, later, path),
        }
    }

    /// Two mappings, null being an empty one; anything else is a conflict.
    fn deep(&mut self, earlier: Node, later: Node, path: &Path<'_>) -> Node {
        match (earlier.value, later.value) {
            (Value::Map(over), Value::Map(map)) => Node {
                value: Value::Map(self.mappings(over, map, path)),
                span: earlier.span,
                provenance: earlier.provenance,
            },
            (value, Value::Null) => Node { value, ..earlier },
            (Value::Null, value) => Node { value, ..later },
            (older, value) => {
                self.conflicts.push(Conflict {
                    path: path.to_string(),
                    later: later.span,
                    earlier: earlier.span,
                    later_kind: value.kind_name(),
                    earlier_kind: older.kind_name(),
                });
                Node { value: Value::Unknown, ..later }
            }
        }
    }

    fn replaced(&mut self, older: Node, newer: Node) -> Node {
        let provenance = self.provenances.add(newer.provenance, Event::Replaced { older: Box::new(older) });
        Node { provenance, ..newer }
    }

    /// Every earlier pool meets every later one: those of one subnet merge, the others are kept once each.
    fn pools(&mut self, earlier: Node, later: Node, path: &Path<'_>) -> Node {
        let (span, provenance) = (earlier.span, earlier.provenance);
        let (Value::List(ours), Value::List(theirs)) = (&earlier.value, &later.value) else {
            return self.deep(earlier, later, path);
        };
        if ours.len().saturating_mul(theirs.len()) > limits::POOLS {
            self.crowded.push((path.to_string(), later.span));
            return Node { value: Value::Unknown, ..later };
        }
        let subnet = |node: &Node| node.get("subnet").map(|subnet| subnet.value.clone());
        // Compose merges into the earlier pool itself, wherever it is listed already: pools are known by number.
        let mut store: Vec<Node> = ours.iter().chain(theirs).cloned().collect();
        let mut out: Vec<usize> = Vec::new();
        let listed = |store: &[Node], out: &[usize], like: usize| {
            let wanted = store.get(like).map(&subnet);
            out.iter().position(|at| store.get(*at).map(&subnet) == wanted)
        };
        for right in 0..ours.len() {
            for left in ours.len()..store.len() {
                let differ = store.get(left).map(&subnet) != store.get(right).map(&subnet);
                if differ && listed(&store, &out, left).is_none() {
                    out.push(left);
                    continue;
                }
                let (Some(one), Some(other)) = (store.get(right).cloned(), store.get(left).cloned()) else {
                    continue;
                };
                let merged = self.deep(one, other, path);
                if let Some(slot) = store.get_mut(right) {
                    *slot = merged;
                }
                match listed(&store, &out, right).and_then(|at| out.get_mut(at)) {
                    Some(slot) => *slot = right,
                    None => out.push(right),
                }
            }
        }
        let out = out.into_iter().filter_map(|at| store.get(at).cloned()).collect();
        Node { value: Value::List(out), span, provenance }
    }
}

fn build_mapping(node: Node) -> Node {
    match node.value {
        Value::Text(_) => {
            let span = node.span;
            let mut map = Map::new();
            map.push("context", span, node);
            Node::new(Value::Map(map), span)
        }
        _ => node,
    }
}

/// What `depends_on: [name]` means.
pub(crate) fn depends_on_default(span: Span) -> Node {
    let mut map = Map::with_capacity(2);
    map.push(word!("condition"), span, Node::of_text(word!("service_started"), span));
    map.push(word!("required"), span, Node::new(Value::Bool(true), span));
    Node::new(Value::Map(map), span)
}

/// A list of names as a mapping to `default`.
fn into_mapping(node: Node, default: fn(Span) -> Node) -> Node {
    let Value::List(items) = node.value else { return node };
    let mut map = Map::with_capacity(items.len());
    for item in items {
        if let Value::Text(name) = &item.value {
            map.set(name.expose(), item.span, default(item.span));
        }
    }
    Node { value: Value::Map(map), span: node.span, provenance: node.provenance }
}

/// A mapping as sorted `K=V` texts, a text as a list of one.
pub(crate) fn into_sequence(node: Node) -> Vec<Node> {
    match node.value {
        Value::List(items) => items,
        Value::Text(_) => vec![node],
        Value::Map(map) => {
            let mut out = Vec::with_capacity(map.len());
            for Entry { key, key_span, node } in map.into_entries() {
                // The value's own place decides, where it has one.
                let span = if node.span.is_empty() { key_span } else { node.span };
                let pair = |value: &Value, span: Span, provenance| Node {
                    value: Value::Text(Text::from(format!("{key}={}", print::go(value)))),
                    span,
                    provenance,
                };
                match &node.value {
                    Value::Null => {
                        out.push(Node {
                            value: Value::Text(Text::from(key.clone())),
                            span: key_span,
                            provenance: node.provenance,
                        });
                    }
                    Value::List(items) => {
                        out.extend(items.iter().map(|item| pair(&item.value, item.span, item.provenance)));
                    }
                    value => out.push(pair(value, span, node.provenance)),
                }
            }
            out.sort_by(|a, b| a.text().cmp(&b.text()));
            out
        }
        _ => Vec::new(),
    }
}
