//! The logs of a stack as one story.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
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
/// masked. Exit status: 0 told, whatever was met; 2 wrong arguments, or a log cannot be read.
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
    let mut page = Page::new(&arguments, &names);
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
        let mark = merged.mark();
        if let Some(mark) = &mark {
            episodes.add(merged.source, mark);
        } else if arguments.only == Some(Only::Symptoms) {
            continue;
        }
        if page.line(&merged, mark.as_ref()).is_err() {
            return status;
        }
    }
    page.end(&episodes);
    status
}

/// What is printed next.
struct Page<'a> {
    names: &'a [String],
    width: usize,
    format: Format,
    colour: Colour,
    text: Styled,
    json: String,
}

impl<'a> Page<'a> {
    fn new(arguments: &Arguments, names: &'a [String]) -> Self {
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or_default();
        Self {
            names,
            width,
            format: arguments.format,
            colour: look::colour(),
            text: Styled::new(),
            json: String::new(),
        }
    }

    fn line(&mut self, merged: &Merged<'_>, mark: Option<&openclaw_pairing::Mark>) -> std::io::Result<()> {
        let source = self.names.get(merged.source).map_or("", String::as_str);
        let text = shown(merged.line.text);
        if self.format == Format::Json {
            let told = Told::new(source, merged, &text, mark);
            self.json += &(serde_json::to_string(&told)? + "\n");
        } else {
            let at = merged.at_ms.and_then(time).unwrap_or_else(|| " ".repeat(24));
            let guess = if merged.order.is_guess() { "~" } else { " " };
            self.text += format!("{at:<24} {guess} ").as_str();
            let paint = COLOURS.get(merged.source % COLOURS.len()).copied().unwrap_or(Paint::Bold);
            self.paint(paint, &format!("{source:<width$} | ", width = self.width));
            self.text += clean::line(&text).as_str();
            if let Some(mark) = mark {
                self.text += "  ";
                self.paint(Paint::Yellow, &format!("<{}>", name(mark.symptom)));
            }
            self.text += "\n";
        }
        if self.text.as_str().len() + self.json.len() < PAGE { Ok(()) } else { self.print() }
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
                self.tell(&format!("and {left_out} lines of more conversations than are told apart"));
            }
            self.lanes(episodes);
            self.section("Waits", episodes.waits().to_string().lines().map(str::to_owned));
            self.section("Causes", causes.iter().flat_map(|one| cause(one, self.names)));
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
