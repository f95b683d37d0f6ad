//! YAML as go-yaml 3.0.1 reads it, with the place of every value.
//!
//! Events come from `granit-parser`; the tree, the typing of scalars, merge keys, duplicate keys and the differences
//! between the two parsers are ours. A text that `docker compose` refuses gives a [`Problem`] and, where that is
//! sensible, a tree all the same.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::offsets::Offsets;
use crate::source::{FileId, Span, Text};

pub use scalar::Timestamp;

mod build;
mod dialect;
mod merge;
mod read;
mod scalar;
mod text;

/// One value of a document and where it stands.
///
/// Cloning is cheap: texts, sequences and maps are shared.
#[derive(Clone)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// The bytes that spell it: quotes included; for a block scalar its content, for a block collection from its first
    /// key or item to the end of its last. Empty for a value that is not written (`key:`). Through an alias or a
    /// merge key it is the place of the *definition*; the place of use is in [`Node::via`].
    pub span: Span,
    /// How it is written.
    pub style: Style,
    /// `!reset`, `!override` or neither.
    pub tag: Tag,
    /// The aliases and merge keys through which it came here, outermost first; `None` for a value written in place.
    pub via: Option<Arc<Via>>,
}

/// A typed value, as go-yaml decodes it into an `any`.
#[derive(Clone)]
#[non_exhaustive]
pub enum Value {
    /// `null`, `~`, or nothing at all.
    Null,
    /// `true` and `false` in their three spellings each; `yes`, `on` and the like are strings.
    Bool(bool),
    /// An integer, also as `0777` (octal), `0o17`, `0x1F`, `0b11`, `1_000`.
    Int(i64),
    /// An integer past `i64::MAX`.
    UInt(u64),
    /// A float, also `.inf`, `.nan`, and integers too large for 64 bits.
    Float(f64),
    /// An unquoted date or date and time.
    Timestamp(Timestamp),
    /// Everything else.
    Str(Text),
    /// A sequence.
    Seq(Arc<[Node]>),
    /// A mapping.
    Map(Map),
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Style {
    /// A scalar without quotes, or nothing.
    Plain,
    /// `'…'`
    SingleQuoted,
    /// `"…"`
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
    /// A sequence or mapping by indentation.
    Block,
    /// `[…]` or `{…}`
    Flow,
}

/// The two tags that mean something to Compose; the standard ones are spent on typing, unknown ones give strings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tag {
    /// None of the two.
    #[default]
    None,
    /// `!reset`: remove what earlier files say.
    Reset,
    /// `!override`: replace what earlier files say instead of merging.
    Override,
}

/// How a value that is defined elsewhere came to its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// Alias or merge key.
    pub kind: ViaKind,
    /// The place of use: `*name`, in a merge key the value of `<<`.
    pub at: Span,
    /// The next step towards the definition.
    pub next: Option<Arc<Self>>,
}

/// The two ways of [`Via`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ViaKind {
    /// `*name`
    Alias,
    /// `<<: …`
    MergeKey,
}

/// A mapping: entries in source order, those of merge keys after them.
#[derive(Clone, Default)]
pub struct Map(Arc<MapBody>);

#[derive(Default)]
struct MapBody {
    entries: Vec<Pair>,
    /// Pair numbers sorted by key; built when a large map is first asked.
    index: OnceLock<Box<[u32]>>,
}

/// One entry of a [`Map`].
#[derive(Clone)]
pub struct Pair {
    /// The key's text. No two entries of a parsed map share one, but for values that are tagged [`Tag::Reset`].
    pub key: Arc<str>,
    /// The bytes that spell the key, quotes included.
    pub key_span: Span,
    /// What it maps to.
    pub value: Node,
}

/// What [`parse`] made of a text.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    /// The documents in order. Empty for a text of nothing but blanks and comments.
    pub documents: Vec<Node>,
    /// Everything that is wrong, in the order of the text.
    pub problems: Vec<Problem>,
}

impl Parsed {
    /// True where `docker compose` would refuse the text.
    #[must_use]
    pub fn compose_refuses(&self) -> bool {
        self.problems.iter().any(|problem| problem.refuser == Refuser::ComposeRefuses)
    }
}

/// Something wrong with a YAML text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What it is, for a program.
    pub kind: ProblemKind,
    /// What it is, for a person. Never holds a scalar of the text other than a mapping key.
    pub message: String,
    /// Where.
    pub span: Span,
    /// Other places that belong to it, each with what it is.
    pub related: Vec<(Span, &'static str)>,
    /// Who refuses.
    pub refuser: Refuser,
}

/// Who refuses a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refuser {
    /// `docker compose` refuses the text as well.
    ComposeRefuses,
    /// `docker compose` reads it (or never answers); the limit is ours.
    OurLimit,
}

/// The kinds of [`Problem`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The text is no YAML: nothing after this place was read.
    Syntax,
    /// A mapping key stands twice; the first one was kept.
    DuplicateKey,
    /// A mapping key that is not a string.
    KeyNotString,
    /// An alias without an anchor before it.
    UnknownAlias,
    /// An alias inside the node it names.
    SelfAlias,
    /// `<<` with something else than a mapping, or a list of mappings.
    BadMerge,
    /// An explicit tag that the scalar does not fit.
    BadTag,
    /// A tab where go-yaml wants blanks.
    Tab,
    /// The escape `\/`, which go-yaml does not know.
    Escape,
    /// A character that go-yaml takes for a line break, or does not allow.
    Character,
    /// A directive other than `%YAML 1.1` and `%TAG`.
    Directive,
    /// Nested deeper than we follow.
    TooDeep,
    /// Aliases that expand to more than we follow.
    TooLarge,
}

/// Reads every document of `text`, which is the text of `file`.
///
/// Never fails: what is wrong is in [`Parsed::problems`], and `documents` holds what could be read.
#[must_use]
pub fn parse(file: FileId, text: &str) -> Parsed {
    read::read(file, text)
}

impl Node {
    /// A node that is written nowhere: made by a program.
    #[must_use]
    pub fn new(value: Value, span: Span) -> Self {
        let style = match value {
            Value::Seq(_) | Value::Map(_) => Style::Block,
            _ => Style::Plain,
        };
        Self { value, span, style, tag: Tag::None, via: None }
    }

    /// The value under `key`, where this is a mapping that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.get(key).map(|entry| &entry.value)
    }

    /// The mapping, where this is one.
    #[must_use]
    pub fn as_map(&self) -> Option<&Map> {
        if let Value::Map(map) = &self.value { Some(map) } else { None }
    }

    /// The items, where this is a sequence.
    #[must_use]
    pub fn as_seq(&self) -> Option<&[Self]> {
        if let Value::Seq(items) = &self.value { Some(items) } else { None }
    }

    /// The text, where this is a string, closed.
    #[must_use]
    pub fn text(&self) -> Option<&Text> {
        if let Value::Str(text) = &self.value { Some(text) } else { None }
    }

    /// The text itself, where this is a string. It may be a secret: see [`Text::expose`].
    #[must_use]
    pub fn expose(&self) -> Option<&str> {
        self.text().map(Text::expose)
    }

    /// From offsets in the node's text to the places that spell them, so that a finding can point inside a string.
    /// `source` is the whole text of the node's file. For a folded block, and for a node that is not a string, every part
    /// is the whole node.
    #[must_use]
    pub fn offsets(&self, source: &str) -> Offsets {
        match (&self.value, source.get(self.span.range())) {
            (Value::Str(text), Some(raw)) => text::offsets(self.span, self.style, raw, text.expose()),
            _ => Offsets::whole(self.span),
        }
    }

    /// True for `null`, however it is spelt.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }
}

impl Value {
    /// What a person calls it, with its article: `null`, `a boolean`, `an integer`, `a float`, `a timestamp`,
    /// `a string`, `a list`, `a mapping`.
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::UInt(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Timestamp(_) => "a timestamp",
            Self::Str(_) => "a string",
            Self::Seq(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Maps up to this size are searched in order.
const SMALL_MAP: usize = 16;

impl Map {
    /// A map of these entries, in this order. Of two with one key, [`Map::get`] finds either.
    #[must_use]
    pub fn new(entries: Vec<Pair>) -> Self {
        Self(Arc::new(MapBody { entries, index: OnceLock::new() }))
    }

    /// The entries in order.
    #[must_use]
    pub fn entries(&self) -> &[Pair] {
        &self.0.entries
    }

    /// The entries in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Pair> {
        self.0.entries.iter()
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.entries.len()
    }

    /// True for `{}`.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.entries.is_empty()
    }

    /// The entry with this key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Pair> {
        self.position(key).and_then(|at| self.0.entries.get(at))
    }

    /// The position of the entry with this key.
    #[must_use]
    pub fn position(&self, key: &str) -> Option<usize> {
        let entries = &self.0.entries;
        if entries.len() <= SMALL_MAP {
            return entries.iter().position(|entry| &*entry.key == key);
        }
        let key_at = |number: u32| entries.get(number as usize).map_or("", |entry| &entry.key);
        let index = self.0.index.get_or_init(|| {
            let mut numbers: Box<[u32]> = (0..u32::try_from(entries.len()).unwrap_or(u32::MAX)).collect();
            numbers.sort_unstable_by(|&a, &b| key_at(a).cmp(key_at(b)));
            numbers
        });
        let at = index.binary_search_by(|&number| key_at(number).cmp(key)).ok()?;
        index.get(at).map(|&number| number as usize)
    }
}

impl From<Vec<Pair>> for Map {
    fn from(entries: Vec<Pair>) -> Self {
        Self::new(entries)
    }
}

impl FromIterator<Pair> for Map {
    fn from_iter<I: IntoIterator<Item = Pair>>(entries: I) -> Self {
        Self::new(entries.into_iter().collect())
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = &'a Pair;
    type IntoIter = std::slice::Iter<'a, Pair>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Kind and place, never the contents.
impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {:?}", self.value, self.span)
    }
}

/// Kind and size, never the contents.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seq(items) => write!(f, "a list of {}", items.len()),
            Self::Map(map) => write!(f, "{map:?}"),
            scalar => f.write_str(scalar.kind_name()),
        }
    }
}

/// The size, never the contents: a mistyped key may hold a secret as well.
impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a mapping of {}", self.len())
    }
}

/// The places, never the contents.
impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key at {:?}: {:?}", self.key_span, self.value)
    }
}
