//! Who wins the shared secret: what the server enforces and what each client sends, decided by the rows of
//! [`rules::TOKEN_RULES`], with every place that lost.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::source::{Span, Text};

use crate::openclaw::model::config::{RefSource, SecretForm};
use crate::openclaw::model::processes::{self, ConfigState, EnvLayer, Process, Role};
use crate::openclaw::rules::{self, Meaning, Side, Target, TokenRule, TokenSource};

/// Which of the two shared secrets is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Secret {
    /// The token.
    Token,
    /// The password.
    Password,
}

impl Secret {
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Password => "password",
        }
    }

    pub(crate) fn meaning(self) -> Meaning {
        match self {
            Self::Token => Meaning::Token,
            Self::Password => Meaning::Password,
        }
    }
}

/// One place that carries, or should carry, the secret.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) kind: TokenSource,
    /// `gateway.auth.token`, `OPENCLAW_GATEWAY_TOKEN`, `--token`.
    pub(crate) label: String,
    /// For the environment: which layer of it.
    pub(crate) layer: Option<EnvLayer>,
    pub(crate) span: Span,
    /// Where the value itself stands: for a `${NAME}`, the variable that fills it.
    pub(crate) source: Span,
    pub(crate) content: Content,
}

/// What a source holds.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// A value, trimmed as both sides trim it.
    Value(Text),
    /// Nothing but blanks.
    Empty,
    /// A `${NAME}` that the process cannot fill: it counts as no value.
    Unfilled { name: String },
    /// A secret reference whose variable is missing: the process refuses to start.
    RefMissing { id: String },
    /// A value that only the running process can see: a secret reference, or what a command prints at start.
    RefOpaque,
}

/// The outcome for one side.
#[derive(Clone, Debug)]
pub(crate) struct Decision {
    pub(crate) rule: &'static TokenRule,
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) outcome: Outcome,
}

/// Who won.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The candidate at this position.
    Wins(usize),
    /// The candidate at this position stops the process.
    Refuses(usize),
    /// The candidate at this position wins, with a value nobody here can see.
    Opaque(usize),
    /// No source has a value.
    Nothing,
    /// A source that would win was not given.
    Unknown,
}

impl Decision {
    pub(crate) fn winner(&self) -> Option<&Candidate> {
        match self.outcome {
            Outcome::Wins(at) | Outcome::Opaque(at) | Outcome::Refuses(at) => self.candidates.get(at),
            Outcome::Nothing | Outcome::Unknown => None,
        }
    }

    pub(crate) fn value(&self) -> Option<&Text> {
        match (self.outcome, self.winner().map(|winner| &winner.content)) {
            (Outcome::Wins(_), Some(Content::Value(text))) => Some(text),
            _ => None,
        }
    }

    /// A variable that the configuration asks for and this process does not have.
    pub(crate) fn wanted(&self) -> Option<&str> {
        self.candidates.iter().find_map(|candidate| match &candidate.content {
            Content::Unfilled { name } => Some(name.as_str()),
            Content::RefMissing { id } => Some(id.as_str()),
            _ => None,
        })
    }

    /// A `${NAME}` in the configuration that this process cannot fill.
    pub(crate) fn unfilled(&self) -> Option<(&Candidate, &str)> {
        self.candidates.iter().find_map(|candidate| match &candidate.content {
            Content::Unfilled { name } => Some((candidate, name.as_str())),
            _ => None,
        })
    }
}

/// Decides for one process.
pub(crate) fn decide(process: &Process<'_>, side: Side, target: Option<Target>, secret: Secret) -> Decision {
    if process.role == Role::App {
        return decide_for_app(process, secret);
    }
    let service_kind_gateway =
        process.env("OPENCLAW_SERVICE_KIND").is_some_and(|kind| kind.text.is("gateway"));
    let rule =
        rules::token_rule(side, target, process.version, service_kind_gateway, secret == Secret::Password);
    let mut candidates = Vec::new();
    let mut unknown_from = None;
    for kind in rule.order {
        match kind {
            TokenSource::Flag => candidates.extend(flag(process, secret)),
            TokenSource::Env => candidates.extend(environment(process, side, secret)),
            TokenSource::AuthToken | TokenSource::RemoteToken => {
                if matches!(process.config, ConfigState::Unknown | ConfigState::Unreadable) {
                    unknown_from.get_or_insert(candidates.len());
                }
                let section = if *kind == TokenSource::AuthToken { "auth" } else { "remote" };
                candidates.extend(configured(process, *kind, section, secret));
            }
        }
    }
    let empty_counts = rules::empty_token_counts(process.version);
    let decided = candidates.iter().position(|candidate| match candidate.content {
        Content::Value(_) | Content::RefMissing { .. } | Content::RefOpaque => true,
        Content::Empty => empty_counts && candidate.kind == TokenSource::AuthToken,
        Content::Unfilled { .. } => false,
    });
    let outcome = match (decided, unknown_from) {
        (Some(at), Some(unknown)) if at >= unknown => Outcome::Unknown,
        (None, Some(_)) => Outcome::Unknown,
        // A script that runs first, or a file that was not given, may hand one in.
        (None, None) if process.may_have_more_variables() => Outcome::Unknown,
        (None, None) => Outcome::Nothing,
        (Some(at), _) => match candidates.get(at).map(|candidate| &candidate.content) {
            Some(Content::RefMissing { .. }) => Outcome::Refuses(at),
            Some(Content::RefOpaque) => Outcome::Opaque(at),
            Some(Content::Value(_)) => Outcome::Wins(at),
            _ => Outcome::Nothing,
        },
    };
    Decision { rule, candidates, outcome }
}

/// A program that is not OpenClaw: whatever variable of its own looks like the gateway's secret.
fn decide_for_app(process: &Process<'_>, secret: Secret) -> Decision {
    let suffix = match secret {
        Secret::Token => "GATEWAY_TOKEN",
        Secret::Password => "GATEWAY_PASSWORD",
    };
    let candidates: Vec<Candidate> = process
        .service
        .environment
        .iter()
        .filter(|(name, _)| name.ends_with(suffix))
        .filter_map(|(name, variable)| {
            let text = variable.value?;
            let content = Content::of(text);
            let layer = Some(EnvLayer::Container);
            Some(Candidate {
                kind: TokenSource::Env,
                label: (*name).to_owned(),
                layer,
                span: variable.span,
                source: variable.span,
                content,
            })
        })
        .collect();
    let wins = candidates.iter().position(|candidate| matches!(candidate.content, Content::Value(_)));
    let outcome = wins.map_or(Outcome::Unknown, Outcome::Wins);
    Decision {
        rule: rules::token_rule(Side::Client, Some(Target::EnvUrl), None, false, false),
        candidates,
        outcome,
    }
}

impl Content {
    fn of(text: &Text) -> Self {
        if text.is_blank() { Self::Empty } else { Self::Value(text.trimmed()) }
    }
}

fn flag(process: &Process<'_>, secret: Secret) -> Option<Candidate> {
    let flag = process.invocation.flag(secret.key())?;
    let written = flag.value.as_ref()?;
    let opaque = processes::is_substitution(written);
    let content = if opaque { Content::RefOpaque } else { Content::of(&process.shell_expand(written)) };
    let label = format!("--{}", secret.key());
    Some(Candidate {
        kind: TokenSource::Flag,
        label,
        layer: None,
        span: flag.span,
        source: flag.span,
        content,
    })
}

/// The environment's candidate. The strongest layer that has the name decides; a weaker one is listed as what it is.
fn environment(process: &Process<'_>, side: Side, secret: Secret) -> Vec<Candidate> {
    let mut out = Vec::new();
    for rule in rules::names(secret.meaning(), process.version, side) {
        let candidate = |value: processes::EnvValue<'_>| Candidate {
            kind: TokenSource::Env,
            label: rule.name.to_owned(),
            layer: Some(value.layer),
            span: value.span,
            source: value.span,
            content: if value.is_opaque() { Content::RefOpaque } else { Content::of(value.text) },
        };
        out.extend(process.env(rule.name).map(candidate));
    }
    out
}

fn configured(process: &Process<'_>, kind: TokenSource, section: &str, secret: Secret) -> Option<Candidate> {
    let form = process.config()?.secret(&["gateway", section, secret.key()])?;
    let (span, content) = match form {
        SecretForm::Text { text, span } => {
            let filled = process.substitute(text.expose());
            let missing = filled.names.iter().find(|(_, filled)| !filled).map(|(name, _)| name.clone());
            let content = match missing {
                None => Content::of(&filled.text),
                Some(name) if hidden(process, &name) => Content::RefOpaque,
                Some(name) => Content::Unfilled { name },
            };
            (span, content)
        }
        SecretForm::Ref { source: RefSource::Env, id, span } => match process.env(id) {
            _ if hidden(process, id) => (span, Content::RefOpaque),
            Some(value) if !value.text.is_blank() => (span, Content::of(value.text)),
            _ => (span, Content::RefMissing { id: id.to_owned() }),
        },
        SecretForm::Ref { span, .. } => (span, Content::RefOpaque),
    };
    let label = format!("gateway.{section}.{}", secret.key());
    let filled =
        variable_of(form).and_then(|name| process.env(name)).filter(|_| matches!(content, Content::Value(_)));
    let source = filled.map_or(span, |value| value.span);
    Some(Candidate { kind, label, layer: None, span, source, content })
}

/// The variable that alone fills a secret.
fn variable_of(form: SecretForm<'_>) -> Option<&str> {
    match form {
        SecretForm::Text { text, .. } => {
            text.expose().trim().strip_prefix("${")?.strip_suffix('}').filter(|name| !name.contains('$'))
        }
        SecretForm::Ref { source: RefSource::Env, id, .. } => Some(id),
        SecretForm::Ref { .. } => None,
    }
}

/// Whether a variable gets its value only when the container starts.
pub(crate) fn hidden(process: &Process<'_>, name: &str) -> bool {
    match process.env(name) {
        Some(value) => value.is_opaque(),
        None => process.may_have_more_variables(),
    }
}

/// Letters for values: the same letter, the same value. The server's winner is asked first and becomes A.
#[derive(Default)]
pub(crate) struct Classes {
    /// Each trimmed, with its place among those that were asked for.
    values: BTreeMap<Text, usize>,
}

impl Classes {
    pub(crate) fn letter(&mut self, value: &Text) -> String {
        let next = self.values.len();
        letter(*self.values.entry(value.trimmed()).or_insert(next))
    }
}

/// A to Z, then A1.
fn letter(at: usize) -> String {
    let letter = char::from(b'A' + u8::try_from(at % 26).unwrap_or(0));
    match at / 26 {
        0 => letter.to_string(),
        round => format!("{letter}{round}"),
    }
}
