//! What openclaw-token says about the tokens that win, and about the record of the freeze.
//!
//! Who wins is openclaw-compose's to say, and shuts gates. This stands beside them: whether the winning text is any good
//! as a token, whether it is frozen, and whether it still is what was frozen.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use openclaw_compose::finding::Place;
use openclaw_compose::openclaw::Report;
use openclaw_compose::source::Sources;
use openclaw_token::fs::DirectoryStore;
use openclaw_token::{Code, Observed, Occurrence, Record, RecordStore, group};

use super::case::Case;
use super::codes::Code as OwnCode;
use crate::finding::{self, Finding, Place as Shown, PlaceRole};

/// Where the records are, beside the stack.
const RECORDS: &str = ".openclaw-token/records";

/// Enters the judgement of the winning tokens and of the record. Returns the record's name, if one was read.
pub(super) fn enter(
    case: &mut Case,
    directory: &Path,
    report: &Report,
    now_ms: Option<u64>,
) -> Option<String> {
    let seen = seen(report);
    if seen.is_empty() {
        return None;
    }
    enter_flaws(case, &seen);
    // The store's own words name the machine's paths; they stay out of the ticket.
    let Ok(record) = DirectoryStore::new(directory).latest() else {
        case.report(unreadable(), &[]);
        return None;
    };
    let name = record.as_ref().map(|record| format!("{RECORDS}/record-{:06}.json", record.generation));
    enter_record(case, report, &seen, record, now_ms);
    name
}

fn unreadable() -> Finding {
    let summary = "The record of the freeze is there and cannot be read: nobody can say what was frozen.";
    let mut finding = OwnCode::EvidenceUnreadable.finding(summary);
    finding.places.push(Shown::whole(RECORDS));
    finding
}

/// A token in a place where it stands itself; a `${NAME}` only refers to it.
struct Seen {
    occurrence: Occurrence,
    wins: bool,
}

fn seen(report: &Report) -> Vec<Seen> {
    let mut seen: Vec<Seen> = Vec::new();
    let winning: BTreeSet<&str> = report
        .tokens
        .iter()
        .filter(|source| source.wins_server || source.wins_client)
        .filter_map(|source| source.class.as_deref())
        .collect();
    let mut known = BTreeMap::new();
    for source in &report.tokens {
        let (Some(value), Some(place)) = (&source.value, &source.place) else { continue };
        if refers(&report.sources, place) {
            continue;
        }
        let span = place.span.range();
        let (line, column) = (place.line, place.column);
        // By this source, or by one that refers to it.
        let wins = source.class.as_deref().is_some_and(|class| winning.contains(class));
        let at = *known.entry((&place.file, line, column)).or_insert(seen.len());
        match seen.get_mut(at) {
            Some(known) => known.wins |= wins,
            None => {
                let occurrence =
                    Occurrence::new(&place.file, value.clone()).at(line, column, [span.start, span.end]);
                seen.push(Seen { occurrence, wins });
            }
        }
    }
    seen
}

/// Every token where it stands itself.
pub(super) fn occurrences(report: &Report) -> Vec<Occurrence> {
    seen(report).into_iter().map(|seen| seen.occurrence).collect()
}

/// Whether there is a `${NAME}` without a default, and so no token.
fn refers(sources: &Sources, place: &Place) -> bool {
    let text = sources.expose(place.span);
    text.contains("${") && !text.contains('-')
}

/// A text that stands for a token is no news where openclaw-compose says that nothing usable arrives.
const STAND_INS: &[Code] =
    &[Code::EmptyToken, Code::UndefinedLiteral, Code::PlaceholderToken, Code::UnexpandedVariable];

fn says_that_nothing_arrives(code: finding::Code) -> bool {
    use openclaw_compose::finding::Code as C;
    matches!(
        code,
        finding::Code::Compose(
            C::TokenEmptyAfterInterpolation
                | C::ConfigPlaceholderUnfilled
                | C::SecretRefMissing
                | C::ClientWithoutToken
                | C::RefusedTokenText
        )
    )
}

fn enter_flaws(case: &mut Case, seen: &[Seen]) {
    let told = case.shutting().any(|(_, noted)| says_that_nothing_arrives(noted.finding.code));
    let winners: Vec<Occurrence> =
        seen.iter().filter(|seen| seen.wins).map(|seen| again(&seen.occurrence)).collect();
    for group in group(&winners, None) {
        let names: Vec<String> =
            group.places.iter().map(|place| format!("{}:{}", place.file, place.line)).collect();
        for flaw in group.judgement.findings(&names.join(" and ")) {
            if told && STAND_INS.contains(&flaw.code) {
                continue;
            }
            let mut finding = Finding::from(flaw);
            finding.places = group.places.iter().map(shown).collect();
            case.report(finding, &[]);
        }
    }
}

/// Compares what is seen with the record, as far as both can be compared.
fn enter_record(
    case: &mut Case,
    report: &Report,
    seen: &[Seen],
    record: Option<Record>,
    now_ms: Option<u64>,
) {
    let occurrences: Vec<Occurrence> = seen.iter().map(|seen| again(&seen.occurrence)).collect();
    let record = record.map(|mut record| {
        // A place outside the stack and an image of a container that was not captured were not looked at.
        let files: BTreeSet<&str> = report.sources.ids().map(|id| report.sources.name(id)).collect();
        // Where a `${NAME}` refers to the token, none stands that could go missing.
        let places = report.tokens.iter().filter_map(|source| source.place.as_ref());
        let by_name = places.filter(|place| refers(&report.sources, place));
        let by_name: BTreeSet<&str> = by_name.map(|place| place.file.as_str()).collect();
        let services: BTreeSet<&str> =
            report.containers.iter().map(|container| container.service.as_str()).collect();
        record.places.retain(|place| files.contains(place.as_str()) && !by_name.contains(place.as_str()));
        record.images.retain(|service, _| services.contains(service.as_str()));
        record
    });
    // Without a given time there is no clock to compare.
    let now = now_ms.map(|now| UNIX_EPOCH + Duration::from_millis(now));
    let now = now.or(record.as_ref().map(|record| record.frozen_at)).unwrap_or(UNIX_EPOCH);
    let mut observed = Observed::new(&occurrences, now);
    for container in &report.containers {
        if container.image.contains("@sha256:") {
            observed = observed.image(&container.service, &container.image);
        }
    }
    if let (Some(gateway), Some(version)) = (report.gateways.first(), report.version.version) {
        observed = observed.version(&gateway.service, version.to_string());
    }
    for found in Record::verify_latest(record.as_ref(), &observed) {
        // That a place was added is for whoever keeps the record, not for whoever mends a stack.
        if found.code == Code::PlaceUnrecorded {
            continue;
        }
        case.report(Finding::from(found), &[]);
    }
}

fn again(occurrence: &Occurrence) -> Occurrence {
    let place = occurrence.place();
    Occurrence::new(&place.file, occurrence.token().clone()).at(place.line, place.column, place.span)
}

fn shown(place: &openclaw_token::Place) -> Shown {
    Shown { role: PlaceRole::Decided, ..Shown::from(place.clone()) }
}
