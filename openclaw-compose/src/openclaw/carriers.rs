//! Every place that carries the token, side by side: shell, `.env`, services, `openclaw.json`, state directory, and service
//! definitions of the host.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use crate::finding::{Code, Place, PlaceRole};
use crate::openclaw::findings::Findings;
use crate::source::{Format, Span, Text};

use super::findings::remedies;
use super::model::files::Reader;
use super::model::processes::{ConfigState, EnvLayer, Process, Role};
use super::model::scene::Scene;
use super::rules::Carrier;
use super::verdict;
use super::verdict::token::{Classes, Content, Outcome};

/// A carrier of the token.
#[derive(Clone, Debug, Serialize)]
pub struct CarrierView {
    /// `--token`, `gateway.auth.token`, `OPENCLAW_GATEWAY_TOKEN`, ...
    pub carrier: String,
    /// The same as the rules name it; nothing for the project's own variable and for the host.
    #[serde(skip)]
    pub kind: Option<Carrier>,
    /// The service that sees it; nothing for the project's own variable and for the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The environment layer, for a variable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<EnvLayer>,
    /// Where the value comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The letter of the value: the same letter, the same value. Nothing where there is no value to compare.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// What the caller's function makes of the value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// What it holds.
    pub content: CarrierContent,
    /// Whether it wins for its service's server.
    pub wins_server: bool,
    /// Whether it wins for the client in its service.
    pub wins_client: bool,
    /// The value, for whoever compares or judges it. Never serialised.
    #[serde(skip)]
    pub value: Option<SecretString>,
}

/// What a carrier holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CarrierContent {
    /// A value.
    Value,
    /// Nothing but blanks.
    Empty,
    /// A `${NAME}` that nothing fills.
    Unfilled,
    /// A reference to a variable that is missing.
    MissingReference,
    /// A value that only the running process can see.
    Reference,
    /// Nobody can say: its file is there and could not be read.
    Unreadable,
}

/// As it is serialised.
impl fmt::Display for CarrierContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value => "value",
            Self::Empty => "empty",
            Self::Unfilled => "unfilled",
            Self::MissingReference => "missing-reference",
            Self::Reference => "reference",
            Self::Unreadable => "unreadable",
        })
    }
}

impl From<&Content> for CarrierContent {
    fn from(content: &Content) -> Self {
        match content {
            Content::Value(_) => Self::Value,
            Content::Empty => Self::Empty,
            Content::Unfilled { .. } => Self::Unfilled,
            Content::RefMissing { .. } => Self::MissingReference,
            Content::RefOpaque => Self::Reference,
        }
    }
}

/// A launchd plist, a systemd unit or its environment file, on the host.
#[derive(Clone, Debug)]
pub struct Definition {
    /// What reports call it: its path.
    pub name: String,
    /// Its text.
    pub text: SecretString,
}

/// The token of a definition.
#[derive(Debug)]
pub(super) struct Defined {
    pub(super) name: String,
    pub(super) value: Option<Text>,
    pub(super) span: Span,
}

const NAME: &str = "OPENCLAW_GATEWAY_TOKEN";

/// Finds the token in a plist, a unit or an environment file.
pub(super) fn read_definition(definition: &Definition, reader: &mut Reader<'_>) -> Defined {
    let text = definition.text.expose_secret();
    let format = if text.contains("<plist") { Format::Xml } else { Format::Unit };
    let file = reader.enter(format, &definition.name, text);
    let found = if format == Format::Xml { in_plist(text) } else { in_unit(text) };
    let (value, range) = match found {
        Some(range) => (text.get(range.clone()).map(Text::from), range),
        None => (None, 0..0),
    };
    Defined { name: definition.name.clone(), value, span: Span::from_range(file, range) }
}

/// `<key>NAME</key> <string>VALUE</string>`
fn in_plist(text: &str) -> Option<std::ops::Range<usize>> {
    let key = text.find(&format!("<key>{NAME}</key>"))?;
    let from = key + text.get(key..)?.find("<string>")? + "<string>".len();
    let to = from + text.get(from..)?.find("</string>")?;
    Some(from..to)
}

/// `Environment=NAME=VALUE`, quoted or not, or `NAME=VALUE`; the last one counts.
fn in_unit(text: &str) -> Option<std::ops::Range<usize>> {
    let mut found = None;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        if line.trim_start().starts_with(['#', ';']) {
            continue;
        }
        let Some(at) = line.find(&format!("{NAME}=")) else { continue };
        let from = at + NAME.len() + 1;
        let before = line.get(..at).unwrap_or_default();
        let rest = line.get(from..).unwrap_or_default();
        let quote = before.chars().last().filter(|c| matches!(c, '"' | '\''));
        let length = match quote {
            Some(quote) => rest.find(quote),
            None => rest.find(char::is_whitespace),
        };
        let length = length.unwrap_or(rest.trim_end().len());
        let inner = rest.get(..length).unwrap_or_default();
        let bare = inner.trim_matches(['"', '\'']);
        let lead = inner.len() - inner.trim_start_matches(['"', '\'']).len();
        found = Some(start + from + lead..start + from + lead + bare.len());
    }
    found
}

/// Lists every carrier, the server's first.
pub(super) fn views(
    definitions: &[Defined],
    scene: &Scene<'_, '_>,
    letters: &mut Classes,
    fingerprint: Option<&dyn Fn(&SecretString) -> String>,
) -> Vec<CarrierView> {
    let mut out: Vec<CarrierView> = Vec::new();
    let mut shown = |value: Option<&Text>| {
        let value = value.map(Text::trimmed).filter(|value| !value.is_empty());
        let class = value.as_ref().map(|value| letters.letter(value));
        let secret = value.as_ref().map(Text::to_secret);
        let print = secret.as_ref().and_then(|secret| Some(fingerprint?(secret)));
        (class, print, secret)
    };
    for (at, process) in scene.processes.iter().enumerate().filter(|(_, process)| process.role != Role::Other)
    {
        let server = scene.gateway_in(at).map(|gateway| &gateway.decision);
        let client = verdict::clients::decision_of(at, scene);
        let decisions = server.into_iter().chain(client.as_ref());
        let mut seen: Vec<Span> = Vec::new();
        for decision in decisions {
            for candidate in &decision.candidates {
                if seen.contains(&candidate.span) {
                    continue;
                }
                seen.push(candidate.span);
                let value = match &candidate.content {
                    Content::Value(text) => Some(text),
                    _ => None,
                };
                let (class, print, secret) = shown(value);
                let wins = |decision: Option<&verdict::token::Decision>| {
                    decision.is_some_and(|decision| {
                        !matches!(decision.outcome, Outcome::Refuses(_))
                            && decision.winner().is_some_and(|winner| winner.span == candidate.span)
                    })
                };
                out.push(CarrierView {
                    carrier: candidate.label.clone(),
                    kind: Some(candidate.carrier),
                    service: Some(process.service.name.to_owned()),
                    layer: candidate.layer,
                    place: scene.place(PlaceRole::Decided, scene.origin(candidate.span)),
                    class,
                    fingerprint: print,
                    content: CarrierContent::from(&candidate.content),
                    wins_server: wins(server),
                    wins_client: wins(client.as_ref()),
                    value: secret,
                });
            }
        }
        out.extend(unreadable(process, scene));
    }
    if let Some((value, place)) = scene.project_variable(NAME) {
        let (class, print, secret) = shown(Some(&Text::from(value.expose_secret())));
        out.push(CarrierView {
            carrier: NAME.to_owned(),
            kind: None,
            service: None,
            layer: None,
            place,
            class,
            fingerprint: print,
            content: if secret.is_some() { CarrierContent::Value } else { CarrierContent::Empty },
            wins_server: false,
            wins_client: false,
            value: secret,
        });
    }
    for defined in definitions {
        let Some(value) = &defined.value else { continue };
        let (class, print, secret) = shown(Some(value));
        out.push(CarrierView {
            carrier: format!("{NAME} in {}", defined.name),
            kind: None,
            service: None,
            layer: None,
            place: scene.place(PlaceRole::Decided, defined.span),
            class,
            fingerprint: print,
            content: CarrierContent::Value,
            wins_server: false,
            wins_client: false,
            value: secret,
        });
    }
    out
}

/// The carriers of a process that may stand in files that are there and could not be read.
fn unreadable(process: &Process<'_>, scene: &Scene<'_, '_>) -> Vec<CarrierView> {
    let config = matches!(process.config, ConfigState::Unreadable)
        .then(|| ("gateway.auth.token", Carrier::AuthToken, None, process.config_path.clone()));
    let dotenv = process
        .state_env_is_unreadable
        .then(|| (NAME, Carrier::Env, Some(EnvLayer::StateDotenv), process.state_dotenv()));
    let view = |(label, kind, layer, path): (&str, _, _, String)| CarrierView {
        carrier: label.to_owned(),
        kind: Some(kind),
        service: Some(process.service.name.to_owned()),
        layer,
        place: scene.place_of_file(process, &path),
        class: None,
        fingerprint: None,
        content: CarrierContent::Unreadable,
        wins_server: false,
        wins_client: false,
        value: None,
    };
    config.into_iter().chain(dotenv).map(view).collect()
}

/// Definitions that hold another token than the gateway enforces.
pub(super) fn findings(definitions: &[Defined], scene: &Scene<'_, '_>, out: &mut Findings) {
    let Some(server) = scene.gateways.iter().find_map(|gateway| gateway.decision.value()) else { return };
    for defined in definitions {
        let Some(value) = &defined.value else { continue };
        if value.is_same(server) {
            continue;
        }
        let summary = format!("{} embeds another token than the gateway enforces", defined.name);
        let mut finding = scene.finding(Code::ServiceDefinitionDiffers, summary, Some(defined.span));
        finding.evidence.push(
            "a definition bakes the token in when it is installed; restarts do not renew it".to_owned(),
        );
        finding.remedy = Some(remedies::words(
            "take the variable out of the definition and let the program read its configuration; then load the definition again",
        ));
        out.push(finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openclaw::{Stack, examine};
    use crate::project::{self, Inputs, Texts};

    #[test]
    fn tokens_are_found_in_definitions_of_every_kind() {
        let plist =
            "<plist><dict><key>OPENCLAW_GATEWAY_TOKEN</key>\n<string>canary-1</string></dict></plist>";
        assert_eq!(&plist[in_plist(plist).expect("found")], "canary-1");
        for unit in [
            "[Service]\nEnvironment=OPENCLAW_GATEWAY_TOKEN=canary-1\n",
            "[Service]\nEnvironment=\"OPENCLAW_GATEWAY_TOKEN=canary-1\" \"A=b\"\n",
            "[Service]\nEnvironment=A=b OPENCLAW_GATEWAY_TOKEN=canary-1 C=d\n",
            "# OPENCLAW_GATEWAY_TOKEN=old\nOPENCLAW_GATEWAY_TOKEN='canary-1'\n",
        ] {
            assert_eq!(&unit[in_unit(unit).expect("found")], "canary-1", "{unit}");
        }
        assert_eq!(in_unit("[Service]\nExecStart=/bin/true\n"), None);
    }

    #[test]
    fn a_carrier_that_cannot_be_read_is_listed_with_its_place() {
        let compose = "services: {gateway: {image: openclaw, command: [openclaw, gateway], volumes: ['./s:/home/node/.openclaw']}}";
        // Directories where files are looked for.
        let files = Texts::new()
            .file("/srv/compose.yaml", compose)
            .file("/srv/s/openclaw.json/x", "")
            .file("/srv/s/.env/x", "");
        let resolution = project::resolve(&Inputs::new("/srv"), &files);
        let report = examine(&Stack::new(&resolution).files(&files));
        let listed: Vec<_> = report
            .tokens
            .iter()
            .map(|carrier| {
                let place = carrier.place.as_ref().map(|place| place.file.as_str()).unwrap_or_default();
                (carrier.carrier.as_str(), carrier.content, place)
            })
            .collect();
        let unreadable = CarrierContent::Unreadable;
        assert_eq!(
            listed,
            [("gateway.auth.token", unreadable, "s/openclaw.json"), (NAME, unreadable, "s/.env")]
        );
        assert_eq!(report.of_code(Code::FileUnreadable).count(), 2);
        assert_eq!(report.of_code(Code::ConfigNotGiven).count(), 0);
    }

    #[test]
    fn a_client_whose_configuration_is_broken_is_told() {
        let compose = "services: {openclaw-cli: {image: openclaw, entrypoint: [openclaw], volumes: ['./c:/home/node/.openclaw']}}";
        let files =
            Texts::new().file("/srv/compose.yaml", compose).file("/srv/c/openclaw.json", "{ gateway: {");
        let resolution = project::resolve(&Inputs::new("/srv"), &files);
        let report = examine(&Stack::new(&resolution).files(&files));
        let told: Vec<_> = report.of_code(Code::ConfigSyntax).collect();
        assert!(matches!(told[..], [finding] if finding.places[0].file == "c/openclaw.json"), "{told:?}");
    }
}
