//! The logs of a stack as one story.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use openclaw_pairing::Mark;
use openclaw_pairing::timeline::{Episodes, Lines, Merge, Merged, verdict};
use openclaw_runbook::instant::Instant;
use openclaw_runbook::output::{self, Paint, Styled};
use openclaw_runbook::render::Colour;
use openclaw_runbook::timeline::{Told, cause, episode, lanes, name, shown, sources, time};
use openclaw_runbook::{clean, errln};

use super::look;

/// Show the logs of a stack, or of files, as one story in the order of time.
///
/// A `~` before a line says that its place among the lines of other sources is a guess. What is not known to be harmless is
/// masked. A stack is watched, through its restarts, with `docker compose logs -f -t | runbook timeline -`. Exit status: 0
/// told, whatever was met; 2 wrong arguments, or a log cannot be read.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Stacks, whose captured/logs/*.log are read, and files; `-` is standard input. Without any, the stack that is here
    paths: Vec<PathBuf>,
    /// Leave out what is older than this time, such as 2026-11-22T06:30:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<Instant>,
    /// Leave out what means nothing for the five troubles
    #[arg(long, value_enum, value_name = "WHAT")]
    only: Option<Only>,
    /// How far the clock of a source is ahead, in seconds, such as openclaw-cli=-2
    #[arg(long, value_name = "SOURCE=SECONDS", value_parser = skew)]
    skew: Vec<(String, i64)>,
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

/// A line that is older than the one before it in its source by more than this was written by a clock that was set back.
const WINDOW: Duration = Duration::from_secs(5);
/// So much is printed at once.
const PAGE: usize = 32 * 1024;

/// The colours of the sources, in turn.
const COLOURS: [Paint; 4] = [Paint::Cyan, Paint::Magenta, Paint::Green, Paint::Blue];

fn skew(text: &str) -> Result<(String, i64), String> {
    let (source, seconds) = text.split_once('=').ok_or("not SOURCE=SECONDS")?;
    let seconds: i64 = seconds.parse().map_err(|_| "not a number of seconds".to_owned())?;
    Ok((source.to_owned(), seconds.checked_mul(1000).ok_or("too many seconds")?))
}

pub(crate) fn run(mut arguments: Arguments) -> ExitCode {
    if arguments.paths.is_empty() {
        arguments.paths.push(".".into());
    }
    let sources = match sources(&arguments.paths) {
        Ok(sources) => sources,
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
    for source in sources {
        let skew =
            arguments.skew.iter().rev().find(|(name, _)| *name == source.name).map_or(0, |(_, ms)| *ms);
        merge = merge.source(Lines::new(source.stream), skew);
        names.push(source.name);
    }
    if let Some((unknown, _)) = arguments.skew.iter().find(|(name, _)| !names.contains(name)) {
        errln!("runbook timeline: --skew {unknown}: not a source; they are {}", names.join(", "));
        return ExitCode::from(2);
    }
    let mut page = Page::new(&arguments, names);
    let mut met = Met::default();
    let mut episodes = Episodes::default();
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
        } else if arguments.only.is_some() {
            continue;
        }
        if arguments.only != Some(Only::Episodes) && page.line(source, &merged, said).is_err() {
            return status;
        }
    }
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
            self.once = Said { mark: merged.mark(), shown: None };
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
        self.said.push(Said { mark: merged.mark(), shown: None });
        self.said.len() - 1
    }
}

/// What is printed next.
struct Page {
    /// The streams, then the services that lines of them name themselves.
    names: Vec<String>,
    width: usize,
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
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or_default();
        Self {
            names,
            width,
            live: arguments.paths.iter().any(|path| path.as_os_str() == "-"),
            format: arguments.format,
            colour: look::colour(),
            text: Styled::new(),
            json: String::new(),
        }
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
        self.width = self.width.max(service.chars().count());
        self.names.push(service.to_owned());
        self.names.len() - 1
    }

    fn line(&mut self, source: usize, merged: &Merged<'_>, said: &mut Said) -> std::io::Result<()> {
        let number = source;
        let source = self.names.get(source).map_or("", String::as_str);
        let text = &*said.shown.get_or_insert_with(|| shown(merged.line.text));
        if self.format == Format::Json {
            let told = Told::new(source, merged, text, said.mark.as_ref());
            self.json += &(serde_json::to_string(&told)? + "\n");
        } else {
            let at = merged.at_ms.and_then(time).unwrap_or_else(|| " ".repeat(24));
            let guess = if merged.order.is_guess() { "~" } else { " " };
            self.text += format!("{at:<24} {guess} ").as_str();
            let paint = COLOURS.get(number % COLOURS.len()).copied().unwrap_or(Paint::Bold);
            let source = format!("{source:<width$} | ", width = self.width);
            self.paint(paint, &source);
            self.text += clean::line(text).as_str();
            if let Some(mark) = &said.mark {
                self.text += "  ";
                self.paint(Paint::Yellow, &format!("<{}>", name(mark.symptom)));
            }
            self.text += "\n";
        }
        let is_full = self.text.as_str().len() + self.json.len() >= PAGE;
        if is_full || self.live { self.print() } else { Ok(()) }
    }

    fn paint(&mut self, paint: Paint, text: &str) {
        match self.colour {
            Colour::On => self.text += &Styled::painted(paint, text),
            Colour::Off => self.text += text,
        }
    }

    fn print(&mut self) -> std::io::Result<()> {
        match self.format {
            Format::Text => output::try_print_page(&std::mem::take(&mut self.text)),
            Format::Json => output::try_print_json(&std::mem::take(&mut self.json)),
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
        let _ = self.print();
    }

    fn lanes(&mut self, episodes: &Episodes) {
        let Some(lanes) = lanes(episodes.all()) else { return };
        let width = lanes.rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
        let rows = lanes.rows.iter().map(|(name, bar)| format!("{name:<width$} | {bar}"));
        let (from, to) = (time(lanes.from_ms).unwrap_or_default(), time(lanes.to_ms).unwrap_or_default());
        let legend = format!(
            "{from} to {to}: ? asks, x dropped, A approved, R rejected, + let in; gateway: S starts, r ready, E ends"
        );
        self.section("Lanes", rows.chain([legend]));
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
