//! The answer: what the project is, what is wrong with it, and what decided each of its values.

use std::fmt;
use std::sync::{Arc, OnceLock};

use secrecy::SecretString;

use crate::finding::{Finding, Place, PlaceRole};
use crate::secrets::Secrets;
use crate::source::{FileId, Sources, Span, Text};

use super::dialect::Dialect;
use super::discovery::Project;
use super::loader::Loader;
use super::mark::{self, Unmarked};
use super::model::{Entry, Map, Node, is_somewhere};
use super::paths;
use super::provenance::Provenances;
use super::unread::Unread;
use super::variables::{EnvironmentId, Setting, Variables};

/// A resolved project.
///
/// Printing one with `{:?}` shows names and counts, never values.
pub struct Resolution {
    pub(crate) dialect: Dialect,
    /// The project's name, a text.
    pub(crate) name: Node,
    pub(crate) working_dir: String,
    /// Where the command runs.
    directory: String,
    pub(crate) profiles: Vec<String>,
    texts: Unmarked,
    /// The texts with every secret marked, and the secrets themselves.
    marked: OnceLock<(Sources, Secrets)>,
    pub(crate) provenances: Provenances,
    pub(crate) environments: Vec<Arc<Variables>>,
    pub(crate) environment: EnvironmentId,
    pub(crate) root: Node,
    pub(crate) enabled: Map,
    pub(crate) disabled: Map,
    /// What was found, in words that may hold whatever was read.
    found: Found,
    /// The same without any secret.
    told: OnceLock<Found>,
    config_files: Vec<FileId>,
}

/// What is to be said of a project.
#[derive(Clone)]
struct Found {
    findings: Vec<Finding>,
    unset: Vec<UnsetVariable>,
    refusal: Option<Rejection>,
    unread: Vec<Unread>,
}

impl Found {
    fn is_empty(&self) -> bool {
        let Self { findings, unset, refusal, unread } = self;
        findings.is_empty() && unset.is_empty() && refusal.is_none() && unread.is_empty()
    }
}

/// Why Compose refuses the whole project: the first thing it stumbles over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rejection {
    /// The exit status of `docker compose config`: 1. Before compose-go 2.4.9 that was for flags and env files, 14 for a
    /// missing file, 15 for a bad project.
    pub exit: u8,
    /// What it stumbles over.
    pub finding: Finding,
}

/// A variable that is set nowhere and became the empty string.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnsetVariable {
    /// Its name.
    pub name: String,
    /// Its first use.
    pub place: Option<Place>,
}

/// `docker compose`'s own words.
impl fmt::Display for UnsetVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The \"{}\" variable is not set. Defaulting to a blank string.", self.name)
    }
}

/// One service of a resolution.
#[derive(Clone, Copy)]
pub struct Service<'r> {
    pub(super) resolution: &'r Resolution,
    entry: &'r Entry,
    enabled: bool,
}

impl Resolution {
    /// The version of Compose that was played.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The project's name; empty where there is none.
    #[must_use]
    pub fn project_name(&self) -> &str {
        self.name.expose().unwrap_or_default()
    }

    /// The project's directory, absolute.
    #[must_use]
    pub fn working_dir(&self) -> &str {
        &self.working_dir
    }

    /// What a file of the project is called in [`Resolution::sources`].
    pub(crate) fn source_name(&self, path: &str) -> String {
        paths::shown(path, &self.directory)
    }

    /// The profiles that are switched on.
    #[must_use]
    pub fn profiles(&self) -> &[String] {
        &self.profiles
    }

    /// Every text that was read, for locations and quotes; secrets are marked when it is first asked for.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.marked().0
    }

    /// Every value that is or looks like a secret in what was read: what a program prints about this project passes
    /// [`Secrets::mask`]. Collected when it is first asked for.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.marked().1
    }

    fn marked(&self) -> &(Sources, Secrets) {
        self.marked.get_or_init(|| {
            let model = mark::Model {
                project: self.project_name(),
                directory: self.working_dir(),
                provenances: &self.provenances,
                environments: &self.environments,
                root: &self.root,
                services: [&self.enabled, &self.disabled],
            };
            self.texts.mark(&model)
        })
    }

    /// A value may have become part of a name, a path or a message: what is said passes the secrets first.
    fn told(&self) -> &Found {
        if self.found.is_empty() {
            return &self.found;
        }
        self.told.get_or_init(|| {
            let mut told = self.found.clone();
            let secrets = self.secrets();
            told.findings.iter_mut().for_each(|finding| finding.mask(secrets));
            for unset in &mut told.unset {
                secrets.mask_in(&mut unset.name);
                unset.place.iter_mut().for_each(|place| place.mask(secrets));
            }
            told.unread.iter_mut().for_each(|unread| unread.mask(secrets));
            told.refusal.iter_mut().for_each(|refusal| refusal.finding.mask(secrets));
            told
        })
    }

    /// The Compose files that were read, in order, with those that `extends` and `include` name.
    #[must_use]
    pub fn config_files(&self) -> &[FileId] {
        &self.config_files
    }

    /// The files that are there and could not be read: nobody can say what they would have changed.
    #[must_use]
    pub fn unread(&self) -> &[Unread] {
        &self.told().unread
    }

    /// Everything that is wrong or worth knowing, what Compose refuses first.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.told().findings
    }

    /// Variables that became the empty string, each once.
    #[must_use]
    pub fn unset_variables(&self) -> &[UnsetVariable] {
        &self.told().unset
    }

    /// Why Compose would refuse the whole project; `None` where it reads it.
    #[must_use]
    pub fn compose_would_refuse(&self) -> Option<&Rejection> {
        self.told().refusal.as_ref()
    }

    /// The services that are switched on, by name.
    pub fn services(&self) -> impl Iterator<Item = Service<'_>> {
        self.enabled.iter().map(|entry| Service { resolution: self, entry, enabled: true })
    }

    /// The services that their profiles switch off, by name. They are resolved all the same.
    pub fn disabled_services(&self) -> impl Iterator<Item = Service<'_>> {
        self.disabled.iter().map(|entry| Service { resolution: self, entry, enabled: false })
    }

    /// The service of this name, on or off.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<Service<'_>> {
        let enabled = self.enabled.entry(name).map(|entry| (entry, true));
        let (entry, enabled) = enabled.or_else(|| Some((self.disabled.entry(name)?, false)))?;
        Some(Service { resolution: self, entry, enabled })
    }

    /// The top-level `networks`, `volumes`, `secrets`, `configs` and `x-` keys in canonical form, used or not.
    #[must_use]
    pub fn resources(&self, section: &str) -> Option<&Node> {
        self.root.get(section)
    }

    /// The value that `${NAME}` has in this project, and the place of it where that is a file.
    pub(crate) fn variable_value(&self, name: &str) -> Option<(&Text, Option<Place>)> {
        let variable = self.environments.get(self.environment.0 as usize)?.find(name)?;
        let place = match variable.setting {
            Setting::File(span) => self.place(PlaceRole::Decided, span),
            Setting::Shell | Setting::Compose => None,
        };
        Some((&variable.value, place))
    }

    /// The variables that `.env`, or the files in its place, set.
    pub(crate) fn file_variables(&self) -> impl Iterator<Item = &str> {
        self.environments
            .get(self.environment.0 as usize)
            .into_iter()
            .flat_map(|variables| variables.of_files())
    }

    /// The place of a span, for findings.
    #[must_use]
    pub fn place(&self, role: PlaceRole, span: Span) -> Option<Place> {
        is_somewhere(span).then(|| Place::of(self.sources(), role, span))
    }
}

impl<'r> Service<'r> {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'r str {
        &self.entry.key
    }

    /// The bytes that spell its name, where it is defined.
    #[must_use]
    pub fn span(&self) -> Span {
        self.entry.key_span
    }

    /// False where its profiles switch it off.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// The whole service in canonical form.
    #[must_use]
    pub fn node(&self) -> &'r Node {
        &self.entry.node
    }

    /// A field in canonical form.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'r Node> {
        self.entry.node.get(name)
    }

    /// The entry of a field: its key's span as well.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<&'r Entry> {
        self.entry.node.as_map()?.entry(name)
    }

    /// A field's text, closed.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&'r Text> {
        self.field(name)?.text()
    }

    /// A field's items; none where it is absent.
    #[must_use]
    pub fn items(&self, name: &str) -> &'r [Node] {
        self.field(name).and_then(Node::as_list).unwrap_or_default()
    }

    /// The container's environment by name; null for a bare name that is set nowhere.
    #[must_use]
    pub fn environment(&self) -> &'r [Entry] {
        self.field("environment").and_then(Node::as_map).map(Map::entries).unwrap_or_default()
    }

    /// The value of a variable of the container, as a secret; `None` where it is absent, null or unknown.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<SecretString> {
        Some(self.field("environment")?.get(name)?.text()?.to_secret())
    }
}

impl fmt::Debug for Service<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("name", &self.resolution.secrets().mask(self.name()))
            .field("enabled", &self.enabled)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let masked = |name: &str| self.secrets().mask(name).into_owned();
        let names = |map: &Map| map.iter().map(|entry| masked(&entry.key)).collect::<Vec<_>>();
        f.debug_struct("Resolution")
            .field("dialect", &self.dialect)
            .field("name", &masked(self.project_name()))
            .field("services", &names(&self.enabled))
            .field("disabled", &names(&self.disabled))
            .field("findings", &self.findings())
            .finish_non_exhaustive()
    }
}

/// Closes the books: spans become places, what Compose refuses comes first.
pub(crate) fn finish(
    loader: Loader<'_>,
    root: Node,
    enabled: Map,
    disabled: Map,
    name: Node,
    project: &Project,
) -> Resolution {
    let dialect = loader.inputs.dialect;
    let directory = loader.inputs.directory.clone();
    let Loader { sources: texts, provenances, environments, raised, unset, config_files, unread, .. } =
        loader;
    let exit = raised.iter().find_map(|raised| raised.refusal);
    let (refused, passed): (Vec<_>, Vec<_>) = raised.into_iter().partition(|raised| raised.refusal.is_some());
    let findings: Vec<Finding> =
        refused.into_iter().chain(passed).map(|raised| raised.finish(&texts)).collect();
    let refusal = exit
        .zip(findings.first().cloned())
        .map(|(exit, finding)| Rejection { exit: dialect.exit(exit), finding });
    let unset = unset
        .into_iter()
        .map(|(name, span): (Arc<str>, Span)| UnsetVariable {
            name: name.to_string(),
            place: is_somewhere(span).then(|| Place::of(&texts, PlaceRole::Decided, span)),
        })
        .collect();
    Resolution {
        dialect,
        name,
        working_dir: project.working_dir.clone(),
        directory,
        profiles: project.profiles.clone(),
        texts: Unmarked::new(texts),
        marked: OnceLock::new(),
        provenances,
        environments,
        environment: project.environment,
        root,
        enabled,
        disabled,
        found: Found { findings, unset, refusal, unread },
        told: OnceLock::new(),
        config_files,
    }
}
