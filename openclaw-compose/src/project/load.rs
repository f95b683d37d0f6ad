//! The pipeline: every file, every document of it, in Compose's order.
//!
//! Per document: interpolate, `extends`, drop what it resets, `include`, merge into what came before, unique lists,
//! schema of the merged result, canonical forms, unique lists again. After the last file: defaults, checks of
//! resources, absolute paths, bare names of `environment` lists.

use std::rc::Rc;
use std::sync::Arc;

use crate::codes::Code;
use crate::source::{Span, Text};

use super::canonical::{self, default_to};
use super::loader::{Loader, Scope};
use super::model::{Map, Node, Value, nowhere, word};
use super::provenance::Event;
use super::raise::Raised;
use super::resets::Resets;
use super::variables::EnvironmentId;
use super::{absolute, resources, schema, tree};

impl Loader<'_> {
    /// Reads the files of one project into one tree, up to absolute paths.
    pub(crate) fn project(&mut self, files: &[(String, Option<Span>)], scope: &Scope) -> Node {
        let mut dict = Node::new(Value::Map(Map::new()), nowhere());
        for (path, asked) in files {
            self.file(path, *asked, scope, &mut dict);
        }
        set_defaults(&mut dict);
        resources::check(&dict, self.inputs.dialect, &mut self.raised);
        absolute::resolve(&mut dict, &scope.working_dir, self);
        self.bare_names(&mut dict, scope.environment);
        dict
    }

    fn file(&mut self, path: &str, asked: Option<Span>, scope: &Scope, dict: &mut Node) {
        let Some((file, parsed)) = self.parse(path, asked) else { return };
        self.configures(file);
        for root in &parsed.documents {
            if !self.is_mapping(root) {
                continue;
            }
            let mut document = tree::document(self, root, scope.environment);
            if self.inputs.dialect.includes_first() {
                self.include(path, scope, &mut document.root);
                self.extends(path, scope, &mut document);
                document.resets.drop_from(dict);
            } else {
                self.extends(path, scope, &mut document);
                document.resets.drop_from(dict);
                self.include(path, scope, &mut document.root);
            }
            let older = std::mem::replace(dict, Node::new(Value::Map(Map::new()), root.span));
            *dict = self.merged(older, document.root);
            self.unique(dict);
            self.check_schema(dict, root.span);
            self.canonical(dict);
            self.unique(dict);
        }
    }

    /// A file that `extends` names: its documents merged and made canonical, nothing else.
    pub(crate) fn extended_file(
        &mut self,
        path: &str,
        asked: Span,
        environment: EnvironmentId,
    ) -> Option<(Node, Rc<Resets>)> {
        let (file, parsed) = self.parse(path, Some(asked))?;
        self.configures(file);
        let mut dict = Node::new(Value::Map(Map::new()), nowhere());
        let mut resets = Rc::new(Resets::default());
        for root in &parsed.documents {
            if !self.is_mapping(root) {
                continue;
            }
            let document = tree::document(self, root, environment);
            document.resets.drop_from(&mut dict);
            resets = document.resets;
            let older = std::mem::replace(&mut dict, Node::new(Value::Map(Map::new()), root.span));
            dict = self.merged(older, document.root);
            self.unique(&mut dict);
            self.canonical(&mut dict);
            self.unique(&mut dict);
        }
        Some((dict, resets))
    }

    fn canonical(&mut self, dict: &mut Node) {
        let mut problems = Vec::new();
        canonical::canonical(dict, self.inputs.dialect, &mut self.spent, &mut problems);
        problems.into_iter().for_each(|problem| self.raise(problem));
    }

    fn check_schema(&mut self, dict: &mut Node, document: Span) {
        let dialect = self.inputs.dialect;
        let infinite = self.not_finite && dialect.refuses_infinity();
        let not_finite = if infinite { schema::not_finite(dict) } else { Vec::new() };
        let found = if not_finite.is_empty() { schema::check(dict, document, dialect) } else { not_finite };
        for violation in found {
            let follows = violation.is_gap() && self.has_gaps(violation.span.file)
                || violation.is_type() && self.is_told(violation.span);
            if follows {
                continue;
            }
            self.raise(schema::report(violation));
        }
        if let Some(version) = dict.as_map_mut().and_then(|map| map.remove("version")) {
            let name = self.sources.name(version.key_span.file).to_owned();
            self.raise(
                Raised::warning(
                    Code::ObsoleteVersion,
                    format!(
                        "{name}: the attribute `version` is obsolete, it will be ignored, please remove it to avoid potential confusion"
                    ),
                )
                .at(version.key_span)
                .help("remove the line"),
            );
        }
    }

    /// Bare names in an `environment` list take their value from the project's variables.
    fn bare_names(&mut self, dict: &mut Node, environment: EnvironmentId) {
        let Some(services) =
            dict.as_map_mut().and_then(|map| map.get_mut("services")).and_then(Node::as_map_mut)
        else {
            return;
        };
        for service in services.iter_mut() {
            let Some(items) = service
                .node
                .as_map_mut()
                .and_then(|map| map.get_mut("environment"))
                .and_then(Node::as_list_mut)
            else {
                continue;
            };
            for item in items {
                let Value::Text(name) = &item.value else { continue };
                let Some(variable) =
                    self.environments.get(environment.0 as usize).and_then(|known| known.find(name.expose()))
                else {
                    continue;
                };
                let (value, setting) = (variable.value.clone(), variable.setting);
                let event = Event::Named { name: Arc::from(name.expose()), setting, environment };
                item.provenance = self.provenances.add(item.provenance, event);
                item.value = Value::Text(Text::from(format!("{}={}", name.expose(), value.expose())));
            }
        }
    }
}

/// What a missing attribute means.
fn set_defaults(dict: &mut Node) {
    let Some(services) = dict.as_map_mut().and_then(|map| map.get_mut("services")).and_then(Node::as_map_mut)
    else {
        return;
    };
    for service in services.iter_mut() {
        let Some(service) = service.node.as_map_mut() else { continue };
        for entry in service.iter_mut() {
            let node = &mut entry.node;
            match &*entry.key {
                "build" => {
                    let span = node.span;
                    if let Some(build) = node.as_map_mut() {
                        default_to(build, word!("context"), || Node::of_text(word!("."), span));
                    }
                }
                "secrets" => {
                    for item in node.as_list_mut().into_iter().flatten() {
                        let span = item.span;
                        let Some(secret) = item.as_map_mut() else { continue };
                        let source =
                            secret.get("source").and_then(Node::expose).unwrap_or_default().to_owned();
                        default_to(secret, word!("target"), || {
                            Node::of_text(format!("/run/secrets/{source}"), span)
                        });
                    }
                }
                "ports" => {
                    for item in node.as_list_mut().into_iter().flatten() {
                        let span = item.span;
                        let Some(port) = item.as_map_mut() else { continue };
                        default_to(port, word!("protocol"), || Node::of_text(word!("tcp"), span));
                        default_to(port, word!("mode"), || Node::of_text(word!("ingress"), span));
                    }
                }
                "gpus" => device_requests(node),
                "deploy" => {
                    let devices = node
                        .as_map_mut()
                        .and_then(|deploy| deploy.get_mut("resources"))
                        .and_then(Node::as_map_mut)
                        .and_then(|resources| resources.get_mut("reservations"))
                        .and_then(Node::as_map_mut)
                        .and_then(|reservations| reservations.get_mut("devices"));
                    if let Some(devices) = devices {
                        device_requests(devices);
                    }
                }
                _ => {}
            }
        }
    }
}

fn device_requests(node: &mut Node) {
    for item in node.as_list_mut().into_iter().flatten() {
        let span = item.span;
        let Some(request) = item.as_map_mut() else { continue };
        if !request.contains("count") && !request.contains("device_ids") {
            request.push("count", span, Node::of_text("all", span));
        }
    }
}
