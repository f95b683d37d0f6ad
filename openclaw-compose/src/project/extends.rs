//! `extends`: a service begins with what another says. Resolved inside each file, before files are merged, so that an
//! override file's change of the base does not reach the extender.

use std::rc::Rc;
use std::sync::Arc;

use crate::codes::Code;
use crate::source::Span;

use super::bases::{BaseId, FileKey, Services};
use super::limits;
use super::loader::{Loader, Scope};
use super::merge::Merger;
use super::model::{Map, Node, Value};
use super::path::Path;
use super::paths;
use super::provenance::Event;
use super::raise::Raised;
use super::resets::Resets;
use super::tree::Document;

/// The services that extend each other on the way to this one, to find circles.
type Trail = Vec<(String, Arc<str>, Span)>;

/// Where a document's services are resolved.
struct Visit<'s> {
    path: &'s str,
    scope: &'s Scope,
    trail: Trail,
}

struct Reference {
    service: Arc<str>,
    service_span: Span,
    file: Option<(String, Span)>,
    at: Span,
}

/// Compose copies what is extended, and so makes the empty lists in it anew: they are lists of this document.
fn renew_empty_lists(node: &mut Node, at: Span) {
    match &mut node.value {
        Value::List(items) if items.is_empty() => node.span = at,
        Value::List(items) => items.iter_mut().for_each(|item| renew_empty_lists(item, at)),
        Value::Map(map) => map.iter_mut().for_each(|entry| renew_empty_lists(&mut entry.node, at)),
        _ => {}
    }
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
                let at = if span.is_empty() { key_span(root) } else { span };
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
        let Value::Map(map) = &mut services.value else { return };
        if !map.iter().any(|entry| entry.node.get("extends").is_some()) {
            return;
        }
        let names: Vec<Arc<str>> = map.iter().map(|entry| entry.key.clone()).collect();
        let (map, resets) = (std::mem::take(map), document.resets.clone());
        let own = self.bases.add(Services { map, resets: resets.clone(), missing: None });
        let resets: Vec<Rc<Resets>> = [resets].into_iter().filter(|resets| !resets.is_empty()).collect();
        let mut visit = Visit { path, scope, trail: Vec::new() };
        for name in names {
            self.service_extends(&name, own, &resets, &mut visit);
        }
        let done = self.bases.take(own);
        if let Some(slot) = document.root.as_map_mut().and_then(|root| root.get_mut("services")) {
            slot.value = Value::Map(done.unwrap_or_default());
        }
    }

    /// Resolves the `extends` of one service, so that it stands among its own as what it now is. False where it comes
    /// in a circle.
    fn service_extends(
        &mut self,
        name: &str,
        own: BaseId,
        resets: &[Rc<Resets>],
        visit: &mut Visit<'_>,
    ) -> bool {
        let service = self.bases.service(own, name);
        let Some(extends) = service.and_then(|service| service.get("extends")).cloned() else { return true };
        let reference = self.reference(name, &extends);
        let Some((reference, base)) =
            reference.and_then(|it| self.base_of(name, own, &it, resets, visit).map(|base| (it, base)))
        else {
            self.bases.forget(own, name);
            return true;
        };
        if !self.follow(name, &reference, visit) {
            self.bases.forget(own, name);
            return false;
        }
        // Before compose-go 2.9.1 what the base's file resets is dropped from this service's base as well.
        let apart = self.inputs.dialect.override_in_extends();
        let more = self.bases.services(base).map(|base| base.resets.clone());
        let more = more.filter(|more| reference.file.is_some() && !more.is_empty());
        let mut resets = resets.to_vec();
        if !apart {
            resets.extend(more.clone());
        }
        let below = if apart { Vec::from_iter(more) } else { resets.clone() };
        let found = self.service_extends(&reference.service, base, &below, visit);
        visit.trail.pop();
        let base = self.bases.service(base, &reference.service).filter(|base| found && !base.is_null());
        let (Some(mut base), Some(service)) = (base.cloned(), self.bases.service(own, name).cloned()) else {
            return true;
        };
        if !self.may_copy(base.size(), "`extends` copies", reference.at) {
            self.bases.forget(own, name);
            return true;
        }
        if self.inputs.dialect.loses_empty_lists() {
            renew_empty_lists(&mut base, reference.at);
        }
        for reset in resets.iter().filter_map(|resets| resets.at(&["services", name])) {
            reset.drop_from(&mut base);
        }
        self.provenances
            .mark(&mut base, &Event::Extends { at: reference.at, service: reference.service.clone() });
        let merged = self.extended(base, service);
        if let Some(slot) = self.bases.service_mut(own, name) {
            *slot = merged;
        }
        true
    }

    /// The services that hold the base; `None`, and told, where there is none, or it is too far away.
    fn base_of(
        &mut self,
        name: &str,
        own: BaseId,
        reference: &Reference,
        resets: &[Rc<Resets>],
        visit: &Visit<'_>,
    ) -> Option<BaseId> {
        if visit.trail.len() >= limits::DEPTH {
            self.raise(
                Raised::error(
                    Code::ExtendsLimit,
                    format!("more than {} services extend each other in a row", limits::DEPTH),
                )
                .at(reference.at)
                .help("extend a service that is nearer to the first"),
            );
            return None;
        }
        let base = match &reference.file {
            None => own,
            Some((file, span)) => {
                let outside = if self.inputs.dialect.override_in_extends() { &[] } else { resets };
                self.base_file(file, *span, outside, visit.scope)?
            }
        };
        if self.bases.service(base, &reference.service).is_some() {
            return Some(base);
        }
        let services = self.bases.services(base)?;
        let (service, near) =
            (&reference.service, self.spent.nearest_or_all(&reference.service, &services.map));
        let raised = match &reference.file {
            None => Raised::error(
                Code::ExtendsUnknownService,
                format!("cannot extend service {name:?}: service {service:?} not found"),
            ),
            Some((file, _)) => {
                let path = paths::absolute(&visit.scope.real_dir, file);
                let shown = paths::shown(&path, &self.inputs.directory);
                let what = match services.missing {
                    Some(missing) => missing.to_owned(),
                    None => format!("service {service:?} not found"),
                };
                Raised::error(
                    Code::ExtendsBadFile,
                    format!("cannot extend service {name:?}: {what} in {shown}"),
                )
            }
        };
        let raised = raised.at(reference.service_span);
        self.raise(match near.filter(|_| services.missing.is_none()) {
            Some(near) => raised.because(near),
            None => raised,
        });
        None
    }

    fn extended(&mut self, base: Node, own: Node) -> Node {
        let span = own.span;
        let provenance = own.provenance;
        let (Value::Map(base), Value::Map(own)) = (base.value, own.value) else {
            return Node::with_provenance(Value::Unknown, span, provenance);
        };
        let services = Path::ROOT.key("services");
        let mut merger = Merger::new(&mut self.provenances, self.inputs.dialect);
        let mut merged = merger.mappings(base, own, &services.key("x"));
        let Merger { conflicts, crowded, .. } = merger;
        self.conflicts(conflicts);
        self.crowded(crowded);
        merged.remove("extends");
        Node::with_provenance(Value::Map(merged), span, provenance)
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

    /// The services of another file, its paths seen from the project's directory; read once for all that extend them.
    fn base_file(&mut self, file: &str, span: Span, resets: &[Rc<Resets>], scope: &Scope) -> Option<BaseId> {
        if super::remote::is_remote(file) {
            self.raise(super::remote::remote(file, span));
            return None;
        }
        let key = FileKey {
            path: paths::absolute(&scope.real_dir, file),
            directory: scope.real_dir.clone(),
            environment: scope.environment,
            resets: resets.iter().map(Rc::as_ptr).collect(),
        };
        if let Some(known) = self.bases.by_file.get(&key) {
            return *known;
        }
        self.bases.kept.extend(resets.iter().cloned());
        let directory = paths::directory(&key.path);
        self.bound_by(&directory);
        let base = self.extended_file(&key.path, span, scope.environment).map(|(mut dict, resets)| {
            let missing = match dict.get("services").map(|services| &services.value) {
                Some(Value::Map(_)) => None,
                Some(_) => Some("`services` is not a mapping"),
                None => Some("there is no `services`"),
            };
            if missing.is_none() {
                super::absolute::resolve(&mut dict, &paths::relative(&scope.real_dir, &directory), self);
            }
            let services = dict.as_map_mut().and_then(|map| map.remove("services"));
            let map = match services.map(|entry| entry.node.value) {
                Some(Value::Map(map)) => map,
                _ => Map::new(),
            };
            self.bases.add(Services { map, resets, missing })
        });
        self.bases.by_file.insert(key, base);
        base
    }

    /// Goes one step on; false where the trail has been here before, which is told.
    fn follow(&mut self, name: &str, reference: &Reference, visit: &mut Visit<'_>) -> bool {
        let file = reference.file.as_ref().map_or(visit.path, |(file, _)| file);
        let trail = &mut visit.trail;
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
            return false;
        }
        trail.push((file.to_owned(), Arc::from(name), reference.at));
        true
    }
}
