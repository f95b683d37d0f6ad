//! Which lists hold a thing once, and what makes two items of them the same thing.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::codes::Code;
use crate::source::Span;

use super::model::{Map, Node, Value};
use super::path::{Path, Pattern};
use super::print;
use super::provenance::{Event, Provenances};

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

/// An item that has no identity, so that it cannot be told whether it is there twice.
#[derive(Debug)]
pub(crate) struct NoIdentity {
    pub(crate) path: String,
    pub(crate) span: Span,
    pub(crate) why: String,
    /// What kind of item it is.
    pub(crate) code: Code,
}

/// True for the lists of [`UNIQUE`].
pub(crate) fn holds_once(path: &Path<'_>) -> bool {
    UNIQUE.iter().any(|(pattern, _)| path.matches(pattern))
}

/// Keeps one item of each identity in the lists of [`UNIQUE`]: the later one, in the place of the earlier.
pub(crate) fn enforce_unique(root: &mut Node, provenances: &mut Provenances, problems: &mut Vec<NoIdentity>) {
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
                        keep_unique(items, *identity, path, provenances, problems);
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
    provenances: &mut Provenances,
    problems: &mut Vec<NoIdentity>,
) {
    // An item that is alone is only looked at where it may have no identity.
    if items.len() < 2 && matches!(identity, Identity::Key | Identity::File(_)) {
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
                let provenance = provenances.add(item.provenance, Event::Replaced { older: Box::new(older) });
                *slot = Node { provenance, ..item };
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
    let text = |key: &str| item.get(key).and_then(Node::expose);
    let known = |text| Ok(Cow::Borrowed(text));
    let odd = || Err(format!("{} cannot stand in this list", item.value.kind_name()));
    match (identity, &item.value) {
        (_, Value::Unknown) => Ok(format!("unknown at {:?}", item.span).into()),
        (Identity::Key, Value::Text(value)) => known(value.expose().split('=').next().unwrap_or_default()),
        (Identity::Key, _) => odd(),
        (Identity::Whole, Value::Text(value)) => known(value.expose()),
        (Identity::Whole, Value::Int(_)) => Ok(print::scalar(&item.value)),
        (Identity::Whole, _) => odd(),
        (Identity::EnvFile, Value::Text(value)) => known(value.expose()),
        (Identity::EnvFile, Value::Map(_)) => {
            text("path").map_or_else(|| Err("an env file without a path".to_owned()), known)
        }
        (Identity::Mount, Value::Map(_)) => {
            text("target").map_or_else(|| Err("a volume without a mount target".to_owned()), known)
        }
        (Identity::Mount, Value::Text(value)) => super::canonical::volume::parse(value.expose(), true)
            .map(|volume| Cow::Borrowed(volume.target))
            .map_err(|problem| problem.to_string()),
        (Identity::Device, Value::Map(_)) => {
            text("target").map_or_else(|| Err("a device without a target".to_owned()), known)
        }
        (Identity::Device, Value::Text(value)) => {
            let mut parts = value.expose().split(':');
            let first = parts.next().unwrap_or_default();
            known(parts.next().unwrap_or(first))
        }
        (Identity::File(base), Value::Text(value)) => Ok(format!("{base}/{}", value.expose()).into()),
        (Identity::File(base), Value::Map(_)) => match text("target") {
            Some(target) => known(target),
            None => Ok(format!("{base}/{}", text("source").unwrap_or_default()).into()),
        },
        (Identity::File(_), _) => odd(),
        (Identity::Port, Value::Int(_)) => Ok(print::scalar(&item.value)),
        (Identity::Port, Value::Text(value)) => known(value.expose()),
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
