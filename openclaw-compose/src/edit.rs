//! Edits as data: which bytes of which source become what. A pure function turns a set of them into new file contents;
//! writing those is somebody else's transaction.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};
use sha2::{Digest as _, Sha256};

use crate::secrets::Secrets;
use crate::source::{FileId, MASK, Sources, Span, masked_own};

pub use batch::Batch;
pub use diff::{Hunk, Line, LineKind};

mod batch;
mod diff;
pub(crate) mod layout;

/// A replacement of some bytes of one source.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Edit {
    /// The source's name, as [`Sources`] has it.
    pub file: String,
    /// The bytes to replace; empty to insert.
    pub span: Span,
    /// What to put there.
    pub replacement: Replacement,
    /// Whether a machine may make it unasked.
    pub applicability: Applicability,
}

/// What an [`Edit`] puts in place.
#[derive(Clone)]
#[non_exhaustive]
pub enum Replacement {
    /// Plain text.
    Text(String),
    /// Text that holds a secret, quoted for its file already. Neither prints nor serialises.
    Secret(SecretString),
}

/// Who may apply an [`Edit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::exhaustive_enums, reason = "who carries edits out must decide on each")]
pub enum Applicability {
    /// A machine may: it is reversible and widens nothing.
    Safe,
    /// A person decides.
    Judgement,
}

impl Edit {
    /// Replaces `span` of `sources` by `text`.
    #[must_use]
    pub fn text(sources: &Sources, span: Span, text: impl Into<String>) -> Self {
        Self::new(sources, span, Replacement::Text(text.into()))
    }

    /// Replaces `span` of `sources` by a secret.
    #[must_use]
    pub fn secret(sources: &Sources, span: Span, secret: SecretString) -> Self {
        Self::new(sources, span, Replacement::Secret(secret))
    }

    fn new(sources: &Sources, span: Span, replacement: Replacement) -> Self {
        let file = sources.name(span.file).to_owned();
        Self { file, span, replacement, applicability: Applicability::Safe }
    }

    /// The same edit, left to a person.
    #[must_use]
    pub fn judgement(mut self) -> Self {
        self.applicability = Applicability::Judgement;
        self
    }
}

impl Edit {
    /// Keeps what it puts in place from being shown where that holds a secret.
    pub(crate) fn mask(&mut self, secrets: &Secrets) {
        secrets.mask_in(&mut self.file);
        if let Replacement::Text(text) = &self.replacement
            && !secrets.find(text).is_empty()
        {
            self.replacement = Replacement::Secret(text.as_str().into());
        }
    }
}

impl Replacement {
    fn expose(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Secret(secret) => secret.expose_secret(),
        }
    }

    fn masked(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Owned(masked_own(text)),
            Self::Secret(_) => Cow::Borrowed(MASK),
        }
    }
}

impl fmt::Debug for Replacement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.debug_tuple("Text").field(text).finish(),
            Self::Secret(_) => f.write_str("Secret"),
        }
    }
}

impl PartialEq for Replacement {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl PartialEq for Edit {
    fn eq(&self, other: &Self) -> bool {
        self.file == other.file && self.span == other.span && self.replacement == other.replacement
    }
}

impl Eq for Edit {}

/// `{file, span: [start, end], replacement | secret: true, applicability}`; the secret itself is never written.
impl Serialize for Edit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Edit", 4)?;
        out.serialize_field("file", &self.file)?;
        out.serialize_field("span", &[self.span.start, self.span.end])?;
        match &self.replacement {
            Replacement::Text(text) => out.serialize_field("replacement", text)?,
            Replacement::Secret(_) => out.serialize_field("secret", &true)?,
        }
        out.serialize_field("applicability", &self.applicability)?;
        out.end()
    }
}

/// The new content of one file.
#[non_exhaustive]
pub struct Change {
    /// The source.
    pub source: FileId,
    /// The file, named as its source.
    pub path: String,
    /// The absolute path its source was read from; nothing for a text that the caller gave.
    pub on_disk: Option<String>,
    /// SHA-256 of the content the edits were made for: whoever writes checks it first.
    pub expected: [u8; 32],
    /// The new content; it may hold secrets old and new.
    pub bytes: SecretSlice<u8>,
    /// Whether an edit put a secret in.
    pub secret: bool,
    /// What changes, in order, masked.
    pub hunks: Vec<Hunk>,
}

/// A unified diff of the file, masked.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "--- {0}\n+++ {0}", self.path)?;
        self.hunks.iter().try_for_each(|hunk| hunk.fmt(f))
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change")
            .field("path", &self.path)
            .field("secret", &self.secret)
            .finish_non_exhaustive()
    }
}

/// Edits that cannot be applied together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// Two edits want the same bytes.
    #[error(
        "{file}: two different edits of bytes {first:?} and {second:?}; apply one of their findings at a time"
    )]
    Conflict {
        /// The source.
        file: String,
        /// The earlier one's bytes.
        first: (u32, u32),
        /// The later one's bytes.
        second: (u32, u32),
    },
    /// The bytes do not lie in the source, or cut a character in two.
    #[error("{file}: bytes {span:?} are not there; the edit was made for other sources")]
    OutOfRange {
        /// The source.
        file: String,
        /// The bytes.
        span: (u32, u32),
    },
    /// A source that no file stands behind, such as the shell.
    #[error("{file} is not a file that could be edited")]
    NotAFile {
        /// The source.
        file: String,
    },
    /// The file holds other bytes than its source, so nothing can be said about bytes of it.
    #[error(
        "{file} is not UTF-8 from line {line} on: an edit of what was read would spoil it; save it as UTF-8"
    )]
    NotUtf8 {
        /// The source.
        file: String,
        /// The first line that is not UTF-8.
        line: u32,
    },
}

/// Applies `edits` to the texts of `sources`: one [`Change`] a file, in path order. Equal edits count once.
///
/// # Errors
///
/// Edits that overlap and differ, and edits that do not fit the sources. Nothing is applied then.
///
/// ```
/// use openclaw_compose::{edit::{Edit, apply}, source::{Sources, Span}};
///
/// let mut sources = Sources::new();
/// let file = sources.add("openclaw.json", "{ bind: 'loopback' } // kept");
/// let changes = apply(&[Edit::text(&sources, Span::new(file, 8, 18), "'lan'")], &sources)?;
/// let changed: Vec<&str> = changes[0].hunks[0].lines.iter().map(|line| line.text.as_str()).collect();
/// assert_eq!(changed, ["{ bind: 'loopback' } // ********", "{ bind: 'lan' } // ********"]);
/// # Ok::<(), openclaw_compose::edit::EditError>(())
/// ```
pub fn apply(edits: &[Edit], sources: &Sources) -> Result<Vec<Change>, EditError> {
    let mut batch = Batch::new(sources);
    batch.add(edits)?;
    Ok(batch.apply())
}

/// What edits would change in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Preview {
    /// The file, as its source is called.
    pub path: String,
    /// What changes, in order, masked.
    pub hunks: Vec<Hunk>,
}

/// What [`apply`] would change, without the new texts: it costs what the edits touch, not what the files hold.
///
/// # Errors
///
/// As [`apply`].
pub fn preview(edits: &[Edit], sources: &Sources) -> Result<Vec<Preview>, EditError> {
    let by_file = by_file(edits, sources)?;
    let mut previews: Vec<Preview> = by_file
        .iter()
        .map(|(file, edits)| Preview {
            path: sources.name(*file).to_owned(),
            hunks: diff::hunks(*file, edits, sources),
        })
        .collect();
    previews.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(previews)
}

/// The edits of each file in order, each once.
fn by_file<'e>(
    edits: &'e [Edit],
    sources: &'e Sources,
) -> Result<BTreeMap<FileId, Vec<&'e Edit>>, EditError> {
    let mut batch = Batch::new(sources);
    batch.add(edits)?;
    Ok(batch.by_file())
}

fn change(file: FileId, edits: &[&Edit], sources: &Sources) -> Change {
    let text = sources.expose_file(file);
    let mut new = String::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        let range = edit.span.range();
        new.push_str(text.get(at..range.start).unwrap_or_default());
        new.push_str(edit.replacement.expose());
        at = range.end;
    }
    new.push_str(text.get(at..).unwrap_or_default());
    Change {
        expected: Sha256::digest(text.as_bytes()).into(),
        secret: edits.iter().any(|edit| matches!(edit.replacement, Replacement::Secret(_))),
        hunks: diff::hunks(file, edits, sources),
        bytes: SecretSlice::from(new.into_bytes()),
        on_disk: sources.path(file).map(str::to_owned),
        source: file,
        path: sources.name(file).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(text: &str) -> (Sources, FileId) {
        let mut sources = Sources::new();
        let file = sources.add("compose.yaml", text);
        (sources, file)
    }

    fn text_of(change: &Change) -> String {
        String::from_utf8(change.bytes.expose_secret().to_vec()).expect("UTF-8")
    }

    #[test]
    fn edits_meet_only_the_bytes_they_name() {
        let (sources, file) = sources("a: 1 # one\nb: 2\nc: 3\n");
        let edits = [
            Edit::text(&sources, Span::new(file, 14, 15), "22"),
            Edit::text(&sources, Span::new(file, 3, 4), "11"),
            Edit::text(&sources, Span::new(file, 16, 16), "new: line\n"),
            Edit::text(&sources, Span::new(file, 3, 4), "11"),
        ];
        let changes = apply(&edits, &sources).expect("no conflict");
        assert_eq!(text_of(&changes[0]), "a: 11 # one\nb: 22\nnew: line\nc: 3\n");
        expect_test::expect![[r#"
            --- compose.yaml
            +++ compose.yaml
            @@ -1,3 +1,4 @@
            -a: 1 # ********
            +a: 11 # ********
            -b: 2
            +b: 22
            +new: line
             c: ********
        "#]]
        .assert_eq(&changes[0].to_string());
    }

    #[test]
    fn a_file_that_is_not_utf8_is_not_edited() {
        let mut sources = Sources::new();
        let file = sources.add_file(".env", "A=1\n# caf\u{fffd}\n", "/srv/.env", Some(2));
        let error = apply(&[Edit::text(&sources, Span::new(file, 2, 3), "2")], &sources).unwrap_err();
        assert!(error.to_string().starts_with(".env is not UTF-8 from line 2 on"), "{error}");
    }

    #[test]
    fn conflicts_are_errors() {
        let (sources, file) = sources("a: 1234\n");
        let edit = |start, end, text: &str| Edit::text(&sources, Span::new(file, start, end), text);
        for pair in [
            [edit(3, 7, "x"), edit(5, 6, "y")],
            [edit(3, 5, "x"), edit(3, 5, "y")],
            [edit(3, 3, "x"), edit(3, 3, "y")],
            [edit(3, 3, "x"), edit(3, 5, "y")],
        ] {
            assert!(matches!(apply(&pair, &sources), Err(EditError::Conflict { .. })), "{pair:?}");
        }
        assert!(apply(&[edit(3, 5, "x"), edit(5, 7, "y")], &sources).is_ok());
        assert!(matches!(apply(&[edit(3, 70, "x")], &sources), Err(EditError::OutOfRange { .. })));
    }

    #[test]
    fn secrets_show_nowhere() {
        let mut sources = Sources::new();
        let file = sources.add(".env", "TOKEN=canary-old-1\nOTHER=x\n");
        sources.mark_secret(Span::new(file, 6, 18));
        let edit = Edit::secret(&sources, Span::new(file, 6, 18), "canary-new-2".into());
        let shown = format!("{edit:?}{}", serde_json::to_string(&edit).expect("json"));
        let changes = apply(&[edit], &sources).expect("one edit");
        assert_eq!(text_of(&changes[0]), "TOKEN=canary-new-2\nOTHER=x\n");
        assert!(changes[0].secret);
        let all = format!("{shown}{:?}{}", changes[0], changes[0]);
        assert!(!all.contains("canary"), "{all}");
        assert!(changes[0].to_string().contains("-TOKEN=********\n+TOKEN=********\n OTHER=********\n"));
    }

    #[test]
    fn a_last_line_without_newline_is_said() {
        let (sources, file) = sources("a: 1");
        let changes = apply(&[Edit::text(&sources, Span::new(file, 3, 4), "2")], &sources).expect("one edit");
        assert!(
            changes[0]
                .to_string()
                .ends_with("-a: 1\n\\ No newline at end of file\n+a: 2\n\\ No newline at end of file\n")
        );
    }
}
