//! What an engine shows of a stack, kept as the files in which it is read again: see [`captured`](crate::captured).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::evidence::{self, CopyError, Left};
use crate::owners;
use crate::project::{Evidence, Project, ProjectFlags, Unreadable};

/// The evidence of one moment, by its path below the stack's directory. Holds secrets.
pub struct Capture {
    files: BTreeMap<PathBuf, String>,
    /// What was asked and not answered, a line each.
    pub missed: Vec<String>,
}

/// The names only.
impl std::fmt::Debug for Capture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.files.keys()).finish()
    }
}

impl Capture {
    /// Asks the engine about the project of a directory, and with `exec` OpenClaw's CLI for the devices.
    ///
    /// # Errors
    /// [`Unreadable`] if the Compose project itself cannot be read.
    pub fn of(stack: &Path, flags: ProjectFlags, exec: bool) -> Result<Self, Unreadable> {
        let project = Project::read(&flags.run_in(stack), Evidence::Asked { devices: exec })?;
        if let Some(refusal) = project.refusal() {
            return Err(refusal);
        }
        let Project { captured, asked, .. } = project;
        let asked = asked.unwrap_or_default();
        let mut files = BTreeMap::new();
        let mut keep = |name: String, text: String| files.insert(Path::new("captured").join(name), text);
        let mut ownership = match captured.ownership {
            Some(recorded) => recorded.text,
            None => owners::listing(stack, "."),
        };
        ownership.push_str(&asked.owners);
        keep("ownership.txt".to_owned(), ownership);
        for (name, text) in [("inspect.json", &asked.inspect), ("engine.json", &asked.engine)] {
            if let Some(text) = text {
                keep(name.to_owned(), text.expose().to_owned());
            }
        }
        for (folder, ending, texts) in [("logs", "log", &asked.logs), ("devices", "json", &asked.devices)] {
            for (service, text) in texts {
                keep(format!("{folder}/{service}.{ending}"), text.expose().to_owned());
            }
        }
        for (client, text) in captured.ladders {
            keep(format!("ladders/{client}.json"), text.text);
        }
        let missed = asked.findings.iter().map(|finding| finding.summary.clone()).collect();
        Ok(Self { files, missed })
    }

    /// Copies the stack with this evidence to `to`, masked as [`evidence::copy`] does, and says what the copy lacks.
    ///
    /// # Errors
    /// As [`evidence::copy`].
    pub fn copy(self, stack: &Path, to: &Path) -> Result<Vec<Left>, CopyError> {
        evidence::copy_with(stack, self.files, to)
    }

    /// Writes the evidence as it is into `captured/` of the stack: what is there is not written over, and no link is gone
    /// through. Returns the names.
    ///
    /// # Errors
    /// [`CopyError`] where something is in the way. Nothing is left of it then.
    pub fn keep(self, stack: &Path) -> Result<Vec<PathBuf>, CopyError> {
        evidence::write(stack, &evidence::with_manifest(self.files))
    }
}
