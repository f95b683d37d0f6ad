//! The places of a Compose project that carry the token, or should.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use openclaw_compose::fs::Disk;
use openclaw_compose::openclaw::{CarrierContent, CarrierView, ClientKind, Report, Stack as Files, examine};
use openclaw_compose::project::{self, Inputs};
use openclaw_compose::source::{FileId, Span};
use openclaw_token::rotation::{Carrier, CarrierKind};
use openclaw_token::{Circumstances, Observed, Record, Sighting};

/// A project as it stands on disk now.
pub(crate) struct Stack {
    /// The project's directory.
    pub(crate) root: PathBuf,
    pub(crate) report: Report,
    /// Service to image, where the reference names a digest.
    images: BTreeMap<String, String>,
    /// The names of the Compose files.
    compose_files: BTreeSet<String>,
}

/// The project's own variables, which Compose reads by itself.
pub(crate) const DOTENV: &str = ".env";

impl Stack {
    /// Reads the project.
    pub(crate) fn read(inputs: &Inputs, disk: Disk) -> std::io::Result<Self> {
        let resolution = project::resolve(inputs, &disk);
        let root = std::fs::canonicalize(resolution.working_dir())?;
        let pinned = |service: project::Service<'_>| {
            let image = service.text("image").filter(|image| image.contains("@sha256:"))?;
            Some((service.name().to_owned(), image.expose().to_owned()))
        };
        let images = resolution.services().filter_map(pinned).collect();
        let report = examine(&Files::new(&resolution).files(&disk));
        let name = |file: &FileId| resolution.sources().name(*file).to_owned();
        let compose_files = resolution.config_files().iter().map(name).collect();
        Ok(Self { root, report, images, compose_files })
    }

    /// Every value the project carries, once a place.
    pub(crate) fn sightings(&self) -> Vec<Sighting> {
        let mut seen = BTreeSet::new();
        let held = self
            .report
            .tokens
            .iter()
            .filter_map(|carrier| Some((carrier, carrier.value.as_ref()?, carrier.place.as_ref()?)));
        held.filter(|(_, _, place)| seen.insert((place.file.clone(), place.line, place.column)))
            .map(|(_, value, found)| {
                let span = [found.span.start as usize, found.span.end as usize];
                Sighting::new(self.place(found.span), value.clone()).at(found.line, found.column, span)
            })
            .collect()
    }

    /// The literal values in files: where a token belongs. References and secrets kept elsewhere follow by themselves.
    pub(crate) fn targets(&self) -> Vec<Span> {
        spans(self.literals())
    }

    /// Where a Compose file sets the variable to nothing. No token belongs in a file that is shared and committed: a
    /// reference does, and the token into [`DOTENV`].
    pub(crate) fn gaps(&self) -> Vec<Span> {
        spans(self.written_out().filter(|carrier| self.is_gap(carrier)))
    }

    /// True if the token must be added to [`DOTENV`]: it stands in no file yet, or a gap will refer to it.
    pub(crate) fn needs_dotenv(&self) -> bool {
        let holds = |span: &Span| self.place(*span) == DOTENV;
        let targets = self.targets();
        (targets.is_empty() || !self.gaps().is_empty()) && !targets.iter().any(holds)
    }

    fn is_gap(&self, carrier: &CarrierView) -> bool {
        let file = carrier.place.as_ref().map(|place| self.report.sources.name(place.span.file));
        carrier.content == CarrierContent::Empty && file.is_some_and(|file| self.compose_files.contains(file))
    }

    fn literals(&self) -> impl Iterator<Item = &CarrierView> {
        self.written_out().filter(|carrier| !self.is_gap(carrier))
    }

    /// Carriers whose value, or want of one, stands in a file itself.
    fn written_out(&self) -> impl Iterator<Item = &CarrierView> {
        let is_literal = |carrier: &&CarrierView| {
            let refers = |span: Span| self.report.sources.expose(span).contains("${");
            let stands_here = carrier.place.as_ref().is_some_and(|place| !refers(place.span));
            matches!(carrier.content, CarrierContent::Value | CarrierContent::Empty) && stands_here
        };
        let is_in_a_file = |carrier: &&CarrierView| {
            let place = carrier.place.as_ref();
            place.is_some_and(|place| self.on_disk(self.report.sources.name(place.span.file)).is_some())
        };
        self.report.tokens.iter().filter(is_literal).filter(is_in_a_file)
    }

    /// Where the token will be once it is frozen.
    pub(crate) fn places(&self) -> BTreeSet<String> {
        let written = self.targets().into_iter().map(|span| self.place(span));
        let seen = self.sightings();
        let mut places: BTreeSet<String> =
            seen.iter().map(|sighting| sighting.place().file.clone()).chain(written).collect();
        if self.needs_dotenv() {
            places.insert(DOTENV.to_owned());
        }
        places
    }

    /// The name of a file in the record: relative to the project, so that it is the same from every directory and host.
    fn place(&self, span: Span) -> String {
        let name = self.report.sources.name(span.file);
        let inside = self
            .on_disk(name)
            .and_then(|path| Some(path.strip_prefix(&self.root).ok()?.display().to_string()));
        inside.unwrap_or_else(|| name.to_owned())
    }

    /// Sources are named relative to the project's directory, or to where the command runs.
    pub(crate) fn on_disk(&self, name: &str) -> Option<PathBuf> {
        let found = [self.root.join(name), PathBuf::from(name)];
        found.iter().filter(|path| path.is_file()).find_map(|path| std::fs::canonicalize(path).ok())
    }

    /// The directory that holds the project and every file a token is written to: the state directory often lies elsewhere.
    pub(crate) fn common_root(&self) -> PathBuf {
        let written = self.targets().into_iter().chain(self.gaps());
        let files = written.filter_map(|span| self.on_disk(self.report.sources.name(span.file)));
        files.fold(self.root.clone(), |root, file| {
            root.ancestors().find(|root| file.starts_with(root)).map_or_else(|| root.clone(), PathBuf::from)
        })
    }

    /// Releases and image digests, as they go into a record.
    pub(crate) fn describe(&self, circumstances: Circumstances) -> Circumstances {
        let with_images =
            self.images.iter().fold(circumstances, |so_far, (service, image)| so_far.image(service, image));
        self.versions().fold(with_images, |so_far, (service, version)| so_far.version(service, version))
    }

    /// The same, to be compared with a record. Which images run only the containers know; these are those of the files.
    pub(crate) fn observe<'a>(&self, observed: Observed<'a>, history: &'a [Record]) -> Observed<'a> {
        let with_images =
            self.images.iter().fold(observed, |so_far, (service, image)| so_far.image(service, image));
        let with_versions =
            self.versions().fold(with_images, |so_far, (service, version)| so_far.version(service, version));
        with_versions.history(history)
    }

    fn versions(&self) -> impl Iterator<Item = (&str, String)> {
        self.report
            .gateways
            .iter()
            .filter_map(|gateway| Some((gateway.service.as_str(), gateway.version.version?.to_string())))
    }

    /// What a rotation touches. Browsers and paired devices stand in no file, so they are always named.
    pub(crate) fn carriers(&self) -> Vec<Carrier> {
        let kind = |carrier: &CarrierView| match carrier.carrier.as_str() {
            "gateway.auth.token" => CarrierKind::GatewayConfig,
            _ => CarrierKind::ComposeFile,
        };
        let mut files: BTreeMap<String, CarrierKind> = BTreeMap::new();
        for carrier in self.literals() {
            let Some(place) = &carrier.place else { continue };
            // One file may hold both; what the gateway applies while running cuts connections, so that counts.
            let kind = kind(carrier);
            let known = files.entry(self.place(place.span)).or_insert(kind);
            if kind == CarrierKind::GatewayConfig {
                *known = kind;
            }
        }
        if self.needs_dotenv() {
            files.insert(DOTENV.to_owned(), CarrierKind::ComposeFile);
        }
        let mut carriers: Vec<Carrier> =
            files.into_iter().map(|(name, kind)| Carrier::new(name, kind)).collect();
        for gateway in &self.report.gateways {
            carriers.push(Carrier::new(&gateway.service, CarrierKind::GatewayContainer));
        }
        let is_gateway = |name: &str| self.report.gateways.iter().any(|gateway| gateway.service == name);
        let services = self.report.clients.iter().filter(|client| client.kind == ClientKind::Service);
        for client in services.filter(|client| !is_gateway(&client.name)) {
            let carrier = Carrier::new(&client.name, CarrierKind::ClientContainer);
            let owner = self
                .report
                .gateways
                .iter()
                .find(|gateway| gateway.stranded_by_restart.contains(&client.name));
            carriers.push(match owner {
                Some(gateway) => carrier.shares_network_of(&gateway.service),
                None => carrier,
            });
        }
        carriers.push(Carrier::new("dashboards", CarrierKind::Browser));
        carriers.push(Carrier::new("paired devices", CarrierKind::PairedDevice));
        carriers
    }
}

/// The places of these carriers, each once, in order.
fn spans<'a>(carriers: impl Iterator<Item = &'a CarrierView>) -> Vec<Span> {
    let mut spans: Vec<Span> =
        carriers.filter_map(|carrier| carrier.place.as_ref()).map(|place| place.span).collect();
    spans.sort_by_key(|span| (span.file, span.start, span.end));
    spans.dedup();
    spans
}
