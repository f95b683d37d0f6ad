//! dotenv files (`.env`, `env_file`) as compose-go 2.4 reads them, with the place of every key and value.
//!
//! [`parse`] also says what the reader did to each value ([`Effect`]): where it cut a comment off, dropped a carriage
//! return or put nothing in place of `$name`. That is data here; what it means for a token is for others to say.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use super::interpolate::{self, Found, Gave, Interpolated, PieceKind, Unset};
use super::offsets::Offsets;
use crate::source::{FileId, Span, Text};

/// What differs between versions of Compose and places of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// How values are interpolated.
    pub interpolation: interpolate::Options,
    /// The most bytes that interpolation may make of the whole text. Compose has no limit.
    pub limit: usize,
}

/// compose-go 2.4.
impl Default for Options {
    fn default() -> Self {
        Self { interpolation: interpolate::Options::default(), limit: Self::LIMIT }
    }
}

impl Options {
    /// The most bytes that interpolation makes of a text, unless [`Options::limit`] says otherwise: 16 MiB.
    pub const LIMIT: usize = 16 << 20;

    /// With [`Options::limit`] set to `limit`, but to no more than it is.
    #[must_use]
    pub fn at_most(self, limit: usize) -> Self {
        Self { limit: self.limit.min(limit), ..self }
    }

    /// With [`Options::interpolation`] set.
    #[must_use]
    pub fn interpolation(self, interpolation: interpolate::Options) -> Self {
        Self { interpolation, ..self }
    }
}

/// What [`parse`] made of a text.
#[derive(Clone, Debug)]
pub struct Dotenv<S> {
    /// Every statement that could be read, in order. Of two with the same key and a value, the last one counts.
    pub entries: Vec<Statement<S>>,
    /// Everything that is wrong, in order. Compose stops at the first and refuses the stack.
    pub problems: Vec<Problem>,
    /// The byte order mark that was skipped, if there was one.
    pub bom: Option<Span>,
    /// The bytes that interpolation wrote.
    pub made: usize,
}

/// One statement of a dotenv file.
#[derive(Clone)]
pub struct Statement<S> {
    /// The name. May be empty: `=x`, text behind a closing quote, or a bare name at the end of a file without a line
    /// break. The operating system refuses such a name, see [`Statement::is_settable`].
    pub key: String,
    /// The name's bytes.
    pub key_span: Span,
    /// The value after unquoting and interpolation. `None` for a bare name that the lookup does not know, and
    /// for a value that does not interpolate.
    pub value: Option<Text>,
    /// The value's bytes: quotes included, comment and trailing blanks not. For a bare name the empty span behind it.
    pub value_span: Span,
    /// How the value came about.
    pub form: Form<S>,
    /// What the reader did to the value, in order.
    pub effects: Vec<Effect>,
}

/// How a value came about.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Form<S> {
    /// A bare `NAME`: the lookup's value, and where it came from.
    Inherited(Option<S>),
    /// `NAME=value`
    Assigned(Assigned),
}

/// A value that the file itself assigns.
#[derive(Clone, Debug)]
pub struct Assigned {
    /// From offsets in the template to spans.
    pub offsets: Offsets,
    /// Uses of unset variables.
    pub unset: Vec<Unset>,
}

/// The quotes around a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quotes {
    /// None: read to the end of the line, interpolated.
    None,
    /// `'…'`: literal.
    Single,
    /// `"…"`: unescaped, interpolated.
    Double,
}

/// Something the reader did to a value, or let stand though it looks like something it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    /// What.
    pub kind: EffectKind,
    /// Where.
    pub span: Span,
}

/// The kinds of [`Effect`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EffectKind {
    /// ` #…` was cut off an unquoted value as a comment.
    CommentCut,
    /// A `#` after a tab was kept: only a blank begins a comment.
    HashKept,
    /// Blanks at the end of an unquoted value were dropped.
    BlanksTrimmed,
    /// Blanks at the start or the end of a quoted value were kept.
    BlanksKept,
    /// A carriage return at the end of an unquoted value was dropped.
    CarriageReturnTrimmed,
    /// A carriage return inside the value was kept.
    CarriageReturnKept,
    /// A byte order mark inside the value was kept.
    BomKept,
    /// A quote inside the value was kept.
    QuoteKept,
    /// A `$` expression gave nothing: its variable is unset.
    DollarEaten,
    /// A `$` expression gave a value.
    DollarExpanded,
    /// `$$`, or `\$` in double quotes, gave one `$`.
    DollarHalved,
    /// A backslash escape was decoded.
    Unescaped,
    /// The value goes over more than one line.
    LineBreak,
}

/// Something wrong with a dotenv text. What follows on later lines was read all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What it is, for a program.
    pub kind: ProblemKind,
    /// Where: the character, the key, the opening quote, or the expression.
    pub span: Span,
    /// The name whose value is unknown because of it, where it could be read.
    pub key: Option<String>,
}

/// The kinds of [`Problem`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProblemKind {
    /// A name holds a character other than letters, digits, `_`, `.`, `-`, `[`, `]`.
    UnexpectedCharacter(char),
    /// A name holds a blank.
    KeyWithSpace,
    /// The text ends behind `export`.
    MissingName,
    /// A quote does not close before the end of the text.
    UnterminatedQuote,
    /// The value does not interpolate.
    Template(interpolate::ProblemKind),
}

/// What is wrong, without any part of the value.
impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnexpectedCharacter(c) => write!(f, "unexpected character {c:?} in a variable name"),
            Self::KeyWithSpace => f.write_str("a variable name cannot contain a space"),
            Self::MissingName => f.write_str("`export` without a variable name"),
            Self::UnterminatedQuote => f.write_str("the quote that opens this value never closes"),
            Self::Template(problem) => problem.fmt(f),
        }
    }
}

/// Reads a dotenv text, which is the text of `file`.
///
/// `lookup` knows the variables of the shell and of files read before; the lines above are known anyway. Never fails:
/// what is wrong is in [`Dotenv::problems`].
pub fn parse<S>(
    file: FileId,
    text: &str,
    options: Options,
    lookup: impl FnMut(&str) -> Option<Found<S>>,
) -> Dotenv<S> {
    parse_after(file, text, options, lookup, |_| None)
}

/// As [`parse`]. `before` knows the variables of files read before this one, which the lines above hide; a bare name is
/// not looked for there. So compose-go reads several files from 2.8 on; before, the `lookup` knew them.
pub fn parse_after<S>(
    file: FileId,
    text: &str,
    options: Options,
    lookup: impl FnMut(&str) -> Option<Found<S>>,
    before: impl FnMut(&str) -> Option<Found<S>>,
) -> Dotenv<S> {
    let mut reader = Reader {
        file,
        text,
        options,
        lookup,
        before,
        at: 0,
        lines: HashMap::new(),
        done: Dotenv { entries: Vec::new(), problems: Vec::new(), bom: None, made: 0 },
        is_too_large: false,
    };
    reader.run();
    reader.done
}

impl<S> Statement<S> {
    /// False where the operating system refuses the variable: an empty name, or a NUL in name or value. Compose fails
    /// on such a line in a project's `.env`, and reads it in an `env_file`.
    #[must_use]
    pub fn is_settable(&self) -> bool {
        let nul = |text: &str| text.contains('\0');
        !(self.key.is_empty()
            || nul(&self.key)
            || self.value.as_ref().is_some_and(|value| value.contains("\0")))
    }
}

/// The name and the places, never the value.
impl<S: fmt::Debug> fmt::Debug for Statement<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without a name of its own the "key" may be anything.
        f.debug_struct("Statement")
            .field("key_span", &self.key_span)
            .field("value_span", &self.value_span)
            .field("form", &self.form)
            .field("effects", &self.effects)
            .finish_non_exhaustive()
    }
}

struct Reader<'t, S, L, B> {
    file: FileId,
    text: &'t str,
    options: Options,
    lookup: L,
    before: B,
    /// What is left begins here.
    at: usize,
    /// The last entry with a value, by name.
    lines: HashMap<String, usize>,
    done: Dotenv<S>,
    /// A value was too large: that is told once.
    is_too_large: bool,
}

/// A value without its quotes, before interpolation.
struct Raw {
    template: String,
    offsets: Offsets,
    quotes: Quotes,
    span: Span,
    effects: Vec<Effect>,
}

impl<S, L: FnMut(&str) -> Option<Found<S>>, B: FnMut(&str) -> Option<Found<S>>> Reader<'_, S, L, B> {
    fn run(&mut self) {
        if self.text.starts_with('\u{feff}') {
            self.at = '\u{feff}'.len_utf8();
            self.done.bom = Some(self.span(0..self.at));
        }
        while self.skip_to_statement() {
            self.statement();
        }
    }

    /// Skips blanks, line breaks and comment lines. False at the end.
    fn skip_to_statement(&mut self) -> bool {
        loop {
            self.skip_while(char::is_whitespace);
            match self.rest().as_bytes().first() {
                None => return false,
                Some(b'#') => self.skip_line(),
                Some(_) => return true,
            }
        }
    }

    fn statement(&mut self) {
        let line = self.at;
        self.skip_export();
        let start = self.at;
        let rest = self.rest();
        if rest.is_empty() {
            let span = self.span(line..line + "export".len());
            return self.refuse(ProblemKind::MissingName, span, None);
        }
        let separator = rest.char_indices().find(|&(_, c)| !(is_blank(c) || is_key_character(c)));
        // A bare name that the text ends on without a line break is read as the value of the name "".
        let (name, separator) = match separator {
            Some((at, c @ ('=' | ':' | '\n'))) => (rest.get(..at).unwrap_or(""), Some(c)),
            Some((at, c)) => {
                let span = self.span(start + at..start + at + c.len_utf8());
                return self.refuse(ProblemKind::UnexpectedCharacter(c), span, None);
            }
            None => ("", None),
        };
        let key = name.trim_end();
        let key_span = self.span(start..start + key.len());
        if key.contains(' ') {
            return self.refuse(ProblemKind::KeyWithSpace, key_span, None);
        }
        let key = key.to_owned();
        self.at += name.len() + separator.map_or(0, char::len_utf8);
        self.skip_while(is_blank);
        if separator == Some('\n') {
            return self.inherit(key, key_span);
        }
        let Some(raw) = self.value() else {
            let quote = self.span(self.at..self.at + 1);
            self.done.problems.push(Problem {
                kind: ProblemKind::UnterminatedQuote,
                span: quote,
                key: Some(key),
            });
            return self.skip_to_assignment();
        };
        self.assign(key, key_span, raw);
    }

    /// `export` and the blanks behind it. Alone it is a name like any other.
    fn skip_export(&mut self) {
        let Some(behind) = self.rest().strip_prefix("export") else { return };
        if behind.starts_with([' ', '\t', '\n', '\r', '\u{c}']) {
            self.at += "export".len();
            self.skip_while(is_blank);
        }
    }

    fn inherit(&mut self, key: String, key_span: Span) {
        let found = (self.lookup)(&key);
        let (value, source) = match found {
            Some(found) => (Some(found.value), Some(found.source)),
            None => (None, None),
        };
        self.push(Statement {
            key,
            key_span,
            value,
            value_span: self.span(key_span.range().end..key_span.range().end),
            form: Form::Inherited(source),
            effects: Vec::new(),
        });
    }

    fn assign(&mut self, key: String, key_span: Span, raw: Raw) {
        let Raw { template, offsets, quotes, span, mut effects } = raw;
        let done = if quotes == Quotes::Single { None } else { Some(self.interpolate(&template)) };
        let (text, pieces, unset, problems) = match done {
            None => (None, Vec::new(), Vec::new(), Vec::new()),
            Some(Interpolated { text: Cow::Borrowed(_), .. }) => (None, Vec::new(), Vec::new(), Vec::new()),
            Some(Interpolated { text: Cow::Owned(text), pieces, unset, problems, made }) => {
                self.done.made = self.done.made.saturating_add(made);
                (Some(text), pieces, unset, problems)
            }
        };
        let value = problems.is_empty().then(|| Text::from(text.unwrap_or(template)));
        for problem in problems {
            if problem.kind == interpolate::ProblemKind::TooLarge
                && std::mem::replace(&mut self.is_too_large, true)
            {
                continue;
            }
            self.done.problems.push(Problem {
                kind: ProblemKind::Template(problem.kind),
                span: offsets.span(problem.written),
                key: Some(key.clone()),
            });
        }
        let dollars = pieces.iter().filter_map(|piece| {
            Some(Effect { kind: dollar_effect(&piece.kind)?, span: offsets.span(piece.written.clone()) })
        });
        effects.extend(dollars);
        effects.sort_by_key(|effect| effect.span.start);
        let form = Form::Assigned(Assigned { offsets, unset });
        self.push(Statement { key, key_span, value, value_span: span, form, effects });
    }

    fn interpolate<'v>(&mut self, template: &'v str) -> Interpolated<'v, ()> {
        let left = self.options.limit.saturating_sub(self.done.made).saturating_sub(template.len());
        let options = self.options.interpolation.at_most(left);
        let own = |name: &str| {
            let &at = self.lines.get(name)?;
            let value = self.done.entries.get(at)?.value.clone()?;
            Some(Found { value, source: () })
        };
        let outside = |found: Found<S>| Found { value: found.value, source: () };
        interpolate::interpolate(template, options, |name| {
            let known = (self.lookup)(name).map(outside).or_else(|| own(name));
            known.or_else(|| (self.before)(name).map(outside))
        })
    }

    fn push(&mut self, entry: Statement<S>) {
        if entry.value.is_some() {
            self.lines.insert(entry.key.clone(), self.done.entries.len());
        }
        self.done.entries.push(entry);
    }

    /// Reports a statement that cannot be read, and goes on with the next line.
    fn refuse(&mut self, kind: ProblemKind, span: Span, key: Option<String>) {
        self.done.problems.push(Problem { kind, span, key });
        self.skip_line();
    }

    /// Reads a value up to what follows it. `None` where its quote never closes: nothing is skipped.
    fn value(&mut self) -> Option<Raw> {
        match self.rest().as_bytes().first() {
            Some(b'\'') => self.quoted(Quotes::Single),
            Some(b'"') => self.quoted(Quotes::Double),
            _ => Some(self.unquoted()),
        }
    }

    fn unquoted(&mut self) -> Raw {
        let start = self.at;
        let line = self.rest().split('\n').next().unwrap_or("").to_owned();
        self.at += line.len() + usize::from(self.rest().len() > line.len());
        let mut effects = Vec::new();
        let mut effect = |kind, range: Range<usize>| {
            let span = Span::from_range(self.file, start + range.start..start + range.end);
            effects.push(Effect { kind, span });
        };
        let cut = line.find(" #").unwrap_or(line.len());
        let kept = line.get(..cut).unwrap_or("");
        let value = kept.trim_end();
        if cut < line.len() {
            effect(EffectKind::CommentCut, cut..line.trim_end().len());
        } else if value.len() < line.len() {
            let blanks = line.strip_suffix('\r').unwrap_or(&line);
            if value.len() < blanks.len() {
                effect(EffectKind::BlanksTrimmed, value.len()..blanks.len());
            }
            if blanks.len() < line.len() {
                effect(EffectKind::CarriageReturnTrimmed, blanks.len()..line.len());
            }
        }
        for (at, c) in value.char_indices() {
            let range = at..at + c.len_utf8();
            match c {
                '#' if value.get(..at).is_some_and(|before| before.ends_with('\t')) => {
                    effect(EffectKind::HashKept, range);
                }
                '\'' | '"' => effect(EffectKind::QuoteKept, range),
                '\r' => effect(EffectKind::CarriageReturnKept, range),
                '\u{feff}' => effect(EffectKind::BomKept, range),
                _ => {}
            }
        }
        Raw {
            template: value.to_owned(),
            offsets: Offsets::verbatim(self.file, start),
            quotes: Quotes::None,
            span: self.span(start..start + value.len()),
            effects,
        }
    }

    fn quoted(&mut self, quotes: Quotes) -> Option<Raw> {
        let quote = if quotes == Quotes::Single { '\'' } else { '"' };
        let inside = self.rest().get(1..)?;
        let close = closing_quote(inside, quote)?;
        let body = inside.get(..close)?;
        let start = self.at + 1;
        let mut raw = Raw {
            template: String::with_capacity(body.len()),
            offsets: Offsets::verbatim(self.file, start),
            quotes,
            span: self.span(self.at..start + close + 1),
            effects: Vec::new(),
        };
        let mut chars = body.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let escaped = if c == '\\' { unescape(body.get(at + 1..).unwrap_or(""), quotes) } else { None };
            if let Some((spelt, width)) = escaped {
                raw.offsets.step(raw.template.len(), start + at);
                raw.template.push_str(&spelt);
                raw.offsets.step(raw.template.len(), start + at + 1 + width);
                let kind = if spelt == "$$" { None } else { Some(EffectKind::Unescaped) };
                raw.effects.extend(
                    kind.map(|kind| Effect { kind, span: self.span(start + at..start + at + 1 + width) }),
                );
                while chars.next_if(|&(next, _)| next <= at + width).is_some() {}
                continue;
            }
            let kind = match c {
                '\'' | '"' => Some(EffectKind::QuoteKept),
                '\r' => Some(EffectKind::CarriageReturnKept),
                '\u{feff}' => Some(EffectKind::BomKept),
                '\n' => Some(EffectKind::LineBreak),
                _ => None,
            };
            raw.effects.extend(
                kind.map(|kind| Effect { kind, span: self.span(start + at..start + at + c.len_utf8()) }),
            );
            raw.template.push(c);
            // A backslash that decodes nothing still takes the next character with it.
            if c == '\\'
                && let Some((_, next)) = chars.next()
            {
                raw.template.push(next);
            }
        }
        for (blanks, at) in [
            (body.len() - body.trim_start().len(), start),
            (body.trim_start().len() - body.trim().len(), start + body.trim_end().len()),
        ] {
            if blanks > 0 {
                raw.effects.push(Effect { kind: EffectKind::BlanksKept, span: self.span(at..at + blanks) });
            }
        }
        self.at = start + close + 1;
        Some(raw)
    }

    /// Behind a quote that never closes: to the next line that reads like an assignment.
    fn skip_to_assignment(&mut self) {
        loop {
            self.skip_line();
            if self.at >= self.text.len() {
                return;
            }
            let line = self.rest().split('\n').next().unwrap_or("").trim_start();
            let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
            let name = line.split('=').next().unwrap_or("");
            if name.len() < line.len() && !name.is_empty() && name.chars().all(is_key_character) {
                return;
            }
        }
    }

    fn skip_line(&mut self) {
        self.at += self.rest().find('\n').map_or(self.rest().len(), |at| at + 1);
    }

    fn skip_while(&mut self, wanted: impl Fn(char) -> bool) {
        self.at += self.rest().find(|c| !wanted(c)).unwrap_or(self.rest().len());
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn span(&self, range: Range<usize>) -> Span {
        Span::from_range(self.file, range)
    }
}

/// Blanks that do not end a line.
fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}')
}

/// What a name may hold: letters and digits of any script and a little punctuation.
fn is_key_character(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '[' | ']')
}

/// Where the quote closes. A backslash takes the next character with it.
fn closing_quote(inside: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    inside
        .char_indices()
        .find(|&(_, c)| {
            let closes = c == quote && !escaped;
            escaped = c == '\\' && !escaped;
            closes
        })
        .map(|(at, _)| at)
}

/// What a backslash before `behind` spells, and how many bytes of `behind` belong to it. `None`: nothing, the backslash
/// stays.
fn unescape(behind: &str, quotes: Quotes) -> Option<(Cow<'static, str>, usize)> {
    let first = *behind.as_bytes().first()?;
    if quotes == Quotes::Single {
        return (first == b'\'').then_some((Cow::Borrowed("'"), 1));
    }
    let spelt = match first {
        b'"' => "\"",
        b'\\' => "\\",
        // Interpolation makes one of the two.
        b'$' => "$$",
        b'a' => "\u{7}",
        b'b' => "\u{8}",
        b'f' => "\u{c}",
        b'n' => "\n",
        b'r' => "\r",
        b't' => "\t",
        b'v' => "\u{b}",
        b'0' => {
            let digits = behind.bytes().skip(1).take(3).take_while(u8::is_ascii_digit).count();
            let digits = behind.get(1..=digits)?;
            let octal = if digits.len() == 3 { u8::from_str_radix(digits, 8).ok() } else { None };
            // Anything but a byte in three octal digits loses its 0 and keeps the rest.
            let spelt = octal.map_or_else(|| format!("\\{digits}"), |code| char::from(code).to_string());
            return Some((Cow::Owned(spelt), digits.len() + 1));
        }
        _ => return None,
    };
    Some((Cow::Borrowed(spelt), 1))
}

fn dollar_effect<S>(kind: &PieceKind<S>) -> Option<EffectKind> {
    match kind {
        PieceKind::Escape => Some(EffectKind::DollarHalved),
        PieceKind::Variable(substitution) if substitution.gave == Gave::Nothing => {
            Some(EffectKind::DollarEaten)
        }
        PieceKind::Variable(_) => Some(EffectKind::DollarExpanded),
        _ => None,
    }
}
