//! Which bytes of the sources are secret.

use crate::secrets::Secrets;
use crate::source::Sources;

use super::model::{Map, Node, Value, is_somewhere};
use super::provenance::{Event, Stories};
use super::secret;
use super::tree::names_secret;

/// True where a variable with a name that looks secret went into the value, now or before.
pub(crate) fn is_secret(stories: &Stories, node: &Node) -> bool {
    stories.events(node.story).any(|event| match event {
        Event::Interpolated { pieces, .. } => names_secret(pieces),
        Event::Named { name, .. } => secret::looks_secret(name),
        _ => false,
    })
}

/// Marks the bytes of secret values in the sources, so that quotes of their lines mask them, and collects the values.
pub(crate) fn mark_secrets<'m>(
    sources: &mut Sources,
    secrets: &mut Secrets,
    stories: &Stories,
    roots: impl IntoIterator<Item = &'m Node>,
    services: impl IntoIterator<Item = &'m Map>,
) {
    let mut marker = Marker { sources, secrets, stories };
    for root in roots {
        marker.node(root, false);
    }
    for map in services {
        for entry in map {
            marker.node(&entry.node, false);
        }
    }
}

struct Marker<'s> {
    sources: &'s mut Sources,
    secrets: &'s mut Secrets,
    stories: &'s Stories,
}

impl Marker<'_> {
    fn node(&mut self, node: &Node, secret: bool) {
        match &node.value {
            Value::Map(map) => {
                for entry in map {
                    // What an env file gives was marked when the file was read, once for all services.
                    let read = self.stories.events(entry.node.story).next();
                    if !secret && matches!(read, Some(Event::EnvFile { .. })) {
                        continue;
                    }
                    self.node(&entry.node, secret || secret::looks_secret(&entry.key));
                }
            }
            Value::List(items) => {
                for item in items {
                    let named = item
                        .expose()
                        .and_then(|text| text.split_once('='))
                        .is_some_and(|(name, _)| secret::looks_secret(name));
                    self.node(item, secret || named);
                }
            }
            Value::Null | Value::Bool(_) | Value::Unknown => {}
            _ if secret => {
                let value = super::print::go(&node.value);
                match value.split_once('=') {
                    Some((name, value)) if secret::looks_secret(name) => self.secrets.add(value),
                    _ => self.secrets.add(&value),
                }
                self.scalar(node, true);
            }
            _ if is_secret(self.stories, node) => self.scalar(node, false),
            _ => {}
        }
        for event in self.stories.events(node.story) {
            if let Event::Replaced { older } = event {
                self.node(older, secret);
            }
        }
    }

    /// The defaults inside a template and, where `outside`, the text around its expressions.
    fn scalar(&mut self, node: &Node, outside: bool) {
        if !is_somewhere(node.span) {
            return;
        }
        let written = self.sources.expose(node.span).to_owned();
        // A list item `NAME=value`: the name may be read.
        let from = match written.split_once('=') {
            Some((name, _)) if secret::looks_secret(name.trim_start_matches(['"', '\''])) => name.len() + 1,
            _ => 0,
        };
        let value = written.get(from..).unwrap_or_default();
        if !value.contains("${") {
            if !outside {
                return;
            }
            self.sources.mark_secret(node.span.part(from..written.len()));
            return;
        }
        // What stands outside of `${NAME` and its operator is text: mask it.
        let bytes = written.as_bytes();
        let (mut at, mut depth, mut start) = (from, 0usize, from);
        while let Some(byte) = bytes.get(at) {
            if *byte == b'$' && bytes.get(at + 1) == Some(&b'{') {
                if outside || depth > 0 {
                    self.sources.mark_secret(node.span.part(start..at));
                }
                depth += 1;
                at += 2;
                while bytes.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
                    at += 1;
                }
                while bytes.get(at).is_some_and(|byte| matches!(byte, b':' | b'-' | b'+' | b'?')) {
                    at += 1;
                }
                start = at;
            } else if *byte == b'}' && depth > 0 {
                self.sources.mark_secret(node.span.part(start..at));
                depth -= 1;
                at += 1;
                start = at;
            } else {
                at += 1;
            }
        }
        let end = written.trim_end_matches(['"', '\'']).len();
        if outside && start < end {
            self.sources.mark_secret(node.span.part(start..end));
        }
    }
}
