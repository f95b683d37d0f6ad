//! Edits that go together.

use std::collections::BTreeMap;

use crate::source::{FileId, Sources};

use super::{Change, Edit, EditError, change};

/// Edits that go together, taken one remedy after the other: what does not fit those before is refused, and they stay.
///
/// ```
/// use openclaw_compose::{edit::{Batch, Edit}, source::{Sources, Span}};
///
/// let mut sources = Sources::new();
/// let file = sources.add("openclaw.json", "{ bind: 'loopback' }");
/// let edit = |text: &str| [Edit::text(&sources, Span::new(file, 8, 18), text)];
/// let (lan, auto) = (edit("'lan'"), edit("'auto'"));
/// let mut batch = Batch::new(&sources);
/// batch.add(&lan)?;
/// assert!(batch.add(&auto).is_err(), "the same bytes");
/// assert_eq!(batch.apply().len(), 1);
/// # Ok::<(), openclaw_compose::edit::EditError>(())
/// ```
#[derive(Debug)]
pub struct Batch<'e> {
    sources: &'e Sources,
    files: BTreeMap<FileId, BTreeMap<(u32, u32), &'e Edit>>,
}

impl<'e> Batch<'e> {
    /// None yet, for these sources.
    #[must_use]
    pub fn new(sources: &'e Sources) -> Self {
        Self { sources, files: BTreeMap::new() }
    }

    /// Takes all of these, or none. Equal edits count once.
    ///
    /// # Errors
    ///
    /// As [`apply`](super::apply): edits that overlap and differ, and edits that do not fit the sources.
    pub fn add(&mut self, edits: &'e [Edit]) -> Result<(), EditError> {
        let mut added = Vec::with_capacity(edits.len());
        for edit in edits {
            match self.insert(edit) {
                Ok(true) => added.push(edit.span),
                Ok(false) => {}
                Err(error) => {
                    for span in added {
                        self.files.entry(span.file).or_default().remove(&(span.start, span.end));
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// One [`Change`] a file, in path order.
    #[must_use]
    pub fn apply(&self) -> Vec<Change> {
        let by_file = self.by_file();
        let changes = by_file.iter().filter(|(_, edits)| !edits.is_empty());
        let mut changes: Vec<Change> =
            changes.map(|(file, edits)| change(*file, edits, self.sources)).collect();
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        changes
    }

    pub(super) fn by_file(&self) -> BTreeMap<FileId, Vec<&'e Edit>> {
        self.files.iter().map(|(file, edits)| (*file, edits.values().copied().collect())).collect()
    }

    /// Whether it was not there yet.
    fn insert(&mut self, edit: &'e Edit) -> Result<bool, EditError> {
        fits(edit, self.sources)?;
        let edits = self.files.entry(edit.span.file).or_default();
        let key = (edit.span.start, edit.span.end);
        if let Some(same) = edits.get(&key) {
            return if *same == edit { Ok(false) } else { Err(conflict(edit, key, key)) };
        }
        // What was taken does not overlap, so that only the neighbours can.
        if let Some((&before, _)) = edits.range(..key).next_back()
            && (before.1 > key.0 || before.0 == key.0)
        {
            return Err(conflict(edit, before, key));
        }
        if let Some((&after, _)) = edits.range(key..).next()
            && (key.1 > after.0 || after.0 == key.0)
        {
            return Err(conflict(edit, key, after));
        }
        edits.insert(key, edit);
        Ok(true)
    }
}

pub(super) fn conflict(edit: &Edit, first: (u32, u32), second: (u32, u32)) -> EditError {
    EditError::Conflict { file: edit.file.clone(), first, second }
}

/// Whether an edit fits its text.
pub(super) fn fits(edit: &Edit, sources: &Sources) -> Result<(), EditError> {
    let file = edit.span.file;
    let path = sources.name(file);
    if path.is_empty() || path == "shell" {
        return Err(EditError::NotAFile { file: edit.file.clone() });
    }
    if let Some(line) = sources.not_utf8(file) {
        return Err(EditError::NotUtf8 { file: path.to_owned(), line });
    }
    if edit.file != path || sources.expose_file(file).get(edit.span.range()).is_none() {
        return Err(EditError::OutOfRange { file: path.to_owned(), span: (edit.span.start, edit.span.end) });
    }
    Ok(())
}
