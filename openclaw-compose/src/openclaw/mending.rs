//! Which edits of a report go together, and what is left to a person.

use crate::edit::{Applicability, Batch, EditError};
use crate::finding::{Code, Finding, Severity};

use super::report::Report;

/// Which findings are to be mended: without more, errors and warnings whose edits a machine may make.
#[derive(Clone, Debug, Default)]
pub struct Mend {
    codes: Vec<Code>,
    judgement: bool,
}

impl Mend {
    /// Only findings of this code and of others that are given so; notes are mended only so.
    #[must_use]
    pub fn code(mut self, code: Code) -> Self {
        self.codes.push(code);
        self
    }

    /// Also by edits that a person should judge, such as downgrades and renames.
    #[must_use]
    pub fn judgement(mut self) -> Self {
        self.judgement = true;
        self
    }
}

/// The edits that go together, and what each finding that was to be mended comes to.
#[derive(Debug)]
#[non_exhaustive]
pub struct Mending<'r> {
    /// The edits; see [`Batch::apply`].
    pub edits: Batch<'r>,
    /// The findings that they mend.
    pub mended: Vec<&'r Finding>,
    /// The findings whose edits are not among them.
    pub left: Vec<(&'r Finding, LeftAlone)>,
    /// The errors that no edit mends.
    pub by_hand: Vec<&'r Finding>,
}

/// Why the edits of a finding are not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LeftAlone {
    /// Nobody said that edits which a person should judge are wanted.
    #[error("a person should judge its edits")]
    Judgement,
    /// A more serious finding wants the same bytes: the other waits for the next run.
    #[error(transparent)]
    Conflict(#[from] EditError),
}

impl Report {
    /// The edits of its findings that go together, the most serious ones first.
    ///
    /// ```
    /// use openclaw_compose::openclaw::{Mend, Stack, examine};
    /// use openclaw_compose::project::{self, Inputs, Texts};
    ///
    /// let files = Texts::new()
    ///     .file("/srv/compose.yaml", "
    /// services:
    ///   gateway:
    ///     image: openclaw:2026.9.6
    ///     command: [openclaw, gateway]
    ///     environment: { OPENCLAW_GATEWAY_TOKEN: test-token-1 }
    ///     ports: ['18789:18789']
    ///     volumes: ['./state:/home/node/.openclaw']
    /// ")
    ///     .file("/srv/state/openclaw.json", "{ gateway: { mode: 'local', bind: 'loopbakc' } }");
    /// let resolution = project::resolve(&Inputs::new("/srv"), &files);
    /// let report = examine(&Stack::new(&resolution).files(&files));
    ///
    /// let mending = report.mending(&Mend::default().judgement());
    /// let changes = mending.edits.apply();
    /// assert!(!mending.mended.is_empty() && !changes.is_empty());
    /// ```
    #[must_use]
    pub fn mending(&self, wanted: &Mend) -> Mending<'_> {
        let edits = Batch::new(&self.sources);
        let mut mending = Mending { edits, mended: Vec::new(), left: Vec::new(), by_hand: Vec::new() };
        let is_wanted = |finding: &&Finding| match wanted.codes.as_slice() {
            [] => finding.severity > Severity::Info,
            codes => codes.contains(&finding.code),
        };
        for finding in self.findings.iter().filter(is_wanted) {
            let edits = finding.remedy.as_ref().map_or(&[][..], |remedy| &remedy.edits);
            if edits.is_empty() {
                if finding.severity == Severity::Error {
                    mending.by_hand.push(finding);
                }
                continue;
            }
            if !wanted.judgement && edits.iter().any(|edit| edit.applicability == Applicability::Judgement) {
                mending.left.push((finding, LeftAlone::Judgement));
                continue;
            }
            match mending.edits.add(edits) {
                Ok(()) => mending.mended.push(finding),
                Err(error) => mending.left.push((finding, error.into())),
            }
        }
        mending
    }
}
