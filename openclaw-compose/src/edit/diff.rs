//! What edits change, line by line: straight from the edits, for the lines that they touch are the lines that change.

use std::fmt;
use std::ops::Range;

use super::Edit;
use crate::source::{FileId, Sources, Span};

/// How many unchanged lines stand around a change.
const CONTEXT: usize = 3;

/// Lines that change, and a few around them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hunk {
    /// Its lines: of each place, those removed before those added.
    pub lines: Vec<Line>,
}

/// One line of a [`Hunk`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line {
    /// What happens to it.
    pub kind: LineKind,
    /// Its number in the old text, from 1; of an added line, that of the line it is put before.
    pub old: u32,
    /// Its number in the new text, from 1; of a removed line, that of the line that follows it there.
    pub new: u32,
    /// The line without its line break, masked: what the edits are about shows, and what is harmless.
    pub text: String,
    /// Its bytes in the old text; of an added line, the bytes that it takes the place of.
    pub span: Span,
    /// Whether a line break ends it. Only the last line of a file may lack one.
    pub complete: bool,
}

/// What happens to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LineKind {
    /// It stays.
    Context,
    /// It goes.
    Removed,
    /// It comes.
    Added,
}

impl Hunk {
    fn count(&self, other: LineKind) -> usize {
        self.lines.iter().filter(|line| line.kind != other).count()
    }
}

/// As a unified diff has it.
impl fmt::Display for Hunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (old, new) = self.lines.first().map_or((1, 1), |line| (line.old, line.new));
        let (olds, news) = (self.count(LineKind::Added), self.count(LineKind::Removed));
        writeln!(f, "@@ -{old},{olds} +{new},{news} @@")?;
        self.lines.iter().try_for_each(|line| line.fmt(f))
    }
}

/// As a unified diff has it, with its line break.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.kind {
            LineKind::Context => ' ',
            LineKind::Removed => '-',
            LineKind::Added => '+',
        };
        writeln!(f, "{sign}{}", self.text)?;
        if self.complete { Ok(()) } else { writeln!(f, "\\ No newline at end of file") }
    }
}

/// Lines that others take the place of, counted from 0, and the edits in them.
struct Block<'e> {
    lines: Range<usize>,
    edits: Vec<&'e Edit>,
}

/// The hunks of edits that are in order and do not overlap.
pub(super) fn hunks(file: FileId, edits: &[&Edit], sources: &Sources) -> Vec<Hunk> {
    let lines = Lines { text: sources.expose_file(file), starts: sources.line_starts(file) };
    let blocks = lines.blocks(edits);
    let mut writer = Writer { file, sources, lines: &lines, at: 0, grown: 0, out: Vec::new() };
    let mut hunks = Vec::new();
    for (number, block) in blocks.iter().enumerate() {
        let before = block.lines.start.saturating_sub(CONTEXT);
        if writer.out.is_empty() {
            writer.at = before;
        }
        writer.context(block.lines.start);
        writer.block(block);
        let next = blocks.get(number + 1);
        if next.is_none_or(|next| next.lines.start > block.lines.end + 2 * CONTEXT) {
            writer.context((block.lines.end + CONTEXT).min(lines.count()));
            hunks.push(Hunk { lines: std::mem::take(&mut writer.out) });
        }
    }
    hunks
}

/// Where the lines of a text begin.
struct Lines<'t> {
    text: &'t str,
    /// What follows the last line break begins a line as well, if only an empty one.
    starts: &'t [u32],
}

impl Lines<'_> {
    fn count(&self) -> usize {
        self.starts.len().saturating_sub(usize::from(self.is_complete()))
    }

    /// Whether a line break ends the last line, if there is one.
    fn is_complete(&self) -> bool {
        self.text.is_empty() || self.text.ends_with('\n')
    }

    /// The line that holds an offset; behind the last line break, the one that is not there yet.
    fn at(&self, offset: usize) -> usize {
        let line = self.starts.partition_point(|start| *start as usize <= offset).saturating_sub(1);
        line.min(self.count() - usize::from(!self.is_complete()))
    }

    fn start(&self, line: usize) -> usize {
        self.starts.get(line).map_or(self.text.len(), |start| *start as usize)
    }

    fn bytes(&self, lines: &Range<usize>) -> Range<usize> {
        self.start(lines.start)..self.start(lines.end)
    }

    /// Edits whose lines meet share a block.
    fn blocks<'e>(&self, edits: &[&'e Edit]) -> Vec<Block<'e>> {
        let mut blocks: Vec<Block<'e>> = Vec::new();
        for edit in edits {
            let lines = self.touched(edit);
            match blocks.last_mut() {
                Some(block) if lines.start < block.lines.end => {
                    block.lines.end = block.lines.end.max(lines.end);
                    block.edits.push(edit);
                }
                _ => blocks.push(Block { lines, edits: vec![edit] }),
            }
        }
        blocks
    }

    /// The lines that an edit changes: none where it puts whole lines between two others.
    fn touched(&self, edit: &Edit) -> Range<usize> {
        let range = edit.span.range();
        let new = edit.replacement.expose();
        let first = self.at(range.start);
        let begins = self.start(first) == range.start;
        if range.is_empty() {
            let between = begins && (new.ends_with('\n') || first == self.count());
            return first..first + usize::from(!between);
        }
        let past = self.at(range.end - 1) + 1;
        // Without its line break a line goes on with the next one.
        let joins = self.start(past) == range.end && !new.ends_with('\n') && !(begins && new.is_empty());
        first..(past + usize::from(joins)).min(self.count())
    }
}

struct Writer<'s> {
    file: FileId,
    sources: &'s Sources,
    lines: &'s Lines<'s>,
    /// The next line of the old text.
    at: usize,
    /// How many lines the new text has more before it.
    grown: isize,
    out: Vec<Line>,
}

impl Writer<'_> {
    /// Lines that stay, up to one.
    fn context(&mut self, to: usize) {
        while self.at < to {
            let bytes = self.lines.bytes(&(self.at..self.at + 1));
            let text = self.sources.masked(self.file, bytes.clone(), &[]);
            self.line(LineKind::Context, &text, bytes);
            self.at += 1;
        }
    }

    fn block(&mut self, block: &Block<'_>) {
        let about: Vec<_> = block.edits.iter().map(|edit| edit.span.range()).collect();
        let all = self.lines.bytes(&block.lines);
        let mut new = String::new();
        let mut at = all.start;
        for edit in &block.edits {
            let range = edit.span.range();
            new.push_str(&self.sources.masked(self.file, at..range.start, &about));
            new.push_str(&edit.replacement.masked());
            at = range.end;
        }
        new.push_str(&self.sources.masked(self.file, at..all.end.max(at), &about));
        while self.at < block.lines.end {
            let bytes = self.lines.bytes(&(self.at..self.at + 1));
            let text = self.sources.masked(self.file, bytes.clone(), &about);
            self.line(LineKind::Removed, &text, bytes);
            self.at += 1;
            self.grown -= 1;
        }
        for line in new.split_inclusive('\n') {
            self.line(LineKind::Added, line, all.clone());
            self.grown += 1;
        }
    }

    fn line(&mut self, kind: LineKind, text: &str, bytes: Range<usize>) {
        let number = |line: usize| u32::try_from(line + 1).unwrap_or(u32::MAX);
        let bare = text.strip_suffix('\n').map(|text| text.strip_suffix('\r').unwrap_or(text));
        self.out.push(Line {
            kind,
            old: number(self.at),
            new: number(self.at.saturating_add_signed(self.grown)),
            text: bare.unwrap_or(text).to_owned(),
            span: Span::from_range(self.file, bytes),
            complete: bare.is_some(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit;

    /// The diff of edits. Its lines are those of the text, in order.
    fn diff(text: &str, edits: &[(Range<usize>, &str)]) -> String {
        let mut sources = Sources::new();
        let file = sources.add("compose.yaml", text);
        let edits: Vec<Edit> = edits
            .iter()
            .map(|(range, new)| Edit::text(&sources, Span::from_range(file, range.clone()), *new))
            .collect();
        let changes = edit::apply(&edits, &sources).expect("no conflict");
        let lines: Vec<&Line> = changes[0].hunks.iter().flat_map(|hunk| &hunk.lines).collect();
        let olds: Vec<&str> = text.split_inclusive('\n').collect();
        for line in &lines {
            if line.kind != LineKind::Added {
                assert_eq!(sources.expose(line.span), olds[line.old as usize - 1]);
            }
        }
        let of = |other| lines.iter().filter(move |line| line.kind != other);
        assert!(of(LineKind::Added).map(|line| line.old).is_sorted_by(|a, b| a < b), "{lines:?}");
        assert!(of(LineKind::Removed).map(|line| line.new).is_sorted_by(|a, b| a < b), "{lines:?}");
        changes[0].to_string()
    }

    #[test]
    fn lines_come_behind_the_last_one() {
        expect_test::expect![[r#"
            --- compose.yaml
            +++ compose.yaml
            @@ -1,2 +1,3 @@
             mode: a
             bind: b
            +port: 1
        "#]]
        .assert_eq(&diff("mode: a\nbind: b\n", &[(16..16, "port: 1\n")]));
        expect_test::expect![[r#"
            --- compose.yaml
            +++ compose.yaml
            @@ -1,1 +1,2 @@
            -mode: a
            \ No newline at end of file
            +mode: a
            +port: 1
            \ No newline at end of file
        "#]]
        .assert_eq(&diff("mode: a", &[(7..7, "\nport: 1")]));
        expect_test::expect![[r#"
            --- compose.yaml
            +++ compose.yaml
            @@ -1,0 +1,1 @@
            +port: 1
        "#]]
        .assert_eq(&diff("", &[(0..0, "port: 1\n")]));
    }

    #[test]
    fn a_line_that_loses_its_end_takes_the_next_one_along() {
        expect_test::expect![[r#"
            --- compose.yaml
            +++ compose.yaml
            @@ -1,3 +1,2 @@
            -mode: a
            -mode: b
            +mode: x mode: b
             mode: c
        "#]]
        .assert_eq(&diff("mode: a\nmode: b\nmode: c\n", &[(6..8, "x ")]));
        expect_test::expect![[r#"
            --- compose.yaml
            +++ compose.yaml
            @@ -1,3 +1,2 @@
            -mode: a
             mode: b
             mode: c
        "#]]
        .assert_eq(&diff("mode: a\nmode: b\nmode: c\n", &[(0..8, "")]));
    }

    #[test]
    fn far_changes_are_hunks_of_their_own() {
        let text: String = (0..20).map(|number| format!("port: {number}\n")).collect();
        let at = |line: &str| text.find(line).expect("it is there");
        let edits = [
            (at("port: 3\n")..at("port: 5\n"), ""),
            (at("port: 6")..at("port: 6"), "bind: lan\n"),
            (at("17")..at("17") + 2, "71"),
        ];
        expect_test::expect![[r#"
            --- compose.yaml
            +++ compose.yaml
            @@ -1,9 +1,8 @@
             port: 0
             port: 1
             port: 2
            -port: 3
            -port: 4
             port: 5
            +bind: lan
             port: 6
             port: 7
             port: 8
            @@ -15,6 +14,6 @@
             port: 14
             port: 15
             port: 16
            -port: 17
            +port: 71
             port: 18
             port: 19
        "#]]
        .assert_eq(&diff(&text, &edits));
    }

    #[test]
    fn what_no_edit_is_about_stays_hidden() {
        let text = "a: secret\nb: {mode: x, c: secret, d: one, e: secret} # secret\nf: secret\n";
        let at = text.find("one").expect("it is there");
        expect_test::expect![[r#"
            --- compose.yaml
            +++ compose.yaml
            @@ -1,3 +1,3 @@
             a: ********
            -b: {mode: x, c: ********, d: one, e: ********} # ********
            +b: {mode: x, c: ********, d: two, e: ********} # ********
             f: ********
        "#]]
        .assert_eq(&diff(text, &[(at..at + 3, "two")]));
    }
}
