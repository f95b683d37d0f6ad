//! One literal into every source, and a reference where a Compose file has nothing, as one transaction.

use openclaw_compose::edit::{self, Edit, EditError};
use openclaw_compose::project::{Files as _, ReadError};
use openclaw_runbook::project::disk;
use openclaw_runbook::recovery::tag;
use openclaw_runbook::targets::{TargetError, Targets};
use openclaw_token::fs::transaction::{Change, Staged, Transaction, TransactionError};
use openclaw_token::{Digest, Record};
use secrecy::{ExposeSecret, SecretString};

use super::stack::{DOTENV, Stack};

const NAME: &str = "OPENCLAW_GATEWAY_TOKEN";

/// Why the token could not be staged. No file was changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum StageError {
    #[error("the token needs quoting, which differs from file to file; rotate to a minted one")]
    NeedsQuoting,
    #[error(
        "{label} stands in {place}, which is not written from here; write it there first, or mount the file"
    )]
    OutOfReach { label: String, place: String },
    #[error("{DOTENV}: {0}")]
    Dotenv(ReadError),
    #[error(transparent)]
    Edit(#[from] EditError),
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(transparent)]
    Transaction(#[from] TransactionError),
}

/// Makes the new content of every source durable, replacing nothing yet.
pub(super) fn stage(
    stack: &Stack,
    outside: bool,
    token: &SecretString,
    record: &Record,
) -> Result<Staged, StageError> {
    let sources = &stack.project.report.sources;
    let other = stack.out_of_reach().find(|source| {
        source.value.as_ref().is_some_and(|value| value.expose_secret() != token.expose_secret())
    });
    if let Some(source) = other {
        let place = source.place.as_ref().map(|place| place.file.clone()).unwrap_or_default();
        return Err(StageError::OutOfReach { label: source.source.clone(), place });
    }
    let literals = stack
        .targets()
        .into_iter()
        .filter(|span| unquoted(sources.expose(*span)).1 != token.expose_secret())
        .map(|span| {
            // Keep the quotes that are there.
            let quote = unquoted(sources.expose(span)).0;
            let literal = SecretString::from(format!("{quote}{}{quote}", token.expose_secret()));
            Edit::secret(sources, span, literal)
        });
    let references = stack.gaps().into_iter().map(|span| {
        let quote = unquoted(sources.expose(span)).0;
        Edit::text(sources, span, format!("{quote}${{{NAME}}}{quote}"))
    });
    let edits: Vec<Edit> = literals.chain(references).collect();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let writes = stack.needs_dotenv() || !edits.is_empty();
    if writes && !token.expose_secret().chars().all(is_plain) {
        return Err(StageError::NeedsQuoting);
    }
    let edited = edit::apply(&edits, sources)?;
    let targets = Targets::of_edits(&stack.project.directory, &edited, outside)?;
    let mut changes: Vec<Change> = edited.iter().map(|change| targets.write(change).secret()).collect();
    if stack.needs_dotenv() {
        changes.push(first_line(stack, token)?);
    }
    let tag = tag(record, &stack.root, &targets.root);
    Ok(Transaction::plan(&targets.root, changes)?.stage(Some(&tag))?)
}

/// The token's line in `.env`, which has none yet. Every byte that is there stays.
fn first_line(stack: &Stack, token: &SecretString) -> Result<Change, StageError> {
    let path = stack.root.join(DOTENV);
    let before = match disk(false).read_within(&[&stack.root.to_string_lossy()], &path.to_string_lossy()) {
        Ok(bytes) => Some(bytes),
        Err(ReadError::NotFound) => None,
        Err(error) => return Err(StageError::Dotenv(error)),
    };
    let mut content = before.as_deref().unwrap_or_default().to_vec();
    if content.last().is_some_and(|last| *last != b'\n') {
        content.push(b'\n');
    }
    content.extend_from_slice(format!("{NAME}={}\n", token.expose_secret()).as_bytes());
    Ok(Change::write(path, before.map(|before| Digest::of(&before)), content).secret())
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
