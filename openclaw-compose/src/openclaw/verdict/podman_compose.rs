//! What podman-compose makes of a project that Docker Compose does not. It reads the same files by rules of its own; each one
//! here was measured with the program (`tests/corpus/podman`).

use crate::finding::{Code, Place, PlaceRole};
use crate::project::{Entry, Map, Node, Resolution, Service};
use crate::source::{FileId, Format, Span};
use crate::syntax::dotenv::{self, EffectKind};

/// What the two make of one thing, and where that is written.
pub(crate) struct Divergence<'r> {
    pub(crate) what: What<'r>,
    pub(crate) place: Option<Place>,
}

pub(crate) enum What<'r> {
    /// Of several files with a default name one is read, or all of them as one.
    FilesMerged,
    /// A service without `networks` is on the project's own, or on the only one that is declared.
    OnTheOnlyNetwork { service: &'r str, network: &'r str },
    /// The same where several are declared: podman's own network, on which no name resolves.
    OnPodmansNetwork { service: &'r str },
    /// A service is on `default`, which is declared nowhere, while others are: podman-compose refuses.
    DefaultUndeclared { service: &'r str },
    /// None of a service's profiles is asked for by name, and it is on all the same: one is empty, or all are asked for.
    Off { service: &'r str },
    /// A variable of a service that is set by a bare name and unset hides that of an env file, or does not.
    EnvFileHidden,
    /// `${NAME}` is unset, and in the `environment` of the service where it stands.
    OfOwnEnvironment { service: &'r str, name: &'r str },
    /// A `$` without braces in a file of variables stands for a variable, or for itself.
    DollarKept { name: String },
    /// `NAME: value` in a file of variables is a variable, or nothing.
    ColonUnknown { name: String },
}

/// What differs, most of all first.
pub(crate) fn divergences(resolution: &Resolution) -> Vec<Divergence<'_>> {
    let mut found = Vec::new();
    of_findings(resolution, &mut found);
    of_profiles(resolution, &mut found);
    of_networks(resolution, &mut found);
    of_variables(resolution, &mut found);
    for file in resolution.sources().ids() {
        of_env_file(file, resolution, &mut found);
    }
    found
}

fn at(resolution: &Resolution, span: Span) -> Option<Place> {
    resolution.place(PlaceRole::Decided, span)
}

/// What was found when the project was read.
fn of_findings<'r>(resolution: &'r Resolution, found: &mut Vec<Divergence<'r>>) {
    for finding in resolution.findings() {
        let what = match finding.code {
            Code::SeveralComposeFiles => What::FilesMerged,
            Code::NullHidesEnvFile => What::EnvFileHidden,
            _ => continue,
        };
        found.push(Divergence { what, place: finding.primary().cloned() });
    }
}

fn of_profiles<'r>(resolution: &'r Resolution, found: &mut Vec<Divergence<'r>>) {
    for service in resolution.services() {
        let profiles = service.items("profiles");
        let is_asked_for =
            |profile: &Node| resolution.profiles().iter().any(|asked| !asked.is_empty() && profile.is(asked));
        if !profiles.is_empty() && !profiles.iter().any(is_asked_for) {
            let place = service.entry("profiles").and_then(|entry| at(resolution, entry.key_span));
            found.push(Divergence { what: What::Off { service: service.name() }, place });
        }
    }
}

fn of_networks<'r>(resolution: &'r Resolution, found: &mut Vec<Divergence<'r>>) {
    let networks =
        resolution.resources("networks").and_then(Node::as_map).map(Map::entries).unwrap_or_default();
    // Where nobody declares it, it has the place of the service that is on it.
    let is_of = |service: Service<'_>, span| service.span() == span || service.node().span.contains(span);
    let is_supplied = |default: &Entry| resolution.services().any(|service| is_of(service, default.key_span));
    let is_default = |entry: &&Entry| &*entry.key == "default";
    if networks.iter().find(is_default).is_some_and(|default| !is_supplied(default)) {
        return;
    }
    let mut declared = networks.iter().filter(|entry| !is_default(entry));
    let Some(first) = declared.next() else { return };
    let is_only = declared.next().is_none();
    for service in resolution.services() {
        let Some(entry) = service.entry("networks") else { continue };
        if !entry.node.as_map().is_some_and(|networks| networks.contains("default")) {
            continue;
        }
        let name = service.name();
        let what = if entry.key_span != service.span() {
            What::DefaultUndeclared { service: name }
        } else if is_only {
            What::OnTheOnlyNetwork { service: name, network: &first.key }
        } else {
            What::OnPodmansNetwork { service: name }
        };
        found.push(Divergence { what, place: at(resolution, entry.key_span) });
    }
}

fn of_variables<'r>(resolution: &'r Resolution, found: &mut Vec<Divergence<'r>>) {
    for unset in resolution.unset_variables() {
        let Some(place) = &unset.place else { continue };
        let uses = resolution.services().find(|service| service.node().span.contains(place.span));
        let Some(service) = uses else { continue };
        let is_set = |entry: &Entry| *entry.key == *unset.name && entry.node.text().is_some();
        if service.environment().iter().any(is_set) {
            let what = What::OfOwnEnvironment { service: service.name(), name: &unset.name };
            found.push(Divergence { what, place: Some(place.clone()) });
        }
    }
}

/// The first `$` and the first colon of a file: one line tells what kind of file it is.
fn of_env_file<'r>(file: FileId, resolution: &'r Resolution, found: &mut Vec<Divergence<'r>>) {
    let sources = resolution.sources();
    if sources.format(file) != Format::Dotenv {
        return;
    }
    let read = dotenv::parse::<()>(file, sources.expose_file(file), dotenv::Options::default(), |_| None);
    let dollar = read.entries.iter().find_map(|statement| {
        let is_kept = |effect: &&dotenv::Effect| {
            let is_dollar = matches!(
                effect.kind,
                EffectKind::DollarEaten | EffectKind::DollarExpanded | EffectKind::DollarHalved
            );
            is_dollar && !sources.expose(effect.span).starts_with("${")
        };
        Some((What::DollarKept { name: statement.key.clone() }, statement.effects.iter().find(is_kept)?.span))
    });
    let colon = read.entries.iter().find_map(|statement| {
        let between = Span::new(file, statement.key_span.end, statement.value_span.start);
        let has_colon = sources.expose(between).trim_start().starts_with(':');
        has_colon.then(|| (What::ColonUnknown { name: statement.key.clone() }, statement.key_span))
    });
    for (what, span) in dollar.into_iter().chain(colon) {
        found.push(Divergence { what, place: at(resolution, span) });
    }
}
