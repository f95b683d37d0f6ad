//! What decided a value: its provenance from the source to the container, every shadowed value kept.

use std::borrow::Cow;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::ser::SerializeStruct;

use crate::finding::Place;
use crate::secrets::Secrets;
use crate::source::{self, MASK};

use super::mark::{is_masked, is_secret};
use super::model::{Map, Node, Value};
use super::print;
use super::resolution::{Resolution, Service};
use crate::source::secret;

use teller::{Lost, Teller};

mod teller;

/// The whole provenance of one value.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The dotted path of the value.
    pub path: String,
    /// Its kind: `a string`, `null`, `a list`, ...
    pub kind: &'static str,
    /// True where the value must not be printed: its name looks secret, or a variable with such a name went into it.
    pub secret: bool,
    /// The value as text, for scalars.
    #[serde(skip)]
    pub value: Option<SecretString>,
    #[serde(skip)]
    shown: Option<Shown>,
    /// What happened, in order; the last step gave the value.
    pub steps: Vec<Step>,
    /// What lost, the nearest first, each with its reason.
    pub shadowed: Vec<Step>,
}

/// One step of a provenance.
#[derive(Clone)]
#[non_exhaustive]
pub struct Step {
    /// What happened.
    pub kind: StepKind,
    /// One sentence about it, without the value.
    pub text: String,
    /// Where, if that is a place in a source.
    pub place: Option<Place>,
    /// The value after this step, for scalars.
    pub value: Option<SecretString>,
    shown: Option<Shown>,
    /// True where that value must not be printed.
    pub secret: bool,
}

/// What may be told of a value; there is none of a value that is a secret itself.
#[derive(Clone, Debug)]
struct Shown {
    /// What its name vouches for. Everything else of it is masked.
    harmless: String,
    /// All of it but the secrets in it, for a finding that is about the value.
    told: String,
}

/// The kinds of [`Step`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum StepKind {
    /// A variable of the shell.
    Shell,
    /// A line of an env file of the project (`.env`, `--env-file`).
    Dotenv,
    /// A line of an env file of the service.
    EnvFile,
    /// The default in a template: `${NAME:-default}`.
    Default,
    /// A variable that is set nowhere.
    Unset,
    /// Compose itself set it.
    Compose,
    /// Text in a Compose file.
    Literal,
    /// A template was filled in.
    Interpolated,
    /// It is defined elsewhere and used by an alias or a merge key.
    Alias,
    /// It came with `extends`.
    Extends,
    /// It came with `include`.
    Include,
    /// It took the place of an older value.
    Overrides,
    /// A path was made absolute.
    MadeAbsolute,
    /// It is a service's value now.
    Service,
}

impl Explanation {
    /// The place that decided the value: where its text comes from. A variable's own line before the template that uses it.
    #[must_use]
    pub fn decided_by(&self) -> Option<&Place> {
        decided_by(&self.steps)
    }

    /// The value for a report: what is not known to be harmless is masked; `None` where it is not a scalar.
    #[must_use]
    pub fn shown(&self) -> Option<String> {
        shown(self.value.as_ref(), self.shown.as_ref().map(|shown| &shown.harmless))
    }

    /// The same where the value is what a finding is about: only the secrets in it are masked.
    pub(crate) fn told(&self) -> Option<String> {
        shown(self.value.as_ref(), self.shown.as_ref().map(|shown| &shown.told))
    }

    /// Says what may be told of a value that stands under this name.
    fn show(&mut self, name: &str, secrets: &Secrets) {
        self.shown = Shown::of(name, self.value.as_ref().filter(|_| !self.secret));
        for step in self.steps.iter_mut().chain(&mut self.shadowed) {
            step.shown = Shown::of(name, step.value.as_ref().filter(|_| !step.secret));
        }
        self.mask(secrets);
    }

    /// Takes the secrets out of everything that it says.
    pub(crate) fn mask(&mut self, secrets: &Secrets) {
        secrets.mask_in(&mut self.path);
        self.shown.iter_mut().for_each(|shown| shown.mask(secrets));
        self.steps.iter_mut().chain(&mut self.shadowed).for_each(|step| step.mask(secrets));
    }
}

impl Step {
    /// The value after this step for a report, as [`Explanation::shown`] has it; `None` where it is not a scalar.
    #[must_use]
    pub fn shown(&self) -> Option<String> {
        shown(self.value.as_ref(), self.shown.as_ref().map(|shown| &shown.harmless))
    }

    fn mask(&mut self, secrets: &Secrets) {
        secrets.mask_in(&mut self.text);
        self.place.iter_mut().for_each(|place| place.mask(secrets));
        self.shown.iter_mut().for_each(|shown| shown.mask(secrets));
    }
}

impl Shown {
    fn of(name: &str, value: Option<&SecretString>) -> Option<Self> {
        let value = value?.expose_secret();
        Some(Self { harmless: source::masked_value(name, value, None), told: value.to_owned() })
    }

    fn mask(&mut self, secrets: &Secrets) {
        secrets.mask_in(&mut self.harmless);
        if let Cow::Owned(masked) = secrets.mask_value(&self.told) {
            self.told = masked;
        }
    }
}

fn shown(value: Option<&SecretString>, shown: Option<&String>) -> Option<String> {
    match shown {
        Some(shown) => Some(shown.clone()),
        None => value.map(|value| if value.expose_secret().is_empty() { "" } else { MASK }.to_owned()),
    }
}

/// The chain in one line: `.env:1 -> interpolated at compose.yaml:5:14 -> service gateway`.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in self.steps.iter().enumerate() {
            if number > 0 {
                f.write_str(" -> ")?;
            }
            f.write_str(&step.text)?;
        }
        Ok(())
    }
}

/// Everything but the value.
impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step")
            .field("kind", &self.kind)
            .field("text", &self.text)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

/// The value only as far as it is known to be harmless.
impl Serialize for Step {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Step", 5)?;
        out.serialize_field("kind", &self.kind)?;
        out.serialize_field("text", &self.text)?;
        out.serialize_field("place", &self.place)?;
        out.serialize_field("secret", &self.secret)?;
        out.serialize_field("value", &self.shown())?;
        out.end()
    }
}

impl Resolution {
    /// The value at a dotted path such as `services.gateway.ports.0.published`, or `name`. Keys may hold dots themselves.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<&Node> {
        find(self, path).map(|found| found.node)
    }

    /// What decided the value at a dotted path; `None` where there is no such value.
    #[must_use]
    pub fn explain(&self, path: &str) -> Option<Explanation> {
        explain(self, path)
    }

    /// What decided a variable of a service's container; `None` where the service has no such variable.
    #[must_use]
    pub fn env(&self, service: &str, name: &str) -> Option<Explanation> {
        env(self, service, name)
    }

    /// The steps of a variable of a service's container, without what they shadow.
    pub(crate) fn env_steps(&self, service: &str, name: &str) -> Option<Vec<Step>> {
        let node = self.service(service)?.field("environment")?.get(name)?;
        Some(steps(self, node, secret::looks_secret(name)))
    }

    /// The place that decided an item of a service's field.
    pub(crate) fn item_decided_by(&self, service: &str, field: &str, at: usize) -> Option<Place> {
        let node = self.service(service)?.items(field).get(at)?;
        decided_by(&steps(self, node, false)).cloned()
    }

    /// The value that `${NAME}` has in this project, with its provenance: shell, env file or nothing.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<Explanation> {
        variable(self, name)
    }
}

impl Service<'_> {
    /// What decided a variable of the container.
    #[must_use]
    pub fn explain_variable(&self, name: &str) -> Option<Explanation> {
        self.resolution.env(self.name(), name)
    }
}

/// A value found by its path.
pub(crate) struct Found<'r> {
    pub(crate) node: &'r Node,
    /// What it is called, or the list that it stands in.
    name: &'r str,
    /// True where a key on the way looks secret.
    secret: bool,
    /// The service it belongs to.
    service: Option<&'r str>,
}

/// The value at a dotted path. Where a key holds dots itself, the longest that fits is taken.
pub(crate) fn find<'r>(resolution: &'r Resolution, path: &str) -> Option<Found<'r>> {
    if let Some(rest) = path.strip_prefix("services.") {
        let maps = [&resolution.enabled, &resolution.disabled];
        let (entry, rest) = maps.into_iter().find_map(|map| longest(map, rest))?;
        let (node, name, secret) = descend(&entry.node, &entry.key, rest)?;
        return Some(Found { node, name, secret, service: Some(&entry.key) });
    }
    if path == "name" {
        return Some(Found { node: &resolution.name, name: "name", secret: false, service: None });
    }
    let (node, name, secret) = descend(&resolution.root, "", Some(path))?;
    Some(Found { node, name, secret, service: None })
}

/// The entry with the longest key that the path begins with, and the rest of the path.
fn longest<'m, 'p>(map: &'m Map, path: &'p str) -> Option<(&'m super::model::Entry, Option<&'p str>)> {
    if let Some(entry) = map.entry(path) {
        return Some((entry, None));
    }
    path.rmatch_indices(['.', '[']).find_map(|(at, _)| {
        let (key, rest) = path.split_at_checked(at)?;
        Some((map.entry(key)?, Some(rest.strip_prefix('.').unwrap_or(rest))))
    })
}

/// What stands at a path below a node of this name: its own name, and whether one on the way looks secret.
fn descend<'m>(node: &'m Node, name: &'m str, path: Option<&str>) -> Option<(&'m Node, &'m str, bool)> {
    let Some(path) = path.filter(|path| !path.is_empty()) else { return Some((node, name, false)) };
    match &node.value {
        Value::Map(map) => {
            let (entry, rest) = longest(map, path)?;
            let (found, name, secret) = descend(&entry.node, &entry.key, rest)?;
            Some((found, name, secret || secret::looks_secret(&entry.key)))
        }
        Value::List(items) => {
            let path = path.strip_prefix('[').unwrap_or(path);
            let digits = path.bytes().take_while(u8::is_ascii_digit).count();
            let (index, rest) = path.split_at_checked(digits)?;
            let rest = rest.strip_prefix(']').unwrap_or(rest);
            let rest = rest.strip_prefix('.').unwrap_or(rest);
            let index = index.parse().ok()?;
            let (found, name, secret) = descend(items.get(index)?, name, Some(rest))?;
            Some((found, name, secret || is_masked(items, index)))
        }
        _ => None,
    }
}

pub(crate) fn explain(resolution: &Resolution, path: &str) -> Option<Explanation> {
    let found = find(resolution, path)?;
    Some(tell(resolution, &found, path))
}

pub(crate) fn env(resolution: &Resolution, service: &str, name: &str) -> Option<Explanation> {
    let node = resolution.service(service)?.field("environment")?.get(name)?;
    let path = format!("services.{service}.environment.{name}");
    let secret = secret::looks_secret(name);
    Some(tell(resolution, &Found { node, name, secret, service: Some(service) }, &path))
}

pub(crate) fn variable<'r>(resolution: &'r Resolution, name: &'r str) -> Option<Explanation> {
    let variables = resolution.environments.get(resolution.environment.0 as usize)?;
    let variable = variables.find(name)?;
    let secret = secret::looks_secret(name);
    let teller = Teller { resolution, secret };
    let mut hidden = Lost::new();
    teller.hidden(name, resolution.environment, &mut hidden);
    let mut explanation = Explanation {
        path: format!("${{{name}}}"),
        kind: "a string",
        secret,
        value: Some(variable.value.to_secret()),
        shown: None,
        steps: vec![teller.setting(name, variable.setting, Some(&variable.value))],
        shadowed: teller.shadowed(hidden),
    };
    explanation.show(name, resolution.secrets());
    Some(explanation)
}

/// The steps of a value, without what they shadow.
pub(crate) fn steps(resolution: &Resolution, node: &Node, secret: bool) -> Vec<Step> {
    let secret = secret || is_secret(&resolution.provenances, node);
    Teller { resolution, secret }.steps(node, &mut Lost::new())
}

/// The place that decided a value with these steps.
pub(crate) fn decided_by(steps: &[Step]) -> Option<&Place> {
    let source = |step: &&Step| {
        matches!(step.kind, StepKind::Dotenv | StepKind::EnvFile | StepKind::Default | StepKind::Literal)
    };
    let first = steps.iter().find(source).and_then(|step| step.place.as_ref());
    first.or_else(|| steps.iter().find_map(|step| step.place.as_ref()))
}

fn tell(resolution: &Resolution, found: &Found<'_>, path: &str) -> Explanation {
    let Found { node, name, secret, service } = *found;
    let secret = secret || is_secret(&resolution.provenances, node);
    let teller = Teller { resolution, secret };
    let mut lost = Lost::new();
    let mut steps = teller.steps(node, &mut lost);
    if let Some(service) = service {
        steps.push(Step {
            kind: StepKind::Service,
            text: format!("service {service}"),
            place: None,
            value: scalar(&node.value),
            shown: None,
            secret,
        });
    }
    let mut explanation = Explanation {
        path: path.to_owned(),
        kind: node.value.kind_name(),
        secret,
        value: scalar(&node.value),
        shown: None,
        steps,
        shadowed: teller.shadowed(lost),
    };
    explanation.show(name, resolution.secrets());
    explanation
}

fn scalar(value: &Value) -> Option<SecretString> {
    match value {
        Value::List(_) | Value::Map(_) | Value::Unknown => None,
        Value::Null => None,
        other => Some(SecretString::from(print::go(other))),
    }
}
