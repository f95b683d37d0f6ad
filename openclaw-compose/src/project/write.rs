//! The project as `docker compose config` prints it: JSON or YAML, every literal `$` doubled.

mod json;
mod yaml;

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Write as _;

use crate::secrets::Secrets;
use crate::source::secret::looks_secret;
use crate::source::{MASK, masked_name, masked_value};

use super::mark;
use super::model::{Entry, Node, Value};
use super::print;
use super::resolution::Resolution;

/// The two formats of `docker compose config`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// YAML, what Compose prints unless asked otherwise.
    #[default]
    Yaml,
    /// JSON, indented by two.
    Json,
}

/// What to do with values that are not known to be harmless.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "secrets are shown or they are not")]
pub enum Reveal {
    /// Mask them. The output is then not what Compose prints.
    #[default]
    Masked,
    /// Print them, as Compose does.
    Secrets,
}

/// The sections of a project, in YAML's order.
const SECTIONS: [&str; 5] = ["networks", "volumes", "secrets", "configs", "models"];

impl Resolution {
    /// The project as `docker compose config` prints it. Resources that no enabled service uses are left out.
    #[must_use]
    pub fn config(&self, format: Format, reveal: Reveal) -> String {
        let secrets = (reveal == Reveal::Masked).then(|| self.secrets());
        let mut writer = Writer { resolution: self, secrets, out: String::with_capacity(4096) };
        match format {
            Format::Json => writer.json(),
            Format::Yaml => writer.yaml(),
        }
        writer.out.replace('$', "$$")
    }

    /// The resources of a section that an enabled service uses, by name.
    pub(crate) fn used(&self, section: &str) -> Vec<&Entry> {
        let mut used: HashSet<&str> = HashSet::new();
        for service in &self.enabled {
            let fields = &service.node;
            let sources = |field: &str| {
                let items = fields.get(field).and_then(Node::as_list).unwrap_or_default();
                items.iter().filter_map(|item| item.get("source")?.expose())
            };
            match section {
                "networks" | "models" => {
                    used.extend(
                        fields
                            .get(section)
                            .and_then(Node::as_map)
                            .into_iter()
                            .flatten()
                            .map(|entry| &*entry.key),
                    );
                }
                "volumes" => {
                    let items = fields.get("volumes").and_then(Node::as_list).unwrap_or_default();
                    let named =
                        items.iter().filter(|item| item.get("type").is_some_and(|kind| kind.is("volume")));
                    used.extend(named.filter_map(|item| item.get("source")?.expose()));
                }
                "secrets" => {
                    used.extend(sources("secrets"));
                    let build =
                        fields.get("build").and_then(|build| build.get("secrets")).and_then(Node::as_list);
                    used.extend(
                        build.unwrap_or_default().iter().filter_map(|item| item.get("source")?.expose()),
                    );
                }
                _ => used.extend(sources(section)),
            }
        }
        let all = self.root.get(section).and_then(Node::as_map).into_iter().flatten();
        all.filter(|entry| used.contains(&*entry.key)).collect()
    }
}

struct Writer<'r> {
    resolution: &'r Resolution,
    /// What is masked wherever it stands; nothing where nothing is to be masked.
    secrets: Option<&'r Secrets>,
    out: String,
}

impl Writer<'_> {
    /// What is shown of a scalar in its place; nothing where it is printed as it is.
    fn masked(&self, node: &Node, key: Key<'_>) -> Option<String> {
        let secrets = self.secrets?;
        let value = match &node.value {
            Value::Null | Value::Unknown | Value::Bool(_) | Value::List(_) | Value::Map(_) => return None,
            Value::Text(text) if text.is_empty() => return None,
            _ if key.secret || mark::is_secret(&self.resolution.provenances, node) => {
                return Some(MASK.to_owned());
            }
            value => print::go(value),
        };
        let mut shown = masked_value(key.name, &value, key.before);
        secrets.mask_in(&mut shown);
        (shown != value).then_some(shown)
    }

    /// A key, unless it may be a secret in its place.
    fn key<'k>(&self, key: &'k str) -> Cow<'k, str> {
        self.secrets.map_or(Cow::Borrowed(key), |secrets| secrets.mask(masked_name(key)))
    }

    fn print(&mut self, value: impl std::fmt::Display) {
        // Writing to a String cannot fail.
        let _ = write!(self.out, "{value}");
    }
}

/// The key that a value stands under, which says whether it may be shown.
#[derive(Clone, Copy)]
struct Key<'k> {
    /// That of a list, for its items.
    name: &'k str,
    /// True where a key on the way looks secret, or the flag before it does.
    secret: bool,
    /// The item before it in its list.
    before: Option<&'k str>,
}

impl<'k> Key<'k> {
    fn of(name: &'k str) -> Self {
        Self { name, secret: looks_secret(name), before: None }
    }

    fn below(self, name: &'k str) -> Self {
        Self { name, secret: self.secret || looks_secret(name), before: None }
    }

    fn item(self, items: &'k [Node], at: usize) -> Self {
        let before = at.checked_sub(1).and_then(|before| items.get(before)?.expose());
        Self { secret: self.secret || mark::is_masked(items, at), before, ..self }
    }
}
