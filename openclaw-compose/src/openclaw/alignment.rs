//! One token everywhere: where it stands in files, where it should, and the edits that write it there.

use secrecy::{ExposeSecret as _, SecretSlice, SecretString};

use crate::edit::Edit;
use crate::project::Resolution;
use crate::source::Span;

use super::report::Report;
use super::rules::TOKEN;
use super::token_sources::{TokenContent, TokenSourceView};

/// The project's own variables, which Compose reads by itself.
const DOTENV: &str = ".env";

/// Where one token is to be written so that everybody has the same.
///
/// ```
/// use openclaw_compose::edit;
/// use openclaw_compose::openclaw::{Stack, examine};
/// use openclaw_compose::project::{self, Inputs, Texts};
///
/// let files = Texts::new()
///     .file("/srv/.env", "OPENCLAW_GATEWAY_TOKEN=test-token-old\n")
///     .file("/srv/compose.yaml", "
/// services:
///   gateway:
///     image: openclaw
///     command: [openclaw, gateway]
///     environment: { OPENCLAW_GATEWAY_TOKEN: '${OPENCLAW_GATEWAY_TOKEN}' }
/// ");
/// let resolution = project::resolve(&Inputs::new("/srv"), &files);
/// let report = examine(&Stack::new(&resolution).files(&files));
///
/// let edits = report.alignment(&resolution).edits(&"test-token-new".into())?;
/// let changes = edit::apply(&edits, &report.sources)?;
/// assert_eq!(changes.len(), 1, "the reference follows by itself");
/// assert_eq!(changes[0].path, ".env");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Alignment<'r> {
    report: &'r Report,
    resolution: &'r Resolution,
}

/// Why a token cannot be written everywhere.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AlignError {
    /// Files quote differently, and this token would have to be quoted.
    #[error("the token needs quoting, which differs from file to file; rotate to a minted one")]
    NeedsQuoting,
    /// A running container alone holds another token, and nothing is written there.
    #[error(
        "{source_name} stands in {place}, which is not written from here; write it there first, or mount the file"
    )]
    OutOfReach {
        /// Which source.
        source_name: String,
        /// Where it stands.
        place: String,
    },
}

impl Report {
    /// Where one token is to be written so that everybody has the same. `resolution` is the one that was examined.
    #[must_use]
    pub fn alignment<'r>(&'r self, resolution: &'r Resolution) -> Alignment<'r> {
        Alignment { report: self, resolution }
    }
}

impl<'r> Alignment<'r> {
    /// The literal values in files: where a token belongs. References and secrets kept elsewhere follow by themselves.
    pub fn literals(self) -> impl Iterator<Item = &'r TokenSourceView> {
        self.written_out().filter(move |source| !self.is_gap(source))
    }

    /// Where the literal values stand, each place once, in order.
    #[must_use]
    pub fn targets(self) -> Vec<Span> {
        spans(self.literals())
    }

    /// True if the project's `.env` needs a line of its own: the token stands in no file yet, or a Compose file that sets the
    /// variable to nothing will refer to it.
    #[must_use]
    pub fn needs_dotenv(self) -> bool {
        let dotenv = format!("{}/{DOTENV}", self.resolution.working_dir().trim_end_matches('/'));
        let holds = |span: &Span| self.report.sources.path(span.file) == Some(dotenv.as_str());
        let targets = self.targets();
        (targets.is_empty() || !self.gaps().is_empty()) && !targets.iter().any(holds)
    }

    /// The edits that put this token wherever another one stands, and a reference where a Compose file has nothing: such a
    /// file is shared and committed, so no token belongs there. What [`Alignment::needs_dotenv`] asks for is
    /// [`Alignment::dotenv`].
    ///
    /// # Errors
    /// [`AlignError`] if the token would have to be quoted, or another one stands where nothing is written.
    pub fn edits(self, token: &SecretString) -> Result<Vec<Edit>, AlignError> {
        let token = token.expose_secret();
        let differs = |source: &&TokenSourceView| {
            source.value.as_ref().is_some_and(|value| value.expose_secret() != token)
        };
        if let Some(source) = self.out_of_reach().find(differs) {
            let place = source.place.as_ref().map(|place| place.file.clone()).unwrap_or_default();
            return Err(AlignError::OutOfReach { source_name: source.source.clone(), place });
        }
        let sources = &self.report.sources;
        let literals = self.targets().into_iter().filter(|span| unquoted(sources.expose(*span)).1 != token);
        let literals = literals.map(|span| {
            // Keep the quotes that are there.
            let quote = unquoted(sources.expose(span)).0;
            Edit::secret(sources, span, SecretString::from(format!("{quote}{token}{quote}")))
        });
        let references = self.gaps().into_iter().map(|span| {
            let quote = unquoted(sources.expose(span)).0;
            Edit::text(sources, span, format!("{quote}${{{TOKEN}}}{quote}"))
        });
        let edits: Vec<Edit> = literals.chain(references).collect();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if (self.needs_dotenv() || !edits.is_empty()) && !token.chars().all(is_plain) {
            return Err(AlignError::NeedsQuoting);
        }
        Ok(edits)
    }

    /// The project's `.env` with a line for this token. Every byte that is there stays.
    #[must_use]
    pub fn dotenv(self, before: &[u8], token: &SecretString) -> SecretSlice<u8> {
        let mut content = before.to_vec();
        if content.last().is_some_and(|last| *last != b'\n') {
            content.push(b'\n');
        }
        content.extend_from_slice(format!("{TOKEN}={}\n", token.expose_secret()).as_bytes());
        SecretSlice::from(content)
    }

    /// Where a Compose file sets the variable to nothing.
    fn gaps(self) -> Vec<Span> {
        spans(self.written_out().filter(move |source| self.is_gap(source)))
    }

    fn is_gap(self, source: &TokenSourceView) -> bool {
        let file = source.place.as_ref().map(|place| place.span.file);
        source.content == TokenContent::Empty
            && file.is_some_and(|file| self.resolution.config_files().contains(&file))
    }

    /// Sources whose value, or want of one, stands in a file itself.
    fn written_out(self) -> impl Iterator<Item = &'r TokenSourceView> {
        self.standing().filter(move |source| {
            source.place.as_ref().is_some_and(|place| self.report.sources.path(place.span.file).is_some())
        })
    }

    /// Values that stand in a running container alone, where nothing is written from here.
    fn out_of_reach(self) -> impl Iterator<Item = &'r TokenSourceView> {
        self.standing().filter(move |source| {
            let name = source.place.as_ref().map(|place| self.report.sources.name(place.span.file));
            name.is_some_and(|name| name.starts_with("container:"))
        })
    }

    /// Sources that hold a value or nothing themselves, in place of referring to another.
    fn standing(self) -> impl Iterator<Item = &'r TokenSourceView> {
        self.report.tokens.iter().filter(move |source| {
            matches!(source.content, TokenContent::Value | TokenContent::Empty)
                && source
                    .place
                    .as_ref()
                    .is_some_and(|place| !self.report.sources.expose(place.span).contains("${"))
        })
    }
}

/// The places of these sources, each once, in order.
fn spans<'a>(sources: impl Iterator<Item = &'a TokenSourceView>) -> Vec<Span> {
    let mut spans: Vec<Span> =
        sources.filter_map(|source| source.place.as_ref()).map(|place| place.span).collect();
    spans.sort_by_key(|span| (span.file, span.start, span.end));
    spans.dedup();
    spans
}

/// A value as it stands in a file: its quotes, and what is between them.
fn unquoted(text: &str) -> (&str, &str) {
    for quote in ["\"", "'"] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote)) {
            return (quote, inner);
        }
    }
    ("", text)
}
