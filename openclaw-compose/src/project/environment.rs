//! What a container's environment gets: `environment` over the env files, the last of them first.
//!
//! | rank | source |
//! | --- | --- |
//! | 1 | `environment` with a value |
//! | 2 | `environment` with a bare name: the shell or `.env`; where it is unset there, null, which still hides the rest |
//! | 3 | the last `env_file` that names it ... the first |
//!
//! Nothing comes from the project's `.env` by itself.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::codes::Code;
use crate::source::{FileId, Span, Text};
use crate::syntax::dotenv;
use crate::syntax::interpolate::Found;

use super::discovery::Assignment;
use super::inputs::{Kind, ReadError};
use super::loader::{Loader, unreadable};
use super::model::{Entry, Map, Node, ProvenanceId, Value};
use super::path::Path;
use super::paths;
use super::provenance::Event;
use super::raise::{EXIT_NOT_FOUND, EXIT_PROJECT, Raised};
use super::variables::{EnvironmentId, Setting, Variables};

/// Env files that read the same in every service.
#[derive(Default)]
pub(crate) struct Cache {
    files: HashMap<(FileId, bool), Rc<[Assignment]>>,
}

/// What one service's files say so far, sorted by name.
#[derive(Default)]
struct Gathered(Vec<Entry>);

impl Gathered {
    fn find(&self, name: &str) -> Option<&Node> {
        let at = self.0.binary_search_by(|entry| (*entry.key).cmp(name)).ok()?;
        self.0.get(at).map(|entry| &entry.node)
    }

    /// The value of a variable, as a lookup finds it.
    fn found(&self, name: &str) -> Option<Found<Setting>> {
        let node = self.find(name)?;
        let Value::Text(value) = &node.value else { return None };
        Some(Found { value: value.clone(), source: Setting::File(node.span) })
    }
}

/// A project's variable, as a lookup finds it.
fn set(variables: &Variables, name: &str) -> Option<Found<Setting>> {
    variables.find(name).map(|variable| Found { value: variable.value.clone(), source: variable.setting })
}

/// A variable before any env file: the project's, else that of the service's `environment`.
fn seen_by_env_files(variables: &Variables, own: &Map, name: &str) -> Option<Found<Setting>> {
    set(variables, name).or_else(|| {
        let node = own.get(name)?;
        let Value::Text(value) = &node.value else { return None };
        Some(Found { value: value.clone(), source: Setting::File(node.span) })
    })
}

impl Loader<'_> {
    /// Merges a service's env files below its `environment`, and its label files below its labels.
    pub(crate) fn service_environment(
        &mut self,
        name: &str,
        fields: &mut Map,
        environment: EnvironmentId,
        cache: &mut Cache,
    ) {
        let own = match fields.get("environment").and_then(Node::as_map) {
            Some(own) if self.inputs.dialect.env_file_sees_shell_first() => own.clone(),
            _ => Map::new(),
        };
        if let Some(files) = fields.get("env_file").cloned() {
            let mut gathered = Gathered::default();
            for item in files.as_list().unwrap_or_default() {
                self.env_file(name, item, environment, &own, &mut gathered, cache);
            }
            self.overlay(name, fields, "environment", gathered, files.span);
        }
        if let Some(files) = fields.get("label_file").cloned() {
            let mut gathered = Gathered::default();
            for item in files.as_list().unwrap_or_default() {
                self.label_file(name, item, &mut gathered);
            }
            self.overlay(name, fields, "labels", gathered, files.span);
        }
    }

    fn env_file(
        &mut self,
        service: &str,
        item: &Node,
        environment: EnvironmentId,
        own: &Map,
        gathered: &mut Gathered,
        cache: &mut Cache,
    ) {
        let Some(path_node) = item.get("path") else { return };
        let Some(path) = path_node.expose() else { return };
        let Some(required) = self.required(item, service) else { return };
        let at = path_node.span;
        if !self.has_read(path) && self.kind(path).is_none() {
            self.tell_of_case(path);
            if required {
                let shown = paths::shown(path, &self.inputs.directory);
                self.raise(
                    Raised::error(
                        Code::EnvFileMissing,
                        format!("service {service:?}: env file {shown} not found"),
                    )
                    .at(at)
                    .exit(EXIT_NOT_FOUND)
                    .help("create it, or list it with `required: false`"),
                );
            }
            return;
        }
        if let Some(format) = item.get("format") {
            let known = format.is("raw") && self.inputs.dialect.knows_raw_env_files();
            if !format.is("") && !known {
                let shown = format.expose().unwrap_or_default();
                self.raise(
                    Raised::error(
                        Code::EnvFileFormat,
                        format!(
                            "service {service:?}: unsupported env_file format {shown:?} in {}",
                            self.inputs.dialect
                        ),
                    )
                    .at(format.span)
                    .help("leave the format out"),
                );
                return;
            }
            if known {
                self.raw_env_file(path, at, environment, own, gathered);
                return;
            }
        }
        let Some(file) = self.open(path, at) else { return };
        if let Some(assignments) = self.read_env_file(file, at, environment, own, gathered, cache) {
            self.gather(&assignments, at, gathered);
        }
    }

    /// Whether an env file must be there; `None` where that cannot be told, which is raised.
    fn required(&mut self, item: &Node, service: &str) -> Option<bool> {
        let Some(node) = item.get("required") else { return Some(true) };
        let text = match &node.value {
            Value::Bool(required) => return Some(*required),
            Value::Text(text) => text.clone(),
            _ => return Some(true),
        };
        let services = Path::ROOT.key("services");
        let service = services.key(service);
        let list = service.key("env_file");
        let path = list.key("required");
        if let Some(value) = super::tree::boolean(self, text.expose(), node.span, &path) {
            return Some(value == Value::Bool(true));
        }
        self.raise(Raised::error(Code::BadCast, format!("{path}: the text is not a boolean")).at(node.span));
        None
    }

    /// Every service reads an env file anew where it may say something else there: its lines count as copies.
    fn may_read_again(&mut self, text: &str, at: Span) -> bool {
        self.may_copy(text.len() / 64, "env files bring", at)
    }

    fn open(&mut self, path: &str, at: Span) -> Option<FileId> {
        if !self.has_read(path) && self.kind(path) == Some(Kind::Directory) {
            self.raise(unreadable(path, &ReadError::Directory, &self.inputs.directory).at(at));
            return None;
        }
        match self.read(path, false) {
            Ok(file) => Some(file),
            Err(error) => {
                self.raise(unreadable(path, &error, &self.inputs.directory).at(at));
                None
            }
        }
    }

    /// Reads an env file, or takes what it said to an earlier service where that cannot differ.
    fn read_env_file(
        &mut self,
        file: FileId,
        at: Span,
        environment: EnvironmentId,
        own: &Map,
        gathered: &Gathered,
        cache: &mut Cache,
    ) -> Option<Rc<[Assignment]>> {
        // What never asks for a variable is the same everywhere; what does, is so as the first file of a service.
        let first = gathered.0.is_empty();
        let known = cache
            .files
            .get(&(file, false))
            .or_else(|| if first { cache.files.get(&(file, true)) } else { None });
        if let Some(known) = known {
            return Some(known.clone());
        }
        let text = self.sources.shared(file);
        if !self.may_read_again(&text, at) {
            return None;
        }
        let options = self.dotenv_options();
        let shell_first = self.inputs.dialect.env_file_sees_shell_first();
        let asked = Cell::new(false);
        let variables = self.environment(environment);
        let first_seen = |name: &str| {
            asked.set(true);
            if shell_first {
                seen_by_env_files(variables, own, name)
            } else {
                gathered.found(name).or_else(|| set(variables, name))
            }
        };
        let read = if self.inputs.dialect.env_file_sees_itself_first() {
            dotenv::parse_after(file, &text, options, first_seen, |name| gathered.found(name))
        } else if shell_first {
            let seen = |name: &str| first_seen(name).or_else(|| gathered.found(name));
            dotenv::parse(file, &text, options, seen)
        } else {
            dotenv::parse(file, &text, options, first_seen)
        };
        let mut assignments = self.assignments(read, EXIT_PROJECT, None);
        // Every service that names the file sorts them again, which is cheap where they are sorted.
        assignments.sort_by(|a, b| a.0.cmp(&b.0));
        let assignments: Rc<[Assignment]> = assignments.into();
        if !asked.get() {
            cache.files.insert((file, false), assignments.clone());
        } else if first && !shell_first {
            cache.files.insert((file, true), assignments.clone());
        }
        Some(assignments)
    }

    /// Adds what a file says to what those before it say: of two values of one name the later one counts.
    fn gather(&mut self, assignments: &[Assignment], listed: Span, gathered: &mut Gathered) {
        if !self.may_copy(assignments.len(), "env files bring", listed) {
            return;
        }
        let provenance = self.provenances.add(ProvenanceId::NONE, Event::EnvFile { listed });
        let entries = &mut gathered.0;
        entries.reserve(assignments.len());
        entries.extend(assignments.iter().map(|(name, value, setting)| {
            let span = if let Setting::File(span) = setting { *span } else { listed };
            let node = Node::with_provenance(Value::Text(value.clone()), span, provenance);
            Entry { key: name.clone(), key_span: span, node }
        }));
        // Stable: of equal names the later one still stands behind the earlier one.
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        entries.dedup_by(|later, kept| {
            let same = later.key == kept.key;
            if same {
                std::mem::swap(&mut later.node, &mut kept.node);
                let older = std::mem::replace(&mut later.node, Node::new(Value::Null, listed));
                kept.node.provenance =
                    self.provenances.add(kept.node.provenance, Event::Replaced { older: Box::new(older) });
            }
            same
        });
    }

    /// `NAME=value` lines as they are: no quotes, no interpolation, no comments at their end. A bare name is looked up.
    fn raw_env_file(
        &mut self,
        path: &str,
        at: Span,
        environment: EnvironmentId,
        own: &Map,
        gathered: &mut Gathered,
    ) {
        let Some(file) = self.open(path, at) else { return };
        let text = self.sources.shared(file);
        if !self.may_read_again(&text, at) {
            return;
        }
        let mut assignments: Vec<Assignment> = Vec::new();
        let mut offset = 0;
        for line in text.split_inclusive('\n') {
            let start = offset;
            offset += line.len();
            let body = line.strip_suffix('\n').unwrap_or(line);
            let body = body.strip_suffix('\r').unwrap_or(body);
            let body_end = start + body.len();
            let body = if start == 0 { body.trim_start_matches('\u{feff}') } else { body };
            let trimmed = body.trim_start();
            if trimmed.is_empty() || trimmed.starts_with('#') {
                continue;
            }
            let (key, value) = match trimmed.split_once('=') {
                Some((key, value)) => (key, Some(value)),
                None => (trimmed, None),
            };
            if key.is_empty() || key.contains([' ', '\t']) {
                let from = body_end - trimmed.len();
                let span = Span::from_range(file, from..from + key.len().max(1));
                let what = if key.is_empty() {
                    "no variable name"
                } else {
                    "a variable name cannot contain a space"
                };
                let line = self.sources.location(span).line;
                self.raise(Raised::error(Code::DotenvSyntax, format!("line {line}: {what}")).at(span));
                return;
            }
            match value {
                Some(value) => {
                    let span = Span::from_range(file, body_end - value.len()..body_end);
                    if super::secret::looks_secret(key) {
                        self.sources.mark_secret(span);
                    }
                    assignments.push((Arc::from(key), Text::from(value), Setting::File(span)));
                }
                None => {
                    if let Some(found) = seen_by_env_files(self.environment(environment), own, key) {
                        assignments.push((Arc::from(key), found.value, found.source));
                    }
                }
            }
        }
        self.gather(&assignments, at, gathered);
    }

    fn label_file(&mut self, service: &str, item: &Node, gathered: &mut Gathered) {
        let Some(path) = item.expose() else { return };
        if self.kind(path).is_none() {
            let shown = paths::shown(path, &self.inputs.directory);
            self.raise(
                Raised::error(
                    Code::EnvFileMissing,
                    format!("service {service:?}: label file {shown} not found"),
                )
                .at(item.span)
                .exit(EXIT_NOT_FOUND),
            );
            return;
        }
        let Some(file) = self.open(path, item.span) else { return };
        let text = self.sources.shared(file);
        if !self.may_read_again(&text, item.span) {
            return;
        }
        let read = dotenv::parse(file, &text, self.dotenv_options(), |name| gathered.found(name));
        let assignments = self.assignments(read, EXIT_PROJECT, None);
        self.gather(&assignments, item.span, gathered);
    }

    /// Puts a service's own entries over those of its files.
    fn overlay(&mut self, service: &str, fields: &mut Map, field: &str, gathered: Gathered, files: Span) {
        if gathered.0.is_empty() {
            return;
        }
        if !fields.contains(field) {
            fields.push(field, files, Node::new(Value::Map(Map::new()), files));
        }
        let Some(own) = fields.get_mut(field).and_then(Node::as_map_mut) else { return };
        own.sort();
        let mut below = gathered.0.into_iter().peekable();
        let mut merged = Vec::with_capacity(own.len() + below.len());
        for mut entry in std::mem::take(own.entries_mut()) {
            while let Some(other) = below.next_if(|other| other.key < entry.key) {
                merged.push(other);
            }
            if let Some(older) = below.next_if(|other| other.key == entry.key) {
                if entry.node.is_null() {
                    self.raise(
                        Raised::warning(
                            Code::NullHidesEnvFile,
                            format!(
                                "service {service:?}: {} is listed without a value and set nowhere, which hides the value of its env file",
                                entry.key
                            ),
                        )
                        .at(entry.key_span)
                        .shadowed(older.node.span)
                        .help(format!("remove {} from `environment`, or give it a value there", entry.key)),
                    );
                }
                entry.node.provenance = self
                    .provenances
                    .add(entry.node.provenance, Event::Replaced { older: Box::new(older.node) });
            }
            merged.push(entry);
        }
        merged.extend(below);
        *own.entries_mut() = merged;
    }
}
