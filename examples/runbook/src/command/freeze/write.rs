//! One literal into every source, and a reference where a Compose file has nothing, as one transaction.

use openclaw_compose::edit::{self, EditError};
use openclaw_compose::openclaw::AlignError;
use openclaw_compose::project::{Files as _, ReadError};
use openclaw_runbook::project::disk;
use openclaw_runbook::recovery::tag;
use openclaw_runbook::targets::{TargetError, Targets};
use openclaw_token::fs::transaction::{Change, Staged, Transaction, TransactionError};
use openclaw_token::{Digest, Record};
use secrecy::{ExposeSecret, SecretString};

use super::tokens::{DOTENV, ProjectTokens};

/// Why the token could not be staged. No file was changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum StageError {
    #[error(transparent)]
    Align(#[from] AlignError),
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
    project: &ProjectTokens,
    outside: bool,
    token: &SecretString,
    record: &Record,
) -> Result<Staged, StageError> {
    let sources = &project.project.report.sources;
    let alignment = project.alignment();
    let edits = alignment.edits(token)?;
    let edited = edit::apply(&edits, sources)?;
    let targets = Targets::of_edits(&project.project.directory, &edited, outside)?;
    let mut changes: Vec<Change> = edited.iter().map(|change| targets.write(change).secret()).collect();
    if alignment.needs_dotenv() {
        changes.push(first_line(project, token)?);
    }
    let tag = tag(record, &project.root, &targets.root);
    Ok(Transaction::plan(&targets.root, changes)?.stage(Some(&tag))?)
}

/// The token's line in `.env`, which has none yet. Every byte that is there stays.
fn first_line(project: &ProjectTokens, token: &SecretString) -> Result<Change, StageError> {
    let path = project.root.join(DOTENV);
    let before = match disk(false).read_within(&[&project.root.to_string_lossy()], &path.to_string_lossy()) {
        Ok(bytes) => Some(bytes),
        Err(ReadError::NotFound) => None,
        Err(error) => return Err(StageError::Dotenv(error)),
    };
    let content = project.alignment().dotenv(before.as_deref().unwrap_or_default(), token);
    Ok(Change::write(path, before.map(|before| Digest::of(&before)), content.expose_secret().to_vec())
        .secret())
}
