//! One literal into every carrier, and a reference where a Compose file has nothing, as one transaction.

use std::path::Path;

use openclaw_compose::edit::{self, Edit};
use openclaw_token::fs::transaction::{Change, Staged, Transaction};
use openclaw_token::{Digest, Record};
use secrecy::{ExposeSecret, SecretString};

use crate::stack::{DOTENV, Stack};

const NAME: &str = "OPENCLAW_GATEWAY_TOKEN";

/// Why the token could not be staged.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Makes the new content of every carrier durable, replacing nothing yet.
pub(crate) fn stage(stack: &Stack, token: &SecretString, record: &Record) -> Result<Staged, Failure> {
    let targets = stack.targets();
    let sources = &stack.report.sources;
    let literals = targets
        .iter()
        .filter(|span| unquoted(sources.expose(**span)).1 != token.expose_secret())
        .map(|&span| {
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
        return Err("the token needs quoting, which differs from file to file; rotate to a minted one".into());
    }
    let mut changes = Vec::new();
    for change in edit::apply(&edits, sources)? {
        let path = stack.on_disk(&change.path).ok_or_else(|| format!("{} is gone", change.path))?;
        let expected = Some(Digest::from(change.expected));
        changes.push(Change::write(path, expected, change.bytes.expose_secret().to_vec()).secret());
    }
    if stack.needs_dotenv() {
        changes.push(first_line(&stack.root, token)?);
    }
    Ok(Transaction::plan(stack.common_root(), changes)?.stage(Some(&record.fingerprint.to_string()))?)
}

/// The token's line in `.env`, which has none yet.
fn first_line(root: &Path, token: &SecretString) -> std::io::Result<Change> {
    let path = root.join(DOTENV);
    let before = match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let mut text = before.clone().unwrap_or_default();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text += &format!("{NAME}={}\n", token.expose_secret());
    Ok(Change::write(path, before.map(|before| Digest::of(before.as_bytes())), text).secret())
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
