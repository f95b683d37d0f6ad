//! The check of a tree against the closed schema of a Compose file, which is [`table`].

mod table;

use std::collections::HashSet;
use std::sync::Arc;

use crate::codes::Code;
use crate::source::Span;

use super::dialect::Dialect;
use super::model::{Node, Value};
use super::nearest::nearest;
use super::path::Path;
use super::raise::Raised;
use super::unique;

use table::{Object, Other, PROJECT, Shape, join};

/// What the check found in one place.
#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) kind: Kind,
    /// Path of the offending value, dotted.
    pub(crate) path: String,
    /// How many keys the path has.
    depth: usize,
    /// Where the primary mark belongs.
    pub(crate) span: Span,
    /// A second place worth showing (the twin of a repeated item).
    pub(crate) related: Option<Span>,
}

impl Violation {
    fn new(kind: Kind, path: &Path<'_>, span: Span) -> Self {
        Self { kind, path: path.to_string(), depth: path.depth(), span, related: None }
    }

    /// True for a value of the wrong type.
    pub(crate) fn is_type(&self) -> bool {
        matches!(self.kind, Kind::WrongType { .. })
    }

    /// True for a null where something else belongs, as lines leave behind that cannot be read.
    pub(crate) fn is_gap(&self) -> bool {
        matches!(self.kind, Kind::WrongType { got: "null", .. })
    }
}

/// The kinds of violation.
#[derive(Debug)]
pub(crate) enum Kind {
    /// A key the schema does not know, with the nearest known one.
    UnknownKey { key: String, nearest: Option<&'static str> },
    /// A key of a later release than the one that reads it.
    LaterKey { key: String, release: &'static str },
    /// Text in which none of these words stands.
    HoldsNone { expected: &'static [&'static str] },
    /// Text without two characters of a container's name in a row.
    NotContainerName,
    /// A name that the naming pattern refuses.
    BadName { name: String },
    /// A value of the wrong type.
    WrongType { expected: String, got: &'static str },
    /// A word outside a closed list.
    NotOneOf { expected: &'static [&'static str] },
    /// A required key is absent.
    Missing { key: &'static str },
    /// Two equal items in a list of unique items.
    Repeated { first: usize, second: usize },
    /// A number outside its range.
    OutOfRange { low: i64, high: i64 },
    /// A number JSON cannot express.
    NotFinite,
    /// An empty list that an earlier document left behind.
    LostList,
}

/// Checks a tree, and puts [`Value::Unknown`] in place of what is wrong. The violation that Compose reports comes first.
/// `document` is the place of the document that was merged last.
pub(crate) fn check(root: &mut Node, document: Span, dialect: Dialect) -> Vec<Violation> {
    let mut checker = Checker { document, dialect, found: Vec::new() };
    checker.object(root, &PROJECT, &Path::ROOT);
    let mut found = checker.found;
    // Compose names the deepest violation, a wrong type before others of the same depth.
    found.sort_by_key(|violation| {
        let depth = violation.depth;
        (std::cmp::Reverse(depth), !matches!(violation.kind, Kind::WrongType { .. }))
    });
    found
}

/// Puts [`Value::Unknown`] in place of every number that is none or has no end. JSON has no word for them, so that Compose
/// cannot even check such a tree.
pub(crate) fn not_finite(root: &mut Node) -> Vec<Violation> {
    let mut found = Vec::new();
    finite(root, &Path::ROOT, &mut found);
    found
}

fn finite(node: &mut Node, path: &Path<'_>, found: &mut Vec<Violation>) {
    match &mut node.value {
        Value::Float(value) if !value.is_finite() => {
            node.value = Value::Unknown;
            found.push(Violation::new(Kind::NotFinite, path, node.span));
        }
        Value::List(items) => {
            for (number, item) in items.iter_mut().enumerate() {
                finite(item, &path.item(number), found);
            }
        }
        Value::Map(map) => {
            for entry in map.iter_mut() {
                finite(&mut entry.node, &path.key(&entry.key), found);
            }
        }
        _ => {}
    }
}

/// What a timestamp should have been.
const QUOTED: &str = "text in quotes";

struct Checker {
    document: Span,
    dialect: Dialect,
    found: Vec<Violation>,
}

impl Checker {
    fn report(&mut self, kind: Kind, path: &Path<'_>, span: Span) {
        self.found.push(Violation::new(kind, path, span));
    }

    fn node(&mut self, node: &mut Node, shape: &Shape, path: &Path<'_>) {
        if node.is_unknown() || self.is_lost(node, path) {
            if node.as_list().is_some() && !shape.takes(&Value::Null) {
                self.report(Kind::LostList, path, node.span);
                node.value = Value::Unknown;
            }
            return;
        }
        if matches!(node.value, Value::Time(_)) && self.dialect.refuses_timestamps() {
            return self.wrong(node, QUOTED.to_owned(), path);
        }
        match shape {
            Shape::Scalar(types) => {
                if !types.admits(&node.value) {
                    self.wrong(node, types.names(), path);
                }
            }
            Shape::Word(words) => match &node.value {
                Value::Text(text) if words.contains(&text.expose()) => {}
                Value::Text(_) => {
                    self.report(Kind::NotOneOf { expected: words }, path, node.span);
                    node.value = Value::Unknown;
                }
                _ => self.wrong(node, "a string".to_owned(), path),
            },
            Shape::Holds(words) => match &node.value {
                Value::Text(text)
                    if words.iter().any(|word| text.contains(word)) || holds_every(text.expose()) => {}
                Value::Text(_) => {
                    self.report(Kind::HoldsNone { expected: words }, path, node.span);
                    node.value = Value::Unknown;
                }
                _ => self.wrong(node, "a string".to_owned(), path),
            },
            Shape::ContainerName => match &node.value {
                Value::Text(text) if holds_container_name(text.expose()) => {}
                Value::Text(_) => {
                    self.report(Kind::NotContainerName, path, node.span);
                    node.value = Value::Unknown;
                }
                _ => self.wrong(node, "a string".to_owned(), path),
            },
            Shape::Since(_, shape) | Shape::Changed { since: shape, .. } => self.node(node, shape, path),
            Shape::Ranged(low, high) => self.ranged(node, *low, *high, path),
            Shape::List(item, unique) => self.list(node, item, *unique, path),
            Shape::Object(object) => self.object(node, object, path),
            Shape::Nullable(object) => {
                if !node.is_null() {
                    self.object(node, object, path);
                }
            }
            Shape::Either(shapes) => match shapes.iter().find(|shape| shape.takes(&node.value)) {
                Some(shape) => self.node(node, shape, path),
                None => {
                    let expected =
                        join(shapes.iter().map(Shape::name).collect::<Vec<_>>().iter().map(String::as_str));
                    self.wrong(node, expected, path);
                }
            },
        }
    }

    /// True for an empty list that an older Compose takes for null. Lists that hold a thing once are made anew behind that, and
    /// stay lists.
    fn is_lost(&self, node: &Node, path: &Path<'_>) -> bool {
        self.dialect.loses_empty_lists()
            && node.as_list().is_some_and(<[_]>::is_empty)
            && !self.document.contains(node.span)
            && !unique::holds_once(path)
    }

    fn wrong(&mut self, node: &mut Node, expected: String, path: &Path<'_>) {
        let got = node.value.kind_name();
        self.report(Kind::WrongType { expected, got }, path, node.span);
        node.value = Value::Unknown;
    }

    fn ranged(&mut self, node: &mut Node, low: i64, high: i64, path: &Path<'_>) {
        let inside = match &node.value {
            Value::Text(_) => true,
            Value::Int(value) => (low..=high).contains(value),
            Value::Uint(_) => high == i64::MAX,
            #[expect(clippy::cast_precision_loss, reason = "the bounds are small or the largest there is")]
            Value::Float(value) if value.fract() == 0.0 => *value >= low as f64 && *value <= high as f64,
            _ => return self.wrong(node, "an integer or a string".to_owned(), path),
        };
        if !inside {
            self.report(Kind::OutOfRange { low, high }, path, node.span);
            node.value = Value::Unknown;
        }
    }

    fn list(&mut self, node: &mut Node, shape: &Shape, unique: bool, path: &Path<'_>) {
        let Value::List(items) = &mut node.value else {
            return self.wrong(node, "a list".to_owned(), path);
        };
        for (number, item) in items.iter_mut().enumerate() {
            // What takes lists apart takes text, whatever the schema admits.
            if matches!(item.value, Value::Time(_)) {
                self.wrong(item, QUOTED.to_owned(), &path.item(number));
            }
            self.node(item, shape, &path.item(number));
        }
        if unique && let Some((first, second)) = repeated(items, self.dialect) {
            let (at, twin) =
                (items.get(second).map(|item| item.span), items.get(first).map(|item| item.span));
            self.found.push(Violation {
                kind: Kind::Repeated { first, second },
                path: path.to_string(),
                depth: path.depth(),
                span: at.unwrap_or(node.span),
                related: twin,
            });
            items.remove(second);
        }
        items.retain(|item| !item.is_unknown());
    }

    fn object(&mut self, node: &mut Node, object: &Object, path: &Path<'_>) {
        let span = node.span;
        let Value::Map(map) = &mut node.value else {
            return self.wrong(node, "a mapping".to_owned(), path);
        };
        for key in object.required {
            if !map.contains(key) {
                self.report(Kind::Missing { key }, path, span);
            }
        }
        let mut refused: HashSet<Arc<str>> = HashSet::new();
        for entry in map.iter_mut() {
            let (key, key_span) = (&entry.key, entry.key_span);
            if let Ok(at) = object.fields.binary_search_by(|(name, _)| (*name).cmp(key)) {
                match object.fields.get(at).map(|(_, shape)| shape.of(self.dialect)) {
                    Some(Ok(shape)) => self.node(&mut entry.node, shape, &path.key(key)),
                    Some(Err(release)) => {
                        let kind = Kind::LaterKey { key: key.to_string(), release: release.compose };
                        self.report(kind, path, key_span);
                        refused.insert(key.clone());
                    }
                    None => {}
                }
                continue;
            }
            let shape = match &object.other {
                Other::Anything => None,
                Other::Extensions if key.starts_with("x-") => None,
                Other::Closed | Other::Extensions => {
                    let known = object.fields.iter().filter(|(_, shape)| shape.of(self.dialect).is_ok());
                    let nearest = nearest(key, known.map(|(name, _)| *name));
                    self.report(Kind::UnknownKey { key: key.to_string(), nearest }, path, key_span);
                    refused.insert(key.clone());
                    continue;
                }
                Other::Named(shape) if is_name(key) => Some(shape),
                Other::Named(_) => {
                    self.report(Kind::BadName { name: key.to_string() }, path, key_span);
                    refused.insert(key.clone());
                    continue;
                }
                Other::NamedOrAny(shape) => is_name(key).then_some(shape),
                Other::LowerOrAny(shape) => {
                    (!key.is_empty() && key.bytes().all(|byte| byte.is_ascii_lowercase())).then_some(shape)
                }
                Other::NotEmptyOrAny(shape) => (!key.is_empty()).then_some(shape),
                Other::Each(_) if key.is_empty() => {
                    self.report(Kind::BadName { name: String::new() }, path, key_span);
                    refused.insert(key.clone());
                    continue;
                }
                Other::Each(shape) => Some(shape),
            };
            if let Some(shape) = shape {
                self.node(&mut entry.node, shape, &path.key(key));
            }
        }
        map.retain(|entry| !refused.contains(&entry.key));
    }
}

/// True where `every_` is followed by numbers, each with its unit.
fn holds_every(text: &str) -> bool {
    text.match_indices("every_").any(|(at, every)| {
        let rest = text.get(at + every.len()..).unwrap_or_default();
        let unit = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        unit.len() < rest.len() && unit.starts_with(['w', 'd', 'h', 'm', 's'])
    })
}

/// True where two characters stand together that a container's name may have.
fn holds_container_name(text: &str) -> bool {
    text.as_bytes().windows(2).any(|pair| {
        matches!(pair, [first, second] if first.is_ascii_alphanumeric()
            && (second.is_ascii_alphanumeric() || matches!(second, b'_' | b'.' | b'-')))
    })
}

fn is_name(key: &str) -> bool {
    !key.is_empty()
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// So many items Compose holds against each other; of more it compares what they are printed as.
const FEW: usize = 20;

/// The numbers of the first two equal items.
fn repeated(items: &[Node], dialect: Dialect) -> Option<(usize, usize)> {
    if items.len() <= FEW {
        for (second, item) in items.iter().enumerate() {
            let is_same = |other: &Node| {
                same_json(other, item)
                    || dialect.number_repeats_its_text() && spells(&other.value, &item.value)
            };
            if let Some(first) = items.iter().take(second).position(is_same) {
                return Some((first, second));
            }
        }
        return None;
    }
    let mut seen = std::collections::HashMap::with_capacity(items.len());
    for (second, item) in items.iter().enumerate() {
        let text = if item.is_unknown() {
            format!("\u{0}{second}")
        } else {
            format!("{}{}", item.value.kind_name(), super::print::go(&item.value))
        };
        if let Some(first) = seen.insert(text, second) {
            return Some((first, second));
        }
    }
    None
}

/// True for a text that is how this number may be written: `"1"`, `"01"` and `"1e0"` of 1.
fn spells(text: &Value, number: &Value) -> bool {
    let Value::Text(text) = text else { return false };
    #[expect(clippy::cast_precision_loss, reason = "JSON numbers are compared by value")]
    let number = match number {
        Value::Int(number) => *number as f64,
        Value::Float(number) => *number,
        _ => return false,
    };
    text.expose().parse() == Ok(number)
}

fn same_json(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Value::Unknown, _) | (_, Value::Unknown) => false,
        #[expect(clippy::cast_precision_loss, reason = "JSON numbers are compared by value")]
        (Value::Int(a), Value::Float(b)) | (Value::Float(b), Value::Int(a)) => *a as f64 == *b,
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len()
                && a.iter().all(|entry| b.get(&entry.key).is_some_and(|other| same_json(&entry.node, other)))
        }
        (a, b) => a == b,
    }
}

/// The finding for a violation.
pub(crate) fn report(violation: Violation) -> Raised {
    let Violation { kind, path, span, related, .. } = violation;
    let under = if path.is_empty() { "the top level".to_owned() } else { path.clone() };
    let mut raised = match kind {
        Kind::UnknownKey { key, nearest } => {
            let raised = Raised::error(
                Code::UnknownKey,
                format!("{under}: additional property {key:?} is not allowed"),
            );
            match nearest {
                Some(near) => raised.help(format!("did you mean `{near}`?")),
                None => raised.help("remove it, or begin its name with `x-`"),
            }
        }
        Kind::LaterKey { key, release } => Raised::error(
            Code::UnknownKey,
            format!("{under}: additional property {key:?} is not allowed"),
        )
        .help(format!("`{key}` is a key of Docker Compose {release} and later: update Compose, or remove it")),
        Kind::HoldsNone { expected } => {
            Raised::error(Code::NotOneOf, format!("{under} must be one of {} or every_TIME", expected.join(", ")))
        }
        Kind::NotContainerName => Raised::error(
            Code::BadValue,
            format!("{under} must hold two characters of a-z, A-Z, 0-9, `.`, `_` and `-` in a row"),
        ),
        Kind::BadName { name } => Raised::error(
            Code::BadResourceName,
            format!("{under}: additional property {name:?} is not allowed"),
        )
        .help("names are made of a-z, A-Z, 0-9, `.`, `_` and `-`"),
        Kind::WrongType { expected, got } => {
            Raised::error(Code::WrongType, format!("{under} must be {expected}, not {got}"))
        }
        Kind::NotOneOf { expected } => {
            Raised::error(Code::NotOneOf, format!("{under} must be one of {}", expected.join(", ")))
        }
        Kind::Missing { key } => Raised::error(Code::MissingKey, format!("{under}: {key} is required")),
        Kind::Repeated { first, second } => {
            Raised::error(Code::RepeatedItem, format!("{under}: items {first} and {second} must be unique"))
                .help("remove one of them; a merge appends lists of this kind")
        }
        Kind::OutOfRange { low, high } => {
            let bound =
                if high == i64::MAX { format!("at least {low}") } else { format!("from {low} to {high}") };
            Raised::error(Code::OutOfRange, format!("{under} must be {bound}"))
        }
        Kind::LostList => Raised::error(
            Code::WrongType,
            format!("{under}: once a later document is merged, Compose takes this empty list for null, which cannot stand here"),
        )
        .help("leave the empty list out"),
        Kind::NotFinite => Raised::error(
            Code::NotFinite,
            format!("{under}: Compose cannot pass on infinity or not-a-number"),
        ),
    };
    raised = raised.at(span);
    if let Some(related) = related {
        raised = raised.related(related);
    }
    raised
}
