//! The tree, built from the parser's events on a stack of its own: no recursion, whatever the text.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use granit_parser as granit;
use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, SpannedEventReceiver, StructureStyle};

use super::dialect::{self, RefusalKind, Refused, Token, Watch};
use super::scalar::{self, ScalarTag};
use super::text;
use super::{Map, Node, Pair, Problem, ProblemKind, Refuser, Style, Tag, Value, Via, ViaKind};
use crate::source::{FileId, Span, Text};

/// Nodes that aliases and merge keys may add to a document. Two hundred services that merge twice add some thousands;
/// nine levels of nine aliases add hundreds of millions.
const MAX_EXPANSION: u64 = 1_000_000;

/// Levels of collections, aliases followed. The parser's own limits are 255 block and 255 flow levels.
const MAX_DEPTH: u32 = 512;

/// One pass over a text.
pub(super) struct Builder<'t> {
    file: FileId,
    /// The text as it is: spans and quoted scalars are taken from it.
    original: &'t str,
    /// The text of this pass, of the same length.
    text: &'t str,
    watch: Option<Watch<'t>>,
    refused: Vec<Refused>,
    documents: Vec<Node>,
    pub(super) problems: Vec<Problem>,
    /// Open collections, outermost first.
    frames: Vec<Frame>,
    /// Finished items of the open sequences; each frame owns the tail from its `base`.
    items: Vec<Node>,
    /// Finished entries of the open mappings; each frame owns the tail from its `base`.
    pub(super) entries: Vec<Pair>,
    anchors: HashMap<usize, Built>,
    keys: Keys,
    root: Option<Node>,
    /// Nodes that aliases added to this document.
    expansion: u64,
}

/// Why a pass ended before the text did.
pub(super) struct Stop {
    pub(super) at: usize,
    pub(super) kind: ErrorKind,
    /// The parser's own words.
    pub(super) message: String,
    /// The outermost bracket that was open.
    pub(super) flow: Option<usize>,
}

/// A finished value, and what it costs to walk it.
#[derive(Clone)]
struct Built {
    node: Node,
    /// Nodes in it, itself included, aliases followed.
    size: u64,
    /// Levels of collections in it.
    depth: u32,
    /// Where it is written: an alias' own place, not its definition's.
    place: Span,
}

struct Frame {
    kind: FrameKind,
    style: Style,
    tag: Tag,
    anchor: usize,
    /// Flow: from the bracket. Block: from the first child, once there is one.
    place: Span,
    /// Column of its first character, from 0.
    column: usize,
    size: u64,
    depth: u32,
    /// Where this frame's children begin in `items` or `entries`.
    base: usize,
    /// How many problems there were before it.
    problems: usize,
}

enum FrameKind {
    Seq,
    Map { key: Option<Key>, merge: Option<(Span, Node)> },
}

/// Keys that were read lately, for a project says `image` once a service. A key that is not found is as good as new.
struct Keys([Option<Arc<str>>; Self::SLOTS]);

impl Keys {
    const SLOTS: usize = 64;

    fn new() -> Self {
        Self(std::array::from_fn(|_| None))
    }

    fn share(&mut self, key: &str) -> Arc<str> {
        let bytes = key.as_bytes();
        let byte = |at: usize| usize::from(bytes.get(at).copied().unwrap_or(0));
        let hash =
            bytes.len() ^ byte(0) ^ (byte(bytes.len() / 2) << 1) ^ (byte(bytes.len().saturating_sub(1)) << 2);
        let Some(slot) = self.0.get_mut(hash % Self::SLOTS) else { return Arc::from(key) };
        match slot {
            Some(known) if **known == *key => known.clone(),
            _ => slot.insert(Arc::from(key)).clone(),
        }
    }
}

enum Key {
    Text(Arc<str>, Span),
    /// Plain `<<`.
    Merge(Span),
    /// Reported already; its value is dropped.
    Refused(Span),
}

impl Key {
    fn span(&self) -> Span {
        match self {
            Self::Text(_, span) | Self::Merge(span) | Self::Refused(span) => *span,
        }
    }
}

/// Events are handed in rather than asked for: that spares the parser a copy of each.
impl<'t> SpannedEventReceiver<'t> for Builder<'t> {
    fn on_event(&mut self, event: Event<'t>, span: granit::Span) {
        self.event(event, &span);
    }
}

impl<'t> Builder<'t> {
    pub(super) fn new(file: FileId, original: &'t str, text: &'t str) -> Self {
        Self {
            file,
            original,
            text,
            watch: Watch::new(text),
            refused: Vec::new(),
            documents: Vec::new(),
            problems: Vec::new(),
            frames: Vec::new(),
            items: Vec::new(),
            entries: Vec::new(),
            anchors: HashMap::new(),
            keys: Keys::new(),
            root: None,
            expansion: 0,
        }
    }

    /// Reads to the end, or to where the parser gives up.
    pub(super) fn run(&mut self) -> Option<Stop> {
        let options = granit::options! {
            bom_inside_document_as_content: true,
            block_scalar_eof_without_line_feed: true,
            emit_unresolved_aliases: true,
            emit_comments: false,
        };
        let done = Parser::new_from_str_with_options(self.text, options).load(self, true);
        done.err().map(|error| self.stop(&error))
    }

    /// The documents and the problems of the pass. What was still open is closed as it is.
    pub(super) fn finish(mut self) -> (Vec<Node>, Vec<Problem>) {
        let end = Span::from_range(self.file, self.text.len()..self.text.len());
        while !self.frames.is_empty() {
            if let Some(Frame { kind: FrameKind::Map { key: Some(_), .. }, .. }) = self.frames.last() {
                self.attach(null(end));
            }
            self.close(None);
        }
        if self.root.is_some() {
            self.document_end(end);
        }
        if let Some(watch) = &mut self.watch {
            watch.finish(&mut self.refused);
        }
        self.refused.extend(dialect::leading_document_end(self.text));
        for refusal in std::mem::take(&mut self.refused) {
            self.refuse(&refusal);
        }
        (self.documents, self.problems)
    }

    fn stop(&self, error: &ScanError) -> Stop {
        let mut at = error.marker().byte_offset().unwrap_or(self.text.len()).min(self.text.len());
        // The parser points at the end of the text that the tab would go on.
        if matches!(error.kind(), ErrorKind::TabInPlainScalar)
            && let Some(tab) = self.text.get(at..).and_then(|rest| rest.find('\t'))
        {
            at += tab;
        }
        let flow = self
            .frames
            .iter()
            .find(|frame| frame.style == Style::Flow)
            .map(|frame| frame.place.range().start);
        Stop { at, kind: error.kind().clone(), message: error.info(), flow }
    }

    fn refuse(&mut self, refusal: &Refused) {
        let (kind, message) = match refusal.kind {
            RefusalKind::Tab => (ProblemKind::Tab, "docker compose refuses a tab here: use blanks"),
            RefusalKind::Escape => (ProblemKind::Escape, "docker compose does not know this escape"),
            RefusalKind::LineBreak => (
                ProblemKind::Character,
                "docker compose takes this invisible character for a line break: remove it",
            ),
            RefusalKind::Directive => {
                (ProblemKind::Directive, "docker compose knows no directives but `%YAML 1.1` and `%TAG`")
            }
            RefusalKind::QuestionMark => (
                ProblemKind::Character,
                "docker compose refuses `?` in a text between brackets: quote the text",
            ),
            RefusalKind::AnchorName => (
                ProblemKind::Character,
                "docker compose takes only letters, digits, `_` and `-` for the name of an anchor",
            ),
            RefusalKind::TagEnd => {
                (ProblemKind::Character, "docker compose wants a blank or a line break behind a tag")
            }
            RefusalKind::DocumentEnd => {
                (ProblemKind::Syntax, "docker compose reads nothing behind `...` but `---`: remove the `...`")
            }
        };
        let span = Span::from_range(self.file, refusal.at..refusal.at + refusal.len);
        self.problem(kind, span, message.to_owned());
    }

    fn event(&mut self, event: Event<'t>, span: &granit::Span) {
        self.observe(&event, span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let span = self.span(span);
                if style == ScalarStyle::Plain {
                    self.refuse_question_mark(span);
                }
                self.scalar(&text, style, anchor, tag.as_deref(), span);
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.open(FrameKind::Seq, style, anchor, tag.as_deref(), span);
            }
            Event::MappingStart(style, anchor, tag) => {
                let kind = FrameKind::Map { key: None, merge: None };
                self.open(kind, style, anchor, tag.as_deref(), span);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(Some(self.span(span))),
            Event::Alias(anchor) => self.alias(anchor, self.span(span)),
            Event::UnresolvedAlias(name) => {
                let span = self.span(span);
                let message = format!("no anchor `&{name}` stands before this alias");
                self.problem(ProblemKind::UnknownAlias, span, message);
                self.attach(null(span));
            }
            Event::DocumentStart(false, _) if !self.documents.is_empty() => {
                let at = self.span(span).range().start;
                self.refused.push(Refused { at, len: 0, kind: RefusalKind::DocumentEnd });
            }
            Event::DocumentStart(_, Some(version)) if (version.major, version.minor) != (1, 1) => {
                let message = "docker compose reads no other version than `%YAML 1.1`".to_owned();
                self.problem(ProblemKind::Directive, self.span(span), message);
            }
            Event::DocumentEnd => self.document_end(self.span(span)),
            _ => {}
        }
    }

    /// Shows the event to the checks of what go-yaml refuses, where the text needs any.
    fn observe(&mut self, event: &Event<'_>, span: &granit::Span) {
        let Some(watch) = &mut self.watch else { return };
        let place = span.byte_range().unwrap_or(0..0);
        let (token, closing) = match event {
            Event::Scalar(_, style, ..) => (Token::Scalar(*style), false),
            Event::Alias(_) | Event::UnresolvedAlias(_) => (Token::Alias, false),
            Event::SequenceStart(..) | Event::MappingStart(..) => (Token::Bracket, false),
            Event::SequenceEnd | Event::MappingEnd => (Token::Bracket, true),
            _ => return,
        };
        // What is not written (a null, the ends of a block) is not a token.
        if place.is_empty() {
            return;
        }
        let flows = self.frames.iter().filter(|frame| frame.style == Style::Flow).count();
        let in_flow = if closing { flows > 1 } else { flows > 0 || token == Token::Bracket };
        let indent =
            self.frames.iter().rev().find(|frame| frame.style == Style::Block).map(|frame| frame.column);
        watch.token(token, place, indent, in_flow, &mut self.refused);
    }

    /// libyaml takes no `?` in a plain scalar between brackets. Most texts hold one somewhere, in a URL or in
    /// `${NAME:?}`, so that this is no trace for [`Watch`] to search for.
    fn refuse_question_mark(&mut self, span: Span) {
        let in_flow = self.frames.last().is_some_and(|frame| frame.style == Style::Flow);
        let Some(raw) = self.text.get(span.range()).filter(|_| in_flow) else { return };
        if let Some(at) = raw.find('?') {
            let at = span.range().start + at;
            self.refused.push(Refused { at, len: 1, kind: RefusalKind::QuestionMark });
        }
    }

    fn span(&self, span: &granit::Span) -> Span {
        let range = span.byte_range().unwrap_or(0..0);
        text::on_characters(Span::from_range(self.file, range), self.original)
    }

    /// The bytes of a place.
    pub(super) fn written(&self, span: Span) -> &str {
        self.original.get(span.range()).unwrap_or("")
    }

    pub(super) fn problem(&mut self, kind: ProblemKind, span: Span, message: String) {
        let refuser = match kind {
            ProblemKind::TooDeep | ProblemKind::TooLarge => Refuser::OurLimit,
            _ => Refuser::ComposeRefuses,
        };
        self.problems.push(Problem { kind, message, span, related: Vec::new(), refuser });
    }

    fn document_end(&mut self, span: Span) {
        let root = self.root.take().unwrap_or_else(|| null(span).node);
        self.documents.push(root);
        self.anchors.clear();
        self.expansion = 0;
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&granit::Tag>,
        span: Span,
    ) {
        let plain = style == ScalarStyle::Plain;
        // An empty plain value arrives as `~` under an empty span.
        let text = if plain && span.is_empty() { "" } else { text };
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted => Style::SingleQuoted,
            ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
            ScalarStyle::Literal => Style::Literal,
            ScalarStyle::Folded => Style::Folded,
        };
        let mut span = self.place(style, span);
        if matches!(style, Style::Literal | Style::Folded) && self.is_patched(span) {
            let refusal = Refused { at: span.range().start, len: 0, kind: RefusalKind::LineBreak };
            self.refused.push(refusal);
        }
        let mut decoded = self.decode(style, span);
        if plain && self.ends_with_its_colon(span) {
            decoded = Some(format!("{}:", decoded.as_deref().unwrap_or(text)));
            span.end += 1;
        }
        let text = decoded.as_deref().unwrap_or(text);
        let (value, tag) = match tag {
            None if plain => (scalar::untagged(text), Tag::None),
            None => (None, Tag::None),
            Some(tag) => self.tagged(text, plain, tag, span),
        };
        if anchor == 0
            && let Some(Frame { kind: FrameKind::Map { key: key @ None, .. }, .. }) = self.frames.last_mut()
            && value.is_none()
        {
            // Most keys are plain strings and need no node.
            *key = Some(if plain && text == "<<" {
                Key::Merge(span)
            } else {
                Key::Text(self.keys.share(text), span)
            });
            return;
        }
        let size = weight(text);
        let value = value.unwrap_or_else(|| Value::Str(Text::from(text)));
        let node = Node { value, span, style, tag, via: None };
        let built = Built { node, size, depth: 0, place: span };
        if anchor != 0 {
            self.anchors.insert(anchor, built.clone());
        }
        self.attach(built);
    }

    /// The bytes that spell a scalar, where the parser says otherwise.
    fn place(&self, style: Style, span: Span) -> Span {
        let range = span.range();
        match style {
            // A value that is not written stands behind its colon.
            Style::Plain if range.is_empty() && self.text.as_bytes().get(range.start) == Some(&b':') => {
                Span::from_range(self.file, range.start + 1..range.start + 1)
            }
            // A block scalar ends with its last character, not with the indentation of what follows.
            Style::Literal | Style::Folded => {
                let raw = self.text.get(range.clone()).unwrap_or("");
                Span::from_range(
                    self.file,
                    range.start..range.start + raw.trim_end_matches([' ', '\n', '\r']).len(),
                )
            }
            _ => span,
        }
    }

    /// True for `a` in `{a:}` and `[a:, b]`: libyaml ends a text before a colon only where a blank follows.
    fn ends_with_its_colon(&self, span: Span) -> bool {
        let end = span.range().end;
        self.watch.is_some()
            && !span.is_empty()
            && self.frames.last().is_some_and(|frame| frame.style == Style::Flow)
            && matches!(self.text.as_bytes().get(end..end + 2), Some([b':', b',' | b']' | b'}']))
    }

    /// The text `a:` where the mapping that ends is what the parser makes of `[a:]`.
    fn lone_key(&self, frame: &Frame) -> Option<Pair> {
        let FrameKind::Map { merge: None, .. } = frame.kind else { return None };
        let [entry] = self.entries.get(frame.base..)? else { return None };
        let (start, end) = (frame.place.range().start, entry.key_span.range().end);
        let bytes = self.text.as_bytes();
        let lone = frame.style == Style::Flow
            && bytes.get(start) != Some(&b'{')
            && matches!(bytes.get(end.checked_sub(1)?..=end), Some([b':', b',' | b']' | b'}']));
        lone.then(|| entry.clone())
    }

    /// True where this pass does not read the text as it is.
    fn is_patched(&self, span: Span) -> bool {
        !std::ptr::eq(self.text, self.original)
            && self.text.get(span.range()) != self.original.get(span.range())
    }

    /// A scalar that the parser would read otherwise than libyaml does, read as libyaml does.
    fn decode(&self, style: Style, span: Span) -> Option<String> {
        if self.watch.is_none() && std::ptr::eq(self.text, self.original) {
            return None;
        }
        let raw = self.original.get(span.range())?;
        let patched = self.is_patched(span);
        let other_breaks = || raw.contains(['\u{85}', '\u{2028}', '\u{2029}']);
        let differs = match style {
            Style::SingleQuoted | Style::DoubleQuoted => patched || other_breaks(),
            Style::Plain if raw == "-" => return patched.then(|| raw.to_owned()),
            Style::Plain => patched,
            _ => false,
        };
        if !differs {
            return None;
        }
        text::decode(self.file, span.range().start, style, raw).map(|decoded| decoded.text)
    }

    /// The value that an explicit tag asks for; `None` is the string itself.
    fn tagged(&mut self, text: &str, plain: bool, tag: &granit::Tag, span: Span) -> (Option<Value>, Tag) {
        let meaning = meaning(tag);
        let Some(wanted) = tag_suffix(tag).and_then(|suffix| ScalarTag::from_suffix(&suffix)) else {
            // `!` alone asks for nothing; any other unknown tag leaves the text as it is.
            let untyped = plain && tag.handle().is_empty() && tag.suffix() == "!";
            return (if untyped { scalar::untagged(text) } else { None }, meaning);
        };
        let value = scalar::tagged(wanted, text);
        if value.is_none() {
            let message = format!("the value does not fit its tag {}", wanted.name());
            self.problem(ProblemKind::BadTag, span, message);
        }
        (value, meaning)
    }

    fn open(
        &mut self,
        kind: FrameKind,
        style: StructureStyle,
        anchor: usize,
        tag: Option<&granit::Tag>,
        span: &granit::Span,
    ) {
        let base = if matches!(kind, FrameKind::Seq) { self.items.len() } else { self.entries.len() };
        let style = if style == StructureStyle::Flow { Style::Flow } else { Style::Block };
        let tag = tag.map_or(Tag::None, meaning);
        let problems = self.problems.len();
        // A block collection has no bytes of its own: its place begins with its first child.
        let place = if style == Style::Flow {
            self.span(span)
        } else {
            Span { file: self.file, start: u32::MAX, end: 0 }
        };
        let column = span.start.col();
        self.frames.push(Frame {
            kind,
            style,
            tag,
            anchor,
            place,
            column,
            size: 1,
            depth: 1,
            base,
            problems,
        });
    }

    /// Ends the innermost collection; `end` is the place of its closing event, `None` where the text broke off.
    fn close(&mut self, end: Option<Span>) {
        let Some(mut frame) = self.frames.pop() else { return };
        if frame.style == Style::Flow
            && let Some(end) = end
        {
            frame.place = frame.place.to(end);
        } else if frame.place.start == u32::MAX {
            frame.place = end.unwrap_or(Span::from_range(self.file, self.text.len()..self.text.len()));
        }
        if let Some(Pair { key, key_span, .. }) = self.lone_key(&frame) {
            self.entries.truncate(frame.base);
            let node = Node {
                value: Value::Str(Text::from(&*key)),
                span: key_span,
                style: Style::Plain,
                tag: frame.tag,
                via: None,
            };
            return self.attach(Built { node, size: 1, depth: 0, place: key_span });
        }
        let value = match frame.kind {
            FrameKind::Seq => Value::Seq(self.items.drain(frame.base..).collect()),
            FrameKind::Map { merge, .. } => {
                self.refuse_duplicates(frame.base, merge.as_ref().map(|&(span, _)| span));
                if let Some((_, node)) = merge {
                    self.merge(frame.base, &node);
                }
                Value::Map(Map::new(self.entries.drain(frame.base..).collect()))
            }
        };
        if frame.tag == Tag::Reset {
            self.forget_contents(frame.problems);
        }
        let node = Node { value, span: frame.place, style: frame.style, tag: frame.tag, via: None };
        let built = Built { node, size: frame.size, depth: frame.depth, place: frame.place };
        if frame.anchor != 0 {
            self.anchors.insert(frame.anchor, built.clone());
        }
        self.attach(built);
    }

    /// Compose drops what is reset before it looks at keys, merges and types: what is wrong with them goes with it.
    fn forget_contents(&mut self, from: usize) {
        let mut number = 0;
        self.problems.retain(|problem| {
            number += 1;
            let content = matches!(
                problem.kind,
                ProblemKind::DuplicateKey
                    | ProblemKind::KeyNotString
                    | ProblemKind::BadMerge
                    | ProblemKind::BadTag
            );
            number <= from || !content
        });
    }

    fn alias(&mut self, anchor: usize, at: Span) {
        let Some(target) = self.anchors.get(&anchor) else {
            let inside = self.frames.iter().any(|frame| frame.anchor == anchor);
            if inside {
                let message = "this alias stands inside the value that it names".to_owned();
                self.problem(ProblemKind::SelfAlias, at, message);
            }
            return self.attach(null(at));
        };
        let before = self.expansion;
        self.expansion = before.saturating_add(target.size);
        let levels = u32::try_from(self.frames.len()).unwrap_or(u32::MAX);
        if self.expansion > MAX_EXPANSION {
            // Told once; what is too much is not even copied.
            if before <= MAX_EXPANSION {
                let message = format!("aliases add more than {MAX_EXPANSION} values to this document");
                self.problem(ProblemKind::TooLarge, at, message);
            }
            return self.attach(null(at));
        }
        if levels.saturating_add(target.depth) > MAX_DEPTH {
            let message = format!("aliases nest this document deeper than {MAX_DEPTH} levels");
            self.problem(ProblemKind::TooDeep, at, message);
            return self.attach(null(at));
        }
        let mut built = target.clone();
        built.place = at;
        built.node.via = Some(Arc::new(Via { kind: ViaKind::Alias, at, next: built.node.via.take() }));
        self.attach(built);
    }

    /// Hands a finished value to the innermost open collection, as key, value or item, or to the document.
    fn attach(&mut self, built: Built) {
        let Some(frame) = self.frames.last_mut() else {
            self.root = Some(built.node);
            return;
        };
        frame.size = frame.size.saturating_add(built.size);
        frame.depth = frame.depth.max(built.depth.saturating_add(1));
        match &mut frame.kind {
            FrameKind::Seq => {
                frame.place = cover(frame.place, built.place);
                self.items.push(built.node);
            }
            FrameKind::Map { key, merge } => match key.take() {
                None => {
                    frame.place = cover(frame.place, built.place);
                    let refused = match &built.node.value {
                        Value::Str(text) => {
                            *key = Some(Key::Text(text.expose().into(), built.place));
                            return;
                        }
                        other => other.kind_name(),
                    };
                    *key = Some(Key::Refused(built.place));
                    let written = self.original.get(built.place.range()).unwrap_or("");
                    let message = if written.starts_with('{') {
                        "a brace inside a brace is a mapping key: quote a text such as `{{ name }}`"
                            .to_owned()
                    } else {
                        format!("a mapping key must be a string, not {refused}: quote it")
                    };
                    self.problem(ProblemKind::KeyNotString, built.place, message);
                }
                Some(started) => {
                    frame.place = cover(frame.place, started.span());
                    frame.place = cover(frame.place, built.place);
                    match started {
                        Key::Text(key, key_span) => {
                            frame.size = frame.size.saturating_add(key.len() as u64 / 64);
                            self.entries.push(Pair { key, key_span, value: built.node });
                        }
                        Key::Refused(_) => {}
                        Key::Merge(span) => {
                            let first = merge.as_ref().map(|&(first, _)| first);
                            if let Some(first) = first {
                                self.duplicate("<<", span, first);
                            } else {
                                *merge = Some((span, built.node));
                            }
                        }
                    }
                }
            },
        }
    }
}

/// What a scalar counts as: a long text is as many values as it takes the room of.
fn weight(text: &str) -> u64 {
    1 + text.len() as u64 / 64
}

fn null(span: Span) -> Built {
    let node = Node { value: Value::Null, span, style: Style::Plain, tag: Tag::None, via: None };
    Built { node, size: 1, depth: 0, place: span }
}

/// `place` grown to hold `child`, where `place` may not have begun.
fn cover(place: Span, child: Span) -> Span {
    Span::new(place.file, place.start.min(child.start), place.end.max(child.end))
}

fn meaning(tag: &granit::Tag) -> Tag {
    match (tag.handle(), tag.suffix()) {
        ("!", "reset") => Tag::Reset,
        ("!", "override") => Tag::Override,
        _ => Tag::None,
    }
}

/// The part of a standard tag after `tag:yaml.org,2002:`.
fn tag_suffix(tag: &granit::Tag) -> Option<Cow<'_, str>> {
    tag.suffix_in_namespace("tag:yaml.org,2002:")
}
