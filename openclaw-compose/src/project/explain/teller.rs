//! The steps of a value, told from its provenance, and what it shadows.

use std::collections::HashSet;

use secrecy::SecretString;

use crate::finding::{Place, PlaceRole};
use crate::source::{Span, Text, secret};
use crate::syntax::interpolate::{Gave, OperatorKind, Piece, PieceKind};
use crate::syntax::yaml::{Via, ViaKind};

use super::super::mark::is_secret;
use super::super::model::{Node, is_somewhere};
use super::super::provenance::Event;
use super::super::resolution::Resolution;
use super::super::variables::{EnvironmentId, Setting, Variables};
use super::{Step, StepKind, scalar};

pub(super) struct Teller<'r> {
    pub(super) resolution: &'r Resolution,
    pub(super) secret: bool,
}

/// What a value shadows, nearest first: steps that were told, and older values that are still to be told.
#[derive(Default)]
pub(super) struct Lost<'r> {
    all: Vec<Shadow<'r>>,
    /// Variables whose hidden values are among them.
    variables: HashSet<(&'r str, EnvironmentId)>,
}

pub(super) enum Shadow<'r> {
    /// A value that a variable's winner hides.
    Told(Step),
    /// A value that was replaced, and by what.
    Older(&'r Node, Span),
}

impl Lost<'_> {
    pub(super) fn new() -> Self {
        Self::default()
    }
}

impl<'r> Teller<'r> {
    fn place(&self, span: Span) -> Option<Place> {
        self.resolution.place(PlaceRole::Decided, span)
    }

    /// `compose.yaml:5:14`
    fn location(&self, span: Span) -> String {
        if is_somewhere(span) {
            self.resolution.sources().location(span).to_string()
        } else {
            "Compose itself".to_owned()
        }
    }

    /// `.env:3`
    fn line(&self, span: Span) -> String {
        let location = self.resolution.sources().location(span);
        format!("{}:{}", location.file, location.line)
    }

    fn step(&self, kind: StepKind, text: String, span: Option<Span>, value: Option<SecretString>) -> Step {
        Step {
            kind,
            text,
            place: span.and_then(|span| self.place(span)),
            value,
            shown: None,
            secret: self.secret,
        }
    }

    /// The steps of a node, oldest first; what it shadows goes to `lost`.
    pub(super) fn steps(&self, node: &'r Node, lost: &mut Lost<'r>) -> Vec<Step> {
        let value = scalar(&node.value);
        let mut steps = Vec::new();
        let mut origin = false;
        let mut events: Vec<&Event> = self.resolution.provenances.events(node.provenance).collect();
        events.reverse();
        for event in events {
            match event {
                Event::Interpolated { span, pieces, environment } => {
                    origin = true;
                    self.pieces(pieces, *span, *environment, &mut steps, lost);
                    let text = format!("interpolated at {}", self.location(*span));
                    steps.push(self.step(StepKind::Interpolated, text, Some(*span), value.clone()));
                }
                Event::Named { name, setting, environment } => {
                    origin = true;
                    let found = self.variables(*environment).and_then(|variables| variables.find(name));
                    steps.push(self.setting(name, *setting, found.map(|found| &found.value)));
                    self.hidden(name, *environment, lost);
                    if is_somewhere(node.span) {
                        let text = format!("asked for by name at {}", self.location(node.span));
                        steps.push(self.step(StepKind::Literal, text, Some(node.span), value.clone()));
                    }
                }
                Event::EnvFile { listed } => {
                    origin = true;
                    let text = self.line(node.span);
                    steps.push(self.step(StepKind::EnvFile, text, Some(node.span), value.clone()));
                    let text = format!("env_file listed at {}", self.location(*listed));
                    steps.push(self.step(StepKind::EnvFile, text, Some(*listed), value.clone()));
                }
                Event::Via(via) => self.via(via, &mut steps),
                Event::Extends { at, service } => {
                    let text = format!("extends {service} at {}", self.location(*at));
                    steps.push(self.step(StepKind::Extends, text, Some(*at), value.clone()));
                }
                Event::Included { at } => {
                    let text = format!("included at {}", self.location(*at));
                    steps.push(self.step(StepKind::Include, text, Some(*at), value.clone()));
                }
                Event::Supplied(from) => {
                    origin = true;
                    steps.push(self.step(
                        StepKind::Compose,
                        (*from).to_owned(),
                        Some(node.span),
                        value.clone(),
                    ));
                }
                Event::MadeAbsolute => {
                    let text = "made absolute".to_owned();
                    steps.push(self.step(StepKind::MadeAbsolute, text, None, value.clone()));
                }
                Event::Replaced { older } => {
                    let text = format!("overrides {}", self.location(older.span));
                    steps.push(self.step(StepKind::Overrides, text, Some(node.span), value.clone()));
                    lost.all.push(Shadow::Older(older, node.span));
                }
            }
        }
        if !origin {
            let text = self.location(node.span);
            let kind = if is_somewhere(node.span) { StepKind::Literal } else { StepKind::Compose };
            steps.insert(0, self.step(kind, text, Some(node.span), value));
        }
        steps
    }

    /// Tells what was lost: of each older value also what that had replaced itself, which may go on for thousands.
    pub(super) fn shadowed(&self, lost: Lost<'r>) -> Vec<Step> {
        let mut told = Vec::new();
        let mut left = vec![lost.all.into_iter()];
        while let Some(next) = left.last_mut() {
            match next.next() {
                None => {
                    left.pop();
                }
                Some(Shadow::Told(step)) => told.push(step),
                Some(Shadow::Older(older, by)) => {
                    let mut deeper = Lost::new();
                    let steps = self.steps(older, &mut deeper);
                    let chain: Vec<&str> = steps.iter().map(|step| step.text.as_str()).collect();
                    told.push(Step {
                        kind: StepKind::Overrides,
                        text: format!("{}, overridden by {}", chain.join(" -> "), self.location(by)),
                        place: self.resolution.place(PlaceRole::Shadowed, older.span),
                        value: scalar(&older.value),
                        shown: None,
                        secret: self.secret || is_secret(&self.resolution.provenances, older),
                    });
                    left.push(deeper.all.into_iter());
                }
            }
        }
        told
    }

    fn via(&self, via: &Via, steps: &mut Vec<Step>) {
        let mut chain = vec![via];
        let mut at = via;
        while let Some(next) = &at.next {
            chain.push(next);
            at = next;
        }
        for via in chain.into_iter().rev() {
            let what = if via.kind == ViaKind::Alias { "alias" } else { "merge key" };
            let text = format!("{what} at {}", self.location(via.at));
            steps.push(self.step(StepKind::Alias, text, Some(via.at), None));
        }
    }

    fn pieces(
        &self,
        pieces: &'r [Piece<Setting>],
        span: Span,
        environment: EnvironmentId,
        steps: &mut Vec<Step>,
        lost: &mut Lost<'r>,
    ) {
        for piece in pieces {
            let PieceKind::Variable(substitution) = &piece.kind else { continue };
            let whole = span;
            let span = self.written(span, piece);
            let name = &substitution.name;
            let found = self.variables(environment).and_then(|variables| variables.find(name));
            match (&substitution.source, substitution.gave) {
                (Some(setting), Gave::Value) => {
                    steps.push(self.setting(name, *setting, found.map(|found| &found.value)));
                    self.hidden(name, environment, lost);
                }
                (source, Gave::Argument) => {
                    let text = match source {
                        None => format!("{name} is unset, default at {}", self.location(span)),
                        Some(_)
                            if substitution
                                .operator
                                .is_some_and(|operator| operator.kind == OperatorKind::Alternate) =>
                        {
                            format!("{name} is set, alternate at {}", self.location(span))
                        }
                        Some(_) => format!("{name} is empty, default at {}", self.location(span)),
                    };
                    steps.push(self.step(StepKind::Default, text, Some(span), None));
                    if let Some(setting) = source {
                        let mut step = self.setting(name, *setting, found.map(|found| &found.value));
                        step.text.push_str(", empty");
                        lost.all.push(Shadow::Told(step));
                    }
                    self.pieces(&substitution.argument, whole, environment, steps, lost);
                }
                (None, _) => {
                    let text = format!("{name} is set nowhere");
                    steps.push(self.step(StepKind::Unset, text, Some(span), None));
                }
                (Some(setting), _) => {
                    steps.push(self.setting(name, *setting, found.map(|found| &found.value)));
                }
            }
        }
    }

    /// The bytes that spell a piece, where the template stands in its source as it is; else the whole template.
    fn written(&self, span: Span, piece: &Piece<Setting>) -> Span {
        let raw = self.resolution.sources().expose(span);
        let at = |shift: usize| piece.written.start + shift..piece.written.end + shift;
        let spells = |shift: usize| {
            raw.get(at(shift)).is_some_and(|text| text.starts_with('$') && !text.contains(['\n', '\\']))
        };
        let quoted = usize::from(raw.starts_with(['"', '\'']));
        if spells(quoted) { span.part(at(quoted)) } else { span }
    }

    fn variables(&self, environment: EnvironmentId) -> Option<&Variables> {
        self.resolution.environments.get(environment.0 as usize).map(|variables| &**variables)
    }

    pub(super) fn setting(&self, name: &str, setting: Setting, value: Option<&Text>) -> Step {
        let secret = secret::looks_secret(name);
        let (kind, text, span) = match setting {
            Setting::Shell => (StepKind::Shell, format!("shell ({name})"), None),
            Setting::Compose => (StepKind::Compose, format!("Compose ({name})"), None),
            Setting::File(span) => (StepKind::Dotenv, self.line(span), Some(span)),
        };
        let mut step = self.step(kind, text, span, value.map(Text::to_secret));
        step.secret |= secret;
        step
    }

    /// The values that a variable's winner hides, once for all its uses.
    pub(super) fn hidden(&self, name: &'r str, environment: EnvironmentId, lost: &mut Lost<'r>) {
        if !lost.variables.insert((name, environment)) {
            return;
        }
        let Some(variable) = self.variables(environment).and_then(|variables| variables.find(name)) else {
            return;
        };
        let winner = match variable.setting {
            Setting::Shell => "the shell".to_owned(),
            Setting::Compose => "Compose".to_owned(),
            Setting::File(span) => self.line(span),
        };
        for (value, setting) in &variable.hidden {
            let mut step = self.setting(name, *setting, Some(value));
            step.text = format!("{}, shadowed by {winner}", step.text);
            if let Some(place) = &mut step.place {
                place.role = PlaceRole::Shadowed;
            }
            lost.all.push(Shadow::Told(step));
        }
    }
}
