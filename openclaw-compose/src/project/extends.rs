//! `extends`: a service begins with what another says. Resolved inside each file, before files are merged, so that an
//! override file's change of the base does not reach the extender.

use std::sync::Arc;

use crate::codes::Code;
use crate::source::Span;

use super::load::{Loader, Scope, drop_path};
use super::merge::Merger;
use super::model::{Map, Node, Value};
use super::path::Path;
use super::paths;
use super::provenance::Event;
use super::raise::Raised;
use super::tree::Document;

/// One file's services, with those that are done.
struct Services {
    map: Map,
}

/// The chain of services that extend each other, to find circles.
type Trail = Vec<(String, Arc<str>, Span)>;

struct Reference {
    service: Arc<str>,
    service_span: Span,
    file: Option<(String, Span)>,
    at: Span,
}

impl Loader<'_> {
    /// Resolves every `extends` of a document.
    pub(crate) fn extends(&mut self, path: &str, scope: &Scope, document: &mut Document) {
        let Some(root) = document.root.as_map_mut() else { return };
        let Some(services) = root.get_mut("services") else { return };
        let span = services.span;
        let key_span = |root: &Map| root.entry("services").map_or(span, |entry| entry.key_span);
        match &mut services.value {
            Value::Map(_) => {}
            Value::Unknown => return,
            other => {
                let kind = other.kind_name();
                let gap = matches!(other, Value::Null) && self.has_gaps(span.file);
                let at = key_span(root).to(span);
                root.remove("services");
                if gap {
                    return;
                }
                self.raise(
                    Raised::error(Code::NotAMapping, format!("services must be a mapping, not {kind}"))
                        .at(at)
                        .help("write each service's name below `services:`"),
                );
                return;
            }
        }
        let Value::Map(map) = std::mem::replace(&mut services.value, Value::Null) else { return };
        let needed = map.iter().any(|entry| entry.node.get("extends").is_some());
        let mut services = Services { map };
        if needed {
            let names: Vec<Arc<str>> = services.map.iter().map(|entry| entry.key.clone()).collect();
            for name in names {
                self.service_extends(&name, &mut services, path, scope, &document.resets, &Vec::new());
            }
        }
        if let Some(slot) = document.root.as_map_mut().and_then(|root| root.get_mut("services")) {
            slot.value = Value::Map(services.map);
        }
    }

    /// Resolves the `extends` of one service, and returns what the service now is.
    fn service_extends(
        &mut self,
        name: &str,
        services: &mut Services,
        path: &str,
        scope: &Scope,
        resets: &[Vec<Arc<str>>],
        trail: &Trail,
    ) -> Option<Node> {
        let service = services.map.get(name)?;
        let Some(extends) = service.get("extends") else { return Some(service.clone()) };
        let extends = extends.clone();
        let Some(reference) = self.reference(name, &extends) else {
            forget(services, name);
            return services.map.get(name).cloned();
        };
        // Before compose-go 2.9.1 what the base's file resets is dropped from this service's base as well.
        let apart = self.inputs.dialect.override_in_extends();
        let mut resets = resets.to_vec();
        let none: Vec<Vec<Arc<str>>> = Vec::new();
        let base = match &reference.file {
            None => {
                if !services.map.contains(&reference.service) {
                    self.raise(
                        Raised::error(
                            Code::ExtendsUnknownService,
                            format!(
                                "cannot extend service {name:?}: service {:?} not found",
                                reference.service
                            ),
                        )
                        .at(reference.service_span)
                        .because(nearest(&reference.service, &services.map)),
                    );
                    forget(services, name);
                    return services.map.get(name).cloned();
                }
                let trail = self.follow(trail, path, name, &reference, services)?;
                self.service_extends(
                    &reference.service,
                    services,
                    path,
                    scope,
                    if apart { &none } else { &resets },
                    &trail,
                )
            }
            Some((file, file_span)) => {
                let loaded = self.base_file(name, &reference, file, *file_span, scope);
                let Some((other, more)) = loaded else {
                    forget(services, name);
                    return services.map.get(name).cloned();
                };
                if !apart {
                    resets.extend(more.iter().cloned());
                }
                let trail = self.follow(trail, file, name, &reference, services)?;
                let mut other = Services { map: other };
                self.service_extends(
                    &reference.service,
                    &mut other,
                    path,
                    scope,
                    if apart { &more } else { &resets },
                    &trail,
                )
            }
        };
        let base = match base {
            Some(base) if !base.is_null() => base,
            _ => return services.map.get(name).cloned(),
        };
        let mut base = base;
        for reset in &resets {
            if let [first, second, rest @ ..] = reset.as_slice()
                && &**first == "services"
                && &**second == name
                && !rest.is_empty()
            {
                drop_path(&mut base, rest);
            }
        }
        self.stories
            .mark(&mut base, &Event::Extends { at: reference.at, service: reference.service.clone() });
        let own = services.map.get(name).cloned()?;
        let merged = self.extended(base, own);
        if let Some(slot) = services.map.get_mut(name) {
            *slot = merged.clone();
        }
        Some(merged)
    }

    fn extended(&mut self, base: Node, own: Node) -> Node {
        let span = own.span;
        let story = own.story;
        let (Value::Map(base), Value::Map(own)) = (base.value, own.value) else {
            return Node::with_story(Value::Unknown, span, story);
        };
        let services = Path::ROOT.key("services");
        let mut merger = Merger::new(&mut self.stories, self.inputs.dialect);
        let mut merged = merger.mappings(base, own, &services.key("x"));
        let conflicts = merger.conflicts;
        self.conflicts(conflicts);
        merged.remove("extends");
        Node::with_story(Value::Map(merged), span, story)
    }

    /// Reads `extends: name` and `extends: {service: name, file: path}`.
    fn reference(&mut self, name: &str, extends: &Node) -> Option<Reference> {
        let at = extends.span;
        let broken = |loader: &mut Self, what: String| {
            loader.raise(
                Raised::error(Code::ExtendsBadFile, format!("service {name:?}: {what}"))
                    .at(at)
                    .help("write `extends: {service: NAME}` or `extends: {service: NAME, file: PATH}`"),
            );
            None
        };
        match &extends.value {
            Value::Text(service) => {
                Some(Reference { service: Arc::from(service.expose()), service_span: at, file: None, at })
            }
            Value::Map(map) => {
                let Some(service) = map.get("service").filter(|node| node.text().is_some()) else {
                    return broken(self, "extends names no service".to_owned());
                };
                let file = match map.get("file") {
                    None => None,
                    Some(Node { value: Value::Null, .. }) => None,
                    Some(node) => match node.expose() {
                        Some(file) => Some((file.to_owned(), node.span)),
                        None => {
                            return broken(self, format!("the file to extend is {}", node.value.kind_name()));
                        }
                    },
                };
                Some(Reference {
                    service: Arc::from(service.expose().unwrap_or_default()),
                    service_span: service.span,
                    file,
                    at,
                })
            }
            Value::Unknown => None,
            other => broken(self, format!("extends is {}", other.kind_name())),
        }
    }

    /// The services of another file, its paths seen from the project's directory.
    fn base_file(
        &mut self,
        name: &str,
        reference: &Reference,
        file: &str,
        file_span: Span,
        scope: &Scope,
    ) -> Option<(Map, Vec<Vec<Arc<str>>>)> {
        if super::include::is_remote(file) {
            self.raise(super::include::remote(file, file_span));
            return None;
        }
        let path = paths::absolute(&scope.real_dir, file);
        self.bound_by(&paths::directory(&path));
        let (mut dict, resets) = self.extended_file(&path, file_span, scope.environment)?;
        let missing = |what: &str| {
            Raised::error(
                Code::ExtendsBadFile,
                format!(
                    "cannot extend service {name:?}: {what} in {}",
                    paths::shown(&path, &self.inputs.directory)
                ),
            )
            .at(reference.service_span)
        };
        let problem = match dict.get("services").map(|services| &services.value) {
            None => Some(missing("there is no `services`")),
            Some(Value::Map(services)) if !services.contains(&reference.service) => Some(
                missing(&format!("service {:?} not found", reference.service))
                    .because(nearest(&reference.service, services)),
            ),
            Some(Value::Map(_)) => None,
            Some(_) => Some(missing("`services` is no mapping")),
        };
        if let Some(problem) = problem {
            self.raise(problem);
            return None;
        }
        let directory = paths::relative(&scope.real_dir, &paths::directory(&path));
        super::absolute::resolve(&mut dict, &directory, self);
        let Some(Value::Map(services)) =
            dict.as_map_mut().and_then(|map| map.remove("services")).map(|entry| entry.node.value)
        else {
            return None;
        };
        Some((services, resets))
    }

    /// The trail with one step more; `None` where it has been here before, which is an error.
    fn follow(
        &mut self,
        trail: &Trail,
        file: &str,
        name: &str,
        reference: &Reference,
        services: &mut Services,
    ) -> Option<Trail> {
        let mut longer = trail.clone();
        if trail.iter().any(|(known, service, _)| known == file && &**service == name) {
            let chain: Vec<&str> = trail.iter().map(|(_, service, _)| &**service).chain([name]).collect();
            let first = trail.first().map_or(reference.at, |(_, _, at)| *at);
            let mut raised =
                Raised::error(Code::ExtendsCycle, format!("circular reference: {}", chain.join(" extends ")))
                    .at(first);
            for (_, _, at) in trail.iter().skip(1) {
                raised = raised.related(*at);
            }
            self.raise(raised);
            forget(services, name);
            return None;
        }
        longer.push((file.to_owned(), Arc::from(name), reference.at));
        Some(longer)
    }
}

/// Drops an `extends` that leads nowhere, so that the rest of the service can be read.
fn forget(services: &mut Services, name: &str) {
    if let Some(service) = services.map.get_mut(name).and_then(Node::as_map_mut) {
        service.remove("extends");
    }
}

fn nearest(name: &str, services: &Map) -> String {
    let names = services.iter().map(|entry| &*entry.key);
    match super::nearest::nearest(name, names) {
        Some(near) => format!("did you mean {near:?}?"),
        None => {
            let mut names: Vec<&str> = services.iter().map(|entry| &*entry.key).collect();
            names.sort_unstable();
            names.truncate(8);
            format!("the file has: {}", names.join(", "))
        }
    }
}
