//! The runbook's own codes, for what only it can see, and which gate each code of every crate shuts.

use crate::finding::{Confidence, Finding, Severity, Subject};
use crate::gates::Gate;

/// What the runbook reports about its evidence. Everything else is a crate's finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// A captured file that cannot be read.
    EvidenceUnreadable,
    /// A change of files that an earlier run left half done.
    ChangeUnfinished,
    /// The log says that the state directory may not be used.
    StateRefused,
    /// The log says that the configuration is missing or broken.
    ConfigurationRefused,
    /// The log says that the listener was refused.
    ListenerRefused,
    /// The log says that the gateway refused its own credential.
    CredentialRefused,
    /// The log says that the disk with the state is full.
    DiskFull,
    /// The log says that another gateway has the state directory.
    StateLeased,
    /// No service of the stack runs the gateway.
    NoGateway,
}

/// Code, id, name, severity and one line, in order.
const CODES: &[(Code, &str, &str, Severity, &str)] = &[
    (
        Code::EvidenceUnreadable,
        "OC-R101",
        "evidence-unreadable",
        Severity::Warning,
        "A captured file is there and cannot be read.",
    ),
    (
        Code::ChangeUnfinished,
        "OC-R103",
        "change-unfinished",
        Severity::Error,
        "An earlier run was stopped while it changed files, and left the change half done.",
    ),
    (
        Code::StateRefused,
        "OC-R201",
        "gateway-log-eacces",
        Severity::Error,
        "The gateway's log says that it may not use its state directory.",
    ),
    (
        Code::ConfigurationRefused,
        "OC-R202",
        "gateway-log-configuration",
        Severity::Error,
        "The gateway's log says that its configuration is missing or broken.",
    ),
    (
        Code::ListenerRefused,
        "OC-R203",
        "gateway-log-listener",
        Severity::Error,
        "The gateway's log says that it could not listen.",
    ),
    (
        Code::CredentialRefused,
        "OC-R204",
        "gateway-log-credential",
        Severity::Error,
        "The gateway's log says that it refused its own credential.",
    ),
    (
        Code::DiskFull,
        "OC-R205",
        "gateway-log-disk-full",
        Severity::Error,
        "The gateway's log says that the disk with its state is full.",
    ),
    (
        Code::StateLeased,
        "OC-R206",
        "gateway-log-state-leased",
        Severity::Error,
        "The gateway's log says that its state directory is leased to another gateway.",
    ),
    (Code::NoGateway, "OC-R301", "no-gateway", Severity::Error, "No service of the stack runs the gateway."),
];

impl Code {
    /// Every code with its id, name, severity and meaning, for documents and tests.
    pub fn table() -> impl Iterator<Item = (Self, &'static str, &'static str, Severity, &'static str)> {
        CODES.iter().copied()
    }

    /// `OC-R…`.
    #[must_use]
    pub fn id(self) -> &'static str {
        CODES.iter().find(|row| row.0 == self).map_or("OC-R000", |row| row.1)
    }

    /// A finding of this code, observed, without places.
    #[must_use]
    pub fn finding(self, summary: impl Into<String>) -> Finding {
        let row = CODES.iter().find(|row| row.0 == self);
        let (id, name, severity) =
            row.map_or(("OC-R000", "unlisted", Severity::Error), |row| (row.1, row.2, row.3));
        Finding {
            code: id.to_owned(),
            name: name.to_owned(),
            severity,
            confidence: Confidence::Observed,
            summary: summary.into(),
            subject: Subject { kind: "stack".to_owned(), name: None },
            places: Vec::new(),
            evidence: Vec::new(),
            remedy: None,
            versions: None,
        }
    }
}

/// Which gate a code shuts when its finding is an error, by code or by the beginning of codes. The longest match wins;
/// [`None`] means that the code is an advisory whatever its severity.
const SHUTS: &[(&str, Option<Gate>)] = &[
    // Who wins is openclaw-compose's to say; a token's own flaws and its record stand beside the gates.
    ("OC-T", None),
    // The project: a stack that Compose refuses starts nothing.
    ("OC-C0", Some(Gate::State)),
    ("OC-C1", Some(Gate::State)),
    // What openclaw-compose knows about gates it says client by client; only what the containers show is added here.
    // An error only where it was seen to have killed the gateway.
    ("OC-C510", Some(Gate::Liveness)),
    ("OC-C604", Some(Gate::Liveness)),
    ("OC-C605", Some(Gate::Liveness)),
    ("OC-C606", Some(Gate::Liveness)),
    ("OC-C608", Some(Gate::Reach)),
    ("OC-P101", Some(Gate::Pairing)),
    ("OC-P102", Some(Gate::Pairing)),
    ("OC-P103", Some(Gate::Pairing)),
    ("OC-P104", Some(Gate::Pairing)),
    ("OC-P105", Some(Gate::Pairing)),
    ("OC-P106", Some(Gate::Pairing)),
    ("OC-P107", Some(Gate::Pairing)),
    ("OC-P108", Some(Gate::Pairing)),
    ("OC-P11", Some(Gate::Pairing)),
    ("OC-P120", Some(Gate::Pairing)),
    ("OC-P130", Some(Gate::Scopes)),
    ("OC-P131", Some(Gate::Scopes)),
    ("OC-P132", Some(Gate::Pairing)),
    ("OC-P133", Some(Gate::Pairing)),
    ("OC-P14", Some(Gate::Auth)),
    ("OC-P150", Some(Gate::Pairing)),
    ("OC-P17", Some(Gate::Origin)),
    ("OC-P172", Some(Gate::Auth)),
    ("OC-P173", Some(Gate::Upgrade)),
    ("OC-P174", Some(Gate::Startup)),
    ("OC-P175", Some(Gate::Reach)),
    ("OC-P176", Some(Gate::Auth)),
    // Probes: by the rung that failed, and refusals by what was refused.
    ("OC-H1", Some(Gate::Reach)),
    ("OC-H2", Some(Gate::Reach)),
    ("OC-H3", Some(Gate::Liveness)),
    ("OC-H40", Some(Gate::Startup)),
    ("OC-H402", Some(Gate::Readiness)),
    ("OC-H5", Some(Gate::Upgrade)),
    ("OC-H6", Some(Gate::Auth)),
    ("OC-H604", Some(Gate::Pairing)),
    ("OC-H607", Some(Gate::Origin)),
    ("OC-H612", Some(Gate::Scopes)),
    ("OC-H619", Some(Gate::Scopes)),
    ("OC-H71", Some(Gate::Reach)),
    ("OC-H710", Some(Gate::Listener)),
    ("OC-H711", Some(Gate::Published)),
    ("OC-H721", Some(Gate::Session)),
    // Supervisors stand beside the gates.
    ("OC-H8", None),
    // What the files hold now is judged as it is; that they may change again stands beside the gates.
    ("OC-R103", None),
    ("OC-R201", Some(Gate::State)),
    ("OC-R202", Some(Gate::State)),
    ("OC-R203", Some(Gate::Listener)),
    ("OC-R204", Some(Gate::Auth)),
    ("OC-R205", Some(Gate::State)),
    ("OC-R206", Some(Gate::State)),
    ("OC-R301", Some(Gate::Listener)),
];

/// The gate that a finding shuts: only errors shut one.
#[must_use]
pub fn shut_by(finding: &Finding) -> Option<Gate> {
    if finding.severity == Severity::Error { gate_of(&finding.code) } else { None }
}

/// The gate that a code is about, if it is about one.
#[must_use]
pub fn gate_of(code: &str) -> Option<Gate> {
    SHUTS.iter().filter(|(prefix, _)| code.starts_with(prefix)).max_by_key(|(prefix, _)| prefix.len())?.1
}

/// Whether the table holds no row twice and each row is reachable; for the test that reads every code.
#[must_use]
pub fn is_unambiguous() -> bool {
    let mut prefixes: Vec<_> = SHUTS.iter().map(|(prefix, _)| prefix).collect();
    prefixes.sort_unstable();
    prefixes.windows(2).all(|pair| pair[0] != pair[1])
}
