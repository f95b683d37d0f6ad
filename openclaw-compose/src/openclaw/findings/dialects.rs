//! One text, two projects: what another release of Docker Compose makes of the same files.

use secrecy::ExposeSecret as _;

use crate::finding::{Code, Finding, Place, PlaceRole, Severity};
use crate::openclaw::model::Model;
use crate::project::{Change, Dialect, Difference, Explanation, Resolution};
use crate::source::{Sources, Span};

use super::remedies::{command, words};

/// The most differences that are told beside the first.
const MOST: usize = 4;

/// What differs between the stack's own resolution and that of another release; nothing where nothing does.
pub(crate) fn finding(model: &Model<'_>, other: &Resolution, is_known: bool) -> Option<Finding> {
    let own = model.resolution;
    let (here, there) = (program(own.dialect()), program(other.dialect()));
    let told = match (own.compose_would_refuse(), other.compose_would_refuse()) {
        (Some(_), Some(_)) => return None,
        (Some(refusal), None) => refused(here, there, &refusal.finding),
        (None, Some(refusal)) => refused(there, here, &refusal.finding),
        (None, None) => differing(own.compare(other).differences, here, there)?,
    };
    let mut finding = Finding::new(Code::ComposeReleasesDiffer, told.summary);
    finding.evidence = told.more;
    finding.places.extend(told.place.and_then(|place| here_too(&place, model.sources)));
    finding.remedy = Some(if is_known {
        finding.severity = Severity::Info;
        words("write it so that both read the same, before Compose is replaced")
    } else {
        command(
            format!("find out which one runs here: this was read as {here} reads it"),
            "docker compose version".to_owned(),
        )
    });
    Some(finding)
}

/// What is to be said.
struct Told {
    summary: String,
    more: Vec<String>,
    place: Option<Place>,
}

fn refused(by: &str, reader: &str, why: &Finding) -> Told {
    Told {
        summary: format!("{by} refuses what {reader} reads: {}", why.summary),
        more: Vec::new(),
        place: why.primary().cloned(),
    }
}

fn differing(differences: Vec<Difference>, here: &str, there: &str) -> Option<Told> {
    let mut told = differences.into_iter().filter_map(|Difference { path, change }| match change {
        Change::Changed { left, right } if is_one_mode(&path, &left, &right) => None,
        Change::Changed { left, right } => Some((path, Some(left), Some(right))),
        Change::Removed { left } => Some((path, Some(left), None)),
        Change::Added { right } => Some((path, None, Some(right))),
        _ => None,
    });
    let (path, left, right) = told.next()?;
    let summary = both(&path, &left, &right, here, there);
    let place = left.iter().chain(&right).find_map(Explanation::decided_by).cloned();
    let mut more: Vec<String> =
        told.by_ref().take(MOST).map(|(path, left, right)| both(&path, &left, &right, here, there)).collect();
    let rest = told.count();
    if rest > 0 {
        more.push(format!("{rest} more differ"));
    }
    Some(Told { summary, more, place })
}

/// Whether both are the same mode of a file: older releases keep it as a number, newer ones as octal text.
fn is_one_mode(path: &str, left: &Explanation, right: &Explanation) -> bool {
    let number =
        |told: &Explanation, radix| u32::from_str_radix(told.value.as_ref()?.expose_secret(), radix).ok();
    let same = |older, newer| number(older, 10).is_some_and(|mode| number(newer, 8) == Some(mode));
    path.ends_with(".mode") && (same(left, right) || same(right, left))
}

/// A value as each of the two reads it.
fn both(
    path: &str,
    left: &Option<Explanation>,
    right: &Option<Explanation>,
    here: &str,
    there: &str,
) -> String {
    let is_hidden = |side: &Option<Explanation>| side.as_ref().is_some_and(|told| told.secret);
    if is_hidden(left) && is_hidden(right) {
        return format!("{path} is one secret with {here} and another with {there}");
    }
    format!("{path} is {} with {here} and {} with {there}", value(left.as_ref()), value(right.as_ref()))
}

fn value(side: Option<&Explanation>) -> String {
    match side {
        None => "absent".to_owned(),
        Some(told) => told.told().map_or_else(|| told.kind.to_owned(), |shown| format!("\"{shown}\"")),
    }
}

/// The program that a dialect was measured by, or the dialect.
fn program(dialect: Dialect) -> &'static str {
    dialect.measured().unwrap_or_else(|| dialect.name())
}

/// The place in the report's own texts, where that file is one of them: each resolution numbers its files itself.
fn here_too(place: &Place, sources: &Sources) -> Option<Place> {
    let file = sources.ids().find(|file| sources.name(*file) == place.file)?;
    Some(Place::of(sources, PlaceRole::Decided, Span::from_range(file, place.span.range())))
}
