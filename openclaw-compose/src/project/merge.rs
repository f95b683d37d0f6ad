//! How a later value meets an earlier one: between `-f` files, between the documents of one file, and in `extends`.
//!
//! [`RULES`] says what is special, [`UNIQUE`] which lists hold a thing once. Everything else: mappings merge deeply, lists
//! append, scalars are replaced, null keeps the base, `x-` keys are replaced whole, and values of different kinds
//! are a conflict.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::codes::Code;
use crate::source::{Span, Text};

use super::dialect::Dialect;
use super::model::{Entry, Map, Node, Value, word};
use super::path::{Path, Pattern};
use super::print;
use super::provenance::{Event, Stories};

/// What happens where both sides have a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// Both become lists (`K=V` from a mapping) and are appended; [`UNIQUE`] then keeps the last of each key.
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
    (&["services", "*", "networks"], Rule::Networks),
    (&["services", "*", "sysctls"], Rule::Sequence),
    (&["services", "*", "tmpfs"], Rule::Sequence),
    (&["services", "*", "ulimits", "*"], Rule::Replace),
];

/// What makes two items of a list the same thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Identity {
    /// The text before `=`.
    Key,
    /// The whole text or number.
    Whole,
    /// The path of an env file.
    EnvFile,
    /// The mount target.
    Mount,
    /// The device's path in the container.
    Device,
    /// Host address, published port, target and protocol; a short form only by its text.
    Port,
    /// The target, by default the name under this directory.
    File(&'static str),
}

/// The lists that hold a thing once: a later item takes the place of an earlier one.
const UNIQUE: &[(Pattern, Identity)] = &[
    (&["networks", "*", "labels"], Identity::Key),
    (&["networks", "*", "ipam", "options"], Identity::Key),
    (&["services", "*", "annotations"], Identity::Key),
    (&["services", "*", "build", "additional_contexts"], Identity::Key),
    (&["services", "*", "build", "args"], Identity::Key),
    (&["services", "*", "build", "labels"], Identity::Key),
    (&["services", "*", "build", "platform"], Identity::Key),
    (&["services", "*", "build", "tags"], Identity::Key),
    (&["services", "*", "cap_add"], Identity::Key),
    (&["services", "*", "cap_drop"], Identity::Key),
    (&["services", "*", "configs"], Identity::File("")),
    (&["services", "*", "deploy", "labels"], Identity::Key),
    (&["services", "*", "devices"], Identity::Device),
    (&["services", "*", "dns"], Identity::Key),
    (&["services", "*", "dns_opt"], Identity::Key),
    (&["services", "*", "dns_search"], Identity::Key),
    (&["services", "*", "env_file"], Identity::EnvFile),
    (&["services", "*", "environment"], Identity::Key),
    (&["services", "*", "expose"], Identity::Whole),
    (&["services", "*", "labels"], Identity::Key),
    (&["services", "*", "links"], Identity::Key),
    (&["services", "*", "networks", "*", "aliases"], Identity::Key),
    (&["services", "*", "networks", "*", "link_local_ips"], Identity::Key),
    (&["services", "*", "ports"], Identity::Port),
    (&["services", "*", "profiles"], Identity::Key),
    (&["services", "*", "secrets"], Identity::File("/run/secrets")),
    (&["services", "*", "sysctls"], Identity::Key),
    (&["services", "*", "tmpfs"], Identity::Key),
    (&["services", "*", "volumes"], Identity::Mount),
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

/// An item that has no identity, so that it cannot be told whether it is there twice.
#[derive(Debug)]
pub(crate) struct NoIdentity {
    pub(crate) path: String,
    pub(crate) span: Span,
    pub(crate) why: String,
    /// What kind of item it is.
    pub(crate) code: Code,
}

/// Merges one tree into another.
pub(crate) struct Merger<'a> {
    stories: &'a mut Stories,
    dialect: Dialect,
    pub(crate) conflicts: Vec<Conflict>,
}

impl<'a> Merger<'a> {
    pub(crate) fn new(stories: &'a mut Stories, dialect: Dialect) -> Self {
        Self { stories, dialect, conflicts: Vec::new() }
    }

    /// `later` over `earlier`. A conflict is recorded, and the value is unknown.
    pub(crate) fn merge(&mut self, earlier: Node, later: Node, path: &Path<'_>) -> Node {
        if let Some((_, rule)) = RULES.iter().find(|(pattern, _)| path.matches(pattern)) {
            return self.by_rule(*rule, earlier, later, path);
        }
        if later.is_null() {
            return earlier;
        }
        let Node { value, span, story } = earlier;
        match (value, later.value) {
            (Value::Map(earlier), Value::Map(over)) => {
                Node { value: Value::Map(self.mappings(earlier, over, path)), span, story }
            }
            (Value::List(mut items), Value::List(over)) => {
                items.extend(over);
                Node { value: Value::List(items), span, story }
            }
            (Value::Unknown, value) => Node { value, span: later.span, story: later.story },
            (value @ (Value::Map(_) | Value::List(_)), Value::Unknown) => Node { value, span, story },
            (older @ (Value::Map(_) | Value::List(_)), value) => {
                self.conflicts.push(Conflict {
                    path: path.to_string(),
                    later: later.span,
                    earlier: span,
                    later_kind: value.kind_name(),
                    earlier_kind: older.kind_name(),
                });
                Node { value: Value::Unknown, span: later.span, story: later.story }
            }
            (older, value) => {
                let older = Node { value: older, span, story };
                let story = self.stories.add(later.story, Event::Replaced { older: Box::new(older) });
                Node { value, span: later.span, story }
            }
        }
    }

    /// Later entries over earlier ones.
    pub(crate) fn mappings(&mut self, mut earlier: Map, later: Map, path: &Path<'_>) -> Map {
        if earlier.is_empty() {
            return later;
        }
        let index = Index::of(&earlier);
        for entry in later.into_entries() {
            match index.find(&earlier, &entry.key) {
                None => earlier.entries_mut().push(entry),
                Some(at) => {
                    let Some(slot) = earlier.entries_mut().get_mut(at) else { continue };
                    let older = std::mem::replace(&mut slot.node, Node::new(Value::Null, entry.node.span));
                    slot.node = if entry.key.starts_with("x-") && !self.dialect.merges_extensions() {
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
                let (span, story) = (earlier.span, earlier.story);
                let mut items = into_sequence(earlier);
                items.extend(into_sequence(later));
                Node { value: Value::List(items), span, story }
            }
            Rule::ExtraHosts => {
                let (span, story) = (earlier.span, earlier.story);
                let mut items = into_sequence(earlier);
                for item in into_sequence(later) {
                    if !items.contains(&item) {
                        items.push(item);
                    }
                }
                Node { value: Value::List(items), span, story }
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
                story: earlier.story,
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
        let story = self.stories.add(newer.story, Event::Replaced { older: Box::new(older) });
        Node { story, ..newer }
    }

    /// Every earlier pool meets every later one: those of one subnet merge, the others are kept once each.
    fn pools(&mut self, earlier: Node, later: Node, path: &Path<'_>) -> Node {
        let (span, story) = (earlier.span, earlier.story);
        let (Value::List(ours), Value::List(theirs)) = (&earlier.value, &later.value) else {
            return self.deep(earlier, later, path);
        };
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
        Node { value: Value::List(out), span, story }
    }
}

/// Finds keys of a mapping that does not change but at its end.
struct Index {
    sorted: Option<Vec<(Arc<str>, usize)>>,
}

impl Index {
    /// Below this size looking through is faster.
    const SMALL: usize = 24;

    fn of(map: &Map) -> Self {
        if map.len() < Self::SMALL {
            return Self { sorted: None };
        }
        let mut sorted: Vec<_> = map.iter().enumerate().map(|(at, entry)| (entry.key.clone(), at)).collect();
        sorted.sort();
        Self { sorted: Some(sorted) }
    }

    fn find(&self, map: &Map, key: &str) -> Option<usize> {
        match &self.sorted {
            None => map.entries().iter().position(|entry| &*entry.key == key),
            Some(sorted) => {
                let at = sorted.binary_search_by(|(have, _)| (**have).cmp(key)).ok()?;
                sorted.get(at).map(|(_, at)| *at)
            }
        }
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
    map.push(word!("condition"), span, Node::text(word!("service_started"), span));
    map.push(word!("required"), span, Node::new(Value::Bool(true), span));
    Node::new(Value::Map(map), span)
}

/// A list of names as a mapping to `default`.
fn into_mapping(node: Node, default: fn(Span) -> Node) -> Node {
    let Value::List(items) = node.value else { return node };
    let mut map = Map::with_capacity(items.len());
    for item in items {
        if let Value::Text(name) = &item.value {
            map.set(name, item.span, default(item.span));
        }
    }
    Node { value: Value::Map(map), span: node.span, story: node.story }
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
                let pair = |value: &Value, span: Span, story| Node {
                    value: Value::Text(Text::from(format!("{key}={}", print::go(value)))),
                    span,
                    story,
                };
                match &node.value {
                    Value::Null => {
                        out.push(Node {
                            value: Value::Text(Text::from(key.clone())),
                            span: key_span,
                            story: node.story,
                        });
                    }
                    Value::List(items) => {
                        out.extend(items.iter().map(|item| pair(&item.value, item.span, item.story)));
                    }
                    value => out.push(pair(value, span, node.story)),
                }
            }
            out.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
            out
        }
        _ => Vec::new(),
    }
}

/// True for the lists of [`UNIQUE`].
pub(crate) fn holds_once(path: &Path<'_>) -> bool {
    UNIQUE.iter().any(|(pattern, _)| path.matches(pattern))
}

/// Keeps one item of each identity in the lists of [`UNIQUE`]: the later one, in the place of the earlier.
pub(crate) fn enforce_unique(root: &mut Node, stories: &mut Stories, problems: &mut Vec<NoIdentity>) {
    for section in root.as_map_mut().into_iter().flat_map(Map::iter_mut) {
        let under = Path::ROOT.key(&section.key);
        let rules: Vec<_> =
            UNIQUE.iter().filter(|(pattern, _)| pattern.first() == Some(&&*section.key)).collect();
        if rules.is_empty() {
            continue;
        }
        for resource in section.node.as_map_mut().into_iter().flat_map(Map::iter_mut) {
            let path = under.key(&resource.key);
            for field in resource.node.as_map_mut().into_iter().flat_map(Map::iter_mut) {
                if !matches!(field.node.value, Value::Map(_) | Value::List(_)) {
                    continue;
                }
                let of_field = rules.iter().filter(|(pattern, _)| pattern.get(2) == Some(&&*field.key));
                for (pattern, identity) in of_field {
                    let mut keep = |items: &mut Vec<Node>, path: &Path<'_>| {
                        keep_unique(items, *identity, path, stories, problems);
                    };
                    let inside = pattern.get(3..).unwrap_or_default();
                    lists(&mut field.node, inside, &path.key(&field.key), &mut keep);
                }
            }
        }
    }
}

/// Visits the lists that a pattern leads to.
fn lists(
    node: &mut Node,
    pattern: &[&str],
    path: &Path<'_>,
    visit: &mut impl FnMut(&mut Vec<Node>, &Path<'_>),
) {
    match (pattern.split_first(), &mut node.value) {
        (None, Value::List(items)) => visit(items, path),
        (Some((&"*", rest)), Value::Map(map)) => {
            for entry in map.iter_mut() {
                lists(&mut entry.node, rest, &path.key(&entry.key), visit);
            }
        }
        (Some((key, rest)), Value::Map(map)) => {
            if let Some(node) = map.get_mut(key) {
                lists(node, rest, &path.key(key), visit);
            }
        }
        _ => {}
    }
}

fn keep_unique(
    items: &mut Vec<Node>,
    identity: Identity,
    path: &Path<'_>,
    stories: &mut Stories,
    problems: &mut Vec<NoIdentity>,
) {
    // An item that is alone is only looked at where it may have no identity.
    if items.len() < 2 && matches!(identity, Identity::Key | Identity::Device | Identity::File(_)) {
        return;
    }
    // Nearly always every item stands for itself, and nothing moves.
    let mut keys = Identities::for_list(items.len());
    let mut known = items.iter().map(|item| identity_of(item, identity).map(|key| keys.place(key)));
    if (0..items.len()).all(|number| known.next() == Some(Ok(number))) {
        return;
    }
    let places = places_of(items, identity, path, problems);
    let mut kept: Vec<Node> = Vec::with_capacity(items.len());
    for (item, place) in std::mem::take(items).into_iter().zip(places) {
        let Some(place) = place else { continue };
        match kept.get_mut(place) {
            Some(slot) => {
                let older = std::mem::replace(slot, Node::new(Value::Null, item.span));
                let story = stories.add(item.story, Event::Replaced { older: Box::new(older) });
                *slot = Node { story, ..item };
            }
            None => kept.push(item),
        }
    }
    *items = kept;
}

/// For every item its place among those that are kept; that of an earlier item where it is the same thing, `None`
/// where it has no identity, which is then a problem.
fn places_of(
    items: &[Node],
    identity: Identity,
    path: &Path<'_>,
    problems: &mut Vec<NoIdentity>,
) -> Vec<Option<usize>> {
    let mut keys = Identities::for_list(items.len());
    let mut places = Vec::with_capacity(items.len());
    for (number, item) in items.iter().enumerate() {
        places.push(match identity_of(item, identity) {
            Ok(key) => Some(keys.place(key)),
            Err(why) => {
                let code = match identity {
                    Identity::Mount => Code::BadVolume,
                    Identity::Port => Code::BadPort,
                    _ => Code::WrongType,
                };
                let path = path.item(number).to_string();
                problems.push(NoIdentity { path, span: item.span, why, code });
                None
            }
        });
    }
    places
}

/// The identities of a list's items by position; a long list is hashed.
enum Identities<'n> {
    Few(Vec<Cow<'n, str>>),
    Many(HashMap<Cow<'n, str>, usize>),
}

impl<'n> Identities<'n> {
    fn for_list(length: usize) -> Self {
        if length <= 16 {
            Self::Few(Vec::with_capacity(length))
        } else {
            Self::Many(HashMap::with_capacity(length))
        }
    }

    /// The place of this identity, which is the next one where it is new.
    fn place(&mut self, key: Cow<'n, str>) -> usize {
        match self {
            Self::Few(keys) => keys.iter().position(|have| *have == key).unwrap_or_else(|| {
                keys.push(key);
                keys.len() - 1
            }),
            Self::Many(keys) => {
                let next = keys.len();
                *keys.entry(key).or_insert(next)
            }
        }
    }
}

fn identity_of(item: &Node, identity: Identity) -> Result<Cow<'_, str>, String> {
    let text = |key: &str| item.get(key).and_then(Node::as_str);
    let known = |text| Ok(Cow::Borrowed(text));
    let odd = || Err(format!("{} cannot stand in this list", item.value.kind_name()));
    match (identity, &item.value) {
        (_, Value::Unknown) => Ok(format!("unknown at {:?}", item.span).into()),
        (Identity::Key, Value::Text(value)) => known(value.split('=').next().unwrap_or_default()),
        (Identity::Key, _) => odd(),
        (Identity::Whole, Value::Text(value)) => known(value.as_str()),
        (Identity::Whole, Value::Int(_)) => Ok(print::scalar(&item.value)),
        (Identity::Whole, _) => odd(),
        (Identity::EnvFile, Value::Text(value)) => known(value.as_str()),
        (Identity::EnvFile, Value::Map(_)) => {
            text("path").map_or_else(|| Err("an env file without a path".to_owned()), known)
        }
        (Identity::Mount, Value::Map(_)) => {
            text("target").map_or_else(|| Err("a volume without a mount target".to_owned()), known)
        }
        (Identity::Mount, Value::Text(value)) => super::canonical::volume::parse(value)
            .map(|volume| Cow::Borrowed(volume.target))
            .map_err(|problem| problem.to_string()),
        (Identity::Device, Value::Map(_)) => {
            text("target").map_or_else(|| Err("a device without a target".to_owned()), known)
        }
        (Identity::Device, Value::Text(value)) => {
            let mut parts = value.split(':');
            let first = parts.next().unwrap_or_default();
            known(parts.next().unwrap_or(first))
        }
        (Identity::File(base), Value::Text(value)) => Ok(format!("{base}/{}", value.as_str()).into()),
        (Identity::File(base), Value::Map(_)) => match text("target") {
            Some(target) => known(target),
            None => Ok(format!("{base}/{}", text("source").unwrap_or_default()).into()),
        },
        (Identity::File(_), _) => odd(),
        (Identity::Port, Value::Int(_)) => Ok(print::scalar(&item.value)),
        (Identity::Port, Value::Text(value)) => known(value.as_str()),
        (Identity::Port, Value::Map(_)) => {
            if item.get("target").is_none() {
                return Err("a port without a target".to_owned());
            }
            let mut key = String::with_capacity(40);
            for (field, default) in
                [("host_ip", "0.0.0.0"), ("published", ""), ("target", ""), ("protocol", "tcp")]
            {
                match item.get(field).map(|node| &node.value) {
                    None => key.push_str(default),
                    Some(value) => {
                        // Compose tells a published number from the same number as text.
                        if field == "published" && matches!(value, Value::Int(_)) {
                            key.push('#');
                        }
                        print::go_into(&mut key, value);
                    }
                }
                key.push('/');
            }
            Ok(key.into())
        }
        (Identity::EnvFile | Identity::Mount | Identity::Device | Identity::Port, _) => known(""),
    }
}
