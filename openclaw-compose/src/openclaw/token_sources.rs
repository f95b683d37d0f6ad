//! Every place that carries the token, side by side: shell, `.env`, services, `openclaw.json`, state directory, and service
//! definitions of the host.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use crate::finding::{Place, PlaceRole};
use crate::source::{Span, Text};

use super::model::jobs::Job;
use super::model::processes::{ConfigState, EnvLayer, Process, Role};
use super::rules::{TOKEN, TokenSource};
use super::verdict;
use super::verdict::Verdicts;
use super::verdict::token::{Classes, Content, Outcome};

/// A source of the token.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct TokenSourceView {
    /// `--token`, `gateway.auth.token`, `OPENCLAW_GATEWAY_TOKEN`, ...
    pub source: String,
    /// The same as the rules name it; nothing for the project's own variable and for the host.
    #[serde(skip)]
    pub kind: Option<TokenSource>,
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
    pub content: TokenContent,
    /// Whether it wins for its service's server.
    pub wins_server: bool,
    /// Whether it wins for the client in its service.
    pub wins_client: bool,
    /// The value, for whoever compares or judges it. Never serialised.
    #[serde(skip)]
    pub value: Option<SecretString>,
}

/// What a source holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TokenContent {
    /// A value.
    Value,
    /// Nothing but blanks.
    Empty,
    /// A `${TOKEN}` that nothing fills.
    Unfilled,
    /// A reference to a variable that is missing.
    MissingReference,
    /// A value that only the running process can see.
    Reference,
    /// Nobody can say: its file is there and could not be read.
    Unreadable,
}

/// As it is serialised.
impl fmt::Display for TokenContent {
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

impl From<&Content> for TokenContent {
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

/// Lists every source, the server's first.
pub(super) fn views(
    jobs: &[Job],
    verdicts: &Verdicts<'_>,
    letters: &mut Classes,
    fingerprint: Option<&dyn Fn(&SecretString) -> String>,
) -> Vec<TokenSourceView> {
    let mut out: Vec<TokenSourceView> = Vec::new();
    let mut shown = |value: Option<&Text>| {
        let value = value.map(Text::trimmed).filter(|value| !value.is_empty());
        let class = value.as_ref().map(|value| letters.letter(value));
        let secret = value.as_ref().map(Text::to_secret);
        let print = secret.as_ref().and_then(|secret| Some(fingerprint?(secret)));
        (class, print, secret)
    };
    for process in verdicts.model.processes.iter().filter(|process| process.role != Role::Other) {
        let server = verdicts.gateway_in(process).map(|gateway| &gateway.decision);
        let client = verdicts.sent_by(process);
        let decisions = server.into_iter().chain(client);
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
                out.push(TokenSourceView {
                    source: candidate.label.clone(),
                    kind: Some(candidate.kind),
                    service: Some(process.service.name.to_owned()),
                    layer: candidate.layer,
                    place: verdicts.model.place(PlaceRole::Decided, verdicts.model.origin(candidate.span)),
                    class,
                    fingerprint: print,
                    content: TokenContent::from(&candidate.content),
                    wins_server: wins(server),
                    wins_client: wins(client),
                    value: secret,
                });
            }
        }
        out.extend(unreadable(process, verdicts));
    }
    if let Some((value, place)) = verdicts.model.project_variable(TOKEN) {
        let (class, print, secret) = shown(Some(&Text::from(value.expose_secret())));
        out.push(TokenSourceView {
            source: TOKEN.to_owned(),
            kind: None,
            service: None,
            layer: None,
            place,
            class,
            fingerprint: print,
            content: if secret.is_some() { TokenContent::Value } else { TokenContent::Empty },
            wins_server: false,
            wins_client: false,
            value: secret,
        });
    }
    // A job that is a service of the stack is listed as one.
    let beside = jobs.iter().filter(|job| verdicts.model.services.named(&job.name).is_none());
    for (job, token) in beside.filter_map(|job| Some((job, job.token()?))) {
        let (class, print, secret) = shown(Some(&token.value));
        out.push(TokenSourceView {
            source: format!("{TOKEN} in {}", job.file),
            kind: None,
            service: None,
            layer: None,
            place: verdicts.model.place(PlaceRole::Decided, token.span),
            class,
            fingerprint: print,
            content: TokenContent::Value,
            wins_server: false,
            wins_client: false,
            value: secret,
        });
    }
    out
}

/// The sources of a process that may stand in files that are there and could not be read.
fn unreadable(process: &Process<'_>, verdicts: &Verdicts<'_>) -> Vec<TokenSourceView> {
    let config = matches!(process.config, ConfigState::Unreadable)
        .then(|| ("gateway.auth.token", TokenSource::AuthToken, None, process.config_path.clone()));
    let dotenv = process
        .state_env_is_unreadable
        .then(|| (TOKEN, TokenSource::Env, Some(EnvLayer::StateDotenv), process.state_dotenv()));
    let view = |(label, kind, layer, path): (&str, _, _, String)| TokenSourceView {
        source: label.to_owned(),
        kind: Some(kind),
        service: Some(process.service.name.to_owned()),
        layer,
        place: verdicts.model.place_of_file(process, &path),
        class: None,
        fingerprint: None,
        content: TokenContent::Unreadable,
        wins_server: false,
        wins_client: false,
        value: None,
    };
    config.into_iter().chain(dotenv).map(view).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Code;
    use crate::openclaw::{Stack, examine};
    use crate::project::{self, Inputs, Texts};

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
            .map(|source| {
                let place = source.place.as_ref().map(|place| place.file.as_str()).unwrap_or_default();
                (source.source.as_str(), source.content, place)
            })
            .collect();
        let unreadable = TokenContent::Unreadable;
        assert_eq!(
            listed,
            [("gateway.auth.token", unreadable, "s/openclaw.json"), (TOKEN, unreadable, "s/.env")]
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
