//! The picture as SVG, in the colours of the page that it stands in.

use super::{Frame, Leg, Passage, Picture, Row, cut};
use crate::render::markup::Markup;
use crate::ticket::Ticket;

// Lengths in the picture's own unit, which is a pixel where there is room.
const FRAME: usize = 370;
const TITLE: usize = 26;
const ROW: usize = 40;
const GAP: usize = 14;
const LANE: usize = 12;
/// Characters that fit into a row.
const CHARACTERS: usize = 44;

/// Draws the topology of a ticket into a page; nothing where no gateway is in sight.
pub(in crate::render) fn svg(page: &mut Markup, ticket: &Ticket) {
    let Some(picture) = Picture::of(ticket) else { return };
    let left = 20 + picture.lanes * LANE;
    let mut anchors = Vec::new();
    let mut height = 1;
    for frame in &picture.frames {
        anchors.extend((0..frame.rows.len()).map(|row| height + TITLE + row * ROW + 12));
        height += TITLE + frame.rows.len() * ROW + GAP;
    }
    let width = left + FRAME + 1;
    let said = in_words(&picture);
    let described = ("picture", "Who reaches whom, and where it breaks", &*said);
    page.picture((width, height), described, |page| {
        let mut top = 1;
        for frame in &picture.frames {
            draw_frame(page, frame, left, top);
            top += TITLE + frame.rows.len() * ROW + GAP;
        }
        for leg in &picture.legs {
            if let (Some(&from), Some(&to)) = (anchors.get(leg.from), anchors.get(leg.to)) {
                draw_leg(page, leg, left, from, to);
            }
        }
    });
    if picture.left_out > 0 {
        page.words("p", &[], &format!("and {} more namespaces", picture.left_out));
    }
}

/// The picture for whoever does not see it.
fn in_words(picture: &Picture) -> String {
    let rows = picture.frames.iter().flat_map(|frame| &frame.rows);
    let said = rows.map(|Row { name, stands, detail }| match stands {
        Some((_, words)) => format!("{name}: {detail}, {words}."),
        None => format!("{name}: {detail}."),
    });
    said.collect::<Vec<_>>().join(" ")
}

fn draw_frame(page: &mut Markup, Frame { title, rows }: &Frame, left: usize, top: usize) {
    let height = TITLE + rows.len() * ROW;
    page.empty(
        "rect",
        &[("class", &"frame"), ("x", &left), ("y", &top), ("width", &FRAME), ("height", &height), ("rx", &6)],
    );
    let x = left + 12;
    let text = |page: &mut Markup, class: &str, y: usize, whole: &str| {
        page.element("text", &[("class", &class), ("x", &x), ("y", &y)], |page| {
            let shown = cut(whole, CHARACTERS);
            if shown != whole {
                page.words("title", &[], whole);
            }
            page.text(&shown);
        });
    };
    text(page, "space", top + 17, title);
    for (at, Row { name, stands, detail }) in rows.iter().enumerate() {
        let y = top + TITLE + at * ROW;
        let words = stands.as_ref().map(|(passage, words)| (class(*passage), words));
        let name = cut(name, CHARACTERS - words.map_or(0, |(_, words)| words.chars().count() + 2).min(30));
        page.element("text", &[("class", &"name"), ("x", &x), ("y", &(y + 16))], |page| {
            page.text(&name);
            if let Some((class, words)) = words {
                page.words("tspan", &[("class", &class), ("dx", &"10")], words);
            }
        });
        text(page, "detail", y + 31, detail);
    }
}

fn draw_leg(page: &mut Markup, leg: &Leg, left: usize, from: usize, to: usize) {
    let class = class(leg.passage);
    let lane = left - 12 - (leg.lane + 1) * LANE + 4;
    let tip = left - 3;
    let line = format!("M{left} {from}H{lane}V{to}H{tip}");
    page.empty("path", &[("class", &format!("leg {class}")), ("d", &line)]);
    let head = format!("M{} {}L{} {to}L{} {}z", left - 9, to - 4, left - 1, left - 9, to + 4);
    page.empty("path", &[("class", &format!("head {class}")), ("d", &head)]);
    let (x, y) = match leg.passage {
        Passage::ShutAtStart => (left - 8, from),
        Passage::ShutAtEnd if from < to => (lane, to - 14),
        Passage::ShutAtEnd => (lane, to + 14),
        Passage::Open | Passage::Unseen => return,
    };
    let (west, east, north, south) = (x - 5, x + 5, y - 5, y + 5);
    let cross = format!("M{west} {north}L{east} {south}M{east} {north}L{west} {south}");
    page.empty("path", &[("class", &"cross"), ("d", &cross)]);
}

fn class(passage: Passage) -> &'static str {
    match passage {
        Passage::Open => "open",
        Passage::ShutAtStart | Passage::ShutAtEnd => "shut",
        Passage::Unseen => "unseen",
    }
}
