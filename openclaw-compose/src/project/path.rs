//! Where in the tree something is: a path that lives on the stack, and the patterns of the rule tables.

use std::fmt;
use std::sync::Arc;

/// A path from the root, as a chain of stack frames.
#[derive(Clone, Copy)]
pub(crate) struct Path<'a> {
    parent: Option<&'a Self>,
    segment: Segment<'a>,
    depth: usize,
}

#[derive(Clone, Copy)]
enum Segment<'a> {
    Root,
    Key(&'a str),
    Item(usize),
}

/// A pattern of a rule table: `*` is any key, `[]` any item of a list.
pub(crate) type Pattern = &'static [&'static str];

impl<'a> Path<'a> {
    pub(crate) const ROOT: Path<'static> = Path { parent: None, segment: Segment::Root, depth: 0 };

    pub(crate) fn key(&'a self, key: &'a str) -> Self {
        Path { parent: Some(self), segment: Segment::Key(key), depth: self.depth + 1 }
    }

    pub(crate) fn item(&'a self, index: usize) -> Self {
        Path { parent: Some(self), segment: Segment::Item(index), depth: self.depth + 1 }
    }

    /// How many segments the path has.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// The keys from the root on; a list item gives its number.
    pub(crate) fn keys(&self) -> Vec<Arc<str>> {
        let mut keys = Vec::with_capacity(self.depth);
        let mut path = self;
        while let Some(parent) = path.parent {
            match path.segment {
                Segment::Root => {}
                Segment::Key(key) => keys.push(Arc::from(key)),
                Segment::Item(index) => keys.push(Arc::from(index.to_string())),
            }
            path = parent;
        }
        keys.reverse();
        keys
    }

    /// The last key; empty for a list item or the root.
    pub(crate) fn last(&self) -> &str {
        if let Segment::Key(key) = self.segment { key } else { "" }
    }

    pub(crate) fn is_item(&self) -> bool {
        matches!(self.segment, Segment::Item(_))
    }

    pub(crate) fn matches(&self, pattern: Pattern) -> bool {
        if pattern.len() != self.depth {
            return false;
        }
        let mut path = self;
        for want in pattern.iter().rev() {
            let fits = match path.segment {
                Segment::Root => false,
                Segment::Key(key) => *want == "*" || *want == key,
                Segment::Item(_) => *want == "[]" || *want == "*",
            };
            if !fits {
                return false;
            }
            match path.parent {
                Some(parent) => path = parent,
                None => return false,
            }
        }
        true
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(parent) = self.parent else { return Ok(()) };
        parent.fmt(f)?;
        if parent.parent.is_some() {
            f.write_str(".")?;
        }
        match self.segment {
            Segment::Root => Ok(()),
            Segment::Key(key) => f.write_str(key),
            Segment::Item(index) => write!(f, "{index}"),
        }
    }
}
