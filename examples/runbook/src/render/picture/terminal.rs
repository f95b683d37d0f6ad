//! The picture in characters.

use super::{Frame, Leg, Passage, Picture, Row, cut};
use crate::render::headline;
use crate::ticket::Ticket;

/// Where it ends on the right.
const WIDTH: usize = 80;
/// Lines of a row.
const ROW: usize = 2;

/// Draws the topology of a ticket for a terminal, under its headline.
#[must_use]
pub fn picture(ticket: &Ticket) -> String {
    let mut out = format!("{}  {}\n\n", ticket.verdict.word(), headline(ticket));
    match Picture::of(ticket) {
        Some(picture) => out.push_str(&draw(&picture)),
        None => out.push_str("No gateway is in sight: there is nothing to draw.\n"),
    }
    out
}

fn draw(picture: &Picture) -> String {
    let margin = Margin::of(picture);
    let inside = WIDTH - margin.width() - 4;
    let mut lines: Vec<String> = Vec::new();
    for Frame { title, rows } in &picture.frames {
        let title = cut(title, inside - 2);
        lines.push(format!("┌─ {title} {}┐", "─".repeat(inside - 1 - title.chars().count())));
        for Row { name, stands, detail } in rows {
            let stands = stands.as_ref().map(|(_, words)| format!("  {words}")).unwrap_or_default();
            for line in [format!("{name}{stands}"), format!("  {detail}")] {
                lines.push(format!("│ {:<inside$} │", cut(&line, inside)));
            }
        }
        lines.push(format!("└{}┘", "─".repeat(inside + 2)));
    }
    let mut out = String::new();
    for (at, line) in lines.iter().enumerate() {
        let drawn = format!("{}{line}", margin.line(at));
        out.push_str(drawn.trim_end());
        out.push('\n');
    }
    if picture.left_out > 0 {
        out.push_str(&format!("and {} more (--format json)\n", picture.left_out));
    }
    out
}

/// What leaves a cell of the margin, and how it is drawn.
#[derive(Clone, Copy, Default)]
struct Cell {
    up: bool,
    down: bool,
    left: bool,
    right: bool,
    /// Something in it is open or shut, and not only unseen.
    solid: bool,
    /// Drawn instead of a line.
    mark: Option<char>,
}

impl Cell {
    fn character(self) -> char {
        if let Some(mark) = self.mark {
            return mark;
        }
        match (self.up, self.down, self.left, self.right) {
            (false, false, false, false) => ' ',
            (true | false, true | false, false, false) => {
                if self.solid {
                    '│'
                } else {
                    '┊'
                }
            }
            (false, false, ..) => {
                if self.solid {
                    '─'
                } else {
                    '┄'
                }
            }
            (false, true, false, true) => '┌',
            (true, false, false, true) => '└',
            (true, true, false, true) => '├',
            (false, true, ..) => '┬',
            (true, false, ..) => '┴',
            (true, true, ..) => '┼',
        }
    }
}

/// The lanes to the left of the frames.
struct Margin {
    lanes: usize,
    cells: Vec<Vec<Cell>>,
}

impl Margin {
    fn of(picture: &Picture) -> Self {
        let mut anchors = Vec::new();
        let mut line = 0;
        for frame in &picture.frames {
            anchors.extend((0..frame.rows.len()).map(|row| line + 1 + row * ROW));
            line += frame.rows.len() * ROW + 2;
        }
        let mut margin = Self { lanes: picture.lanes, cells: Vec::new() };
        margin.cells = vec![vec![Cell::default(); margin.width()]; line];
        for leg in &picture.legs {
            if let (Some(&from), Some(&to)) = (anchors.get(leg.from), anchors.get(leg.to)) {
                margin.leg(leg, from, to);
            }
        }
        margin
    }

    fn width(&self) -> usize {
        if self.lanes == 0 { 0 } else { self.lanes * 2 + 2 }
    }

    fn leg(&mut self, leg: &Leg, from: usize, to: usize) {
        let column = (self.lanes - 1 - leg.lane) * 2;
        let edge = self.width() - 1;
        let solid = leg.passage != Passage::Unseen;
        let (top, bottom) = (from.min(to), from.max(to));
        for line in top..=bottom {
            self.change(line, column, |cell| {
                cell.up |= line > top;
                cell.down |= line < bottom;
                cell.right |= line == top || line == bottom;
                cell.solid |= solid;
            });
        }
        for line in [from, to] {
            for at in column + 1..=edge {
                self.change(line, at, |cell| {
                    (cell.left, cell.right) = (true, true);
                    cell.solid |= solid;
                });
            }
        }
        self.change(to, edge, |cell| cell.mark = Some('>'));
        // On the lane's own line, for what leads to the row may be shared.
        match leg.passage {
            Passage::ShutAtEnd if from < to => self.change(to - 1, column, |cell| cell.mark = Some('x')),
            Passage::ShutAtEnd => self.change(to + 1, column, |cell| cell.mark = Some('x')),
            Passage::ShutAtStart => self.change(from, edge, |cell| cell.mark = Some('x')),
            Passage::Open | Passage::Unseen => {}
        }
    }

    fn change(&mut self, line: usize, column: usize, change: impl FnOnce(&mut Cell)) {
        if let Some(cell) = self.cells.get_mut(line).and_then(|line| line.get_mut(column)) {
            change(cell);
        }
    }

    fn line(&self, at: usize) -> String {
        self.cells.get(at).into_iter().flatten().map(|cell| cell.character()).collect()
    }
}
