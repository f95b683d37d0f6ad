//! Supervisor definitions wired to the gate: made here, and existing ones verified. Texts in, texts and findings out;
//! nothing is installed and no secret is ever embedded.
//!
//! The launchd output is validated by python's `plistlib` in a test, the systemd output by `systemd-analyze verify` where
//! that is present. Nothing here was run on macOS; what launchd does with these keys is taken from its manual page.

use std::time::Duration;

use crate::codes::Code;
use crate::finding::{Finding, Place, PlaceRole, Subject};
use crate::release;

pub mod compose;
pub mod launchd;
pub mod loaded;
pub mod systemd;

/// The gateway gives running work this long when it is stopped (OpenClaw 2026.9.6 observed behaviour).
pub const DRAIN_BUDGET: Duration = Duration::from_secs(315);

/// The newest gateway's own stop policy, and so what a generated definition grants.
pub const STOP_BUDGET: Duration = Duration::from_secs(330);

/// The least a supervisor must grant a gateway of this release, such as `2026.9.6`; of one that is not known as much as the
/// newest needs.
#[must_use]
pub fn stop_budget(release: Option<&str>) -> Duration {
    release::stop_budget(release)
}

/// The gateway's exit code when an operator must act; restarting cannot help (OpenClaw 2026.9.6 observed behaviour).
pub const EXIT_OPERATOR: u8 = 78;

/// What a job runs and as whom.
///
/// The program and its arguments must not hold a secret; the job reads it from a file that its own user owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    label: String,
    program: Vec<String>,
    user: Option<String>,
    logs: String,
}

/// Why a job cannot be written down.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// The label would not be one file name in every service manager.
    #[error("the label may hold letters, digits, dots and hyphens only")]
    Label,
    /// There is no program, or it is not an absolute path.
    #[error("the program is not an absolute path; a service manager has no search path of its own")]
    Program,
    /// An argument looks like a secret. The text is not repeated.
    #[error("argument {index} holds a token or password; give it in a file that the job reads")]
    Secret {
        /// Which argument, from 0.
        index: usize,
    },
    /// A control character, which no definition can carry.
    #[error("argument {index} holds a control character")]
    Control {
        /// Which argument, from 0.
        index: usize,
    },
    /// The user name holds a character that no account has.
    #[error("the user name may hold letters, digits, dots, underscores and hyphens only")]
    User,
    /// The log directory is not an absolute path.
    #[error("the log directory is not an absolute path")]
    Logs,
}

impl Job {
    /// A job with this label (`ai.openclaw.gate`), command line and log directory.
    ///
    /// # Errors
    ///
    /// When the label is not a file name, the program no absolute path, or an argument holds a secret.
    pub fn new<S: Into<String>>(
        label: &str,
        command: impl IntoIterator<Item = S>,
        logs: &str,
    ) -> Result<Self, JobError> {
        let program: Vec<String> = command.into_iter().map(Into::into).collect();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        if label.is_empty() || label.starts_with('.') || !label.chars().all(plain) {
            return Err(JobError::Label);
        }
        if !program.first().is_some_and(|path| path.starts_with('/')) {
            return Err(JobError::Program);
        }
        if let Some(index) = program.iter().position(|argument| argument.chars().any(char::is_control)) {
            return Err(JobError::Control { index });
        }
        if let Some(index) = (0..program.len()).find(|index| is_secret_argument(&program, *index)) {
            return Err(JobError::Secret { index });
        }
        if !logs.starts_with('/') || logs.chars().any(char::is_control) {
            return Err(JobError::Logs);
        }
        Ok(Self { label: label.to_owned(), program, user: None, logs: logs.trim_end_matches('/').to_owned() })
    }

    /// Runs as this account, without anybody logged in: a `LaunchDaemon`, or a system unit.
    ///
    /// # Errors
    ///
    /// When the name holds a character that no account has.
    pub fn user(mut self, name: &str) -> Result<Self, JobError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if name.is_empty() || name.starts_with('-') || !name.chars().all(plain) {
            return Err(JobError::User);
        }
        self.user = Some(name.to_owned());
        Ok(self)
    }
}

/// Whether an argument gives a secret away: `--token X`, `--token=X`, `TOKEN=X`, or a URL with one.
fn is_secret_argument(command: &[String], index: usize) -> bool {
    let Some(argument) = command.get(index) else { return false };
    let before = index.checked_sub(1).and_then(|index| command.get(index)).map_or("", String::as_str);
    if matches!(before, "--token" | "--password" | "--gateway-token") && !argument.starts_with('-') {
        return true;
    }
    let assigned =
        argument.split_once('=').is_some_and(|(key, value)| names_a_secret(key) && is_literal(value));
    assigned || (argument.contains("token=") && argument.contains("://"))
}

/// Words that give a secret away wherever they stand in a name.
const PARTS: &[&str] = &[
    "token",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "apikey",
    "privatekey",
    "accesskey",
    "credential",
];
/// Last words that say the value is a place or a measure, not the secret itself.
const HARMLESS: &[&str] = &[
    "file", "path", "dir", "url", "ttl", "timeout", "length", "limit", "name", "env", "mode", "type", "count",
];

/// Whether a variable or option of this name holds a secret itself. A name that ends in `file` or `path` says where.
pub(crate) fn names_a_secret(name: &str) -> bool {
    let name = name.trim_start_matches('-').to_ascii_lowercase();
    let says_where =
        HARMLESS.iter().any(|end| name.ends_with(&format!("_{end}")) || name.ends_with(&format!("-{end}")));
    let joined = name.replace(['_', '-', '.'], "");
    !says_where && (PARTS.iter().any(|part| joined.contains(part)) || name.ends_with("_key"))
}

/// Neither empty nor a reference to something else.
pub(crate) fn is_literal(value: &str) -> bool {
    let value = value.trim().trim_matches('"').trim_matches('\'');
    !value.is_empty() && !value.starts_with('$') && !value.starts_with('%')
}

/// Whether a program is there, as the caller knows it; the core does not look.
pub type Exists<'a> = &'a dyn Fn(&str) -> bool;

/// Something seen in the definition of this name.
pub(crate) fn observed(name: &str, code: Code, evidence: impl Into<String>) -> Finding {
    Finding::of(code, vec![evidence.into()]).about(Subject::Definition(name.to_owned()))
}

/// The place of `needle` in a text; the whole line, because that is what one edits.
pub(crate) fn place(file: &str, text: &str, needle: &str) -> Option<Place> {
    let start = text.find(needle)?;
    let before = text.get(..start)?;
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    Some(Place {
        role: PlaceRole::Decided,
        file: file.to_owned(),
        line: u32::try_from(before.matches('\n').count() + 1).unwrap_or(u32::MAX),
        column: u32::try_from(text.get(line_start..start)?.chars().count() + 1).unwrap_or(u32::MAX),
        span: [start, start + needle.len()],
    })
}
