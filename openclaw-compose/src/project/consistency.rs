//! Checks across the project, once profiles have chosen its services.

use std::collections::{HashMap, HashSet};

use crate::codes::Code;
use crate::source::Span;

use super::dialect::Dialect;
use super::limits::Spent;
use super::model::{Entry, Map, Node};
use super::raise::Raised;

/// What the checks look at.
pub(crate) struct Parts<'a> {
    /// Services that are switched on.
    pub(crate) enabled: &'a Map,
    /// Services that their profiles switch off.
    pub(crate) disabled: &'a Map,
    /// The whole tree, for its resources.
    pub(crate) root: &'a Node,
}

/// Raises what does not fit together.
pub(crate) fn check(parts: &Parts<'_>, dialect: Dialect, spent: &Spent, problems: &mut Vec<Raised>) {
    let checker = Checker {
        dialect,
        spent,
        enabled: parts.enabled.iter().map(|entry| (&*entry.key, entry)).collect(),
        disabled: parts.disabled.iter().map(|entry| &*entry.key).collect(),
        parts,
    };
    for service in parts.enabled {
        checker.service(service, problems);
    }
    for secret in section(parts.root, "secrets") {
        let Some(map) = secret.node.as_map() else { continue };
        let unset = |key: &str| map.get(key).and_then(Node::expose).is_none_or(str::is_empty);
        let unknown = map.iter().any(|entry| entry.node.is_unknown());
        if !unknown
            && map.get("external").and_then(Node::as_bool) != Some(true)
            && unset("file")
            && unset("environment")
        {
            problems.push(
                Raised::error(
                    Code::BadSource,
                    format!("secret {:?} must declare either `file` or `environment`", secret.key),
                )
                .at(secret.key_span),
            );
        }
    }
    if dialect.checks_container_names() {
        container_names(parts.enabled, problems);
    }
    checker.circles(problems);
}

/// No two containers have one name.
fn container_names(enabled: &Map, problems: &mut Vec<Raised>) {
    let mut known: HashMap<&str, Span> = HashMap::new();
    for service in enabled {
        let Some(node) = service.node.get("container_name") else { continue };
        let Some(name) = node.expose() else { continue };
        match known.get(name) {
            Some(first) => problems.push(
                Raised::error(
                    Code::ConflictingFields,
                    format!(
                        "services.{}: container name {name:?} is already in use by another service",
                        service.key
                    ),
                )
                .at(node.span)
                .related(*first)
                .help("give each service its own name, or leave the name out"),
            ),
            None => {
                known.insert(name, node.span);
            }
        }
    }
}

fn section<'a>(root: &'a Node, name: &str) -> impl Iterator<Item = &'a Entry> + use<'a> {
    root.get(name).and_then(Node::as_map).into_iter().flatten()
}

struct Checker<'a> {
    dialect: Dialect,
    enabled: HashMap<&'a str, &'a Entry>,
    disabled: HashSet<&'a str>,
    parts: &'a Parts<'a>,
    spent: &'a Spent,
}

impl Checker<'_> {
    fn service(&self, service: &Entry, problems: &mut Vec<Raised>) {
        let name = &service.key;
        let Some(fields) = service.node.as_map() else { return };
        let build = fields.get("build");
        if build.is_none() && fields.get("image").is_none() && fields.get("provider").is_none() {
            problems.push(
                Raised::error(
                    Code::NoImage,
                    format!("service {name:?} has neither an image nor a build context specified"),
                )
                .at(service.key_span)
                .help("give it an `image:`"),
            );
        }
        if let Some(build) = build {
            self.build(name, build, fields, problems);
        }
        let mode = fields.entry("network_mode");
        let networks =
            fields.entry("networks").filter(|entry| entry.node.as_map().is_some_and(|map| !map.is_empty()));
        if let (Some(mode), Some(networks)) = (mode, networks) {
            problems.push(
                Raised::error(
                    Code::NetworkModeAndNetworks,
                    format!("service {name} declares mutually exclusive `network_mode` and `networks`"),
                )
                .at(mode.key_span)
                .related(networks.key_span)
                .help("keep one of the two"),
            );
        }
        for model in fields.get("models").and_then(Node::as_map).into_iter().flatten() {
            self.defined("models", "model", name, &model.key, model.key_span, problems);
        }
        for network in networks.and_then(|entry| entry.node.as_map()).into_iter().flatten() {
            self.defined("networks", "network", name, &network.key, network.key_span, problems);
        }
        let test = fields.get("healthcheck").and_then(|check| check.get("test"));
        if let Some(first) = test.and_then(Node::as_list).and_then(<[_]>::first)
            && !matches!(first.expose(), Some("CMD" | "CMD-SHELL" | "NONE") | None)
        {
            problems.push(
                    Raised::error(
                        Code::BadHealthcheck,
                        format!("service {name:?}: healthcheck.test must start either by \"CMD\", \"CMD-SHELL\" or \"NONE\""),
                    )
                    .at(first.span)
                    .help("put CMD before the command, or write it as one text"),
                );
        }
        for dependency in fields.get("depends_on").and_then(Node::as_map).into_iter().flatten() {
            self.dependency(name, dependency, problems);
        }
        for mount in fields.get("volumes").and_then(Node::as_list).into_iter().flatten() {
            let source = mount.get("source").and_then(|node| Some((node.expose()?, node.span)));
            if let (Some("volume"), Some((source, span))) = (mount.get("type").and_then(Node::expose), source)
            {
                self.defined("volumes", "volume", name, source, span, problems);
            }
        }
        let secrets =
            build.and_then(|build| build.get("secrets")).map(|list| (list, "secrets", "build secret"));
        let lists = [
            secrets,
            fields.get("configs").map(|list| (list, "configs", "config")),
            fields.get("secrets").map(|list| (list, "secrets", "secret")),
        ];
        for (list, section, what) in lists.into_iter().flatten() {
            for item in list.as_list().into_iter().flatten() {
                let source = item.get("source");
                let span = source.map_or(item.span, |node| node.span);
                self.defined(
                    section,
                    what,
                    name,
                    source.and_then(Node::expose).unwrap_or_default(),
                    span,
                    problems,
                );
            }
        }
        limits(name, fields, problems);
        if self.dialect.checks_mounts_and_scale() {
            scale(name, fields, problems);
            mounts(name, fields, problems);
        }
    }

    fn defined(
        &self,
        section: &str,
        what: &str,
        service: &str,
        name: &str,
        span: Span,
        problems: &mut Vec<Raised>,
    ) {
        let known = self.parts.root.get(section);
        if known.is_some_and(Node::is_unknown) || known.is_some_and(|known| known.get(name).is_some()) {
            return;
        }
        let known = known.and_then(Node::as_map).map_or(&[][..], Map::entries);
        let near = self.spent.nearest(name, known.iter().map(|entry| &*entry.key));
        let raised = Raised::error(
            Code::UndefinedResource,
            format!("service {service:?} refers to undefined {what} {name}"),
        )
        .at(span);
        problems.push(match near {
            Some(near) => raised.help(format!("did you mean {near:?}?")),
            // No volume can be called that.
            None if section == "volumes" && name.contains('/') => {
                raised.help(format!("write ./{name} for a path that is seen from the project's directory"))
            }
            None => raised.help(format!("define {name} under the top-level `{section}:`")),
        });
    }

    fn dependency(&self, service: &str, dependency: &Entry, problems: &mut Vec<Raised>) {
        let name = &*dependency.key;
        if self.enabled.contains_key(name) {
            return;
        }
        let required = dependency.node.get("required").and_then(Node::as_bool).unwrap_or(true);
        let disabled = self.disabled.contains(name);
        if disabled && !required {
            return;
        }
        let mut raised = Raised::error(
            Code::UndefinedService,
            format!("service {service:?} depends on undefined service {name:?}"),
        )
        .at(dependency.key_span);
        if disabled {
            let profiles: Vec<&str> = self
                .parts
                .disabled
                .get(name)
                .and_then(|other| other.get("profiles"))
                .and_then(Node::as_list)
                .into_iter()
                .flatten()
                .filter_map(Node::expose)
                .collect();
            if let Some(entry) = self.parts.disabled.entry(name) {
                raised = raised.related(entry.key_span);
            }
            raised = raised
                .because(format!(
                    "{name} exists, and is switched off by its profiles ({})",
                    profiles.join(", ")
                ))
                .help(format!(
                    "use --profile {}, or give both services the same profiles",
                    profiles.first().unwrap_or(&"NAME")
                ));
        } else {
            let near = self.spent.nearest(name, self.enabled.keys().copied());
            if let Some(near) = near.or_else(|| self.spent.nearest(name, self.disabled.iter().copied())) {
                raised = raised.help(format!("did you mean {near:?}?"));
            }
        }
        problems.push(raised);
    }

    fn build(&self, name: &str, build: &Node, fields: &Map, problems: &mut Vec<Raised>) {
        let entry = |key: &str| build.as_map().and_then(|map| map.entry(key));
        if let (Some(inline), Some(file)) = (entry("dockerfile_inline"), entry("dockerfile")) {
            problems.push(
                Raised::error(
                    Code::ConflictingFields,
                    format!("service {name:?} declares mutually exclusive dockerfile and dockerfile_inline"),
                )
                .at(inline.key_span)
                .related(file.key_span),
            );
        }
        for context in
            entry("additional_contexts").and_then(|entry| entry.node.as_map()).into_iter().flatten()
        {
            let Some(target) = context.node.expose().and_then(|text| text.strip_prefix("service:")) else {
                continue;
            };
            let what = match self.enabled.get(target) {
                Some(other) if other.node.get("build").is_some() => continue,
                Some(_) => "non-buildable",
                None => "unknown",
            };
            problems.push(
                Raised::error(
                    Code::UndefinedService,
                    format!(
                        "service {name:?} declares {what} service {target:?} as additional context {}",
                        context.key
                    ),
                )
                .at(context.node.span),
            );
        }
        let platforms = entry("platforms").and_then(|entry| entry.node.as_list());
        if let (Some(platforms), Some(platform)) = (platforms, fields.get("platform"))
            && !platforms.is_empty()
            && !platforms.contains(platform)
        {
            problems.push(
                Raised::error(
                    Code::ConflictingFields,
                    format!("service {name:?}: build.platforms must include its platform"),
                )
                .at(platform.span),
            );
        }
    }

    /// Circles of dependencies, each reported once.
    fn circles(&self, problems: &mut Vec<Raised>) {
        // The place on the way of those that are on it; none for what is done.
        let mut places: HashMap<&str, Option<usize>> = HashMap::new();
        for service in self.parts.enabled {
            if places.contains_key(&*service.key) {
                continue;
            }
            places.insert(&service.key, Some(0));
            let mut way: Vec<(&Entry, usize)> = vec![(service, 0)];
            while let Some((entry, at)) = way.last_mut() {
                let depends_on = entry.node.get("depends_on").and_then(Node::as_map);
                let Some(next) = depends_on.and_then(|map| map.entries().get(*at)) else {
                    places.insert(&entry.key, None);
                    way.pop();
                    continue;
                };
                *at += 1;
                let Some(child) = self.enabled.get(&*next.key).copied() else { continue };
                match places.get(&*child.key) {
                    None => {
                        places.insert(&child.key, Some(way.len()));
                        way.push((child, 0));
                    }
                    Some(Some(from)) => {
                        let names = way.iter().skip(*from).map(|(entry, _)| &*entry.key);
                        let chain = shortened(names, &child.key);
                        problems.push(
                            Raised::error(
                                Code::DependencyCycle,
                                format!("dependency cycle detected: {chain}"),
                            )
                            .at(next.key_span),
                        );
                    }
                    Some(None) => {}
                }
            }
        }
    }
}

/// The names of a circle, which ends where it began; of a long one only the first and the last.
fn shortened<'n>(
    names: impl ExactSizeIterator<Item = &'n str> + DoubleEndedIterator,
    end: &'n str,
) -> String {
    const ENDS: usize = 10;
    let mut chain: Vec<&str> = Vec::with_capacity(2 * ENDS + 2);
    let length = names.len();
    let mut last: Vec<&str> = Vec::with_capacity(ENDS);
    let mut names = names;
    chain.extend(names.by_ref().take(ENDS));
    last.extend(names.by_ref().rev().take(ENDS));
    if length > 2 * ENDS {
        chain.push("…");
    }
    chain.extend(last.into_iter().rev());
    chain.push(end);
    chain.join(" -> ")
}

/// A service cannot run less than no times.
fn scale(name: &str, fields: &Map, problems: &mut Vec<Raised>) {
    let replicas = fields.get("deploy").and_then(|deploy| deploy.get("replicas"));
    for (count, what) in [(fields.get("scale"), "scale"), (replicas, "deploy.replicas")] {
        if let Some(count) = count
            && count.as_int().is_some_and(|count| count < 0)
        {
            problems.push(
                Raised::error(Code::OutOfRange, format!("services.{name}.{what} must be at least 0"))
                    .at(count.span),
            );
        }
    }
}

/// No two mounts of a service have one target.
fn mounts(name: &str, fields: &Map, problems: &mut Vec<Raised>) {
    let mut known: HashMap<&str, Span> = HashMap::new();
    let list = |field: &str| fields.get(field).and_then(Node::as_list).unwrap_or_default();
    let tmpfs = list("tmpfs").iter().filter_map(|item| Some((item.expose()?.split(':').next()?, item.span)));
    let volumes = list("volumes").iter().map(|mount| {
        let target = mount.get("target");
        (target.and_then(Node::expose).unwrap_or_default(), target.map_or(mount.span, |target| target.span))
    });
    for (target, span) in tmpfs.chain(volumes) {
        match known.get(target) {
            Some(first) => problems.push(
                Raised::error(
                    Code::ConflictingFields,
                    format!("service {name:?}: something is mounted on {target} already"),
                )
                .at(span)
                .related(*first)
                .help("keep one of the two mounts"),
            ),
            None => {
                known.insert(target, span);
            }
        }
    }
}

/// Limits that are given twice must be the same.
fn limits(name: &str, fields: &Map, problems: &mut Vec<Raised>) {
    let deploy = fields.get("deploy");
    let resource = |kind: &str, key: &str| {
        deploy.and_then(|deploy| deploy.get("resources")?.get(kind)).map(|resource| resource.get(key))
    };
    let mut differ = |field: &str, other: Option<&Node>, path: &str| {
        let Some(own) = fields.get(field) else { return };
        let same = match other {
            Some(other) => super::print::go(&own.value) == super::print::go(&other.value),
            None => false,
        };
        if !same && !own.is_unknown() && !other.is_some_and(Node::is_unknown) {
            let mut raised = Raised::error(
                Code::ConflictingFields,
                format!("services.{name}: can't set distinct values on '{field}' and '{path}'"),
            )
            .at(own.span);
            if let Some(other) = other {
                raised = raised.related(other.span);
            }
            problems.push(raised);
        }
    };
    if let Some(replicas) = deploy.and_then(|deploy| deploy.get("replicas")) {
        differ("scale", Some(replicas), "deploy.replicas");
    }
    for (field, kind, key) in [
        ("cpus", "limits", "cpus"),
        ("mem_limit", "limits", "memory"),
        ("mem_reservation", "reservations", "memory"),
        ("pids_limit", "limits", "pids"),
    ] {
        if let Some(other) = resource(kind, key) {
            differ(field, other, &format!("deploy.resources.{kind}.{key}"));
        }
    }
    let scale = fields.get("scale").or_else(|| deploy.and_then(|deploy| deploy.get("replicas")));
    if let (Some(scale), Some(container)) = (scale, fields.entry("container_name"))
        && scale.as_int().is_some_and(|scale| scale > 1)
    {
        problems.push(
            Raised::error(
                Code::ConflictingFields,
                format!(
                    "services.{name}: can't set container_name and scale as container name must be unique"
                ),
            )
            .at(container.key_span)
            .related(scale.span),
        );
    }
    if let Some(watches) =
        fields.get("develop").and_then(|develop| develop.get("watch")).and_then(Node::as_list)
    {
        for watch in watches {
            let action = watch.get("action").and_then(Node::expose);
            if watch.get("target").is_none() && !matches!(action, Some("rebuild" | "restart") | None) {
                problems.push(
                    Raised::error(
                        Code::MissingKey,
                        format!("services.{name}.develop.watch: target is required for non-rebuild actions"),
                    )
                    .at(watch.span),
                );
            }
        }
    }
}
