//! A page with colours. They are the program's own: what is put in as text is made harmless first.

use std::ops::{Add, AddAssign};

use crate::clean;

/// How a piece of a page is painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// What is shut.
    Red,
    /// What is open.
    Green,
    /// What a person should look at.
    Yellow,
    /// What matters less.
    Dim,
    /// What is read first.
    Bold,
    /// One source among several.
    Cyan,
    /// Another.
    Magenta,
    /// Another.
    Blue,
}

impl Paint {
    const fn code(self) -> &'static str {
        match self {
            Self::Red => "1;31",
            Self::Green => "32",
            Self::Yellow => "33",
            Self::Dim => "2",
            Self::Bold => "1",
            Self::Cyan => "36",
            Self::Magenta => "35",
            Self::Blue => "34",
        }
    }
}

/// Text that may hold colours, and no other escape sequence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Styled(String);

impl Styled {
    /// An empty page.
    #[must_use]
    pub const fn new() -> Self {
        Self(String::new())
    }

    /// The text in a colour.
    #[must_use]
    pub fn painted(paint: Paint, text: &str) -> Self {
        Self(format!("\u{1b}[{}m{}\u{1b}[0m", paint.code(), clean::text(text)))
    }

    /// What a renderer made of texts that were harmless: its colours are kept, any other escape sequence is not.
    #[must_use]
    pub fn rendered(page: &str) -> Self {
        let mut pieces = page.split("\u{1b}[");
        let mut kept = clean::text(pieces.next().unwrap_or_default()).into_owned();
        for piece in pieces {
            let end = piece.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(piece.len());
            let (code, text) = piece.split_at(end);
            match text.strip_prefix('m') {
                Some(text) => kept.extend(["\u{1b}[", code, "m", &clean::text(text)]),
                None => kept.extend(["\u{fffd}[", &clean::text(piece)]),
            }
        }
        Self(kept)
    }

    /// The page, for whoever does not print it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Without the blanks at its end.
    #[must_use]
    pub fn trim_end(&self) -> Self {
        Self(self.0.trim_end().to_owned())
    }
}

impl From<&str> for Styled {
    fn from(text: &str) -> Self {
        Self(clean::text(text).into_owned())
    }
}

impl From<String> for Styled {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl Add<&str> for Styled {
    type Output = Self;

    fn add(mut self, text: &str) -> Self {
        self += text;
        self
    }
}

impl Add<&Self> for Styled {
    type Output = Self;

    fn add(mut self, more: &Self) -> Self {
        self += more;
        self
    }
}

impl AddAssign<&str> for Styled {
    fn add_assign(&mut self, text: &str) {
        self.0.push_str(&clean::text(text));
    }
}

impl AddAssign<&Self> for Styled {
    fn add_assign(&mut self, more: &Self) {
        self.0.push_str(&more.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_brings_no_colour_of_its_own() {
        let page = Styled::painted(Paint::Red, "a\u{1b}[32mb") + "\u{1b}[8m" + &Styled::from("c\r");
        assert_eq!(page.as_str(), "\u{1b}[1;31ma\u{fffd}[32mb\u{1b}[0m\u{fffd}[8mc\u{fffd}");
    }

    #[test]
    fn of_a_rendered_page_only_colours_are_kept() {
        let page = Styled::rendered("a\u{1b}[1m\u{1b}[38;5;9mb\u{1b}[0m\u{1b}[2K\u{1b}]0;t\u{7}\u{1b}[");
        assert_eq!(
            page.as_str(),
            "a\u{1b}[1m\u{1b}[38;5;9mb\u{1b}[0m\u{fffd}[2K\u{fffd}]0;t\u{fffd}\u{fffd}["
        );
    }
}
