//! Property lists in XML, as launchd reads them: strings, lists and dictionaries with the bytes that spell them.

use std::ops::Range;

use roxmltree::{Document, Node, ParsingOptions};

use crate::source::Text;

/// A value of a property list.
///
/// Printing one with `{:?}` shows kinds only: a string may be a secret.
#[derive(Clone, PartialEq)]
pub(crate) enum Value {
    /// `<string>`, and the bytes of its content.
    Text(Text, Range<usize>),
    /// `<true/>` or `<false/>`.
    Bool(bool),
    /// `<array>`.
    List(Vec<Self>),
    /// `<dict>`, in the order of the file.
    Map(Vec<(String, Self)>),
    /// A number, a date or data: nothing here asks for them.
    Other,
}

/// Why a text is not a property list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}, in line {line}")]
pub(crate) struct PlistError {
    /// What is wrong, without the text.
    what: &'static str,
    /// The line, from one.
    line: u32,
}

impl Value {
    /// The value under a key of a dictionary.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        entries.iter().find_map(|(name, value)| (name == key).then_some(value))
    }

    /// The text and the bytes of it.
    pub(crate) fn text(&self) -> Option<(&Text, Range<usize>)> {
        if let Self::Text(text, range) = self { Some((text, range.clone())) } else { None }
    }

    /// The items of a list.
    pub(crate) fn items(&self) -> &[Self] {
        if let Self::List(items) = self { items } else { &[] }
    }

    /// The entries of a dictionary.
    pub(crate) fn entries(&self) -> &[(String, Self)] {
        if let Self::Map(entries) = self { entries } else { &[] }
    }
}

/// What a definition of launchd never has as many of, elements and the blanks between them counted. The reader descends into each.
const MOST_NODES: u32 = 4000;

/// Reads a property list.
///
/// # Errors
/// [`PlistError`] where the text is not XML, or its root is not one value in `<plist>`. The reader's own words may quote the
/// text, so they are not passed on.
pub(crate) fn read(text: &str) -> Result<Value, PlistError> {
    let options = ParsingOptions { allow_dtd: true, nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options)
        .map_err(|error| PlistError { what: "not XML", line: error.pos().row })?;
    let root = document.root_element();
    let root = if root.has_tag_name("plist") { root.first_element_child() } else { Some(root) };
    let root = root.ok_or(PlistError { what: "a property list without a value", line: 1 })?;
    Ok(value(root))
}

fn value(node: Node<'_, '_>) -> Value {
    match node.tag_name().name() {
        "string" => {
            let range = node.first_child().map_or(node.range().end..node.range().end, |child| child.range());
            Value::Text(Text::from(node.text().unwrap_or_default()), range)
        }
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "array" => Value::List(node.children().filter(Node::is_element).map(value).collect()),
        "dict" => {
            let mut entries = Vec::new();
            let mut key = None;
            for child in node.children().filter(Node::is_element) {
                match key.take() {
                    None if child.has_tag_name("key") => key = child.text(),
                    None => {}
                    Some(name) => entries.push((name.trim().to_owned(), value(child))),
                }
            }
            Value::Map(entries)
        }
        _ => Value::Other,
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Text(..) => "Text",
            Self::Bool(_) => "Bool",
            Self::List(_) => "List",
            Self::Map(_) => "Map",
            Self::Other => "Other",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_without_a_bottom_is_refused() {
        let deep = |levels: usize| {
            format!(
                "<plist>{}<true/>{}</plist>",
                "<dict><key>a</key>".repeat(levels),
                "</dict>".repeat(levels)
            )
        };
        assert!(read(&deep(100)).is_ok());
        assert!(read(&deep(200_000)).is_err());
    }

    #[test]
    fn strings_have_the_bytes_that_spell_them() {
        let text = "<?xml version=\"1.0\"?><!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://x\">\n\
            <plist version=\"1.0\"><dict><key>Label</key><string>a&amp;b</string>\n\
            <key>RunAtLoad</key><true/><key>L</key><array><string>x</string><string/></array>\n\
            <key>N</key><integer>3</integer></dict></plist>";
        let read = read(text).expect("a property list");
        let (label, range) = read.get("Label").and_then(Value::text).expect("a string");
        assert_eq!((label.expose(), &text[range]), ("a&b", "a&amp;b"));
        assert_eq!(read.get("RunAtLoad"), Some(&Value::Bool(true)));
        assert_eq!(read.get("L").map(|list| list.items().len()), Some(2));
        assert_eq!(read.get("N"), Some(&Value::Other));
        assert_eq!(super::read("bplist00").unwrap_err().line, 1);
    }
}
