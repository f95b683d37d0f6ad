//! A writer of HTML, SVG and XML: every name in it is the program's own, every text and value is escaped.

use std::fmt::Display;

use crate::clean;

/// The attributes of an element: names of the program's own, values that may be anybody's.
pub(super) type Attributes<'a> = &'a [(&'static str, &'a dyn Display)];

/// A document in the making.
pub(super) struct Markup(String);

impl Markup {
    /// Begins with what stands before the first element.
    pub(super) fn new(prologue: &'static str) -> Self {
        Self(prologue.to_owned())
    }

    pub(super) fn finish(mut self) -> String {
        self.0.push('\n');
        self.0
    }

    /// An element with what is inside.
    pub(super) fn element(
        &mut self,
        name: &'static str,
        attributes: Attributes<'_>,
        inside: impl FnOnce(&mut Self),
    ) {
        self.open(name, attributes);
        self.0.push('>');
        inside(self);
        self.0.extend(["</", name, ">"]);
    }

    /// An element with a text.
    pub(super) fn words(&mut self, name: &'static str, attributes: Attributes<'_>, text: &str) {
        self.element(name, attributes, |page| page.text(text));
    }

    /// An element with nothing inside.
    pub(super) fn empty(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.open(name, attributes);
        self.0.push_str("/>");
    }

    /// An SVG of this width and height, with what describes it to whoever does not see it: the prefix of its ids, a title, and
    /// what it shows in words.
    pub(super) fn picture(
        &mut self,
        (width, height): (usize, usize),
        (id, title, said): (&str, &str, &str),
        inside: impl FnOnce(&mut Self),
    ) {
        let (view, title_id, words_id) =
            (format!("0 0 {width} {height}"), format!("{id}-title"), format!("{id}-words"));
        let about = format!("{title_id} {words_id}");
        self.element(
            "svg",
            &[
                ("viewBox", &view),
                ("width", &width),
                ("height", &height),
                ("role", &"img"),
                ("aria-labelledby", &about),
            ],
            |page| {
                page.words("title", &[("id", &title_id)], title);
                page.words("desc", &[("id", &words_id)], said);
                inside(page);
            },
        );
    }

    /// A text.
    pub(super) fn text(&mut self, text: &str) {
        for c in clean::text(text).chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                // XML has no way to write these two.
                '\u{fffe}' | '\u{ffff}' => self.0.push('\u{fffd}'),
                c => self.0.push(c),
            }
        }
    }

    /// Rules of a style sheet, or a line break between elements: the program's own.
    pub(super) fn own(&mut self, text: &'static str) {
        self.0.push_str(text);
    }

    fn open(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.0.extend(["<", name]);
        for (name, value) in attributes {
            self.0.extend([" ", name, "=\""]);
            self.text(&value.to_string());
            self.0.push('"');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_closes_what_it_stands_in() {
        let mut page = Markup::new("");
        let hostile = "\"'></p><script>&amp;\u{202e}\u{ffff}";
        page.words("p", &[("title", &hostile)], hostile);
        page.empty("br", &[("id", &1)]);
        let escaped = "&quot;&#39;&gt;&lt;/p&gt;&lt;script&gt;&amp;amp;\u{fffd}\u{fffd}";
        assert_eq!(page.finish(), format!("<p title=\"{escaped}\">{escaped}</p><br id=\"1\"/>\n"));
    }
}
