//! What an earlier run of `runbook fix` or `runbook freeze` left half done: the files may change again, and no longer say what they said.

use std::path::Path;

use openclaw_compose::source::Sources;

use super::case::Case;
use super::codes::Code as OwnCode;
use crate::finding::{Code, Finding, Place, Remedy, Safety};
use crate::recovery::HalfDone;

/// Where transactions are, below their root.
const TRANSACTIONS: &str = ".openclaw-token/transactions";

/// Enters each change that is half done, or that nobody can say whether one is.
pub(super) fn enter(case: &mut Case, directory: &Path, sources: &Sources) {
    let Ok(half_done) = HalfDone::find(directory, sources) else {
        // The error's own words name the machine's paths; they stay out of the ticket.
        let summary = "What stands among the transactions cannot be read or is not to be trusted: nobody can say \
                       whether an earlier run left something half done.";
        case.report(at(OwnCode::EvidenceUnreadable.finding(summary), TRANSACTIONS.to_owned()), &[]);
        return;
    };
    for (id, levels) in half_done.transactions() {
        let summary = format!(
            "Transaction {id} is unfinished: an earlier run was stopped, and some files may be new and some old."
        );
        let mut finding = OwnCode::ChangeUnfinished.finding(summary);
        finding.remedy = Some(Remedy {
            text: "bring it to its end before anything else is changed".to_owned(),
            command: None,
            edits: Vec::new(),
            safety: Safety::Safe,
        });
        let file = format!("{}{TRANSACTIONS}", "../".repeat(levels));
        case.report(at(finding, file), &[]);
    }
}

fn at(mut finding: Finding, file: String) -> Finding {
    finding.places.push(Place::whole(file));
    finding
}

/// The flags with which `runbook fix` brings such a change to its end.
pub(super) fn flags(finding: &Finding) -> Option<&'static str> {
    let is_outside = || finding.primary().is_some_and(|place| place.file.starts_with("../"));
    let is_one = finding.code == Code::Runbook(OwnCode::ChangeUnfinished);
    is_one.then(|| if is_outside() { "--recover --outside" } else { "--recover" })
}
