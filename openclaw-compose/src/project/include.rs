//! `include`: whole projects with a directory and an `.env` of their own, imported before the including file is merged.

use std::collections::HashSet;
use std::sync::Arc;

use crate::codes::Code;
use crate::source::Span;

use super::discovery::Owner;
use super::inputs::{Kind, ReadError};
use super::limits;
use super::loader::{Included, Loader, Scope, unreadable};
use super::model::{Map, Node, Value};
use super::paths;
use super::provenance::Event;
use super::raise::Raised;
use super::remote::{is_remote, remote};
use super::variables::{EnvironmentId, Variables};

/// The sections that an included project contributes.
const SECTIONS: [&str; 6] = ["services", "volumes", "networks", "secrets", "configs", "models"];

struct Include {
    at: Span,
    paths: Vec<(String, Span)>,
    project_directory: Option<(String, Span)>,
    env_files: Vec<(String, Span)>,
}

impl Loader<'_> {
    /// Imports what a document includes, and removes `include` from it.
    pub(crate) fn include(&mut self, path: &str, scope: &Scope, root: &mut Node) {
        let Some(entry) = root.as_map_mut().and_then(|map| map.remove("include")) else { return };
        let mut including = scope.including.clone();
        including.push(path.to_owned());
        // What is here already need not come again.
        let mut here = HashSet::new();
        for include in self.includes(&entry.node) {
            self.include_one(&include, scope, &including, &mut here, root);
        }
    }

    fn includes(&mut self, node: &Node) -> Vec<Include> {
        let items = match &node.value {
            Value::Null | Value::Unknown => return Vec::new(),
            Value::List(items) => items,
            other => {
                let kind = other.kind_name();
                self.raise(
                    Raised::error(Code::IncludeInvalid, format!("`include` must be a list, not {kind}"))
                        .at(node.span)
                        .help("write `include: [PATH]`"),
                );
                return Vec::new();
            }
        };
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            match &item.value {
                Value::Text(path) => out.push(Include {
                    at: item.span,
                    paths: vec![(path.expose().to_owned(), item.span)],
                    project_directory: None,
                    env_files: Vec::new(),
                }),
                Value::Map(map) => {
                    let include = Include {
                        at: item.span,
                        paths: strings(map.get("path")),
                        project_directory: strings(map.get("project_directory"))
                            .pop()
                            .filter(|(path, _)| !path.is_empty()),
                        env_files: strings(map.get("env_file")),
                    };
                    for entry in map {
                        if !matches!(&*entry.key, "path" | "project_directory" | "env_file") {
                            self.raise(
                                Raised::warning(
                                    Code::UnknownKey,
                                    format!("include: Compose ignores the key {:?} here", entry.key),
                                )
                                .at(entry.key_span),
                            );
                        }
                    }
                    if include.paths.is_empty() {
                        self.raise(
                            Raised::error(Code::IncludeInvalid, "an include without a path").at(item.span),
                        );
                    } else {
                        out.push(include);
                    }
                }
                Value::Unknown => {}
                other => {
                    let kind = other.kind_name();
                    self.raise(
                        Raised::error(
                            Code::IncludeInvalid,
                            format!("an include must be a path or a mapping, not {kind}"),
                        )
                        .at(item.span),
                    );
                }
            }
        }
        out
    }

    fn include_one(
        &mut self,
        include: &Include,
        scope: &Scope,
        including: &[String],
        here: &mut HashSet<Included>,
        root: &mut Node,
    ) {
        if let Some((path, at)) = include.paths.iter().find(|(path, _)| is_remote(path)) {
            self.raise(remote(path, *at));
            return;
        }
        let files: Vec<(String, Option<Span>)> = include
            .paths
            .iter()
            .map(|(path, at)| (paths::absolute(&scope.real_dir, path), Some(*at)))
            .collect();
        let Some(((main, at), _)) = files.first().zip(include.paths.first()) else { return };
        let at = at.unwrap_or(include.at);
        if including.contains(main) {
            let chain: Vec<String> = including
                .iter()
                .chain([main])
                .map(|path| paths::shown(path, &self.inputs.directory))
                .collect();
            self.raise(
                Raised::error(Code::IncludeCycle, format!("include cycle: {}", chain.join(" includes ")))
                    .at(at),
            );
            return;
        }
        let (real_dir, working_dir) = match &include.project_directory {
            None => {
                let real = paths::directory(main);
                let seen = paths::relative(&scope.real_dir, &real);
                (real, seen)
            }
            Some((directory, _)) if directory.starts_with('/') => {
                (paths::clean(directory), directory.clone())
            }
            Some((directory, _)) => {
                let real = paths::join(&scope.real_dir, directory);
                // As Compose: a project directory that does not exist is taken for a file's name.
                let seen = if self.kind(&real) == Some(Kind::Directory) {
                    real.clone()
                } else {
                    paths::directory(&real)
                };
                (real, paths::relative(&scope.real_dir, &seen))
            }
        };
        self.bound_by(&paths::directory(main));
        self.bound_by(&real_dir);
        if including.len() > limits::DEPTH {
            self.raise(
                Raised::error(
                    Code::IncludeLimit,
                    format!("more than {} files include each other in a row", limits::DEPTH),
                )
                .at(at)
                .help("include the files from one that is nearer to the first"),
            );
            return;
        }
        let environment = self.included_environment(include, scope, &real_dir);
        let paths = files.iter().map(|(path, _)| path.clone()).collect();
        let key =
            Included { paths, working_dir: working_dir.clone(), real_dir: real_dir.clone(), environment };
        if !here.insert(key.clone()) {
            return;
        }
        if let Some(size) = self.included.get(&key).map(Node::size) {
            if !self.may_copy(size, "`include` brings", at) {
                return;
            }
        } else {
            let inner = Scope { working_dir, real_dir, environment, including: including.to_vec() };
            let imported = self.project(&files, &inner);
            self.included.insert(key.clone(), imported);
        }
        if let Some(mut imported) = self.included.get(&key).cloned() {
            self.import(&mut imported, root, include.at);
        }
    }

    /// The outer variables, and below them those of the included project's env files.
    fn included_environment(&mut self, include: &Include, scope: &Scope, real_dir: &str) -> EnvironmentId {
        let mut files: Vec<(String, Option<Span>)> = Vec::new();
        if include.env_files.is_empty() {
            let path = paths::join(real_dir, ".env");
            match self.kind(&path) {
                Some(Kind::File) => files.push((path, None)),
                Some(Kind::Directory) => self.passed_over(&path),
                None => {}
            }
        }
        for (path, at) in &include.env_files {
            let full = paths::absolute(&scope.real_dir, path);
            match self.kind(&full) {
                Some(Kind::File) => files.push((full, Some(*at))),
                Some(Kind::Directory) => {
                    self.raise(
                        unreadable(&full, &ReadError::Directory, &self.inputs.directory).at(*at).exit(15),
                    );
                }
                None => self.raise(unreadable(&full, &ReadError::NotFound, &self.inputs.directory).at(*at)),
            }
        }
        if files.is_empty() {
            return scope.environment;
        }
        let paths: Vec<String> = files.iter().map(|(path, _)| path.clone()).collect();
        let key = (paths, scope.environment);
        if let Some(known) = self.inner_environments.get(&key) {
            return *known;
        }
        let outer = self.environments.get(scope.environment.0 as usize).cloned().unwrap_or_default();
        let read = self.env_files(&files, &outer, Owner::Included);
        let mut variables = Variables::inside(outer);
        for (name, value, setting) in read {
            variables.offer(&name, value, setting);
        }
        let environment = self.add_environment(variables);
        self.inner_environments.insert(key, environment);
        environment
    }

    /// Moves the imported resources into the including file; one that is there must be the same.
    fn import(&mut self, imported: &mut Node, root: &mut Node, at: Span) {
        let Some(imported) = imported.as_map_mut() else { return };
        let Some(target) = root.as_map_mut() else { return };
        for section in SECTIONS {
            let Some(entry) = imported.remove(section) else { continue };
            let Value::Map(resources) = entry.node.value else { continue };
            if !target.contains(section) {
                target.push(section, entry.key_span, Node::new(Value::Map(Map::new()), entry.node.span));
            }
            let Some(Value::Map(known)) = target.get_mut(section).map(|node| &mut node.value) else {
                continue;
            };
            for mut resource in resources.into_entries() {
                match known.entry(&resource.key) {
                    None => {
                        self.provenances.mark(&mut resource.node, &Event::Included { at });
                        known.append(resource);
                    }
                    Some(own) if own.node == resource.node => {}
                    Some(_) if self.inputs.dialect.may_override_included() => {
                        let (key, span) = (resource.key.clone(), resource.key_span);
                        if let Some(own) = known.get_mut(&key).map(take) {
                            let older = wrapped(section, &key, resource.node);
                            let newer = wrapped(section, &key, own);
                            let merged = self.merged(older, newer);
                            known.set(&key, span, unwrapped(merged).unwrap_or_else(|| null(span)));
                        }
                    }
                    Some(own) => {
                        let raised = Raised::error(
                            Code::IncludeConflict,
                            format!("{section}.{} conflicts with imported resource", resource.key),
                        )
                        .at(own.key_span)
                        .related(resource.key_span)
                        .related(at)
                        .help("change an included resource in an override file (a second path of the include, or a second -f)");
                        self.raise(raised);
                    }
                }
            }
        }
    }
}

fn null(span: Span) -> Node {
    Node::new(Value::Null, span)
}

fn take(node: &mut Node) -> Node {
    let span = node.span;
    std::mem::replace(node, null(span))
}

fn wrapped(section: &str, key: &Arc<str>, node: Node) -> Node {
    let span = node.span;
    let mut inner = Map::with_capacity(1);
    inner.push(key.clone(), span, node);
    let mut outer = Map::with_capacity(1);
    outer.push(section, span, Node::new(Value::Map(inner), span));
    Node::new(Value::Map(outer), span)
}

fn unwrapped(node: Node) -> Option<Node> {
    let Value::Map(outer) = node.value else { return None };
    let Value::Map(inner) = outer.into_entries().pop()?.node.value else { return None };
    Some(inner.into_entries().pop()?.node)
}

/// A text, or a list of texts.
fn strings(node: Option<&Node>) -> Vec<(String, Span)> {
    let text = |node: &Node| node.expose().map(|text| (text.to_owned(), node.span));
    match node.map(|node| &node.value) {
        Some(Value::Text(_)) => node.and_then(text).into_iter().collect(),
        Some(Value::List(items)) => items.iter().filter_map(text).collect(),
        _ => Vec::new(),
    }
}
