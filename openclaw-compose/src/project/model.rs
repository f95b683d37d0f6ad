//! The tree of a project: values that can be merged and rewritten, each with the place that decided it and its provenance.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::source::{FileId, Span, Text};
use crate::syntax::yaml::Timestamp;

/// The latest link of a value's provenance; [`ProvenanceId::NONE`] for a value that stands as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProvenanceId(pub(super) u32);

impl ProvenanceId {
    pub(crate) const NONE: Self = Self(0);
}

/// One value of the model.
///
/// Printing a node with `{:?}` shows kinds and sizes, never contents: any scalar may be a secret.
#[derive(Clone)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// The bytes that decided the value; empty at the start of file 0 for what Compose itself supplies.
    pub span: Span,
    /// What happened to the value on its way here; see [`Resolution::explain`](super::Resolution::explain).
    pub(crate) provenance: ProvenanceId,
}

/// A typed value of the model.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// A value that could not be told: its place is broken, and a finding says how.
    Unknown,
    /// `null`, or a bare name.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// An integer past `i64::MAX`.
    Uint(u64),
    /// A float.
    Float(f64),
    /// A date or a date and time that was not quoted.
    Time(Timestamp),
    /// Text.
    Text(Text),
    /// A list.
    List(Vec<Node>),
    /// A mapping.
    Map(Map),
}

/// A mapping in source order.
#[derive(Default)]
pub struct Map {
    entries: Vec<Entry>,
    /// The position of the first entry of every key; made on the first question to a large map, gone with the next change
    /// that is no addition.
    index: OnceLock<Box<Index>>,
}

/// Boxed, so that the many small maps stay small.
struct Index(HashMap<Arc<str>, usize>);

/// Maps up to this size are searched in order.
const SMALL: usize = 24;

/// One entry of a [`Map`].
#[derive(Clone)]
#[non_exhaustive]
pub struct Entry {
    /// The key.
    pub key: Arc<str>,
    /// The bytes that spell the key.
    pub key_span: Span,
    /// What it maps to.
    pub node: Node,
}

/// The span of what no source spells.
pub(crate) fn nowhere() -> Span {
    Span::new(FileId::new(u32::MAX), 0, 0)
}

/// True for a span that lies in a source.
pub(crate) fn is_somewhere(span: Span) -> bool {
    span.file != FileId::new(u32::MAX)
}

/// A word that Compose itself adds (`target`, `tcp`), allocated once: a large project says it thousands of times.
macro_rules! word {
    ($word:literal) => {{
        static WORD: std::sync::LazyLock<std::sync::Arc<str>> =
            std::sync::LazyLock::new(|| std::sync::Arc::from($word));
        std::sync::Arc::clone(&WORD)
    }};
}
pub(crate) use word;

impl Node {
    pub(crate) fn new(value: Value, span: Span) -> Self {
        Self { value, span, provenance: ProvenanceId::NONE }
    }

    pub(crate) fn with_provenance(value: Value, span: Span, provenance: ProvenanceId) -> Self {
        Self { value, span, provenance }
    }

    pub(crate) fn of_text(text: impl Into<Text>, span: Span) -> Self {
        Self::new(Value::Text(text.into()), span)
    }

    /// The same place and provenance with another value.
    pub(crate) fn with(&self, value: Value) -> Self {
        Self { value, span: self.span, provenance: self.provenance }
    }

    /// The value under `key`, where this is a mapping that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.get(key)
    }

    /// The mapping, where this is one.
    #[must_use]
    pub fn as_map(&self) -> Option<&Map> {
        if let Value::Map(map) = &self.value { Some(map) } else { None }
    }

    pub(crate) fn as_map_mut(&mut self) -> Option<&mut Map> {
        if let Value::Map(map) = &mut self.value { Some(map) } else { None }
    }

    /// The items, where this is a list.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        if let Value::List(items) = &self.value { Some(items) } else { None }
    }

    pub(crate) fn as_list_mut(&mut self) -> Option<&mut Vec<Self>> {
        if let Value::List(items) = &mut self.value { Some(items) } else { None }
    }

    /// The text, where this is text, closed.
    #[must_use]
    pub fn text(&self) -> Option<&Text> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    /// The text itself, where this is text. It may be a secret: see [`Text::expose`].
    #[must_use]
    pub fn expose(&self) -> Option<&str> {
        self.text().map(Text::expose)
    }

    /// True where this is exactly that text.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        self.text().is_some_and(|own| own.is(text))
    }

    /// The boolean, where this is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(b) = self.value { Some(b) } else { None }
    }

    /// The integer, where this is one that fits.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self.value {
            Value::Int(i) => Some(i),
            Value::Uint(u) => i64::try_from(u).ok(),
            _ => None,
        }
    }

    /// How many values it holds, itself included; a long text counts as several.
    pub(crate) fn size(&self) -> usize {
        1 + match &self.value {
            Value::Text(text) => text.expose().len() / 64,
            Value::List(items) => items.iter().map(Self::size).sum(),
            Value::Map(map) => map.iter().map(|entry| entry.node.size()).sum(),
            _ => 0,
        }
    }

    /// True for null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// True where the value could not be told.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(self.value, Value::Unknown)
    }
}

/// Values are compared, not places.
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && self.node == other.node
    }
}

impl Value {
    /// What a person calls it: `a string`, `a list`, ...
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Unknown => "an unknown value",
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Uint(_) => "an integer",
            Self::Float(_) => "a number",
            Self::Time(_) => "a timestamp",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

impl Map {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self { entries: Vec::with_capacity(capacity), index: OnceLock::new() }
    }

    /// The entries in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn entries_mut(&mut self) -> &mut Vec<Entry> {
        self.index.take();
        &mut self.entries
    }

    pub(crate) fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    /// The entries in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Entry> {
        self.entries.iter()
    }

    /// The entries in order. Their keys stay as they are.
    pub(crate) fn iter_mut(&mut self) -> std::slice::IterMut<'_, Entry> {
        self.entries.iter_mut()
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True for `{}`.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The position of the first entry with this key.
    pub(crate) fn position(&self, key: &str) -> Option<usize> {
        if self.entries.len() <= SMALL {
            return self.entries.iter().position(|entry| &*entry.key == key);
        }
        let index = self.index.get_or_init(|| {
            let mut index = HashMap::with_capacity(self.entries.len());
            for (at, entry) in self.entries.iter().enumerate() {
                index.entry(entry.key.clone()).or_insert(at);
            }
            Box::new(Index(index))
        });
        index.0.get(key).copied()
    }

    /// The entry with this key.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.get(self.position(key)?)
    }

    /// The value with this key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        let at = self.position(key)?;
        self.entries.get_mut(at).map(|entry| &mut entry.node)
    }

    /// The value at a position that [`Map::position`] gave.
    pub(crate) fn node_at_mut(&mut self, at: usize) -> Option<&mut Node> {
        self.entries.get_mut(at).map(|entry| &mut entry.node)
    }

    /// True where the key is there, whatever its value.
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        self.position(key).is_some()
    }

    /// Appends without looking for an older entry.
    pub(crate) fn push(&mut self, key: impl Into<Arc<str>>, key_span: Span, node: Node) {
        self.append(Entry { key: key.into(), key_span, node });
    }

    /// Appends without looking for an older entry.
    pub(crate) fn append(&mut self, entry: Entry) {
        if let Some(index) = self.index.get_mut() {
            index.0.entry(entry.key.clone()).or_insert(self.entries.len());
        }
        self.entries.push(entry);
    }

    /// Sets the value, in place where the key is there already.
    pub(crate) fn set(&mut self, key: &str, key_span: Span, node: Node) {
        match self.position(key).and_then(|at| self.entries.get_mut(at)) {
            Some(entry) => {
                entry.key_span = key_span;
                entry.node = node;
            }
            None => self.push(key, key_span, node),
        }
    }

    pub(crate) fn remove(&mut self, key: &str) -> Option<Entry> {
        let at = self.position(key)?;
        self.index.take();
        Some(self.entries.remove(at))
    }

    pub(crate) fn retain(&mut self, keep: impl FnMut(&Entry) -> bool) {
        self.index.take();
        self.entries.retain(keep);
    }

    pub(crate) fn sort(&mut self) {
        self.index.take();
        self.entries.sort_by(|a, b| a.key.cmp(&b.key));
    }
}

impl Clone for Map {
    fn clone(&self) -> Self {
        Self { entries: self.entries.clone(), index: OnceLock::new() }
    }
}

impl PartialEq for Map {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = &'a Entry;
    type IntoIter = std::slice::Iter<'a, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {:?}", self.value, self.span)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List(items) => f.debug_list().entries(items).finish(),
            Self::Map(map) => map.fmt(f),
            other => f.write_str(other.kind_name()),
        }
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.entries.iter().map(|entry| (&entry.key, &entry.node))).finish()
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.key, self.node)
    }
}
