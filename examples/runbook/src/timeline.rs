//! The logs of a stack, or of files, as one story: which streams there are, and how a line of them is shown.

mod lanes;
mod live;

use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use openclaw_compose::fs::Disk;
use openclaw_compose::project::looks_random;
use openclaw_compose::source::{Format, MASK, RunKind, runs};
use openclaw_pairing::timeline::{Cause, Episode, Episodes, Ground, Lines, Meaning, Merge, Merged, Row};
use openclaw_pairing::{Mark, Peer};
use serde::Serialize;

use crate::captured::MOST_FILES;
use crate::output;
use crate::project::{Evidence, Project, ProjectFlags, Unreadable};
use crate::reading::{self, ReadError};

pub use lanes::{Lane, Lanes, SIGNS, WIDTH, lanes};
pub use live::live;

/// A line that is older than the one before it in its source by more than this was written by a clock that was set back.
pub const WINDOW: Duration = Duration::from_secs(5);

/// A stream of log lines and the name that it goes by.
pub struct Source {
    /// The service, or the file's name without its ending.
    pub name: String,
    /// Its bytes.
    pub stream: Box<dyn Read>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Source({})", self.name)
    }
}

/// Why there is no story.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A log cannot be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        source: ReadError,
    },
    /// A stack that is to be followed cannot be read.
    #[error("{path}: {source}")]
    Stack {
        /// Its directory.
        path: PathBuf,
        /// What is wrong.
        source: Box<Unreadable>,
    },
    /// A stack without logs.
    #[error(
        "{path}: no captured/logs/*.log; write one with `docker compose logs -t --no-log-prefix SERVICE`"
    )]
    NoLogs {
        /// The stack's directory.
        path: PathBuf,
    },
    /// More logs than anybody reads side by side, each with a buffer of its own.
    #[error("{count} logs, of which {MOST_FILES} are read side by side; name the files that matter")]
    TooMany {
        /// So many.
        count: usize,
    },
}

/// The streams of these paths: of a directory its `captured/logs/*.log`, of `-` standard input, of a file its own. What is
/// secret in the files of a stack is masked from then on.
///
/// # Errors
/// [`SourceError`] for the first that cannot be read.
pub fn sources(paths: &[PathBuf]) -> Result<Vec<Source>, SourceError> {
    let mut out = Vec::new();
    for path in paths {
        let unreadable = |source| SourceError::Unreadable { path: path.clone(), source };
        if path.is_dir() {
            out.extend(of_stack(path)?);
        } else if path.as_os_str() == "-" {
            out.push(Source { name: "stdin".to_owned(), stream: Box::new(io::stdin()) });
        } else {
            let stream = Box::new(reading::stream(path).map_err(unreadable)?);
            let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            out.push(Source { name, stream });
        }
    }
    few(out.len())?;
    Ok(out)
}

fn few(count: usize) -> Result<(), SourceError> {
    if count > MOST_FILES { Err(SourceError::TooMany { count }) } else { Ok(()) }
}

fn of_stack(stack: &Path) -> Result<Vec<Source>, SourceError> {
    // What its files hold is secret wherever it is said; a stack that cannot be resolved has logs all the same.
    drop(Project::read(&ProjectFlags::default().run_in(stack), Evidence::None));
    let logs = stack.join("captured/logs");
    let none = || SourceError::NoLogs { path: stack.to_owned() };
    let unreadable = |path: PathBuf| |source| SourceError::Unreadable { path, source };
    let disk = Disk::confined();
    let names = match reading::names_within(disk, stack, &logs) {
        Err(error) if error.is_absent() => return Err(none()),
        names => names.map_err(unreadable(logs.clone()))?,
    };
    let shown = names.iter().filter(|name| !name.starts_with('.'));
    let named: Vec<_> = shown.filter_map(|name| Some((name, name.strip_suffix(".log")?))).collect();
    few(named.len())?;
    let mut out = Vec::new();
    for (name, service) in named {
        let path = logs.join(name);
        let text = reading::text_within(disk, stack, &path).map_err(unreadable(path))?;
        out.push(Source { name: service.to_owned(), stream: Box::new(Cursor::new(text)) });
    }
    if out.is_empty() { Err(none()) } else { Ok(out) }
}

/// The episodes of texts that are at hand, each a source.
#[must_use]
pub fn story<'t>(logs: impl IntoIterator<Item = &'t str>) -> Episodes {
    let merge = Merge::new(WINDOW).only_symptoms();
    let mut merge = logs.into_iter().fold(merge, |merge, log| merge.source(Lines::new(log.as_bytes()), 0));
    let mut story = Episodes::default();
    // Reading from memory does not fail.
    while let Ok(Some(merged)) = merge.next_line() {
        if let Some(mark) = merged.mark() {
            story.add(merged.source, &mark);
        }
    }
    story
}

/// The text of a line as it may be shown: what is not known to be harmless is masked.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for run in runs(text, Format::Log) {
        match run.kind {
            RunKind::Shown => out.push_str(text.get(run.bytes).unwrap_or_default()),
            _ => out.push_str(MASK),
        }
    }
    output::masked(&out).into_owned()
}

/// What a line means, with what it calls its client as it may be shown: what reads as if it were drawn at random is no name.
/// Devices and requests are, and are what somebody approves.
#[must_use]
pub fn named(mut mark: Mark) -> Mark {
    let peer = &mut mark.peer;
    for name in [&mut peer.client, &mut peer.remote, &mut peer.host, &mut peer.origin, &mut peer.user_agent] {
        if name.as_deref().is_some_and(looks_random) {
            *name = Some(MASK.to_owned());
        }
    }
    mark
}

/// A line of the story, as JSON.
#[derive(Debug, Serialize)]
pub struct Told<'a> {
    source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'a str>,
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    order: openclaw_pairing::timeline::Order,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mark: Option<&'a Mark>,
}

impl<'a> Told<'a> {
    /// A merged line of this source, with its text as it may be shown.
    #[must_use]
    pub fn new(source: &'a str, merged: &Merged<'a>, text: &'a str, mark: Option<&'a Mark>) -> Self {
        Self {
            source,
            service: merged.line.service,
            line: merged.line.number,
            time: merged.at_ms.and_then(time),
            order: merged.order,
            text,
            mark,
        }
    }
}

/// A time in RFC 3339.
#[must_use]
pub fn time(at_ms: u64) -> Option<String> {
    let at = Timestamp::from_millisecond(i64::try_from(at_ms).ok()?).ok()?;
    Some(format!("{at:.3}"))
}

/// An episode on a line: how often, what, of whom, from when to when.
#[must_use]
pub fn episode(episode: &Episode) -> String {
    let mut out = format!("{} x {}", episode.count, name(episode.symptom));
    let Peer { device_id, client, remote, .. } = &episode.peer;
    for (key, value) in [("device", device_id), ("client", client), ("from", remote)] {
        if let Some(value) = value {
            out += &format!("  {key} {value}");
        }
    }
    match (episode.first_ms.and_then(time), episode.last_ms.and_then(time)) {
        (Some(first), Some(last)) if episode.count > 1 => {
            let span = episode.span_ms().unwrap_or_default() / 1000;
            out += &format!("  {first} to {last}, {span} s");
        }
        (Some(first), _) => out += &format!("  {first}"),
        _ => {}
    }
    match (&episode.request_id, &episode.last_request_id) {
        (Some(first), Some(last)) if first != last => out += &format!("  request {first}, at last {last}"),
        (Some(request), _) => out += &format!("  request {request}"),
        _ => {}
    }
    if let Some(cut) = episode.cut_ms.and_then(time) {
        out += &format!("  cut by a restart at {cut}");
    }
    if let Some(by) = &episode.locked_by {
        let who = by.client.as_deref().or(by.device_id.as_deref()).unwrap_or("whoever");
        out += &format!("  {who} at this address still sends what is refused");
    }
    out
}

/// A cause in lines: what, of whom and how sure; what speaks for and against it; how to go on.
#[must_use]
pub fn cause(cause: &Cause, sources: &[String]) -> Vec<String> {
    let mut first = format!("{}: {}, {}", word(cause.class), name(cause.symptom), word(cause.certainty));
    let Peer { device_id, client, remote, .. } = &cause.peer;
    for (key, value) in [("device", device_id), ("client", client), ("from", remote)] {
        if let Some(value) = value {
            first += &format!("  {key} {value}");
        }
    }
    let mut out = vec![first];
    let ground = |key: &str, ground: &Ground| {
        let source = sources.get(ground.source).map_or("", String::as_str);
        let at = ground.first_ms.and_then(time).map(|at| format!(", {at}")).unwrap_or_default();
        format!("  {key:<8} {} x {} in {source}{at}: {}", ground.count, name(ground.symptom), ground.says)
    };
    out.extend(cause.grounds.iter().map(|one| ground("for", one)));
    out.extend(cause.against.iter().map(|one| ground("against", one)));
    if let Some(row) = cause.symptom.row().filter(|_| cause.certainty.holds()) {
        out.push(format!("  ask      {}", row.question));
        out.push(format!("  first    {}", row.action));
    }
    out
}

/// A word as JSON has it.
fn word(value: impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|word| Some(word.as_str()?.to_owned())).unwrap_or_default()
}

/// A symptom's name, as JSON has it.
#[must_use]
pub fn name(symptom: openclaw_pairing::Symptom) -> String {
    word(symptom)
}

/// The row of the first line of a text that has one.
#[must_use]
pub fn first_known(text: &str) -> Option<&'static Row> {
    let mut lines = Lines::new(text.as_bytes());
    // Reading from memory does not fail.
    while lines.advance().ok()? {
        if let Some(meaning) = Meaning::of(lines.line().text) {
            return Some(meaning.row);
        }
    }
    None
}

/// A row of the table of symptoms, as JSON.
#[must_use]
pub fn row(row: &Row) -> serde_json::Value {
    let words = row.words.iter().map(|words| {
        serde_json::json!({
            "text": words.text,
            "since": words.since.map(|version| version.to_string()),
            "before": words.before.map(|version| version.to_string()),
        })
    });
    serde_json::json!({
        "symptom": row.symptom,
        "class": row.class,
        "words": words.collect::<Vec<_>>(),
        "proves": row.proves,
        "leaves_open": row.leaves_open,
        "question": row.question,
        "action": row.action,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        // Each case makes the list of what is known longer, for every test of this process.
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn masking_twice_is_masking_once_and_leaves_no_known_secret(
            words in prop::collection::vec("[ -~é]{0,20}|token=[A-Za-z0-9]{12,24}|Bearer [a-f0-9]{32}", 0..6),
            secret in "[A-Za-z0-9]{16,32}",
        ) {
            output::hide([secret.clone().into()]);
            let line = format!("{} {secret} {}", words.join(" "), words.concat());
            let once = shown(&line);
            prop_assert!(!once.contains(&secret), "{once}");
            prop_assert_eq!(&shown(&once), &once);
        }
    }

    #[test]
    fn what_a_gateway_says_is_read_and_what_it_was_given_is_not() {
        let line = "[ws] unauthorized remote=172.18.0.3 client=cli reason=token_mismatch token=Zq8XwV3nB7aa";
        let said = shown(line);
        assert!(said.starts_with("[ws] unauthorized remote=172.18.0.3"), "{said}");
        assert!(said.contains("reason=token_mismatch") && !said.contains("Zq8XwV3nB7aa"), "{said}");
    }
}
