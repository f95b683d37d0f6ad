//! `$NAME`, `${NAME}`, `${NAME:-default}` and their kin, as compose-go 2.4 reads them.
//!
//! [`interpolate`] returns the text and, beside it, the pieces it was made of: which part of the template, which
//! variable, where its value came from. A diagnostic can so point inside a string.
//!
//! | written | becomes |
//! | --- | --- |
//! | `$$` | `$` |
//! | `$NAME`, `${NAME}` | the value; unset: nothing, and a warning |
//! | `${NAME:-arg}`, `${NAME-arg}` | the value, or `arg` where it is unset (`:-`: or empty) |
//! | `${NAME:+arg}`, `${NAME+arg}` | `arg` where the value is set (`:+`: and not empty), or nothing |
//! | `${NAME:?arg}`, `${NAME?arg}` | the value; where it is unset (`:?`: or empty) an error that says `arg` |
//! | `$` before anything else | itself |
//! | any other `${` | an error |
//!
//! `arg` is itself a template. Values are not read again: a `$` in a value stays.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use crate::source::Text;

/// Arguments inside arguments that are followed. Compose has no limit; nobody writes a tenth of this.
const MAX_DEPTH: u32 = 128;

/// A variable that a lookup found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<S> {
    /// Its value, which may be empty.
    pub value: Text,
    /// Where the value came from, in the caller's own terms.
    pub source: S,
}

/// What differs between versions of Compose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Evaluate an argument even where it is not used, so that `${A:-${B:?text}}` fails although `A` is set.
    /// True until compose-go 2.10.1.
    pub eager_arguments: bool,
    /// The most bytes that values may add to one text. Compose has no limit; values that name each other twice double
    /// with every line.
    pub limit: usize,
}

/// compose-go 2.4.
impl Default for Options {
    fn default() -> Self {
        Self { eager_arguments: true, limit: Self::LIMIT }
    }
}

impl Options {
    /// The most bytes that values add to one text, unless [`Options::limit`] says otherwise: 1 MiB. A variable of a
    /// container cannot hold an eighth of it.
    pub const LIMIT: usize = 1 << 20;

    /// With [`Options::eager_arguments`] set to `eager`.
    #[must_use]
    pub fn eager_arguments(self, eager: bool) -> Self {
        Self { eager_arguments: eager, ..self }
    }

    /// With [`Options::limit`] set to `limit`, but to no more than it is.
    #[must_use]
    pub fn at_most(self, limit: usize) -> Self {
        Self { limit: self.limit.min(limit), ..self }
    }
}

/// What a template became. All ranges are bytes, of the template or of [`Interpolated::text`] as said.
#[derive(Clone, PartialEq, Eq)]
pub struct Interpolated<'t, S> {
    /// The text. An expression with a problem gave nothing.
    pub text: Cow<'t, str>,
    /// What the text was made of, in order and without gaps. Empty for a template without `$`.
    pub pieces: Vec<Piece<S>>,
    /// Every use of an unset variable that Compose warns of, in order; a name may come more than once.
    pub unset: Vec<Unset>,
    /// Every error. Compose stops at the first.
    pub problems: Vec<Problem>,
    /// The bytes that were written to make the text, arguments that were not used included.
    pub made: usize,
}

/// One part of a template and what it became.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece<S> {
    /// Bytes of the template.
    pub written: Range<usize>,
    /// Bytes of the resulting text. For a piece of an argument that was evaluated but not used: an empty range.
    pub output: Range<usize>,
    /// What it is.
    pub kind: PieceKind<S>,
}

/// The kinds of [`Piece`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PieceKind<S> {
    /// Text that stands for itself.
    Literal,
    /// `$$`
    Escape,
    /// A variable.
    Variable(Substitution<S>),
    /// An expression that cannot be read, or is nested too deep.
    Invalid,
}

/// A variable in a template.
#[derive(Clone, PartialEq, Eq)]
pub struct Substitution<S> {
    /// Its name.
    pub name: String,
    /// The name's bytes in the template.
    pub name_written: Range<usize>,
    /// Where its value came from; `None` where it is unset.
    pub source: Option<S>,
    /// The operator, if there is one.
    pub operator: Option<Operator>,
    /// Which of the two the expression gave.
    pub gave: Gave,
    /// The pieces of the argument, where it was evaluated.
    pub argument: Vec<Piece<S>>,
}

/// What an expression gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Gave {
    /// The variable's value.
    Value,
    /// The argument.
    Argument,
    /// Nothing: the variable is unset, or there is an error.
    Nothing,
}

/// An operator: `-`, `+` or `?`, with a colon or without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operator {
    /// Which one.
    pub kind: OperatorKind,
    /// With a colon an empty value counts as unset.
    pub colon: bool,
}

/// The three kinds of [`Operator`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatorKind {
    /// `-`: the argument where the variable is unset.
    Default,
    /// `+`: the argument where the variable is set.
    Alternate,
    /// `?`: an error where the variable is unset.
    Required,
}

/// An unset variable that became nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Unset {
    /// Its name.
    pub name: String,
    /// The expression's bytes in the template.
    pub written: Range<usize>,
}

/// An error in a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong.
    pub kind: ProblemKind,
    /// The expression's bytes in the template.
    pub written: Range<usize>,
    /// The part of the template that Compose quotes in its message: an argument, or what follows an expression.
    pub scope: Range<usize>,
}

/// The kinds of [`Problem`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProblemKind {
    /// `${` that does not complete.
    Invalid,
    /// A required variable has no value.
    Required {
        /// Its name.
        name: String,
        /// The text that its author wrote for this case, interpolated; may be empty.
        message: Text,
    },
    /// Nested deeper than we follow. Compose reads it.
    TooDeep,
    /// Values would make more of it than [`Options::limit`]. Compose makes it.
    TooLarge,
}

/// What is wrong, without any part of the template: not even the text of a required variable, which may have taken in
/// a secret.
impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid => f.write_str("invalid interpolation format: a literal `$` is written `$$`"),
            Self::Required { name, .. } => write!(f, "required variable {name} is missing a value"),
            Self::TooDeep => write!(f, "arguments are nested deeper than {MAX_DEPTH} levels"),
            Self::TooLarge => f.write_str("the values of its variables make too much of it"),
        }
    }
}

/// Puts values in place of the variables of `template`.
///
/// `lookup` is asked for every variable, once per use; `None` is unset. A template without `$` is returned as it is,
/// without an allocation.
pub fn interpolate<S>(
    template: &str,
    options: Options,
    lookup: impl FnMut(&str) -> Option<Found<S>>,
) -> Interpolated<'_, S> {
    let mut done = Interpolated {
        text: Cow::Borrowed(template),
        pieces: Vec::new(),
        unset: Vec::new(),
        problems: Vec::new(),
        made: 0,
    };
    if !template.as_bytes().contains(&b'$') {
        return done;
    }
    let mut run = Run { template, options, lookup, unset: Vec::new(), problems: Vec::new(), added: 0 };
    let mut text = String::with_capacity(template.len());
    done.pieces = run.template(0..template.len(), &mut text, 0);
    done.text = Cow::Owned(text);
    done.unset = run.unset;
    done.problems = run.problems;
    done.made = template.len().saturating_add(run.added);
    done
}

/// Without the name: in a token such as `ab$cd` it is a part of the secret.
impl<S: fmt::Debug> fmt::Debug for Substitution<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Substitution")
            .field("name_written", &self.name_written)
            .field("source", &self.source)
            .field("operator", &self.operator)
            .field("gave", &self.gave)
            .field("argument", &self.argument)
            .finish_non_exhaustive()
    }
}

/// Without the name: in a token such as `ab$cd` it is a part of the secret.
impl fmt::Debug for Unset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unset").field("written", &self.written).finish_non_exhaustive()
    }
}

/// Sizes, never the text: it may hold a secret.
impl<S: fmt::Debug> fmt::Debug for Interpolated<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interpolated")
            .field("len", &self.text.len())
            .field("pieces", &self.pieces)
            .field("unset", &self.unset)
            .field("problems", &self.problems)
            .finish()
    }
}

struct Run<'t, L> {
    template: &'t str,
    options: Options,
    lookup: L,
    unset: Vec<Unset>,
    problems: Vec<Problem>,
    /// Bytes of values, used and not.
    added: usize,
}

/// What stands behind a `$`.
enum Token {
    /// `$$`
    Escape,
    /// `$NAME` or `${NAME}`: the name.
    Plain(Range<usize>),
    /// `${NAME<op>arg}`
    Operation { name: Range<usize>, operator: Operator, argument: Range<usize>, rest: Range<usize> },
    /// `${` that does not complete.
    Invalid,
    /// Anything else: the `$` is text.
    Literal,
}

impl<S, L: FnMut(&str) -> Option<Found<S>>> Run<'_, L> {
    /// Appends the part `scope` of the template to `out`.
    fn template(&mut self, scope: Range<usize>, out: &mut String, depth: u32) -> Vec<Piece<S>> {
        let Some(first) = self.find(scope.clone(), b'$') else {
            // Nearly every argument: one piece, and no room for more, for a large project keeps thousands of them.
            return self.literal(scope, out).into_iter().collect();
        };
        let mut pieces = Vec::new();
        let mut lines = Lines { end: scope.start, last_brace: None };
        // Compose reads what follows an operation, up to the last brace of the line, as a template of its own.
        let mut rest = scope.start..scope.start;
        let mut literal = scope.start;
        let mut at = first;
        while let Some(dollar) = self.find(at..scope.end, b'$') {
            let (token, end) = self.token(dollar, &scope, &mut lines);
            if matches!(token, Token::Literal) {
                at = end;
                continue;
            }
            pieces.extend(self.literal(literal..dollar, out));
            let quoted = if rest.contains(&dollar) { rest.clone() } else { scope.clone() };
            let from = out.len();
            let kind = match token {
                Token::Literal => PieceKind::Literal,
                Token::Escape => {
                    out.push('$');
                    PieceKind::Escape
                }
                Token::Invalid => {
                    self.problem(ProblemKind::Invalid, dollar..end, quoted);
                    PieceKind::Invalid
                }
                Token::Plain(name) => self.plain(name, dollar..end, quoted, out),
                Token::Operation { name, operator, argument, rest: follows } => {
                    rest = follows;
                    if depth == MAX_DEPTH {
                        self.problem(ProblemKind::TooDeep, dollar..end, quoted);
                        PieceKind::Invalid
                    } else {
                        self.operation(name, operator, argument, &(dollar..end), &quoted, out, depth)
                    }
                }
            };
            pieces.push(Piece { written: dollar..end, output: from..out.len(), kind });
            at = end;
            literal = end;
        }
        pieces.extend(self.literal(literal..scope.end, out));
        pieces
    }

    /// Text that stands for itself, where there is any.
    fn literal(&self, written: Range<usize>, out: &mut String) -> Option<Piece<S>> {
        let from = out.len();
        out.push_str(self.slice(&written));
        let output = from..out.len();
        (!written.is_empty()).then_some(Piece { written, output, kind: PieceKind::Literal })
    }

    fn plain(
        &mut self,
        name: Range<usize>,
        written: Range<usize>,
        quoted: Range<usize>,
        out: &mut String,
    ) -> PieceKind<S> {
        let text = self.slice(&name).to_owned();
        let found = (self.lookup)(&text);
        let mut gave = Gave::Nothing;
        match &found {
            Some(found) => {
                if self.add(&found.value, &written, &quoted, out) {
                    gave = Gave::Value;
                }
            }
            None => self.unset.push(Unset { name: text.clone(), written }),
        }
        PieceKind::Variable(Substitution {
            name: text,
            name_written: name,
            gave,
            source: found.map(|found| found.source),
            operator: None,
            argument: Vec::new(),
        })
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one expression")]
    fn operation(
        &mut self,
        name: Range<usize>,
        operator: Operator,
        argument: Range<usize>,
        written: &Range<usize>,
        quoted: &Range<usize>,
        out: &mut String,
        depth: u32,
    ) -> PieceKind<S> {
        let text = self.slice(&name).to_owned();
        let from = out.len();
        let errors = self.problems.len();
        let mut evaluated = None;
        if self.options.eager_arguments {
            evaluated = Some(self.template(argument.clone(), out, depth + 1));
        }
        let found = (self.lookup)(&text);
        let present = found.as_ref().is_some_and(|found| !(operator.colon && found.value.is_empty()));
        let wants_argument = match operator.kind {
            OperatorKind::Default | OperatorKind::Required => !present,
            OperatorKind::Alternate => present,
        };
        if wants_argument && evaluated.is_none() {
            evaluated = Some(self.template(argument, out, depth + 1));
        }
        let mut pieces = evaluated.unwrap_or_default();
        let failed = self.problems.len() > errors;
        let mut gave = if wants_argument { Gave::Argument } else { Gave::Value };
        if failed || (wants_argument && operator.kind == OperatorKind::Required) {
            if !failed {
                let message = Text::from(out.get(from..).unwrap_or(""));
                let kind = ProblemKind::Required { name: text.clone(), message };
                self.problem(kind, written.clone(), quoted.clone());
            }
            gave = Gave::Nothing;
        }
        if gave != Gave::Argument {
            out.truncate(from);
            collapse(&mut pieces, from);
        }
        if gave == Gave::Value {
            let added = found.as_ref().is_some_and(|found| self.add(&found.value, written, quoted, out));
            if !added {
                gave = Gave::Nothing;
            }
        }
        PieceKind::Variable(Substitution {
            name: text,
            name_written: name,
            source: found.map(|found| found.source),
            operator: Some(operator),
            gave,
            argument: pieces,
        })
    }

    /// Adds a value to the text; false where that would be too much, which is then a problem.
    fn add(&mut self, value: &Text, written: &Range<usize>, quoted: &Range<usize>, out: &mut String) -> bool {
        let added = self.added.saturating_add(value.expose().len());
        if added > self.options.limit {
            self.problem(ProblemKind::TooLarge, written.clone(), quoted.clone());
            return false;
        }
        self.added = added;
        out.push_str(value.expose());
        true
    }

    fn problem(&mut self, kind: ProblemKind, written: Range<usize>, scope: Range<usize>) {
        self.problems.push(Problem { kind, written, scope });
    }

    /// Reads what begins with the `$` at `dollar`, and where it ends.
    fn token(&self, dollar: usize, scope: &Range<usize>, lines: &mut Lines) -> (Token, usize) {
        let behind = self.slice(&(dollar + 1..scope.end));
        match behind.as_bytes().first() {
            Some(b'$') => (Token::Escape, dollar + 2),
            Some(b'{') => self.braced(dollar, scope, lines),
            _ => match name_len(behind) {
                0 => (Token::Literal, dollar + 1),
                len => (Token::Plain(dollar + 1..dollar + 1 + len), dollar + 1 + len),
            },
        }
    }

    fn braced(&self, dollar: usize, scope: &Range<usize>, lines: &mut Lines) -> (Token, usize) {
        let start = dollar + 2;
        let invalid = (Token::Invalid, start);
        let inside = self.slice(&(start..scope.end));
        let len = name_len(inside);
        if len == 0 {
            return invalid;
        }
        let name = start..start + len;
        let (operator, width) = match inside.as_bytes().get(len..).unwrap_or_default() {
            [b'}', ..] => return (Token::Plain(name), start + len + 1),
            [b':', mark, ..] => (Operator::from_byte(*mark, true), 2),
            [mark, ..] => (Operator::from_byte(*mark, false), 1),
            [] => return invalid,
        };
        let Some(operator) = operator else { return invalid };
        let argument = start + len + width;
        let Some(last) = self.last_brace(argument, scope, lines) else { return invalid };
        let close = self.closing_brace(dollar, last);
        let token = Token::Operation { name, operator, argument: argument..close, rest: close + 1..last + 1 };
        (token, close + 1)
    }

    /// The last `}` of the line that holds `from`, if it is not before it.
    fn last_brace(&self, from: usize, scope: &Range<usize>, lines: &mut Lines) -> Option<usize> {
        if from >= lines.end {
            let end = self.find(from..scope.end, b'\n').unwrap_or(scope.end);
            let line = self.template.as_bytes().get(from..end).unwrap_or_default();
            *lines =
                Lines { end, last_brace: line.iter().rposition(|&byte| byte == b'}').map(|at| from + at) };
        }
        lines.last_brace.filter(|&last| last >= from)
    }

    /// Where the braces that open at `dollar + 1` close. They are counted, but the character right after any `{` is
    /// not looked at; where the count does not come out, the last brace of the line closes.
    fn closing_brace(&self, dollar: usize, last: usize) -> usize {
        let bytes = self.template.as_bytes().get(..=last).unwrap_or_default();
        let (mut open, mut at) = (0_u32, dollar + 1);
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'{' => {
                    open += 1;
                    at += 1;
                }
                b'}' if open == 1 => return at,
                b'}' => open = open.saturating_sub(1),
                _ => {}
            }
            at += 1;
        }
        last
    }

    fn find(&self, range: Range<usize>, byte: u8) -> Option<usize> {
        let start = range.start;
        self.template.as_bytes().get(range)?.iter().position(|&b| b == byte).map(|at| start + at)
    }

    fn slice(&self, range: &Range<usize>) -> &str {
        self.template.get(range.clone()).unwrap_or("")
    }
}

impl Operator {
    fn from_byte(mark: u8, colon: bool) -> Option<Self> {
        let kind = match mark {
            b'-' => OperatorKind::Default,
            b'+' => OperatorKind::Alternate,
            b'?' => OperatorKind::Required,
            _ => return None,
        };
        Some(Self { kind, colon })
    }
}

/// The line that was looked at last, so that a long one is searched once.
struct Lines {
    end: usize,
    last_brace: Option<usize>,
}

/// Bytes of the name that `text` begins with: a letter or `_`, then letters, digits, `_`. Compose ignores case in the
/// way of Unicode, by which U+017F is an s and U+212A a k.
fn name_len(text: &str) -> usize {
    let letter = |c: char| c == '_' || c.is_ascii_alphabetic() || c == '\u{17f}' || c == '\u{212a}';
    let mut chars = text.char_indices();
    if !chars.next().is_some_and(|(_, c)| letter(c)) {
        return 0;
    }
    chars.find(|&(_, c)| !(letter(c) || c.is_ascii_digit())).map_or(text.len(), |(at, _)| at)
}

/// Pieces of an argument that was not used have no part in the text.
fn collapse<S>(pieces: &mut [Piece<S>], at: usize) {
    for piece in pieces {
        piece.output = at..at;
        if let PieceKind::Variable(substitution) = &mut piece.kind {
            collapse(&mut substitution.argument, at);
        }
    }
}
