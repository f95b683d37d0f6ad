//! The logs of a stack as one story.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use foldhash::HashMap;
use openclaw_pairing::Mark;
use openclaw_pairing::timeline::{Episodes, Lines, Merge, Merged, Skew, Skews, verdict};
use openclaw_runbook::instant::Instant;
use openclaw_runbook::output::{self, Paint, Styled};
use openclaw_runbook::render::Colour;
use openclaw_runbook::timeline::{
    SIGNS, Source, SourceError, Told, WINDOW, cause, episode, lanes, live, name, named, shown, sources, time,
};
use openclaw_runbook::{clean, errln};

use super::look;

/// Show the logs of a stack, or of files, as one story in the order of time.
///
/// A `~` before a line says that its place among the lines of other sources is a guess. What is not known to be harmless is
/// masked. `--follow` goes on until the stack has no container any more, or Ctrl-C, and then tells the episodes and causes.
/// Exit status: 0 told, whatever was met; 2 wrong arguments, or a log cannot be read.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Stacks, whose captured/logs/*.log are read, and files; `-` is standard input. Without any, the stack that is here
    paths: Vec<PathBuf>,
    /// Read what the containers of the stack write, as they write it, through their restarts
    #[arg(long)]
    follow: bool,
    /// Leave out what is older than this time, such as 2026-11-22T06:30:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<Instant>,
    /// Leave out what means nothing for the five troubles
    #[arg(long, value_enum, value_name = "WHAT")]
    only: Option<Only>,
    /// How far the clock of a source is ahead, in seconds, such as openclaw-cli=-2; `guess` compares, in a first reading, when
    /// the first source and each other one name the same request
    #[arg(long, value_name = "SOURCE=SECONDS", value_parser = clock)]
    skew: Vec<Clock>,
    /// How the story is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Only {
    /// Lines that the table of symptoms knows
    Symptoms,
    /// None of the lines, but what was met in them, how often and of whom, and the causes
    Episodes,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal
    Text,
    /// For a machine: a JSON document a line
    Json,
}

/// So much is printed at once.
const PAGE: usize = 32 * 1024;

/// The colours of the sources, in turn.
const COLOURS: [Paint; 4] = [Paint::Cyan, Paint::Magenta, Paint::Green, Paint::Blue];

/// How far a source's clock is ahead.
#[derive(Clone)]
enum Clock {
    Given(String, i64),
    Guessed,
}

fn clock(text: &str) -> Result<Clock, String> {
    if text == "guess" {
        return Ok(Clock::Guessed);
    }
    let (source, seconds) = text.split_once('=').ok_or("not SOURCE=SECONDS")?;
    let seconds: i64 = seconds.parse().map_err(|_| "not a number of seconds".to_owned())?;
    Ok(Clock::Given(source.to_owned(), seconds.checked_mul(1000).ok_or("too many seconds")?))
}

/// Skews that are smaller are the time that a client takes to say what it was told.
const SMALL_SKEW_MS: u64 = 2000;

/// How far the clocks of the sources seem to be ahead of that of the first, in a reading of their own.
fn guessed(paths: &[PathBuf]) -> Result<Vec<Option<Skew>>, SourceError> {
    let sources = sources(paths)?;
    let count = sources.len();
    let start = Merge::new(WINDOW).only_symptoms();
    let mut merge =
        sources.into_iter().fold(start, |merge, source| merge.source(Lines::new(source.stream), 0));
    let mut skews = Skews::default();
    // What cannot be read is said by the second reading.
    while let Ok(Some(merged)) = merge.next_line() {
        if let Some(mark) = merged.mark() {
            skews.add(merged.source, &mark);
        }
    }
    Ok((0..count).map(|source| skews.between(0, source).filter(|_| source > 0)).collect())
}

impl Arguments {
    /// Whether somebody may be watching the sources as they are written.
    fn is_live(&self) -> bool {
        self.follow || self.paths.iter().any(|path| path.as_os_str() == "-")
    }

    fn sources(&self) -> Result<Vec<Source>, SourceError> {
        if self.follow { self.paths.iter().map(|stack| live(stack)).collect() } else { sources(&self.paths) }
    }
}

pub(crate) fn run(mut arguments: Arguments) -> ExitCode {
    if arguments.paths.is_empty() {
        arguments.paths.push(".".into());
    }
    if arguments.follow && arguments.paths.len() > 1 {
        errln!("runbook timeline: --follow: more than one stack; each is followed by itself");
        return ExitCode::from(2);
    }
    let is_guess = arguments.skew.iter().any(|clock| matches!(clock, Clock::Guessed));
    if is_guess && arguments.is_live() {
        errln!("runbook timeline: --skew guess: what is still written cannot be read twice");
        return ExitCode::from(2);
    }
    let guesses = if is_guess { guessed(&arguments.paths) } else { Ok(Vec::new()) };
    let (guesses, sources) = match guesses.and_then(|guesses| Ok((guesses, arguments.sources()?))) {
        Ok(read) => read,
        Err(error) => {
            errln!("runbook timeline: {error}");
            return ExitCode::from(2);
        }
    };
    let mut names = Vec::new();
    let mut merge = Merge::new(WINDOW);
    if arguments.only.is_some() {
        merge = merge.only_symptoms();
    }
    let given = || {
        arguments.skew.iter().rev().filter_map(|clock| match clock {
            Clock::Given(name, ms) => Some((name, *ms)),
            Clock::Guessed => None,
        })
    };
    for (number, source) in sources.into_iter().enumerate() {
        let guess = guesses.get(number).copied().flatten().map_or(0, |skew| skew.ahead_ms);
        let skew = given().find(|(name, _)| **name == source.name).map_or(guess, |(_, ms)| ms);
        merge = merge.source(Lines::new(source.stream), skew);
        names.push(source.name);
    }
    if let Some((unknown, _)) = given().find(|(name, _)| !names.contains(name)) {
        errln!("runbook timeline: --skew {unknown}: not a source; they are {}", names.join(", "));
        return ExitCode::from(2);
    }
    let count = names.len();
    let mut page = Page::new(&arguments, names);
    let mut met = Met::default();
    let mut episodes = Episodes::default();
    let mut skews = Skews::default();
    let mut status = ExitCode::SUCCESS;
    loop {
        let merged = match merge.next_line() {
            Ok(Some(merged)) => merged,
            Ok(None) => break,
            Err(error) => {
                errln!("runbook timeline: {error}");
                status = ExitCode::from(2);
                continue;
            }
        };
        if arguments.since.as_ref().is_some_and(|since| merged.at_ms.is_none_or(|at| at < since.millis)) {
            continue;
        }
        let said = met.said(&merged);
        let source = page.source(&merged);
        if let Some(mark) = &said.mark {
            episodes.add(source, mark);
            skews.add(merged.source, mark);
        } else if arguments.only.is_some() {
            continue;
        }
        if arguments.only != Some(Only::Episodes)
            && let Err(error) = page.line(source, &merged, said)
        {
            output::notice(Err(error));
            return status;
        }
    }
    // What was not taken off is left.
    let left = (1..count).map(|source| (source, skews.between(0, source)));
    let guesses = guesses.into_iter().enumerate().map(|(source, skew)| (source, skew, true));
    let clocks = guesses.chain(left.map(|(source, skew)| (source, skew, false)));
    page.clocks(clocks.filter_map(|(source, skew, is_taken_off)| Some((source, skew?, is_taken_off))));
    page.end(&episodes);
    status
}

/// What lines say, without their times: whoever tries again says the same again, word for word.
#[derive(Default)]
struct Met {
    numbers: HashMap<String, usize>,
    said: Vec<Said>,
    /// Of a line that is not remembered.
    once: Said,
}

/// What a line says.
#[derive(Default)]
struct Said {
    mark: Option<Mark>,
    /// As it may be shown, once it was.
    shown: Option<String>,
    /// The same on a page, with what it means behind it.
    told: Option<Styled>,
}

impl Met {
    /// The most lines that are remembered, and the longest.
    const MOST: usize = 4096;
    const LONGEST: usize = 1024;

    /// What a line says, at its own place and time.
    fn said(&mut self, merged: &Merged<'_>) -> &mut Said {
        let text = merged.line.text;
        // Without one of the log, the time of a mark is what its words name.
        if merged.at_ms.is_none() || text.len() > Self::LONGEST {
            self.once = Said { mark: merged.mark().map(named), ..Said::default() };
            return &mut self.once;
        }
        let number = self.numbers.get(text).copied().unwrap_or_else(|| self.remember(merged));
        let said = self.said.get_mut(number).unwrap_or(&mut self.once);
        if let Some(mark) = &mut said.mark {
            mark.line = u32::try_from(merged.line.number).unwrap_or(u32::MAX);
            mark.at_ms = merged.at_ms;
        }
        said
    }

    fn remember(&mut self, merged: &Merged<'_>) -> usize {
        if self.said.len() == Self::MOST {
            self.numbers.clear();
            self.said.clear();
        }
        self.numbers.insert(merged.line.text.to_owned(), self.said.len());
        self.said.push(Said { mark: merged.mark().map(named), ..Said::default() });
        self.said.len() - 1
    }
}

/// Times as text: most lines are of the second of the line before.
#[derive(Default)]
struct Moment {
    second: Option<u64>,
    text: String,
}

impl Moment {
    /// How long a time is, of this millennium.
    const LENGTH: usize = "2026-11-22T06:25:32.343Z".len();

    fn text(&mut self, at_ms: Option<u64>) -> &str {
        let second = at_ms.map(|at| at / 1000);
        if second != self.second || second.is_none() {
            self.second = second;
            self.text = second.and_then(|second| time(second * 1000)).unwrap_or_default();
            self.text = format!("{:<width$}", self.text, width = Self::LENGTH);
        }
        if let Some(at) = at_ms.filter(|_| self.text.len() == Self::LENGTH && self.text.ends_with('Z')) {
            self.text.truncate(Self::LENGTH - "000Z".len());
            // Writing to a string does not fail.
            let _ = write!(self.text, "{:03}Z", at % 1000);
        }
        &self.text
    }
}

/// What is printed next.
struct Page {
    /// The streams, then the services that lines of them name themselves.
    names: Vec<String>,
    /// Each as it stands before a line.
    labels: Vec<Styled>,
    moment: Moment,
    /// Whether somebody may be watching the stream as it is written.
    live: bool,
    format: Format,
    colour: Colour,
    text: Styled,
    json: String,
}

impl Page {
    /// The most services that are told apart.
    const MOST: usize = 64;

    fn new(arguments: &Arguments, names: Vec<String>) -> Self {
        let mut page = Self {
            names,
            labels: Vec::new(),
            moment: Moment::default(),
            live: arguments.is_live(),
            format: arguments.format,
            colour: look::colour(),
            text: Styled::new(),
            json: String::new(),
        };
        page.label();
        page
    }

    /// All names as wide as the widest, each in its colour.
    fn label(&mut self) {
        let width = self.names.iter().map(|name| name.chars().count()).max().unwrap_or_default();
        let labels = self.names.iter().zip(COLOURS.iter().cycle());
        let labels = labels.map(|(name, paint)| self.painted(*paint, &format!("{name:<width$} | ")));
        self.labels = labels.collect();
    }

    /// The number of the service that a line names, or else of its stream.
    fn source(&mut self, merged: &Merged<'_>) -> usize {
        let Some(service) = merged.line.service else { return merged.source };
        if let Some(known) = self.names.iter().position(|name| name == service) {
            return known;
        }
        if self.names.len() >= Self::MOST {
            return merged.source;
        }
        self.names.push(service.to_owned());
        self.label();
        self.names.len() - 1
    }

    fn line(&mut self, source: usize, merged: &Merged<'_>, said: &mut Said) -> std::io::Result<()> {
        let Said { mark, shown: text, told } = said;
        if self.format == Format::Json {
            let source = self.names.get(source).map_or("", String::as_str);
            let text = text.get_or_insert_with(|| shown(merged.line.text));
            self.json += &(serde_json::to_string(&Told::new(source, merged, text, mark.as_ref()))? + "\n");
        } else {
            self.text += self.moment.text(merged.at_ms);
            self.text += if merged.order.is_guess() { " ~ " } else { "   " };
            if let Some(label) = self.labels.get(source) {
                self.text += label;
            }
            let told = told.get_or_insert_with(|| self.told(&shown(merged.line.text), mark.as_ref()));
            self.text += &*told;
        }
        let is_full = self.text.as_str().len() + self.json.len() >= PAGE;
        if is_full || self.live { self.print() } else { Ok(()) }
    }

    fn told(&self, text: &str, mark: Option<&Mark>) -> Styled {
        let mut told = Styled::from(clean::line(text));
        if let Some(mark) = mark {
            told += "  ";
            told += &self.painted(Paint::Yellow, &format!("<{}>", name(mark.symptom)));
        }
        told += "\n";
        told
    }

    fn painted(&self, paint: Paint, text: &str) -> Styled {
        match self.colour {
            Colour::On => Styled::painted(paint, text),
            Colour::Off => text.into(),
        }
    }

    fn print(&mut self) -> std::io::Result<()> {
        match self.format {
            Format::Text => output::try_print_page(&std::mem::take(&mut self.text)),
            Format::Json => output::try_print_json(&std::mem::take(&mut self.json)),
        }
    }

    /// Which clocks seem to be apart, by how much, and whether that was taken off.
    fn clocks(&mut self, clocks: impl Iterator<Item = (usize, Skew, bool)>) {
        let is_large = |skew: &Skew| skew.ahead_ms.unsigned_abs() >= SMALL_SKEW_MS;
        let (mut text, mut json) = (Vec::new(), String::new());
        let first = self.names.first().cloned().unwrap_or_default();
        for (source, skew, is_taken_off) in clocks.filter(|(_, skew, _)| is_large(skew)) {
            let name = self.names.get(source).map_or("", String::as_str);
            let (ahead, tries) = (skew.ahead_ms, skew.tries);
            let clock = serde_json::json!({
                "source": name, "of": first, "ahead_ms": ahead, "tries": tries, "is_taken_off": is_taken_off,
            });
            json += &format!("{}\n", serde_json::json!({ "clock": clock }));
            let apart = if ahead < 0 { "behind" } else { "ahead of" };
            let tenths = ahead.unsigned_abs() / 100;
            let end = if is_taken_off { "taken off" } else { "`--skew guess` takes it off" };
            text.push(format!(
                "{name} seems {}.{} s {apart} {first}, by {tries} tries that both log: a guess, {end}",
                tenths / 10,
                tenths % 10,
            ));
        }
        match self.format {
            Format::Text => self.section("Clocks", text.into_iter()),
            Format::Json => self.json += &json,
        }
    }

    /// Behind the story: what was met again and again, who waits for whom, and the causes.
    fn end(&mut self, episodes: &Episodes) {
        let all = episodes.all();
        let causes = verdict(all);
        let names = std::mem::take(&mut self.names);
        if self.format == Format::Json {
            let waits = episodes.waits();
            let waits = waits.waits().iter().map(|wait| serde_json::json!({ "wait": wait }));
            let told = all.iter().map(|one| serde_json::json!({ "episode": one }));
            let causes = causes.iter().map(|one| serde_json::json!({ "cause": one }));
            for document in told.chain(waits).chain(causes) {
                self.json += &format!("{document}\n");
            }
        } else {
            self.section("Episodes", all.iter().map(episode));
            if episodes.left_out() > 0 {
                let left_out = episodes.left_out();
                self.tell(&format!("and {left_out} lines of older ones"));
            }
            self.lanes(episodes);
            self.section("Waits", episodes.waits().to_string().lines().map(str::to_owned));
            self.section("Causes", causes.iter().flat_map(|one| cause(one, &names)));
        }
        output::notice(self.print());
    }

    fn lanes(&mut self, episodes: &Episodes) {
        let Some(lanes) = lanes(episodes.all()) else { return };
        let width = lanes.rows.iter().map(|lane| lane.name.chars().count()).max().unwrap_or_default();
        let rows = lanes.rows.iter().map(|lane| format!("{:<width$} | {}", lane.name, lane.bar));
        let (from, to) = (time(lanes.from_ms).unwrap_or_default(), time(lanes.to_ms).unwrap_or_default());
        let signs = SIGNS.map(|(sign, means)| format!("{sign} {means}")).join(", ");
        self.section("Lanes", rows.chain([format!("{from} to {to}: {signs}")]));
    }

    fn section(&mut self, title: &str, lines: impl Iterator<Item = String>) {
        for (number, line) in lines.enumerate() {
            if number == 0 {
                self.text += format!("\n{title}\n").as_str();
            }
            self.tell(&line);
        }
    }

    fn tell(&mut self, line: &str) {
        self.text += format!("  {}\n", clean::line(&output::masked(line))).as_str();
    }
}
