//! A Compose project, resolved as `docker compose config` resolves it, with the provenance of every value.
//!
//! [`resolve`] takes [`Inputs`] (a directory, an environment, flags) and [`Files`] (a way to read files) and returns a
//! [`Resolution`]. It never fails: what is wrong is a finding, what is broken is [`Value::Unknown`], the rest is there.

// | question | file |
// | --- | --- |
// | Which files make the project, and what is it called? | `discovery.rs` |
// | Which value has a variable? | `variables.rs` |
// | How does a file become a tree? | `tree.rs` |
// | In which order does everything happen? | `load.rs` |
// | How does a later value meet an earlier one? | `merge.rs` |
// | What do `extends` and `include` bring? | `extends.rs`, `include.rs` |
// | Which fields are there, and of which type? | `schema.rs`, `typed.rs` |
// | What do short forms mean? | `canonical.rs` |
// | What does Compose add? | `normalise.rs` |
// | Does it all fit together? | `resources.rs`, `consistency.rs` |
// | What does a container's environment get? | `environment.rs` |
// | What decided a value? | `explain.rs` |
// | What differs between two projects? | `compare.rs` |
// | How did Compose itself change? | `dialect.rs` |

mod absolute;
mod bases;
mod canonical;
mod compare;
mod consistency;
mod dialect;
mod discovery;
mod environment;
mod explain;
mod extends;
mod fields;
mod include;
mod inputs;
mod limits;
mod load;
mod loader;
mod mark;
mod merge;
mod model;
mod nearest;
mod normalise;
mod path;
mod paths;
mod print;
mod provenance;
mod raise;
mod remote;
mod resets;
mod resolution;
mod resources;
mod schema;
pub(crate) mod spelling;
mod tree;
mod typed;
mod unique;
pub(crate) mod unread;
mod variables;
mod write;

pub use compare::{Change, ChangeKind, Compared, Difference};
pub use dialect::{ComposeRelease, Composer, Dialect, NoComposeRelease, UnknownDialect};
pub use discovery::{FILE_NAMES, OVERRIDE_NAMES};
pub use explain::{Explanation, Step, StepKind};
pub use inputs::{Files, Inputs, Kind, ReadError, Special, Texts};
pub use model::{Entry, Map, Node, Value};
pub use nearest::nearest;
pub use resolution::{Rejection, Resolution, Service, UnsetVariable};
pub use secret::{looks_random, looks_secret};
pub use unread::Unread;
pub use write::{Format, Reveal};

pub use crate::syntax::yaml::Timestamp;

use std::collections::HashSet;
use std::sync::Arc;

use crate::source::secret;
use loader::{Loader, Scope};
use path::Path;
use raise::Raised;

/// Resolves a project.
///
/// Deterministic: the same inputs and files give the same resolution, byte for byte.
///
/// ```
/// use openclaw_compose::project::{self, Inputs, Texts};
///
/// let files = Texts::new()
///     .file("/srv/compose.yaml", "services:\n  gateway:\n    image: openclaw\n    environment:\n      TOKEN: ${TOKEN}\n")
///     .file("/srv/.env", "TOKEN=test-token-1\n");
/// let resolution = project::resolve(&Inputs::new("/srv"), &files);
/// assert!(resolution.compose_would_refuse().is_none());
///
/// let token = resolution.env("gateway", "TOKEN").unwrap();
/// let decided = token.decided_by().unwrap();
/// assert_eq!(decided.to_string(), ".env:1:7");
/// ```
#[must_use]
pub fn resolve(inputs: &Inputs, files: &dyn Files) -> Resolution {
    let mut loader = Loader::new(inputs, files);
    let project = loader.discover();
    let mut parsed = true;
    for path in &project.files {
        parsed &= loader.parse(path, None).is_some();
    }
    let named = loader.project_name(&project);
    let name = named.expose().unwrap_or_default().to_owned();
    if let Some(variables) = loader.environments.get_mut(project.environment.0 as usize) {
        Arc::make_mut(variables).set(
            "COMPOSE_PROJECT_NAME",
            crate::source::Text::from(name.as_str()),
            variables::Setting::Compose,
        );
    }
    let scope = Scope {
        working_dir: project.working_dir.clone(),
        real_dir: project.working_dir.clone(),
        environment: project.environment,
        including: Vec::new(),
    };
    let paths: Vec<_> = project.files.iter().map(|path| (path.clone(), None)).collect();
    let mut root = loader.project(&paths, &scope);
    let gaps = loader.files_with_gaps();
    loader.close_files();
    let empty = root.as_map().is_none_or(Map::is_empty);
    if empty && parsed && !project.files.is_empty() && !loader.refuses() {
        let at = loader
            .config_files
            .first()
            .map_or_else(model::nowhere, |file| crate::source::Span::new(*file, 0, 0));
        loader.raise(Raised::error(crate::codes::Code::NotAMapping, "empty compose file").at(at));
    }
    normalise::normalise(&mut root, &name, project.environment, &mut loader);
    let (enabled, disabled) = finish(&mut root, &project, &mut loader);
    let parts = consistency::Parts { enabled: &enabled, disabled: &disabled, root: &root };
    let mut problems = Vec::new();
    consistency::check(&parts, loader.inputs.dialect, &loader.spent, &mut problems);
    // A secret without a source was met before; Compose stops there.
    let is_source = |raised: &&Raised| raised.code == crate::codes::Code::BadSource;
    let known: HashSet<_> = loader.raised.iter().filter(is_source).map(Raised::primary).collect();
    // What lines that cannot be read would have said is not known.
    let follows = |raised: &Raised| {
        use crate::codes::Code::{NoImage, UndefinedResource, UndefinedService};
        !gaps.is_empty() && matches!(raised.code, NoImage | UndefinedResource | UndefinedService)
    };
    for problem in problems {
        if !follows(&problem) && (!is_source(&&problem) || !known.contains(&problem.primary())) {
            loader.raise(problem);
        }
    }
    let (mut enabled, mut disabled) = (enabled, disabled);
    enabled.iter_mut().for_each(scale_decides);
    let mut cache = environment::Cache::default();
    for service in enabled.iter_mut() {
        if let Some(fields) = service.node.as_map_mut() {
            loader.service_environment(&service.key.clone(), fields, project.environment, &mut cache);
        }
    }
    // Compose does not read the env files of services that are off; what is wrong with them is no finding.
    let (raised, unset) = (loader.raised.len(), loader.unset.len());
    for service in disabled.iter_mut() {
        if let Some(fields) = service.node.as_map_mut() {
            loader.service_environment(&service.key.clone(), fields, project.environment, &mut cache);
        }
    }
    loader.raised.truncate(raised);
    loader.unset.truncate(unset);
    resolution::finish(loader, root, enabled, disabled, named, &project)
}

/// Types every resource, and splits the services by profile.
fn finish(root: &mut Node, project: &discovery::Project, loader: &mut Loader<'_>) -> (Map, Map) {
    let (mut enabled, mut disabled) = (Map::new(), Map::new());
    let Some(map) = root.as_map_mut() else { return (enabled, disabled) };
    map.remove("name");
    for section in map.iter_mut() {
        let Some(record) = fields::record_of(&section.key) else { continue };
        let under = Path::ROOT.key(&section.key);
        let Some(resources) = section.node.as_map_mut() else { continue };
        for resource in resources.iter_mut() {
            let node = std::mem::replace(&mut resource.node, Node::new(Value::Null, resource.key_span));
            resource.node = typed::record(node, record, &under.key(&resource.key), loader);
        }
        resources.sort();
    }
    if let Some(Value::Map(services)) = map.remove("services").map(|entry| entry.node.value) {
        let wanted: HashSet<&str> = project.profiles.iter().map(String::as_str).collect();
        for service in services.into_entries() {
            let profiles = service.node.get("profiles").and_then(Node::as_list).unwrap_or_default();
            let on = profiles.is_empty()
                || wanted.contains("*")
                || profiles.iter().filter_map(Node::expose).any(|profile| wanted.contains(profile));
            if on { &mut enabled } else { &mut disabled }.append(service);
        }
    }
    (enabled, disabled)
}

/// `scale` is `deploy.replicas` by another name.
fn scale_decides(service: &mut Entry) {
    let Some(scale) = service.node.get("scale").cloned() else { return };
    let deploy =
        service.node.as_map_mut().and_then(|fields| fields.get_mut("deploy")).and_then(Node::as_map_mut);
    if let Some(deploy) = deploy {
        deploy.set("replicas", scale.span, scale);
    }
}
