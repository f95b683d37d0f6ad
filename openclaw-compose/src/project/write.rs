//! The project as `docker compose config` prints it: JSON or YAML, every literal `$` doubled.

mod json;
mod yaml;

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Write as _;

use crate::secrets::Secrets;

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

/// What to do with values under names that look secret.
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
    /// True where a scalar is to be masked.
    fn masks(&self, node: &Node, secret: bool) -> bool {
        let Some(secrets) = self.secrets else { return false };
        match &node.value {
            Value::Null | Value::Bool(_) => false,
            Value::Text(text) if text.is_empty() => false,
            _ if secret || mark::is_secret(&self.resolution.provenances, node) => true,
            // Of a text only the secret part is masked, when it is written.
            Value::Text(_) => false,
            value => !secrets.find(&print::go(value)).is_empty(),
        }
    }

    /// A key or a text without the secrets in it.
    fn masked<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.secrets.map_or(Cow::Borrowed(text), |secrets| secrets.mask_value(text))
    }

    fn print(&mut self, value: impl std::fmt::Display) {
        // Writing to a String cannot fail.
        let _ = write!(self.out, "{value}");
    }
}
