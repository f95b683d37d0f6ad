//! The places of a Compose project that carry the token, or should.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use openclaw_compose::finding::Code;
use openclaw_compose::openclaw::rules::TokenSource;
use openclaw_compose::openclaw::{Alignment, ClientKind, TokenContent, TokenSourceView};
use openclaw_compose::project::Service;
use openclaw_compose::source::Span;
use openclaw_runbook::project::{Evidence, Project, ProjectFlags, Unreadable};
use openclaw_token::rotation::{Holder, HolderKind};
use openclaw_token::{Circumstances, Observed, Occurrence, Record};
use secrecy::{ExposeSecret as _, SecretString};

/// A project as it stands on disk now.
pub(super) struct ProjectTokens {
    /// The project's directory, without links.
    pub(super) root: PathBuf,
    pub(super) project: Project,
    /// Service to image, where the reference names a digest.
    images: BTreeMap<String, String>,
}

/// The project's own variables, which Compose reads by itself.
pub(super) const DOTENV: &str = ".env";

impl ProjectTokens {
    /// Reads the project. With `docker`, what lies in no file of this host is read in the containers.
    pub(super) fn read(flags: &ProjectFlags, docker: bool) -> Result<Self, Unreadable> {
        let evidence = if docker { Evidence::ContainersAlone } else { Evidence::None };
        let project = Project::open(flags, evidence)?;
        let root = std::fs::canonicalize(&project.directory)?;
        let resolution = &project.resolution;
        let pinned = |service: Service<'_>| {
            let image = service.text("image").filter(|image| image.contains("@sha256:"))?;
            Some((service.name().to_owned(), image.expose().to_owned()))
        };
        let images = resolution.services().filter_map(pinned).collect();
        Ok(Self { root, project, images })
    }

    /// Why nobody can say which token the project carries, a line each. Then nothing is frozen, and nothing is said to be as it
    /// was frozen.
    pub(super) fn unknown(&self) -> Vec<String> {
        let report = &self.project.report;
        let not_given = report.of_code(Code::ConfigNotGiven);
        let not_given = not_given
            .map(|finding| format!("{}; give --docker to read it in the running container", finding.summary));
        let is_opaque = |source: &&TokenSourceView| {
            source.content == TokenContent::Reference && (source.wins_server || source.wins_client)
        };
        let opaque = report.tokens.iter().filter(is_opaque).map(|source| {
            let place = source.place.as_ref().map(|place| format!("{}: ", self.project.shown(place)));
            format!(
                "{}{} of {} is known to the running process alone; write the token there as a value, or rotate it where it is \
                 kept",
                place.unwrap_or_default(),
                source.source,
                source.service.as_deref().unwrap_or("the project")
            )
        });
        self.project.unread().chain(not_given).chain(opaque).collect()
    }

    /// Every value the project carries, once a place.
    pub(super) fn occurrences(&self) -> Vec<Occurrence> {
        let mut seen = BTreeSet::new();
        let held = self
            .project
            .report
            .tokens
            .iter()
            .filter_map(|source| Some((source, source.value.as_ref()?, source.place.as_ref()?)));
        held.filter(|(_, _, place)| seen.insert((place.file.clone(), place.line, place.column)))
            .map(|(_, value, found)| {
                let span = [found.span.start as usize, found.span.end as usize];
                Occurrence::new(self.place(found.span), value.clone()).at(found.line, found.column, span)
            })
            .collect()
    }

    /// The token that every gateway of the project enforces, where it is one and known.
    pub(super) fn enforced(&self) -> Option<SecretString> {
        let tokens = &self.project.report.tokens;
        let mut enforced =
            tokens.iter().filter(|source| source.wins_server).map(|source| source.value.as_ref());
        let first = enforced.next()??;
        let is_first = |value: Option<&SecretString>| {
            value.is_some_and(|value| value.expose_secret() == first.expose_secret())
        };
        enforced.all(is_first).then(|| first.clone())
    }

    /// Where one token is to be written.
    pub(super) fn alignment(&self) -> Alignment<'_> {
        self.project.report.alignment(&self.project.resolution)
    }

    /// Where the token will be once it is frozen.
    pub(super) fn places(&self) -> BTreeSet<String> {
        let written = self.alignment().targets().into_iter().map(|span| self.place(span));
        let seen = self.occurrences();
        let mut places: BTreeSet<String> =
            seen.iter().map(|occurrence| occurrence.place().file.clone()).chain(written).collect();
        if self.alignment().needs_dotenv() {
            places.insert(DOTENV.to_owned());
        }
        places
    }

    /// The name of a file in the record: relative to the project, so that it is the same from every directory and host; a file
    /// outside by its path.
    fn place(&self, span: Span) -> String {
        let sources = &self.project.report.sources;
        let Some(path) = sources.path(span.file).map(Path::new) else {
            return sources.name(span.file).to_owned();
        };
        path.strip_prefix(&self.project.directory).unwrap_or(path).display().to_string()
    }

    /// Releases and image digests, as they go into a record.
    pub(super) fn describe(&self, circumstances: Circumstances) -> Circumstances {
        let with_images =
            self.images.iter().fold(circumstances, |so_far, (service, image)| so_far.image(service, image));
        self.versions().fold(with_images, |so_far, (service, version)| so_far.version(service, version))
    }

    /// The same, to be compared with a record. Which images run only the containers know; these are those of the files.
    pub(super) fn observe<'a>(&self, observed: Observed<'a>, history: &'a [Record]) -> Observed<'a> {
        let with_images =
            self.images.iter().fold(observed, |so_far, (service, image)| so_far.image(service, image));
        let with_versions =
            self.versions().fold(with_images, |so_far, (service, version)| so_far.version(service, version));
        with_versions.history(history)
    }

    fn versions(&self) -> impl Iterator<Item = (&str, String)> {
        self.project
            .report
            .gateways
            .iter()
            .filter_map(|gateway| Some((gateway.service.as_str(), gateway.version.version?.to_string())))
    }

    /// What a rotation touches. Browsers and paired devices stand in no file, so they are always named.
    pub(super) fn holders(&self) -> Vec<Holder> {
        let kind = |source: &TokenSourceView| match source.kind {
            Some(TokenSource::AuthToken) => HolderKind::GatewayConfig,
            _ => HolderKind::ComposeFile,
        };
        let mut files: BTreeMap<String, HolderKind> = BTreeMap::new();
        for source in self.alignment().literals() {
            let Some(place) = &source.place else { continue };
            // One file may hold both; what the gateway applies while running cuts connections, so that counts.
            let kind = kind(source);
            let known = files.entry(self.place(place.span)).or_insert(kind);
            if kind == HolderKind::GatewayConfig {
                *known = kind;
            }
        }
        if self.alignment().needs_dotenv() {
            files.insert(DOTENV.to_owned(), HolderKind::ComposeFile);
        }
        let mut holders: Vec<Holder> =
            files.into_iter().map(|(name, kind)| Holder::new(name, kind)).collect();
        for gateway in &self.project.report.gateways {
            holders.push(Holder::new(&gateway.service, HolderKind::GatewayContainer));
        }
        let is_gateway = |name: &str| self.project.report.gateway(name).is_some();
        let services = self.project.report.clients.iter().filter(|client| client.kind == ClientKind::Service);
        for client in services.filter(|client| !is_gateway(&client.name)) {
            let holder = Holder::new(&client.name, HolderKind::ClientContainer);
            let owner = self
                .project
                .report
                .gateways
                .iter()
                .find(|gateway| gateway.stranded_by_restart.contains(&client.name));
            holders.push(match owner {
                Some(gateway) => holder.shares_network_of(&gateway.service),
                None => holder,
            });
        }
        holders.push(Holder::new("dashboards", HolderKind::Browser));
        holders.push(Holder::new("paired devices", HolderKind::PairedDevice));
        holders
    }
}
