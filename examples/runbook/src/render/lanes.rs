//! The lanes of pairing as SVG, one below the other over one span of time, in the colours of the page that they stand in.

use super::markup::Markup;
use crate::timeline::{Lane, Lanes, SIGNS, WIDTH, time};

// Lengths in the picture's own unit, which is a pixel where there is room.
const NAME: usize = 190;
const MOMENT: usize = 10;
const ROW: usize = 24;
/// Characters of a name that fit before a lane.
const CHARACTERS: usize = 24;

/// Draws the lanes into a page.
pub(super) fn svg(page: &mut Markup, lanes: &Lanes) {
    let (width, height) = (NAME + (WIDTH + 1) * MOMENT, lanes.rows.len() * ROW + 4);
    let said: Vec<String> = lanes.rows.iter().map(in_words).collect();
    let described = ("lanes", "Who asked for pairing, and when", &*said.join(" "));
    page.picture((width, height), described, |page| {
        for (at, lane) in lanes.rows.iter().enumerate() {
            draw(page, lane, at * ROW + 17);
        }
    });
    let span = [lanes.from_ms, lanes.to_ms].map(|at| time(at).unwrap_or_default());
    page.words("figcaption", &[], &format!("{} to {}", span[0], span[1]));
}

/// A lane for whoever does not see it.
fn in_words(Lane { name, bar }: &Lane) -> String {
    let said: Vec<&str> = bar.chars().filter_map(means).collect();
    format!("{name}: {}.", said.join(", "))
}

fn means(sign: char) -> Option<&'static str> {
    SIGNS.iter().find(|(known, _)| *known == sign).map(|(_, means)| *means)
}

fn draw(page: &mut Markup, Lane { name, bar }: &Lane, y: usize) {
    let shown: String = name.chars().take(CHARACTERS).collect();
    page.words("text", &[("class", &"name"), ("x", &4), ("y", &y)], &shown);
    let (line, end) = (y - 4, NAME + WIDTH * MOMENT);
    page.empty("path", &[("class", &"lane"), ("d", &format!("M{NAME} {line}H{end}"))]);
    for (at, sign) in bar.chars().enumerate() {
        let x = NAME + at * MOMENT;
        if sign == '.' {
            page.empty("path", &[("class", &"leg doubt"), ("d", &format!("M{x} {line}h{MOMENT}"))]);
        } else if let Some(means) = means(sign) {
            let class = match sign {
                'A' | '+' | 'r' => "open",
                'x' | 'R' | 'E' => "shut",
                _ => "doubt",
            };
            page.element("text", &[("x", &x), ("y", &y)], |page| {
                page.words("title", &[], means);
                page.words("tspan", &[("class", &class)], &sign.to_string());
            });
        }
    }
}
