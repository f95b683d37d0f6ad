//! Source texts, spans in them, and quotes of their lines that never show a secret.
//!
//! Every value this crate reports knows the bytes that decided it: a [`Span`] is a file and a byte range, [`Sources`]
//! turns it into a line and a column when somebody wants to read it, and quotes it.
//!
//! A quote hides whatever is not known to be harmless. The text is lexed as its [`Format`] has it; shown are punctuation,
//! keys, the value that the quote is about, and values of a short list of names (`bind`, `image`, `ports`, ...) as far as
//! they look like one. Comments and every other scalar are masked, and so is what cannot be lexed, what was marked as a
//! secret, and every word that looks drawn at random, wherever it stands.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use serde::Serialize;

use lex::Lexed;

pub use format::Format;
pub use hidden::is_hidden;
pub use shown::{Run, RunKind, runs};
use span::narrow;
pub use span::{FileId, Location, Span};
pub use text::Text;

mod format;
mod harmless;
mod hidden;
mod known;
mod lex;
mod message;
mod prose;
pub(crate) mod secret;
mod shown;
mod span;
mod text;

/// What stands in a quoted line where a secret was. Its length says nothing about the secret's.
pub const MASK: &str = "********";

/// The source lines of a span with everything that is not known to be harmless replaced by [`MASK`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Quote {
    /// Where the span begins in the *unmasked* text.
    pub location: Location,
    /// Every line the span touches, in order; at least one.
    pub lines: Vec<QuotedLine>,
}

/// One line of a [`Quote`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct QuotedLine {
    /// Line number, from 1.
    pub number: u32,
    /// The line without its line break, masked.
    pub text: String,
    /// What to underline: a range of characters in `text`, from 0, `[start, end)`. Empty where the span only marks a place.
    pub underline: (u32, u32),
}

/// All texts of one resolution, by [`FileId`].
///
/// ```
/// use openclaw_compose::source::{Sources, Span};
///
/// let mut sources = Sources::new();
/// let file = sources.add(".env", "PORT=18789\nTOKEN=test-token-1\n");
/// let token = Span::new(file, 17, 29);
/// assert_eq!(sources.expose(token), "test-token-1");
/// assert_eq!(sources.location(token).to_string(), ".env:2:7");
///
/// assert_eq!(sources.quote(token).lines[0].text, "TOKEN=********");
/// assert_eq!(sources.quote(Span::new(file, 5, 10)).lines[0].text, "PORT=18789");
/// ```
#[derive(Clone, Default)]
pub struct Sources {
    files: Vec<Source>,
}

#[derive(Clone)]
struct Source {
    name: Arc<str>,
    text: Arc<str>,
    /// The path it was read from.
    path: Option<Arc<str>>,
    /// The first line that is not UTF-8: from there on the file holds other bytes than the text.
    not_utf8: Option<u32>,
    format: Format,
    /// What its bytes are; found on the first quote.
    lexed: OnceLock<Arc<Lexed>>,
    /// Offset of every line's first byte; built on the first question.
    lines: OnceLock<Arc<[u32]>>,
    /// How many characters stand before each block of the text; built on the first question.
    characters: OnceLock<Arc<[u32]>>,
    /// Secret byte ranges, sorted, not overlapping.
    secrets: Vec<(u32, u32)>,
}

impl Sources {
    /// No texts yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps `text` under `name` (a path as its user would write it, or a label such as `shell`) and returns its id. The
    /// name says in which format it is.
    pub fn add(&mut self, name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> FileId {
        self.push(name.into(), text.into(), None, None)
    }

    /// As [`Sources::add`], for what was read from the file at the absolute `path`. `not_utf8`: its first line that is not
    /// UTF-8, of which the text shows something else than the file holds.
    pub fn add_file(
        &mut self,
        name: impl Into<Arc<str>>,
        text: impl Into<Arc<str>>,
        path: &str,
        not_utf8: Option<u32>,
    ) -> FileId {
        self.push(name.into(), text.into(), Some(Arc::from(path)), not_utf8)
    }

    fn push(
        &mut self,
        name: Arc<str>,
        text: Arc<str>,
        path: Option<Arc<str>>,
        not_utf8: Option<u32>,
    ) -> FileId {
        let id = FileId(narrow(self.files.len()));
        let format = Format::of_name(&name);
        self.files.push(Source {
            name,
            text,
            path,
            not_utf8,
            format,
            lexed: OnceLock::new(),
            lines: OnceLock::new(),
            characters: OnceLock::new(),
            secrets: Vec::new(),
        });
        id
    }

    /// Says in which format a text is, where that is known from elsewhere than its name.
    pub fn set_format(&mut self, file: FileId, format: Format) {
        if let Some(source) = self.files.get_mut(file.index()) {
            (source.format, source.lexed) = (format, OnceLock::new());
        }
    }

    /// The format the text was added or set as; [`Format::Other`] for an id of another `Sources`.
    #[must_use]
    pub fn format(&self, file: FileId) -> Format {
        self.source(file).map_or(Format::Other, |source| source.format)
    }

    /// Every id, in the order in which the texts were added.
    pub fn ids(&self) -> impl Iterator<Item = FileId> + use<> {
        (0..narrow(self.files.len())).map(FileId)
    }

    /// The name the text was added under; empty for an id of another `Sources`.
    #[must_use]
    pub fn name(&self, file: FileId) -> &str {
        self.source(file).map_or("", |source| &source.name)
    }

    /// The absolute path the text was read from; nothing for a text that no file stands behind, such as the shell, or that
    /// the caller gave.
    #[must_use]
    pub fn path(&self, file: FileId) -> Option<&str> {
        self.source(file)?.path.as_deref()
    }

    /// The first line of the file that is not UTF-8. An edit of the text would not be one of the file.
    #[must_use]
    pub fn not_utf8(&self, file: FileId) -> Option<u32> {
        self.source(file)?.not_utf8
    }

    /// The whole text, secrets and all; empty for an id of another `Sources`. As [`Text::expose`], a door: what is done
    /// with it may show a secret.
    #[must_use]
    pub fn expose_file(&self, file: FileId) -> &str {
        self.source(file).map_or("", |source| &source.text)
    }

    /// The whole text to keep beside the `Sources`, which may then change.
    pub(crate) fn shared(&self, file: FileId) -> Arc<str> {
        self.source(file).map_or_else(|| Arc::from(""), |source| source.text.clone())
    }

    /// The text under a span, secrets and all. What does not lie in the text is cut off. As [`Text::expose`], a door.
    #[must_use]
    pub fn expose(&self, span: Span) -> &str {
        let text = self.expose_file(span.file);
        let end = floor(text, span.end);
        text.get(floor(text, span.start).min(end)..end).unwrap_or("")
    }

    /// Where the span begins: line and column from 1, columns in characters.
    #[must_use]
    pub fn location(&self, span: Span) -> Location {
        let Some(source) = self.source(span.file) else {
            return Location { file: String::new(), line: 1, column: 1 };
        };
        let (line, start) = source.line_at(span.start);
        let end = floor(&source.text, span.start);
        let column = source.characters_before(end).saturating_sub(source.characters_before(start));
        Location { file: source.name.to_string(), line, column: column.saturating_add(1) }
    }

    /// Offset of every line's first byte, that of the empty line after a last line break included.
    pub(crate) fn line_starts(&self, file: FileId) -> &[u32] {
        self.source(file).map_or(&[], Source::line_starts)
    }

    /// Records that the bytes under `span` are a secret: no quote shows them, whatever it is about.
    pub fn mark_secret(&mut self, span: Span) {
        if span.is_empty() {
            return;
        }
        let Some(source) = self.files.get_mut(span.file.index()) else { return };
        let (mut start, mut end) = (span.start, span.end);
        let from = source.secrets.partition_point(|&(_, e)| e < start);
        let to = source.secrets.partition_point(|&(s, _)| s <= end);
        if let Some(&(s, _)) = source.secrets.get(from..to).and_then(<[_]>::first) {
            start = start.min(s);
        }
        if let Some(&(_, e)) = source.secrets.get(from..to).and_then(<[_]>::last) {
            end = end.max(e);
        }
        source.secrets.splice(from..to, [(start, end)]);
    }

    /// As [`Sources::mark_secret`] for many spans, in whichever order.
    pub(crate) fn mark_secrets(&mut self, mut spans: Vec<Span>) {
        spans.sort_unstable();
        for file in spans.chunk_by(|a, b| a.file == b.file) {
            let Some(source) = file.first().and_then(|span| self.files.get_mut(span.file.index())) else {
                continue;
            };
            let mut all: Vec<(u32, u32)> = std::mem::take(&mut source.secrets);
            all.extend(file.iter().filter(|span| !span.is_empty()).map(|span| (span.start, span.end)));
            all.sort_unstable();
            for (start, end) in all {
                match source.secrets.last_mut() {
                    Some(last) if start <= last.1 => last.1 = last.1.max(end),
                    _ => source.secrets.push((start, end)),
                }
            }
        }
    }

    /// Gives the texts other names, where `renamed` has one.
    pub(crate) fn rename(&mut self, renamed: impl Fn(&str) -> Option<String>) {
        for source in &mut self.files {
            if let Some(name) = renamed(&source.name) {
                source.name = name.into();
            }
        }
    }

    /// True where any byte under `span` was marked as a secret.
    #[must_use]
    pub fn is_secret(&self, span: Span) -> bool {
        self.source(span.file).is_some_and(|source| !source.secrets_in(&span.range()).is_empty())
    }

    /// The lines `span` touches, masked, and what to underline in each. `span` is what the quote is about: where it holds one
    /// value that is not harmless anyway, that value is shown unless it was marked, its name looks secret or it does itself.
    #[must_use]
    pub fn quote(&self, span: Span) -> Quote {
        self.quoted(span, &[span.range()])
    }

    /// The same about nothing: no value is shown that is not harmless.
    #[must_use]
    pub fn quote_harmless(&self, span: Span) -> Quote {
        self.quoted(span, &[])
    }

    fn quoted(&self, span: Span, about: &[Range<usize>]) -> Quote {
        let location = self.location(span);
        let Some(source) = self.source(span.file) else {
            let line = QuotedLine { number: 1, text: String::new(), underline: (0, 0) };
            return Quote { location, lines: vec![line] };
        };
        // An end at the very start of a line belongs to the line before it.
        let last = if span.is_empty() { span.start } else { span.end - 1 };
        let lines = (location.line..=source.line_at(last).0)
            .map(|number| source.quote(number, span, about))
            .collect();
        Quote { location, lines }
    }

    /// The bytes of a range as a diff shows them, masked but for the values at the places that are asked about.
    pub(crate) fn masked(&self, file: FileId, range: Range<usize>, about: &[Range<usize>]) -> String {
        let Some(source) = self.source(file) else { return String::new() };
        masked(&source.text, source.runs(&range, about))
    }

    fn source(&self, file: FileId) -> Option<&Source> {
        self.files.get(file.index())
    }
}

/// The parts of a value that a name vouches for, wherever the value stands. Everything else of it is masked. `before` is the
/// item before it in its list.
pub(crate) fn masked_value(name: &str, value: &str, before: Option<&str>) -> String {
    let mut runs = Vec::new();
    let visible = shown::of_named(name, value, before);
    shown::masked(value, &(0..value.len()), &visible, RunKind::Unknown, &mut runs);
    masked(value, runs)
}

/// A name, unless it may be a secret in its place.
pub(crate) fn masked_name(name: &str) -> &str {
    if harmless::is_name(name) { name } else { MASK }
}

/// Prose, of this crate or of a file, without the words in it that look like secrets.
pub(crate) fn masked_own(text: &str) -> String {
    let mut runs = Vec::new();
    shown::masked(text, &(0..text.len()), &shown::of_own(text), RunKind::Unknown, &mut runs);
    masked(text, runs)
}

/// The message of a variable that has to be set, without what may be a secret.
pub(crate) fn masked_message(text: &str) -> String {
    masked_but(text, &message::hidden(text))
}

/// A line of a template that cannot be read, without what may be a secret.
pub(crate) fn masked_template(line: &str) -> String {
    masked_but(line, &message::hidden_in_template(line))
}

fn masked_but(text: &str, hidden: &[Range<usize>]) -> String {
    let visible = shown::without(&shown::of_own(text), hidden.iter().map(|range| range.start..range.end));
    let mut runs = Vec::new();
    shown::masked(text, &(0..text.len()), &visible, RunKind::Unknown, &mut runs);
    masked(text, runs)
}

fn masked(text: &str, runs: Vec<Run>) -> String {
    let shown = |run: Run| match run.kind {
        RunKind::Shown => text.get(run.bytes).unwrap_or_default(),
        _ => MASK,
    };
    runs.into_iter().map(shown).collect()
}

impl Source {
    /// The number of the line that holds `offset`, from 1, and the offset of its first byte.
    fn line_at(&self, offset: u32) -> (u32, usize) {
        let lines = self.line_starts();
        let line = lines.partition_point(|&start| start <= offset).max(1);
        (narrow(line), lines.get(line - 1).copied().unwrap_or(0) as usize)
    }

    fn line_starts(&self) -> &[u32] {
        self.lines.get_or_init(|| {
            let breaks = self.text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n');
            std::iter::once(0).chain(breaks.map(|(at, _)| narrow(at + 1))).collect()
        })
    }

    /// How many characters begin before `offset`. Many places may lie on one long line, so none of them counts it whole.
    fn characters_before(&self, offset: usize) -> u32 {
        const BLOCK: usize = 1 << 10;
        let count = |bytes: &[u8]| narrow(bytes.iter().filter(|&&byte| !matches!(byte, 0x80..=0xbf)).count());
        let bytes = self.text.as_bytes();
        let blocks = self.characters.get_or_init(|| {
            let ends = bytes.chunks(BLOCK).scan(0_u32, |before, block| {
                *before = before.saturating_add(count(block));
                Some(*before)
            });
            std::iter::once(0).chain(ends).collect()
        });
        let block = offset / BLOCK;
        let before = blocks.get(block).copied().unwrap_or(0);
        before.saturating_add(bytes.get(block * BLOCK..offset).map_or(0, count))
    }

    fn quote(&self, number: u32, span: Span, about: &[Range<usize>]) -> QuotedLine {
        let lines = self.line_starts();
        let start = lines.get(number as usize - 1).copied().unwrap_or(0) as usize;
        let rest = self.text.get(start..).unwrap_or("");
        let line = rest.split('\n').next().unwrap_or("");
        let line = line.strip_suffix('\r').unwrap_or(line);

        let mut text = String::with_capacity(line.len());
        let (mut chars, mut underline) = (0, None::<(u32, u32)>);
        for run in self.runs(&(start..start + line.len()), about) {
            if run.kind != RunKind::Shown {
                // The underline covers the whole mask even where the span begins or ends inside of it.
                let width = narrow(MASK.len());
                if run.bytes.start < span.range().end && span.range().start < run.bytes.end {
                    underline = Some((underline.map_or(chars, |(from, _)| from), chars + width));
                } else if span.is_empty() && run.bytes.contains(&span.range().start) {
                    underline = Some((chars, chars));
                }
                text.push_str(MASK);
                chars += width;
                continue;
            }
            for (at, c) in self.text.get(run.bytes.clone()).unwrap_or_default().char_indices() {
                let offset = narrow(run.bytes.start + at);
                if span.start <= offset && offset < span.end {
                    underline = Some((underline.map_or(chars, |(from, _)| from), chars + 1));
                } else if span.is_empty() && offset == span.start {
                    underline = Some((chars, chars));
                }
                text.push(c);
                chars += 1;
            }
        }
        QuotedLine { number, text, underline: underline.unwrap_or((chars, chars)) }
    }

    /// The bytes of `range`, shown or masked. `about` are the places that are asked about.
    fn runs(&self, range: &Range<usize>, about: &[Range<usize>]) -> Vec<Run> {
        let lexed = self.lexed.get_or_init(|| Arc::new(lex::lex(&self.text, self.format)));
        let marked = |bytes: &Range<usize>| !self.secrets_in(bytes).is_empty();
        let visible = shown::visible(&self.text, lexed, range, about, marked);
        let secrets = self.secrets_in(range).iter().map(|&(start, end)| start as usize..end as usize);
        let visible = shown::without(&visible, secrets);
        let mut runs = Vec::new();
        shown::masked(&self.text, range, &visible, RunKind::Unknown, &mut runs);
        runs
    }

    /// The secrets that touch a range of bytes.
    fn secrets_in(&self, range: &Range<usize>) -> &[(u32, u32)] {
        let from = self.secrets.partition_point(|&(_, end)| end as usize <= range.start);
        let to = self.secrets.partition_point(|&(start, _)| (start as usize) < range.end);
        self.secrets.get(from..to).unwrap_or_default()
    }
}

/// The number of texts only: what they hold may be a secret, and so may what they are called.
impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sources({})", self.files.len())
    }
}

/// The character boundary at or before `offset`.
pub(crate) fn floor(text: &str, offset: u32) -> usize {
    let mut at = (offset as usize).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
