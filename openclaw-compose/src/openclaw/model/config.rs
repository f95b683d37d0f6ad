//! `openclaw.json` as a process reads it: JSON5, `$include`, OpenClaw's own `${NAME}`, secret references, and the keys that
//! decide tokens and reach, each with the bytes that say so. Keys not named here are left to OpenClaw.

use std::collections::HashMap;
use std::fmt;

use crate::source::{FileId, Span, Text};
use crate::syntax::json5::{self, Json5Error, Member, Node, Value};

use include::Include;

mod include;

/// One configuration, included files merged in.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    root: Option<Node>,
    /// The first place of each text of `env.vars`.
    vars: HashMap<String, usize>,
    /// What kept parts of it from being read.
    pub(crate) faults: Vec<ConfigFault>,
}

/// Why a configuration, or a part of it, could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum ConfigFault {
    /// Not JSON5. The gateway then reports a *missing gateway.mode* (2026.9.6, observed).
    Syntax(Json5Error),
    /// The document is not an object.
    NotAnObject {
        /// The document.
        span: Span,
    },
    /// An `$include` that OpenClaw would refuse, or whose text was not given.
    Include {
        /// The path as written.
        path: String,
        /// Why.
        why: &'static str,
        /// True when OpenClaw refuses it; false when only this report lacks the text.
        refused: bool,
        /// The include.
        span: Span,
    },
}

impl ConfigFault {
    /// Where it is.
    #[must_use]
    pub(crate) fn span(&self) -> Span {
        match self {
            Self::Syntax(error) => error.span,
            Self::NotAnObject { span } | Self::Include { span, .. } => *span,
        }
    }

    fn is_refused(&self) -> bool {
        !matches!(self, Self::Include { refused: false, .. })
    }
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(error) => write!(f, "not JSON5: {}", error.fault),
            Self::NotAnObject { .. } => f.write_str("the document is not an object"),
            Self::Include { why, .. } => write!(f, "an $include is not read: {why}"),
        }
    }
}

impl Config {
    /// Reads the configuration `text` that stands at `path`.
    ///
    /// `open` hands out the text of an included file by its normalised path, or nothing when it is not known. The path is in
    /// whatever form `path` has; relative includes are joined to it. What is wrong is in [`Config::faults`].
    pub(crate) fn read(
        file: FileId,
        path: &str,
        text: &str,
        open: &mut dyn FnMut(&str) -> Option<(FileId, Text)>,
    ) -> Self {
        let mut faults = Vec::new();
        let root = match json5::parse(file, text) {
            Ok(root) => {
                let mut include = Include { top: parent(path), open, faults: &mut faults };
                Some(include.expand(root, path, 0))
            }
            Err(error) => {
                faults.push(ConfigFault::Syntax(error));
                None
            }
        };
        if let Some(root) = &root
            && !matches!(root.value, Value::Object(_))
        {
            faults.push(ConfigFault::NotAnObject { span: root.span });
        }
        let mut read = Self { root, vars: HashMap::new(), faults };
        let vars = read.env_members().iter().enumerate().filter(|(_, member)| member.value.text().is_some());
        let mut places = HashMap::new();
        for (at, member) in vars {
            places.entry(member.key.clone()).or_insert(at);
        }
        read.vars = places;
        read
    }

    /// The first fault for which the gateway refuses this file.
    #[must_use]
    pub(crate) fn refused(&self) -> Option<&ConfigFault> {
        self.faults.iter().find(|fault| fault.is_refused())
    }

    /// True where text that may hold any key was not given.
    #[must_use]
    pub(crate) fn is_partial(&self) -> bool {
        self.root.is_none() || self.faults.iter().any(|fault| matches!(fault, ConfigFault::Include { .. }))
    }

    /// The members at the top.
    pub(crate) fn members(&self) -> &[Member] {
        self.root.as_ref().map_or(&[], Node::members)
    }

    /// The node at `path`, `null` counting as absent.
    #[must_use]
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Node> {
        self.root.as_ref()?.at(path).filter(|node| !matches!(node.value, Value::Null))
    }

    /// The string at `path`, as written. It may be a secret: see [`Text::expose`].
    #[must_use]
    pub(crate) fn expose(&self, path: &[&str]) -> Option<(&str, Span)> {
        let node = self.at(path)?;
        Some((node.expose()?, node.span))
    }

    /// Whether the boolean at `path` is `true`, and where.
    #[must_use]
    pub(crate) fn switched_on(&self, path: &[&str]) -> Option<Span> {
        self.at(path).filter(|node| node.as_bool() == Some(true)).map(|node| node.span)
    }

    /// `gateway.mode`.
    #[must_use]
    pub(crate) fn mode(&self) -> Option<(&str, Span)> {
        self.expose(&["gateway", "mode"])
    }

    /// `gateway.bind`.
    #[must_use]
    pub(crate) fn bind(&self) -> Option<(&str, Span)> {
        self.expose(&["gateway", "bind"])
    }

    /// `gateway.port`, where it is a port number.
    #[must_use]
    pub(crate) fn port(&self) -> Option<(u16, Span)> {
        let node = self.at(&["gateway", "port"])?;
        let number = node.as_f64()?;
        let port = (1..=u16::MAX).find(|&port| f64::from(port) == number)?;
        Some((port, node.span))
    }

    /// `gateway.auth.mode`.
    #[must_use]
    pub(crate) fn auth_mode(&self) -> Option<(&str, Span)> {
        self.expose(&["gateway", "auth", "mode"])
    }

    /// The strings of a list, each with its place.
    pub(crate) fn list(&self, path: &[&str]) -> impl Iterator<Item = (&str, Span)> {
        self.at(path).map_or(&[][..], Node::items).iter().filter_map(|item| Some((item.expose()?, item.span)))
    }

    /// Each `${NAME}` of any string, with the place of the string, in the order of the file.
    pub(crate) fn placeholders(&self) -> Vec<(String, Span)> {
        let mut out = Vec::new();
        let mut open: Vec<&Node> = self.at(&[]).into_iter().collect();
        while let Some(node) = open.pop() {
            open.extend(node.members().iter().rev().map(|member| &member.value));
            open.extend(node.items().iter().rev());
            let names = node.expose().map(|text| substitute(text, &mut |_| None).names);
            out.extend(names.into_iter().flatten().map(|(name, _)| (name, node.span)));
        }
        out
    }

    /// A text of `env.vars`, the weakest source of the process environment.
    #[must_use]
    pub(crate) fn env_var(&self, name: &str) -> Option<&Node> {
        Some(&self.env_members().get(*self.vars.get(name)?)?.value)
    }

    fn env_members(&self) -> &[Member] {
        self.at(&["env", "vars"]).map_or(&[], Node::members)
    }

    /// The secret at `path`, whatever form it takes.
    #[must_use]
    pub(crate) fn secret(&self, path: &[&str]) -> Option<SecretForm<'_>> {
        let node = self.at(path)?;
        match &node.value {
            Value::String(text) => Some(match shorthand(text.expose()) {
                Some(id) => SecretForm::Ref { source: RefSource::Env, id, span: node.span },
                None => SecretForm::Text { text, span: node.span },
            }),
            Value::Object(_) => {
                let source = match node.get("source").and_then(Node::expose)? {
                    "env" => RefSource::Env,
                    "file" => RefSource::File,
                    "exec" => RefSource::Exec,
                    "store" => RefSource::Store,
                    _ => return None,
                };
                let id = node.get("id").and_then(Node::expose)?;
                Some(SecretForm::Ref { source, id, span: node.span })
            }
            _ => None,
        }
    }
}

/// How a secret is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SecretForm<'a> {
    /// A string, in which `${NAME}` is substituted.
    Text {
        /// The string.
        text: &'a Text,
        /// Its place.
        span: Span,
    },
    /// A reference that OpenClaw resolves at start and that fails closed.
    Ref {
        /// Where it looks.
        source: RefSource,
        /// What it looks for.
        id: &'a str,
        /// The reference's place.
        span: Span,
    },
}

/// Where a secret reference looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RefSource {
    /// A variable of the process.
    Env,
    /// A file given by a provider.
    File,
    /// A program's answer.
    Exec,
    /// OpenClaw's own store.
    Store,
}

/// The outcome of [`substitute`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Substituted {
    /// The text; a placeholder that could not be filled is still in it.
    pub(crate) text: Text,
    /// Every variable it names, in order, and whether it had a value.
    pub(crate) names: Vec<(String, bool)>,
}

/// OpenClaw's `${NAME}` substitution, which is not Compose's: upper-case names only, no defaults, `$${NAME}` is literal,
/// and an unset or empty variable leaves the placeholder standing (2026.9.6, observed).
pub(crate) fn substitute(text: &str, lookup: &mut dyn FnMut(&str) -> Option<Text>) -> Substituted {
    let mut out = String::with_capacity(text.len());
    let mut names = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        if let Some(escaped) = from.strip_prefix('$').filter(|tail| placeholder(tail).is_some()) {
            let (_, after) = placeholder(escaped).unwrap_or(("", escaped));
            out.push_str(escaped.get(..escaped.len() - after.len()).unwrap_or_default());
            rest = after;
        } else if let Some((name, after)) = placeholder(from) {
            let value = lookup(name).filter(|value| !value.is_empty());
            names.push((name.to_owned(), value.is_some()));
            match value {
                Some(value) => out.push_str(value.expose()),
                None => out.push_str(from.get(..from.len() - after.len()).unwrap_or_default()),
            }
            rest = after;
        } else {
            out.push('$');
            rest = from.get(1..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    Substituted { text: Text::from(out), names }
}

/// `${NAME}` at the start of `text`: the name and what follows.
fn placeholder(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix("${")?.split_once('}')?;
    is_name(name).then_some((name, after))
}

/// A bare `"$NAME"` is short for an environment reference (package documentation).
fn shorthand(text: &str) -> Option<&str> {
    text.strip_prefix('$').filter(|name| is_name(name) && name.starts_with(|c: char| c.is_ascii_uppercase()))
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// A `NAME=value` of the state directory's `.env`.
#[derive(Clone, Debug)]
pub(crate) struct StateVariable {
    /// The name.
    pub(crate) name: String,
    /// The value, quotes taken off.
    pub(crate) value: Text,
    /// The value's bytes, quotes included.
    pub(crate) span: Span,
}

/// Reads `$STATE/.env` in OpenClaw's dialect: quotes are stripped, nothing is substituted, the last line of a name counts.
#[must_use]
pub(crate) fn state_dotenv(file: FileId, text: &str) -> Vec<StateVariable> {
    let mut variables = Vec::new();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let Some((name, value)) = line.split_once('=') else { continue };
        let name = name.trim_start_matches('\u{feff}').trim();
        let name = name.strip_prefix("export ").unwrap_or(name).trim();
        if name.is_empty() || name.starts_with('#') {
            continue;
        }
        let from = start + line.len() - value.len() + (value.len() - value.trim_start().len());
        let written = match value.trim() {
            quoted if quoted.starts_with(['"', '\'', '`']) => quoted,
            bare => bare.split(" #").next().unwrap_or_default().trim_end(),
        };
        let value = unquote(written);
        let span = Span::from_range(file, from..from + written.len());
        variables.push(StateVariable { name: name.to_owned(), value: Text::from(value), span });
    }
    variables
}

fn unquote(written: &str) -> &str {
    for quote in ['"', '\'', '`'] {
        if let Some((inside, _)) = written.strip_prefix(quote).and_then(|rest| rest.rsplit_once(quote)) {
            return inside;
        }
    }
    written
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// Joins and resolves `.` and `..` without a file system.
pub(crate) fn normalise(directory: &str, path: &str) -> String {
    let joined = if path.starts_with('/') { path.to_owned() } else { format!("{directory}/{path}") };
    let absolute = joined.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in joined.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if absolute => {}
            part => parts.push(part),
        }
    }
    let body = parts.join("/");
    if absolute { format!("/{body}") } else { body }
}

/// Whether `path` is `directory` or lies inside it.
pub(crate) fn is_below(directory: &str, path: &str) -> bool {
    let directory = directory.trim_end_matches('/');
    match path.strip_prefix(directory) {
        Some(rest) => rest.is_empty() || rest.starts_with('/') || directory.is_empty(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_upper_case_names_are_filled() {
        let out = substitute("${A}-${b}-$${A}-${GONE}", &mut |name| (name == "A").then(|| "1".into()));
        assert_eq!(out.text.expose(), "1-${b}-${A}-${GONE}");
        assert_eq!(out.names, [("A".to_owned(), true), ("GONE".to_owned(), false)]);
    }
}
