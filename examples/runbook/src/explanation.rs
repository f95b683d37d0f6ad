//! One value's explanation for a person: every step with its source line, underlined, secrets masked.

use std::fmt::Write as _;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use openclaw_compose::finding::{Place, PlaceRole};
use openclaw_compose::project::{Explanation, Node, Resolution, Reveal, Step, StepKind, nearest};
use openclaw_compose::source::{MASK, Quote, QuotedLine};

use crate::clean;
use crate::errors::did_you_mean;
use crate::output::Styled;

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Text only.
    Plain,
    /// With ANSI colours.
    Coloured,
}

/// The explanation: the value, what decided it step by step, then what lost and why.
#[must_use]
pub fn render(resolution: &Resolution, told: &Explanation, show_secrets: bool, style: Style) -> Styled {
    let reveal = if show_secrets { Reveal::Secrets } else { Reveal::Masked };
    let value = told.revealed(reveal).map_or_else(|| told.kind.to_owned(), |value| quoted(&value));
    let mut out = Styled::from(format!("{} = {value}\n", told.path));
    if !show_secrets && told.secret {
        out += "(masked: its name, or that of a variable in it, looks secret; --show-secrets prints it)\n";
    } else if told.revealed(reveal) != told.revealed(Reveal::Secrets) {
        out += "(masked: not known to be harmless; --show-secrets prints it)\n";
    }
    out += "\nwhat decided it, first to last:\n";
    tell(resolution, &told.steps, reveal, &mut out, style);
    if !told.shadowed.is_empty() {
        out += "\nwhat it shadows, nearest first:\n";
        tell(resolution, &told.shadowed, reveal, &mut out, style);
    }
    out += format!("\n(read as {})\n", resolution.dialect()).as_str();
    out
}

/// What to say where there is no such value: what there is.
#[must_use]
pub fn unknown(resolution: &Resolution, what: &str, variable: Option<&str>) -> String {
    let mut out = String::new();
    let services: Vec<&str> =
        resolution.services().chain(resolution.disabled_services()).map(|service| service.name()).collect();
    match variable {
        Some(name) if services.contains(&what) => {
            let _ = writeln!(out, "service {what} has no variable {name}");
            let known: Vec<&str> = resolution
                .service(what)
                .map(|service| service.environment())
                .unwrap_or_default()
                .iter()
                .map(|entry| &*entry.key)
                .collect();
            if !known.is_empty() {
                let _ = writeln!(out, "it has: {}", known.join(", "));
            }
        }
        Some(_) => {
            let meant = did_you_mean(what, services.iter().copied());
            let _ = writeln!(out, "there is no service {what}{meant}");
            let _ = writeln!(out, "services: {}", services.join(", "));
        }
        None => {
            let _ = writeln!(out, "there is no value {what}");
            let _ = writeln!(out, "{}", instead(resolution, what, &services));
        }
    }
    if let Some(refusal) = resolution.compose_would_refuse() {
        let place = refusal.finding.primary().map(|place| format!("{place}: ")).unwrap_or_default();
        let _ = writeln!(out, "note that Compose refuses this project: {place}{}", refusal.finding);
    }
    out
}

/// What there is where `what` leads nowhere: the keys at the last step that exists.
fn instead(resolution: &Resolution, what: &str, services: &[&str]) -> String {
    if services.iter().any(|service| *service == what || what.starts_with(&format!("{service}."))) {
        return format!("did you mean services.{what}?");
    }
    let mut reached = what;
    while let Some((before, _)) = reached.rsplit_once('.') {
        reached = before;
        if let Some(keys) = resolution.at(reached).and_then(Node::as_map) {
            let mut keys: Vec<&str> = keys.iter().map(|entry| &*entry.key).collect();
            keys.sort_unstable();
            let (_, beyond) = what.split_at(reached.len() + 1);
            let (key, rest) = beyond.split_at(beyond.find('.').unwrap_or(beyond.len()));
            let meant = nearest(key, keys.iter().copied());
            let meant = meant.map(|key| format!("; did you mean {reached}.{key}{rest}?")).unwrap_or_default();
            return format!("{reached} has: {}{meant}", keys.join(", "));
        }
    }
    let what = what.strip_prefix("services.").unwrap_or(what);
    let (service, rest) = what.split_at(what.find('.').unwrap_or(what.len()));
    let meant = nearest(service, services.iter().copied());
    let meant = meant.map(|service| format!("; did you mean services.{service}{rest}?")).unwrap_or_default();
    format!("services: {}{meant}", services.join(", "))
}

fn tell(resolution: &Resolution, steps: &[Step], reveal: Reveal, out: &mut Styled, style: Style) {
    let mut before = None;
    for (number, step) in steps.iter().enumerate() {
        *out += format!("\n{:>3}. {}\n", number + 1, sentence(step)).as_str();
        // A line that was just shown is not shown again.
        let again = step.place.is_some() && step.place == before;
        before = step.place.clone().or(before);
        if let Some(place) = step.place.as_ref().filter(|_| !again) {
            let sources = resolution.sources();
            let quote = match reveal {
                Reveal::Secrets => sources.quote(place.span),
                Reveal::Masked => sources.quote_harmless(place.span),
            };
            *out += &snippet(&quote, place, &label(step), style);
        }
    }
}

fn sentence(step: &Step) -> String {
    let what = match step.kind {
        StepKind::Shell => "a variable of the shell",
        StepKind::Dotenv => "an env file of the project",
        StepKind::Interpolated => "the template is filled in",
        StepKind::Compose => "Compose supplies it",
        StepKind::Literal => "as it is written",
        StepKind::Service => "what its container gets",
        _ => return step.text.clone(),
    };
    format!("{}: {what}", step.text)
}

fn label(step: &Step) -> String {
    match step.shown() {
        Some(value) if value.is_empty() => "empty".to_owned(),
        // The mask stands in the line already.
        Some(value) if value != MASK && value.chars().count() <= 40 => quoted(&value),
        _ => String::new(),
    }
}

/// The value in quotes, control characters escaped.
fn quoted(value: &str) -> String {
    format!("{value:?}")
}

/// The lines of a place, underlined by annotate-snippets. It gets harmless texts, so all colours are its own.
fn snippet(quote: &Quote, place: &Place, label: &str, style: Style) -> Styled {
    // Long blocks are shown by their first lines.
    let lines: Vec<&QuotedLine> = quote.lines.iter().take(4).collect();
    let mut text = String::new();
    let mut marks = Vec::new();
    let label = clean::text(label);
    let file = clean::text(&quote.location.file);
    for line in &lines {
        let shown = clean::text(&line.text);
        let bytes = |chars: u32| shown.char_indices().nth(chars as usize).map_or(shown.len(), |(at, _)| at);
        let (from, to) = line.underline;
        marks.push(text.len() + bytes(from)..text.len() + bytes(to));
        text.push_str(&shown);
        text.push('\n');
    }
    let kind =
        if place.role == PlaceRole::Decided { AnnotationKind::Primary } else { AnnotationKind::Context };
    let first = lines.first().map_or(1, |line| line.number as usize);
    let mut snippet = Snippet::source(text.as_str()).line_start(first).path(file.as_ref()).fold(false);
    let last = marks.len().saturating_sub(1);
    for (number, mark) in marks.into_iter().enumerate() {
        let annotation = kind.span(mark);
        snippet =
            snippet.annotation(if number == last { annotation.label(label.clone()) } else { annotation });
    }
    let report = &[Level::NOTE.no_name().secondary_title("").element(snippet)];
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Coloured => Renderer::styled(),
    };
    let rendered = renderer.decor_style(DecorStyle::Ascii).render(report);
    let lines = rendered.lines().filter(|line| !line.trim().is_empty());
    Styled::rendered(&lines.map(|line| format!("     {line}\n")).collect::<String>())
}
