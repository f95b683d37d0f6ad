//! Which values are secret, and which bytes of the sources spell them.
//!
//! Three looks, each wider than the one before: the model knows what stands under a name that looks secret; the texts are
//! read for what looks like a secret whatever its name; and whatever was found is marked wherever else it stands.

use std::sync::Arc;

use crate::secrets::Secrets;
use crate::source::{Sources, Span};

use super::model::{Entry, Map, Node, Value, is_somewhere};
use super::provenance::{Event, Provenances};
use super::tree::names_secret;
use super::variables::Variables;
use crate::source::secret;

/// True where a variable with a name that looks secret went into the value, now or before.
pub(crate) fn is_secret(provenances: &Provenances, node: &Node) -> bool {
    provenances.events(node.provenance).any(|event| match event {
        Event::Interpolated { pieces, .. } => names_secret(pieces),
        Event::Named { name, .. } => secret::looks_secret(name),
        _ => false,
    })
}

/// True for an item of a command line that the flag before it says is a secret: `--token`, `x`.
pub(crate) fn is_announced(items: &[Node], at: usize) -> bool {
    let text = |at: usize| items.get(at).and_then(Node::expose).unwrap_or_default();
    let Some(flag) = at.checked_sub(1).map(text) else { return false };
    let is_secret = |flag: &str| !flag.contains('=') && secret::looks_secret(flag);
    flag.strip_prefix("--").is_some_and(is_secret) && !text(at).starts_with('-')
}

/// True for an item of a command line that is not shown: also the name and the password that `curl -u` takes, which may be
/// the names of a user and a group as well.
pub(crate) fn is_masked(items: &[Node], at: usize) -> bool {
    let flag = at.checked_sub(1).and_then(|at| items.get(at)?.expose());
    let is_login = flag.is_some_and(|flag| matches!(flag, "-u" | "--user"))
        && items
            .get(at)
            .and_then(Node::expose)
            .and_then(|user| user.split_once(':'))
            .is_some_and(|(_, password)| !password.starts_with(|c: char| c.is_ascii_digit()));
    is_login || is_announced(items, at)
}

/// What the secrets of a project are looked for in.
pub(crate) struct Model<'m> {
    pub(crate) project: &'m str,
    pub(crate) directory: &'m str,
    pub(crate) provenances: &'m Provenances,
    pub(crate) environments: &'m [Arc<Variables>],
    /// Everything but the services.
    pub(crate) root: &'m Node,
    /// Those that are on, and those that are off.
    pub(crate) services: [&'m Map; 2],
}

/// The texts of a project as they were read. Nothing can be had from them but marked ones, so that no quote shows what
/// nobody has marked yet.
pub(crate) struct Unmarked(Sources);

impl Unmarked {
    pub(crate) fn new(texts: Sources) -> Self {
        Self(texts)
    }

    /// The texts with every secret in them marked, and the secrets.
    pub(crate) fn mark(&self, model: &Model<'_>) -> (Sources, Secrets) {
        read(&self.0, model)
    }
}

fn read(texts: &Sources, model: &Model<'_>) -> (Sources, Secrets) {
    let mut secrets = Secrets::new();
    let services = model.services.into_iter().flatten();
    for name in services.map(|service| &*service.key).chain([model.project]) {
        secrets.leave(name);
    }
    secrets.leave_directory(model.directory);
    let mut reader = Reader { texts, model, secrets, spans: Vec::new() };
    reader.model();
    let Reader { mut secrets, spans, .. } = reader;
    let mut sources = texts.clone();
    texts.ids().for_each(|file| secrets.add_from_file(texts, file));
    sources.mark_secrets(spans);
    secrets.mark_in(&mut sources);
    (sources, secrets)
}

struct Reader<'m> {
    texts: &'m Sources,
    model: &'m Model<'m>,
    secrets: Secrets,
    spans: Vec<Span>,
}

impl<'m> Reader<'m> {
    fn model(&mut self) {
        for variables in self.model.environments {
            for (name, value) in variables.values() {
                self.value(secret::looks_secret(name), value);
            }
        }
        for entry in self.model.root.as_map().into_iter().flatten() {
            match &*entry.key {
                // Their names and paths are none; what they hold may be.
                "secrets" | "configs" => self.resources(&entry.node, &*entry.key == "secrets"),
                key => self.node(&entry.node, secret::looks_secret(key)),
            }
        }
        for service in self.model.services.into_iter().flatten() {
            for field in service.node.as_map().into_iter().flatten() {
                match &*field.key {
                    "secrets" | "configs" => {}
                    "build" => self.build(&field.node),
                    key => self.node(&field.node, secret::looks_secret(key)),
                }
            }
        }
    }

    fn build(&mut self, node: &'m Node) {
        for field in node.as_map().into_iter().flatten().filter(|field| &*field.key != "secrets") {
            self.node(&field.node, secret::looks_secret(&field.key));
        }
    }

    /// `secrets:` or `configs:` of the project.
    fn resources(&mut self, section: &'m Node, secret: bool) {
        for resource in section.as_map().into_iter().flatten() {
            for Entry { key, node, .. } in resource.node.as_map().into_iter().flatten() {
                match &**key {
                    "content" => {
                        self.spans.extend(Some(node.span).filter(|span| is_somewhere(*span)));
                        self.value(secret, node.expose().unwrap_or_default());
                    }
                    "environment" => {
                        let name = node.expose().unwrap_or_default();
                        let held = self.model.environments.iter().filter_map(|known| known.value(name));
                        held.for_each(|value| self.secrets.add(value));
                    }
                    key => self.node(node, secret::looks_secret(key)),
                }
            }
        }
    }

    /// A value under a name that looks secret, or under another one, where only a part of it may be a secret.
    fn value(&mut self, secret: bool, value: &str) {
        if secret { self.secrets.add(value) } else { self.secrets.add_from(value) }
    }

    /// A value, what lies in it, and what it replaced, of which there may be thousands in a row.
    fn node(&mut self, node: &'m Node, secret: bool) {
        let provenances = self.model.provenances;
        let mut left = vec![(node, secret)];
        while let Some((node, secret)) = left.pop() {
            match &node.value {
                Value::Map(map) => {
                    for entry in map {
                        let secret = secret || secret::looks_secret(&entry.key);
                        // What an env file gives was marked when the file was read, once for all services.
                        let read = provenances.events(entry.node.provenance).next();
                        match (read, entry.node.expose()) {
                            (Some(Event::EnvFile { .. }), Some(value)) => self.value(secret, value),
                            _ => left.push((&entry.node, secret)),
                        }
                    }
                }
                Value::List(items) => {
                    for (at, item) in items.iter().enumerate() {
                        let text = item.expose().unwrap_or_default();
                        let named = text.split_once('=').is_some_and(|(name, _)| secret::looks_secret(name));
                        left.push((item, secret || named || is_announced(items, at)));
                    }
                }
                Value::Null | Value::Bool(_) => {}
                // A template that could not be filled in: what it holds besides names is a value all the same.
                Value::Unknown if secret => self.scalar(node, true),
                Value::Unknown => {}
                value if secret => {
                    let text = super::print::go(value);
                    match text.split_once('=') {
                        Some((name, value)) if secret::looks_secret(name) => self.secrets.add(value),
                        _ => self.secrets.add(&text),
                    }
                    self.scalar(node, true);
                }
                value => {
                    if let Value::Text(text) = value {
                        // What is spelt as it is was read with its file.
                        let spelt =
                            is_somewhere(node.span) && self.texts.expose(node.span).contains(text.expose());
                        if !spelt {
                            self.secrets.add_from(text.expose());
                        }
                    }
                    if is_secret(provenances, node) {
                        self.scalar(node, false);
                    }
                }
            }
            left.extend(provenances.events(node.provenance).filter_map(|event| match event {
                Event::Replaced { older } => Some((&**older, secret)),
                _ => None,
            }));
        }
    }

    /// The defaults inside a template and, where `outside`, the text around its expressions.
    fn scalar(&mut self, node: &Node, outside: bool) {
        if !is_somewhere(node.span) {
            return;
        }
        let written = self.texts.expose(node.span);
        // A list item `NAME=value`: the name may be read.
        let from = match written.split_once('=') {
            Some((name, _)) if secret::looks_secret(name.trim_start_matches(['"', '\''])) => name.len() + 1,
            _ => 0,
        };
        let value = written.get(from..).unwrap_or_default();
        if !value.contains("${") {
            if outside {
                self.part(node, from..written.len());
            }
            return;
        }
        // What stands outside of `${NAME` and its operator is text: mask it.
        let bytes = written.as_bytes();
        let (mut at, mut depth, mut start) = (from, 0usize, from);
        while let Some(byte) = bytes.get(at) {
            if *byte == b'$' && bytes.get(at + 1) == Some(&b'{') {
                if outside || depth > 0 {
                    self.part(node, start..at);
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
                self.part(node, start..at);
                depth -= 1;
                at += 1;
                start = at;
            } else {
                at += 1;
            }
        }
        let end = written.trim_end_matches(['"', '\'']).len();
        if outside && start < end {
            self.part(node, start..end);
        }
    }

    /// Marks a part of what spells a node. A single word of it is a value by itself; more than one is a message.
    fn part(&mut self, node: &Node, range: std::ops::Range<usize>) {
        let written = self.texts.expose(node.span).get(range.clone()).unwrap_or_default();
        let bare = written.trim_matches(['"', '\'', ' ']);
        if !bare.contains(char::is_whitespace) {
            self.secrets.add(bare);
        }
        self.spans.push(node.span.part(range));
    }
}
